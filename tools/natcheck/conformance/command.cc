#include "command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent_shell.h"
#include "natkit/netsim/profile.h"
#include "natkit/netsim/scenario.h"
#include "real_lab.h"
#include "report.h"
#include "world_lab.h"

namespace natkit::natcheck::conformance {
namespace {

// Exit statuses; docs/conformance.md lists them.
constexpr int kMustFailed = 1;
constexpr int kUsage = 2;
constexpr int kNothingJudged = 3;

struct Arguments {
  std::string profile;
  std::string inside_agent;
  std::string outside_agent;
  bool is_long = false;
  uint64_t seed = 1;
  double loss = 0;
  std::vector<std::string> only;
  bool is_carrier = false;
  bool lists = false;
  bool shows_evidence = false;
  std::string format = "text";
  std::string output;
  std::string pcap;
  std::string pcp_server;
  std::string exempt;
  std::string conflict;
  std::vector<std::string> pool;
  std::vector<std::string> stated;
  std::string scenario;
  std::string box;
};

int Complain(const std::string& text) {
  std::cerr << "natcheck: " << text << "\n";
  return kUsage;
}

int List() {
  for (const Requirement& requirement : Requirements()) {
    std::string line(requirement.id);
    line.resize(14, ' ');
    line += "section " + std::string(requirement.section);
    line.resize(30, ' ');
    line += LevelWord(requirement.level);
    line.resize(41, ' ');
    std::cout << line << requirement.title << "\n";
  }
  return 0;
}

/// False if the file cannot be written.
bool Write(const std::string& path, const std::string& text) {
  if (path.empty()) {
    std::cout << text << std::flush;
    return std::cout.good();
  }
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  return file.good();
}

std::string Render(const Arguments& arguments, const Report& report) {
  if (arguments.format == "json") {
    return RenderJson(report);
  }
  if (arguments.format == "junit") {
    return RenderJunit(report);
  }
  if (arguments.format == "html") {
    return RenderHtml(report);
  }
  return RenderText(report, arguments.shows_evidence);
}

bool IsKnown(const std::string& word) {
  const auto requirements = Requirements();
  return std::any_of(requirements.begin(), requirements.end(),
                     [&](const Requirement& requirement) {
                       return Options{.only = {word}}.Wants(requirement);
                     });
}

int Finish(const Arguments& arguments, const Report& report) {
  if (!Write(arguments.output, Render(arguments, report))) {
    return Complain("cannot write " + arguments.output);
  }
  const std::vector<uint8_t> pcap =
      arguments.pcap.empty() ? std::vector<uint8_t>() : RenderPcapng(report);
  if (!arguments.pcap.empty() &&
      !Write(arguments.pcap, std::string(AsText(pcap)))) {
    return Complain("cannot write " + arguments.pcap);
  }
  const Tally tally = Count(report.findings);
  const size_t judged = tally.of(Verdict::kPass) + tally.of(Verdict::kFail);
  if (judged == 0) {
    std::cerr << "natcheck: no requirement could be judged\n";
    return kNothingJudged;
  }
  return tally.failed_musts == 0 ? 0 : kMustFailed;
}

/// "4787-7=pass:why".
bool ReadStatement(const std::string& text, Options& options) {
  const size_t equals = text.find('=');
  const size_t colon = text.find(':', equals);
  if (equals == std::string::npos || colon == std::string::npos ||
      colon + 1 == text.size()) {
    return false;
  }
  const std::string id = text.substr(0, equals);
  const std::string word = text.substr(equals + 1, colon - equals - 1);
  for (const Verdict verdict :
       {Verdict::kPass, Verdict::kFail, Verdict::kInconclusive,
        Verdict::kNotApplicable}) {
    if (word == VerdictWord(verdict) && FindRequirement(id) != nullptr) {
      options.stated[id] = {verdict, text.substr(colon + 1)};
      return true;
    }
  }
  return false;
}

/// "192.0.2.1" or "192.0.2.1-192.0.2.9".
bool ReadRange(const std::string& text, Options& options) {
  const size_t dash = text.find('-');
  const auto first = IpAddress::Parse(text.substr(0, dash));
  const auto last = dash == std::string::npos
                        ? first
                        : IpAddress::Parse(text.substr(dash + 1));
  if (!first || !last || first->family() != last->family() || *last < *first) {
    return false;
  }
  options.pool.push_back({*first, *last});
  return true;
}

/// False if it is given, but no address.
bool ReadAddress(const std::string& text, std::optional<IpAddress>& out) {
  const auto address = IpAddress::Parse(text);
  if (address) {
    out = *address;
  }
  return text.empty() || address.has_value();
}

/// What the command line says about the run; otherwise what is wrong with it.
std::expected<Options, std::string> MakeOptions(const Arguments& arguments) {
  Options options;
  options.only = arguments.only;
  options.is_long = arguments.is_long;
  options.is_carrier = arguments.is_carrier;
  if (!ReadAddress(arguments.pcp_server, options.pcp_server) ||
      !ReadAddress(arguments.exempt, options.exempt) ||
      !ReadAddress(arguments.conflict, options.conflict)) {
    return std::unexpected(
        "--pcp-server, --exempt and --conflict take an address");
  }
  for (const std::string& text : arguments.pool) {
    if (!ReadRange(text, options)) {
      return std::unexpected("\"" + text +
                             "\" is no address or range of addresses");
    }
  }
  for (const std::string& text : arguments.stated) {
    if (!ReadStatement(text, options)) {
      return std::unexpected(
          "--state takes REQUIREMENT=VERDICT:REASON, not \"" + text + "\"");
    }
  }
  return options;
}

int RunChain(const Arguments& arguments, const Chain& chain,
             const std::string& name) {
  auto options = MakeOptions(arguments);
  if (!options) {
    return Complain(options.error());
  }
  options->is_long = true;
  const RunResult result = RunInWorld(
      chain, *options, {.seed = arguments.seed, .loss = arguments.loss});
  return Finish(arguments, {.subject = name + " (simulated, seed " +
                                       std::to_string(arguments.seed) + ")",
                            .findings = result.findings});
}

int RunProfile(const Arguments& arguments) {
  const netsim::ProfileInfo* profile = netsim::FindProfile(arguments.profile);
  if (profile == nullptr) {
    return Complain("no profile \"" + arguments.profile +
                    "\"; netsim profiles lists them");
  }
  return RunChain(arguments, MakeChain(*profile),
                  "profile " + arguments.profile);
}

/// A box of a scenario file, alone, with as many external addresses.
int RunScenario(const Arguments& arguments) {
  std::ifstream file(arguments.scenario, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)),
                         std::istreambuf_iterator<char>());
  if (!file) {
    return Complain("cannot read " + arguments.scenario);
  }
  const auto scenario = netsim::ParseScenario(text);
  if (!scenario) {
    const netsim::Problem& first = scenario.error().front();
    return Complain(arguments.scenario + ":" + std::to_string(first.line) +
                    ": " + first.text);
  }
  const netsim::Nat* nat = scenario->FindNat(arguments.box);
  if (nat == nullptr) {
    std::string names;
    for (const netsim::Nat& one : scenario->nats) {
      names += " " + one.name;
    }
    return Complain("no box \"" + arguments.box + "\" (--box) in " +
                    arguments.scenario + "; it has" +
                    (names.empty() ? " none" : ":" + names));
  }
  Chain chain;
  chain.boxes.push_back(nat->config);
  chain.pool = std::max<size_t>(1, nat->addresses.size());
  return RunChain(arguments, chain,
                  "box " + nat->name + " of " + arguments.scenario);
}

