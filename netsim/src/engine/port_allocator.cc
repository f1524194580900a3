#include "engine/port_allocator.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/timer_lists.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::engine {
namespace {

constexpr size_t kProtocolSlots = 3;
constexpr int kRandomDraws = 128;
constexpr uint32_t kFirstUnprivileged = 1024;

constexpr auto kIcmpNumber = static_cast<uint8_t>(IpProtocol::kIcmp);

size_t SlotOf(uint8_t protocol) {
  if (protocol == static_cast<uint8_t>(IpProtocol::kUdp)) {
    return 0;
  }
  return protocol == static_cast<uint8_t>(IpProtocol::kTcp) ? 1 : 2;
}

bool UsesBlocks(const NatConfig& config) {
  if (config.translation != Translation::kNapt &&
      config.translation != Translation::kNat64) {
    return false;
  }
  return config.port_assignment == PortAssignment::kDynamicBlock ||
         config.port_assignment == PortAssignment::kDeterministicBlock;
}

bool Overloads(const NatConfig& config) {
  return config.port_assignment == PortAssignment::kPreserveOverload;
}

}  // namespace

PortAllocator::PortAllocator(const NatConfig& config, SimRng& rng)
    : config_(config), rng_(rng) {
  Reset();
}

void PortAllocator::Reset() {
  blocks_.reset();
  if (UsesBlocks(config_)) {
    blocks_.emplace(config_);
  }
  resting_.clear();
  spaces_.clear();
  spaces_.resize(config_.external.size() * kProtocolSlots);
}

PortAllocator::Space& PortAllocator::SpaceOf(uint32_t pool_index,
                                             uint8_t protocol) {
  auto& space = spaces_[pool_index * kProtocolSlots + SlotOf(protocol)];
  if (space == nullptr) {
    space = std::make_unique<Space>();
  }
  return *space;
}

std::optional<uint16_t> PortAllocator::Allocate(Instant now,
                                                const PortRequest& request) {
  Space& space = SpaceOf(request.pool_index, request.protocol);
  const auto port = MayUseSuccessor(space, request)
                        ? request.successor
                        : Choose(now, space, request);
  if (!port || (Overloads(config_) && !request.is_shed)) {
    return port;
  }
  space.taken.Take(*port);
  if (HasOwnedBlocks() && !request.is_shed) {
    blocks_->AddUse(*blocks_->BlockOf(request.pool_index, *port));
  }
  return port;
}

bool PortAllocator::CouldGive(const PortRequest& request, uint32_t pool_index,
                              uint16_t port) const {
  if (config_.port_quarantine > Duration::zero() ||
      !WithParity(FullWindow(request), request).Contains(port)) {
    return false;
  }
  if (!blocks_ || request.is_shed) {
    return true;
  }
  const auto block = blocks_->BlockOf(pool_index, port);
  if (config_.port_assignment == PortAssignment::kDeterministicBlock) {
    return block == blocks_->DeterministicBlock(request.inside.address);
  }
  return block &&
         std::ranges::find(*request.blocks, *block) != request.blocks->end();
}

bool PortAllocator::Take(uint32_t pool_index, uint8_t protocol, uint16_t port) {
  PortSet& taken = SpaceOf(pool_index, protocol).taken;
  if (taken.IsTaken(port)) {
    return false;
  }
  taken.Take(port);
  return true;
}

void PortAllocator::Release(Instant now, uint32_t pool_index, uint8_t protocol,
                            uint16_t port) {
  if (config_.port_quarantine > Duration::zero()) {
    resting_.push_back({AddTime(now, config_.port_quarantine),
                        pool_index * kProtocolSlots + SlotOf(protocol), port});
    return;
  }
  SpaceOf(pool_index, protocol).taken.Release(port);
}

std::optional<uint32_t> PortAllocator::ReleaseFromBlock(uint32_t pool_index,
                                                        uint16_t port) {
  const auto block = blocks_->BlockOf(pool_index, port);
  return blocks_->RemoveUse(*block) ? block : std::nullopt;
}

