#include "natkit/netsim/scenario.h"

#include <algorithm>

namespace natkit::netsim {
namespace {

template <class Item>
const Item* FindByName(const std::vector<Item>& items, std::string_view name) {
  const auto found = std::ranges::find(items, name, &Item::name);
  return found == items.end() ? nullptr : &*found;
}

}  // namespace

const Network* Scenario::FindNetwork(std::string_view wanted) const {
  return FindByName(networks, wanted);
}

const Host* Scenario::FindHost(std::string_view wanted) const {
  return FindByName(hosts, wanted);
}

const Nat* Scenario::FindNat(std::string_view wanted) const {
  return FindByName(nats, wanted);
}

const Nat* Scenario::UplinkOf(std::string_view network) const {
  const auto found = std::ranges::find(nats, network, &Nat::inside);
  return found == nats.end() ? nullptr : &*found;
}

}  // namespace natkit::netsim
