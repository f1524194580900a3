#include <algorithm>
#include <array>
#include <charconv>

#include "natkit/mesh/policy/policy.h"

namespace natkit::mesh::policy {

namespace {

struct ProtocolEntry {
  std::string_view name;
  uint8_t number;
};

// IANA "Assigned Internet Protocol Numbers"; the first name of a number is the
// one that is printed.
constexpr std::array kProtocols = {
    ProtocolEntry{"hopopt", 0},       ProtocolEntry{"icmp", 1},
    ProtocolEntry{"igmp", 2},         ProtocolEntry{"ggp", 3},
    ProtocolEntry{"ipv4", 4},         ProtocolEntry{"ip-in-ip", 4},
    ProtocolEntry{"st", 5},           ProtocolEntry{"tcp", 6},
    ProtocolEntry{"cbt", 7},          ProtocolEntry{"egp", 8},
    ProtocolEntry{"igp", 9},          ProtocolEntry{"pup", 12},
    ProtocolEntry{"udp", 17},         ProtocolEntry{"hmp", 20},
    ProtocolEntry{"xns-idp", 22},     ProtocolEntry{"rdp", 27},
    ProtocolEntry{"iso-tp4", 29},     ProtocolEntry{"dccp", 33},
    ProtocolEntry{"xtp", 36},         ProtocolEntry{"ddp", 37},
    ProtocolEntry{"idpr-cmtp", 38},   ProtocolEntry{"ipv6", 41},
    ProtocolEntry{"ipv6-route", 43},  ProtocolEntry{"ipv6-frag", 44},
    ProtocolEntry{"idrp", 45},        ProtocolEntry{"rsvp", 46},
    ProtocolEntry{"gre", 47},         ProtocolEntry{"esp", 50},
    ProtocolEntry{"ah", 51},          ProtocolEntry{"skip", 57},
    ProtocolEntry{"ipv6-icmp", 58},   ProtocolEntry{"ipv6-nonxt", 59},
    ProtocolEntry{"ipv6-opts", 60},   ProtocolEntry{"eigrp", 88},
    ProtocolEntry{"ospf", 89},        ProtocolEntry{"ospfigp", 89},
    ProtocolEntry{"ax.25", 93},       ProtocolEntry{"ipip", 94},
    ProtocolEntry{"etherip", 97},     ProtocolEntry{"encap", 98},
    ProtocolEntry{"pim", 103},        ProtocolEntry{"ipcomp", 108},
    ProtocolEntry{"vrrp", 112},       ProtocolEntry{"l2tp", 115},
    ProtocolEntry{"isis", 124},       ProtocolEntry{"sctp", 132},
    ProtocolEntry{"fc", 133},         ProtocolEntry{"udplite", 136},
    ProtocolEntry{"mpls-in-ip", 137}, ProtocolEntry{"manet", 138},
    ProtocolEntry{"shim6", 139},      ProtocolEntry{"wesp", 140},
    ProtocolEntry{"rohc", 141},       ProtocolEntry{"ethernet", 143},
};

}  // namespace

std::optional<uint8_t> ParseProtocol(std::string_view text) {
  std::string lower(text.substr(0, 32));
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto it = std::ranges::find(kProtocols, lower, &ProtocolEntry::name);
  if (it != kProtocols.end()) {
    return it->number;
  }
  uint8_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (text.empty() || failure != std::errc{} || stop != end ||
      (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  return number;
}

std::string ProtocolName(uint8_t protocol) {
  const auto it =
      std::ranges::find(kProtocols, protocol, &ProtocolEntry::number);
  return it == kProtocols.end() ? std::to_string(protocol)
                                : std::string(it->name);
}

}  // namespace natkit::mesh::policy
