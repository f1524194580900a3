// The sockets that ice::MdnsResolver asks from, for programs with a poll(2)
// loop: one for each local address, since names of multicast DNS mean something
// on one link only (RFC 6762 section 3).

#pragma once

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/nat/mdns_resolver.h"

/// Not thread-safe. A socket that cannot be had is one that hears nothing.
class MdnsLookup {
 public:
  MdnsLookup(natkit::Rng& rng, const std::vector<natkit::IpAddress>& locals)
      : resolver_(rng) {
    for (const natkit::IpAddress& local : locals) {
      if (const int fd = local.is_v4() ? OpenV4(local) : OpenV6(local);
          fd >= 0) {
        sockets_.push_back({.fd = fd, .is_v4 = local.is_v4()});
      }
    }
  }

  ~MdnsLookup() {
    for (const Socket& socket : sockets_) {
      close(socket.fd);
    }
  }

  MdnsLookup(const MdnsLookup&) = delete;
  MdnsLookup& operator=(const MdnsLookup&) = delete;

  /// Takes a candidate line; false if its address is no ".local" name, or too
  /// many are being looked up.
  bool Ask(natkit::Instant now, std::string_view line) {
    const auto named = natkit::ice::ParseNamedCandidate(line);
    const bool is_taken = named && resolver_.Add(now, *named);
    Send();
    return is_taken;
  }

  /// To poll for input.
  [[nodiscard]] std::vector<int> fds() const {
    std::vector<int> out;
    for (const Socket& socket : sockets_) {
      out.push_back(socket.fd);
    }
    return out;
  }

  [[nodiscard]] std::optional<natkit::Instant> NextTimeout() const {
    return resolver_.NextTimeout();
  }

  /// Reads and sends what is due; returns the candidates that were found.
  std::vector<natkit::ice::Candidate> Run(natkit::Instant now) {
    for (const Socket& socket : sockets_) {
      Read(now, socket);
    }
    resolver_.HandleTimeout(now);
    Send();
    std::vector<natkit::ice::Candidate> found;
    while (auto candidate = resolver_.PollCandidate()) {
      found.push_back(std::move(*candidate));
    }
    return found;
  }

 private:
  struct Socket {
    int fd = -1;
    bool is_v4 = true;
  };

  template <class Address>
  static bool Bind(int fd, const Address& address) {
    return bind(fd, reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) == 0;
  }

  template <class Value>
  static bool Set(int fd, int level, int option, const Value& value) {
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
  }

  static int Checked(int fd, bool is_good) {
    if (fd >= 0 && !is_good) {
      close(fd);
      return -1;
    }
    return fd;
  }

  static int OpenV4(const natkit::IpAddress& local) {
    const int fd =
        socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    std::memcpy(&address.sin_addr, local.bytes().data(), 4);
    // Hop limit 255: RFC 6762 section 11.
    return Checked(fd,
                   Bind(fd, address) &&
                       Set(fd, IPPROTO_IP, IP_MULTICAST_IF, address.sin_addr) &&
                       Set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 255));
  }

  static int OpenV6(const natkit::IpAddress& local) {
    const int fd =
        socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    std::memcpy(&address.sin6_addr, local.bytes().data(), 16);
    const unsigned link = LinkOf(address.sin6_addr);
    if (local.is_link_local()) {
      address.sin6_scope_id = link;
    }
    return Checked(fd, link != 0 && Bind(fd, address) &&
                           Set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, link) &&
                           Set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255));
  }

  /// The interface with this address; 0 if there is none.
  static unsigned LinkOf(const in6_addr& wanted) {
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) {
      return 0;
    }
    unsigned link = 0;
    for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
      sockaddr_in6 address{};
      if (each->ifa_addr != nullptr && each->ifa_addr->sa_family == AF_INET6) {
        std::memcpy(&address, each->ifa_addr, sizeof(address));
        if (std::memcmp(&address.sin6_addr, &wanted, sizeof(wanted)) == 0) {
          link = if_nametoindex(each->ifa_name);
        }
      }
    }
    freeifaddrs(all);
    return link;
  }

  void Send() {
    while (const auto query = resolver_.PollTransmit()) {
      for (const Socket& socket : sockets_) {
        if (socket.is_v4 == query->to.address.is_v4()) {
          SendOne(socket, *query);
        }
      }
    }
  }

  /// What the link refuses is lost; it is sent again.
  static void SendOne(const Socket& socket, const natkit::Transmit& query) {
    const natkit::ByteView bytes = query.to.address.bytes();
    const auto send = [&](const auto& address) {
      (void)sendto(socket.fd, query.payload.data(), query.payload.size(), 0,
                   reinterpret_cast<const sockaddr*>(&address),
                   sizeof(address));
    };
    if (socket.is_v4) {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(query.to.port);
      std::memcpy(&to.sin_addr, bytes.data(), bytes.size());
      send(to);
    } else {
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      to.sin6_port = htons(query.to.port);
      std::memcpy(&to.sin6_addr, bytes.data(), bytes.size());
      send(to);
    }
  }

  void Read(natkit::Instant now, const Socket& socket) {
    std::array<uint8_t, 9000> buffer{};
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    ssize_t received = 0;
    while ((received =
                recvfrom(socket.fd, buffer.data(), buffer.size(), 0,
                         reinterpret_cast<sockaddr*>(&storage), &size)) >= 0) {
      (void)resolver_.HandleDatagram(
          now, ToEndpoint(storage),
          natkit::ByteView(buffer).first(static_cast<size_t>(received)));
      size = sizeof(storage);
    }
  }

  static natkit::Endpoint ToEndpoint(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, &storage, sizeof(v4));
      std::array<uint8_t, 4> bytes{};
      std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
      return {.address = natkit::IpAddress::V4(bytes),
              .port = ntohs(v4.sin_port)};
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof(v6));
    std::array<uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return {.address = natkit::IpAddress::V6(bytes),
            .port = ntohs(v6.sin6_port)};
  }

  natkit::ice::MdnsResolver resolver_;
  std::vector<Socket> sockets_;
};
