#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace natkit::mesh {

/// Why a verb was refused: what a program does about it, and words for people.
enum class RefusalKind : uint8_t {
  kNotFound,
  kConflict,   ///< against what there is
  kInvalid,    ///< never acceptable
  kForbidden,  ///< not for this caller
  kExhausted,  ///< a bound was reached
};

struct Refusal {
  RefusalKind kind = RefusalKind::kInvalid;
  std::string text;
};

template <class T>
using Decision = std::expected<T, Refusal>;

[[nodiscard]] std::unexpected<Refusal> Refuse(RefusalKind kind,
                                              std::string text);

}  // namespace natkit::mesh
