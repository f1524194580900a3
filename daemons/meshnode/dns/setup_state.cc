#include "dns/setup_state.h"

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/base/encoding.h"

namespace natkit::meshnode {
namespace {

constexpr std::string_view kHeader = "natkit-dns-setup 1\n";
constexpr std::string_view kEnd = "end\n";
constexpr std::array<std::pair<DnsBackend, std::string_view>, 3> kNames = {
    std::pair{DnsBackend::kResolved, "resolved"},
    std::pair{DnsBackend::kResolvconf, "resolvconf"},
    std::pair{DnsBackend::kFile, "file"}};

/// Texts are hex, so that they may hold anything.
std::string Line(std::string_view key, std::string_view value) {
  return std::string(key) + " " + ToHex(AsBytes(value)) + "\n";
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

bool TakeText(std::string_view& text, std::string_view key, std::string& out) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos || !TakePrefix(text, key) ||
      !TakePrefix(text, " ")) {
    return false;
  }
  const std::string_view digits = text.substr(0, end - key.size() - 1);
  const auto bytes = FromHex(digits);
  if (!bytes || ToHex(*bytes) != digits) {
    return false;
  }
  out = AsText(*bytes);
  text.remove_prefix(digits.size() + 1);
  return true;
}

}  // namespace

std::string_view BackendName(DnsBackend backend) {
  return std::ranges::find(kNames, backend,
                           &std::pair<DnsBackend, std::string_view>::first)
      ->second;
}

std::optional<DnsBackend> ParseBackend(std::string_view name) {
  for (const auto& [backend, known] : kNames) {
    if (known == name) {
      return backend;
    }
  }
  return std::nullopt;
}

std::string FormatSetupState(const SetupState& state) {
  std::string text(kHeader);
  text += Line("backend", BackendName(state.backend));
  text += Line("interface", state.interface);
  text += Line("resolv_conf", state.resolv_conf);
  text += Line("backup", state.backup);
  text += Line("had_original", state.had_original ? "yes" : "no");
  for (const std::string& content : state.contents) {
    text += Line("content", content);
  }
  for (const IpAddress& server : state.servers) {
    text += Line("server", server.ToString());
  }
  text += kEnd;
  return text;
}

std::optional<SetupState> ParseSetupState(std::string_view text) {
  SetupState state;
  std::string backend;
  std::string had_original;
  if (!TakePrefix(text, kHeader) || !TakeText(text, "backend", backend) ||
      !TakeText(text, "interface", state.interface) ||
      !TakeText(text, "resolv_conf", state.resolv_conf) ||
      !TakeText(text, "backup", state.backup) ||
      !TakeText(text, "had_original", had_original)) {
    return std::nullopt;
  }
  std::string content;
  while (TakeText(text, "content", content)) {
    state.contents.push_back(content);
  }
  std::string server;
  while (TakeText(text, "server", server)) {
    const auto address = IpAddress::Parse(server);
    if (!address) {
      return std::nullopt;
    }
    state.servers.push_back(*address);
  }
  const auto known = ParseBackend(backend);
  if (text != kEnd || !known ||
      (had_original != "yes" && had_original != "no")) {
    return std::nullopt;
  }
  state.backend = *known;
  state.had_original = had_original == "yes";
  return state;
}

}  // namespace natkit::meshnode
