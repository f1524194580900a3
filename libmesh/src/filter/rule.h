#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <vector>

#include "filter/packet.h"
#include "natkit/mesh/packet_filter.h"

namespace natkit::mesh {

/// The addresses of one side of a rule: disjoint prefixes in order.
class PrefixList {
 public:
  PrefixList() = default;
  /// Leaves out those inside others.
  explicit PrefixList(std::vector<IpPrefix> prefixes);

  /// One search by halves.
  [[nodiscard]] bool Contains(const IpAddress& ip) const;

  [[nodiscard]] const std::vector<IpPrefix>& prefixes() const {
    return prefixes_;
  }

 private:
  std::vector<IpPrefix> prefixes_;
};

/// A FilterRule ready for the data path.
class CompiledRule {
 public:
  CompiledRule() = default;
  explicit CompiledRule(FilterRule rule);

  /// Errors: kBadValue, kLimitExceeded, as PacketFilter::Apply says.
  [[nodiscard]] static std::expected<void, Error> Check(const FilterRule& rule);

  /// Whether the rule allows a new flow that begins with this packet, its
  /// addresses and the time aside.
  [[nodiscard]] bool Matches(const PacketFacts& facts) const;

  [[nodiscard]] uint64_t id() const { return id_; }

  [[nodiscard]] const PrefixList& sources() const { return sources_; }

  [[nodiscard]] const PrefixList& destinations() const { return destinations_; }

  [[nodiscard]] bool has_windows() const { return !windows_.empty(); }

  /// Whether the rule counts at all now.
  [[nodiscard]] bool is_open() const { return is_open_; }

  /// When SetTime has to be called again; nullopt: not before a new rule.
  [[nodiscard]] std::optional<int64_t> next_change() const {
    return next_change_;
  }

  /// Opens or closes the rule for the time given, nullopt: not known.
  void SetTime(std::optional<int64_t> unix_seconds);

 private:
  uint64_t id_ = 0;
  PrefixList sources_;
  PrefixList destinations_;
  std::vector<PortRange> ports_;  // in order, disjoint
  std::bitset<256> protocols_;
  std::vector<ZonedWindow> windows_;
  std::optional<int64_t> next_change_;
  bool has_all_ports_ = false;
  bool is_open_ = false;
};

}  // namespace natkit::mesh
