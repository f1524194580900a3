#include "agent_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace natkit::natcheck::conformance {
namespace {

constexpr Duration kFarewell = std::chrono::seconds(2);

Instant Now() {
  return Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

}  // namespace

AgentProcess::AgentProcess(const std::string& command) {
  std::array<int, 2> to{-1, -1};
  std::array<int, 2> from{-1, -1};
  const bool has_pipes = ::pipe2(to.data(), O_CLOEXEC) == 0 &&
                         ::pipe2(from.data(), O_CLOEXEC) == 0;
  to_ = netsim::FileDescriptor(to[1]);
  from_ = netsim::FileDescriptor(from[0]);
  const netsim::FileDescriptor its_input(to[0]);
  const netsim::FileDescriptor its_output(from[1]);
  // Our end alone: the agent's own reads and writes wait.
  if (!has_pipes || ::fcntl(to_.get(), F_SETFL, O_NONBLOCK) != 0) {
    return;
  }
  child_ = ::fork();
  if (child_ == 0) {
    ::dup2(its_input.get(), STDIN_FILENO);
    ::dup2(its_output.get(), STDOUT_FILENO);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
}

AgentProcess::~AgentProcess() {
  to_.Reset();
  from_.Reset();
  if (child_ > 0 && !HasEndedBy(Now() + kFarewell)) {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
}

bool AgentProcess::HasEndedBy(Instant deadline) const {
  while (::waitpid(child_, nullptr, WNOHANG) == 0) {
    if (Now() >= deadline) {
      return false;
    }
    (void)::poll(nullptr, 0, 10);
  }
  return true;
}

std::string AgentProcess::Ending() {
  int status = 0;
  pid_t ended = 0;
  const Instant deadline = Now() + kFarewell;
  while (child_ > 0 && ended == 0 && Now() < deadline) {
    ended = ::waitpid(child_, &status, WNOHANG);
    if (ended == 0) {
      (void)::poll(nullptr, 0, 10);
    }
  }
  if (ended <= 0) {
    return "has closed its output";
  }
  child_ = -1;
  return WIFSIGNALED(status)
             ? "was ended by signal " + std::to_string(WTERMSIG(status))
             : "ended with status " + std::to_string(WEXITSTATUS(status));
}

bool AgentProcess::Read() {
  std::array<uint8_t, 65536> bytes;
  const ssize_t got = ::read(from_.get(), bytes.data(), bytes.size());
  if (got <= 0) {
    return got < 0 && errno == EINTR;
  }
  reader_.Feed(ByteView(bytes).first(static_cast<size_t>(got)));
  return true;
}

void AgentProcess::Send(Instant now, ByteView packet) {
  const auto frame = EncodeFrame(FrameKind::kPacket, packet);
  if (backlog_.size() + frame.size() > kMaxBacklog) {
    has_overflown_ = true;
    return;
  }
  if (Untaken() == 0) {
    taken_at_ = now;
  }
  backlog_.insert(backlog_.end(), frame.begin(), frame.end());
  given_ += frame.size();
  Flush(now);
}

void AgentProcess::Flush(Instant now) {
  size_t done = 0;
  while (done < backlog_.size()) {
    const ssize_t sent =
        ::write(to_.get(), backlog_.data() + done, backlog_.size() - done);
    if (sent <= 0) {
      break;  // full; or it has ended, which the next Read() says
    }
    done += static_cast<size_t>(sent);
  }
  backlog_.erase(backlog_.begin(),
                 backlog_.begin() + static_cast<std::ptrdiff_t>(done));
  (void)Trouble(now);
}

size_t AgentProcess::Untaken() const {
  int in_pipe = 0;
  if (::ioctl(to_.get(), FIONREAD, &in_pipe) != 0) {
    in_pipe = 0;
  }
  return backlog_.size() + static_cast<size_t>(std::max(in_pipe, 0));
}

std::string AgentProcess::Trouble(Instant now) {
  if (reader_.is_broken()) {
    return "says what no agent says; does its command print something?";
  }
  if (has_overflown_) {
    return "does not keep up: more than " + std::to_string(kMaxBacklog >> 20) +
           " MiB wait for it";
  }
  const size_t untaken = Untaken();
  const uint64_t taken = given_ - untaken;
  if (untaken == 0 || taken != taken_) {
    taken_ = taken;
    taken_at_ = now;
  }
  if (now - taken_at_ >= kStall) {
    return "has stalled: it has taken nothing for " +
           std::to_string(
               std::chrono::duration_cast<std::chrono::seconds>(kStall)
                   .count()) +
           " s, and " + std::to_string(untaken) + " bytes wait for it";
  }
  return "";
}

}  // namespace natkit::natcheck::conformance