int RunReal(const Arguments& arguments) {
  const auto options = MakeOptions(arguments);
  if (!options) {
    return Complain(options.error());
  }
  const auto result =
      RunWithAgents(arguments.inside_agent, arguments.outside_agent, *options);
  if (!result) {
    return Complain(result.error());
  }
  return Finish(arguments, {.subject = "the box between the agents",
                            .findings = result->findings});
}

int Run(const Arguments& arguments) {
  for (const std::string& word : arguments.only) {
    if (!IsKnown(word)) {
      return Complain("no requirement \"" + word + "\"; --list shows them");
    }
  }
  if (arguments.lists) {
    return List();
  }
  for (const std::string& path : {arguments.output, arguments.pcap}) {
    if (!path.empty() && !std::ofstream(path, std::ios::app)) {
      return Complain("cannot write " + path);
    }
  }
  const bool has_agents =
      !arguments.inside_agent.empty() && !arguments.outside_agent.empty();
  const int subjects = static_cast<int>(has_agents) +
                       static_cast<int>(!arguments.profile.empty()) +
                       static_cast<int>(!arguments.scenario.empty());
  const bool has_half =
      arguments.inside_agent.empty() != arguments.outside_agent.empty();
  if (subjects != 1 || has_half) {
    return Complain(
        "conformance needs one of --profile, --scenario, and --inside-agent "
        "with --outside-agent");
  }
  return has_agents                  ? RunReal(arguments)
         : arguments.profile.empty() ? RunScenario(arguments)
                                     : RunProfile(arguments);
}

}  // namespace

