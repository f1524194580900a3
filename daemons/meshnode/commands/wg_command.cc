#include "commands/wg_command.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdint>
#include <string>

#include "commands/command_support.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/shell/command_line.h"
#include "natkit/shell/logging.h"
#include "natkit/shell/outcome.h"
#include "wg/wg_interface.h"

namespace natkit::meshnode {

namespace {

int Serve(const std::string& name, uint32_t mtu) {
  io::EventLoop loop;
  SystemRng rng;
  auto interface = WgInterface::Create(loop, rng, name, mtu);
  if (!interface) {
    return FailWith("wg", interface.error());
  }
  (*interface)->set_on_gone([&loop, &name] {
    shell::Log(LogLevel::kInfo, name + " was deleted, leaving");
    loop.Stop();
  });
  const io::SignalWatcher signals(loop, {SIGINT, SIGTERM}, [&](int number) {
    shell::Log(LogLevel::kInfo,
               "signal " + std::to_string(number) + ", removing " + name);
    loop.Stop();
  });
  shell::Log(LogLevel::kInfo, name + " is ready for `wg` and `ip`");
  loop.Run();
  return shell::kExitOk;
}

}  // namespace

int RunWg(int argc, char** argv) {
  CLI::App app(
      "Runs a userspace WireGuard interface in the foreground. Configure it "
      "with `wg set`, `wg setconf` and `ip`.",
      "meshnode wg");
  std::string name;
  uint32_t mtu = 1420;
  shell::CommonOptions common;
  app.add_option("interface", name, "Name of the interface to create")
      ->required()
      ->check(&RefuseBadInterface);
  app.add_option("--mtu", mtu, "MTU of the interface")
      ->check(CLI::Range(576, 65475))
      ->capture_default_str();
  shell::AddCommonOptions(app, common);
  if (const auto code = shell::ParseCommandLine(app, argc, argv)) {
    return *code;
  }
  const auto level = shell::ChooseLogLevel(common, {});
  if (!level) {
    FailWith("wg", level.error());
    return kExitUsage;
  }
  shell::SetUpLogging("meshnode", *level);
  return Serve(name, mtu);
}

}  // namespace natkit::meshnode
