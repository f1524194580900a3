#include <utility>

#include "control/proto_support.h"
#include "natkit/base/check.h"
#include "natkit/mesh/control/map_item.h"
#include "natkit/mesh/tag.h"

namespace natkit::mesh {

namespace {

constexpr size_t kMaxAddresses = 16;
constexpr size_t kMaxSignature = 4096;
constexpr size_t kMaxPosixZone = 256;

template <class Message>
std::vector<uint8_t> Serialize(const Message& message) {
  std::vector<uint8_t> out(message.ByteSizeLong());
  NATKIT_CHECK(
      message.SerializeToArray(out.data(), static_cast<int>(out.size())));
  return out;
}

template <class Message>
bool Parse(ByteView body, Message& message) {
  return body.size() <= kMaxItemBody &&
         message.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

bool IsName(const std::string& text) {
  return text.size() <= kMaxNameLength;
}

std::optional<uint16_t> ToU16(uint32_t value) {
  return value <= 0xffff ? std::optional(static_cast<uint16_t>(value))
                         : std::nullopt;
}

}  // namespace

static void ToWire(const PortRange& from, wire::PortRange& to) {
  to.set_first(from.first);
  to.set_last(from.last);
}

static bool FromWire(const wire::PortRange& from, PortRange& to) {
  const auto first = ToU16(from.first());
  const auto last = ToU16(from.last());
  if (!first || !last || *first > *last) {
    return false;
  }
  to = {.first = *first, .last = *last};
  return true;
}

static void ToWire(const WindowInfo& from, wire::Window& to) {
  to.set_days(from.window.days);
  to.set_from_minute(from.window.from_minute);
  to.set_to_minute(from.window.to_minute);
  to.set_zone(from.window.zone);
  to.set_first_offset(from.rules.first_offset);
  for (const ZoneTransition& transition : from.rules.transitions) {
    auto& entry = *to.add_transitions();
    entry.set_unix_seconds(transition.at);
    entry.set_utc_offset(transition.offset);
  }
  to.set_posix_zone(FormatPosixZone(from.rules.tail));
}

namespace {

bool RulesFromWire(const wire::Window& from, ZoneRules& to) {
  if (from.posix_zone().size() > kMaxPosixZone ||
      static_cast<size_t>(from.transitions_size()) > kMaxZoneTransitions) {
    return false;
  }
  const auto tail = ParsePosixZone(from.posix_zone());
  if (!tail) {
    return false;
  }
  to.tail = tail->tail;
  to.first_offset = from.first_offset();
  for (const auto& entry : from.transitions()) {
    to.transitions.push_back(
        {.at = entry.unix_seconds(), .offset = entry.utc_offset()});
  }
  return IsValid(to);
}

}  // namespace

static bool FromWire(const wire::Window& from, WindowInfo& to) {
  const auto from_minute = ToU16(from.from_minute());
  const auto to_minute = ToU16(from.to_minute());
  if (!from_minute || !to_minute || from.days() > 0x7f ||
      !IsName(from.zone())) {
    return false;
  }
  to.window = {.days = static_cast<uint8_t>(from.days()),
               .from_minute = *from_minute,
               .to_minute = *to_minute,
               .zone = from.zone()};
  return IsValid(to.window) && RulesFromWire(from, to.rules);
}

namespace {

/// Windows that this version cannot read are closed for good.
std::vector<WindowInfo> WindowsFromWire(const wire::WindowList& from) {
  std::vector<WindowInfo> windows;
  for (const auto& window : from.windows()) {
    WindowInfo info;
    if (windows.size() < kMaxItemList && FromWire(window, info)) {
      windows.push_back(std::move(info));
    }
  }
  return windows;
}

}  // namespace

static void ToWire(const DnsRouteInfo& from, wire::DnsRoute& to) {
  to.set_suffix(from.suffix);
  ListToWire(from.resolvers, *to.mutable_resolvers());
}

static bool FromWire(const wire::DnsRoute& from, DnsRouteInfo& to) {
  to.suffix = from.suffix();
  return IsName(to.suffix) &&
         ListFromWire(from.resolvers(), kMaxAddresses, to.resolvers);
}

static void ToWire(const DnsRecordInfo& from, wire::DnsRecord& to) {
  to.set_name(from.name);
  ToWire(from.address, *to.mutable_address());
}

static bool FromWire(const wire::DnsRecord& from, DnsRecordInfo& to) {
  to.name = from.name();
  return IsName(to.name) && FromWire(from.address(), to.address);
}

namespace {

int64_t ToUnixMs(const std::optional<WallTime>& time) {
  return time ? time->time_since_epoch().count() : 0;
}

void PutKey(const std::optional<PublicKey>& key, std::string& to) {
  to = key ? ToWire(key->bytes) : std::string();
}

}  // namespace

std::vector<uint8_t> EncodeItem(const SelfInfo& info) {
  wire::Self to;
  to.set_name(info.name);
  to.set_user(info.user);
  to.mutable_tags()->Assign(info.tags.begin(), info.tags.end());
  ListToWire(info.addresses, *to.mutable_addresses());
  ListToWire(info.approved_routes, *to.mutable_approved_routes());
  to.set_may_be_exit(info.may_be_exit);
  to.set_key_expiry_unix_ms(static_cast<uint64_t>(ToUnixMs(info.key_expiry)));
  to.set_node_key(ToWire(info.node_key.bytes));
  PutKey(info.next_key, *to.mutable_next_key());
  return Serialize(to);
}

Result<SelfInfo> DecodeSelf(ByteView body) {
  wire::Self from;
  SelfInfo to;
  if (!Parse(body, from) || !IsName(from.name()) || !IsName(from.user()) ||
      !StringsFromWire(from.tags(), kMaxItemList, kMaxTagLength, to.tags) ||
      !ListFromWire(from.addresses(), kMaxAddresses, to.addresses) ||
      !ListFromWire(from.approved_routes(), kMaxItemList, to.approved_routes) ||
      !FromWire(from.node_key(), to.node_key.bytes) ||
      !FromWire(from.next_key(), to.next_key)) {
    return Fail(Errc::kBadControl);
  }
  to.name = from.name();
  to.user = from.user();
  to.may_be_exit = from.may_be_exit();
  if (from.key_expiry_unix_ms() != 0) {
    to.key_expiry = WallTime(std::chrono::milliseconds(
        static_cast<int64_t>(from.key_expiry_unix_ms())));
  }
  return to;
}

std::vector<uint8_t> EncodeItem(const PeerInfo& info) {
  wire::Peer to;
  to.set_name(info.name);
  to.set_user(info.user);
  to.mutable_tags()->Assign(info.tags.begin(), info.tags.end());
  ListToWire(info.addresses, *to.mutable_addresses());
  to.set_node_key(ToWire(info.node_key.bytes));
  PutKey(info.next_key, *to.mutable_next_key());
  to.set_signalling_key(ToWire(info.signalling_key.bytes));
  to.set_home_relay(info.home_relay);
  ListToWire(info.endpoints, *to.mutable_endpoints());
  to.set_is_online(info.is_online);
  to.set_key_signature(ToWire(info.key_signature));
  return Serialize(to);
}

Result<PeerInfo> DecodePeer(ByteView body) {
  wire::Peer from;
  PeerInfo to;
  if (!Parse(body, from) || !IsName(from.name()) || !IsName(from.user()) ||
      !StringsFromWire(from.tags(), kMaxItemList, kMaxTagLength, to.tags) ||
      !ListFromWire(from.addresses(), kMaxAddresses, to.addresses) ||
      !ListFromWire(from.endpoints(), kMaxAddresses, to.endpoints) ||
      !FromWire(from.node_key(), to.node_key.bytes) ||
      !FromWire(from.next_key(), to.next_key) ||
      !FromWire(from.signalling_key(), to.signalling_key.bytes) ||
      from.key_signature().size() > kMaxSignature) {
    return Fail(Errc::kBadControl);
  }
  to.name = from.name();
  to.user = from.user();
  to.home_relay = from.home_relay();
  to.is_online = from.is_online();
  const ByteView signature = AsBytes(from.key_signature());
  to.key_signature.assign(signature.begin(), signature.end());
  return to;
}

std::vector<uint8_t> EncodeItem(const RuleInfo& info) {
  wire::Rule to;
  to.set_own_identity(info.own_identity);
  ListToWire(info.own, *to.mutable_own());
  ListToWire(info.others, *to.mutable_others());
  ListToWire(info.ports, *to.mutable_ports());
  to.mutable_protocols()->Assign(info.protocols.begin(), info.protocols.end());
  if (info.windows) {
    ListToWire(*info.windows, *to.mutable_windows()->mutable_windows());
  }
  return Serialize(to);
}

Result<RuleInfo> DecodeRule(ByteView body) {
  wire::Rule from;
  RuleInfo to;
  if (!Parse(body, from) || !ListFromWire(from.own(), kMaxItemList, to.own) ||
      !ListFromWire(from.others(), kMaxItemList, to.others) ||
      !ListFromWire(from.ports(), kMaxItemList, to.ports)) {
    return Fail(Errc::kBadControl);
  }
  to.own_identity = from.own_identity();
  for (const uint32_t protocol : from.protocols()) {
    if (protocol > 0xff) {
      return Fail(Errc::kBadControl);
    }
    to.protocols.push_back(static_cast<uint8_t>(protocol));
  }
  if (from.has_windows()) {
    to.windows = WindowsFromWire(from.windows());
  }
  return to;
}

std::vector<uint8_t> EncodeItem(const RouteInfo& info) {
  wire::Route to;
  ToWire(info.prefix, *to.mutable_prefix());
  to.set_owner(info.owner);
  return Serialize(to);
}

Result<RouteInfo> DecodeRoute(ByteView body) {
  wire::Route from;
  RouteInfo to;
  if (!Parse(body, from) || !FromWire(from.prefix(), to.prefix)) {
    return Fail(Errc::kBadControl);
  }
  to.owner = from.owner();
  return to;
}

std::vector<uint8_t> EncodeItem(const RelayInfo& info) {
  wire::Relay to;
  to.set_name(info.name);
  to.set_host(info.host);
  to.set_port(info.port);
  to.set_pin(info.pin);
  to.set_is_plain(info.is_plain);
  to.set_stun_port(info.stun_port);
  return Serialize(to);
}

Result<RelayInfo> DecodeRelay(ByteView body) {
  wire::Relay from;
  if (!Parse(body, from) || !IsName(from.name()) || !IsName(from.host()) ||
      !IsName(from.pin())) {
    return Fail(Errc::kBadControl);
  }
  const auto port = ToU16(from.port());
  const auto stun_port = ToU16(from.stun_port());
  if (!port || !stun_port || *port == 0) {
    return Fail(Errc::kBadControl);
  }
  return RelayInfo{.name = from.name(),
                   .host = from.host(),
                   .port = *port,
                   .pin = from.pin(),
                   .is_plain = from.is_plain(),
                   .stun_port = *stun_port};
}

std::vector<uint8_t> EncodeItem(const DnsInfo& info) {
  wire::Dns to;
  to.set_domain(info.domain);
  ListToWire(info.routes, *to.mutable_routes());
  ListToWire(info.resolvers, *to.mutable_resolvers());
  to.mutable_search()->Assign(info.search.begin(), info.search.end());
  ListToWire(info.records, *to.mutable_records());
  return Serialize(to);
}

Result<DnsInfo> DecodeDns(ByteView body) {
  wire::Dns from;
  DnsInfo to;
  if (!Parse(body, from) || !IsName(from.domain()) ||
      !ListFromWire(from.routes(), kMaxItemList, to.routes) ||
      !ListFromWire(from.resolvers(), kMaxAddresses, to.resolvers) ||
      !StringsFromWire(from.search(), kMaxAddresses, kMaxNameLength,
                       to.search) ||
      !ListFromWire(from.records(), kMaxItemList, to.records)) {
    return Fail(Errc::kBadControl);
  }
  to.domain = from.domain();
  return to;
}

std::vector<uint8_t> EncodeItem(const SettingsInfo& info) {
  wire::Settings to;
  to.set_mesh_name(info.mesh_name);
  to.set_mtu(info.mtu);
  ListToWire(info.stun_servers, *to.mutable_stun_servers());
  ListToWire(info.mesh_prefixes, *to.mutable_mesh_prefixes());
  return Serialize(to);
}

Result<SettingsInfo> DecodeSettings(ByteView body) {
  constexpr uint16_t kLeastMtu = 576;  // RFC 791
  wire::Settings from;
  SettingsInfo to;
  if (!Parse(body, from) || !IsName(from.mesh_name()) ||
      !ListFromWire(from.stun_servers(), kMaxAddresses, to.stun_servers) ||
      !ListFromWire(from.mesh_prefixes(), kMaxAddresses, to.mesh_prefixes)) {
    return Fail(Errc::kBadControl);
  }
  const auto mtu = ToU16(from.mtu());
  if (!mtu || *mtu < kLeastMtu) {
    return Fail(Errc::kBadControl);
  }
  to.mesh_name = from.mesh_name();
  to.mtu = *mtu;
  return to;
}

ItemKey KeyOf(ItemClass item_class, uint64_t id, uint64_t sub) {
  return {.item_class = std::to_underlying(item_class), .id = id, .sub = sub};
}

ItemKey MemberKey(uint64_t rule, RuleDirection direction, NodeId member) {
  return KeyOf(ItemClass::kMember, rule,
               member * 2 + std::to_underlying(direction));
}

uint64_t RouteItemId(const IpPrefix& prefix) {
  constexpr uint64_t kOffset = 0xcbf29ce484222325;
  constexpr uint64_t kPrime = 0x100000001b3;
  uint64_t hash = kOffset;
  const auto mix = [&hash](uint8_t byte) { hash = (hash ^ byte) * kPrime; };
  std::ranges::for_each(prefix.address().bytes(), mix);
  mix(static_cast<uint8_t>(prefix.length()));
  return hash;
}

}  // namespace natkit::mesh
