#include "stun/stun_run.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace natkit::c {
namespace {

constexpr size_t kLongestDatagram = 65535;
/// A flood must not keep the client from its time.
constexpr int kMaxOfRound = 64;

using Clock = std::function<Instant()>;

Result<void> SendAll(stun::BindingClient& client,
                     const io::BorrowedUdp& socket) {
  while (const auto transmit = client.PollTransmit()) {
    if (const auto sent = socket.Send(transmit->to, transmit->payload); !sent) {
      return sent;
    }
  }
  return {};
}

/// Ends at the client's event too: what comes after it is not ours to take.
std::optional<stun::BindingEvent> ReceiveSome(stun::BindingClient& client,
                                              const io::BorrowedUdp& socket,
                                              const Clock& clock,
                                              MutableBytes buffer) {
  for (int i = 0; i < kMaxOfRound; ++i) {
    const auto received = socket.Receive(buffer);
    if (!received) {
      break;
    }
    client.HandleDatagram(clock(), received->from, received->data);
    if (auto event = client.PollEvent()) {
      return event;
    }
  }
  return std::nullopt;
}

/// One round: sends, waits, receives.
Result<std::optional<stun::BindingEvent>> RunOnce(stun::BindingClient& client,
                                                  const io::BorrowedUdp& socket,
                                                  const Clock& clock,
                                                  MutableBytes buffer) {
  if (const auto sent = SendAll(client, socket); !sent) {
    return std::unexpected(sent.error());
  }
  const auto next = client.NextTimeout();
  const Duration longest = next ? *next - clock() : Duration::zero();
  if (const auto waited = socket.Wait(longest); !waited) {
    return std::unexpected(waited.error());
  }
  if (auto event = ReceiveSome(client, socket, clock, buffer)) {
    return event;
  }
  client.HandleTimeout(clock());
  return client.PollEvent();
}

}  // namespace

Result<stun::BindingEvent> RunOverSocket(stun::BindingClient& client,
                                         const io::BorrowedUdp& socket,
                                         const Clock& clock) {
  std::vector<uint8_t> buffer(kLongestDatagram);
  while (true) {
    const auto event = RunOnce(client, socket, clock, buffer);
    if (!event) {
      client.Cancel();
      return std::unexpected(event.error());
    }
    if (*event) {
      return **event;
    }
  }
}

}  // namespace natkit::c
