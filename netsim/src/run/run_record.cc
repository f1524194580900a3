#include <algorithm>
#include <sstream>

#include "run/run_directory.h"

namespace natkit::netsim {
namespace {

constexpr std::string_view kFormat = "natkit-netsim-1";

}  // namespace

const KeptNamespace* RunRecord::Find(std::string_view name) const {
  const auto found = std::ranges::find(namespaces, name, &KeptNamespace::name);
  return found == namespaces.end() ? nullptr : &*found;
}

std::string RunRecord::NamespacePath(size_t index) const {
  return "/proc/" + std::to_string(keeper.pid) + "/fd/" +
         std::to_string(namespaces.at(index).fd);
}

std::string FormatRecord(const RunRecord& record) {
  std::ostringstream text;
  text << kFormat << '\n'
       << "id " << record.id << '\n'
       << "token " << record.token << '\n'
       << "owner " << record.owner.pid << ' ' << record.owner.start_time << '\n'
       << "keeper " << record.keeper.pid << ' ' << record.keeper.start_time
       << '\n'
       << "engine " << record.engine.pid << ' ' << record.engine.start_time
       << '\n'
       << "userns " << record.has_user_namespace << '\n'
       << "ready " << record.is_ready << '\n';
  for (const KeptNamespace& kept : record.namespaces) {
    text << "namespace " << kept.name << ' ' << kept.kind << ' ' << kept.fd
         << ' ' << kept.inode << '\n';
  }
  return text.str();
}

std::optional<RunRecord> ParseRecord(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string line;
  if (!std::getline(lines, line) || line != kFormat) {
    return std::nullopt;
  }
  RunRecord record;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "id") {
      words >> record.id;
    } else if (key == "token") {
      words >> record.token;
    } else if (key == "owner") {
      words >> record.owner.pid >> record.owner.start_time;
    } else if (key == "keeper") {
      words >> record.keeper.pid >> record.keeper.start_time;
    } else if (key == "engine") {
      words >> record.engine.pid >> record.engine.start_time;
    } else if (key == "userns") {
      words >> record.has_user_namespace;
    } else if (key == "ready") {
      words >> record.is_ready;
    } else if (key == "namespace") {
      KeptNamespace& kept = record.namespaces.emplace_back();
      words >> kept.name >> kept.kind >> kept.fd >> kept.inode;
    }
    if (!words) {
      return std::nullopt;
    }
  }
  return record;
}

RunState StateOf(const RunRecord& record) {
  const bool kept = record.keeper.pid != 0 && IsAlive(record.keeper) &&
                    (record.engine.pid == 0 || IsAlive(record.engine));
  if (record.is_ready) {
    return kept ? RunState::kRunning : RunState::kLeftover;
  }
  return IsAlive(record.owner) ? RunState::kStarting : RunState::kLeftover;
}

}  // namespace natkit::netsim
