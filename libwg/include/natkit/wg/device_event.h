#pragma once

#include <cstdint>
#include <variant>

#include "natkit/base/endpoint.h"
#include "natkit/wg/peer.h"

namespace natkit::wg {

/// Which side of a handshake this device is.
enum class Role : uint8_t { kInitiator, kResponder };

/// A new keypair is in use. The initiator sees it with the response, the
/// responder with the first data message that the new keypair protects.
struct HandshakeCompleted {
  PeerId peer = kNoPeer;
  Role role = Role::kInitiator;
  bool operator==(const HandshakeCompleted&) const = default;
};

/// No answer for REKEY_ATTEMPT_TIME (90 s): retries have stopped and the staged
/// packets are gone. The next packet to the peer starts over.
struct HandshakeGaveUp {
  PeerId peer = kNoPeer;
  bool operator==(const HandshakeGaveUp&) const = default;
};

/// An authentic datagram came from (or to) another endpoint than before; the
/// device sends there from now on. Not raised by configuration.
struct EndpointChanged {
  PeerId peer = kNoPeer;
  Endpoint remote;
  Endpoint local;
  bool operator==(const EndpointChanged&) const = default;
};

/// All keys of the peer were erased: 3 * REJECT_AFTER_TIME passed without a new
/// handshake, or the device's private key changed.
struct SessionExpired {
  PeerId peer = kNoPeer;
  bool operator==(const SessionExpired&) const = default;
};

/// What the owner of a Device should know.
using DeviceEvent = std::variant<HandshakeCompleted, HandshakeGaveUp,
                                 EndpointChanged, SessionExpired>;

}  // namespace natkit::wg
