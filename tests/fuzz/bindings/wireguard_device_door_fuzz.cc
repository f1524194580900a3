// Two devices through the C door with a session, and a script of what happens
// to them; a third one gets configuration texts. Whatever it is: batches stay
// within their memory, what they had no room for is not lost,
// deadlines move forward, and in the end the two can still talk.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "door_script.h"
#include "natkit/base/check.h"
#include "natkit/natkit.h"

namespace natkit::c::fuzz {
namespace {

constexpr uint64_t kWallClock = 1'700'000'000 * NATKIT_SECOND;
constexpr size_t kPlenty = 100'000;
constexpr size_t kManyPackets = 200;

natkit_address HostAddress(size_t who) {
  return {.family = NATKIT_FAMILY_IPV4,
          .ip = {192, 0, 2, static_cast<uint8_t>(who + 1)},
          .reserved = 0,
          .port = 51820};
}

std::array<uint8_t, 4> Inner(size_t who) {
  return {10, 0, 0, static_cast<uint8_t>(who + 1)};
}

/// A caller's batch with guards behind its memory and its packets.
class Room {
 public:
  explicit Room(size_t bytes = kPlenty, size_t packets = kManyPackets)
      : memory_(bytes), packets_(packets + 1) {
    std::memset(&packets_.back(), kMark, sizeof packets_.back());
    natkit_init(&batch_);
    batch_.memory = memory_.data();
    batch_.memory_size = bytes;
    batch_.packets = packets_.data();
    batch_.packet_capacity = packets;
  }

  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  ~Room() {
    natkit_packet untouched;
    std::memset(&untouched, kMark, sizeof untouched);
    NATKIT_CHECK(std::memcmp(&packets_.back(), &untouched, sizeof untouched) ==
                 0);
  }

  natkit_batch* get() { return &batch_; }

  /// What was put there; each packet lies behind the one before.
  [[nodiscard]] std::span<natkit_packet> Packets() {
    NATKIT_CHECK(batch_.packet_count < packets_.size() &&
                 batch_.memory_used <= batch_.memory_size);
    const uint8_t* next = batch_.memory;
    for (size_t i = 0; i < batch_.packet_count; ++i) {
      NATKIT_CHECK(packets_[i].data == next);
      next += packets_[i].size;
    }
    NATKIT_CHECK(next == batch_.memory + batch_.memory_used);
    return std::span(packets_).first(batch_.packet_count);
  }

 private:
  static constexpr int kMark = 0xa5;

  Guarded memory_;
  std::vector<natkit_packet> packets_;
  natkit_batch batch_{};
};

class World {
 public:
  explicit World(uint8_t bits) : random_((bits & 1) != 0) {
    for (size_t i = 0; i < devices_.size(); ++i) {
      devices_[i] = Make(bits);
    }
    Introduce(0, 1);
    Introduce(1, 0);
    Exchange();
  }

  ~World() {
    for (natkit_wg_device* device : devices_) {
      natkit_wg_device_free(device);
      NATKIT_CHECK(natkit_wg_device_poll_transmit(device, Room().get()) ==
                   NATKIT_ERR_BAD_HANDLE);
    }
  }

  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void Run(Script& script) {
    for (int step = 0; step < 64 && !script.is_done(); ++step) {
      Step(script);
    }
    CheckStillAlive();
  }

 private:
  natkit_wg_device* Make(uint8_t bits) {
    natkit_wg_device_config config;
    natkit_init(&config);
    config.random = random_.get();
    config.wall_clock_ns = kWallClock;
    natkit_key_generate(keys_.get(), config.private_key);
    config.max_staged_packets = bits >> 4;
    config.reports_keepalives = bits & 2;
    natkit_wg_device* device = nullptr;
    NATKIT_CHECK(natkit_wg_device_new(&config, &device) == 0);
    return device;
  }

  void Introduce(size_t to, size_t peer) {
    natkit_wg_device_status status;
    natkit_init(&status);
    NATKIT_CHECK(natkit_wg_device_get_status(devices_[peer], &status) == 0);
    natkit_prefix prefix{};
    prefix.address.family = NATKIT_FAMILY_IPV4;
    std::ranges::copy(Inner(peer), prefix.address.ip);
    prefix.length = 32;
    natkit_wg_peer_config config;
    natkit_init(&config);
    std::ranges::copy(status.public_key, config.public_key);
    config.allowed_ips = &prefix;
    config.allowed_ip_count = 1;
    config.endpoint = HostAddress(peer);
    uint32_t number = 0;
    NATKIT_CHECK(
        natkit_wg_device_set_peer(devices_[to], now_, &config, &number) == 0 &&
        number == 1);
  }

