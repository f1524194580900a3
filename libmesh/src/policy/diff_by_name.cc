#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "natkit/mesh/policy/diff.h"
#include "policy/sample_nodes.h"

namespace natkit::mesh::policy {

namespace {

/// "ann" of "ann (100.64.0.1)".
std::string OwnerOf(const std::string& side) {
  return side.substr(0, side.find(" ("));
}

/// Second machines are there for rules to autogroup:self alone.
class SecondMachines {
 public:
  explicit SecondMachines(const std::vector<PolicyNode>& nodes) {
    std::set<std::string> all;
    for (const PolicyNode& node : nodes) {
      all.insert(node.name);
    }
    for (const std::string& name : all) {
      if (all.contains(OtherMachineOf(name))) {
        names_.insert(OtherMachineOf(name));
      }
    }
  }

  [[nodiscard]] bool IsOfInterest(const PolicyChange& change) const {
    const std::string source = OwnerOf(change.source);
    const std::string destination = OwnerOf(change.destination);
    return !names_.contains(source) && (!names_.contains(destination) ||
                                        destination == OtherMachineOf(source));
  }

 private:
  std::set<std::string> names_;
};

/// Addresses are made up: their family is what counts.
void NameFamily(std::string& side) {
  const size_t bracket = side.find(" (");
  if (bracket != std::string::npos) {
    const bool is_v6 = side.find(':', bracket) != std::string::npos;
    side = side.substr(0, bracket) + (is_v6 ? " (IPv6)" : " (IPv4)");
  }
}

std::vector<PolicyChange> DiffOf(const CompiledPolicy& before,
                                 const CompiledPolicy& after,
                                 const PolicyWorld& world,
                                 std::optional<int64_t> at) {
  const SecondMachines second(world.nodes);
  auto changes = DiffPolicies(before, after, world, at);
  std::erase_if(changes, [&second](const PolicyChange& change) {
    return !second.IsOfInterest(change);
  });
  for (PolicyChange& change : changes) {
    NameFamily(change.source);
    NameFamily(change.destination);
  }
  return changes;
}

std::set<std::string> TextsOf(const std::vector<PolicyChange>& changes) {
  std::set<std::string> texts;
  for (const PolicyChange& change : changes) {
    texts.insert(ToString(change));
  }
  return texts;
}

/// Those of `changes` that `known` lacks, with more said of the source.
void AppendOthers(const std::vector<PolicyChange>& changes,
                  const std::set<std::string>& known, const char* suffix,
                  std::vector<PolicyChange>& out) {
  for (PolicyChange change : changes) {
    if (!known.contains(ToString(change))) {
      change.source += suffix;
      out.push_back(std::move(change));
    }
  }
}

}  // namespace

std::vector<PolicyChange> DiffPoliciesByName(const CompiledPolicy& before,
                                             const CompiledPolicy& after,
                                             const WindowJudge& is_open,
                                             std::optional<int64_t> at) {
  PolicyWorld world{.nodes = SampleNodes(before, after), .is_open = is_open};
  const auto unmet = DiffOf(before, after, world, at);
  if (!HasPostures(before) && !HasPostures(after)) {
    return unmet;
  }
  const Attributes healthy = HealthyAttributes(before, after);
  for (PolicyNode& node : world.nodes) {
    node.attributes = healthy;
  }
  const auto met = DiffOf(before, after, world, at);
  const auto unmet_texts = TextsOf(unmet);
  const auto met_texts = TextsOf(met);
  std::vector<PolicyChange> out;
  std::ranges::copy_if(met, std::back_inserter(out),
                       [&unmet_texts](const PolicyChange& change) {
                         return unmet_texts.contains(ToString(change));
                       });
  AppendOthers(met, unmet_texts, " (postures met)", out);
  AppendOthers(unmet, met_texts, " (postures not met)", out);
  return out;
}

}  // namespace natkit::mesh::policy
