#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/io/event_loop.h"

namespace natkit::io {

/// One address of one network interface that is up.
struct InterfaceAddress {
  std::string interface;
  IpAddress address;
  int prefix_length = 0;
  bool is_loopback = false;        ///< of a loopback interface
  bool is_point_to_point = false;  ///< a tunnel; TUN devices are

  bool operator==(const InterfaceAddress&) const = default;
};

/// All addresses of all interfaces that are up, sorted by interface and
/// address, so that two lists compare. Errors: kIo.
[[nodiscard]] Result<std::vector<InterfaceAddress>> ListInterfaceAddresses();

/// Tells when links, addresses or routes of this host have changed.
///
/// Changes come in bursts (a new network is some ten messages), so one call
/// follows when `quiet` has passed without another, and at the latest after
/// ten times that.
class NetworkWatcher {
 public:
  /// Errors: kPermissionDenied, kUnsupported, kIo.
  [[nodiscard]] static Result<NetworkWatcher> Start(
      EventLoop& loop, std::function<void()> on_change,
      Duration quiet = std::chrono::milliseconds(200));
  ~NetworkWatcher();
  NetworkWatcher(NetworkWatcher&&) noexcept;
  NetworkWatcher& operator=(NetworkWatcher&&) noexcept;

  class Impl;

 private:
  explicit NetworkWatcher(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace natkit::io
