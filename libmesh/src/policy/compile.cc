#include <algorithm>
#include <map>
#include <numeric>

#include "natkit/mesh/policy/compiled_policy.h"
#include "policy/identity.h"
#include "policy/prefix_set.h"

namespace natkit::mesh::policy {

namespace {

IpPrefix Prefix(std::string_view text) {
  return *IpPrefix::Parse(text);
}

std::vector<uint8_t> ProtocolsOf(std::optional<uint8_t> protocol) {
  if (protocol) {
    return {*protocol};
  }
  return {kProtocolIcmp, kProtocolTcp, kProtocolUdp, kProtocolIcmp6};
}

std::vector<IpPrefix> PublicAddresses(const std::vector<IpPrefix>& mesh) {
  std::vector<IpPrefix> set = {IpPrefix(), Prefix("2000::/3")};
  for (const auto* hole : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                           "100.64.0.0/10", "169.254.0.0/16"}) {
    set = Subtract(set, Prefix(hole));
  }
  for (const IpPrefix& prefix : mesh) {
    set = Subtract(set, prefix);
  }
  return set;
}

std::string Join(const std::vector<Selector>& selectors) {
  std::string text;
  for (const Selector& selector : selectors) {
    text += (text.empty() ? "" : ", ") + selector.text;
  }
  return text;
}

/// What follows the ports in a rule's one line.
std::string Tail(std::optional<uint8_t> protocol,
                 const Conditions& conditions) {
  std::string text = protocol ? " " + ProtocolName(*protocol) : "";
  text += conditions.windows.empty() ? "" : " (at some times)";
  return text + (conditions.postures.empty() ? "" : " (some machines)");
}

std::string Heading(std::string_view section, size_t index) {
  return std::string(section) + "[" + std::to_string(index) + "]: ";
}

/// FNV-1a with 64 bits and a last mixing: a name, not a protection.
uint64_t Hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  hash ^= hash >> 32;
  hash *= 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 29);
}

std::string SortedNames(const std::vector<Selector>& selectors) {
  std::set<std::string> names;
  for (const Selector& selector : selectors) {
    names.insert(selector.text);
  }
  std::string text;
  for (const std::string& name : names) {
    text += name + "\n";
  }
  return text;
}

/// Everything that an entry says, in one order, as the text to hash.
std::string ContentOf(const CompiledRule& rule, const std::string& names) {
  std::string text = rule.origin.section + "\n" + names + "\n" +
                     ToString(rule.ports) + (rule.is_network ? "n" : "c");
  for (const uint8_t protocol : rule.protocols) {
    text += "," + std::to_string(protocol);
  }
  for (const TimeWindow& window : rule.windows) {
    text += "\nw" + std::to_string(window.days) + "," +
            std::to_string(window.from_minute) + "," +
            std::to_string(window.to_minute) + "," + window.zone;
  }
  for (const std::string& posture : rule.postures) {
    text += "\np" + posture;
  }
  for (const std::string& tag : rule.via) {
    text += "\nv" + tag;
  }
  return text;
}

std::vector<uint8_t> AllProtocols() {
  std::vector<uint8_t> all(256);
  std::iota(all.begin(), all.end(), uint8_t{0});
  return all;
}

CompiledRule AllowAll() {
  CompiledRule rule;
  rule.sources.is_any = true;
  rule.destinations.is_any = true;
  rule.protocols = AllProtocols();
  rule.origin.text = "the file has neither acls nor grants: all is allowed";
  rule.id = Hash("*");
  return rule;
}

/// Of a grant: ports for each protocol that it names.
std::map<std::optional<uint8_t>, Ports> PortsByProtocol(
    const std::vector<IpGrant>& ip) {
  std::map<std::optional<uint8_t>, Ports> by_protocol;
  for (const IpGrant& entry : ip) {
    const auto [it, is_new] =
        by_protocol.try_emplace(entry.protocol, entry.ports);
    if (is_new || it->second.empty()) {
      continue;
    }
    if (entry.ports.empty()) {
      it->second.clear();
    } else {
      it->second.insert(it->second.end(), entry.ports.begin(),
                        entry.ports.end());
      std::ranges::sort(it->second);
    }
  }
  return by_protocol;
}

}  // namespace

