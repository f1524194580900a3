#include "filter/rule.h"

#include <algorithm>
#include <utility>

namespace natkit::mesh {

namespace {

// How far ahead a window is looked at again that does not change by itself:
// the rules of its zone may.
constexpr int64_t kLookAgain = 28 * int64_t{86'400};

std::vector<IpPrefix> Disjoint(std::vector<IpPrefix> prefixes) {
  // A prefix sorts before those inside it: same address, then by length.
  std::ranges::sort(prefixes);
  std::vector<IpPrefix> kept;
  for (const auto& prefix : prefixes) {
    if (kept.empty() || !kept.back().Overlaps(prefix)) {
      kept.push_back(prefix);
    }
  }
  return kept;
}

std::vector<PortRange> Merged(std::vector<PortRange> ranges) {
  std::ranges::sort(ranges, {}, &PortRange::first);
  std::vector<PortRange> merged;
  for (const auto& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

// Nothing uses port 0, so a rule from 1 on has all of them.
bool IsAllPorts(const std::vector<PortRange>& merged) {
  return merged.empty() ||
         (merged.front().first <= 1 && merged.front().last == 65'535);
}

std::bitset<256> ProtocolsOf(const std::vector<uint8_t>& listed) {
  std::bitset<256> protocols;
  for (const uint8_t protocol : listed) {
    protocols.set(protocol);
  }
  if (listed.empty()) {
    protocols.set(kProtocolTcp).set(kProtocolUdp);
    protocols.set(kProtocolIcmp).set(kProtocolIcmpv6);
  }
  return protocols;
}

bool IsUsable(const ZonedWindow& zoned) {
  return IsValid(zoned.window) && zoned.rules != nullptr &&
         IsValid(*zoned.rules);
}

}  // namespace

PrefixList::PrefixList(std::vector<IpPrefix> prefixes)
    : prefixes_(Disjoint(std::move(prefixes))) {}

bool PrefixList::Contains(const IpAddress& ip) const {
  const auto after =
      std::ranges::upper_bound(prefixes_, ip, {}, &IpPrefix::address);
  return after != prefixes_.begin() && (after - 1)->Contains(ip);
}

CompiledRule::CompiledRule(FilterRule rule)
    : id_(rule.id),
      sources_(std::move(rule.sources)),
      destinations_(std::move(rule.destinations)),
      ports_(Merged(std::move(rule.ports))),
      protocols_(ProtocolsOf(rule.protocols)),
      windows_(std::move(rule.windows)),
      has_all_ports_(IsAllPorts(ports_)),
      is_open_(windows_.empty()) {}

std::expected<void, Error> CompiledRule::Check(const FilterRule& rule) {
  if (rule.sources.size() > kMaxRulePrefixes ||
      rule.destinations.size() > kMaxRulePrefixes ||
      rule.ports.size() > kMaxRulePorts ||
      rule.windows.size() > kMaxRuleWindows) {
    return Fail(Errc::kLimitExceeded);
  }
  const bool is_in_order = std::ranges::all_of(
      rule.ports, [](const PortRange& r) { return r.first <= r.last; });
  if (!is_in_order || !std::ranges::all_of(rule.windows, IsUsable)) {
    return Fail(Errc::kBadValue);
  }
  return {};
}

bool CompiledRule::Matches(const PacketFacts& facts) const {
  if (!is_open_) {
    return false;
  }
  if (facts.kind == PacketKind::kEchoRequest) {
    return true;
  }
  if (!protocols_.test(facts.protocol)) {
    return false;
  }
  if (has_all_ports_ || facts.kind != PacketKind::kPorts) {
    return has_all_ports_;
  }
  const auto after = std::ranges::upper_bound(ports_, facts.destination_port,
                                              {}, &PortRange::first);
  return after != ports_.begin() && (after - 1)->last >= facts.destination_port;
}

void CompiledRule::SetTime(std::optional<int64_t> unix_seconds) {
  if (windows_.empty()) {
    return;
  }
  is_open_ = false;
  next_change_.reset();
  if (!unix_seconds) {
    return;
  }
  next_change_ = *unix_seconds + kLookAgain;
  for (const auto& window : windows_) {
    is_open_ = is_open_ || IsOpen(window, *unix_seconds);
    if (const auto change = NextChange(window, *unix_seconds)) {
      next_change_ = std::min(*next_change_, *change);
    }
  }
}

}  // namespace natkit::mesh
