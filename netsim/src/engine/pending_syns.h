#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::netsim::engine {

/// An unsolicited TCP SYN from outside whose sender may yet be told.
struct PendingSyn {
  Endpoint external;
  Endpoint remote;
  Instant due;
  std::array<uint8_t, 128> bytes;  ///< the packet's first ones
  size_t size = 0;

  [[nodiscard]] ByteView quote() const { return ByteView(bytes).first(size); }
};

/// Unsolicited SYNs of the last seconds (RFC 5382 REQ-4, RFC 6146 section
/// 3.5.2.2, RFC 6092 REC-34): their senders get an ICMP error, but not before
/// it is clear that the inside host opens no connection with them just then.
///
/// Bounded: of more SYNs at once the later ones stay unanswered. A SYN that is
/// sent again while it waits is answered once.
class PendingSyns {
 public:
  /// With a `delay` of 0 nothing ever waits.
  explicit PendingSyns(Duration delay) : delay_(delay) {}

  void Add(Instant now, const Endpoint& external, const Endpoint& remote,
           ByteView packet);

  /// The inside host has opened this connection.
  void Cancel(const Endpoint& external, const Endpoint& remote);

  [[nodiscard]] bool is_empty() const { return waiting_.empty(); }

  /// Instant::max() if none waits.
  [[nodiscard]] Instant next_due() const {
    return waiting_.empty() ? Instant::max() : waiting_.front().due;
  }

  [[nodiscard]] const PendingSyn& front() const { return waiting_.front(); }

  void Pop() { waiting_.pop_front(); }

  void Clear() { waiting_.clear(); }

 private:
  static constexpr size_t kMax = 256;

  Duration delay_;
  std::deque<PendingSyn> waiting_;  ///< in the order of `due`
};

}  // namespace natkit::netsim::engine
