#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "natkit/derp/server_core.h"
#include "queue/packet_pool.h"
#include "server/client_table.h"
#include "server/connection.h"

namespace natkit::derp {

/// The hub behind ServerCore. Its parts are in server_login.cc (HTTP, login),
/// server_relay.cc (frames) and server_output.cc (writing, timers, closing).
class ServerCore::Impl {
 public:
  Impl(ServerConfig config, Rng& rng);

  void Accept(Instant now, ConnectionId id, const RemoteInfo& remote);
  [[nodiscard]] size_t HandleSomeBytes(Instant now, ConnectionId id,
                                       ByteView bytes);
  void HandleClosed(Instant now, ConnectionId id);
  void HandleTimeout(Instant now);
  void ClosePeer(Instant now, const PublicKey& key);
  void AnnounceRestart(Instant now, const Restarting& restarting);

  [[nodiscard]] std::optional<ConnectionId> PollReady();
  [[nodiscard]] size_t PollTransmit(Instant now, ConnectionId id,
                                    MutableBytes out);
  [[nodiscard]] std::optional<ServerEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }

  [[nodiscard]] const ServerCounters& counters() const { return counters_; }

  [[nodiscard]] size_t connection_count() const { return connections_.size(); }

  [[nodiscard]] bool has_output(ConnectionId id) const;

 private:
  /// What a step of input processing leads to; none: carry on.
  using Outcome = std::optional<CloseReason>;
  using FrameHandler = Outcome (Impl::*)(Instant, Connection&, ByteView);
  enum class Privilege : uint8_t { kAnyClient, kMeshPeer };

  struct FrameEntry {
    FrameType type;
    Privilege privilege;
    FrameHandler handle;
  };

  static const std::array<FrameEntry, 6> kFrameTable;

  // server_login.cc
  Outcome HandleHttp(Instant now, Connection& connection, ByteView& input);
  Outcome HandleRequest(Instant now, Connection& connection,
                        std::string_view head);
  void BeginLogin(Instant now, Connection& connection,
                  const HttpRequest& request);
  Outcome HandleLogin(Instant now, Connection& connection, ByteView& input);
  Outcome HandleClientInfo(Instant now, Connection& connection,
                           ByteView payload);
  [[nodiscard]] bool IsMeshKey(const std::optional<MeshKey>& key) const;
  bool StageServerInfo(Connection& connection);
  void Register(Instant now, Connection& connection);

  // server_relay.cc
  Outcome HandleFrames(Instant now, Connection& connection, ByteView& input);
  Outcome Dispatch(Instant now, Connection& connection, const Frame& frame);
  Outcome HandleSendPacket(Instant now, Connection& from, ByteView payload);
  Outcome HandleNotePreferred(Instant now, Connection& from, ByteView payload);
  Outcome HandlePing(Instant now, Connection& from, ByteView payload);
  Outcome IgnoreFrame(Instant now, Connection& from, ByteView payload);
  void Relay(Instant now, const Connection& from, Connection& to,
             ByteView data);
  void SendNotHere(Instant now, Connection& to, const PublicKey& peer,
                   ByteView data);
  void CountDrop(DropReason reason, PacketKind kind, size_t bytes);
  void NoteSource(Connection& to, const PublicKey& source);
  void NotifyGone(Instant now, const PublicKey& peer);

  // server_output.cc
  [[nodiscard]] Connection* Find(ConnectionId id);
  void MarkPending(Instant now, Connection& connection);
  void NoteStarted(Instant now, Connection& connection, Started started);
  void NotePacketStarted(Instant now, Connection& connection);
  void NoteDrained(Instant now, Connection& connection, size_t count);
  void SetDeadline(Connection& connection, std::optional<Instant> deadline);
  void HandleDeadline(Instant now, Connection& connection);
  void CloseBlocked(Instant now);
  [[nodiscard]] std::optional<Instant> BlockedDeadline(
      const std::list<Connection*>& pending, Duration timeout) const;
  [[nodiscard]] std::list<Connection*>& PendingList(
      const Connection& connection);
  /// Closes once the output is gone, or after the write timeout.
  void CloseAfterOutput(Instant now, Connection& connection,
                        CloseReason reason);
  void Close(Instant now, Connection& connection, CloseReason reason);
  void Remove(Instant now, Connection& connection);
  void Unregister(Instant now, Connection& connection);

  ServerConfig config_;
  Rng& rng_;
  PublicKey public_key_;
  ServerCounters counters_;
  PacketPool pool_;
  ClientTable clients_;
  std::map<ConnectionId, std::unique_ptr<Connection>> connections_;
  /// Who is told when a peer leaves.
  std::map<PublicKey, std::set<ConnectionId>> gone_watchers_;

  std::vector<ConnectionId> ready_;  // each connection at most once
  size_t next_ready_ = 0;            // those before were polled
  bool has_filled_queue_ = false;    // the input that is being handled
  std::deque<ServerEvent> events_;
  std::set<std::pair<Instant, ConnectionId>> deadlines_;
  // Connections by how long their output has been stuck, longest first; one
  // list per write timeout. Nodes move between the lists, never reallocate.
  std::list<Connection*> idle_;
  std::list<Connection*> pending_clients_;
  std::list<Connection*> pending_mesh_peers_;
};

}  // namespace natkit::derp
