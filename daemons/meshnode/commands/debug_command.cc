#include "commands/debug_command.h"

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "control/control_client.h"
#include "control/control_options.h"
#include "dns/programs.h"
#include "natkit/io/file.h"

namespace natkit::meshnode {

namespace {

constexpr size_t kMaxFile = size_t{64} * 1024;

/// A file of the bundle and the program that says what goes into it. None of
/// them prints a key.
struct Question {
  const char* file;
  std::vector<std::string> command;
};

std::vector<Question> Questions() {
  return {{"kernel.txt", {"uname", "-a"}},
          {"interfaces.txt", {"ip", "-details", "address"}},
          {"routes.txt", {"ip", "route", "show", "table", "all"}},
          {"routes6.txt", {"ip", "-6", "route", "show", "table", "all"}},
          {"rules.txt", {"ip", "rule"}},
          {"rules6.txt", {"ip", "-6", "rule"}},
          {"sockets.txt", {"ss", "-lntu"}},
          {"resolved.txt", {"resolvectl", "status", "--no-pager"}}};
}

class Bundle {
 public:
  explicit Bundle(std::string folder) : folder_(std::move(folder)) {}

  /// The error is for the user.
  [[nodiscard]] Outcome<void> Make() const {
    if (mkdir(folder_.c_str(), 0700) != 0) {
      return std::unexpected(shell::SystemError("cannot make " + folder_));
    }
    return {};
  }

  /// A new file with `text`. The error is for the user.
  [[nodiscard]] Outcome<void> Add(const std::string& name,
                                  const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file) {
      return std::unexpected(shell::SystemError("cannot write " + path));
    }
    files_.push_back(name);
    return {};
  }

  [[nodiscard]] std::string ToJson() const {
    return nlohmann::ordered_json{{"folder", folder_}, {"files", files_}}.dump(
        2, ' ', false, nlohmann::json::error_handler_t::replace);
  }

 private:
  std::string folder_;
  std::vector<std::string> files_;
};

/// What the node says of itself; what goes wrong is in the file.
std::string Ask(const ControlTarget& target, const ControlRequest& request) {
  const auto path = ClientSocketPath(target);
  if (!path) {
    return path.error().text + "\n";
  }
  std::string text;
  const auto end = Exchange(
      *path, request,
      [&text](const ControlAnswer& answer) {
        if (const auto* status = std::get_if<StatusAnswer>(&answer)) {
          text = status->json + "\n";
        } else if (const auto* result = std::get_if<ResultAnswer>(&answer)) {
          text = result->json + "\n";
        }
        return false;
      },
      std::chrono::seconds(10));
  return end ? text : end.error().text + "\n";
}

/// A system's file, or why it cannot be read.
std::string CopyOf(const std::string& path) {
  const auto content = io::ReadFile(path, kMaxFile);
  return content ? std::string(AsText(*content))
                 : path + ": " + DescribeError(content.error().code);
}

/// The bundle's files with their contents.
std::vector<std::pair<std::string, std::string>> Gather(
    const ControlTarget& target) {
  std::vector<std::pair<std::string, std::string>> files = {
      {"version.txt", "meshnode (natkit) " NATKIT_VERSION "\n"},
      {"status.json", Ask(target, StatusRequest{})},
      {"node.json", Ask(target, DebugRequest{})},
      {"resolv.conf", CopyOf("/etc/resolv.conf")},
      {"os-release", CopyOf("/etc/os-release")}};
  const Programs programs;
  for (const Question& question : Questions()) {
    const auto answer = programs.Run(question.command);
    files.emplace_back(question.file, answer ? *answer : answer.error() + "\n");
  }
  return files;
}

}  // namespace

int RunDebug(int argc, char** argv) {
  CLI::App app(
      "Gathers what helps to find a fault in a new folder: the node's state "
      "and last log lines, the system's addresses, routes and DNS. Keys are "
      "not part of it; names and addresses are.",
      "meshnode debug");
  ControlTarget target;
  std::string folder = "meshnode-debug";
  bool is_json = false;
  app.add_option("FOLDER", folder, "Made anew")->capture_default_str();
  app.add_flag("--json", is_json, "Say as JSON what was gathered");
  AddControlOptions(app, target);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  Bundle bundle(folder);
  if (auto made = bundle.Make(); !made) {
    return FailWith("debug", made.error());
  }
  for (const auto& [name, text] : Gather(target)) {
    if (auto added = bundle.Add(name, text); !added) {
      return FailWith("debug", added.error());
    }
  }
  std::cout << (is_json ? bundle.ToJson() : folder) << '\n';
  return kExitOk;
}

}  // namespace natkit::meshnode
