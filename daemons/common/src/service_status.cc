#include "natkit/shell/service_status.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>

#include "natkit/io/unique_fd.h"

namespace natkit::shell {

namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::optional<uint64_t> ParseNumber(const std::string& text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end ? std::optional(number)
                                             : std::nullopt;
}

/// The watchdog is another process's if $WATCHDOG_PID says so.
std::optional<Duration> WatchdogInterval() {
  const auto micros = ParseNumber(Environment("WATCHDOG_USEC"));
  const std::string process = Environment("WATCHDOG_PID");
  const bool is_ours = process.empty() || ParseNumber(process) ==
                                              static_cast<uint64_t>(::getpid());
  constexpr uint64_t kMost = uint64_t{1} << 40;
  if (!micros || *micros == 0 || *micros > kMost || !is_ours) {
    return std::nullopt;
  }
  return std::chrono::microseconds(*micros);
}

}  // namespace

ServiceStatus::ServiceStatus(io::EventLoop& loop)
    : socket_(Environment("NOTIFY_SOCKET")),
      watchdog_(WatchdogInterval()),
      timer_(loop, [this] { Feed(); }) {}

void ServiceStatus::Ready() {
  Send("READY=1");
  Feed();
}

void ServiceStatus::Stopping() {
  Send("STOPPING=1");
}

void ServiceStatus::Feed() {
  if (watchdog_ && !socket_.empty()) {
    Send("WATCHDOG=1");
    timer_.Arm(io::EventLoop::Now() + *watchdog_ / 2);
  }
}

void ServiceStatus::Send(std::string_view state) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) {
    return;
  }
  std::ranges::copy(socket_, address.sun_path);
  if (socket_.front() == '@') {
    address.sun_path[0] = '\0';  // an abstract name
  }
  const io::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  // A manager that does not listen is no reason to fail.
  static_cast<void>(::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address),
                             size));
}

}  // namespace natkit::shell
