#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "natkit/mesh/policy/diagnostic.h"

namespace natkit::mesh::policy {

/// What a node reports about itself, or an administrator says about it.
using AttributeValue = std::variant<bool, double, std::string>;
/// Attributes by name: "node:os", "custom:diskEncrypted".
using Attributes = std::map<std::string, AttributeValue, std::less<>>;

enum class PostureOperator : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kNotIn,
  kIsSet,
  kNotSet
};

/// One condition: "node:osVersion >= '13.4'".
struct PostureCondition {
  std::string attribute;
  PostureOperator op = PostureOperator::kIsSet;
  std::vector<AttributeValue> values;  ///< none, one, or the list of IN
  bool operator==(const PostureCondition&) const = default;
};

/// A named set of conditions; all of them must hold.
struct Posture {
  std::vector<PostureCondition> conditions;
  Position at;
};

/// Parses one condition: an attribute ("namespace:name"), one of == != < <= >
/// >= IN, NOT IN, IS SET, NOT SET, and a value: 'text', a number, true or
/// false; IN and NOT IN take [values, separated by commas]. The error is a
/// sentence for the writer of the file.
[[nodiscard]] std::expected<PostureCondition, std::string>
ParsePostureCondition(std::string_view text);

/// Whether the condition holds. An attribute that is not set fulfils NOT SET
/// and nothing else. Two texts are ordered by CompareVersions, two numbers by
/// value; values of different types are unequal and have no order.
[[nodiscard]] bool Holds(const PostureCondition& condition,
                         const Attributes& attributes);
/// Whether all conditions hold.
[[nodiscard]] bool Holds(const Posture& posture, const Attributes& attributes);

/// Orders versions by their parts between dots: numbers by value, missing parts
/// as 0, and what follows a part's number as text ("1-rc2" before "1", "1a"
/// after it). Negative, 0 or positive.
[[nodiscard]] int CompareVersions(std::string_view a, std::string_view b);

}  // namespace natkit::mesh::policy
