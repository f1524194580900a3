#include "zone_files.h"

#include <algorithm>
#include <chrono>

#include "natkit/io/event_loop.h"
#include "natkit/io/file.h"

namespace natkit::coordd {

namespace {

constexpr std::string_view kFolder = "/usr/share/zoneinfo/";
constexpr std::string_view kOthers = "/_+-";

/// A path below the folder; names come from a policy that somebody wrote.
bool IsZoneName(std::string_view name) {
  return !name.empty() && !name.starts_with('/') &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || kOthers.contains(c);
         });
}

}  // namespace

std::optional<mesh::ZoneRules> ReadZoneFile(std::string_view name,
                                            int64_t from_unix) {
  if (!IsZoneName(name)) {
    return std::nullopt;
  }
  const auto bytes = io::ReadFile(std::string(kFolder) + std::string(name),
                                  mesh::kMaxTzifSize);
  if (!bytes) {
    return std::nullopt;
  }
  auto rules = mesh::ParseTzif(*bytes, from_unix);
  return rules ? std::optional(std::move(*rules)) : std::nullopt;
}

std::optional<mesh::ZoneRules> FindZone(std::string_view name) {
  return ReadZoneFile(
      name, std::chrono::floor<std::chrono::seconds>(io::EventLoop::UnixNow())
                .time_since_epoch()
                .count());
}

}  // namespace natkit::coordd
