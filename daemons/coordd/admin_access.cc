#include "admin_access.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace natkit::coordd {

namespace {

std::optional<uint32_t> ParseId(const std::string& text) {
  uint32_t id = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, id);
  return error == std::errc() && rest == end ? std::optional(id) : std::nullopt;
}

std::optional<uint32_t> FindUser(const std::string& name) {
  if (const auto id = ParseId(name)) {
    return id;
  }
  const passwd* entry = ::getpwnam(name.c_str());
  return entry == nullptr ? std::nullopt : std::optional(entry->pw_uid);
}

std::optional<uint32_t> FindGroup(const std::string& name) {
  if (const auto id = ParseId(name)) {
    return id;
  }
  const group* entry = ::getgrnam(name.c_str());
  return entry == nullptr ? std::nullopt : std::optional(entry->gr_gid);
}

}  // namespace

shell::Outcome<AdminAccess> AdminAccess::Resolve(
    const std::vector<std::string>& users,
    const std::vector<std::string>& groups) {
  AdminAccess access;
  access.users_ = {0, ::geteuid()};
  for (const std::string& name : users) {
    const auto id = FindUser(name);
    if (!id) {
      return std::unexpected("[admin] users: this system has no user '" + name +
                             "'");
    }
    access.users_.insert(*id);
  }
  for (const std::string& name : groups) {
    const auto id = FindGroup(name);
    if (!id) {
      return std::unexpected("[admin] groups: this system has no group '" +
                             name + "'");
    }
    access.groups_.insert(*id);
  }
  access.is_shared_ = !users.empty() || !groups.empty();
  return access;
}

bool AdminAccess::Allows(const io::PeerCredentials& peer) const {
  return users_.contains(peer.user) ||
         std::ranges::any_of(
             groups_, [&](uint32_t group) { return peer.IsInGroup(group); });
}

std::string ActorOf(const io::PeerCredentials& peer) {
  const passwd* entry = ::getpwuid(peer.user);
  return "unix:" + (entry == nullptr ? std::to_string(peer.user)
                                     : std::string(entry->pw_name));
}

}  // namespace natkit::coordd
