#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/mesh/signal.h"

namespace natkit::mesh {

/// Watches whether real traffic gets through a direct path that ICE says works:
/// a box on the way may let STUN pass and eat WireGuard, or large datagrams, or
/// one direction.
///
/// Whoever sends and gets nothing authentic back directly, also after a quiet
/// question, begins to doubt, has everything sent over the relay as well, and
/// asks the peer over the relay what of it has arrived (PathQuery, PathReport);
/// each question makes both sides send a WireGuard keepalive directly. A path
/// that stays silent, or whose reports show that nothing, nothing large or less
/// than half arrives, is broken: not used, and tried again beside the relay
/// after 15 s, 30 s, ... 10 min.
///
/// Who only receives asks when a flow of data stops.
///
/// Without doubt a question is asked now and then while there is traffic, each
/// second while there are large datagrams, which also measures the loss. Pure.
/// Sizes are those of WireGuard datagrams.
class PathWatch {
 public:
  enum class Trust : uint8_t {
    kTrusted,
    kDoubted,  ///< used together with the relay
    kBroken,   ///< not used
  };

  /// From this size on a datagram shows what the path's MTU is.
  static constexpr size_t kLarge = 1000;

  /// What one direct path is known by.
  struct PathId {
    Endpoint local;
    Endpoint remote;
    auto operator<=>(const PathId&) const = default;
  };

  // Inputs.
  /// The direct path is another one, or gone.
  void HandlePath(Instant now, const std::optional<PathId>& path);

  /// The round-trip time of its checks.
  void HandleRtt(Duration rtt) { rtt_ = rtt; }

  /// Something makes the path doubtful: our or the peer's network changed.
  void Doubt(Instant now);
  /// The path's checks are answered again after a pause: it was not a trap, so
  /// a broken path is tried again.
  void HandleRecovery(Instant now);
  /// A transport data message is sent directly.
  void NoteSent(Instant now, size_t size);
  /// An authentic one came directly.
  void NoteReceived(Instant now, size_t size);
  /// A question of the peer, which may doubt; see Report().
  void HandleQuery(Instant now, const PathQuery& query);
  /// Returns whether all data that was sent before its question has arrived.
  bool HandleReport(Instant now, const PathReport& report);
  void HandleTimeout(Instant now);

  // Outputs.
  /// A question for the peer; a keepalive goes out directly with it.
  [[nodiscard]] std::optional<PathQuery> PollQuery();
  /// True once after doubt began: what was sent since the last answer is to be
  /// sent again over the relay.
  [[nodiscard]] bool PollBeganToDoubt();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] Trust trust() const { return trust_; }

  /// Whether datagrams are to go over the relay, too.
  [[nodiscard]] bool needs_relay(Instant now) const {
    return trust_ != Trust::kTrusted || now < peer_doubts_until_;
  }

  /// Something authentic came directly in the last seconds, so the path is no
  /// trap. Nothing else watches over handshakes, and without a session there is
  /// no data that would.
  [[nodiscard]] bool is_proven(Instant now) const {
    return heard_at_ && now < *heard_at_ + kProofLasts;
  }

  /// True while nothing came back directly since something was sent.
  [[nodiscard]] bool is_unanswered() const {
    return unanswered_since_.has_value();
  }

  /// The answer to a PathQuery.
  [[nodiscard]] PathReport Report(Instant now, const PathQuery& query) const;

  /// Share of our datagrams that got lost lately, 0 to 1; nullopt: not known.
  [[nodiscard]] std::optional<double> loss() const { return loss_; }

 private:
  struct Counts {
    uint64_t all = 0;
    uint64_t data = 0;  ///< all but keepalives
    uint64_t large = 0;

    void Count(size_t size);
    [[nodiscard]] Counts operator-(const Counts& other) const;
  };

  /// A report, and what it can tell of. Questions and datagrams take different
  /// ways, so either may overtake the other.
  struct Mark {
    Counts sent;     ///< when the question was asked
    Counts settled;  ///< a round trip before that: not on its way any more
    Counts reached;  ///< when the answer came: no more can have arrived
    Counts received;
  };

