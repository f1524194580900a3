#include "ice/gatherer.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "natkit/base/check.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_vendor.h"

namespace natkit::ice {
namespace {

std::vector<uint8_t> BuildPlainRequest(const stun::TransactionId& id,
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

void Gatherer::Start(const Endpoint& base) {
  for (const Endpoint& server : context_.config.stun_servers) {
    const Job job{.base = base, .server = server};
    if (server.address.family() == base.address.family() && !IsKnown(job)) {
      queue_.push_back(job);
    }
  }
}

void Gatherer::RemoveBase(const Endpoint& base) {
  std::erase_if(queue_, [&](const Job& job) { return job.base == base; });
  std::erase_if(active_, [&](const auto& entry) {
    return entry.second.job.base == base;
  });
}

bool Gatherer::SendNext(Instant now) {
  if (queue_.empty()) {
    return false;
  }
  const Job job = queue_.front();
  queue_.pop_front();
  const auto id = stun::TransactionId::Generate(context_.rng);
  const auto& schedule = context_.config.gather_schedule;
  const auto [entry, is_new] = active_.emplace(
      id, Active{.job = job,
                 .timer = RetransmitTimer(schedule, now, schedule.initial_rto),
                 .payload = BuildPlainRequest(id, job.server.address)});
  context_.Send(job.base, job.server, entry->second.payload);
  return true;
}

std::optional<Gatherer::Outcome> Gatherer::HandleResponse(
    const Endpoint& local_base, const Endpoint& from,
    const stun::Message& message) {
  const auto found = active_.find(message.id());
  const Job job = found->second.job;
  if (from != job.server || local_base != job.base) {
    ++context_.counters.dropped_asymmetric;
    return std::nullopt;
  }
  active_.erase(found);
  const auto mapped = message.GetXorMappedAddress();
  if (message.type() != stun::kBindingSuccess || !mapped) {
    return std::nullopt;
  }
  return Outcome{.job = job, .mapped = *mapped};
}

void Gatherer::HandleTimeout(Instant now) {
  for (auto entry = active_.begin(); entry != active_.end();) {
    Active& active = entry->second;
    switch (active.timer.Advance(now)) {
      case RetransmitTimer::Action::kNone:
        ++entry;
        break;
      case RetransmitTimer::Action::kSend:
        ++context_.counters.retransmits;
        context_.Send(active.job.base, active.job.server, active.payload);
        ++entry;
        break;
      case RetransmitTimer::Action::kGiveUp:
        entry = active_.erase(entry);
        break;
    }
  }
}

std::optional<Instant> Gatherer::NextTimeout() const {
  std::optional<Instant> next;
  for (const auto& [id, active] : active_) {
    next = std::min(next.value_or(Instant::max()), active.timer.deadline());
  }
  return next;
}

bool Gatherer::IsKnown(const Job& job) const {
  return std::ranges::find(queue_, job) != queue_.end() ||
         std::ranges::any_of(active_, [&](const auto& entry) {
           return entry.second.job == job;
         });
}

}  // namespace natkit::ice
