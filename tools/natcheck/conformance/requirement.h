#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace natkit::natcheck::conformance {

/// RFC 2119 words, as the requirement uses them.
enum class Level : uint8_t { kMust, kMustNot, kShould, kShouldNot, kMay };

/// "MUST", "SHOULD NOT", ... RECOMMENDED is SHOULD (RFC 2119 section 3).
[[nodiscard]] std::string_view LevelWord(Level level);

/// Whether a failure of it is one of the standard; others are warnings.
[[nodiscard]] inline bool IsMandatory(Level level) {
  return level == Level::kMust || level == Level::kMustNot;
}

/// One requirement, or one lettered part of one, of the RFCs about NATs.
struct Requirement {
  std::string_view id;  ///< "4787-9a": RFC, hyphen, the number there
  std::string_view section;
  Level level = Level::kMust;
  std::string_view title;  ///< what is asked for, in a few words

  /// 4787, 5382, 5508, 6888 or 7857.
  [[nodiscard]] int rfc() const;
};

/// All that are judged, in the order of the RFCs.
[[nodiscard]] std::span<const Requirement> Requirements();

/// nullptr if there is none.
[[nodiscard]] const Requirement* FindRequirement(std::string_view id);

}  // namespace natkit::natcheck::conformance
