// The timers of the paper's section 6, each at its exact instant. Message 1 is
// the initiation, 2 the response, 4 transport data.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "device/device_testing.h"
#include "transport/constants.h"
#include "wg_net.h"

namespace natkit::wg {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using testing::WgNet;

/// Two peers with a session that 0 initiated: its keypair is made at 20 ms, the
/// other end's at 10 ms; data arrives at 30 ms.
class Timers : public ::testing::Test {
 protected:
  Timers() : b_at_a(net.Introduce(0, 1)), a_at_b(net.Introduce(1, 0)) {}

  void Connect() {
    net.SendData(0, 1);
    net.Run(100ms);
    ASSERT_EQ(net.node(1).received.size(), 1U);
  }

  /// Loses everything from now on.
  void Cut() {
    net.set_filter([](WgNet::Datagram&) { return false; });
  }

  void RunTo(Duration at) { net.RunUntil(Instant{} + at); }

  static auto Within(Duration from) {
    return AllOf(Ge(from), Le(from + kMaxJitter));
  }

  WgNet net{2};
  PeerId b_at_a;
  PeerId a_at_b;
};

TEST_F(Timers, RetriesEvery5SecondsWithJitterAndGivesUpAfter90) {
  Cut();
  net.SendData(0, 1);
  RunTo(89'999ms);
  const auto sent = net.SentAt(0, 1);
  ASSERT_GE(sent.size(), 17U);
  for (size_t i = 1; i < sent.size(); ++i) {
    EXPECT_THAT(sent[i] - sent[i - 1], Within(5s));
  }
  EXPECT_THAT(net.node(0).Events<HandshakeGaveUp>(), IsEmpty());
  RunTo(90s);
  EXPECT_THAT(net.node(0).Events<HandshakeGaveUp>(),
              ElementsAre(HandshakeGaveUp{b_at_a}));
  EXPECT_EQ(net.node(0).drops(DropReason::kStagedFlushed), 1U);
  const size_t count = net.SentAt(0, 1).size();
  RunTo(300s);
  EXPECT_EQ(net.SentAt(0, 1).size(), count);
  net.SendData(0, 1);
  EXPECT_EQ(net.SentAt(0, 1).size(), count + 1)
      << "the next packet starts over";
}

TEST_F(Timers, JitterDiffersBetweenRetries) {
  Cut();
  net.SendData(0, 1);
  RunTo(30s);
  const auto sent = net.SentAt(0, 1);
  EXPECT_NE(sent[1] - sent[0], sent[2] - sent[1]);
}

TEST_F(Timers, EachNewPacketExtendsTheAttempt) {
  Cut();
  net.SendData(0, 1);
  RunTo(60s);
  net.SendData(0, 1);
  RunTo(149'999ms);
  EXPECT_THAT(net.node(0).Events<HandshakeGaveUp>(), IsEmpty());
  RunTo(150s);
  EXPECT_EQ(net.node(0).Events<HandshakeGaveUp>().size(), 1U);
}

TEST_F(Timers, TheInitiatorRekeysWhenItSendsAfter120Seconds) {
  Connect();
  RunTo(120'019ms);  // one millisecond short of the keypair's age
  net.SendData(1, 0);
  net.SendData(0, 1);
  EXPECT_EQ(net.SentAt(0, 1).size(), 1U);
  RunTo(120'020ms);
  net.SendData(0, 1);
  EXPECT_EQ(net.SentAt(0, 1).size(), 2U);
  net.Run(100ms);
  EXPECT_EQ(net.node(0).Events<HandshakeCompleted>().size(), 2U);
}

TEST_F(Timers, TheResponderDoesNotRekeyByAge) {
  Connect();
  RunTo(170s);
  net.SendData(1, 0);
  EXPECT_THAT(net.SentAt(1, 1), IsEmpty());
}

TEST_F(Timers, TheInitiatorRekeysOnceWhenItReceivesAfter165Seconds) {
  Connect();
  RunTo(164'000ms);
  net.SendData(1, 0);
  net.Run(11ms);
  EXPECT_EQ(net.SentAt(0, 1).size(), 1U);
  RunTo(165'010ms);
  net.SendData(1, 0);  // arrives when the keypair is exactly 165 s old
  net.set_filter([](WgNet::Datagram& d) { return d.type() == 4; });
  RunTo(165'020ms);
  ASSERT_EQ(net.SentAt(0, 1).size(), 2U);
  EXPECT_EQ(net.SentAt(0, 1)[1], 165'020ms);
}

TEST_F(Timers, RefusesASessionAfter180Seconds) {
  Connect();
  Cut();
  RunTo(180'019ms);
  EXPECT_TRUE(net.node(0).device.GetPeer(b_at_a)->has_session);
  net.ClearLog();
  net.SendData(0, 1);
  EXPECT_EQ(net.SentAt(0, 4).size(), 1U);
  const auto late = net.log().front().bytes;
  RunTo(180'020ms);
  net.ClearLog();
  net.SendData(0, 1);
  EXPECT_THAT(net.SentAt(0, 4), IsEmpty());
  net.Inject(net.node(0).endpoint, net.node(1).endpoint, late);
  RunTo(180'100ms);
  EXPECT_EQ(net.node(1).drops(DropReason::kSessionExpired), 1U);
}

TEST_F(Timers, AnswersDataWithAKeepaliveAfter10Seconds) {
  Connect();  // data arrived at 1 at 30 ms
  EXPECT_THAT(net.SentAt(1, 4), IsEmpty());
  RunTo(10'029ms);
  EXPECT_THAT(net.SentAt(1, 4), IsEmpty());
  RunTo(30s);
  EXPECT_THAT(net.SentAt(1, 4), ElementsAre(10'030ms));
  EXPECT_EQ(net.node(0).device.counters().keepalives_received, 1U);
  EXPECT_EQ(net.SentAt(0, 4).size(), 1U) << "a keepalive is not answered";
  EXPECT_EQ(net.SentAt(0, 1).size(), 1U);
}

TEST_F(Timers, DataSentInTimeMakesTheKeepaliveUnnecessary) {
  Connect();
  RunTo(5s);
  net.SendData(1, 0);
  RunTo(14s);
  EXPECT_EQ(net.SentAt(1, 4).size(), 1U);
  EXPECT_EQ(net.node(1).device.counters().keepalives_sent, 0U);
}

TEST_F(Timers, MoreDataMeanwhileMakesASecondKeepalive) {
  Connect();
  RunTo(5s);
  net.SendData(0, 1);
  RunTo(40s);
  EXPECT_THAT(net.SentAt(1, 4), ElementsAre(10'030ms, 20'030ms));
}

TEST_F(Timers, HandshakesWhenDataIsNotAnsweredFor15Seconds) {
  Connect();
  RunTo(20s);  // the other side answered the first packet at 10.03 s
  Cut();
  net.ClearLog();
  net.SendData(0, 1);
  net.SendData(0, 1);
  RunTo(40s);
  const auto sent = net.SentAt(0, 1);
  ASSERT_FALSE(sent.empty());
  EXPECT_THAT(sent[0], Within(20s + 15s));
}

TEST_F(Timers, PersistentKeepaliveGoesOutAfterSilenceOfEitherSide) {
  PeerUpdate update;
  update.public_key = net.node(1).device.public_key();
  update.persistent_keepalive = 25s;
  ASSERT_TRUE(net.node(0).device.SetPeer(net.now(), update));
  EXPECT_EQ(net.node(0).device.NextTimeout(), net.now()) << "due at once";
  RunTo(26s);
  // Handshake at 0, keepalive that confirms it at 20 ms, the next 25 s later.
  EXPECT_THAT(net.SentAt(0, 1), ElementsAre(0ms));
  EXPECT_THAT(net.SentAt(0, 4), ElementsAre(20ms, 25'020ms));
  RunTo(30s);
  net.SendData(1, 0);  // arrives at 30.01 s; answered by a keepalive 10 s later
  RunTo(65'009ms);
  EXPECT_THAT(net.SentAt(0, 4), ElementsAre(20ms, 25'020ms, 40'010ms));
  RunTo(65'010ms);
  EXPECT_EQ(net.SentAt(0, 4).back(), 65'010ms);
}

TEST_F(Timers, PersistentKeepaliveKeepsTryingWhileThePeerIsAway) {
  Cut();
  PeerUpdate update;
  update.public_key = net.node(1).device.public_key();
  update.persistent_keepalive = 25s;
  ASSERT_TRUE(net.node(0).device.SetPeer(net.now(), update));
  RunTo(600s);
  net.set_filter(nullptr);
  RunTo(610s);
  EXPECT_TRUE(net.node(0).device.GetPeer(b_at_a)->has_session);
}

TEST_F(Timers, ErasesAllKeysAfter540Seconds) {
  Connect();
  Cut();
  EXPECT_EQ(DeviceTesting::IndexCount(net.node(0).device), 1U);
  RunTo(540'019ms);
  EXPECT_EQ(DeviceTesting::IndexCount(net.node(0).device), 1U);
  RunTo(540'020ms);
  EXPECT_EQ(DeviceTesting::IndexCount(net.node(0).device), 0U);
  EXPECT_TRUE(
      DeviceTesting::PeerOf(net.node(0).device, b_at_a).keypairs.is_empty());
  EXPECT_THAT(net.node(0).Events<SessionExpired>(),
              ElementsAre(SessionExpired{b_at_a}));
  EXPECT_EQ(net.node(0).device.NextTimeout(), std::nullopt);
}

TEST_F(Timers, RekeysAfter2To60MessagesAndStopsAtTheLastCounter) {
  Connect();
  Device& device = net.node(0).device;
  DeviceTesting::SetSendCounter(device, b_at_a, kRekeyAfterMessages - 2);
  RunTo(6s);
  net.SendData(0, 1);
  EXPECT_EQ(net.SentAt(0, 1).size(), 1U);
  Cut();
  net.SendData(0, 1);
  EXPECT_EQ(net.SentAt(0, 1).size(), 2U);
  DeviceTesting::SetSendCounter(device, b_at_a, kRejectAfterMessages - 1);
  net.ClearLog();
  net.SendData(0, 1);
  EXPECT_EQ(net.SentAt(0, 4).size(), 1U);
  EXPECT_FALSE(device.GetPeer(b_at_a)->has_session);
  net.SendData(0, 1);
  EXPECT_EQ(net.SentAt(0, 4).size(), 1U);
}

TEST_F(Timers, TheResponderRekeysByMessagesToo) {
  Connect();
  RunTo(6s);
  DeviceTesting::SetSendCounter(net.node(1).device, a_at_b,
                                kRekeyAfterMessages);
  net.SendData(1, 0);
  EXPECT_EQ(net.SentAt(1, 1).size(), 1U);
}

TEST_F(Timers, APacketRightAfterOurResponseIsNotForgotten) {
  // The initiator dies after its initiation; the responder has data to send.
  net.set_filter([](WgNet::Datagram& d) { return d.from == 0; });
  net.SendData(0, 1);
  net.Run(20ms);
  net.node(0).device.RemoveAllPeers();
  net.Introduce(0, 1);
  net.set_filter(nullptr);
  net.SendData(1, 0);
  EXPECT_THAT(net.SentAt(1, 1), IsEmpty()) << "5 s after the response first";
  RunTo(6s);
  EXPECT_THAT(net.SentAt(1, 1)[0], Within(5s + 10ms));
  EXPECT_EQ(net.node(0).received.size(), 1U);
}

TEST_F(Timers, EarlyLateAndRepeatedTimeoutsAreHarmless) {
  Connect();
  net.ClearLog();
  PacketBatch out;
  Device& device = net.node(1).device;
  device.HandleTimeout(net.now(), out);
  EXPECT_TRUE(out.is_empty());
  device.HandleTimeout(net.now() + 60s, out);
  EXPECT_EQ(out.size(), 1U) << "the keepalive, late";
  device.HandleTimeout(net.now() + 60s, out);
  EXPECT_EQ(out.size(), 1U);
}

}  // namespace
}  // namespace natkit::wg
