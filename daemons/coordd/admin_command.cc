#include "admin_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "admin_client.h"
#include "admin_json.h"
#include "admin_table.h"
#include "events_command.h"
#include "natkit/base/text.h"
#include "natkit/shell/command_line.h"
#include "natkit/shell/files.h"
#include "policy_command.h"
#include "settings.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

/// What all commands share.
struct Common {
  std::string socket{kDefaultAdminSocket};
  bool is_json = false;
};

int Refuse(const std::string& text, int status) {
  std::fprintf(stderr, "coordd: %s\n", EscapeControls(text, "\n").c_str());
  return status;
}

/// Sends `request` and prints what comes.
int Exchange(const Common& common, const json& request) {
  const auto answer = Ask(common.socket, request.dump());
  if (!answer) {
    return Refuse(answer.error().text, static_cast<int>(answer.error().kind));
  }
  const json parsed = json::parse(*answer, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("result")) {
    return Refuse(parsed.is_object()
                      ? parsed.value("error", "the answer cannot be read")
                      : "the answer cannot be read",
                  static_cast<int>(AskFailure::kRefused));
  }
  const json& result = parsed.at("result");
  if (result.is_object()) {
    for (const json& warning : result.value("warnings", json::array())) {
      Refuse("warning: " + warning.get<std::string>(), 0);
    }
  }
  if (common.is_json) {
    std::puts(result.dump(2).c_str());
  } else {
    std::fputs(
        FormatResult(request.at("verb").get<std::string>(), result).c_str(),
        stdout);
  }
  return 0;
}

/// "NAME=VALUE,VALUE" of an option.
struct DnsPair {
  std::string name;
  std::vector<std::string> values;

  static std::optional<DnsPair> Parse(const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return std::nullopt;
    }
    return DnsPair{.name = text.substr(0, equals),
                   .values = CLI::detail::split(text.substr(equals + 1), ',')};
  }

  static void AddRoute(const DnsPair& pair, json& list) {
    list.push_back({{"suffix", pair.name}, {"resolvers", pair.values}});
  }

  static void AddRecords(const DnsPair& pair, json& list) {
    for (const std::string& address : pair.values) {
      list.push_back({{"name", pair.name}, {"address", address}});
    }
  }
};

/// The commands and the request that the parsed one makes.
class Commands {
 public:
  explicit Commands(CLI::App& app) : app_(app) {
    app_.require_subcommand(1);
    AddUsers();
    AddNodes();
    AddRoutes();
    AddKeys();
    AddTokens();
    AddRelays();
    AddDns();
    AddPolicy();
    AddOthers();
  }

  int Run() { return run_ ? run_() : 2; }

 private:
  CLI::App* Group(const char* name, const char* help) {
    CLI::App* group = app_.add_subcommand(name, help);
    group->require_subcommand(1);
    return group;
  }

  /// A command that asks the server `verb` with what its options put into
  /// request_.
  CLI::App* Verb(CLI::App* group, const char* name, const char* help,
                 const char* verb) {
    CLI::App* command = group->add_subcommand(name, help);
    command->add_option("--socket", common_.socket,
                        "the server's socket; default /run/coordd/admin");
    command->add_flag("--json", common_.is_json, "print JSON");
    command->callback([this, verb] {
      run_ = [this, verb] {
        request_["verb"] = verb;
        return Exchange(common_, request_);
      };
    });
    return command;
  }

  template <class T>
  CLI::Option* Field(CLI::App* command, const char* option, const char* field,
                     const char* help) {
    return command->add_option_function<T>(
        option, [this, field](const T& value) { request_[field] = value; },
        help);
  }

  void Flag(CLI::App* command, const char* option, const char* field,
            const char* help, bool value = true) {
    command->add_flag_callback(
        option, [this, field, value] { request_[field] = value; }, help);
  }

  void Node(CLI::App* command) {
    Field<std::string>(command, "node", "node", "name, number or address")
        ->required();
  }

  void Lifetime(CLI::App* command, const std::string& otherwise) {
    command->add_option_function<std::string>(
        "--lifetime",
        [this](const std::string& text) {
          uint64_t seconds = 0;
          if (const auto duration = ParseDuration(text)) {
            seconds = static_cast<uint64_t>(duration->count());
          } else if (!CLI::detail::lexical_cast(text, seconds)) {
            throw CLI::ValidationError("--lifetime",
                                       "\"" + text +
                                           "\" is no time like 90s, 15m, 2h "
                                           "or 30d; 0 is for good");
          }
          request_["lifetime"] = seconds;
        },
        "like 2h or 30d, or seconds; 0: for good; default: " + otherwise);
  }

  void Owner(CLI::App* command) {
    Field<std::string>(command, "--user", "user", "the user who owns it");
    Field<std::vector<std::string>>(command, "--tag", "tags",
                                    "a tag in a user's place; repeatable");
  }

