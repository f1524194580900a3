#include "natkit/mesh/coord/active_policy.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "policy/identity.h"
#include "policy/prefix_set.h"

namespace natkit::mesh {

namespace {

using policy::CompiledRule;
using policy::PolicyNode;
using policy::RuleRole;
using Prefixes = std::vector<IpPrefix>;

constexpr std::string_view kTagPrefix = "tag:";

const IpPrefix& AllIpv4() {
  static const IpPrefix kAll = *IpPrefix::Parse("0.0.0.0/0");
  return kAll;
}

const IpPrefix& AllIpv6() {
  static const IpPrefix kAll = *IpPrefix::Parse("::/0");
  return kAll;
}

/// One of the ViewRules that a rule becomes.
enum class InstanceFamily : uint8_t { kBoth = 0, kIpv4 = 4, kIpv6 = 6 };

/// Whether both sides may take part with addresses of one family only. Who
/// takes part by what it is does so with both.
bool IsSplit(const CompiledRule& rule) {
  return !rule.sources.prefixes.empty() &&
         (!rule.destinations.prefixes.empty() || rule.destinations.is_internet);
}

std::vector<InstanceFamily> FamiliesOf(const CompiledRule& rule) {
  if (IsSplit(rule)) {
    return {InstanceFamily::kIpv4, InstanceFamily::kIpv6};
  }
  return {InstanceFamily::kBoth};
}

Prefixes OnlyFamily(Prefixes prefixes, InstanceFamily family) {
  if (family != InstanceFamily::kBoth) {
    std::erase_if(prefixes, [family](const IpPrefix& prefix) {
      return prefix.address().is_v4() != (family == InstanceFamily::kIpv4);
    });
  }
  return prefixes;
}

/// FNV-1a over what an instance is made from.
uint64_t InstanceId(uint64_t rule, std::string_view user,
                    InstanceFamily family) {
  if (user.empty() && family == InstanceFamily::kBoth) {
    return rule;
  }
  constexpr uint64_t kPrime = 0x100000001b3;
  uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&hash](uint8_t byte) { hash = (hash ^ byte) * kPrime; };
  for (int shift = 0; shift < 64; shift += 8) {
    mix(static_cast<uint8_t>(rule >> shift));
  }
  mix(static_cast<uint8_t>(family));
  for (const char c : user) {
    mix(static_cast<uint8_t>(c));
  }
  return hash == 0 ? 1 : hash;
}

std::vector<PortRange> ToViewPorts(const policy::Ports& ports) {
  std::vector<PortRange> out;
  for (const policy::PortRange& range : ports) {
    out.push_back({.first = range.first, .last = range.last});
  }
  return out;
}

std::optional<std::vector<WindowInfo>> ToViewWindows(const CompiledRule& rule,
                                                     const ZoneLookup& zones) {
  if (!rule.is_network) {
    return std::vector<WindowInfo>();  // they see each other, no more
  }
  if (rule.windows.empty()) {
    return std::nullopt;
  }
  std::vector<WindowInfo> out;
  for (const TimeWindow& window : rule.windows) {
    if (auto rules = zones(window.zone)) {
      out.push_back({.window = window, .rules = std::move(*rules)});
    }
  }
  return out;
}

std::string WithoutTagPrefix(std::string_view tag) {
  return std::string(tag.starts_with(kTagPrefix) ? tag.substr(kTagPrefix.size())
                                                 : tag);
}

PolicyNode NodeOfOwner(const Owner& owner, const PolicyContext& context) {
  PolicyNode node;
  for (const std::string& tag : owner.tags) {
    node.tags.push_back(WithoutTagPrefix(tag));
  }
  if (!owner.is_tagged()) {
    node.user = owner.user;
    const auto user = context.users.find(owner.user);
    if (user != context.users.end()) {
      node.roles = user->second;
    }
  }
  return node;
}

/// A rule for one of the two ICMPs alone holds in that one's family.
bool IsOfRule(const CompiledRule& rule, const IpAddress& ip) {
  return rule.protocols.size() != 1 ||
         rule.protocols.front() !=
             (ip.is_v4() ? policy::kProtocolIcmp6 : policy::kProtocolIcmp);
}

bool HasAllAddresses(const CompiledRule& rule, const PolicyNode& node,
                     const Prefixes& prefixes) {
  return std::ranges::all_of(node.ips, [&](const IpAddress& ip) {
    return policy::Covers(prefixes, ip) || !IsOfRule(rule, ip);
  });
}

/// Whether a destination's part of a rule is exit traffic too.
bool IsExitFor(const policy::CompiledPolicy& compiled, const CompiledRule& rule,
               const Prefixes& prefixes) {
  const auto has = [&prefixes](const IpPrefix& prefix) {
    return std::ranges::find(prefixes, prefix) != prefixes.end();
  };
  return (rule.destinations.is_any && (has(AllIpv4()) || has(AllIpv6()))) ||
         (rule.destinations.is_internet &&
          std::ranges::any_of(compiled.internet(), has));
}

}  // namespace

