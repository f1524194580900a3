#include <chrono>
#include <nlohmann/json.hpp>

#include "natkit/nat/behavior_report.h"
#include "netcheck/netcheck_report.h"

namespace natkit::meshnode {

namespace {

using Json = nlohmann::ordered_json;

Json Milliseconds(const std::optional<Duration>& value) {
  return value ? Json(std::chrono::duration<double, std::milli>(*value).count())
               : Json(nullptr);
}

template <class T>
Json Nullable(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <class T>
Json TextOf(const std::optional<T>& value) {
  return value ? Json(value->ToString()) : Json(nullptr);
}

Json NameOf(const std::optional<nat::Dependence>& value) {
  return value ? Json(nat::DependenceName(*value)) : Json(nullptr);
}

Json FamilyJson(const FamilyReach& family) {
  Json servers = Json::array();
  for (const stun::SurveyedServer& server : family.servers) {
    servers.push_back({{"server", server.server.ToString()},
                       {"rtt_ms", Milliseconds(server.round_trip)},
                       {"asked", server.asked},
                       {"answered", server.answered},
                       {"mapped", TextOf(server.mapped)}});
  }
  Json seen = Json::array();
  for (const Endpoint& endpoint : family.Seen()) {
    seen.push_back(endpoint.ToString());
  }
  return {
      {"local", TextOf(family.local)},
      {"udp", family.servers.empty() ? Json(nullptr) : Json(family.is_open())},
      {"seen", std::move(seen)},
      {"mapping_varies", Nullable(family.Varies())},
      {"mapping", NameOf(family.traits.mapping)},
      {"filtering", NameOf(family.traits.filtering)},
      {"servers", std::move(servers)}};
}

Json RelayJson(const RelayReach& reach) {
  return {{"name", reach.relay.name},
          {"host", reach.relay.server.host},
          {"port", reach.relay.server.port},
          {"home", reach.relay.is_home},
          {"latency_ms", Milliseconds(reach.Latency())},
          {"udp_ipv4_ms", Milliseconds(reach.udp_v4)},
          {"udp_ipv6_ms", Milliseconds(reach.udp_v6)},
          {"tcp_ms", Milliseconds(reach.tcp)},
          {"error", reach.error.empty() ? Json(nullptr) : Json(reach.error)}};
}

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

std::string First(const FamilyReach& family) {
  const auto seen = family.Seen();
  return seen.empty() ? "" : seen.front().ToString();
}

void AddFieldNames(Json& out, const NetcheckReport& report) {
  out["UDP"] = Nullable(report.HasUdp());
  out["IPv4"] = report.v4.is_open();
  out["IPv6"] = report.v6.is_open();
  out["MappingVariesByDestIP"] = Nullable(report.v4.Varies());
  out["PortMapping"] = report.gateway.services
                           ? Json(Joined(*report.gateway.services))
                           : Json(nullptr);
  const RelayReach* preferred = report.Preferred();
  out["PreferredDERP"] = preferred ? preferred->relay.name : "";
  out["RegionLatency"] = Json::object();
  for (const RelayReach& relay : report.relays) {
    if (const auto latency = relay.Latency()) {
      out["RegionLatency"][relay.relay.name] = latency->count();
    }
  }
  out["GlobalV4"] = First(report.v4);
  out["GlobalV6"] = First(report.v6);
}

}  // namespace

std::string NetcheckJson(const NetcheckReport& report) {
  Json out;
  out["udp"] = Nullable(report.HasUdp());
  out["through_exit_node"] = report.is_through_exit;
  out["ipv4"] = FamilyJson(report.v4);
  out["ipv6"] = FamilyJson(report.v6);
  out["port_mapping"] = {{"router", TextOf(report.gateway.router)},
                         {"services", Nullable(report.gateway.services)},
                         {"external", TextOf(report.gateway.external)}};
  out["relays"] = Json::array();
  for (const RelayReach& relay : report.relays) {
    out["relays"].push_back(RelayJson(relay));
  }
  const RelayReach* preferred = report.Preferred();
  out["preferred_relay"] =
      preferred ? Json(preferred->relay.name) : Json(nullptr);
  AddFieldNames(out, report);
  return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace natkit::meshnode
