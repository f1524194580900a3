// Drives an agent with a script: datagrams of every kind, candidates, restarts
// and time in any order. Whatever happens, its outputs stay bounded, it comes
// to rest at each instant, and only known bases carry data.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "ice/check_message.h"
#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/rng.h"
#include "natkit/nat/ice_agent.h"
#include "natkit/nat/keepalive_policy.h"
#include "natkit/nat/stun_message.h"

namespace natkit::ice {
namespace {

constexpr size_t kMaxOutputsPerInput = 200;
constexpr size_t kMaxPending = 16;
constexpr size_t kMaxSteps = 300;

enum class Op : uint8_t {
  kAdvance,
  kRaw,
  kCheck,
  kAnswer,
  kAnswerWrongly,
  kError,
  kRemote,
  kAddBase,
  kRemoveBase,
  kReflexive,
  kRestart,
  kCredentials,
  kEnd,
  kData,
  kKeepalive,
  kSleep,
  kCount,
};

Endpoint BaseAt(uint8_t index) {
  if (index % 4 == 3) {
    return {.address = *IpAddress::Parse("2001:db8::2"), .port = 7};
  }
  return {.address = IpAddress::V4(10, 0, 0, 1 + index % 4), .port = 7};
}

Endpoint RemoteAt(uint8_t index) {
  if (index % 8 == 7) {
    return {.address = *IpAddress::Parse("2001:db8::9"), .port = index};
  }
  return {.address = IpAddress::V4(192, 0, 2, index % 8), .port = index};
}

AgentConfig ConfigFrom(uint8_t choice) {
  const Role role = (choice & 1) != 0 ? Role::kControlled : Role::kControlling;
  AgentConfig config;
  if ((choice & 2) != 0) {
    config = AgentConfig::Mesh(role);
  }
  config.role = role;
  if ((choice & 4) != 0) {
    config.max_pairs = 5;
    config.max_remote_candidates = 6;
    config.max_early_checks = 2;
  }
  if ((choice & 8) != 0) {
    config.rest_after = std::chrono::seconds(1 + choice / 16);
  }
  config.stun_servers = {RemoteAt(200)};
  return config;
}

class Script {
 public:
  explicit Script(ByteView bytes)
      : in_(bytes), rng_(1), agent_(ConfigFrom(Byte()), rng_) {}

  void Run() {
    for (size_t step = 0; step < kMaxSteps && !in_.is_empty(); ++step) {
      Step(static_cast<Op>(Byte() % static_cast<uint8_t>(Op::kCount)));
      Settle();
    }
  }

 private:
  uint8_t Byte() {
    uint8_t value = 0;
    (void)in_.ReadU8(value);
    return value;
  }

  void Step(Op op) {
    switch (op) {
      case Op::kAdvance:
        now_ += std::chrono::milliseconds(20) * Byte();
        return agent_.HandleTimeout(now_);
      case Op::kRaw:
        return Raw();
      case Op::kCheck:
        return Check();
      case Op::kAnswer:
        return Answer(false);
      case Op::kAnswerWrongly:
        return Answer(true);
      case Op::kError:
        return AnswerError();
      case Op::kRemote:
        return AddRemote();
      case Op::kAddBase:
        return (void)agent_.AddHostBase(now_, BaseAt(Byte()));
      case Op::kRemoveBase:
        return agent_.RemoveHostBase(now_, BaseAt(Byte()));
      case Op::kReflexive:
        return (void)agent_.AddReflexiveCandidate(now_, RemoteAt(Byte()),
                                                  BaseAt(Byte()));
      case Op::kRestart:
        return agent_.Restart(now_);
      case Op::kCredentials:
        peer_.ufrag =
            "pee" + std::string(1, static_cast<char>('a' + Byte() % 4));
        return (void)agent_.SetRemoteCredentials(now_, peer_);
      case Op::kEnd:
        agent_.SetLocalEndOfCandidates(now_);
        return agent_.SetRemoteEndOfCandidates(now_);
      case Op::kData:
        return agent_.NoteData(now_);
      case Op::kKeepalive:
        return SetKeepalive();
      case Op::kSleep:
        now_ += std::chrono::seconds(Byte());
        return agent_.HandleTimeout(now_);
      case Op::kCount:
        return;
    }
  }

  void SetKeepalive() {
    nat::KeepalivePolicy policy = agent_.keepalive();
    policy.SetPower(static_cast<nat::PowerMode>(Byte() % 3));
    nat::NatTraits traits;
    if (const uint8_t lifetime = Byte()) {
      traits.assured_lifetime = std::chrono::seconds(lifetime);
    }
    policy.SetTraits(traits);
    agent_.SetKeepalive(now_, policy);
  }

