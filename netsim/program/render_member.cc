#include <chrono>
#include <iomanip>
#include <sstream>

#include "json_text.h"
#include "render.h"

namespace natkit::netsim::program {
namespace {

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string ProtocolName(uint8_t protocol) {
  switch (protocol) {
    case 1:
      return "icmp";
    case 6:
      return "tcp";
    case 17:
      return "udp";
    case 58:
      return "icmpv6";
    default:
      return std::to_string(protocol);
  }
}

void AddMappings(const MemberView& view, std::ostream& out) {
  out << CountOf(view.mappings.size(), "mapping", "mappings") << ", "
      << CountOf(view.sessions, "session", "sessions") << '\n';
  for (const MemberView::Mapping& mapping : view.mappings) {
    out << "  " << std::left << std::setw(7) << ProtocolName(mapping.protocol)
        << std::setw(24) << mapping.inside.ToString() << std::setw(24)
        << mapping.external.ToString();
    if (mapping.expires_in) {
      out << std::fixed << std::setprecision(1) << Seconds(*mapping.expires_in)
          << " s left\n";
    } else {
      out << "forever\n";
    }
  }
}

void AddLinks(const MemberView& view, std::ostream& out) {
  for (const LinkView& link : view.links) {
    out << "link " << link.direction << " on " << link.network << ": "
        << (!link.is_plugged        ? "unplugged"
            : link.settings.empty() ? "perfect"
                                    : link.settings);
    const LinkCounters& c = link.counters;
    out << ", " << c.sent << " sent, " << c.delivered << " delivered";
    const auto add = [&out](uint64_t value, std::string_view what) {
      if (value != 0) {
        out << ", " << value << ' ' << what;
      }
    };
    add(c.lost, "lost");
    add(c.duplicated, "duplicated");
    add(c.reordered, "reordered");
    add(c.dropped_queue, "dropped by the queue");
    add(c.dropped_mtu, "too large");
    add(c.dropped_blackhole, "lost in a blackhole");
    out << '\n';
  }
}

std::string JsonMapping(const MemberView::Mapping& mapping) {
  std::ostringstream out;
  out << "{\"protocol\":" << Json(ProtocolName(mapping.protocol))
      << ",\"inside\":" << Json(mapping.inside.ToString())
      << ",\"external\":" << Json(mapping.external.ToString())
      << ",\"expires_in\":";
  if (mapping.expires_in) {
    out << Seconds(*mapping.expires_in);
  } else {
    out << "null";
  }
  out << '}';
  return out.str();
}

std::string JsonLink(const LinkView& link) {
  std::ostringstream out;
  const LinkCounters& c = link.counters;
  out << "{\"network\":" << Json(link.network)
      << ",\"direction\":" << Json(link.direction)
      << ",\"settings\":" << Json(link.settings)
      << ",\"plugged\":" << (link.is_plugged ? "true" : "false")
      << ",\"sent\":" << c.sent << ",\"delivered\":" << c.delivered
      << ",\"lost\":" << c.lost << ",\"duplicated\":" << c.duplicated
      << ",\"reordered\":" << c.reordered
      << ",\"dropped_queue\":" << c.dropped_queue
      << ",\"dropped_mtu\":" << c.dropped_mtu
      << ",\"dropped_blackhole\":" << c.dropped_blackhole << '}';
  return out.str();
}

template <class T, class Render>
std::string JsonArray(const std::vector<T>& items, Render render) {
  std::string out = "[";
  for (const T& item : items) {
    out += (out.size() > 1 ? "," : "") + render(item);
  }
  return out + "]";
}

}  // namespace

std::string RenderMember(const MemberView& view) {
  std::ostringstream out;
  if (view.external) {
    out << view.name << " at " << view.external->ToString() << '\n';
    AddMappings(view, out);
    for (const auto& [name, value] : view.counters) {
      if (value != 0) {
        out << name << ' ' << value << '\n';
      }
    }
  }
  AddLinks(view, out);
  return out.str();
}

std::string RenderMemberJson(const MemberView& view) {
  std::ostringstream out;
  out << "{\"schema\":\"natkit-netsim-show-1\",\"name\":" << Json(view.name)
      << ",\"external\":"
      << (view.external ? Json(view.external->ToString()) : "null")
      << ",\"sessions\":" << view.sessions << ",\"counters\":" << '{';
  std::string_view separator;
  for (const auto& [name, value] : view.counters) {
    out << separator << Json(name) << ':' << value;
    separator = ",";
  }
  out << "},\"mappings\":" << JsonArray(view.mappings, JsonMapping)
      << ",\"links\":" << JsonArray(view.links, JsonLink) << "}\n";
  return out.str();
}

}  // namespace natkit::netsim::program
