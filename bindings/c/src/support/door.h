#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/common.h"
#include "support/handle_table.h"

namespace natkit::c {

/// Tells natkit_set_misuse_hook()'s hook if `code` is a fault of the caller.
/// Returns `code` as the C API does: negated.
int Refuse(const char* function, Errc code);

/// What a function of the C API returns for `result`: 0, a count, or a negative
/// code.
inline int ToCode(const char* function, const Result<void>& result) {
  return result ? NATKIT_OK : Refuse(function, result.error().code);
}

inline int ToCode(const char* function, const Result<int>& result) {
  return result ? *result : Refuse(function, result.error().code);
}

/// Makes a handle for `object`, whose class says its kKind, and stores it in
/// `*out`. Errors: kBadArgument, kLimitExceeded.
template <class Public, std::derived_from<Object> T>
[[nodiscard]] Result<void> MakeHandle(std::unique_ptr<T> object, Public** out) {
  if (out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  const Result<HandleTable::Handle> handle =
      HandleTable::Instance().Add(T::kKind, std::move(object));
  if (!handle) {
    return std::unexpected(handle.error());
  }
  *out = reinterpret_cast<Public*>(*handle);
  return {};
}

/// The body of a function on a handle: `call` gets the object and returns a
/// Result<void> or Result<int>. The object is this call's alone meanwhile.
template <std::derived_from<Object> T, class Public, class Call>
int WithHandle(const char* function, const Public* handle, Call&& call) {
  HandleTable& table = HandleTable::Instance();
  const auto number = reinterpret_cast<HandleTable::Handle>(handle);
  const Result<Object*> object = table.Enter(number, T::kKind);
  if (!object) {
    return Refuse(function, object.error().code);
  }
  const auto result = std::forward<Call>(call)(static_cast<T&>(**object));
  table.Leave(number);
  return ToCode(function, result);
}

/// As WithHandle(), for functions that are told the time: `call` gets the
/// object and an Instant that never goes backwards. Errors: kBadArgument.
template <std::derived_from<Object> T, class Public, class Call>
int WithTime(const char* function, const Public* handle, uint64_t now_ns,
             Call&& call) {
  return WithHandle<T>(function, handle,
                       [&](T& object) -> decltype(call(object, Instant{})) {
                         const Result<Instant> now = object.TakeTime(now_ns);
                         if (!now) {
                           return std::unexpected(now.error());
                         }
                         return std::forward<Call>(call)(object, *now);
                       });
}

/// The body of a function that frees a handle; NULL is allowed.
template <std::derived_from<Object> T, class Public>
void FreeHandle(const char* function, Public* handle) {
  if (handle == nullptr) {
    return;
  }
  const Result<void> removed = HandleTable::Instance().Remove(
      reinterpret_cast<HandleTable::Handle>(handle), T::kKind);
  if (!removed) {
    Refuse(function, removed.error().code);
  }
}

/// What `…_next_timeout` functions return: 1 with `*out`, 0 for none.
[[nodiscard]] Result<int> PutDeadline(const std::optional<Instant>& deadline,
                                      uint64_t* out);

/// A duration that a caller gives in nanoseconds; 0: `fallback`. Errors:
/// kBadArgument for 2^62 and above.
[[nodiscard]] Result<Duration> ToDuration(uint64_t ns, Duration fallback);

/// A duration as callers get it; negative ones are 0.
[[nodiscard]] uint64_t ToNs(Duration duration);

}  // namespace natkit::c
