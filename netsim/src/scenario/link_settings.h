#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "natkit/netsim/link.h"

namespace natkit::netsim {

/// The keys of [[link]] tables that say what a link does to packets.
[[nodiscard]] std::span<const std::string_view> LinkKeys();

/// Changes `link` by words such as "delay=20ms", "loss=0.05", "rate=10Mbit";
/// the keys and units are those of [[link]] tables, "rate=0" lifts the limit.
/// The error says what is wrong, for people.
[[nodiscard]] std::expected<LinkConfig, std::string> ChangeLink(
    LinkConfig link, std::span<const std::string> words);

/// The words that make a perfect link into this one, separated by spaces.
[[nodiscard]] std::string FormatLink(const LinkConfig& link);

}  // namespace natkit::netsim
