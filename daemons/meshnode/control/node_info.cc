#include "control/node_info.h"

#include <algorithm>

#include "control/control_json.h"
#include "control/json_text.h"
#include "control/peer_name.h"
#include "natkit/base/text.h"

namespace natkit::meshnode {

namespace {

std::vector<std::string> List(const Json& object, const char* key) {
  std::vector<std::string> out;
  const auto found = object.find(key);
  if (found != object.end() && found->is_array()) {
    for (const Json& item : *found) {
      out.push_back(item.is_string() ? item.get<std::string>() : "");
    }
  }
  return out;
}

/// Ourselves first, then the peers.
std::vector<Json> NodesOf(const Json& status) {
  std::vector<Json> nodes;
  if (const auto self = status.find("Self");
      self != status.end() && self->is_object()) {
    nodes.push_back(*self);
  }
  if (const auto peers = status.find("Peer");
      peers != status.end() && peers->is_object()) {
    nodes.insert(nodes.end(), peers->begin(), peers->end());
  }
  return nodes;
}

bool HasAddress(const Json& node, const IpAddress& address) {
  return std::ranges::any_of(List(node, "MeshIPs"),
                             [&address](const std::string& text) {
                               const auto parsed = IpAddress::Parse(text);
                               return parsed && *parsed == address;
                             });
}

bool IsCalled(const Json& node, const std::string& name) {
  const auto address = IpAddress::Parse(name);
  return IsSameName(RawText(node, "HostName"), name) ||
         IsSameName(RawText(node, "DNSName"), name) ||
         (address && HasAddress(node, *address));
}

/// For people.
std::string Joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    out += (out.empty() ? "" : ", ") + EscapeControls(text);
  }
  return out;
}

std::string Describe(const Json& node) {
  const std::string name = ShownText(node, "HostName");
  const std::string full = ShownText(node, "DNSName");
  const std::string user = ShownText(node, "User");
  const std::string tags = Joined(List(node, "Tags"));
  std::string out = name + (full == name ? "" : " (" + full + ")") + "\n";
  out += "  addresses   " + Joined(List(node, "MeshIPs")) + "\n";
  out += user.empty() ? "" : "  user        " + user + "\n";
  out += tags.empty() ? "" : "  tags        " + tags + "\n";
  return out + "  public key  " + ShownText(node, "PublicKey") + "\n";
}

std::optional<IpAddress> ParseWithPort(const std::string& text) {
  if (const auto address = IpAddress::Parse(text)) {
    return *address;
  }
  if (const auto endpoint = Endpoint::Parse(text)) {
    return endpoint->address;
  }
  return std::nullopt;
}

}  // namespace

Outcome<std::vector<std::string>> AddressesOf(
    std::string_view status, const std::string& peer,
    std::optional<AddressFamily> family) {
  const std::vector<Json> nodes = NodesOf(Json::parse(status, nullptr, false));
  const auto found =
      peer.empty() ? nodes.begin()
                   : std::ranges::find_if(nodes, [&peer](const Json& node) {
                       return IsCalled(node, peer);
                     });
  if (found == nodes.end()) {
    return std::unexpected(peer.empty() ? "this node has no addresses yet"
                                        : "there is no node \"" + peer + "\"");
  }
  std::vector<std::string> out;
  for (const std::string& text : List(*found, "MeshIPs")) {
    const auto address = IpAddress::Parse(text);
    if (address && (!family || address->family() == *family)) {
      out.push_back(text);
    }
  }
  if (out.empty()) {
    return std::unexpected(
        std::string("it has no address of this family in the mesh"));
  }
  return out;
}

Outcome<WhoIs> FindOwner(std::string_view status, const std::string& address) {
  const auto wanted = ParseWithPort(address);
  for (const Json& node : NodesOf(Json::parse(status, nullptr, false))) {
    if (wanted ? HasAddress(node, *wanted) : IsCalled(node, address)) {
      return WhoIs{
          .json = node.dump(2, ' ', false, Json::error_handler_t::replace),
          .text = Describe(node)};
    }
  }
  return std::unexpected(wanted
                             ? "no node that this one knows has the address " +
                                   wanted->ToString()
                             : "there is no node \"" + address + "\"");
}

}  // namespace natkit::meshnode
