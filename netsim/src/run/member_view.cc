#include "run/member_view.h"

#include <array>
#include <chrono>
#include <sstream>

#include "scenario/link_settings.h"

namespace natkit::netsim {
namespace {

struct NamedNatCounter {
  std::string_view name;
  uint64_t NatCounters::* value;
};

constexpr std::array kNatCounters = {
    NamedNatCounter{"forwarded_out", &NatCounters::forwarded_out},
    NamedNatCounter{"forwarded_in", &NatCounters::forwarded_in},
    NamedNatCounter{"hairpinned", &NatCounters::hairpinned},
    NamedNatCounter{"dropped_malformed", &NatCounters::dropped_malformed},
    NamedNatCounter{"dropped_filtered", &NatCounters::dropped_filtered},
    NamedNatCounter{"dropped_unmapped", &NatCounters::dropped_unmapped},
    NamedNatCounter{"dropped_policy", &NatCounters::dropped_policy},
    NamedNatCounter{"dropped_full", &NatCounters::dropped_full},
    NamedNatCounter{"dropped_fragment", &NatCounters::dropped_fragment},
    NamedNatCounter{"dropped_ttl", &NatCounters::dropped_ttl},
    NamedNatCounter{"dropped_mtu", &NatCounters::dropped_mtu},
    NamedNatCounter{"mappings_made", &NatCounters::mappings_made},
    NamedNatCounter{"mappings_evicted", &NatCounters::mappings_evicted},
    NamedNatCounter{"icmp_errors_sent", &NatCounters::icmp_errors_sent},
};

void AddBox(const EthernetBox& box, Instant now, MemberView& view) {
  const NatEngine& engine = box.engine();
  view.external = engine.external_address();
  view.sessions = engine.session_count();
  for (const auto& [name, value] : kNatCounters) {
    view.counters.emplace_back(name, engine.counters().*value);
  }
  view.counters.emplace_back("dropped_no_route", box.dropped_no_route());
  for (const Side side : {Side::kInside, Side::kOutside}) {
    const EthernetCounters& port = box.port(side).counters();
    const std::string prefix = side == Side::kInside ? "inside_" : "outside_";
    view.counters.emplace_back(prefix + "dropped_unresolved",
                               port.dropped_unresolved);
    view.counters.emplace_back(prefix + "dropped_full", port.dropped_full);
  }
  for (const MappingView& mapping : engine.Mappings(now)) {
    std::optional<Duration> expires_in;
    if (mapping.expires_at) {
      expires_in = *mapping.expires_at - now;
    }
    view.mappings.push_back(
        {mapping.protocol, mapping.inside, mapping.external, expires_in});
  }
}

void WriteLink(const LinkView& link, std::ostream& out) {
  const LinkCounters& c = link.counters;
  out << "link " << link.network << ' ' << link.direction << ' '
      << link.is_plugged << ' ' << c.sent << ' ' << c.delivered << ' ' << c.lost
      << ' ' << c.duplicated << ' ' << c.reordered << ' ' << c.dropped_queue
      << ' ' << c.dropped_mtu << ' ' << c.dropped_blackhole << ' '
      << link.settings << '\n';
}

bool ReadLink(std::istream& words, LinkView& link) {
  LinkCounters& c = link.counters;
  words >> link.network >> link.direction >> link.is_plugged >> c.sent >>
      c.delivered >> c.lost >> c.duplicated >> c.reordered >> c.dropped_queue >>
      c.dropped_mtu >> c.dropped_blackhole;
  if (!words) {
    return false;
  }
  std::getline(words >> std::ws, link.settings);
  words.clear();  // there may be none
  return true;
}

bool ReadMapping(std::istream& words, MemberView::Mapping& mapping) {
  unsigned protocol = 0;
  std::string inside;
  std::string external;
  int64_t expires_in = 0;
  words >> protocol >> inside >> external >> expires_in;
  const auto inside_endpoint = Endpoint::Parse(inside);
  const auto external_endpoint = Endpoint::Parse(external);
  if (!words || protocol > 255 || !inside_endpoint || !external_endpoint) {
    return false;
  }
  mapping.protocol = static_cast<uint8_t>(protocol);
  mapping.inside = *inside_endpoint;
  mapping.external = *external_endpoint;
  if (expires_in >= 0) {
    mapping.expires_in = Duration(expires_in);
  }
  return true;
}

bool ReadLine(const std::string& line, MemberView& view) {
  std::istringstream words(line);
  std::string key;
  std::string text;
  words >> key;
  if (key == "member") {
    words >> view.name;
  } else if (key == "external") {
    words >> text;
    const auto address = IpAddress::Parse(text);
    view.external = address.value_or(IpAddress());
    return address.has_value();
  } else if (key == "sessions") {
    words >> view.sessions;
  } else if (key == "counter") {
    auto& [name, value] = view.counters.emplace_back();
    words >> name >> value;
  } else if (key == "mapping") {
    return ReadMapping(words, view.mappings.emplace_back());
  } else if (key == "link") {
    return ReadLink(words, view.links.emplace_back());
  } else {
    return false;
  }
  return !words.fail();
}

}  // namespace

std::optional<MemberView> ViewMember(const FabricPlan& plan,
                                     const Fabric& fabric, Instant now,
                                     std::string_view member) {
  const std::vector<size_t> ports = plan.FindPorts(member, "");
  if (ports.empty()) {
    return std::nullopt;
  }
  MemberView view;
  view.name = member;
  if (const auto box = plan.FindBox(member)) {
    AddBox(fabric.box(*box), now, view);
  }
  for (const size_t port : ports) {
    const auto [up, down] = fabric.links(port);
    const std::string& network = plan.networks[plan.config.ports[port].network];
    for (const auto& [link, direction] :
         {std::pair(up, "up"), std::pair(down, "down")}) {
      view.links.push_back({network, direction, FormatLink(link->config()),
                            fabric.is_plugged(port), link->counters()});
    }
  }
  return view;
}

std::string FormatView(const MemberView& view) {
  std::ostringstream out;
  out << "member " << view.name << '\n';
  if (view.external) {
    out << "external " << view.external->ToString() << '\n';
  }
  out << "sessions " << view.sessions << '\n';
  for (const auto& [name, value] : view.counters) {
    out << "counter " << name << ' ' << value << '\n';
  }
  for (const MemberView::Mapping& mapping : view.mappings) {
    out << "mapping " << unsigned{mapping.protocol} << ' '
        << mapping.inside.ToString() << ' ' << mapping.external.ToString()
        << ' ' << mapping.expires_in.value_or(Duration(-1)).count() << '\n';
  }
  for (const LinkView& link : view.links) {
    WriteLink(link, out);
  }
  return out.str();
}

std::optional<MemberView> ParseView(std::string_view text) {
  MemberView view;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (!ReadLine(line, view)) {
      return std::nullopt;
    }
  }
  return view;
}

}  // namespace natkit::netsim
