#include "policy_command.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/io/event_loop.h"
#include "natkit/mesh/policy/decide.h"
#include "natkit/mesh/policy/diff.h"
#include "natkit/mesh/policy/nodes_file.h"
#include "natkit/mesh/policy/run_tests.h"
#include "natkit/shell/files.h"
#include "policy_keeper.h"
#include "policy_report.h"
#include "rfc3339.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

// All three commands: yes, no (a test fails, deny, something changes), and no
// answer (arguments, a file that cannot be read or is refused).
constexpr int kYes = 0;
constexpr int kNo = 1;
constexpr int kNoAnswer = 2;

struct Arguments {
  std::string file;
  std::string other;
  std::string nodes;
  std::string source;
  std::string destination;
  std::string protocol = "tcp";
  std::optional<uint16_t> port;
  std::string at;
  std::vector<std::string> mesh_prefixes;
  bool is_json = false;
};

/// One command under way: what it was given and what it has to say.
class PolicyFileCommand {
 public:
  explicit PolicyFileCommand(const Arguments& given)
      : given_(given),
        report_(given.is_json ? ReportFormat::kJson : ReportFormat::kText) {}

  int Check() {
    const auto compiled = Load(given_.file);
    const auto world = LoadWorld();
    if (!compiled || !world) {
      return Fail({{"ok", false}});
    }
    const auto failures = policy::RunTests(*compiled, world->nodes);
    report_.AddFindings(given_.file, failures);
    const bool is_good = failures.empty();
    report_.Print(is_good ? "the policy is fine\n" : "",
                  {{"ok", is_good}, {"failed_tests", failures.size()}});
    return is_good ? kYes : kNo;
  }

  int Eval() {
    const auto compiled = Load(given_.file);
    const auto world = LoadWorld();
    const auto question = Question();
    if (!compiled || !world || !question) {
      return Fail();
    }
    const auto pairs = policy::DecideByName(*compiled, *world, given_.source,
                                            given_.destination, *question);
    if (!pairs) {
      report_.AddError(pairs.error());
      return Fail();
    }
    // All pairs must pass: a name stands for every address of its node.
    const policy::PairDecision* shown = &pairs->front();
    for (const policy::PairDecision& pair : *pairs) {
      if (!pair.decision.is_accepted) {
        shown = &pair;
      }
    }
    const policy::Decision& decision = shown->decision;
    report_.Print(
        (decision.is_accepted ? "accept\n" : "deny\n") + decision.text + "\n",
        ToJson(*compiled, *shown, *pairs));
    return decision.is_accepted ? kYes : kNo;
  }

  int Diff() {
    const auto before = Load(given_.file);
    const auto after = Load(given_.other);
    const auto world = LoadWorld();
    const auto at = Moment();
    if (!before || !after || !world || !at) {
      return Fail();
    }
    const auto changes =
        given_.nodes.empty()
            ? policy::DiffPoliciesByName(*before, *after, world->is_open, *at)
            : policy::DiffPolicies(*before, *after, *world, *at);
    std::string text;
    json list = json::array();
    for (const policy::PolicyChange& change : changes) {
      text += policy::ToString(change) + "\n";
      list.push_back(ToJson(change));
    }
    report_.Print(text, {{"changes", std::move(list)}});
    return changes.empty() ? kYes : kNo;
  }

 private:
  int Fail(json object = json::object()) {
    report_.Print("", std::move(object));
    return kNoAnswer;
  }

  std::optional<std::vector<IpPrefix>> MeshPrefixes() {
    if (given_.mesh_prefixes.empty()) {
      return policy::DefaultMeshPrefixes();
    }
    std::vector<IpPrefix> prefixes;
    for (const std::string& text : given_.mesh_prefixes) {
      const auto prefix = IpPrefix::Parse(text);
      if (!prefix) {
        report_.AddError("--mesh-prefix: \"" + text +
                         "\" is no CIDR like 100.64.0.0/10");
        return std::nullopt;
      }
      prefixes.push_back(*prefix);
    }
    return prefixes;
  }

  std::optional<std::string> Text(const std::string& file) {
    auto text = shell::ReadFile(file);
    if (!text) {
      report_.AddError(text.error());
      return std::nullopt;
    }
    return *std::move(text);
  }

  /// nullopt if the file cannot be used.
  std::optional<policy::CompiledPolicy> Load(const std::string& file) {
    const auto prefixes = MeshPrefixes();
    const auto text = Text(file);
    if (!text || !prefixes) {
      return std::nullopt;
    }
    CheckedPolicy checked = CheckPolicy(*text, *prefixes);
    report_.AddFindings(file, checked.diagnostics);
    return std::move(checked.compiled);
  }

