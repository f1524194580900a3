#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/link.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/profile.h"

namespace natkit::netsim {

/// A shared link: every member reaches every other member directly.
struct Network {
  std::string name;
  IpPrefix cidr;                  ///< IPv4, /8 to /30
  std::optional<IpPrefix> cidr6;  ///< IPv6
  /// What a packet meets on its way from one member to another, once. Members
  /// with a Cable of their own have that instead.
  LinkConfig link;
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

/// The link between one member and one of its networks.
struct Cable {
  std::string member;
  std::string network;
  LinkConfig up;    ///< from the member to the network
  LinkConfig down;  ///< from the network to the member
  bool operator==(const Cable&) const = default;
};

/// Who plays a box in a real topology.
enum class Backend : uint8_t {
  kKernel,  ///< nftables in the box's namespace
  kEngine,  ///< NatEngine on TAP devices
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
  /// Everything a NatEngine needs to play this box, addresses included.
  NatConfig config;
  Backend backend = Backend::kKernel;
  bool operator==(const Nat&) const = default;
};

/// One thing that `netsim run` does, in order: a command on a host with what
/// is expected of it, or an event.
struct Step {
  std::string name;                  ///< for the report; never empty
  std::string member;                ///< where the command runs, or whose event
  std::vector<std::string> command;  ///< empty: an event
  std::string event;                 ///< "reboot", "block-udp", ...
  std::string argument;              ///< of the event, e.g. a new address
  int expected_exit = 0;
  std::string expected_output;  ///< ECMAScript regular expression; empty: any
  /// Runs until the end of the scenario, or until it exits; its exit status is
  /// not looked at. `expected_output` says when the next step may begin.
  bool is_background = false;
  /// The command is repeated until it does what is expected, for so long;
  /// zero: tried once.
  Duration within{};
  Duration timeout = std::chrono::seconds(60);  ///< for one try
  uint32_t line = 0;  ///< in the scenario file; not part of the value
  bool operator==(const Step& other) const;
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
  std::vector<Cable> cables;
  std::vector<Step> steps;
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
