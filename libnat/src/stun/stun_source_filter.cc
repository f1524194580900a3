#include "stun/stun_source_filter.h"

#include <algorithm>
#include <array>

namespace natkit::stun {

namespace {

/// Invalid, DNS, NTP, SSDP, and STUN: another server, tricked into asking us.
constexpr std::array<uint16_t, 5> kRefusedPorts = {0, 53, 123, 1900, 3478};

bool IsHostAddress(const IpAddress& address) {
  if (address.is_unspecified() || address.is_multicast()) {
    return false;
  }
  if (address.is_v6()) {
    return true;
  }
  // 0.0.0.0/8 is "this network"; 240.0.0.0/4 is reserved and has broadcast.
  const uint8_t first = address.bytes()[0];
  return first != 0 && first < 240;
}

}  // namespace

bool IsAnswerableSource(const Endpoint& from, const Endpoint& local) {
  if (std::ranges::find(kRefusedPorts, from.port) != kRefusedPorts.end() ||
      !IsHostAddress(from.address) || from == local) {
    return false;
  }
  return !from.address.is_loopback() || local.address.is_loopback() ||
         local.address.is_unspecified();
}

}  // namespace natkit::stun
