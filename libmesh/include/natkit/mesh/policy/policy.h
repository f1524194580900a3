#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/mesh/policy/diagnostic.h"
#include "natkit/mesh/policy/posture.h"
#include "natkit/mesh/time_window.h"

namespace natkit::mesh::policy {

/// How a source, destination or owner is named.
enum class SelectorKind : uint8_t {
  kAny,        ///< *
  kUser,       ///< alice@example.com
  kGroup,      ///< group:x
  kTag,        ///< tag:x
  kMember,     ///< autogroup:member
  kTagged,     ///< autogroup:tagged
  kSelf,       ///< autogroup:self
  kInternet,   ///< autogroup:internet
  kDangerAll,  ///< autogroup:danger-all
  kRole,       ///< autogroup:admin and the other roles of users
  kPrefix,     ///< an address or a CIDR
  kHost,       ///< an alias of `hosts`
  kIpSet       ///< ipset:x
};

/// One name in a rule.
struct Selector {
  SelectorKind kind = SelectorKind::kAny;
  std::string text;  ///< as it was written: "group:eng"
  std::string name;  ///< without the prefix: "eng"; a user without a last '@'
  std::vector<IpPrefix> prefixes;  ///< kPrefix, kHost: one; kIpSet: its parts
  Position at;
};

/// Ports from `first` to `last`, both included.
struct PortRange {
  uint16_t first = 0;
  uint16_t last = 65535;
  auto operator<=>(const PortRange&) const = default;
};

/// Sorted, without overlap; empty: all ports.
using Ports = std::vector<PortRange>;

/// When and from which machines a rule holds, beyond who and where.
struct Conditions {
  std::vector<TimeWindow> windows;    ///< any open one suffices; empty: always
  std::vector<std::string> postures;  ///< any suffices; empty: any machine
};

/// "tag:web:80,443" in an ACL.
struct Destination {
  Selector host;
  Ports ports;
  std::string text;
};

/// One entry of `acls`.
struct AclRule {
  Position at;
  std::vector<Selector> src;
  std::vector<Destination> dst;
  std::optional<uint8_t> protocol;  ///< absent: TCP, UDP, ICMP, ICMPv6
  Conditions conditions;
};

/// One `ip` entry of a grant: "tcp:443".
struct IpGrant {
  std::optional<uint8_t> protocol;  ///< absent: TCP, UDP, ICMP, ICMPv6
  Ports ports;
};

/// One capability of a grant, with its values as JSON text.
struct AppGrant {
  std::string name;
  std::string values;
};

/// One entry of `grants`.
struct GrantRule {
  Position at;
  std::vector<Selector> src;
  std::vector<Selector> dst;
  std::vector<IpGrant> ip;
  std::vector<AppGrant> app;
  std::vector<std::string> via;  ///< tags
  Conditions conditions;
};

/// One entry of `ssh`. It opens no port: that takes a rule of its own.
struct SshRule {
  Position at;
  bool is_check = false;  ///< the user must have logged in lately
  std::vector<Selector> src;
  std::vector<Selector> dst;
  std::vector<std::string> users;
  /// Of a check: how long a login counts, in seconds; 0: asked each time.
  uint32_t check_period = 12 * 3600;
  std::vector<std::string> accept_env;
};

/// One entry of `nodeAttrs`.
struct NodeAttrRule {
  std::vector<Selector> targets;
  std::vector<std::string> attributes;
  std::vector<IpPrefix> ip_pool;
};

/// A moment of the week on the wall's clock.
struct WeekTime {
  uint8_t day = 0;      ///< 0 is Monday
  uint16_t minute = 0;  ///< after midnight
};

/// One host and port of a test.
struct TestTarget {
  Selector host;
  uint16_t port = 0;
  std::string text;
};

/// One entry of `tests`.
struct PolicyTest {
  Position at;
  Selector src;
  std::optional<uint8_t> protocol;  ///< absent: TCP or UDP, either
  std::vector<TestTarget> accept;
  std::vector<TestTarget> deny;
  Attributes attributes;         ///< what the source's machine reports
  std::optional<WeekTime> when;  ///< absent: at every time
};

/// One entry of `sshTests`.
struct SshTest {
  Position at;
  Selector src;
  std::vector<Selector> dst;
  std::vector<std::string> accept;
  std::vector<std::string> check;
  std::vector<std::string> deny;
};

/// Who gets routes approved without being asked.
struct RouteApprover {
  IpPrefix prefix;
  std::vector<Selector> approvers;
};

/// A policy file as a value. Names in it are defined and well-formed once
/// ParsePolicy() found no error.
struct Policy {
  std::map<std::string, std::vector<std::string>> groups;  ///< "eng": logins
  std::map<std::string, IpPrefix> hosts;
  std::map<std::string, std::vector<IpPrefix>> ip_sets;
  std::map<std::string, std::vector<Selector>> tag_owners;  ///< "web": owners
  std::map<std::string, Posture> postures;  ///< "posture:healthy"
  /// Absent and empty differ: with neither acls nor grants all is allowed.
  std::optional<std::vector<AclRule>> acls;
  std::optional<std::vector<GrantRule>> grants;
  std::vector<SshRule> ssh;
  std::vector<NodeAttrRule> node_attrs;
  std::vector<RouteApprover> route_approvers;
  std::vector<Selector> exit_approvers;
  std::vector<PolicyTest> tests;
  std::vector<SshTest> ssh_tests;
};

/// What the parser cannot know by itself.
struct PolicyOptions {
  /// Whether a time zone of this name exists; empty: any name is taken.
  std::function<bool(std::string_view)> zone_exists;
  /// Domains of the network's users, for `localpart:*@domain` in ssh rules;
  /// empty: any domain is taken.
  std::vector<std::string> domains;
};

/// A policy and everything found wrong with it, in the order of the file. The
/// policy of a file with errors allows nothing.
struct PolicyResult {
  Policy policy;
  std::vector<Diagnostic> diagnostics;

  /// True when there is no error; warnings are allowed.
  [[nodiscard]] bool is_usable() const;
};

/// Findings of one file; what follows is summed up in one line.
inline constexpr size_t kMaxPolicyFindings = 100;

/// Parses and checks a policy file (docs/policy.md). Never throws; a syntax
/// error ends it, other errors are collected. Does not run the file's tests:
/// see RunTests().
[[nodiscard]] PolicyResult ParsePolicy(std::string_view text,
                                       const PolicyOptions& options = {});

/// The number of an IANA protocol name (any case) or of "0" to "255" without
/// leading zeros.
[[nodiscard]] std::optional<uint8_t> ParseProtocol(std::string_view text);
/// "tcp", or the number where no name is known.
[[nodiscard]] std::string ProtocolName(uint8_t protocol);
/// "*", "22", "80,443,8000-8080".
[[nodiscard]] std::string ToString(const Ports& ports);

inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIcmp6 = 58;
inline constexpr uint8_t kProtocolSctp = 132;

}  // namespace natkit::mesh::policy
