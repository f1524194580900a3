#pragma once

#include <memory>

#include "natkit/nat/upnp_request.h"

namespace natkit::shell {

/// Does what a nat::UpnpClient asks for, by miniupnpc. Every call blocks, a
/// search for some seconds: use it on a thread that may wait, one call at a
/// time.
class UpnpDevice {
 public:
  UpnpDevice();
  ~UpnpDevice();
  UpnpDevice(const UpnpDevice&) = delete;
  UpnpDevice& operator=(const UpnpDevice&) = delete;

  /// Only a device whose description lies on the gateway itself is taken.
  [[nodiscard]] nat::UpnpResult Do(const nat::UpnpRequest& request);

 private:
  struct Found;

  [[nodiscard]] nat::UpnpResult Discover(const nat::UpnpRequest& request);
  [[nodiscard]] nat::UpnpError Add(const nat::UpnpRequest& request) const;
  [[nodiscard]] nat::UpnpError Delete(const nat::UpnpRequest& request) const;

  std::unique_ptr<Found> found_;
};

}  // namespace natkit::shell
