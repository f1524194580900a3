#include "natkit/mesh/policy/posture.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace natkit::mesh::policy {

namespace {

constexpr size_t kMaxValues = 256;

struct OperatorName {
  std::string_view text;
  PostureOperator op;
};

// Longer ones first where one begins with another.
constexpr std::array kOperators = {
    OperatorName{"==", PostureOperator::kEqual},
    OperatorName{"!=", PostureOperator::kNotEqual},
    OperatorName{"<=", PostureOperator::kLessOrEqual},
    OperatorName{">=", PostureOperator::kGreaterOrEqual},
    OperatorName{"<", PostureOperator::kLess},
    OperatorName{">", PostureOperator::kGreater},
    OperatorName{"NOT IN", PostureOperator::kNotIn},
    OperatorName{"NOT SET", PostureOperator::kNotSet},
    OperatorName{"IS SET", PostureOperator::kIsSet},
    OperatorName{"IN", PostureOperator::kIn},
};

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/';
}

/// The text of one condition, consumed from the left.
class ConditionReader {
 public:
  explicit ConditionReader(std::string_view text) : rest_(text) {}

  void SkipSpace() {
    while (!rest_.empty() && rest_.front() == ' ') {
      rest_.remove_prefix(1);
    }
  }

  bool Take(std::string_view expected) {
    SkipSpace();
    if (!rest_.starts_with(expected)) {
      return false;
    }
    rest_.remove_prefix(expected.size());
    return true;
  }

  [[nodiscard]] bool is_done() {
    SkipSpace();
    return rest_.empty();
  }

