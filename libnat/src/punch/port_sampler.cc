#include "natkit/nat/port_sampler.h"

#include <algorithm>
#include <array>

#include "natkit/base/check.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_vendor.h"

namespace natkit::nat {
namespace {

constexpr Duration kSpacing = std::chrono::milliseconds(20);
constexpr Duration kRetransmit = std::chrono::milliseconds(400);
constexpr uint8_t kSends = 3;

std::vector<uint8_t> BuildRequest(const stun::TransactionId& id,
                                  const IpAddress& server) {
  std::array<uint8_t, 128> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingRequest, id);
  stun::AddFiller(builder, server);
  builder.AddFingerprint();
  const auto message = builder.Finish();
  NATKIT_CHECK(message.has_value());
  return {message->begin(), message->end()};
}

}  // namespace

bool PortSampler::Add(Instant now, const Endpoint& local,
                      const Endpoint& server) {
  if (questions_.size() >= kMaxPortSamples) {
    return false;
  }
  last_now_ = std::max(last_now_, now);
  questions_.push_back({.sample = {.sent_at = now,
                                   .local = local,
                                   .server = server,
                                   .mapped = {}},
                        .id = stun::TransactionId::Generate(rng_),
                        .next = now});
  return true;
}

bool PortSampler::HandleDatagram(Instant now, const Endpoint& local,
                                 const Endpoint& from, ByteView datagram) {
  const auto message = stun::Message::Parse(datagram);
  if (!message || message->type() != stun::kBindingSuccess) {
    return false;
  }
  const auto found = std::ranges::find_if(questions_, [&](const Question& one) {
    return one.sends > 0 && one.id == message->id() &&
           one.sample.local == local && one.sample.server == from;
  });
  if (found == questions_.end()) {
    return false;
  }
  last_now_ = std::max(last_now_, now);
  const auto mapped = message->Get<stun::attr::XorMappedAddress>();
  if (mapped && !found->is_over) {
    found->sample.mapped = *mapped;
    found->is_over = true;
  }
  return true;
}

void PortSampler::Send(Instant now, Question& question) {
  if (question.sends == 0) {
    question.sample.sent_at = now;  // this is when the mapping is made
  }
  ++question.sends;
  question.next = now + kRetransmit;
  next_send_ = now + kSpacing;
  out_.push_back(
      {.local = question.sample.local,
       .to = question.sample.server,
       .payload = BuildRequest(question.id, question.sample.server.address)});
}

void PortSampler::HandleTimeout(Instant now) {
  last_now_ = std::max(last_now_, now);
  for (Question& question : questions_) {
    if (question.is_over || question.next > now) {
      continue;
    }
    if (question.sends == kSends) {
      question.is_over = true;
    } else if (next_send_ <= now) {
      Send(now, question);
    }
  }
}

std::optional<SampleTransmit> PortSampler::PollTransmit() {
  if (out_.empty()) {
    return std::nullopt;
  }
  SampleTransmit front = std::move(out_.front());
  out_.erase(out_.begin());
  return front;
}

std::optional<Instant> PortSampler::NextTimeout() const {
  if (!out_.empty()) {
    return last_now_;
  }
  std::optional<Instant> next;
  for (const Question& question : questions_) {
    if (!question.is_over) {
      const Instant at = question.sends == kSends
                             ? question.next
                             : std::max(question.next, next_send_);
      next = std::min(next.value_or(Instant::max()), at);
    }
  }
  return next;
}

bool PortSampler::is_done() const {
  return std::ranges::all_of(questions_, &Question::is_over);
}

std::vector<PortSample> PortSampler::samples() const {
  std::vector<PortSample> out;
  for (const Question& question : questions_) {
    if (question.sends > 0) {
      out.push_back(question.sample);
    }
  }
  std::ranges::sort(out, {}, &PortSample::sent_at);
  return out;
}

}  // namespace natkit::nat
