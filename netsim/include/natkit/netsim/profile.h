#pragma once

#include <span>
#include <string_view>

#include "natkit/netsim/nat_config.h"

namespace natkit::netsim {

/// A named NAT: what a [[nat]] box is unless its other keys say otherwise.
/// The rows of `netsim profiles`.
struct ProfileInfo {
  std::string_view name;  ///< the word in scenario files
  /// Other words for it, each once; separated by spaces.
  std::string_view aliases;
  /// RFC 4787 words: "EI", "AD", "APD", "none", or "-" when UDP does not pass.
  std::string_view mapping;
  std::string_view filtering;
  std::string_view summary;  ///< one line for people
  std::string_view source;   ///< where the behaviour is known from
  /// For a composite: the profile of the carrier's box; this row is then the
  /// home's. Empty otherwise.
  std::string_view carrier;
  /// The behaviour; addresses are left empty.
  NatConfig (*make)();
};

/// Every profile, in the order of `netsim profiles`.
[[nodiscard]] std::span<const ProfileInfo> Profiles();

/// The profile with this name or alias; nullptr if there is none.
[[nodiscard]] const ProfileInfo* FindProfile(std::string_view name);

}  // namespace natkit::netsim
