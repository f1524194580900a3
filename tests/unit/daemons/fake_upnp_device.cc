#include "fake_upnp_device.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace natkit::shell {

namespace {

sockaddr_in ToSockaddr(const IpAddress& address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  std::ranges::copy(address.bytes(), reinterpret_cast<uint8_t*>(&out.sin_addr));
  return out;
}

io::UniqueFd Bind(const IpAddress& address, int type, uint16_t port) {
  io::UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const sockaddr_in name = ToSockaddr(address, port);
  EXPECT_EQ(
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)),
      0);
  return fd;
}

/// Up to the end of its body.
std::string ReadRequest(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<size_t>(size));
    const size_t head = text.find("\r\n\r\n");
    const size_t field = text.find("Content-Length: ");
    if (head == std::string::npos) {
      continue;
    }
    const size_t body =
        field < head ? std::stoul(text.substr(field + 16, 8)) : 0;
    if (text.size() >= head + 4 + body) {
      return text;
    }
  }
}

}  // namespace

FakeUpnpDevice::FakeUpnpDevice(const IpAddress& address)
    : address_(address),
      search_(Bind(address, SOCK_DGRAM, 1900)),
      listener_(Bind(address, SOCK_STREAM, 0)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  EXPECT_EQ(::listen(listener_.get(), 16), 0);
  sockaddr_in name{};
  socklen_t size = sizeof(name);
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&name), &size);
  http_ = {address, ntohs(name.sin_port)};
}

FakeUpnpDevice::~FakeUpnpDevice() {
  const uint64_t one = 1;
  EXPECT_EQ(::write(stop_.get(), &one, sizeof(one)), 8);
  if (thread_.joinable()) {
    thread_.join();
  }
}

void FakeUpnpDevice::Start(std::vector<std::string> locations, Answer answer) {
  locations_ = std::move(locations);
  answer_ = std::move(answer);
  thread_ = std::thread([this] { Run(); });
}

void FakeUpnpDevice::Run() {
  for (;;) {
    std::array<pollfd, 3> waits{{{search_.get(), POLLIN, 0},
                                 {listener_.get(), POLLIN, 0},
                                 {stop_.get(), POLLIN, 0}}};
    ::poll(waits.data(), waits.size(), -1);
    if (waits[2].revents != 0) {
      return;
    }
    if (waits[0].revents != 0) {
      AnswerSearch();
    }
    if (waits[1].revents != 0) {
      Serve();
    }
  }
}

void FakeUpnpDevice::AnswerSearch() {
  std::array<char, 2048> buffer;
  sockaddr_in from{};
  socklen_t size = sizeof(from);
  auto* name = reinterpret_cast<sockaddr*>(&from);
  if (::recvfrom(search_.get(), buffer.data(), buffer.size(), 0, name, &size) <=
          0 ||
      told_ >= locations_.size()) {
    return;
  }
  const std::string& location = locations_[told_++];
  const std::string answer =
      "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: " +
      (location.starts_with('/') ? "http://" + http_.ToString() + location
                                 : location) +
      "\r\n\r\n";
  ::sendto(search_.get(), answer.data(), answer.size(), 0, name, size);
}

void FakeUpnpDevice::Serve() {
  const io::UniqueFd peer(
      ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const std::string request = ReadRequest(peer.get());
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request.substr(0, request.find('\r')));
  }
  std::string answer = answer_(request);
  do {
    if (::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL) <= 0) {
      return;
    }
    pollfd wait{stop_.get(), POLLIN, 0};
    if (drips && ::poll(&wait, 1, 20) != 0) {
      return;
    }
    answer = "x";
  } while (drips);
}

std::vector<std::string> FakeUpnpDevice::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace natkit::shell
