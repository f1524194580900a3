#include "commands/change_commands.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/control_client.h"
#include "control/control_options.h"
#include "join/node_settings.h"
#include "natkit/base/text.h"

namespace natkit::meshnode {

namespace {

using Json = nlohmann::ordered_json;

/// "KEY=VALUE" lines of the answer's settings.
void PrintSettings(const std::string& text) {
  const Json answer = Json::parse(text, nullptr, false);
  const auto settings =
      answer.is_object() ? answer.find("settings") : answer.end();
  if (settings == answer.end()) {
    return;
  }
  for (const auto& [key, value] : settings->items()) {
    std::cout << EscapeControls(key) << '='
              << EscapeControls(value.is_string() ? value.get<std::string>()
                                                  : value.dump())
              << '\n';
  }
}

bool WasTold(const std::string& text) {
  const Json answer = Json::parse(text, nullptr, false);
  return answer.is_object() && answer.value("server_told", false);
}

/// What all of these commands are asked.
struct Asked {
  ControlTarget target;
  bool is_json = false;
};

/// Adds the options of all; an exit status ends the command.
std::optional<int> Parse(CLI::App& app, int argc, char** argv, Asked& asked) {
  app.add_flag("--json", asked.is_json, "As JSON");
  AddControlOptions(app, asked.target);
  return ParseArguments(app, argc, argv);
}

}  // namespace

int RunSet(int argc, char** argv) {
  CLI::App app(
      "Changes settings of a node that joined a mesh; they outlive the run. "
      "Without settings it prints those in force.",
      "meshnode set");
  std::vector<std::string> words;
  app.add_option("KEY=VALUE", words,
                 "accept-dns, accept-routes, advertise-exit-node, "
                 "advertise-routes, exit-node, exit-node-allow-lan-access, "
                 "hostname, snat-subnet-routes; an empty value: as `meshnode "
                 "up` says");
  Asked asked;
  if (const auto code = Parse(app, argc, argv, asked)) {
    return *code;
  }
  SetRequest request;
  NodeSettings settings;  // checks only; the node puts them over its own
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      FailWith("set", "\"" + word + "\" is not KEY=VALUE");
      return kExitUsage;
    }
    const std::string key = word.substr(0, equals);
    const std::string value = word.substr(equals + 1);
    if (const auto set = settings.Set(key, value); !set) {
      FailWith("set", set.error());
      return kExitUsage;
    }
    request.values[key] = value;
  }
  return RunExchange(
      "set", asked.target, request,
      [is_json = asked.is_json](const ControlAnswer& answer) {
        if (const auto* result = std::get_if<ResultAnswer>(&answer)) {
          is_json ? void(std::cout << result->json << '\n')
                  : PrintSettings(result->json);
        }
        return false;
      });
}

int RunLogout(int argc, char** argv) {
  CLI::App app(
      "Leaves the mesh: the server removes the node, the node forgets its "
      "keys and ends.",
      "meshnode logout");
  Asked asked;
  if (const auto code = Parse(app, argc, argv, asked)) {
    return *code;
  }
  // The node ends the connection when everything of it is gone.
  return RunExchange(
      "logout", asked.target, LogoutRequest{},
      [is_json = asked.is_json](const ControlAnswer& answer) {
        const auto* result = std::get_if<ResultAnswer>(&answer);
        if (result != nullptr && is_json) {
          std::cout << result->json << '\n';
        } else if (result != nullptr && !WasTold(result->json)) {
          std::cerr << "meshnode logout: the server is not reached; an "
                       "administrator has to remove the node there\n";
        }
        return true;
      },
      EndOfStream::kExpected);
}

int RunRekey(int argc, char** argv) {
  CLI::App app(
      "Changes the key of a node that joined a mesh: its peers learn the next "
      "one first, and then the node uses it.",
      "meshnode rekey");
  Asked asked;
  if (const auto code = Parse(app, argc, argv, asked)) {
    return *code;
  }
  return RunExchange("rekey", asked.target, RekeyRequest{},
                     [is_json = asked.is_json](const ControlAnswer& answer) {
                       const auto* result = std::get_if<ResultAnswer>(&answer);
                       if (result != nullptr && is_json) {
                         std::cout << result->json << '\n';
                       }
                       return false;
                     });
}

}  // namespace natkit::meshnode
