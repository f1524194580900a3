// Whatever a server, or somebody in its place, answers: the client ends once,
// sends a bounded number of requests, and believes nobody who does not know the
// password that it asks for.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/nat/stun_stream_binding_client.h"

namespace natkit::stun {
namespace {

const Endpoint kServer{.address = IpAddress::V4(198, 51, 100, 1), .port = 3478};

/// 7 sends and 4 challenges or 8 redirects and 5 server errors, and more.
constexpr int kMostRequests = 500;

BindingConfig MakeConfig(uint8_t bits) {
  BindingConfig config;
  if ((bits & 0x03) == 1) {
    config.credentials = *ShortTermCredentials::Prepare("alice", "wonderland");
  } else if ((bits & 0x03) == 2) {
    config.long_term = *LongTermCredentials::Prepare("alice", "wonderland");
  }
  config.follows_redirects = (bits & 0x04) != 0;
  config.sends_fingerprint = (bits & 0x08) != 0;
  return config;
}

/// A response to `request` with the attributes that the fuzzer wants.
std::vector<uint8_t> Answer(ByteView request, uint16_t type, ByteView body) {
  body = body.first(body.size() / 4 * 4);
  std::vector<uint8_t> out(kHeaderSize + body.size());
  ByteWriter writer(out);
  writer.WriteU16(type);
  writer.WriteU16(static_cast<uint16_t>(body.size()));
  writer.WriteBytes(request.subspan(4, 16));
  writer.WriteBytes(body);
  return out;
}

class Attack {
 public:
  explicit Attack(uint8_t bits)
      : bits_(bits), client_(kServer, rng_, MakeConfig(bits)) {
    client_.Start(now_);
    Drain();
  }

  void Run(ByteReader in) {
    uint8_t action = 0;
    uint8_t quarter_size = 0;
    while (!has_ended_ && in.ReadU8(action) && in.ReadU8(quarter_size)) {
      ByteView body;
      if (!in.ReadView(
              std::min<size_t>(quarter_size * size_t{4}, in.remaining()),
              body)) {
        break;
      }
      Act(action, body);
      Drain();
    }
    // Nothing more comes: it ends by itself.
    for (int i = 0; i < kMostRequests && !has_ended_; ++i) {
      now_ = *client_.NextTimeout();
      client_.HandleTimeout(now_);
      Drain();
    }
    NATKIT_CHECK(has_ended_ && !client_.NextTimeout());
  }

 private:
  void Act(uint8_t action, ByteView body) {
    const uint16_t type = (action & 1) != 0 ? 0x0101 : 0x0111;
    if ((action & 2) != 0) {
      now_ += std::chrono::milliseconds(100) * (action >> 2);
      client_.HandleTimeout(now_);
    }
    (void)client_.HandleDatagram(now_, client_.server(),
                                 Answer(request_, type, body));
  }

  void Drain() {
    while (auto transmit = client_.PollTransmit()) {
      NATKIT_CHECK(!has_ended_ && ++requests_ < kMostRequests);
      NATKIT_CHECK(transmit->to == client_.server());
      request_ = std::move(transmit->payload);
    }
    while (const auto event = client_.PollEvent()) {
      NATKIT_CHECK(!has_ended_);
      has_ended_ = true;
      CheckEvent(*event);
    }
    NATKIT_CHECK(has_ended_ || client_.NextTimeout().has_value());
  }

  void CheckEvent(const BindingEvent& event) const {
    NATKIT_CHECK((event.outcome == BindingOutcome::kSuccess) ==
                 event.reflexive_address.has_value());
    NATKIT_CHECK(!event.is_verified);
    NATKIT_CHECK(client_.server() == kServer);
    if ((bits_ & 0x03) == 1) {
      NATKIT_CHECK(event.outcome == BindingOutcome::kTimedOut ||
                   event.outcome == BindingOutcome::kIntegrityViolation);
    }
  }

  uint8_t bits_;
  SeededRng rng_{1};
  Instant now_{};
  BindingClient client_;
  std::vector<uint8_t> request_;
  int requests_ = 0;
  bool has_ended_ = false;
};

/// The same bytes as a stream: it ends, or waits for its time to be up.
void Stream(uint8_t bits, ByteView bytes) {
  SeededRng rng(1);
  StreamBindingClient client(kServer, rng, MakeConfig(bits));
  client.Start(Instant{});
  while (client.PollBytes()) {
  }
  client.HandleBytes(Instant{}, bytes);
  client.HandleClosed(Instant{});
  const auto event = client.PollEvent();
  NATKIT_CHECK(event && event->outcome != BindingOutcome::kSuccess);
}

}  // namespace
}  // namespace natkit::stun

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size != 0) {
    const natkit::ByteView rest(data + 1, size - 1);
    natkit::stun::Attack(data[0]).Run(natkit::ByteReader(rest));
    natkit::stun::Stream(data[0], rest);
  }
  return 0;
}
