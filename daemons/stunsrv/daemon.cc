#include "daemon.h"

#include <csignal>
#include <initializer_list>
#include <string>
#include <utility>

#include "natkit/shell/logging.h"
#include "reload_plan.h"

namespace natkit::stunsrv {

namespace {

using shell::Log;
using shell::Outcome;

}  // namespace

Daemon::Daemon(CommandLine line, size_t descriptors, Rng& rng)
    : line_(std::move(line)),
      descriptors_(descriptors),
      udp_(rng),
      streams_(loop_, rng),
      metrics_(loop_, [this] { return FormatMetrics(Measure()); }) {}

Outcome<void> Daemon::Start(const Settings& settings,
                            InheritedSockets inherited) {
  io::IgnoreBrokenPipes();
  settings_ = settings;
  // Before anything is answered: who got an answer may send a signal. It is
  // acted upon in Run().
  signals_.emplace(loop_, std::initializer_list<int>{SIGINT, SIGTERM, SIGHUP},
                   [this](int signal) { OnSignal(signal); });
  if (auto started = streams_.Start(settings, inherited); !started) {
    return started;
  }
  if (auto listened = metrics_.Listen(settings.metrics); !listened) {
    return listened;
  }
  if (auto started = udp_.Start(settings, inherited); !started) {
    return started;
  }
  Announce();
  return {};
}

void Daemon::Run() {
  loop_.Run();
  udp_.Stop();
  Log(LogLevel::kInfo, "stopped: " + Summarize(Measure()));
}

void Daemon::OnSignal(int signal) {
  if (signal == SIGHUP) {
    Reload();
  } else {
    loop_.Stop();
  }
}

void Daemon::Reload() {
  auto settings = LoadSettings(line_);
  if (!settings) {
    ++failed_reloads_;
    for (const std::string& error : settings.error()) {
      Log(LogLevel::kError, error);
    }
    Log(LogLevel::kError, "the old settings stay in use");
    return;
  }
  for (const auto& warning :
       {FitConnections(descriptors_, *settings), DoubtfulPolicy(*settings)}) {
    if (warning) {
      Log(LogLevel::kWarning, *warning);
    }
  }
  if (const auto applied = Apply(*settings); !applied) {
    ++failed_reloads_;
    Log(LogLevel::kError, applied.error() + "; the old settings stay in use");
    return;
  }
  ++reloads_;
  Log(LogLevel::kInfo, "settings reloaded");
  if (settings->threads != udp_.thread_count()) {
    Log(LogLevel::kWarning, "threads: changes with the next start");
  }
  Announce();
}

/// Addresses of ours that stand in the way of new ones are given up first, and
/// taken again if the new ones are not to be had.
Outcome<void> Daemon::Apply(const Settings& settings) {
  const auto identity = StreamService::LoadCertificate(settings);
  if (!identity) {
    return std::unexpected(identity.error());
  }
  auto changed = Change(settings_, settings);
  if (!changed && MustReleaseFirst(settings_, settings)) {
    const Settings kept = KeptOf(settings_, settings);
    changed = Change(settings_, kept);
    udp_.WaitForUpdate();
    if (changed) {
      changed = Change(kept, settings);
    }
    if (!changed) {
      if (const auto back = Change(kept, settings_); !back) {
        Log(LogLevel::kError, back.error());
      }
    }
  }
  if (changed) {
    streams_.UseCertificate(*identity);
    settings_ = settings;
  }
  return changed;
}

/// Each part changes as a whole or not at all; when one fails, those before it
/// go back.
Outcome<void> Daemon::Change(const Settings& from, const Settings& to) {
  if (auto listened = metrics_.Listen(to.metrics); !listened) {
    return listened;
  }
  if (auto reloaded = streams_.Reload(to); !reloaded) {
    static_cast<void>(metrics_.Listen(from.metrics));
    return reloaded;
  }
  if (auto reloaded = udp_.Reload(to); !reloaded) {
    static_cast<void>(streams_.Reload(from));
    static_cast<void>(metrics_.Listen(from.metrics));
    return reloaded;
  }
  return {};
}

void Daemon::Announce() const {
  for (const Endpoint& local : udp_.local_endpoints()) {
    Log(LogLevel::kInfo, "listening on " + local.ToString());
  }
  for (const auto& [local, is_tls] : streams_.local_endpoints()) {
    Log(LogLevel::kInfo, std::string("listening on ") +
                             (is_tls ? "TLS " : "TCP ") + local.ToString());
  }
  if (const auto local = metrics_.local_endpoint()) {
    Log(LogLevel::kInfo, "metrics on http://" + local->ToString() + "/metrics");
  }
}

Measurements Daemon::Measure() const {
  return {.udp = udp_.counters(),
          .streams = streams_.counters(),
          .partner =
              udp_.partner() == nullptr ? nullptr : &udp_.partner()->counters(),
          .reloads = reloads_,
          .failed_reloads = failed_reloads_};
}

}  // namespace natkit::stunsrv
