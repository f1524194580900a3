#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/packet_batch.h"
#include "natkit/base/rng.h"
#include "natkit/wg/device.h"

namespace natkit::testing {

/// An IPv4 packet of `size` bytes (at least 20); the payload counts upwards.
inline std::vector<uint8_t> MakeIpv4(const IpAddress& source,
                                     const IpAddress& destination,
                                     size_t size) {
  std::vector<uint8_t> packet(size);
  ByteWriter out(packet);
  out.WriteU16(0x4500);
  out.WriteU16(static_cast<uint16_t>(size));
  out.WriteZeros(8);
  out.WriteBytes(source.bytes());
  out.WriteBytes(destination.bytes());
  for (size_t i = 20; i < size; ++i) {
    out.WriteU8(static_cast<uint8_t>(i));
  }
  return packet;
}

/// An IPv6 packet of `size` bytes (at least 40).
inline std::vector<uint8_t> MakeIpv6(const IpAddress& source,
                                     const IpAddress& destination,
                                     size_t size) {
  std::vector<uint8_t> packet(size);
  ByteWriter out(packet);
  out.WriteU32(0x60000000);
  out.WriteU16(static_cast<uint16_t>(size - 40));
  out.WriteU16(0x3B40);
  out.WriteBytes(source.bytes());
  out.WriteBytes(destination.bytes());
  return packet;
}

/// One device on the network of WgNet.
struct WgNode {
  WgNode(size_t number, const wg::DeviceConfig& config)
      : rng(1000 + number),
        device(config, rng),
        endpoint{IpAddress::V4(192, 0, 2, static_cast<uint8_t>(number + 1)),
                 51820},
        inner(IpAddress::V4(10, 0, 0, static_cast<uint8_t>(number + 1))) {
    device.SetPrivateKey(Instant{}, GeneratePrivateKey(rng));
  }

  /// Everything of one kind of event, since the start.
  template <class Event>
  [[nodiscard]] std::vector<Event> Events() const {
    std::vector<Event> found;
    for (const auto& event : events) {
      if (const auto* one = std::get_if<Event>(&event)) {
        found.push_back(*one);
      }
    }
    return found;
  }

  [[nodiscard]] uint64_t drops(wg::DropReason reason) const {
    return device.counters().drop(reason);
  }

  SeededRng rng;
  wg::Device device;
  Endpoint endpoint;
  IpAddress inner;
  std::vector<std::vector<uint8_t>> received;  ///< plaintext packets
  std::vector<wg::DeviceEvent> events;
};

/// Devices joined by a simulated network, in virtual time that jumps from one
/// thing that happens to the next.
class WgNet {
 public:
  struct Datagram {
    Instant sent;
    size_t from = 0;
    Endpoint source;
    Endpoint to;
    std::vector<uint8_t> bytes;

    [[nodiscard]] int type() const { return bytes.empty() ? 0 : bytes[0]; }
  };

  /// False drops the datagram. It may change it.
  using Filter = std::function<bool(Datagram&)>;

