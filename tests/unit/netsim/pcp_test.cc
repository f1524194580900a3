#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "hex.h"
#include "portmap_client.h"

namespace natkit::netsim {
namespace {

using std::chrono::seconds;
using testing::Hex;

const Endpoint kServer = At("192.168.1.1:5351");
const Endpoint kClient = At("192.168.1.7:4711");
constexpr std::string_view kClientIp = "00000000000000000000ffffc0a80107";
constexpr std::string_view kNoIp = "00000000000000000000ffff00000000";
constexpr std::string_view kExternalIp = "00000000000000000000ffffcb007101";
constexpr std::string_view kNonce = "0102030405060708090a0b0c";
constexpr std::string_view kOtherNonce = "ffffffffffffffffffffffff";

PortMapLab MakeLab() {
  return PortMapLab(HomeRouter({.pcp = true}));
}

std::string Join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) {
    out += part;
  }
  return out;
}

/// MAP of UDP port 40000 for `lifetime` (8 hex digits) seconds.
Bytes Map(std::string_view lifetime, std::string_view nonce = kNonce,
          std::string_view options = "", std::string_view port = "9c40",
          std::string_view suggested = "9c40") {
  return Hex(Join({"02010000", lifetime, kClientIp, nonce, "11000000", port,
                   suggested, kNoIp, options}));
}

Bytes Mapped(std::string_view lifetime, std::string_view external_port,
             std::string_view options = "") {
  return Hex(
      Join({"02810000", lifetime, "00000064", "000000000000000000000000",
            kNonce, "11000000", "9c40", external_port, kExternalIp, options}));
}

/// The result code; -1 for no answer.
int ResultOf(const std::optional<Bytes>& answer) {
  return answer && answer->size() >= 24 ? (*answer)[3] : -1;
}

TEST(Pcp, MapsAndEchoesTheNonce) {
  PortMapLab lab = MakeLab();
  EXPECT_EQ(lab.Ask(kClient, kServer, Map("00000e10")),
            Mapped("00000e10", "9c40"));
  EXPECT_EQ(lab.ReachFromOutside(At("198.51.100.9:5"), At("203.0.113.1:40000")),
            At("192.168.1.7:40000"));
}

TEST(Pcp, CapsLifetimesAtBothEnds) {
  PortMapLab lab = MakeLab();
  EXPECT_EQ(lab.Ask(kClient, kServer, Map("ffffffff")),
            Mapped("00001c20", "9c40"));
  EXPECT_EQ(lab.Ask(kClient, kServer, Map("00000001")),
            Mapped("00000078", "9c40"));
}

TEST(Pcp, RenewsAndDeletesOnlyWithTheNonce) {
  PortMapLab lab = MakeLab();
  (void)lab.Ask(kClient, kServer, Map("00000e10"));
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, Map("00000e10", kOtherNonce))),
            2);
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, Map("00000000", kOtherNonce))),
            2);
  EXPECT_EQ(lab.engine.mapping_count(), 1U);
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, Map("00000000"))), 0);
  EXPECT_EQ(lab.engine.mapping_count(), 0U);
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, Map("00000000"))), 0);
}

TEST(Pcp, SeesANatBetween) {
  PortMapLab lab = MakeLab();
  const auto answer = lab.Ask(At("192.168.1.8:4711"), kServer, Map("00000e10"));
  EXPECT_EQ(ResultOf(answer), 12);
  EXPECT_EQ(answer->size(), 60U);
}

TEST(Pcp, RefusesOtherVersionsWithItsOwn) {
  PortMapLab lab = MakeLab();
  for (const char* version : {"00", "01", "03"}) {
    const auto answer = lab.Ask(kClient, kServer, Hex(Join({version, "00"})));
    EXPECT_EQ(ResultOf(answer), 1) << version;
    EXPECT_EQ((*answer)[0], 2);
    EXPECT_EQ((*answer)[1], 0x80);
  }
}

TEST(Pcp, SharesItsPortWithNatPmp) {
  PortMapLab lab(HomeRouter({.nat_pmp = true, .pcp = true}));
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("0000")),
            Hex("00800000 00000064 cb007101"));
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, Map("00000e10"))), 0);
  // What PCP made, NAT-PMP may not end.
  EXPECT_EQ(lab.Ask(kClient, kServer, Hex("000100009c40000000000000")),
            Hex("00810002 00000064 9c40 0000 00000000"));
}

TEST(Pcp, SaysWhatIsMalformed) {
  PortMapLab lab = MakeLab();
  Bytes request = Map("00000e10");
  request.pop_back();
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, request)), 3);
  request.resize(40);
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, request)), 3);
  request = Map("00000e10");
  request[1] |= 0x80;  // a response
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, request)), -1);
}