  std::optional<policy::PolicyWorld> LoadWorld() {
    policy::PolicyWorld world{.nodes = {}, .is_open = SystemWindowJudge()};
    if (given_.nodes.empty()) {
      return world;
    }
    const auto text = Text(given_.nodes);
    if (!text) {
      return std::nullopt;
    }
    auto parsed = policy::ParseNodesFile(*text);
    report_.AddFindings(given_.nodes, parsed.diagnostics);
    if (!parsed.is_usable()) {
      return std::nullopt;
    }
    world.nodes = std::move(parsed.nodes);
    return world;
  }

  /// The outer one is empty if --at cannot be read, the inner one without it.
  std::optional<std::optional<int64_t>> Moment() {
    if (given_.at.empty()) {
      return std::optional<int64_t>();
    }
    const auto moment = ParseRfc3339(given_.at);
    if (!moment) {
      report_.AddError("--at: \"" + given_.at +
                       "\" is no time: write it like 2026-11-23T09:30:00Z or "
                       "2026-11-23T10:30:00+01:00");
      return std::nullopt;
    }
    return moment;
  }

  std::optional<policy::FlowQuestion> Question() {
    const auto protocol = policy::ParseProtocol(given_.protocol);
    if (!protocol) {
      report_.AddError("--proto: \"" + given_.protocol +
                       "\" is no protocol: write a name like tcp, or 0 to 255");
    }
    const bool needs_port = protocol && !given_.port &&
                            (*protocol == policy::kProtocolTcp ||
                             *protocol == policy::kProtocolUdp ||
                             *protocol == policy::kProtocolSctp);
    if (needs_port) {
      report_.AddError("--port is missing: " + given_.protocol + " has ports");
    }
    const auto at = Moment();
    if (!protocol || needs_port || !at) {
      return std::nullopt;
    }
    const auto now =
        std::chrono::floor<std::chrono::seconds>(io::EventLoop::UnixNow());
    return policy::FlowQuestion{
        .protocol = *protocol,
        .port = given_.port.value_or(0),
        .unix_seconds = at->value_or(now.time_since_epoch().count())};
  }

  const Arguments& given_;
  PolicyReport report_;
};

constexpr const char* kNodesHelp = "a file with nodes (docs/policy.md)";
constexpr const char* kAtHelp = "a time like 2026-11-23T09:30:00Z; default: ";

void AddEvalOptions(CLI::App& eval, Arguments& given) {
  eval.add_option("--nodes", given.nodes, kNodesHelp)->required();
  eval.add_option("--src", given.source, "a node's name or an address")
      ->required();
  eval.add_option("--dst", given.destination, "a node's name or an address")
      ->required();
  eval.add_option("--port", given.port, "the destination's");
  eval.add_option("--proto", given.protocol, "default: tcp");
  eval.add_option("--at", given.at, std::string(kAtHelp) + "now");
}

void AddDiffOptions(CLI::App& diff, Arguments& given) {
  diff.add_option("other", given.other, "the policy after it")->required();
  diff.add_option(
      "--nodes", given.nodes,
      std::string(kNodesHelp) + "; default: one for each name of the policies");
  diff.add_option("--at", given.at, std::string(kAtHelp) + "all times");
}

}  // namespace

void AddPolicyFileCommands(CLI::App& group, std::function<int()>& run) {
  const auto given = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* help,
                       int (PolicyFileCommand::*command)()) {
    CLI::App* app = group.add_subcommand(name, help);
    app->add_option("file", given->file, "the policy")->required();
    app->add_option("--mesh-prefix", given->mesh_prefixes,
                    "where nodes have their addresses; repeatable");
    app->add_flag("--json", given->is_json, "print JSON");
    app->callback([&run, given, command] {
      run = [given, command] { return (PolicyFileCommand(*given).*command)(); };
    });
    return app;
  };
  add("check", "Check a policy file and run its tests",
      &PolicyFileCommand::Check)
      ->add_option("--nodes", given->nodes, kNodesHelp);
  AddEvalOptions(*add("eval", "Decide one flow", &PolicyFileCommand::Eval),
                 *given);
  AddDiffOptions(*add("diff", "What changes between two policies",
                      &PolicyFileCommand::Diff),
                 *given);
}

}  // namespace natkit::coordd
