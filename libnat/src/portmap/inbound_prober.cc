#include "natkit/nat/inbound_prober.h"

#include <array>
#include <chrono>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_vendor.h"

namespace natkit::nat {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kInterval = minutes(10);
constexpr Duration kIntervalWhenBusy = seconds(30);

constexpr stun::RetransmitSchedule kAskSchedule = {
    .initial_timeout = milliseconds(500),
    .request_count = 3,
    .final_wait = seconds(2)};
/// Servers honour RESPONSE-PORT once in two seconds.
constexpr stun::RetransmitSchedule kProbeSchedule = {
    .initial_timeout = seconds(2),
    .max_interval = seconds(2),
    .request_count = 4,
    .final_wait = seconds(2)};

}  // namespace

std::string_view InboundReachName(InboundReach reach) {
  switch (reach) {
    case InboundReach::kUnknown:
      return "unknown";
    case InboundReach::kNotProbed:
      return "not-probed";
    case InboundReach::kArrived:
      return "arrived";
    case InboundReach::kNotArrived:
      return "not-arrived";
  }
  return "";
}

void InboundProber::SetServers(Instant now, std::vector<Endpoint> servers) {
  if (servers != servers_) {
    servers_ = std::move(servers);
    Refresh(now);
  }
}

void InboundProber::SetTarget(Instant now,
                              const std::optional<Target>& target) {
  if (target != target_) {
    target_ = target;
    reach_ = InboundReach::kUnknown;
    Refresh(now);
  }
}

void InboundProber::Refresh(Instant now) {
  transaction_.reset();
  again_at_.reset();
  next_server_ = 0;
  was_silent_ = false;
  is_busy_ = false;
  if (target_) {
    AskNext(now);
  }
}

void InboundProber::AskNext(Instant now) {
  while (next_server_ < servers_.size() && next_server_ < kMaxServers) {
    server_ = servers_[next_server_++];
    if (server_.address.family() == target_->base.address.family()) {
      Send(now, Stage::kAsk, server_);
      return;
    }
  }
  Conclude(now,
           was_silent_ ? InboundReach::kNotArrived : InboundReach::kNotProbed);
}

void InboundProber::Conclude(Instant now, InboundReach reach) {
  reach_ = reach;
  transaction_.reset();
  const bool is_passing = reach == InboundReach::kNotProbed && is_busy_;
  again_at_ = now + (is_passing ? kIntervalWhenBusy : kInterval);
}

void InboundProber::Send(Instant now, Stage stage, const Endpoint& to,
                         std::optional<uint16_t> response_port) {
  stage_ = stage;
  std::array<uint8_t, 256> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingRequest,
                               stun::TransactionId::Generate(rng_));
  if (response_port) {
    builder.Add<stun::attr::ChangeRequest>(
        {.change_ip = true, .change_port = true});
    builder.Add<stun::attr::ResponsePort>(*response_port);
  }
  stun::AddFiller(builder, to.address);
  const auto request = builder.Finish();
  NATKIT_CHECK(request.has_value());
  stun::TransactionConfig config;
  config.schedule = response_port ? kProbeSchedule : kAskSchedule;
  config.response_source = response_port ? stun::ResponseSource::kAny
                                         : stun::ResponseSource::kServerOnly;
  transaction_.emplace(to, std::vector(request->begin(), request->end()),
                       std::move(config));
  transaction_->Start(now);
}

bool InboundProber::HandleDatagram(Instant now, const Endpoint& local,
                                   const Endpoint& from, ByteView datagram) {
  if (!transaction_ || local != target_->base ||
      !transaction_->HandleDatagram(now, from, datagram)) {
    return false;
  }
  if (const auto end = transaction_->PollEvent()) {
    HandleEnd(now, *end);
  }
  return true;
}

void InboundProber::HandleTimeout(Instant now) {
  if (again_at_ && now >= *again_at_) {
    Refresh(now);
  }
  if (!transaction_) {
    return;
  }
  transaction_->HandleTimeout(now);
  if (const auto end = transaction_->PollEvent()) {
    HandleEnd(now, *end);
  }
}

/// The second address of a server that can probe for us.
std::optional<Endpoint> InboundProber::ReadOther(
    const stun::TransactionEvent& end) const {
  if (!ReadMappedPort(end)) {
    return std::nullopt;
  }
  const auto message = stun::Message::Parse(end.response);
  const auto other = message->Get<stun::attr::OtherAddress>();
  const bool is_other =
      other && other->address.family() == server_.address.family() &&
      other->address != server_.address && other->port != server_.port;
  return is_other ? std::optional(*other) : std::nullopt;
}

/// RESPONSE-PORT is a port of the address that the server sees, which must be
/// the mapping's.
std::optional<uint16_t> InboundProber::ReadMappedPort(
    const stun::TransactionEvent& end) const {
  if (end.outcome != stun::TransactionOutcome::kSuccess) {
    return std::nullopt;
  }
  const auto message = stun::Message::Parse(end.response);
  NATKIT_CHECK(message.has_value());
  const auto mapped = message->GetXorMappedAddress();
  return mapped && mapped->address == target_->external.address
             ? std::optional(mapped->port)
             : std::nullopt;
}

/// From its first address an answer only shows that the server ignores what it
/// was asked for.
bool InboundProber::IsFromElsewhere(const stun::TransactionEvent& end) const {
  return end.outcome == stun::TransactionOutcome::kSuccess &&
         end.from.address != server_.address;
}

void InboundProber::HandleEnd(Instant now, const stun::TransactionEvent& end) {
  if (stage_ == Stage::kProbe && IsFromElsewhere(end)) {
    Conclude(now, InboundReach::kArrived);
    return;
  }
  was_silent_ |= stage_ == Stage::kControl && IsFromElsewhere(end);
  is_busy_ |=
      stage_ == Stage::kProbe && end.error_code == stun::ErrorCode::kForbidden;
  if (!Continue(now, end)) {
    AskNext(now);
  }
}

bool InboundProber::Continue(Instant now, const stun::TransactionEvent& end) {
  switch (stage_) {
    case Stage::kAsk:
      if (const auto other = ReadOther(end)) {
        other_ = *other;
        Send(now, Stage::kProbe, server_, target_->external.port);
        return true;
      }
      return false;
    case Stage::kProbe:
      if (end.outcome == stun::TransactionOutcome::kTimedOut) {
        Send(now, Stage::kOpen, other_);
        return true;
      }
      return false;
    case Stage::kOpen:
      if (const auto port = ReadMappedPort(end)) {
        Send(now, Stage::kControl, server_, *port);
        return true;
      }
      return false;
    case Stage::kControl:
      break;
  }
  return false;
}

std::optional<Transmit> InboundProber::PollTransmit() {
  return transaction_ ? transaction_->PollTransmit() : std::nullopt;
}

std::optional<Instant> InboundProber::NextTimeout() const {
  return transaction_ ? transaction_->NextTimeout() : again_at_;
}

}  // namespace natkit::nat