void AddConformanceCommand(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "conformance", "Judge a NAT by the requirements of the RFCs");
  command->add_option("--profile", arguments->profile,
                      "Test a simulated NAT of this netsim profile");
  command->add_option("--scenario", arguments->scenario,
                      "Test a simulated NAT of this netsim scenario file");
  command->add_option("--box", arguments->box, "Its name in the scenario");
  command->add_option("--inside-agent", arguments->inside_agent,
                      "Command that runs \"natcheck agent\" behind the box");
  command->add_option("--outside-agent", arguments->outside_agent,
                      "Command that runs \"natcheck agent\" outside");
  command->add_flag("--long", arguments->is_long,
                    "Real boxes: also what takes hours");
  command->add_option("--seed", arguments->seed, "Of the simulation")
      ->capture_default_str();
  command
      ->add_option("--loss", arguments->loss,
                   "Share of packets that the simulation loses")
      ->check(CLI::Range(0.0, 0.5))
      ->capture_default_str();
  command
      ->add_option("--only", arguments->only,
                   "Requirements (4787-9a) or whole RFCs (4787)")
      ->delimiter(',');
  command->add_flag("--carrier", arguments->is_carrier,
                    "The box is a carrier's: RFC 6888 applies");
  command->add_option("--pcp-server", arguments->pcp_server,
                      "Real boxes: where subscribers ask for mappings");
  command->add_option("--exempt", arguments->exempt,
                      "Real boxes: the outside agent's address toward which "
                      "the box should not translate");
  command->add_option("--conflict", arguments->conflict,
                      "Real boxes: the outside agent's address that is also "
                      "one of the inside network");
  command
      ->add_option("--pool", arguments->pool,
                   "External addresses that the box was given (A or A-B)")
      ->delimiter(',');
  command->add_option("--state", arguments->stated,
                      "REQUIREMENT=VERDICT:REASON, where packets show nothing");
  command->add_flag("--list", arguments->lists, "List the requirements");
  command
      ->add_option("--format", arguments->format, "text, json, junit or html")
      ->check(CLI::IsMember({"text", "json", "junit", "html"}))
      ->capture_default_str();
  command->add_flag("--evidence", arguments->shows_evidence,
                    "Text: also what was sent and seen");
  command->add_option("--output", arguments->output,
                      "File for the report; default: standard output");
  command->add_option("--pcap", arguments->pcap,
                      "File for the packets of the evidence (pcapng)");
  command->callback(
      [arguments, &exit_status] { exit_status = Run(*arguments); });
}

void AddAgentCommand(CLI::App& app, int& exit_status) {
  struct Words {
    std::string interface;
    std::vector<std::string> addresses;
    std::string network;
    std::string gateway;
  };

  auto words = std::make_shared<Words>();
  CLI::App* command = app.add_subcommand(
      "agent", "Send and collect packets for a conformance run");
  command->add_option("--interface", words->interface, "Network interface")
      ->required();
  command
      ->add_option("--address", words->addresses,
                   "Addresses that nobody else has")
      ->required()
      ->delimiter(',');
  command->add_option("--network", words->network, "Reached directly (CIDR)")
      ->required();
  command->add_option("--gateway", words->gateway, "Next hop to all else");
  command->callback([words, &exit_status] {
    AgentConfig config;
    config.interface = words->interface;
    std::string wrong;
    for (const std::string& text : words->addresses) {
      const auto address = IpAddress::Parse(text);
      wrong = address ? wrong : "address \"" + text + "\"";
      config.addresses.push_back(address.value_or(IpAddress()));
    }
    const auto network = IpPrefix::Parse(words->network);
    wrong = network ? wrong : "network \"" + words->network + "\"";
    config.network = network.value_or(IpPrefix());
    if (!words->gateway.empty()) {
      const auto gateway = IpAddress::Parse(words->gateway);
      wrong = gateway ? wrong : "gateway \"" + words->gateway + "\"";
      config.gateway = gateway.value_or(IpAddress());
    }
    exit_status = wrong.empty() ? RunAgent(config)
                                : Complain("agent: there is no " + wrong);
  });
}

}  // namespace natkit::natcheck::conformance
