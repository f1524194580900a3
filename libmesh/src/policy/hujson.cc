#include "natkit/mesh/policy/hujson.h"

#include <algorithm>
#include <map>
#include <optional>

#include "policy/json_cursor.h"
#include "policy/json_string.h"

namespace natkit::mesh::policy {

namespace {

/// Recursive descent; the depth limit bounds the stack.
class HuJsonParser {
 public:
  explicit HuJsonParser(std::string_view text) : in_(text) {}

  [[nodiscard]] bool Parse(JsonValue& out);

  [[nodiscard]] const std::optional<Diagnostic>& error() const {
    return in_.error();
  }

 private:
  bool ReadValue(JsonValue& out);
  bool ReadByKind(JsonValue& out);
  bool ReadArray(JsonValue& out);
  bool ReadObject(JsonValue& out);
  bool ReadMember(JsonMember& out);
  bool ReadNumber(JsonValue& out);
  bool ReadWord(JsonValue& out);
  bool ReadDigits();
  /// After an item: a comma, `close`, or both.
  bool ReadSeparator(char close, bool& is_last);

  JsonCursor in_;
  size_t depth_ = 0;
  size_t values_ = 0;
};

bool HuJsonParser::Parse(JsonValue& out) {
  if (!in_.SkipSpace() || !ReadValue(out) || !in_.SkipSpace()) {
    return false;
  }
  return in_.is_at_end() || in_.FailExpected("the end of the file");
}

bool HuJsonParser::ReadValue(JsonValue& out) {
  out.at = in_.position();
  if (++values_ > kMaxHuJsonValues) {
    return in_.Fail("too many values: at most " +
                    std::to_string(kMaxHuJsonValues));
  }
  if (depth_ >= kMaxHuJsonDepth) {
    return in_.Fail("nested too deeply: at most " +
                    std::to_string(kMaxHuJsonDepth) + " levels");
  }
  ++depth_;
  const bool is_good = ReadByKind(out);
  --depth_;
  return is_good;
}

bool HuJsonParser::ReadByKind(JsonValue& out) {
  const char first = in_.peek();
  if (first == '{') {
    return ReadObject(out);
  }
  if (first == '[') {
    return ReadArray(out);
  }
  if (first == '"') {
    out.kind = JsonKind::kString;
    return ReadJsonString(in_, out.text);
  }
  if (first == '-' || (first >= '0' && first <= '9')) {
    return ReadNumber(out);
  }
  return ReadWord(out);
}

bool HuJsonParser::ReadSeparator(char close, bool& is_last) {
  if (!in_.SkipSpace()) {
    return false;
  }
  const bool has_comma = in_.Take(',');
  if (has_comma && !in_.SkipSpace()) {
    return false;
  }
  is_last = in_.Take(close);
  return is_last || has_comma ||
         in_.FailExpected(close == ']' ? "a comma or ]" : "a comma or }");
}

bool HuJsonParser::ReadArray(JsonValue& out) {
  out.kind = JsonKind::kArray;
  in_.Take('[');
  if (!in_.SkipSpace()) {
    return false;
  }
  bool is_last = in_.Take(']');
  while (!is_last) {
    if (!ReadValue(out.items.emplace_back()) || !ReadSeparator(']', is_last)) {
      return false;
    }
  }
  return true;
}

bool HuJsonParser::ReadObject(JsonValue& out) {
  out.kind = JsonKind::kObject;
  in_.Take('{');
  if (!in_.SkipSpace()) {
    return false;
  }
  std::map<std::string, uint32_t> line_of;
  bool is_last = in_.Take('}');
  while (!is_last) {
    JsonMember& member = out.members.emplace_back();
    if (!ReadMember(member)) {
      return false;
    }
    const auto [known, is_new] =
        line_of.emplace(member.key, member.key_at.line);
    if (!is_new) {
      return in_.FailAt(member.key_at,
                        "the key \"" + member.key +
                            "\" is already in this object, in line " +
                            std::to_string(known->second));
    }
    if (!ReadSeparator('}', is_last)) {
      return false;
    }
  }
  return true;
}

bool HuJsonParser::ReadMember(JsonMember& out) {
  out.key_at = in_.position();
  if (!ReadJsonString(in_, out.key) || !in_.SkipSpace()) {
    return false;
  }
  if (!in_.Take(':')) {
    return in_.FailExpected("a colon after the key");
  }
  return in_.SkipSpace() && ReadValue(out.value);
}

bool HuJsonParser::ReadDigits() {
  const size_t begin = in_.offset();
  while (in_.peek() >= '0' && in_.peek() <= '9') {
    in_.Take(in_.peek());
  }
  return in_.offset() != begin || in_.FailExpected("a digit");
}

bool HuJsonParser::ReadNumber(JsonValue& out) {
  out.kind = JsonKind::kNumber;
  const size_t begin = in_.offset();
  in_.Take('-');
  if (!in_.Take('0')) {
    if (!ReadDigits()) {
      return false;
    }
  } else if (in_.peek() >= '0' && in_.peek() <= '9') {
    return in_.Fail("a number has no leading zeros");
  }
  if (in_.Take('.') && !ReadDigits()) {
    return false;
  }
  if (in_.Take('e') || in_.Take('E')) {
    if (!in_.Take('+')) {
      in_.Take('-');
    }
    if (!ReadDigits()) {
      return false;
    }
  }
  out.text = in_.Since(begin);
  return true;
}

bool HuJsonParser::ReadWord(JsonValue& out) {
  const Position begin = in_.position();
  const size_t start = in_.offset();
  while (in_.peek() >= 'a' && in_.peek() <= 'z') {
    in_.Take(in_.peek());
  }
  const std::string_view word = in_.Since(start);
  if (word.empty()) {
    return in_.FailExpected("a value");
  }
  if (word == "true" || word == "false") {
    out.kind = JsonKind::kBool;
    out.boolean = word == "true";
    return true;
  }
  return word == "null" ||
         in_.FailAt(begin, "expected a value, found the word " +
                               std::string(word.substr(0, 40)) +
                               ": strings need double quotes");
}

void AppendJson(const JsonValue& value, std::string& out);

void AppendArray(const JsonValue& value, std::string& out) {
  out.push_back('[');
  for (const JsonValue& item : value.items) {
    if (&item != &value.items.front()) {
      out.push_back(',');
    }
    AppendJson(item, out);
  }
  out.push_back(']');
}

void AppendObject(const JsonValue& value, std::string& out) {
  out.push_back('{');
  for (const JsonMember& member : value.members) {
    if (&member != &value.members.front()) {
      out.push_back(',');
    }
    AppendJsonString(member.key, out);
    out.push_back(':');
    AppendJson(member.value, out);
  }
  out.push_back('}');
}

void AppendJson(const JsonValue& value, std::string& out) {
  switch (value.kind) {
    case JsonKind::kNull:
      out += "null";
      return;
    case JsonKind::kBool:
      out += value.boolean ? "true" : "false";
      return;
    case JsonKind::kNumber:
      out += value.text;
      return;
    case JsonKind::kString:
      AppendJsonString(value.text, out);
      return;
    case JsonKind::kArray:
      AppendArray(value, out);
      return;
    case JsonKind::kObject:
      AppendObject(value, out);
      return;
  }
}

}  // namespace

std::string_view KindName(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return "true or false";
    case JsonKind::kNumber:
      return "a number";
    case JsonKind::kString:
      return "a string";
    case JsonKind::kArray:
      return "a list";
    case JsonKind::kObject:
      return "an object";
  }
  return "";
}

const JsonMember* JsonValue::Find(std::string_view key) const {
  const auto it = std::ranges::find(members, key, &JsonMember::key);
  return it == members.end() ? nullptr : &*it;
}

std::expected<JsonValue, Diagnostic> ParseHuJson(std::string_view text) {
  if (text.size() > kMaxHuJsonBytes) {
    return std::unexpected(Diagnostic{Severity::kError,
                                      {},
                                      "the file is too large: at most " +
                                          std::to_string(kMaxHuJsonBytes) +
                                          " bytes"});
  }
  JsonValue value;
  HuJsonParser parser(text);
  if (!parser.Parse(value)) {
    return std::unexpected(*parser.error());
  }
  return value;
}

std::string ToJson(const JsonValue& value) {
  std::string out;
  AppendJson(value, out);
  return out;
}

}  // namespace natkit::mesh::policy
