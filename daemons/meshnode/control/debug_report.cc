#include "control/debug_report.h"

#include "control/control_json.h"

namespace natkit::meshnode {

namespace {

template <class T>
Json Texts(const std::vector<T>& values) {
  Json out = Json::array();
  for (const T& value : values) {
    out.push_back(value.ToString());
  }
  return out;
}

Json RuleJson(const mesh::RuleKey& key, const mesh::RuleInfo& rule,
              const mesh::NetworkMap& map) {
  Json ports = Json::array();
  for (const mesh::PortRange& range : rule.ports) {
    ports.push_back(std::to_string(range.first) + "-" +
                    std::to_string(range.last));
  }
  const auto members = map.members.find(key);
  return {{"id", key.id},
          {"inbound", key.direction == mesh::RuleDirection::kInbound},
          {"all_own_addresses", rule.own_identity},
          {"own", Texts(rule.own)},
          {"others", Texts(rule.others)},
          {"members", members == map.members.end() ? Json::array()
                                                   : Json(members->second)},
          {"ports", std::move(ports)},
          {"protocols", rule.protocols}};
}

Json DnsJson(const mesh::DnsInfo& dns) {
  Json routes = Json::array();
  for (const mesh::DnsRouteInfo& route : dns.routes) {
    routes.push_back(
        {{"suffix", route.suffix}, {"resolvers", Texts(route.resolvers)}});
  }
  return {{"domain", dns.domain},
          {"resolvers", Texts(dns.resolvers)},
          {"search", dns.search},
          {"routes", std::move(routes)}};
}

Json MapJson(const mesh::NetworkMap& map) {
  Json out;
  out["peers"] = map.peers.size();
  out["rules"] = Json::array();
  for (const auto& [key, rule] : map.rules) {
    out["rules"].push_back(RuleJson(key, rule, map));
  }
  out["routes"] = Json::array();
  for (const auto& [id, route] : map.routes) {
    out["routes"].push_back(
        {{"prefix", route.prefix.ToString()}, {"owner", route.owner}});
  }
  out["relays"] = Json::array();
  for (const auto& [id, relay] : map.relays) {
    out["relays"].push_back({{"name", relay.name},
                             {"host", relay.host},
                             {"port", relay.port},
                             {"stun_port", relay.stun_port}});
  }
  out["dns"] = map.dns ? DnsJson(*map.dns) : Json(nullptr);
  return out;
}

}  // namespace

std::string FormatDebugReport(const DebugReport& report) {
  Json out;
  out["version"] = NATKIT_VERSION;
  out["settings"] = report.settings;
  out["map"] = report.map == nullptr ? Json(nullptr) : MapJson(*report.map);
  out["log"] = report.log;
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace natkit::meshnode
