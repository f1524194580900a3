#include "control/peer_name.h"

#include <algorithm>

#include "natkit/base/text.h"

namespace natkit::meshnode {

namespace {

std::string_view WithoutDot(std::string_view name) {
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

}  // namespace

bool IsSameName(std::string_view a, std::string_view b) {
  return EqualsIgnoringCase(WithoutDot(a), WithoutDot(b));
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