std::optional<uint32_t> PortAllocator::FixedAddressFor(
    const IpAddress& inside) const {
  if (config_.port_assignment != PortAssignment::kDeterministicBlock) {
    return std::nullopt;
  }
  return blocks_->PoolIndexOf(blocks_->DeterministicBlock(inside));
}

void PortAllocator::EndQuarantines(Instant now) {
  while (!resting_.empty() && resting_.front().until <= now) {
    spaces_[resting_.front().space]->taken.Release(resting_.front().port);
    resting_.pop_front();
  }
}

Instant PortAllocator::EarliestQuarantineEnd() const {
  return resting_.empty() ? Instant::max() : resting_.front().until;
}

PortWindow PortAllocator::FullWindow(const PortRequest& request) const {
  const PortWindow range = {config_.port_range.first, config_.port_range.last};
  if (!config_.keep_port_class || request.protocol == kIcmpNumber) {
    return range;
  }
  if (request.inside.port < kFirstUnprivileged) {
    return {1, kFirstUnprivileged - 1};
  }
  return {std::max(range.first, kFirstUnprivileged), range.last};
}

PortWindow PortAllocator::WithParity(PortWindow window,
                                     const PortRequest& request) const {
  if (config_.keep_parity && request.protocol != kIcmpNumber &&
      !request.is_shed) {
    window.stride = 2;
    window.first += (window.first ^ request.inside.port) & 1;
  }
  return window;
}

bool PortAllocator::IsFree(const Space& space, const PortRequest& request,
                           uint32_t port) const {
  const auto narrow = static_cast<uint16_t>(port);
  return !space.taken.IsTaken(narrow) &&
         (request.veto == nullptr || !request.veto->IsVetoed(narrow));
}

bool PortAllocator::MayUseSuccessor(const Space& space,
                                    const PortRequest& request) const {
  if (!request.successor || request.is_shed) {
    return false;
  }
  const uint16_t port = *request.successor;
  if (!WithParity(FullWindow(request), request).Contains(port) ||
      !IsFree(space, request, port)) {
    return false;
  }
  if (!blocks_) {
    return true;
  }
  const auto block = blocks_->BlockOf(request.pool_index, port);
  if (config_.port_assignment == PortAssignment::kDeterministicBlock) {
    return block == blocks_->DeterministicBlock(request.inside.address);
  }
  return block &&
         std::ranges::find(*request.blocks, *block) != request.blocks->end();
}

std::optional<uint16_t> PortAllocator::Choose(Instant now, Space& space,
                                              const PortRequest& request) {
  const PortWindow window = WithParity(FullWindow(request), request);
  if (request.is_shed) {
    return ChooseRandom(space, request, window);
  }
  switch (config_.port_assignment) {
    case PortAssignment::kPreserve:
    case PortAssignment::kPreserveOverload:
      if (window.Contains(request.inside.port) &&
          IsFree(space, request, request.inside.port)) {
        return request.inside.port;
      }
      return ChooseRandom(space, request, window);
    case PortAssignment::kSequential:
      return ChooseSequential(now, space, request);
    case PortAssignment::kRandom:
      return ChooseRandom(space, request, window);
    case PortAssignment::kDynamicBlock:
      return ChooseFromBlocks(space, request);
    case PortAssignment::kDeterministicBlock:
      return ChooseRandom(
          space, request,
          WithParity(blocks_->WindowOf(
                         blocks_->DeterministicBlock(request.inside.address)),
                     request));
  }
  return std::nullopt;
}

