#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

namespace natkit::io {

/// Runs `body` on a thread that has a network namespace of its own: without
/// any interface but a loopback that is down. Returns why that is not
/// permitted; empty when `body` has run.
inline std::string RunInNetNamespace(const std::function<void()>& body) {
  std::string refusal;
  std::thread thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      refusal = std::string("unshare(CLONE_NEWNET): ") + std::strerror(errno);
      return;
    }
    body();
  });
  thread.join();
  return refusal;
}

}  // namespace natkit::io
