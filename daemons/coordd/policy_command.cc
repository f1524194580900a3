#include "policy_command.h"

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/io/event_loop.h"
#include "natkit/mesh/policy/decide.h"
#include "natkit/mesh/policy/diff.h"
#include "natkit/mesh/policy/nodes_file.h"
#include "natkit/shell/files.h"
#include "policy_keeper.h"

namespace natkit::coordd {

namespace {

constexpr int kDenied = 1;
constexpr int kUsage = 2;

struct Arguments {
  std::string file;
  std::string other;
  std::string nodes;
  std::string source;
  std::string destination;
  std::string protocol = "tcp";
  uint16_t port = 0;
  std::vector<std::string> mesh_prefixes;
};

int Fail(const std::string& text, int status) {
  std::fprintf(stderr, "%s\n", text.c_str());
  return status;
}

std::optional<std::vector<IpPrefix>> MeshPrefixesOf(const Arguments& given) {
  if (given.mesh_prefixes.empty()) {
    return policy::DefaultMeshPrefixes();
  }
  std::vector<IpPrefix> prefixes;
  for (const std::string& text : given.mesh_prefixes) {
    const auto prefix = IpPrefix::Parse(text);
    if (!prefix) {
      Fail("coordd: --mesh-prefix: '" + text + "' is not a prefix", kUsage);
      return std::nullopt;
    }
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

/// Prints the findings; nullopt if the file cannot be used.
std::optional<policy::CompiledPolicy> Load(const std::string& file,
                                           const Arguments& given) {
  const auto prefixes = MeshPrefixesOf(given);
  const auto text = shell::ReadFile(file);
  if (!text) {
    Fail("coordd: " + text.error(), kUsage);
  }
  if (!text || !prefixes) {
    return std::nullopt;
  }
  CheckedPolicy checked = CheckPolicy(file, *text, *prefixes);
  for (const std::string& finding : checked.findings) {
    Fail(finding, kUsage);
  }
  return std::move(checked.compiled);
}

std::optional<policy::PolicyWorld> LoadWorld(const std::string& file) {
  policy::PolicyWorld world{.is_open = SystemWindowJudge()};
  if (file.empty()) {
    return world;
  }
  const auto text = shell::ReadFile(file);
  if (!text) {
    Fail("coordd: " + text.error(), kUsage);
    return std::nullopt;
  }
  auto parsed = policy::ParseNodesFile(*text);
  for (const auto& diagnostic : parsed.diagnostics) {
    Fail(file + ":" + policy::ToString(diagnostic), kUsage);
  }
  if (!parsed.is_usable()) {
    return std::nullopt;
  }
  world.nodes = std::move(parsed.nodes);
  return world;
}

int Check(const Arguments& given) {
  const auto compiled = Load(given.file, given);
  const auto world = LoadWorld(given.nodes);
  if (!compiled || !world) {
    return kUsage;
  }
  const auto failures = RunPolicyTests(given.file, *compiled, world->nodes);
  for (const std::string& failure : failures) {
    Fail(failure, kDenied);
  }
  if (!failures.empty()) {
    return kDenied;
  }
  std::puts("the policy is fine");
  return 0;
}

int Eval(const Arguments& given) {
  const auto compiled = Load(given.file, given);
  const auto world = LoadWorld(given.nodes);
  const auto protocol = policy::ParseProtocol(given.protocol);
  if (!protocol) {
    return Fail("coordd: --proto: unknown protocol '" + given.protocol + "'",
                kUsage);
  }
  if (!compiled || !world) {
    return kUsage;
  }
  const policy::FlowQuestion question{
      .protocol = *protocol,
      .port = given.port,
      .unix_seconds =
          std::chrono::floor<std::chrono::seconds>(io::EventLoop::UnixNow())
              .time_since_epoch()
              .count()};
  const auto pairs = policy::DecideByName(*compiled, *world, given.source,
                                          given.destination, question);
  if (!pairs) {
    return Fail("coordd: " + pairs.error(), kUsage);
  }
  // All pairs must pass: a name stands for every address of its node.
  const policy::Decision* shown = &pairs->front().decision;
  for (const policy::PairDecision& pair : *pairs) {
    if (!pair.decision.is_accepted) {
      shown = &pair.decision;
    }
  }
  std::printf("%s\n%s\n", shown->is_accepted ? "accept" : "deny",
              shown->text.c_str());
  return shown->is_accepted ? 0 : kDenied;
}

int Diff(const Arguments& given) {
  const auto before = Load(given.file, given);
  const auto after = Load(given.other, given);
  const auto world = LoadWorld(given.nodes);
  if (!before || !after || !world) {
    return kUsage;
  }
  for (const auto& change : policy::DiffPolicies(*before, *after, *world)) {
    std::puts(policy::ToString(change).c_str());
  }
  return 0;
}

}  // namespace

void AddPolicyFileCommands(CLI::App& group, std::function<int()>& run) {
  const auto given = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* help,
                       int (*command)(const Arguments&)) {
    CLI::App* app = group.add_subcommand(name, help);
    app->add_option("file", given->file, "the policy")->required();
    app->add_option("--mesh-prefix", given->mesh_prefixes,
                    "where nodes have their addresses; repeatable");
    app->callback([&run, given, command] {
      run = [given, command] { return command(*given); };
    });
    return app;
  };
  constexpr const char* kNodesHelp = "a file with nodes (docs/policy.md)";
  add("check", "Check a policy file and run its tests", &Check)
      ->add_option("--nodes", given->nodes, kNodesHelp);
  CLI::App* eval = add("eval", "Decide one flow", &Eval);
  eval->add_option("--nodes", given->nodes, kNodesHelp)->required();
  eval->add_option("--src", given->source, "a node's name or an address")
      ->required();
  eval->add_option("--dst", given->destination, "a node's name or an address")
      ->required();
  eval->add_option("--port", given->port, "the destination's");
  eval->add_option("--proto", given->protocol, "default: tcp");
  CLI::App* diff = add("diff", "What changes between two policies", &Diff);
  diff->add_option("other", given->other, "the policy after it")->required();
  diff->add_option("--nodes", given->nodes, kNodesHelp)->required();
}

}  // namespace natkit::coordd
