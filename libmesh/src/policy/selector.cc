#include "policy/selector.h"

#include <algorithm>
#include <array>

#include "natkit/mesh/tag.h"
#include "policy/findings.h"

namespace natkit::mesh::policy {

namespace {

using SelectorResult = std::expected<Selector, std::string>;

constexpr size_t kLongestName = 128;

struct AutogroupEntry {
  std::string_view name;
  SelectorKind kind;
};

constexpr std::array kAutogroups = {
    AutogroupEntry{"self", SelectorKind::kSelf},
    AutogroupEntry{"member", SelectorKind::kMember},
    AutogroupEntry{"tagged", SelectorKind::kTagged},
    AutogroupEntry{"internet", SelectorKind::kInternet},
    AutogroupEntry{"danger-all", SelectorKind::kDangerAll},
    AutogroupEntry{"admin", SelectorKind::kRole},
    AutogroupEntry{"owner", SelectorKind::kRole},
    AutogroupEntry{"it-admin", SelectorKind::kRole},
    AutogroupEntry{"network-admin", SelectorKind::kRole},
    AutogroupEntry{"billing-admin", SelectorKind::kRole},
    AutogroupEntry{"auditor", SelectorKind::kRole},
    AutogroupEntry{"shared", SelectorKind::kRole},
};

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

Selector Make(SelectorKind kind, std::string_view text, std::string_view name) {
  Selector selector;
  selector.kind = kind;
  selector.text = text;
  selector.name = name;
  return selector;
}

SelectorResult ParseAutogroup(std::string_view text, std::string_view name) {
  const auto it = std::ranges::find(kAutogroups, name, &AutogroupEntry::name);
  if (it != kAutogroups.end()) {
    return Make(it->kind, text, name);
  }
  if (name == "nonroot") {
    return std::unexpected(
        "autogroup:nonroot names logins: it belongs in \"users\" of an ssh "
        "rule");
  }
  std::vector<std::string> names;
  for (const AutogroupEntry& entry : kAutogroups) {
    names.push_back("autogroup:" + std::string(entry.name));
  }
  return std::unexpected("there is no " + std::string(text) +
                         DidYouMean(text, names));
}

SelectorResult ParsePrefixed(std::string_view text, size_t colon) {
  const auto prefix = text.substr(0, colon);
  const auto name = text.substr(colon + 1);
  if (prefix == "autogroup") {
    return ParseAutogroup(text, name);
  }
  if (prefix == "tag") {
    if (!IsTagName(name)) {
      return std::unexpected("\"" + std::string(text) +
                             "\" is no tag: after tag: comes a letter, then "
                             "letters, digits and dashes");
    }
    return Make(SelectorKind::kTag, text, name);
  }
  if (!IsPlainName(name)) {
    return std::unexpected("\"" + std::string(text) + "\" is no name: after " +
                           std::string(prefix) +
                           ": come letters, digits, '-', '_' and '.'");
  }
  return Make(prefix == "group" ? SelectorKind::kGroup : SelectorKind::kIpSet,
              text, name);
}

SelectorResult ParseUser(std::string_view text) {
  if (!IsUser(text)) {
    return std::unexpected("\"" + std::string(text) +
                           "\" is no user: write name@domain, without spaces, "
                           "* or ':'");
  }
  return Make(SelectorKind::kUser, text, NormalUser(text));
}

SelectorResult ParsePrefix(std::string_view text) {
  const auto prefix = IpPrefix::Parse(text);
  if (!prefix) {
    return std::unexpected("\"" + std::string(text) +
                           "\" is no address, CIDR, or other name that a "
                           "policy knows");
  }
  Selector selector = Make(SelectorKind::kPrefix, text, text);
  selector.prefixes.push_back(*prefix);
  return selector;
}

template <class... Kinds>
constexpr uint32_t Mask(Kinds... kinds) {
  return ((1U << static_cast<unsigned>(kinds)) | ...);
}

constexpr uint32_t AllowedKinds(Place place) {
  using enum SelectorKind;
  constexpr uint32_t kAnywhere = Mask(kAny, kUser, kGroup, kTag, kMember,
                                      kTagged, kRole, kPrefix, kHost, kIpSet);
  switch (place) {
    case Place::kSource:
      return kAnywhere | Mask(kDangerAll);
    case Place::kDestination:
      return kAnywhere | Mask(kSelf, kInternet);
    case Place::kSshSource:
      return Mask(kUser, kGroup, kTag, kMember, kTagged);
    case Place::kSshDestination:
      return Mask(kUser, kTag, kSelf, kMember, kTagged);
    case Place::kTestHost:
      return Mask(kUser, kGroup, kTag, kMember, kTagged, kPrefix, kHost);
    case Place::kTagOwner:
    case Place::kApprover:
      return Mask(kUser, kGroup, kTag, kRole, kMember);
    case Place::kAttrTarget:
      return Mask(kAny, kUser, kGroup, kTag, kMember, kTagged, kRole, kPrefix,
                  kHost);
  }
  return 0;
}

}  // namespace

SelectorResult ParseSelector(std::string_view text) {
  if (text == "*") {
    return Make(SelectorKind::kAny, text, text);
  }
  if (text.empty()) {
    return std::unexpected("the name is empty: write * for all");
  }
  if (text.size() > kLongestName) {
    return std::unexpected("a name has " + std::to_string(kLongestName) +
                           " characters at most");
  }
  for (const std::string_view prefix :
       {"autogroup:", "group:", "tag:", "ipset:"}) {
    if (text.starts_with(prefix)) {
      return ParsePrefixed(text, prefix.size() - 1);
    }
  }
  if (text.find('@') != std::string_view::npos) {
    return ParseUser(text);
  }
  if (IsPlainName(text) && !IpPrefix::Parse(text)) {
    return Make(SelectorKind::kHost, text, text);
  }
  return ParsePrefix(text);
}

bool IsAllowed(SelectorKind kind, Place place) {
  return (AllowedKinds(place) & Mask(kind)) != 0;
}

std::string_view Describe(Place place) {
  switch (place) {
    case Place::kSource:
      return "a source is *, a user, group, tag, address, CIDR, alias, ipset, "
             "or one of autogroup:member, tagged, danger-all and the roles";
    case Place::kDestination:
      return "a destination is *, a user, group, tag, address, CIDR, alias, "
             "ipset, or one of autogroup:self, member, tagged, internet and "
             "the roles";
    case Place::kSshSource:
      return "the source of an ssh rule is a user, group, tag, "
             "autogroup:member or autogroup:tagged";
    case Place::kSshDestination:
      return "the destination of an ssh rule is a user, a tag, "
             "autogroup:self, autogroup:member or autogroup:tagged";
    case Place::kTestHost:
      return "a test names one user, group, tag, address or alias, "
             "autogroup:member or autogroup:tagged";
    case Place::kTagOwner:
      return "an owner is a user, group, tag, autogroup:member or a role "
             "like autogroup:admin";
    case Place::kApprover:
      return "an approver is a user, group, tag, autogroup:member or a role "
             "like autogroup:admin";
    case Place::kAttrTarget:
      return "a target is *, a user, group, tag, address, CIDR, alias, "
             "autogroup:member, autogroup:tagged or a role";
  }
  return "";
}

bool IsUser(std::string_view text) {
  const auto is_good = [](char c) {
    return c > ' ' && c != 0x7f && c != '*' && c != ':' && c != ',';
  };
  return text.size() <= kLongestName && std::ranges::all_of(text, is_good) &&
         text.find('@') == text.rfind('@') && text.find('@') > 0 &&
         text.find('@') != std::string_view::npos;
}

bool IsTagName(std::string_view name) {
  return name.size() <= kLongestName && mesh::IsTagName(name);
}

bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName &&
         std::ranges::all_of(name, [](char c) {
           return IsLetter(c) || IsDigit(c) || c == '-' || c == '_' || c == '.';
         });
}

std::string NormalUser(std::string_view login) {
  if (login.ends_with('@')) {
    login.remove_suffix(1);
  }
  return std::string(login);
}

}  // namespace natkit::mesh::policy
