#include "api/routes.h"

#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "api/http_requests.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

// ---- The table -------------------------------------------------------------

constexpr auto kRoles = std::to_array<ApiField>(
    {{.name = "roles", .type = ApiType::kStrings, .help = "admin, owner"}});
constexpr auto kNewUser = std::to_array<ApiField>(
    {{.name = "user", .help = "like ann@example.com", .is_required = true},
     kRoles[0]});
constexpr ApiField kOwnerUser = {.name = "user",
                                 .help = "the user who owns it"};
constexpr ApiField kOwnerTags = {.name = "tags",
                                 .type = ApiType::kStrings,
                                 .help = "tags in a user's place"};
constexpr auto kOwner = std::to_array<ApiField>({kOwnerUser, kOwnerTags});
constexpr auto kName = std::to_array<ApiField>(
    {{.name = "name", .help = "a DNS label", .is_required = true}});
constexpr ApiField kLifetimeField = {
    .name = "lifetime",
    .type = ApiType::kInteger,
    .help = "seconds, at most 10 years; 0: for good"};
constexpr auto kLifetime = std::to_array<ApiField>({kLifetimeField});
constexpr auto kApproval = std::to_array<ApiField>(
    {{.name = "routes",
      .type = ApiType::kStrings,
      .help = "exactly these, like 10.0.0.0/8; an empty list withdraws all"},
     {.name = "exit",
      .type = ApiType::kBoolean,
      .help = "also as a way to the internet"}});
constexpr auto kNewKey = std::to_array<ApiField>(
    {kOwnerUser,
     kOwnerTags,
     {.name = "reusable", .type = ApiType::kBoolean, .help = "for many nodes"},
     {.name = "ephemeral",
      .type = ApiType::kBoolean,
      .help = "its nodes are forgotten soon after they leave"},
     {.name = "preapproved",
      .type = ApiType::kBoolean,
      .help = "false: its nodes wait for approval"},
     kLifetimeField,
     {.name = "description", .help = "for people"}});
constexpr auto kRevocation =
    std::to_array<ApiField>({{.name = "with_nodes",
                              .type = ApiType::kBoolean,
                              .help = "and the nodes it let in"}});
constexpr auto kNewToken =
    std::to_array<ApiField>({{.name = "scopes",
                              .type = ApiType::kStrings,
                              .help = "of those that the caller has",
                              .is_required = true},
                             kLifetimeField,
                             {.name = "description", .help = "for people"}});
constexpr auto kNewRelay = std::to_array<ApiField>(
    {{.name = "name", .help = "its name", .is_required = true},
     {.name = "host", .help = "DNS name or address", .is_required = true},
     {.name = "port", .type = ApiType::kInteger, .help = "TCP; default 443"},
     {.name = "pin", .help = "sha256-raw:... of a certificate"},
     {.name = "plain", .type = ApiType::kBoolean, .help = "without TLS"},
     {.name = "stun_port",
      .type = ApiType::kInteger,
      .help = "UDP; default 3478"}});
constexpr auto kDns = std::to_array<ApiField>(
    {{.name = "resolvers",
      .type = ApiType::kStrings,
      .help = "for all other names"},
     {.name = "search", .type = ApiType::kStrings, .help = "search domains"},
     {.name = "routes",
      .type = ApiType::kObjects,
      .help = "{suffix, resolvers}: who resolves names below it"},
     {.name = "records",
      .type = ApiType::kObjects,
      .help = "{name, address}"}});
constexpr ApiField kAfter = {.name = "after",
                             .type = ApiType::kInteger,
                             .help = "the \"next\" of the page before"};
constexpr ApiField kLimit = {.name = "limit",
                             .type = ApiType::kInteger,
                             .help = "at most so many; up to 1000"};
constexpr auto kPage = std::to_array<ApiField>({kAfter, kLimit});
constexpr auto kEvents = std::to_array<ApiField>(
    {kAfter,
     kLimit,
     {.name = "since", .help = "a time, or how long ago, like 2h"}});
