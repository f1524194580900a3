#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"

namespace natkit::ice {

/// Which side of the session an agent is (RFC 8445 section 6.1.1).
enum class Role : uint8_t { kControlling, kControlled };

/// How a candidate was learnt (RFC 8445 section 5.1.1).
enum class CandidateType : uint8_t {
  kHost,
  kPeerReflexive,
  kServerReflexive,
  kRelayed,
};

/// The text form of a type: "host", "prflx", "srflx", "relay".
[[nodiscard]] std::string_view CandidateTypeName(CandidateType type);

/// One transport address of component 1 over UDP.
struct Candidate {
  CandidateType type = CandidateType::kHost;
  /// Where the other side sends to.
  Endpoint endpoint;
  /// The local address that checks leave from; equals `endpoint` for a host
  /// candidate. For a remote candidate it is what raddr/rport said, which is
  /// informative only; Endpoint{} if they were absent.
  Endpoint base;
  uint32_t priority = 0;
  /// 1 to 32 ice-chars (RFC 8445 section 5.1.1.3).
  std::string foundation;

  bool operator==(const Candidate&) const = default;
};

/// Local preference of the only (or the most preferred) address of a host.
inline constexpr uint16_t kMaxLocalPreference = 65535;

/// Longest text that ParseCandidate() looks at, in bytes.
inline constexpr size_t kMaxCandidateText = 512;

/// Longest foundation, in characters.
inline constexpr size_t kMaxFoundation = 32;

/// Type preference: host 126, prflx 110, srflx 100, relayed 0 (RFC 8445
/// section 5.1.2.2).
[[nodiscard]] uint8_t TypePreference(CandidateType type);

/// 2^24 * type preference + 2^8 * local preference + 255, component 1 (RFC
/// 8445 section 5.1.2.1).
[[nodiscard]] uint32_t CandidatePriority(CandidateType type,
                                         uint16_t local_preference);

/// 2^32 * min + 2 * max + (G > D), where `controlling` is G and `controlled` is
/// D (RFC 8445 section 6.1.2.3).
[[nodiscard]] uint64_t PairPriority(uint32_t controlling, uint32_t controlled);

/// Whether `text` is 1 or more ice-chars (letters, digits, '+', '/') and at
/// most `max_size` of them.
[[nodiscard]] bool IsIceText(std::string_view text, size_t max_size);

/// Whether checks may be sent to `candidate`: a unicast address, a port, and a
/// foundation within bounds. Priority 0 is not usable either.
[[nodiscard]] bool IsUsableRemote(const Candidate& candidate);

/// Whether FormatCandidate() shows the base as raddr/rport.
enum class RelatedAddress : uint8_t { kShow, kHide };

/// "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host", or with "raddr ...
/// rport ..." for other types (RFC 8839 section 5.1). kHide writes raddr
/// 0.0.0.0 or :: and rport 9 in place of the base.
[[nodiscard]] std::string FormatCandidate(
    const Candidate& candidate, RelatedAddress related = RelatedAddress::kShow);

/// Parses the text form, with or without a leading "a=". Extension attributes
/// are skipped.
///
/// Errors: kBadLength (over kMaxCandidateText), kBadCandidate (not of this
/// form), kUnsupported (not UDP, component other than 1, or a host name).
[[nodiscard]] Result<Candidate> ParseCandidate(std::string_view text);

}  // namespace natkit::ice