TEST(Pcp, AnswersAtMost1100Bytes) {
  PortMapLab lab = MakeLab();
  Bytes request = Map("00000e10");
  request.resize(1200);
  const auto answer = lab.Ask(kClient, kServer, request);
  EXPECT_EQ(ResultOf(answer), 3);
  EXPECT_EQ(answer->size(), 1100U);
}

TEST(Pcp, KnowsWhichOpcodesAndProtocolsItHas) {
  PortMapLab lab = MakeLab();
  Bytes request = Map("00000e10");
  request[1] = 3;
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, request)), 4);
  request = Map("00000e10");
  request[36] = 132;
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, request)), 9);
  request[36] = 0;
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, request)), 3);
}

TEST(Pcp, AnswersAnnounce) {
  PortMapLab lab = MakeLab();
  EXPECT_EQ(
      lab.Ask(kClient, kServer, Hex(Join({"02000000", "00000000", kClientIp}))),
      Hex("02800000 00000000 00000064 000000000000000000000000"));
}

TEST(Pcp, PrefersFailureIfAsked) {
  PortMapLab lab = MakeLab();
  constexpr std::string_view kPreferFailure = "02000000";
  EXPECT_EQ(lab.Ask(kClient, kServer, Map("00000e10", kNonce, kPreferFailure)),
            Mapped("00000e10", "9c40", kPreferFailure));
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer,
                             Map("00000e10", kNonce, kPreferFailure, "9c41"))),
            11);
  EXPECT_EQ(
      ResultOf(lab.Ask(kClient, kServer, Map("00000e10", kNonce, "", "9c41"))),
      0);
}

TEST(Pcp, AdmitsWhomTheFilterNames) {
  PortMapLab lab = MakeLab();
  // 198.51.100.0/24, any port.
  constexpr std::string_view kFilter =
      "03000014 00780000 00000000000000000000ffffc6336400";
  EXPECT_EQ(lab.Ask(kClient, kServer, Map("00000e10", kNonce, kFilter)),
            Mapped("00000e10", "9c40", kFilter));
  const Endpoint external = At("203.0.113.1:40000");
  EXPECT_TRUE(lab.ReachFromOutside(At("198.51.100.9:5"), external));
  EXPECT_FALSE(lab.ReachFromOutside(At("192.0.2.9:5"), external));
  // Renewals keep filters; length 0 drops them.
  (void)lab.Ask(kClient, kServer, Map("00000e10"));
  EXPECT_FALSE(lab.ReachFromOutside(At("192.0.2.9:5"), external));
  (void)lab.Ask(kClient, kServer,
                Map("00000e10", kNonce,
                    "03000014 00000000 00000000000000000000000000000000"));
  EXPECT_TRUE(lab.ReachFromOutside(At("192.0.2.9:5"), external));
}

TEST(Pcp, RefusesThirdPartiesAndUnknownOptions) {
  PortMapLab lab = MakeLab();
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer,
                             Map("00000e10", kNonce,
                                 "01000010 00000000000000000000ffffc0a80108"))),
            2);
  EXPECT_EQ(
      ResultOf(lab.Ask(kClient, kServer, Map("00000e10", kNonce, "07000000"))),
      5);
  EXPECT_EQ(
      ResultOf(lab.Ask(kClient, kServer, Map("00000e10", kNonce, "80000000"))),
      0);
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer,
                             Map("00000e10", kNonce, "03000004 00000000"))),
            6);
  EXPECT_EQ(
      ResultOf(lab.Ask(kClient, kServer, Map("00000e10", kNonce, "03000040"))),
      6);
}

TEST(Pcp, KeepsToTheQuota) {
  PortMapLab lab(HomeRouter({.pcp = true, .max_per_host = 1}));
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer, Map("00000e10"))), 0);
  EXPECT_EQ(
      ResultOf(lab.Ask(kClient, kServer, Map("00000e10", kNonce, "", "9c41"))),
      10);
}

TEST(Pcp, OpensTheMappingThatAPeerNeeds) {
  PortMapLab lab = MakeLab();
  const auto answer =
      lab.Ask(kClient, kServer,
              Hex(Join({"02020000", "00000e10", kClientIp, kNonce, "11000000",
                        "9c40", "0000", kNoIp, "0005", "0000",
                        "00000000000000000000ffffc6336409"})));
  EXPECT_EQ(answer, Hex(Join({"02820000", "00000078", "00000064",
                              "000000000000000000000000", kNonce, "11000000",
                              "9c40", "9c40", kExternalIp, "0005", "0000",
                              "00000000000000000000ffffc6336409"})));
  const Endpoint external = At("203.0.113.1:40000");
  EXPECT_TRUE(lab.ReachFromOutside(At("198.51.100.9:5"), external));
  EXPECT_FALSE(lab.ReachFromOutside(At("198.51.100.9:6"), external));
}

