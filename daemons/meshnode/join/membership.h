#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands/command_support.h"
#include "join/join_options.h"
#include "join/node_settings.h"
#include "join/posture.h"
#include "join/state_directory.h"
#include "natkit/base/rng.h"
#include "natkit/base/secret_string.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/timer.h"
#include "natkit/mesh/control/control_client.h"
#include "natkit/mesh/control/key_renewal.h"
#include "natkit/mesh/control/map_planner.h"
#include "natkit/shell/control_link.h"

namespace natkit::meshnode {

/// Where a node stands with its server.
struct MembershipState {
  enum class Phase : uint8_t {
    kConnecting,
    kPendingApproval,
    kActive,
    kKeyExpired,
    kRemoved,  ///< for good; why is in `text`
  };

  Phase phase = Phase::kConnecting;
  bool is_connected = false;
  bool is_refused = false;  ///< kRemoved only: the server would not have it
  bool is_from_saved_map = false;     ///< the server was not heard in this run
  std::string approval_code;          ///< kPendingApproval only
  std::string server = "the server";  ///< HOST:PORT
  std::string text;                   ///< for people; may be empty
  mesh::NodeId node = 0;
};

/// Where the node stands and what to do about it, in a sentence.
[[nodiscard]] std::string DescribeMembership(const MembershipState& state);

/// A node's membership in a mesh: its keys on disk, the stream to its server,
/// its copy of the map, and what that copy means for the node. The other half
/// of the node, the engine and the system, does what the handlers say.
class Membership {
 public:
  struct Handlers {
    /// The plan is to be applied as a whole; when this returns it is in force,
    /// and the server is told so. Also for the saved map, at Start().
    std::function<void(const mesh::NetworkMap& map, mesh::MapPlan plan)> on_map;
    std::function<void(const MembershipState& state)> on_state;
    std::function<void(mesh::NodeId from, ByteView sealed)> on_signal;
    /// Everybody has the next key: use it, now.
    std::function<void(const StaticPrivateKey& next)> on_switch_key;
  };

  /// Opens the state directory and makes what is missing in it. `auth_key` may
  /// be empty; it is wiped once it has served. The error is for the user.
  [[nodiscard]] static Outcome<std::unique_ptr<Membership>> Open(
      io::EventLoop& loop, JoinOptions options, SecretString auth_key, Rng& rng,
      Handlers handlers);

  /// The saved map first, if there is one; then the server.
  void Start();
  /// Ends the stream in good order and saves the map.
  void Stop();
  /// Leaves the mesh: the server removes this node.
  void Logout();

  /// The network changed.
  void HandleNetworkChange();
  /// What the server should know of this node beside its routes.
  void SetReport(mesh::NodeReport report);
  bool SendSignal(mesh::NodeId to, ByteView sealed);
  /// The map is planned anew, and the server told what it has to know.
  void SetRouting(RoutingOptions routing);
  /// Changes settings as NodeSettings::Set() takes them, for this run and the
  /// next ones. The error is for the user, and nothing has changed then.
  [[nodiscard]] Outcome<void> Set(
      const std::map<std::string, std::string>& values);
  /// All that Set() knows, as it is in force.
  [[nodiscard]] std::map<std::string, std::string> settings() const;
  /// Deletes keys, map and settings: the next run is a new machine's.
  void Forget();
  /// Begins a rotation of the node key; on_switch_key follows when all is
  /// ready.
  [[nodiscard]] Outcome<void> RotateKey();

  [[nodiscard]] const MembershipState& state() const { return state_; }

  [[nodiscard]] const RoutingOptions& routing() const {
    return options_.routing;
  }

  /// The name of the chosen exit in `map`, or what it was asked for by if it
  /// is not there; nullopt: none is chosen.
  [[nodiscard]] std::optional<std::string> ExitName(
      const mesh::NetworkMap& map) const;

  [[nodiscard]] bool accepts_dns() const { return options_.accepts_dns; }

  /// Why the map is not on disk, for people; empty: it is.
  [[nodiscard]] const std::string& save_error() const { return save_error_; }

  [[nodiscard]] const mesh::MapPlanner& planner() const { return planner_; }

  /// nullptr before there is one.
  [[nodiscard]] const mesh::NetworkMap* map() const;

  /// The keys of this run.
  [[nodiscard]] const NodeSecrets& secrets() const { return secrets_; }

  [[nodiscard]] const mesh::MachineKey& machine_key() const {
    return machine_.key();
  }

 private:
  Membership(io::EventLoop& loop, JoinOptions options, Rng& rng,
             Handlers handlers, StateDirectory directory, NodeSecrets secrets);
  Outcome<void> LoadSettings();
  Outcome<void> Connect(SecretString auth_key);
  void HandleEvent(mesh::ControlEvent event);
  void Handle(const mesh::ControlAdmitted& admitted);
  void Handle(const mesh::ControlMapChanged& changed);
  void Handle(const mesh::ReceivedSignal& signal);
  void Handle(const mesh::ControlRotation& rotation);
  void Handle(const mesh::ControlLost& lost);
  void ApplyMap(const mesh::MapChanges& changes);
  void Replan();
  void LeaveMap();
  void ArmRenewal();
  void RenewKey();
  void Report();
  void SaveMap();
  void Tell();
  [[nodiscard]] mesh::MapChoices Choices(const mesh::NetworkMap& map) const;

  io::EventLoop& loop_;
  JoinOptions options_;
  JoinOptions given_;  ///< as `up` was asked, before Set()
  NodeSettings settings_;
  Rng& rng_;
  Handlers handlers_;
  StateDirectory directory_;
  NodeSecrets secrets_;
  mesh::MachineIdentity machine_;
  mesh::MapPlanner planner_;
  PostureReporter posture_;
  mesh::NodeReport report_;
  MembershipState state_;
  std::string save_error_;
  std::unique_ptr<shell::ControlLink> link_;
  io::Timer save_timer_;
  mesh::KeyRenewal renewal_;
  io::Timer renewal_timer_;
};

}  // namespace natkit::meshnode
