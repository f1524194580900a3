// A hub with agents among hostile hosts and relays: descriptions, datagrams,
// relays' bytes and time in any order. What it says of itself stays true, and
// what it keeps stays small.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/rng.h"
#include "natkit/mesh/agent/agent_hub.h"

namespace natkit::mesh {
namespace {

constexpr size_t kMaxSteps = 400;
constexpr size_t kMaxTransmits = 100000;

/// The fuzzer's bytes as choices; zeros once they are used up.
class Choices {
 public:
  explicit Choices(ByteView bytes) : in_(bytes) {}

  [[nodiscard]] bool is_empty() const { return in_.is_empty(); }

  /// 0 to `most`, below 256.
  uint32_t Pick(uint32_t most) {
    uint8_t value = 0;
    (void)in_.ReadU8(value);
    return value % (most + 1);
  }

  /// Up to 65535.
  uint32_t PickLong() {
    uint16_t value = 0;
    (void)in_.ReadU16(value);
    return value;
  }

  ByteView Bytes() {
    const size_t size = std::min<size_t>(PickLong() % 700, in_.remaining());
    ByteView out;
    NATKIT_CHECK(in_.ReadView(size, out));
    return out;
  }

 private:
  ByteReader in_;
};

class Driver {
 public:
  explicit Driver(ByteView data)
      : data_(data), rng_(1), hub_(MakeConfig(rng_), rng_) {
    hub_.SetLocalEndpoints(now_, {*Endpoint::Parse("192.0.2.1:1000"),
                                  *Endpoint::Parse("[2001:db8::1]:1000")});
    hub_.SetStunServers(now_, {*Endpoint::Parse("198.51.100.1:3478")});
  }

  void Run() {
    for (size_t i = 0; i < kMaxSteps && !data_.is_empty(); ++i) {
      Step();
      Drain();
    }
    for (const AgentId agent : agents_) {
      (void)hub_.Remove(now_, agent);
    }
    Drain();
    NATKIT_CHECK(hub_.agent_count() == 0);
    NATKIT_CHECK(!hub_.NextTimeout().has_value());
  }

 private:
  static AgentHubConfig MakeConfig(Rng& rng) {
    AgentHubConfig config{.private_key = GeneratePrivateKey(rng)};
    config.relays.push_back({.name = "one", .host = "one"});
    config.relays.push_back({.name = "two", .host = "two"});
    return config;
  }

  Endpoint PickEndpoint() {
    static const std::array kPlaces = {*Endpoint::Parse("192.0.2.1:1000"),
                                       *Endpoint::Parse("198.51.100.1:3478"),
                                       *Endpoint::Parse("203.0.113.5:6000"),
                                       *Endpoint::Parse("[2001:db8::1]:1000"),
                                       *Endpoint::Parse("[2001:db8::2]:7")};
    return kPlaces[data_.Pick(kPlaces.size() - 1)];
  }

  AgentId PickAgent() { return data_.Pick(8); }

  /// A datagram that an agent or prober has sent comes back, changed or not.
  std::vector<uint8_t> PickEcho() {
    std::vector<uint8_t> echo = last_sent_;
    if (!echo.empty() && data_.Pick(1) == 1) {
      echo[data_.PickLong() % echo.size()] ^=
          static_cast<uint8_t>(data_.Pick(255));
    }
    return echo;
  }

  void Step() {
    switch (data_.Pick(13)) {
      case 0:
        return AddAgent();
      case 1:
        (void)hub_.Remove(now_, PickAgent());
        return;
      case 2:
        return Describe();
      case 3:
        (void)hub_.Restart(now_, PickAgent());
        return;
      case 4:
        return TakeDatagram(data_.Bytes());
      case 5:
        return TakeDatagram(PickEcho());
      case 6:
        hub_.HandleRelayOpen(now_, data_.Pick(2), std::nullopt);
        return;
      case 7:
        hub_.HandleRelayBytes(now_, data_.Pick(2), data_.Bytes());
        return;
      case 8:
        hub_.HandleRelayClosed(now_, data_.Pick(2), "gone");
        return;
      case 9:
        now_ += std::chrono::milliseconds(data_.PickLong());
        return Advance();
      case 10:
        return hub_.CheckNetwork(now_);
      case 11:
        return SetAddresses();
      case 12:
        return hub_.SetStunServers(
            now_, std::vector<Endpoint>(data_.Pick(3), PickEndpoint()));
      default:
        (void)hub_.Route(now_, PickAgent(), data_.Bytes());
        (void)hub_.SendRelayed(now_, PickAgent(), data_.Bytes());
    }
  }

