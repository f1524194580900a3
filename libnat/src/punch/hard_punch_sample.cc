#include <algorithm>

#include "punch/hard_punch_core.h"

namespace natkit::nat {

void HardPunch::Core::Start(Instant now) {
  if (state != HardPunchState::kIdle) {
    return;
  }
  last_now_ = std::max(last_now_, now);
  if (!config_.is_allowed || !auth_) {
    Fail(PunchFailure::kNotAllowed);
    return;
  }
  is_initiator_ = true;
  attempt_ = rng_.NextU64();
  BeginSampling(now);
}

void HardPunch::Core::BeginSampling(Instant now) {
  state = HardPunchState::kSampling;
  SampleFrom(now, config_.main);
  ContinueSampling(now);
}

void HardPunch::Core::SampleFrom(Instant now, const Endpoint& local) {
  for (const Endpoint& server : config_.stun_servers) {
    if (server.address.family() != local.address.family()) {
      continue;
    }
    if (!sampler_.Add(now, local, server)) {
      return;
    }
  }
}

uint32_t HardPunch::Core::SamplesWanted() const {
  // Each address of a pool has a block of its own to be found.
  const size_t areas = forecast ? forecast->areas.size() : 0;
  const auto per_area = static_cast<uint32_t>(areas > 1 ? 16 * areas : 0);
  return std::min<uint32_t>(std::max(config_.samples, per_area),
                            kMaxPortSamples);
}

void HardPunch::Core::ContinueSampling(Instant now) {
  if (pacer_.MaySend(now)) {
    sampler_.HandleTimeout(now);
    while (auto sample = sampler_.PollTransmit()) {
      pacer_.Spend(now);
      ++counters.samples;
      Queue({.from = sample->local,
             .to = sample->to,
             .payload = std::move(sample->payload),
             .ttl = {}});
    }
  }
  if (pacer_.is_exhausted()) {
    Fail(PunchFailure::kBudgetTooSmall);
    return;
  }
  if (!sampler_.is_done() || awaited_sockets_ > 0) {
    return;
  }
  const std::vector<PortSample> samples = sampler_.samples();
  forecast = ForecastPorts(samples);
  // An endpoint-independent mapping is known at once; what allocates needs more
  // samples than there are servers, hence more sockets.
  const auto seen = static_cast<uint32_t>(samples.size());
  const bool is_easy = forecast && forecast->is_constant;
  const uint32_t wanted = SamplesWanted();
  if (!is_easy && wants_more_samples_ && seen > 0 && seen < wanted) {
    wants_more_samples_ = false;
    const uint32_t more =
        std::min((wanted - seen + seen - 1) / seen, config_.budget.max_sockets);
    if (more > 0) {
      awaited_sockets_ = more;
      Raise(OpenSocketsEvent{.count = more});
      return;
    }
  }
  FinishSampling(now);
}

namespace {

/// The mapping of the main socket, if it answered.
const PortSample* LastAnswer(const std::vector<PortSample>& samples,
                             const Endpoint& local) {
  const auto found =
      std::find_if(samples.rbegin(), samples.rend(), [&](const auto& sample) {
        return sample.local == local && sample.mapped;
      });
  return found == samples.rend() ? nullptr : &*found;
}

/// Ports of one server show an address-dependent mapping as one endpoint.
Dependence MappingOf(const std::vector<PortSample>& samples) {
  bool has_pair = false;
  for (const PortSample& one : samples) {
    for (const PortSample& other : samples) {
      const bool is_pair = &one < &other && one.mapped && other.mapped &&
                           one.local == other.local &&
                           one.server.address == other.server.address;
      if (is_pair && one.mapped != other.mapped) {
        return Dependence::kAddressAndPortDependent;
      }
      has_pair = has_pair || is_pair;
    }
  }
  return has_pair ? Dependence::kAddressDependent
                  : Dependence::kAddressAndPortDependent;
}

}  // namespace

void HardPunch::Core::FinishSampling(Instant now) {
  const std::vector<PortSample> samples = sampler_.samples();
  const PortSample* main = LastAnswer(samples, config_.main);
  if (!forecast || main == nullptr) {
    if (!is_initiator_) {
      Refuse(attempt_, PunchFailure::kNoSamples);
    }
    Fail(PunchFailure::kNoSamples);
    return;
  }
  sampled_at_ = samples.back().sent_at;
  PunchSide side;
  side.mapping = forecast->is_constant ? Dependence::kEndpointIndependent
                                       : MappingOf(samples);
  side.filtering =
      config_.traits.filtering.value_or(Dependence::kAddressAndPortDependent);
  side.mapped = *main->mapped;
  side.forecast = *forecast;
  side.mapping_quota = config_.traits.mapping_quota.value_or(0);
  side.budget = config_.budget;
  sampling_sockets_ = sockets_.size();
  side.budget.max_sockets -= static_cast<uint32_t>(
      std::min<size_t>(sampling_sockets_, side.budget.max_sockets));
  self_ = side;
  if (is_initiator_) {
    state = HardPunchState::kOffered;
    gives_up_ = now + config_.answer_timeout;
    Raise(PunchMessageEvent{
        .message = PunchOffer{.attempt = attempt_, .side = DescribeSelf(now)}});
  } else {
    Answer(now);
  }
}

PunchSide HardPunch::Core::DescribeSelf(Instant now) const {
  PunchSide side = *self_;
  side.sample_age = now - sampled_at_;
  return side;
}

void HardPunch::Core::HandleSocketOpened(Instant now, const Endpoint& base) {
  last_now_ = std::max(last_now_, now);
  if (awaited_sockets_ == 0) {
    return;
  }
  sockets_.push_back(base);
  if (state == HardPunchState::kSampling) {
    SampleFrom(now, base);
  }
  if (--awaited_sockets_ == 0) {
    TakeSockets(now);
  }
}

void HardPunch::Core::HandleSocketsDone(Instant now) {
  last_now_ = std::max(last_now_, now);
  if (awaited_sockets_ > 0) {
    awaited_sockets_ = 0;
    TakeSockets(now);
  }
}

}  // namespace natkit::nat
