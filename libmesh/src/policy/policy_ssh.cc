#include <algorithm>
#include <charconv>

#include "policy/policy_reader.h"
#include "policy/prefix_set.h"

namespace natkit::mesh::policy {

namespace {

constexpr uint32_t kHour = 3600;
constexpr uint32_t kLongestCheck = 168 * kHour;
constexpr std::string_view kLocalpart = "localpart:*@";

uint32_t UnitSeconds(char unit) {
  switch (unit) {
    case 'h':
      return kHour;
    case 'm':
      return 60;
    case 's':
      return 1;
    default:
      return 0;
  }
}

/// Seconds of "12h", "1h30m", "90s"; nullopt also for more than a week.
std::optional<uint32_t> ParseDuration(std::string_view text) {
  uint64_t total = 0;
  if (text.empty()) {
    return std::nullopt;
  }
  while (!text.empty()) {
    uint32_t count = 0;
    const char* end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, count);
    const uint32_t unit =
        failure == std::errc{} && stop != end ? UnitSeconds(*stop) : 0;
    total += uint64_t{count} * unit;
    if (unit == 0 || total > kLongestCheck) {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<size_t>(stop - text.data()) + 1);
  }
  return static_cast<uint32_t>(total);
}

bool IsOfTags(const Selector& selector) {
  return selector.kind == SelectorKind::kTag ||
         selector.kind == SelectorKind::kTagged;
}

bool IsOfUsers(const Selector& selector) {
  return selector.kind == SelectorKind::kUser ||
         selector.kind == SelectorKind::kSelf ||
         selector.kind == SelectorKind::kMember;
}

/// 100.64.0.0/10, and what of it nodes may not be given.
bool IsGoodPool(const IpPrefix& pool) {
  const IpPrefix shared = *IpPrefix::Make(IpAddress::V4(100, 64, 0, 0), 10);
  const IpPrefix services = *IpPrefix::Make(IpAddress::V4(100, 100, 0, 0), 24);
  const IpPrefix names = *IpPrefix::Make(IpAddress::V4(100, 100, 100, 0), 24);
  const IpPrefix reserved = *IpPrefix::Make(IpAddress::V4(100, 115, 92, 0), 23);
  return IsInside(pool, shared) && !pool.Overlaps(services) &&
         !pool.Overlaps(names) && !pool.Overlaps(reserved);
}

}  // namespace

void PolicyReader::ReadSsh(const JsonValue& value) {
  for (const JsonValue& item : ReadItems(value, "\"ssh\"", out_)) {
    ReadSshRule(item);
  }
}

void PolicyReader::ReadSshRule(const JsonValue& value) {
  ObjectReader in(value, "an ssh entry", out_);
  SshRule rule;
  rule.at = value.at;
  ReadSshAction(in, rule);
  rule.src = ReadSelectors(in.RequireStrings("src"), Place::kSshSource);
  rule.dst = ReadSelectors(in.RequireStrings("dst"), Place::kSshDestination);
  ReadSshUsers(in, rule);
  ReadCheckPeriod(in, rule);
  for (const PlacedText& name : in.Strings("acceptEnv")) {
    if (name.text.empty()) {
      out_.Error(name.at, "the name of a variable is not empty");
    }
    rule.accept_env.push_back(name.text);
  }
  in.Finish();
  CheckSshPairs(rule);
  policy_.ssh.push_back(std::move(rule));
}

void PolicyReader::ReadSshAction(ObjectReader& in, SshRule& rule) {
  if (in.Require("action") == nullptr) {
    return;
  }
  const auto action = in.String("action");
  rule.is_check = action && action->text == "check";
  if (action && !rule.is_check && action->text != "accept") {
    out_.Error(action->at,
               "the action of an ssh rule is accept or check, not "
               "\"" +
                   action->text + "\"");
  }
}

