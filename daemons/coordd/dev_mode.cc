#include "dev_mode.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "natkit/derp/meta_certificate.h"
#include "natkit/shell/config_reader.h"
#include "natkit/shell/files.h"

namespace natkit::coordd {

namespace {

using shell::Outcome;

constexpr std::string_view kActor = "coordd --dev";
constexpr std::string_view kRelayName = "dev";
constexpr std::string_view kDevPolicy =
    "// Made by coordd --dev: every user's machines reach each other.\n"
    "{\"acls\": [{\"action\": \"accept\", \"src\": [\"autogroup:member\"],\n"
    "            \"dst\": [\"autogroup:member:*\"]}]}\n";
constexpr std::chrono::hours kKeyLifetime{30 * 24};

Outcome<std::string> DefaultFolder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') {
    return std::string(state) + "/coordd-dev";
  }
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') {
    return std::string(home) + "/.local/state/coordd-dev";
  }
  return std::unexpected("there is no home directory; say --dir FOLDER");
}

Outcome<std::string> MakeFolder(const std::string& wanted) {
  std::error_code error;
  const auto path = std::filesystem::absolute(wanted, error);
  if (!error) {
    std::filesystem::create_directories(path.parent_path(), error);
  }
  if (!error && mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    error = {errno, std::generic_category()};
  }
  if (error) {
    return std::unexpected("cannot make the folder " + wanted + ": " +
                           error.message());
  }
  return path.string();
}

uint16_t PortAbove(uint16_t port) {
  return port == 0 || port == UINT16_MAX ? uint16_t{0}
                                         : static_cast<uint16_t>(port + 1);
}

}  // namespace

Outcome<Settings> MakeDevSettings(const DevOptions& options) {
  auto folder = options.folder.empty() ? DefaultFolder()
                                       : Outcome<std::string>(options.folder);
  if (folder) {
    folder = MakeFolder(*folder);
  }
  if (!folder) {
    return std::unexpected(folder.error());
  }
  Settings settings;
  settings.listen = shell::ParseListenAddress(options.listen);
  if (settings.listen.size() != 1 ||
      settings.listen.front().address.is_unspecified()) {
    return std::unexpected(
        "--listen: '" + options.listen +
        "' is not one address of this machine with a port, like "
        "192.168.1.5:8443");
  }
  settings.state_dir = *folder;
  settings.certificate = *folder + "/certificate.pem";
  settings.private_key = *folder + "/private_key.pem";
  settings.admin_socket = *folder + "/admin";
  settings.registry.mesh_name = "dev";
  settings.registry.ipv4 = *IpPrefix::Parse("100.64.0.0/10");
  return settings;
}

Outcome<void> DevRelay::Start(const Settings& settings,
                              const tls::Identity& identity,
                              const Endpoint& server) {
  auto key =
      shell::LoadOrCreateKeyFile(settings.state_dir + "/relay.key", rng_);
  if (!key) {
    return std::unexpected(key.error());
  }
  auto meta = derp::BuildMetaCertificate(
      DerivePublicKey(*key),
      std::chrono::floor<std::chrono::seconds>(io::EventLoop::UnixNow()), rng_);
  if (!meta) {
    return std::unexpected("cannot make the relay's meta certificate");
  }
  auto context =
      tls::ServerContext::Make(identity, {.appended = {std::move(*meta)}});
  if (!context) {
    return std::unexpected("the certificate is not usable for TLS");
  }
  tls_ = std::move(*context);
  derp::ServerConfig config;
  config.private_key = std::move(*key);
  relay_ = std::make_unique<shell::RelayServer>(
      loop_, &*tls_, std::move(config), shell::RelayLimits{}, rng_);
  stun_ =
      std::make_unique<shell::StunService>(loop_, stun::ServerConfig{}, rng_);
  const Endpoint local{server.address, PortAbove(server.port)};
  if (auto listened = relay_->Listen(local); !listened) {
    return listened;
  }
  if (auto listened = stun_->Listen(local); !listened) {
    return listened;
  }
  info_ = {.name = std::string(kRelayName),
           .host = server.address.ToString(),
           .port = relay_->local_endpoints().front().port,
           .pin = identity.pin().ToString(),
           .stun_port = stun_->local_endpoints().front().port};
  return {};
}

Outcome<std::string> PrepareDevRegistry(mesh::Registry& registry,
                                        mesh::WallTime now) {
  if (!registry.users().contains(std::string(kDevUser))) {
    if (auto added = registry.AddUser(now, kActor, kDevUser, {}); !added) {
      return std::unexpected(added.error().text);
    }
  }
  if (registry.policy() == nullptr) {
    if (auto set = registry.SetPolicy(now, kActor, kDevPolicy, 0); !set) {
      return std::unexpected(set.error().text);
    }
  }
  std::vector<std::string> old;
  for (const auto& [id, key] : registry.auth_keys()) {
    if (key.created_by == kActor && !key.is_revoked) {
      old.push_back(id);
    }
  }
  for (const std::string& id : old) {
    if (auto gone = registry.RevokeAuthKey(now, kActor, id, false); !gone) {
      return std::unexpected(gone.error().text);
    }
  }
  auto key = registry.MakeAuthKey(now, kActor,
                                  {.owner = {.user = std::string(kDevUser)},
                                   .is_reusable = true,
                                   .lifetime = kKeyLifetime,
                                   .description = "made at the start"});
  if (!key) {
    return std::unexpected(key.error().text);
  }
  return key->secret;
}

}  // namespace natkit::coordd
