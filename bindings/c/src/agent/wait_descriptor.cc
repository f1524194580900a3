#include "agent/wait_descriptor.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace natkit::c {

namespace {

/// True if both numbers stand for one open file.
bool IsOneFile(int a, int b) {
  const long self = ::getpid();
  const long order = ::syscall(SYS_kcmp, self, self, KCMP_FILE, a, b);
  if (order >= 0 || errno == EBADF) {
    return order == 0;
  }
  // Not allowed here. This takes any two epoll descriptors for one file.
  struct stat of_a{};
  struct stat of_b{};
  return ::fstat(a, &of_a) == 0 && ::fstat(b, &of_b) == 0 &&
         of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

}  // namespace

Result<WaitDescriptor> WaitDescriptor::Make(int original) {
  const int fd = ::fcntl(original, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) {
    return Fail(errno == EMFILE ? Errc::kLimitExceeded : Errc::kIo);
  }
  return WaitDescriptor(original, fd);
}

WaitDescriptor::~WaitDescriptor() {
  if (IsThere()) {  // else its number is somebody else's, or nobody's
    ::close(fd_);
  }
}

bool WaitDescriptor::IsThere() const {
  return fd_ >= 0 && IsOneFile(original_, fd_);
}

}  // namespace natkit::c
