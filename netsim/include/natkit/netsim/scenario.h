#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/netsim/profile.h"

namespace natkit::netsim {

/// A shared link: every member reaches every other member directly.
struct Network {
  std::string name;
  IpPrefix cidr;                  ///< IPv4, /8 to /30
  std::optional<IpPrefix> cidr6;  ///< IPv6, on-link only
  bool operator==(const Network&) const = default;
};

/// A machine with one interface. Its default gateway is the box whose inside
/// is its network.
struct Host {
  std::string name;
  std::string network;
  IpAddress address;
  std::optional<IpAddress> address6;
  bool operator==(const Host&) const = default;
};

/// Inclusive range of external ports.
struct PortRange {
  uint16_t first = 1024;
  uint16_t last = 65535;
  bool operator==(const PortRange&) const = default;
};

/// How a box with several external addresses picks one.
enum class Pooling : uint8_t {
  kPaired,     ///< an inside host keeps its external address
  kArbitrary,  ///< the choice also depends on the destination
};

/// Knobs beyond the profile. Times in whole seconds; unset means the
/// kernel's default (30 s and 120 s).
struct NatOptions {
  std::optional<uint32_t> udp_timeout;         ///< one-way UDP flow
  std::optional<uint32_t> udp_stream_timeout;  ///< two-way UDP flow
  std::optional<PortRange> port_range;
  Pooling pooling = Pooling::kPaired;
  bool operator==(const NatOptions&) const = default;
};

/// A box between two networks: NAT, firewall or plain router.
struct Nat {
  std::string name;
  NatProfile profile = NatProfile::kPortRestricted;
  std::string inside;
  std::string outside;
  IpAddress inside_address;          ///< the gateway of the inside hosts
  std::vector<IpAddress> addresses;  ///< on the outside; the first is primary
  NatOptions options;
  bool operator==(const Nat&) const = default;
};

/// A whole simulated internet. Values that ParseScenario returns are
/// consistent: names are unique, references resolve, addresses belong to
/// their networks, and every network has at most one box as its way out.
struct Scenario {
  std::string name;
  std::string description;
  std::vector<Network> networks;
  std::vector<Host> hosts;
  std::vector<Nat> nats;
  bool operator==(const Scenario&) const = default;

  [[nodiscard]] const Network* FindNetwork(std::string_view name) const;
  [[nodiscard]] const Host* FindHost(std::string_view name) const;
  [[nodiscard]] const Nat* FindNat(std::string_view name) const;
  /// The box whose inside is `network`: its members' default gateway.
  [[nodiscard]] const Nat* UplinkOf(std::string_view network) const;
};

/// Hosts and boxes together; each becomes one network namespace.
inline constexpr size_t kMaxNodes = 250;

/// One reason why a scenario is not acceptable.
struct Problem {
  uint32_t line = 0;  ///< 1-based line in the text, 0 for the whole file
  std::string text;
  bool operator==(const Problem&) const = default;
};

/// Reads a scenario file (TOML; the format is in docs/netsim.md).
///
/// A [[nat]] with profile "cgn" comes out as two boxes and the carrier's
/// access network between them. On failure returns every problem found, in
/// line order; never an empty list.
[[nodiscard]] std::expected<Scenario, std::vector<Problem>> ParseScenario(
    std::string_view text);

/// Writes a scenario as TOML that ParseScenario reads to the same value.
[[nodiscard]] std::string FormatScenario(const Scenario& scenario);

}  // namespace natkit::netsim
