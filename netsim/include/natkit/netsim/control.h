#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// Why an operation on real namespaces failed, for people.
struct Failure {
  std::string text;
};

template <class T>
using Outcome = std::expected<T, Failure>;

/// What `netsim list` knows of one run.
enum class RunState : uint8_t {
  kRunning,   ///< its namespaces are up
  kStarting,  ///< an `up` is at work on it
  kLeftover,  ///< its keeper or its `up` died; `clean` removes it
};

/// One host or box of a run.
struct Member {
  std::string name;
  std::string kind;            ///< "host" or "nat"
  std::string namespace_path;  ///< for `nsenter --net=PATH`
};

struct RunSummary {
  std::string id;
  std::string scenario;  ///< the scenario's name
  RunState state = RunState::kLeftover;
  std::string directory;
  std::vector<Member> members;
};

/// Builds the scenario out of network namespaces. `id` is 1 to 16 of a-z, 0-9
/// and '-', unused; empty picks one. Needs root or unprivileged user
/// namespaces, and the programs `ip` and `nft`. On failure nothing stays.
[[nodiscard]] Outcome<RunSummary> Up(const Scenario& scenario, std::string id);

/// Ends the processes in the run's namespaces and removes the run.
[[nodiscard]] Outcome<void> Down(std::string_view id);

/// Every run of this user, by id.
[[nodiscard]] Outcome<std::vector<RunSummary>> List();

/// Removes the leftovers of dead runs; returns their ids.
[[nodiscard]] Outcome<std::vector<std::string>> Clean();

/// The run to use when the user names none: $NATKIT_NETSIM_ID, or the only
/// one that is up.
[[nodiscard]] Outcome<std::string> DefaultRun();

/// Moves this process, which must have one thread, to a member of a run: its
/// network namespace, its view of /sys, and NATKIT_NETSIM_ID, _HOST and _TOKEN
/// in the environment. What it executes next runs there.
[[nodiscard]] Outcome<void> Enter(std::string_view id, std::string_view member);

/// Something that happens to a box while the network runs.
enum class EventKind : uint8_t {
  kReboot,      ///< forgets every flow and mapping
  kReaddress,   ///< gets another external address, and forgets
  kBlockUdp,    ///< drops all UDP from here on
  kUnblockUdp,  ///< ends kBlockUdp
  kLinkDown,    ///< unplugs the outside (box) or the interface (host)
  kLinkUp,      ///< plugs it back in
};

struct Event {
  EventKind kind = EventKind::kReboot;
  std::optional<IpAddress> new_address;  ///< kReaddress only
};

/// Makes an event happen to a member of a run; done when it returns.
[[nodiscard]] Outcome<void> Apply(std::string_view id, std::string_view member,
                                  const Event& event);

}  // namespace natkit::netsim