// Draws are uniform over the free ports; only when nearly all are taken does
// the next free one after a random port serve instead.
std::optional<uint16_t> PortAllocator::ChooseRandom(Space& space,
                                                    const PortRequest& request,
                                                    const PortWindow& window) {
  const uint32_t size = window.size();
  if (size == 0 || !space.taken.FindFree(window, window.first)) {
    return std::nullopt;
  }
  for (int i = 0; i < kRandomDraws; ++i) {
    const uint16_t port = window.At(rng_.NextBelow(size));
    if (IsFree(space, request, port)) {
      return port;
    }
  }
  uint32_t from = window.At(rng_.NextBelow(size));
  for (int i = 0; i < kRandomDraws; ++i) {
    auto port = space.taken.FindFree(window, from);
    if (!port) {
      port = space.taken.FindFree(window, window.first);
    }
    if (!port || IsFree(space, request, *port)) {
      return port;
    }
    from = *port + 1U;
  }
  return std::nullopt;
}

uint32_t PortAllocator::DrawForeign(Instant now, Space& space) {
  const double seconds =
      std::chrono::duration<double>(now - space.foreign_since).count();
  space.foreign_since = now;
  const double mean = config_.foreign_rate * seconds;
  if (mean <= 0) {
    return 0;
  }
  if (mean > 64) {  // the normal distribution is close enough
    const double radius = std::sqrt(-2 * std::log(1 - rng_.NextUnit()));
    const double angle = 2 * std::numbers::pi * rng_.NextUnit();
    const double drawn = mean + std::sqrt(mean) * radius * std::cos(angle);
    return static_cast<uint32_t>(std::fmod(std::max(0.0, drawn), 65536.0));
  }
  uint32_t count = 0;
  const double limit = std::exp(-mean);
  for (double product = rng_.NextUnit(); product > limit;
       product *= rng_.NextUnit()) {
    ++count;
  }
  return count;
}

std::optional<uint16_t> PortAllocator::ChooseSequential(
    Instant now, Space& space, const PortRequest& request) {
  const PortWindow full = FullWindow(request);
  const PortWindow window = WithParity(full, request);
  if (!space.taken.FindFree(window, window.first)) {
    return std::nullopt;
  }
  const auto size = static_cast<int64_t>(full.size());
  const int64_t step = (config_.port_step % size + size) % size;
  int64_t at = 0;
  if (space.last && full.Contains(*space.last)) {
    const int64_t foreign = DrawForeign(now, space);
    at = (*space.last - full.first + step * (foreign + 1)) % size;
  } else {
    space.foreign_since = now;
    at = rng_.NextBelow(static_cast<uint32_t>(size));
  }
  // A step that does not reach every port must not make the search endless:
  // after a round it goes on from the port next to where it began.
  for (int64_t tries = 0; tries < 2 * size; ++tries) {
    const auto port = static_cast<uint32_t>(full.first + at);
    if (window.Contains(port) && IsFree(space, request, port)) {
      space.last = port;
      return static_cast<uint16_t>(port);
    }
    at = (at + (tries < size ? step : 1)) % size;
  }
  return std::nullopt;
}

std::optional<uint16_t> PortAllocator::ChooseFromBlocks(
    Space& space, const PortRequest& request) {
  for (const uint32_t block : *request.blocks) {
    if (blocks_->PoolIndexOf(block) != request.pool_index) {
      continue;
    }
    const auto port = ChooseRandom(
        space, request, WithParity(blocks_->WindowOf(block), request));
    if (port) {
      return port;
    }
  }
  const size_t limit = config_.limits.blocks_per_host;
  return limit != 0 && request.blocks->size() >= limit
             ? std::nullopt
             : ChooseFromNewBlock(space, request);
}

std::optional<uint16_t> PortAllocator::ChooseFromNewBlock(
    Space& space, const PortRequest& request) {
  const auto block = blocks_->Acquire(rng_, request.pool_index, request.host);
  if (!block) {
    return std::nullopt;
  }
  const auto port = ChooseRandom(
      space, request, WithParity(blocks_->WindowOf(*block), request));
  if (!port) {
    blocks_->Abandon(*block);
    return std::nullopt;
  }
  request.blocks->push_back(*block);
  return port;
}

}  // namespace natkit::netsim::engine
