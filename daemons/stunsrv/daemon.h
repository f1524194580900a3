#pragma once

#include <optional>

#include "inherited_sockets.h"
#include "metrics.h"
#include "metrics_server.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/shell/outcome.h"
#include "options.h"
#include "settings.h"
#include "stream_service.h"
#include "udp_service.h"

namespace natkit::stunsrv {

/// The running server: UDP on threads of its own, the rest on this one.
class Daemon {
 public:
  Daemon(CommandLine line, size_t descriptors, Rng& rng);

  [[nodiscard]] shell::Outcome<void> Start(const Settings& settings,
                                           InheritedSockets inherited);
  /// Serves until a signal ends it.
  void Run();

 private:
  void OnSignal(int signal);
  void Reload();
  [[nodiscard]] shell::Outcome<void> Apply(const Settings& settings);
  [[nodiscard]] shell::Outcome<void> Change(const Settings& from,
                                            const Settings& to);
  void Announce() const;
  [[nodiscard]] Measurements Measure() const;

  CommandLine line_;
  size_t descriptors_;
  io::EventLoop loop_;
  UdpService udp_;
  StreamService streams_;
  MetricsServer metrics_;
  std::optional<io::SignalWatcher> signals_;
  Settings settings_;  // in use
  size_t reloads_ = 0;
  size_t failed_reloads_ = 0;
};

}  // namespace natkit::stunsrv
