#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_engine.h"

namespace natkit::netsim::engine {

/// What fragments of one packet have in common (RFC 791 section 3.2), and the
/// side on which they arrive.
struct FragmentKey {
  Side from = Side::kInside;
  uint8_t protocol = 0;
  uint16_t id = 0;
  IpAddress source;
  IpAddress destination;
  auto operator<=>(const FragmentKey&) const = default;
};

/// What the first fragment, which alone has the ports, decided for the rest.
struct FragmentRule {
  Side to = Side::kOutside;
  uint16_t id = 0;
  IpAddress source;
  IpAddress destination;
};

/// Rules for fragments after the first, and fragments that came before it.
///
/// Both live for `lifetime`, and both are bounded: of either kind the oldest
/// goes when there are too many, so that a flood of orphans displaces orphans
/// (RFC 4787 REQ-14a).
class FragmentTable {
 public:
  /// `max_held` packets; 0 stands for as many as can ever be useful.
  FragmentTable(Duration lifetime, size_t max_held);

  void AddRule(Instant now, const FragmentKey& key, const FragmentRule& rule);
  /// nullptr if the first fragment has not been seen.
  [[nodiscard]] const FragmentRule* FindRule(const FragmentKey& key) const;

  /// False if another had to go for it.
  bool Hold(Instant now, const FragmentKey& key, ByteView packet);
  /// All held fragments of a packet, in the order of their arrival.
  [[nodiscard]] std::vector<std::vector<uint8_t>> TakeHeld(
      const FragmentKey& key);

  /// Returns how many held fragments were dropped.
  size_t Expire(Instant now);
  /// Instant::max() if there is nothing.
  [[nodiscard]] Instant next_expiry() const;

  [[nodiscard]] size_t held_count() const { return held_.size(); }

 private:
  static constexpr size_t kMaxRules = 4096;
  static constexpr size_t kMaxHeld = 65536;

  struct Held {
    Instant expires;
    FragmentKey key;
    std::vector<uint8_t> packet;
  };

  struct LiveRule {
    FragmentRule rule;
    Instant expires;
  };

  void ForgetOldestRule();

  Duration lifetime_;
  size_t max_held_;
  std::map<FragmentKey, LiveRule> rules_;
  std::deque<std::pair<Instant, FragmentKey>> rule_order_;
  std::deque<Held> held_;
};

}  // namespace natkit::netsim::engine
