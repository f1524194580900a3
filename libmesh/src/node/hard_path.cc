#include "node/hard_path.h"

#include "natkit/base/queue.h"

namespace natkit::mesh {

namespace {

bool IsOver(const nat::HardPunch& punch) {
  return (punch.state() == nat::HardPunchState::kHit ||
          punch.state() == nat::HardPunchState::kFailed) &&
         !punch.NextTimeout();
}

}  // namespace

void HardPath::Begin(HardPathTask task) {
  task_ = std::move(task);
  main_ = task_.punch.main;
  task_.punch.is_allowed = policy_.is_allowed;
  task_.punch.budget = policy_.budget;
  sockets_.clear();
  awaited_.reset();
  punch_.emplace(std::move(task_.punch), rng_);
}

void HardPath::Start(Instant now, HardPathTask task) {
  if (punch_) {
    return;
  }
  Begin(std::move(task));
  punch_->Start(now);
  Drain(now);
}

void HardPath::HandleOffer(Instant now, HardPathTask task,
                           const nat::PunchOffer& offer) {
  if (!policy_.is_allowed) {
    Refuse(task.peer, offer.attempt, nat::PunchFailure::kNotAllowed);
    return;
  }
  if (punch_ && task_.peer == task.peer) {
    HandleMessage(now, task.peer, offer);
    return;
  }
  if (punch_ || IsBackingOff(now, task.local_network, task.peer_network)) {
    Refuse(task.peer, offer.attempt, nat::PunchFailure::kBackingOff);
    return;
  }
  Begin(std::move(task));
  punch_->HandleMessage(now, offer);
  Drain(now);
}

void HardPath::Refuse(wg::PeerId peer, uint64_t attempt,
                      nat::PunchFailure reason) {
  events_.push_back({peer, HardPathMessage{nat::PunchRefusal{
                               .attempt = attempt, .reason = reason}}});
}

void HardPath::HandleMessage(Instant now, wg::PeerId peer,
                             const nat::PunchMessage& message) {
  if (punch_ && task_.peer == peer) {
    punch_->HandleMessage(now, message);
    Drain(now);
  }
}

void HardPath::HandleSocketsOpened(Instant now, uint32_t request,
                                   const std::vector<Endpoint>& sockets) {
  if (!punch_ || awaited_ != request) {
    if (!sockets.empty()) {
      commands_.emplace_back(SocketsClose{sockets});
    }
    return;
  }
  awaited_.reset();
  sockets_.insert(sockets_.end(), sockets.begin(), sockets.end());
  for (const Endpoint& socket : sockets) {
    punch_->HandleSocketOpened(now, socket);
  }
  punch_->HandleSocketsDone(now);
  Drain(now);
}

bool HardPath::HandleDatagram(Instant now, const Endpoint& local,
                              const Endpoint& from, ByteView datagram) {
  if (!punch_ || !punch_->HandleDatagram(now, local, from, datagram)) {
    return false;
  }
  Drain(now);
  return true;
}

void HardPath::HandleTimeout(Instant now) {
  if (punch_) {
    punch_->HandleTimeout(now);
    Drain(now);
  }
}

void HardPath::Abort() {
  if (!punch_) {
    return;
  }
  CloseAllBut(std::nullopt);
  punch_.reset();
}

void HardPath::Close(const Endpoint& socket) {
  commands_.emplace_back(SocketsClose{{socket}});
}

void HardPath::CloseAllBut(const std::optional<Endpoint>& keep) {
  SocketsClose close{std::move(sockets_)};
  sockets_.clear();
  if (keep) {
    std::erase(close.sockets, *keep);
  }
  if (!close.sockets.empty()) {
    commands_.emplace_back(std::move(close));
  }
}

void HardPath::Drain(Instant now) {
  while (auto transmit = punch_->PollTransmit()) {
    transmits_.push_back(std::move(*transmit));
  }
  while (auto event = punch_->PollEvent()) {
    HandleEvent(now, std::move(*event));
  }
  if (IsOver(*punch_)) {
    punch_.reset();
  }
}

void HardPath::HandleEvent(Instant now, nat::HardPunchEvent event) {
  if (const auto* open = std::get_if<nat::OpenSocketsEvent>(&event)) {
    awaited_ = ++requests_;
    commands_.emplace_back(SocketsOpen{
        .request = requests_, .address = main_.address, .count = open->count});
  } else if (const auto* close = std::get_if<nat::CloseSocketsEvent>(&event)) {
    CloseAllBut(close->keep);
  } else if (auto* message = std::get_if<nat::PunchMessageEvent>(&event)) {
    events_.push_back(
        {task_.peer, HardPathMessage{std::move(message->message)}});
  } else if (const auto* hit = std::get_if<nat::PunchHitEvent>(&event)) {
    backoff_.Succeeded(task_.local_network, task_.peer_network);
    events_.push_back({task_.peer, HardPathHit{hit->local, hit->remote}});
  } else if (const auto* failed = std::get_if<nat::PunchFailedEvent>(&event)) {
    if (failed->reason != nat::PunchFailure::kBackingOff) {
      backoff_.Failed(now, task_.local_network, task_.peer_network);
    }
    events_.push_back({task_.peer, HardPathFailed{failed->reason}});
  }
}

std::optional<nat::PunchTransmit> HardPath::PollTransmit() {
  return TakeFront(transmits_);
}

std::optional<HardPathEvent> HardPath::PollEvent() {
  return TakeFront(events_);
}

std::optional<SocketCommand> HardPath::PollCommand() {
  return TakeFront(commands_);
}

std::optional<Instant> HardPath::NextTimeout() const {
  return punch_ ? punch_->NextTimeout() : std::nullopt;
}

}  // namespace natkit::mesh
