#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace natkit::netsim {

/// What a [[nat]] box does. RFC 4787 words: EI, AD and APD are
/// endpoint-independent, address-dependent and address-and-port-dependent.
enum class NatProfile : uint8_t {
  kNone,             ///< a router: forwards, translates nothing
  kFirewall,         ///< a router that admits only answers (none / APD)
  kFullCone,         ///< EI mapping, EI filtering
  kRestricted,       ///< EI mapping, AD filtering
  kPortRestricted,   ///< EI mapping, APD filtering; a careful Linux router
  kSymmetric,        ///< APD mapping, APD filtering, random ports
  kUdpBlocked,       ///< TCP and ICMP translated, UDP dropped both ways
  kLinuxPoisonable,  ///< port-restricted, but an early inbound packet to a
                     ///< port takes it away from the inside host
};

/// One row of `netsim profiles`.
struct ProfileInfo {
  NatProfile profile;
  std::string_view name;       ///< the word in scenario files
  std::string_view mapping;    ///< "EI", "APD", "none" or "-"
  std::string_view filtering;  ///< "EI", "AD", "APD" or "-"
  std::string_view summary;    ///< one line for people
};

/// The composite profile: a port-restricted home NAT behind a carrier's NAT.
/// Scenario files may say it; parsing replaces it by two boxes.
inline constexpr std::string_view kCgnProfileName = "cgn";

/// Every profile, in the order of the enumerators.
[[nodiscard]] std::span<const ProfileInfo> Profiles();

/// The row of one profile.
[[nodiscard]] const ProfileInfo& Describe(NatProfile profile);

/// The profile with this name in scenario files.
[[nodiscard]] std::optional<NatProfile> FindProfile(std::string_view name);

/// Whether the profile rewrites addresses (all but the two routers).
[[nodiscard]] bool Translates(NatProfile profile);

}  // namespace natkit::netsim
