// Anybody writes anything to a relay with clients on it, reads as it likes,
// lets time pass and goes away. Every client that did nothing wrong reads a
// good stream, and nothing is left when all are gone.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/derp/client_core.h"
#include "natkit/derp/server_core.h"

using namespace natkit;
using namespace natkit::derp;

namespace {

StaticPrivateKey KeyOf(uint8_t byte) {
  std::array<uint8_t, 32> bytes;
  bytes.fill(byte);
  return StaticPrivateKey(bytes);
}

// Deriving costs more than the rest of a step.
const PublicKey& PublicKeyOf(uint8_t byte) {
  static std::map<uint8_t, PublicKey> keys;
  const auto [found, is_new] = keys.try_emplace(byte);
  if (is_new) {
    found->second = DerivePublicKey(KeyOf(byte));
  }
  return found->second;
}

class Hub {
 public:
  Hub() : server_({.private_key = KeyOf(1)}, rng_) {
    for (size_t i = 0; i < clients_.size(); ++i) {
      LogIn(i);
    }
  }

  void Run(ByteReader& in) {
    uint8_t operation = 0;
    uint8_t which = 0;
    while (in.ReadU8(operation) && in.ReadU8(which)) {
      Step(operation % 8, which, in);
      CheckBounds();
    }
    CloseAll();
  }

 private:
  struct Client {
    ConnectionId id;
    std::unique_ptr<ClientCore> core;
    bool is_honest = true;  // nobody wrote into its stream
  };

  void LogIn(size_t index) {
    Client& client = clients_[index];
    client.id = ConnectionId{++last_id_};
    client.is_honest = true;
    // Two of the three share a key.
    client.core = std::make_unique<ClientCore>(
        ClientConfig{.private_key = KeyOf(static_cast<uint8_t>(2 + index / 2)),
                     .host = "relay"},
        rng_);
    server_.Accept(now_, client.id, {});
    client.core->Start(now_, server_.public_key());
    Exchange(client, SIZE_MAX);
  }

  void Step(int operation, uint8_t which, ByteReader& in) {
    Client& client = clients_[which % clients_.size()];
    ByteView bytes;
    uint8_t size = 0;
    switch (operation) {
      case 0:  // strangers
        if (strangers_.size() < 8) {
          strangers_.push_back(ConnectionId{++last_id_});
          server_.Accept(now_, strangers_.back(), {});
        }
        return;
      case 1:
        if (!strangers_.empty() && in.ReadU8(size) &&
            in.ReadView(std::min<size_t>(size, in.remaining()), bytes)) {
          server_.HandleBytes(now_, strangers_[which % strangers_.size()],
                              bytes);
        }
        return;
      case 2:  // whatever, from a client
        if (in.ReadU8(size) &&
            in.ReadView(std::min<size_t>(size, in.remaining()), bytes)) {
          client.is_honest = false;
          server_.HandleBytes(now_, client.id, bytes);
        }
        return;
      case 3:
        SendPacket(client, which, in);
        return;
      case 4:
        Exchange(client, which);
        return;
      case 5:
        now_ += std::chrono::milliseconds(which * which);
        server_.HandleTimeout(now_);
        return;
      case 6:
        server_.HandleClosed(now_, client.id);
        LogIn(which % clients_.size());
        return;
      default:
        client.core->Ping(now_);
        return;
    }
  }

  void SendPacket(Client& client, uint8_t which, ByteReader& in) {
    uint8_t size = 0;
    ByteView bytes;
    if (in.ReadU8(size) &&
        in.ReadView(std::min<size_t>(size, in.remaining()), bytes)) {
      const auto to = static_cast<uint8_t>(2 + which / 3 % 3);
      (void)client.core->SendPacket(now_, PublicKeyOf(to), bytes);
    }
  }

  // Moves bytes in both directions, at most `limit` to the client.
  void Exchange(Client& client, size_t limit) {
    std::array<uint8_t, 4096> buffer;
    size_t count = client.core->PollTransmit(now_, buffer);
    server_.HandleBytes(now_, client.id, ByteView(buffer).first(count));
    const MutableBytes room =
        MutableBytes(buffer).first(std::min(limit, buffer.size()));
    count = server_.PollTransmit(now_, client.id, room);
    client.core->HandleBytes(now_, room.first(count));
    while (const auto event = client.core->PollEvent()) {
      const auto* const closed = std::get_if<ClientClosed>(&*event);
      NATKIT_CHECK(closed == nullptr ||
                   closed->reason != ClientCloseReason::kProtocolError ||
                   !client.is_honest);
    }
  }

  void CheckBounds() {
    const ServerCounters& counters = server_.counters();
    NATKIT_CHECK(counters.queued_bytes <=
                 server_.connection_count() * (2 * 32 + 1) * 66000);
    NATKIT_CHECK(counters.current_connections <= server_.connection_count());
    NATKIT_CHECK(counters.clients_local <= counters.current_connections);
    while (server_.PollReady()) {
      // Read elsewhere.
    }
    while (const auto event = server_.PollEvent()) {
      const auto* const closed = std::get_if<ConnectionClosed>(&*event);
      if (closed != nullptr) {
        NATKIT_CHECK(!server_.has_output(closed->id));
      }
    }
  }

  void CloseAll() {
    for (uint64_t id = 1; id <= last_id_; ++id) {
      server_.HandleClosed(now_, ConnectionId{id});
    }
    const ServerCounters& counters = server_.counters();
    NATKIT_CHECK(server_.connection_count() == 0);
    NATKIT_CHECK(counters.queued_bytes == 0);
    NATKIT_CHECK(counters.current_connections == 0);
    NATKIT_CHECK(counters.current_home_connections == 0);
    NATKIT_CHECK(counters.clients_local == 0);
    NATKIT_CHECK(counters.current_dup_client_keys == 0);
    NATKIT_CHECK(counters.current_dup_client_conns == 0);
    NATKIT_CHECK(!server_.NextTimeout());
  }

  SeededRng rng_{1};
  Instant now_{std::chrono::hours(1)};
  ServerCore server_;
  uint64_t last_id_ = 0;
  std::array<Client, 3> clients_;
  std::vector<ConnectionId> strangers_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in({data, size});
  Hub hub;
  hub.Run(in);
  return 0;
}
