#include "fleet/fleet_dumps.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "natkit/base/secret.h"
#include "natkit/shell/files.h"

namespace natkit::meshnode {

namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;
using Dumps = std::vector<mesh::NodeDump>;
using Interfaces = std::vector<mesh::WgDumpInterface>;

sys_seconds FromUnix(int64_t time) {
  return sys_seconds(seconds(time));
}

Outcome<Interfaces> Parse(const std::string& name, std::string& text) {
  auto parsed = mesh::ParseWgDump(text);
  WipeBytes({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  if (!parsed) {
    return std::unexpected(FormatDiagnostic(name, parsed.error()));
  }
  return *std::move(parsed);
}

/// The node whose key one of the interfaces has.
std::string OwnerOf(const Interfaces& interfaces, const mesh::FleetPlan& plan) {
  for (const mesh::WgDumpInterface& interface : interfaces) {
    const auto found =
        std::ranges::find_if(plan.nodes, [&](const mesh::FleetNode& node) {
          return interface.public_key == node.public_key;
        });
    if (found != plan.nodes.end()) {
      return found->name;
    }
  }
  return {};
}

Outcome<Dumps> LoadFromStdin(const DumpSource& source,
                             const mesh::FleetPlan& plan) {
  std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  auto interfaces = Parse("stdin", text);
  if (!interfaces) {
    return std::unexpected(interfaces.error());
  }
  const std::string node =
      source.node.empty() ? OwnerOf(*interfaces, plan) : source.node;
  if (plan.FindNode(node) == nullptr) {
    return std::unexpected(
        source.node.empty()
            ? std::string("stdin: the dump has the key of no node; --name "
                          "says whose it is")
            : "there is no node \"" + node + "\"");
  }
  const auto now =
      std::chrono::time_point_cast<seconds>(std::chrono::system_clock::now());
  Dumps out;
  out.push_back({node, *std::move(interfaces),
                 source.taken_at ? FromUnix(*source.taken_at) : now});
  return out;
}

/// NAME of every NAME.dump, in order.
Outcome<std::vector<std::string>> ListDumps(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".dump") {
      out.push_back(entry.path().stem().string());
    }
  }
  if (error) {
    return std::unexpected(folder + ": " + error.message());
  }
  if (out.empty()) {
    return std::unexpected(folder + ": there is no NAME.dump in it");
  }
  std::ranges::sort(out);
  return out;
}

Outcome<mesh::NodeDump> LoadFile(const DumpSource& source,
                                 const std::string& node) {
  const std::string path = source.path + "/" + node + ".dump";
  auto text = shell::ReadFile(path);
  if (!text) {
    return std::unexpected(text.error());
  }
  auto interfaces = Parse(path, *text);
  if (!interfaces) {
    return std::unexpected(interfaces.error());
  }

  struct stat status{};

  if (!source.taken_at && stat(path.c_str(), &status) != 0) {
    return std::unexpected(path + ": gone");
  }
  return mesh::NodeDump{
      node, *std::move(interfaces),
      FromUnix(source.taken_at.value_or(status.st_mtim.tv_sec))};
}

}  // namespace

Outcome<Dumps> LoadDumps(const DumpSource& source,
                         const mesh::FleetPlan& plan) {
  if (source.path == "-") {
    return LoadFromStdin(source, plan);
  }
  const auto names = ListDumps(source.path);
  if (!names) {
    return std::unexpected(names.error());
  }
  Dumps out;
  for (const std::string& name : *names) {
    auto dump = LoadFile(source, name);
    if (!dump) {
      return std::unexpected(dump.error());
    }
    out.push_back(*std::move(dump));
  }
  return out;
}

}  // namespace natkit::meshnode
