#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/mesh/policy/diagnostic.h"

namespace natkit::mesh::policy {

enum class JsonKind : uint8_t {
  kNull,
  kBool,
  kNumber,
  kString,
  kArray,
  kObject
};

/// "a string", "an object": for messages.
[[nodiscard]] std::string_view KindName(JsonKind kind);

struct JsonMember;

/// One value of a HuJSON text, with the place of its first character.
struct JsonValue {
  JsonKind kind = JsonKind::kNull;
  bool boolean = false;  ///< kBool
  Position at;
  std::string text;  ///< kString: unescaped UTF-8; kNumber: as it was written
  std::vector<JsonValue> items;     ///< kArray
  std::vector<JsonMember> members;  ///< kObject, in the order of the text

  [[nodiscard]] bool is_string() const { return kind == JsonKind::kString; }

  [[nodiscard]] bool is_array() const { return kind == JsonKind::kArray; }

  [[nodiscard]] bool is_object() const { return kind == JsonKind::kObject; }

  /// The member called `key`, or nullptr; also for values that are no object.
  [[nodiscard]] const JsonMember* Find(std::string_view key) const;
};

/// One key of an object and what it names.
struct JsonMember {
  std::string key;
  Position key_at;
  JsonValue value;
};

inline constexpr size_t kMaxHuJsonBytes = size_t{4} << 20;
inline constexpr size_t kMaxHuJsonDepth = 64;
/// Values of one text; bounds the memory that a hostile text can take.
inline constexpr size_t kMaxHuJsonValues = 262144;

/// Parses JSON (RFC 8259) with line and block comments and with a comma allowed
/// after the last item: what is known as HuJSON.
///
/// A byte order mark before the text is skipped. Refused, each with its place:
/// what is not UTF-8 (comments included), a key that an object has twice,
/// a lone surrogate, and texts over the three limits above. Stops at the first
/// error.
[[nodiscard]] std::expected<JsonValue, Diagnostic> ParseHuJson(
    std::string_view text);

/// Plain JSON on one line, without comments; what ParseHuJson() reads back as
/// the same value.
[[nodiscard]] std::string ToJson(const JsonValue& value);

}  // namespace natkit::mesh::policy