PolicyContext MakePolicyContext(const Registry& registry) {
  PolicyContext context;
  for (const auto& [name, user] : registry.users()) {
    context.users[name] = user.roles;
  }
  for (const auto& [id, node] : registry.nodes()) {
    for (const IpPrefix& route : node.approved) {
      if (std::ranges::find(node.advertised, route) != node.advertised.end()) {
        context.routes.insert(route);
      }
    }
  }
  return context;
}

PolicyNode MakePolicyNode(const NodeRecord& node, const UserRecord* user) {
  PolicyNode out{.id = node.id,
                 .name = node.name,
                 .ips = node.addresses,
                 .advertised = node.advertised,
                 .approved = node.approved};
  for (const std::string& tag : node.owner.tags) {
    out.tags.push_back(WithoutTagPrefix(tag));
  }
  if (!node.owner.is_tagged()) {
    out.user = node.owner.user;
    if (user != nullptr) {
      out.roles = user->roles;
    }
  }
  if (node.offers_exit && node.is_exit_approved) {
    for (const IpPrefix& route : {AllIpv4(), AllIpv6()}) {
      out.advertised.push_back(route);
      out.approved.push_back(route);
    }
  }
  for (const auto& [name, value] : node.attributes) {
    std::visit([&, &key = name](const auto& v) { out.attributes[key] = v; },
               value);
  }
  return out;
}

ActivePolicy::ActivePolicy(policy::CompiledPolicy compiled,
                           PolicyContext context, const ZoneLookup& zones)
    : compiled_(std::move(compiled)), context_(std::move(context)) {
  for (const auto& [name, roles] : context_.users) {
    self_users_.insert(policy::UserOf({.user = name}));
  }
  for (const CompiledRule& rule : compiled_.rules()) {
    windows_.push_back(ToViewWindows(rule, zones));
  }
}

// ---- Rules -----------------------------------------------------------------

Prefixes ActivePolicy::SourcesOf(const CompiledRule& rule) const {
  const policy::IdentitySet& set = rule.sources;
  if (rule.destinations.is_self) {
    return {};
  }
  if (set.is_danger_all) {
    return {AllIpv4(), AllIpv6()};
  }
  Prefixes out = set.prefixes;
  if (set.is_any) {
    out.insert(out.end(), compiled_.any_sources().begin(),
               compiled_.any_sources().end());
    out.insert(out.end(), context_.routes.begin(), context_.routes.end());
  }
  policy::Simplify(out);
  return out;
}

Prefixes ActivePolicy::DestinationsOf(const CompiledRule& rule) const {
  const policy::IdentitySet& set = rule.destinations;
  if (set.is_any) {
    // Whatever some node serves; nothing else is in the reader's map.
    return {AllIpv4(), AllIpv6()};
  }
  Prefixes out = set.prefixes;
  if (set.is_internet) {
    out.insert(out.end(), compiled_.internet().begin(),
               compiled_.internet().end());
  }
  policy::Simplify(out);
  return out;
}

