#pragma once

#include <cstdint>
#include <optional>

#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/ice_config.h"

namespace natkit::ice {

/// Consent freshness of one pair (RFC 7675): says when to send a check, and
/// when the lack of answers makes the pair suspect or ends it.
class Consent {
 public:
  enum class Action : uint8_t { kNone, kSendCheck, kSuspect, kExpired };

  /// `now` counts as the first answer.
  Consent(const AgentConfig& config, Rng& rng, Instant now);

  /// What is due; call again until kNone. After kExpired nothing is.
  [[nodiscard]] Action Advance(Instant now, Rng& rng);
  /// Sends a check at once and counts silence from `now` on. True if the last
  /// answer is so old that the pair would be suspect.
  [[nodiscard]] bool Resume(Instant now);
  /// An authenticated answer arrived.
  void OnResponse(Instant now, Rng& rng);

  [[nodiscard]] bool is_suspect() const { return is_suspect_; }

  [[nodiscard]] Instant NextTimeout() const;

 private:
  [[nodiscard]] Duration Jittered(Rng& rng) const;

  Duration interval_;
  Duration unanswered_interval_;
  Duration suspect_after_;
  Duration expiry_;
  Instant last_response_;
  Instant last_sent_;
  Instant next_check_;
  bool is_suspect_ = false;
  bool is_expired_ = false;
};

}  // namespace natkit::ice
