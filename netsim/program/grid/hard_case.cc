#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "grid_case.h"
#include "natkit/nat/punch_plan.h"
#include "punch.h"

namespace natkit::netsim::grid {
namespace {

constexpr uint16_t kPfFirst = 50001;

/// What a sampler would find of this box.
nat::PunchSide SideOf(const BoxSpec& box, uint8_t number) {
  const auto address = IpAddress::V4(198, 51, 100, number);
  nat::PunchSide side;
  side.mapping = static_cast<nat::Dependence>(box.mapping);
  side.filtering = static_cast<nat::Dependence>(box.filtering);
  side.mapped = {address, box.range.first};
  side.budget = HardBudget();
  side.forecast.last = side.mapped;
  nat::PortRange range{box.range.first, box.range.last};
  if (box.ports == PortAssignment::kSequential) {
    side.forecast.pattern = nat::AllocationPattern::kSequential;
    side.forecast.step = 1;
    side.forecast.confidence = 1;
  } else if (box.ports == PortAssignment::kDynamicBlock) {
    side.forecast.pattern = nat::AllocationPattern::kBlock;
    range.last = static_cast<uint16_t>(range.first + box.block_size - 1);
  }
  side.forecast.areas = {{address, range}};
  return side;
}

/// Sets what to expect: what the planner promises, or what checks alone reach.
GridCase Expecting(GridCase one) {
  one.is_hard = true;
  one.position.reset();
  const auto decision = nat::MakePunchPlan(SideOf(one.a.front(), 1),
                                           SideOf(one.b.front(), 2), {});
  if (decision.plan) {
    one.reach = Reach::kSymmetric;
    one.chance = std::min(decision.plan->chance, 0.9999);
  }
  return one;
}

GridCase Pair(std::string name, std::string title, const BoxSpec& a,
              const BoxSpec& b) {
  GridCase one;
  one.name = "hard-" + std::move(name);
  one.title = std::move(title);
  one.a = {a};
  one.b = {b};
  return Expecting(std::move(one));
}

BoxSpec Symmetric() {
  return {.mapping = Dependence::kAddressAndPortDependent};
}

BoxSpec Block(uint16_t size) {
  BoxSpec box = Symmetric();
  box.ports = PortAssignment::kDynamicBlock;
  box.block_size = size;
  return box;
}

}  // namespace

std::vector<GridCase> HardCases() {
  std::vector<GridCase> cases;
  for (GridCase& one : AllCases()) {
    if (one.position && one.reach != Reach::kSymmetric) {
      one.title = one.name;
      one.name = "hard-" + one.name;
      cases.push_back(Expecting(std::move(one)));
    }
  }
  const BoxSpec easy;
  BoxSpec pf = Symmetric();
  pf.range.first = kPfFirst;
  BoxSpec sequence = Symmetric();
  sequence.ports = PortAssignment::kSequential;
  cases.push_back(Pair("EI-APD/pf", "EI-APD x ports 50001 to 65535", easy, pf));
  for (const uint16_t size : std::to_array<uint16_t>({512, 1024, 2048})) {
    const std::string text = std::to_string(size);
    cases.push_back(Pair("EI-APD/block-" + text,
                         "EI-APD x a block of " + text + " ports", easy,
                         Block(size)));
  }
  cases.push_back(
      Pair("EI-APD/sequence", "EI-APD x ports in sequence", easy, sequence));
  cases.push_back(
      Pair("blocks", "two blocks of 512 ports", Block(512), Block(512)));
  return cases;
}

}  // namespace natkit::netsim::grid
