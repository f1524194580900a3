// The grid with attempts that are made up.

#include "grid/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <tuple>

#include "grid/report.h"

namespace natkit::netsim::grid {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

GridPlan SmallPlan() {
  return {.cases = AllCases(),
          .losses = {0, 0.05},
          .seeds = {1, 2, 3, 4},
          .delays = {5ms, 25ms},
          .controlling = {Controlling::kA, Controlling::kB}};
}

/// An attempt that ends as it should.
PunchResult AsExpected(const PunchSpec& spec) {
  return spec.grid_case.expects_direct()
             ? PunchResult{.found = Found::kDirect, .took = 100ms}
             : PunchResult{.found = Found::kNothing};
}

TEST(GridCase, TheMatrixIsWholeAndSymmetric) {
  const auto cases = AllCases();
  std::set<std::string> names;
  size_t pairs = 0;
  for (const GridCase& one : cases) {
    names.insert(one.name);
    if (!one.position) {
      continue;
    }
    ++pairs;
    const std::string mirrored = BehaviorName(one.position->column) + "/" +
                                 BehaviorName(one.position->row);
    const auto other = std::ranges::find(cases, mirrored, &GridCase::name);
    ASSERT_NE(other, cases.end());
    EXPECT_EQ(other->reach, one.reach) << one.name;
  }
  EXPECT_EQ(pairs, 81U);
  EXPECT_EQ(names.size(), cases.size());
}

TEST(Grid, TriesEachSeedWithEachDelayAndRole) {
  GridPlan plan = SmallPlan();
  plan.cases.resize(1);
  std::set<std::tuple<double, uint64_t, Duration, Controlling>> seen;
  const GridResult result = RunGrid(plan, [&seen](const PunchSpec& spec) {
    seen.insert({spec.loss, spec.seed, spec.delay, spec.controlling});
    return AsExpected(spec);
  });
  EXPECT_EQ(plan.attempts(), 32U);
  EXPECT_EQ(result.attempts, 32U);
  EXPECT_EQ(seen.size(), 32U);
}

TEST(Grid, CountsWhatDiffersAndSaysHowToReplayIt) {
  const GridPlan plan = SmallPlan();
  const auto punch = [](const PunchSpec& spec) {
    const bool is_wrong = spec.grid_case.name == "EI-APD/EI-APD" &&
                          spec.loss > 0 && spec.seed == 3;
    return is_wrong ? PunchResult{.found = Found::kHalf} : AsExpected(spec);
  };
  const GridResult result = RunGrid(plan, punch);
  EXPECT_EQ(result.deviating_cells(), 1U);
  const auto cell = std::ranges::find_if(
      result.cells, [](const CellResult& one) { return one.deviations() > 0; });
  ASSERT_NE(cell, result.cells.end());
  EXPECT_EQ(cell->deviations(), 4U);
  EXPECT_EQ(cell->direct, 12U);
  const std::string replay =
      "netsim matrix --cell EI-APD/EI-APD --loss 5 --delays 5 "
      "--controlling a --seed 3 --trace replay.pcapng";
  EXPECT_EQ(ReplayCommand(cell->first_deviation->spec), replay);
  for (const std::string& report : {ReportText(result), ReportJson(result),
                                    ReportJunit(result), ReportHtml(result)}) {
    EXPECT_THAT(report, HasSubstr(replay));
    EXPECT_THAT(report, HasSubstr("half"));
  }
}

TEST(Grid, ADirectPathWhereNoneIsExpectedDiffersToo) {
  GridPlan plan = SmallPlan();
  std::erase_if(plan.cases, [](const GridCase& one) {
    return one.name != "APD-APD/APD-APD";
  });
  const GridResult result = RunGrid(plan, [](const PunchSpec&) {
    return PunchResult{.found = Found::kDirect, .took = 1ms};
  });
  EXPECT_EQ(result.deviating_cells(), 2U);
  EXPECT_THAT(ReportText(result), HasSubstr("expected nothing, found direct"));
}

TEST(Grid, ReportsWithoutDeviationsSayNothingOfReplays) {
  const GridResult result = RunGrid(SmallPlan(), AsExpected);
  EXPECT_EQ(result.deviating_cells(), 0U);
  EXPECT_THAT(ReportText(result), Not(HasSubstr("--seed")));
  EXPECT_THAT(ReportJunit(result), HasSubstr("failures=\"0\""));
  EXPECT_THAT(ReportHtml(result), HasSubstr("Every cell is as expected"));
}

TEST(Grid, ReportsSayWhatTheyAreAboutAndHowToRepeatThem) {
  GridPlan plan = SmallPlan();
  GridResult result = RunGrid(plan, AsExpected);
  const std::string repeat =
      "netsim matrix --seeds 4 --loss 0,5 --delays 5,25 --controlling both "
      "--agent mesh";
  EXPECT_EQ(RepeatCommand(result), repeat);
  for (const std::string& report :
       {ReportJson(result), ReportJunit(result), ReportHtml(result)}) {
    EXPECT_THAT(report, HasSubstr(repeat));
    EXPECT_THAT(report, HasSubstr(std::string(Version())));
  }
  EXPECT_THAT(ReportJson(result),
              HasSubstr("{\"schema\": \"natkit-netsim-matrix-1\", "));
  EXPECT_THAT(ReportJson(result),
              HasSubstr("\"seeds\": [1, 2, 3, 4], \"first_seed\": 1, "
                        "\"loss_percents\": [0, 5], \"delays_ms\": [5, 25]"));
  EXPECT_THAT(ReportJunit(result),
              HasSubstr("<property name=\"seeds\" value=\"1 to 4\"/>"));
  EXPECT_THAT(ReportHtml(result), HasSubstr("delays (ms): <b>5, 25</b>"));
  EXPECT_THAT(ReportHtml(result), HasSubstr("attempts per cell: <b>16</b>"));

  std::erase_if(plan.cases, [](const GridCase& one) {
    return one.name != "EI-EI/EI-AD" && one.name != "same-lan";
  });
  plan.cases.front().is_overridden = true;
  plan.seeds = {7, 3};
  plan.controlling = {Controlling::kB};
  plan.agent = AgentKind::kRfc8445;
  result = RunGrid(plan, AsExpected);
  result.is_real = true;
  EXPECT_EQ(
      RepeatCommand(result),
      "netsim matrix --real --seed 7,3 --loss 0,5 --delays 5,25 "
      "--controlling b --agent rfc8445 --cell EI-EI/EI-AD --cell same-lan "
      "--expect EI-EI/EI-AD=yes");
}

TEST(Grid, QuantilesAreOfTheDirectAttempts) {
  CellResult cell{
      .grid_case = {}, .took = {1ms, 2ms, 3ms, 10ms}, .first_deviation = {}};
  EXPECT_EQ(cell.Quantile(0), 1ms);
  EXPECT_EQ(cell.Quantile(0.5), 2ms);
  EXPECT_EQ(cell.Quantile(0.95), 10ms);
  EXPECT_EQ(CellResult{}.Quantile(0.5), 0ms);
}

TEST(Grid, WritesNumbersAsPeopleDo) {
  EXPECT_EQ(PercentText(0.05), "5");
  EXPECT_EQ(PercentText(0.005), "0.5");
  EXPECT_EQ(MillisecondsText(1500us), "1.5");
}

}  // namespace
}  // namespace natkit::netsim::grid
