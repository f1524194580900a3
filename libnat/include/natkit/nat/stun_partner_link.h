#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/secret.h"

namespace natkit::stun {

/// What the two machines of one RFC 5780 server share, 32 bytes.
using PartnerSecret = Secret<struct PartnerSecretTag, 32>;

/// A point on the wall clock, from the Unix epoch.
using PartnerTime = std::chrono::sys_time<std::chrono::nanoseconds>;

/// Which of the two a machine is; they must differ, so that an order sent back
/// to its sender is refused.
enum class PartnerSide : uint8_t { kFirst = 1, kSecond = 2 };

/// A response that one machine asks the other to send.
struct PartnerOrder {
  uint16_t from_port = 0;  ///< of the other machine's address
  Endpoint to;             ///< the client
  ByteView response;       ///< a whole STUN response; a view of the datagram
};

/// The sender's half of the link between two machines that are one RFC 5780
/// server: each has one of the two addresses, and asks the other one to send
/// what a CHANGE-REQUEST wants from there.
///
/// One order is one UDP datagram: magic, the sender's side, time (nanoseconds,
/// strictly increasing while the clock is not set back by more than 5 s),
/// from_port, client, response, and HMAC-SHA-256 over all
/// before it. Nothing is secret, all is authentic. An order is longer than the
/// response it carries, so the link does not amplify. Pure; not thread-safe.
class PartnerSender {
 public:
  /// Bytes of an order besides the response.
  static constexpr size_t kOverhead = 4 + 1 + 8 + 2 + 2 + 16 + 32;

  PartnerSender(PartnerSecret secret, PartnerSide own)
      : secret_(std::move(secret)), own_(own) {}

  /// Writes an order; returns its size. Errors: kBufferTooSmall.
  [[nodiscard]] Result<size_t> Seal(PartnerTime now, const PartnerOrder& order,
                                    MutableBytes out);

 private:
  PartnerSecret secret_;
  PartnerSide own_;
  PartnerTime last_{};
};

/// The receiver's half. Accepts each order once, of those that are at most 10 s
/// old or ahead and were made after it, so that none is obeyed again by the
/// next receiver. The clocks of the two machines must agree that far; when both
/// are set back, it goes on. Pure; not thread-safe.
class PartnerReceiver {
 public:
  static constexpr std::chrono::seconds kTolerance{10};

  PartnerReceiver(PartnerTime now, PartnerSecret secret, PartnerSide own)
      : secret_(std::move(secret)), own_(own), forgotten_(now) {}

  /// Checks and reads an order; on error nothing has changed. Errors:
  /// kTruncated, kNotFound (not an order), kBadIntegrity, kInvalidState (of
  /// this side: it came back, or both machines take the same side),
  /// kTimedOut (the clocks differ too much), kAlreadyExists (seen before, or
  /// older than the 256 last ones or this receiver), kBadValue (what it says
  /// makes no sense, or the response is not a STUN response).
  [[nodiscard]] Result<PartnerOrder> Open(PartnerTime now, ByteView datagram);

 private:
  static constexpr size_t kRemembered = 256;

  [[nodiscard]] bool IsNew(PartnerTime sent) const;
  void Remember(PartnerTime now, PartnerTime sent);

  PartnerSecret secret_;
  PartnerSide own_;
  std::array<PartnerTime, kRemembered> seen_{};  // a ring
  size_t next_ = 0;
  PartnerTime forgotten_;  // the latest that left the ring, or the start
};

}  // namespace natkit::stun
