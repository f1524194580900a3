#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/mesh/registry/registry.h"
#include "natkit/mesh/registry/store.h"

namespace natkit::coordd {

// Records as administrators see them. Secrets are not part of any record.
[[nodiscard]] nlohmann::json ToJson(const mesh::UserRecord& user);
[[nodiscard]] nlohmann::json ToJson(const mesh::Registry& registry,
                                    const mesh::NodeRecord& node,
                                    mesh::WallTime now);
[[nodiscard]] nlohmann::json ToJson(const mesh::AuthKeyRecord& key,
                                    mesh::WallTime now);
[[nodiscard]] nlohmann::json ToJson(const mesh::ApiTokenRecord& token,
                                    mesh::WallTime now);
[[nodiscard]] nlohmann::json ToJson(const mesh::RelayRecord& relay);
[[nodiscard]] nlohmann::json ToJson(const mesh::DnsInfo& dns);
[[nodiscard]] nlohmann::json ToJson(const mesh::StoreEvent& event);

/// "2026-11-22T05:00:00Z".
[[nodiscard]] std::string FormatTime(mesh::WallTime time);

/// "90s", "15m", "2h", "3d".
[[nodiscard]] std::optional<std::chrono::seconds> ParseDuration(
    std::string_view text);

/// A time as ParseRfc3339() takes it, or how long ago: "90s", "15m", "2h",
/// "3d".
[[nodiscard]] std::optional<mesh::WallTime> ParseTime(std::string_view text,
                                                      mesh::WallTime now);

}  // namespace natkit::coordd
