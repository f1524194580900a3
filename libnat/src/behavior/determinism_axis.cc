#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"
#include "behavior/mapping_sample.h"

namespace natkit::nat::behavior {
namespace {

constexpr int kAgain = 4;

/// Asks again while many other mappings exist (RFC 4787 REQ-11).
class DeterminismTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  Task<> OpenOne(size_t index);

  std::vector<Socket> sockets_;
  size_t opened_ = 0;
};

Task<> DeterminismTest::Run() {
  if (!traits().mapping || !targets().has_alternates) {
    session().DoNotKnow(Axis::kDeterminism, "mapping is not known");
    co_return;
  }
  if (traits().translation == Translation::kNone) {
    session().NotApplicable(Axis::kDeterminism, "nothing is translated");
    co_return;
  }
  std::vector<Task<>> load;
  for (size_t i = 0; i < config().load_mappings; ++i) {
    load.push_back(OpenOne(i));
  }
  WhenAll all(load);
  co_await all;
  Task<MappingSample> sampling = SampleMapping(session(), Axis::kDeterminism);
  MappingSample sample = co_await sampling;
  for (int i = 0; i < kAgain && sample.is_complete() &&
                  (!sample.is_steady || sample.Classify() != *traits().mapping);
       ++i) {
    // Two random ports or addresses may be equal now and then.
    Task<MappingSample> again = SampleMapping(session(), Axis::kDeterminism);
    sample = co_await again;
  }
  if (opened_ * 2 < config().load_mappings || !sample.is_complete()) {
    session().DoNotKnow(
        Axis::kDeterminism,
        std::to_string(opened_) + " of " +
            std::to_string(config().load_mappings) +
            " more mappings could be made: the NAT may set a quota");
    co_return;
  }
  if (!sample.is_steady) {
    session().DoNotKnow(Axis::kDeterminism, "mappings change with time");
    co_return;
  }
  report().is_deterministic = sample.Classify() == *traits().mapping;
  session().Determine(
      Axis::kDeterminism, *report().is_deterministic ? "yes" : "no",
      "with " + std::to_string(opened_) +
          " more mappings: " + std::string(DependenceName(sample.Classify())));
}

Task<> DeterminismTest::OpenOne(size_t index) {
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  std::optional<Socket> socket = co_await opening;
  if (!socket) {
    co_return;
  }
  const Endpoint to = index % 2 == 0 ? targets().a1p1 : *targets().a2p2;
  Task<Exchange> asking = lab().Transact(Lab::From(*socket, to));
  opened_ += (co_await asking).ok() ? 1 : 0;
  sockets_.push_back(std::move(*socket));
}

}  // namespace

AxisTestPtr MakeDeterminismTest(Session& session) {
  return std::make_unique<DeterminismTest>(session);
}

}  // namespace natkit::nat::behavior
