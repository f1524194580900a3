#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/nat/ice_candidate.h"
#include "natkit/nat/ice_credentials.h"
#include "natkit/nat/path_diagnosis.h"
#include "natkit/nat/punch_plan.h"

namespace natkit::mesh {

/// "I am here": sent when a relay connection comes up (GreetPolicy).
struct Hello {};

/// The controlled side asks the controlling side for a new ICE session.
struct RestartRequest {};

/// Asks which datagrams of ours have arrived directly; the peer answers with a
/// PathReport and sends a WireGuard keepalive directly.
struct PathQuery {
  uint32_t nonce = 0;
  /// The asker doubts the direct path: send over the relay as well.
  bool is_doubt = false;
};

/// How many authentic transport data messages of the asker came directly since
/// the sender started, how many of them were no keepalives, and how many had
/// 1000 bytes or more.
struct PathReport {
  uint32_t nonce = 0;
  uint64_t received = 0;
  uint64_t received_data = 0;
  uint64_t received_large = 0;
  /// Since the last one of 1000 bytes or more; a day at most.
  Duration large_idle{};
};

/// One side's whole ICE description; repeated in full when it changes, so a
/// lost or reordered signal does no harm.
struct IceDescription {
  uint64_t session = 0;  ///< chosen by the controlling side for each restart
  ice::Credentials credentials;
  /// The ufrag of the receiver's that the sender's session is with; empty: of
  /// none yet, or not said.
  std::string peer_ufrag;
  std::vector<ice::Candidate> candidates;  ///< at most kMaxSignalCandidates
  bool end_of_candidates = false;
  /// What the sender knows of its own network; of its traits the translation,
  /// mapping, filtering and at most kMaxSignalAddresses external addresses.
  std::optional<nat::PathSide> network;
};

struct Offer : IceDescription {};

struct Answer : IceDescription {};

/// One signalling message between two nodes.
struct Signal {
  uint64_t boot = 0;          ///< random for each start of the sender
  uint64_t sequence = 0;      ///< strictly increasing within a boot
  uint64_t sent_unix_ms = 0;  ///< the sender's clock; orders two boots
  std::variant<Hello, Offer, Answer, RestartRequest, PathQuery, PathReport,
               nat::PunchOffer, nat::PunchAnswer, nat::PunchRefusal>
      body;
};

/// What a description may hold at most; more makes a signal unacceptable.
inline constexpr size_t kMaxSignalCandidates = 64;
inline constexpr size_t kMaxSignalAddresses = 8;

/// True for a datagram that begins like a sealed signal. On a relay, signals
/// and WireGuard share one path; WireGuard's first byte is 1 to 4.
[[nodiscard]] bool LooksLikeSignal(ByteView packet);

/// Seals and opens the signals of one pair of nodes (libsodium crypto_box:
/// X25519, XSalsa20-Poly1305). Wire form: magic 6, nonce 24, box.
class SignalBox {
 public:
  SignalBox(const StaticPrivateKey& ours, const PublicKey& theirs);

  [[nodiscard]] std::vector<uint8_t> Seal(const Signal& signal, Rng& rng) const;
  /// Errors: kBadSignal for anything that does not open, parse or keep the
  /// bounds above.
  [[nodiscard]] Result<Signal> Open(ByteView packet) const;

 private:
  Secret<struct SignalBoxKeyTag, 32> key_;
};

/// Drops repeated and old signals of one peer: a relay that keeps them gains
/// nothing by sending them again.
class SignalReplayFilter {
 public:
  /// True, once, for a signal that is newer than all accepted before. Of a new
  /// boot that is known by its time, unless `is_fresh`: something else than its
  /// time shows that it is not an old one, and the boot was not seen before.
  [[nodiscard]] bool Accept(const Signal& signal, bool is_fresh = false);

  /// Whether it is of another boot than the last one that was accepted.
  [[nodiscard]] bool IsOfOtherBoot(const Signal& signal) const {
    return boot_ && boot_ != signal.boot;
  }

  /// True when the last accepted signal was the first of a new boot, other
  /// than the very first.
  [[nodiscard]] bool peer_restarted() const { return peer_restarted_; }

 private:
  std::optional<uint64_t> boot_;
  std::vector<uint64_t> old_boots_;  ///< the last that were replaced
  uint64_t sequence_ = 0;
  uint64_t sent_unix_ms_ = 0;
  bool peer_restarted_ = false;
};

}  // namespace natkit::mesh
