// Prefix translation: RFC 6296, alone and in the engine.

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "ipv6/nptv6.h"
#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

IpAddress Ip(std::string_view text) {
  return *IpAddress::Parse(text);
}

IpPrefix Cidr(std::string_view text) {
  return *IpPrefix::Parse(text);
}

ipv6::PrefixTranslation Translation(std::string_view from,
                                    std::string_view to) {
  return {Cidr(from), Cidr(to)};
}

TEST(Nptv6, TheExampleOfRfc6296) {
  const auto out = Translation("fd01:203:405::/48", "2001:db8:1::/48");
  const auto in = Translation("2001:db8:1::/48", "fd01:203:405::/48");
  // 0xfd01 + 0x0203 + 0x0405 - (0x2001 + 0x0db8 + 0x0001)
  EXPECT_EQ(out.adjustment(), 0xd54f);
  const IpAddress inside = Ip("fd01:203:405:1::1234");
  const IpAddress outside = Ip("2001:db8:1:d550::1234");
  EXPECT_EQ(out.Map(inside), outside);
  EXPECT_EQ(in.Map(outside), inside);
}

TEST(Nptv6, NoSubnetOfTheExampleIsLostOrShared) {
  const auto out = Translation("fd01:203:405::/48", "2001:db8:1::/48");
  const auto in = Translation("2001:db8:1::/48", "fd01:203:405::/48");
  std::vector<bool> is_taken(65536);
  for (unsigned subnet = 0; subnet < 0xffff; ++subnet) {
    const auto inside = IpAddress::V6(
        {0xfd, 0x01, 0x02, 0x03, 0x04, 0x05, static_cast<uint8_t>(subnet >> 8),
         static_cast<uint8_t>(subnet), 0, 0, 0, 0, 0, 0, 0, 1});
    const auto mapped = out.Map(inside);
    ASSERT_TRUE(mapped);
    const unsigned place = mapped->bytes()[6] * 256U + mapped->bytes()[7];
    EXPECT_NE(place, 0xffffU);
    EXPECT_FALSE(is_taken[place]);
    is_taken[place] = true;
    EXPECT_EQ(in.Map(*mapped), inside);
  }
  EXPECT_EQ(out.Map(Ip("fd01:203:405:ffff::1")), std::nullopt);
  EXPECT_EQ(out.Map(Ip("fd01:203:406:1::1")), std::nullopt);
}

TEST(Nptv6, LongPrefixesAdjustTheInterfaceIdentifier) {
  const auto out = Translation("fd01:203:405:1::/64", "2001:db8:1:2::/64");
  const auto in = Translation("2001:db8:1:2::/64", "fd01:203:405:1::/64");
  // The difference is 0xd54f + 1 - 2 = 0xd54e.
  EXPECT_EQ(out.Map(Ip("fd01:203:405:1::1234")), Ip("2001:db8:1:2:d54e::1234"));
  EXPECT_EQ(out.Map(Ip("fd01:203:405:1:ffff:1::")),
            Ip("2001:db8:1:2:ffff:d54f::"));
  EXPECT_EQ(in.Map(Ip("2001:db8:1:2:ffff:d54f::")),
            Ip("fd01:203:405:1:ffff:1::"));
  EXPECT_EQ(out.Map(Ip("fd01:203:405:1::")), std::nullopt);
  EXPECT_EQ(out.Map(Ip("fd01:203:405:1:ffff:ffff:ffff:ffff")), std::nullopt);
}

TEST(Nptv6, BitsBetweenThePrefixAndTheSubnetStay) {
  const auto out = Translation("fd01:203:405:10::/60", "2001:db8:1:20::/60");
  const auto mapped = out.Map(Ip("fd01:203:405:1a::1"));
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->bytes()[7], 0x2a);
}

const Endpoint kInside{Ip("fd01:203:405:1::1234"), 5000};
const Endpoint kOutside{Ip("2001:db8:1:d550::1234"), 5000};
const Endpoint kSecond{Ip("fd01:203:405:1::77"), 6000};
const Endpoint kSecondOutside{Ip("2001:db8:1:d550::77"), 6000};
const Endpoint kRemote{Ip("2001:db8:9::1"), 80};

NatConfig Config(Dependence filtering) {
  NatConfig config = TestNat();
  config.ipv6 = Ipv6Mode::kNptv6;
  config.filtering = filtering;
  config.inside_prefix6 = Cidr("fd01:203:405::/48");
  config.outside_prefix6 = Cidr("2001:db8:1::/48");
  config.inside_address6 = Ip("fd01:203:405:1::1");
  config.outside_address6 = Ip("2001:db8:fe::1");
  return config;
}

