#include "natkit/io/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "event_loop_impl.h"
#include "sockaddr.h"
#include "stream_impl.h"
#include "system_error.h"

namespace natkit::io {

namespace {

constexpr size_t kReadSize = 65536;
/// Full reads served before other sockets get their turn.
constexpr int kReadsPerWake = 4;

int PendingError(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error
                                                                    : errno;
}

}  // namespace

void ByteQueue::Append(ByteView bytes) {
  // Room at the front is taken back once it outweighs what is queued.
  if (head_ > 0 && head_ >= size()) {
    bytes_.erase(bytes_.begin(),
                 bytes_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void ByteQueue::Consume(size_t count) {
  head_ += count;
  if (head_ == bytes_.size()) {
    Clear();
  }
}

void ByteQueue::Clear() {
  bytes_.clear();
  head_ = 0;
}

ByteStream::Impl::Impl(EventLoop& loop, const StreamOptions& options)
    : loop_(loop), options_(options), timer_(loop, [this] {
        Finish(state_ == State::kConnecting ? Errc::kTimedOut : Errc::kClosed);
      }) {}

void ByteStream::Impl::Open(UniqueFd fd) {
  watcher_ = std::make_unique<FdWatcher>(
      loop_, std::move(fd), [this](Readiness ready) { OnReady(ready); });
}

void ByteStream::Impl::Adopt(UniqueFd fd, const Endpoint& local,
                             const Endpoint& remote) {
  Open(std::move(fd));
  state_ = State::kOpen;
  local_ = local;
  remote_ = remote;
}

void ByteStream::Impl::AwaitConnect(UniqueFd fd, const Endpoint& remote) {
  Open(std::move(fd));
  remote_ = remote;
  timer_.Arm(EventLoop::Now() + options_.connect_timeout);
  WatchAsNeeded();
}

void ByteStream::Impl::Orphan() {
  handlers_ = nullptr;
  state_ = State::kClosed;
  timer_.Disarm();
  watcher_.reset();
}

void ByteStream::Impl::SetHandlers(StreamHandlers handlers) {
  handlers_ = std::make_shared<const StreamHandlers>(std::move(handlers));
  WatchAsNeeded();
}

void ByteStream::Impl::WatchAsNeeded() {
  if (watcher_ == nullptr) {
    return;
  }
  const bool is_connecting = state_ == State::kConnecting;
  const bool is_discarding = state_ == State::kClosing;
  watcher_->Watch(
      {.read = is_discarding ||
               (state_ == State::kOpen && is_reading_ && handlers_ != nullptr),
       .write = is_connecting || !queue_.is_empty()});
}

void ByteStream::Impl::OnReady(Readiness ready) {
  const auto keep_alive = shared_from_this();
  if (state_ == State::kConnecting) {
    FinishConnect();
  } else {
    if (ready.write) {
      WriteQueue();
    }
    if (ready.read) {
      Read();
    }
  }
  WatchAsNeeded();
}

void ByteStream::Impl::FinishConnect() {
  if (const int error = PendingError(watcher_->fd()); error != 0) {
    Finish(ErrcFromErrno(error));
    return;
  }
  timer_.Disarm();
  state_ = State::kOpen;
  local_ = LocalEndpointOf(watcher_->fd());
  if (const auto handlers = handlers_; handlers && handlers->on_connected) {
    handlers->on_connected();
  }
  if (watcher_ != nullptr) {
    WriteQueue();
  }
}

void ByteStream::Impl::Read() {
  for (int round = 0; round < kReadsPerWake; ++round) {
    const bool is_discarding = state_ == State::kClosing;
    if (!is_discarding && (state_ != State::kOpen || !is_reading_)) {
      return;
    }
    const MutableBytes buffer = loop_.impl().Scratch().first(kReadSize);
    const ssize_t count =
        ::recv(watcher_->fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0) {
      if (!IsWouldBlock(errno)) {
        Finish(ErrcFromErrno(errno));
      }
      return;
    }
    if (count == 0) {
      HandleEnd();
      return;
    }
    HandleData(buffer.first(static_cast<size_t>(count)));
    if (static_cast<size_t>(count) < buffer.size()) {
      return;
    }
  }
}

void ByteStream::Impl::HandleData(ByteView bytes) {
  if (state_ != State::kOpen) {
    return;
  }
  if (const auto handlers = handlers_; handlers && handlers->on_data) {
    handlers->on_data(bytes);
  }
}

void ByteStream::Impl::HandleEnd() {
  if (queue_.is_empty()) {
    Finish(Errc::kClosed);
    return;
  }
  if (state_ == State::kOpen) {
    state_ = State::kPeerEnded;
    timer_.Arm(EventLoop::Now() + options_.linger);
    return;
  }
  // Closing: the peer has ended too and will get the rest; reading is over.
  state_ = State::kPeerEnded;
}

void ByteStream::Impl::Write(ByteView bytes) {
  if (!is_open()) {
    return;
  }
  if (state_ != State::kConnecting && queue_.is_empty()) {
    const ssize_t count = ::send(watcher_->fd(), bytes.data(), bytes.size(),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && !IsWouldBlock(errno)) {
      Finish(ErrcFromErrno(errno));
      return;
    }
    bytes = bytes.subspan(count > 0 ? static_cast<size_t>(count) : 0);
  }
  if (!bytes.empty()) {
    queue_.Append(bytes);
    was_over_high_water_ |= !is_writable();
    WatchAsNeeded();
  }
}

void ByteStream::Impl::WriteQueue() {
  while (!queue_.is_empty()) {
    const ByteView front = queue_.front();
    const ssize_t count = ::send(watcher_->fd(), front.data(), front.size(),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) {
      if (!IsWouldBlock(errno)) {
        Finish(ErrcFromErrno(errno));
      }
      return;
    }
    queue_.Consume(static_cast<size_t>(count));
    if (static_cast<size_t>(count) < front.size()) {
      break;
    }
  }
  AfterWrite();
}

void ByteStream::Impl::AfterWrite() {
  if (queue_.is_empty() && state_ == State::kPeerEnded) {
    Finish(Errc::kClosed);
    return;
  }
  if (queue_.is_empty() && state_ == State::kClosing) {
    SendEnd();
    return;
  }
  if (was_over_high_water_ && queue_.size() <= options_.high_water / 2) {
    was_over_high_water_ = false;
    if (const auto handlers = handlers_; handlers && handlers->on_drained) {
      handlers->on_drained();
    }
  }
}

void ByteStream::Impl::SendEnd() {
  if (!is_end_sent_) {
    is_end_sent_ = true;
    ::shutdown(watcher_->fd(), SHUT_WR);
  }
}

void ByteStream::Impl::SetReading(bool is_reading) {
  is_reading_ = is_reading;
  WatchAsNeeded();
}

void ByteStream::Impl::Close() {
  is_close_asked_ = true;
  if (state_ == State::kConnecting) {
    Finish(Errc::kClosed);
    return;
  }
  if (state_ == State::kOpen) {
    state_ = State::kClosing;
    timer_.Arm(EventLoop::Now() + options_.linger);
    if (queue_.is_empty()) {
      SendEnd();
    }
    WatchAsNeeded();
  }
}

void ByteStream::Impl::Abort() {
  if (watcher_ != nullptr) {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    static_cast<void>(SetOption(watcher_->fd(), SOL_SOCKET, SO_LINGER, reset));
  }
  Finish(Errc::kClosed);
}

void ByteStream::Impl::Finish(Errc reason) {
  if (state_ == State::kClosed) {
    return;
  }
  state_ = State::kClosed;
  timer_.Disarm();
  watcher_.reset();
  queue_.Clear();
  loop_.Post([weak = weak_from_this(), reason] {
    if (const auto self = weak.lock()) {
      self->ReportClosed(reason);
    }
  });
}

void ByteStream::Impl::ReportClosed(Errc reason) {
  // Dropping the handlers breaks cycles through what they have captured.
  if (const auto handlers = std::exchange(handlers_, nullptr);
      handlers && handlers->on_closed) {
    handlers->on_closed(reason);
  }
}

ByteStream::ByteStream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

ByteStream::~ByteStream() {
  if (impl_ != nullptr) {
    impl_->Orphan();
  }
}

ByteStream::ByteStream(ByteStream&&) noexcept = default;

ByteStream& ByteStream::operator=(ByteStream&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

void ByteStream::SetHandlers(StreamHandlers handlers) {
  impl_->SetHandlers(std::move(handlers));
}

void ByteStream::Write(ByteView bytes) {
  impl_->Write(bytes);
}

size_t ByteStream::pending_bytes() const {
  return impl_->pending_bytes();
}

bool ByteStream::is_writable() const {
  return impl_->is_writable();
}

bool ByteStream::is_open() const {
  return impl_->is_open();
}

void ByteStream::PauseReading() {
  impl_->SetReading(false);
}

void ByteStream::ResumeReading() {
  impl_->SetReading(true);
}

void ByteStream::Close() {
  impl_->Close();
}

void ByteStream::Abort() {
  impl_->Abort();
}

}  // namespace natkit::io
