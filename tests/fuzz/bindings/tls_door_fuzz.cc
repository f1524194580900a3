// A client and a server behind natkit/tls.h, driven by a script: bytes pass
// between them whole or changed, and come from nowhere. Whatever happens,
// results have names, buffers keep their bounds, a channel that failed stays
// so, and plaintext that arrives is what was written.

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "door_script.h"

namespace natkit::c::fuzz {
namespace {

constexpr size_t kMaxSteps = 200;
constexpr uint64_t kToday = 1'767'225'600;  // 2026-01-01
constexpr size_t kChunk = 4096;

enum class Op : uint8_t {
  kCarry,
  kCarryAll,
  kChange,
  kRaw,
  kWrite,
  kRead,
  kClose,
  kEnd,
  kAsk,
  kExport,
  kReplace,
  kPem,
  kCount,
};

/// Contexts and a certificate that all runs share.
struct Contexts {
  natkit_tls_context* clients = nullptr;
  natkit_tls_context* servers = nullptr;
  std::array<char, NATKIT_TLS_PIN_SIZE> pin{};

  Contexts() {
    std::array<char, NATKIT_TLS_PEM_SIZE> chain{};
    std::array<char, NATKIT_TLS_PEM_SIZE> key{};
    NATKIT_CHECK(natkit_tls_make_self_signed("relay.example", kToday,
                                             chain.data(), chain.size(),
                                             key.data(), key.size()) == 0);
    NATKIT_CHECK(natkit_tls_get_pin(chain.data(), pin.data(), pin.size()) > 0);
    natkit_tls_client_config client;
    natkit_tls_server_config server;
    natkit_init(&client);
    natkit_init(&server);
    client.verification_time_s = kToday;
    server.chain_pem = chain.data();
    server.key_pem = key.data();
    NATKIT_CHECK(natkit_tls_context_new_client(&client, &clients) == 0);
    NATKIT_CHECK(natkit_tls_context_new_server(&server, &servers) == 0);
  }
};

const Contexts& Shared() {
  static const Contexts contexts;
  return contexts;
}

/// One end. Plaintext counts up, so that a reader knows what is to come.
struct End {
  natkit_tls_channel* channel = nullptr;
  int failure = 0;
  uint8_t next_written = 0;
  uint8_t next_read = 0;
};

class Pair {
 public:
  Pair(const uint8_t* data, size_t size) : script_(data, size) { Make(); }

  ~Pair() { Free(); }

  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void Run() {
    for (size_t step = 0; step < kMaxSteps && !script_.is_done(); ++step) {
      const uint8_t choice = script_.Byte();
      which_ = choice >> 7U;
      Step(static_cast<Op>((choice & 127U) % static_cast<uint8_t>(Op::kCount)));
    }
  }

 private:
  End& mine() { return ends_[which_]; }

  End& other() { return ends_[1 - which_]; }

  void Make() {
    const Contexts& contexts = Shared();
    ends_ = {};
    is_tampered_ = false;
    NATKIT_CHECK(natkit_tls_channel_connect(contexts.clients, "relay.example",
                                            contexts.pin.data(),
                                            &ends_[0].channel) == 0);
    NATKIT_CHECK(
        natkit_tls_channel_accept(contexts.servers, &ends_[1].channel) == 0);
  }

  void Free() {
    for (const End& end : ends_) {
      natkit_tls_channel_free(end.channel);
      NATKIT_CHECK(natkit_tls_channel_close(end.channel) ==
                   NATKIT_ERR_BAD_HANDLE);
    }
  }

  void Step(Op op) {
    switch (op) {
      case Op::kCarry:
        return (void)Carry(script_.Byte());
      case Op::kCarryAll:
        while (Carry(kChunk)) {
        }
        return;
      case Op::kChange:
        changes_ = script_.Byte();
        return;
      case Op::kRaw:
        is_tampered_ = true;
        return Take(mine(), script_.Bytes());
      case Op::kWrite:
        return Write(size_t{script_.Byte()} * 100);
      case Op::kRead:
        return Read(script_.Byte());
      case Op::kClose:
        Known(natkit_tls_channel_close(mine().channel));
        return;
      case Op::kEnd:
        return Note(
            mine(),
            Known(natkit_tls_channel_handle_end_of_stream(mine().channel)));
      case Op::kAsk:
        return Ask();
      case Op::kExport:
        return Export();
      case Op::kPem:
        return ReadPem();
      case Op::kReplace:
      case Op::kCount:
        Free();
        return Make();
    }
  }

