#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "fd_watcher.h"
#include "natkit/base/endpoint.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/stream.h"
#include "natkit/io/timer.h"
#include "natkit/io/unique_fd.h"

namespace natkit::io {

/// Bytes waiting to be written: appended at the end, taken from the front.
class ByteQueue {
 public:
  void Append(ByteView bytes);
  void Consume(size_t count);
  void Clear();

  [[nodiscard]] ByteView front() const {
    return ByteView(bytes_).subspan(head_);
  }

  [[nodiscard]] size_t size() const { return bytes_.size() - head_; }

  [[nodiscard]] bool is_empty() const { return size() == 0; }

 private:
  std::vector<uint8_t> bytes_;
  size_t head_ = 0;
};

/// The one implementation behind TCP and Unix streams.
///
/// Held by its ByteStream, and by itself while one of its handlers runs, so a
/// handler may destroy the stream. on_closed is always posted, never called
/// inside a call of the owner.
class ByteStream::Impl : public std::enable_shared_from_this<Impl> {
 public:
  enum class State {
    kConnecting,
    kOpen,
    kPeerEnded,  // end of stream read; the queue is still being written
    kClosing,    // Close(): writing the queue, then waiting for the peer's end
    kClosed,
  };

  Impl(EventLoop& loop, const StreamOptions& options);

  /// Takes over a connected socket.
  void Adopt(UniqueFd fd, const Endpoint& local, const Endpoint& remote);
  /// Takes over a socket on which connect() was called with result 0 or
  /// EINPROGRESS.
  void AwaitConnect(UniqueFd fd, const Endpoint& remote);

  /// Ends a stream that never began.
  void FailLater(Errc reason) { Finish(reason); }

  /// The owner is gone: no handler is called any more.
  void Orphan();

  void SetHandlers(StreamHandlers handlers);
  void Write(ByteView bytes);
  void SetReading(bool is_reading);
  void Close();
  void Abort();

  [[nodiscard]] size_t pending_bytes() const { return queue_.size(); }

  [[nodiscard]] bool is_writable() const {
    return queue_.size() < options_.high_water;
  }

  [[nodiscard]] bool is_open() const {
    return state_ != State::kClosed && !is_close_asked_;
  }

  /// nullopt once the stream is over.
  [[nodiscard]] std::optional<int> fd() const {
    return watcher_ == nullptr ? std::nullopt : std::optional(watcher_->fd());
  }

  [[nodiscard]] const Endpoint& local() const { return local_; }

  [[nodiscard]] const Endpoint& remote() const { return remote_; }

 private:
  void OnReady(Readiness ready);
  void FinishConnect();
  void Read();
  void HandleData(ByteView bytes);
  void HandleEnd();
  void WriteQueue();
  void AfterWrite();
  void SendEnd();
  void Finish(Errc reason);
  void ReportClosed(Errc reason);
  void Open(UniqueFd fd);
  void WatchAsNeeded();

  EventLoop& loop_;
  StreamOptions options_;
  State state_ = State::kConnecting;
  Endpoint local_;
  Endpoint remote_;
  std::shared_ptr<const StreamHandlers> handlers_;  // null: none
  ByteQueue queue_;
  bool is_reading_ = true;
  bool was_over_high_water_ = false;
  bool is_end_sent_ = false;
  bool is_close_asked_ = false;
  Timer timer_;  // connect timeout, then linger
  std::unique_ptr<FdWatcher> watcher_;
};

}  // namespace natkit::io
