#include <algorithm>
#include <array>
#include <utility>

#include "server/server_impl.h"

namespace natkit::derp {
namespace {

// A NotePreferred later than this after the login is a move of the home.
constexpr Duration kHomeMoveAfter = std::chrono::seconds(5);

// A bound for strangers; only connected peers count against it.
constexpr size_t kMaxHeardFrom = 8192;

PacketKind KindOf(ByteView data) {
  return LooksLikeDisco(data) ? PacketKind::kDisco : PacketKind::kOther;
}

PublicKey SourceOf(const QueuedPacket& packet) {
  PublicKey key;
  std::copy_n(packet.bytes().begin() + kFrameHeaderSize, kKeySize,
              key.bytes.begin());
  return key;
}

}  // namespace

const std::array<ServerCore::Impl::FrameEntry, 6>
    ServerCore::Impl::kFrameTable = {{
        {FrameType::kSendPacket, Privilege::kAnyClient,
         &Impl::HandleSendPacket},
        {FrameType::kNotePreferred, Privilege::kAnyClient,
         &Impl::HandleNotePreferred},
        {FrameType::kPing, Privilege::kAnyClient, &Impl::HandlePing},
        {FrameType::kForwardPacket, Privilege::kMeshPeer, &Impl::IgnoreFrame},
        {FrameType::kWatchConns, Privilege::kMeshPeer, &Impl::IgnoreFrame},
        {FrameType::kClosePeer, Privilege::kMeshPeer, &Impl::IgnoreFrame},
    }};

ServerCore::Impl::Outcome ServerCore::Impl::HandleFrames(Instant now,
                                                         Connection& connection,
                                                         ByteView& input) {
  while (true) {
    const auto frame = connection.decoder.Next(input);
    const uint64_t skipped = connection.decoder.skipped();
    if (skipped != connection.skipped_frames) {
      counters_.unknown_frames += skipped - connection.skipped_frames;
      connection.skipped_frames = skipped;
      clients_.NoteActivity(connection);
    }
    if (!frame) {
      return CloseReason::kBadFrame;
    }
    if (!*frame) {
      return std::nullopt;
    }
    clients_.NoteActivity(connection);
    const Outcome outcome = Dispatch(now, connection, **frame);
    if (outcome || has_filled_queue_) {
      return outcome;
    }
  }
}

ServerCore::Impl::Outcome ServerCore::Impl::Dispatch(Instant now,
                                                     Connection& connection,
                                                     const Frame& frame) {
  const auto entry =
      std::ranges::find(kFrameTable, frame.type, &FrameEntry::type);
  if (entry == kFrameTable.end()) {
    return std::nullopt;
  }
  if (entry->privilege == Privilege::kMeshPeer && !connection.is_mesh_peer) {
    return CloseReason::kForbiddenFrame;
  }
  return (this->*entry->handle)(now, connection, frame.payload);
}

ServerCore::Impl::Outcome ServerCore::Impl::HandleSendPacket(Instant now,
                                                             Connection& from,
                                                             ByteView payload) {
  PublicKey destination;
  std::copy_n(payload.begin(), kKeySize, destination.bytes.begin());
  const ByteView data = payload.subspan(kKeySize);
  const PacketKind kind = KindOf(data);
  ++counters_.packets_received;
  ++counters_.packets_received_kind[static_cast<size_t>(kind)];
  counters_.bytes_received += data.size();

  const ClientEntry* const entry = clients_.Find(destination);
  if (entry == nullptr) {
    CountDrop(DropReason::kUnknownDest, kind, data.size());
    SendNotHere(now, from, destination, data);
  } else if (entry->active == nullptr) {
    CountDrop(DropReason::kDupClient, kind, data.size());
  } else {
    Relay(now, from, *entry->active, data);
  }
  return std::nullopt;
}

void ServerCore::Impl::Relay(Instant now, const Connection& from,
                             Connection& to, ByteView data) {
  const PacketKind kind = KindOf(data);
  const bool was_full = to.outbox.fifo(kind).size() >= config_.queue_depth;
  while (to.outbox.fifo(kind).size() >= config_.queue_depth) {
    auto oldest = to.outbox.PopOldest(kind);
    CountDrop(DropReason::kQueueHead, kind,
              oldest->size - kPacketFrameOverhead);
    pool_.Give(std::move(oldest));
  }
  auto packet = pool_.Take(kPacketFrameOverhead + data.size());
  if (packet == nullptr) {
    CountDrop(DropReason::kQueueTail, kind, data.size());
    return;
  }
  const MutableBytes bytes = packet->bytes();
  WriteFrameHeader(FrameType::kRecvPacket, kKeySize + data.size(), bytes);
  std::ranges::copy(from.key.bytes, bytes.begin() + kFrameHeaderSize);
  std::ranges::copy(data, bytes.begin() + kPacketFrameOverhead);
  packet->enqueued_at = now;
  to.outbox.Push(kind, std::move(packet));
  // Where a queue was full the reader is slow, and waiting for it is in vain.
  has_filled_queue_ =
      !was_full && to.outbox.fifo(kind).size() == config_.queue_depth;
  counters_.queued_bytes = pool_.bytes_in_use();
  MarkPending(now, to);
}

void ServerCore::Impl::SendNotHere(Instant now, Connection& to,
                                   const PublicKey& peer, ByteView data) {
  // Only what a client sends to find a path: answering every stray packet
  // would double the traffic of a client that talks to a peer that left.
  if (config_.not_here_policy == NotHerePolicy::kDiscoOnly &&
      !LooksLikeDisco(data)) {
    return;
  }
  if (to.not_here.Take(now, 1)) {
    to.outbox.RequestPeerGone({peer, PeerGoneReason::kNotHere});
    MarkPending(now, to);
  }
}

ServerCore::Impl::Outcome ServerCore::Impl::HandleNotePreferred(
    Instant now, Connection& from, ByteView payload) {
  const bool is_home = payload.front() != 0;
  if (is_home == from.is_home) {
    return std::nullopt;
  }
  from.is_home = is_home;
  const bool moves = now > from.connected_at + kHomeMoveAfter;
  if (is_home) {
    ++counters_.current_home_connections;
    counters_.home_moves_in += moves ? 1 : 0;
  } else {
    --counters_.current_home_connections;
    counters_.home_moves_out += moves ? 1 : 0;
  }
  return std::nullopt;
}

ServerCore::Impl::Outcome ServerCore::Impl::HandlePing(Instant now,
                                                       Connection& from,
                                                       ByteView payload) {
  ++counters_.got_ping;
  if (from.outbox.RequestPong(payload.first(kPingSize))) {
    MarkPending(now, from);
  }
  return std::nullopt;
}

ServerCore::Impl::Outcome ServerCore::Impl::IgnoreFrame(Instant /*now*/,
                                                        Connection& /*from*/,
                                                        ByteView /*payload*/) {
  ++counters_.unknown_frames;
  return std::nullopt;
}

void ServerCore::Impl::CountDrop(DropReason reason, PacketKind kind,
                                 size_t bytes) {
  const auto row = static_cast<size_t>(reason);
  const auto column = static_cast<size_t>(kind);
  ++counters_.packets_dropped[row][column];
  counters_.bytes_dropped[row][column] += bytes;
}

void ServerCore::Impl::NoteSource(Connection& to, const PublicKey& source) {
  if (to.last_source == source) {
    return;
  }
  if (to.heard_from.contains(source)) {
    to.last_source = source;
  } else if (clients_.Find(source) == nullptr) {
    // It left while its packet waited: say so after the packet.
    if (!to.outbox.HasPeerGone(source)) {
      to.outbox.RequestPeerGone({source, PeerGoneReason::kDisconnected});
    }
  } else if (to.heard_from.size() < kMaxHeardFrom) {
    to.heard_from.insert(source);
    gone_watchers_[source].insert(to.id);
    to.last_source = source;
  }
}

void ServerCore::Impl::NotifyGone(Instant now, const PublicKey& peer) {
  const auto watchers = gone_watchers_.extract(peer);
  if (watchers.empty()) {
    return;
  }
  for (const ConnectionId id : watchers.mapped()) {
    Connection* const watcher = Find(id);
    if (watcher == nullptr) {
      continue;
    }
    watcher->heard_from.erase(peer);
    if (watcher->last_source == peer) {
      watcher->last_source.reset();
    }
    watcher->outbox.RequestPeerGone({peer, PeerGoneReason::kDisconnected});
    MarkPending(now, *watcher);
  }
}

void ServerCore::Impl::NotePacketStarted(Instant now, Connection& connection) {
  const QueuedPacket& packet = *connection.outbox.current();
  ++counters_.packets_sent;
  counters_.bytes_sent += packet.size - kPacketFrameOverhead;
  constexpr double kAlpha = 0.1;
  const std::chrono::duration<double, std::milli> waited =
      now - packet.enqueued_at;
  counters_.average_queue_duration_ms +=
      kAlpha * (waited.count() - counters_.average_queue_duration_ms);
  NoteSource(connection, SourceOf(packet));
}

}  // namespace natkit::derp
