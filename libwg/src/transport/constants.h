#pragma once

#include <chrono>
#include <cstdint>

#include "natkit/base/time.h"

namespace natkit::wg {

// WireGuard paper, section 6.1.
inline constexpr Duration kRekeyAfterTime = std::chrono::seconds(120);
inline constexpr Duration kRejectAfterTime = std::chrono::seconds(180);
inline constexpr Duration kRekeyAttemptTime = std::chrono::seconds(90);
inline constexpr Duration kRekeyTimeout = std::chrono::seconds(5);
inline constexpr Duration kKeepaliveTimeout = std::chrono::seconds(10);
inline constexpr uint64_t kRekeyAfterMessages = uint64_t{1} << 60;
inline constexpr uint64_t kRejectAfterMessages =
    UINT64_MAX - (uint64_t{1} << 13);

/// Retries wait up to this much longer, drawn afresh each time (section 6.1).
inline constexpr Duration kMaxJitter = std::chrono::milliseconds(333);
/// An initiator that only receives renews its session this early, so that the
/// handshake fits in before the session is refused (section 6.2).
inline constexpr Duration kRekeyAfterTimeReceiving =
    kRejectAfterTime - kKeepaliveTimeout - kRekeyTimeout;
/// No answer to data for this long starts a handshake (section 6.5).
inline constexpr Duration kDeadSessionTimeout =
    kKeepaliveTimeout + kRekeyTimeout;
/// All key material goes this long after the last session (section 6.3).
inline constexpr Duration kEraseKeysAfter = 3 * kRejectAfterTime;
/// Initiations from one peer that come faster are dropped: 50 a second.
inline constexpr Duration kMinInitiationSpacing = std::chrono::milliseconds(20);

}  // namespace natkit::wg
