#include "policy/hints.h"
#include "policy/policy_reader.h"
#include "policy/prefix_set.h"

namespace natkit::mesh::policy {

namespace {

template <class Map>
std::vector<std::string> KeysOf(const Map& map, std::string_view prefix) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) {
    keys.push_back(std::string(prefix) + key);
  }
  return keys;
}

}  // namespace

const std::vector<JsonValue>& ReadItems(const JsonValue& value,
                                        std::string_view what, Findings& out) {
  if (!value.is_array()) {
    out.Error(value.at, std::string(what) + " must be a list [ ], not " +
                            std::string(KindName(value.kind)));
  }
  return value.items;
}

std::optional<Selector> PolicyReader::ReadSelector(const PlacedText& text,
                                                   Place place) {
  auto selector = ParseSelector(text.text);
  if (!selector) {
    out_.Error(text.at, selector.error() + SuggestName(text.text));
    return std::nullopt;
  }
  selector->at = text.at;
  if (!IsAllowed(selector->kind, place)) {
    out_.Error(text.at, "\"" + text.text + "\" cannot stand here: " +
                            std::string(Describe(place)));
    return std::nullopt;
  }
  if (!Resolve(*selector)) {
    return std::nullopt;
  }
  if (selector->kind == SelectorKind::kRole && selector->name == "shared" &&
      place == Place::kDestination) {
    out_.Error(text.at, "autogroup:shared is a source only");
    return std::nullopt;
  }
  if (selector->kind == SelectorKind::kPrefix &&
      HasHostBits(selector->text, selector->prefixes[0])) {
    out_.Warn(text.at, "\"" + selector->text + "\" is read as " +
                           selector->prefixes[0].ToString());
  }
  return *std::move(selector);
}

std::vector<Selector> PolicyReader::ReadSelectors(
    const std::vector<PlacedText>& texts, Place place) {
  std::vector<Selector> selectors;
  for (const PlacedText& text : texts) {
    if (auto selector = ReadSelector(text, place)) {
      selectors.push_back(*std::move(selector));
    }
  }
  return selectors;
}

bool PolicyReader::ReportUndefined(const Selector& selector,
                                   std::string_view kind,
                                   const std::vector<std::string>& names) {
  out_.Error(selector.at, std::string(kind) + ": \"" + selector.text + "\"" +
                              DidYouMean(selector.text, names));
  return false;
}

bool PolicyReader::Resolve(Selector& selector) {
  if (selector.kind == SelectorKind::kGroup) {
    return policy_.groups.contains(selector.name) ||
           ReportUndefined(selector, "not defined in \"groups\"",
                           KeysOf(policy_.groups, "group:"));
  }
  if (selector.kind == SelectorKind::kTag) {
    return policy_.tag_owners.contains(selector.name) ||
           ReportUndefined(selector, "not defined in \"tagOwners\"",
                           KeysOf(policy_.tag_owners, "tag:"));
  }
  if (selector.kind == SelectorKind::kIpSet) {
    const auto it = policy_.ip_sets.find(selector.name);
    if (it == policy_.ip_sets.end()) {
      return ReportUndefined(selector, "not defined in \"ipsets\"",
                             KeysOf(policy_.ip_sets, "ipset:"));
    }
    selector.prefixes = it->second;
  }
  if (selector.kind == SelectorKind::kHost) {
    const auto it = policy_.hosts.find(selector.name);
    if (it == policy_.hosts.end()) {
      return ReportUndefined(selector,
                             "no address and not defined in \"hosts\"",
                             KeysOf(policy_.hosts, ""));
    }
    selector.prefixes = {it->second};
  }
  return true;
}

std::optional<uint8_t> PolicyReader::ReadProtocol(ObjectReader& in) {
  const auto text = in.String("proto");
  if (!text) {
    return std::nullopt;
  }
  const auto protocol = ParseProtocol(text->text);
  if (!protocol) {
    out_.Error(text->at, "\"" + text->text + "\" is no protocol: " +
                             ExplainProtocol(text->text));
  }
  return protocol;
}

bool PolicyReader::CheckSingleAddress(const Selector& selector) {
  if (selector.prefixes.empty() ||
      selector.prefixes[0].length() ==
          selector.prefixes[0].address().bit_count()) {
    return true;
  }
  out_.Error(selector.at, "a test names one address, not the network \"" +
                              selector.text + "\"");
  return false;
}

}  // namespace natkit::mesh::policy
