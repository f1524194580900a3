#include "natkit/io/policy_routing.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>

#include "netlink.h"
#include "sockaddr.h"

namespace natkit::io {

namespace {

uint8_t FamilyByte(AddressFamily family) {
  return static_cast<uint8_t>(DomainOf(family));
}

uint8_t TypeOf(TableRoute::Kind kind) {
  switch (kind) {
    case TableRoute::Kind::kInterface:
      return RTN_UNICAST;
    case TableRoute::Kind::kUnreachable:
      return RTN_UNREACHABLE;
    case TableRoute::Kind::kThrow:
      return RTN_THROW;
  }
  return RTN_UNICAST;
}

TableRoute::Kind KindOf(uint8_t type) {
  switch (type) {
    case RTN_UNREACHABLE:
      return TableRoute::Kind::kUnreachable;
    case RTN_THROW:
      return TableRoute::Kind::kThrow;
    default:
      return TableRoute::Kind::kInterface;
  }
}

Result<void> ChangeRoute(uint16_t type, uint16_t flags,
                         const TableRoute& route) {
  const bool has_interface = route.kind == TableRoute::Kind::kInterface;
  rtmsg body{};
  body.rtm_family = FamilyByte(route.to.address().family());
  body.rtm_dst_len = static_cast<uint8_t>(route.to.length());
  body.rtm_table = RT_TABLE_UNSPEC;
  body.rtm_protocol = kOwnProtocol;
  body.rtm_scope = route.to.address().is_v4() && has_interface
                       ? RT_SCOPE_LINK
                       : RT_SCOPE_UNIVERSE;
  body.rtm_type = TypeOf(route.kind);
  NetlinkRequest request(type, flags, body);
  request.Add(RTA_DST, route.to.address().bytes());
  if (has_interface) {
    request.AddU32(RTA_OIF, route.interface);
  }
  request.AddU32(RTA_TABLE, route.table);
  request.AddU32(RTA_PRIORITY, route.metric);
  return Transact(request);
}

void AddPort(NetlinkRequest& request, uint16_t type, uint16_t port) {
  if (port != 0) {
    const fib_rule_port_range range{.start = port, .end = port};
    std::array<uint8_t, sizeof range> bytes{};
    std::memcpy(bytes.data(), &range, sizeof range);
    request.Add(type, bytes);
  }
}

Result<void> ChangeRule(uint16_t type, uint16_t flags, const PolicyRule& rule) {
  fib_rule_hdr body{};
  body.family = FamilyByte(rule.family);
  body.dst_len = static_cast<uint8_t>(rule.to ? rule.to->length() : 0);
  body.table = RT_TABLE_UNSPEC;
  body.action = FR_ACT_TO_TBL;
  body.flags = rule.unless_mark ? FIB_RULE_INVERT : 0U;
  NetlinkRequest request(type, flags, body);
  if (rule.to) {
    request.Add(FRA_DST, rule.to->address().bytes());
  }
  request.AddU32(FRA_PRIORITY, rule.priority);
  request.AddU32(FRA_TABLE, rule.table);
  if (const auto mark = rule.unless_mark ? rule.unless_mark : rule.only_mark) {
    request.AddU32(FRA_FWMARK, *mark);
    request.AddU32(FRA_FWMASK, 0xFFFFFFFFU);
  }
  if (rule.suppress_prefix_length) {
    request.AddU32(FRA_SUPPRESS_PREFIXLEN, *rule.suppress_prefix_length);
  }
  if (rule.ip_protocol != 0) {
    request.Add(FRA_IP_PROTO, std::array{rule.ip_protocol});
  }
  AddPort(request, FRA_SPORT_RANGE, rule.source_port);
  AddPort(request, FRA_DPORT_RANGE, rule.destination_port);
  request.Add(FRA_PROTOCOL, std::array{kOwnProtocol});
  return Transact(request);
}

using Attributes = std::map<uint16_t, ByteView>;

Attributes ReadAttributes(ByteView rest) {
  Attributes out;
  while (rest.size() >= sizeof(rtattr)) {
    rtattr head{};
    std::memcpy(&head, rest.data(), sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > rest.size()) {
      break;
    }
    out[head.rta_type] = rest.first(head.rta_len).subspan(RTA_LENGTH(0));
    const size_t step = RTA_ALIGN(head.rta_len);
    rest = rest.subspan(step < rest.size() ? step : rest.size());
  }
  return out;
}

uint32_t ReadU32(const Attributes& attributes, uint16_t type) {
  uint32_t value = 0;
  const auto found = attributes.find(type);
  if (found != attributes.end() && found->second.size() == sizeof value) {
    std::memcpy(&value, found->second.data(), sizeof value);
  }
  return value;
}

/// The fixed part of a message and the attributes behind it.
template <class Body>
std::optional<Attributes> Split(ByteView message, Body& body) {
  if (message.size() < sizeof body) {
    return std::nullopt;
  }
  std::memcpy(&body, message.data(), sizeof body);
  const size_t start = NLMSG_ALIGN(sizeof body);
  return ReadAttributes(
      message.subspan(start < message.size() ? start : message.size()));
}

std::optional<TableRoute> ReadRoute(AddressFamily family, ByteView message) {
  rtmsg body{};
  const auto attributes = Split(message, body);
  if (!attributes || body.rtm_protocol != kOwnProtocol) {
    return std::nullopt;
  }
  IpAddress to =
      family == AddressFamily::kIpv4 ? IpAddress() : IpAddress::V6({});
  if (const auto found = attributes->find(RTA_DST);
      found != attributes->end()) {
    to = IpAddress::FromBytes(found->second).value_or(to);
  }
  const auto prefix = IpPrefix::Make(to, body.rtm_dst_len);
  if (!prefix) {
    return std::nullopt;
  }
  TableRoute route{.to = *prefix,
                   .table = ReadU32(*attributes, RTA_TABLE),
                   .kind = KindOf(body.rtm_type),
                   .interface = ReadU32(*attributes, RTA_OIF),
                   .metric = ReadU32(*attributes, RTA_PRIORITY)};
  if (route.kind != TableRoute::Kind::kInterface) {
    route.interface = 0;  // IPv6 names the loopback
  }
  return route;
}

std::optional<PolicyRule> ReadRule(AddressFamily family, ByteView message) {
  fib_rule_hdr body{};
  const auto attributes = Split(message, body);
  const auto owner = attributes ? attributes->find(FRA_PROTOCOL)
                                : Attributes::const_iterator();
  if (!attributes || owner == attributes->end() || owner->second.size() != 1 ||
      owner->second[0] != kOwnProtocol) {
    return std::nullopt;
  }
  return PolicyRule{.family = family,
                    .priority = ReadU32(*attributes, FRA_PRIORITY),
                    .table = ReadU32(*attributes, FRA_TABLE)};
}

}  // namespace

Result<void> PutRoute(const TableRoute& route) {
  return ChangeRoute(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
}

Result<void> RemoveRoute(const TableRoute& route) {
  return ChangeRoute(RTM_DELROUTE, 0, route);
}

Result<std::vector<TableRoute>> ListRoutes(AddressFamily family,
                                           uint32_t table) {
  rtmsg body{};
  body.rtm_family = FamilyByte(family);
  NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP, body);
  std::vector<TableRoute> out;
  const auto done = Dump(request, [&](ByteView message) {
    const auto route = ReadRoute(family, message);
    if (route && route->table == table) {
      out.push_back(*route);
    }
  });
  return done ? Result<std::vector<TableRoute>>(std::move(out))
              : std::unexpected(done.error());
}

Result<void> AddRule(const PolicyRule& rule) {
  return ChangeRule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
}

Result<void> RemoveRule(const PolicyRule& rule) {
  return ChangeRule(RTM_DELRULE, 0, rule);
}

Result<std::vector<PolicyRule>> ListRules(AddressFamily family, uint32_t first,
                                          uint32_t last) {
  fib_rule_hdr body{};
  body.family = FamilyByte(family);
  NetlinkRequest request(RTM_GETRULE, NLM_F_DUMP, body);
  std::vector<PolicyRule> out;
  const auto done = Dump(request, [&](ByteView message) {
    const auto rule = ReadRule(family, message);
    if (rule && rule->priority >= first && rule->priority <= last) {
      out.push_back(*rule);
    }
  });
  return done ? Result<std::vector<PolicyRule>>(std::move(out))
              : std::unexpected(done.error());
}

}  // namespace natkit::io
