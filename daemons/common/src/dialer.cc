#include "natkit/shell/dialer.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace natkit::shell {
namespace {

constexpr Duration kAttemptDelay = std::chrono::milliseconds(250);

}  // namespace

Dialer::Dialer(io::EventLoop& loop, std::vector<Endpoint> endpoints,
               const io::StreamOptions& options, Handlers handlers)
    : loop_(loop),
      endpoints_(std::move(endpoints)),
      options_(options),
      handlers_(std::move(handlers)),
      stagger_(loop, [this] { StartNext(); }) {
  stagger_.Arm(io::EventLoop::Now());
}

void Dialer::StartNext() {
  if (next_ == endpoints_.size()) {
    if (attempts_.empty()) {
      const auto on_failed = std::move(handlers_.on_failed);
      on_failed(Errc::kNotFound);  // may destroy this
    }
    return;
  }
  const size_t index = next_++;
  attempts_.emplace(
      index, io::TcpStream::Connect(
                 loop_, endpoints_[index],
                 {.on_connected = [this, index] { OnConnected(index); },
                  .on_closed =
                      [this, index](Errc reason) { OnFailed(index, reason); }},
                 options_));
  stagger_.Arm(next_ < endpoints_.size()
                   ? std::optional(io::EventLoop::Now() + kAttemptDelay)
                   : std::nullopt);
}

void Dialer::OnConnected(size_t index) {
  stagger_.Disarm();
  io::TcpStream winner = std::move(attempts_.at(index));
  attempts_.clear();
  const auto on_connected = std::move(handlers_.on_connected);
  on_connected(std::move(winner));  // may destroy this
}

void Dialer::OnFailed(size_t index, Errc reason) {
  attempts_.erase(index);
  if (next_ < endpoints_.size()) {
    StartNext();
    return;
  }
  if (attempts_.empty()) {
    const auto on_failed = std::move(handlers_.on_failed);
    on_failed(reason);  // may destroy this
  }
}

std::vector<Endpoint> InterleaveFamilies(
    const std::vector<IpAddress>& addresses, uint16_t port) {
  std::vector<Endpoint> v6;
  std::vector<Endpoint> v4;
  for (const auto& ip : addresses) {
    (ip.is_v6() ? v6 : v4).push_back({ip, port});
  }
  std::vector<Endpoint> mixed;
  for (size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
    if (i < v6.size()) {
      mixed.push_back(v6[i]);
    }
    if (i < v4.size()) {
      mixed.push_back(v4[i]);
    }
  }
  return mixed;
}

}  // namespace natkit::shell