  void Step(Script& script) {
    const uint8_t op = script.Byte();
    const size_t who = op & 1;
    switch ((op >> 1) % 8) {
      case 0:
        return Send(who, 20 + script.Byte(), script.Byte(), script.Byte());
      case 1:
        return Invent(who, script);
      case 2:
        now_ += script.Byte() * NATKIT_SECOND;
        return FireTimeouts();
      case 3:  // changes one byte of the next datagram
        flips_.emplace_back(script.Byte(), script.Byte());
        return;
      case 4:
        return Initiate(who);
      case 5:
        return Configure(script);
      case 6:
        return AddPeer(script);
      default:
        return Prod(who, script);
    }
  }

  // A packet, into a room that may be too small for it.
  void Send(size_t who, size_t size, uint8_t bytes, uint8_t packets) {
    std::vector<uint8_t> packet(size);
    packet[0] = 0x45;
    packet[2] = static_cast<uint8_t>(size >> 8);
    packet[3] = static_cast<uint8_t>(size);
    std::ranges::copy(Inner(who), packet.begin() + 12);
    std::ranges::copy(Inner(1 - who), packet.begin() + 16);
    natkit_packet given{};
    given.data = packet.data();
    given.size = size;
    Room room(size_t{bytes} * 4, packets % 4);
    NATKIT_CHECK(Known(natkit_wg_device_send_packets(
                     devices_[who], now_, &given, 1, room.get())) == 0);
    Transmit(who, room);
  }

  void Invent(size_t who, Script& script) {
    std::vector<uint8_t> bytes = script.Bytes();
    natkit_packet given{};
    given.data = bytes.data();
    given.size = bytes.size();
    given.remote = HostAddress(script.Byte() & 3);
    Deliver(who, {&given, 1});
  }

  void Initiate(size_t who) {
    Room room;
    const int code = Known(natkit_wg_device_initiate_handshake(
        devices_[who], now_, 1, 1, room.get()));
    NATKIT_CHECK(code == 0 || code == NATKIT_ERR_LIMIT_EXCEEDED);
    Transmit(who, room);
  }

  void Configure(Script& script) {
    const size_t room = script.Byte() * size_t{16};
    const std::string request = script.Text();
    Guarded out(room);
    size_t needed = 0;
    const int length = Known(natkit_wg_device_handle_uapi(
        devices_[2], now_, request.data(), request.size(), out.text(),
        out.size(), &needed));
    if (length >= 0) {
      NATKIT_CHECK(needed == out.Written(length).size() + 1 &&
                   std::strlen(out.text()) == static_cast<size_t>(length));
    } else {
      NATKIT_CHECK(length == NATKIT_ERR_BUFFER_TOO_SMALL && needed > room);
    }
  }

  void AddPeer(Script& script) {
    natkit_prefix prefix{};
    prefix.address.family = script.Byte();
    prefix.address.ip[0] = script.Byte();
    prefix.length = script.Byte();
    natkit_wg_peer_config config;
    natkit_init(&config);
    config.public_key[0] = script.Byte();
    config.allowed_ips = &prefix;
    config.allowed_ip_count = script.Byte() & 1;
    config.keepalive_ns = script.Byte() * (NATKIT_SECOND << 10);
    config.endpoint.family = script.Byte();
    uint32_t number = 0;
    const int code =
        Known(natkit_wg_device_set_peer(devices_[2], now_, &config, &number));
    NATKIT_CHECK(code != 0 || number != 0);
    (void)Known(natkit_wg_device_remove_peer(devices_[2], script.Byte()));
    CheckLists();
  }

  void CheckLists() {
    std::array<uint32_t, 256> peers{};
    const int count =
        natkit_wg_device_get_peers(devices_[2], peers.data(), peers.size());
    NATKIT_CHECK(count >= 0 && static_cast<size_t>(count) <= peers.size());
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      natkit_wg_peer_status status;
      natkit_init(&status);
      NATKIT_CHECK(natkit_wg_device_get_peer_status(devices_[2], peers[i],
                                                    &status) == 0 &&
                   status.peer == peers[i]);
    }
  }

