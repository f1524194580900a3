#include <algorithm>

#include "natkit/mesh/policy/compiled_policy.h"
#include "policy/identity.h"

namespace natkit::mesh::policy {

namespace {

bool HoldsBetween(const Policy& policy, const SshRule& rule,
                  const PolicyNode& source, const PolicyNode& destination) {
  const IdentitySet to = ResolveSelectors(policy, rule.dst);
  const std::string user = UserOf(source);
  return IsMemberOf(source, ResolveSelectors(policy, rule.src)) &&
         (IsMemberOf(destination, to) ||
          (to.is_self && !user.empty() && UserOf(destination) == user));
}

/// Whether one entry of "users" stands for the login, for this source.
bool StandsFor(std::string_view entry, const PolicyNode& source,
               std::string_view login) {
  constexpr std::string_view kLocalpart = "localpart:*";
  if (entry == "autogroup:nonroot") {
    return login != "root";
  }
  if (!entry.starts_with(kLocalpart)) {
    return entry == login;
  }
  const std::string user = UserOf(source);
  return user == std::string(login).append(entry.substr(kLocalpart.size()));
}

}  // namespace

std::vector<const SshRule*> SshRulesBetween(const Policy& policy,
                                            const PolicyNode& source,
                                            const PolicyNode& destination) {
  std::vector<const SshRule*> rules;
  for (const bool is_check : {true, false}) {
    for (const SshRule& rule : policy.ssh) {
      if (rule.is_check == is_check &&
          HoldsBetween(policy, rule, source, destination)) {
        rules.push_back(&rule);
      }
    }
  }
  return rules;
}

SshAnswer DecideSsh(const Policy& policy, const PolicyNode& source,
                    const PolicyNode& destination, std::string_view login) {
  for (const SshRule* rule : SshRulesBetween(policy, source, destination)) {
    if (std::ranges::any_of(rule->users, [&](const std::string& entry) {
          return StandsFor(entry, source, login);
        })) {
      return rule->is_check ? SshAnswer::kCheck : SshAnswer::kAccept;
    }
  }
  return SshAnswer::kDeny;
}

}  // namespace natkit::mesh::policy
