#include "natkit/mesh/dns/dns_name.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <ranges>

namespace natkit::dns {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

char Fold(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

/// One character of a text name; `text` moves past it.
std::optional<char> TakeCharacter(std::string_view& text) {
  const char first = text.front();
  text.remove_prefix(1);
  if (first != '\\') {
    return first;
  }
  if (text.size() >= 3 && std::ranges::all_of(text.substr(0, 3), IsDigit)) {
    const int value =
        (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    text.remove_prefix(3);
    return value <= 255 ? std::optional(static_cast<char>(value))
                        : std::nullopt;
  }
  if (text.empty() || IsDigit(text.front())) {
    return std::nullopt;
  }
  const char escaped = text.front();
  text.remove_prefix(1);
  return escaped;
}

/// One label up to a dot or the end, both taken.
std::optional<std::string> TakeLabel(std::string_view& text) {
  std::string label;
  while (!text.empty()) {
    if (text.front() == '.') {
      text.remove_prefix(1);
      return label;
    }
    const auto character = TakeCharacter(text);
    if (!character) {
      return std::nullopt;
    }
    label += *character;
  }
  return label;
}

void AppendEscaped(char c, std::string& out) {
  const auto byte = static_cast<uint8_t>(c);
  if (byte <= 0x20 || byte >= 0x7F) {
    out += '\\';
    out += static_cast<char>('0' + byte / 100);
    out += static_cast<char>('0' + byte / 10 % 10);
    out += static_cast<char>('0' + byte % 10);
    return;
  }
  if (c == '.' || c == '\\') {
    out += '\\';
  }
  out += c;
}

std::string FoldText(std::string_view text) {
  std::string folded;
  folded.reserve(text.size());
  std::ranges::transform(text, std::back_inserter(folded), Fold);
  return folded;
}

bool EqualFolded(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, Fold, Fold);
}

void AppendDecimalLabel(uint8_t value, std::string& wire) {
  const std::string digits = std::to_string(value);
  wire += static_cast<char>(digits.size());
  wire += digits;
}

}  // namespace

Result<Name> Name::FromText(std::string_view text) {
  Name name;
  if (text == ".") {
    return name;
  }
  if (text.empty()) {
    return Fail(Errc::kBadEncoding);
  }
  const size_t size = text.size();
  while (!text.empty()) {
    const auto label = TakeLabel(text);
    if (!label || label->empty()) {
      return Fail(Errc::kBadEncoding, size - text.size());
    }
    if (auto appended = name.Append(AsBytes(*label)); !appended) {
      return std::unexpected(appended.error());
    }
  }
  return name;
}

Name Name::Reverse(ByteView address_bytes) {
  Name name;
  for (const uint8_t byte : std::views::reverse(address_bytes)) {
    if (address_bytes.size() == 4) {
      AppendDecimalLabel(byte, name.wire_);
      continue;
    }
    for (const int nibble : {byte & 0xF, byte >> 4}) {
      name.wire_ += '\1';
      name.wire_ += kHexDigits[static_cast<size_t>(nibble)];
    }
  }
  name.wire_ += address_bytes.size() == 4 ? "\7in-addr" : "\3ip6";
  name.wire_ += "\4arpa";
  return name;
}

Result<void> Name::Append(ByteView label) {
  if (label.empty() || label.size() > kMaxLabel ||
      wire_.size() + label.size() + 2 > kMaxWire) {
    return Fail(Errc::kBadLength);
  }
  wire_ += static_cast<char>(label.size());
  wire_ += AsText(label);
  return {};
}

std::string Name::ToText() const {
  if (is_root()) {
    return ".";
  }
  std::string text;
  for (size_t at = 0; at < wire_.size();) {
    const auto size = static_cast<uint8_t>(wire_[at]);
    if (at != 0) {
      text += '.';
    }
    for (const char c : std::string_view(wire_).substr(at + 1, size)) {
      AppendEscaped(c, text);
    }
    at += size_t{1} + size;
  }
  return text;
}

size_t Name::label_count() const {
  size_t count = 0;
  for (size_t at = 0; at < wire_.size();
       at += size_t{1} + static_cast<uint8_t>(wire_[at])) {
    ++count;
  }
  return count;
}

Name Name::Parent() const {
  Name parent;
  if (!is_root()) {
    parent.wire_ = wire_.substr(size_t{1} + static_cast<uint8_t>(wire_[0]));
  }
  return parent;
}

bool Name::IsWithin(const Name& zone) const {
  size_t at = 0;
  while (wire_.size() - at > zone.wire_.size()) {
    at += size_t{1} + static_cast<uint8_t>(wire_[at]);
  }
  return EqualFolded(std::string_view(wire_).substr(at), zone.wire_);
}

Name Name::Folded() const {
  Name folded;
  folded.wire_ = FoldText(wire_);  // length bytes are below 'A'
  return folded;
}

bool Name::operator==(const Name& other) const {
  return EqualFolded(wire_, other.wire_);
}

std::strong_ordering Name::operator<=>(const Name& other) const {
  return std::lexicographical_compare_three_way(
      wire_.begin(), wire_.end(), other.wire_.begin(), other.wire_.end(),
      [](char a, char b) { return Fold(a) <=> Fold(b); });
}

Result<Name> Join(const Name& left, const Name& right) {
  Name joined = left;
  for (std::string_view rest = right.wire(); !rest.empty();) {
    const auto size = static_cast<uint8_t>(rest.front());
    if (auto done = joined.Append(AsBytes(rest.substr(1, size))); !done) {
      return std::unexpected(done.error());
    }
    rest.remove_prefix(size_t{1} + size);
  }
  return joined;
}

}  // namespace natkit::dns
