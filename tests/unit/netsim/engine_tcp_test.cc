// TCP: RFC 5382, RFC 7857 section 2, RFC 6146 section 3.5.2.

#include <gtest/gtest.h>

#include <chrono>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr Endpoint kInside{kHost1, 5000};
constexpr Endpoint kRemote{kServer1, 443};
constexpr uint8_t kSynAck = kTcpSyn | kTcpAck;
constexpr uint8_t kFinAck = kTcpFin | kTcpAck;

TEST(NatTcp, OneMappingServesAllDestinationsRfc5382Req1) {
  NatHarness nat(TestNat());
  const auto external = nat.TcpOut(kInside, kRemote, kTcpSyn);
  ASSERT_TRUE(external);
  EXPECT_EQ(nat.TcpOut(kInside, {kServer1, 80}, kTcpSyn), external);
  EXPECT_EQ(nat.TcpOut(kInside, {kServer2, 443}, kTcpSyn), external);
}

TEST(NatTcp, AnEstablishedConnectionLivesItsIdleTimeRfc5382Req5) {
  NatHarness nat(TestNat());
  const Endpoint external = nat.Connect(kInside, kRemote);
  nat.Wait(124min - 1ns);
  EXPECT_EQ(nat.TcpIn(kRemote, external, kTcpAck), kInside);
  nat.Wait(124min);
  EXPECT_EQ(nat.TcpIn(kRemote, external, kTcpAck), std::nullopt);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
}

TEST(NatTcp, AHalfOpenConnectionLivesItsOwn) {
  NatHarness nat(TestNat());
  const auto external = nat.TcpOut(kInside, kRemote, kTcpSyn);
  EXPECT_TRUE(nat.TcpIn(kRemote, *external, kSynAck));
  nat.Wait(4min - 1ns);
  EXPECT_EQ(nat.engine.Mappings(nat.now).size(), 1U);
  nat.Wait(1ns);
  EXPECT_EQ(nat.TcpIn(kRemote, *external, kSynAck), std::nullopt);
}

TEST(NatTcp, SimultaneousOpenEstablishesRfc5382Req2) {
  NatHarness nat(TestNat());
  const auto external = nat.TcpOut(kInside, kRemote, kTcpSyn);
  EXPECT_EQ(nat.TcpIn(kRemote, *external, kTcpSyn), kInside);
  EXPECT_EQ(nat.TcpOut(kInside, kRemote, kSynAck), external);
  EXPECT_EQ(nat.TcpIn(kRemote, *external, kSynAck), kInside);
  nat.Wait(2h);
  EXPECT_EQ(nat.TcpIn(kRemote, *external, kTcpAck), kInside);
}

TEST(NatTcp, AnInboundSynPassesByTheFilterRfc5382Req3) {
  for (const auto filtering :
       {Dependence::kEndpointIndependent, Dependence::kAddressDependent,
        Dependence::kAddressAndPortDependent}) {
    NatConfig config = TestNat();
    config.filtering = filtering;
    NatHarness nat(config);
    const auto external = nat.TcpOut(kInside, kRemote, kTcpSyn);
    EXPECT_EQ(nat.TcpIn({kServer2, 1}, *external, kTcpSyn).has_value(),
              filtering == Dependence::kEndpointIndependent);
    EXPECT_EQ(nat.TcpIn({kServer1, 1}, *external, kTcpSyn).has_value(),
              filtering != Dependence::kAddressAndPortDependent);
  }
}

TEST(NatTcp, AnAdmittedInboundConnectionHasAState) {
  NatConfig config = TestNat();
  config.filtering = Dependence::kEndpointIndependent;
  NatHarness nat(config);
  const auto external = nat.TcpOut(kInside, kRemote, kTcpSyn);
  const Endpoint caller{kServer2, 999};
  EXPECT_EQ(nat.TcpIn(caller, *external, kTcpSyn), kInside);
  EXPECT_EQ(nat.TcpOut(kInside, caller, kSynAck), external);
  EXPECT_EQ(nat.TcpIn(caller, *external, kTcpAck), kInside);
  nat.Wait(2h);
  EXPECT_EQ(nat.TcpIn(caller, *external, kTcpAck), kInside);
}

TEST(NatTcp, AnUnsolicitedSynIsNotAnsweredRfc5382Req4) {
  NatHarness nat(TestNat());
  EXPECT_FALSE(nat.TcpIn(kRemote, {kExternal, 5000}, kTcpSyn));
  nat.Wait(5s);
  nat.engine.HandleTimeout(nat.now);
  EXPECT_EQ(nat.engine.PollTransmit(), std::nullopt);
  // The host's own SYN in these six seconds opens as if nothing had been.
  EXPECT_EQ(nat.TcpOut(kInside, kRemote, kTcpSyn), (Endpoint{kExternal, 5000}));
  EXPECT_EQ(nat.TcpIn(kRemote, {kExternal, 5000}, kTcpSyn), kInside);
}

