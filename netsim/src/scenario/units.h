#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"

namespace natkit::netsim {

/// "250us", "20ms", "1.5s", "5m", "2h" or "1d"; not negative, at most ten
/// years. nullopt for anything else.
[[nodiscard]] std::optional<Duration> ParseDuration(std::string_view text);
/// The shortest text that ParseDuration reads to the same value.
[[nodiscard]] std::string FormatDuration(Duration duration);

/// "FIRST-LAST", both 1 to 65535.
[[nodiscard]] std::optional<PortRange> ParsePortRange(std::string_view text);
[[nodiscard]] std::string FormatPortRange(const PortRange& range);

/// "192.168.1.0/24"; an address alone is a range of one. Otherwise what is
/// wrong, as the end of a sentence: host bits must be zero.
[[nodiscard]] std::expected<IpPrefix, std::string> ParseRange(
    std::string_view text);

/// "500kbit", "10Mbit", "1Gbit" (per second, decimal); nullopt otherwise.
[[nodiscard]] std::optional<uint64_t> ParseRate(std::string_view text);
[[nodiscard]] std::string FormatRate(uint64_t bits_per_second);

}  // namespace natkit::netsim
