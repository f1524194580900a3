#include "natkit/nat/stun_stream_binding_client.h"

#include <utility>

namespace natkit::stun {

namespace {

BindingConfig ForStream(BindingConfig config) {
  config.transport = Transport::kTcp;
  config.schedule = RetransmitSchedule::Tcp();
  return config;
}

}  // namespace

StreamBindingClient::StreamBindingClient(const Endpoint& server, Rng& rng,
                                         BindingConfig config)
    : client_(server, rng, ForStream(std::move(config))) {}

void StreamBindingClient::Start(Instant now) {
  last_now_ = now;
  framer_ = StreamFramer(kMaxMessageSize);
  lost_.reset();
  client_.Start(now);
}

void StreamBindingClient::HandleBytes(Instant now, ByteView bytes) {
  last_now_ = now;
  if (!client_.is_running()) {
    return;
  }
  framer_.Push(bytes);
  auto message = framer_.Next();
  for (; message && !message->empty(); message = framer_.Next()) {
    (void)client_.HandleDatagram(now, client_.server(), *message);
  }
  if (!message) {
    Lose(now);
  }
}

void StreamBindingClient::HandleClosed(Instant now) {
  Lose(now);
}

void StreamBindingClient::Lose(Instant now) {
  last_now_ = now;
  if (client_.is_running()) {
    client_.Cancel();
    lost_ = BindingEvent{.outcome = BindingOutcome::kConnectionLost,
                         .server = client_.server()};
  }
}

void StreamBindingClient::HandleTimeout(Instant now) {
  last_now_ = now;
  client_.HandleTimeout(now);
}

std::optional<std::vector<uint8_t>> StreamBindingClient::PollBytes() {
  if (auto transmit = client_.PollTransmit()) {
    return std::move(transmit->payload);
  }
  return std::nullopt;
}

std::optional<BindingEvent> StreamBindingClient::PollEvent() {
  if (auto lost = std::exchange(lost_, std::nullopt)) {
    return lost;
  }
  return client_.PollEvent();
}

std::optional<Instant> StreamBindingClient::NextTimeout() const {
  return lost_ ? last_now_ : client_.NextTimeout();
}

}  // namespace natkit::stun
