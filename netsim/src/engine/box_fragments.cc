#include "engine/box.h"
#include "packet/wire.h"

// Fragments (RFC 4787 section 11). The first one has the ports: it is
// translated like a whole packet, and what was done to it is done to the rest
// that has the same source, destination, protocol and identification. What
// comes before it waits (kOutOfOrder) or is dropped (kInOrder). Nothing is
// reassembled. Outbound packets get new identifications, as two inside hosts
// may have chosen the same (RFC 7857 section 10, RFC 6864).

namespace natkit::netsim::engine {
namespace {

FragmentKey KeyOf(const Transit& packet) {
  const PacketInfo& info = packet.info;
  return {packet.from, info.protocol, info.fragment_id, info.source.address,
          info.destination.address};
}

/// RFC 1624, equation 3.
void RewriteFragmentId(MutableBytes packet, PacketInfo& info, uint16_t id) {
  const uint16_t checksum = wire::Get16(packet, wire::kIpv4Checksum);
  const uint32_t sum = static_cast<uint16_t>(~checksum) +
                       uint32_t{static_cast<uint16_t>(~info.fragment_id)} + id;
  wire::Put16(packet, wire::kIpv4Checksum,
              static_cast<uint16_t>(~wire::Fold(sum)));
  wire::Put16(packet, wire::kIpv4Id, id);
  info.fragment_id = id;
}

}  // namespace

Box::Route Box::RouteLaterFragment(Transit& packet) {
  const FragmentKey key = KeyOf(packet);
  if (const FragmentRule* rule = fragments_.FindRule(key)) {
    return ApplyFragmentRule(packet, *rule);
  }
  if (config_.fragments == FragmentMode::kInOrder ||
      !fragments_.Hold(now_, key, packet.bytes)) {
    ++counters_.dropped_fragment;
  }
  return std::nullopt;
}

Box::Route Box::ApplyFragmentRule(Transit& packet, const FragmentRule& rule) {
  if (rule.source.is_v4() != packet.info.is_v4()) {
    CrossLaterFragment(packet, rule);
    return std::nullopt;
  }
  if (!CanLeave(packet, rule.to)) {
    return std::nullopt;
  }
  RewriteSource(packet.bytes, packet.info, {rule.source, 0});
  RewriteDestination(packet.bytes, packet.info, {rule.destination, 0});
  if (packet.info.is_v4()) {
    RewriteFragmentId(packet.bytes, packet.info, rule.id);
  }
  return rule.to;
}

/// Sends the first fragment, which has been translated, and what waited for
/// it.
Box::Route Box::HandleFirstFragment(const FragmentKey& key, Transit& packet,
                                    Side to) {
  if (HasNapt(packet.info) && to == Side::kOutside) {
    RewriteFragmentId(packet.bytes, packet.info, next_fragment_id_++);
  }
  const FragmentRule rule = {to, packet.info.fragment_id,
                             packet.info.source.address,
                             packet.info.destination.address};
  fragments_.AddRule(now_, key, rule);
  const Route route = Finish(packet, to);
  for (std::vector<uint8_t>& bytes : fragments_.TakeHeld(key)) {
    const auto info = ParsePacket(bytes);
    Transit held = {key.from, MutableBytes(bytes), *info};
    if (const Route out = Finish(held, ApplyFragmentRule(held, rule))) {
      Queue(*out, std::move(bytes));
    }
  }
  return route;
}

}  // namespace natkit::netsim::engine
