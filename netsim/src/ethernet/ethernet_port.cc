#include "ethernet/ethernet_port.h"

#include <algorithm>

#include "ethernet/neighbor_messages.h"
#include "natkit/base/queue.h"

namespace natkit::netsim {
namespace {

uint16_t TypeOf(const IpAddress& address) {
  return address.is_v4() ? kEtherTypeIpv4 : kEtherTypeIpv6;
}

bool IsLimitedBroadcast(const IpAddress& address) {
  return address == IpAddress::V4(255, 255, 255, 255);
}

}  // namespace

EthernetPort::EthernetPort(MacAddress mac, std::vector<IpAddress> addresses)
    : mac_(mac),
      link_local_(LinkLocalAddress(mac)),
      addresses_(std::move(addresses)) {}

std::optional<MutableBytes> EthernetPort::HandleFrame(Instant now,
                                                      MutableBytes frame) {
  if (frame.size() <= kEthernetHeaderSize) {
    ++counters_.dropped_not_ours;
    return std::nullopt;
  }
  const MacAddress to = FrameDestination(frame);
  if (to != mac_ && !to.is_group()) {
    ++counters_.dropped_not_ours;
    return std::nullopt;
  }
  if (IsNeighborMessage(frame)) {
    HandleMessage(now, frame);
    return std::nullopt;
  }
  const uint16_t type = FrameType(frame);
  if (type != kEtherTypeIpv4 && type != kEtherTypeIpv6) {
    ++counters_.dropped_not_ours;
    return std::nullopt;
  }
  return frame.subspan(kEthernetHeaderSize);
}

void EthernetPort::HandleMessage(Instant now, ByteView frame) {
  const auto message = ParseNeighborMessage(frame);
  if (!message) {
    return;
  }
  const bool is_question = message->kind == NeighborMessage::Kind::kQuestion;
  const IpAddress& who = is_question ? message->sender : message->target;
  const bool is_for_us = is_question && IsOurs(message->target);
  if (message->sender_mac && !who.is_unspecified() && !IsOurs(who)) {
    // Who asks us will soon be talked to (RFC 826); an answer or an
    // announcement is news only about somebody we know.
    Learn(now, who, *message->sender_mac, is_for_us);
  }
  if (is_for_us) {
    Transmit(BuildAnswer(message->target, mac_, message->sender,
                         message->sender_mac.value_or(FrameSource(frame))));
  }
}

void EthernetPort::Learn(Instant now, const IpAddress& address,
                         const MacAddress& mac, bool may_create) {
  const auto found = neighbors_.find(address);
  Neighbor* neighbor = found == neighbors_.end() ? nullptr : &found->second;
  if (neighbor == nullptr && may_create) {
    neighbor = Create(address);
  }
  if (neighbor == nullptr || mac.is_group()) {
    return;
  }
  neighbor->mac = mac;
  neighbor->confirmed_at = now;
  if (neighbor->next_probe) {
    probes_.erase({*neighbor->next_probe, address});
    neighbor->next_probe.reset();
  }
  for (std::vector<uint8_t>& frame : neighbor->waiting) {
    WriteFrameHeader(frame, mac, mac_, TypeOf(address));
    Transmit(std::move(frame));
  }
  waiting_ -= neighbor->waiting.size();
  neighbor->waiting.clear();
}

bool EthernetPort::AddressFrame(Instant now, const IpAddress& next_hop,
                                MutableBytes frame) {
  if (next_hop.is_multicast() || IsLimitedBroadcast(next_hop)) {
    WriteFrameHeader(
        frame,
        next_hop.is_multicast() ? GroupMac(next_hop) : MacAddress::Broadcast(),
        mac_, TypeOf(next_hop));
    return true;
  }
  const auto found = neighbors_.find(next_hop);
  Neighbor* neighbor =
      found == neighbors_.end() ? Create(next_hop) : &found->second;
  if (neighbor == nullptr) {
    ++counters_.dropped_full;
    return false;
  }
  const bool is_stale = neighbor->mac && now - neighbor->confirmed_at > kFresh;
  if (!neighbor->mac) {
    Wait(*neighbor, frame);
  } else {
    WriteFrameHeader(frame, *neighbor->mac, mac_, TypeOf(next_hop));
  }
  const bool is_known = neighbor->mac.has_value();
  if (!neighbor->next_probe && (!is_known || is_stale)) {
    StartProbing(now, next_hop, *neighbor);
  }
  return is_known;
}

void EthernetPort::Wait(Neighbor& neighbor, ByteView frame) {
  if (waiting_ >= kMaxWaiting) {
    ++counters_.dropped_full;
    return;
  }
  neighbor.waiting.emplace_back(frame.begin(), frame.end());
  ++waiting_;
}

EthernetPort::Neighbor* EthernetPort::Create(const IpAddress& address) {
  if (neighbors_.size() >= kMaxNeighbors && !MakeRoom()) {
    return nullptr;
  }
  return &neighbors_[address];
}

/// Forgets the neighbor that was confirmed longest ago and is not being asked
/// for.
bool EthernetPort::MakeRoom() {
  auto oldest = neighbors_.end();
  for (auto it = neighbors_.begin(); it != neighbors_.end(); ++it) {
    if (!it->second.next_probe &&
        (oldest == neighbors_.end() ||
         std::pair(it->second.confirmed_at, it->first) <
             std::pair(oldest->second.confirmed_at, oldest->first))) {
      oldest = it;
    }
  }
  if (oldest == neighbors_.end()) {
    return false;
  }
  Forget(oldest);
  return true;
}

void EthernetPort::Forget(Neighbors::iterator neighbor) {
  if (neighbor->second.next_probe) {
    probes_.erase({*neighbor->second.next_probe, neighbor->first});
  }
  waiting_ -= neighbor->second.waiting.size();
  counters_.dropped_unresolved += neighbor->second.waiting.size();
  neighbors_.erase(neighbor);
}

void EthernetPort::ForgetNeighbors() {
  counters_.dropped_unresolved += waiting_;
  waiting_ = 0;
  probes_.clear();
  neighbors_.clear();
}

void EthernetPort::StartProbing(Instant now, const IpAddress& address,
                                Neighbor& neighbor) {
  neighbor.probes_left = kProbes;
  Probe(now, address, neighbor);
}

void EthernetPort::Probe(Instant now, const IpAddress& address,
                         Neighbor& neighbor) {
  if (const auto source = SourceFor(address)) {
    Transmit(BuildQuestion(*source, mac_, address));
  }
  --neighbor.probes_left;
  neighbor.next_probe = now + kProbeInterval;
  probes_.emplace(*neighbor.next_probe, address);
}

void EthernetPort::HandleTimeout(Instant now) {
  while (!probes_.empty() && probes_.begin()->first <= now) {
    const IpAddress address = probes_.begin()->second;
    probes_.erase(probes_.begin());
    const auto found = neighbors_.find(address);
    found->second.next_probe.reset();
    if (found->second.probes_left > 0) {
      Probe(now, address, found->second);
    } else {
      Forget(found);
    }
  }
}

std::optional<Instant> EthernetPort::NextTimeout() const {
  if (!transmits_.empty()) {
    return Instant::min();
  }
  return probes_.empty() ? std::nullopt : std::optional(probes_.begin()->first);
}

void EthernetPort::SetAddresses(std::vector<IpAddress> addresses) {
  addresses_ = std::move(addresses);
  Announce();
}

void EthernetPort::Announce() {
  for (const IpAddress& address : addresses_) {
    Transmit(BuildAnnouncement(address, mac_));
  }
}

std::optional<std::vector<uint8_t>> EthernetPort::PollTransmit() {
  return TakeFront(transmits_);
}

void EthernetPort::Transmit(std::vector<uint8_t> frame) {
  if (transmits_.size() >= kMaxTransmits) {
    ++counters_.dropped_full;
    return;
  }
  transmits_.push_back(std::move(frame));
}

bool EthernetPort::IsOurs(const IpAddress& address) const {
  return address == link_local_ ||
         std::ranges::find(addresses_, address) != addresses_.end();
}

std::optional<IpAddress> EthernetPort::SourceFor(
    const IpAddress& target) const {
  const auto found =
      std::ranges::find(addresses_, target.family(),
                        [](const IpAddress& ours) { return ours.family(); });
  if (found != addresses_.end()) {
    return *found;
  }
  return target.is_v6() ? std::optional(link_local_) : std::nullopt;
}

}  // namespace natkit::netsim