/// A NAT that tells senders of unsolicited SYNs after six seconds.
NatConfig TellingNat() {
  NatConfig config = TestNat();
  config.syn_error_delay = 6s;
  return config;
}

TEST(NatTcp, AnUnsolicitedSynIsRefusedAfterSixSecondsRfc5382Req4) {
  NatHarness nat(TellingNat());
  const Endpoint external{kExternal, 5000};
  EXPECT_FALSE(nat.TcpIn(kRemote, external, kTcpSyn));
  const Instant due = nat.now + 6s;
  EXPECT_EQ(nat.engine.NextTimeout(), due);
  nat.Wait(2s);  // sent again: one answer
  EXPECT_FALSE(nat.TcpIn(kRemote, external, kTcpSyn));
  nat.now = due - 1ns;
  nat.engine.HandleTimeout(nat.now);
  EXPECT_EQ(nat.engine.PollTransmit(), std::nullopt);
  nat.now = due;
  nat.engine.HandleTimeout(nat.now);
  nat.Drain();
  ASSERT_EQ(nat.seen.size(), 1U);
  const Seen& error = nat.seen.front();
  EXPECT_EQ(error.side, Side::kOutside);
  EXPECT_EQ(error.info.source.address, kExternal);
  EXPECT_EQ(error.info.destination.address, kServer1);
  EXPECT_EQ(error.info.icmp_type, 3);
  EXPECT_EQ(error.info.icmp_code, 3);
  const auto quoted = ParseQuotedPacket(ByteView(error.bytes).subspan(28));
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->source, kRemote);
  EXPECT_EQ(quoted->destination, external);
  EXPECT_EQ(nat.engine.counters().icmp_errors_sent, 1U);
  EXPECT_EQ(nat.engine.NextTimeout(), std::nullopt);
}

TEST(NatTcp, TheOwnSynOfTheHostInTheseSecondsOpensInSilence) {
  NatHarness nat(TellingNat());
  EXPECT_FALSE(nat.TcpIn(kRemote, {kExternal, 5000}, kTcpSyn));
  EXPECT_FALSE(nat.TcpIn({kServer2, 1}, {kExternal, 5000}, kTcpSyn));
  nat.Wait(6s - 1ns);
  const Endpoint external = nat.Connect(kInside, kRemote);
  EXPECT_EQ(external, (Endpoint{kExternal, 5000}));
  nat.seen.clear();
  nat.Wait(1ns);
  nat.engine.HandleTimeout(nat.now);
  nat.Drain();
  ASSERT_EQ(nat.seen.size(), 1U);  // the other one is told
  EXPECT_EQ(nat.seen.front().info.destination.address, kServer2);
}

TEST(NatTcp, OnlySynsThatAreDroppedAreRefusedLate) {
  NatConfig config = TellingNat();
  config.unsolicited = Unsolicited::kReject;
  NatHarness nat(config);
  const Endpoint external{kExternal, 5000};
  EXPECT_FALSE(nat.TcpIn(kRemote, external, kTcpSyn));  // RST at once
  EXPECT_EQ(nat.seen.size(), 1U);
  EXPECT_EQ(nat.engine.NextTimeout(), std::nullopt);
  NatHarness silent(TellingNat());
  EXPECT_FALSE(silent.TcpIn(kRemote, external, kTcpAck));
  EXPECT_FALSE(silent.In(kRemote, external));
  EXPECT_EQ(silent.engine.NextTimeout(), std::nullopt);
}

TEST(NatTcp, AFloodOfSynsIsAnsweredInPart) {
  NatHarness nat(TellingNat());
  for (uint16_t port = 1; port <= 5000; ++port) {
    EXPECT_FALSE(nat.TcpIn({kServer1, port}, {kExternal, 5000}, kTcpSyn));
  }
  nat.Wait(6s);
  nat.engine.HandleTimeout(nat.now);
  nat.Drain();
  EXPECT_EQ(nat.seen.size(), 256U);
  EXPECT_FALSE(nat.TcpIn(kRemote, {kExternal, 5000}, kTcpSyn));
  EXPECT_EQ(nat.engine.NextTimeout(), nat.now + 6s);
  nat.engine.Reboot(nat.now, std::nullopt);
  EXPECT_EQ(nat.engine.NextTimeout(), std::nullopt);
}

