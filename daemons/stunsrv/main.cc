#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/nat/source_rate_limiter.h"
#include "natkit/nat/stun_server.h"
#include "natkit/shell/command_line.h"
#include "natkit/shell/logging.h"
#include "natkit/shell/outcome.h"
#include "server_shell.h"

namespace natkit::stunsrv {

namespace {

struct Options {
  std::vector<std::string> listen{"0.0.0.0:3478", "[::]:3478"};
  uint32_t rate_limit = nat::RateLimit{}.per_second;
  bool is_quiet = false;
  shell::CommonOptions common;
};

void Declare(CLI::App& app, Options& options) {
  app.add_option("--listen", options.listen,
                 "ADDRESS:PORT to serve, IPv6 in brackets; may be repeated")
      ->take_all()
      ->capture_default_str();
  app.add_option("--rate-limit", options.rate_limit,
                 "Requests a second answered to one source; 0: no limit")
      ->capture_default_str();
  app.add_flag("--quiet", options.is_quiet, "Log only what is wrong");
  shell::AddCommonOptions(app, options.common);
}

int Fail(const std::string& text, int code) {
  std::cerr << "stunsrv: " << text << '\n';
  return code;
}

stun::ServerConfig Configure(const Options& options) {
  stun::ServerConfig config;
  if (options.rate_limit == 0) {
    config.rate_limit.reset();
  } else {
    const uint32_t burst = config.rate_limit->burst;
    config.rate_limit->per_second = options.rate_limit;
    config.rate_limit->burst = std::max(burst, options.rate_limit);
  }
  return config;
}

std::string Summary(const stun::ServerCounters& counters) {
  const uint64_t answered = counters.answered + counters.answered_rfc3489;
  return "received " + std::to_string(counters.received) + ", answered " +
         std::to_string(answered) + ", refused " +
         std::to_string(counters.unknown_attribute + counters.unauthenticated) +
         ", not STUN " + std::to_string(counters.not_stun) + ", rate limited " +
         std::to_string(counters.rate_limited);
}

int Serve(const std::vector<Endpoint>& listen, stun::ServerConfig config) {
  io::EventLoop loop;
  SystemRng rng;
  ServerShell server(loop, std::move(config), rng);
  for (const Endpoint& endpoint : listen) {
    const auto bound = server.Listen(endpoint);
    if (!bound) {
      return Fail("cannot listen on " + endpoint.ToString() + ": " +
                      std::string(ErrcName(bound.error().code)),
                  shell::kExitFailure);
    }
    shell::Log(LogLevel::kInfo, "listening on " + bound->ToString());
  }
  const io::SignalWatcher signals(loop, {SIGINT, SIGTERM},
                                  [&loop](int /*number*/) { loop.Stop(); });
  loop.Run();
  shell::Log(LogLevel::kInfo, "stopped: " + Summary(server.counters()));
  return shell::kExitOk;
}

int Main(int argc, char** argv) {
  CLI::App app("Answers STUN Binding requests (RFC 8489) over UDP.", "stunsrv");
  Options options;
  Declare(app, options);
  if (const auto code = shell::ParseCommandLine(app, argc, argv)) {
    return *code;
  }
  const auto level =
      shell::ChooseLogLevel(options.common, options.is_quiet ? "warning" : "");
  if (!level) {
    return Fail(level.error(), shell::kExitUsage);
  }
  std::vector<Endpoint> listen;
  for (const std::string& text : options.listen) {
    const auto endpoint = Endpoint::Parse(text);
    if (!endpoint) {
      return Fail("--listen '" + text + "' is not ADDRESS:PORT",
                  shell::kExitUsage);
    }
    listen.push_back(*endpoint);
  }
  shell::SetUpLogging("stunsrv", *level);
  return Serve(listen, Configure(options));
}

}  // namespace

}  // namespace natkit::stunsrv

int main(int argc, char** argv) {
  return natkit::stunsrv::Main(argc, argv);
}
