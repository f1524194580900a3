#include "natkit/netsim/profile.h"

#include <algorithm>
#include <array>

namespace natkit::netsim {
namespace {

constexpr std::array kProfiles = {
    ProfileInfo{NatProfile::kNone, "none", "none", "EI",
                "router: forwards both ways, translates nothing"},
    ProfileInfo{NatProfile::kFirewall, "firewall", "none", "APD",
                "router that lets in only what answers the inside"},
    ProfileInfo{NatProfile::kFullCone, "full-cone", "EI", "EI",
                "any outside host reaches a mapped port"},
    ProfileInfo{NatProfile::kRestricted, "restricted", "EI", "AD",
                "a mapped port admits the addresses contacted before"},
    ProfileInfo{NatProfile::kPortRestricted, "port-restricted", "EI", "APD",
                "a home router: admits the endpoints contacted before"},
    ProfileInfo{NatProfile::kSymmetric, "symmetric", "APD", "APD",
                "every destination sees another random port"},
    ProfileInfo{NatProfile::kUdpBlocked, "udp-blocked", "-", "-",
                "drops all UDP; TCP and ICMP pass"},
    ProfileInfo{NatProfile::kLinuxPoisonable, "linux-poisonable", "EI", "APD",
                "stock Linux: an early inbound packet to a port makes the "
                "inside host's later flow leave from another port"},
};

}  // namespace

std::span<const ProfileInfo> Profiles() {
  return kProfiles;
}

const ProfileInfo& Describe(NatProfile profile) {
  return kProfiles.at(static_cast<size_t>(profile));
}

std::optional<NatProfile> FindProfile(std::string_view name) {
  const auto* found = std::ranges::find(kProfiles, name, &ProfileInfo::name);
  if (found == kProfiles.end()) {
    return std::nullopt;
  }
  return found->profile;
}

bool Translates(NatProfile profile) {
  return profile != NatProfile::kNone && profile != NatProfile::kFirewall;
}

}  // namespace natkit::netsim
