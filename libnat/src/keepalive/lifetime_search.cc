#include "natkit/nat/lifetime_search.h"

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/base/queue.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::nat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Stock Linux calls a mapping assured that is in use for over two seconds.
constexpr Duration kTalkPause = milliseconds(2500);
constexpr Duration kResend = milliseconds(500);
constexpr int kSends = 5;
// Servers answer RESPONSE-PORT about once in two seconds.
constexpr Duration kResendByPort = milliseconds(2500);
constexpr int kSendsByPort = 3;
constexpr Duration kPause = seconds(60);
constexpr int kMaxFailures = 4;
constexpr int kMaxRefusals = 2;
/// A gap between alive and dead that keepalives need not know better.
constexpr Duration kNarrow = seconds(5);
constexpr int kNarrowParts = 8;

}  // namespace

void LifetimeSearch::Start(Instant now) {
  last_now_ = now;
  Await(now, Step::kOpen);
  HandleTimeout(now);
}

void LifetimeSearch::Await(Instant at, Step step) {
  question_.reset();
  step_ = step;
  ask_at_ = at;
}

void LifetimeSearch::Ask(Instant now) {
  ask_at_.reset();
  question_ = Question{.id = stun::TransactionId::Generate(rng_)};
  Send(now);
}

void LifetimeSearch::Send(Instant now) {
  std::array<uint8_t, 64> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingRequest, question_->id);
  if (is_by_port()) {
    builder.Add<stun::attr::ResponsePort>(mapped_.port);
  }
  const auto message = builder.Finish();
  NATKIT_CHECK(message.has_value());
  transmits_.push_back(
      {.from = is_by_port() ? Socket::kAsking : Socket::kQuiet,
       .datagram = {server_, {message->begin(), message->end()}}});
  ++counters_.sent;
  ++question_->sends;
  question_->next = now + (is_by_port() ? kResendByPort : kResend);
}

bool LifetimeSearch::HandleDatagram(Instant now, Socket at,
                                    const Endpoint& from, ByteView datagram) {
  const auto message = stun::Message::Parse(datagram);
  if (!question_ || from != server_ || !message ||
      message->id() != question_->id || !message->type().is_response()) {
    return false;
  }
  last_now_ = std::max(last_now_, now);
  const auto mapped = message->GetXorMappedAddress();
  const bool is_success = message->type() == stun::kBindingSuccess && mapped;
  if (is_success && at == Socket::kQuiet) {
    HandleAnswer(now, *mapped);
  } else if (!is_by_port() || question_->sends >= kSendsByPort) {
    HandleMiss(now);
  }  // else it may be asked too often, by us or by a neighbour
  return true;
}

void LifetimeSearch::HandleAnswer(Instant now, const Endpoint& mapped) {
  switch (step_) {
    case Step::kOpen:
      mapped_ = mapped;
      Await(now, Step::kControl);
      break;
    case Step::kControl:
      is_supported_ = true;
      awaits_control_ = false;
      if (is_narrow()) {
        return End(State::kFound);
      }
      Await(now + kTalkPause, Step::kTalk);
      break;
    case Step::kTalk:
    case Step::kTalkMore:
      if (mapped != mapped_) {
        return Disturbed(now);  // it died within seconds, or is not one
      }
      if (step_ == Step::kTalk) {
        Await(now + kTalkPause, Step::kTalkMore);
      } else {
        ++counters_.silences;
        Await(now + silence_, Step::kProbe);
      }
      break;
    case Step::kProbe:
      alive_ = std::max(alive_, silence_);
      TrySilence(now);
      break;
  }
  HandleTimeout(now);
}

void LifetimeSearch::HandleMiss(Instant now) {
  if (step_ == Step::kProbe) {
    dead_before_ = std::exchange(dead_, silence_);
    awaits_control_ = true;
    TrySilence(now);
  } else if (!is_supported_ && failures_ + 1 >= kMaxRefusals) {
    End(State::kUnsupported);
  } else {
    Disturbed(now);
  }
}

/// Chooses the next silence and begins to talk, or ends.
void LifetimeSearch::TrySilence(Instant now) {
  if (!awaits_control_ && is_narrow()) {
    return End(State::kFound);
  }
  silence_ = dead_ ? (alive_ + *dead_) / 2 : kLongest;
  Await(now, Step::kOpen);
}

bool LifetimeSearch::is_narrow() const {
  return alive_ >= kLongest ||
         (dead_ && *dead_ - alive_ <=
                       std::max<Duration>(kNarrow, *dead_ / kNarrowParts));
}

/// What was not answered tells nothing of the mapping.
void LifetimeSearch::Disturbed(Instant now) {
  if (std::exchange(awaits_control_, false)) {
    dead_ = dead_before_;
    silence_ = dead_ ? (alive_ + *dead_) / 2 : kLongest;
  }
  if (++failures_ >= kMaxFailures) {
    return End(State::kFailed);
  }
  Await(now + kPause, Step::kOpen);
}

void LifetimeSearch::End(State state) {
  state_ = state;
  question_.reset();
  ask_at_.reset();
}

void LifetimeSearch::HandleTimeout(Instant now) {
  last_now_ = std::max(last_now_, now);
  if (ask_at_ && now >= *ask_at_) {
    Ask(now);
  } else if (question_ && now >= question_->next) {
    const int limit = is_by_port() ? kSendsByPort : kSends;
    if (question_->sends < limit) {
      Send(now);
    } else {
      HandleMiss(now);
      HandleTimeout(now);
    }
  }
}

std::optional<LifetimeSearch::Outgoing> LifetimeSearch::PollTransmit() {
  return TakeFront(transmits_);
}

std::optional<Instant> LifetimeSearch::NextTimeout() const {
  if (!transmits_.empty()) {
    return last_now_;
  }
  return question_ ? std::optional(question_->next) : ask_at_;
}

}  // namespace natkit::nat
