#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/mesh/registry/registry.h"
#include "natkit/shell/outcome.h"
#include "natkit/shell/relay_server.h"
#include "natkit/shell/stun_service.h"
#include "natkit/tls/context.h"
#include "natkit/tls/identity.h"
#include "settings.h"

namespace natkit::coordd {

/// Whose machines join a server to try things with.
inline constexpr std::string_view kDevUser = "dev@localhost";

/// What --dev is told.
struct DevOptions {
  std::string folder;  ///< empty: below the user's state directory
  std::string listen = "127.0.0.1:8443";
};

/// Settings for a server to try things with: everything in one folder, which is
/// made; a certificate that signs itself. The error is for the user.
[[nodiscard]] shell::Outcome<Settings> MakeDevSettings(
    const DevOptions& options);

/// A relay and a STUN server inside coordd, one port above the server's.
class DevRelay {
 public:
  /// `loop` and `rng` must outlive this object.
  DevRelay(io::EventLoop& loop, Rng& rng) : loop_(loop), rng_(rng) {}

  [[nodiscard]] shell::Outcome<void> Start(const Settings& settings,
                                           const tls::Identity& identity,
                                           const Endpoint& server);

  /// How nodes find it.
  [[nodiscard]] mesh::RelayInfo info() const { return info_; }

 private:
  io::EventLoop& loop_;
  Rng& rng_;
  std::optional<tls::ServerContext> tls_;
  std::unique_ptr<shell::RelayServer> relay_;
  std::unique_ptr<shell::StunService> stun_;
  mesh::RelayInfo info_;
};

/// Gives a registry what a first node needs: a user, a policy that lets the
/// nodes of users reach each other (unless there is a policy), and a reusable
/// auth key in place of the one of the last start, which is the result.
[[nodiscard]] shell::Outcome<std::string> PrepareDevRegistry(
    mesh::Registry& registry, mesh::WallTime now);

}  // namespace natkit::coordd
