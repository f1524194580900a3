#include "command.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "natkit/netsim/profile.h"
#include "report.h"
#include "world_lab.h"

namespace natkit::natcheck::conformance {
namespace {

constexpr int kUsage = 2;

struct Arguments {
  std::string profile;
  uint64_t seed = 1;
  double loss = 0;
  std::vector<std::string> only;
  bool is_carrier = false;
  bool lists = false;
  bool shows_evidence = false;
  std::string format = "text";
  std::string output;
  std::string pcap;
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
                  .is_carrier = arguments.is_carrier},
                 {.seed = arguments.seed, .loss = arguments.loss});
  const Report report = {.subject = "profile " + arguments.profile +
                                    " (simulated, seed " +
                                    std::to_string(arguments.seed) + ")",
                         .findings = result.findings};
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

int Run(const Arguments& arguments) {
  for (const std::string& word : arguments.only) {
    if (!IsKnown(word)) {
      return Complain("no requirement \"" + word + "\"; --list shows them");
    }
  }
  if (arguments.lists) {
    return List();
  }
  if (arguments.profile.empty()) {
    return Complain("conformance needs --profile");
  }
  return RunSimulated(arguments);
}

}  // namespace

void AddConformanceCommand(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "conformance", "Judge a NAT by the requirements of the RFCs");
  command->add_option("--profile", arguments->profile,
                      "Test a simulated NAT of this netsim profile");
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

}  // namespace natkit::natcheck::conformance
