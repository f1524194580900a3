#include "engine/box.h"

namespace natkit::netsim::engine {

Box::Route Box::RouteV6(Transit& packet) {
  if (config_.ipv6 == Ipv6Mode::kDrop) {
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  if (IsForBox(packet)) {
    DeliverLocally(packet);
    return std::nullopt;
  }
  const Side to = packet.from == Side::kInside ? Side::kOutside : Side::kInside;
  return RouteUntranslated(packet, to);
}

}  // namespace natkit::netsim::engine
