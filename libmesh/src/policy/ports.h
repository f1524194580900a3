#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "natkit/mesh/policy/policy.h"

namespace natkit::mesh::policy {

/// Parses "*", "80", "8000-8080" and lists of the last two with commas. Ports
/// begin at 1. The ranges come sorted and merged.
[[nodiscard]] std::optional<Ports> ParsePorts(std::string_view text);

/// Parses one port, 1 to 65535.
[[nodiscard]] std::optional<uint16_t> ParsePort(std::string_view text);

/// Sorts and merges ranges that touch or overlap.
void Normalize(Ports& ports);

[[nodiscard]] bool Covers(const Ports& ports, uint16_t port);

/// "web:80" as host and ports, split at the last colon; the brackets of an IPv6
/// address are taken off, also before a length ("[fd00::]/8"). Nullopt without
/// a colon.
struct HostAndPorts {
  std::string host;
  std::string_view ports;
};

[[nodiscard]] std::optional<HostAndPorts> SplitPorts(std::string_view text);

/// Whether a rule for this protocol may name ports.
[[nodiscard]] bool HasPorts(uint8_t protocol);

}  // namespace natkit::mesh::policy
