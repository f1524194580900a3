#include <chrono>

#include "node/node_impl.h"

namespace natkit::mesh {

void Node::Impl::HandleRelayOpen(Instant now, RelayId relay,
                                 const std::optional<PublicKey>& server_key) {
  if (const auto found = relays_.find(relay); found != relays_.end()) {
    found->second.HandleOpen(now, server_key);
    Settle(now);
  }
}

void Node::Impl::HandleRelayBytes(Instant now, RelayId relay, ByteView bytes) {
  if (const auto found = relays_.find(relay); found != relays_.end()) {
    found->second.HandleBytes(now, bytes);
    Settle(now);
  }
}

void Node::Impl::HandleRelayClosed(Instant now, RelayId relay,
                                   std::string_view reason) {
  if (const auto found = relays_.find(relay); found != relays_.end()) {
    found->second.HandleClosed(now, reason);
    Settle(now);
  }
}

void Node::Impl::DrainRelays(Instant now) {
  for (auto& [id, relay] : relays_) {
    while (auto event = relay.PollEvent()) {
      HandleRelayEvent(now, id, std::move(*event));
    }
    while (const auto command = relay.PollCommand()) {
      if (*command == StreamCommand::kConnect) {
        commands_.emplace_back(RelayConnect{id});
      } else {
        commands_.emplace_back(RelayClose{id});
      }
    }
  }
  UpdateHome();
}

void Node::Impl::HandleRelayEvent(Instant now, RelayId relay,
                                  RelayEvent event) {
  if (const auto* packet = std::get_if<RelayedPacket>(&event)) {
    TakeRelayed(now, relay, *packet);
  } else if (std::holds_alternative<RelayUp>(event)) {
    if (IsCurrent(relay)) {
      events_.emplace_back(
          RelayChanged{.relay = RelayOf(relay), .is_up = true});
    }
    home_.HandleUp(now, RelayOf(relay));
    TouchAll();
    GreetPeers(now);
    for (const auto& [id, peer] : peers_) {
      peer->link.HandleRelayUp(now);
    }
  } else if (auto* down = std::get_if<RelayDown>(&event)) {
    if (IsCurrent(relay)) {
      events_.emplace_back(RelayChanged{.relay = RelayOf(relay),
                                        .is_up = false,
                                        .reason = std::move(down->reason)});
    }
    if (!UpStream(RelayOf(relay))) {
      home_.HandleDown(now, RelayOf(relay));
    }
    TouchAll();
  } else if (const auto* measured = std::get_if<RelayMeasured>(&event)) {
    home_.HandleRoundTrip(now, RelayOf(relay), measured->round_trip);
  } else if (const auto* gone = std::get_if<RelayPeerGone>(&event)) {
    NodePeer* peer = FindPeer(gone->peer);
    if (peer != nullptr && peer->heard_on == RelayOf(relay)) {
      peer->heard_on.reset();
      Touch(*peer);
    }
  }
}

void Node::Impl::TakeRelayed(Instant now, RelayId relay,
                             const RelayedPacket& packet) {
  NodePeer* peer = FindPeer(packet.source);
  if (peer == nullptr) {
    ++counters_.dropped_unknown_senders;
    return;
  }
  peer->heard_on = RelayOf(relay);
  Touch(*peer);
  if (LooksLikeSignal(packet.bytes)) {
    TakeSignal(now, *peer, packet.bytes);
    return;
  }
  ++counters_.received_relayed;
  wg_in_.AppendCopy(packet.bytes,
                    {.remote = RelayedEndpoint(RelayOf(relay), peer->id)});
}

void Node::Impl::TakeSignal(Instant now, NodePeer& peer, ByteView packet) {
  const auto signal = peer.box.Open(packet);
  if (!signal) {
    ++counters_.dropped_bad_signals;
    return;
  }
  if (!peer.replay.Accept(*signal)) {
    ++counters_.dropped_replayed_signals;
    return;
  }
  if (const auto* offer = std::get_if<Offer>(&signal->body)) {
    if (offer->session != peer.link.session()) {
      peer.watch.Doubt(now);  // something changed there
    }
    peer.link.HandleSignal(now, *offer);
  } else if (const auto* answer = std::get_if<Answer>(&signal->body)) {
    peer.link.HandleSignal(now, *answer);
  } else if (const auto* request = std::get_if<RestartRequest>(&signal->body)) {
    peer.watch.Doubt(now);
    peer.link.HandleSignal(now, *request);
  } else if (const auto* query = std::get_if<PathQuery>(&signal->body)) {
    HandlePathQuery(now, peer, *query);
  } else if (const auto* report = std::get_if<PathReport>(&signal->body)) {
    if (peer.watch.HandleReport(now, *report)) {
      ReleaseHeld(peer);
    }
  } else if (const auto* punch = std::get_if<nat::PunchOffer>(&signal->body)) {
    TakePunch(now, peer, *punch);
  } else if (const auto* reply = std::get_if<nat::PunchAnswer>(&signal->body)) {
    hard_.HandleMessage(now, peer.id, *reply);
  } else if (const auto* no = std::get_if<nat::PunchRefusal>(&signal->body)) {
    hard_.HandleMessage(now, peer.id, *no);
  } else if (std::holds_alternative<Hello>(signal->body)) {
    HandleHello(now, peer);
  }
}

void Node::Impl::HandleHello(Instant now, NodePeer& peer) {
  const bool restarted = peer.replay.peer_restarted();
  peer.link.HandlePeerUp(now, restarted);
  const auto status = device_.GetPeer(peer.active.id);
  // What we sent before it was there is lost, and a peer that restarted has
  // forgotten our session: do not wait for WireGuard's timers.
  if (peer.link.is_active() && (restarted || !status || !status->has_session)) {
    (void)device_.InitiateHandshake(now, peer.active.id,
                                    wg::HandshakePace::kForced, wg_out_);
  }
}

void Node::Impl::GreetPeers(Instant now) {
  for (const auto& [id, peer] : peers_) {
    if (config_.greets == GreetPolicy::kAllPeers || peer->was_active) {
      SendSignal(now, *peer, Hello{});
    }
  }
}

void Node::Impl::SendSignal(Instant now, NodePeer& peer, SignalBody body) {
  const auto unix_now = now.time_since_epoch() + config_.wall_clock_offset;
  const Signal signal{
      .boot = boot_,
      .sequence = ++sequence_,
      .sent_unix_ms = static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(unix_now)
              .count()),
      .body = std::move(body)};
  const auto packet = peer.box.Seal(signal, rng_);
  if (packet.empty()) {
    return;
  }
  const auto relay = RelayFor(peer);
  const bool is_relayed =
      relay && relays_.at(*relay).Send(now, peer.active.key, packet);
  if (has_control_ && (!is_relayed || NeedsControl(now, peer))) {
    PushControl(peer, packet);
  } else if (!is_relayed) {
    ++counters_.dropped_no_relay;
  }
}

}  // namespace natkit::mesh
