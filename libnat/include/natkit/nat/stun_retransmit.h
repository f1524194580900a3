#pragma once

#include <cstdint>
#include <optional>

#include "natkit/base/time.h"

namespace natkit::stun {

/// How often and how long a request is tried.
struct RetransmitSchedule {
  /// RTO: the wait after the first request; each further wait doubles.
  Duration initial_timeout = std::chrono::milliseconds(500);
  /// No wait between two requests is longer.
  Duration max_interval = std::chrono::hours(1);
  int request_count = 7;  ///< Rc: requests sent at most
  /// What is waited after the last request: Rm x RTO.
  Duration final_wait = std::chrono::milliseconds(8000);

  /// RFC 8489 section 6.2.1 with Rc 7 and Rm 16. For an RTO of 500 ms requests
  /// go out at 0, 500, 1500, 3500, 7500, 15500 and 31500 ms and the
  /// transaction fails at 39500 ms.
  [[nodiscard]] static RetransmitSchedule Udp(
      Duration rto = std::chrono::milliseconds(500));
  /// RFC 8489 section 6.2.2: one request, Ti is 39.5 s.
  [[nodiscard]] static RetransmitSchedule Tcp();
  /// RFC 3489 section 9.3: requests at 0, 100, 300, 700, 1500, 3100, 4700,
  /// 6300 and 7900 ms; the transaction fails at 9500 ms.
  [[nodiscard]] static RetransmitSchedule Rfc3489();
};

/// What is to be done when a RetransmitTimer fires.
enum class RetransmitAction : uint8_t { kNone, kSend, kGiveUp };

/// The clock of one transaction: says when to send and when to give up.
class RetransmitTimer {
 public:
  explicit RetransmitTimer(const RetransmitSchedule& schedule)
      : schedule_(schedule), interval_(schedule.initial_timeout) {}

  /// Starts to count; the caller sends the first request at `now`.
  void Start(Instant now);
  /// An early call yields kNone. A late one yields one kSend, however late it
  /// is, and the waits go on from `now`: no bursts after a pause.
  RetransmitAction HandleTimeout(Instant now);

  void Stop() { deadline_.reset(); }

  /// nullopt before Start() and after the end.
  [[nodiscard]] std::optional<Instant> NextTimeout() const { return deadline_; }

  [[nodiscard]] int requests_sent() const { return requests_sent_; }

 private:
  void NoteSent(Instant now);

  RetransmitSchedule schedule_;
  Duration interval_;
  std::optional<Instant> deadline_;
  int requests_sent_ = 0;
};

}  // namespace natkit::stun
