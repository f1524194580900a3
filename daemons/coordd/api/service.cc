#include "api/service.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "api/routes.h"

namespace natkit::coordd {

namespace {

using derp::HttpResponse;
using nlohmann::json;

constexpr size_t kSmallBody = size_t{64} * 1024;
constexpr size_t kLargeBody = size_t{9} << 20;  // a policy has 8 MiB at most
constexpr uint64_t kDefaultPage = 1000;
constexpr size_t kMaxSources = 4096;
constexpr size_t kFailureBurst = 20;
constexpr Duration kForgiveEvery = std::chrono::seconds(10);

/// A site has an IPv6 /64 at least, and all its addresses.
IpAddress SourceOf(const IpAddress& address) {
  constexpr int kSitePrefix = 64;
  return address.is_v6() ? IpPrefix::Make(address, kSitePrefix)->address()
                         : address;
}

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

HttpResponse JsonResponse(int status, const json& body) {
  HttpResponse response{.status = status, .headers = {}, .body = Dump(body)};
  response.headers.Add("Content-Type", "application/json");
  response.headers.Add("Cache-Control", "no-store");
  return response;
}

std::string_view CodeOf(int status) {
  constexpr auto kCodes = std::to_array<std::pair<int, std::string_view>>(
      {{400, "invalid"},
       {401, "unauthorized"},
       {403, "forbidden"},
       {404, "not_found"},
       {405, "method_not_allowed"},
       {408, "timeout"},
       {409, "conflict"},
       {412, "precondition_failed"},
       {413, "body_too_large"},
       {429, "too_many_failures"},
       {431, "head_too_large"},
       {501, "not_implemented"},
       {503, "overloaded"},
       {507, "exhausted"}});
  const auto* const found = std::ranges::find(
      kCodes, status, &std::pair<int, std::string_view>::first);
  return found == kCodes.end() ? "failed" : found->second;
}

int StatusOf(AdminFault fault) {
  switch (fault) {
    case AdminFault::kInvalid:
      return 400;
    case AdminFault::kNotFound:
      return 404;
    case AdminFault::kConflict:
      return 409;
    case AdminFault::kForbidden:
      return 403;
    case AdminFault::kExhausted:
      return 507;
    case AdminFault::kFailed:
      return 500;
  }
  return 500;
}

/// The N of "Bearer N"; the scheme's name in any case (RFC 9110, section 11.1).
std::optional<std::string_view> BearerToken(const derp::HttpRequest& head) {
  constexpr std::string_view kScheme = "bearer ";
  const auto field = head.headers.Find("Authorization");
  if (!field || field->size() <= kScheme.size() ||
      !std::ranges::equal(field->substr(0, kScheme.size()), kScheme,
                          [](char a, char b) { return (a | 0x20) == b; })) {
    return std::nullopt;
  }
  return field->substr(kScheme.size());
}

/// A revision as an entity tag (RFC 9110, section 8.8.3).
std::string TagOf(const json& revision) {
  return "\"" + revision.dump() + "\"";
}

/// Takes If-Match into the arguments; false: it is none of our tags.
bool TakeIfMatch(const derp::HttpRequest& head, json& arguments) {
  const auto field = head.headers.Find("If-Match");
  if (!field || *field == "*") {
    return true;
  }
  if (field->size() < 3 || !field->starts_with('"') || !field->ends_with('"')) {
    return false;
  }
  const json revision =
      json::parse(field->substr(1, field->size() - 2), nullptr, false);
  if (!revision.is_number_unsigned()) {
    return false;
  }
  arguments["if_revision"] = revision;
  return true;
}

/// Takes the body into the arguments; the path's stand. The text says what is
/// wrong.
std::optional<std::string> TakeBody(const ApiRoute& route,
                                    const std::string& body, json& arguments) {
  if (route.body_kind == ApiBody::kText) {
    arguments["text"] = body;
    return std::nullopt;
  }
  if (route.body_kind == ApiBody::kNone || body.empty()) {
    return std::nullopt;
  }
  json fields = json::parse(body, nullptr, false);
  if (!fields.is_object()) {
    return "the body is not a JSON object";
  }
  for (auto& [name, value] : fields.items()) {
    const bool is_known = std::ranges::any_of(
        route.body, [&](const ApiField& field) { return field.name == name; });
    if (!is_known || arguments.contains(name)) {
      return "\"" + name + "\" is not known here";
    }
    arguments[name] = value;
  }
  return std::nullopt;
}

/// A list becomes a page: where the next one begins, if there may be one.
json Page(json list, const json& limit) {
  json page = {{"items", json::array()}};
  if (limit.is_number_unsigned() && !list.empty() &&
      list.size() >= limit.get<uint64_t>()) {
    const json& last = list.back();
    page["next"] = last.contains("sequence") ? last["sequence"] : last["id"];
  }
  page["items"] = std::move(list);
  return page;
}

HttpResponse Respond(const ApiRoute& route, const json& arguments,
                     AdminReply reply) {
  if (!reply) {
    const bool is_precondition = arguments.contains("if_revision") &&
                                 reply.error().fault == AdminFault::kConflict;
    return ErrorResponse(is_precondition ? 412 : StatusOf(reply.error().fault),
                         reply.error().text);
  }
  if (reply->is_array()) {
    return JsonResponse(
        200, Page(*std::move(reply), arguments.value("limit", json())));
  }
  const bool is_new = reply->contains("secret");
  HttpResponse response = JsonResponse(is_new ? 201 : 200, *reply);
  if (reply->contains("revision") && route.path == "/v1/policy") {
    response.headers.Add("ETag", TagOf(reply->at("revision")));
  }
  return response;
}

HttpResponse Unauthorized() {
  HttpResponse response = ErrorResponse(
      401,
      "say \"Authorization: Bearer TOKEN\"; 'coordd tokens create' makes "
      "one");
  response.headers.Add("WWW-Authenticate", "Bearer realm=\"coordd\"");
  return response;
}

HttpResponse Throttled() {
  HttpResponse response =
      ErrorResponse(429, "too many wrong tokens from this address");
  response.headers.Add("Retry-After", "10");
  return response;
}

/// What needs no token.
std::optional<HttpResponse> ServePublic(const derp::HttpRequest& head) {
  const bool is_reading = head.method == "GET" || head.method == "HEAD";
  if (is_reading && head.path() == "/openapi.json") {
    return JsonResponse(200, DescribeApi());
  }
  if (is_reading && head.path() == "/healthz") {
    return JsonResponse(200, {{"ok", true}});
  }
  return std::nullopt;
}

}  // namespace

HttpResponse ErrorResponse(int status, std::string_view message) {
  return JsonResponse(
      status, {{"error", {{"code", CodeOf(status)}, {"message", message}}}});
}

// ---- Wrong tokens ----------------------------------------------------------

size_t TokenGuard::CountAt(const Failures& failures, Instant now) {
  const auto forgiven = static_cast<size_t>(
      std::max(now - failures.since, Duration{}) / kForgiveEvery);
  return failures.count - std::min(failures.count, forgiven);
}

bool TokenGuard::Allows(const IpAddress& source, Instant now) const {
  const auto found = sources_.find(SourceOf(source));
  return found == sources_.end() || CountAt(found->second, now) < kFailureBurst;
}

void TokenGuard::NoteFailure(const IpAddress& source, Instant now) {
  const IpAddress key = SourceOf(source);
  if (sources_.size() >= kMaxSources && !sources_.contains(key)) {
    sources_.erase(std::ranges::min_element(
        sources_, {}, [](const auto& entry) { return entry.second.since; }));
  }
  Failures& failures = sources_[key];
  failures = {.count = CountAt(failures, now) + 1, .since = now};
}

// ---- Requests --------------------------------------------------------------

const mesh::ApiTokenRecord* ApiService::FindToken(const derp::HttpRequest& head,
                                                  mesh::WallTime now) const {
  const auto token = BearerToken(head);
  return token ? hooks_.subject().registry.CheckApiToken(now, *token) : nullptr;
}

bool ApiService::IsAuthorized(const derp::HttpRequest& head,
                              mesh::ServerTime time) const {
  return FindToken(head, time.wall) != nullptr;
}

size_t ApiService::BodyLimit(const derp::HttpRequest& head,
                             mesh::ServerTime time) const {
  return head.path().starts_with("/v1/policy") && IsAuthorized(head, time)
             ? kLargeBody
             : kSmallBody;
}

void ApiService::Handle(const WholeRequest& request, const IpAddress& source,
                        mesh::ServerTime time, Done done) {
  ++counters_.requests;
  if (auto response = ServePublic(request.head)) {
    done(*std::move(response));
    return;
  }
  if (!guard_.Allows(source, time.now)) {
    ++counters_.throttled;
    done(Throttled());
    return;
  }
  const mesh::ApiTokenRecord* token = FindToken(request.head, time.wall);
  if (token == nullptr) {
    ++counters_.unauthorized;
    guard_.NoteFailure(source, time.now);
    done(Unauthorized());
    return;
  }
  if (request.head.method == "GET" && request.head.path() == "/metrics") {
    done(Metrics(*token));
    return;
  }
  Serve(request, *token, time, std::move(done));
}

HttpResponse ApiService::Metrics(const mesh::ApiTokenRecord& token) {
  if (!HasScope(token.scopes, "server:read")) {
    ++counters_.forbidden;
    return ErrorResponse(403, "the token has not the scope server:read");
  }
  HttpResponse response{.status = 200, .headers = {}, .body = hooks_.metrics()};
  response.headers.Add("Content-Type",
                       "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

void ApiService::Serve(const WholeRequest& request,
                       const mesh::ApiTokenRecord& token, mesh::ServerTime time,
                       Done done) {
  auto match = MatchRoute(request.head.method, request.head.target);
  if (!match) {
    HttpResponse response =
        ErrorResponse(match.error().status, match.error().text);
    if (!match.error().allowed.empty()) {
      response.headers.Add("Allow", match.error().allowed);
    }
    done(std::move(response));
    return;
  }
  const ApiRoute& route = *match->route;
  if (auto wrong = TakeBody(route, request.body, match->arguments)) {
    done(ErrorResponse(400, *wrong));
    return;
  }
  if (route.verb == "policy.set" &&
      !TakeIfMatch(request.head, match->arguments)) {
    done(ErrorResponse(412, "If-Match is none of this policy's tags"));
    return;
  }
  if (route.verb == "nodes.list" || route.verb == "events.list") {
    json& limit = match->arguments["limit"];
    limit = std::min(limit.is_null() ? kDefaultPage : limit.get<uint64_t>(),
                     kDefaultPage);
  }
  AdminRequest admin{.verb = std::string(route.verb),
                     .arguments = match->arguments,
                     .actor = "token:" + token.id,
                     .time = time,
                     .scopes = token.scopes};
  AdminSubject subject = hooks_.subject();
  RunAdminVerb(subject, admin,
               [this, &route, arguments = std::move(match->arguments),
                done = std::move(done)](AdminReply reply) {
                 if (!reply && reply.error().fault == AdminFault::kForbidden) {
                   ++counters_.forbidden;
                 }
                 done(Respond(route, arguments, std::move(reply)));
               });
}

}  // namespace natkit::coordd
