#include "natkit/io/readiness.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "system_error.h"

namespace natkit::io {

Result<ReadinessSet> ReadinessSet::Make() {
  UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd.is_valid()) {
    return FailErrno();
  }
  return ReadinessSet(std::move(fd));
}

Result<void> ReadinessSet::Add(int fd, uint32_t number) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = number;
  if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return FailErrno();
  }
  return {};
}

void ReadinessSet::Remove(int fd) const {
  ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

size_t ReadinessSet::Wait(std::span<uint32_t> ready) const {
  std::array<epoll_event, 16> events;
  const auto most = static_cast<int>(std::min(events.size(), ready.size()));
  const int count = ::epoll_wait(fd_.get(), events.data(), most, -1);
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<size_t>(i);
    ready[index] = events[index].data.u32;
  }
  return count > 0 ? static_cast<size_t>(count) : 0;
}

Result<WakeUp> WakeUp::Make() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.is_valid()) {
    return FailErrno();
  }
  return WakeUp(std::move(fd));
}

void WakeUp::Signal() const {
  const uint64_t one = 1;
  // It can only fail when it is signalled already.
  static_cast<void>(::write(fd_.get(), &one, sizeof one) < 0);
}

void WakeUp::Clear() const {
  uint64_t count = 0;
  static_cast<void>(::read(fd_.get(), &count, sizeof count) < 0);
}

}  // namespace natkit::io
