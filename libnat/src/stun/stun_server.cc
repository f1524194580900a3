#include "natkit/nat/stun_server.h"

#include <array>
#include <span>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/nat/stun_message_builder.h"
#include "stun/rfc3489.h"
#include "stun/stun_source_filter.h"

namespace natkit::stun {

namespace {

constexpr std::string_view kTailnode = "tailnode";
constexpr size_t kMaxSoftwareSize = 128;

bool IsFromTailnode(const Message& request) {
  return request.has_fingerprint() &&
         request.Get<attr::Software>() == kTailnode;
}

/// CHANGE-REQUEST without flags asks for nothing, so it counts as understood
/// (RFC 5780 section 7.2); with flags, a server of one address must
/// answer 420.
AttributeTypeList FindNotUnderstood(const Message& request) {
  static constexpr std::array kHarmless = {AttributeType::kChangeRequest};
  const bool is_harmless =
      request.Get<attr::ChangeRequest>() == attr::ChangeRequestValue{};
  return request.FindUnknownRequired(
      is_harmless ? std::span<const AttributeType>(kHarmless)
                  : std::span<const AttributeType>());
}

}  // namespace

StunServer::StunServer(ServerConfig config, Rng& rng)
    : config_(std::move(config)) {
  NATKIT_CHECK(config_.software.size() <= kMaxSoftwareSize);
  for (ShortTermCredentials& user : config_.credentials) {
    users_.insert_or_assign(std::move(user.username), std::move(user.key));
  }
  config_.credentials.clear();
  if (config_.rate_limit) {
    limiter_.emplace(*config_.rate_limit, rng);
  }
}

size_t StunServer::HandleDatagram(Instant now, const Endpoint& local,
                                  const Endpoint& from, ByteView datagram,
                                  MutableBytes out) {
  ++counters_.received;
  const Endpoint source{.address = from.address.Unmapped(), .port = from.port};
  if (!IsAnswerableSource(source, local)) {
    ++counters_.refused_source;
    return 0;
  }
  const auto request = Message::Parse(datagram);
  if (!request) {
    return HandleForeign(now, source, datagram, out);
  }
  if (request->type() != kBindingRequest) {
    ++counters_.not_a_request;
    return 0;
  }
  if (config_.requests == RequestPolicy::kTailnodeOnly &&
      !IsFromTailnode(*request)) {
    ++counters_.refused_form;
    return 0;
  }
  return IsAdmitted(now, source)
             ? Emit(Answer(*request, source, out), datagram.size())
             : 0;
}

void StunServer::HandleDatagrams(Instant now, const PacketBatch& requests,
                                 PacketBatch& responses) {
  for (size_t i = 0; i < requests.size(); ++i) {
    const PacketBatch::Meta& meta = requests.meta(i);
    const MutableBytes out = responses.Append(kMaxResponseSize, meta);
    const size_t size =
        HandleDatagram(now, meta.local, meta.remote, requests.bytes(i), out);
    if (size == 0) {
      responses.DropLast();
    } else {
      responses.TruncateLast(size);
    }
  }
}

bool StunServer::IsAdmitted(Instant now, const Endpoint& from) {
  if (limiter_ && !limiter_->Allow(now, from.address)) {
    ++counters_.rate_limited;
    return false;
  }
  return true;
}

size_t StunServer::HandleForeign(Instant now, const Endpoint& from,
                                 ByteView datagram, MutableBytes out) {
  if (!config_.answers_rfc3489 || !users_.empty() ||
      config_.requests != RequestPolicy::kAny || !from.address.is_v4() ||
      !IsPlainRfc3489Request(datagram)) {
    ++counters_.not_stun;
    return 0;
  }
  if (!IsAdmitted(now, from)) {
    return 0;
  }
  return Emit({.size = WriteRfc3489Response(datagram, from, out),
               .counter = &ServerCounters::answered_rfc3489},
              datagram.size());
}

StunServer::Reply StunServer::Answer(const Message& request,
                                     const Endpoint& from,
                                     MutableBytes out) const {
  const Authentication authentication = Authenticate(request);
  if (authentication.error) {
    MessageBuilder response(out, kBindingError, request.id());
    response.Add<attr::ErrorCode>({*authentication.error, ""});
    return {.size = Finish(request, authentication, response),
            .counter = &ServerCounters::unauthenticated};
  }
  const AttributeTypeList unknown = FindNotUnderstood(request);
  if (!unknown.is_empty()) {
    MessageBuilder response(out, kBindingError, request.id());
    response.Add<attr::ErrorCode>({ErrorCode::kUnknownAttribute, ""})
        .Add<attr::UnknownAttributes>(unknown);
    return {.size = Finish(request, authentication, response),
            .counter = &ServerCounters::unknown_attribute};
  }
  MessageBuilder response(out, kBindingSuccess, request.id());
  response.Add<attr::XorMappedAddress>(from);
  return {.size = Finish(request, authentication, response),
          .counter = &ServerCounters::answered};
}

StunServer::Authentication StunServer::Authenticate(
    const Message& request) const {
  if (users_.empty()) {
    return {};
  }
  // The order of RFC 8489 section 9.1.3.
  const bool has_sha256 = request.Has(AttributeType::kMessageIntegritySha256);
  const auto username = request.Get<attr::Username>();
  if (!username ||
      (!has_sha256 && !request.Has(AttributeType::kMessageIntegrity))) {
    return {.error = ErrorCode::kBadRequest};
  }
  const auto user = users_.find(*username);
  if (user == users_.end() ||
      !VerifyStrongestIntegrity(request, user->second)) {
    return {.error = ErrorCode::kUnauthenticated};
  }
  return {.key = &user->second, .uses_sha256 = has_sha256};
}

size_t StunServer::Finish(const Message& request,
                          const Authentication& authentication,
                          MessageBuilder& response) const {
  const bool is_bare = IsFromTailnode(request);
  if (!config_.software.empty() && !is_bare) {
    response.Add<attr::Software>(config_.software);
  }
  if (authentication.key != nullptr) {
    if (authentication.uses_sha256) {
      response.AddIntegritySha256(*authentication.key);
    } else {
      response.AddIntegrity(*authentication.key);
    }
  }
  if (request.has_fingerprint() && !is_bare) {
    response.AddFingerprint();
  }
  const auto message = response.Finish();
  return message ? message->size() : 0;
}

size_t StunServer::Emit(const Reply& reply, size_t request_size) {
  const bool amplifies = config_.amplification == AmplificationPolicy::kNone &&
                         reply.size > request_size;
  if (reply.size == 0 || amplifies) {
    ++counters_.too_long;
    return 0;
  }
  ++(counters_.*reply.counter);
  return reply.size;
}

}  // namespace natkit::stun