TEST(Pcp, DeletesAllOfAProtocolThatTheNonceFits) {
  PortMapLab lab = MakeLab();
  (void)lab.Ask(kClient, kServer, Map("00000e10"));
  (void)lab.Ask(kClient, kServer, Map("00000e10", kNonce, "", "9c41"));
  (void)lab.Ask(kClient, kServer, Map("00000e10", kOtherNonce, "", "9c42"));
  EXPECT_EQ(ResultOf(lab.Ask(kClient, kServer,
                             Map("00000000", kNonce, "", "0000", "0000"))),
            0);
  EXPECT_EQ(lab.engine.mapping_count(), 1U);
}

constexpr std::string_view kClientIp6 = "fd000000000000000000000000000007";
constexpr std::string_view kNoIp6 = "00000000000000000000000000000000";
const Endpoint kServer6 = At("[fd00::1]:5351");
const Endpoint kClient6 = At("[fd00::7]:4711");

NatConfig Ipv6Router() {
  NatConfig config = HomeRouter({.pcp = true});
  config.inside_address6 = Ip("fd00::1");
  config.outside_address6 = Ip("2001:db8::1");
  return config;
}

TEST(Pcp, OpensAPinholeInAnIpv6Firewall) {
  NatConfig config = Ipv6Router();
  config.ipv6 = Ipv6Mode::kFirewall;
  config.inside_prefix6 = IpPrefix::Parse("fd00::/64").value();
  PortMapLab lab(config);
  const Endpoint inside = At("[fd00::7]:40000");
  const Endpoint peer = At("[2001:db8::9]:5");
  EXPECT_FALSE(lab.ReachFromOutside(peer, inside));
  EXPECT_EQ(
      lab.Ask(kClient6, kServer6,
              Hex(Join({"02010000", "00000e10", kClientIp6, kNonce, "11000000",
                        "9c409c40", kNoIp6}))),
      Hex(Join({"02810000", "00000e10", "00000064", "000000000000000000000000",
                kNonce, "11000000", "9c409c40", kClientIp6})));
  EXPECT_EQ(lab.ReachFromOutside(peer, inside), inside);
}

TEST(Pcp, MapsIpv6HostsBehindNat64) {
  NatConfig config = Ipv6Router();
  config.translation = Translation::kNat64;
  config.nat64_prefix = IpPrefix::Parse("64:ff9b::/96").value();
  PortMapLab lab(config);
  EXPECT_EQ(
      lab.Ask(kClient6, kServer6,
              Hex(Join({"02010000", "00000e10", kClientIp6, kNonce, "11000000",
                        "9c409c40", kExternalIp, "02000000"}))),
      Hex(Join({"02810000", "00000e10", "00000064", "000000000000000000000000",
                kNonce, "11000000", "9c409c40", kExternalIp, "02000000"})));
  // PEER names the remote host by the address that stands for it.
  const auto peer =
      lab.Ask(kClient6, kServer6,
              Hex(Join({"02020000", "00000e10", kClientIp6, kNonce, "11000000",
                        "9c410000", kNoIp6, "00050000",
                        "0064ff9b0000000000000000c6336409"})));
  EXPECT_EQ(ResultOf(peer), 0);
  EXPECT_EQ(lab.engine.session_count(), 1U);
}

TEST(Pcp, MayInsistOnAnAddressToo) {
  PortMapLab lab = MakeLab();
  const auto ask = [&](std::string_view address) {
    return ResultOf(
        lab.Ask(kClient, kServer,
                Hex(Join({"02010000", "00000e10", kClientIp, kNonce, "11000000",
                          "9c409c40", address, "02000000"}))));
  };
  EXPECT_EQ(ask("00000000000000000000ffffcb007163"), 11);
  EXPECT_EQ(lab.engine.mapping_count(), 0U);
  EXPECT_EQ(ask(kExternalIp), 0);
}

TEST(Pcp, AnnouncesAReboot) {
  PortMapLab lab = MakeLab();
  lab.engine.Reboot(lab.now, std::nullopt);
  lab.engine.HandleTimeout(lab.now);
  const auto packet = lab.engine.PollTransmit();
  ASSERT_TRUE(packet);
  const auto info = ParsePacket(packet->bytes).value();
  EXPECT_EQ(info.destination, At("224.0.0.1:5350"));
  EXPECT_EQ(ToHex(UdpPayload(packet->bytes, info).value().first(12)),
            "028000000000000000000000");
}

}  // namespace
}  // namespace natkit::netsim
