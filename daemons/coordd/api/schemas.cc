#include "api/schemas.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace natkit::coordd {

namespace {

using nlohmann::json;

json Of(const char* type) {
  return {{"type", type}};
}

json ListOf(json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

json Time() {
  return {{"type", "string"}, {"format", "date-time"}};
}

json TimeOrNull() {
  return {{"type", json::array({"string", "null"})}, {"format", "date-time"}};
}

json OneOf(const std::vector<std::string>& words) {
  return {{"type", "string"}, {"enum", words}};
}

/// All of them are always there.
json Object(json properties) {
  json required = json::array();
  for (const auto& [name, schema] : properties.items()) {
    required.push_back(name);
  }
  return {{"type", "object"},
          {"required", std::move(required)},
          {"properties", std::move(properties)}};
}

json Reference(const std::string& name) {
  return {{"$ref", "#/components/schemas/" + name}};
}

json Page(const std::string& name) {
  json next = Of("integer");
  next["description"] = "there may be more: ask with this as \"after\"";
  return {{"type", "object"},
          {"required", json::array({"items"})},
          {"properties",
           {{"items", ListOf(Reference(name))}, {"next", std::move(next)}}}};
}

json NodeSchema() {
  return Object(
      {{"id", Of("integer")},
       {"name", Of("string")},
       {"state", OneOf({"waits for approval", "expired", "online", "offline"})},
       {"code", Of("string")},
       {"user", Of("string")},
       {"tags", ListOf(Of("string"))},
       {"addresses", ListOf(Of("string"))},
       {"node_key", Of("string")},
       {"host_name", Of("string")},
       {"software", Of("string")},
       {"advertised", ListOf(Of("string"))},
       {"approved", ListOf(Of("string"))},
       {"offers_exit", Of("boolean")},
       {"exit_approved", Of("boolean")},
       {"ephemeral", Of("boolean")},
       {"attributes",
        {{"type", "object"},
         {"additionalProperties",
          {{"type", json::array({"string", "number", "boolean"})}}}}},
       {"created", Time()},
       {"key_expiry", TimeOrNull()}});
}

json KeySchema() {
  return Object({{"id", Of("string")},
                 {"state", OneOf({"good", "expired", "used up", "revoked"})},
                 {"user", Of("string")},
                 {"tags", ListOf(Of("string"))},
                 {"reusable", Of("boolean")},
                 {"ephemeral", Of("boolean")},
                 {"preapproved", Of("boolean")},
                 {"uses", Of("integer")},
                 {"revoked", Of("boolean")},
                 {"expiry", TimeOrNull()},
                 {"created_by", Of("string")},
                 {"description", Of("string")}});
}

}  // namespace

json ObjectSchemas() {
  return {{"User", Object({{"user", Of("string")},
                           {"roles", ListOf(OneOf({"admin", "owner"}))},
                           {"created", Time()}})},
          {"Node", NodeSchema()},
          {"Key", KeySchema()},
          {"Token", Object({{"id", Of("string")},
                            {"state", OneOf({"good", "expired"})},
                            {"scopes", ListOf(Of("string"))},
                            {"created", Time()},
                            {"expiry", TimeOrNull()},
                            {"description", Of("string")}})},
          {"Relay", Object({{"id", Of("integer")},
                            {"name", Of("string")},
                            {"host", Of("string")},
                            {"port", Of("integer")},
                            {"pin", Of("string")},
                            {"plain", Of("boolean")},
                            {"stun_port", Of("integer")}})},
          {"Route", Object({{"node", Of("string")},
                            {"node_id", Of("integer")},
                            {"route", Of("string")},
                            {"state", OneOf({"approved", "waits"})}})},
          {"Event", Object({{"sequence", Of("integer")},
                            {"time", Time()},
                            {"type", Of("string")},
                            {"actor", Of("string")},
                            {"subject", Of("string")},
                            {"detail", Of("string")}})},
          {"Secret", Object({{"id", Of("string")}, {"secret", Of("string")}})}};
}

json ResponseSchema(std::string_view verb) {
  static const std::map<std::string_view, const char*> kPages = {
      {"users.list", "User"},   {"nodes.list", "Node"},
      {"keys.list", "Key"},     {"tokens.list", "Token"},
      {"relays.list", "Relay"}, {"routes.list", "Route"},
      {"events.list", "Event"}};
  static const std::map<std::string_view, const char*> kObjects = {
      {"nodes.show", "Node"},
      {"nodes.approve", "Node"},
      {"keys.create", "Secret"},
      {"tokens.create", "Secret"}};
  if (const auto page = kPages.find(verb); page != kPages.end()) {
    return Page(page->second);
  }
  const auto object = kObjects.find(verb);
  return object == kObjects.end() ? Of("object") : Reference(object->second);
}

}  // namespace natkit::coordd