  /// What happened between two marks.
  struct Passage {
    Counts sent;
    Counts received;
    [[nodiscard]] uint64_t lost() const;  ///< of data
    [[nodiscard]] bool is_all_eaten() const;
    [[nodiscard]] bool is_half_lost() const;
    [[nodiscard]] bool has_verdict() const;
  };

  /// As many large ones in a row do not get lost by chance, or seldom.
  static constexpr size_t kFewLarge = 2;

  static constexpr Duration kProofLasts = std::chrono::seconds(5);

  /// How often a path turned out to be broken, and until when it is avoided.
  struct Record {
    int failures = 0;
    Instant retry_at{};
  };

  [[nodiscard]] std::optional<Instant> FlowEnd() const;
  [[nodiscard]] Duration DoubtAfter() const;
  [[nodiscard]] Duration AskAfter() const;
  [[nodiscard]] Instant SilenceLimit() const;
  void BeginToDoubt(Instant now);
  void EndDoubt(Instant now);
  void Break(Instant now);
  void Ask(Instant now);
  void TimeTrusted(Instant now);
  void TimeDoubted(Instant now);
  void JudgeTrusted(Instant now, const Mark& since, bool is_stalled);
  [[nodiscard]] bool IsEatingLarge(Instant now, const PathReport& report) const;
  void JudgeDoubted(Instant now, const Mark& mark);
  void MeasureLoss(const Passage& passage);
  /// Of what was sent between two questions.
  [[nodiscard]] static Passage Between(const Mark& from, const Mark& to);
  /// Of what was certainly under way between two reports and no longer. What
  /// else arrived counts as well, so that no loss is seen where there is none.
  [[nodiscard]] static Passage CertainBetween(const Mark& from, const Mark& to);
  /// What had been sent until `time`, or a little less; not to go back.
  [[nodiscard]] Counts SentUntil(Instant time);

  std::optional<PathId> path_;
  Trust trust_ = Trust::kTrusted;
  Duration rtt_{};
  std::map<PathId, Record> records_;

  // Of the peer, for as long as the node lives.
  Counts sent_;
  Counts received_;
  Instant large_received_at_{};
  std::optional<Instant> heard_at_;  ///< on this path

  struct Sample {
    Instant at;
    Counts sent;
  };

  std::deque<Sample> samples_;  ///< of sent_, in the last round trip
  Counts settled_;              ///< of the samples before them
  /// When the last large ones were sent, newest first.
  std::array<Instant, kFewLarge> large_sent_at_{};
  Instant peer_doubts_until_ = Instant::min();

  // Trusted.
  std::optional<Instant> unanswered_since_;
  /// Before doubt begins, the peer is asked once: it may have nothing to say.
  bool has_asked_quietly_ = false;
  uint32_t quiet_nonce_ = 0;  ///< of the last such question
  /// The report before the first loss of a conversation that stands still.
  std::optional<Mark> before_stall_;
  int false_alarms_ = 0;  ///< in a row
  /// Data that came since the last pause, and the last of it.
  int flow_ = 0;
  Instant flow_at_{};
  bool is_flow_question_ = false;
  std::optional<Instant> next_audit_;
  Duration audit_interval_{};
  Counts sent_at_audit_;

  // Doubted.
  bool began_to_doubt_ = false;
  Instant doubted_since_{};
  bool doubts_large_ = false;  ///< small ones prove nothing
  bool was_heard_ = false;     ///< directly, since then
  bool has_report_ = false;
  std::optional<Mark> baseline_;  ///< the first report since then

  // Questions.
  uint32_t last_nonce_ = 0;
  Counts sent_at_question_;
  Counts settled_at_question_;
  Instant question_at_{};
  std::optional<Instant> next_question_;
  std::optional<PathQuery> query_;
  std::optional<Mark> previous_;
  std::optional<double> loss_;
};

}  // namespace natkit::mesh
