#include "natkit/mesh/registry/address_pool.h"

#include <algorithm>
#include <array>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"

namespace natkit::mesh {

namespace {

uint32_t ToNumber(const IpAddress& v4) {
  uint32_t value = 0;
  (void)ByteReader(v4.bytes()).ReadU32(value);
  return value;
}

IpAddress ToAddress(uint32_t number) {
  std::array<uint8_t, 4> bytes{};
  ByteWriter(bytes).WriteU32(number);
  return IpAddress::V4(bytes);
}

/// Other software answers DNS at 100.100.100.100 and in its neighbourhood, and
/// runs virtual machines in the second one.
bool IsTakenByOthers(uint32_t number) {
  constexpr uint32_t kResolver = 0x64646400;  // 100.100.100.0/24
  constexpr uint32_t kVirtual = 0x64735c00;   // 100.115.92.0/23
  return (number & 0xffffff00U) == kResolver ||
         (number & 0xfffffe00U) == kVirtual;
}

}  // namespace

AddressPool::AddressPool(const IpPrefix& ipv4, const IpPrefix& ipv6)
    : ipv4_(ipv4), ipv6_(ipv6) {
  constexpr int kLongestV4 = 30;
  constexpr int kLongestV6 = 96;
  NATKIT_CHECK(ipv4.address().is_v4() && ipv4.length() >= 8 &&
               ipv4.length() <= kLongestV4);
  NATKIT_CHECK(ipv6.address().is_v6() && ipv6.length() <= kLongestV6);
  size_ = uint32_t{1} << (32 - ipv4.length());
}

bool AddressPool::IsUsable(uint32_t host) const {
  return host != 0 && host != size_ - 1 && !taken_.contains(host) &&
         !IsTakenByOthers(ToNumber(ipv4_.address()) + host);
}

std::optional<uint32_t> AddressPool::FindFree(WallTime now) const {
  for (uint32_t step = 1; step <= size_; ++step) {
    const uint32_t host = (cursor_ + step) % size_;
    const auto released = released_.find(host);
    const bool has_rested =
        released == released_.end() || now - released->second >= kRest;
    if (has_rested && IsUsable(host)) {
      return host;
    }
  }
  return std::nullopt;
}

std::optional<std::vector<IpAddress>> AddressPool::Take(WallTime now) {
  const auto host = FindFree(now);
  if (!host) {
    return std::nullopt;
  }
  cursor_ = *host;
  taken_.insert(*host);
  released_.erase(*host);
  return AddressesOf(*host);
}

std::vector<IpAddress> AddressPool::AddressesOf(uint32_t host) const {
  std::array<uint8_t, 16> v6{};
  std::ranges::copy(ipv6_.address().bytes(), v6.begin());
  ByteWriter(MutableBytes(v6).last<4>()).WriteU32(host);
  return {ToAddress(ToNumber(ipv4_.address()) + host), IpAddress::V6(v6)};
}

std::optional<uint32_t> AddressPool::HostOf(
    const std::vector<IpAddress>& addresses) const {
  const auto v4 = std::ranges::find_if(
      addresses, [this](const IpAddress& ip) { return ipv4_.Contains(ip); });
  return v4 == addresses.end()
             ? std::nullopt
             : std::optional(ToNumber(*v4) - ToNumber(ipv4_.address()));
}

void AddressPool::Reserve(const std::vector<IpAddress>& addresses) {
  if (const auto host = HostOf(addresses)) {
    taken_.insert(*host);
    released_.erase(*host);
    cursor_ = std::max(cursor_, *host);
  }
}

void AddressPool::Release(const std::vector<IpAddress>& addresses,
                          WallTime now) {
  if (const auto host = HostOf(addresses)) {
    taken_.erase(*host);
    released_[*host] = now;
  }
}

void AddressPool::Forget(const std::vector<IpAddress>& addresses) {
  if (const auto host = HostOf(addresses)) {
    released_.erase(*host);
  }
}

}  // namespace natkit::mesh
