#pragma once

#include <memory>

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

/// Whether an error that came in goes to the flow's inside host and quotes the
/// packet as that host had sent it.
[[nodiscard]] bool IsQuoteRestored(Trial& trial, const IcmpFlow& flow,
                                   const Seen& error);

}  // namespace natkit::natcheck::conformance
