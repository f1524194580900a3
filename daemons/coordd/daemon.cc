#include "daemon.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "admin_access.h"
#include "admin_verbs.h"
#include "metrics.h"
#include "natkit/shell/files.h"
#include "natkit/shell/logging.h"
#include "natkit/shell/server_identity.h"

namespace natkit::coordd {

namespace {

using shell::Log;
using shell::Outcome;

constexpr std::string_view kActor = "coordd";
constexpr std::string_view kAlpn = "natkit-coordination/1";

std::string StorePath(const Settings& settings) {
  return settings.state_dir + "/store.db";
}

/// A prefix of one's own (RFC 4193, section 3.2).
IpPrefix MakeUniqueLocalPrefix(Rng& rng) {
  std::array<uint8_t, 16> bytes{};
  rng.Fill(MutableBytes(bytes).first(6));
  bytes[0] = 0xfd;
  return *IpPrefix::Make(IpAddress::V6(bytes), 48);
}

}  // namespace

Outcome<tls::Identity> LoadIdentity(const Settings& settings, ServerMode mode,
                                    bool is_dry_run) {
  return shell::LoadServerIdentity(
      {.certificate = settings.certificate,
       .private_key = settings.private_key,
       .self_signed_name = mode == ServerMode::kDev
                               ? settings.listen.front().address.ToString()
                               : "",
       .is_dry_run = is_dry_run});
}

// ---- The start -------------------------------------------------------------

Outcome<void> Daemon::Start() {
  io::IgnoreBrokenPipes();
  if (auto opened = OpenStore(); !opened) {
    return opened;
  }
  if (auto loaded = LoadRegistry(); !loaded) {
    return loaded;
  }
  auto identity = LoadIdentity(settings_, mode_, false);
  if (!identity) {
    return std::unexpected(identity.error());
  }
  identity_ = std::move(*identity);
  signals_.emplace(loop_, std::initializer_list<int>{SIGINT, SIGTERM, SIGHUP},
                   [this](int signal) { OnSignal(signal); });
  if (auto started = StartServer(); !started) {
    return started;
  }
  if (auto started = StartAdmin(); !started) {
    return started;
  }
  if (auto started = StartApi(); !started) {
    return started;
  }
  if (mode_ == ServerMode::kDev) {
    return StartDev();
  }
  return {};
}

Outcome<void> Daemon::OpenStore() {
  if (const auto wrong = CheckFolders(settings_); !wrong.empty()) {
    return std::unexpected(wrong.front());
  }
  auto store = mesh::SqliteStore::Open(StorePath(settings_));
  if (!store) {
    return std::unexpected(store.error().text);
  }
  store_ = std::move(*store);
  return {};
}

Outcome<void> Daemon::LoadRegistry() {
  mesh::RegistryConfig config = settings_.registry;
  const bool has_ipv6 = config.ipv6 != IpPrefix();
  if (!has_ipv6) {
    config.ipv6 = MakeUniqueLocalPrefix(rng_);
  }
  auto registry = mesh::Registry::Load(config, *store_, rng_, Now().wall);
  if (!registry) {
    return std::unexpected(registry.error());
  }
  registry_ = std::move(*registry);
  const mesh::MeshRecord& mesh = registry_->mesh();
  if (mesh.ipv4 != config.ipv4 || (has_ipv6 && mesh.ipv6 != config.ipv6)) {
    return std::unexpected(
        "the mesh in " + settings_.state_dir + " has the prefixes " +
        mesh.ipv4.ToString() + " and " + mesh.ipv6.ToString() +
        "; those of a mesh cannot be changed, so say these or none");
  }
  TellOfOtherNames();
  if (auto taken = TakeConfiguredRelays(); !taken) {
    return taken;
  }
  coordinator_ = std::make_unique<mesh::Coordinator>(mesh::CoordinatorConfig{},
                                                     *registry_, rng_, Now());
  policy_ = std::make_unique<PolicyKeeper>(*registry_, *coordinator_);
  return TakePolicyFile();
}

/// What a mesh is called is settled when it is made.
void Daemon::TellOfOtherNames() const {
  const auto tell = [](const std::string& place, std::string_view what,
                       const std::string& wanted, const std::string& stored) {
    if (!place.empty() && wanted != stored) {
      Log(LogLevel::kWarning, place + ": the mesh's " + std::string(what) +
                                  " is and stays '" + stored + "'; '" + wanted +
                                  "' is not taken");
    }
  };
  const mesh::MeshRecord& mesh = registry_->mesh();
  tell(settings_.places.mesh_name, "name", settings_.registry.mesh_name,
       mesh.name);
  tell(settings_.places.mesh_domain, "domain", settings_.registry.domain,
       mesh.dns.domain);
}

/// Relays of the file replace those of the same name; others stay.
Outcome<void> Daemon::TakeConfiguredRelays() {
  for (const mesh::RelayInfo& relay : settings_.relays) {
    const auto& known = registry_->relays();
    const auto found = std::ranges::find_if(known, [&](const auto& entry) {
      return entry.second.info.name == relay.name;
    });
    if (found != known.end() && found->second.info == relay) {
      continue;
    }
    if (found != known.end()) {
      const auto gone =
          registry_->RemoveRelay(Now().wall, kActor, found->first);
      if (!gone) {
        return std::unexpected(gone.error().text);
      }
    }
    const auto added = registry_->AddRelay(Now().wall, kActor, relay);
    if (!added) {
      return std::unexpected(added.error().text);
    }
  }
  return {};
}

Outcome<void> Daemon::TakePolicyFile() {
  if (settings_.policy_file.empty()) {
    return {};
  }
  const auto text = shell::ReadFile(settings_.policy_file);
  if (!text) {
    return std::unexpected(text.error());
  }
  const mesh::PolicyRecord* record = registry_->policy();
  if (record != nullptr && record->text == *text) {
    return {};
  }
  const auto set = policy_->Set(Now(), {.actor = std::string(kActor),
                                        .name = settings_.policy_file,
                                        .text = *text});
  if (!set) {
    return std::unexpected(set.error().text);
  }
  return {};
}

Outcome<void> Daemon::StartServer() {
  auto context = tls::ServerContext::Make(
      *identity_,
      {.min_version = tls::Version::kTls13, .alpn = {std::string(kAlpn)}});
  if (!context) {
    return std::unexpected("the certificate is not usable for TLS");
  }
  tls_ = std::move(*context);
  server_ = std::make_unique<CoordServer>(
      loop_, *tls_, *coordinator_,
      ServerLimits{.max_connections = settings_.max_connections,
                   .max_half_open = settings_.max_half_open},
      ServerHandlers{.before_settle = [this] { policy_->Refresh(Now()); },
                     .after_settle =
                         [this] {
                           if (admin_) {
                             admin_->Release();
                           }
                           if (api_) {
                             api_->Release();
                           }
                         },
                     .on_store_failure =
                         [this] {
                           has_failed_ = true;
                           Log(LogLevel::kError,
                               "cannot write what was decided, so nothing of "
                               "it is told: " +
                                   store_->last_error());
                           loop_.Stop();
                         }});
  for (const Endpoint& local : settings_.listen) {
    auto listened = server_->Listen(local);
    if (listened) {
      continue;
    }
    const bool is_optional = local.address.is_v6() &&
                             local.address.is_unspecified() &&
                             !server_->local_endpoints().empty() &&
                             !listened.error().contains("in use");
    if (!is_optional) {
      return listened;
    }
    Log(LogLevel::kWarning, listened.error());
  }
  Announce();
  return {};
}

AdminSubject Daemon::Subject() {
  return {.registry = *registry_,
          .coordinator = *coordinator_,
          .store = *store_,
          .store_path = StorePath(settings_),
          .policy = *policy_,
          .is_policy_in_file = !settings_.policy_file.empty(),
          .work = work_};
}

Outcome<void> Daemon::StartAdmin() {
  auto access =
      AdminAccess::Resolve(settings_.admin_users, settings_.admin_groups);
  if (!access) {
    return std::unexpected(access.error());
  }
  auto admin = AdminServer::Listen(
      loop_, settings_.admin_socket, std::move(*access),
      [this](std::string_view line, std::string_view actor,
             AdminServer::Answer answer) {
        AdminSubject subject = Subject();
        HandleAdminLine(subject, Now(), actor, line,
                        [this, answer = std::move(answer)](std::string text) {
                          answer(std::move(text));
                          server_->Wake();
                        });
      });
  if (!admin) {
    return std::unexpected("cannot listen on " + settings_.admin_socket + ": " +
                           std::string(ErrcName(admin.error().code)));
  }
  admin_ = std::move(*admin);
  return {};
}

Outcome<void> Daemon::StartApi() {
  if (settings_.api_listen.empty()) {
    return {};
  }
  auto context = tls::ServerContext::Make(
      *identity_, {.min_version = tls::Version::kTls12, .alpn = {"http/1.1"}});
  if (!context) {
    return std::unexpected("the certificate is not usable for the API");
  }
  api_tls_ = std::move(*context);
  api_service_ = std::make_unique<ApiService>(
      ApiService::Hooks{.subject = [this] { return Subject(); },
                        .metrics = [this] { return Metrics(); }});
  api_ = std::make_unique<ApiServer>(loop_, *api_tls_, *api_service_,
                                     [this] { server_->Wake(); });
  for (const Endpoint& local : settings_.api_listen) {
    if (auto listened = api_->Listen(local); !listened) {
      return listened;
    }
    Log(LogLevel::kInfo, "API on " + local.ToString());
  }
  return {};
}

std::string Daemon::Metrics() const {
  const auto newest = store_->LastEventSequence();
  Measurements measured{.coordinator = coordinator_->counters(),
                        .settles = server_->settles(),
                        .refused_streams = server_->refused(),
                        .api = api_service_->counters(),
                        .api_connections = api_->connections(),
                        .api_dropped = api_->dropped(),
                        .events = newest ? *newest : 0};
  MeasureRegistry(*registry_, Now().wall, measured);
  return FormatMetrics(measured);
}

Outcome<void> Daemon::StartDev() {
  const Endpoint server = server_->local_endpoints().front();
  dev_relay_ = std::make_unique<DevRelay>(loop_, rng_);
  if (auto started = dev_relay_->Start(settings_, *identity_, server);
      !started) {
    return started;
  }
  settings_.relays = {dev_relay_->info()};
  if (auto taken = TakeConfiguredRelays(); !taken) {
    return taken;
  }
  const auto key = PrepareDevRegistry(*registry_, Now().wall);
  if (!key) {
    return std::unexpected(key.error());
  }
  if (!server_->Settle()) {
    return std::unexpected(store_->last_error());
  }
  TellOfDev(server);
  const std::string line = "meshnode up --server " + server.ToString() +
                           " --server-pin " + identity_->pin().ToString() +
                           " --auth-key " + *key + "\n";
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
  return {};
}

void Daemon::TellOfDev(const Endpoint& server) const {
  const mesh::PolicyRecord* policy = registry_->policy();
  Log(LogLevel::kWarning,
      "this is a server to try things with: whoever has the key below joins "
      "as a machine of " +
          std::string(kDevUser) +
          (policy != nullptr && policy->revision == 1
               ? ", and all machines of users reach each other (tagged ones "
                 "need another policy)"
               : ", and the policy that was set is in force"));
  if (server.address.is_loopback()) {
    Log(LogLevel::kWarning,
        "only this machine reaches " + server.address.ToString() +
            "; for others say --listen with an address that they reach");
  }
  Log(LogLevel::kInfo,
      "administer it by, for example, coordd nodes list --socket " +
          settings_.admin_socket);
}

void Daemon::Announce() const {
  for (const Endpoint& local : server_->local_endpoints()) {
    Log(LogLevel::kInfo, "listening on " + local.ToString());
  }
  Log(LogLevel::kInfo, "certificate pin " + identity_->pin().ToString());
  Log(LogLevel::kInfo, "mesh '" + registry_->mesh().name + "', " +
                           registry_->mesh().ipv4.ToString() + " and " +
                           registry_->mesh().ipv6.ToString() + ", " +
                           std::to_string(registry_->nodes().size()) +
                           " nodes");
  if (registry_->policy() == nullptr && mode_ == ServerMode::kNormal) {
    Log(LogLevel::kWarning,
        "there is no policy yet, so nobody reaches anybody");
  }
}

// ---- While it runs ---------------------------------------------------------

bool Daemon::Run() {
  status_.Ready();
  loop_.Run();
  return !has_failed_;
}

void Daemon::OnSignal(int signal) {
  if (signal == SIGHUP) {
    Reload();
    return;
  }
  if (is_stopping_) {
    loop_.Stop();  // a second time: at once
    return;
  }
  is_stopping_ = true;
  Log(LogLevel::kInfo, "stopping");
  status_.Stopping();
  if (api_) {
    api_->Stop();
  }
  server_->Stop([this] { loop_.Stop(); });
}

void Daemon::Reload() {
  auto identity = LoadIdentity(settings_, mode_, false);
  if (!identity || !tls_->Reload(*identity) ||
      (api_tls_ && !api_tls_->Reload(*identity))) {
    Log(LogLevel::kError,
        (identity ? settings_.certificate + " is not usable for TLS"
                  : identity.error()) +
            "; the old certificate stays in use");
  } else {
    identity_ = std::move(*identity);
    Log(LogLevel::kInfo,
        "certificate reloaded, pin " + identity_->pin().ToString());
  }
  if (auto taken = TakePolicyFile(); !taken) {
    shell::LogLines(LogLevel::kError,
                    taken.error() + "\nthe old policy stays in force");
  }
  server_->Wake();
}

}  // namespace natkit::coordd
