#include <algorithm>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/base/queue.h"
#include "server/server_impl.h"

namespace natkit::derp {

Connection* ServerCore::Impl::Find(ConnectionId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

bool ServerCore::Impl::has_output(ConnectionId id) const {
  const auto found = connections_.find(id);
  return found != connections_.end() && found->second->is_pending;
}

std::optional<ConnectionId> ServerCore::Impl::PollReady() {
  while (next_ready_ < ready_.size()) {
    const ConnectionId id = ready_[next_ready_++];
    Connection* const connection = Find(id);
    if (connection != nullptr) {
      connection->is_ready_listed = false;
      if (connection->is_pending) {
        return id;
      }
    }
  }
  ready_.clear();
  next_ready_ = 0;
  return std::nullopt;
}

void ServerCore::Impl::MarkPending(Instant now, Connection& connection) {
  if (connection.is_pending) {
    return;
  }
  connection.is_pending = true;
  connection.pending_since = now;
  auto& pending = PendingList(connection);
  pending.splice(pending.end(), idle_, connection.pending_position);
  if (!connection.is_ready_listed) {
    connection.is_ready_listed = true;
    if (next_ready_ > ready_.size() / 2) {
      // For a shell that never polls to the end: keep only what is to come.
      ready_.erase(ready_.begin(),
                   ready_.begin() + static_cast<ptrdiff_t>(next_ready_));
      next_ready_ = 0;
    }
    ready_.push_back(connection.id);
  }
}

size_t ServerCore::Impl::PollTransmit(Instant now, ConnectionId id,
                                      MutableBytes out) {
  Connection* const connection = Find(id);
  if (connection == nullptr || !connection->is_pending || out.empty()) {
    return 0;
  }
  Outbox& outbox = connection->outbox;
  size_t count = outbox.DrainStarted(out, pool_);
  while (count < out.size()) {
    const Started started = outbox.StartNext();
    if (started == Started::kNothing) {
      break;
    }
    NoteStarted(now, *connection, started);
    count += outbox.DrainStarted(out.subspan(count), pool_);
  }
  NoteDrained(now, *connection, count);
  return count;
}

void ServerCore::Impl::NoteStarted(Instant now, Connection& connection,
                                   Started started) {
  switch (started) {
    case Started::kPacket:
      NotePacketStarted(now, connection);
      return;
    case Started::kPong:
      ++counters_.sent_pong;
      return;
    case Started::kPeerGone:
      if (connection.outbox.last_gone_reason() == PeerGoneReason::kNotHere) {
        ++counters_.peer_gone_not_here_frames;
      } else {
        ++counters_.peer_gone_disconnected_frames;
      }
      return;
    case Started::kNothing:
    case Started::kKeepAlive:
    case Started::kRestarting:
      return;
  }
}

void ServerCore::Impl::NoteDrained(Instant now, Connection& connection,
                                   size_t count) {
  counters_.queued_bytes = pool_.bytes_in_use();
  auto& pending = PendingList(connection);
  if (connection.outbox.is_empty()) {
    connection.is_pending = false;
    idle_.splice(idle_.end(), pending, connection.pending_position);
    if (connection.phase == Phase::kDraining) {
      Close(now, connection, connection.close_reason);
    }
  } else if (count > 0) {
    connection.pending_since = now;
    pending.splice(pending.end(), pending, connection.pending_position);
  }
}

std::list<Connection*>& ServerCore::Impl::PendingList(
    const Connection& connection) {
  return connection.phase == Phase::kRunning && connection.is_mesh_peer
             ? pending_mesh_peers_
             : pending_clients_;
}

std::optional<ServerEvent> ServerCore::Impl::PollEvent() {
  return TakeFront(events_);
}

void ServerCore::Impl::SetDeadline(Connection& connection,
                                   std::optional<Instant> deadline) {
  if (connection.deadline) {
    deadlines_.erase({*connection.deadline, connection.id});
  }
  connection.deadline = deadline;
  if (deadline) {
    deadlines_.emplace(*deadline, connection.id);
  }
}

std::optional<Instant> ServerCore::Impl::BlockedDeadline(
    const std::list<Connection*>& pending, Duration timeout) const {
  if (pending.empty() || timeout == Duration::zero()) {
    return std::nullopt;
  }
  return pending.front()->pending_since + timeout;
}

std::optional<Instant> ServerCore::Impl::NextTimeout() const {
  std::optional<Instant> next;
  const auto consider = [&next](std::optional<Instant> candidate) {
    if (candidate && (!next || *candidate < *next)) {
      next = candidate;
    }
  };
  if (!deadlines_.empty()) {
    consider(deadlines_.begin()->first);
  }
  consider(BlockedDeadline(pending_clients_, config_.write_timeout));
  consider(BlockedDeadline(pending_mesh_peers_, config_.mesh_write_timeout));
  return next;
}

void ServerCore::Impl::HandleTimeout(Instant now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Connection* const connection = Find(deadlines_.begin()->second);
    NATKIT_CHECK(connection != nullptr);
    HandleDeadline(now, *connection);
  }
  CloseBlocked(now);
}

void ServerCore::Impl::HandleDeadline(Instant now, Connection& connection) {
  switch (connection.phase) {
    case Phase::kHttp:
      Close(now, connection, CloseReason::kHttpTimeout);
      return;
    case Phase::kLogin:
      Close(now, connection, CloseReason::kLoginTimeout);
      return;
    case Phase::kRunning:
      connection.outbox.RequestKeepAlive();
      MarkPending(now, connection);
      SetDeadline(connection, now + connection.keep_alive_period);
      return;
    case Phase::kDraining:
      Close(now, connection, connection.close_reason);
      return;
  }
}

void ServerCore::Impl::CloseBlocked(Instant now) {
  const auto close_first = [this, now](const std::list<Connection*>& pending,
                                       Duration timeout) {
    const auto deadline = BlockedDeadline(pending, timeout);
    if (!deadline || *deadline > now) {
      return false;
    }
    ++counters_.sclient_write_timeouts;
    Close(now, *pending.front(), CloseReason::kWriteTimeout);
    return true;
  };
  while (close_first(pending_clients_, config_.write_timeout) ||
         close_first(pending_mesh_peers_, config_.mesh_write_timeout)) {
    // Until the longest wait is short enough.
  }
}

void ServerCore::Impl::CloseAfterOutput(Instant now, Connection& connection,
                                        CloseReason reason) {
  if (connection.outbox.is_empty()) {
    Close(now, connection, reason);
    return;
  }
  connection.phase = Phase::kDraining;
  connection.close_reason = reason;
  connection.http.reset();
  constexpr Duration kDrainTime = std::chrono::seconds(2);
  SetDeadline(connection, now + kDrainTime);
}

void ServerCore::Impl::Close(Instant now, Connection& connection,
                             CloseReason reason) {
  events_.emplace_back(ConnectionClosed{connection.id, reason});
  Remove(now, connection);
}

void ServerCore::Impl::HandleClosed(Instant now, ConnectionId id) {
  if (Connection* const connection = Find(id)) {
    Remove(now, *connection);
  }
}

void ServerCore::Impl::Remove(Instant now, Connection& connection) {
  connection.outbox.Clear(pool_,
                          [this](PacketKind kind, const QueuedPacket& packet) {
                            CountDrop(DropReason::kGoneDisconnected, kind,
                                      packet.size - kPacketFrameOverhead);
                          });
  counters_.queued_bytes = pool_.bytes_in_use();
  (connection.is_pending ? PendingList(connection) : idle_)
      .erase(connection.pending_position);
  SetDeadline(connection, std::nullopt);
  const ConnectionId id = connection.id;
  if (connection.phase == Phase::kRunning) {
    Unregister(now, connection);
  }
  connections_.erase(id);
}

void ServerCore::Impl::Unregister(Instant now, Connection& connection) {
  for (const PublicKey& source : connection.heard_from) {
    const auto watchers = gone_watchers_.find(source);
    watchers->second.erase(connection.id);
    if (watchers->second.empty()) {
      gone_watchers_.erase(watchers);
    }
  }
  const bool was_last = clients_.Unregister(connection, counters_);
  --counters_.current_connections;
  counters_.current_home_connections -= connection.is_home ? 1 : 0;
  counters_.current_notideal_connections -= connection.is_not_ideal ? 1 : 0;
  events_.emplace_back(ClientGone{
      .id = connection.id, .key = connection.key, .was_last = was_last});
  if (was_last) {
    NotifyGone(now, connection.key);
  }
}

void ServerCore::Impl::ClosePeer(Instant now, const PublicKey& key) {
  while (const ClientEntry* const entry = clients_.Find(key)) {
    Close(now, *entry->connections.back(), CloseReason::kClosedByPeer);
  }
}

void ServerCore::Impl::AnnounceRestart(Instant now,
                                       const Restarting& restarting) {
  for (const auto& [id, connection] : connections_) {
    if (connection->phase == Phase::kRunning) {
      connection->outbox.RequestRestarting(restarting);
      MarkPending(now, *connection);
    }
  }
}

}  // namespace natkit::derp
