#include "admin_verbs.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "admin_json.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

/// Ends a verb with words for the user; never leaves this file.
struct AdminError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Call {
  AdminSubject& subject;
  mesh::ServerTime time;
  std::string_view actor;
  const json& arguments;

  [[nodiscard]] mesh::Registry& registry() const { return subject.registry; }

  [[nodiscard]] std::string Text(const char* name) const {
    const std::string text = arguments.value(name, std::string());
    if (text.empty()) {
      throw AdminError(std::string("\"") + name + "\" is missing");
    }
    return text;
  }

  [[nodiscard]] mesh::NodeId Node() const {
    const std::string name = Text("node");
    const mesh::NodeRecord* node = registry().FindNode(name);
    if (node == nullptr) {
      throw AdminError("there is no node \"" + name + "\"");
    }
    return node->id;
  }

  [[nodiscard]] std::vector<std::string> List(const char* name) const {
    return arguments.value(name, std::vector<std::string>());
  }

  /// "user" or "tags".
  [[nodiscard]] mesh::Owner Owner() const {
    mesh::Owner owner{.user = arguments.value("user", std::string()),
                      .tags = List("tags")};
    if (owner.user.empty() == owner.tags.empty()) {
      throw AdminError("say a user or tags, one of both");
    }
    return owner;
  }

  [[nodiscard]] std::optional<std::chrono::seconds> Lifetime() const {
    if (!arguments.contains("lifetime")) {
      return std::nullopt;
    }
    return std::chrono::seconds(arguments.at("lifetime").get<uint32_t>());
  }
};

template <class T>
T OrThrow(mesh::Decision<T> decision) {
  if (!decision) {
    throw AdminError(decision.error().text);
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(decision);
  }
}

json Done() {
  return {{"done", true}};
}

// ---- Verbs -----------------------------------------------------------------

json ListUsers(const Call& call) {
  json list = json::array();
  for (const auto& [name, user] : call.registry().users()) {
    list.push_back(ToJson(user));
  }
  return list;
}

json AddUser(const Call& call) {
  const auto roles = call.List("roles");
  OrThrow(call.registry().AddUser(call.time.wall, call.actor, call.Text("user"),
                                  {roles.begin(), roles.end()}));
  return Done();
}

json SetRoles(const Call& call) {
  const auto roles = call.List("roles");
  OrThrow(call.registry().SetUserRoles(call.time.wall, call.actor,
                                       call.Text("user"),
                                       {roles.begin(), roles.end()}));
  return Done();
}

json DeleteUser(const Call& call) {
  OrThrow(call.registry().DeleteUser(call.time.wall, call.actor,
                                     call.Text("user")));
  return Done();
}

json ListNodes(const Call& call) {
  json list = json::array();
  for (const auto& [id, node] : call.registry().nodes()) {
    list.push_back(ToJson(call.registry(), node, call.time.wall));
  }
  return list;
}

json ShowNode(const Call& call) {
  return ToJson(call.registry(), *call.registry().FindNode(call.Node()),
                call.time.wall);
}

json ApproveNode(const Call& call) {
  const mesh::NodeId id = OrThrow(call.registry().Approve(
      call.time.wall, call.actor, call.Text("node"), call.Owner()));
  return ToJson(call.registry(), *call.registry().FindNode(id), call.time.wall);
}

json RenameNode(const Call& call) {
  OrThrow(call.registry().Rename(call.time.wall, call.actor, call.Node(),
                                 call.Text("name")));
  return Done();
}

json SetNodeOwner(const Call& call) {
  OrThrow(call.registry().SetOwner(call.time.wall, call.actor, call.Node(),
                                   call.Owner()));
  return Done();
}

json DeleteNode(const Call& call) {
  OrThrow(call.registry().Delete(call.time.wall, call.actor, call.Node()));
  return Done();
}

json ExpireNode(const Call& call) {
  OrThrow(call.registry().SetExpiry(call.time.wall, call.actor, call.Node(),
                                    call.time.wall));
  return Done();
}

json RenewNode(const Call& call) {
  std::optional<mesh::WallTime> at;
  if (const auto lifetime = call.Lifetime()) {
    at = call.time.wall + *lifetime;
  }
  OrThrow(
      call.registry().SetExpiry(call.time.wall, call.actor, call.Node(), at));
  return Done();
}

json ApproveRoutes(const Call& call) {
  std::vector<IpPrefix> routes;
  for (const std::string& text : call.List("routes")) {
    const auto prefix = IpPrefix::Parse(text);
    if (!prefix) {
      throw AdminError("\"" + text + "\" is not a prefix like 10.0.0.0/8");
    }
    routes.push_back(*prefix);
  }
  OrThrow(call.registry().ApproveRoutes(call.time.wall, call.actor, call.Node(),
                                        routes,
                                        call.arguments.value("exit", false)));
  return Done();
}

json CreateKey(const Call& call) {
  const auto key = OrThrow(call.registry().MakeAuthKey(
      call.time.wall, call.actor,
      {.owner = call.Owner(),
       .is_reusable = call.arguments.value("reusable", false),
       .is_ephemeral = call.arguments.value("ephemeral", false),
       .is_preapproved = call.arguments.value("preapproved", true),
       .lifetime = call.Lifetime(),
       .description = call.arguments.value("description", std::string())}));
  return {{"id", key.id}, {"secret", key.secret}};
}

json ListKeys(const Call& call) {
  json list = json::array();
  for (const auto& [id, key] : call.registry().auth_keys()) {
    list.push_back(ToJson(key));
  }
  return list;
}

json RevokeKey(const Call& call) {
  OrThrow(
      call.registry().RevokeAuthKey(call.time.wall, call.actor, call.Text("id"),
                                    call.arguments.value("with_nodes", false)));
  return Done();
}

