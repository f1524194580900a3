#include "policy/hints.h"

#include <algorithm>

#include "policy/ports.h"
#include "policy/selector.h"

namespace natkit::mesh::policy {

namespace {

constexpr std::string_view kPortForms =
    "write *, a port, a range like 8000-8080, or several with commas, from 1 "
    "to 65535";

bool IsNumber(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::string Quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

/// Those between digits stay: nobody knows what they mean.
std::string WithoutSpacesAtCommas(std::string_view text) {
  std::string tight;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool follows_digit =
        !tight.empty() && IsNumber(tight.substr(tight.size() - 1));
    const size_t next = text.find_first_not_of(' ', i);
    const bool before_digit =
        next != std::string_view::npos && IsNumber(text.substr(next, 1));
    if (text[i] != ' ' || (follows_digit && before_digit)) {
      tight += text[i];
    }
  }
  return tight;
}

/// Of one port or range; empty if it is good.
std::string ExplainRange(std::string_view text) {
  if (text.empty()) {
    return "a port is missing";
  }
  if (text == "*") {
    return "* means all ports and stands alone";
  }
  const size_t dash = text.find('-');
  const auto first = text.substr(0, dash);
  const auto last =
      dash == std::string_view::npos ? first : text.substr(dash + 1);
  if (!IsNumber(first) || !IsNumber(last)) {
    return Quoted(text) + " is no port or range";
  }
  if (!ParsePort(first) || !ParsePort(last)) {
    return Quoted(text) + " is not within 1 to 65535";
  }
  if (*ParsePort(last) < *ParsePort(first)) {
    return Quoted(text) + " is the wrong way round: write " +
           std::string(last) + "-" + std::string(first);
  }
  return "";
}

}  // namespace

std::string ExplainPorts(std::string_view ports) {
  if (ports.find(' ') != std::string_view::npos) {
    const std::string tight = WithoutSpacesAtCommas(ports);
    return "ports have no spaces: " + (ParsePorts(tight)
                                           ? "write " + Quoted(tight)
                                           : std::string(kPortForms));
  }
  while (true) {
    const size_t comma = ports.find(',');
    std::string problem = ExplainRange(ports.substr(0, comma));
    if (!problem.empty()) {
      const bool has_cure = problem.find(": write") != std::string::npos;
      return has_cure ? problem : problem + ": " + std::string(kPortForms);
    }
    if (comma == std::string_view::npos) {
      return std::string(kPortForms);
    }
    ports.remove_prefix(comma + 1);
  }
}

std::string ExplainProtocol(std::string_view text) {
  const std::string lower = Lower(text);
  if (lower == "*" || lower == "any" || lower == "all" || lower == "ip") {
    return "leave \"proto\" out for TCP, UDP, ICMP and ICMPv6; other protocols "
           "take a rule each";
  }
  if (lower.find(',') != std::string::npos) {
    return "a rule has one: write a rule for each";
  }
  if (lower == "icmp6" || lower == "icmpv6") {
    return "write ipv6-icmp";
  }
  if (IsNumber(lower) && lower.size() > 1 && lower.starts_with('0')) {
    const size_t digits =
        std::min(lower.find_first_not_of('0'), lower.size() - 1);
    return "numbers have no leading zeros: write " +
           Quoted(lower.substr(digits));
  }
  return "write an IANA name like tcp or a number from 0 to 255";
}

std::string SuggestName(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    const std::string lower =
        Lower(text.substr(0, colon)) + std::string(text.substr(colon));
    const auto selector = ParseSelector(lower);
    if (lower != text && selector && selector->kind != SelectorKind::kPrefix) {
      return ", did you mean " + Quoted(lower) + "?";
    }
  }
  const auto split = SplitPorts(text);
  if (split && ParsePorts(split->ports) && ParseSelector(split->host)) {
    return ": ports do not belong here, write " + Quoted(split->host);
  }
  return "";
}

}  // namespace natkit::mesh::policy
