#include "run/engine_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "run/engine_commands.h"

namespace natkit::netsim {
namespace {

/// What epoll tells apart: devices count from 0.
constexpr uint64_t kControlTag = uint64_t{1} << 32;
constexpr uint64_t kKeeperTag = kControlTag + 1;
constexpr uint64_t kFirstClientTag = kControlTag + 2;

/// Frames of one device before others get their turn. They are first all read,
/// then all handled, then all written: each of the three needs a good part of
/// the instruction cache.
constexpr size_t kBatch = 64;
/// Frames that share one look at the clock.
constexpr size_t kFramesPerClock = 8;
constexpr size_t kLargestFrame = 65536 + 64;
/// Large frames make a batch shorter.
constexpr size_t kUsualFrame = 1536;
constexpr size_t kBufferSize = kBatch * kUsualFrame + kLargestFrame;
constexpr size_t kCacheLine = 64;

Instant Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant(std::chrono::seconds(now.tv_sec) +
                 std::chrono::nanoseconds(now.tv_nsec));
}

/// A full queue or an interface that is down loses frames, as wires do.
void WriteFrame(int fd, ByteView frame) {
  const ssize_t sent = write(fd, frame.data(), frame.size());
  static_cast<void>(sent);
}

bool Add(const FileDescriptor& epoll, int fd, uint64_t tag, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  return epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

FabricPlan SwitchedOn(FabricPlan plan) {
  plan.config.start = Now();
  return plan;
}

}  // namespace

EngineServer::EngineServer(FabricPlan plan, std::vector<FileDescriptor> devices,
                           FileDescriptor control, FileDescriptor keeper)
    : plan_(SwitchedOn(std::move(plan))),
      devices_(std::move(devices)),
      fd_of_port_(plan_.config.ports.size(), -1),
      control_(std::move(control)),
      keeper_(std::move(keeper)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      fabric_(plan_.config, *this),
      buffer_(kBufferSize) {
  batch_.reserve(kBatch);
  leaving_.reserve(kBatch);
  for (size_t i = 0; i < devices_.size(); ++i) {
    fd_of_port_[plan_.devices[i].port] = devices_[i].get();
  }
}

void EngineServer::SendFrame(size_t port, ByteView frame) {
  if (IsInBuffer(frame)) {
    leaving_.push_back({fd_of_port_[port], frame});
    return;
  }
  WriteLeaving();  // the order is kept
  WriteFrame(fd_of_port_[port], frame);
}

bool EngineServer::IsInBuffer(ByteView frame) const {
  const std::less<> is_before;
  return !is_before(frame.data(), buffer_.data()) &&
         is_before(frame.data(), buffer_.data() + buffer_.size());
}

void EngineServer::WriteLeaving() {
  for (const auto& [fd, frame] : leaving_) {
    WriteFrame(fd, frame);
  }
  leaving_.clear();
}

Outcome<void> EngineServer::Watch() {
  bool is_watched = Add(epoll_, control_.get(), kControlTag, EPOLLIN) &&
                    Add(epoll_, keeper_.get(), kKeeperTag, EPOLLIN);
  for (size_t i = 0; i < devices_.size(); ++i) {
    is_watched = is_watched && Add(epoll_, devices_[i].get(), i, EPOLLIN);
  }
  if (!is_watched) {
    return std::unexpected(SystemFailure("epoll"));
  }
  return {};
}

Outcome<void> EngineServer::Run() {
  if (auto watched = Watch(); !watched) {
    return watched;
  }
  fabric_.Start(Now());
  std::array<epoll_event, 64> events{};
  while (!is_over_) {
    const auto wait = TimeToWait(Now());
    timespec timeout{};
    if (wait) {
      const auto seconds =
          std::chrono::duration_cast<std::chrono::seconds>(*wait);
      timeout.tv_sec = seconds.count();
      timeout.tv_nsec = (*wait - seconds).count();
    }
    const int count = epoll_pwait2(epoll_.get(), events.data(), events.size(),
                                   wait ? &timeout : nullptr, nullptr);
    if (count < 0 && errno != EINTR) {
      return std::unexpected(SystemFailure("epoll"));
    }
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events.at(static_cast<size_t>(i));
      HandleEvent(event.data.u64);
    }
    fabric_.HandleTimeout(Now());
  }
  return {};
}

std::optional<Duration> EngineServer::TimeToWait(Instant now) {
  const auto next = fabric_.NextTimeout();
  if (!next) {
    return std::nullopt;
  }
  return *next > now ? *next - now : Duration::zero();
}

void EngineServer::HandleEvent(uint64_t tag) {
  if (tag < devices_.size()) {
    ForwardFrames(tag);
  } else if (tag == kKeeperTag) {
    is_over_ = true;
  } else if (tag == kControlTag) {
    AcceptClients();
  } else {
    HandleClient(tag);
  }
}

void EngineServer::ReadBatch(int fd) {
  batch_.clear();
  MutableBytes room = buffer_;
  while (batch_.size() < kBatch && room.size() >= kLargestFrame) {
    const ssize_t size = read(fd, room.data(), kLargestFrame);
    if (size <= 0) {
      if (size < 0 && errno != EAGAIN && errno != ENETDOWN) {
        // The interface is gone for good: somebody deleted it.
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
      }
      return;
    }
    const auto used = static_cast<size_t>(size);
    batch_.push_back(room.first(used));
    room = room.subspan((used + kCacheLine - 1) / kCacheLine * kCacheLine);
  }
}

void EngineServer::ForwardFrames(size_t device) {
  const size_t port = plan_.devices[device].port;
  ReadBatch(devices_[device].get());
  Instant now{};
  for (size_t i = 0; i < batch_.size(); ++i) {
    if (i % kFramesPerClock == 0) {
      now = Now();
    }
    fabric_.HandleFrame(now, port, batch_[i]);
  }
  WriteLeaving();
}

void EngineServer::AcceptClients() {
  while (true) {
    FileDescriptor socket(accept4(control_.get(), nullptr, nullptr,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open()) {
      return;
    }
    const uint64_t tag = kFirstClientTag + next_client_;
    if (clients_.size() >= kMaxClients ||
        !Add(epoll_, socket.get(), tag, EPOLLIN)) {
      continue;
    }
    ++next_client_;
    clients_[tag].socket = std::move(socket);
  }
}

void EngineServer::HandleClient(uint64_t tag) {
  const auto found = clients_.find(tag);
  if (found == clients_.end()) {
    return;
  }
  Client& client = found->second;
  const bool goes_on =
      client.is_answering ? WriteAnswer(client) : ReadRequest(tag, client);
  if (!goes_on) {
    clients_.erase(found);
  }
}

bool EngineServer::ReadRequest(uint64_t tag, Client& client) {
  std::array<char, 1024> chunk{};
  const ssize_t size = read(client.socket.get(), chunk.data(), chunk.size());
  if (size <= 0) {
    return size < 0 && errno == EAGAIN;
  }
  client.request.append(chunk.data(), static_cast<size_t>(size));
  const size_t end = client.request.find('\n');
  if (end == std::string::npos) {
    return client.request.size() <= kMaxRequest;
  }
  const auto done =
      Execute(plan_, fabric_, Now(), client.request.substr(0, end));
  client.answer = done ? "ok\n" + *done : "error\n" + done.error().text;
  client.is_answering = true;
  epoll_event event{};
  event.events = EPOLLOUT;
  event.data.u64 = tag;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.socket.get(), &event);
  return WriteAnswer(client);
}

bool EngineServer::WriteAnswer(Client& client) {
  const ssize_t size =
      send(client.socket.get(), client.answer.data() + client.sent,
           client.answer.size() - client.sent, MSG_NOSIGNAL);
  if (size < 0) {
    return errno == EAGAIN;
  }
  client.sent += static_cast<size_t>(size);
  return client.sent < client.answer.size();
}

}  // namespace natkit::netsim
