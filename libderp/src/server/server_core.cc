#include "natkit/derp/server_core.h"

#include <utility>

#include "server/server_impl.h"

namespace natkit::derp {

const char* CloseReasonName(CloseReason reason) {
  switch (reason) {
    case CloseReason::kHttpDone:
      return "http_done";
    case CloseReason::kBadHttp:
      return "bad_http";
    case CloseReason::kHttpTimeout:
      return "http_timeout";
    case CloseReason::kLoginTimeout:
      return "login_timeout";
    case CloseReason::kLoginRejected:
      return "login_rejected";
    case CloseReason::kBadFrame:
      return "bad_frame";
    case CloseReason::kForbiddenFrame:
      return "forbidden_frame";
    case CloseReason::kWriteTimeout:
      return "write_timeout";
    case CloseReason::kClosedByPeer:
      return "closed_by_peer";
    case CloseReason::kTooManyDuplicates:
      return "too_many_duplicates";
  }
  return "unknown";
}

const char* DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kUnknownDest:
      return "unknown_dest";
    case DropReason::kUnknownDestOnFwd:
      return "unknown_dest_on_fwd";
    case DropReason::kGoneDisconnected:
      return "gone_disconnected";
    case DropReason::kQueueHead:
      return "queue_head";
    case DropReason::kQueueTail:
      return "queue_tail";
    case DropReason::kWriteError:
      return "write_error";
    case DropReason::kDupClient:
      return "dup_client";
  }
  return "unknown";
}

const char* PacketKindName(PacketKind kind) {
  return kind == PacketKind::kDisco ? "disco" : "other";
}

ServerCore::ServerCore(ServerConfig config, Rng& rng)
    : impl_(std::make_unique<Impl>(std::move(config), rng)) {}

ServerCore::~ServerCore() = default;

void ServerCore::Accept(Instant now, ConnectionId id,
                        const RemoteInfo& remote) {
  impl_->Accept(now, id, remote);
}

void ServerCore::HandleBytes(Instant now, ConnectionId id, ByteView bytes) {
  while (!bytes.empty()) {
    bytes = bytes.subspan(impl_->HandleSomeBytes(now, id, bytes));
  }
}

size_t ServerCore::HandleSomeBytes(Instant now, ConnectionId id,
                                   ByteView bytes) {
  return impl_->HandleSomeBytes(now, id, bytes);
}

void ServerCore::HandleClosed(Instant now, ConnectionId id) {
  impl_->HandleClosed(now, id);
}

void ServerCore::HandleTimeout(Instant now) {
  impl_->HandleTimeout(now);
}

void ServerCore::ClosePeer(Instant now, const PublicKey& key) {
  impl_->ClosePeer(now, key);
}

void ServerCore::AnnounceRestart(Instant now, const Restarting& restarting) {
  impl_->AnnounceRestart(now, restarting);
}

std::optional<ConnectionId> ServerCore::PollReady() {
  return impl_->PollReady();
}

size_t ServerCore::PollTransmit(Instant now, ConnectionId id,
                                MutableBytes out) {
  return impl_->PollTransmit(now, id, out);
}

std::optional<ServerEvent> ServerCore::PollEvent() {
  return impl_->PollEvent();
}

std::optional<Instant> ServerCore::NextTimeout() const {
  return impl_->NextTimeout();
}

const PublicKey& ServerCore::public_key() const {
  return impl_->public_key();
}

const ServerCounters& ServerCore::counters() const {
  return impl_->counters();
}

size_t ServerCore::connection_count() const {
  return impl_->connection_count();
}

bool ServerCore::has_output(ConnectionId id) const {
  return impl_->has_output(id);
}

}  // namespace natkit::derp
