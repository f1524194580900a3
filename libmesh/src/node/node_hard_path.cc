#include <algorithm>
#include <chrono>

#include "node/node_impl.h"

namespace natkit::mesh {

namespace {

using std::chrono::seconds;

/// Ordinary checks have found what they can find by then, mostly.
constexpr Duration kOrdinarySearch = seconds(2);
/// An attempt takes less, mostly; a new session would change its secrets.
constexpr Duration kHold = seconds(45);
/// The peer is busy with another one; or ICE has yet to confirm a hit.
constexpr Duration kWait = seconds(60);

bool IsHard(const nat::PathSide& side) {
  return side.traits.mapping &&
         *side.traits.mapping != nat::Dependence::kEndpointIndependent;
}

/// Ports in reach, or no way at all: nothing to punch.
bool IsOutOfQuestion(const nat::PathSide& side) {
  return side.traits.is_udp_blocked ||
         side.mapped_port == nat::MappedPort::kReachable ||
         !side.traits.mapping;
}

/// Tells networks apart as far as their external addresses do.
std::string NameOf(const nat::PathSide& side) {
  std::vector<std::string> names;
  for (const IpAddress& address : side.traits.external_addresses) {
    names.push_back(address.ToString());
  }
  std::ranges::sort(names);
  std::string all;
  for (const std::string& name : names) {
    all += name + " ";
  }
  return all;
}

}  // namespace

bool Node::Impl::MayHardPunchHelp(const NodePeer& peer) const {
  const auto& theirs = peer.link.remote_network();
  return theirs && !IsOutOfQuestion(local_.network) &&
         !IsOutOfQuestion(*theirs) &&
         (IsHard(local_.network) || IsHard(*theirs));
}

std::optional<HardPathTask> Node::Impl::MakeHardTask(
    const NodePeer& peer) const {
  const auto secrets = peer.link.secrets();
  const auto& theirs = peer.link.remote_network();
  const auto main = std::ranges::find_if(
      local_.reflexive, [this](const ReflexiveAddress& address) {
        return address.base.address.is_v4() && !fresh_.contains(address.base);
      });
  if (!secrets || !theirs || main == local_.reflexive.end()) {
    return std::nullopt;
  }
  HardPathTask task{.peer = peer.id,
                    .local_network = NameOf(local_.network),
                    .peer_network = NameOf(*theirs),
                    .punch = {}};
  task.punch.main = main->base;
  task.punch.stun_servers = stun_servers_;
  task.punch.traits = local_.network.traits;
  task.punch.traits.mapping_quota = self_.mapping_quota;
  task.punch.role = secrets->role;
  task.punch.local = secrets->local;
  task.punch.remote = secrets->remote;
  return task;
}

std::optional<Instant> Node::Impl::HardDue(Instant now,
                                           const NodePeer& peer) const {
  // One side begins, so that two attempts never meet.
  if (!hard_.is_allowed() || hard_.busy_with() != wg::kNoPeer ||
      !peer.link.is_controlling()) {
    return std::nullopt;
  }
  const auto since = peer.link.searching_since();
  if (!since || !MayHardPunchHelp(peer) || (!RelayFor(peer) && !has_control_)) {
    return std::nullopt;
  }
  const auto task = MakeHardTask(peer);
  if (!task ||
      hard_.IsBackingOff(now, task->local_network, task->peer_network)) {
    return std::nullopt;
  }
  return std::max(*since + kOrdinarySearch, peer.hard_not_before);
}

void Node::Impl::BeginHardPunch(Instant now, NodePeer& peer) {
  const auto due = HardDue(now, peer);
  if (!due || now < *due) {
    return;
  }
  ++counters_.hard_attempts;
  peer.link.HoldSession(now + kHold);
  hard_.Start(now, *MakeHardTask(peer));
}

void Node::Impl::TakePunch(Instant now, NodePeer& peer,
                           const nat::PunchOffer& offer) {
  if (!hard_.is_allowed()) {
    hard_.HandleOffer(now, {.peer = peer.id}, offer);
    return;
  }
  auto task = MakeHardTask(peer);
  if (!task || peer.link.is_controlling() || !peer.link.searching_since()) {
    SendSignal(now, peer,
               nat::PunchRefusal{.attempt = offer.attempt,
                                 .reason = nat::PunchFailure::kBackingOff});
    return;
  }
  if (hard_.busy_with() == wg::kNoPeer) {
    ++counters_.hard_attempts;
    peer.link.HoldSession(now + kHold);
  }
  hard_.HandleOffer(now, std::move(*task), offer);
}

void Node::Impl::DrainHardPath(Instant now) {
  while (auto transmit = hard_.PollTransmit()) {
    ++counters_.hard_datagrams;
    PacketBatch& out = transmit->ttl ? openers_out_ : udp_out_;
    out.AppendCopy(transmit->payload, {.remote = transmit->to,
                                       .local = transmit->from,
                                       .tag = transmit->ttl.value_or(0)});
  }
  while (const auto event = hard_.PollEvent()) {
    if (NodePeer* peer = FindPeer(event->peer)) {
      HandleHardEvent(now, *peer, *event);
    } else if (const auto* hit = std::get_if<HardPathHit>(&event->what)) {
      CloseUnlessMain(hit->local);
    }
  }
}

void Node::Impl::HandleHardEvent(Instant now, NodePeer& peer,
                                 const HardPathEvent& event) {
  if (const auto* message = std::get_if<HardPathMessage>(&event.what)) {
    std::visit([&](const auto& body) { SendSignal(now, peer, body); },
               message->message);
  } else if (const auto* hit = std::get_if<HardPathHit>(&event.what)) {
    peer.hard_outcome = nat::HardPunchOutcome::kSucceeded;
    peer.hard_not_before = now + kWait;
    peer.link.HandleHardHit(now, hit->local, hit->remote);
    TouchAll();  // others may have waited for the end of it
  } else if (const auto* failed = std::get_if<HardPathFailed>(&event.what)) {
    NoteHardFailure(now, peer, failed->reason);
    TouchAll();
  }
}

void Node::Impl::NoteHardFailure(Instant now, NodePeer& peer,
                                 nat::PunchFailure reason) {
  switch (reason) {
    case nat::PunchFailure::kBackingOff:
      peer.hard_not_before = now + kWait;
      break;
    case nat::PunchFailure::kNotAllowed:
      peer.hard_outcome = nat::HardPunchOutcome::kNotAllowed;
      break;
    case nat::PunchFailure::kBudgetTooSmall:
      peer.hard_outcome = nat::HardPunchOutcome::kBudgetTooSmall;
      break;
    case nat::PunchFailure::kHopeless:
      peer.hard_outcome = nat::HardPunchOutcome::kHopeless;
      break;
    case nat::PunchFailure::kNoHit:
      peer.hard_outcome = nat::HardPunchOutcome::kFailed;
      break;
    case nat::PunchFailure::kNotNeeded:
    case nat::PunchFailure::kNoSamples:
    case nat::PunchFailure::kNoSockets:
    case nat::PunchFailure::kNoAnswer:
    case nat::PunchFailure::kRefused:
      peer.hard_outcome = nat::HardPunchOutcome::kBroken;
      break;
  }
}

nat::HardPunchOutcome Node::Impl::HardOutcome(const NodePeer& peer) const {
  using nat::HardPunchOutcome;
  if (peer.link.Path().direct &&
      peer.hard_outcome == HardPunchOutcome::kSucceeded) {
    return HardPunchOutcome::kSucceeded;
  }
  if (!MayHardPunchHelp(peer) || peer.link.Path().direct) {
    return HardPunchOutcome::kNotTried;
  }
  if (hard_.busy_with() == peer.id) {
    return HardPunchOutcome::kRunning;
  }
  const bool is_unknown = peer.hard_outcome == HardPunchOutcome::kNotTried ||
                          peer.hard_outcome == HardPunchOutcome::kSucceeded;
  if (!hard_.is_allowed() || (is_unknown && !peer.entry.hard_nat.is_allowed)) {
    return HardPunchOutcome::kNotAllowed;
  }
  return is_unknown ? HardPunchOutcome::kNotTried : peer.hard_outcome;
}

void Node::Impl::HandleSocketsOpened(Instant now, uint32_t request,
                                     const std::vector<Endpoint>& sockets) {
  if (request >= LifetimeProber::kFirstRequest) {
    lifetime_.HandleSocketsOpened(now, request, sockets);
  } else if (!TakeFreshSocket(now, request, sockets)) {
    hard_.HandleSocketsOpened(now, request, sockets);
  }
  Settle(now);
}

}  // namespace natkit::mesh
