#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>

#include "commands.h"
#include "grid/matrix_command.h"

namespace {

constexpr const char* kAbout =
    "Simulated internets for testing NAT traversal: hosts and NATs as network\n"
    "namespaces, described by a TOML file. Needs root, or a kernel that lets\n"
    "users make user namespaces; and the programs ip and nft.";

constexpr const char* kExamples =
    "Examples:\n"
    "  netsim check demo.toml                  is the file right?\n"
    "  netsim draw demo.toml > demo.svg        what does it look like?\n"
    "  id=$(netsim up demo.toml)               build it\n"
    "  netsim exec --id $id home1 -- ping -c1 203.0.113.11\n"
    "  netsim event --id $id home reboot       the NAT forgets its mappings\n"
    "  netsim down $id\n"
    "  netsim run demo.toml                    run the steps written in it\n"
    "  netsim matrix --html grid.html          which NATs does ICE pass?\n"
    "With one run up, --id can be left out.";

using natkit::netsim::program::Commands;

void AddFileCommands(CLI::App& app, Commands& commands) {
  auto* check = app.add_subcommand("check", "Say whether a scenario is right");
  check->add_option("FILE", commands.file, "scenario file")->required();
  check->callback([&commands] { commands.Check(); });
  auto* draw = app.add_subcommand("draw", "Print a scenario as an SVG image");
  draw->add_option("FILE", commands.file, "scenario file")->required();
  draw->callback([&commands] { commands.Draw(); });
  auto* profiles = app.add_subcommand("profiles", "List the NAT profiles");
  profiles->add_flag("--json", commands.as_json, "print JSON");
  profiles->callback([&commands] { commands.ListProfiles(); });
  auto* parameters =
      app.add_subcommand("parameters", "List the keys of [[nat]] tables");
  parameters->add_flag("--json", commands.as_json, "print JSON");
  parameters->callback([&commands] { commands.ListParameters(); });
}

void AddRunCommands(CLI::App& app, Commands& commands) {
  auto* up = app.add_subcommand("up", "Build a scenario; prints the run's id");
  up->add_option("FILE", commands.file, "scenario file")->required();
  up->add_option("--id", commands.id, "run id; default: a random one");
  up->add_flag("--json", commands.as_json, "print the run as JSON");
  up->callback([&commands] { commands.Up(); });
  auto* list = app.add_subcommand("list", "List this user's runs");
  list->add_flag("--json", commands.as_json, "print JSON");
  list->callback([&commands] { commands.List(); });
  auto* down = app.add_subcommand("down", "End a run and what runs inside");
  auto* id = down->add_option("ID,--id", commands.id, "run id");
  down->add_flag("--all", commands.all, "every run of this user")->excludes(id);
  down->callback([&commands] { commands.Down(); });
  auto* clean =
      app.add_subcommand("clean", "Remove what crashed runs left behind");
  clean->callback([&commands] { commands.Clean(); });
}

void AddStepCommands(CLI::App& app, Commands& commands) {
  auto* run = app.add_subcommand(
      "run", "Build a scenario, run its steps, take it down; 0 if all pass");
  run->add_option("FILE", commands.file, "scenario file")->required();
  run->add_option("--id", commands.id, "run id; default: a random one");
  run->add_flag("--json", commands.as_json, "print the report as JSON");
  run->add_option("--junit", commands.junit_file, "write a JUnit report");
  run->add_flag("--keep", commands.keep, "leave the run up afterwards");
  run->callback([&commands] { commands.RunSteps(); });
}

void AddMemberCommands(CLI::App& app, Commands& commands) {
  auto* exec = app.add_subcommand(
      "exec", "Run a command on a host or box; its exit status is passed on");
  exec->add_option("--id", commands.id, "run id");
  exec->add_option("HOST", commands.member, "host or box")->required();
  exec->footer(
      "The command follows after --: netsim exec HOST -- ping -c1 ...");
  exec->callback([&commands] { commands.Exec(); });
  auto* event = app.add_subcommand(
      "event", "Make something happen to a box (or to a host's link)");
  event->add_option("--id", commands.id, "run id");
  event->add_option("BOX", commands.member, "box; or host for link-*")
      ->required();
  event
      ->add_option(
          "EVENT", commands.event,
          "reboot, readdress, block-udp, unblock-udp, link-down, link-up, "
          "blackhole or set-link")
      ->required();
  event->add_option("WORDS", commands.event_words,
                    "blackhole: a duration such as 2s; set-link: settings "
                    "such as delay=20ms loss=0.05 and direction=up; both: "
                    "network=NAME picks one cable of the member");
  event->add_option("--new-address", commands.new_address,
                    "with reboot: come back with this external address");
  event->callback([&commands] { commands.SendEvent(); });
  auto* show = app.add_subcommand(
      "show",
      "Show the mappings, counters and links of a member in user space");
  show->add_option("--id", commands.id, "run id");
  show->add_option("MEMBER", commands.member, "box or host")->required();
  show->add_flag("--json", commands.as_json, "print JSON");
  show->callback([&commands] { commands.Show(); });
}

/// Takes what follows the first "--": a command to run, whose options are not
/// ours. Returns how many arguments are left.
int TakeCommand(int argc, char** argv, Commands& commands) {
  char** const end = argv + argc;
  char** const dashes = std::find(argv, end, std::string_view("--"));
  if (dashes != end) {
    commands.command.assign(dashes + 1, end);
  }
  return static_cast<int>(dashes - argv);
}

/// Says so if the first word is no command; the parser would only say that one
/// is required.
bool IsCommand(const CLI::App& app, int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "-";
  std::string known;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (word == command->get_name()) {
      return true;
    }
    known += (known.empty() ? "" : ", ") + command->get_name();
  }
  if (word.starts_with('-')) {
    return true;
  }
  std::cerr << "netsim: '" << word << "' is not a command; commands: " << known
            << '\n';
  return false;
}

/// A script's variable that was never set is not "no --id".
bool HasNoEmptyId(int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string_view before = argv[i - 1];
    if (word == "--id=" ||
        (word.empty() && (before == "--id" || before == "down"))) {
      std::cerr << "netsim: the id of a run is not empty\n";
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout, "netsim");
  app.footer(kExamples);
  app.require_subcommand(1);
  app.set_version_flag("--version", "netsim " NATKIT_VERSION);
  Commands commands;
  AddFileCommands(app, commands);
  AddRunCommands(app, commands);
  AddStepCommands(app, commands);
  AddMemberCommands(app, commands);
  natkit::netsim::grid::AddMatrixCommand(app, commands.exit_status);
  const int ours = TakeCommand(argc, argv, commands);
  constexpr int kBadUsage = 2;
  if (!IsCommand(app, ours, argv) || !HasNoEmptyId(ours, argv)) {
    return kBadUsage;
  }
  try {
    app.parse(ours, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;  // --help is no error
  }
  return commands.exit_status;
}
