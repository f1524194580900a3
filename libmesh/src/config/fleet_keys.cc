#include "config/fleet_keys.h"

#include <algorithm>
#include <charconv>

namespace natkit::mesh {

namespace {

constexpr int64_t kLowestOuterMtu = 576;
constexpr int64_t kHighestOuterMtu = 9216;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9');
}

bool IsMadeOf(std::string_view text, std::string_view others) {
  return !text.empty() && std::ranges::all_of(text, [others](char c) {
    return IsAlphanumeric(c) || others.contains(c);
  });
}

/// What wg-quick takes, less what a shell would see as more than a word; the
/// first character keeps it from being an option.
bool IsGoodInterface(std::string_view name) {
  return IsMadeOf(name, "_.-") && name.size() <= 15 &&
         IsAlphanumeric(name.front());
}

/// The folder's name becomes part of a command that root runs.
bool IsGoodFolder(std::string_view path) {
  return path.starts_with('/') && IsMadeOf(path, "/._-");
}

bool IsGoodEndpointName(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos ||
      !IsMadeOf(text.substr(0, colon), ".-") || text.front() == '-') {
    return false;
  }
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), port);
  return error == std::errc() && end == digits.end() && port != 0;
}

FleetTopology ReadTopology(TomlTable& table) {
  const std::string text = table.OptionalString("topology", "full");
  if (text == "hubs") {
    return FleetTopology::kHubs;
  }
  if (text != "full") {
    table.AddError("topology", "topology is full or hubs");
  }
  return FleetTopology::kFull;
}

std::optional<uint16_t> ReadOuterMtu(TomlTable& table) {
  if (!table.has("outer_mtu")) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(table.OptionalInteger(
      "outer_mtu", kLowestOuterMtu, kHighestOuterMtu, 1500));
}

std::vector<IpPrefix> ReadNetworks(TomlTable& table) {
  std::vector<IpPrefix> out;
  for (const std::string& text : table.StringList("networks")) {
    const auto network = IpPrefix::Parse(text);
    if (!network) {
      table.AddError("networks",
                     "\"" + text + "\" is not a network like 10.77.0.0/16");
      continue;
    }
    out.push_back(*network);
  }
  return out;
}

void ReadNames(TomlTable& table, FleetSettings& fleet) {
  fleet.interface = table.OptionalString("interface", fleet.interface);
  if (!IsGoodInterface(fleet.interface)) {
    table.AddError("interface",
                   "interface may hold letters, digits, -, _ and . only, 15 "
                   "at most, and begins with a letter or digit");
  }
  fleet.key_dir = table.OptionalString("key_dir", fleet.key_dir);
  if (!IsGoodFolder(fleet.key_dir)) {
    table.AddError("key_dir",
                   "key_dir must be an absolute path of letters, digits, /, "
                   "-, _ and .");
  }
}

}  // namespace

FleetSettings ReadFleetTable(const toml::table& root,
                             std::vector<Diagnostic>& out) {
  FleetSettings fleet;
  const toml::node* node = root.get("fleet");
  if (node == nullptr) {
    return fleet;
  }
  const auto* section = node->as_table();
  if (section == nullptr) {
    out.push_back({Severity::kError, node->source().begin.line,
                   "fleet must be a table: write [fleet]"});
    return fleet;
  }
  TomlTable table(*section, "fleet", out);
  fleet.line = table.line();
  fleet.topology = ReadTopology(table);
  fleet.hubs = table.StringList("hubs");
  fleet.keepalive =
      std::chrono::seconds(table.OptionalInteger("keepalive", 1, 65535, 25));
  fleet.outer_mtu = ReadOuterMtu(table);
  fleet.networks = ReadNetworks(table);
  ReadNames(table, fleet);
  table.FinishAndReportUnknownKeys();
  return fleet;
}

FleetNodeSettings ReadFleetNode(TomlTable& table) {
  FleetNodeSettings node;
  if (table.has("next_public_key")) {
    const auto key =
        PublicKey::FromBase64(table.OptionalString("next_public_key", ""));
    if (!key || key->is_zero()) {
      table.AddError("next_public_key",
                     "next_public_key must be 44 characters of base64, as "
                     "`meshnode pubkey` prints it");
    } else {
      node.next_public_key = *key;
    }
  }
  if (table.has("behind_nat")) {
    node.behind_nat = table.OptionalBool("behind_nat", false);
  }
  node.outer_mtu = ReadOuterMtu(table);
  node.endpoint_name = table.OptionalString("endpoint_name", "");
  if (!node.endpoint_name.empty() && !IsGoodEndpointName(node.endpoint_name)) {
    table.AddError("endpoint_name",
                   "endpoint_name must be a DNS name with a port, like "
                   "vpn.example.net:51820");
  }
  node.hub = table.OptionalString("hub", "");
  return node;
}

}  // namespace natkit::mesh
