#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
  kLeftover,  ///< its keeper, its engine process or its `up` died; `clean`
              ///< removes it
};

/// One host or box of a run.
struct Member {
  std::string name;
  std::string kind;  ///< "host", "nat", or "engine" (a box in user space)
  std::string namespace_path;  ///< for `nsenter --net=PATH`
};

struct RunSummary {
  std::string id;
  std::string scenario;  ///< the scenario's name
  RunState state = RunState::kLeftover;
  std::string directory;
  std::optional<int> engine_pid;  ///< the process that plays engine boxes
  std::vector<Member> members;
};

/// How long a run stays when nobody ends it.
enum class Lifetime : uint8_t {
  kUntilDown,
  kWithCaller,  ///< its namespaces go when the calling process dies
};

/// Builds the scenario out of network namespaces. `id` is 1 to 16 of a-z, 0-9
/// and '-', unused; empty picks one. Needs root or unprivileged user
/// namespaces, and the programs `ip` and `nft`. On failure nothing stays.
[[nodiscard]] Outcome<RunSummary> Up(const Scenario& scenario, std::string id,
                                     Lifetime lifetime = Lifetime::kUntilDown);

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

/// Something that happens to a member while the network runs.
enum class EventKind : uint8_t {
  kReboot,      ///< a box forgets every flow and mapping
  kReaddress,   ///< it gets another external address, and forgets
  kBlockUdp,    ///< it drops all UDP from here on
  kUnblockUdp,  ///< ends kBlockUdp
  kLinkDown,    ///< unplugs the outside (box) or the interface (host)
  kLinkUp,      ///< plugs it back in
  kBlackhole,   ///< a cable loses everything for a while
  kSetLink,     ///< a cable gets another delay, loss, ...
};

struct Event {
  EventKind kind = EventKind::kReboot;
  std::optional<IpAddress> new_address;    ///< kReaddress only
  Duration duration{};                     ///< kBlackhole only
  std::vector<std::string> link_settings;  ///< kSetLink only: "delay=20ms"
  /// kBlackhole and kSetLink: which cable of the member; empty means all.
  std::string network;
  /// kSetLink: "up" (from the member), "down" or "both".
  std::string direction = "both";
};

/// Reads an event as scenario files and the command line write it: a name and
/// words behind it, such as "set-link" and "delay=20ms", "network=lan".
[[nodiscard]] Outcome<Event> ParseEvent(std::string_view name,
                                        const std::vector<std::string>& words);

/// Makes an event happen to a member of a run; done when it returns.
[[nodiscard]] Outcome<void> Apply(std::string_view id, std::string_view member,
                                  const Event& event);

/// One direction of a cable of the engine process.
struct LinkView {
  std::string network;
  std::string direction;  ///< "up" or "down"
  std::string settings;   ///< "delay=20ms loss=0.05"; empty if perfect
  bool is_plugged = true;
  LinkCounters counters;
};

/// What the engine process knows of one member.
struct MemberView {
  struct Mapping {
    uint8_t protocol = 0;
    Endpoint inside;
    Endpoint external;
    std::optional<Duration> expires_in;  ///< nullopt: a static forward
    bool operator==(const Mapping&) const = default;
  };

  std::string name;
  /// Only of boxes; empty for hosts, which have links only.
  std::optional<IpAddress> external;
  uint64_t sessions = 0;
  std::vector<std::pair<std::string, uint64_t>> counters;
  std::vector<Mapping> mappings;
  std::vector<LinkView> links;
};

/// Asks the engine process of a run about a member. Fails for members that the
/// kernel alone plays.
[[nodiscard]] Outcome<MemberView> Show(std::string_view id,
                                       std::string_view member);

}  // namespace natkit::netsim
