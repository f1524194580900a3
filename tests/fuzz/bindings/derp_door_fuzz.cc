// A client behind natkit/derp.h, driven by a script: a relay that lets it in,
// good frames, bad frames and raw bytes instead, packets, time and small
// buffers in any order. Whatever happens, results have names, buffers keep
// their bounds, no packet is lost to a small buffer, and after the end there is
// nothing.

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "door_script.h"
#include "natkit/base/rng.h"
#include "natkit/derp/server_core.h"

namespace natkit::c::fuzz {
namespace {

constexpr size_t kMaxSteps = 300;
constexpr size_t kFrameHeader = 5;

enum class Op : uint8_t {
  kStart,
  kRaw,
  kUpgrade,
  kFrame,
  kPacket,
  kSend,
  kHome,
  kPing,
  kTransmit,
  kEvents,
  kSmallEvents,
  kAdvance,
  kTimeout,
  kClosed,
  kReplace,
  kFindKey,
  kRelay,
  kCount,
};

constexpr std::array<uint8_t, NATKIT_KEY_SIZE> kOurKey = {2};
constexpr std::array<uint8_t, NATKIT_KEY_SIZE> kRelayKey = {3};

class Relayed {
 public:
  Relayed(const uint8_t* data, size_t size)
      : script_(data, size), source_(script_.Byte() % 4 == 0) {
    Make();
  }

  ~Relayed() { natkit_derp_client_free(client_); }

  Relayed(const Relayed&) = delete;
  Relayed& operator=(const Relayed&) = delete;

  void Run() {
    for (size_t step = 0; step < kMaxSteps && !script_.is_done(); ++step) {
      Step(static_cast<Op>(script_.Byte() % static_cast<uint8_t>(Op::kCount)));
      Check();
    }
  }

 private:
  void Make() {
    natkit_derp_client_config config;
    natkit_init(&config);
    const uint8_t choice = script_.Byte();
    const std::string name = script_.Text(20);
    config.random = source_.get();
    config.private_key = kOurKey.data();
    config.host = "relay";
    config.app_name = name.c_str();
    config.mesh_key = choice % 2 == 0 ? nullptr : kOurKey.data();
    config.queue_depth = choice / 2 % 4U;
    config.is_prober = choice / 8 % 2U;
    NATKIT_CHECK(natkit_derp_client_new(&config, &client_) == 0);
    is_started_ = false;
    is_closed_ = false;
    is_held_ = false;
    ++id_;
    server_.Accept(Now(), derp::ConnectionId{id_}, {});
  }

  [[nodiscard]] Instant Now() const {
    return Instant(std::chrono::nanoseconds(now_));
  }

  /// Bytes both ways between the client and a relay, until there are none.
  void Relay() {
    const derp::ConnectionId id{id_};
    std::array<uint8_t, 1000> up{};
    std::array<uint8_t, 1000> down{};
    for (bool moves = true; moves;) {
      const int sent =
          natkit_derp_client_poll_transmit(client_, now_, up.data(), up.size());
      NATKIT_CHECK(sent >= 0);
      server_.HandleBytes(Now(), id,
                          ByteView(up).first(static_cast<size_t>(sent)));
      const size_t answered = server_.PollTransmit(Now(), id, down);
      Receive(ByteView(down).first(answered));
      moves = sent > 0 || answered > 0;
    }
    while (server_.PollEvent()) {
    }
    while (server_.PollReady()) {
    }
  }

