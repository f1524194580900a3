#include "settings.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>
#include <span>
#include <utility>

#include "natkit/base/text.h"
#include "natkit/io/unix_socket.h"
#include "natkit/mesh/registry/domain_name.h"
#include "natkit/shell/config_reader.h"
#include "natkit/shell/error_text.h"
#include "natkit/tls/certificate.h"

namespace natkit::coordd {

namespace {

using shell::ConfigReader;

constexpr size_t kMaxDays = 3650;
constexpr int kMinIpv4Length = 8;
constexpr int kMaxIpv4Length = 30;
constexpr size_t kMaxMeshName = 63;
constexpr size_t kMaxDomain = 180;  // names of nodes come before it
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
      prefix->length() > longest ||
      (is_v4 && prefix->length() < kMinIpv4Length)) {
    reader.Complain(key, "'" + key + "' must be a prefix like " +
                             (is_v4 ? "100.64.0.0/10, from /8 to /30"
                                    : "fd12:3456:789a::/48, of at most /96"));
    return;
  }
  out = *prefix;
}

void CheckWithin(ConfigReader& reader, const char* key, const IpPrefix& prefix,
                 std::span<const std::string_view> ranges,
                 const std::string& text) {
  const bool is_good = std::ranges::any_of(ranges, [&](std::string_view range) {
    const IpPrefix allowed = *IpPrefix::Parse(range);
    return prefix.length() >= allowed.length() &&
           allowed.Contains(prefix.address());
  });
  if (!is_good) {
    reader.Complain(key, "'" + std::string(key) + "' " + text);
  }
}

/// Others' addresses would be unreachable for every node.
void CheckPrefixes(ConfigReader& reader, const mesh::RegistryConfig& config) {
  constexpr auto kPrivate = std::to_array<std::string_view>(
      {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
       "198.18.0.0/15"});
  constexpr auto kUniqueLocal = std::to_array<std::string_view>({"fd00::/8"});
  CheckWithin(reader, "mesh.ipv4", config.ipv4, kPrivate,
              "must be private: in 100.64.0.0/10, 10.0.0.0/8, 172.16.0.0/12, "
              "192.168.0.0/16 or 198.18.0.0/15");
  if (config.ipv6 != IpPrefix()) {
    CheckWithin(reader, "mesh.ipv6", config.ipv6, kUniqueLocal,
                "must be of one's own, in fd00::/8 (RFC 4193)");
  }
}

void ReadNames(ConfigReader& reader, Settings& settings) {
  mesh::RegistryConfig& config = settings.registry;
  reader.String("mesh.name", config.mesh_name);
  if (config.mesh_name.empty() || config.mesh_name.size() > kMaxMeshName ||
      HasControls(config.mesh_name)) {
    reader.Complain("mesh.name", "'mesh.name' must be one line of at most " +
                                     std::to_string(kMaxMeshName) + " bytes");
  }
  reader.String("mesh.domain", config.domain);
  if (!mesh::IsDomainName(config.domain) || config.domain.size() > kMaxDomain) {
    reader.Complain("mesh.domain",
                    "'mesh.domain' must be a domain name like mesh.internal, "
                    "without a dot at its end");
  }
  settings.places.mesh_name =
      reader.Has("mesh.name") ? reader.Place("mesh.name") : "";
  settings.places.mesh_domain =
      reader.Has("mesh.domain") ? reader.Place("mesh.domain") : "";
}

void ReadMesh(ConfigReader& reader, mesh::RegistryConfig& config) {
  config.ipv4 = *IpPrefix::Parse("100.64.0.0/10");
  ReadPrefix(reader, "mesh.ipv4", kMaxIpv4Length, config.ipv4);
  ReadPrefix(reader, "mesh.ipv6", kMaxIpv6Length, config.ipv6);
  CheckPrefixes(reader, config);
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

/// The socket's path fits, and the API has an address of its own.
void ReadDoors(ConfigReader& reader, Settings& settings) {
  reader.String("admin.socket", settings.admin_socket);
  if (!settings.admin_socket.starts_with('/') ||
      settings.admin_socket.size() > io::kMaxUnixSocketPath) {
    reader.Complain("admin.socket",
                    "'admin.socket' must be an absolute path of at most " +
                        std::to_string(io::kMaxUnixSocketPath) + " bytes");
  }
  settings.places.admin_socket = reader.Place("admin.socket");
  settings.api_listen = ReadListen(reader, "api.listen", {});
  for (const Endpoint& api : settings.api_listen) {
    const auto clash =
        std::ranges::find_if(settings.listen, [&](const Endpoint& other) {
          return api.port != 0 && api.port == other.port &&
                 api.address.is_v4() == other.address.is_v4() &&
                 (api.address == other.address ||
                  api.address.is_unspecified() ||
                  other.address.is_unspecified());
        });
    if (clash != settings.listen.end()) {
      reader.Complain("api.listen", "'api.listen' " + api.ToString() +
                                        " is taken by 'server.listen' " +
                                        clash->ToString() +
                                        "; say another port");
      return;
    }
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
  settings.places.state_dir = reader.Place("server.state_dir");
  ReadNames(reader, settings);
  ReadMesh(reader, settings.registry);
  ReadRelays(reader, settings);
  reader.String("policy.file", settings.policy_file);
  reader.Strings("admin.users", settings.admin_users);
  reader.Strings("admin.groups", settings.admin_groups);
  ReadDoors(reader, settings);
  ReadLog(reader, settings);
  reader.Finish();
  if (!reader.errors().empty()) {
    return std::unexpected(reader.errors());
  }
  return settings;
}

std::vector<std::string> CheckFolders(const Settings& settings) {
  std::vector<std::string> errors;
  const auto complain = [&](const std::string& place, const std::string& text) {
    errors.push_back((place.empty() ? "" : place + ": ") + text);
  };
  struct stat status{};
  const std::string& state = settings.state_dir;
  const std::string& place = settings.places.state_dir;
  if (stat(state.c_str(), &status) != 0) {
    const bool is_missing = errno == ENOENT;
    complain(place, shell::SystemError("the state_dir " + state) +
                        (is_missing ? "; make it with 'mkdir -m 700 " + state +
                                          "', as the user who runs coordd"
                                    : ""));
  } else if (!S_ISDIR(status.st_mode)) {
    complain(place, "the state_dir " + state + " is not a folder");
  } else if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
    complain(place, "the state_dir " + state +
                        ": others may write to it or look into it; run 'chmod "
                        "700 " +
                        state + "'");
  }
  const std::string folder =
      std::filesystem::path(settings.admin_socket).parent_path().string();
  const std::string name =
      "the folder of the administrators' socket, " + folder;
  if (stat(folder.c_str(), &status) != 0) {
    complain(settings.places.admin_socket,
             errno == ENOENT ? name +
                                   ", does not exist; make it, or say another "
                                   "'admin.socket'"
                             : shell::SystemError(name));
  } else if (!S_ISDIR(status.st_mode)) {
    complain(settings.places.admin_socket,
             name + ", is not a folder; say another 'admin.socket'");
  }
  return errors;
}

}  // namespace natkit::coordd
