#include "natkit/mesh/mesh_file.h"

#include <algorithm>
#include <chrono>

#include "config/fleet_check.h"
#include "config/fleet_keys.h"
#include "config/mesh_file_check.h"
#include "config/toml_table.h"

namespace natkit::mesh {

namespace {

using Diagnostics = std::vector<Diagnostic>;

bool IsGoodName(std::string_view name) {
  return !name.empty() && name.size() <= 63 &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

std::string ReadName(TomlTable& table) {
  std::string name = table.RequiredString("name");
  if (!name.empty() && !IsGoodName(name)) {
    table.AddError("name", "name \"" + name +
                               "\" may hold letters, digits, - and _ only, "
                               "63 at most");
  }
  return name;
}

uint16_t ReadPort(TomlTable& table, std::string_view key, uint16_t fallback,
                  uint16_t lowest) {
  return static_cast<uint16_t>(
      table.OptionalInteger(key, lowest, 65535, fallback));
}

bool IsGoodPin(std::string_view pin) {
  constexpr std::string_view kPrefix = "sha256-raw:";
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  };
  return pin.starts_with(kPrefix) && pin.size() == kPrefix.size() + 64 &&
         std::ranges::all_of(pin.substr(kPrefix.size()), is_hex);
}

RelayEntry ReadRelay(TomlTable& table) {
  RelayEntry relay;
  relay.line = table.line();
  relay.name = ReadName(table);
  relay.host = table.RequiredString("host");
  relay.port = ReadPort(table, "port", relay.port, 1);
  relay.stun_port = ReadPort(table, "stun_port", relay.stun_port, 0);
  relay.is_plain = table.OptionalBool("plain", false);
  relay.pin = table.OptionalString("pin", "");
  if (!relay.pin.empty() && !IsGoodPin(relay.pin)) {
    table.AddError("pin",
                   "pin must be \"sha256-raw:\" and 64 lower-case hex digits");
  }
  return relay;
}

StunEntry ReadStun(TomlTable& table) {
  StunEntry stun;
  stun.line = table.line();
  stun.host = table.RequiredString("host");
  stun.port = ReadPort(table, "port", stun.port, 1);
  return stun;
}

void ReadKey(TomlTable& table, NodeEntry& node) {
  const std::string text = table.RequiredString("public_key");
  if (text.empty()) {
    return;
  }
  const auto key = PublicKey::FromBase64(text);
  if (!key || key->is_zero()) {
    table.AddError("public_key",
                   "public_key must be 44 characters of base64, as "
                   "`meshnode pubkey` prints it");
    return;
  }
  node.public_key = *key;
}

void ReadAddresses(TomlTable& table, NodeEntry& node) {
  for (const std::string& text : table.StringList("addresses")) {
    const auto address = IpAddress::Parse(text);
    if (!address) {
      table.AddError("addresses", "\"" + text +
                                      "\" is not an IP address (no prefix "
                                      "length here; networks go in routes)");
      continue;
    }
    node.addresses.push_back(*address);
  }
}

void ReadRoutes(TomlTable& table, NodeEntry& node) {
  for (const std::string& text : table.StringList("routes")) {
    const auto route = IpPrefix::Parse(text);
    if (!route) {
      table.AddError("routes", "\"" + text +
                                   "\" is not a network like "
                                   "192.168.7.0/24");
      continue;
    }
    node.routes.push_back(*route);
  }
}

void ReadEndpoint(TomlTable& table, NodeEntry& node) {
  if (!table.has("endpoint")) {
    return;
  }
  const std::string text = table.OptionalString("endpoint", "");
  const auto endpoint = Endpoint::Parse(text);
  if (!endpoint || endpoint->port == 0) {
    table.AddError("endpoint", "\"" + text +
                                   "\" is not an address with a "
                                   "port, like 192.0.2.1:51820");
    return;
  }
  node.endpoint = *endpoint;
}

HardNatPolicy ReadHardNat(TomlTable& table) {
  HardNatPolicy policy;
  policy.is_allowed = table.OptionalBool("hard_nat", false);
  const auto read = [&table](std::string_view key, int64_t high,
                             uint32_t& value) {
    value = static_cast<uint32_t>(
        table.OptionalInteger(key, 1, high, int64_t{value}));
  };
  read("hard_nat_packets_per_second", 1000, policy.budget.packets_per_second);
  read("hard_nat_packets", 65535, policy.budget.max_packets);
  read("hard_nat_sockets", 1024, policy.budget.max_sockets);
  auto percent = static_cast<uint32_t>(policy.budget.quota_share * 100);
  read("hard_nat_quota_percent", 100, percent);
  policy.budget.quota_share = percent / 100.0;
  return policy;
}

void ReadKeepalive(TomlTable& table, NodeEntry& node) {
  const std::string power = table.OptionalString("power", "mains");
  if (power == "battery") {
    node.power = nat::PowerMode::kBattery;
  } else if (power == "mobile") {
    node.power = nat::PowerMode::kMobileIdle;
  } else if (power != "mains") {
    table.AddError("power", "power is mains, battery or mobile");
  }
  if (table.has("mapping_lifetime")) {
    node.mapping_lifetime = std::chrono::seconds(
        table.OptionalInteger("mapping_lifetime", 10, 86400, 10));
  }
}

void ReadQuota(TomlTable& table, NodeEntry& node) {
  if (table.has("mapping_quota")) {
    node.mapping_quota = static_cast<uint32_t>(
        table.OptionalInteger("mapping_quota", 1, 65535, 1));
  }
}

NodeEntry ReadNode(TomlTable& table) {
  NodeEntry node;
  node.line = table.line();
  node.name = ReadName(table);
  ReadKey(table, node);
  ReadAddresses(table, node);
  ReadRoutes(table, node);
  node.relay = table.OptionalString("relay", "");
  ReadEndpoint(table, node);
  if (table.has("listen_port")) {
    node.listen_port = ReadPort(table, "listen_port", 0, 1);
  }
  node.port_mapping = table.OptionalBool("port_mapping", true);
  node.hard_nat = ReadHardNat(table);
  ReadKeepalive(table, node);
  ReadQuota(table, node);
  node.fleet = ReadFleetNode(table);
  return node;
}

/// Reads every [[key]] of the root by `read`.
template <class Entry>
std::vector<Entry> ReadAll(const toml::table& root, const char* key,
                           Entry (*read)(TomlTable&), Diagnostics& out) {
  std::vector<Entry> entries;
  const toml::node* node = root.get(key);
  if (node == nullptr) {
    return entries;
  }
  const auto* list = node->as_array();
  if (list == nullptr || !list->is_array_of_tables()) {
    out.push_back({Severity::kError, node->source().begin.line,
                   std::string("write [[") + key + "]], once for each " + key});
    return entries;
  }
  for (const toml::node& item : *list) {
    TomlTable table(*item.as_table(),
                    std::string(key) + " " + std::to_string(entries.size() + 1),
                    out);
    entries.push_back(read(table));
    table.FinishAndReportUnknownKeys();
  }
  return entries;
}

void ReadMeshTable(const toml::table& root, MeshFile& file, Diagnostics& out) {
  const toml::node* node = root.get("mesh");
  if (node == nullptr) {
    return;
  }
  const auto* section = node->as_table();
  if (section == nullptr) {
    out.push_back({Severity::kError, node->source().begin.line,
                   "mesh must be a table: write [mesh]"});
    return;
  }
  TomlTable table(*section, "mesh", out);
  file.name = table.OptionalString("name", file.name);
  file.mtu =
      static_cast<uint16_t>(table.OptionalInteger("mtu", 1280, 9000, file.mtu));
  table.FinishAndReportUnknownKeys();
}

void ReportUnknownSections(const toml::table& root, Diagnostics& out) {
  for (const auto& [key, node] : root) {
    const std::string_view name = key.str();
    if (name != "mesh" && name != "relay" && name != "stun" && name != "node" &&
        name != "fleet") {
      out.push_back({Severity::kError, key.source().begin.line,
                     "unknown section \"" + std::string(name) +
                         "\": there are mesh, relay, stun, node and fleet"});
    }
  }
}

void ReadRoot(const toml::table& root, MeshFileResult& result) {
  Diagnostics& out = result.diagnostics;
  ReportUnknownSections(root, out);
  ReadMeshTable(root, result.file, out);
  result.file.relays = ReadAll<RelayEntry>(root, "relay", ReadRelay, out);
  result.file.stun_servers = ReadAll<StunEntry>(root, "stun", ReadStun, out);
  result.file.nodes = ReadAll<NodeEntry>(root, "node", ReadNode, out);
  result.file.fleet = ReadFleetTable(root, out);
}

}  // namespace

const NodeEntry* MeshFile::FindNode(std::string_view wanted) const {
  const auto found = std::ranges::find(nodes, wanted, &NodeEntry::name);
  return found != nodes.end() ? &*found : nullptr;
}

bool MeshFileResult::is_usable() const {
  return std::ranges::none_of(diagnostics, [](const Diagnostic& diagnostic) {
    return diagnostic.severity == Severity::kError;
  });
}

MeshFileResult ParseMeshFile(std::string_view text) {
  MeshFileResult result;
  Diagnostics& out = result.diagnostics;
  try {
    ReadRoot(toml::parse(text), result);
  } catch (const toml::parse_error& error) {
    out.push_back({Severity::kError, error.source().begin.line,
                   "not valid TOML: " + std::string(error.description())});
  }
  if (result.is_usable()) {
    CheckMeshFile(result.file, out);
    CheckFleet(result.file, out);
  }
  return result;
}

}  // namespace natkit::mesh
