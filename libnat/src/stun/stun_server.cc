#include "natkit/nat/stun_server.h"

#include <algorithm>
#include <utility>

#include "natkit/base/check.h"
#include "stun/stun_server_forms.h"
#include "stun/stun_source_filter.h"

namespace natkit::stun {

namespace {

constexpr size_t kMaxSoftwareSize = 128;

Endpoint Unmapped(const Endpoint& endpoint) {
  return {.address = endpoint.address.Unmapped(), .port = endpoint.port};
}

}  // namespace

ServerCounters& ServerCounters::operator+=(const ServerCounters& other) {
  for (const auto counter :
       {&ServerCounters::received, &ServerCounters::answered,
        &ServerCounters::answered_rfc3489, &ServerCounters::unknown_attribute,
        &ServerCounters::unauthenticated, &ServerCounters::sent_elsewhere,
        &ServerCounters::refused_discovery, &ServerCounters::not_stun,
        &ServerCounters::refused_rfc3489, &ServerCounters::not_a_request,
        &ServerCounters::refused_form, &ServerCounters::refused_source,
        &ServerCounters::rate_limited, &ServerCounters::too_long,
        &ServerCounters::changed, &ServerCounters::redirected,
        &ServerCounters::padded, &ServerCounters::received_bytes,
        &ServerCounters::sent_bytes}) {
    this->*counter += other.*counter;
  }
  return *this;
}

StunServer::StunServer(ServerConfig config, Rng& rng)
    : config_(std::move(config)), hash_(rng) {
  NATKIT_CHECK(config_.software.size() <= kMaxSoftwareSize);
  NATKIT_CHECK(config_.credentials.empty() || !config_.long_term);
  if (!config_.credentials.empty()) {
    authenticator_ = Authenticator::ShortTerm(std::move(config_.credentials));
  } else if (config_.long_term) {
    authenticator_ =
        Authenticator::LongTerm(*std::move(config_.long_term), rng);
  }
  config_.credentials.clear();
  config_.long_term.reset();
  has_plain_answers_ = !authenticator_ && config_.software.empty() &&
                       !config_.discovery &&
                       config_.requests == RequestPolicy::kAny;
  if (config_.rate_limit) {
    limiter_.emplace(*config_.rate_limit, rng);
  }
  if (config_.discovery) {
    NATKIT_CHECK(std::ranges::all_of(config_.discovery->endpoints,
                                     &DiscoveryEndpoints::is_valid));
    response_ports_.emplace(config_.discovery->response_port);
  }
  if (config_.discovery ||
      config_.amplification == AmplificationPolicy::kBalanced) {
    ledger_.emplace(config_.ledger_buckets);
  }
}

ServerReply StunServer::HandleDatagram(Instant now, const Endpoint& local,
                                       const Endpoint& from, ByteView datagram,
                                       MutableBytes out) {
  Exchange exchange = Begin(now, local, from, datagram);
  if (!IsAnswerableSource(exchange.from, exchange.local) ||
      IsOwn(exchange.from)) {
    ++counters_.refused_source;
    return {};
  }
  Reply reply = HandleRequest(exchange, out);
  if (reply.counter != nullptr && IsUnpaidChange(exchange, reply)) {
    reply = AnswerUnpaidChange(exchange, out);
  }
  if (reply.counter == nullptr || !Settle(exchange, reply)) {
    return {};
  }
  Count(reply);
  ServerReply result{.size = reply.size, .from = local, .to = from};
  result.to.port = reply.response_port.value_or(from.port);
  if (reply.change != attr::ChangeRequestValue{}) {
    result.from = exchange.endpoints->Local(exchange.slot.Changed(
        reply.change.change_ip, reply.change.change_port));
  }
  return result;
}

void StunServer::HandleDatagrams(Instant now, const PacketBatch& requests,
                                 PacketBatch& responses) {
  for (size_t i = 0; i < requests.size(); ++i) {
    const PacketBatch::Meta& meta = requests.meta(i);
    const MutableBytes out = responses.Append(kMaxResponseSize, meta);
    const ServerReply reply =
        HandleDatagram(now, meta.local, meta.remote, requests.bytes(i), out);
    if (reply.size == 0) {
      responses.DropLast();
    } else {
      responses.TruncateLast(reply.size);
      PacketBatch::Meta& way = responses.mutable_meta(responses.size() - 1);
      way.remote = reply.to;
      way.local = reply.from;
    }
  }
}

size_t StunServer::HandleStreamMessage(Instant now, const Endpoint& local,
                                       const Endpoint& from, ByteView message,
                                       MutableBytes out) {
  Exchange exchange = Begin(now, local, from, message);
  exchange.transport = Transport::kTcp;
  const Reply reply = HandleRequest(exchange, out);
  if (reply.counter == nullptr) {
    return 0;
  }
  if (reply.size == 0) {
    ++counters_.too_long;
    return 0;
  }
  Count(reply);
  return reply.size;
}

StunServer::Exchange StunServer::Begin(Instant now, const Endpoint& local,
                                       const Endpoint& from, ByteView request) {
  ++counters_.received;
  counters_.received_bytes += request.size();
  Exchange exchange{.now = now,
                    .local = Unmapped(local),
                    .from = Unmapped(from),
                    .request = request};
  if (config_.discovery) {
    for (const DiscoveryEndpoints& four : config_.discovery->endpoints) {
      if (const auto slot = four.Find(exchange.local)) {
        exchange.endpoints = &four;
        exchange.slot = *slot;
      }
    }
  }
  return exchange;
}

bool StunServer::IsOwn(const Endpoint& endpoint) const {
  return config_.discovery &&
         std::ranges::any_of(config_.discovery->endpoints,
                             [&](const DiscoveryEndpoints& four) {
                               return four.Find(endpoint).has_value();
                             });
}

/// Takes a token and opens the source's account; the last check before an
/// answer is made.
bool StunServer::IsAdmitted(Exchange& exchange) {
  if (!limiter_ && !ledger_) {
    return true;
  }
  exchange.source = hash_(exchange.from.address);
  if (limiter_ && !limiter_->Allow(exchange.now, exchange.source)) {
    ++counters_.rate_limited;
    return false;
  }
  if (ledger_ && exchange.transport == Transport::kUdp) {
    ledger_->Receive(exchange.now, exchange.source, exchange.request.size());
  }
  return true;
}

StunServer::Reply StunServer::HandleRequest(Exchange& exchange,
                                            MutableBytes out) {
  if (IsPlain(exchange.request)) {
    return IsAdmitted(exchange) ? AnswerPlain(exchange, out) : Reply{};
  }
  const auto request = Message::Parse(exchange.request);
  if (!request) {
    return HandleForeign(exchange, out);
  }
  if (request->type() != kBindingRequest) {
    ++counters_.not_a_request;
    return {};
  }
  if (!IsTailnodeEnough(*request)) {
    ++counters_.refused_form;
    return {};
  }
  return IsAdmitted(exchange) ? Answer(exchange, *request, out) : Reply{};
}

bool StunServer::IsTailnodeEnough(const Message& request) const {
  return config_.requests == RequestPolicy::kAny || IsFromTailnode(request);
}

/// Silence from elsewhere would look like a filter of the client's NAT.
bool StunServer::IsUnpaidChange(const Exchange& exchange,
                                const Reply& reply) const {
  if (reply.change == attr::ChangeRequestValue{} ||
      !Message::Parse(exchange.request)) {
    return false;
  }
  switch (config_.amplification) {
    case AmplificationPolicy::kMinimal:
      return false;
    case AmplificationPolicy::kBalanced:
      return !ledger_->CanPay(exchange.source, reply.size);
    case AmplificationPolicy::kNone:
      return reply.size > exchange.request.size();
  }
  return false;
}

/// As long as the shortest request with CHANGE-REQUEST.
StunServer::Reply StunServer::AnswerUnpaidChange(const Exchange& exchange,
                                                 MutableBytes out) {
  const auto request = Message::Parse(exchange.request);
  MessageBuilder response(out, kBindingError, request->id());
  response.Add<attr::ErrorCode>({ErrorCode::kInsufficientCapacity, ""});
  return {.size = response.Finish().value_or(ByteView()).size(),
          .counter = &ServerCounters::refused_discovery};
}

bool StunServer::Settle(const Exchange& exchange, const Reply& reply) {
  bool is_allowed = reply.size > 0;
  switch (config_.amplification) {
    case AmplificationPolicy::kMinimal:
      break;
    case AmplificationPolicy::kBalanced:
      is_allowed = is_allowed && ledger_->Pay(exchange.source, reply.size);
      break;
    case AmplificationPolicy::kNone:
      is_allowed = is_allowed && reply.size <= exchange.request.size();
      break;
  }
  if (!is_allowed) {
    ++counters_.too_long;
    return false;
  }
  if (ledger_ && config_.amplification != AmplificationPolicy::kBalanced) {
    ledger_->Charge(exchange.source, reply.size);
  }
  return true;
}

void StunServer::Count(const Reply& reply) {
  ++(counters_.*reply.counter);
  counters_.changed += reply.change != attr::ChangeRequestValue{} ? 1 : 0;
  counters_.redirected += reply.response_port ? 1 : 0;
  counters_.padded += reply.is_padded ? 1 : 0;
  counters_.sent_bytes += reply.size;
}

}  // namespace natkit::stun
