#include "load_file.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

namespace natkit::netsim::program {
namespace {

constexpr int kBadScenario = 2;

std::optional<std::string> ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return std::nullopt;
  }
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) {
    return std::nullopt;
  }
  return text;
}

}  // namespace

std::optional<Scenario> LoadFile(const std::string& path, int& exit_status) {
  const auto text = ReadText(path);
  if (!text) {
    std::cerr << "netsim: cannot read " << path << '\n';
    exit_status = 1;
    return std::nullopt;
  }
  auto scenario = ParseScenario(*text);
  if (!scenario) {
    for (const Problem& problem : scenario.error()) {
      std::cerr << path << ':' << problem.line << ": " << problem.text << '\n';
    }
    exit_status = kBadScenario;
    return std::nullopt;
  }
  return *std::move(scenario);
}

}  // namespace natkit::netsim::program
