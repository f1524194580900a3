// Two tunnels through the C door and a network that a script makes: it loses,
// alters, repeats and invents datagrams, and its buffers are too small. Nothing
// goes beyond a buffer, nothing that did not fit is lost, what comes out was
// put in, and in the end the two can still talk.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "door_script.h"
#include "natkit/base/check.h"
#include "natkit/natkit.h"

namespace natkit::c::fuzz {
namespace {

constexpr uint64_t kWallClock = 1'700'000'000 * NATKIT_SECOND;
constexpr size_t kRoom = 2048;

class World {
 public:
  explicit World(uint8_t bits) : random_((bits & 1) != 0) {
    std::array<std::array<uint8_t, NATKIT_KEY_SIZE>, 2> keys{};
    const Source source(false);
    for (auto& key : keys) {
      natkit_key_generate(source.get(), key.data());
    }
    for (size_t i = 0; i < tunnels_.size(); ++i) {
      natkit_wg_tunnel_config config;
      natkit_init(&config);
      config.random = random_.get();
      config.wall_clock_ns = kWallClock;
      std::ranges::copy(keys[i], config.private_key);
      natkit_key_get_public(keys[1 - i].data(), config.public_key);
      config.keepalive_ns = (bits & 2) != 0 ? 25 * NATKIT_SECOND : 0;
      config.max_staged_packets = bits >> 4;
      NATKIT_CHECK(natkit_wg_tunnel_new(&config, &tunnels_[i]) == 0);
    }
  }

