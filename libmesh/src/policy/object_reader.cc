#include "policy/object_reader.h"

#include <algorithm>

namespace natkit::mesh::policy {

namespace {

std::string Quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

}  // namespace

ObjectReader::ObjectReader(const JsonValue& value, std::string what,
                           Findings& out)
    : value_(value), what_(std::move(what)), out_(out) {
  if (!value.is_object()) {
    out_.Error(value.at, what_ + " must be an object { }, not " +
                             std::string(KindName(value.kind)));
  }
}

const JsonValue* ObjectReader::Get(std::string_view key) {
  known_.emplace_back(key);
  const JsonMember* member = value_.Find(key);
  return member == nullptr ? nullptr : &member->value;
}

const JsonValue* ObjectReader::Require(std::string_view key) {
  const JsonValue* value = Get(key);
  if (value == nullptr && value_.is_object()) {
    out_.Error(value_.at, what_ + " needs " + Quoted(key));
  }
  return value;
}

std::vector<PlacedText> ObjectReader::Strings(std::string_view key) {
  const JsonValue* value = Get(key);
  return value == nullptr ? std::vector<PlacedText>{}
                          : ReadTexts(*value, Quoted(key), out_);
}

std::vector<PlacedText> ObjectReader::RequireStrings(std::string_view key) {
  const JsonValue* value = Require(key);
  return value == nullptr ? std::vector<PlacedText>{}
                          : ReadTexts(*value, Quoted(key), out_);
}

std::optional<PlacedText> ObjectReader::String(std::string_view key) {
  const JsonValue* value = Get(key);
  return value == nullptr ? std::nullopt : ReadText(*value, Quoted(key), out_);
}

void ObjectReader::Explain(std::string key, std::string text) {
  explained_.emplace_back(std::move(key), std::move(text));
}

void ObjectReader::Finish() {
  for (const JsonMember& member : value_.members) {
    if (std::ranges::find(known_, member.key) == known_.end()) {
      ReportUnknown(member);
    }
  }
}

void ObjectReader::ReportUnknown(const JsonMember& member) {
  const auto it = std::ranges::find(
      explained_, member.key, &std::pair<std::string, std::string>::first);
  const std::string hint = it != explained_.end()
                               ? ": " + it->second
                               : DidYouMean(member.key, known_);
  out_.Error(member.key_at,
             what_ + " has no field " + Quoted(member.key) + hint);
}

std::optional<PlacedText> ReadText(const JsonValue& value,
                                   std::string_view what, Findings& out) {
  if (!value.is_string()) {
    out.Error(value.at, std::string(what) +
                            " must be a string in double quotes, not " +
                            std::string(KindName(value.kind)));
    return std::nullopt;
  }
  return PlacedText{value.text, value.at};
}

std::vector<PlacedText> ReadTexts(const JsonValue& value, std::string_view what,
                                  Findings& out) {
  std::vector<PlacedText> texts;
  if (!value.is_array()) {
    out.Error(
        value.at,
        std::string(what) + " must be a list [ ], not " +
            std::string(KindName(value.kind)) +
            (value.is_string() ? ": write [" + Quoted(value.text) + "]" : ""));
    return texts;
  }
  const std::string item_name = "each item of " + std::string(what);
  for (const JsonValue& item : value.items) {
    if (auto text = ReadText(item, item_name, out)) {
      texts.push_back(*std::move(text));
    }
  }
  return texts;
}

}  // namespace natkit::mesh::policy
