#include "node/lifetime_prober.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "natkit/base/queue.h"

namespace natkit::mesh {

namespace {

using Socket = nat::LifetimeSearch::Socket;
using State = nat::LifetimeSearch::State;

/// After a search that the network disturbed.
constexpr Duration kRetry = std::chrono::hours(1);

}  // namespace

void LifetimeProber::SetServers(const std::vector<Endpoint>& servers) {
  std::vector<Endpoint> usable;
  std::ranges::copy_if(
      servers, std::back_inserter(usable),
      [](const Endpoint& server) { return server.address.is_v4(); });
  if (usable != servers_) {
    Stop();
    servers_ = std::move(usable);
    tried_ = 0;
  }
}

void LifetimeProber::SetPlace(const std::optional<Place>& place) {
  if (!place || place == place_) {
    return;
  }
  Stop();
  if (!place_ || place->external != place_->external) {
    lifetime_.reset();
    tried_ = 0;
    not_before_ = Instant::min();
  }
  place_ = place;
}

void LifetimeProber::Want(Instant now) {
  if (lifetime_ || is_opening_ || quiet_ || !place_ ||
      tried_ >= servers_.size() || now < not_before_) {
    return;
  }
  is_opening_ = true;
  commands_.emplace_back(SocketsOpen{
      .request = ++request_, .address = place_->base.address, .count = 1});
}

void LifetimeProber::Stop() {
  search_.reset();
  is_opening_ = false;
  if (quiet_) {
    commands_.emplace_back(SocketsClose{{*quiet_}});
    quiet_.reset();
  }
}

void LifetimeProber::HandleSocketsOpened(Instant now, uint32_t request,
                                         const std::vector<Endpoint>& sockets) {
  if (!is_opening_ || request != request_) {
    if (!sockets.empty()) {
      commands_.emplace_back(SocketsClose{sockets});  // for another place
    }
    return;
  }
  is_opening_ = false;
  if (sockets.empty()) {
    not_before_ = now + kRetry;
    return;
  }
  quiet_ = sockets.front();
  search_.emplace(servers_[tried_], rng_);
  search_->Start(now);
}

bool LifetimeProber::HandleDatagram(Instant now, const Endpoint& local,
                                    const Endpoint& from, ByteView datagram) {
  const bool is_quiet = local == quiet_;
  if (!search_ || (!is_quiet && local != place_->base) ||
      !search_->HandleDatagram(now, is_quiet ? Socket::kQuiet : Socket::kAsking,
                               from, datagram)) {
    return false;
  }
  Settle(now);
  return true;
}

void LifetimeProber::HandleTimeout(Instant now) {
  if (search_) {
    search_->HandleTimeout(now);
    Settle(now);
  }
}

void LifetimeProber::Settle(Instant now) {
  switch (search_->state()) {
    case State::kRunning:
      return;
    case State::kFound:
      lifetime_ = search_->lifetime();
      break;
    case State::kUnsupported:
      ++tried_;
      break;
    case State::kFailed:
      not_before_ = now + kRetry;
      break;
  }
  Stop();
}

std::optional<ProbeTransmit> LifetimeProber::PollTransmit() {
  auto out = search_ ? search_->PollTransmit() : std::nullopt;
  if (!out) {
    return std::nullopt;
  }
  return ProbeTransmit{out->from == Socket::kQuiet ? *quiet_ : place_->base,
                       std::move(out->datagram)};
}

std::optional<SocketCommand> LifetimeProber::PollCommand() {
  return TakeFront(commands_);
}

std::optional<Instant> LifetimeProber::NextTimeout() const {
  return search_ ? search_->NextTimeout() : std::nullopt;
}

}  // namespace natkit::mesh