void PolicyReader::ReadCheckPeriod(ObjectReader& in, SshRule& rule) {
  const auto period = in.String("checkPeriod");
  if (!period) {
    return;
  }
  if (!rule.is_check) {
    out_.Error(period->at, "\"checkPeriod\" goes with the action check only");
  }
  const auto seconds = period->text == "always" || period->text == "0"
                           ? 0
                           : ParseDuration(period->text);
  if (!seconds) {
    out_.Error(period->at, "\"" + period->text +
                               "\" is no period: write always, or up to 168h "
                               "like 30m, 20h or 1h30m");
    return;
  }
  rule.check_period = *seconds;
}

void PolicyReader::ReadSshUsers(ObjectReader& in, SshRule& rule) {
  const auto users = in.RequireStrings("users");
  for (const PlacedText& user : users) {
    CheckSshUser(user);
    rule.users.push_back(user.text);
  }
}

void PolicyReader::CheckSshUser(const PlacedText& user) {
  if (user.text == "autogroup:nonroot") {
    return;
  }
  if (user.text.empty() || user.text == "*") {
    out_.Error(user.at,
               "name the logins: root, ubuntu, ..., or autogroup:nonroot for "
               "all but root");
    return;
  }
  if (user.text.starts_with(kLocalpart)) {
    const std::string domain = user.text.substr(kLocalpart.size());
    const auto& domains = options_.domains;
    if (domain.empty() ||
        (!domains.empty() &&
         std::ranges::find(domains, domain) == domains.end())) {
      out_.Error(user.at,
                 "\"" + user.text + "\": the domain is none of this network's");
    }
    return;
  }
  const auto is_odd = [](char c) { return c <= ' ' || c == ':' || c == '*'; };
  if (std::ranges::any_of(user.text, is_odd)) {
    out_.Error(user.at, "\"" + user.text +
                            "\" is no login: write a name, autogroup:nonroot "
                            "or localpart:*@domain");
  }
}

void PolicyReader::CheckSshPairs(const SshRule& rule) {
  for (const Selector& destination : rule.dst) {
    for (const Selector& source : rule.src) {
      if (IsOfTags(source) && IsOfUsers(destination)) {
        out_.Error(source.at, "\"" + source.text + "\" may not reach \"" +
                                  destination.text +
                                  "\": tagged machines reach tagged ones");
      } else if (destination.kind == SelectorKind::kUser &&
                 (source.kind != SelectorKind::kUser ||
                  source.name != destination.name)) {
        out_.Error(destination.at,
                   "only \"" + destination.text +
                       "\" may be the source of an ssh rule to that user's "
                       "machines");
      }
    }
  }
}

void PolicyReader::ReadNodeAttrs(const JsonValue& value) {
  for (const JsonValue& item : ReadItems(value, "\"nodeAttrs\"", out_)) {
    ObjectReader in(item, "a nodeAttrs entry", out_);
    NodeAttrRule rule;
    rule.targets =
        ReadSelectors(in.RequireStrings("target"), Place::kAttrTarget);
    for (const PlacedText& attribute : in.Strings("attr")) {
      if (attribute.text.empty()) {
        out_.Error(attribute.at, "an attribute is not empty");
      }
      rule.attributes.push_back(attribute.text);
    }
    ReadIpPool(in, rule);
    if (in.Get("app") != nullptr) {
      out_.Warn(item.at, "\"app\" of nodeAttrs has no effect here");
    }
    in.Finish();
    policy_.node_attrs.push_back(std::move(rule));
  }
}

void PolicyReader::ReadIpPool(ObjectReader& in, NodeAttrRule& rule) {
  for (const PlacedText& text : in.Strings("ipPool")) {
    const auto pool = IpPrefix::Parse(text.text);
    if (!pool || !IsGoodPool(*pool)) {
      out_.Error(text.at,
                 "\"" + text.text +
                     "\": a pool is a CIDR inside 100.64.0.0/10 that avoids "
                     "100.100.0.0/24, 100.100.100.0/24 and 100.115.92.0/23");
      continue;
    }
    rule.ip_pool.push_back(*pool);
  }
}

}  // namespace natkit::mesh::policy
