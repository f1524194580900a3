#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace natkit::mesh::policy {

/// A place in a text that a person wrote. Lines and columns count from 1,
/// columns in characters (not bytes); 0 where no place applies.
struct Position {
  uint32_t line = 0;
  uint32_t column = 0;
  auto operator<=>(const Position&) const = default;
};

enum class Severity : uint8_t { kWarning, kError };

/// One finding about a policy file or a file that goes with it.
struct Diagnostic {
  Severity severity = Severity::kError;
  Position at;
  std::string text;
  bool operator==(const Diagnostic&) const = default;
};

/// "12:5: error: undefined group group:ops", as compilers write it.
[[nodiscard]] std::string ToString(const Diagnostic& diagnostic);

}  // namespace natkit::mesh::policy