TEST(Nptv6, EveryoneIsReachableWithoutAFilter) {
  NatHarness nat(Config(Dependence::kEndpointIndependent));
  EXPECT_EQ(nat.In(kRemote, kOutside), kInside);
  EXPECT_EQ(nat.Out(kInside, kRemote), kOutside);
  EXPECT_EQ(nat.engine.session_count(), 0U);
  EXPECT_EQ(nat.In(kRemote, kInside), std::nullopt);  // an inside address
  EXPECT_EQ(nat.Out({Ip("fd02::1"), 1}, kRemote), std::nullopt);
}

TEST(Nptv6, FiltersAsAFirewall) {
  NatHarness nat(Config(Dependence::kAddressAndPortDependent));
  EXPECT_EQ(nat.In(kRemote, kOutside), std::nullopt);
  EXPECT_EQ(nat.Out(kInside, kRemote), kOutside);
  EXPECT_EQ(nat.In(kRemote, kOutside), kInside);
  EXPECT_EQ(nat.In({kRemote.address, 81}, kOutside), std::nullopt);
  EXPECT_EQ(nat.Connect({kInside.address, 1}, kRemote),
            (Endpoint{kOutside.address, 1}));
}

TEST(Nptv6, TransportChecksumsNeedNoChange) {
  NatHarness nat(Config(Dependence::kEndpointIndependent));
  const uint8_t payload[] = {1, 2, 3};
  const auto packet = BuildUdp(kInside, kRemote, payload);
  const auto out = nat.Send(Side::kInside, packet);
  ASSERT_TRUE(out);
  EXPECT_EQ(std::vector(out->bytes.begin() + 40, out->bytes.end()),
            std::vector(packet.begin() + 40, packet.end()));
}

TEST(Nptv6, ErrorsAndWhatTheyQuoteAreTranslated) {
  for (const Dependence filtering : {Dependence::kEndpointIndependent,
                                     Dependence::kAddressAndPortDependent}) {
    NatHarness nat(Config(filtering));
    const auto quoted = [](const Seen& seen) {
      return ParseQuotedPacket(
          ByteView(seen.bytes).subspan(seen.info.transport_offset + 8));
    };
    const auto sent = nat.Send(Side::kInside, BuildUdp(kInside, kRemote, {}));
    ASSERT_TRUE(sent);
    const auto in =
        nat.Send(Side::kOutside,
                 BuildIcmpError(Ip("2001:db8:9::fe"), 2, 0, 1400, sent->bytes));
    ASSERT_TRUE(in && in->side == Side::kInside);
    EXPECT_EQ(in->info.destination.address, kInside.address);
    EXPECT_EQ(quoted(*in)->source, kInside);
    const auto got = nat.Send(Side::kOutside, BuildUdp(kRemote, kOutside, {}));
    ASSERT_TRUE(got);
    const auto out =
        nat.Send(Side::kInside,
                 BuildIcmpError(Ip("fd01:203:405:1::fe"), 1, 4, 0, got->bytes));
    ASSERT_TRUE(out && out->side == Side::kOutside);
    EXPECT_EQ(out->info.source.address, Ip("2001:db8:1:d550::fe"));
    EXPECT_EQ(quoted(*out)->destination, kOutside);
  }
}

TEST(Nptv6, HairpinsAsConfigured) {
  NatConfig config = Config(Dependence::kEndpointIndependent);
  config.hairpinning = Hairpinning::kExternalSource;
  NatHarness nat(config);
  const auto got = nat.Hairpin(kInside, kSecondOutside);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->info.source, kOutside);
  EXPECT_EQ(got->info.destination, kSecond);
  config.hairpinning = Hairpinning::kNone;
  EXPECT_FALSE(NatHarness(config).Hairpin(kInside, kSecondOutside));
}

TEST(Nptv6, ForwardsAdmitStrangers) {
  NatConfig config = Config(Dependence::kAddressAndPortDependent);
  config.forwards = {
      {.protocol = 17, .external_port = 5000, .inside = kInside}};
  NatHarness nat(config);
  EXPECT_EQ(nat.In(kRemote, kOutside), kInside);
  const auto leased = nat.engine.AddForward(
      nat.now, {.inside = kSecond, .lifetime = std::chrono::seconds(60)});
  ASSERT_TRUE(leased);
  EXPECT_EQ(*leased, kSecondOutside);
  EXPECT_EQ(nat.In(kRemote, *leased), kSecond);
}

}  // namespace
}  // namespace natkit::netsim
