#include "engine/address_pool.h"

#include "engine/port_blocks.h"

namespace natkit::netsim::engine {

std::optional<uint32_t> AddressPool::IndexOf(const IpAddress& address) const {
  if (IsRotating()) {
    return !config_.external.empty() && primary() == address
               ? std::optional(current_)
               : std::nullopt;
  }
  for (uint32_t i = 0; i < config_.external.size(); ++i) {
    if (config_.external[i] == address) {
      return i;
    }
  }
  return std::nullopt;
}

const IpAddress& AddressPool::primary() const {
  static constexpr IpAddress kNoAddress;
  return config_.external.empty() ? kNoAddress : config_.external[current_];
}

uint32_t AddressPool::size() const {
  return IsRotating() ? 1 : static_cast<uint32_t>(config_.external.size());
}

uint32_t AddressPool::Choose(const IpAddress& inside) {
  const uint32_t count = size();
  if (count == 1) {
    return current_;
  }
  return config_.pooling == Pooling::kPaired ? SubscriberNumber(inside) % count
                                             : rng_.NextBelow(count);
}

uint32_t AddressPool::Next(uint32_t index) const {
  return IsRotating() ? current_ : (index + 1) % size();
}

void AddressPool::Rotate(uint64_t steps) {
  UnbindHosts();
  if (!config_.external.empty()) {
    current_ =
        static_cast<uint32_t>((current_ + steps) % config_.external.size());
  }
}

std::optional<IpAddress> AddressPool::BindHost(const IpAddress& inside) {
  if (const auto it = bound_.find(inside); it != bound_.end()) {
    return At(it->second);
  }
  if (hosts_.size() >= size()) {
    return std::nullopt;
  }
  const auto index = static_cast<uint32_t>((current_ + hosts_.size()) %
                                           config_.external.size());
  bound_.emplace(inside, index);
  hosts_.push_back(inside);
  return At(index);
}

std::optional<IpAddress> AddressPool::HostOf(const IpAddress& external) const {
  const auto index = IndexOf(external);
  if (!index) {
    return std::nullopt;
  }
  const auto count = static_cast<uint32_t>(config_.external.size());
  const uint32_t place = (*index + count - current_) % count;
  return place < hosts_.size() ? std::optional(hosts_[place]) : std::nullopt;
}

void AddressPool::UnbindHosts() {
  bound_.clear();
  hosts_.clear();
}

void AddressPool::Reset() {
  UnbindHosts();
  current_ = 0;
}

}  // namespace natkit::netsim::engine
