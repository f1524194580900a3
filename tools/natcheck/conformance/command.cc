#include "command.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent_shell.h"
#include "natkit/netsim/profile.h"
#include "real_lab.h"
#include "report.h"
#include "world_lab.h"

namespace natkit::natcheck::conformance {
namespace {

constexpr int kUsage = 2;

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
};

int Complain(const std::string& text) {
  std::cerr << "natcheck: " << text << "\n";
  return kUsage;
}

int List() {
  for (const Requirement& requirement : Requirements()) {
    std::string line(requirement.id);
    line.resize(10, ' ');
    line += "section " + std::string(requirement.section);
    line.resize(26, ' ');
    line += LevelWord(requirement.level);
    line.resize(37, ' ');
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
  return Count(report.findings).failed_musts == 0 ? 0 : 1;
}

int RunSimulated(const Arguments& arguments) {
  const netsim::ProfileInfo* profile = netsim::FindProfile(arguments.profile);
  if (profile == nullptr) {
    return Complain("no profile \"" + arguments.profile +
                    "\"; netsim profiles lists them");
  }
  const RunResult result =
      RunInWorld(MakeChain(*profile),
                 {.only = arguments.only,
                  .is_long = true,
                  .is_carrier = arguments.is_carrier,
                  .pcp_server = {},
                  .exempt = {}},
                 {.seed = arguments.seed, .loss = arguments.loss});
  return Finish(arguments, {.subject = "profile " + arguments.profile +
                                       " (simulated, seed " +
                                       std::to_string(arguments.seed) + ")",
                            .findings = result.findings});
}

std::optional<IpAddress> ReadAddress(const std::string& text) {
  const auto address = IpAddress::Parse(text);
  return address ? std::optional(*address) : std::nullopt;
}

int RunReal(const Arguments& arguments) {
  Options options = {.only = arguments.only,
                     .is_long = arguments.is_long,
                     .is_carrier = arguments.is_carrier,
                     .pcp_server = ReadAddress(arguments.pcp_server),
                     .exempt = ReadAddress(arguments.exempt)};
  if (options.pcp_server.has_value() == arguments.pcp_server.empty() ||
      options.exempt.has_value() == arguments.exempt.empty()) {
    return Complain("--pcp-server and --exempt take an address");
  }
  const auto result =
      RunWithAgents(arguments.inside_agent, arguments.outside_agent, options);
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
  const bool has_agents =
      !arguments.inside_agent.empty() && !arguments.outside_agent.empty();
  if (arguments.profile.empty() != has_agents) {
    return Complain(
        "conformance needs --profile, or --inside-agent and --outside-agent");
  }
  return has_agents ? RunReal(arguments) : RunSimulated(arguments);
}

}  // namespace

void AddConformanceCommand(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "conformance", "Judge a NAT by the requirements of the RFCs");
  command->add_option("--profile", arguments->profile,
                      "Test a simulated NAT of this netsim profile");
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
    bool is_right = true;
    for (const std::string& text : words->addresses) {
      const auto address = IpAddress::Parse(text);
      is_right &= address.has_value();
      config.addresses.push_back(address.value_or(IpAddress()));
    }
    const auto network = IpPrefix::Parse(words->network);
    is_right &= network.has_value();
    config.network = network.value_or(IpPrefix());
    if (!words->gateway.empty()) {
      const auto gateway = IpAddress::Parse(words->gateway);
      is_right &= gateway.has_value();
      config.gateway = gateway.value_or(IpAddress());
    }
    exit_status = is_right ? RunAgent(config)
                           : Complain("an address or network is not one");
  });
}

}  // namespace natkit::natcheck::conformance
