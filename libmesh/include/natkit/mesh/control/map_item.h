#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/mesh/control/identity.h"
#include "natkit/mesh/port_range.h"
#include "natkit/mesh/time_window.h"

namespace natkit::mesh {

/// A point on the wall clock (Unix time, UTC), to the millisecond.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// The kinds of things a network map is made of. The numbers are on the wire.
enum class ItemClass : uint8_t {
  kSelf = 1,
  kPeer = 2,    ///< id: its NodeId
  kRule = 3,    ///< id: the rule's; sub: RuleDirection
  kMember = 4,  ///< id: the rule's; sub: see MemberKey()
  kRoute = 5,   ///< id: RouteItemId() of the prefix
  kExit = 6,    ///< id: the NodeId of a node that leads to the internet
  kRelay = 7,   ///< id: the relay's
  kDns = 8,
  kSettings = 9,
};

/// Names one item of a map. A class that a reader does not know is kept, counts
/// in the digest and means nothing.
struct ItemKey {
  uint32_t item_class = 0;
  uint64_t id = 0;
  uint64_t sub = 0;
  auto operator<=>(const ItemKey&) const = default;
};

[[nodiscard]] ItemKey KeyOf(ItemClass item_class, uint64_t id = 0,
                            uint64_t sub = 0);

/// Whether a rule lets its reader reach others, or others the reader.
enum class RuleDirection : uint8_t { kInbound = 0, kOutbound = 1 };

/// A node that takes part in a rule, on the other side than the reader.
[[nodiscard]] ItemKey MemberKey(uint64_t rule, RuleDirection direction,
                                NodeId member);

/// A stable name for a route's item (keyed by nothing: FNV-1a over the prefix).
[[nodiscard]] uint64_t RouteItemId(const IpPrefix& prefix);

/// A network map's item as it travels.
struct MapItem {
  ItemKey key;
  std::vector<uint8_t> body;
  bool operator==(const MapItem&) const = default;
};

/// The reader itself.
struct SelfInfo {
  std::string name;
  std::string user;  ///< empty for a tagged node
  std::vector<std::string> tags;
  std::vector<IpAddress> addresses;
  std::vector<IpPrefix> approved_routes;
  bool may_be_exit = false;
  std::optional<WallTime> key_expiry;
  PublicKey node_key;
  std::optional<PublicKey> next_key;
  bool operator==(const SelfInfo&) const = default;
};

/// A node that the reader may reach or be reached by.
struct PeerInfo {
  std::string name;
  std::string user;
  std::vector<std::string> tags;
  std::vector<IpAddress> addresses;
  PublicKey node_key;
  std::optional<PublicKey> next_key;  ///< announced, not yet in use
  PublicKey signalling_key;
  uint64_t home_relay = 0;
  std::vector<Endpoint> endpoints;  ///< as the node reports them: hints
  bool is_online = false;
  /// By whom nodes trust beside the server; empty: nobody signed.
  std::vector<uint8_t> key_signature;
  bool operator==(const PeerInfo&) const = default;
};

/// A time window with what its zone's name means from now on.
struct WindowInfo {
  TimeWindow window;
  ZoneRules rules;
  bool operator==(const WindowInfo&) const = default;
};

/// One compiled rule as its reader needs it: its own side reduced to its own
/// addresses, of the other side what is no node (nodes are members).
struct RuleInfo {
  bool own_identity = false;  ///< all addresses of the reader
  std::vector<IpPrefix> own;
  std::vector<IpPrefix> others;
  std::vector<PortRange> ports;    ///< empty: all
  std::vector<uint8_t> protocols;  ///< empty: TCP, UDP, ICMP, ICMPv6
  /// Unset: always. Set and empty: never (all windows were unknown).
  std::optional<std::vector<WindowInfo>> windows;
  bool operator==(const RuleInfo&) const = default;
};

/// A network behind a node, and which of those that lead there is used.
struct RouteInfo {
  IpPrefix prefix;
  NodeId owner = 0;
  bool operator==(const RouteInfo&) const = default;
};

struct RelayInfo {
  std::string name;
  std::string host;
  uint16_t port = 443;
  std::string pin;
  bool is_plain = false;
  uint16_t stun_port = 3478;
  bool operator==(const RelayInfo&) const = default;
};

struct DnsRouteInfo {
  std::string suffix;
  std::vector<Endpoint> resolvers;
  bool operator==(const DnsRouteInfo&) const = default;
};

struct DnsRecordInfo {
  std::string name;
  IpAddress address;
  bool operator==(const DnsRecordInfo&) const = default;
};

struct DnsInfo {
  std::string domain;
  std::vector<DnsRouteInfo> routes;
  std::vector<Endpoint> resolvers;
  std::vector<std::string> search;
  std::vector<DnsRecordInfo> records;
  bool operator==(const DnsInfo&) const = default;
};

struct SettingsInfo {
  std::string mesh_name;
  uint16_t mtu = 1280;
  std::vector<Endpoint> stun_servers;
  std::vector<IpPrefix> mesh_prefixes;
  bool operator==(const SettingsInfo&) const = default;
};

/// Bounds of one item; what exceeds them does not decode.
inline constexpr size_t kMaxItemBody = 64 * 1024;
inline constexpr size_t kMaxNameLength = 253;
inline constexpr size_t kMaxItemList = 4096;

// Bodies. Encoding is deterministic within a build. Decoding skips fields it
// does not know. Errors: kBadControl.
[[nodiscard]] std::vector<uint8_t> EncodeItem(const SelfInfo& info);
[[nodiscard]] std::vector<uint8_t> EncodeItem(const PeerInfo& info);
[[nodiscard]] std::vector<uint8_t> EncodeItem(const RuleInfo& info);
[[nodiscard]] std::vector<uint8_t> EncodeItem(const RouteInfo& info);
[[nodiscard]] std::vector<uint8_t> EncodeItem(const RelayInfo& info);
[[nodiscard]] std::vector<uint8_t> EncodeItem(const DnsInfo& info);
[[nodiscard]] std::vector<uint8_t> EncodeItem(const SettingsInfo& info);

[[nodiscard]] Result<SelfInfo> DecodeSelf(ByteView body);
[[nodiscard]] Result<PeerInfo> DecodePeer(ByteView body);
/// A window that does not decode closes the rule (mesh.md section 4.1: an
/// unknown part of a filter denies).
[[nodiscard]] Result<RuleInfo> DecodeRule(ByteView body);
[[nodiscard]] Result<RouteInfo> DecodeRoute(ByteView body);
[[nodiscard]] Result<RelayInfo> DecodeRelay(ByteView body);
[[nodiscard]] Result<DnsInfo> DecodeDns(ByteView body);
[[nodiscard]] Result<SettingsInfo> DecodeSettings(ByteView body);

}  // namespace natkit::mesh
