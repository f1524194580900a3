#include "dns/forwarder.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/base/queue.h"
#include "natkit/mesh/dns/dns_stream.h"

namespace natkit::dns {
namespace {

/// Common clients wait 5 s for an answer.
constexpr Duration kBudget = std::chrono::milliseconds(4500);
constexpr Duration kStreamWait = std::chrono::seconds(2);
constexpr int kMinTries = 3;
constexpr int kMaxTries = 6;
constexpr size_t kMaxOpen = 2;
/// So many wrong responses are somebody who guesses: TCP ends it (RFC 5452
/// section 9.3 leaves the number open).
constexpr int kMaxBadResponses = 10;

bool IsSameClient(const ClientQuery& a, const ClientQuery& b) {
  return a.from == b.from && a.stream == b.stream &&
         a.message.header.id == b.message.header.id;
}

/// NXDOMAIN is an answer; the others are a resolver's trouble, and another one
/// may know better.
bool IsFinal(Rcode rcode) {
  return rcode == Rcode::kNoError || rcode == Rcode::kNxDomain;
}

}  // namespace

std::strong_ordering Forwarder::Key::operator<=>(const Key& other) const {
  const auto rest = [](const Key& key) {
    return std::tuple(key.question.type, key.question.question_class,
                      key.has_edns, key.dnssec_ok, key.checking_disabled);
  };
  const auto names = question.name <=> other.question.name;
  return names != 0 ? names : rest(*this) <=> rest(other);
}

void Forwarder::Ask(Instant now, ClientQuery query) {
  const auto& edns = query.message.edns;
  const Key key{.question = query.message.question,
                .has_edns = edns.has_value(),
                .dnssec_ok = edns && edns->dnssec_ok,
                .checking_disabled = query.message.header.checking_disabled};
  const auto known = pending_.find(key);
  if (known != pending_.end()) {
    const auto same = [&query](const ClientQuery& other) {
      return IsSameClient(query, other);
    };
    if (std::ranges::any_of(known->second.waiting, same)) {
      return;  // the client repeats itself
    }
  }
  if (!Admit(query)) {
    return;
  }
  if (known != pending_.end()) {
    ++counters_.coalesced;
    Join(known->second, std::move(query));
    return;
  }
  auto upstreams = upstreams_.Choose(key.question.name, now);
  if (upstreams.empty()) {
    ++counters_.refused;
    Reply(query, Rcode::kRefused);
    return;
  }
  ++counters_.forwarded;
  const auto pending = pending_.emplace(key, Pending{}).first;
  pending->second.max_tries =
      std::clamp(static_cast<int>(upstreams.size()), kMinTries, kMaxTries);
  pending->second.upstreams = std::move(upstreams);
  pending->second.give_up = now + kBudget;
  Join(pending->second, std::move(query));
  TryNext(now, pending);
}

bool Forwarder::Admit(const ClientQuery& query) {
  const auto waiting = waiting_per_client_.find(query.from.address);
  if (waiting != waiting_per_client_.end() &&
      waiting->second >= DnsServer::kMaxWaitingPerClient) {
    ++counters_.refused;
    Reply(query, Rcode::kRefused);
    return false;
  }
  if (waiting_ >= DnsServer::kMaxWaiting ||
      pending_.size() >= DnsServer::kMaxQuestions) {
    ++counters_.failed;
    Reply(query, Rcode::kServFail);
    return false;
  }
  return true;
}

void Forwarder::Join(Pending& pending, ClientQuery query) {
  ++waiting_;
  ++waiting_per_client_[query.from.address];
  pending.waiting.push_back(std::move(query));
}

void Forwarder::Reply(const ClientQuery& query, Rcode rcode) {
  Send(AddressTo(query, BuildTruncatedIfLarger(MakeResponse(query, rcode),
                                               query.limit())));
}

void Forwarder::TryNext(Instant now, Pendings::iterator pending) {
  Pending& self = pending->second;
  if (self.upstreams.empty() || self.tries >= self.max_tries ||
      now >= self.give_up) {
    Fail(pending);
    return;
  }
  ++self.tries;
  self.try_until = std::min(now + kBudget / self.max_tries, self.give_up);
  const Endpoint upstream = self.upstreams[self.next % self.upstreams.size()];
  ++self.next;
  Open(pending, {.upstream = upstream, .has_edns = pending->first.has_edns});
}

void Forwarder::Open(Pendings::iterator pending, Attempt attempt) {
  Pending& self = pending->second;
  while (self.attempts.size() >= kMaxOpen) {
    Close(self, 0);
  }
  attempt.exchange = ExchangeId{++last_exchange_};
  attempt.id = static_cast<uint16_t>(rng_.NextU32());
  Message message;
  message.header = {.id = attempt.id,
                    .recursion_desired = true,
                    .checking_disabled = pending->first.checking_disabled};
  message.question = pending->first.question;
  if (attempt.has_edns) {
    message.edns = Edns{.udp_size = DnsServer::kMaxUdpSize,
                        .dnssec_ok = pending->first.dnssec_ok};
  }
  auto bytes = BuildMessage(message, kMinUdpSize);
  NATKIT_CHECK(bytes.has_value());  // at most 12 + 259 + 11 bytes
  if (attempt.is_stream) {
    Send(UpstreamStreamBytes{.exchange = attempt.exchange,
                             .to = attempt.upstream,
                             .bytes = FrameForStream(*bytes)});
  } else {
    Send(UpstreamDatagram{.exchange = attempt.exchange,
                          .to = attempt.upstream,
                          .payload = *std::move(bytes)});
  }
  exchanges_.emplace(attempt.exchange, pending);
  self.attempts.push_back(attempt);
}

void Forwarder::Close(Pending& pending, size_t index) {
  const ExchangeId exchange = pending.attempts[index].exchange;
  exchanges_.erase(exchange);
  events_.emplace_back(ExchangeEnded{exchange});
  pending.attempts.erase(pending.attempts.begin() +
                         static_cast<std::ptrdiff_t>(index));
}

void Forwarder::HandleResponse(Instant now, ExchangeId exchange,
                               const std::optional<Endpoint>& from,
                               ByteView bytes) {
  const auto found = exchanges_.find(exchange);
  if (found == exchanges_.end()) {
    ++counters_.bad_responses;
    return;
  }
  const auto pending = found->second;
  const auto attempt =
      std::ranges::find(pending->second.attempts, exchange, &Attempt::exchange);
  const auto index =
      static_cast<size_t>(attempt - pending->second.attempts.begin());
  const bool is_from_elsewhere = from && *from != attempt->upstream;
  if (is_from_elsewhere || from.has_value() == attempt->is_stream) {
    NoteBad(now, pending, index);
    return;
  }
  Judge(now, pending, index, bytes);
}

/// By the header alone: what an old or hurried server answers may not parse.
void Forwarder::Judge(Instant now, Pendings::iterator pending, size_t index,
                      ByteView bytes) {
  const Attempt& attempt = pending->second.attempts[index];
  const auto header = ParseHeader(bytes);
  if (!header || !header->is_response || header->id != attempt.id) {
    NoteBad(now, pending, index);
    return;
  }
  if (header->is_truncated && !attempt.is_stream) {
    UseStream(now, pending, index);
    return;
  }
  const auto rcode = static_cast<Rcode>(header->rcode);
  const bool knows_no_edns =
      rcode == Rcode::kFormErr || rcode == Rcode::kNotImp;
  if (knows_no_edns && attempt.has_edns) {  // RFC 6891 section 6.2.2
    Attempt plain = attempt;
    plain.has_edns = false;
    plain.bad_responses = 0;
    Close(pending->second, index);
    Open(pending, plain);
    return;
  }
  JudgeMessage(now, pending, index, bytes);
}

void Forwarder::JudgeMessage(Instant now, Pendings::iterator pending,
                             size_t index, ByteView bytes) {
  MessageLayout layout;
  const auto message = ParseMessage(bytes, &layout);
  if (!message || message->header.opcode != kOpcodeQuery ||
      message->question != pending->first.question) {
    NoteBad(now, pending, index);
    return;
  }
  const Endpoint upstream = pending->second.attempts[index].upstream;
  if (upstreams_.NoteSuccess(upstream)) {
    events_.emplace_back(
        ResolverChanged{.resolver = upstream, .is_answering = true});
  }
  if (!IsFinal(message->rcode()) || message->header.is_truncated) {
    pending->second.rcode =
        IsFinal(message->rcode()) ? Rcode::kServFail : message->rcode();
    GiveUpOn(now, pending, index);
    return;
  }
  Deliver(pending, bytes, *message, layout);
}

void Forwarder::UseStream(Instant now, Pendings::iterator pending,
                          size_t index) {
  Attempt attempt = pending->second.attempts[index];
  attempt.is_stream = true;
  attempt.bad_responses = 0;
  Close(pending->second, index);
  pending->second.try_until = now + kStreamWait;
  pending->second.give_up =
      std::max(pending->second.give_up, now + kStreamWait);
  Open(pending, attempt);
}

/// One wrong datagram may be anybody's; on a connection it is the resolver's
/// own.
void Forwarder::NoteBad(Instant now, Pendings::iterator pending, size_t index) {
  ++counters_.bad_responses;
  Attempt& attempt = pending->second.attempts[index];
  if (attempt.is_stream) {
    GiveUpOn(now, pending, index);
  } else if (++attempt.bad_responses >= kMaxBadResponses) {
    UseStream(now, pending, index);
  }
}

void Forwarder::HandleFailure(Instant now, ExchangeId exchange) {
  const auto found = exchanges_.find(exchange);
  if (found == exchanges_.end()) {
    return;
  }
  const auto pending = found->second;
  const auto attempt =
      std::ranges::find(pending->second.attempts, exchange, &Attempt::exchange);
  if (upstreams_.NoteFailure(attempt->upstream, now)) {
    events_.emplace_back(
        ResolverChanged{.resolver = attempt->upstream, .is_answering = false});
  }
  GiveUpOn(now, pending,
           static_cast<size_t>(attempt - pending->second.attempts.begin()));
}

/// Waits on for another that is open, else tries the next.
void Forwarder::GiveUpOn(Instant now, Pendings::iterator pending,
                         size_t index) {
  Pending& self = pending->second;
  const bool is_latest = index + 1 == self.attempts.size();
  std::erase(self.upstreams, self.attempts[index].upstream);
  Close(self, index);
  if (is_latest) {
    self.next = 0;
    TryNext(now, pending);
  }
}

void Forwarder::HandleTimeout(Instant now) {
  for (auto at = pending_.begin(); at != pending_.end();) {
    const auto pending = at++;  // it may end
    if (now >= pending->second.try_until) {
      NoteTimedOut(now, pending->second);
      TryNext(now, pending);
    }
  }
}

void Forwarder::NoteTimedOut(Instant now, Pending& pending) {
  const Endpoint upstream = pending.attempts.back().upstream;
  if (upstreams_.NoteFailure(upstream, now)) {
    events_.emplace_back(
        ResolverChanged{.resolver = upstream, .is_answering = false});
  }
}

void Forwarder::Deliver(Pendings::iterator pending, ByteView bytes,
                        const Message& message, const MessageLayout& layout) {
  for (const ClientQuery& query : pending->second.waiting) {
    auto response = RelayResponse(query, bytes, message, layout);
    if (!response) {
      ++counters_.failed;
      Reply(query, Rcode::kServFail);
      continue;
    }
    counters_.truncated += IsTruncated(*response) ? 1 : 0;
    Send(AddressTo(query, *std::move(response)));
  }
  Finish(pending);
}

void Forwarder::Fail(Pendings::iterator pending) {
  for (const ClientQuery& query : pending->second.waiting) {
    ++counters_.failed;
    Reply(query, pending->second.rcode);
  }
  Finish(pending);
}

void Forwarder::Finish(Pendings::iterator pending) {
  for (const ClientQuery& query : pending->second.waiting) {
    Release(query);
  }
  while (!pending->second.attempts.empty()) {
    Close(pending->second, 0);
  }
  pending_.erase(pending);
}

void Forwarder::Release(const ClientQuery& query) {
  --waiting_;
  const auto client = waiting_per_client_.find(query.from.address);
  if (--client->second == 0) {
    waiting_per_client_.erase(client);
  }
}

void Forwarder::ForgetStream(StreamId stream) {
  for (auto at = pending_.begin(); at != pending_.end();) {
    const auto pending = at++;
    auto& waiting = pending->second.waiting;
    std::erase_if(waiting, [this, stream](const ClientQuery& query) {
      const bool is_gone = query.stream == stream;
      if (is_gone) {
        Release(query);
      }
      return is_gone;
    });
    if (waiting.empty()) {
      Finish(pending);
    }
  }
}

std::optional<DnsTransmit> Forwarder::PollTransmit() {
  return TakeFront(transmits_);
}

std::optional<DnsEvent> Forwarder::PollEvent() {
  return TakeFront(events_);
}

std::optional<Instant> Forwarder::NextTimeout() const {
  std::optional<Instant> next;
  for (const auto& [key, pending] : pending_) {
    next = std::min(next.value_or(pending.try_until), pending.try_until);
  }
  return next;
}

}  // namespace natkit::dns
