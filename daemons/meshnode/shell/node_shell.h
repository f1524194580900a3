#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "commands/command_support.h"
#include "control/control_server.h"
#include "dns/node_dns.h"
#include "join/membership.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/interfaces.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/io/timer.h"
#include "natkit/io/tun_device.h"
#include "natkit/mesh/node.h"
#include "natkit/shell/port_mapping.h"
#include "shell/clock_watch.h"
#include "shell/node_shell_config.h"
#include "shell/node_shell_punch.h"
#include "shell/node_shell_relays.h"
#include "shell/node_shell_routes.h"
#include "shell/node_shell_stun.h"
#include "shell/node_shell_udp.h"

namespace natkit::meshnode {

struct MeshStanding;

/// Binds a mesh::Node to the system: UDP sockets, TUN device, relay streams,
/// STUN servers' names, interface addresses, control socket, signals. It moves
/// bytes and time and decides nothing.
class NodeShell {
 public:
  /// Opens everything; the error is for the user. `loop` must outlive this.
  [[nodiscard]] static Outcome<std::unique_ptr<NodeShell>> Make(
      io::EventLoop& loop, UpOptions options);
  ~NodeShell();
  NodeShell(const NodeShell&) = delete;
  NodeShell& operator=(const NodeShell&) = delete;

  /// Serves until a signal, `meshnode down` or the loss of the TUN device.
  /// Returns the exit code.
  int Run();

 private:
  explicit NodeShell(io::EventLoop& loop);

  // Set-up, in this order; of a node that joins, the last four when its map is
  // there.
  Outcome<void> OpenInventory();
  Outcome<void> MakeNode(const UpOptions& options);
  Outcome<void> OpenControl(const UpOptions& options);
  Outcome<void> OpenUdp(const UpOptions& options);
  Outcome<void> OpenRelays(RelayStreams::Relays relays);
  Outcome<void> OpenInterface(const UpOptions& options);
  void WatchNetwork();
  void Start();
  void LogStart() const;

  // node_shell_join.cc: a node whose peers a server names.
  Outcome<void> OpenJoined();
  Outcome<void> OpenRoutes();
  Outcome<void> BringUp(const mesh::NetworkMap& map);
  void HandleMap(const mesh::NetworkMap& map, mesh::MapPlan plan);
  void ApplyPlan(const mesh::NetworkMap& map, mesh::MapPlan plan);
  void UpdateRelays(const mesh::NetworkMap& map);
  void UpdateRoutes();  // node_shell_routes.cc
  void HandleMembership(const MembershipState& state);
  void HandleSignal(mesh::NodeId from, ByteView sealed);
  void SwitchKey(const StaticPrivateKey& next);
  void SendSignals();
  void ReportSelf(const std::vector<Endpoint>& reflexive);

  // node_shell_dns.cc: names on a node that joined.
  void OpenDns();
  std::optional<DnsPlan> PlanDns() const;

  ControlHandlers MakeControlHandlers();
  // node_shell_control.cc: what a joined node is asked for.
  std::string StatusLine() const;
  std::string DebugLine() const;
  Outcome<std::string> NetcheckLine() const;
  Outcome<std::string> Set(const std::map<std::string, std::string>& values);
  Outcome<std::string> Logout();
  Outcome<std::string> Rekey();
  MeshStanding Standing(const mesh::NodeState* engine) const;
  /// Why there is nothing to ask yet, for the user; nullopt: there is.
  std::optional<std::string> NotReady() const;
  /// By name, full name in any case, or mesh address; nullptr: nobody.
  const mesh::NodeEntry* FindNode(const std::string& name) const;
  Outcome<IpAddress> FindPingAddress(const std::string& peer) const;
  void HandleNetworkChange();
  void CheckClock();
  void StartPortMapping();
  void HandlePortMapping(const nat::PortMapperEvent& event);
  void TellPortMapping(const mesh::ReflexiveChanged& seen);
  void TellPortMapping(const mesh::MappingProbed& probed);
  /// Takes the mapping back, then ends the loop.
  void EndPortMapping();
  void UpdateLocalEndpoints();
  void Stop(int exit_code, const std::string& why);

  /// Hands every output of the node on and arms the timer; after each input.
  void Pump();
  void HandleCommand(const mesh::RelayCommand& command);
  void HandleCommand(const mesh::SocketCommand& command);
  void HandleEvent(const mesh::NodeEvent& event);

  io::EventLoop& loop_;
  SystemRng rng_;
  UpOptions options_;
  mesh::MeshFile mesh_;  ///< of a node that joined: as its map says
  const mesh::NodeEntry* self_ = nullptr;  // in mesh_
  int exit_code_ = kExitOk;
  bool uses_port_mapping_ = true;
  nat::PcpNonceKey pcp_nonce_key_;
  bool is_stopping_ = false;
  uint32_t fwmark_ = 0;  ///< of all that a joined node sends itself
  std::string control_path_;
  // Destroyed last, so that whoever waits for the end of `meshnode down` sees
  // it when the TUN device is gone.
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<mesh::Node> node_;
  std::optional<UdpPair> udp_;
  PunchSockets punch_;
  std::optional<io::TunDevice> tun_;
  std::unique_ptr<NodeRoutes> routes_;  ///< of a node that joined
  std::unique_ptr<RelayStreams> relays_;
  std::optional<StunDirectory> stun_;
  std::optional<shell::PortMapping> port_mapping_;
  std::unique_ptr<Membership> membership_;
  std::optional<io::Timer> logout_timer_;   ///< while the node leaves the mesh
  std::optional<io::Timer> refusal_timer_;  ///< refused before it was in a mesh
  std::optional<NodeDns> dns_;  ///< of a node that joined, with a TUN device
  std::optional<io::NetworkWatcher> watcher_;
  io::Timer timer_;
  ClockWatch clock_;
  io::Timer clock_timer_;
  io::SignalWatcher signals_;
  std::optional<io::SignalWatcher> hang_up_;
};

}  // namespace natkit::meshnode
