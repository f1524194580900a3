#include "commands/up_command.h"

#include <pwd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <optional>
#include <system_error>

#include "commands/up_join_options.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/shell/logging.h"
#include "natkit/shell/service_status.h"
#include "shell/node_shell.h"

namespace natkit::meshnode {

namespace {

/// A number, or a name of the user database.
std::optional<uint32_t> FindUser(const std::string& user) {
  uint32_t number = 0;
  const char* end = user.data() + user.size();
  if (const auto [at, error] = std::from_chars(user.data(), end, number);
      error == std::errc() && at == end) {
    return number;
  }
  const passwd* entry =
      getpwnam(user.c_str());  // NOLINT(concurrency-mt-unsafe)
  return entry == nullptr ? std::nullopt : std::optional(entry->pw_uid);
}

void AddOptions(CLI::App& app, UpOptions& options, std::string& log_level) {
  app.add_option("--mesh", options.mesh_path, "The mesh file (TOML)");
  app.add_option("--name", options.name,
                 "Which node of it this is; of a node that joins: what its "
                 "control socket is called");
  app.add_option("--key-file", options.key_path,
                 "The private key (default: NAME.key beside the mesh file)");
  app.add_option("--psk-file", options.psk_path,
                 "A pre-shared key, the same on every node");
  auto* tun =
      app.add_option("--tun", options.tun_name, "Name of the network interface")
          ->check(&RefuseBadInterface)
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
  app.add_option_function<std::string>(
      "--operator",
      [&options](const std::string& user) {
        options.operator_user = FindUser(user);
        if (!options.operator_user) {
          throw CLI::ValidationError("--operator",
                                     "there is no user \"" + user + "\"");
        }
      },
      "A user who may change the node, beside root and who runs it");
  app.add_option("--log-level", log_level, "debug, info, warning or error")
      ->capture_default_str();
}

}  // namespace

int RunUp(int argc, char** argv) {
  CLI::App app("Runs a node of a mesh in the foreground.", "meshnode up");
  UpOptions options;
  JoinArguments join;
  std::string log_level = "info";
  AddOptions(app, options, log_level);
  AddJoinOptions(app, join);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const auto level = shell::ParseLogLevel(log_level);
  if (!level) {
    FailWith("up", level.error());
    return kExitUsage;
  }
  if (auto checked = CheckSource(join, options); !checked) {
    FailWith("up", checked.error());
    return kExitUsage;
  }
  shell::SetUpLogging("meshnode", *level);
  if (!join.options.server.empty()) {
    auto complete = CompleteJoin(std::move(join), options);
    if (!complete) {
      FailWith("up", complete.error().text);
      return complete.error().code;
    }
    options.name = options.name.empty() ? options.tun_name : options.name;
  }
  io::IgnoreBrokenPipes();
  io::EventLoop loop;
  shell::ServiceStatus status(loop);
  auto shell = NodeShell::Make(loop, std::move(options));
  if (!shell) {
    return FailWith("up", shell.error());
  }
  status.Ready();
  const int code = (*shell)->Run();
  status.Stopping();
  return code;
}

}  // namespace natkit::meshnode
