#include "run/run_directory.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "natkit/base/encoding.h"
#include "run/files.h"

namespace natkit::netsim {
namespace {

constexpr std::string_view kStateFile = "/state";
constexpr std::string_view kScenarioFile = "/scenario.toml";

std::string Environment(const char* name) {
  const char* value =
      std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? "" : value;
}

/// The user outside of a user namespace whose root this process may be, so
/// that two users' simulated roots do not share a directory.
std::string OuterUser() {
  const auto map = ReadFile("/proc/self/uid_map");
  std::istringstream words(map.value_or(""));
  int64_t inner = 0;
  int64_t outer = 0;
  int64_t count = 0;
  while (words >> inner >> outer >> count) {
    const int64_t offset = static_cast<int64_t>(geteuid()) - inner;
    if (offset >= 0 && offset < count) {
      return std::to_string(outer + offset);
    }
  }
  return std::to_string(geteuid());
}

std::string ChooseRunsDirectory() {
  if (std::string chosen = Environment("NATKIT_NETSIM_DIR"); !chosen.empty()) {
    return chosen;
  }
  const std::string name = "/natkit-netsim-" + OuterUser();
  for (const std::string& parent :
       {Environment("XDG_RUNTIME_DIR"), std::string("/run")}) {
    if (!parent.empty() && access(parent.c_str(), W_OK | X_OK) == 0) {
      return parent + name;
    }
  }
  return "/tmp" + name;
}

std::string RandomHex(size_t bytes) {
  std::vector<uint8_t> random(bytes);
  if (getrandom(random.data(), random.size(), 0) !=
      static_cast<ssize_t>(random.size())) {
    std::abort();
  }
  return ToHex(random);
}

bool IsRunId(std::string_view id) {
  return !id.empty() && id.size() <= 16 && id.front() != '-' &&
         std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

}  // namespace

Outcome<std::string> RunsDirectory() {
  std::string path = ChooseRunsDirectory();
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(SystemFailure("cannot create " + path));
  }
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    return std::unexpected(SystemFailure(path));
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
      (status.st_mode & 0022) != 0) {
    return std::unexpected(
        Failure{path +
                " is not a private directory of this user; remove it, or set "
                "NATKIT_NETSIM_DIR"});
  }
  return path;
}

Outcome<std::string> DirectoryOf(std::string_view id) {
  if (!IsRunId(id)) {
    return std::unexpected(
        Failure{"'" + std::string(id) +
                "' is not a run id: 1 to 16 of a-z, 0-9 and '-'"});
  }
  auto runs = RunsDirectory();
  if (runs) {
    *runs += "/" + std::string(id);
  }
  return runs;
}

Outcome<RunRecord> ReserveRun(std::string id) {
  RunRecord record;
  record.token = RandomHex(16);
  record.owner = ThisProcess();
  record.id = id.empty() ? record.token.substr(0, 6) : std::move(id);
  const auto directory = DirectoryOf(record.id);
  if (!directory) {
    return std::unexpected(directory.error());
  }
  if (mkdir(directory->c_str(), 0700) != 0) {
    if (errno == EEXIST) {
      return std::unexpected(
          Failure{"a run '" + record.id + "' exists; `netsim down " +
                  record.id + "` ends it, `netsim clean` removes dead ones"});
    }
    return std::unexpected(SystemFailure("cannot create " + *directory));
  }
  if (auto saved = SaveRecord(record); !saved) {
    return std::unexpected(saved.error());
  }
  return record;
}

Outcome<void> SaveRecord(const RunRecord& record) {
  const auto directory = DirectoryOf(record.id);
  if (!directory) {
    return std::unexpected(directory.error());
  }
  return WriteAtomically(*directory + std::string(kStateFile),
                         FormatRecord(record));
}

Outcome<RunRecord> LoadRecord(std::string_view id) {
  const auto directory = DirectoryOf(id);
  if (!directory) {
    return std::unexpected(directory.error());
  }
  if (access(directory->c_str(), F_OK) != 0) {
    return std::unexpected(
        Failure{"no run '" + std::string(id) + "'; `netsim list` shows them"});
  }
  const auto text = ReadFile(*directory + std::string(kStateFile));
  auto record = ParseRecord(text.value_or(""));
  if (!record) {
    // Its `up` was killed between making the directory and the record.
    record = RunRecord();
  }
  record->id = id;
  return *record;
}

Outcome<std::vector<std::string>> RunIds() {
  const auto runs = RunsDirectory();
  if (!runs) {
    return std::unexpected(runs.error());
  }
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(*runs, error)) {
    if (IsRunId(entry.path().filename().string())) {
      ids.push_back(entry.path().filename().string());
    }
  }
  std::ranges::sort(ids);
  return ids;
}

Outcome<void> RemoveRunDirectory(std::string_view id) {
  const auto directory = DirectoryOf(id);
  if (!directory) {
    return std::unexpected(directory.error());
  }
  std::error_code error;
  std::filesystem::remove_all(*directory, error);
  if (error) {
    return std::unexpected(
        Failure{"cannot remove " + *directory + ": " + error.message()});
  }
  return {};
}

Outcome<Scenario> LoadScenario(std::string_view id) {
  const auto directory = DirectoryOf(id);
  if (!directory) {
    return std::unexpected(directory.error());
  }
  const auto text = ReadFile(*directory + std::string(kScenarioFile));
  if (!text) {
    return std::unexpected(text.error());
  }
  auto scenario = ParseScenario(*text);
  if (!scenario) {
    return std::unexpected(Failure{"scenario of run '" + std::string(id) +
                                   "': " + scenario.error().front().text});
  }
  return *std::move(scenario);
}

Outcome<void> SaveScenario(std::string_view id, const Scenario& scenario) {
  const auto directory = DirectoryOf(id);
  if (!directory) {
    return std::unexpected(directory.error());
  }
  return WriteAtomically(*directory + std::string(kScenarioFile),
                         FormatScenario(scenario));
}

}  // namespace natkit::netsim