  /// What is nobody's is counted, all else is the hub's or data of an agent.
  void TakeDatagram(ByteView bytes) {
    const uint64_t before = hub_.counters().dropped_unknown;
    const DatagramClaim claim =
        hub_.HandleDatagram(now_, PickEndpoint(), PickEndpoint(), bytes);
    const bool is_nobodys = claim.owner == DatagramOwner::kNobody;
    const bool is_data = claim.owner == DatagramOwner::kAgent;
    NATKIT_CHECK(hub_.counters().dropped_unknown - before ==
                 (is_nobodys ? 1U : 0U));
    NATKIT_CHECK(!is_data || AgentHub::MayBeData(bytes));
    NATKIT_CHECK(is_data == (claim.agent != 0));
    NATKIT_CHECK(!is_data || hub_.State(claim.agent).has_value());
  }

  /// The hub never wants the time that it was just told.
  void Advance() {
    constexpr int kMost = 1000;  // checks that leave one by one
    int count = 0;
    do {
      hub_.HandleTimeout(now_);
      Drain();
      NATKIT_CHECK(++count < kMost);
    } while (hub_.NextTimeout() && *hub_.NextTimeout() <= now_);
  }

  void SetAddresses() {
    std::vector<Endpoint> bases;
    for (uint32_t i = data_.Pick(4); i > 0; --i) {
      bases.push_back(PickEndpoint());
    }
    hub_.SetLocalEndpoints(now_, std::move(bases));
  }

  void AddAgent() {
    AgentOptions options;
    if (data_.Pick(1) == 1) {
      options.peer = PublicKey{};
      options.peer->bytes[0] = static_cast<uint8_t>(data_.Pick(255));
    }
    if (const auto agent = hub_.Add(now_, options)) {
      agents_.push_back(*agent);
    }
  }

  void Describe() {
    const AgentId agent = PickAgent();
    std::string text = data_.Pick(1) == 1 ? "a=ice-ufrag:abcd\n"
                                            "a=ice-pwd:0123456789012345678901\n"
                                          : "";
    text += AsText(data_.Bytes());
    const auto description = ParseDescription(text);
    if (description) {
      (void)hub_.SetRemoteDescription(now_, agent, *description);
    }
    if (const auto local = hub_.LocalDescription(agent)) {
      NATKIT_CHECK(ParseDescription(FormatDescription(*local)).has_value());
    }
  }

  void Drain() {
    while (const auto transmit = hub_.PollTransmit()) {
      last_sent_ = transmit->payload;
      NATKIT_CHECK(++transmits_ < kMaxTransmits);
    }
    while (hub_.PollRelayed()) {
    }
    while (hub_.PollRelayCommand()) {
    }
    std::array<uint8_t, 4096> bytes{};
    for (RelayId relay = 0; relay < 3; ++relay) {
      while (hub_.PollRelayBytes(now_, relay, bytes) != 0) {
      }
    }
    while (hub_.PollEvent()) {
    }
    for (const AgentId agent : agents_) {
      if (const auto path = hub_.CurrentPath(agent)) {
        const bool has_path = path->kind != PathKind::kNone;
        NATKIT_CHECK(has_path ==
                     (*hub_.State(agent) == ConnectionState::kConnected));
        NATKIT_CHECK(hub_.Explain(now_, agent).has_value());
      }
    }
  }

  Choices data_;
  Instant now_{};
  SeededRng rng_;
  AgentHub hub_;
  std::vector<AgentId> agents_;
  std::vector<uint8_t> last_sent_;
  size_t transmits_ = 0;
};

}  // namespace
}  // namespace natkit::mesh

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::mesh::Driver({data, size}).Run();
  return 0;
}