  void AddUsers() {
    CLI::App* group = Group("users", "People who own nodes");
    Verb(group, "list", "List users", "users.list");
    for (const auto& [name, help, verb] :
         {std::tuple{"add", "Add a user", "users.add"},
          {"set-role", "Give a user exactly these roles", "users.set-role"},
          {"delete", "Delete a user, revoke nodes and keys", "users.delete"}}) {
      CLI::App* command = Verb(group, name, help, verb);
      Field<std::string>(command, "user", "user", "like alice@example.com")
          ->required();
      if (std::string_view(name) != "delete") {
        Field<std::vector<std::string>>(command, "--role", "roles",
                                        "admin or owner; repeatable");
      }
    }
  }

  void AddNodes() {
    CLI::App* group = Group("nodes", "Machines of the mesh");
    Verb(group, "list", "List nodes", "nodes.list");
    Node(Verb(group, "show", "Show a node", "nodes.show"));
    CLI::App* approve =
        Verb(group, "approve", "Let a waiting node in", "nodes.approve");
    Field<std::string>(approve, "node", "node", "its code or name")->required();
    Owner(approve);
    CLI::App* rename = Verb(group, "rename", "Rename a node", "nodes.rename");
    Node(rename);
    Field<std::string>(rename, "name", "name", "the new name")->required();
    CLI::App* tag =
        Verb(group, "tag", "Exchange a node's owner", "nodes.set-owner");
    Node(tag);
    Owner(tag);
    Node(Verb(group, "expire", "Let a node's key expire now", "nodes.expire"));
    CLI::App* renew =
        Verb(group, "renew", "Let a node's key hold again", "nodes.renew");
    Node(renew);
    Lifetime(renew, "for good");
    Node(Verb(group, "delete", "Revoke a node for good", "nodes.delete"));
    Node(Verb(group, "routes", "List a node's routes", "routes.list"));
  }

  void AddRoutes() {
    CLI::App* group = Group("routes", "Networks behind nodes");
    CLI::App* list = Verb(group, "list", "List routes", "routes.list");
    Field<std::string>(list, "--node", "node", "of this node only");
    CLI::App* approve = Verb(group, "approve", "Approve exactly these routes",
                             "routes.approve");
    Node(approve);
    Field<std::vector<std::string>>(approve, "routes", "routes",
                                    "like 10.0.0.0/8; others lose approval");
    Flag(approve, "--exit", "exit", "also as a way to the internet");
    approve
        ->add_flag_callback(
            "--none", [this] { request_["routes"] = json::array(); },
            "withdraw all")
        ->excludes("routes");
  }

  void AddKeys() {
    CLI::App* group = Group("keys", "Keys that let nodes join");
    CLI::App* create =
        Verb(group, "create", "Make a key; shown once", "keys.create");
    Owner(create);
    Flag(create, "--reusable", "reusable", "for many nodes");
    Flag(create, "--ephemeral", "ephemeral",
         "its nodes are forgotten soon after they leave");
    Flag(create, "--needs-approval", "preapproved",
         "its nodes wait for an administrator", false);
    Lifetime(create, "90d");
    Field<std::string>(create, "--description", "description", "for people");
    Verb(group, "list", "List keys", "keys.list");
    CLI::App* revoke = Verb(group, "revoke", "Revoke a key", "keys.revoke");
    Field<std::string>(revoke, "id", "id", "as keys list has it")->required();
    Flag(revoke, "--with-nodes", "with_nodes", "and the nodes it let in");
  }

  void AddTokens() {
    CLI::App* group = Group("tokens", "Tokens for the HTTPS API");
    CLI::App* create =
        Verb(group, "create", "Make a token; shown once", "tokens.create");
    Field<std::vector<std::string>>(
        create, "--scope", "scopes",
        "like nodes:read, policy:write or all; repeatable")
        ->required();
    Lifetime(create, "90d");
    Field<std::string>(create, "--description", "description", "for people");
    Verb(group, "list", "List tokens", "tokens.list");
    Field<std::string>(Verb(group, "revoke", "Revoke a token", "tokens.revoke"),
                       "id", "id", "as tokens list has it")
        ->required();
  }

  void AddRelays() {
    CLI::App* group = Group("relays", "Relays that nodes use");
    Verb(group, "list", "List relays", "relays.list");
    CLI::App* add = Verb(group, "add", "Add a relay", "relays.add");
    Field<std::string>(add, "name", "name", "its name")->required();
    Field<std::string>(add, "host", "host", "DNS name or address")->required();
    Field<uint16_t>(add, "--port", "port", "TCP port; default 443");
    Field<std::string>(add, "--pin", "pin", "sha256-raw:... of a certificate");
    Field<uint16_t>(add, "--stun-port", "stun_port", "UDP port; default 3478");
    CLI::App* remove = Verb(group, "remove", "Remove a relay", "relays.remove");
    Field<std::string>(remove, "name", "name", "its name")->required();
  }

