#include "report_json.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "outlook.h"

namespace natkit::natcheck {
namespace {

using Json = nlohmann::ordered_json;

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Json ToJson(const std::optional<Endpoint>& endpoint) {
  return endpoint ? Json(endpoint->ToString()) : Json(nullptr);
}

Json ToJson(const std::optional<bool>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json ToJson(const std::optional<Duration>& value) {
  return value ? Json(Seconds(*value)) : Json(nullptr);
}

Json ToJson(const std::optional<nat::Dependence>& value) {
  return value ? Json(nat::DependenceName(*value)) : Json(nullptr);
}

Json ToJson(const nat::Probe& probe) {
  Json json = {{"at", Seconds(probe.at)},   {"local", probe.local.ToString()},
               {"to", probe.to.ToString()}, {"asked", probe.asked},
               {"copies", probe.sent},      {"answered", probe.answered}};
  if (probe.answered) {
    json["arrived_at"] = probe.arrived_at.ToString();
    json["answered_from"] = probe.answered_from.ToString();
    json["mapped"] = ToJson(probe.mapped);
  }
  if (!probe.note.empty()) {
    json["note"] = probe.note;
  }
  return json;
}

Json ToJson(const nat::Verdict& verdict) {
  Json json = {{"outcome", nat::OutcomeName(verdict.outcome)},
               {"value", verdict.value},
               {"reason", verdict.reason},
               {"evidence", Json::array()}};
  for (const nat::Probe& probe : verdict.evidence) {
    json["evidence"].push_back(ToJson(probe));
  }
  return json;
}

/// The typed form of what is certain; null for what is not.
Json TraitsToJson(const nat::BehaviorReport& report) {
  const nat::NatTraits& traits = report.traits;
  Json addresses = Json::array();
  for (const IpAddress& address : traits.external_addresses) {
    addresses.push_back(address.ToString());
  }
  Json allocation = nullptr;
  if (traits.allocation) {
    allocation = {{"step", traits.allocation->step},
                  {"first_port", traits.allocation->range.first},
                  {"last_port", traits.allocation->range.last}};
  }
  return {{"udp_blocked", traits.is_udp_blocked},
          {"mapping", ToJson(traits.mapping)},
          {"filtering", ToJson(traits.filtering)},
          {"classic", nat::ClassicName(traits)},
          {"allocation", allocation},
          {"overloads_ports", ToJson(traits.overloads_ports)},
          {"poisonable", ToJson(traits.is_poisonable)},
          {"unreplied_lifetime", ToJson(traits.unreplied_lifetime)},
          {"assured_lifetime", ToJson(traits.assured_lifetime)},
          {"refreshed_by_outbound", ToJson(traits.refreshed_by_outbound)},
          {"refreshed_by_inbound", ToJson(traits.refreshed_by_inbound)},
          {"behind_carrier", ToJson(traits.is_behind_carrier)},
          {"external_addresses", addresses}};
}

Json DirectToJson(const nat::NatTraits& traits) {
  Json json = Json::object();
  for (const Peer& peer : Peers()) {
    const auto direct = DirectTo(traits, peer);
    json[peer.id] = direct ? Json(DirectName(*direct)) : Json(nullptr);
  }
  return json;
}

Json ToJson(const FamilyReport& of) {
  const nat::BehaviorReport& report = of.report;
  Json verdicts = Json::object();
  for (const nat::Axis axis : nat::AllAxes()) {
    verdicts[std::string(nat::AxisName(axis))] = ToJson(report.verdict(axis));
  }
  const bool has_server = report.server.port != 0;
  Json hops = Json::array();
  for (const IpAddress& hop : report.hops) {
    hops.push_back(hop.ToString());
  }
  return {{"family", of.family == AddressFamily::kIpv4 ? "ipv4" : "ipv6"},
          {"server", has_server ? Json(report.server.ToString()) : nullptr},
          {"other_server", ToJson(report.other_server)},
          {"server_software", report.server_software},
          {"summary", Summarize(report)},
          {"direct", DirectToJson(report.traits)},
          {"keepalive", ToJson(KeepaliveFor(report.traits))},
          {"traits", TraitsToJson(report)},
          {"hops", hops},
          {"nat64_prefix", report.nat64_prefix
                               ? Json(report.nat64_prefix->ToString())
                               : Json(nullptr)},
          {"router_external", report.router_external
                                  ? Json(report.router_external->ToString())
                                  : Json(nullptr)},
          {"verdicts", verdicts},
          {"datagrams_sent", report.datagrams_sent},
          {"datagrams_received", report.datagrams_received},
          {"seconds", Seconds(report.took)}};
}

}  // namespace

std::string ToJson(const std::vector<FamilyReport>& reports) {
  Json json = {{"schema", kJsonSchema},
               {"natkit", NATKIT_VERSION},
               {"families", Json::array()}};
  for (const FamilyReport& report : reports) {
    json["families"].push_back(ToJson(report));
  }
  // What servers say is not always UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace natkit::natcheck
