#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/stun_types.h"

namespace natkit::nat {

/// Measures how long a NAT keeps a UDP mapping that carries a conversation, as
/// far as keepalives need it: with one STUN server that honours RESPONSE-PORT
/// (RFC 5780 section 7.5), two sockets and about ten packets for each silence
/// that is tried. For everything else there is BehaviorDiscovery.
///
/// The quiet socket talks to the server for five seconds (nat.md 5.8) and then
/// falls silent; after a while the asking socket has the server send to the
/// quiet one's port. The first silence is the longest that matters; once a
/// mapping has died of one, the gap is halved until it is narrow: in all 2.5
/// to 10 minutes. That a mapping is gone counts only if the same question is
/// answered again right afterwards.
///
/// Pure: `rng` must outlive it. After each input, drain PollTransmit() and arm
/// NextTimeout(). Nothing else may be sent from the quiet socket. Not
/// thread-safe.
class LifetimeSearch {
 public:
  /// Keepalives never need to know more (KeepalivePolicy::kLongest).
  static constexpr Duration kLongest = std::chrono::seconds(145);

  enum class Socket : uint8_t { kQuiet, kAsking };

  struct Outgoing {
    Socket from = Socket::kQuiet;
    Transmit datagram;
  };

  enum class State : uint8_t {
    kRunning,
    kFound,
    kUnsupported,  ///< the server, or a NAT with several external addresses
    kFailed,       ///< the network does not let us measure; later, perhaps
  };

  struct Counters {
    uint64_t sent = 0;      ///< datagrams
    uint64_t silences = 0;  ///< that were waited for
  };

  LifetimeSearch(const Endpoint& server, Rng& rng)
      : server_(server), rng_(rng) {}

  void Start(Instant now);
  /// False, without effect, for a datagram that answers nothing of ours.
  bool HandleDatagram(Instant now, Socket at, const Endpoint& from,
                      ByteView datagram);
  void HandleTimeout(Instant now);

  [[nodiscard]] std::optional<Outgoing> PollTransmit();
  /// nullopt once it has ended.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] State state() const { return state_; }

  /// The longest silence that a mapping has survived; kLongest or more is
  /// reported as kLongest. Complete in kFound, zero if none was.
  [[nodiscard]] Duration lifetime() const { return alive_; }

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  /// What is asked next, or was asked last.
  enum class Step : uint8_t {
    kOpen,     ///< a first exchange
    kControl,  ///< RESPONSE-PORT without a silence before
    kTalk,     ///< makes a conversation of it
    kTalkMore,
    kProbe,  ///< RESPONSE-PORT after the silence
  };

  struct Question {
    stun::TransactionId id;
    int sends = 0;
    Instant next{};
  };

  [[nodiscard]] bool is_by_port() const {
    return step_ == Step::kControl || step_ == Step::kProbe;
  }

  void Await(Instant at, Step step);
  void Ask(Instant now);
  void Send(Instant now);
  void HandleAnswer(Instant now, const Endpoint& mapped);
  void HandleMiss(Instant now);
  void TrySilence(Instant now);
  void Disturbed(Instant now);
  void End(State state);
  [[nodiscard]] bool is_narrow() const;

  Endpoint server_;
  Rng& rng_;
  State state_ = State::kRunning;
  Step step_ = Step::kOpen;
  std::optional<Question> question_;
  std::optional<Instant> ask_at_;  ///< when step_ is due
  Endpoint mapped_;
  Duration silence_ = kLongest;
  Duration alive_{};
  std::optional<Duration> dead_;
  bool awaits_control_ = false;  ///< dead_ is not certain yet
  std::optional<Duration> dead_before_;
  bool is_supported_ = false;
  int failures_ = 0;
  Instant last_now_{};
  std::deque<Outgoing> transmits_;
  Counters counters_;
};

}  // namespace natkit::nat
