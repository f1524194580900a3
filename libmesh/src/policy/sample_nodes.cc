#include "policy/sample_nodes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "policy/prefix_set.h"

namespace natkit::mesh::policy {

namespace {

/// A login that no policy can name: it stands for all other users.
const std::string kNobodyElse = "?";

/// Everybody and everything that policies name.
struct Names {
  std::set<std::string> users;
  std::set<std::string> tags;
  std::set<std::string> roles;
  std::set<std::string> via;
  std::map<IpPrefix, std::string> prefixes;  // by what they are called
  bool has_exits = false;

  void Add(const Selector& selector) {
    switch (selector.kind) {
      case SelectorKind::kUser:
        users.insert(selector.name);
        return;
      case SelectorKind::kRole:
        roles.insert(selector.name);
        return;
      case SelectorKind::kPrefix:
      case SelectorKind::kHost:
      case SelectorKind::kIpSet:
        AddPrefixes(selector);
        return;
      case SelectorKind::kAny:
      case SelectorKind::kInternet:
      case SelectorKind::kDangerAll:
        has_exits = true;
        return;
      case SelectorKind::kGroup:
      case SelectorKind::kTag:
      case SelectorKind::kMember:
      case SelectorKind::kTagged:
      case SelectorKind::kSelf:
        return;  // with the definitions
    }
  }

  void AddPrefixes(const Selector& selector) {
    for (const IpPrefix& prefix : selector.prefixes) {
      prefixes.try_emplace(prefix, selector.kind == SelectorKind::kIpSet
                                       ? prefix.ToString()
                                       : selector.text);
    }
  }

  void AddAll(const std::vector<Selector>& selectors) {
    for (const Selector& selector : selectors) {
      Add(selector);
    }
  }

  void AddRulesOf(const Policy& policy) {
    for (const AclRule& rule : policy.acls.value_or(std::vector<AclRule>())) {
      AddAll(rule.src);
      for (const Destination& destination : rule.dst) {
        Add(destination.host);
      }
    }
    for (const GrantRule& rule :
         policy.grants.value_or(std::vector<GrantRule>())) {
      AddAll(rule.src);
      AddAll(rule.dst);
      via.insert(rule.via.begin(), rule.via.end());
    }
    has_exits = has_exits || (!policy.acls && !policy.grants);
  }

  void AddDefinitionsOf(const Policy& policy) {
    for (const auto& [name, members] : policy.groups) {
      users.insert(members.begin(), members.end());
    }
    for (const auto& [name, owners] : policy.tag_owners) {
      tags.insert(name);
    }
  }
};

/// Makes the nodes, each with addresses of its own.
class SampleMaker {
 public:
  SampleMaker(const Names& names, const std::vector<IpPrefix>& mesh)
      : names_(names), mesh_(mesh) {}

  std::vector<PolicyNode> Make() {
    for (const std::string& user : names_.users) {
      AddUser(user, user, {});
    }
    for (const std::string& role : names_.roles) {
      AddUser("autogroup:" + role, "?" + role, {role});
    }
    AddUser("another user", kNobodyElse, {});
    for (const std::string& tag : names_.tags) {
      AddWithAddresses({.name = "tag:" + tag, .tags = {tag}});
    }
    AddWithAddresses({.name = "another tag", .tags = {kNobodyElse}});
    AddAddresses();
    AddRouters();
    return std::move(nodes_);
  }

 private:
  void AddUser(const std::string& name, const std::string& user,
               const std::set<std::string>& roles) {
    AddWithAddresses({.name = name, .user = user, .roles = roles});
    AddWithAddresses(
        {.name = OtherMachineOf(name), .user = user, .roles = roles});
  }

  void AddWithAddresses(PolicyNode node) {
    for (const IpPrefix& prefix : mesh_) {
      node.ips.push_back(FreeAddress(prefix));
    }
    nodes_.push_back(std::move(node));
  }

  [[nodiscard]] bool IsNamed(const IpAddress& address) const {
    return std::ranges::any_of(names_.prefixes, [&](const auto& named) {
      return named.first.Contains(address) &&
             !std::ranges::any_of(mesh_, [&](const IpPrefix& mesh) {
               return IsInside(mesh, named.first);
             });
    });
  }

