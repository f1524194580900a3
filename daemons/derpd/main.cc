
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "credentials.h"
#include "natkit/base/rng.h"
#include "natkit/derp/key_text.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/shell/descriptors.h"
#include "natkit/shell/logging.h"
#include "natkit/shell/relay_server.h"
#include "natkit/shell/stun_service.h"
#include "options.h"

namespace natkit::derpd {
namespace {

using shell::Log;
using shell::Outcome;

constexpr char kLandingPage[] =
    "<!DOCTYPE html>\n<html><head><title>DERP</title></head>\n"
    "<body><h1>DERP</h1><p>This is a natkit relay. It forwards packets that "
    "are encrypted end to end between machines that cannot reach each other "
    "directly.</p></body></html>\n";

derp::ServerConfig MakeServerConfig(const Options& options,
                                    Credentials& credentials) {
  derp::ServerConfig config;
  config.private_key = credentials.private_key.Clone();
  config.mesh_key = std::move(credentials.mesh_key);
  config.site.landing_html = kLandingPage;
  config.site.home_redirect = options.home_redirect;
  config.write_timeout = options.write_timeout;
  config.not_here_policy = options.not_here == "any"
                               ? derp::NotHerePolicy::kAnyPayload
                               : derp::NotHerePolicy::kDiscoOnly;
  return config;
}

/// Listens everywhere. An IPv6 wildcard that the system cannot have is only
/// worth a warning.
template <class Service>
Outcome<void> ListenOnAll(Service& service,
                          const std::vector<Endpoint>& endpoints) {
  for (const auto& endpoint : endpoints) {
    auto listened = service.Listen(endpoint);
    if (listened) {
      continue;
    }
    const bool is_optional = endpoint.address.is_v6() &&
                             !service.local_endpoints().empty() &&
                             !listened.error().contains("in use");
    if (!is_optional) {
      return listened;
    }
    Log(LogLevel::kWarning, listened.error());
  }
  return {};
}

uint16_t PortOf(const std::vector<Endpoint>& endpoints) {
  return endpoints.empty() ? uint16_t{0} : endpoints.front().port;
}

/// The lines to paste into a mesh file, on stdout.
void PrintRelayEntry(const Options& options, const Credentials& credentials,
                     uint16_t port, uint16_t stun_port) {
  std::string text = "[[relay]]\nname = \"dev\"\nhost = \"" + options.hostname +
                     "\"\nport = " + std::to_string(port) + "\n";
  if (credentials.identity) {
    text += "pin = \"" + credentials.identity->pin().ToString() + "\"\n";
  } else {
    text += "plain = true\n";
  }
  text += "stun_port = " + std::to_string(stun_port) + "\n";
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// The running daemon: its parts in the order in which they must die last.
class Daemon {
 public:
  Daemon(const Options& options, Rng& rng) : options_(options), rng_(rng) {}

  Outcome<void> Start(Credentials credentials);

  void Run() { loop_.Run(); }

 private:
  Outcome<void> StartStun();
  void Announce(const Credentials& credentials) const;
  void OnSignal(int signal);
  void ReloadCertificate();

  const Options& options_;
  Rng& rng_;
  io::EventLoop loop_;
  std::optional<tls::ServerContext> tls_;
  std::optional<shell::RelayServer> relay_;
  std::optional<shell::StunService> stun_;
  std::optional<io::SignalWatcher> signals_;
  bool is_stopping_ = false;
};

Outcome<void> Daemon::Start(Credentials credentials) {
  io::IgnoreBrokenPipes();
  if (credentials.identity) {
    auto context = MakeTlsContext(credentials, rng_);
    if (!context) {
      return std::unexpected(context.error());
    }
    tls_ = std::move(*context);
  }
  relay_.emplace(loop_, tls_ ? &*tls_ : nullptr,
                 MakeServerConfig(options_, credentials),
                 shell::RelayLimits{.max_connections = options_.max_connections,
                                    .max_half_open = options_.max_half_open},
                 rng_);
  if (auto listened = ListenOnAll(*relay_, options_.tcp_endpoints); !listened) {
    return listened;
  }
  if (auto started = StartStun(); !started) {
    return started;
  }
  signals_.emplace(loop_, std::initializer_list<int>{SIGINT, SIGTERM, SIGHUP},
                   [this](int signal) { OnSignal(signal); });
  Announce(credentials);
  return {};
}

Outcome<void> Daemon::StartStun() {
  if (!options_.has_stun) {
    return {};
  }
  stun_.emplace(
      loop_,
      stun::ServerConfig{.requests = options_.is_stun_tailnode_only
                                         ? stun::RequestPolicy::kTailnodeOnly
                                         : stun::RequestPolicy::kAny},
      rng_);
  return ListenOnAll(*stun_, options_.udp_endpoints);
}

void Daemon::Announce(const Credentials& credentials) const {
  for (const auto& endpoint : relay_->local_endpoints()) {
    Log(LogLevel::kInfo, (tls_ ? "DERP over TLS on TCP " : "DERP on TCP ") +
                             endpoint.ToString());
  }
  const auto udp = stun_ ? stun_->local_endpoints() : std::vector<Endpoint>();
  for (const auto& endpoint : udp) {
    Log(LogLevel::kInfo, "STUN on UDP " + endpoint.ToString());
  }
  Log(LogLevel::kInfo,
      "relay key " + derp::ToNodeKeyText(relay_->core().public_key()));
  if (credentials.identity) {
    Log(LogLevel::kInfo,
        "certificate pin " + credentials.identity->pin().ToString());
  }
  if (options_.is_dev) {
    PrintRelayEntry(options_, credentials, PortOf(relay_->local_endpoints()),
                    PortOf(udp));
  }
}

void Daemon::OnSignal(int signal) {
  if (signal == SIGHUP) {
    ReloadCertificate();
    return;
  }
  if (is_stopping_) {
    loop_.Stop();  // a second time: at once
    return;
  }
  is_stopping_ = true;
  Log(LogLevel::kInfo, "stopping");
  stun_.reset();
  relay_->Stop([this] { loop_.Stop(); });
}

void Daemon::ReloadCertificate() {
  if (!tls_ || options_.certificate.empty()) {
    Log(LogLevel::kInfo, "nothing to reload");
    return;
  }
  const auto identity = LoadIdentity(options_);
  if (!identity) {
    Log(LogLevel::kError,
        identity.error() + "; the old certificate stays in use");
    return;
  }
  if (!tls_->Reload(*identity)) {
    Log(LogLevel::kError, "the old certificate stays in use");
    return;
  }
  Log(LogLevel::kInfo,
      "certificate reloaded, pin " + identity->pin().ToString());
}

int Main(int argc, char** argv) {
  const auto options = ParseOptions(argc, argv);
  if (!options) {
    return options.error();
  }
  shell::SetUpLogging("derpd", options->level);
  SystemRng rng;
  auto credentials = LoadCredentials(*options, rng);
  if (!credentials) {
    std::fprintf(stderr, "derpd: %s\n", credentials.error().c_str());
    return shell::kExitUsage;
  }
  if (options->is_check) {
    std::puts("derpd: the configuration is fine");
    return shell::kExitOk;
  }
  shell::RaiseDescriptorLimit();
  Daemon daemon(*options, rng);
  if (const auto started = daemon.Start(std::move(*credentials)); !started) {
    std::fprintf(stderr, "derpd: %s\n", started.error().c_str());
    return shell::kExitFailure;
  }
  daemon.Run();
  Log(LogLevel::kInfo, "stopped");
  return shell::kExitOk;
}

}  // namespace
}  // namespace natkit::derpd

int main(int argc, char** argv) {
  try {
    return natkit::derpd::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "derpd: %s\n", error.what());
    return natkit::shell::kExitFailure;
  }
}
