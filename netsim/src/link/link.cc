#include "natkit/netsim/link.h"

#include <algorithm>

namespace natkit::netsim {
namespace {

constexpr uint64_t kBitsPerByte = 8;
constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

/// How long `size` bytes occupy a wire of `rate` bits per second.
Duration TimeOnWire(size_t size, uint64_t rate) {
  return Duration(static_cast<Duration::rep>(size * kBitsPerByte *
                                             kNanosecondsPerSecond / rate));
}

/// How many bytes such a wire takes in `time`.
double BytesWithin(Duration time, uint64_t rate) {
  return static_cast<double>(time.count()) * static_cast<double>(rate) /
         static_cast<double>(kBitsPerByte * kNanosecondsPerSecond);
}

}  // namespace

Link::Link(const LinkConfig& config, uint64_t seed)
    : config_(config), rng_(seed) {}

Link::Deliveries Link::Send(Instant now, size_t size) {
  ++counters_.sent;
  if (size > config_.mtu) {
    return Drop(LinkDrop::kMtu, counters_.dropped_mtu);
  }
  if (now < blackhole_until_) {
    return Drop(LinkDrop::kBlackhole, counters_.dropped_blackhole);
  }
  const auto departure = Serialize(now, size);
  if (!departure) {
    return Drop(LinkDrop::kQueue, counters_.dropped_queue);
  }
  if (rng_.Chance(config_.loss)) {
    return Drop(LinkDrop::kLoss, counters_.lost);
  }
  Deliveries deliveries;
  deliveries.at[deliveries.count++] = Arrival(*departure);
  if (rng_.Chance(config_.duplicate)) {
    ++counters_.duplicated;
    deliveries.at[deliveries.count++] = Arrival(*departure);
    std::ranges::sort(deliveries.at);
  }
  counters_.delivered += deliveries.count;
  return deliveries;
}

void Link::Configure(const LinkConfig& config) {
  config_ = config;
}

void Link::BlackholeUntil(Instant until) {
  blackhole_until_ = until;
}

Link::Deliveries Link::Drop(LinkDrop reason, uint64_t& counter) {
  ++counter;
  Deliveries none;
  none.drop = reason;
  return none;
}

std::optional<Instant> Link::Serialize(Instant now, size_t size) {
  if (config_.rate == 0) {
    return now;
  }
  const Instant start = std::max(now, busy_until_);
  if (start > now) {
    const double waiting = BytesWithin(start - now, config_.rate);
    if (waiting + static_cast<double>(size) >
        static_cast<double>(config_.queue_bytes)) {
      return std::nullopt;
    }
  }
  busy_until_ = start + TimeOnWire(size, config_.rate);
  return busy_until_;
}

Instant Link::Arrival(Instant departure) {
  Duration delay = config_.delay;
  if (config_.jitter > Duration::zero()) {
    delay += Duration(static_cast<Duration::rep>(
        rng_.NextUnit() * static_cast<double>(config_.jitter.count() + 1)));
  }
  if (rng_.Chance(config_.reorder)) {
    // Does not hold back those behind it.
    ++counters_.reordered;
    return std::max(departure + delay, last_arrival_) + config_.reorder_delay;
  }
  last_arrival_ = std::max(departure + delay, last_arrival_);
  return last_arrival_;
}

}  // namespace natkit::netsim
