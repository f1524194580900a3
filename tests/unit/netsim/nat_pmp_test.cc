#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hex.h"
#include "portmap_client.h"

namespace natkit::netsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::Hex;

const Endpoint kServer = At("192.168.1.1:5351");
const Endpoint kClient = At("192.168.1.7:4711");

PortMapLab MakeLab() {
  return PortMapLab(HomeRouter({.nat_pmp = true}));
}

TEST(NatPmp, TellsTheExternalAddressAndTheEpoch) {
  PortMapLab lab = MakeLab();
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("0000")),
            Hex("00800000 00000064 cb007101"));
}

TEST(NatPmp, CountsFromTheStartOfTheBox) {
  const Instant start = Instant{} + seconds(70);
  PortMapLab lab(HomeRouter({.nat_pmp = true, .pcp = true}), start);
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("0000")),
            Hex("00800000 0000001e cb007101"));
  lab.now = start;
  PortMapLab fresh(HomeRouter({.nat_pmp = true}), lab.now);
  fresh.now = lab.now;
  EXPECT_EQ(fresh.Ask(kClient, kServer, Hex("0000")),
            Hex("00800000 00000000 cb007101"));
}

TEST(NatPmp, ErrorsHaveTheFormatOfSuccessWithZeros) {
  NatConfig router = HomeRouter({.nat_pmp = true});
  router.translation = Translation::kNone;
  router.external.clear();
  PortMapLab lab(router);
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("0000")),
            Hex("00800003 00000064 00000000"));
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("000200009c409c4000001c20")),
            Hex("00820003 00000064 9c40 0000 00000000"));
}

// shared vector: map UDP 40000 -> 40000 for 7200 s.
TEST(NatPmp, MapsByTheKnownVector) {
  PortMapLab lab = MakeLab();
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("000100009c409c4000001c20")),
            Hex("00810000 00000064 9c40 9c40 00001c20"));
  EXPECT_EQ(lab.ReachFromOutside(At("198.51.100.9:5"), At("203.0.113.1:40000")),
            At("192.168.1.7:40000"));
}

TEST(NatPmp, GivesAnotherPortWhereTheSuggestedOneIsTaken) {
  PortMapLab lab = MakeLab();
  (void)lab.Ask(kClient, kServer, Hex("000100009c409c4000001c20"));
  const auto second =
      lab.Ask(At("192.168.1.8:4711"), kServer, Hex("000100009c409c4000001c20"));
  ASSERT_TRUE(second && second->size() == 16);
  EXPECT_EQ((*second)[3], 0);
  EXPECT_NE(Bytes(second->begin() + 10, second->begin() + 12), Hex("9c40"));
}

TEST(NatPmp, ShortensLongLifetimesAndEndsThemOnTheTick) {
  PortMapLab lab = MakeLab();
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("000100009c409c4000015180")),
            Hex("00810000 00000064 9c409c40 00001c20"));
  lab.now += seconds(7200) - Duration(1);
  EXPECT_TRUE(
      lab.ReachFromOutside(At("198.51.100.9:5"), At("203.0.113.1:40000")));
  lab.now += Duration(1);
  EXPECT_FALSE(
      lab.ReachFromOutside(At("198.51.100.9:6"), At("203.0.113.1:40000")));
}

TEST(NatPmp, DeletesOneMappingAndSaysYesAgain) {
  PortMapLab lab = MakeLab();
  (void)lab.Ask(kClient, kServer, Hex("000100009c409c4000001c20"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(lab.Ask(kClient, kServer, Hex("000100009c40000000000000")),
              Hex("00810000 00000064 9c40 0000 00000000"));
    EXPECT_EQ(lab.engine.mapping_count(), 0U);
  }
}

TEST(NatPmp, DeletesAllOfOneProtocolOfOneHost) {
  PortMapLab lab = MakeLab();
  (void)lab.Ask(kClient, kServer, Hex("000100000001000100001c20"));
  (void)lab.Ask(kClient, kServer, Hex("000100000002000200001c20"));
  (void)lab.Ask(kClient, kServer, Hex("000200000003000300001c20"));
  (void)lab.Ask(At("192.168.1.8:1"), kServer, Hex("000100000004000400001c20"));
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("000100000000000000000000")),
            Hex("00810000 00000064 0000 0000 00000000"));
  std::vector<uint16_t> left;
  for (const MappingView& view : lab.engine.Mappings(lab.now)) {
    left.push_back(view.inside.port);
  }
  EXPECT_THAT(left, ElementsAre(3, 4));
}

TEST(NatPmp, RefusesWhatItDoesNotKnow) {
  PortMapLab lab = MakeLab();
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("0005")), Hex("0085 0005 00000064"));
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("0201 0000 00001c20")),
            Hex("0081 0001 00000064"));
  EXPECT_FALSE(lab.Ask(kClient, kServer, Hex("0080")));
  EXPECT_FALSE(lab.Ask(kClient, kServer, Hex("00")));
  EXPECT_FALSE(lab.Ask(kClient, kServer, Hex("000100009c40")));
}

TEST(NatPmp, KeepsToTheQuota) {
  PortMapLab lab(HomeRouter({.nat_pmp = true, .max_per_host = 2}));
  EXPECT_EQ((*lab.Ask(kClient, kServer, Hex("000100000001000100001c20")))[3],
            0);
  EXPECT_EQ((*lab.Ask(kClient, kServer, Hex("000100000002000200001c20")))[3],
            0);
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("000100000003000300001c20")),
            Hex("0081 0004 00000064 0003 0000 00000000"));
  // A renewal is no new one.
  EXPECT_EQ((*lab.Ask(kClient, kServer, Hex("000100000002000200001c20")))[3],
            0);
}

TEST(NatPmp, DoesNotAnswerTheOutside) {
  PortMapLab lab = MakeLab();
  Bytes packet =
      BuildUdp(At("198.51.100.9:5"), At("203.0.113.1:5351"), Hex("0000"));
  EXPECT_FALSE(lab.engine.Process(lab.now, Side::kOutside, packet));
  EXPECT_FALSE(lab.engine.PollTransmit());
}

TEST(NatPmp, AnnouncesARebootTenTimesWithDoublingGaps) {
  PortMapLab lab = MakeLab();
  (void)lab.Ask(kClient, kServer, Hex("000100009c409c4000001c20"));
  lab.engine.Reboot(lab.now, Ip("203.0.113.2"));
  std::vector<Duration> gaps;
  Instant last = lab.now;
  while (const auto next = lab.engine.NextTimeout()) {
    lab.engine.HandleTimeout(*next);
    while (const auto packet = lab.engine.PollTransmit()) {
      const auto info = ParsePacket(packet->bytes).value();
      EXPECT_EQ(packet->to, Side::kInside);
      EXPECT_EQ(info.source, kServer);
      EXPECT_EQ(info.destination, At("224.0.0.1:5350"));
      const auto payload = UdpPayload(packet->bytes, info).value();
      EXPECT_EQ(ToHex(payload.first(4)), "00800000");
      EXPECT_EQ(ToHex(payload.last(4)), "cb007102");
      EXPECT_EQ(payload[7], (*next - lab.now) / seconds(1));
      gaps.push_back(*next - last);
      last = *next;
    }
  }
  std::vector<Duration> expected = {Duration::zero()};
  for (int i = 0; i < 9; ++i) {
    expected.push_back(milliseconds(250) * (1 << i));
  }
  EXPECT_EQ(gaps, expected);
  lab.now += seconds(1000);
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("0000")),
            Hex("00800000 000003e8 cb007102"));
}

}  // namespace
}  // namespace natkit::netsim
