#include "commands/up_join_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string_view>
#include <utility>

#include "join/node_settings.h"
#include "natkit/mesh/control/message.h"
#include "natkit/mesh/tag.h"
#include "natkit/shell/control_link.h"
#include "natkit/shell/files.h"
#include "natkit/tls/certificate.h"

namespace natkit::meshnode {

namespace {

constexpr const char* kAuthKeyVariable = "NATKIT_AUTH_KEY";

// Checks of single values: empty, or what is wrong.

std::string RefuseBadHostName(const std::string& text) {
  return IsHostName(text)
             ? ""
             : "\"" + text + "\" is not " + std::string(kHostNameRule);
}

/// As the policy file writes it.
std::string RefuseBadTag(const std::string& text) {
  if (!text.starts_with(mesh::kTagPrefix)) {
    return "\"" + text + "\" is no tag; write tag:" + text;
  }
  return mesh::IsTag(text)
             ? ""
             : "\"" + text +
                   "\" is no tag: after tag: comes a letter, then letters, "
                   "digits and hyphens, all in all at most " +
                   std::to_string(mesh::kMaxTagLength) + " bytes";
}

void AddServerOptions(CLI::App& app, JoinArguments& join) {
  JoinOptions& options = join.options;
  app.add_option("--server", options.server,
                 "Join the mesh of this coordination server: HOST[:PORT]");
  app.add_option("--server-pin", options.pin,
                 "The server's certificate, sha256-raw:<64 hex digits> "
                 "(default: the system's trusted roots)");
  auto* key = app.add_option("--auth-key", join.auth_key,
                             "Join with this key; without one an administrator "
                             "approves the node")
                  ->check(&RefuseEmpty)
                  ->envname(kAuthKeyVariable);
  app.add_option("--auth-key-file", join.auth_key_path,
                 "The same, out of a file that only its owner may read")
      ->check(&RefuseEmpty)
      ->excludes(key);
  app.add_option("--state", options.state_path,
                 "Folder for keys and the saved map (default: "
                 "/var/lib/natkit/TUN)")
      ->check(&RefuseEmpty);
  app.add_option("--hostname", options.host_name,
                 "What to be called (default: the system's name)")
      ->check(&RefuseBadHostName);
  app.add_option("--advertise-tags", options.tags,
                 "Be owned by these tags, as far as the auth key may give them")
      ->delimiter(',')
      ->check(&RefuseBadTag);
  app.add_option("--posture-file", options.posture_path,
                 "Report this JSON file's attributes for the policy's "
                 "conditions; read again when it changes")
      ->check(&RefuseEmpty);
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
      ->delimiter(',')
      ->check(&RefuseEmpty);
  app.add_flag("--advertise-exit-node", routing.advertises_exit,
               "Offer the way to the internet to the mesh");
  app.add_flag("--snat-subnet-routes", routing.has_snat,
               "What leaves the mesh here gets this host's address (default: "
               "true; --snat-subnet-routes=false keeps who it is from)");
  app.add_option("--exit-node", routing.exit_node,
                 "Reach the internet by this node only: a name, a mesh "
                 "address, or \"off\"")
      ->check(&RefuseEmpty);
  app.add_flag("--exit-node-allow-lan-access", routing.exit_allows_lan,
               "Reach local networks directly also with an exit node");
  app.add_flag("--enable-forwarding", join.options.enables_forwarding,
               "Switch IP forwarding on where advertised routes need it, and "
               "off at the end");
}

/// Which routes to offer and to use. The error is for the user.
Outcome<void> CompleteRoutes(const std::vector<std::string>& routes,
                             const UpOptions& up, JoinOptions& options) {
  RoutingOptions& routing = options.routing;
  for (const std::string& text : routes) {
    const auto parsed = ParseRoutes(text);
    if (!parsed) {
      return std::unexpected("--advertise-routes: " + parsed.error());
    }
    std::ranges::copy(*parsed, std::back_inserter(routing.advertised_routes));
  }
  auto exit_node = ParseExitNode(routing.exit_node);
  if (!exit_node) {
    return std::unexpected("--exit-node: " + exit_node.error());
  }
  routing.exit_node = *std::move(exit_node);
  const bool offers =
      routing.advertises_exit || !routing.advertised_routes.empty();
  if (!up.has_tun && (offers || !routing.exit_node.empty())) {
    return std::unexpected(std::string(
        "without a network interface (--no-tun) a node neither leads to other "
        "networks nor uses an exit node"));
  }
  return CheckTogether(options);
}

/// The key out of its file, which may end in blanks.
std::expected<SecretString, UpRefusal> ReadAuthKey(const std::string& path) {
  const auto content = shell::ReadSecretFile(path);
  if (!content) {
    return std::unexpected(UpRefusal{content.error(), kExitFailure});
  }
  const std::string_view text = AsText(content->Expose());
  const size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) {
    return std::unexpected(UpRefusal{path + ": there is no auth key in it"});
  }
  return SecretString(text.substr(0, end + 1));
}

/// All that goes to the server but the key and the routes.
Outcome<void> CheckServer(const JoinOptions& options) {
  if (auto server = shell::ParseServerAddress(options.server); !server) {
    return std::unexpected("--server: " + server.error());
  }
  if (!options.pin.empty() && !tls::CertificatePin::Parse(options.pin)) {
    return std::unexpected("--server-pin: \"" + options.pin +
                           "\" is no pin; expected sha256-raw:<64 hex digits>");
  }
  if (options.tags.size() > mesh::kMaxTags) {
    return std::unexpected("--advertise-tags: a node has at most " +
                           std::to_string(mesh::kMaxTags) + " tags, not " +
                           std::to_string(options.tags.size()));
  }
  return {};
}

/// The first option in the list that was given; the environment does not count.
const CLI::Option* FindGiven(const std::vector<const CLI::Option*>& options) {
  const auto is_given = [](const CLI::Option* option) {
    const std::string& variable = option->get_envname();
    // Read once at start, before any thread could change the environment.
    return option->count() != 0 &&
           (variable.empty() ||
            std::getenv(variable.c_str()) ==  // NOLINT(concurrency-mt-unsafe)
                nullptr);
  };
  const auto found = std::ranges::find_if(options, is_given);
  return found == options.end() ? nullptr : *found;
}

}  // namespace