  /// "NAME=VALUE[,VALUE...]", repeatable: appended to the list `field`.
  void Pairs(CLI::App* command, const char* option, const char* field,
             const char* help, void (*add)(const DnsPair& pair, json& list)) {
    command->add_option_function<std::vector<std::string>>(
        option,
        [this, field, option, add](const std::vector<std::string>& list) {
          request_[field] = json::array();
          for (const std::string& text : list) {
            const auto pair = DnsPair::Parse(text);
            if (!pair) {
              throw CLI::ValidationError(option, "say it as NAME=ADDRESS");
            }
            add(*pair, request_[field]);
          }
        },
        help);
  }

  void AddDns() {
    CLI::App* group = Group("dns", "Names that nodes resolve");
    Verb(group, "get", "Show the DNS settings", "dns.get");
    CLI::App* set =
        Verb(group, "set",
             "Change DNS settings; what is not said stays as it is", "dns.set");
    // The first one: options take effect in the order of their declaration.
    set->add_option_function<std::vector<std::string>>(
           "--clear",
           [this](const std::vector<std::string>& fields) {
             for (const std::string& field : fields) {
               request_[field] = json::array();
             }
           },
           "empty one of resolvers, search, routes, records; repeatable")
        ->check(CLI::IsMember({"resolvers", "search", "routes", "records"}));
    Field<std::vector<std::string>>(set, "--resolver", "resolvers",
                                    "for all other names; repeatable");
    Field<std::vector<std::string>>(set, "--search", "search",
                                    "a search domain; repeatable");
    Pairs(set, "--route", "routes",
          "SUFFIX=ADDRESS,...: who resolves names below it; repeatable",
          &DnsPair::AddRoute);
    Pairs(set, "--record", "records", "NAME=ADDRESS,...; repeatable",
          &DnsPair::AddRecords);
  }

  void AddPolicy() {
    CLI::App* group = Group("policy", "Who may reach whom");
    Verb(group, "get", "Print the policy", "policy.get");
    CLI::App* set = Verb(group, "set", "Put a policy in force", "policy.set");
    set->add_option("file", file_, "the policy")->required();
    Field<uint64_t>(set, "--if-revision", "if_revision",
                    "only if this one is in force");
    set->callback([this] { run_ = [this] { return SetPolicy(); }; });
    AddPolicyFileCommands(*group, run_);
  }

  int SetPolicy() {
    const auto text = shell::ReadFile(file_);
    if (!text) {
      return Refuse(text.error(), 2);
    }
    request_["verb"] = "policy.set";
    request_["name"] = file_;
    request_["text"] = *text;
    return Exchange(common_, request_);
  }

  void AddOthers() {
    CLI::App* events = Verb(&app_, "events", "What happened", "events.list");
    Field<uint64_t>(events, "--after", "after", "from this number on");
    Field<std::string>(events, "--since", "since",
                       "a time (2026-11-22T05:00:00Z), or how long ago (2h)");
    Field<uint32_t>(events, "--limit", "limit",
                    "at most so many, the newest; up to 1000")
        ->check(CLI::Range(1, 1000));
    events->add_flag("--follow", is_following_,
                     "go on with what happens, until interrupted");
    events->callback([this] {
      run_ = [this] {
        request_["verb"] = "events.list";
        request_["newest"] = true;  // unless a beginning is said
        return is_following_
                   ? FollowEvents(common_.socket, common_.is_json, request_)
                   : Exchange(common_, request_);
      };
    });
    CLI::App* backup =
        Verb(&app_, "backup", "Copy the store while it runs", "backup");
    Field<std::string>(backup, "file", "file", "absolute path")->required();
    Verb(&app_, "status", "Show the server", "status");
  }

  CLI::App& app_;
  Common common_;
  json request_ = json::object();
  std::string file_;
  bool is_following_ = false;
  std::function<int()> run_;
};

/// The first word that names no command; nullptr: there is none.
const char* FindTypo(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    const auto commands =
        at->get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty()) {
      return nullptr;  // the rest are arguments
    }
    const auto next =
        std::ranges::find(commands, std::string(argv[i]), &CLI::App::get_name);
    if (next == commands.end()) {
      return argv[i];
    }
    at = *next;
  }
  return nullptr;
}

}  // namespace

int RunAdminCommand(int argc, char** argv) {
  CLI::App app{"Administration of a coordination server.", "coordd"};
  Commands commands(app);
  if (const char* typo = FindTypo(app, argc, argv)) {
    return Refuse("there is no command '" + std::string(typo) +
                      "'; --help tells which there are",
                  shell::kExitUsage);
  }
  if (const auto status = shell::ParseCommandLine(app, argc, argv)) {
    return *status;
  }
  return commands.Run();
}

}  // namespace natkit::coordd