  /// Ciphertext from mine to the other; false if there is none.
  bool Carry(size_t room) {
    Guarded out(room);
    const int pending =
        Known(natkit_tls_channel_get_pending_ciphertext(mine().channel));
    const ByteView taken = out.Written(natkit_tls_channel_read_ciphertext(
        mine().channel, out.data(), out.size()));
    NATKIT_CHECK(taken.size() == std::min(room, static_cast<size_t>(pending)));
    std::vector<uint8_t> bytes(taken.begin(), taken.end());
    if (changes_ != 0 && !bytes.empty()) {
      bytes[changes_ % bytes.size()] ^= changes_;
      changes_ = 0;
      is_tampered_ = true;
    }
    Take(other(), bytes);
    return !bytes.empty();
  }

  void Take(End& end, ByteView bytes) {
    Note(end, Known(natkit_tls_channel_handle_ciphertext(
                  end.channel, bytes.data(), bytes.size())));
  }

  /// A failure is for ever; NATKIT_ERR_LIMIT_EXCEEDED is none.
  void Note(End& end, int result) {
    if (result == NATKIT_ERR_LIMIT_EXCEEDED) {
      is_tampered_ = true;  // bytes are missing now
      return;
    }
    NATKIT_CHECK(end.failure == 0 || result == end.failure);
    NATKIT_CHECK(result >= 0 || is_tampered_ || result == NATKIT_ERR_CLOSED);
    if (result < 0 && end.failure == 0) {
      end.failure = result;
      Guarded text(100);
      NATKIT_CHECK(natkit_tls_channel_get_error_text(end.channel, text.text(),
                                                     text.size()) > 0);
      NATKIT_CHECK(natkit_tls_channel_is_writable(end.channel) == 0);
    }
  }

  void Write(size_t size) {
    std::vector<uint8_t> data(size);
    uint8_t next = mine().next_written;
    for (uint8_t& byte : data) {
      byte = next++;
    }
    const int taken = Known(natkit_tls_channel_write_plaintext(
        mine().channel, data.data(), data.size()));
    if (taken > 0) {
      NATKIT_CHECK(static_cast<size_t>(taken) <= size);
      mine().next_written = static_cast<uint8_t>(mine().next_written + taken);
    }
  }

  void Read(size_t room) {
    Guarded out(room);
    const int count = Known(natkit_tls_channel_read_plaintext(
        mine().channel, out.data(), out.size()));
    if (count < 0) {
      return Note(mine(), count);
    }
    for (const uint8_t byte : out.Written(count)) {
      NATKIT_CHECK(byte == mine().next_read++);
    }
  }

  void Ask() {
    natkit_tls_channel* const channel = mine().channel;
    Guarded text(script_.Byte() + size_t{1});
    Guarded key(NATKIT_KEY_SIZE);
    NATKIT_CHECK(
        natkit_tls_channel_get_alpn(channel, text.text(), text.size()) == 0);
    Known(natkit_tls_channel_get_error_text(channel, text.text(), text.size()));
    const int done = Known(natkit_tls_channel_is_handshake_done(channel));
    const int version = Known(natkit_tls_channel_get_version(channel));
    NATKIT_CHECK((done == 1) == (version == NATKIT_TLS_1_3));
    NATKIT_CHECK(Known(natkit_tls_channel_get_derp_key(channel, key.data())) ==
                 0);
    Guarded der(script_.Byte() * size_t{10});
    Known(natkit_tls_channel_get_peer_certificate(channel, script_.Byte() % 3,
                                                  der.data(), der.size()));
  }

  void Export() {
    const std::string label = script_.Text();
    Guarded out(script_.Byte() * size_t{40});
    const int result = Known(natkit_tls_channel_export(
        mine().channel, label.c_str(), nullptr, 0, out.data(), out.size()));
    NATKIT_CHECK(result < 0 ||
                 natkit_tls_channel_is_handshake_done(mine().channel) == 1);
  }

  void ReadPem() {
    const std::string pem = script_.Text();
    natkit_tls_client_config client;
    natkit_tls_server_config server;
    natkit_tls_context* context = nullptr;
    natkit_init(&client);
    natkit_init(&server);
    client.roots_pem = pem.c_str();
    server.chain_pem = pem.c_str();
    server.key_pem = pem.c_str();
    Known(natkit_tls_context_new_client(&client, &context));
    natkit_tls_context_free(context);
    NATKIT_CHECK(Known(natkit_tls_context_new_server(&server, &context)) < 0);
    Guarded pin(NATKIT_TLS_PIN_SIZE);
    Known(natkit_tls_get_pin(pem.c_str(), pin.text(), pin.size()));
  }

  Script script_;
  std::array<End, 2> ends_{};
  size_t which_ = 0;
  uint8_t changes_ = 0;
  bool is_tampered_ = false;  ///< a failure may come of it
};

}  // namespace
}  // namespace natkit::c::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::c::fuzz::Pair(data, size).Run();
  return 0;
}