constexpr auto kRouteFilter =
    std::to_array<ApiField>({{.name = "node", .help = "of this node only"}});

constexpr ApiRoute Get(std::string_view path, std::string_view verb,
                       std::string_view summary,
                       std::span<const ApiField> query = {}) {
  return {.method = "GET",
          .path = path,
          .verb = verb,
          .summary = summary,
          .query = query};
}

constexpr ApiRoute Delete(std::string_view path, std::string_view verb,
                          std::string_view summary,
                          std::span<const ApiField> query = {}) {
  return {.method = "DELETE",
          .path = path,
          .verb = verb,
          .summary = summary,
          .query = query};
}

constexpr ApiRoute Send(std::string_view method, std::string_view path,
                        std::string_view verb, std::string_view summary,
                        std::span<const ApiField> body) {
  return {.method = method,
          .path = path,
          .verb = verb,
          .summary = summary,
          .body = body,
          .body_kind = ApiBody::kJson};
}

constexpr ApiRoute SendText(std::string_view method, std::string_view path,
                            std::string_view verb, std::string_view summary) {
  return {.method = method,
          .path = path,
          .verb = verb,
          .summary = summary,
          .body_kind = ApiBody::kText};
}

constexpr std::span<const ApiField> kNothing;

constexpr auto kRoutes = std::to_array<ApiRoute>(
    {Get("/v1/status", "status", "The server"),
     Get("/v1/users", "users.list", "All users"),
     Send("POST", "/v1/users", "users.add", "Add a user", kNewUser),
     Send("PUT", "/v1/users/{user}/roles", "users.set-role",
          "Give a user exactly these roles", kRoles),
     Delete("/v1/users/{user}", "users.delete",
            "Delete a user; revokes nodes and keys"),
     Get("/v1/nodes", "nodes.list", "Nodes, by number", kPage),
     Get("/v1/nodes/{node}", "nodes.show",
         "A node; attributes are those it reports, by name"),
     Delete("/v1/nodes/{node}", "nodes.delete", "Revoke a node for good"),
     Send("POST", "/v1/nodes/{node}/approve", "nodes.approve",
          "Let a waiting node in", kOwner),
     Send("PUT", "/v1/nodes/{node}/name", "nodes.rename", "Rename a node",
          kName),
     Send("PUT", "/v1/nodes/{node}/owner", "nodes.set-owner",
          "Exchange a node's owner", kOwner),
     Send("POST", "/v1/nodes/{node}/expire", "nodes.expire",
          "Let a node's key expire", kNothing),
     Send("POST", "/v1/nodes/{node}/renew", "nodes.renew",
          "Let a node's key hold again", kLifetime),
     Send("PUT", "/v1/nodes/{node}/routes", "routes.approve",
          "Approve exactly these routes", kApproval),
     Get("/v1/routes", "routes.list", "Networks behind nodes", kRouteFilter),
     Get("/v1/keys", "keys.list", "Auth keys"),
     Send("POST", "/v1/keys", "keys.create", "Make an auth key; shown once",
          kNewKey),
     Delete("/v1/keys/{id}", "keys.revoke", "Revoke an auth key", kRevocation),
     Get("/v1/policy", "policy.get", "The policy; its revision is the ETag"),
     SendText("PUT", "/v1/policy", "policy.set",
              "Put a policy in force, if it is sound and its tests pass; with "
              "If-Match only in place of that revision"),
     SendText("POST", "/v1/policy/check", "policy.check",
              "Check a policy and run its tests"),
     Get("/v1/dns", "dns.get", "The DNS settings"),
     Send("PUT", "/v1/dns", "dns.set",
          "Change DNS settings; what is absent stays", kDns),
     Get("/v1/relays", "relays.list", "Relays"),
     Send("POST", "/v1/relays", "relays.add", "Add a relay", kNewRelay),
     Delete("/v1/relays/{name}", "relays.remove", "Remove a relay"),
     Get("/v1/events", "events.list", "What happened, oldest first", kEvents),
     Get("/v1/tokens", "tokens.list", "Tokens of this API"),
     Send("POST", "/v1/tokens", "tokens.create", "Make a token; shown once",
          kNewToken),
     Delete("/v1/tokens/{id}", "tokens.revoke", "Revoke a token")});

