#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "natkit/base/result.h"
#include "natkit/common.h"

namespace natkit::c {

/// A structure of the C API that may grow: C layout, `struct_size` first.
template <class T>
concept Sized = std::is_standard_layout_v<T> &&
                std::is_trivially_copyable_v<T> && requires(T value) {
                  { value.struct_size } -> std::same_as<size_t&>;
                };

namespace internal {

/// Errors: kStructSize.
[[nodiscard]] Result<void> CheckSize(const void* structure, size_t known,
                                     size_t first_version);
/// Copies what both sides know; see ReadStruct().
[[nodiscard]] Result<void> CopyIn(void* to, size_t known, const void* from,
                                  size_t first_version);
/// Copies what both sides know; see WriteStruct().
[[nodiscard]] Result<void> CopyOut(void* to, const void* from, size_t known,
                                   size_t first_version);

}  // namespace internal

/// Takes a caller's structure of any version; fields that its version did not
/// have are zero. `first_version` is the size of the first one that was ever
/// released. Errors: kBadArgument (NULL), kStructSize (less than the first
/// version, or so much that it was never set), kUnsupported (a later version's
/// field is not zero).
template <Sized T>
[[nodiscard]] Result<T> ReadStruct(const T* from, size_t first_version) {
  T value{};
  const Result<void> copied =
      internal::CopyIn(&value, sizeof value, from, first_version);
  if (!copied) {
    return std::unexpected(copied.error());
  }
  return value;
}

/// A caller's structure with keys in it; they are wiped with it.
template <Sized T>
struct SecretStruct {
  SecretStruct() = default;
  SecretStruct(const SecretStruct&) = delete;
  SecretStruct& operator=(const SecretStruct&) = delete;

  ~SecretStruct() { natkit_wipe(&value, sizeof value); }

  const T* operator->() const { return &value; }

  T value{};
};

/// ReadStruct() for structures that hold secrets: no other copy is made.
/// Errors: as ReadStruct().
template <Sized T>
[[nodiscard]] Result<void> ReadStructInto(SecretStruct<T>& to, const T* from,
                                          size_t first_version) {
  to.value = T{};
  return internal::CopyIn(&to.value, sizeof to.value, from, first_version);
}

/// Checks a caller's structure that is to be filled. Errors: kBadArgument,
/// kStructSize.
template <Sized T>
[[nodiscard]] Result<void> CheckStruct(const T* to, size_t first_version) {
  if (to == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  return internal::CheckSize(to, sizeof *to, first_version);
}

/// Fills a caller's structure of any version as far as it goes; what a later
/// version has beyond ours becomes zero. Errors: as CheckStruct().
template <Sized T>
[[nodiscard]] Result<void> WriteStruct(T* to, const T& value,
                                       size_t first_version) {
  return internal::CopyOut(to, &value, sizeof value, first_version);
}

/// The size of a structure up to and with `field`: how the first version's size
/// is written down once a structure has grown.
#define NATKIT_SIZE_UP_TO(type, field) \
  (offsetof(type, field) + sizeof(type::field))

}  // namespace natkit::c