TEST(NatTcp, ABadBoxAnswersAnUnsolicitedSynWithReset) {
  NatConfig config = TestNat();
  config.unsolicited = Unsolicited::kReject;
  NatHarness nat(config);
  const Endpoint external{kExternal, 5000};
  const auto got = nat.Send(
      Side::kOutside,
      BuildTcp(kRemote, external, {.sequence = 41, .flags = kTcpSyn}, {}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->side, Side::kOutside);
  EXPECT_EQ(got->info.source, external);
  EXPECT_EQ(got->info.destination, kRemote);
  EXPECT_EQ(got->info.tcp_flags, kTcpRst | kTcpAck);
  EXPECT_EQ(got->bytes[31], 42);  // acknowledges the SYN
  EXPECT_FALSE(nat.Send(Side::kOutside,
                        BuildTcp(kRemote, external, {.flags = kTcpRst}, {})));
}

TEST(NatTcp, SegmentsOfNoConnectionMakeNone) {
  NatHarness nat(TestNat());
  EXPECT_FALSE(nat.TcpOut(kInside, kRemote, kTcpAck));
  EXPECT_FALSE(nat.TcpOut(kInside, kRemote, kSynAck));
  EXPECT_FALSE(nat.TcpOut(kInside, kRemote, kTcpRst));
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
}

TEST(NatTcp, FinsOfBothSidesCloseAndNothingRefreshesAClosingOne) {
  NatHarness nat(TestNat());
  const Endpoint external = nat.Connect(kInside, kRemote);
  EXPECT_TRUE(nat.TcpOut(kInside, kRemote, kFinAck));
  nat.Wait(1h);  // half closed is still established
  EXPECT_TRUE(nat.TcpIn(kRemote, external, kFinAck));
  nat.Wait(3min);
  EXPECT_TRUE(nat.TcpOut(kInside, kRemote, kTcpAck));
  nat.Wait(1min - 1ns);
  EXPECT_TRUE(nat.TcpIn(kRemote, external, kTcpAck));
  nat.Wait(1ns);
  EXPECT_FALSE(nat.TcpIn(kRemote, external, kTcpAck));
}

TEST(NatTcp, AResetIsTranslatedAndStateStaysFourMinutesRfc7857) {
  NatHarness nat(TestNat());
  const Endpoint external = nat.Connect(kInside, kRemote);
  EXPECT_EQ(nat.TcpIn(kRemote, external, kTcpRst), kInside);
  nat.Wait(4min - 1ns);
  EXPECT_EQ(nat.TcpIn(kRemote, external, kTcpRst), kInside);
  nat.Wait(1ns);  // a second RST has not refreshed
  EXPECT_FALSE(nat.TcpIn(kRemote, external, kTcpRst));
}

TEST(NatTcp, DataAfterAForgedResetRevivesTheConnection) {
  NatHarness nat(TestNat());
  const Endpoint external = nat.Connect(kInside, kRemote);
  EXPECT_TRUE(nat.TcpIn(kRemote, external, kTcpRst));
  nat.Wait(1min);
  EXPECT_TRUE(nat.TcpOut(kInside, kRemote, kTcpAck));
  nat.Wait(2h);
  EXPECT_TRUE(nat.TcpIn(kRemote, external, kTcpAck));
}

TEST(NatTcp, ASynReopensAClosedConnection) {
  NatHarness nat(TestNat());
  const Endpoint external = nat.Connect(kInside, kRemote);
  EXPECT_TRUE(nat.TcpOut(kInside, kRemote, kFinAck));
  EXPECT_TRUE(nat.TcpIn(kRemote, external, kFinAck));
  EXPECT_EQ(nat.Connect(kInside, kRemote), external);
  nat.Wait(2h);
  EXPECT_TRUE(nat.TcpIn(kRemote, external, kTcpAck));
}

TEST(NatTcp, EveryTimeoutIsSetAlone) {
  NatConfig config = TestNat();
  config.timeouts.tcp_opening = 10s;
  config.timeouts.tcp_established = 100s;
  config.timeouts.tcp_closing = 5s;
  NatHarness nat(config);
  EXPECT_TRUE(nat.TcpOut(kInside, kRemote, kTcpSyn));
  EXPECT_EQ(nat.engine.Mappings(nat.now)[0].expires_at, nat.now + 10s);
  nat.Connect(kInside, kRemote);
  EXPECT_EQ(nat.engine.Mappings(nat.now)[0].expires_at, nat.now + 100s);
  EXPECT_TRUE(nat.TcpOut(kInside, kRemote, kTcpRst));
  EXPECT_EQ(nat.engine.Mappings(nat.now)[0].expires_at, nat.now + 5s);
}

}  // namespace
}  // namespace natkit::netsim