  void Step(Op op) {
    switch (op) {
      case Op::kStart:
        return Start();
      case Op::kRaw:
        return Receive(script_.Bytes());
      case Op::kUpgrade:
        return Receive(AsBytes("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
      case Op::kFrame:
        return Frame(script_.Byte(), script_.Bytes());
      case Op::kPacket:
        return Frame(5, std::vector<uint8_t>(size_t{script_.Byte()} * 300, 7));
      case Op::kSend:
        return Send();
      case Op::kTransmit:
        return Transmit(script_.Byte());
      case Op::kEvents:
        return Poll(NATKIT_DERP_MAX_PACKET);
      case Op::kSmallEvents:
        return Poll(script_.Byte());
      case Op::kAdvance:
        now_ += script_.Byte() * NATKIT_SECOND;
        return;
      case Op::kReplace:
        natkit_derp_client_free(client_);
        NATKIT_CHECK(natkit_derp_client_ping(client_, now_) ==
                     NATKIT_ERR_BAD_HANDLE);
        return Make();
      case Op::kFindKey:
        return FindKey();
      case Op::kRelay:
        return Relay();
      default:
        return Tell(op);
    }
  }

  void Tell(Op op) {
    switch (op) {
      case Op::kHome:
        Known(natkit_derp_client_note_preferred(client_, script_.Byte() % 2));
        return;
      case Op::kPing:
        Known(natkit_derp_client_ping(client_, now_));
        return;
      case Op::kTimeout:
        Known(natkit_derp_client_handle_timeout(client_, now_));
        return;
      default:
        Known(natkit_derp_client_handle_closed(client_, now_));
        return;
    }
  }

  void Start() {
    std::array<uint8_t, NATKIT_KEY_SIZE> key{};
    NATKIT_CHECK(natkit_key_get_public(kRelayKey.data(), key.data()) == 0);
    const uint8_t* const known = script_.Byte() % 2 == 0 ? key.data() : nullptr;
    const int result = natkit_derp_client_start(client_, now_, known);
    NATKIT_CHECK(result == (is_started_ ? NATKIT_ERR_INVALID_STATE : 0));
    is_started_ = true;
  }

  void Receive(ByteView bytes) {
    NATKIT_CHECK(natkit_derp_client_handle_bytes(client_, now_, bytes.data(),
                                                 bytes.size()) == 0);
  }

  void Frame(uint8_t type, ByteView payload) {
    std::array<uint8_t, kFrameHeader> header{type};
    ByteWriter(MutableBytes(header).subspan(1))
        .WriteU32(static_cast<uint32_t>(payload.size()));
    Receive(header);
    Receive(payload);
  }

  void Send() {
    const std::vector<uint8_t> data(size_t{script_.Byte()} * 260, 1);
    const int result = Known(natkit_derp_client_send(
        client_, now_, kOurKey.data(), data.data(), data.size()));
    NATKIT_CHECK(is_started_ || result < 0);
  }

  void Transmit(size_t room) {
    Guarded out(room);
    const ByteView written = out.Written(natkit_derp_client_poll_transmit(
        client_, now_, out.data(), out.size()));
    const int more = natkit_derp_client_has_output(client_);
    NATKIT_CHECK(written.size() == room || more == 0);
  }

  void Poll(size_t room) {
    natkit_derp_event event;
    natkit_init(&event);
    Guarded data(room);
    while (true) {
      const int result = Known(natkit_derp_client_poll_event(
          client_, &event, data.data(), data.size()));
      if (result == NATKIT_ERR_BUFFER_TOO_SMALL) {
        NATKIT_CHECK(room < NATKIT_DERP_MAX_PACKET);
        is_held_ = true;
        return;
      }
      if (result == 0) {
        NATKIT_CHECK(!is_held_);
        return;
      }
      NATKIT_CHECK(!is_closed_);
      NATKIT_CHECK(!is_held_ || event.type == NATKIT_DERP_EVENT_PACKET);
      is_held_ = false;
      is_closed_ = event.type == NATKIT_DERP_EVENT_CLOSED;
      NATKIT_CHECK(event.data_size <= room);
    }
  }

  /// The bytes are certificates, or are not.
  void FindKey() {
    const std::vector<uint8_t> a = script_.Bytes();
    const std::vector<uint8_t> b = script_.Bytes();
    const std::array<const uint8_t*, 2> certificates = {a.data(), b.data()};
    const std::array<size_t, 2> sizes = {a.size(), b.size()};
    Guarded key(NATKIT_KEY_SIZE);
    NATKIT_CHECK(Known(natkit_derp_find_server_key(
                     certificates.data(), sizes.data(), 2, key.data())) <= 1);
  }

  void Check() {
    uint64_t due = 0;
    natkit_derp_counters counters;
    natkit_init(&counters);
    NATKIT_CHECK(natkit_derp_client_get_counters(client_, &counters) == 0);
    const int has_timeout = natkit_derp_client_next_timeout(client_, &due);
    NATKIT_CHECK(has_timeout == 0 || (is_started_ && !is_closed_));
    NATKIT_CHECK(natkit_derp_client_is_connected(client_) <= has_timeout);
    if (is_closed_) {
      NATKIT_CHECK(natkit_derp_client_has_output(client_) == 0);
    }
  }

  Script script_;
  Source source_;
  SeededRng rng_{1};
  derp::ServerCore server_{{.private_key = StaticPrivateKey(kRelayKey)}, rng_};
  uint64_t id_ = 0;  ///< of the connection, to the relay
  natkit_derp_client* client_ = nullptr;
  uint64_t now_ = NATKIT_SECOND;
  bool is_started_ = false;
  bool is_closed_ = false;
  bool is_held_ = false;  ///< a packet waits for a larger buffer
};

}  // namespace
}  // namespace natkit::c::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= 4) {
    natkit::c::fuzz::Relayed(data, size).Run();
  }
  return 0;
}
