#pragma once

#include <memory>
#include <optional>
#include <string>

#include "admin_call.h"
#include "admin_server.h"
#include "api/server.h"
#include "api/service.h"
#include "coord_server.h"
#include "dev_mode.h"
#include "natkit/base/rng.h"
#include "natkit/io/background_work.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/mesh/coord/coordinator.h"
#include "natkit/mesh/registry/registry.h"
#include "natkit/mesh/registry/sqlite_store.h"
#include "natkit/shell/outcome.h"
#include "natkit/shell/service_status.h"
#include "natkit/tls/context.h"
#include "natkit/tls/identity.h"
#include "policy_keeper.h"
#include "settings.h"

namespace natkit::coordd {

/// A server to run for good, or one to try things with.
enum class ServerMode : uint8_t { kNormal, kDev };

/// The certificate that the settings name; --dev makes it. With `is_dry_run`
/// nothing is made.
[[nodiscard]] shell::Outcome<tls::Identity> LoadIdentity(
    const Settings& settings, ServerMode mode, bool is_dry_run);

/// The running server: its parts in the order in which they must die last.
class Daemon {
 public:
  /// `rng` must outlive this object.
  Daemon(Settings settings, ServerMode mode, Rng& rng)
      : settings_(std::move(settings)), mode_(mode), rng_(rng) {}

  /// Opens the store and listens. The error is for the operator.
  [[nodiscard]] shell::Outcome<void> Start();

  /// Serves until a signal. False: the store failed.
  [[nodiscard]] bool Run();

 private:
  shell::Outcome<void> OpenStore();
  shell::Outcome<void> LoadRegistry();
  void TellOfOtherNames() const;
  shell::Outcome<void> TakeConfiguredRelays();
  shell::Outcome<void> TakePolicyFile();
  shell::Outcome<void> StartServer();
  shell::Outcome<void> StartAdmin();
  shell::Outcome<void> StartApi();
  [[nodiscard]] AdminSubject Subject();
  [[nodiscard]] std::string Metrics() const;
  shell::Outcome<void> StartDev();
  void TellOfDev(const Endpoint& server) const;
  void Announce() const;
  void OnSignal(int signal);
  void Reload();

  Settings settings_;
  ServerMode mode_;
  Rng& rng_;
  io::EventLoop loop_;
  std::unique_ptr<mesh::SqliteStore> store_;
  std::unique_ptr<mesh::Registry> registry_;
  std::unique_ptr<mesh::Coordinator> coordinator_;
  std::unique_ptr<PolicyKeeper> policy_;
  std::optional<tls::Identity> identity_;
  std::optional<tls::ServerContext> tls_;
  std::unique_ptr<CoordServer> server_;
  std::unique_ptr<AdminServer> admin_;
  std::optional<tls::ServerContext> api_tls_;
  std::unique_ptr<ApiService> api_service_;
  std::unique_ptr<ApiServer> api_;
  std::unique_ptr<DevRelay> dev_relay_;
  io::BackgroundWork work_{loop_};  // its results go to what is above
  std::optional<io::SignalWatcher> signals_;
  shell::ServiceStatus status_{loop_};
  bool is_stopping_ = false;
  bool has_failed_ = false;
};

}  // namespace natkit::coordd
