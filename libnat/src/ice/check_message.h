#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/nat/ice_candidate.h"
#include "natkit/nat/stun_attribute_type.h"
#include "natkit/nat/stun_integrity.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_types.h"

namespace natkit::ice {

/// Which attribute protects a message.
enum class Integrity : uint8_t { kSha1, kSha256 };

/// A connectivity check to send (RFC 8445 section 7.2.2).
struct CheckRequest {
  stun::TransactionId id;
  std::string username;  ///< "remote ufrag:local ufrag"
  uint32_t priority = 0;
  Role role = Role::kControlling;
  uint64_t tiebreaker = 0;
  bool use_candidate = false;
  std::optional<uint32_t> nomination;
};

/// A connectivity check that was received and is authentic.
struct IncomingCheck {
  uint32_t priority = 0;
  /// What the sender says it is, with its tiebreaker.
  std::optional<uint64_t> controlling;
  std::optional<uint64_t> controlled;
  bool use_candidate = false;
  std::optional<uint32_t> nomination;
  Integrity integrity = Integrity::kSha1;
};

/// The two parts of USERNAME: receiver's ufrag, sender's ufrag.
struct UfragPair {
  std::string_view receiver;
  std::string_view sender;
};

/// Why a request is refused.
struct CheckRefusal {
  stun::ErrorCode code = stun::ErrorCode::kBadRequest;
  stun::AttributeTypeList unknown;
  /// Refusals after authentication are protected; those before are not (RFC
  /// 8489 section 9.1.3).
  std::optional<Integrity> integrity;
};

[[nodiscard]] std::vector<uint8_t> BuildCheck(const CheckRequest& request,
                                              const stun::IntegrityKey& key);
[[nodiscard]] std::vector<uint8_t> BuildCheckSuccess(
    const stun::TransactionId& id, const Endpoint& mapped,
    const stun::IntegrityKey& key, Integrity integrity);
[[nodiscard]] std::vector<uint8_t> BuildCheckError(
    const stun::TransactionId& id, const CheckRefusal& refusal,
    const stun::IntegrityKey& key);

/// Splits USERNAME at its first colon; nullopt without USERNAME or colon.
[[nodiscard]] std::optional<UfragPair> ReadUfrags(const stun::Message& message);

/// Authenticates and reads a check in the order of RFC 8489 section 9.1.3.
[[nodiscard]] std::expected<IncomingCheck, CheckRefusal> ReadCheck(
    const stun::Message& message, const stun::IntegrityKey& key);

}  // namespace natkit::ice
