#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/wg/device.h"
#include "natkit/wireguard.h"
#include "support/structs.h"

namespace natkit::c {

/// The private or pre-shared key in a structure; zeros are none.
template <class Key>
[[nodiscard]] Key ToSecret(const uint8_t (&bytes)[NATKIT_KEY_SIZE]) {
  return Key(std::span<const uint8_t, NATKIT_KEY_SIZE>(bytes));
}

/// What makes of the caller's time the wall clock's. Errors: kBadArgument.
[[nodiscard]] Result<Duration> WallClockOffset(uint64_t now_ns,
                                               uint64_t wall_clock_ns);

/// Takes what a caller sets; 0 leaves the default.
template <class T>
void Override(T& value, uint32_t given) {
  if (given != 0) {
    value = given;
  }
}

/// SendKeepalive() that says if there was nothing to send with. Errors:
/// kNotFound, kNoSession.
[[nodiscard]] Result<void> SendKeepalive(wg::Device& device, Instant now,
                                         wg::PeerId peer, PacketBatch& out);

/// Prefixes that a caller gives. Errors: kBadArgument.
[[nodiscard]] Result<std::vector<IpPrefix>> ToPrefixes(
    const natkit_prefix* prefixes, size_t count);

/// Fill the caller's structure. Errors: as WriteStruct().
[[nodiscard]] Result<void> WriteStatus(const wg::PeerStatus& status,
                                       natkit_wg_peer_status* out);
[[nodiscard]] Result<void> WriteCounters(const wg::DeviceCounters& counters,
                                         natkit_wg_counters* out);

/// What `…_poll_event` functions return. Errors: as WriteStruct(), with the
/// event still there.
[[nodiscard]] Result<int> PutEvent(wg::Device& device, natkit_wg_event* out);

}  // namespace natkit::c
