#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/receive_queue.h"
#include "agent/wait_descriptor.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/log.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/common.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/interfaces.h"
#include "natkit/io/udp_socket.h"
#include "natkit/io/unique_fd.h"
#include "natkit/mesh/agent/agent_hub.h"
#include "natkit/shell/relay_streams.h"
#include "natkit/tls/context.h"

namespace natkit::c {

struct HubShellConfig {
  StaticPrivateKey private_key;
  std::unique_ptr<Rng> rng;
  LogSink log;  ///< may be empty
  nat::PowerMode power = nat::PowerMode::kMains;
  uint16_t port = 0;
  bool has_ipv6 = true;
  bool uses_loopback = false;
  bool watches_network = true;
  std::vector<io::UniqueFd> sockets;  ///< empty: opens its own
  size_t receive_buffer = size_t{1} << 20;
  /// What one agent has of it at most.
  size_t agent_receive_buffer = SIZE_MAX;
  size_t unclaimed_buffer = 0;           ///< 0: what is nobody's is dropped
  std::optional<std::string> roots_pem;  ///< unset: the system's
  /// Names; a '*' at the end stands for any end.
  std::vector<std::string> ignored_interfaces;
  uint32_t fwmark = 0;
};

struct HubShellCounters {
  uint64_t sent_direct = 0;
  uint64_t sent_relayed = 0;
  uint64_t received = 0;
  uint64_t dropped_received = 0;
  uint64_t unclaimed = 0;  ///< kept
  uint64_t dropped_unclaimed = 0;
};

/// What one agent has sent and received.
struct AgentCounters {
  uint64_t sent_direct = 0;
  uint64_t sent_relayed = 0;
  uint64_t sent_bytes = 0;
  uint64_t received = 0;
  uint64_t received_bytes = 0;
  uint64_t dropped_received = 0;
};

/// Sockets, relays' streams and time for an AgentHub, in a loop that never
/// waits: its owner waits on descriptor() and NextTimeout() and calls
/// Process().
class HubShell {
 public:
  /// Errors: as natkit_hub_new().
  static Result<std::unique_ptr<HubShell>> Make(HubShellConfig config);
  HubShell(const HubShell&) = delete;
  HubShell& operator=(const HubShell&) = delete;

  /// `addresses` are dialled; the entry's name is what both sides call it.
  /// Errors: as natkit_hub_add_relay().
  [[nodiscard]] Result<mesh::RelayId> AddRelay(
      const mesh::RelayEntry& entry, std::vector<IpAddress> addresses);

  /// Errors: kClosed, from the first time on that descriptor() was found
  /// closed.
  [[nodiscard]] Result<void> Process();
  /// Errors: kIo.
  [[nodiscard]] Result<void> RefreshAddresses();
  /// The same, and has all that may have changed with the network checked.
  /// Errors: kIo.
  [[nodiscard]] Result<void> CheckNetwork();

  [[nodiscard]] int descriptor() const { return wait_ ? wait_->get() : -1; }

  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Does something to the hub and carries what comes of it; `action` gets the
  /// hub and the time.
  template <class Action>
  auto Do(Action&& action) {
    auto result = std::forward<Action>(action)(hub_, io::EventLoop::Now());
    Pump();
    return result;
  }

  /// Sends packets from the first on; how many were taken. An error if that is
  /// the first one's. Only their bytes count.
  [[nodiscard]] Result<int> Send(mesh::AgentId agent,
                                 std::span<const natkit_packet> packets);
  void Remove(mesh::AgentId agent);

  [[nodiscard]] const mesh::AgentHub& hub() const { return hub_; }

  [[nodiscard]] std::optional<mesh::HubEvent> PollEvent();

  [[nodiscard]] ReceiveQueue& received() { return received_; }

  /// What is nobody's; nullptr if that is not kept.
  [[nodiscard]] ReceiveQueue* unclaimed() {
    return unclaimed_ ? &*unclaimed_ : nullptr;
  }

  /// Datagrams that the system did not take.
  [[nodiscard]] uint64_t CountUnsent() const;

  [[nodiscard]] const std::vector<Endpoint>& bases() const { return bases_; }

  [[nodiscard]] size_t relay_count() const { return relays_.size(); }

  /// Of the relay of this name; 0 if there is none.
  [[nodiscard]] uint32_t RelayNumber(const std::string& name) const;

  [[nodiscard]] const HubShellCounters& counters() const { return counters_; }

  /// All zeros for an agent that there is not.
  [[nodiscard]] AgentCounters CountersOf(mesh::AgentId agent) const;

 private:
  explicit HubShell(HubShellConfig config);

  [[nodiscard]] Result<void> OpenSockets();
  [[nodiscard]] Result<void> AdoptSockets(std::vector<io::UniqueFd> sockets);
  [[nodiscard]] Result<void> StartWatching();
  [[nodiscard]] bool IsIgnored(std::string_view interface) const;
  [[nodiscard]] Result<void> MakeTls(bool needs_roots);
  [[nodiscard]] std::optional<io::UdpSocket>& SocketFor(const Endpoint& remote);
  void NoticeSleep();
  void OnDatagrams(PacketBatch& batch);
  void Deliver(const ReceiveQueue::Item& item, ByteView bytes);
  void DeliverRelayed();
  void Keep(const ReceiveQueue::Item& item, ByteView bytes);
  [[nodiscard]] Result<int> SendDirect(mesh::AgentId agent,
                                       const mesh::DataRoute& route,
                                       std::span<const natkit_packet> packets);
  [[nodiscard]] Result<int> SendRelayed(mesh::AgentId agent,
                                        std::span<const natkit_packet> packets);
  void CountSent(mesh::AgentId agent, mesh::PathKind way, size_t bytes);
  void Pump();
  void Obey(const mesh::RelayCommand& command);
  void Log(LogLevel level, const std::string& line) const;
  void LogEvent(const mesh::HubEvent& event) const;

  struct Relay {
    mesh::RelayEntry entry;
    std::vector<IpAddress> addresses;
  };

  bool has_ipv6_;
  bool uses_loopback_;
  bool watches_network_;
  uint16_t port_;
  uint32_t fwmark_;
  std::vector<std::string> ignored_interfaces_;
  std::optional<std::string> roots_pem_;
  LogSink log_;
  std::unique_ptr<Rng> rng_;
  // Before all that lives on it. Asking it for its timeout updates its clock.
  mutable io::EventLoop loop_;
  mesh::AgentHub hub_;
  std::optional<io::UdpSocket> v4_;
  std::optional<io::UdpSocket> v6_;
  std::optional<io::NetworkWatcher> watcher_;
  std::vector<Endpoint> bases_;
  Duration asleep_ = io::EventLoop::TimeAsleep();  ///< that was noticed
  std::vector<Relay> relays_;
  std::optional<tls::ClientContext> tls_;
  bool has_roots_ = false;
  shell::RelayStreams streams_;
  ReceiveQueue received_;
  std::optional<ReceiveQueue> unclaimed_;
  PacketBatch outgoing_;
  std::optional<WaitDescriptor> wait_;  ///< unset: it was closed
  HubShellCounters counters_;
  std::unordered_map<mesh::AgentId, AgentCounters> agents_;
};

}  // namespace natkit::c
