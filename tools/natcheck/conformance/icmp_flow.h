#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "trial.h"

namespace natkit::natcheck::conformance {

/// A UDP flow that ICMP errors are about.
struct IcmpFlow {
  std::unique_ptr<Socket> inside;
  std::unique_ptr<Socket> outside;
  /// The last packet of it that was seen outside; empty until one was.
  Seen last;
};

/// Sends a datagram out, from new sockets or by those of the flow. False if
/// none has ever arrived.
Task<bool> SendOut(Trial& trial, IcmpFlow& flow);

/// What an error quotes: a packet with a token of its own, by which this very
/// error is known when it arrives, however late or often.
struct Quote {
  std::vector<uint8_t> packet;
  uint64_t token = 0;

  /// The packet with a new token (and, with IPv4, identification) and right
  /// checksums. `packet` is UDP with one of our payloads.
  [[nodiscard]] static Quote Of(Trial& trial, ByteView packet);

  /// Whether `seen` is an error that quotes it. Who cuts the quoted packet off
  /// before the token is believed by the identification.
  [[nodiscard]] bool IsIn(const Seen& seen) const;
};

/// Whether an error that came in goes to the flow's inside host and quotes the
/// packet as that host had sent it.
[[nodiscard]] bool IsQuoteRestored(Trial& trial, const IcmpFlow& flow,
                                   const Seen& error);

}  // namespace natkit::natcheck::conformance
