#include "policy/ports.h"

#include <algorithm>
#include <charconv>

namespace natkit::mesh::policy {

namespace {

std::optional<PortRange> ParseRange(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = ParsePort(text.substr(0, dash));
  if (dash == std::string_view::npos) {
    return first ? std::optional(PortRange{*first, *first}) : std::nullopt;
  }
  const auto last = ParsePort(text.substr(dash + 1));
  if (!first || !last || *last < *first) {
    return std::nullopt;
  }
  return PortRange{*first, *last};
}

}  // namespace

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, port);
  if (text.empty() || failure != std::errc{} || stop != end || port == 0) {
    return std::nullopt;
  }
  return port;
}

std::optional<Ports> ParsePorts(std::string_view text) {
  Ports ports;
  if (text == "*") {
    return ports;
  }
  while (true) {
    const size_t comma = text.find(',');
    const auto range = ParseRange(text.substr(0, comma));
    if (!range) {
      return std::nullopt;
    }
    ports.push_back(*range);
    if (comma == std::string_view::npos) {
      break;
    }
    text.remove_prefix(comma + 1);
  }
  Normalize(ports);
  return ports;
}

void Normalize(Ports& ports) {
  std::ranges::sort(ports);
  Ports merged;
  for (const PortRange& range : ports) {
    if (!merged.empty() &&
        uint32_t{range.first} <= uint32_t{merged.back().last} + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  ports = std::move(merged);
}

bool Covers(const Ports& ports, uint16_t port) {
  return ports.empty() ||
         std::ranges::any_of(ports, [port](const PortRange& range) {
           return range.first <= port && port <= range.last;
         });
}

std::optional<HostAndPorts> SplitPorts(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  HostAndPorts split{std::string(text.substr(0, colon)),
                     text.substr(colon + 1)};
  const size_t end = split.host.find(']');
  const bool is_bracketed =
      split.host.starts_with('[') && end != std::string::npos &&
      (end + 1 == split.host.size() || split.host[end + 1] == '/');
  if (is_bracketed && split.host.find(':') < end) {
    split.host.erase(end, 1).erase(0, 1);
  }
  return split;
}

bool HasPorts(uint8_t protocol) {
  return protocol == kProtocolTcp || protocol == kProtocolUdp ||
         protocol == kProtocolSctp;
}

std::string ToString(const Ports& ports) {
  std::string text;
  for (const PortRange& range : ports) {
    text += text.empty() ? "" : ",";
    text += std::to_string(range.first);
    if (range.last != range.first) {
      text += "-" + std::to_string(range.last);
    }
  }
  return text.empty() ? "*" : text;
}

}  // namespace natkit::mesh::policy