void AddJoinOptions(CLI::App& app, JoinArguments& join) {
  const std::vector<const CLI::Option*> others =
      std::as_const(app).get_options();
  AddServerOptions(app, join);
  AddRouteOptions(app, join);
  for (const CLI::Option* option : std::as_const(app).get_options()) {
    if (option->get_name() != "--server" &&
        std::ranges::find(others, option) == others.end()) {
      join.only_joined.push_back(option);
    }
  }
}

Outcome<void> CheckSource(const JoinArguments& join, const UpOptions& up) {
  const bool joins = !join.options.server.empty();
  if (joins && !up.mesh_path.empty()) {
    return std::unexpected(std::string(
        "--server and --mesh exclude each other: peers come from one of them"));
  }
  if (joins && (!up.key_path.empty() || !up.psk_path.empty())) {
    return std::unexpected(
        std::string(up.key_path.empty() ? "--psk-file" : "--key-file") +
        " is of a node with a mesh file: one that joins makes its own keys");
  }
  const CLI::Option* given = FindGiven(join.only_joined);
  if (!joins && given != nullptr) {
    return std::unexpected(given->get_name() +
                           " is of a node that joins a mesh: it needs "
                           "--server, and not --mesh");
  }
  if (!joins && (up.mesh_path.empty() || up.name.empty())) {
    return std::unexpected(
        std::string("either --server, or --mesh and --name are needed"));
  }
  return {};
}

std::expected<void, UpRefusal> CompleteJoin(JoinArguments join, UpOptions& up) {
  JoinOptions& options = join.options;
  auto checked = CheckServer(options);
  if (checked) {
    checked = CompleteRoutes(join.routes, up, options);
  }
  if (!checked) {
    return std::unexpected(UpRefusal{checked.error()});
  }
  if (!join.auth_key_path.empty()) {
    auto key = ReadAuthKey(join.auth_key_path);
    if (!key) {
      return std::unexpected(std::move(key.error()));
    }
    up.auth_key = std::move(*key);
  } else {
    up.auth_key = SecretString(join.auth_key);
  }
  if (const size_t size = up.auth_key.Expose().size();
      size > mesh::kMaxAuthKeyLength) {
    return std::unexpected(UpRefusal{"no auth key is that long (" +
                                     std::to_string(size) +
                                     " bytes); was it pasted twice?"});
  }
  if (options.state_path.empty()) {
    options.state_path = "/var/lib/natkit/" + up.tun_name;
  }
  up.join = std::move(options);
  return {};
}

}  // namespace natkit::meshnode
