#include "node/reflexive_prober.h"

#include <gtest/gtest.h>

#include <chrono>

namespace natkit::mesh {
namespace {

using std::chrono::seconds;

TEST(ReflexiveProber, AsksOnlyServersOfTheBasesFamily) {
  SeededRng rng(1);
  ReflexiveProber prober(rng);
  prober.SetBases({}, {*Endpoint::Parse("10.0.0.2:4000")});
  prober.SetServers({}, {*Endpoint::Parse("192.0.2.1:3478"),
                         *Endpoint::Parse("[2001:db8::1]:3478")});
  const auto first = prober.PollTransmit();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->from.ToString(), "10.0.0.2:4000");
  EXPECT_EQ(first->datagram.to.ToString(), "192.0.2.1:3478");
  EXPECT_FALSE(prober.PollTransmit().has_value());
}

TEST(ReflexiveProber, AsksAgainAfterTwentySecondsAndAtOnceOnRefresh) {
  SeededRng rng(1);
  ReflexiveProber prober(rng);
  prober.SetBases({}, {*Endpoint::Parse("10.0.0.2:4000")});
  prober.SetServers({}, {*Endpoint::Parse("192.0.2.1:3478")});
  const auto first = prober.PollTransmit();
  ASSERT_TRUE(first.has_value());
  prober.Refresh(Instant{seconds(1)});
  const auto second = prober.PollTransmit();
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(first->datagram.payload, second->datagram.payload);
  while (prober.PollTransmit()) {
  }
  prober.HandleTimeout(Instant{seconds(21)});
  EXPECT_TRUE(prober.PollTransmit().has_value());
}

TEST(ReflexiveProber, IgnoresWhatItDidNotAskFor) {
  SeededRng rng(1);
  ReflexiveProber prober(rng);
  const auto base = *Endpoint::Parse("10.0.0.2:4000");
  const auto server = *Endpoint::Parse("192.0.2.1:3478");
  prober.SetBases({}, {base});
  prober.SetServers({}, {server});
  EXPECT_FALSE(prober.HandleDatagram({}, base, server, {}));
  EXPECT_FALSE(
      prober.HandleDatagram({}, base, *Endpoint::Parse("192.0.2.9:3478"), {}));
  EXPECT_FALSE(prober.PollChange().has_value());
}

}  // namespace
}  // namespace natkit::mesh
