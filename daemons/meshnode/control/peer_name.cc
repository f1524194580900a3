#include "control/peer_name.h"

#include <algorithm>

namespace natkit::meshnode {

namespace {

char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view WithoutDot(std::string_view name) {
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

}  // namespace

bool IsSameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(WithoutDot(a), WithoutDot(b), {}, &ToLower,
                            &ToLower);
}

bool IsNameOf(std::string_view text, const PeerNames& node) {
  const auto address = IpAddress::Parse(text);
  if (address) {
    return std::ranges::find(node.addresses, *address) != node.addresses.end();
  }
  const std::string full =
      std::string(node.name) + "." + std::string(node.domain);
  return IsSameName(text, node.name) ||
         (!node.domain.empty() && IsSameName(text, full));
}

}  // namespace natkit::meshnode
