#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "signal/signal_proto.h"

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;

nat::PunchSide MakeSide() {
  nat::PunchSide side;
  side.mapping = nat::Dependence::kAddressAndPortDependent;
  side.filtering = nat::Dependence::kAddressDependent;
  side.mapped = *Endpoint::Parse("203.0.113.7:4000");
  side.forecast = {.is_constant = false,
                   .pattern = nat::AllocationPattern::kSequential,
                   .step = -2,
                   .last = *Endpoint::Parse("203.0.113.7:4008"),
                   .foreign_rate = 2.5,
                   .areas = {{IpAddress::V4(203, 0, 113, 7), {1024, 65535}},
                             {*IpAddress::Parse("2001:db8::7"), {1, 2}}},
                   .confidence = 0.999};
  side.sample_age = milliseconds(120);
  side.mapping_quota = 512;
  side.budget.max_sockets = 77;
  return side;
}

nat::PunchAnswer MakeAnswer() {
  nat::PunchAnswer answer{.attempt = 42, .side = MakeSide(), .plan = {}};
  answer.plan = {.method = nat::PunchMethod::kCrossing,
                 .initiator = {.sockets = 3,
                               .flows = 4,
                               .opens = true,
                               .checks_after = milliseconds(5),
                               .checks_for = milliseconds(6),
                               .packets_per_second = 7},
                 .responder = {.flows = 8},
                 .lasts = milliseconds(9000),
                 .chance = 0.5};
  return answer;
}

template <class Body>
Result<Body> Carry(const Body& body) {
  const auto signal = DecodeSignal(AsBytes(EncodeSignal({.body = body})));
  if (!signal) {
    return std::unexpected(signal.error());
  }
  return std::get<Body>(signal->body);
}

TEST(PunchSignal, CarriesEveryMessageUnchanged) {
  const nat::PunchOffer offer{.attempt = 7, .side = MakeSide()};
  EXPECT_EQ(Carry(offer), offer);
  EXPECT_EQ(Carry(MakeAnswer()), MakeAnswer());
  const nat::PunchRefusal refusal{.attempt = 9,
                                  .reason = nat::PunchFailure::kHopeless};
  EXPECT_EQ(Carry(refusal), refusal);
}

TEST(PunchSignal, RefusesWhatIsOutOfBounds) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<std::function<void(nat::PunchAnswer&)>> changes = {
      [](auto& m) { m.side.mapped.port = 0; },
      [](auto& m) { m.side.forecast.last.port = 0; },
      [](auto& m) { m.side.forecast.areas[0].ports.first = 0; },
      [](auto& m) { m.side.forecast.foreign_rate = kInfinity; },
      [](auto& m) { m.side.forecast.confidence = -kInfinity; },
      [](auto& m) { m.side.budget.quota_share = kInfinity; },
      [](auto& m) { m.side.sample_age = std::chrono::hours(2); },
      [](auto& m) { m.side.forecast.areas.resize(nat::kMaxPortAreas + 1); },
      [](auto& m) { m.plan.chance = kInfinity; },
      [](auto& m) { m.plan.lasts = std::chrono::hours(2); },
      [](auto& m) { m.plan.responder.checks_for = std::chrono::hours(2); },
      [](auto& m) { m.plan.method = static_cast<nat::PunchMethod>(9); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    nat::PunchAnswer answer = MakeAnswer();
    changes[i](answer);
    EXPECT_EQ(Carry(answer), Fail(Errc::kBadSignal)) << i;
  }
  EXPECT_EQ(
      Carry(nat::PunchRefusal{.reason = static_cast<nat::PunchFailure>(200)}),
      Fail(Errc::kBadSignal));
}

}  // namespace
}  // namespace natkit::mesh
