#include "natkit/mesh/fleet/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet_support.h"
#include "verify_support.h"

namespace natkit::mesh {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// A server, a laptop behind a NAT, and an office with a network.
FleetPlan Trio() {
  return PlanFleet(FleetFileOf(
      "[fleet]\n" + FleetNodeText("server", 1, EndpointText(1)) +
      FleetNodeText("laptop", 2) +
      FleetNodeText("office", 3,
                    EndpointText(3) + "routes = [\"192.168.7.0/24\"]\n")));
}

LinkState StateOf(const Observed& seen, const std::string& node,
                  const std::string& peer) {
  for (const LinkReport& link : seen.Verify().links) {
    if (link.node == node && link.peer == peer) {
      return link.state;
    }
  }
  ADD_FAILURE() << "no link " << node << " " << peer;
  return LinkState::kUnknown;
}

TEST(VerifyFleet, AHealthyFleetHasNoFindings) {
  const Observed seen(Trio());
  EXPECT_THAT(seen.Findings(), IsEmpty());
  EXPECT_TRUE(seen.Verify().is_fine());
  EXPECT_EQ(seen.Verify().links.size(), 6U);
  EXPECT_EQ(seen.Verify().links[0].handshake_age, seconds(100));
  EXPECT_EQ(StateOf(seen, "server", "laptop"), LinkState::kUp);
}

TEST(VerifyFleet, NodesWithoutADumpAreNoted) {
  Observed seen(Trio());
  seen.dumps.pop_back();
  EXPECT_THAT(seen.Findings(), ElementsAre("note no-dump office : there is no "
                                           "dump of it"));
  EXPECT_TRUE(seen.Verify().is_fine());
  seen.dumps.push_back({"printer", {}, kNoon});
  EXPECT_THAT(seen.Findings(),
              Contains(StartsWith("fault unknown-node printer ")));
}

TEST(VerifyFleet, FindsTheInterfaceByNameOrKey) {
  Observed seen(Trio());
  WgDumpInterface other;
  other.name = "wg7";
  seen.Dump("laptop").interfaces.insert(seen.Dump("laptop").interfaces.begin(),
                                        other);
  EXPECT_THAT(seen.Findings(), IsEmpty());
  seen.Dump("laptop").interfaces.back().name = "renamed";
  EXPECT_THAT(seen.Findings(), IsEmpty());
  seen.Interface("server").name = "";  // of `wg show wg0 dump`
  EXPECT_THAT(seen.Findings(), IsEmpty());
  seen.Dump("laptop").interfaces.pop_back();
  EXPECT_THAT(seen.Findings(),
              ElementsAre(StartsWith("fault no-interface laptop ")));
}

TEST(VerifyFleet, KeyAndPortMustBeThePlans) {
  Observed seen(Trio());
  seen.Interface("server").listen_port = 1000;
  EXPECT_THAT(seen.Findings(),
              ElementsAre("fault wrong-port server : it listens at port 1000 "
                          "instead of 51820"));
  seen = Observed(Trio());
  seen.Interface("laptop").public_key = TestKey(77);
  EXPECT_THAT(seen.Findings(), Contains(StartsWith("fault wrong-key laptop ")));
  seen.Interface("laptop").public_key = std::nullopt;
  EXPECT_THAT(seen.Findings(), Contains(HasSubstr("has no private key")));
}

TEST(VerifyFleet, NamesMissingAndUnknownPeers) {
  Observed seen(Trio());
  std::erase_if(seen.Interface("server").peers, [](const WgDumpPeer& peer) {
    return peer.public_key == TestKey(2);
  });
  EXPECT_THAT(seen.Findings(),
              Contains(StartsWith("fault missing-peer server laptop:")));
  seen = Observed(Trio());
  WgDumpPeer stranger;
  stranger.public_key = TestKey(99);
  seen.Interface("server").peers.push_back(stranger);
  EXPECT_THAT(seen.Findings(),
              ElementsAre(AllOf(StartsWith("fault unknown-peer server :"),
                                HasSubstr("which is no node's"))));
}

TEST(VerifyFleet, APeerThatTheTopologyDoesNotHaveIsNamed) {
  Observed seen(PlanFleet(FleetFileOf(TwoHubsText())));
  WgDumpPeer extra;
  extra.public_key = TestKey(2);
  seen.Interface("s1").peers.push_back(extra);
  EXPECT_THAT(seen.Findings(),
              ElementsAre(AllOf(StartsWith("fault unknown-peer s1 h2:"),
                                HasSubstr("should not be there"))));
}

TEST(VerifyFleet, NamesBothWhenAPrefixIsAtAnotherPeer) {
  Observed seen(Trio());
  auto& office = seen.Peer("server", "office").allowed_ips;
  auto& laptop = seen.Peer("server", "laptop").allowed_ips;
  laptop.push_back(office.back());
  office.pop_back();
  EXPECT_THAT(seen.Findings(),
              ElementsAre(AllOf(
                  StartsWith("fault prefix-of-other server office:"),
                  HasSubstr("192.168.7.0/24 of office belongs to laptop"))));
}

TEST(VerifyFleet, ALongerPrefixElsewhereShadowsThePlannedOne) {
  Observed seen(Trio());
  seen.Peer("server", "laptop")
      .allowed_ips.push_back(*IpPrefix::Parse("192.168.7.128/25"));
  EXPECT_THAT(
      seen.Findings(),
      ElementsAre(AllOf(StartsWith("fault prefix-of-other server office:"),
                        HasSubstr("192.168.7.0/24 of office is shadowed by "
                                  "192.168.7.128/25 of laptop"))));
}

TEST(VerifyFleet, PrefixesMissOrAreTooMany) {
  Observed seen(Trio());
  seen.Peer("server", "office").allowed_ips.pop_back();
  EXPECT_THAT(seen.Findings(),
              ElementsAre(HasSubstr("fault missing-prefix server office: "
                                    "192.168.7.0/24 of office belongs to no "
                                    "peer")));
  seen = Observed(Trio());
  seen.Peer("server", "office")
      .allowed_ips.push_back(*IpPrefix::Parse("10.99.0.0/16"));
  EXPECT_THAT(seen.Findings(),
              ElementsAre(HasSubstr("fault extra-prefix server office: "
                                    "10.99.0.0/16 belongs to office")));
}

TEST(VerifyFleet, KeepalivesMustBeWhereANatIs) {
  Observed seen(Trio());
  seen.Peer("laptop", "server").keepalive = seconds(0);
  EXPECT_THAT(seen.Findings(),
              ElementsAre(StartsWith("fault missing-keepalive laptop server")));
  seen.Peer("laptop", "server").keepalive = seconds(60);
  EXPECT_THAT(
      seen.Findings(),
      ElementsAre(AllOf(StartsWith("note other-keepalive laptop server"),
                        HasSubstr("each 60 s instead of 25 s"))));
  seen = Observed(Trio());
  seen.Peer("server", "laptop").keepalive = seconds(25);
  EXPECT_THAT(seen.Findings(), ElementsAre(HasSubstr("which are not needed")));
}

TEST(VerifyFleet, BothEndsNeedThePresharedKey) {
  Observed seen(Trio());
  seen.Peer("server", "laptop").has_preshared_key = true;
  EXPECT_THAT(seen.Findings(),
              ElementsAre(StartsWith("fault psk-one-sided laptop server:")));
  seen.Peer("laptop", "server").has_preshared_key = true;
  EXPECT_THAT(seen.Findings(), IsEmpty());
  seen.preshared_pairs = {MakeFleetPair("server", "office"),
                          MakeFleetPair("server", "laptop")};
  EXPECT_THAT(seen.Findings(),
              ElementsAre(StartsWith("fault psk-missing server office:"),
                          StartsWith("fault psk-missing office server:")));
}

/// Between server and office there are no keepalives; between server and
/// laptop there are.
struct AgeCase {
  int age;
  LinkState with_keepalive;
  LinkState without;
};

TEST(VerifyFleet, DownIsAbove180SecondsWithKeepalives) {
  const std::vector<AgeCase> cases = {
      {0, LinkState::kUp, LinkState::kUp},
      {125, LinkState::kUp, LinkState::kUp},
      {180, LinkState::kUp, LinkState::kUp},
      {181, LinkState::kDown, LinkState::kIdle},
      {100000, LinkState::kDown, LinkState::kIdle},
  };
  for (const AgeCase& one : cases) {
    Observed seen(Trio());
    const auto when = kNoon - seconds(one.age);
    for (const auto* end : {"laptop", "office"}) {
      seen.Peer("server", end).latest_handshake = when;
      seen.Peer(end, "server").latest_handshake = when;
    }
    EXPECT_EQ(StateOf(seen, "laptop", "server"), one.with_keepalive) << one.age;
    // The other end's keepalives would have renewed it here, too.
    EXPECT_EQ(StateOf(seen, "server", "laptop"), one.with_keepalive) << one.age;
    EXPECT_EQ(StateOf(seen, "server", "office"), one.without) << one.age;
    EXPECT_EQ(seen.Verify().is_fine(), one.with_keepalive == LinkState::kUp);
  }
}

TEST(VerifyFleet, KeepalivesOfAnEndWithoutADumpAreTakenAsPlanned) {
  Observed seen(Trio());
  std::erase_if(seen.dumps,
                [](const NodeDump& dump) { return dump.node == "laptop"; });
  seen.Peer("server", "laptop").latest_handshake = kNoon - seconds(500);
  EXPECT_THAT(seen.Findings(),
              Contains(AllOf(StartsWith("fault down server laptop:"),
                             HasSubstr("is 500 s old"))));
}

TEST(VerifyFleet, WithoutKeepaliveItTakesTrafficToBeDown) {
  Observed seen(Trio());
  const auto when = kNoon - seconds(600);
  seen.Peer("server", "office").latest_handshake = when;
  seen.Peer("office", "server").latest_handshake = when;
  seen.previous = seen.dumps;
  NodeDump& before = seen.previous.front();
  before.taken_at = when + seconds(200);
  EXPECT_EQ(StateOf(seen, "server", "office"), LinkState::kIdle);
  seen.Peer("server", "office").tx_bytes += 148;
  EXPECT_EQ(StateOf(seen, "server", "office"), LinkState::kDown);
  // Bytes that may have passed while the keys were good prove nothing.
  before.taken_at = when + seconds(100);
  EXPECT_EQ(StateOf(seen, "server", "office"), LinkState::kIdle);
}

TEST(VerifyFleet, WithoutAnyHandshakeAnAttemptMakesItDown) {
  Observed seen(Trio());
  for (WgDumpPeer* peer :
       {&seen.Peer("server", "office"), &seen.Peer("office", "server")}) {
    peer->latest_handshake = std::nullopt;
    peer->rx_bytes = 0;
    peer->tx_bytes = 0;
  }
  EXPECT_EQ(StateOf(seen, "server", "office"), LinkState::kUnknown);
  EXPECT_TRUE(seen.Verify().is_fine());
  seen.Peer("server", "office").tx_bytes = 148;
  EXPECT_THAT(seen.Findings(),
              ElementsAre("fault down server office: it never had a handshake "
                          "with office, although it has sent something"));
}

TEST(VerifyFleet, AHandshakeThatOneEndDoesNotKnowIsOneSided) {
  Observed seen(Trio());
  seen.Peer("office", "server").latest_handshake = std::nullopt;
  seen.Peer("office", "server").tx_bytes = 0;
  EXPECT_THAT(seen.Findings(),
              Contains(StartsWith("fault one-sided-handshake server office:")));
  // It had no chance to know when it looked before.
  seen.Dump("office").taken_at = kNoon - seconds(100);
  EXPECT_THAT(seen.Findings(), IsEmpty());
}

TEST(VerifyFleet, APeerThatRoamsIsNotedAndOneThatIsLostIsAFault) {
  Observed seen(Trio());
  seen.Peer("laptop", "server").endpoint = *Endpoint::Parse("192.0.2.9:5");
  EXPECT_THAT(seen.Findings(),
              ElementsAre("note wrong-endpoint laptop server: it sees server "
                          "at 192.0.2.9:5 instead of 192.0.2.1:51820"));
  seen.Peer("laptop", "server").latest_handshake = std::nullopt;
  EXPECT_THAT(seen.Findings(),
              Contains(StartsWith("fault wrong-endpoint laptop server:")));
  seen.Peer("laptop", "server").endpoint = std::nullopt;
  EXPECT_THAT(seen.Findings(), Contains(HasSubstr("no endpoint for server")));
}

TEST(VerifyFleet, ANameMayLeadAnywhereButMustLeadSomewhere) {
  Observed seen(PlanFleet(FleetFileOf(
      "[fleet]\n" +
      FleetNodeText("a", 1, "endpoint_name = \"vpn.example.net:51820\"\n") +
      FleetNodeText("b", 2))));
  EXPECT_THAT(seen.Findings(), IsEmpty());
  seen.Peer("b", "a").endpoint = std::nullopt;
  EXPECT_THAT(seen.Findings(),
              ElementsAre(HasSubstr("instead of vpn.example.net:51820")));
}

TEST(VerifyFleet, HandshakesInTheFutureTellOfAClock) {
  Observed seen(Trio());
  seen.Peer("laptop", "server").latest_handshake = kNoon + seconds(10);
  EXPECT_THAT(seen.Findings(), IsEmpty());
  seen.Peer("laptop", "server").latest_handshake = kNoon + seconds(100);
  EXPECT_THAT(seen.Findings(), Contains(StartsWith("note clock-skew laptop ")));
  EXPECT_EQ(StateOf(seen, "laptop", "server"), LinkState::kUp);
}

TEST(VerifyFleet, EveryFindingAndStateHasAWord) {
  for (int kind = 0; kind <= static_cast<int>(FindingKind::kClockSkew);
       ++kind) {
    EXPECT_FALSE(FindingName(static_cast<FindingKind>(kind)).empty()) << kind;
  }
  EXPECT_EQ(LinkStateName(LinkState::kUp), "up");
  EXPECT_EQ(LinkStateName(LinkState::kIdle), "idle");
  EXPECT_EQ(LinkStateName(LinkState::kDown), "down");
  EXPECT_EQ(LinkStateName(LinkState::kUnknown), "unknown");
}

}  // namespace
}  // namespace natkit::mesh
