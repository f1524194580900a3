#include "natkit/io/file_watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "fd_watcher.h"
#include "natkit/io/timer.h"
#include "natkit/io/unique_fd.h"
#include "system_error.h"

namespace natkit::io {
namespace {

constexpr uint32_t kChanges = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE |
                              IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY;

/// Whether any of the events is about `name`, or some were lost.
bool Concerns(ByteView events, std::string_view name) {
  while (events.size() >= sizeof(inotify_event)) {
    inotify_event event{};
    std::memcpy(&event, events.data(), sizeof event);
    events = events.subspan(sizeof event);
    const size_t size = std::min<size_t>(event.len, events.size());
    const std::string_view padded = AsText(events.first(size));
    if (padded.substr(0, padded.find('\0')) == name ||
        (event.mask & IN_Q_OVERFLOW) != 0) {
      return true;
    }
    events = events.subspan(size);
  }
  return false;
}

}  // namespace

class FileWatcher::Impl : public std::enable_shared_from_this<Impl> {
 public:
  static constexpr int kMaxDelayFactor = 10;

  Impl(EventLoop& loop, UniqueFd fd, std::string name,
       std::function<void()> on_change, Duration quiet)
      : name_(std::move(name)),
        on_change_(std::move(on_change)),
        quiet_(quiet),
        timer_(loop, [this] { Report(); }),
        watcher_(std::make_unique<FdWatcher>(
            loop, std::move(fd), [this](Readiness /*ready*/) { OnReady(); })) {
    watcher_->Watch({.read = true});
  }

  void Close() {
    timer_.Disarm();
    watcher_.reset();
  }

 private:
  void OnReady() {
    std::array<uint8_t, 8192> buffer{};
    bool is_changed = false;
    while (true) {
      const ssize_t size = ::read(watcher_->fd(), buffer.data(), buffer.size());
      if (size <= 0) {
        break;
      }
      is_changed =
          is_changed ||
          Concerns(ByteView(buffer).first(static_cast<size_t>(size)), name_);
    }
    if (!is_changed) {
      return;
    }
    const Instant now = EventLoop::Now();
    latest_ = latest_.value_or(now + kMaxDelayFactor * quiet_);
    timer_.Arm(std::min(now + quiet_, *latest_));
  }

  void Report() {
    const auto keep_alive = shared_from_this();
    latest_.reset();
    on_change_();
  }

  std::string name_;
  std::function<void()> on_change_;
  Duration quiet_;
  std::optional<Instant> latest_;  // set while a report is due
  Timer timer_;
  std::unique_ptr<FdWatcher> watcher_;  // null once closed
};

Result<FileWatcher> FileWatcher::Start(EventLoop& loop, const std::string& path,
                                       std::function<void()> on_change,
                                       Duration quiet) {
  UniqueFd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd.is_valid()) {
    return FailErrno();
  }
  const std::filesystem::path file(path);
  const std::string folder =
      file.has_parent_path() ? file.parent_path().string() : ".";
  if (::inotify_add_watch(fd.get(), folder.c_str(), kChanges) < 0) {
    return FailErrno();
  }
  return FileWatcher(std::make_shared<Impl>(loop, std::move(fd),
                                            file.filename().string(),
                                            std::move(on_change), quiet));
}

FileWatcher::FileWatcher(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

FileWatcher::~FileWatcher() {
  if (impl_ != nullptr) {
    impl_->Close();
  }
}

FileWatcher::FileWatcher(FileWatcher&&) noexcept = default;

FileWatcher& FileWatcher::operator=(FileWatcher&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

}  // namespace natkit::io
