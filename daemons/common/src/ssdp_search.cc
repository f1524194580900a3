#include "natkit/shell/ssdp_search.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "natkit/io/event_loop.h"

namespace natkit::shell {

namespace {

using std::chrono::milliseconds;

constexpr uint16_t kSsdpPort = 1900;
constexpr int kTtl = 2;
constexpr int kRounds = 3;
constexpr Duration kRoundGap = milliseconds(500);
/// Devices take up to two seconds (MX) for their answer.
constexpr Duration kSearchTime = milliseconds(3500);
constexpr std::array<std::string_view, 6> kTargets = {
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
    "upnp:rootdevice"};

std::string SearchFor(std::string_view target) {
  return "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
         "MAN: \"ssdp:discover\"\r\nMX: 2\r\nST: " +
         std::string(target) + "\r\n\r\n";
}

sockaddr_in ToSockaddr(const IpAddress& address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  std::ranges::copy(address.bytes(), reinterpret_cast<uint8_t*>(&out.sin_addr));
  return out;
}

io::UniqueFd OpenSocket(const IpAddress& local, uint32_t fwmark) {
  io::UniqueFd fd(
      ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_in address = ToSockaddr(local, 0);
  ::setsockopt(fd.get(), IPPROTO_IP, IP_MULTICAST_IF, &address.sin_addr,
               sizeof(address.sin_addr));
  ::setsockopt(fd.get(), IPPROTO_IP, IP_MULTICAST_TTL, &kTtl, sizeof(kTtl));
  if (!MarkSocket(fd.get(), fwmark) ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
             sizeof(address)) != 0) {
    fd.Reset();
  }
  return fd;
}

}  // namespace

std::optional<HttpUrl> ParseSsdpAnswer(std::string_view datagram) {
  constexpr std::string_view kName = "location:";
  if (!datagram.starts_with("HTTP/1.1 200")) {
    return std::nullopt;
  }
  while (!datagram.empty()) {
    std::string_view line = datagram.substr(0, datagram.find('\n'));
    datagram.remove_prefix(std::min(datagram.size(), line.size() + 1));
    const bool is_it =
        line.size() > kName.size() &&
        std::ranges::equal(line.substr(0, kName.size()), kName,
                           [](char a, char b) {
                             return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b;
                           });
    if (is_it) {
      line.remove_prefix(kName.size());
      const size_t start = std::min(line.find_first_not_of(" \t"), line.size());
      const size_t end = line.find_last_not_of(" \t\r");
      return end == std::string_view::npos || end < start
                 ? std::nullopt
                 : HttpUrl::Parse(line.substr(start, end + 1 - start));
    }
  }
  return std::nullopt;
}

SsdpSearch::SsdpSearch(const Place& place, Instant now)
    : gateway_(place.gateway),
      socket_(OpenSocket(place.local, place.fwmark)),
      next_round_(now),
      end_(now + kSearchTime) {}

void SsdpSearch::SendRound() {
  for (const std::string_view target : kTargets) {
    const std::string search = SearchFor(target);
    for (const IpAddress& to : {IpAddress::V4(239, 255, 255, 250), gateway_}) {
      const sockaddr_in address = ToSockaddr(to, kSsdpPort);
      (void)!::sendto(socket_.get(), search.data(), search.size(), 0,
                      reinterpret_cast<const sockaddr*>(&address),
                      sizeof(address));
    }
  }
}

std::optional<HttpUrl> SsdpSearch::Receive() {
  std::array<char, 2048> buffer;
  sockaddr_in from{};
  socklen_t size = sizeof(from);
  const ssize_t length =
      ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                 reinterpret_cast<sockaddr*>(&from), &size);
  const sockaddr_in gateway = ToSockaddr(gateway_, 0);
  if (length <= 0 || from.sin_addr.s_addr != gateway.sin_addr.s_addr) {
    return std::nullopt;
  }
  auto url = ParseSsdpAnswer({buffer.data(), static_cast<size_t>(length)});
  const bool is_new = url && url->host.address == gateway_ &&
                      seen_.size() < kMaxLocations &&
                      seen_.insert(url->host.ToString() + url->path).second;
  return is_new ? url : std::nullopt;
}

std::optional<HttpUrl> SsdpSearch::Next(const StopSignal& stop) {
  while (socket_.is_valid()) {
    const Instant now = io::EventLoop::Now();
    if (now >= end_ || seen_.size() >= kMaxLocations) {
      break;
    }
    if (rounds_ < kRounds && now >= next_round_) {
      ++rounds_;
      next_round_ = now + kRoundGap;
      SendRound();
    }
    const Instant until =
        rounds_ < kRounds ? std::min(next_round_, end_) : end_;
    if (stop.WaitFor(socket_.get(), POLLIN, until)) {
      if (auto url = Receive()) {
        return url;
      }
    } else if (io::EventLoop::Now() < until) {
      break;  // stopped
    }
  }
  return std::nullopt;
}

}  // namespace natkit::shell
