#include <algorithm>
#include <array>

#include "admin_call.h"
#include "admin_json.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

json ListUsers(const Call& call) {
  json list = json::array();
  for (const auto& [name, user] : call.registry().users()) {
    list.push_back(ToJson(user));
  }
  return list;
}

json AddUser(const Call& call) {
  const auto roles = call.List("roles");
  OrThrow(call.registry().AddUser(call.now(), call.actor(), call.Text("user"),
                                  {roles.begin(), roles.end()}));
  return Done();
}

json SetRoles(const Call& call) {
  const auto roles = call.List("roles");
  OrThrow(call.registry().SetUserRoles(call.now(), call.actor(),
                                       call.Text("user"),
                                       {roles.begin(), roles.end()}));
  return Done();
}

json DeleteUser(const Call& call) {
  OrThrow(
      call.registry().DeleteUser(call.now(), call.actor(), call.Text("user")));
  return Done();
}

/// In the order of their numbers, so that a page begins after the last one.
json ListNodes(const Call& call) {
  const auto& nodes = call.registry().nodes();
  const auto limit = call.Number<uint64_t>("limit").value_or(nodes.size());
  json list = json::array();
  for (auto at =
           nodes.upper_bound(call.Number<mesh::NodeId>("after").value_or(0));
       at != nodes.end() && list.size() < limit; ++at) {
    list.push_back(ToJson(call.registry(), at->second, call.now()));
  }
  return list;
}

json ShowNode(const Call& call) {
  return ToJson(call.registry(), *call.registry().FindNode(call.Node()),
                call.now());
}

/// Without an owner it is the one that the node's key named.
json ApproveNode(const Call& call) {
  const bool has_owner =
      !call.Value("user", std::string()).empty() || !call.List("tags").empty();
  const mesh::NodeId id = OrThrow(
      call.registry().Approve(call.now(), call.actor(), call.Text("node"),
                              has_owner ? call.Owner() : mesh::Owner{}));
  return ToJson(call.registry(), *call.registry().FindNode(id), call.now());
}

json RenameNode(const Call& call) {
  OrThrow(call.registry().Rename(call.now(), call.actor(), call.Node(),
                                 call.Text("name")));
  return Done();
}

json SetNodeOwner(const Call& call) {
  OrThrow(call.registry().SetOwner(call.now(), call.actor(), call.Node(),
                                   call.Owner()));
  return Done();
}

json DeleteNode(const Call& call) {
  OrThrow(call.registry().Delete(call.now(), call.actor(), call.Node()));
  return Done();
}

json ExpireNode(const Call& call) {
  OrThrow(call.registry().SetExpiry(call.now(), call.actor(), call.Node(),
                                    call.now()));
  return Done();
}

json RenewNode(const Call& call) {
  std::optional<mesh::WallTime> at;
  const auto lifetime = call.Lifetime();
  if (lifetime && lifetime->count() != 0) {
    at = call.now() + *lifetime;
  }
  OrThrow(call.registry().SetExpiry(call.now(), call.actor(), call.Node(), at));
  return Done();
}

std::vector<IpPrefix> RoutesOf(const Call& call) {
  std::vector<IpPrefix> routes;
  for (const std::string& text : call.List("routes")) {
    const auto prefix = IpPrefix::Parse(text);
    if (!prefix) {
      throw AdminError(AdminFault::kInvalid,
                       "\"" + text + "\" is not a prefix like 10.0.0.0/8");
    }
    routes.push_back(*prefix);
  }
  return routes;
}

/// What is approved ahead of time may as well be a mistake.
json WarningsOf(const mesh::NodeRecord& node,
                const std::vector<IpPrefix>& routes, bool exit) {
  json warnings = json::array();
  for (const IpPrefix& route : routes) {
    if (std::ranges::find(node.advertised, route) == node.advertised.end()) {
      warnings.push_back(node.name + " does not advertise " + route.ToString() +
                         "; the approval holds if it ever does");
    }
  }
  if (exit && !node.offers_exit) {
    warnings.push_back(node.name +
                       " does not offer a way to the internet; the approval "
                       "holds if it ever does");
  }
  return warnings;
}

json ApproveRoutes(const Call& call) {
  const mesh::NodeId id = call.Node();
  const json& given = call.request.arguments;
  if (!given.contains("routes") && !given.contains("exit")) {
    throw AdminError(AdminFault::kInvalid,
                     "say which routes to approve, or --none (an empty list "
                     "of \"routes\") to withdraw all");
  }
  const auto routes = RoutesOf(call);
  const bool exit = call.Value("exit", false);
  OrThrow(call.registry().ApproveRoutes(call.now(), call.actor(), id, routes,
                                        exit));
  json done = Done();
  json warnings = WarningsOf(*call.registry().FindNode(id), routes, exit);
  if (!warnings.empty()) {
    done["warnings"] = std::move(warnings);
  }
  return done;
}

void AddRoutes(const mesh::NodeRecord& node, json& list) {
  const auto add = [&](const std::string& route, bool is_approved) {
    list.push_back({{"node", node.name},
                    {"node_id", node.id},
                    {"route", route},
                    {"state", is_approved ? "approved" : "waits"}});
  };
  for (const IpPrefix& route : node.advertised) {
    add(route.ToString(),
        std::ranges::find(node.approved, route) != node.approved.end());
  }
  if (node.offers_exit) {
    add("exit", node.is_exit_approved);
  }
}

json ListRoutes(const Call& call) {
  json list = json::array();
  if (!call.Value("node", std::string()).empty()) {
    AddRoutes(*call.registry().FindNode(call.Node()), list);
    return list;
  }
  for (const auto& [id, node] : call.registry().nodes()) {
    AddRoutes(node, list);
  }
  return list;
}

constexpr auto kVerbs = std::to_array<AdminVerb>(
    {{.name = "users.list", .scope = "users:read", .run = &ListUsers},
     {.name = "users.add", .scope = "users:write", .run = &AddUser},
     {.name = "users.set-role", .scope = "users:write", .run = &SetRoles},
     {.name = "users.delete", .scope = "users:write", .run = &DeleteUser},
     {.name = "nodes.list", .scope = "nodes:read", .run = &ListNodes},
     {.name = "nodes.show", .scope = "nodes:read", .run = &ShowNode},
     {.name = "nodes.approve", .scope = "nodes:write", .run = &ApproveNode},
     {.name = "nodes.rename", .scope = "nodes:write", .run = &RenameNode},
     {.name = "nodes.set-owner", .scope = "nodes:write", .run = &SetNodeOwner},
     {.name = "nodes.delete", .scope = "nodes:write", .run = &DeleteNode},
     {.name = "nodes.expire", .scope = "nodes:write", .run = &ExpireNode},
     {.name = "nodes.renew", .scope = "nodes:write", .run = &RenewNode},
     {.name = "routes.list", .scope = "routes:read", .run = &ListRoutes},
     {.name = "routes.approve",
      .scope = "routes:write",
      .run = &ApproveRoutes}});

}  // namespace

std::span<const AdminVerb> NodeVerbs() {
  return kVerbs;
}

}  // namespace natkit::coordd
