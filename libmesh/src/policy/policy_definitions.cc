#include <algorithm>

#include "policy/policy_reader.h"
#include "policy/prefix_set.h"

namespace natkit::mesh::policy {

namespace {

/// The members of an object; reports a value that is none.
const std::vector<JsonMember>& Members(const JsonValue& value,
                                       std::string_view what, Findings& out) {
  if (!value.is_object()) {
    out.Error(value.at, std::string(what) + " must be an object { }, not " +
                            std::string(KindName(value.kind)));
  }
  return value.members;
}

/// The key without `prefix`, if it has it and a good name after it.
std::optional<std::string> NameOf(const JsonMember& member,
                                  std::string_view prefix, Findings& out) {
  const std::string_view key = member.key;
  const auto name = key.substr(std::min(prefix.size(), key.size()));
  const bool is_good = prefix == "tag:" ? IsTagName(name) : IsPlainName(name);
  if (key.starts_with(prefix) && is_good) {
    return std::string(name);
  }
  out.Error(member.key_at,
            "\"" + member.key + "\" must be " + std::string(prefix) +
                (prefix == "tag:" ? " and a letter, then letters, digits and "
                                    "dashes"
                                  : " and letters, digits, '-', '_' or '.'"));
  return std::nullopt;
}

}  // namespace

void PolicyReader::ReadDefinitions(ObjectReader& root) {
  if (const JsonValue* groups = root.Get("groups")) {
    ReadGroups(*groups);
  }
  if (const JsonValue* hosts = root.Get("hosts")) {
    ReadHosts(*hosts);
  }
  if (const JsonValue* owners = root.Get("tagOwners")) {
    ReadTagOwners(*owners);
  }
  if (const JsonValue* sets = root.Get("ipsets")) {
    ReadIpSets(*sets);
  }
  if (const JsonValue* postures = root.Get("postures")) {
    ReadPostures(*postures);
  }
  if (const JsonValue* approvers = root.Get("autoApprovers")) {
    ReadAutoApprovers(*approvers);
  }
}

void PolicyReader::ReadGroups(const JsonValue& value) {
  for (const JsonMember& member : Members(value, "\"groups\"", out_)) {
    const auto name = NameOf(member, "group:", out_);
    if (!name) {
      continue;
    }
    auto& users = policy_.groups[*name];
    for (const PlacedText& user : ReadTexts(member.value, "a group", out_)) {
      if (IsUser(user.text)) {
        users.push_back(NormalUser(user.text));
      } else if (user.text.starts_with("group:")) {
        out_.Error(user.at, "a group holds users, not other groups");
      } else {
        out_.Error(user.at,
                   "a group holds users (name@domain, or name@), not \"" +
                       user.text + "\"");
      }
    }
  }
}

void PolicyReader::ReadHosts(const JsonValue& value) {
  for (const JsonMember& member : Members(value, "\"hosts\"", out_)) {
    if (!IsPlainName(member.key) || IpPrefix::Parse(member.key)) {
      out_.Error(member.key_at,
                 "\"" + member.key +
                     "\" cannot be an alias: it is letters, digits, '-', '_' "
                     "and '.', and no address");
      continue;
    }
    const auto text = ReadText(member.value, "a host", out_);
    if (!text) {
      continue;
    }
    const auto prefix = IpPrefix::Parse(text->text);
    if (!prefix) {
      out_.Error(text->at, "\"" + text->text +
                               "\" is no address or CIDR: write it like "
                               "10.1.2.3 or 10.1.0.0/16");
      continue;
    }
    if (HasHostBits(text->text, *prefix)) {
      out_.Warn(text->at,
                "\"" + text->text + "\" is read as " + prefix->ToString());
    }
    policy_.hosts[member.key] = *prefix;
  }
}

void PolicyReader::ReadTagOwners(const JsonValue& value) {
  // Names first: tags own each other, in any order.
  for (const JsonMember& member : Members(value, "\"tagOwners\"", out_)) {
    if (const auto name = NameOf(member, "tag:", out_)) {
      policy_.tag_owners[*name] = {};
    }
  }
  ReadOwnersOfTags(value);
}

void PolicyReader::ReadOwnersOfTags(const JsonValue& value) {
  for (const JsonMember& member : value.members) {
    const auto owners = ReadSelectors(
        ReadTexts(member.value, "the owners of a tag", out_), Place::kTagOwner);
    if (member.key.starts_with("tag:")) {
      const auto it = policy_.tag_owners.find(member.key.substr(4));
      if (it != policy_.tag_owners.end()) {
        it->second = owners;
      }
    }
  }
}

void PolicyReader::ReadIpSets(const JsonValue& value) {
  for (const JsonMember& member : Members(value, "\"ipsets\"", out_)) {
    const auto name = NameOf(member, "ipset:", out_);
    if (!name) {
      continue;
    }
    std::vector<IpPrefix> set;
    for (const PlacedText& entry : ReadTexts(member.value, "an ipset", out_)) {
      ApplyIpSetEntry(entry, set);
    }
    Simplify(set);
    policy_.ip_sets[*name] = std::move(set);
  }
}

void PolicyReader::ApplyIpSetEntry(const PlacedText& entry,
                                   std::vector<IpPrefix>& set) {
  constexpr std::string_view kAdd = "add ";
  constexpr std::string_view kRemove = "remove ";
  constexpr std::string_view kHostPrefix = "host:";
  std::string_view name = entry.text;
  const bool is_removal = name.starts_with(kRemove);
  if (is_removal) {
    name.remove_prefix(kRemove.size());
  } else if (name.starts_with(kAdd)) {
    name.remove_prefix(kAdd.size());
  }
  if (name.starts_with(kHostPrefix)) {
    name.remove_prefix(kHostPrefix.size());
  }
  const auto host = policy_.hosts.find(std::string(name));
  const auto prefix = host != policy_.hosts.end()
                          ? Result<IpPrefix>(host->second)
                          : IpPrefix::Parse(name);
  if (!prefix) {
    out_.Error(entry.at, "\"" + entry.text +
                             "\": an ipset holds addresses, CIDRs and "
                             "aliases, each after nothing, add or remove");
  } else if (is_removal) {
    set = Subtract(set, *prefix);
  } else {
    set.push_back(*prefix);
  }
}

void PolicyReader::ReadPostures(const JsonValue& value) {
  for (const JsonMember& member : Members(value, "\"postures\"", out_)) {
    if (!NameOf(member, "posture:", out_)) {
      continue;
    }
    Posture& posture = policy_.postures[member.key];
    posture.at = member.key_at;
    for (const PlacedText& text : ReadTexts(member.value, "a posture", out_)) {
      auto condition = ParsePostureCondition(text.text);
      if (condition) {
        posture.conditions.push_back(*std::move(condition));
      } else {
        out_.Error(text.at, condition.error());
      }
    }
    if (member.value.is_array() && member.value.items.empty()) {
      out_.Error(member.value.at,
                 "a posture without conditions would hold for every machine");
    }
  }
}

void PolicyReader::ReadAutoApprovers(const JsonValue& value) {
  ObjectReader in(value, "\"autoApprovers\"", out_);
  if (const JsonValue* routes = in.Get("routes")) {
    for (const JsonMember& member : Members(*routes, "\"routes\"", out_)) {
      const auto prefix = IpPrefix::Parse(member.key);
      if (!prefix) {
        out_.Error(member.key_at, "\"" + member.key +
                                      "\" is no CIDR: write it like "
                                      "10.0.0.0/8");
      } else if (HasHostBits(member.key, *prefix)) {
        out_.Warn(member.key_at,
                  "\"" + member.key + "\" is read as " + prefix->ToString());
      }
      auto approvers = ReadSelectors(ReadTexts(member.value, "approvers", out_),
                                     Place::kApprover);
      if (prefix) {
        policy_.route_approvers.push_back({*prefix, std::move(approvers)});
      }
    }
  }
  policy_.exit_approvers =
      ReadSelectors(in.Strings("exitNode"), Place::kApprover);
  in.Finish();
}

}  // namespace natkit::mesh::policy
