#include "admin_table.h"

#include <algorithm>
#include <map>
#include <vector>

#include "natkit/base/text.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;
using Row = std::vector<std::string>;

/// Columns of lists by verb; others have none.
const Row& ColumnsOf(std::string_view verb) {
  static const std::map<std::string, Row, std::less<>> kColumns = {
      {"users.list", {"user", "roles", "created"}},
      {"nodes.list",
       {"id", "name", "state", "user", "tags", "addresses", "code"}},
      {"routes.list", {"node", "route", "state"}},
      {"keys.list",
       {"id", "state", "user", "tags", "reusable", "uses", "expiry",
        "description"}},
      {"tokens.list",
       {"id", "state", "scopes", "created", "expiry", "description"}},
      {"relays.list", {"id", "name", "host", "port", "stun_port", "pin"}},
      {"events.list",
       {"sequence", "time", "type", "actor", "subject", "detail"}}};
  static const Row kNone;
  const auto found = kColumns.find(verb);
  return found == kColumns.end() ? kNone : found->second;
}

std::string TextOf(const json& value);

std::string ObjectText(const json& object) {
  std::string text;
  for (const auto& [key, value] : object.items()) {
    text +=
        (text.empty() ? "" : " ") + EscapeControls(key) + "=" + TextOf(value);
  }
  return text;
}

std::string TextOf(const json& value) {
  if (value.is_string()) {
    return EscapeControls(value.get_ref<const std::string&>());
  }
  if (value.is_null()) {
    return "-";
  }
  if (value.is_boolean()) {
    return value.get<bool>() ? "yes" : "no";
  }
  if (value.is_object()) {
    return ObjectText(value);
  }
  if (!value.is_array()) {
    return value.dump();
  }
  std::string text;
  for (const json& item : value) {
    text += (text.empty() ? "" : ",") + TextOf(item);
  }
  return text;
}

std::string FormatTable(const Row& columns, const json& list) {
  std::vector<Row> rows = {columns};
  for (const json& item : list) {
    Row& row = rows.emplace_back();
    for (const std::string& column : columns) {
      row.push_back(TextOf(item.value(column, json())));
    }
  }
  std::vector<size_t> widths(columns.size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace

std::string FormatResult(std::string_view verb, const json& result) {
  if (result.is_array()) {
    return FormatTable(ColumnsOf(verb), result);
  }
  if (verb == "policy.get") {
    return result.value("text", std::string());  // a file, as it is
  }
  if (verb == "keys.create" || verb == "tokens.create") {
    return TextOf(result.value("secret", json())) + "\n";
  }
  if (result.contains("done")) {
    return "";
  }
  std::string text;
  for (const auto& [key, value] : result.items()) {
    text += key + ": " + TextOf(value) + "\n";
  }
  return text;
}

}  // namespace natkit::coordd