  explicit WgNet(size_t count, wg::DeviceConfig config = {}) {
    config.wall_clock_offset = std::chrono::seconds(1'700'000'000);
    for (size_t i = 0; i < count; ++i) {
      nodes_.push_back(std::make_unique<WgNode>(i, config));
    }
  }

  [[nodiscard]] WgNode& node(size_t index) { return *nodes_[index]; }

  [[nodiscard]] Instant now() const { return now_; }

  void set_delay(Duration delay) { delay_ = delay; }

  void set_filter(Filter filter) { filter_ = std::move(filter); }

  /// Makes `to` a peer of `from`, reachable and with its inner address.
  wg::PeerId Introduce(size_t from, size_t to,
                       std::optional<PresharedKey> psk = {}) {
    wg::PeerUpdate update;
    update.public_key = node(to).device.public_key();
    update.endpoint = node(to).endpoint;
    update.allowed_ips = {IpPrefix::Make(node(to).inner, 32).value()};
    update.preshared_key = std::move(psk);
    return node(from).device.SetPeer(now_, update).value();
  }

  /// The node's process does not run until then: what comes waits in its
  /// sockets, what it is to send in its interface, and its timers are late.
  void Stall(size_t index, Instant until) { stalls_[index] = until; }

  /// Sends a packet of `size` bytes through the tunnel.
  void SendData(size_t from, size_t to, size_t size = 100) {
    if (stalls_.contains(from)) {
      unsent_[from].emplace_back(to, size);
      return;
    }
    PacketBatch plaintext;
    plaintext.AppendCopy(MakeIpv4(node(from).inner, node(to).inner, size), {});
    PacketBatch out;
    node(from).device.SendPackets(now_, plaintext, out);
    Enqueue(from, out);
  }

  void Initiate(size_t from, wg::PeerId peer,
                wg::HandshakePace pace = wg::HandshakePace::kNormal) {
    PacketBatch out;
    (void)node(from).device.InitiateHandshake(now_, peer, pace, out);
    Enqueue(from, out);
  }

  /// Puts a datagram on the wire that no device made.
  void Inject(const Endpoint& source, const Endpoint& to,
              std::vector<uint8_t> bytes) {
    wire_.emplace(now_ + delay_,
                  Datagram{now_, kNobody, source, to, std::move(bytes)});
  }

  /// Lets `length` pass.
  void Run(Duration length) { RunUntil(now_ + length); }

  void RunUntil(Instant end) {
    while (true) {
      const std::optional<Instant> next = NextInstant();
      if (!next || *next > end) {
        break;
      }
      now_ = std::max(now_, *next);
      Deliver();
      EndStalls();
      FireTimeouts();
    }
    now_ = end;
  }

  /// All datagrams that were put on the wire, dropped ones included.
  [[nodiscard]] const std::vector<Datagram>& log() const { return log_; }

  void ClearLog() { log_.clear(); }

  /// When `from` sent messages of `type`, in order.
  [[nodiscard]] std::vector<Duration> SentAt(size_t from, int type) const {
    std::vector<Duration> at;
    for (const Datagram& datagram : log_) {
      if (datagram.from == from && datagram.type() == type) {
        at.push_back(datagram.sent.time_since_epoch());
      }
    }
    return at;
  }

  static constexpr size_t kNobody = static_cast<size_t>(-1);

 private:
  [[nodiscard]] std::optional<Instant> NextInstant() const {
    std::optional<Instant> next;
    if (!wire_.empty()) {
      next = wire_.begin()->first;
    }
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const auto stall = stalls_.find(i);
      const auto timeout = stall != stalls_.end()
                               ? std::optional(stall->second)
                               : nodes_[i]->device.NextTimeout();
      if (timeout && (!next || *timeout < *next)) {
        next = timeout;
      }
    }
    return next;
  }

  void Enqueue(size_t from, const PacketBatch& batch) {
    for (size_t i = 0; i < batch.size(); ++i) {
      const ByteView bytes = batch.bytes(i);
      Datagram datagram{now_,
                        from,
                        node(from).endpoint,
                        batch.meta(i).remote,
                        {bytes.begin(), bytes.end()}};
      log_.push_back(datagram);
      if (!filter_ || filter_(datagram)) {
        wire_.emplace(now_ + delay_, std::move(datagram));
      }
    }
    DrainEvents();
  }

  void Deliver() {
    while (!wire_.empty() && wire_.begin()->first <= now_) {
      const Datagram datagram = std::move(wire_.begin()->second);
      wire_.erase(wire_.begin());
      for (size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i]->endpoint == datagram.to && stalls_.contains(i)) {
          unread_[i].push_back(datagram);
        } else if (nodes_[i]->endpoint == datagram.to) {
          Receive(i, datagram);
        }
      }
    }
  }

  void Receive(size_t to, const Datagram& datagram) {
    PacketBatch in;
    PacketBatch plaintext;
    PacketBatch replies;
    in.AppendCopy(datagram.bytes, {.remote = datagram.source});
    node(to).device.HandleDatagrams(now_, in, plaintext, replies);
    for (size_t i = 0; i < plaintext.size(); ++i) {
      const ByteView bytes = plaintext.bytes(i);
      node(to).received.emplace_back(bytes.begin(), bytes.end());
    }
    Enqueue(to, replies);
  }

  void EndStalls() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const auto stall = stalls_.find(i);
      if (stall == stalls_.end() || stall->second > now_) {
        continue;
      }
      stalls_.erase(stall);
      for (const Datagram& datagram : std::exchange(unread_[i], {})) {
        Receive(i, datagram);
      }
      for (const auto& [to, size] : std::exchange(unsent_[i], {})) {
        SendData(i, to, size);
      }
    }
  }

  void FireTimeouts() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const auto timeout = nodes_[i]->device.NextTimeout();
      if (timeout && *timeout <= now_ && !stalls_.contains(i)) {
        PacketBatch out;
        nodes_[i]->device.HandleTimeout(now_, out);
        Enqueue(i, out);
      }
    }
  }

  void DrainEvents() {
    for (const auto& node : nodes_) {
      while (auto event = node->device.PollEvent()) {
        node->events.push_back(*event);
      }
    }
  }

  Instant now_{};
  Duration delay_ = std::chrono::milliseconds(10);
  Filter filter_;
  std::vector<std::unique_ptr<WgNode>> nodes_;
  std::multimap<Instant, Datagram> wire_;
  std::map<size_t, Instant> stalls_;
  std::map<size_t, std::vector<Datagram>> unread_;
  std::map<size_t, std::vector<std::pair<size_t, size_t>>> unsent_;
  std::vector<Datagram> log_;
};

}  // namespace natkit::testing
