#include "fabric/ethernet_box.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "natkit/base/copy.h"
#include "packet/wire.h"

namespace natkit::netsim {
namespace {

std::optional<IpAddress> DestinationOf(ByteView packet) {
  if (packet.size() >= wire::kIpv4HeaderSize && wire::IsV4(packet)) {
    return wire::GetV4(packet, wire::kIpv4Destination);
  }
  if (packet.size() >= wire::kIpv6HeaderSize && !wire::IsV4(packet)) {
    return wire::GetV6(packet, wire::kIpv6Destination);
  }
  return std::nullopt;
}

}  // namespace

EthernetBox::EthernetBox(const NatConfig& config, uint64_t seed, BoxSide inside,
                         BoxSide outside, Instant start)
    : engine_(config, seed, start),
      ports_{EthernetPort(inside.mac, std::move(inside.addresses)),
             EthernetPort(outside.mac, outside.addresses)},
      routes_{std::move(inside.routes), std::move(outside.routes)},
      outside_addresses_(std::move(outside.addresses)) {
  for (std::vector<BoxRoute>& routes : routes_) {
    // The longest prefix is the first that contains an address. Inserted one
    // by one: a stable sort that does not need library scratch memory.
    for (auto at = routes.begin(); at != routes.end(); ++at) {
      const auto place = std::upper_bound(
          routes.begin(), at, *at, [](const BoxRoute& a, const BoxRoute& b) {
            return a.to.length() > b.to.length();
          });
      std::rotate(place, at, std::next(at));
    }
  }
}

std::optional<Side> EthernetBox::HandleFrame(Instant now, Side from,
                                             MutableBytes frame) {
  const auto packet = ports_[Index(from)].HandleFrame(now, frame);
  if (!packet) {
    return std::nullopt;
  }
  const auto to = engine_.Process(now, from, *packet);
  const bool is_group = FrameDestination(frame).is_group();
  // A router passes no link-layer broadcast on (RFC 1812 section 5.3.4).
  if (!to || is_group || !Address(now, *to, frame)) {
    return std::nullopt;
  }
  return to;
}

bool EthernetBox::Address(Instant now, Side side, MutableBytes frame) {
  const auto to = DestinationOf(frame.subspan(kEthernetHeaderSize));
  const auto next_hop = to ? NextHop(side, *to) : std::nullopt;
  if (!next_hop) {
    ++dropped_no_route_;
    return false;
  }
  return ports_[Index(side)].AddressFrame(now, *next_hop, frame);
}

std::optional<IpAddress> EthernetBox::NextHop(Side side,
                                              const IpAddress& to) const {
  if (to.is_multicast() || to.is_link_local()) {
    return to;
  }
  for (const BoxRoute& route : routes_[Index(side)]) {
    if (route.to.Contains(to)) {
      return route.via ? *route.via : to;
    }
  }
  return std::nullopt;
}

std::optional<EthernetBox::Output> EthernetBox::PollTransmit(Instant now) {
  for (const Side side : {Side::kInside, Side::kOutside}) {
    if (auto frame = ports_[Index(side)].PollTransmit()) {
      return Output{side, *std::move(frame)};
    }
  }
  while (auto made = engine_.PollTransmit()) {
    std::vector<uint8_t> frame(kEthernetHeaderSize + made->bytes.size());
    CopyBytes(made->bytes, MutableBytes(frame).subspan(kEthernetHeaderSize));
    if (Address(now, made->to, frame)) {
      return Output{made->to, std::move(frame)};
    }
    if (auto question = ports_[Index(made->to)].PollTransmit()) {
      return Output{made->to, *std::move(question)};
    }
  }
  return std::nullopt;
}

std::optional<Instant> EthernetBox::NextTimeout() const {
  std::optional<Instant> next = engine_.NextTimeout();
  for (const EthernetPort& port : ports_) {
    const auto other = port.NextTimeout();
    if (other && (!next || *other < *next)) {
      next = other;
    }
  }
  return next;
}

void EthernetBox::HandleTimeout(Instant now) {
  for (EthernetPort& port : ports_) {
    port.HandleTimeout(now);
  }
  engine_.HandleTimeout(now);
}

void EthernetBox::Announce() {
  for (EthernetPort& port : ports_) {
    port.Announce();
  }
}

void EthernetBox::Reboot(Instant now, std::optional<IpAddress> address) {
  engine_.Reboot(now, address);
  if (address && !outside_addresses_.empty()) {
    std::ranges::replace(outside_addresses_, outside_addresses_.front(),
                         *address);
  }
  ports_[Index(Side::kOutside)].SetAddresses(outside_addresses_);
  ports_[Index(Side::kInside)].Announce();
}

}  // namespace natkit::netsim
