#include <algorithm>
#include <array>

#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_server.h"
#include "natkit/nat/stun_vendor.h"
#include "stun/stun_server_forms.h"
#include "stun/stun_source_filter.h"

namespace natkit::stun {

namespace {

constexpr uint16_t kLeastResponsePort = 1024;
constexpr size_t kDigestAttributeSize = kAttributeHeaderSize + 32;

/// The value of PADDING; what it is does not matter (RFC 5780 section 7.6).
constexpr std::array<uint8_t, StunServer::kMaxResponseSize> kPaddingBytes{};

/// Errors: as ChangeRequest's decoder. Without the attribute: no flags, which
/// ask for the same (RFC 5780 section 7.2).
Result<attr::ChangeRequestValue> GetChange(const Message& request) {
  auto change = request.Get<attr::ChangeRequest>();
  if (!change && change.error().code == Errc::kNotFound) {
    return attr::ChangeRequestValue{};
  }
  return change;
}

}  // namespace

StunServer::Reply StunServer::Answer(const Exchange& exchange,
                                     const Message& request, MutableBytes out) {
  const Authentication authentication = Authenticate(exchange, request);
  if (authentication.error) {
    Reply reply = AnswerError(exchange, request, authentication,
                              *authentication.error, out);
    reply.counter = &ServerCounters::unauthenticated;
    return reply;
  }
  const AttributeTypeList unknown = FindNotUnderstood(exchange, request);
  if (!unknown.is_empty()) {
    MessageBuilder response(out, kBindingError, request.id());
    response.Add<attr::ErrorCode>({ErrorCode::kUnknownAttribute, ""})
        .Add<attr::UnknownAttributes>(unknown);
    return {.size = Finish(request, authentication, response),
            .counter = &ServerCounters::unknown_attribute};
  }
  if (IsSentElsewhere(exchange, request, authentication)) {
    MessageBuilder response(out, kBindingError, request.id());
    response.Add<attr::ErrorCode>({ErrorCode::kTryAlternate, ""})
        .Add<attr::AlternateServer>(*config_.alternate_server);
    return {.size = Finish(request, authentication, response),
            .counter = &ServerCounters::sent_elsewhere};
  }
  Reply reply{.counter = &ServerCounters::answered};
  if (const auto error = Plan(exchange, request, reply)) {
    return AnswerError(exchange, request, authentication, *error, out);
  }
  reply.size = WriteSuccess(exchange, request, authentication, reply, {}, out);
  const Extras extras = ChooseExtras(exchange, request, reply.size);
  if (extras.has_digest || extras.padding > 0) {
    reply.is_padded = extras.padding > 0;
    reply.size =
        WriteSuccess(exchange, request, authentication, reply, extras, out);
  }
  return reply;
}

StunServer::Reply StunServer::AnswerError(const Exchange& exchange,
                                          const Message& request,
                                          const Authentication& authentication,
                                          ErrorCode code,
                                          MutableBytes out) const {
  MessageBuilder response(out, kBindingError, request.id());
  response.Add<attr::ErrorCode>({code, ""});
  if (authentication.error) {
    authenticator_->AddChallenge(exchange.now, exchange.from, code, response);
  }
  return {.size = Finish(request, authentication, response),
          .counter = &ServerCounters::refused_discovery};
}

bool StunServer::IsSentElsewhere(const Exchange& exchange,
                                 const Message& request,
                                 const Authentication& authentication) const {
  return config_.alternate_server && authentication.key != nullptr &&
         config_.alternate_server->address.family() ==
             exchange.from.address.family() &&
         !request.Has(AttributeType::kChangeRequest) &&
         !request.Has(AttributeType::kResponsePort) &&
         !request.Has(AttributeType::kPadding);
}

AttributeTypeList StunServer::FindNotUnderstood(const Exchange& exchange,
                                                const Message& request) const {
  using List = nat::BoundedList<AttributeType, 3>;
  List understood;
  const auto change = GetChange(request);
  const bool is_harmless = change == attr::ChangeRequestValue{};
  if (is_harmless || exchange.endpoints != nullptr) {
    understood.Append(AttributeType::kChangeRequest);
  }
  if (config_.discovery) {
    understood.Append(AttributeType::kResponsePort);
    understood.Append(AttributeType::kPadding);
  }
  return request.FindUnknownRequired(understood.items());
}

std::optional<ErrorCode> StunServer::Plan(const Exchange& exchange,
                                          const Message& request,
                                          Reply& reply) {
  if (!config_.discovery) {
    return std::nullopt;
  }
  const auto change = GetChange(request);
  const bool has_port = request.Has(AttributeType::kResponsePort);
  const bool has_padding = request.Has(AttributeType::kPadding);
  const bool is_plain_stream =
      change == attr::ChangeRequestValue{} && !has_port && !has_padding;
  if (!change || (has_port && has_padding) ||
      (exchange.transport == Transport::kTcp && !is_plain_stream)) {
    return ErrorCode::kBadRequest;
  }
  reply.change = *change;
  if (!has_port) {
    if (exchange.transport == Transport::kUdp) {
      response_ports_->NotePlain(exchange.now, exchange.source);
    }
    return std::nullopt;
  }
  const auto port = request.Get<attr::ResponsePort>();
  if (!port) {
    return ErrorCode::kBadRequest;
  }
  const Endpoint target{.address = exchange.from.address, .port = *port};
  if (*port < kLeastResponsePort || IsOwn(target) ||
      !IsAnswerableSource(target, exchange.local) ||
      !response_ports_->Allow(exchange.now, exchange.source)) {
    return ErrorCode::kForbidden;
  }
  reply.response_port = *port;
  return std::nullopt;
}

/// `size` is that of the response without extras. None makes it longer than
/// the request, but for a PADDING that earlier requests have paid for.
StunServer::Extras StunServer::ChooseExtras(const Exchange& exchange,
                                            const Message& request,
                                            size_t size) const {
  if (!config_.discovery || size == 0) {
    return {};
  }
  const size_t request_size = exchange.request.size();
  const auto options =
      request.Get<attr::ProbeOptions>().value_or(attr::ProbeOptionsValue{});
  Extras extras;
  if (options.echo_digest && size + kDigestAttributeSize <= request_size) {
    extras.has_digest = true;
    size += kDigestAttributeSize;
  }
  size_t target = 0;
  if (request.Has(AttributeType::kPadding) && !options.do_not_pad_response) {
    target = request_size;
  } else if (options.pad_response_only &&
             exchange.transport == Transport::kUdp) {
    const bool is_paid =
        config_.amplification != AmplificationPolicy::kNone &&
        ledger_->CreditOf(exchange.source) >= options.response_size;
    target = is_paid ? options.response_size : 0;
  }
  target = std::min(target, kMaxResponseSize) / 4 * 4;
  if (target > size + kAttributeHeaderSize) {
    extras.padding = target - size - kAttributeHeaderSize;
  }
  return extras;
}

size_t StunServer::WriteSuccess(const Exchange& exchange,
                                const Message& request,
                                const Authentication& authentication,
                                const Reply& reply, const Extras& extras,
                                MutableBytes out) const {
  MessageBuilder response(out, kBindingSuccess, request.id());
  response.Add<attr::XorMappedAddress>(exchange.from);
  if (config_.discovery && !IsFromTailnode(request)) {
    response.Add<attr::MappedAddress>(exchange.from);
    if (const auto* four = exchange.endpoints) {
      const auto origin = exchange.slot.Changed(reply.change.change_ip,
                                                reply.change.change_port);
      response.Add<attr::ResponseOrigin>(four->Advertised(origin))
          .Add<attr::OtherAddress>(
              four->Advertised(exchange.slot.Changed(true, true)));
    } else if (!exchange.local.address.is_unspecified()) {
      response.Add<attr::ResponseOrigin>(exchange.local);
    }
  }
  if (extras.has_digest) {
    response.Add<attr::RequestDigest>(attr::DigestOf(exchange.request));
  }
  if (extras.padding > 0) {
    response.Add<attr::Padding>(ByteView(kPaddingBytes).first(extras.padding));
  }
  return Finish(request, authentication, response);
}

Authentication StunServer::Authenticate(const Exchange& exchange,
                                        const Message& request) const {
  return authenticator_ ? authenticator_->Authenticate(exchange.now,
                                                       exchange.from, request)
                        : Authentication{};
}

size_t StunServer::Finish(const Message& request,
                          const Authentication& authentication,
                          MessageBuilder& response) const {
  const bool is_bare = IsFromTailnode(request);
  if (!config_.software.empty() && !is_bare) {
    response.Add<attr::Software>(config_.software);
  }
  Authenticator::AddIntegrity(authentication, response);
  if (request.has_fingerprint() && !is_bare) {
    response.AddFingerprint();
  }
  const auto message = response.Finish();
  return message ? message->size() : 0;
}

}  // namespace natkit::stun
