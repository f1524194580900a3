#pragma once

#include <cerrno>

#include "natkit/base/result.h"

namespace natkit::io {

/// The code of an errno value; kIo when no caller could act on it.
[[nodiscard]] Errc ErrcFromErrno(int error);

/// A failure made of the current errno.
[[nodiscard]] inline std::unexpected<Error> FailErrno() {
  return Fail(ErrcFromErrno(errno));
}

/// True when a non-blocking call has to be made again later.
[[nodiscard]] inline bool IsWouldBlock(int error) {
  // One value on Linux; other systems may tell them apart.
  return error == EAGAIN || error == EINPROGRESS;
}

}  // namespace natkit::io
