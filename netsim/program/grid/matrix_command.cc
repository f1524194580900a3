#include "matrix_command.h"

#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "matrix.h"
#include "real/real_punch.h"

namespace natkit::netsim::grid {
namespace {

/// A number that is all of the text and lies between the two; "-1" of an
/// unsigned type and "nan" are none.
template <class Number>
CLI::Validator NumberFrom(Number least, Number most, const std::string& what) {
  const auto find_problem = [least, most, what](const std::string& text) {
    Number value{};
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    const bool is_good =
        error == std::errc() && rest == end && value >= least && value <= most;
    return is_good ? std::string() : "'" + text + "' is not " + what;
  };
  return {find_problem, ""};
}

void AddPlanOptions(CLI::App& matrix, MatrixOptions& options) {
  auto* seeds =
      matrix.add_option("--seeds", options.seeds, "seeds 1 to this")
          ->check(NumberFrom<uint64_t>(1, 1'000'000, "a number, 1 to 1000000"));
  matrix.add_option("--seed", options.only_seeds, "only these seeds")
      ->delimiter(',')
      ->excludes(seeds)
      ->check(
          NumberFrom<uint64_t>(0, std::numeric_limits<uint64_t>::max(),
                               "a whole number, 0 to 18446744073709551615"));
  matrix.add_option("--loss", options.loss_percents, "percent, a list")
      ->delimiter(',')
      ->check(NumberFrom(0.0, 100.0, "a number, 0 to 100"));
  matrix
      .add_option("--delays", options.delays_ms,
                  "one-way delays through the Internet in ms, a list")
      ->delimiter(',')
      ->check(NumberFrom(0.0, 10'000.0, "a number, 0 to 10000"));
  matrix
      .add_option("--controlling", options.controlling,
                  "whose agent is controlling")
      ->check(CLI::IsMember({"a", "b", "both"}));
  matrix.add_option("--agent", options.agent, "settings of the agents")
      ->check(CLI::IsMember({"mesh", "rfc8445"}));
  matrix.add_option("--cell", options.cells,
                    "only these cells, such as EI-APD/APD-APD; * matches any");
  matrix.add_option("--expect", options.expected,
                    "CELL=yes or CELL=no: expect something else");
}

/// What --real repeats unless told otherwise: each kind of cell, with boxes of
/// the kernel and of the engine.
const std::vector<std::string> kSample = {
    "EI-APD/EI-APD",    "EI-EI/APD-APD",  "EI-AD/APD-APD",
    "AD-EI/AD-AD",      "EI-APD/APD-APD", "APD-APD/APD-APD",
    "cgn-EI-EI/EI-APD", "same-lan",       "same-cgn-hairpin",
};

/// Real attempts take seconds, so fewer of them are the default.
void PrepareReal(const CLI::App& matrix, MatrixOptions& options) {
  if (matrix.count("--cell") == 0 && !options.is_hard) {
    options.cells = kSample;
  }
  if (matrix.count("--seeds") == 0) {
    options.seeds = 1;
  }
  if (matrix.count("--loss") == 0) {
    options.loss_percents = {0};
  }
  if (matrix.count("--delays") == 0) {
    options.delays_ms = {25};
  }
  if (matrix.count("--controlling") == 0) {
    options.controlling = "a";
  }
  options.punch = [](const PunchSpec& spec) {
    const auto result = program::PunchForReal(spec);
    if (!result) {
      std::cerr << "\nnetsim: " << spec.grid_case.name << ": "
                << result.error().text << '\n';
      return PunchResult{.found = Found::kHalf};  // never as expected
    }
    return *result;
  };
}

}  // namespace

void AddMatrixCommand(CLI::App& app, int& exit_status) {
  auto* matrix = app.add_subcommand(
      "matrix",
      "Try which NATs two ICE agents get through, in virtual time, and compare "
      "with what is expected");
  auto options = std::make_shared<MatrixOptions>();
  matrix->option_defaults()->always_capture_default();
  AddPlanOptions(*matrix, *options);
  auto is_real = std::make_shared<bool>(false);
  matrix->add_flag("--real", *is_real,
                   "repeat a sample (or --cell) with namespaces, sockets and "
                   "processes, and kernel NATs where they fit");
  matrix->add_flag("--hard", options->is_hard,
                   "the pairs that need prediction or a birthday attack, with "
                   "agents that do it");
  matrix->add_flag("--list", options->is_list,
                   "only say which cells there are");
  matrix->add_flag("--json", options->as_json, "print JSON");
  matrix->add_option("--junit", options->junit_file, "write a JUnit file");
  matrix->add_option("--html", options->html_file, "write a page to look at");
  matrix->add_option("--trace", options->trace_file,
                     "write the packets of the only attempt as pcapng");
  matrix->callback([matrix, options, is_real, &exit_status] {
    if (*is_real) {
      PrepareReal(*matrix, *options);
    }
    options->shows_progress = isatty(STDERR_FILENO) == 1;
    exit_status = RunMatrix(*options, std::cout, std::cerr);
  });
}

}  // namespace natkit::netsim::grid