  void Deliver(const Endpoint& base, const Endpoint& from, ByteView bytes) {
    const AgentCounters before = agent_.counters();
    if (!agent_.HandleDatagram(now_, base, from, bytes)) {
      NATKIT_CHECK(agent_.counters() == before);
    }
  }

  void Raw() {
    ByteView bytes;
    const size_t size = std::min<size_t>(Byte(), in_.remaining());
    (void)in_.ReadView(size, bytes);
    Deliver(BaseAt(0), RemoteAt(1), bytes);
  }

  void Check() {
    const uint8_t flags = Byte();
    CheckRequest request{
        .id = stun::TransactionId::Generate(rng_),
        .username = agent_.local_credentials().ufrag + ":" + peer_.ufrag,
        .priority = uint32_t{Byte()} << 16,
        .role = (flags & 1) != 0 ? Role::kControlling : Role::kControlled,
        .tiebreaker = (flags & 2) != 0 ? UINT64_MAX : 0,
        .use_candidate = (flags & 4) != 0};
    if ((flags & 8) != 0) {
      request.nomination = Byte();
    }
    auto bytes = BuildCheck(request, KeyOf(agent_.local_credentials()));
    if ((flags & 16) != 0) {
      bytes[Byte() % bytes.size()] ^= 1;
    }
    Deliver(BaseAt(Byte()), RemoteAt(Byte()), bytes);
  }

  void Answer(bool wrongly) {
    if (pending_.empty()) {
      return;
    }
    const AgentTransmit request = TakePending();
    const auto id = stun::Message::Parse(request.payload)->id();
    auto bytes =
        BuildCheckSuccess(id, RemoteAt(Byte()), KeyOf(peer_), Integrity::kSha1);
    Endpoint from = request.to;
    if (wrongly) {
      bytes[Byte() % bytes.size()] ^= Byte();
      from = RemoteAt(Byte());
    }
    Deliver(request.from_base, from, bytes);
  }

  void AnswerError() {
    if (pending_.empty()) {
      return;
    }
    const AgentTransmit request = TakePending();
    const auto id = stun::Message::Parse(request.payload)->id();
    const auto code = (Byte() & 1) != 0 ? stun::ErrorCode::kRoleConflict
                                        : stun::ErrorCode::kBadRequest;
    Deliver(
        request.from_base, request.to,
        BuildCheckError(
            id, {.code = code, .unknown = {}, .integrity = Integrity::kSha1},
            KeyOf(peer_)));
  }

  void AddRemote() {
    const uint8_t type = Byte() % 4;
    (void)agent_.AddRemoteCandidate(
        now_, {.type = static_cast<CandidateType>(type),
               .endpoint = RemoteAt(Byte()),
               .base = {},
               .priority = uint32_t{Byte()} << 20,
               .foundation = std::string(1, static_cast<char>('a' + type))});
  }

  /// Drains the outputs and lets everything happen that is due.
  void Settle() {
    size_t rounds = 0;
    do {
      Drain();
      const auto next = agent_.NextTimeout();
      if (!next || *next > now_) {
        break;
      }
      agent_.HandleTimeout(now_);
    } while (++rounds < 100);
    NATKIT_CHECK(rounds < 100);
    // What rests either has a deadline or wants no keepalives.
    NATKIT_CHECK(!agent_.is_resting() || agent_.NextTimeout() ||
                 agent_.keepalive().power() == nat::PowerMode::kMobileIdle);
    if (const auto pair = agent_.selected()) {
      const auto locals = agent_.local_candidates();
      NATKIT_CHECK(std::ranges::any_of(locals, [&](const Candidate& local) {
        return local.endpoint == pair->local_base;
      }));
    }
  }

  void Drain() {
    size_t outputs = 0;
    while (auto transmit = agent_.PollTransmit()) {
      const auto message = stun::Message::Parse(transmit->payload);
      NATKIT_CHECK(message && message->has_fingerprint());
      if (!message->type().is_response()) {
        pending_.push_back(std::move(*transmit));
      }
      ++outputs;
    }
    while (agent_.PollEvent()) {
      ++outputs;
    }
    NATKIT_CHECK(outputs <= kMaxOutputsPerInput);
    while (pending_.size() > kMaxPending) {
      pending_.pop_front();
    }
  }

  AgentTransmit TakePending() {
    const size_t index = Byte() % pending_.size();
    AgentTransmit out = std::move(pending_[index]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
    return out;
  }

  static stun::IntegrityKey KeyOf(const Credentials& credentials) {
    return std::move(
        *stun::IntegrityKey::ShortTerm(credentials.password.Expose()));
  }

  ByteReader in_;
  SeededRng rng_;
  Agent agent_;
  Instant now_{};
  Credentials peer_{.ufrag = "peer", .password = "peerpasswordpeerpassword"};
  std::deque<AgentTransmit> pending_;
};

}  // namespace
}  // namespace natkit::ice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::ice::Script({data, size}).Run();
  return 0;
}
