#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/derp/client_core.h"
#include "natkit/derp/frame_decoder.h"
#include "natkit/derp/server_core.h"
#include "vectors.h"
#include "wire/sealed_box.h"

// One relay with clients, connected by perfect pipes, in virtual time.

namespace natkit::derp::testing {

using Bytes = std::vector<uint8_t>;

inline Bytes ToBytes(ByteView view) {
  return {view.begin(), view.end()};
}

inline Bytes ToBytes(std::string_view text) {
  return ToBytes(AsBytes(text));
}

/// A private key that is made of one repeated byte.
inline StaticPrivateKey PrivateKeyOf(uint8_t byte) {
  std::array<uint8_t, 32> bytes;
  bytes.fill(byte);
  bytes[0] &= 248;
  bytes[31] = static_cast<uint8_t>((bytes[31] & 127) | 64);
  return StaticPrivateKey(bytes);
}

inline PublicKey PublicKeyOf(uint8_t byte) {
  return DerivePublicKey(PrivateKeyOf(byte));
}

/// A payload that looks like path discovery, with a mark at its end.
inline Bytes DiscoPacket(uint8_t mark, size_t size = 80) {
  Bytes data = Hex("5453f09f92ac");
  data.resize(size);
  data.back() = mark;
  return data;
}

/// What a client core told its owner.
struct ClientRecord {
  std::optional<ClientConnected> connected;
  std::vector<std::pair<PublicKey, Bytes>> packets;
  std::vector<PeerGone> gone;
  std::vector<PeerPresent> present;
  std::vector<Duration> pongs;
  int ping_timeouts = 0;
  std::vector<std::string> health;
  std::vector<Restarting> restarting;
  std::optional<ClientClosed> closed;

  void Take(ClientCore& core) {
    while (auto event = core.PollEvent()) {
      std::visit([this](auto& e) { Add(e); }, *event);
    }
  }

 private:
  void Add(const ClientConnected& e) { connected = e; }

  void Add(const ClientPacket& e) {
    packets.emplace_back(e.source, ToBytes(e.data));
  }

  void Add(const PeerGone& e) { gone.push_back(e); }

  void Add(const PeerPresent& e) { present.push_back(e); }

  void Add(const ClientPong& e) { pongs.push_back(e.round_trip); }

  void Add(const ClientPingTimedOut& /*e*/) { ++ping_timeouts; }

  void Add(const ClientHealth& e) { health.push_back(e.problem); }

  void Add(const Restarting& e) { restarting.push_back(e); }

  void Add(const ClientClosed& e) { closed = e; }
};

/// One end of a pipe to the relay: a client core, or raw bytes.
struct Peer {
  ConnectionId id{};
  std::unique_ptr<ClientCore> core;  // null: the test writes raw bytes
  ClientRecord record;
  Bytes received;  // raw peers: everything since the test looked last
  bool reads = true;
  std::optional<CloseReason> closed;  // by the relay
};

class RelayWorld {
 public:
  explicit RelayWorld(ServerConfig config = MakeConfig())
      : server_(std::move(config), rng_) {}

  static ServerConfig MakeConfig() {
    return {.private_key = ServerPrivate(),
            .site = {.landing_html = "<p>relay</p>"}};
  }

  /// Bytes that a pipe moves at once; 0: as many as there are.
  void set_chunk(size_t chunk) { chunk_ = chunk; }

  ServerCore& server() { return server_; }

  Instant now() const { return now_; }

  /// A client that has logged in.
  Peer& Connect(ClientConfig config,
                const std::optional<PublicKey>& server_key = std::nullopt) {
    Peer& peer = Add();
    peer.core = std::make_unique<ClientCore>(std::move(config), rng_);
    peer.core->Start(now_, server_key);
    Pump();
    return peer;
  }

  Peer& Connect(uint8_t key_byte) {
    return Connect({.private_key = PrivateKeyOf(key_byte), .host = "relay"});
  }

  /// A stream to which the test writes bytes itself.
  Peer& ConnectRaw() { return Add(); }

  /// The same, logged in as `private_key`; what it received is forgotten.
  Peer& ConnectRawClient(const StaticPrivateKey& private_key,
                         std::string_view json = "{}") {
    Peer& peer = Add();
    Write(peer, ToBytes("GET /derp HTTP/1.1\r\nUpgrade: DERP\r\n"
                        "Derp-Fast-Start: 1\r\n\r\n"));
    Write(peer, ClientInfoFrame(private_key, json));
    peer.received.clear();
    return peer;
  }

  Bytes ClientInfoFrame(const StaticPrivateKey& private_key,
                        std::string_view json) {
    Bytes payload = ToBytes(DerivePublicKey(private_key).bytes);
    (void)AppendSealedBox(AsBytes(json), server_.public_key(), private_key,
                          rng_, payload)
        .value();
    Bytes frame;
    AppendFrame(FrameType::kClientInfo, payload, frame);
    return frame;
  }