json GetPolicy(const Call& call) {
  const mesh::PolicyRecord* policy = call.registry().policy();
  if (policy == nullptr) {
    throw AdminError("there is no policy yet");
  }
  return {{"revision", policy->revision}, {"text", policy->text}};
}

json SetPolicy(const Call& call) {
  if (call.subject.is_policy_in_file) {
    throw AdminError(
        "the policy is a file of the server's ([policy] file): change that "
        "and send SIGHUP");
  }
  std::optional<uint64_t> expected;
  if (call.arguments.contains("if_revision")) {
    expected = call.arguments.at("if_revision").get<uint64_t>();
  }
  const auto revision = call.subject.policy.Set(
      call.time, call.actor, call.arguments.value("name", "policy"),
      call.Text("text"), expected);
  if (!revision) {
    throw AdminError(revision.error());
  }
  return {{"revision", *revision}};
}

json ListRelays(const Call& call) {
  json list = json::array();
  for (const auto& [id, relay] : call.registry().relays()) {
    list.push_back(ToJson(relay));
  }
  return list;
}

json AddRelay(const Call& call) {
  const json& a = call.arguments;
  const uint64_t id = OrThrow(call.registry().AddRelay(
      call.time.wall, call.actor,
      {.name = call.Text("name"),
       .host = call.Text("host"),
       .port = a.value("port", uint16_t{443}),
       .pin = a.value("pin", std::string()),
       .is_plain = a.value("plain", false),
       .stun_port = a.value("stun_port", uint16_t{3478})}));
  return {{"id", id}};
}

json RemoveRelay(const Call& call) {
  const std::string name = call.Text("name");
  for (const auto& [id, relay] : call.registry().relays()) {
    if (relay.info.name == name) {
      OrThrow(call.registry().RemoveRelay(call.time.wall, call.actor, id));
      return Done();
    }
  }
  throw AdminError("there is no relay \"" + name + "\"");
}

json ListEvents(const Call& call) {
  constexpr size_t kMost = 1000;
  const auto events = call.subject.store.ListEvents(
      call.arguments.value("after", uint64_t{0}), kMost);
  if (!events) {
    throw AdminError(call.subject.store.last_error());
  }
  json list = json::array();
  for (const mesh::StoreEvent& event : *events) {
    list.push_back(ToJson(event));
  }
  return list;
}

json Backup(const Call& call) {
  const std::string file = call.Text("file");
  if (!file.starts_with('/')) {
    throw AdminError("the file's path must be absolute");
  }
  if (!call.subject.store.Backup(file)) {
    throw AdminError(call.subject.store.last_error());
  }
  return {{"file", file}};
}

json Status(const Call& call) {
  const mesh::Registry& registry = call.registry();
  const auto counters = call.subject.coordinator.counters();
  const mesh::PolicyRecord* policy = registry.policy();
  return {{"mesh", registry.mesh().name},
          {"ipv4", registry.mesh().ipv4.ToString()},
          {"ipv6", registry.mesh().ipv6.ToString()},
          {"nodes", registry.nodes().size()},
          {"online", counters.streams},
          {"users", registry.users().size()},
          {"relays", registry.relays().size()},
          {"policy_revision", policy == nullptr ? 0 : policy->revision},
          {"snapshots", counters.snapshots},
          {"deltas", counters.deltas},
          {"refused_logins", counters.refused_logins}};
}

using Verb = json (*)(const Call& call);

constexpr auto kVerbs = std::to_array<std::pair<std::string_view, Verb>>(
    {{"users.list", &ListUsers},
     {"users.add", &AddUser},
     {"users.set-role", &SetRoles},
     {"users.delete", &DeleteUser},
     {"nodes.list", &ListNodes},
     {"nodes.show", &ShowNode},
     {"nodes.approve", &ApproveNode},
     {"nodes.rename", &RenameNode},
     {"nodes.set-owner", &SetNodeOwner},
     {"nodes.delete", &DeleteNode},
     {"nodes.expire", &ExpireNode},
     {"nodes.renew", &RenewNode},
     {"routes.approve", &ApproveRoutes},
     {"keys.create", &CreateKey},
     {"keys.list", &ListKeys},
     {"keys.revoke", &RevokeKey},
     {"policy.get", &GetPolicy},
     {"policy.set", &SetPolicy},
     {"relays.list", &ListRelays},
     {"relays.add", &AddRelay},
     {"relays.remove", &RemoveRelay},
     {"events.list", &ListEvents},
     {"backup", &Backup},
     {"status", &Status}});

std::string Line(const json& answer) {
  return answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

json Answer(AdminSubject& subject, mesh::ServerTime time,
            std::string_view actor, std::string_view line) {
  const json request = json::parse(line, nullptr, false);
  if (!request.is_object()) {
    throw AdminError("the request is not a JSON object");
  }
  const std::string name = request.value("verb", std::string());
  const auto* const verb = std::ranges::find(
      kVerbs, name, &std::pair<std::string_view, Verb>::first);
  if (verb == kVerbs.end()) {
    throw AdminError("unknown verb \"" + name + "\"");
  }
  return verb->second(
      {.subject = subject, .time = time, .actor = actor, .arguments = request});
}

}  // namespace

std::string HandleAdminRequest(AdminSubject& subject, mesh::ServerTime time,
                               std::string_view actor, std::string_view line) {
  try {
    return Line({{"result", Answer(subject, time, actor, line)}});
  } catch (const AdminError& error) {
    return Line({{"error", error.what()}});
  } catch (const json::exception&) {
    return Line({{"error", "an argument is of the wrong type"}});
  }
}

}  // namespace natkit::coordd
