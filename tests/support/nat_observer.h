#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/world.h"

namespace natkit::netsim {

/// One or two boxes between a LAN and an internet, in virtual time.
struct ObservedNat {
  NatConfig home;
  /// A carrier's box beyond it, if there is one.
  std::optional<NatConfig> carrier;
};

/// What can be seen of a NAT without looking into it, in the words of the
/// golden table (nat.md section 18).
struct NatVerdict {
  std::string mapping;     ///< "none", "EI", "AD", "APD", "-"
  std::string filtering;   ///< "EI", "AD", "APD", "-"
  std::string classic;     ///< RFC 3489 name
  std::string allocation;  ///< "preserve", "sequential 2", "block", "random"
  bool is_overloading = false;
  bool is_poisonable = false;
  std::string hairpin;    ///< "none", "ext", "int", "n/a"
  std::string lifetimes;  ///< "30/120", "inf/inf"; seconds
  size_t external_addresses = 0;
  bool operator==(const NatVerdict&) const = default;
};

/// Finds out how a NAT behaves by sending datagrams from both of its sides, as
/// a tester with machines on both sides would. Every test uses ports of its
/// own, so their order does not matter; each datagram is repeated, so that
/// loss does not change a verdict.
class NatObserver {
 public:
  NatObserver(const ObservedNat& nat, uint64_t seed, double loss);
  ~NatObserver();
  NatObserver(const NatObserver&) = delete;
  NatObserver& operator=(const NatObserver&) = delete;

  /// Runs every test, in an order drawn from the seed.
  [[nodiscard]] NatVerdict Observe();

  /// Whether a host behind the NAT and one behind another get a path whose
  /// packets have the same endpoints in both directions, when both send to all
  /// they know of each other (nat.md section 11.1). `peer` has one external
  /// address.
  [[nodiscard]] bool Punches(const NatConfig& peer);

  /// Whether a TCP connection to this port gets out.
  [[nodiscard]] bool PassesTcp(uint16_t port);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::netsim
