#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/mesh/policy/hujson.h"
#include "policy/findings.h"

namespace natkit::mesh::policy {

/// A text and where it stands in the file.
struct PlacedText {
  std::string text;
  Position at;
};

/// Reads one JSON object by field and complains of what nobody asked for.
class ObjectReader {
 public:
  /// `what` names the object in messages: "an acls entry". A value that is no
  /// object is reported and read as an empty one.
  ObjectReader(const JsonValue& value, std::string what, Findings& out);

  [[nodiscard]] Position at() const { return value_.at; }

  [[nodiscard]] bool is_object() const { return value_.is_object(); }

  /// The field, or nullptr if it is absent. A field that is null is there.
  const JsonValue* Get(std::string_view key);
  /// As Get(), but its absence is an error.
  const JsonValue* Require(std::string_view key);
  /// The strings of a list; empty where it is absent.
  std::vector<PlacedText> Strings(std::string_view key);
  /// As Strings(), but its absence is an error.
  std::vector<PlacedText> RequireStrings(std::string_view key);
  /// A string, or nullopt where it is absent (or no string: reported).
  std::optional<PlacedText> String(std::string_view key);
  /// A field that others have and this format has not: what to say of it.
  void Explain(std::string key, std::string text);
  /// Reports the fields that nobody asked for.
  void Finish();

 private:
  void ReportUnknown(const JsonMember& member);

  const JsonValue& value_;
  std::string what_;
  Findings& out_;
  std::vector<std::string> known_;
  std::vector<std::pair<std::string, std::string>> explained_;
};

/// The text of a string value; reports anything else. `what` names it.
std::optional<PlacedText> ReadText(const JsonValue& value,
                                   std::string_view what, Findings& out);
/// The texts of a list of strings; reports anything else.
std::vector<PlacedText> ReadTexts(const JsonValue& value, std::string_view what,
                                  Findings& out);

}  // namespace natkit::mesh::policy
