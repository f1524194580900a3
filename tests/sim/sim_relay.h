#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/derp/server_core.h"
#include "natkit/mesh/node_event.h"
#include "sim_network.h"

namespace natkit::mesh {

/// A DERP relay whose streams are lossless pipes with a delay; TCP and TLS are
/// not simulated.
class SimRelay : public sim::SimActor {
 public:
  using ToClient = std::function<void(Instant now, ByteView bytes)>;
  using OnClose = std::function<void(Instant now)>;

  SimRelay(sim::SimWorld& world, uint64_t seed)
      : rng_(seed), core_(MakeConfig(), rng_) {
    world.Add(*this);
  }

  void SetDelay(Duration one_way) { delay_ = one_way; }

  /// Refuses new streams and cuts all that exist, or accepts again.
  void SetUp(Instant now, bool is_up) {
    is_up_ = is_up;
    while (!is_up && !streams_.empty()) {
      const auto stream = streams_.begin()->second;
      core_.HandleClosed(now, streams_.begin()->first);
      streams_.erase(streams_.begin());
      stream.on_close(now);
    }
  }

  std::optional<derp::ConnectionId> Connect(Instant now, ToClient to_client,
                                            OnClose on_close) {
    if (!is_up_) {
      return std::nullopt;
    }
    const derp::ConnectionId id{++last_id_};
    streams_[id] = {std::move(to_client), std::move(on_close)};
    core_.Accept(now, id, {});
    return id;
  }

  /// From now on, what stream number `number` (from 1) carries gets lost, and
  /// nobody notices.
  void Freeze(uint64_t number) { frozen_.insert(derp::ConnectionId{number}); }

  void FromClient(Instant now, derp::ConnectionId id, ByteView bytes) {
    queue_.push_back(
        {now + delay_, id, {bytes.begin(), bytes.end()}, /*to_server=*/true});
  }

  void Disconnect(Instant now, derp::ConnectionId id) {
    core_.HandleClosed(now, id);
    streams_.erase(id);
  }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    auto next = core_.NextTimeout();
    if (!queue_.empty()) {
      next = std::min(next.value_or(Instant::max()), queue_.front().at);
    }
    return next;
  }

  void HandleTimeout(Instant now) override {
    while (!queue_.empty() && queue_.front().at <= now) {
      const Chunk chunk = std::move(queue_.front());
      queue_.pop_front();
      Deliver(now, chunk);
    }
    core_.HandleTimeout(now);
    Pump(now);
  }

  [[nodiscard]] const PublicKey& public_key() const {
    return core_.public_key();
  }

 private:
  struct Stream {
    ToClient to_client;
    OnClose on_close;
  };

  struct Chunk {
    Instant at;
    derp::ConnectionId id;
    std::vector<uint8_t> bytes;
    bool to_server;
  };

  derp::ServerConfig MakeConfig() {
    derp::ServerConfig config;
    config.private_key = GeneratePrivateKey(rng_);
    return config;
  }

  void Deliver(Instant now, const Chunk& chunk) {
    const auto stream = streams_.find(chunk.id);
    if (stream == streams_.end() || frozen_.contains(chunk.id)) {
      return;
    }
    if (chunk.to_server) {
      core_.HandleBytes(now, chunk.id, chunk.bytes);
      Pump(now);
    } else {
      stream->second.to_client(now, chunk.bytes);
    }
  }

  void Pump(Instant now) {
    std::array<uint8_t, 65536> buffer{};
    while (const auto id = core_.PollReady()) {
      while (const size_t size = core_.PollTransmit(now, *id, buffer)) {
        queue_.push_back({now + delay_,
                          *id,
                          {buffer.begin(), buffer.begin() + size},
                          /*to_server=*/false});
      }
    }
    while (const auto event = core_.PollEvent()) {
      if (const auto* closed = std::get_if<derp::ConnectionClosed>(&*event)) {
        const auto stream = streams_.find(closed->id);
        if (stream != streams_.end()) {
          const OnClose on_close = stream->second.on_close;
          streams_.erase(stream);
          on_close(now);
        }
      }
    }
  }

  SeededRng rng_;
  derp::ServerCore core_;
  Duration delay_ = std::chrono::milliseconds(30);
  bool is_up_ = true;
  uint64_t last_id_ = 0;
  std::set<derp::ConnectionId> frozen_;
  std::map<derp::ConnectionId, Stream> streams_;
  std::deque<Chunk> queue_;
};

/// The streams of one host to its relays. Core is what commands them, a Node or
/// an AgentHub.
template <class Core>
class SimRelayLinks {
 public:
  using AfterInput = std::function<void(Instant now)>;

  /// `core` may be exchanged. `after_input` is called after each input of it.
  SimRelayLinks(std::vector<SimRelay*> relays,
                const std::unique_ptr<Core>& core, AfterInput after_input)
      : relays_(std::move(relays)),
        core_(core),
        after_input_(std::move(after_input)) {}

  /// Does what the core has commanded.
  void Obey(Instant now) {
    while (const auto command = core_->PollRelayCommand()) {
      if (const auto* close = std::get_if<RelayClose>(&*command)) {
        Close(now, close->relay);
      } else {
        Open(now, std::get<RelayConnect>(*command).relay);
      }
    }
  }

  /// Carries what the core has for relays.
  void Carry(Instant now) {
    std::array<uint8_t, 65536> buffer{};
    for (const auto& [stream, connection] : connections_) {
      while (connection) {
        const size_t size = core_->PollRelayBytes(now, stream, buffer);
        if (size == 0) {
          break;
        }
        bytes_ += size;
        RelayAt(stream).FromClient(now, *connection,
                                   ByteView(buffer).first(size));
      }
    }
  }

  /// As a process that dies: relays see that their streams end.
  void Cut(Instant now) {
    for (const auto& [stream, connection] : connections_) {
      if (connection) {
        RelayAt(stream).Disconnect(now, *connection);
      }
    }
    connections_.clear();
  }

  /// As a machine that vanishes: relays do not notice.
  void Forget() { connections_.clear(); }

  /// Bytes given to relays.
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

  [[nodiscard]] size_t relay_count() const { return relays_.size(); }

 private:
  SimRelay& RelayAt(RelayId stream) { return *relays_[RelayOf(stream)]; }

  void Close(Instant now, RelayId stream) {
    if (connections_[stream]) {
      RelayAt(stream).Disconnect(now, *connections_[stream]);
      connections_[stream].reset();
    }
  }

  void Open(Instant now, RelayId stream) {
    connections_[stream] = RelayAt(stream).Connect(
        now,
        [this, stream](Instant at, ByteView bytes) {
          core_->HandleRelayBytes(at, stream, bytes);
          after_input_(at);
        },
        [this, stream](Instant at) {
          connections_[stream].reset();
          core_->HandleRelayClosed(at, stream, "closed");
          after_input_(at);
        });
    if (connections_[stream]) {
      core_->HandleRelayOpen(now, stream, RelayAt(stream).public_key());
    } else {
      core_->HandleRelayClosed(now, stream, "refused");
    }
  }

  std::vector<SimRelay*> relays_;
  const std::unique_ptr<Core>& core_;
  AfterInput after_input_;
  std::map<RelayId, std::optional<derp::ConnectionId>> connections_;
  uint64_t bytes_ = 0;
};

}  // namespace natkit::mesh
