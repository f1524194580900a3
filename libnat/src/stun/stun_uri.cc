#include "natkit/nat/stun_uri.h"

#include <algorithm>
#include <charconv>

namespace natkit::stun {

namespace {

constexpr size_t kMaxUri = 300;
constexpr size_t kMaxName = 253;
constexpr size_t kMaxLabel = 63;

char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/// Labels of letters, digits and inner hyphens; one dot may end the name.
bool IsHostName(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) {
    return false;
  }
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    if (label.empty() || label.size() > kMaxLabel || label.front() == '-' ||
        label.back() == '-' || !std::ranges::all_of(label, IsNameCharacter)) {
      return false;
    }
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  return true;
}

/// A last label of digits alone is an address, and a wrong one.
bool EndsInNumber(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return !last.empty() &&
         std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
}

Result<void> ReadPort(std::string_view text, ServerUri& out) {
  uint16_t port = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
    return Fail(Errc::kBadEncoding);
  }
  out.port = port;
  return {};
}

/// "[v6]", IPv4 or a name.
Result<void> ReadHost(std::string_view text, ServerUri& out) {
  const bool has_brackets = text.starts_with('[') && text.ends_with(']');
  const auto address =
      IpAddress::Parse(has_brackets ? text.substr(1, text.size() - 2) : text);
  if (address && address->is_v6() == has_brackets) {
    out.address = *address;
    return {};
  }
  std::ranges::transform(text, std::back_inserter(out.host), ToLower);
  if (!IsHostName(out.host) || EndsInNumber(out.host)) {
    return Fail(Errc::kBadEncoding);
  }
  return {};
}

Result<UriSecurity> ReadScheme(std::string_view text) {
  std::string scheme;
  std::ranges::transform(text, std::back_inserter(scheme), ToLower);
  if (scheme == "stun") {
    return UriSecurity::kPlain;
  }
  if (scheme == "stuns") {
    return UriSecurity::kSecure;
  }
  return Fail(Errc::kUnsupported);
}

/// Where ":port" begins in "host:port"; npos without one.
size_t FindPort(std::string_view text) {
  const size_t bracket = text.find(']');
  return text.find(':', bracket == std::string_view::npos ? 0 : bracket);
}

}  // namespace

uint16_t ServerUri::port_or_default() const {
  return port.value_or(security == UriSecurity::kSecure ? kDefaultSecurePort
                                                        : kDefaultPort);
}

Result<ServerUri> ParseServerUri(std::string_view text) {
  if (text.size() > kMaxUri) {
    return Fail(Errc::kBadLength);
  }
  const size_t colon = text.find(':');
  const auto security = ReadScheme(text.substr(0, colon));
  if (colon == std::string_view::npos || !security) {
    return Fail(Errc::kUnsupported);
  }
  ServerUri uri{.security = *security};
  text.remove_prefix(colon + 1);
  if (const size_t at = FindPort(text); at != std::string_view::npos) {
    if (const auto read = ReadPort(text.substr(at + 1), uri); !read) {
      return std::unexpected(read.error());
    }
    text = text.substr(0, at);
  }
  if (const auto read = ReadHost(text, uri); !read) {
    return std::unexpected(read.error());
  }
  if (uri.security == UriSecurity::kSecure && uri.address) {
    return Fail(Errc::kUnsupported);
  }
  return uri;
}

std::optional<std::string> SrvName(const ServerUri& server, Transport transport,
                                   ServerUse use) {
  const bool is_secure = server.security == UriSecurity::kSecure;
  const bool is_udp = transport == Transport::kUdp;
  if (server.address || server.port ||
      (use == ServerUse::kBehavior && is_secure && is_udp)) {
    return std::nullopt;
  }
  std::string name = is_secure ? "_stuns" : "_stun";
  if (use == ServerUse::kBehavior) {
    name = is_secure ? "_stun-behaviors" : "_stun-behavior";
  }
  return name + (is_udp ? "._udp." : "._tcp.") + server.host;
}

}  // namespace natkit::stun
