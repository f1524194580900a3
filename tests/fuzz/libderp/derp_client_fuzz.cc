// A server says anything. The client's events do not depend on how the stream
// was split, and what the client writes is a request and good frames.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/derp/client_core.h"
#include "natkit/derp/frame_decoder.h"

using namespace natkit;
using namespace natkit::derp;

namespace {

using Bytes = std::vector<uint8_t>;

StaticPrivateKey KeyOf(uint8_t byte) {
  std::array<uint8_t, 32> bytes;
  bytes.fill(byte);
  return StaticPrivateKey(bytes);
}

constexpr size_t kPingInterval = 64;  // bytes of the stream

struct Outcome {
  std::vector<size_t> kinds;
  Bytes received;  // data of all packets
  bool operator==(const Outcome&) const = default;
};

class Session {
 public:
  explicit Session(bool is_fast_start)
      : core_({.private_key = KeyOf(2), .host = "relay"}, rng_) {
    core_.Start(now_, is_fast_start ? std::optional(DerivePublicKey(KeyOf(1)))
                                    : std::nullopt);
    (void)core_.SendPacket(now_, DerivePublicKey(KeyOf(3)), Bytes(10, 1));
  }

  // Asks for a pong at fixed places of the stream only: whether a pong is
  // awaited when it comes must not depend on the pieces.
  Outcome Run(ByteView stream, size_t piece) {
    size_t done = 0;
    while (done < stream.size()) {
      const size_t until_ping = kPingInterval - done % kPingInterval;
      const size_t left = std::min(stream.size() - done, until_ping);
      const ByteView input = stream.subspan(done, std::min(piece, left));
      done += input.size();
      core_.HandleBytes(now_, input);
      TakeEvents();
      if (done % kPingInterval == 0) {
        core_.Ping(now_);
      }
      TakeOutput();
    }
    CheckOutput();
    return outcome_;
  }

 private:
  void TakeEvents() {
    while (const auto event = core_.PollEvent()) {
      NATKIT_CHECK(!is_closed_);
      outcome_.kinds.push_back(event->index());
      if (const auto* packet = std::get_if<ClientPacket>(&*event)) {
        outcome_.received.insert(outcome_.received.end(), packet->data.begin(),
                                 packet->data.end());
      }
      is_closed_ = std::holds_alternative<ClientClosed>(*event);
    }
    NATKIT_CHECK(core_.NextTimeout().has_value() == !is_closed_);
  }

  void TakeOutput() {
    std::array<uint8_t, 256> buffer;
    while (const size_t count = core_.PollTransmit(now_, buffer)) {
      written_.insert(written_.end(), buffer.begin(), buffer.begin() + count);
    }
    NATKIT_CHECK(!core_.has_output());
  }

  // The request, then ClientInfo, then frames that a server accepts.
  void CheckOutput() const {
    const std::string_view text = AsText(written_);
    const size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      NATKIT_CHECK(is_closed_ || written_.empty());
      return;
    }
    ByteView stream = ByteView(written_).subspan(end + 4);
    FrameDecoder decoder(kServerLoginRules);
    while (true) {
      const auto frame = decoder.Next(stream);
      NATKIT_CHECK(frame.has_value());
      if (!*frame) {
        return;
      }
      decoder.SetRules(kServerRules);
    }
  }

  SeededRng rng_{1};
  Instant now_{std::chrono::hours(1)};
  ClientCore core_;
  Outcome outcome_;
  Bytes written_;
  bool is_closed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in({data, size});
  uint8_t choice = 0;
  if (!in.ReadU8(choice)) {
    return 0;
  }
  const bool is_fast_start = choice % 2 == 1;
  const ByteView stream = in.ReadRest();
  const Outcome whole = Session(is_fast_start).Run(stream, 1 + choice / 2);
  NATKIT_CHECK(Session(is_fast_start).Run(stream, 1) == whole);
  return 0;
}
