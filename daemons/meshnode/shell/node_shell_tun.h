#pragma once

#include <string>
#include <vector>

#include "commands/command_support.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/tun_device.h"
#include "natkit/mesh/mesh_file.h"

namespace natkit::meshnode {

/// How the mesh's network interface is to look.
struct TunPlan {
  std::string name;
  uint16_t mtu = 0;
  std::vector<IpAddress> addresses;  ///< ours, each as a host prefix
  std::vector<IpPrefix> routes;
};

/// Creates the interface, configures it and brings it up; it goes, with
/// addresses and routes, when the device dies.
[[nodiscard]] Outcome<io::TunDevice> OpenTun(io::EventLoop& loop,
                                             const TunPlan& plan);

}  // namespace natkit::meshnode