  void Write(Peer& peer, ByteView bytes) {
    server_.HandleBytes(now_, peer.id, bytes);
    Pump();
  }

  void WriteFrame(Peer& peer, FrameType type, ByteView payload) {
    Bytes frame;
    AppendFrame(type, payload, frame);
    Write(peer, frame);
  }

  void Send(Peer& from, const PublicKey& to, ByteView data) {
    (void)from.core->SendPacket(now_, to, data).value();
    Pump();
  }

  /// The stream of `peer` ends.
  void Disconnect(Peer& peer) {
    server_.HandleClosed(now_, peer.id);
    if (peer.core) {
      peer.core->HandleClosed(now_);
      peer.record.Take(*peer.core);
    }
    peers_.erase(peer.id);
    Pump();
  }

  /// Moves bytes until nothing moves any more.
  void Pump() {
    TakeEvents();
    while (PumpOnce()) {
      TakeEvents();
    }
    TakeEvents();
  }

  /// Lets `span` pass, every timer on its time.
  void Advance(Duration span) {
    const Instant end = now_ + span;
    while (true) {
      const std::optional<Instant> next = NextTimeout();
      if (!next || *next > end) {
        break;
      }
      now_ = std::max(now_, *next);
      server_.HandleTimeout(now_);
      for (auto& [id, peer] : peers_) {
        if (peer->core) {
          peer->core->HandleTimeout(now_);
        }
      }
      Pump();
    }
    now_ = end;
  }

  std::vector<ServerEvent> events;

 private:
  Peer& Add() {
    auto peer = std::make_unique<Peer>();
    peer->id = ConnectionId{++last_id_};
    server_.Accept(now_, peer->id,
                   {.endpoint = {IpAddress::V4(203, 0, 113, 7), 41641}});
    return *(peers_[peer->id] = std::move(peer));
  }

  bool PumpOnce() {
    bool moved = false;
    while (server_.PollReady()) {
      // The pipes are looked at below, whether or not they are reported.
    }
    for (auto& [id, peer] : peers_) {
      moved = PumpToClient(*peer) || moved;
      moved = PumpToServer(*peer) || moved;
    }
    return moved;
  }

  bool PumpToClient(Peer& peer) {
    if (!peer.reads) {
      return false;
    }
    Bytes buffer(chunk_ == 0 ? 16384 : chunk_);
    const size_t count = server_.PollTransmit(now_, peer.id, buffer);
    const ByteView bytes = ByteView(buffer).first(count);
    if (peer.core) {
      peer.core->HandleBytes(now_, bytes);
      peer.record.Take(*peer.core);
    } else {
      peer.received.insert(peer.received.end(), bytes.begin(), bytes.end());
    }
    return count > 0;
  }

  bool PumpToServer(Peer& peer) {
    if (!peer.core) {
      return false;
    }
    Bytes buffer(chunk_ == 0 ? 16384 : chunk_);
    const size_t count = peer.core->PollTransmit(now_, buffer);
    server_.HandleBytes(now_, peer.id, ByteView(buffer).first(count));
    peer.record.Take(*peer.core);
    return count > 0;
  }

  void TakeEvents() {
    while (auto event = server_.PollEvent()) {
      if (const auto* closed = std::get_if<ConnectionClosed>(&*event)) {
        NoteClosed(*closed);
      }
      events.push_back(std::move(*event));
    }
  }

  void NoteClosed(const ConnectionClosed& closed) {
    const auto found = peers_.find(closed.id);
    if (found == peers_.end()) {
      return;
    }
    Peer& peer = *found->second;
    peer.closed = closed.reason;
    if (peer.core) {
      peer.core->HandleClosed(now_);
      peer.record.Take(*peer.core);
    }
  }

  std::optional<Instant> NextTimeout() const {
    std::optional<Instant> next = server_.NextTimeout();
    for (const auto& [id, peer] : peers_) {
      const auto other = peer->core ? peer->core->NextTimeout() : std::nullopt;
      if (other && (!next || *other < *next)) {
        next = other;
      }
    }
    return next;
  }

  SeededRng rng_{1};
  Instant now_{std::chrono::hours(1)};
  ServerCore server_;
  size_t chunk_ = 0;
  uint64_t last_id_ = 0;
  std::map<ConnectionId, std::unique_ptr<Peer>> peers_;
};

/// The frames in `stream`, whatever their types.
inline std::vector<std::pair<FrameType, Bytes>> FramesOf(ByteView stream) {
  std::vector<std::pair<FrameType, Bytes>> frames;
  ByteReader in(stream);
  uint8_t type = 0;
  uint32_t length = 0;
  ByteView payload;
  while (in.ReadU8(type) && in.ReadU32(length) &&
         in.ReadView(length, payload)) {
    frames.emplace_back(static_cast<FrameType>(type), ToBytes(payload));
  }
  return frames;
}

}  // namespace natkit::derp::testing
