#include <string>
#include <utility>

#include "admin_call.h"
#include "api/routes.h"
#include "api/schemas.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

json Schema(ApiType type) {
  switch (type) {
    case ApiType::kString:
      return {{"type", "string"}};
    case ApiType::kInteger:
      return {{"type", "integer"}, {"minimum", 0}};
    case ApiType::kBoolean:
      return {{"type", "boolean"}};
    case ApiType::kStrings:
      return {{"type", "array"}, {"items", {{"type", "string"}}}};
    case ApiType::kObjects:
      return {{"type", "array"}, {"items", {{"type", "object"}}}};
  }
  return {};
}

json Parameters(const ApiRoute& route) {
  json list = json::array();
  std::string_view rest = route.path;
  for (size_t begin = rest.find('{'); begin != std::string_view::npos;
       begin = rest.find('{')) {
    const size_t end = rest.find('}');
    list.push_back({{"name", rest.substr(begin + 1, end - begin - 1)},
                    {"in", "path"},
                    {"required", true},
                    {"schema", Schema(ApiType::kString)}});
    rest.remove_prefix(end + 1);
  }
  for (const ApiField& field : route.query) {
    list.push_back({{"name", field.name},
                    {"in", "query"},
                    {"description", field.help},
                    {"schema", Schema(field.type)}});
  }
  return list;
}

json BodySchema(const ApiRoute& route) {
  if (route.body_kind == ApiBody::kText) {
    return {{"required", true},
            {"content", {{"text/plain", {{"schema", {{"type", "string"}}}}}}}};
  }
  json properties = json::object();
  json required = json::array();
  for (const ApiField& field : route.body) {
    json& schema = properties[std::string(field.name)] = Schema(field.type);
    schema["description"] = field.help;
    if (field.is_required) {
      required.push_back(field.name);
    }
  }
  json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) {
    schema["required"] = std::move(required);
  }
  return {{"required", !route.body.empty()},
          {"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
}

json Operation(const ApiRoute& route) {
  const json answer = {
      {"application/json", {{"schema", ResponseSchema(route.verb)}}}};
  const bool makes_secret =
      route.verb == "keys.create" || route.verb == "tokens.create";
  json operation = {
      {"operationId", route.verb},
      {"summary", route.summary},
      {"x-required-scope", FindAdminVerb(route.verb)->scope},
      {"parameters", Parameters(route)},
      {"responses",
       {{makes_secret ? "201" : "200",
         {{"description", "Done"}, {"content", answer}}},
        {"default", {{"$ref", "#/components/responses/Error"}}}}}};
  if (route.body_kind != ApiBody::kNone) {
    operation["requestBody"] = BodySchema(route);
  }
  return operation;
}

json ErrorResponse() {
  const json text = {{"type", "string"}};
  const json error = {{"type", "object"},
                      {"required", json::array({"code", "message"})},
                      {"properties", {{"code", text}, {"message", text}}}};
  const json schema = {{"type", "object"},
                       {"required", json::array({"error"})},
                       {"properties", {{"error", error}}}};
  return {{"description", "What is wrong"},
          {"content", {{"application/json", {{"schema", schema}}}}}};
}

/// What is no verb.
json PlainOperation(const char* name, const char* summary, const char* type,
                    json schema) {
  return {{"operationId", name},
          {"summary", summary},
          {"parameters", json::array()},
          {"responses",
           {{"200",
             {{"description", "Done"},
              {"content", {{type, {{"schema", std::move(schema)}}}}}}},
            {"default", {{"$ref", "#/components/responses/Error"}}}}}};
}

json PlainPaths() {
  json metrics = PlainOperation("metrics", "Metrics, for Prometheus",
                                "text/plain", {{"type", "string"}});
  metrics["x-required-scope"] = "server:read";
  json health = PlainOperation(
      "healthz", "Whether the server answers", "application/json",
      {{"type", "object"}, {"properties", {{"ok", {{"type", "boolean"}}}}}});
  health["security"] = json::array();
  return {{"/metrics", {{"get", std::move(metrics)}}},
          {"/healthz", {{"get", std::move(health)}}}};
}

}  // namespace

json DescribeApi() {
  json paths = PlainPaths();
  for (const ApiRoute& route : ApiRoutes()) {
    std::string method(route.method);
    for (char& c : method) {
      c = static_cast<char>(c | 0x20);
    }
    paths[std::string(route.path)][method] = Operation(route);
  }
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "coordd"}, {"version", "1"}}},
          {"security", json::array({json::object({{"token", json::array()}})})},
          {"paths", std::move(paths)},
          {"components",
           {{"securitySchemes",
             {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
            {"responses", {{"Error", ErrorResponse()}}},
            {"schemas", ObjectSchemas()}}}};
}

}  // namespace natkit::coordd
