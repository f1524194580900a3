#include "up_command.h"

#include <CLI/CLI.hpp>

#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/shell/logging.h"
#include "node_shell.h"

namespace natkit::meshnode {

namespace {

void AddOptions(CLI::App& app, UpOptions& options, std::string& log_level) {
  app.add_option("--mesh", options.mesh_path, "The mesh file (TOML)")
      ->required();
  app.add_option("--name", options.name, "Which node of it this is")
      ->required();
  app.add_option("--key-file", options.key_path,
                 "The private key (default: NAME.key beside the mesh file)");
  app.add_option("--psk-file", options.psk_path,
                 "A pre-shared key, the same on every node");
  auto* tun =
      app.add_option("--tun", options.tun_name, "Name of the network interface")
          ->capture_default_str();
  app.add_flag("!--no-tun", options.has_tun,
               "Without a network interface: only `meshnode ping` works")
      ->excludes(tun);
  app.add_option("--listen-port", options.listen_port,
                 "UDP port; 0: the system's choice (default: the mesh file's)");
  app.add_flag("!--no-port-mapping", options.has_port_mapping,
               "Do not ask the router to forward the UDP port (PCP, NAT-PMP, "
               "UPnP)");
  app.add_option("--control", options.control_path,
                 "Control socket (default: /run/natkit/NAME.sock)");
  app.add_option("--log-level", log_level, "debug, info, warning or error")
      ->capture_default_str();
}

}  // namespace

int RunUp(int argc, char** argv) {
  CLI::App app("Runs a node of a mesh in the foreground.", "meshnode up");
  UpOptions options;
  std::string log_level = "info";
  AddOptions(app, options, log_level);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const auto level = shell::ParseLogLevel(log_level);
  if (!level) {
    FailWith("up", level.error());
    return kExitUsage;
  }
  shell::SetUpLogging("meshnode", *level);
  io::IgnoreBrokenPipes();
  io::EventLoop loop;
  auto shell = NodeShell::Make(loop, options);
  if (!shell) {
    return FailWith("up", shell.error());
  }
  return (*shell)->Run();
}

}  // namespace natkit::meshnode
