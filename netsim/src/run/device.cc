#include "run/device.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace natkit::netsim {
namespace {

constexpr const char* kTunDevice = "/dev/net/tun";
/// Frames that wait for the engine process; the kernel's default of 500 is
/// soon full while the process waits for its turn.
constexpr int kQueueLength = 8192;
constexpr int kSocketBuffer = 16 << 20;

ifreq RequestFor(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

void SetBuffer(int fd, int forced, int polite) {
  if (setsockopt(fd, SOL_SOCKET, forced, &kSocketBuffer,
                 sizeof(kSocketBuffer)) != 0) {
    setsockopt(fd, SOL_SOCKET, polite, &kSocketBuffer, sizeof(kSocketBuffer));
  }
}

void SetPacketOption(int fd, int option) {
  const int on = 1;
  setsockopt(fd, SOL_PACKET, option, &on, sizeof(on));
}

}  // namespace

DeviceKind ChooseDeviceKind() {
  const char* chosen = std::getenv(
      "NATKIT_NETSIM_DEVICE");  // NOLINT(concurrency-mt-unsafe): one thread
  if (chosen != nullptr && std::string_view(chosen) == "packet") {
    return DeviceKind::kPacketSocket;
  }
  const FileDescriptor tun(open(kTunDevice, O_RDWR | O_CLOEXEC));
  const bool is_wanted = chosen != nullptr && std::string_view(chosen) == "tap";
  return tun.is_open() || is_wanted ? DeviceKind::kTap
                                    : DeviceKind::kPacketSocket;
}

Outcome<FileDescriptor> OpenTap(const std::string& name, uint16_t mtu) {
  FileDescriptor tap(open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tap.is_open()) {
    return std::unexpected(SystemFailure(kTunDevice));
  }
  ifreq request = RequestFor(name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(tap.get(), TUNSETIFF, &request) != 0) {
    return std::unexpected(
        SystemFailure("cannot create the TAP device " + name));
  }
  const FileDescriptor any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  request = RequestFor(name);
  request.ifr_qlen = kQueueLength;
  // Without it the queue is shorter, no more.
  static_cast<void>(ioctl(any.get(), SIOCSIFTXQLEN, &request));
  request = RequestFor(name);
  request.ifr_mtu = mtu;
  if (ioctl(any.get(), SIOCSIFMTU, &request) != 0) {
    return std::unexpected(SystemFailure("cannot give " + name + " an MTU of " +
                                         std::to_string(mtu)));
  }
  return tap;
}

Outcome<FileDescriptor> OpenPacketSocket(const std::string& name) {
  FileDescriptor packet(
      socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!packet.is_open()) {
    return std::unexpected(SystemFailure("packet socket"));
  }
  const int fd = packet.get();
  SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
  SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
  SetPacketOption(fd, PACKET_IGNORE_OUTGOING);
  SetPacketOption(fd, PACKET_QDISC_BYPASS);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(name.c_str()));
  if (address.sll_ifindex == 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
          0) {
    return std::unexpected(SystemFailure("packet socket on " + name));
  }
  return packet;
}

Outcome<void> MakeCompleteChecksums(const std::string& name) {
  const FileDescriptor any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_value off{};
  off.cmd = ETHTOOL_STXCSUM;
  ifreq request = RequestFor(name);
  request.ifr_data = reinterpret_cast<char*>(&off);
  if (ioctl(any.get(), SIOCETHTOOL, &request) != 0) {
    return std::unexpected(
        SystemFailure("cannot switch checksum offloading off on " + name));
  }
  return {};
}

}  // namespace natkit::netsim
