#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "natkit/base/endpoint.h"

namespace natkit::netsim::ipv6 {

/// Translation of one prefix into another of the same length, at most /64,
/// that no checksum notices (RFC 6296). It keeps no state; the way back is the
/// translation with the prefixes exchanged.
///
/// What the prefixes differ by, in one's complement, is taken from the 16 bits
/// of the subnet up to /48 (section 3.4), else from the first 16 bits of the
/// interface identifier that are not all ones (section 3.5).
class PrefixTranslation {
 public:
  PrefixTranslation(const IpPrefix& from, const IpPrefix& to);

  /// nullopt for addresses outside `from`, and for those that RFC 6296 leaves
  /// no place for: subnet 0xffff up to /48; above that interface identifiers
  /// of zeros or ones only.
  [[nodiscard]] std::optional<IpAddress> Map(const IpAddress& address) const;

  /// What is added to the chosen 16 bits.
  [[nodiscard]] uint16_t adjustment() const { return adjustment_; }

 private:
  IpPrefix from_;
  IpPrefix to_;
  uint16_t adjustment_;
};

}  // namespace natkit::netsim::ipv6
