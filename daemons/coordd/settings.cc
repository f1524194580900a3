#include "settings.h"

#include <algorithm>
#include <set>
#include <utility>

#include "natkit/shell/config_reader.h"
#include "natkit/tls/certificate.h"

namespace natkit::coordd {

namespace {

using shell::ConfigReader;

constexpr size_t kMaxDays = 3650;
constexpr int kMaxIpv4Length = 30;
constexpr int kMaxIpv6Length = 96;

std::vector<Endpoint> ReadListen(ConfigReader& reader, const char* key,
                                 std::vector<std::string> listen) {
  reader.Strings(key, listen);
  std::vector<Endpoint> all;
  for (const std::string& text : listen) {
    const auto endpoints = shell::ParseListenAddress(text);
    if (endpoints.empty()) {
      reader.Complain(key, "'" + text +
                               "' is not an address like 0.0.0.0:443, "
                               "[::]:443 or :443");
    }
    all.insert(all.end(), endpoints.begin(), endpoints.end());
  }
  return all;
}

void ReadServer(ConfigReader& reader, Settings& settings) {
  settings.listen = ReadListen(reader, "server.listen", {":443"});
  reader.String("server.certificate", settings.certificate);
  reader.String("server.private_key", settings.private_key);
  for (const char* key : {"server.certificate", "server.private_key"}) {
    if (!reader.Has(key)) {
      reader.Complain(key, "'" + std::string(key) +
                               "' is missing: PEM files for TLS (coordd --dev "
                               "makes its own)");
    }
  }
  reader.String("server.state_dir", settings.state_dir);
  if (!settings.state_dir.starts_with('/')) {
    reader.Complain("server.state_dir",
                    "'server.state_dir' must be an absolute path");
  }
  reader.Count("server.max_connections", 1, 10'000'000,
               settings.max_connections);
  reader.Count("server.max_half_open", 1, 1'000'000, settings.max_half_open);
}

void ReadPrefix(ConfigReader& reader, const std::string& key, int longest,
                IpPrefix& out) {
  std::string text;
  reader.String(key, text);
  if (text.empty()) {
    return;
  }
  const auto prefix = IpPrefix::Parse(text);
  const bool is_v4 = key.ends_with("ipv4");
  if (!prefix || prefix->address().is_v4() != is_v4 ||
      prefix->length() > longest) {
    reader.Complain(key, "'" + key + "' must be a prefix like " +
                             (is_v4 ? "100.64.0.0/10, of at most /30"
                                    : "fd12:3456:789a::/48, of at most /96"));
    return;
  }
  out = *prefix;
}

void ReadMesh(ConfigReader& reader, mesh::RegistryConfig& config) {
  reader.String("mesh.name", config.mesh_name);
  reader.String("mesh.domain", config.domain);
  config.ipv4 = *IpPrefix::Parse("100.64.0.0/10");
  ReadPrefix(reader, "mesh.ipv4", kMaxIpv4Length, config.ipv4);
  ReadPrefix(reader, "mesh.ipv6", kMaxIpv6Length, config.ipv6);
  size_t days = static_cast<size_t>(config.key_lifetime.count()) / 24;
  reader.Count("mesh.key_lifetime_days", 0, kMaxDays, days);
  config.key_lifetime = std::chrono::hours(24 * days);
  reader.Flag("mesh.rotation_renews", config.rotation_renews);
  Duration grace = config.ephemeral_grace;
  reader.Seconds("mesh.ephemeral_grace", grace);
  config.ephemeral_grace =
      std::chrono::duration_cast<std::chrono::seconds>(grace);
  reader.Count("mesh.max_nodes", 1, 1'000'000, config.max_nodes);
}

mesh::RelayInfo ReadRelay(ConfigReader& reader, const std::string& prefix) {
  mesh::RelayInfo relay;
  reader.String(prefix + "name", relay.name);
  reader.String(prefix + "host", relay.host);
  reader.String(prefix + "pin", relay.pin);
  reader.Flag(prefix + "plain", relay.is_plain);
  size_t port = relay.port;
  size_t stun_port = relay.stun_port;
  reader.Count(prefix + "port", 1, 65535, port);
  reader.Count(prefix + "stun_port", 0, 65535, stun_port);
  relay.port = static_cast<uint16_t>(port);
  relay.stun_port = static_cast<uint16_t>(stun_port);
  for (const char* key : {"name", "host"}) {
    if (!reader.Has(prefix + key)) {
      reader.Complain(prefix + key, "'" + prefix + key + "' is missing");
    }
  }
  if (!relay.pin.empty() && !tls::CertificatePin::Parse(relay.pin)) {
    reader.Complain(prefix + "pin", "'" + prefix +
                                        "pin' must be \"sha256-raw:\" and 64 "
                                        "hex digits");
  }
  return relay;
}

void ReadRelays(ConfigReader& reader, Settings& settings) {
  std::set<std::string> names;
  for (size_t i = 0; i < reader.Tables("relay"); ++i) {
    const std::string prefix = "relay[" + std::to_string(i) + "].";
    mesh::RelayInfo relay = ReadRelay(reader, prefix);
    if (!names.insert(relay.name).second) {
      reader.Complain(prefix + "name",
                      "there is another relay '" + relay.name + "'");
    }
    settings.relays.push_back(std::move(relay));
  }
}

void ReadLog(ConfigReader& reader, Settings& settings) {
  std::string level = "info";
  bool is_json = false;
  reader.String("log.level", level);
  reader.Flag("log.json", is_json);
  settings.log_format =
      is_json ? shell::LogFormat::kJson : shell::LogFormat::kText;
  if (const auto parsed = shell::ParseLogLevel(level)) {
    settings.log_level = *parsed;
  } else {
    reader.Complain("log.level", parsed.error());
  }
}

}  // namespace

std::expected<Settings, std::vector<std::string>> ParseSettings(
    const std::string& file_name, std::string_view text) {
  ConfigReader reader(file_name, text);
  if (!reader.errors().empty()) {
    return std::unexpected(reader.errors());
  }
  Settings settings;
  ReadServer(reader, settings);
  ReadMesh(reader, settings.registry);
  ReadRelays(reader, settings);
  reader.String("policy.file", settings.policy_file);
  reader.String("admin.socket", settings.admin_socket);
  reader.Strings("admin.users", settings.admin_users);
  reader.Strings("admin.groups", settings.admin_groups);
  settings.api_listen = ReadListen(reader, "api.listen", {});
  ReadLog(reader, settings);
  reader.Finish();
  if (!reader.errors().empty()) {
    return std::unexpected(reader.errors());
  }
  return settings;
}

}  // namespace natkit::coordd
