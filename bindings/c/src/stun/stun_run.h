#pragma once

#include <functional>

#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/io/borrowed_udp.h"
#include "natkit/nat/stun_binding_client.h"

namespace natkit::c {

/// Drives a client that has been started over a socket, blocking, until its
/// event. What is not for the client is dropped. Errors: BorrowedUdp::Send()
/// and Wait(), after which the client has been cancelled.
[[nodiscard]] Result<stun::BindingEvent> RunOverSocket(
    stun::BindingClient& client, const io::BorrowedUdp& socket,
    const std::function<Instant()>& clock);

}  // namespace natkit::c
