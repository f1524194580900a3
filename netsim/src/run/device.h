#pragma once

#include <cstdint>
#include <string>

#include "natkit/netsim/plan.h"
#include "run/files.h"

namespace natkit::netsim {

/// The better kind that this process can use. $NATKIT_NETSIM_DEVICE, "tap" or
/// "packet", overrides.
[[nodiscard]] DeviceKind ChooseDeviceKind();

/// Creates the TAP device `name` in the current network namespace, for packets
/// of `mtu` bytes (at most kLargestInterfaceMtu); it goes away with the
/// descriptor. Reading it does not block and yields one whole frame with its
/// checksums computed.
[[nodiscard]] Outcome<FileDescriptor> OpenTap(const std::string& name,
                                              uint16_t mtu);

/// The same for the interface `name` of the current namespace by a packet
/// socket. MakeCompleteChecksums() at the other end must have been called.
[[nodiscard]] Outcome<FileDescriptor> OpenPacketSocket(const std::string& name);

/// Stops the kernel from leaving checksums and segmentation to the interface.
[[nodiscard]] Outcome<void> MakeCompleteChecksums(const std::string& name);

}  // namespace natkit::netsim
