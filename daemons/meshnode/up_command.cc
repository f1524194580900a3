#include "up_command.h"

#include <pwd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <optional>
#include <system_error>

#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/shell/files.h"
#include "natkit/shell/logging.h"
#include "natkit/shell/service_status.h"
#include "node_shell.h"

namespace natkit::meshnode {

namespace {

/// What the options of a joining node say, before it is checked.
struct JoinArguments {
  JoinOptions options;
  std::string auth_key_path;
  std::vector<std::string> routes;
};

void AddJoinOptions(CLI::App& app, JoinArguments& join) {
  JoinOptions& options = join.options;
  app.add_option("--server", options.server,
                 "Join the mesh of this coordination server: HOST[:PORT]");
  app.add_option("--server-pin", options.pin,
                 "The server's certificate, sha256-raw:<64 hex digits> "
                 "(default: the system's trusted roots)");
  auto* key = app.add_option("--auth-key", options.auth_key,
                             "Join with this key; without one an administrator "
                             "approves the node")
                  ->envname("NATKIT_AUTH_KEY");
  app.add_option("--auth-key-file", join.auth_key_path,
                 "The same, out of a file that only its owner may read")
      ->excludes(key);
  app.add_option("--state", options.state_path,
                 "Folder for keys and the saved map (default: "
                 "/var/lib/natkit/TUN)");
  app.add_option("--hostname", options.host_name,
                 "What to be called (default: the system's name)");
  app.add_option("--advertise-tags", options.tags,
                 "Be owned by these tags, as far as the auth key may give them")
      ->delimiter(',');
  app.add_option("--posture-file", options.posture_path,
                 "Report this JSON file's attributes for the policy's "
                 "conditions; read again when it changes");
  app.add_flag("--ephemeral", options.is_ephemeral,
               "Be forgotten soon after the node has gone");
  app.add_flag("!--no-accept-dns", options.accepts_dns,
               "Leave the system's DNS alone: names of the mesh do not resolve "
               "by themselves");
}

void AddRouteOptions(CLI::App& app, JoinArguments& join) {
  RoutingOptions& routing = join.options.routing;
  app.add_flag("!--no-accept-routes", routing.accepts_routes,
               "Do not use networks behind other nodes");
  app.add_option("--advertise-routes", join.routes,
                 "Offer these networks to the mesh")
      ->delimiter(',');
  app.add_flag("--advertise-exit-node", routing.advertises_exit,
               "Offer the way to the internet to the mesh");
  app.add_flag("--snat-subnet-routes", routing.has_snat,
               "What leaves the mesh here gets this host's address (default: "
               "true; --snat-subnet-routes=false keeps who it is from)");
  app.add_option("--exit-node", routing.exit_node,
                 "Reach the internet by this node only: a name, a mesh "
                 "address, or \"off\"");
  app.add_flag("--exit-node-allow-lan-access", routing.exit_allows_lan,
               "Reach local networks directly also with an exit node");
  app.add_flag("--enable-forwarding", join.options.enables_forwarding,
               "Switch IP forwarding on where advertised routes need it, and "
               "off at the end");
}

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

/// Which routes to offer and to use. The error is for the user.
Outcome<void> CompleteRoutes(const std::vector<std::string>& routes,
                             const UpOptions& up, RoutingOptions& routing) {
  for (const std::string& text : routes) {
    const auto route = IpPrefix::Parse(text);
    if (!route) {
      return std::unexpected("\"" + text + "\" is no network like 10.0.0.0/8");
    }
    if (route->length() == 0) {
      return std::unexpected(
          text + " is the whole internet: offer it by --advertise-exit-node");
    }
    routing.advertised_routes.push_back(*route);
  }
  if (routing.exit_node == "off") {
    routing.exit_node.clear();
  }
  const bool offers =
      routing.advertises_exit || !routing.advertised_routes.empty();
  if (!up.has_tun && (offers || !routing.exit_node.empty())) {
    return std::unexpected(std::string(
        "without a network interface (--no-tun) a node neither leads to other "
        "networks nor uses an exit node"));
  }
  if (routing.advertises_exit && !routing.exit_node.empty()) {
    return std::unexpected(std::string(
        "a node that uses an exit node (--exit-node) cannot be one itself "
        "(--advertise-exit-node)"));
  }
  return {};
}

/// Reads what the options only name. The error is for the user.
Outcome<JoinOptions> Complete(JoinArguments join, const UpOptions& up) {
  if (auto done = CompleteRoutes(join.routes, up, join.options.routing);
      !done) {
    return std::unexpected(done.error());
  }
  if (!join.auth_key_path.empty()) {
    const auto content = shell::ReadSecretFile(join.auth_key_path);
    if (!content) {
      return std::unexpected(content.error());
    }
    const std::string_view text = AsText(content->Expose());
    join.options.auth_key =
        text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  }
  if (join.options.state_path.empty()) {
    join.options.state_path = "/var/lib/natkit/" + up.tun_name;
  }
  return std::move(join.options);
}

/// Either a mesh file and a name in it, or a server.
Outcome<void> CheckSource(const UpOptions& options, const JoinOptions& join) {
  if (join.server.empty() &&
      (options.mesh_path.empty() || options.name.empty())) {
    return std::unexpected(
        std::string("either --server, or --mesh and --name are needed"));
  }
  if (!join.server.empty() && !options.mesh_path.empty()) {
    return std::unexpected(std::string(
        "--server and --mesh exclude each other: peers come from one of them"));
  }
  return {};
}

}  // namespace

int RunUp(int argc, char** argv) {
  CLI::App app("Runs a node of a mesh in the foreground.", "meshnode up");
  UpOptions options;
  JoinArguments join;
  std::string log_level = "info";
  AddOptions(app, options, log_level);
  AddJoinOptions(app, join);
  AddRouteOptions(app, join);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const auto level = shell::ParseLogLevel(log_level);
  if (!level) {
    FailWith("up", level.error());
    return kExitUsage;
  }
  if (auto checked = CheckSource(options, join.options); !checked) {
    FailWith("up", checked.error());
    return kExitUsage;
  }
  shell::SetUpLogging("meshnode", *level);
  if (!join.options.server.empty()) {
    auto complete = Complete(std::move(join), options);
    if (!complete) {
      return FailWith("up", complete.error());
    }
    options.join = std::move(*complete);
    options.name = options.name.empty() ? options.tun_name : options.name;
  }
  io::IgnoreBrokenPipes();
  io::EventLoop loop;
  shell::ServiceStatus status(loop);
  auto shell = NodeShell::Make(loop, options);
  if (!shell) {
    return FailWith("up", shell.error());
  }
  status.Ready();
  const int code = (*shell)->Run();
  status.Stopping();
  return code;
}

}  // namespace natkit::meshnode
