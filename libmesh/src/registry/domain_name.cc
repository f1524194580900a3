#include "natkit/mesh/registry/domain_name.h"

#include <algorithm>

namespace natkit::mesh {

namespace {

constexpr size_t kMaxName = 253;
constexpr size_t kMaxLabel = 63;

char Fold(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool IsLabelCharacter(char c) {
  const char folded = Fold(c);
  return (folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9') ||
         c == '-' || c == '_';
}

bool IsDomainLabel(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel &&
         std::ranges::all_of(label, IsLabelCharacter) &&
         !label.starts_with('-') && !label.ends_with('-');
}

}  // namespace

bool IsDomainName(std::string_view text) {
  if (text.size() > kMaxName) {
    return false;
  }
  while (true) {
    const size_t dot = text.find('.');
    if (!IsDomainLabel(text.substr(0, dot))) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(dot + 1);
  }
}

bool IsWithinDomain(std::string_view name, std::string_view zone) {
  if (zone.empty() || name.size() < zone.size()) {
    return false;
  }
  const std::string_view tail = name.substr(name.size() - zone.size());
  return std::ranges::equal(tail, zone, {}, Fold, Fold) &&
         (name.size() == zone.size() ||
          name[name.size() - zone.size() - 1] == '.');
}

}  // namespace natkit::mesh
