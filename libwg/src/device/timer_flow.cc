#include <variant>

#include "device/device_impl.h"

namespace natkit::wg {

void Device::Impl::HandleTimeout(Instant now, PacketBatch& out) {
  while (Peer* peer = deadlines_.Due(now)) {
    while (const auto timer = peer->timers.TakeDue(now)) {
      HandleTimer(now, *peer, *timer, out);
    }
    Reschedule(*peer);
  }
}

void Device::Impl::HandleTimer(Instant now, Peer& peer, Timer timer,
                               PacketBatch& out) {
  switch (timer) {
    case Timer::kGiveUp:
      return GiveUp(now, peer);
    case Timer::kRetransmit:
      // Our address may be what is wrong: let the system choose again.
      peer.local = {};
      (void)StartHandshake(now, peer, HandshakeCause::kRetry, out);
      return;
    case Timer::kKeepalive:
      SendKeepalive(now, peer, out);
      peer.timers.OnKeepaliveExpired(now);
      return;
    case Timer::kNewHandshake:
      peer.local = {};
      (void)StartHandshake(now, peer, HandshakeCause::kWanted, out);
      return;
    case Timer::kEraseKeys:
      FlushStaged(peer);
      if (ClearSessions(peer)) {
        Raise(SessionExpired{peer.id});
      }
      return;
    case Timer::kPersistentKeepalive:
      peer.timers.OnPersistentKeepaliveExpired(now);
      SendKeepalive(now, peer, out);
      return;
  }
}

void Device::Impl::GiveUp(Instant now, Peer& peer) {
  DropPending(peer);
  FlushStaged(peer);
  peer.timers.OnGaveUp(now);
  Raise(HandshakeGaveUp{peer.id});
}

void Device::Impl::FlushStaged(Peer& peer) {
  Count(DropReason::kStagedFlushed, peer.staged.TakeAll().size());
}

void Device::Impl::Reschedule(Peer& peer) {
  deadlines_.Update(peer, peer.timers.Next());
}

Duration Device::Impl::Jitter() {
  const auto bound = static_cast<uint64_t>(kMaxJitter.count()) + 1;
  return Duration(static_cast<Duration::rep>(rng_.Below(bound)));
}

void Device::Impl::Raise(const DeviceEvent& event) {
  const auto* moved = std::get_if<EndpointChanged>(&event);
  const auto* last =
      events_.empty() ? nullptr : std::get_if<EndpointChanged>(&events_.back());
  if (moved != nullptr && last != nullptr && moved->peer == last->peer) {
    events_.back() = event;  // only the last place matters
    return;
  }
  if (events_.size() >= config_.max_queued_events) {
    events_.pop_front();
    ++counters_.events_lost;
  }
  events_.push_back(event);
}

}  // namespace natkit::wg