// ---- Matching --------------------------------------------------------------

std::vector<std::string_view> Split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

bool IsParameter(std::string_view part) {
  return part.starts_with('{');
}

/// What the path's parameters are; nullopt: it is another path.
std::optional<json> MatchPath(std::string_view pattern,
                              const std::vector<std::string_view>& given) {
  const auto wanted = Split(pattern, '/');
  if (wanted.size() != given.size()) {
    return std::nullopt;
  }
  json arguments = json::object();
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!IsParameter(wanted[i])) {
      if (wanted[i] != given[i]) {
        return std::nullopt;
      }
      continue;
    }
    const auto value = DecodePercent(given[i], PlusMeans::kItself);
    if (!value || value->empty()) {
      return std::nullopt;
    }
    arguments[std::string(wanted[i].substr(1, wanted[i].size() - 2))] = *value;
  }
  return arguments;
}

std::optional<json> ParseQueryValue(ApiType type, const std::string& text) {
  if (type == ApiType::kInteger) {
    uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && rest == end ? std::optional<json>(value)
                                               : std::nullopt;
  }
  if (type == ApiType::kBoolean) {
    return text == "true" || text == "false"
               ? std::optional<json>(text == "true")
               : std::nullopt;
  }
  return json(text);
}

/// What is wrong with the query; nullopt: it is taken into `arguments`.
std::optional<std::string> TakeQuery(const ApiRoute& route,
                                     std::string_view query, json& arguments) {
  for (const std::string_view part : Split(query, '&')) {
    if (part.empty()) {
      continue;
    }
    const size_t equals = part.find('=');
    const auto name = part.substr(0, equals);
    const auto text = DecodePercent(
        equals == std::string_view::npos ? "" : part.substr(equals + 1),
        PlusMeans::kSpace);
    const ApiField* field = nullptr;
    for (const ApiField& known : route.query) {
      field = known.name == name ? &known : field;
    }
    const auto value = field != nullptr && text
                           ? ParseQueryValue(field->type, *text)
                           : std::nullopt;
    if (!value) {
      return "the query's \"" + std::string(name) +
             "\" is not known here, or not of its type";
    }
    arguments[std::string(name)] = *value;
  }
  return std::nullopt;
}

}  // namespace

std::span<const ApiRoute> ApiRoutes() {
  return kRoutes;
}

std::expected<ApiMatch, ApiMismatch> MatchRoute(std::string_view method,
                                                std::string_view target) {
  const size_t question = target.find('?');
  const auto given = Split(target.substr(0, question), '/');
  std::string allowed;
  for (const ApiRoute& route : kRoutes) {
    auto arguments = MatchPath(route.path, given);
    if (!arguments) {
      continue;
    }
    if (route.method != method) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
      continue;
    }
    ApiMatch match{.route = &route, .arguments = *std::move(arguments)};
    if (question != std::string_view::npos) {
      if (auto wrong =
              TakeQuery(route, target.substr(question + 1), match.arguments)) {
        return std::unexpected(ApiMismatch{400, *std::move(wrong), {}});
      }
    }
    return match;
  }
  if (allowed.empty()) {
    return std::unexpected(
        ApiMismatch{404, "there is nothing here; see /openapi.json", {}});
  }
  return std::unexpected(
      ApiMismatch{405, "this path takes " + allowed, allowed});
}

}  // namespace natkit::coordd
