#include "dns/setup_slot.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>

#include "dns/resolv_file.h"
#include "natkit/base/bytes.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/file.h"
#include "natkit/shell/error_text.h"

namespace natkit::meshnode {
namespace {

using shell::Outcome;

constexpr int kPollMs = 20;

}  // namespace

Outcome<SetupSlot> SetupSlot::Take(const std::string& folder,
                                   const std::string& name, Duration wait) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string path = folder + "/dns-" + name;
  io::UniqueFd lock(
      ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.is_valid()) {
    return std::unexpected(shell::SystemError(path + ".lock"));
  }
  const Instant until = io::EventLoop::Now() + wait;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return std::unexpected(shell::SystemError(path + ".lock"));
    }
    if (io::EventLoop::Now() >= until) {
      return std::unexpected(
          "another natkit process sets up DNS here: it holds " + path +
          ".lock");
    }
    ::poll(nullptr, 0, kPollMs);
  }
  return SetupSlot(path + ".state", std::move(lock));
}

std::optional<SetupState> SetupSlot::Read() const {
  const auto text = ReadText(path_);
  return text ? ParseSetupState(*text) : std::nullopt;
}

Outcome<void> SetupSlot::Write(const SetupState& state) const {
  const auto written =
      io::WriteFileAtomically(path_, AsBytes(FormatSetupState(state)));
  if (!written) {
    return std::unexpected(path_ + ": " +
                           std::string(ErrcName(written.error().code)));
  }
  return {};
}

void SetupSlot::Clear() const {
  ::unlink(path_.c_str());
}

Outcome<void> SetupSlot::Undo(const Programs& programs) const {
  const auto state = Read();
  if (!state) {
    Clear();  // nothing, or nothing that can be understood
    return {};
  }
  Outcome<void> undone;
  switch (state->backend) {
    case DnsBackend::kResolved:
      // It fails when the interface is gone, and with it all that was set.
      static_cast<void>(
          programs.Run({"resolvectl", "revert", state->interface}));
      break;
    case DnsBackend::kResolvconf:
      if (auto run = programs.Run(
              {"resolvconf", "-d", ResolvconfRecord(state->interface)});
          !run) {
        undone = std::unexpected(run.error());
      }
      break;
    case DnsBackend::kFile:
      undone = RestoreFile(*state);
      break;
  }
  if (undone) {
    Clear();
  }
  return undone;
}

std::string ResolvconfRecord(const std::string& interface) {
  return "lo.natkit-" + interface;
}

}  // namespace natkit::meshnode
