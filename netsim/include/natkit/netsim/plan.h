#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// What to do inside one network namespace, in this order: sysctls, then
/// `ip -batch`, then `nft -f`.
struct NamespacePlan {
  std::string name;  ///< the host's or box's name; "fabric" for the links
  /// Path below /proc/sys and value.
  std::vector<std::pair<std::string, std::string>> sysctls;
  std::string ip_batch;
  std::string nft_ruleset;  ///< empty if the namespace has none
  /// Written after the ruleset: connection tracking has them only once it is
  /// in use.
  std::vector<std::pair<std::string, std::string>> conntrack_sysctls;
};

/// What carries frames between members and the engine process.
enum class DeviceKind : uint8_t {
  /// A TAP device is the member's own interface: one crossing per direction.
  /// The engine process creates it, the plan does not.
  kTap,
  /// Where /dev/net/tun cannot be opened: a veth pair whose other end, in the
  /// fabric namespace, has a packet socket.
  kPacketSocket,
};

/// The interface of the fabric namespace that belongs to a port of the engine
/// process; for kPacketSocket.
[[nodiscard]] std::string FabricInterface(size_t port);

/// How to build a scenario out of namespaces, bridges and veth pairs. The
/// first namespace is the fabric: it holds one bridge per network and creates
/// the interfaces of everybody else, so it must be done before the others;
/// those do not depend on each other.
struct Plan {
  std::vector<NamespacePlan> namespaces;
};

/// The number of namespaces that MakePlan will ask for.
[[nodiscard]] size_t CountNamespaces(const Scenario& scenario);

/// The position of a host or box in Plan::namespaces; the fabric is 0.
[[nodiscard]] std::optional<size_t> FindNamespace(const Scenario& scenario,
                                                  std::string_view name);

/// Turns a scenario into commands. `path_of` names the file of the i-th
/// namespace for `ip link ... netns PATH`. Networks in user space have no
/// bridge; `kind` says who makes their members' interfaces. Pure: same input,
/// same text.
[[nodiscard]] Plan MakePlan(const Scenario& scenario,
                            const std::function<std::string(size_t)>& path_of,
                            DeviceKind kind = DeviceKind::kTap);

/// What keeps the kernel from playing a box, as the end of a sentence; nullopt
/// if it can, perhaps with KernelDifferences.
[[nodiscard]] std::optional<std::string> KernelObstacle(const Nat& nat);

/// What the kernel does otherwise than the box's configuration says, where it
/// can play it at all: one clause each, empty if its play is exact. Scenarios
/// must ask for such a box (`backend = "kernel"`).
[[nodiscard]] std::vector<std::string> KernelDifferences(const Nat& nat);

/// The nftables ruleset of one box, complete with `flush ruleset`: loading it
/// again forgets every dynamic mapping.
[[nodiscard]] std::string MakeRuleset(const Nat& nat);

/// Drops all forwarded UDP, beside whatever MakeRuleset installed.
[[nodiscard]] std::string MakeUdpBlock();

/// Undoes MakeUdpBlock; harmless if it was not done.
[[nodiscard]] std::string MakeUdpUnblock();

}  // namespace natkit::netsim