  /// From the end of the mesh, where no rule names an address, if there is
  /// one near.
  IpAddress FreeAddress(const IpPrefix& prefix) {
    constexpr uint32_t kTries = 100'000;
    for (uint32_t tries = 0; tries < kTries; ++tries) {
      const IpAddress address = FromTheEnd(prefix, next_++);
      if (!IsNamed(address)) {
        return address;
      }
    }
    return FromTheEnd(prefix, next_++);
  }

  void AddAddresses() {
    for (const auto& [prefix, name] : names_.prefixes) {
      const bool is_of_mesh =
          std::ranges::any_of(mesh_, [&prefix](const IpPrefix& mesh) {
            return IsInside(prefix, mesh) && prefix != mesh;
          });
      if (is_of_mesh) {
        nodes_.push_back({.name = name,
                          .tags = {kNobodyElse},
                          .ips = {FromTheEnd(prefix, 0)}});
      }
    }
  }

  void AddRouters() {
    PolicyNode router{.name = "a router", .tags = {kNobodyElse}};
    for (const auto& [prefix, name] : names_.prefixes) {
      const bool is_of_mesh = std::ranges::any_of(
          mesh_,
          [&prefix](const IpPrefix& mesh) { return prefix.Overlaps(mesh); });
      if (!is_of_mesh && !IsDefaultRoute(prefix)) {
        router.approved.push_back(prefix);
      }
    }
    if (names_.has_exits) {
      router.approved.push_back(*IpPrefix::Parse("0.0.0.0/0"));
      router.approved.push_back(*IpPrefix::Parse("::/0"));
    }
    router.advertised = router.approved;
    nodes_.push_back(router);
    for (const std::string& tag : names_.via) {
      router.tags = {tag};
      nodes_.push_back(router);
    }
  }

  const Names& names_;
  const std::vector<IpPrefix>& mesh_;
  std::vector<PolicyNode> nodes_;
  uint32_t next_ = 1;
};

/// A value that meets the condition, if there is a plain one.
std::optional<AttributeValue> ValueFor(const PostureCondition& condition) {
  const AttributeValue like = condition.values.empty()
                                  ? AttributeValue(true)
                                  : condition.values.front();
  const auto* number = std::get_if<double>(&like);
  const auto* text = std::get_if<std::string>(&like);
  switch (condition.op) {
    case PostureOperator::kIsSet:
    case PostureOperator::kEqual:
    case PostureOperator::kIn:
    case PostureOperator::kGreaterOrEqual:
    case PostureOperator::kLessOrEqual:
      return like;
    case PostureOperator::kNotEqual:
    case PostureOperator::kNotIn:
      return AttributeValue(std::string("?"));
    case PostureOperator::kLess:
      return number != nullptr ? AttributeValue(*number - 1)
                               : AttributeValue(std::string("0"));
    case PostureOperator::kGreater:
      return number != nullptr
                 ? AttributeValue(*number + 1)
                 : AttributeValue((text != nullptr ? *text : "") + ".1");
    case PostureOperator::kNotSet:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::string OtherMachineOf(const std::string& name) {
  return "another machine of " + name;
}

std::vector<PolicyNode> SampleNodes(const CompiledPolicy& before,
                                    const CompiledPolicy& after) {
  Names names;
  for (const CompiledPolicy* policy : {&before, &after}) {
    names.AddDefinitionsOf(policy->source());
    names.AddRulesOf(policy->source());
  }
  return SampleMaker(names, before.mesh_prefixes()).Make();
}

bool HasPostures(const CompiledPolicy& policy) {
  return std::ranges::any_of(policy.rules(), [](const CompiledRule& rule) {
    return !rule.postures.empty();
  });
}

Attributes HealthyAttributes(const CompiledPolicy& before,
                             const CompiledPolicy& after) {
  Attributes attributes;
  for (const CompiledPolicy* policy : {&before, &after}) {
    for (const auto& [name, posture] : policy->source().postures) {
      for (const PostureCondition& condition : posture.conditions) {
        if (auto value = ValueFor(condition)) {
          attributes.try_emplace(condition.attribute, *std::move(value));
        }
      }
    }
  }
  return attributes;
}

}  // namespace natkit::mesh::policy
