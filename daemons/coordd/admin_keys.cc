#include <array>

#include "admin_call.h"
#include "admin_json.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

json CreateKey(const Call& call) {
  const auto key = OrThrow(call.registry().MakeAuthKey(
      call.now(), call.actor(),
      {.owner = call.Owner(),
       .is_reusable = call.Value("reusable", false),
       .is_ephemeral = call.Value("ephemeral", false),
       .is_preapproved = call.Value("preapproved", true),
       .lifetime = call.Lifetime(),
       .description = call.Value("description", std::string())}));
  return {{"id", key.id}, {"secret", key.secret}};
}

json ListKeys(const Call& call) {
  json list = json::array();
  for (const auto& [id, key] : call.registry().auth_keys()) {
    list.push_back(ToJson(key, call.now()));
  }
  return list;
}

json RevokeKey(const Call& call) {
  OrThrow(call.registry().RevokeAuthKey(call.now(), call.actor(),
                                        call.Text("id"),
                                        call.Value("with_nodes", false)));
  return Done();
}

json ListTokens(const Call& call) {
  json list = json::array();
  for (const auto& [id, token] : call.registry().api_tokens()) {
    list.push_back(ToJson(token, call.now()));
  }
  return list;
}

/// A token gives others no more than it has.
std::set<std::string> ScopesToGive(const Call& call) {
  const auto known = AdminScopes();
  const auto asked = call.List("scopes");
  for (const std::string& scope : asked) {
    if (!known.contains(scope)) {
      throw AdminError(AdminFault::kInvalid,
                       "there is no scope \"" + scope + "\"");
    }
    if (!HasScope(call.request.scopes, scope)) {
      throw AdminError(AdminFault::kForbidden,
                       "this token has not the scope \"" + scope +
                           "\", so it cannot give it");
    }
  }
  return {asked.begin(), asked.end()};
}

json CreateToken(const Call& call) {
  const auto token = OrThrow(call.registry().MakeApiToken(
      call.now(), call.actor(), ScopesToGive(call), call.Lifetime(),
      call.Value("description", std::string())));
  return {{"id", token.id}, {"secret", token.secret}};
}

json RevokeToken(const Call& call) {
  OrThrow(call.registry().RevokeApiToken(call.now(), call.actor(),
                                         call.Text("id")));
  return Done();
}

constexpr auto kVerbs = std::to_array<AdminVerb>(
    {{.name = "keys.create", .scope = "keys:write", .run = &CreateKey},
     {.name = "keys.list", .scope = "keys:read", .run = &ListKeys},
     {.name = "keys.revoke", .scope = "keys:write", .run = &RevokeKey},
     {.name = "tokens.create", .scope = "tokens:write", .run = &CreateToken},
     {.name = "tokens.list", .scope = "tokens:read", .run = &ListTokens},
     {.name = "tokens.revoke", .scope = "tokens:write", .run = &RevokeToken}});

}  // namespace

std::span<const AdminVerb> KeyVerbs() {
  return kVerbs;
}

}  // namespace natkit::coordd
