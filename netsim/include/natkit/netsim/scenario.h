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
  /// IPv4, /8 to /30; IPv6 for a network without IPv4.
  IpPrefix cidr;
  std::optional<IpPrefix> cidr6;  ///< IPv6 beside IPv4
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

/// A box between two networks: NAT, firewall or plain router.
struct Nat {
  std::string name;
  std::string profile = "port-restricted";  ///< a name of Profiles()
  std::string inside;
  std::string outside;
  IpAddress inside_address;          ///< the gateway of the inside hosts
  std::vector<IpAddress> addresses;  ///< on the outside; the first is primary
  /// Everything a NatEngine needs to play this box; the addresses above are
  /// repeated in it.
  NatConfig config;
  Backend backend = Backend::kKernel;
  bool operator==(const Nat&) const = default;

  /// False for routers and plain firewalls: what is inside is visible outside.
  [[nodiscard]] bool Translates() const {
    return config.translation != Translation::kNone;
  }
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
  /// Runs until the end of the scenario. `expected_output` says when the next
  /// step may begin. The step fails whenever it ends with failure.
  bool is_background = false;
  bool may_exit = false;  ///< a background command may end in any way
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
/// A [[nat]] with a composite profile comes out as two boxes and the carrier's
/// access network between them. On failure returns every problem found, in
/// line order; never an empty list.
[[nodiscard]] std::expected<Scenario, std::vector<Problem>> ParseScenario(
    std::string_view text);

/// One key of a [[nat]] table that changes a behaviour of its profile.
struct Parameter {
  std::string_view key;
  std::string_view values;   ///< what may be written
  std::string_view meaning;  ///< what it does, with the RFC's requirement
};

/// Every such key, in the order of the documentation.
[[nodiscard]] std::vector<Parameter> NatParameters();

/// Writes a scenario as TOML that ParseScenario reads to the same value.
[[nodiscard]] std::string FormatScenario(const Scenario& scenario);

}  // namespace natkit::netsim