  ~World() {
    for (natkit_wg_tunnel* tunnel : tunnels_) {
      natkit_wg_tunnel_free(tunnel);
      NATKIT_CHECK(natkit_wg_tunnel_handle_timeout(tunnel, now_) ==
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
  void Step(Script& script) {
    const uint8_t op = script.Byte();
    const size_t who = op & 1;
    switch ((op >> 1) % 7) {
      case 0:
        return Seal(who, script.Byte(), size_t{script.Byte()} * 2);
      case 1:
        return Open(who, script.Bytes(), size_t{script.Byte()});
      case 2:  // something that was sent before, perhaps altered
        return Repeat(who, script);
      case 3:
        now_ += script.Byte() * NATKIT_SECOND;
        return FireTimeouts();
      case 4:
        return SealAnything(who, script);
      case 5:
        (void)Known(natkit_wg_tunnel_initiate_handshake(tunnels_[who], now_,
                                                        script.Byte() & 1));
        return Drain(who, script.Byte());
      default:
        (void)Known(natkit_wg_tunnel_send_keepalive(tunnels_[who], now_));
        return Drain(who, script.Byte());
    }
  }

  static std::vector<uint8_t> MakePacket(uint8_t payload) {
    std::vector<uint8_t> packet(20 + payload, payload);
    std::fill_n(packet.begin(), 20, uint8_t{0});
    packet[0] = 0x45;
    packet[2] = static_cast<uint8_t>(packet.size() >> 8);
    packet[3] = static_cast<uint8_t>(packet.size());
    return packet;
  }

  void Seal(size_t who, uint8_t payload, size_t room) {
    const std::vector<uint8_t> packet = MakePacket(payload);
    Guarded out(room);
    const int size =
        Known(natkit_wg_tunnel_seal(tunnels_[who], now_, packet.data(),
                                    packet.size(), out.data(), out.size()));
    NATKIT_CHECK((size == NATKIT_ERR_BUFFER_TOO_SMALL) ==
                 (room < NATKIT_WG_SEALED_SIZE(packet.size())));
    if (size > 0) {
      Carry(who, out.Written(size));
    }
    Drain(who, 0);
  }

  void SealAnything(size_t who, Script& script) {
    const std::vector<uint8_t> packet = script.Bytes();
    Guarded out(kRoom);
    const int size =
        Known(natkit_wg_tunnel_seal(tunnels_[who], now_, packet.data(),
                                    packet.size(), out.data(), out.size()));
    NATKIT_CHECK(size >= 0 || size == NATKIT_ERR_BAD_VALUE);
    is_strange_ = true;
    if (size > 0) {
      Carry(who, out.Written(size));
    }
    Drain(who, 0);
  }

  void Repeat(size_t who, Script& script) {
    std::vector<uint8_t> datagram = last_;
    const uint8_t at = script.Byte();
    if (at < 128 && at < datagram.size()) {
      datagram[at] ^= script.Byte();
    }
    Open(who, datagram, datagram.size());
  }

  void Carry(size_t from, ByteView datagram) {
    last_.assign(datagram.begin(), datagram.end());
    Open(1 - from, last_, last_.size());
  }

  void Open(size_t who, const std::vector<uint8_t>& datagram, size_t room) {
    Guarded out(room);
    const int size =
        Known(natkit_wg_tunnel_open(tunnels_[who], now_, datagram.data(),
                                    datagram.size(), out.data(), out.size()));
    NATKIT_CHECK((size == NATKIT_ERR_BUFFER_TOO_SMALL) ==
                 (room < datagram.size()));
    if (size > 0) {
      const ByteView packet = out.Written(size);
      NATKIT_CHECK(is_strange_ ||
                   std::ranges::equal(
                       packet, MakePacket(static_cast<uint8_t>(size - 20))));
      ++received_[who];
    }
    TakeEvents(who);
    Drain(who, 0);
  }

  // Takes and carries all that waits, each first with too little room.
  void Drain(size_t who, size_t room) {
    while (true) {
      Guarded little(room);
      Guarded enough(kRoom);
      uint64_t due = 0;
      int size = Known(natkit_wg_tunnel_poll_transmit(
          tunnels_[who], little.data(), little.size()));
      if (size == NATKIT_ERR_BUFFER_TOO_SMALL) {
        NATKIT_CHECK(natkit_wg_tunnel_next_timeout(tunnels_[who], &due) == 1 &&
                     due <= now_);
        size = Known(natkit_wg_tunnel_poll_transmit(
            tunnels_[who], enough.data(), enough.size()));
        NATKIT_CHECK(size > static_cast<int>(room));
        Carry(who, enough.Written(size));
      } else if (size > 0) {
        Carry(who, little.Written(size));
      } else {
        return;
      }
    }
  }

  void TakeEvents(size_t who) {
    natkit_wg_event event;
    natkit_init(&event);
    while (natkit_wg_tunnel_poll_event(tunnels_[who], &event) == 1) {
      NATKIT_CHECK(event.type == NATKIT_WG_EVENT_HANDSHAKE_COMPLETED ||
                   event.type == NATKIT_WG_EVENT_HANDSHAKE_GAVE_UP ||
                   event.type == NATKIT_WG_EVENT_SESSION_EXPIRED);
    }
  }

  void FireTimeouts() {
    for (size_t who = 0; who < tunnels_.size(); ++who) {
      NATKIT_CHECK(natkit_wg_tunnel_handle_timeout(tunnels_[who], now_) == 0);
      Drain(who, 0);
      uint64_t due = UINT64_MAX;
      NATKIT_CHECK(natkit_wg_tunnel_next_timeout(tunnels_[who], &due) >= 0 &&
                   due > now_);
      TakeEvents(who);
    }
  }

  // However badly the script treated them, some minutes of peace heal it.
  void CheckStillAlive() {
    for (int i = 0; i < 4; ++i) {
      now_ += 61 * NATKIT_SECOND;
      FireTimeouts();
    }
    received_ = {};
    for (const size_t who : {size_t{0}, size_t{1}, size_t{0}}) {
      Seal(who, 30, kRoom);
    }
    NATKIT_CHECK(received_[0] > 0 && received_[1] > 0);
  }

  Source random_;
  uint64_t now_ = 3600 * NATKIT_SECOND;
  std::array<natkit_wg_tunnel*, 2> tunnels_{};
  std::vector<uint8_t> last_;
  bool is_strange_ = false;  ///< packets of the script's own were sealed
  std::array<size_t, 2> received_{};
};

}  // namespace
}  // namespace natkit::c::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::c::fuzz::Script script(data, size);
  natkit::c::fuzz::World(script.Byte()).Run(script);
  return 0;
}
