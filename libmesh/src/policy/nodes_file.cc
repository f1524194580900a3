#include "natkit/mesh/policy/nodes_file.h"

#include <algorithm>
#include <set>

#include "policy/policy_reader.h"

namespace natkit::mesh::policy {

namespace {

/// Reads the nodes of one file, which share no name and no address.
class NodesReader {
 public:
  explicit NodesReader(Findings& out) : out_(out) {}

  PolicyNode Read(const JsonValue& value) {
    ObjectReader in(value, "a node", out_);
    PolicyNode node;
    ReadName(in, node);
    ReadUser(in, node);
    for (const PlacedText& tag : in.Strings("tags")) {
      ReadTag(tag, node);
    }
    for (const PlacedText& ip : in.RequireStrings("ips")) {
      ReadIp(ip, node);
    }
    node.approved = ReadRoutes(in, "approved");
    const bool has_advertised = in.Get("advertised") != nullptr;
    node.advertised =
        has_advertised ? ReadRoutes(in, "advertised") : node.approved;
    if (const JsonValue* attributes = in.Get("attrs")) {
      node.attributes = ReadAttributes(*attributes, out_);
    }
    for (const PlacedText& role : in.Strings("roles")) {
      node.roles.insert(role.text);
    }
    in.Finish();
    return node;
  }

 private:
  void ReadName(ObjectReader& in, PolicyNode& node) {
    if (in.Require("name") == nullptr) {
      return;
    }
    const auto name = in.String("name");
    if (!name) {
      return;
    }
    node.name = name->text;
    if (name->text.empty()) {
      out_.Error(name->at, "the name of a node is not empty");
    } else if (!names_.insert(name->text).second) {
      out_.Error(name->at, "there are two nodes \"" + name->text + "\"");
    }
  }

  void ReadUser(ObjectReader& in, PolicyNode& node) {
    const JsonValue* value = in.Get("user");
    if (value == nullptr || value->kind == JsonKind::kNull) {
      return;
    }
    if (const auto user = ReadText(*value, "\"user\"", out_)) {
      node.user = user->text;
    }
  }

  void ReadTag(const PlacedText& text, PolicyNode& node) {
    constexpr std::string_view kTag = "tag:";
    std::string_view tag = text.text;
    if (tag.starts_with(kTag)) {
      tag.remove_prefix(kTag.size());
    }
    if (!IsTagName(tag)) {
      out_.Error(text.at, "\"" + text.text + "\" is no tag");
      return;
    }
    node.tags.emplace_back(tag);
  }

  void ReadIp(const PlacedText& text, PolicyNode& node) {
    const auto ip = IpAddress::Parse(text.text);
    if (!ip) {
      out_.Error(text.at, "\"" + text.text + "\" is no address");
      return;
    }
    if (!ips_.insert(*ip).second) {
      out_.Error(text.at, "\"" + text.text + "\" is another node's address");
    }
    node.ips.push_back(*ip);
  }

  std::vector<IpPrefix> ReadRoutes(ObjectReader& in, std::string_view key) {
    std::vector<IpPrefix> routes;
    for (const PlacedText& text : in.Strings(key)) {
      const auto route = IpPrefix::Parse(text.text);
      if (route) {
        routes.push_back(*route);
      } else {
        out_.Error(text.at, "\"" + text.text + "\" is no CIDR");
      }
    }
    return routes;
  }

  Findings& out_;
  std::set<std::string> names_;
  std::set<IpAddress> ips_;
};

}  // namespace

bool NodesFileResult::is_usable() const {
  return std::ranges::none_of(diagnostics, [](const Diagnostic& diagnostic) {
    return diagnostic.severity == Severity::kError;
  });
}

NodesFileResult ParseNodesFile(std::string_view text) {
  NodesFileResult result;
  const auto root = ParseHuJson(text);
  if (!root) {
    result.diagnostics.push_back(root.error());
    return result;
  }
  Findings findings;
  NodesReader reader(findings);
  for (const JsonValue& item : ReadItems(*root, "a nodes file", findings)) {
    result.nodes.push_back(reader.Read(item));
    result.nodes.back().id = result.nodes.size();
  }
  result.diagnostics = findings.Take();
  return result;
}

}  // namespace natkit::mesh::policy
