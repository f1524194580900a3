#include "shell/node_shell_tun.h"

#include "natkit/io/link_control.h"

namespace natkit::meshnode {

namespace {

std::string DescribeOpenFailure(const std::string& name, Errc code) {
  switch (code) {
    case Errc::kNoDevice:
      return "this system has no /dev/net/tun: load the module tun "
             "(`modprobe tun`), give the container the device, or run with "
             "--no-tun";
    case Errc::kPermissionDenied:
      return "may not create the network interface " + name +
             ": run as root or with CAP_NET_ADMIN, or with --no-tun";
    case Errc::kAlreadyExists:
      return "the network interface " + name +
             " exists already (another node?); choose a name with --tun";
    case Errc::kBadValue:
      return "\"" + name +
             "\" cannot be the name of a network interface: it must have 1 to "
             "15 characters and no /";
    default:
      return "cannot create the network interface " + name + ": " +
             DescribeError(code);
  }
}

Outcome<void> Require(const Result<void>& result, const std::string& what) {
  if (!result) {
    return std::unexpected("cannot " + what + ": " +
                           DescribeError(result.error().code));
  }
  return {};
}

Outcome<void> Configure(io::LinkControl& link, const TunPlan& plan) {
  const std::string on = " on " + plan.name;
  auto done = Require(link.SetMtu(plan.mtu),
                      "set MTU " + std::to_string(plan.mtu) + on);
  for (const IpAddress& address : plan.addresses) {
    if (done) {
      done = Require(link.AddAddress(address, address.bit_count()),
                     "set the address " + address.ToString() + on);
    }
  }
  if (done) {
    done = Require(link.SetUp(), "bring up " + plan.name);
  }
  for (const IpPrefix& route : plan.routes) {
    if (done) {
      done = Require(link.AddRoute(route),
                     "set the route to " + route.ToString() + on);
    }
  }
  return done;
}

}  // namespace

Outcome<io::TunDevice> OpenTun(io::EventLoop& loop, const TunPlan& plan) {
  auto device = io::TunDevice::Open(loop, plan.name);
  if (!device) {
    return std::unexpected(DescribeOpenFailure(plan.name, device.error().code));
  }
  auto link = io::LinkControl::Find(plan.name);
  if (!link) {
    return std::unexpected(DescribeOpenFailure(plan.name, link.error().code));
  }
  if (auto done = Configure(*link, plan); !done) {
    return std::unexpected(done.error());
  }
  return std::move(*device);
}

}  // namespace natkit::meshnode
