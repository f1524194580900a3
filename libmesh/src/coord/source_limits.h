#pragma once

#include <cstddef>
#include <map>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::mesh {

/// An IPv4 address, or the /64 that one subscriber has all of.
[[nodiscard]] IpAddress SourceOf(const IpAddress& address);

/// Lets each source do something `burst` times at once and then once every
/// `refill`. Knows as many sources as there is room for; beyond that, all new
/// ones share one account, so that a flood of sources gains nothing.
class SourceLimits {
 public:
  SourceLimits(size_t burst, Duration refill)
      : burst_(burst), refill_(refill) {}

  /// Whether `source` may now; counts nothing.
  [[nodiscard]] bool IsAllowed(Instant now, const IpAddress& source);
  void Count(Instant now, const IpAddress& source);

 private:
  static constexpr size_t kMaxSources = 4096;

  /// When the account will be empty again; each count adds one refill.
  using Accounts = std::map<IpAddress, Instant>;

  void Forget(Instant now);
  Instant& Account(Instant now, const IpAddress& source);

  size_t burst_;
  Duration refill_;
  Accounts accounts_;
  Instant shared_{};
  /// No account is empty before, so that a flood costs no search for one.
  Instant forget_at_{};
};

}  // namespace natkit::mesh