  std::string_view TakeWhile(bool (*wanted)(char)) {
    SkipSpace();
    const auto end = std::ranges::find_if_not(rest_, wanted);
    const auto taken =
        rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::optional<std::string> TakeAttribute() {
    std::string name(TakeWhile(IsNameCharacter));
    if (name.empty() || rest_.empty() || rest_.front() != ':') {
      return std::nullopt;
    }
    rest_.remove_prefix(1);
    const auto second = TakeWhile(IsNameCharacter);
    if (second.empty()) {
      return std::nullopt;
    }
    return name.append(":").append(second);
  }

  std::optional<PostureOperator> TakeOperator() {
    for (const auto& [text, op] : kOperators) {
      if (Take(text)) {
        return op;
      }
    }
    return std::nullopt;
  }

  std::optional<AttributeValue> TakeValue() {
    SkipSpace();
    if (!rest_.empty() && (rest_.front() == '\'' || rest_.front() == '"')) {
      return TakeQuoted();
    }
    const auto word = TakeWhile(IsNameCharacter);
    if (word == "true" || word == "false") {
      return word == "true";
    }
    double number = 0;
    const char* end = word.data() + word.size();
    const auto [stop, failure] = std::from_chars(word.data(), end, number);
    if (word.empty() || failure != std::errc{} || stop != end ||
        !std::isfinite(number)) {
      return std::nullopt;
    }
    return number;
  }

 private:
  std::optional<AttributeValue> TakeQuoted() {
    const size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::string_view rest_;
};

constexpr const char* kWantsValue =
    "a posture compares with 'text', a number, true or false";

std::optional<std::string> ReadList(ConditionReader& in,
                                    std::vector<AttributeValue>& values) {
  if (!in.Take("[")) {
    return "IN and NOT IN take a list: ['a', 'b']";
  }
  do {
    auto value = in.TakeValue();
    if (!value) {
      return kWantsValue;
    }
    values.push_back(*std::move(value));
  } while (in.Take(",") && values.size() < kMaxValues);
  if (!in.Take("]")) {
    return "the list has no end: ] is missing";
  }
  return std::nullopt;
}

std::optional<std::string> ReadValues(ConditionReader& in,
                                      PostureCondition& condition) {
  switch (condition.op) {
    case PostureOperator::kIsSet:
    case PostureOperator::kNotSet:
      return std::nullopt;
    case PostureOperator::kIn:
    case PostureOperator::kNotIn:
      return ReadList(in, condition.values);
    case PostureOperator::kEqual:
    case PostureOperator::kNotEqual:
    case PostureOperator::kLess:
    case PostureOperator::kLessOrEqual:
    case PostureOperator::kGreater:
    case PostureOperator::kGreaterOrEqual:
      break;
  }
  auto value = in.TakeValue();
  if (!value) {
    return kWantsValue;
  }
  if (std::holds_alternative<bool>(*value) &&
      condition.op != PostureOperator::kEqual &&
      condition.op != PostureOperator::kNotEqual) {
    return "true and false have no order: use == or !=";
  }
  condition.values.push_back(*std::move(value));
  return std::nullopt;
}

/// The number at the start of a version's part, and what follows it.
struct VersionPart {
  std::string_view digits;  // without leading zeros
  std::string_view rest;
};

VersionPart SplitPart(std::string_view part) {
  const auto end = std::ranges::find_if_not(
      part, [](char c) { return c >= '0' && c <= '9'; });
  const auto size = static_cast<size_t>(end - part.begin());
  VersionPart split{part.substr(0, size), part.substr(size)};
  while (split.digits.starts_with('0')) {
    split.digits.remove_prefix(1);
  }
  return split;
}

int CompareRests(std::string_view a, std::string_view b) {
  const bool a_is_early = a.starts_with('-');
  const bool b_is_early = b.starts_with('-');
  if (a_is_early != b_is_early) {
    return a_is_early ? -1 : 1;
  }
  return a.compare(b);
}

int CompareParts(std::string_view a, std::string_view b) {
  const VersionPart left = SplitPart(a);
  const VersionPart right = SplitPart(b);
  if (left.digits.size() != right.digits.size()) {
    return left.digits.size() < right.digits.size() ? -1 : 1;
  }
  if (const int order = left.digits.compare(right.digits); order != 0) {
    return order;
  }
  return CompareRests(left.rest, right.rest);
}

std::string_view TakePart(std::string_view& version) {
  const size_t dot = version.find('.');
  const auto part = version.substr(0, dot);
  version.remove_prefix(dot == std::string_view::npos ? version.size()
                                                      : dot + 1);
  return part;
}

/// Nullopt where the two have no order.
std::optional<int> Compare(const AttributeValue& a, const AttributeValue& b) {
  if (const auto* x = std::get_if<double>(&a)) {
    const auto* y = std::get_if<double>(&b);
    if (y == nullptr) {
      return std::nullopt;
    }
    return *x < *y ? -1 : (*x > *y ? 1 : 0);
  }
  const auto* x = std::get_if<std::string>(&a);
  const auto* y = std::get_if<std::string>(&b);
  if (x == nullptr || y == nullptr) {
    return std::nullopt;
  }
  return CompareVersions(*x, *y);
}

}  // namespace

std::expected<PostureCondition, std::string> ParsePostureCondition(
    std::string_view text) {
  ConditionReader in(text);
  auto attribute = in.TakeAttribute();
  if (!attribute) {
    return std::unexpected(
        "a posture begins with an attribute like node:os or custom:name");
  }
  const auto op = in.TakeOperator();
  if (!op) {
    return std::unexpected(
        "after the attribute comes ==, !=, <, <=, >, >=, IN, NOT IN, IS SET "
        "or NOT SET");
  }
  PostureCondition condition{*std::move(attribute), *op, {}};
  if (const auto problem = ReadValues(in, condition)) {
    return std::unexpected(*problem);
  }
  if (!in.is_done()) {
    return std::unexpected("there is more after the end of the condition");
  }
  return condition;
}

bool Holds(const PostureCondition& condition, const Attributes& attributes) {
  const auto it = attributes.find(condition.attribute);
  if (it == attributes.end()) {
    return condition.op == PostureOperator::kNotSet;
  }
  const AttributeValue& value = it->second;
  const auto order = condition.values.empty()
                         ? std::nullopt
                         : Compare(value, condition.values.front());
  const bool is_listed =
      std::ranges::find(condition.values, value) != condition.values.end();
  switch (condition.op) {
    case PostureOperator::kIsSet:
      return true;
    case PostureOperator::kNotSet:
      return false;
    case PostureOperator::kEqual:
    case PostureOperator::kIn:
      return is_listed;
    case PostureOperator::kNotEqual:
    case PostureOperator::kNotIn:
      return !is_listed;
    case PostureOperator::kLess:
      return order && *order < 0;
    case PostureOperator::kLessOrEqual:
      return order && *order <= 0;
    case PostureOperator::kGreater:
      return order && *order > 0;
    case PostureOperator::kGreaterOrEqual:
      return order && *order >= 0;
  }
  return false;
}

bool Holds(const Posture& posture, const Attributes& attributes) {
  return std::ranges::all_of(posture.conditions,
                             [&attributes](const PostureCondition& condition) {
                               return Holds(condition, attributes);
                             });
}

int CompareVersions(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const auto left = TakePart(a);
    const auto right = TakePart(b);
    if (const int order = CompareParts(left, right); order != 0) {
      return order;
    }
  }
  return 0;
}

}  // namespace natkit::mesh::policy
