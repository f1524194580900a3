#include <algorithm>
#include <utility>

#include "natkit/base/text.h"
#include "natkit/mesh/registry/domain_name.h"
#include "registry/record_codec.h"
#include "registry/registry_impl.h"

namespace natkit::mesh {

namespace {

constexpr std::array<std::string_view, 2> kRoles = {"admin", "owner"};

/// Less than a record may have (StoreLimits).
constexpr size_t kMaxPolicyText = size_t{8} << 20;

/// What a store takes in an event.
bool IsEventText(std::string_view text) {
  return text.find('\0') == std::string_view::npos;
}

bool IsUserName(std::string_view name) {
  const auto is_bad = [](char c) {
    return c <= ' ' || c > '~' || c == '"' || c == '\\' || c == ',';
  };
  return !name.empty() && name.size() <= kMaxNameLength &&
         std::ranges::none_of(name, is_bad) && !name.starts_with("tag:") &&
         !name.starts_with("group:") && !name.starts_with("autogroup:");
}

Decision<void> CheckRoles(const std::set<std::string>& roles) {
  for (const std::string& role : roles) {
    if (std::ranges::find(kRoles, role) == kRoles.end()) {
      return Refuse(RefusalKind::kInvalid, "there is no role \"" + role +
                                               "\"; there are admin and "
                                               "owner");
    }
  }
  return {};
}

std::unexpected<Refusal> RefuseName(std::string_view what,
                                    const std::string& name) {
  return Refuse(RefusalKind::kInvalid,
                std::string(what) + " \"" + EscapeControls(name) +
                    "\" is no domain name: labels of letters, digits, hyphens "
                    "and underscores, at most 63 each, with dots between them");
}

/// What nodes would leave out with a warning, each for itself.
Decision<void> CheckDnsNames(const DnsInfo& dns) {
  for (const std::string& name : dns.search) {
    if (!IsDomainName(name)) {
      return RefuseName("the search domain", name);
    }
  }
  for (const DnsRouteInfo& route : dns.routes) {
    if (route.suffix != "." && !IsDomainName(route.suffix)) {
      return RefuseName("the route's suffix", route.suffix);
    }
    if (IsWithinDomain(route.suffix, dns.domain)) {
      return Refuse(RefusalKind::kInvalid,
                    "the route \"" + route.suffix +
                        "\" is inside the mesh's domain " + dns.domain +
                        ", whose names nodes answer themselves");
    }
  }
  for (const DnsRecordInfo& record : dns.records) {
    if (!IsDomainName(record.name)) {
      return RefuseName("the record's name", record.name);
    }
  }
  return {};
}

/// Whether they fit an item of the map, as every node gets them.
Decision<void> CheckDns(const DnsInfo& dns) {
  if (dns.routes.size() > kMaxItemList || dns.records.size() > kMaxItemList) {
    return Refuse(RefusalKind::kInvalid,
                  "the DNS settings have at most " +
                      std::to_string(kMaxItemList) + " routes and " +
                      std::to_string(kMaxItemList) + " records");
  }
  const std::vector<uint8_t> body = EncodeItem(dns);
  if (body.size() > kMaxItemBody) {
    return Refuse(RefusalKind::kInvalid,
                  "the DNS settings take " + std::to_string(body.size()) +
                      " bytes, and nodes take " + std::to_string(kMaxItemBody) +
                      " at most");
  }
  if (!DecodeDns(body) || !IsEventText(dns.domain)) {
    return Refuse(RefusalKind::kInvalid,
                  "the DNS settings have a name or a list that is too long, or "
                  "text that is not UTF-8");
  }
  return CheckDnsNames(dns);
}

Decision<void> CheckRelay(const RelayInfo& relay) {
  if (relay.name.empty() || relay.host.empty() || relay.port == 0) {
    return Refuse(RefusalKind::kInvalid,
                  "a relay needs a name, a host and a port");
  }
  if (!DecodeRelay(EncodeItem(relay)) || !IsEventText(relay.name)) {
    return Refuse(RefusalKind::kInvalid,
                  "a relay's name, host and pin are UTF-8 text of at most 253 "
                  "bytes");
  }
  if (HasControls(relay.name) || relay.name.contains(' ')) {
    return Refuse(RefusalKind::kInvalid,
                  "a relay's name has no blanks and no control characters");
  }
  if (!IsDomainName(relay.host) && !IpAddress::Parse(relay.host)) {
    return Refuse(RefusalKind::kInvalid,
                  "\"" + EscapeControls(relay.host) +
                      "\" is no host: a DNS name or an address, without a "
                      "port");
  }
  return {};
}

}  // namespace

Decision<void> Registry::Impl::AddUser(WallTime now, std::string_view actor,
                                       std::string_view name,
                                       const std::set<std::string>& roles) {
  if (!IsUserName(name)) {
    return Refuse(RefusalKind::kInvalid,
                  "a user's name is like alice@example.com: no blanks, quotes "
                  "or commas");
  }
  if (auto checked = CheckRoles(roles); !checked) {
    return checked;
  }
  const std::string key(name);
  if (users.contains(key)) {
    return Refuse(RefusalKind::kConflict, "there is a user \"" + key + "\"");
  }
  users[key] = {.name = key, .roles = roles, .created = now};
  changes.users = true;
  ++policy_inputs;
  Dirty("user", key);
  Note({.now = now, .type = "user_added", .actor = actor, .subject = key});
  return {};
}

Decision<void> Registry::Impl::SetUserRoles(
    WallTime now, std::string_view actor, std::string_view name,
    const std::set<std::string>& roles) {
  const auto found = users.find(std::string(name));
  if (found == users.end()) {
    return Refuse(RefusalKind::kNotFound, "there is no such user");
  }
  if (auto checked = CheckRoles(roles); !checked) {
    return checked;
  }
  found->second.roles = roles;
  changes.users = true;
  ++policy_inputs;
  Dirty("user", found->first);
  Note({.now = now,
        .type = "user_roles_set",
        .actor = actor,
        .subject = found->first});
  return {};
}

Decision<void> Registry::Impl::DeleteUser(WallTime now, std::string_view actor,
                                          std::string_view name) {
  const std::string key(name);
  if (!users.contains(key)) {
    return Refuse(RefusalKind::kNotFound, "there is no such user");
  }
  std::vector<NodeId> owned;
  for (const auto& [id, node] : nodes) {
    if (!node.owner.is_tagged() && node.owner.user == key) {
      owned.push_back(id);
    }
  }
  for (const NodeId id : owned) {
    if (auto deleted = Delete(now, actor, id); !deleted) {
      return deleted;
    }
  }
  for (auto& [id, auth_key] : auth_keys) {
    if (auth_key.owner.user == key && !auth_key.is_revoked) {
      auth_key.is_revoked = true;
      Dirty("auth_key", id);
    }
  }
  users.erase(key);
  changes.users = true;
  ++policy_inputs;
  Dirty("user", key);
  Note({.now = now, .type = "user_deleted", .actor = actor, .subject = key});
  return {};
}

Decision<uint64_t> Registry::Impl::SetPolicy(WallTime now,
                                             std::string_view actor,
                                             std::string_view text,
                                             std::optional<uint64_t> expected) {
  const uint64_t current = policy ? policy->revision : 0;
  if (expected && *expected != current) {
    return Refuse(RefusalKind::kConflict,
                  "the policy was changed meanwhile: it is revision " +
                      std::to_string(current) + ", not " +
                      std::to_string(*expected));
  }
  PolicyRecord next{
      .text = std::string(text), .revision = current + 1, .changed = now};
  if (next.text.size() > kMaxPolicyText || !IsStorable(next)) {
    return Refuse(RefusalKind::kInvalid,
                  "the policy is too long, or not UTF-8 text");
  }
  policy = std::move(next);
  changes.policy = true;
  Dirty("policy", "only");
  Note({.now = now,
        .type = "policy_set",
        .actor = actor,
        .subject = "revision " + std::to_string(current + 1)});
  return current + 1;
}

Decision<void> Registry::Impl::SetDns(WallTime now, std::string_view actor,
                                      const DnsInfo& dns) {
  if (auto checked = CheckDns(dns); !checked) {
    return checked;
  }
  mesh.dns = dns;
  changes.mesh = true;
  DirtyMesh();
  Note({.now = now, .type = "dns_set", .actor = actor, .subject = dns.domain});
  return {};
}

Decision<uint64_t> Registry::Impl::AddRelay(WallTime now,
                                            std::string_view actor,
                                            const RelayInfo& relay) {
  if (auto checked = CheckRelay(relay); !checked) {
    return std::unexpected(checked.error());
  }
  const bool is_taken = std::ranges::any_of(relays, [&](const auto& entry) {
    return entry.second.info.name == relay.name;
  });
  if (is_taken) {
    return Refuse(RefusalKind::kConflict,
                  "there is a relay \"" + relay.name + "\"");
  }
  const uint64_t id = ++mesh.last_relay;
  relays[id] = {.id = id, .info = relay};
  changes.relays = true;
  DirtyMesh();
  Dirty("relay", std::to_string(id));
  Note({.now = now,
        .type = "relay_added",
        .actor = actor,
        .subject = relay.name});
  return id;
}

Decision<void> Registry::Impl::RemoveRelay(WallTime now, std::string_view actor,
                                           uint64_t id) {
  const auto found = relays.find(id);
  if (found == relays.end()) {
    return Refuse(RefusalKind::kNotFound, "there is no such relay");
  }
  Note({.now = now,
        .type = "relay_removed",
        .actor = actor,
        .subject = found->second.info.name});
  relays.erase(found);
  changes.relays = true;
  Dirty("relay", std::to_string(id));
  return {};
}

}  // namespace natkit::mesh
