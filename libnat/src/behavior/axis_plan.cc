#include "behavior/axis_plan.h"

#include <algorithm>
#include <ranges>

#include "behavior/axis_tests.h"

namespace natkit::nat::behavior {

bool PlannedTest::AnswersAnyOf(const std::set<Axis>& axes) const {
  return std::ranges::any_of(
      answers, [&axes](Axis axis) { return axes.contains(axis); });
}

const std::vector<std::vector<PlannedTest>>& TestPlan() {
  using enum Axis;
  static const std::vector<std::vector<PlannedTest>> plan = {
      {{MakeServerTest, {kUdp, kServer, kTranslation}, {}, false},
       {MakePortalTest, {kCaptivePortal}, {}, false}},
      {{MakeMappingTest, {kMapping}, {}}},
      {{MakeFilteringTest, {kFiltering, kPoisoning}, {kMapping}},
       {MakeNat64Test, {kNat64}, {}}},
      {{MakeAllocationTest,
        {kAllocation, kPreservation, kParity, kContiguity, kPooling},
        {}}},
      {{MakeOverloadingTest, {kOverloading}, {kPooling}}},
      {{MakeHairpinningTest, {kHairpinning}, {kMapping, kFiltering}},
       {MakeFragmentsTest, {kFragments}, {}},
       {MakePayloadTest, {kPayload}, {}},
       {MakePortMappingTest, {kPortMapping}, {}},
       {MakeTcpTest, {kTcp}, {}, false}},
      {{MakeDepthTest, {kDepth}, {kPortMapping}},
       {MakeDeterminismTest, {kDeterminism}, {kMapping}}},
      {{MakeUnrepliedLifetimeTest, {kUnrepliedLifetime}, {}, true, true},
       {MakeOneExchangeLifetimeTest, {kOneExchangeLifetime}, {}, true, true},
       {MakeAssuredLifetimeTest, {kAssuredLifetime}, {}, true, true}},
      {{MakeOutboundRefreshTest, {kOutboundRefresh}, {kAssuredLifetime}},
       {MakeInboundRefreshTest, {kInboundRefresh}, {kAssuredLifetime}},
       {MakeTimerScopeTest, {kTimerScope}, {kAssuredLifetime, kMapping}}},
  };
  return plan;
}

std::set<Axis> WithNeeds(std::set<Axis> wanted) {
  for (const auto& stage : TestPlan() | std::views::reverse) {
    for (const PlannedTest& test : stage) {
      if (test.AnswersAnyOf(wanted)) {
        wanted.insert(test.needs.begin(), test.needs.end());
      }
    }
  }
  wanted.insert({Axis::kUdp, Axis::kServer, Axis::kTranslation});
  return wanted;
}

}  // namespace natkit::nat::behavior