std::vector<ViewRule> ActivePolicy::InstancesOf(
    const CompiledRule& rule) const {
  const Prefixes sources = SourcesOf(rule);
  const Prefixes destinations = DestinationsOf(rule);
  const std::set<std::string, std::less<>> nobody = {""};
  std::vector<ViewRule> out;
  for (const std::string& user :
       rule.destinations.is_self ? self_users_ : nobody) {
    for (const InstanceFamily family : FamiliesOf(rule)) {
      out.push_back({.id = InstanceId(rule.id, user, family),
                     .sources = OnlyFamily(sources, family),
                     .destinations = OnlyFamily(destinations, family),
                     .ports = ToViewPorts(rule.ports),
                     .protocols = rule.protocols});
    }
  }
  return out;
}

std::vector<ViewRule> ActivePolicy::Rules() const {
  std::vector<ViewRule> out;
  for (size_t i = 0; i < compiled_.rules().size(); ++i) {
    for (ViewRule& instance : InstancesOf(compiled_.rules()[i])) {
      instance.windows = windows_[i];
      out.push_back(std::move(instance));
    }
  }
  return out;
}

// ---- Roles -----------------------------------------------------------------

void ActivePolicy::AppendRoles(const PolicyNode& node, const RuleRole& role,
                               RuleDirection direction,
                               std::vector<ViewRole>& out) const {
  const CompiledRule& rule = compiled_.rules()[role.rule];
  const bool is_destination = direction == RuleDirection::kInbound;
  const bool is_self = rule.destinations.is_self;
  if (is_self && !self_users_.contains(role.user)) {
    return;  // a user of whom the context does not know yet
  }
  const policy::IdentitySet& set =
      is_destination ? rule.destinations : rule.sources;
  const bool by_identity = (is_self || policy::IsMemberOf(node, set)) &&
                           HasAllAddresses(rule, node, role.prefixes);
  Prefixes own = role.prefixes;
  if (by_identity) {
    std::erase_if(own, [&node](const IpPrefix& prefix) {
      return std::ranges::any_of(node.ips, [&prefix](const IpAddress& ip) {
        return prefix == policy::HostPrefix(ip);
      });
    });
  }
  const bool is_exit =
      is_destination && IsExitFor(compiled_, rule, role.prefixes);
  for (const InstanceFamily family : FamiliesOf(rule)) {
    Prefixes part = OnlyFamily(own, family);
    if (by_identity || !part.empty()) {
      out.push_back({.rule = InstanceId(role.rule_id, role.user, family),
                     .direction = direction,
                     .by_identity = by_identity,
                     .own = std::move(part),
                     .is_exit = is_exit});
    }
  }
}

std::vector<ViewRole> ActivePolicy::RolesOf(const NodeRecord& node,
                                            const UserRecord* user) const {
  const PolicyNode subject = MakePolicyNode(node, user);
  const policy::NodeRoles roles = compiled_.RolesOf(subject);
  std::vector<ViewRole> out;
  for (const RuleRole& role : roles.as_source) {
    AppendRoles(subject, role, RuleDirection::kOutbound, out);
  }
  for (const RuleRole& role : roles.as_destination) {
    AppendRoles(subject, role, RuleDirection::kInbound, out);
  }
  std::ranges::sort(out, {}, [](const ViewRole& role) {
    return std::pair(role.rule, role.direction);
  });
  return out;
}

// ---- What the registry asks ------------------------------------------------

bool ActivePolicy::AutoApproves(const Owner& owner,
                                const IpPrefix& prefix) const {
  PolicyNode node = NodeOfOwner(owner, context_);
  node.advertised = {prefix};
  return policy::AutoApproves(compiled_.source(), node, prefix);
}

bool ActivePolicy::AutoApprovesExit(const Owner& owner) const {
  return AutoApproves(owner, AllIpv4());
}

bool ActivePolicy::MayAssignTag(const Owner& owner,
                                std::string_view tag) const {
  const PolicyNode node = NodeOfOwner(owner, context_);
  return policy::MayAssignTag(compiled_.source(),
                              {.user = node.user,
                               .roles = node.roles,
                               .tags = {node.tags.begin(), node.tags.end()}},
                              WithoutTagPrefix(tag));
}

}  // namespace natkit::mesh
