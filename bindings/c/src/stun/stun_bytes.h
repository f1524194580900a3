#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "natkit/nat/stun_integrity.h"
#include "natkit/nat/stun_message.h"
#include "natkit/stun_message.h"

namespace natkit::c {

/// A whole message of the caller's. Errors: kBadArgument (NULL), and those of
/// Message::Parse().
[[nodiscard]] Result<stun::Message> ToMessage(const void* data, size_t size);

/// A text that comes from a user rather than from the program. Errors:
/// kBadArgument (NULL), kBadLength (more than `limit` bytes).
[[nodiscard]] Result<std::string_view> ToLimitedText(const char* text,
                                                     size_t limit);

/// Bytes of a user's name or password before it is prepared: more than any that
/// is accepted.
inline constexpr size_t kLongestGiven = 4096;

/// A key of the caller's. Errors: kBadArgument (NULL, or a size that no key
/// has).
[[nodiscard]] Result<stun::IntegrityKey> ToKey(const natkit_stun_key* key);

/// Whether an attribute holds an address in the form of XOR-MAPPED-ADDRESS.
[[nodiscard]] bool HoldsXorAddress(uint32_t type);
/// Whether an attribute holds an address in the form of MAPPED-ADDRESS.
[[nodiscard]] bool HoldsPlainAddress(uint32_t type);

}  // namespace natkit::c
