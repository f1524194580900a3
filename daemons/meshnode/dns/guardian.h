#pragma once

#include <sys/types.h>

#include <functional>
#include <span>
#include <utility>

#include "natkit/io/unique_fd.h"
#include "natkit/shell/outcome.h"

namespace natkit::meshnode {

/// A second, small process that tidies up when this one has ended without doing
/// so, however it ended.
///
/// It waits at the end of a pipe whose other end is here alone. It ignores
/// SIGINT, SIGTERM, SIGHUP and SIGQUIT, has a session and a name
/// of its own, and holds no descriptor but the pipe and those it is told to
/// keep.
class Guardian {
 public:
  /// `tidy_up` runs in the other process, as this one was at the call; it must
  /// not touch the event loop, threads or the log. `name` has up to 15
  /// characters. Errors: no process to be had.
  [[nodiscard]] static shell::Outcome<Guardian> Start(
      const std::function<void()>& tidy_up, std::span<const int> keep,
      const char* name = "natkit-dns");
  /// As if this process had ended: it tidies up, and this waits for it.
  ~Guardian();

  Guardian(Guardian&& other) noexcept
      : pipe_(std::move(other.pipe_)), pid_(std::exchange(other.pid_, -1)) {}

  Guardian& operator=(Guardian&&) = delete;

  /// Nothing is left to tidy up: it ends.
  void Dismiss();

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Guardian(io::UniqueFd pipe, pid_t pid) : pipe_(std::move(pipe)), pid_(pid) {}

  void Wait();

  io::UniqueFd pipe_;
  pid_t pid_;
};

}  // namespace natkit::meshnode
