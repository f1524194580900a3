#include "reload_plan.h"

#include <gtest/gtest.h>

namespace natkit::stunsrv {
namespace {

Endpoint At(const char* text) {
  return *Endpoint::Parse(text);
}

TEST(ReloadPlan, OnlyWhatOverlapsIsReleasedFirst) {
  Settings before;
  before.udp = {At("0.0.0.0:3478"), At("192.0.2.1:9000")};
  before.tcp = {At("0.0.0.0:3478")};
  Settings after = before;
  EXPECT_FALSE(MustReleaseFirst(before, after));
  after.udp.push_back(At("192.0.2.1:3478"));  // the wildcard stays: no way
  EXPECT_FALSE(MustReleaseFirst(before, after));
  after.udp = {At("192.0.2.1:3478"), At("192.0.2.1:9000")};
  EXPECT_TRUE(MustReleaseFirst(before, after));
  EXPECT_TRUE(MustReleaseFirst(after, before));
  after.udp = {At("192.0.2.1:3479"), At("192.0.2.2:9000")};
  EXPECT_FALSE(MustReleaseFirst(before, after));
}

TEST(ReloadPlan, TcpTlsAndMetricsStandInEachOthersWay) {
  Settings before;
  before.tcp = {At("127.0.0.1:3478")};
  before.metrics = At("127.0.0.1:9478");
  Settings after;
  after.tls = before.tcp;
  after.metrics = before.metrics;
  EXPECT_TRUE(MustReleaseFirst(before, after));
  after.tls.clear();
  after.tcp = {At("127.0.0.1:9478")};
  after.metrics = At("127.0.0.1:3478");
  EXPECT_TRUE(MustReleaseFirst(before, after));
  after.udp = {At("127.0.0.1:3478")};  // another transport
  after.tcp = before.tcp;
  after.metrics = before.metrics;
  EXPECT_FALSE(MustReleaseFirst(before, after));
}

TEST(ReloadPlan, KeepsWhatIsInBoth) {
  Settings before;
  before.udp = {At("0.0.0.0:3478"), At("192.0.2.1:9000")};
  before.tls = {At("192.0.2.1:5349")};
  before.metrics = At("127.0.0.1:9478");
  before.partner = PartnerSettings{.link = At("192.0.2.1:3480")};
  before.max_connections = 7;
  Settings after = before;
  EXPECT_EQ(KeptOf(before, after).partner, before.partner);
  after.udp = {At("192.0.2.1:9000"), At("192.0.2.1:3478")};
  after.tls.clear();
  after.metrics.reset();
  after.partner->link = At("192.0.2.2:3480");
  const Settings kept = KeptOf(before, after);
  EXPECT_EQ(kept.udp, (std::vector<Endpoint>{At("192.0.2.1:9000")}));
  EXPECT_TRUE(kept.tls.empty());
  EXPECT_FALSE(kept.metrics);
  EXPECT_FALSE(kept.partner);
  EXPECT_EQ(kept.max_connections, 7U);
}

}  // namespace
}  // namespace natkit::stunsrv
