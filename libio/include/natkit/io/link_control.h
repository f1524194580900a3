#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"

namespace natkit::io {

/// Configures one network interface over rtnetlink. Each call waits for the
/// kernel's answer, which comes at once.
///
/// Common errors: kPermissionDenied (no CAP_NET_ADMIN), kNoDevice (the
/// interface is gone), kIo.
class LinkControl {
 public:
  /// Finds the interface. Errors: kNoDevice.
  [[nodiscard]] static Result<LinkControl> Find(const std::string& name);

  [[nodiscard]] Result<void> SetUp();
  [[nodiscard]] Result<void> SetDown();
  [[nodiscard]] Result<void> SetMtu(uint32_t mtu);

  /// Adds `address` with the on-link prefix of `prefix_length` bits. Adding
  /// what is there already succeeds. IPv6 skips duplicate address detection,
  /// yet the kernel receives on the address only some milliseconds later.
  [[nodiscard]] Result<void> AddAddress(const IpAddress& address,
                                        int prefix_length);
  /// Errors: kNotFound when it is not there.
  [[nodiscard]] Result<void> RemoveAddress(const IpAddress& address,
                                           int prefix_length);

  /// Routes `to` into the interface, in `table` (default: main). Replaces a
  /// route of ours to the same prefix. The interface must be up.
  [[nodiscard]] Result<void> AddRoute(
      const IpPrefix& to, std::optional<uint32_t> table = std::nullopt);
  /// Errors: kNotFound when it is not there.
  [[nodiscard]] Result<void> RemoveRoute(
      const IpPrefix& to, std::optional<uint32_t> table = std::nullopt);

  [[nodiscard]] uint32_t index() const { return index_; }

 private:
  explicit LinkControl(uint32_t index) : index_(index) {}

  uint32_t index_;
};

}  // namespace natkit::io
