#include <algorithm>
#include <array>

#include "policy/hints.h"
#include "policy/policy_reader.h"
#include "policy/ports.h"
#include "policy/prefix_set.h"

namespace natkit::mesh::policy {

namespace {

constexpr std::string_view kVendor = "tailscale.com/";
/// The capabilities that the format's vendor has defined.
constexpr std::array<std::string_view, 15> kVendorCapabilities = {
    "cap/debug-peer",
    "cap/drive",
    "cap/drive-sharer",
    "cap/file-send",
    "cap/file-sharing-target",
    "cap/golink",
    "cap/ingress",
    "cap/kubernetes",
    "cap/relay",
    "cap/relay-target",
    "cap/secrets",
    "cap/tsidp",
    "cap/wake-on-lan",
    "cap/webui",
    "cap/services-destination"};

/// Of sources, of destinations, and of ports: what a rule may name, so that it
/// fits one item of a node's map.
constexpr size_t kMaxRuleEntries = 1000;

bool IsCapabilityName(std::string_view name) {
  const size_t slash = name.find('/');
  const auto domain = name.substr(0, slash);
  const auto is_good = [](char c) { return c > ' ' && c != 0x7f && c != ':'; };
  return slash != std::string_view::npos && slash + 1 < name.size() &&
         domain.find('.') != std::string_view::npos &&
         !domain.starts_with('.') && !domain.ends_with('.') &&
         std::ranges::all_of(name, is_good);
}

bool HasKind(const std::vector<Selector>& selectors, SelectorKind kind) {
  return std::ranges::find(selectors, kind, &Selector::kind) != selectors.end();
}

}  // namespace

void PolicyReader::ReadAcls(const JsonValue& value) {
  policy_.acls.emplace();
  for (const JsonValue& item : ReadItems(value, "\"acls\"", out_)) {
    ReadAcl(item);
  }
}

void PolicyReader::ReadAction(ObjectReader& in) {
  if (in.Require("action") == nullptr) {
    return;
  }
  const auto action = in.String("action");
  if (!action || action->text == "accept") {
    return;
  }
  const bool is_denial = action->text == "deny" || action->text == "drop" ||
                         action->text == "reject";
  out_.Error(action->at,
             is_denial
                 ? "rules only allow: what no rule accepts is denied already. "
                   "Leave this rule out, narrow the rules that accept too "
                   "much, and pin the intent under \"tests\" with \"deny\""
                 : "the only action is accept, not \"" + action->text + "\"");
}

void PolicyReader::ReadAcl(const JsonValue& value) {
  ObjectReader in(value, "an acls entry", out_);
  in.Explain("users", "write \"src\"");
  in.Explain("ports", "write \"dst\"");
  in.Explain("source", "write \"src\"");
  in.Explain("destination", "write \"dst\"");
  in.Explain("ip", "it belongs to grants; here ports follow each destination");
  AclRule rule;
  rule.at = value.at;
  ReadAction(in);
  rule.protocol = ReadProtocol(in);
  rule.src = ReadSelectors(in.RequireStrings("src"), Place::kSource);
  for (const PlacedText& text : in.RequireStrings("dst")) {
    if (auto destination = ReadDestination(text, rule.protocol)) {
      rule.dst.push_back(*std::move(destination));
    }
  }
  CheckCount(value.at, "sources", rule.src.size());
  rule.conditions = ReadConditions(in);
  in.Finish();
  if (std::ranges::any_of(rule.dst, [](const Destination& destination) {
        return destination.host.kind == SelectorKind::kSelf;
      })) {
    CheckSelfSources(rule.src, true);
  }
  policy_.acls->push_back(std::move(rule));
}

void PolicyReader::CheckCount(const Position& at, std::string_view what,
                              size_t count) {
  if (count > kMaxRuleEntries) {
    out_.Error(at, "a rule names " + std::to_string(kMaxRuleEntries) + " " +
                       std::string(what) + " at most, not " +
                       std::to_string(count) + ": split it");
  }
}

std::optional<Destination> PolicyReader::ReadDestination(
    const PlacedText& text, std::optional<uint8_t> protocol) {
  const auto split = SplitPorts(text.text);
  const auto ports = split ? ParsePorts(split->ports) : std::nullopt;
  if (!ports) {
    ReportPorts(text, split);
    return std::nullopt;
  }
  if (split->host.empty()) {
    out_.Error(text.at, "before the ports of \"" + text.text +
                            "\" a name is missing: write \"*" + text.text +
                            "\" for all");
    return std::nullopt;
  }
  if (ParseSelector(text.text) && !ParseSelector(split->host)) {
    ReportPorts(text, std::nullopt);
    return std::nullopt;
  }
  auto host = ReadSelector({split->host, text.at}, Place::kDestination);
  if (!host) {
    return std::nullopt;
  }
  CheckCount(text.at, "ports", ports->size());
  if (!ports->empty() && protocol && !HasPorts(*protocol)) {
    out_.Error(text.at, ProtocolName(*protocol) +
                            " has no ports: only tcp, udp and sctp; write :*");
    return std::nullopt;
  }
  return Destination{*std::move(host), *ports, text.text};
}

void PolicyReader::ReportPorts(const PlacedText& text,
                               const std::optional<HostAndPorts>& split) {
  const auto whole = ParseSelector(text.text);
  if (!whole && split) {
    out_.Error(text.at, "\"" + text.text + "\": " + ExplainPorts(split->ports));
    return;
  }
  const bool is_v6 = whole && !whole->prefixes.empty() &&
                     !whole->prefixes[0].address().is_v4();
  const std::string host = is_v6 && whole->kind == SelectorKind::kPrefix
                               ? "[" + text.text + "]"
                               : text.text;
  out_.Error(text.at, "ports are missing: write \"" + host + ":*\" or \"" +
                          host + ":443\"");
}

void PolicyReader::CheckSelfSources(const std::vector<Selector>& src,
                                    bool may_be_any) {
  for (const Selector& selector : src) {
    const bool is_good = selector.kind == SelectorKind::kUser ||
                         selector.kind == SelectorKind::kGroup ||
                         selector.kind == SelectorKind::kMember ||
                         (may_be_any && selector.kind == SelectorKind::kAny);
    if (!is_good) {
      out_.Error(selector.at,
                 "with autogroup:self as destination a source is a user, a "
                 "group or autogroup:member, not \"" +
                     selector.text + "\"");
    }
  }
}

void PolicyReader::ReadGrants(const JsonValue& value) {
  policy_.grants.emplace();
  for (const JsonValue& item : ReadItems(value, "\"grants\"", out_)) {
    ReadGrant(item);
  }
}

void PolicyReader::ReadGrant(const JsonValue& value) {
  ObjectReader in(value, "a grants entry", out_);
  in.Explain("action", "a grant always accepts");
  in.Explain("proto", "write it in \"ip\", as in \"udp:53\"");
  in.Explain("ports", "write them in \"ip\", as in \"tcp:443\"");
  in.Explain("source", "write \"src\"");
  in.Explain("destination", "write \"dst\"");
  GrantRule grant;
  grant.at = value.at;
  grant.src = ReadSelectors(in.RequireStrings("src"), Place::kSource);
  grant.dst = ReadSelectors(in.RequireStrings("dst"), Place::kDestination);
  const auto ip_texts = in.Strings("ip");
  for (const PlacedText& text : ip_texts) {
    if (auto ip = ReadIpGrant(text)) {
      grant.ip.push_back(*std::move(ip));
    }
  }
  if (const JsonValue* app = in.Get("app")) {
    ReadApp(*app, grant);
  } else if (const JsonValue* ip = in.Get("ip");
             in.is_object() &&
             (ip == nullptr || (ip->is_array() && ip->items.empty()))) {
    out_.Error(value.at,
               "a grant needs \"ip\" or \"app\": for all ports write "
               "\"ip\": [\"*\"]");
  }
  ReadVia(in, grant);
  grant.conditions = ReadConditions(in);
  in.Finish();
  CheckCount(value.at, "sources", grant.src.size());
  CheckCount(value.at, "destinations", grant.dst.size());
  size_t ports = 0;
  for (const IpGrant& ip : grant.ip) {
    ports += ip.ports.size();
  }
  CheckCount(value.at, "ports", ports);
  CheckGrantDestinations(grant);
  policy_.grants->push_back(std::move(grant));
}

void PolicyReader::CheckGrantDestinations(const GrantRule& grant) {
  for (const Selector& selector : grant.dst) {
    if (std::ranges::any_of(selector.prefixes, IsDefaultRoute)) {
      out_.Error(selector.at, "a grant to \"" + selector.text +
                                  "\" is not possible: for the Internet "
                                  "write autogroup:internet");
    }
    if (selector.kind == SelectorKind::kInternet && !grant.app.empty()) {
      out_.Error(selector.at, "\"app\" cannot go with autogroup:internet");
    }
  }
  if (HasKind(grant.dst, SelectorKind::kSelf)) {
    CheckSelfSources(grant.src, false);
  }
}

std::optional<IpGrant> PolicyReader::ReadIpGrant(const PlacedText& text) {
  std::string_view ports_text = text.text;
  IpGrant ip;
  const size_t colon = ports_text.find(':');
  if (colon != std::string_view::npos) {
    ip.protocol = ParseProtocol(ports_text.substr(0, colon));
    if (!ip.protocol) {
      out_.Error(text.at, "\"" + text.text +
                              "\": what stands before the colon is no "
                              "protocol: write tcp, udp, sctp, another name or "
                              "number, or the ports alone");
      return std::nullopt;
    }
    ports_text.remove_prefix(colon + 1);
  } else if (ParseProtocol(ports_text) && !ParsePort(ports_text)) {
    out_.Error(text.at, "\"" + text.text + "\" alone is not enough: write \"" +
                            text.text + ":*\"");
    return std::nullopt;
  }
  const auto ports = ports_text.find(',') == std::string_view::npos
                         ? ParsePorts(ports_text)
                         : std::nullopt;
  if (!ports) {
    const bool is_list = ParsePorts(ports_text).has_value();
    out_.Error(text.at, "\"" + text.text + "\": " +
                            (is_list ? "write an item for each, as in \"80\", "
                                       "\"443\""
                                     : ExplainPorts(ports_text)));
    return std::nullopt;
  }
  if (!ports->empty() && ip.protocol && !HasPorts(*ip.protocol)) {
    const std::string name = ProtocolName(*ip.protocol);
    out_.Error(text.at, name + " has no ports: only tcp, udp and sctp; write " +
                            name + ":*");
    return std::nullopt;
  }
  ip.ports = *ports;
  return ip;
}

void PolicyReader::ReadApp(const JsonValue& value, GrantRule& grant) {
  if (!value.is_object()) {
    out_.Error(value.at, "\"app\" must be an object { }");
  }
  for (const JsonMember& member : value.members) {
    const std::string_view name = member.key;
    if (name.find("://") != std::string_view::npos) {
      out_.Error(member.key_at, "a capability is domain/path without a scheme");
    } else if (!IsCapabilityName(name)) {
      out_.Error(member.key_at, "\"" + member.key +
                                    "\" is no capability: write domain/path, "
                                    "like example.com/cap/edit");
    } else if (name.starts_with(kVendor) &&
               std::ranges::find(kVendorCapabilities,
                                 name.substr(kVendor.size())) ==
                   kVendorCapabilities.end()) {
      out_.Error(member.key_at, "there is no capability \"" + member.key +
                                    "\"; use a domain of your own");
    } else if (!member.value.is_array()) {
      out_.Error(member.value.at, "the values of a capability are a list [ ]");
    } else {
      grant.app.push_back({member.key, ToJson(member.value)});
    }
  }
}

void PolicyReader::ReadVia(ObjectReader& in, GrantRule& grant) {
  for (const PlacedText& text : in.Strings("via")) {
    auto selector = ParseSelector(text.text);
    if (!selector || selector->kind != SelectorKind::kTag) {
      out_.Error(text.at,
                 "\"via\" names tags of routers, not \"" + text.text + "\"");
      continue;
    }
    selector->at = text.at;
    if (Resolve(*selector)) {
      grant.via.push_back(selector->name);
    }
  }
}

}  // namespace natkit::mesh::policy
