#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/common.h"
#include "support/convert.h"
#include "support/door.h"
#include "support/handle_table.h"
#include "support/structs.h"

namespace natkit::c {

// The bodies of functions that areas have alike. T is what the handle stands
// for: its core() is the core, and it has NextTimeout() itself, because what
// waits for a larger buffer is not the core's any more.

/// `…_handle_timeout`.
template <std::derived_from<Object> T, class Public>
int CallHandleTimeout(const char* function, Public* handle, uint64_t now_ns) {
  return WithTime<T>(function, handle, now_ns,
                     [](T& object, Instant now) -> Result<void> {
                       object.core().HandleTimeout(now);
                       return {};
                     });
}

/// `…_next_timeout`.
template <std::derived_from<Object> T, class Public>
int CallNextTimeout(const char* function, const Public* handle,
                    uint64_t* out_ns) {
  return WithHandle<T>(function, handle, [&](T& object) {
    return PutDeadline(object.NextTimeout(), out_ns);
  });
}

/// `…_handle_datagram` of cores that have one socket and say whether the
/// datagram is theirs.
template <std::derived_from<Object> T, class Public>
int CallHandleDatagram(const char* function, Public* handle, uint64_t now_ns,
                       const natkit_address* from,
                       const Result<ByteView>& data) {
  return WithTime<T>(
      function, handle, now_ns, [&](T& object, Instant now) -> Result<int> {
        const Result<Endpoint> source = ToSetEndpoint(from);
        if (!source || !data) {
          return Fail(Errc::kBadArgument);
        }
        return object.core().HandleDatagram(now, *source, *data) ? 1 : 0;
      });
}

/// `…_poll_transmit` of objects that keep an Outbox.
template <std::derived_from<Object> T, class Public>
int CallPollTransmit(const char* function, Public* handle, natkit_address* to,
                     void* buffer, size_t capacity) {
  return WithHandle<T>(function, handle, [&](T& object) {
    return object.outbox().Take([&] { return object.core().PollTransmit(); },
                                to, buffer, capacity);
  });
}

/// The rest of `…_poll_event`: fills the caller's structure with what `poll`
/// returns, an optional<T>. Errors: as WriteStruct(), with nothing polled.
template <Sized T, class Poll>
[[nodiscard]] Result<int> PutNext(T* out, size_t first_version, Poll&& poll) {
  if (const auto usable = CheckStruct(out, first_version); !usable) {
    return std::unexpected(usable.error());
  }
  const std::optional<T> next = std::forward<Poll>(poll)();
  if (!next) {
    return 0;
  }
  const Result<void> written = WriteStruct(out, *next, first_version);
  return written ? Result<int>(1) : std::unexpected(written.error());
}

}  // namespace natkit::c
