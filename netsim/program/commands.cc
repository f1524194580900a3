#include "commands.h"

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "json_text.h"
#include "load_file.h"
#include "natkit/netsim/control.h"
#include "natkit/netsim/draw.h"
#include "natkit/netsim/profile.h"
#include "natkit/netsim/scenario.h"
#include "render.h"

namespace natkit::netsim::program {
namespace {

// As shells say it.
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

}  // namespace

void Commands::Fail(const std::string& text) {
  std::cerr << "netsim: " << text << (text.ends_with('\n') ? "" : "\n");
  exit_status = 1;
}

std::string Commands::Run() {
  if (!id.empty()) {
    return id;
  }
  const auto run = DefaultRun();
  if (!run) {
    Fail(run.error().text);
    return {};
  }
  return *run;
}

void Commands::Check() {
  if (const auto scenario = LoadFile(file, exit_status)) {
    std::cout << file << ": ok, "
              << CountOf(scenario->networks.size(), "network", "networks")
              << ", " << CountOf(scenario->hosts.size(), "host", "hosts")
              << ", " << CountOf(scenario->nats.size(), "box", "boxes") << '\n';
  }
}

void Commands::Draw() {
  if (const auto scenario = LoadFile(file, exit_status)) {
    std::cout << DrawSvg(*scenario);
  }
}

void Commands::ListProfiles() {
  std::cout << (as_json ? RenderProfilesJson() : RenderProfiles());
}

void Commands::ListParameters() {
  std::cout << (as_json ? RenderParametersJson() : RenderParameters());
}

void Commands::Up() {
  const auto scenario = LoadFile(file, exit_status);
  if (!scenario) {
    return;
  }
  const auto run = netsim::Up(*scenario, id);
  if (!run) {
    Fail(run.error().text);
  } else if (as_json) {
    std::cout << RenderRunJson(*run) << '\n';
  } else {
    std::cout << run->id << '\n';
  }
}

void Commands::List() {
  const auto runs = netsim::List();
  if (!runs) {
    Fail(runs.error().text);
  } else {
    std::cout << (as_json ? RenderRunsJson(*runs) : RenderRuns(*runs));
  }
}

void Commands::DownAll() {
  const auto runs = netsim::List();
  if (!runs) {
    Fail(runs.error().text);
    return;
  }
  for (const RunSummary& run : *runs) {
    if (const auto done = netsim::Down(run.id); !done) {
      Fail(done.error().text);
    }
  }
}

void Commands::Down() {
  if (all) {
    DownAll();
    return;
  }
  const std::string run = Run();
  if (run.empty()) {
    return;
  }
  if (const auto done = netsim::Down(run); !done) {
    Fail(done.error().text);
  }
}

void Commands::Clean() {
  const auto removed = netsim::Clean();
  if (!removed) {
    Fail(removed.error().text);
    return;
  }
  for (const std::string& run : *removed) {
    std::cout << "removed " << run << '\n';
  }
}

void Commands::Exec() {
  if (command.empty()) {
    Fail("no command: netsim exec HOST -- COMMAND...");
    return;
  }
  const std::string run = Run();
  if (run.empty()) {
    return;
  }
  if (const auto entered = Enter(run, member); !entered) {
    Fail(entered.error().text);
    return;
  }
  std::vector<char*> arguments;
  for (std::string& argument : command) {
    arguments.push_back(argument.data());
  }
  arguments.push_back(nullptr);
  execvp(arguments.front(), arguments.data());
  const int error = errno;
  Fail(command.front() + ": " + std::generic_category().message(error));
  exit_status = error == ENOENT ? kNotFound : kNotExecutable;
}

void Commands::SendEvent() {
  const std::string run = Run();
  if (run.empty()) {
    return;
  }
  if (!new_address.empty()) {
    event_words.push_back(new_address);
  }
  const auto what = ParseEvent(event, event_words);
  if (!what) {
    Fail(what.error().text);
    return;
  }
  if (const auto done = Apply(run, member, *what); !done) {
    Fail(done.error().text);
  }
}

void Commands::Show() {
  const std::string run = Run();
  if (run.empty()) {
    return;
  }
  const auto view = netsim::Show(run, member);
  if (!view) {
    Fail(view.error().text);
    return;
  }
  std::cout << (as_json ? RenderMemberJson(*view) : RenderMember(*view));
}

}  // namespace natkit::netsim::program
