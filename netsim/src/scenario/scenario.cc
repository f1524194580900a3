#include "natkit/netsim/scenario.h"

#include <algorithm>
#include <tuple>

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

bool Step::operator==(const Step& other) const {
  const auto value = [](const Step& step) {
    return std::tie(step.name, step.member, step.command, step.event,
                    step.argument, step.expected_exit, step.expected_output,
                    step.is_background, step.may_exit, step.within,
                    step.timeout);
  };
  return value(*this) == value(other);
}

}  // namespace natkit::netsim
