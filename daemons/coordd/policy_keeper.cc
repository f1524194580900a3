#include "policy_keeper.h"

#include <utility>

#include "coord_server.h"
#include "natkit/mesh/policy/run_tests.h"
#include "natkit/shell/logging.h"
#include "zone_files.h"

namespace natkit::coordd {

using policy::CompiledPolicy;

namespace {

std::string JoinLines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

}  // namespace

std::vector<std::string> FindingsOf(
    const std::string& name,
    const std::vector<policy::Diagnostic>& diagnostics) {
  std::vector<std::string> findings;
  for (const policy::Diagnostic& diagnostic : diagnostics) {
    findings.push_back(name + ":" + policy::ToString(diagnostic));
  }
  return findings;
}

CheckedPolicy CheckPolicy(std::string_view text,
                          const std::vector<IpPrefix>& mesh_prefixes) {
  CheckedPolicy checked;
  auto result =
      policy::ParsePolicy(text, {.zone_exists = [](std::string_view zone) {
                            return FindZone(zone).has_value();
                          }});
  if (result.is_usable()) {
    checked.compiled.emplace(
        std::move(result.policy),
        policy::CompileOptions{.mesh_prefixes = mesh_prefixes});
  }
  checked.diagnostics = std::move(result.diagnostics);
  return checked;
}

std::vector<std::string> RunPolicyTests(
    const std::string& name, const CompiledPolicy& compiled,
    const std::vector<policy::PolicyNode>& nodes) {
  return FindingsOf(name, policy::RunTests(compiled, nodes));
}

std::vector<policy::PolicyNode> PolicyNodesOf(const mesh::Registry& registry) {
  std::vector<policy::PolicyNode> nodes;
  for (const auto& [id, node] : registry.nodes()) {
    if (node.status != mesh::NodeStatus::kActive) {
      continue;
    }
    const auto user = registry.users().find(node.owner.user);
    const bool has_user =
        !node.owner.is_tagged() && user != registry.users().end();
    nodes.push_back(
        mesh::MakePolicyNode(node, has_user ? &user->second : nullptr));
  }
  return nodes;
}

policy::WindowJudge SystemWindowJudge() {
  return [](const mesh::TimeWindow& window, int64_t unix_seconds) {
    const auto rules = ReadZoneFile(window.zone, unix_seconds);
    return rules && mesh::IsOpen(window, *rules, unix_seconds);
  };
}

std::vector<IpPrefix> PolicyKeeper::MeshPrefixes() const {
  return {registry_.mesh().ipv4, registry_.mesh().ipv6};
}

CompiledPolicy PolicyKeeper::CompileStored(const mesh::PolicyRecord& record) {
  const auto prepared = std::exchange(prepared_, std::nullopt);
  if (prepared && prepared->revision == record.revision) {
    return prepared->compiled;
  }
  CheckedPolicy checked = CheckPolicy(record.text, MeshPrefixes());
  if (!checked.compiled) {
    shell::LogLines(
        LogLevel::kError,
        "the stored policy cannot be used, so nobody reaches anybody:\n" +
            JoinLines(FindingsOf("policy", checked.diagnostics)));
  }
  return std::move(checked.compiled).value_or(CompiledPolicy());
}

void PolicyKeeper::Refresh(mesh::ServerTime time) {
  const mesh::PolicyRecord* record = registry_.policy();
  const uint64_t revision = record == nullptr ? 0 : record->revision;
  const bool is_same = is_loaded_ && revision == revision_;
  if (is_same && registry_.policy_inputs() == inputs_) {
    return;
  }
  inputs_ = registry_.policy_inputs();
  mesh::PolicyContext context = mesh::MakePolicyContext(registry_);
  if (is_same && context == context_) {
    return;
  }
  if (record != nullptr && !is_same) {
    compiled_ = CompileStored(*record);
  }
  is_loaded_ = true;
  revision_ = revision;
  context_ = context;
  coordinator_.SetPolicy(time, std::make_shared<mesh::ActivePolicy>(
                                   compiled_, std::move(context), &FindZone));
}

// ---- Changes ---------------------------------------------------------------

/// A copy of all that it looks at: it may run on any thread.
std::function<PolicyVerdict()> PolicyKeeper::Judgement(
    const std::string& name, const std::string& text) const {
  return [name, text, prefixes = MeshPrefixes(),
          nodes = PolicyNodesOf(registry_)] {
    CheckedPolicy checked = CheckPolicy(text, prefixes);
    PolicyVerdict verdict{.compiled = std::move(checked.compiled),
                          .findings = FindingsOf(name, checked.diagnostics)};
    if (verdict.compiled) {
      auto failures = RunPolicyTests(name, *verdict.compiled, nodes);
      if (!failures.empty()) {
        verdict.compiled.reset();
        verdict.findings = std::move(failures);
      }
    }
    return verdict;
  };
}

mesh::Decision<uint64_t> PolicyKeeper::Take(mesh::ServerTime time,
                                            const Change& change,
                                            PolicyVerdict verdict) {
  if (!verdict.is_good()) {
    return mesh::Refuse(mesh::RefusalKind::kInvalid,
                        JoinLines(verdict.findings));
  }
  auto revision = registry_.SetPolicy(time.wall, change.actor, change.text,
                                      change.expected);
  if (revision) {
    prepared_ = Prepared{.revision = *revision,
                         .compiled = *std::move(verdict.compiled)};
  }
  return revision;
}

mesh::Decision<uint64_t> PolicyKeeper::Set(mesh::ServerTime time,
                                           const Change& change) {
  return Take(time, change, Judgement(change.name, change.text)());
}

void PolicyKeeper::SetLater(
    io::BackgroundWork& work, Change change,
    std::function<void(mesh::Decision<uint64_t> revision)> done) {
  const auto verdict = std::make_shared<PolicyVerdict>();
  auto judge = [verdict, judgement = Judgement(change.name, change.text)] {
    *verdict = judgement();
  };
  work.Run(std::move(judge),
           [this, verdict, change = std::move(change), done = std::move(done)] {
             done(Take(Now(), change, std::move(*verdict)));
           });
}

void PolicyKeeper::CheckLater(
    io::BackgroundWork& work, const std::string& name, const std::string& text,
    std::function<void(const PolicyVerdict& verdict)> done) {
  const auto verdict = std::make_shared<PolicyVerdict>();
  work.Run(
      [verdict, judgement = Judgement(name, text)] { *verdict = judgement(); },
      [verdict, done = std::move(done)] { done(*verdict); });
}

}  // namespace natkit::coordd
