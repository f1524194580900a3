#pragma once

#include <cstdint>

#include "device/device_impl.h"
#include "natkit/base/check.h"
#include "natkit/wg/device.h"

namespace natkit::wg {

/// What tests reach inside a Device for: states that take 2^60 messages or
/// cannot be seen from outside.
class DeviceTesting {
 public:
  static Peer& PeerOf(Device& device, PeerId id) {
    Peer* peer = device.impl_->FindById(id);
    NATKIT_CHECK(peer != nullptr);
    return *peer;
  }

  static void SetSendCounter(Device& device, PeerId id, uint64_t counter) {
    Keypair* current = PeerOf(device, id).keypairs.current();
    NATKIT_CHECK(current != nullptr);
    current->set_send_counter_for_testing(counter);
  }

  static size_t IndexCount(const Device& device) {
    return device.impl_->indices_.size();
  }
};

}  // namespace natkit::wg
