#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "natkit/base/text.h"
#include "natkit/nat/behavior_report.h"
#include "netcheck/netcheck_report.h"

namespace natkit::meshnode {

namespace {

constexpr size_t kLabelWidth = 16;

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

std::string Row(const char* label, const std::string& text) {
  return Padded(label, kLabelWidth) + text + "\n";
}

std::string Milliseconds(Duration duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f ms",
                std::chrono::duration<double, std::milli>(duration).count());
  return text.data();
}

std::string UdpText(const NetcheckReport& report) {
  const auto has_udp = report.HasUdp();
  if (!has_udp) {
    return "not known: the mesh has no STUN server";
  }
  return *has_udp ? "works"
                  : "no server answers: it is blocked here, or they are down";
}

std::string FamilyText(const FamilyReach& family) {
  if (!family.local) {
    return family.servers.empty() ? "no server to ask" : "no way out of here";
  }
  std::string text;
  for (const Endpoint& endpoint : family.Seen()) {
    text += (text.empty() ? "seen as " : ", ") + endpoint.ToString();
  }
  return (text.empty() ? "no answer" : text) + ", from " +
         family.local->ToString();
}

std::string MappingText(const FamilyReach& family) {
  const auto varies = family.Varies();
  if (!varies) {
    return "not known: two servers with different addresses show it";
  }
  std::string text = *varies ? "varies by destination: others cannot be told "
                               "where to reach this host"
                             : "the same for all destinations";
  if (family.traits.mapping) {
    text +=
        " (" + std::string(nat::DependenceName(*family.traits.mapping)) + ")";
  }
  return text;
}

std::string GatewayText(const GatewayReach& gateway) {
  if (!gateway.services) {
    return "not asked for";
  }
  std::string text;
  for (const std::string& service : *gateway.services) {
    text += (text.empty() ? "" : ", ") + service;
  }
  text = text.empty() ? "none" : text;
  if (gateway.router) {
    text += " at " + gateway.router->ToString();
  }
  return gateway.external ? text + ", outside " + gateway.external->ToString()
                          : text;
}

std::string RelayText(const RelayReach& reach) {
  std::string text;
  if (const auto latency = reach.Latency()) {
    text = Milliseconds(*latency);
    text += reach.udp_v4 || reach.udp_v6 ? "" : " by TCP";
  } else {
    text = "no answer";
  }
  if (!reach.error.empty()) {
    text += ", no connection: " + reach.error;
  }
  return text + (reach.relay.is_home ? ", home" : "");
}

}  // namespace

std::string NetcheckText(const NetcheckReport& report) {
  std::string out;
  if (report.is_through_exit) {
    out +=
        "Seen through the exit node; root sees what the network itself "
        "allows.\n";
  }
  out += Row("UDP", UdpText(report));
  out += Row("IPv4", FamilyText(report.v4));
  out += Row("IPv6", FamilyText(report.v6));
  const bool only_v6 = report.v6.is_open() && !report.v4.is_open();
  const FamilyReach& family = only_v6 ? report.v6 : report.v4;
  if (family.is_open()) {
    out += Row("mapping", MappingText(family));
  }
  if (family.traits.filtering) {
    out += Row("filtering",
               std::string(nat::DependenceName(*family.traits.filtering)));
  }
  out += Row("port mapping", GatewayText(report.gateway));
  const RelayReach* preferred = report.Preferred();
  out += Row("nearest relay",
             preferred ? EscapeControls(preferred->relay.name) : "none");
  for (const RelayReach& relay : report.relays) {
    // Names come from other machines.
    out += Row(("  " + EscapeControls(relay.relay.name)).c_str(),
               RelayText(relay));
  }
  return out;
}

}  // namespace natkit::meshnode
