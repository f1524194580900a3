#include "natkit/derp/client_core.h"

#include <utility>

#include "client/client_impl.h"

namespace natkit::derp {

ClientCore::ClientCore(ClientConfig config, Rng& rng)
    : impl_(std::make_unique<Impl>(std::move(config), rng)) {}

ClientCore::~ClientCore() = default;

void ClientCore::Start(Instant now,
                       const std::optional<PublicKey>& server_key) {
  impl_->Start(now, server_key);
}

void ClientCore::HandleBytes(Instant now, ByteView bytes) {
  impl_->HandleBytes(now, bytes);
}

void ClientCore::HandleClosed(Instant now) {
  impl_->HandleClosed(now);
}

void ClientCore::HandleTimeout(Instant now) {
  impl_->HandleTimeout(now);
}

Result<void> ClientCore::SendPacket(Instant now, const PublicKey& destination,
                                    ByteView data) {
  return impl_->SendPacket(now, destination, data);
}

void ClientCore::NotePreferred(HomeRegion home) {
  impl_->NotePreferred(home);
}

void ClientCore::Ping(Instant now) {
  impl_->Ping(now);
}

size_t ClientCore::PollTransmit(Instant now, MutableBytes out) {
  return impl_->PollTransmit(now, out);
}

std::optional<ClientEvent> ClientCore::PollEvent() {
  return impl_->PollEvent();
}

std::optional<Instant> ClientCore::NextTimeout() const {
  return impl_->NextTimeout();
}

bool ClientCore::has_output() const {
  return impl_->has_output();
}

bool ClientCore::is_connected() const {
  return impl_->is_connected();
}

std::optional<Instant> ClientCore::last_frame_time() const {
  return impl_->last_frame_time();
}

const ClientCounters& ClientCore::counters() const {
  return impl_->counters();
}

}  // namespace natkit::derp
