#pragma once

#include <algorithm>
#include <optional>

#include "natkit/base/datagram.h"
#include "natkit/base/result.h"
#include "natkit/common.h"
#include "support/convert.h"

namespace natkit::c {

/// Hands a core's datagrams to the caller one by one; one that does not fit
/// the caller's buffer stays for the next call.
class Outbox {
 public:
  /// The body of a `…_poll_transmit` function: the size of the next datagram,
  /// 0 for none. `poll` is the core's PollTransmit(). Errors: kBadArgument,
  /// kBufferTooSmall.
  template <class Poll>
  [[nodiscard]] Result<int> Take(Poll&& poll, natkit_address* to, void* out,
                                 size_t capacity) {
    if (to == nullptr || out == nullptr) {
      return Fail(Errc::kBadArgument);
    }
    if (!waiting_) {
      waiting_ = std::forward<Poll>(poll)();
    }
    if (!waiting_) {
      return 0;
    }
    if (waiting_->payload.size() > capacity) {
      return Fail(Errc::kBufferTooSmall);
    }
    *to = FromEndpoint(waiting_->to);
    std::ranges::copy(waiting_->payload, static_cast<uint8_t*>(out));
    const auto size = static_cast<int>(waiting_->payload.size());
    waiting_.reset();
    return size;
  }

  /// Whether a datagram stayed.
  [[nodiscard]] bool is_waiting() const { return waiting_.has_value(); }

  void Clear() { waiting_.reset(); }

 private:
  std::optional<Transmit> waiting_;
};

}  // namespace natkit::c
