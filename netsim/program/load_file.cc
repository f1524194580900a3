#include "load_file.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

namespace natkit::netsim::program {
namespace {

constexpr int kBadScenario = 2;

std::optional<std::string> ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // A directory opens, but has nothing to read.
  if (!file || std::filesystem::is_directory(path) ||
      (file.peek() != std::ifstream::traits_type::eof() &&
       !(text << file.rdbuf()))) {
    return std::nullopt;
  }
  return text.str();
}

}  // namespace

std::optional<Scenario> LoadFile(const std::string& path, int& exit_status) {
  const auto text = ReadText(path);
  if (!text) {
    std::cerr << "netsim: cannot read " << path << '\n';
    exit_status = kBadScenario;
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
