#include "routes/nft_rules.h"

#include <string_view>
#include <utility>
#include <vector>

namespace natkit::meshnode {
namespace {

constexpr int kIpv4TcpHeaders = 40;
constexpr int kIpv6TcpHeaders = 60;

using Values = std::vector<std::pair<std::string_view, std::string>>;

/// `text` with each "$name" replaced; no name is the beginning of another.
std::string Fill(std::string text, const Values& values) {
  for (const auto& [name, value] : values) {
    for (size_t at = text.find(name); at != std::string::npos;
         at = text.find(name, at + value.size())) {
      text.replace(at, name.size(), value);
    }
  }
  return text;
}

/// Answers to the node's own packets are judged by the same routes as those
/// (strict reverse path filters would drop them), and nobody on the local
/// network can inject packets into the tunnel's connections.
std::string GuardChains(const std::string& tun, uint32_t fwmark,
                        const routing::Firewall& firewall) {
  std::string drops;
  for (const IpAddress& address : firewall.addresses) {
    drops += Fill(
        "  iifname != { \"$tun\", \"lo\" } $family daddr $address fib saddr "
        "type != local drop\n",
        {{"$tun", tun},
         {"$family", address.is_v4() ? "ip" : "ip6"},
         {"$address", address.ToString()}});
  }
  return Fill(
      " chain inject {\n"
      "  type filter hook prerouting priority raw; policy accept;\n$drops"
      " }\n"
      " chain remember {\n"
      "  type filter hook output priority mangle; policy accept;\n"
      "  meta mark $mark ct mark set meta mark\n"
      " }\n"
      " chain recall {\n"
      "  type filter hook prerouting priority mangle; policy accept;\n"
      "  ct mark $mark meta mark set ct mark\n"
      " }\n",
      {{"$drops", drops}, {"$mark", std::to_string(fwmark)}});
}

std::string ClampRules(const std::string& tun, uint16_t mtu) {
  std::string rules;
  for (const char* side : {"iifname", "oifname"}) {
    for (const bool is_v4 : {true, false}) {
      const int headers = is_v4 ? kIpv4TcpHeaders : kIpv6TcpHeaders;
      rules += Fill(
          "  $side \"$tun\" meta nfproto $family tcp flags & (syn | rst) == "
          "syn tcp option maxseg size set $size\n",
          {{"$tun", tun},
           {"$side", side},
           {"$family", is_v4 ? "ipv4" : "ipv6"},
           {"$size", std::to_string(mtu - headers)}});
    }
  }
  return rules;
}

std::string ForwardChains(const std::string& tun,
                          const routing::Firewall& firewall) {
  std::string text =
      " chain forward {\n"
      "  type filter hook forward priority mangle; policy accept;\n";
  if (firewall.mtu > kIpv6TcpHeaders) {
    text += ClampRules(tun, firewall.mtu);
  }
  if (!firewall.masquerades) {
    return text + " }\n";
  }
  return text +
         Fill(
             "  iifname \"$tun\" oifname != \"$tun\" meta mark set meta mark | "
             "$bit\n"
             " }\n"
             " chain leave {\n"
             "  type nat hook postrouting priority srcnat; policy accept;\n"
             "  oifname != \"$tun\" meta mark & $bit == $bit masquerade\n"
             " }\n",
             {{"$tun", tun}, {"$bit", std::to_string(kForwardedMark)}});
}

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

std::string NftTable(const std::string& tun) {
  std::string name = "natkit_" + tun;
  for (char& c : name) {
    c = IsPlain(c) ? c : '_';
  }
  return name;
}

std::string NftScript(const std::string& tun, uint32_t fwmark,
                      const routing::Firewall& firewall) {
  const std::string table = "inet " + NftTable(tun);
  // Adding makes sure that there is one to delete.
  std::string script = "add table " + table + "\ndelete table " + table + "\n";
  if (!firewall.guards_exit && !firewall.forwards) {
    return script;
  }
  script += "table " + table + " {\n";
  if (firewall.guards_exit) {
    script += GuardChains(tun, fwmark, firewall);
  }
  if (firewall.forwards) {
    script += ForwardChains(tun, firewall);
  }
  return script + "}\n";
}

}  // namespace natkit::meshnode
