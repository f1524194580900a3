#include "dns/dns_plan.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace natkit::meshnode {

namespace {

/// The root: a route for all names that no other route has.
constexpr std::string_view kAllNames = ".";

/// Letters, digits, hyphens, underscores and dots: what goes into resolv.conf
/// and into the arguments of programs as it is.
bool IsPlain(std::string_view name) {
  return !name.empty() && name.front() != '-' && name.front() != '.' &&
         std::ranges::all_of(name, [](unsigned char c) {
           return c < 0x80 &&
                  (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.');
         });
}

std::string WithoutFinalDot(std::string name) {
  if (name.size() > 1 && name.ends_with('.')) {
    name.pop_back();
  }
  return name;
}

void AddOnce(std::vector<std::string>& list, const std::string& text) {
  if (std::ranges::find(list, text) == list.end()) {
    list.push_back(text);
  }
}

/// Makes the plan piece by piece, each checked by itself.
class Planner {
 public:
  Planner(const mesh::DnsInfo& info, const std::string& interface)
      : info_(info) {
    plan_.config.domain = WithoutFinalDot(info.domain);
    plan_.config.resolvers = info.resolvers;
    plan_.system.interface = interface;
    plan_.system.search = {plan_.config.domain};
    plan_.system.takes_all = !info.resolvers.empty();
  }

  void AddHost(const std::string& name,
               const std::vector<IpAddress>& addresses) {
    if (IsUsable({.hosts = {{name, addresses}}})) {
      plan_.config.hosts.push_back({name, addresses});
    } else {
      LeaveOut("the node \"" + name + "\": it is no name of DNS");
    }
  }

  void AddRoutes() {
    for (const mesh::DnsRouteInfo& route : info_.routes) {
      AddRoute({.suffix = WithoutFinalDot(route.suffix),
                .resolvers = route.resolvers});
    }
  }

  void AddSearch() {
    for (const std::string& text : info_.search) {
      const std::string domain = WithoutFinalDot(text);
      if (!IsPlain(domain) || !IsUsable({.search = {domain}})) {
        LeaveOut("the search domain \"" + text + "\": it is no domain");
        continue;
      }
      AddOnce(plan_.config.search, domain);
      AddOnce(plan_.system.search, domain);
    }
  }

  void AddRecords() {
    for (const mesh::DnsRecordInfo& record : info_.records) {
      AddRecord(record);
    }
  }

  void AddReverse(const mesh::NetworkMap& map) {
    if (!map.settings) {
      return;
    }
    for (const IpPrefix& prefix : map.settings->mesh_prefixes) {
      for (const std::string& zone : ReverseZones(prefix)) {
        AddOnce(plan_.system.routed, zone);
      }
    }
  }

  [[nodiscard]] bool HasDomain() const {
    return IsPlain(plan_.config.domain) && IsUsable({});
  }

  DnsPlan plan_;

 private:
  [[nodiscard]] bool IsUsable(dns::DnsConfig part) const {
    part.domain = plan_.config.domain;
    return dns::CheckDnsConfig(part).has_value();
  }

  void LeaveOut(const std::string& text) {
    plan_.left_out.push_back("DNS: left out " + text);
  }

  void AddRoute(dns::SplitRoute route) {
    const bool is_all = route.suffix == kAllNames;
    if ((!is_all && !IsPlain(route.suffix)) || !IsUsable({.routes = {route}})) {
      LeaveOut("the route of \"" + route.suffix +
               "\": it has no resolver, is no domain, or is inside the mesh's");
      return;
    }
    plan_.system.takes_all = plan_.system.takes_all || is_all;
    if (!is_all) {
      AddOnce(plan_.system.routed, route.suffix);
    }
    plan_.config.routes.push_back(std::move(route));
  }

  void AddRecord(const mesh::DnsRecordInfo& info) {
    const std::string name = WithoutFinalDot(info.name);
    const std::string full =
        name.contains('.') ? name : name + "." + plan_.config.domain;
    const auto parsed = dns::Name::FromText(full);
    const auto domain = dns::Name::FromText(plan_.config.domain);
    if (!IsPlain(name) || !parsed || !domain) {
      LeaveOut("the record \"" + info.name + "\": it is no name of DNS");
      return;
    }
    plan_.config.extra.push_back({.name = *parsed,
                                  .type = info.address.is_v4()
                                              ? dns::RecordType::kA
                                              : dns::RecordType::kAaaa,
                                  .ttl = kRecordTtl,
                                  .data = info.address});
    if (!parsed->IsWithin(*domain)) {
      AddOnce(plan_.system.routed, full);
    }
  }

  static constexpr uint32_t kRecordTtl = 60;  ///< seconds, as of nodes' names

  const mesh::DnsInfo& info_;
};

}  // namespace

std::optional<DnsPlan> MakeDnsPlan(const mesh::NetworkMap& map,
                                   const std::string& interface) {
  if (!map.self || !map.dns || map.self->addresses.empty()) {
    return std::nullopt;
  }
  Planner planner(*map.dns, interface);
  if (!planner.HasDomain()) {
    return std::nullopt;
  }
  planner.plan_.system.servers = map.self->addresses;
  planner.AddHost(map.self->name, map.self->addresses);
  for (const auto& [id, peer] : map.peers) {
    planner.AddHost(peer.name, peer.addresses);
  }
  planner.AddRoutes();
  planner.AddSearch();
  planner.AddRecords();
  planner.AddReverse(map);
  return std::move(planner.plan_);
}

std::vector<std::string> ReverseZones(const IpPrefix& prefix) {
  const dns::Name full = dns::Name::Reverse(prefix.address().bytes());
  const bool is_v4 = prefix.address().is_v4();
  const int label_bits = is_v4 ? 8 : 4;
  const int all_bits = is_v4 ? 32 : 128;
  // The whole labels from the left of the address, rounded up.
  const int labels =
      std::max(1, (prefix.length() + label_bits - 1) / label_bits);
  dns::Name zone = full;
  for (int skip = all_bits / label_bits - labels; skip > 0; --skip) {
    zone = zone.Parent();
  }
  const std::string parent = zone.Parent().ToText();
  const int free_bits = labels * label_bits - prefix.length();
  const int byte =
      prefix.address()
          .bytes()[static_cast<size_t>((labels * label_bits - 1) / 8)];
  const bool is_high_nibble = !is_v4 && labels % 2 == 1;
  const int first = is_v4 ? byte : is_high_nibble ? byte >> 4 : byte & 0xf;
  std::vector<std::string> zones;
  for (int i = first; i < first + (1 << free_bits); ++i) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const std::string label =
        is_v4 ? std::to_string(i)
              : std::string(1, kHex.at(static_cast<size_t>(i)));
    zones.push_back(label + "." + parent);
  }
  return zones;
}

}  // namespace natkit::meshnode