  void Prod(size_t who, Script& script) {
    const uint8_t what = script.Byte();
    (void)natkit_wg_device_report_load(devices_[who], what & 1);
    Room room;
    (void)Known(
        natkit_wg_device_send_keepalive(devices_[who], now_, 1, room.get()));
    Transmit(who, room);
  }

  // Carries datagrams of `who` over, and what they cause, until it is quiet.
  void Transmit(size_t who, Room& room) {
    Forward(who, room.Packets());
    while (true) {
      Room more(kPlenty, 1);
      const int count =
          Known(natkit_wg_device_poll_transmit(devices_[who], more.get()));
      NATKIT_CHECK(count == 0 || count == 1);
      if (count == 0) {
        return;
      }
      uint64_t due = 0;
      NATKIT_CHECK(natkit_wg_device_next_timeout(devices_[who], &due) >= 0);
      Forward(who, more.Packets());
    }
  }

  void Forward(size_t who, std::span<natkit_packet> packets) {
    for (natkit_packet& packet : packets) {
      packet.remote = HostAddress(who);
      if (!flips_.empty()) {
        packet.data[flips_.back().first % packet.size] ^= flips_.back().second;
        flips_.pop_back();
      }
    }
    if (!packets.empty()) {
      Deliver(1 - who, packets);
    }
  }

  void Deliver(size_t who, std::span<const natkit_packet> packets) {
    size_t needed = 0;
    for (const natkit_packet& packet : packets) {
      needed += packet.size;
    }
    Room plaintext(needed, packets.size());
    Room replies(300, 2);
    NATKIT_CHECK(Known(natkit_wg_device_handle_datagrams(
                     devices_[who], now_, packets.data(), packets.size(),
                     plaintext.get(), replies.get())) == 0);
    for (const natkit_packet& packet : plaintext.Packets()) {
      NATKIT_CHECK(packet.peer == 1);
      NATKIT_CHECK(
          packet.size == 0 ||
          std::ranges::equal(ByteView(packet.data + 12, 4), Inner(1 - who)));
      received_[who] += packet.size > 0 ? 1 : 0;
    }
    TakeEvents(who);
    Transmit(who, replies);
  }

  void TakeEvents(size_t who) {
    natkit_wg_event event;
    natkit_init(&event);
    while (natkit_wg_device_poll_event(devices_[who], &event) == 1) {
      NATKIT_CHECK(event.type >= NATKIT_WG_EVENT_HANDSHAKE_COMPLETED &&
                   event.type <= NATKIT_WG_EVENT_SESSION_EXPIRED &&
                   event.peer == 1);
    }
  }

  void FireTimeouts() {
    for (size_t who = 0; who < devices_.size(); ++who) {
      Room room;
      NATKIT_CHECK(natkit_wg_device_handle_timeout(devices_[who], now_,
                                                   room.get()) == 0);
      uint64_t due = UINT64_MAX;
      NATKIT_CHECK(natkit_wg_device_next_timeout(devices_[who], &due) >= 0 &&
                   due > now_);
      if (who < 2) {
        Transmit(who, room);
      }
    }
  }

  void Exchange() {
    for (const size_t who : {size_t{0}, size_t{1}, size_t{0}}) {
      Send(who, 50, 255, 3);
    }
  }

  // However badly the script treated them, a minute of peace heals it.
  void CheckStillAlive() {
    flips_.clear();
    for (const size_t who : {size_t{0}, size_t{1}}) {
      (void)natkit_wg_device_report_load(devices_[who], 0);
    }
    for (int i = 0; i < 4; ++i) {
      now_ += 61 * NATKIT_SECOND;
      FireTimeouts();
    }
    received_[1] = 0;
    Exchange();
    NATKIT_CHECK(received_[1] > 0);
  }

  Source keys_{false};
  Source random_;
  uint64_t now_ = 3600 * NATKIT_SECOND;
  std::array<natkit_wg_device*, 3> devices_{};
  std::vector<std::pair<uint8_t, uint8_t>> flips_;
  std::array<size_t, 2> received_{};
};

}  // namespace
}  // namespace natkit::c::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::c::fuzz::Script script(data, size);
  natkit::c::fuzz::World(script.Byte()).Run(script);
  return 0;
}
