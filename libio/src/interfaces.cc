#include "natkit/io/interfaces.h"

#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "fd_watcher.h"
#include "natkit/io/timer.h"
#include "netlink.h"
#include "sockaddr.h"
#include "system_error.h"

namespace natkit::io {

namespace {

std::optional<IpAddress> AddressOf(const sockaddr* address) {
  if (address == nullptr) {
    return std::nullopt;
  }
  const socklen_t size = address->sa_family == AF_INET ? sizeof(sockaddr_in)
                                                       : sizeof(sockaddr_in6);
  const auto endpoint = ToEndpoint(address, size);
  return endpoint ? std::optional(endpoint->address) : std::nullopt;
}

int PrefixLengthOf(const sockaddr* netmask) {
  int length = 0;
  if (const auto mask = AddressOf(netmask)) {
    for (const uint8_t byte : mask->bytes()) {
      length += std::popcount(byte);
    }
  }
  return length;
}

std::optional<InterfaceAddress> FromIfaddrs(const ifaddrs& entry) {
  const auto address = AddressOf(entry.ifa_addr);
  if (!address || (entry.ifa_flags & IFF_UP) == 0) {
    return std::nullopt;
  }
  return InterfaceAddress{
      .interface = entry.ifa_name,
      .address = *address,
      .prefix_length = PrefixLengthOf(entry.ifa_netmask),
      .is_loopback = (entry.ifa_flags & IFF_LOOPBACK) != 0,
      .is_point_to_point = (entry.ifa_flags & IFF_POINTOPOINT) != 0};
}

}  // namespace

Result<std::vector<InterfaceAddress>> ListInterfaceAddresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) {
    return FailErrno();
  }
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(
      first, &::freeifaddrs);
  std::vector<InterfaceAddress> found;
  for (const ifaddrs* entry = first; entry != nullptr;
       entry = entry->ifa_next) {
    if (auto address = FromIfaddrs(*entry)) {
      found.push_back(*std::move(address));
    }
  }
  std::ranges::sort(found, {}, [](const InterfaceAddress& item) {
    return std::tie(item.interface, item.address, item.prefix_length);
  });
  return found;
}

class NetworkWatcher::Impl : public std::enable_shared_from_this<Impl> {
 public:
  static constexpr int kMaxDelayFactor = 10;

  Impl(EventLoop& loop, UniqueFd fd, std::function<void()> on_change,
       Duration quiet)
      : on_change_(std::move(on_change)),
        quiet_(quiet),
        timer_(loop, [this] { Report(); }),
        watcher_(std::make_unique<FdWatcher>(
            loop, std::move(fd), [this](Readiness /*ready*/) { OnReady(); })) {
    watcher_->Watch({.read = true});
  }

  void Close() {
    timer_.Disarm();
    watcher_.reset();
  }

 private:
  void OnReady() {
    // What has changed does not matter, nor that the kernel dropped messages
    // (ENOBUFS): the owner looks at the addresses again.
    std::array<uint8_t, 8192> buffer{};
    bool is_changed = false;
    while (::recv(watcher_->fd(), buffer.data(), buffer.size(), MSG_DONTWAIT) >
               0 ||
           errno == ENOBUFS) {
      is_changed = true;
    }
    if (!is_changed) {
      return;
    }
    const Instant now = EventLoop::Now();
    latest_ = latest_.value_or(now + kMaxDelayFactor * quiet_);
    timer_.Arm(std::min(now + quiet_, *latest_));
  }

  void Report() {
    const auto keep_alive = shared_from_this();
    latest_.reset();
    on_change_();
  }

  std::function<void()> on_change_;
  Duration quiet_;
  std::optional<Instant> latest_;  // set while a report is due
  Timer timer_;
  std::unique_ptr<FdWatcher> watcher_;  // null once closed
};

Result<NetworkWatcher> NetworkWatcher::Start(EventLoop& loop,
                                             std::function<void()> on_change,
                                             Duration quiet) {
  auto fd =
      OpenRouteSocket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                          RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
                      SOCK_NONBLOCK);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  return NetworkWatcher(std::make_shared<Impl>(loop, *std::move(fd),
                                               std::move(on_change), quiet));
}

NetworkWatcher::NetworkWatcher(std::shared_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

NetworkWatcher::~NetworkWatcher() {
  if (impl_ != nullptr) {
    impl_->Close();
  }
}

NetworkWatcher::NetworkWatcher(NetworkWatcher&&) noexcept = default;

NetworkWatcher& NetworkWatcher::operator=(NetworkWatcher&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

}  // namespace natkit::io
