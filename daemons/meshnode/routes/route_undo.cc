#include "routes/route_undo.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "dns/resolv_file.h"
#include "natkit/io/policy_routing.h"
#include "routes/nft_rules.h"

namespace natkit::meshnode {
namespace {

constexpr AddressFamily kFamilies[] = {AddressFamily::kIpv6,
                                       AddressFamily::kIpv4};

/// A family that the system does not have has nothing to remove.
template <class T>
std::vector<T> OrNone(Result<std::vector<T>> list) {
  return list ? *std::move(list) : std::vector<T>();
}

Result<void> RemoveAllOf(const RouteSettings& settings, AddressFamily family) {
  Result<void> done;
  auto rules = OrNone(io::ListRules(family, settings.priority,
                                    settings.priority + kRulePriorities - 1));
  std::ranges::move(OrNone(io::ListRules(family, settings.gone_priority,
                                         settings.gone_priority)),
                    std::back_inserter(rules));
  for (const auto& rule : rules) {
    if (auto removed = io::RemoveRule(rule); !removed) {
      done = removed;
    }
  }
  for (const uint32_t table :
       {settings.mesh_table, settings.exit_table, settings.gone_table}) {
    for (const auto& route : OrNone(io::ListRoutes(family, table))) {
      if (auto removed = io::RemoveRoute(route); !removed) {
        done = removed;
      }
    }
  }
  return done;
}

/// None leads out of the folder of settings.
bool HasGoodNames(const Sysctls& settings) {
  return std::ranges::all_of(settings, [](const auto& setting) {
    const std::string name = "/" + setting.first + "/";
    return name.find("/../") == std::string::npos &&
           name.find("//") == std::string::npos;
  });
}

}  // namespace

RouteSettings RouteSettingsFor(const std::string& tun) {
  constexpr uint32_t kSets = 16;
  constexpr uint32_t kTablesOfSet = 2;
  const size_t digits = tun.find_last_not_of("0123456789") + 1;
  uint32_t number = 0;
  const auto [end, error] =
      std::from_chars(tun.data() + digits, tun.data() + tun.size(), number);
  if (error != std::errc() || number >= kSets) {
    number = 0;
  }
  RouteSettings settings{.tun = tun};
  settings.mesh_table += kTablesOfSet * number;
  settings.exit_table += kTablesOfSet * number;
  settings.gone_table += number;
  settings.priority += kRulePriorities * number;
  settings.gone_priority += number;
  return settings;
}

std::string FormatRouteState(const RouteState& state) {
  std::string text = "tun " + state.tun + "\n";
  for (const auto& [name, value] : state.set) {
    text += "sysctl " + name + " " + state.before.at(name) + " " + value + "\n";
  }
  return text;
}

std::optional<RouteState> ParseRouteState(std::string_view text) {
  RouteState state;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind;
    std::string name;
    words >> kind >> name;
    if (kind == "tun") {
      state.tun = name;
    } else if (kind == "sysctl" &&
               words >> state.before[name] >> state.set[name]) {
      continue;
    } else {
      return std::nullopt;
    }
  }
  // Whatever else is in it, it was not written here.
  const bool is_ours = !state.tun.empty() && HasGoodNames(state.set) &&
                       FormatRouteState(state) == text;
  return is_ours ? std::optional(std::move(state)) : std::nullopt;
}

std::string RouteStateFile(const RouteSettings& settings,
                           const RoutePaths& paths) {
  struct stat space{};
  const bool is_known = ::stat("/proc/self/ns/net", &space) == 0;
  return paths.run_folder + "/routes-" +
         std::to_string(is_known ? space.st_ino : 0) + "-" +
         std::to_string(settings.mesh_table) + ".state";
}

void RestoreSysctls(const RoutePaths& paths, const RouteState& state) {
  for (const auto& [name, value] : state.set) {
    if (ReadSysctl(paths.sysctls, name) == value) {
      // An interface that is gone has no settings.
      static_cast<void>(
          WriteSysctl(paths.sysctls, name, state.before.at(name)));
    }
  }
}

shell::Outcome<void> UndoRoutes(const RouteSettings& settings,
                                const RoutePaths& paths) {
  shell::Outcome<void> done;
  for (const AddressFamily family : kFamilies) {
    if (const auto removed = RemoveAllOf(settings, family); !removed) {
      done = std::unexpected("cannot remove routes and rules: " +
                             std::string(ErrcName(removed.error().code)));
    }
  }
  const std::string file = RouteStateFile(settings, paths);
  const auto text = ReadText(file);
  const auto state = text ? ParseRouteState(*text) : std::nullopt;
  if (!state) {
    ::unlink(file.c_str());
    return done;
  }
  if (paths.programs.Find("nft")) {
    const auto run =
        paths.programs.Run({"nft", "-f", "-"}, NftScript(state->tun, 0, {}));
    if (!run) {
      done = std::unexpected(run.error());
    }
  }
  RestoreSysctls(paths, *state);
  if (done) {
    ::unlink(file.c_str());
  }
  return done;
}

}  // namespace natkit::meshnode