std::vector<IpPrefix> DefaultMeshPrefixes() {
  return {Prefix("100.64.0.0/10"), Prefix("fd7a:115c:a1e0::/48")};
}

CompiledPolicy::CompiledPolicy(Policy policy, CompileOptions options)
    : policy_(std::move(policy)), options_(std::move(options)) {
  internet_ = PublicAddresses(options_.mesh_prefixes);
  any_sources_ = Subtract(options_.mesh_prefixes, Prefix("100.115.92.0/23"));
  CompileRules();
  for (size_t i = 0; i < rules_.size(); ++i) {
    source_members_.Add(i, rules_[i].sources);
    destination_members_.Add(i, rules_[i].destinations);
  }
}

void CompiledPolicy::CompileRules() {
  if (!policy_.acls && !policy_.grants) {
    rules_.push_back(AllowAll());
    return;
  }
  CompileAcls();
  CompileGrants();
}

IdentitySet CompiledPolicy::Resolve(
    const std::vector<Selector>& selectors) const {
  return ResolveSelectors(policy_, selectors);
}

void CompiledPolicy::Add(CompiledRule rule, const std::string& names) {
  const std::string content = ContentOf(rule, names);
  // Entries that say the same are told apart by how many came before.
  for (size_t copy = 0; rule.id == 0 || !ids_.insert(rule.id).second; ++copy) {
    rule.id = Hash(content + "\n#" + std::to_string(copy));
  }
  rules_.push_back(std::move(rule));
}

void CompiledPolicy::CompileAcls() {
  if (!policy_.acls) {
    return;
  }
  for (size_t index = 0; index < policy_.acls->size(); ++index) {
    const AclRule& acl = (*policy_.acls)[index];
    for (const Destination& destination : acl.dst) {
      if (acl.src.empty()) {
        break;
      }
      CompiledRule rule;
      rule.sources = Resolve(acl.src);
      rule.destinations = Resolve({destination.host});
      rule.ports = destination.ports;
      rule.protocols = ProtocolsOf(acl.protocol);
      rule.windows = acl.conditions.windows;
      rule.postures = acl.conditions.postures;
      rule.origin = {"acls", index, destination.host.at,
                     Heading("acls", index) + Join(acl.src) + " -> " +
                         destination.text + Tail(acl.protocol, acl.conditions)};
      Add(std::move(rule),
          SortedNames(acl.src) + ">" + SortedNames({destination.host}));
    }
  }
}

void CompiledPolicy::CompileGrants() {
  if (!policy_.grants) {
    return;
  }
  for (size_t index = 0; index < policy_.grants->size(); ++index) {
    const GrantRule& grant = (*policy_.grants)[index];
    std::vector<Selector> self;
    std::vector<Selector> others;
    for (const Selector& selector : grant.dst) {
      (selector.kind == SelectorKind::kSelf ? self : others)
          .push_back(selector);
    }
    for (const auto& destinations : {self, others}) {
      if (!destinations.empty() && !grant.src.empty()) {
        CompileGrant(grant, index, destinations);
      }
    }
  }
}

void CompiledPolicy::CompileGrant(const GrantRule& grant, size_t index,
                                  const std::vector<Selector>& destinations) {
  CompiledRule base;
  base.sources = Resolve(grant.src);
  base.destinations = Resolve(destinations);
  base.windows = grant.conditions.windows;
  base.postures = grant.conditions.postures;
  base.via = {grant.via.begin(), grant.via.end()};
  base.origin = {
      "grants", index, grant.at,
      Heading("grants", index) + Join(grant.src) + " -> " + Join(destinations)};
  const std::string names =
      SortedNames(grant.src) + ">" + SortedNames(destinations);
  for (const auto& [protocol, ports] : PortsByProtocol(grant.ip)) {
    CompiledRule rule = base;
    rule.ports = ports;
    rule.protocols = ProtocolsOf(protocol);
    rule.origin.text +=
        ":" + ToString(ports) + Tail(protocol, grant.conditions);
    Add(std::move(rule), names);
  }
  if (grant.ip.empty()) {
    base.is_network = false;
    base.origin.text += " (capabilities only)";
    Add(std::move(base), names);
  }
}

}  // namespace natkit::mesh::policy
