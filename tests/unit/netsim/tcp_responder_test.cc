#include "portmap/tcp_responder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "portmap_client.h"
#include "tcp_client.h"

namespace natkit::netsim::portmap {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Endpoint kServer = At("192.168.1.1:5000");
const Endpoint kClient = At("192.168.1.7:40000");

/// A responder that answers a line with `response`.
class Lab {
 public:
  explicit Lab(std::string response, const TcpLimits& limits = {})
      : tcp(limits,
            [response](Instant, const TcpResponder::Request& request)
                -> std::optional<Bytes> {
              const std::string_view text = AsText(request.bytes);
              if (!text.ends_with('\n')) {
                return std::nullopt;
              }
              const std::string answer = std::string(text) + response;
              return Bytes(answer.begin(), answer.end());
            }) {}

  std::vector<Bytes> Drain() {
    std::vector<Bytes> out;
    while (auto packet = tcp.PollTransmit()) {
      const auto info = ParsePacket(*packet);
      EXPECT_TRUE(info && HasValidTransportChecksum(*packet, *info));
      out.push_back(*std::move(packet));
    }
    return out;
  }

  std::vector<Bytes> Deliver(const Bytes& packet) {
    tcp.HandleSegment(now, packet, ParsePacket(packet).value());
    return Drain();
  }

  TcpClient Client(uint32_t initial = 1000, const Endpoint& local = kClient) {
    return {local, kServer, initial,
            [this](Bytes packet) { return Deliver(packet); }};
  }

  /// Goes to the next timeout and lets it happen.
  std::vector<Bytes> Timeout() {
    now = tcp.NextTimeout().value();
    tcp.HandleTimeout(now);
    return Drain();
  }

  TcpResponder tcp;
  Instant now = Instant{} + seconds(5);
};

TEST(TcpResponder, AnswersOneRequestAndCloses) {
  Lab lab("there");
  TcpClient client = lab.Client();
  client.Connect();
  ASSERT_THAT(client.seen, SizeIs(1));
  EXPECT_EQ(client.seen[0].flags, kTcpSyn | kTcpAck);
  EXPECT_EQ(client.seen[0].acknowledgement, 1001U);
  client.Send(kTcpAck, "hel");
  client.Send(kTcpAck, "lo\n");
  client.Send(kTcpFin | kTcpAck);
  EXPECT_EQ(client.received, "hello\nthere");
  EXPECT_TRUE(client.has_fin);
  EXPECT_EQ(client.seen.back().acknowledgement, client.next);
  EXPECT_EQ(lab.tcp.connection_count(), 1U);  // in TIME-WAIT
  EXPECT_THAT(lab.Timeout(), IsEmpty());
  EXPECT_EQ(lab.tcp.connection_count(), 0U);
  EXPECT_FALSE(lab.tcp.NextTimeout());
}

TEST(TcpResponder, SendsTheMssOptionAndKeepsToTheClients) {
  Lab lab(std::string(1000, 'x'), {.max_mss = 1200});
  TcpClient client = lab.Client();
  client.mss = 300;
  Bytes syn_ack;
  client.Connect();
  client.Send(kTcpAck, "a\n");
  for (const SeenSegment& segment : client.seen) {
    EXPECT_LE(segment.payload.size(), 300U);
  }
  EXPECT_EQ(client.received.size(), 1002U);
}

TEST(TcpResponder, WrapsSequenceNumbersOfBothEnds) {
  Lab lab(std::string(5000, 'x'));
  TcpClient probe = lab.Client(1, At("192.168.1.7:1"));
  probe.Send(kTcpSyn);
  // The same endpoints later: their initial number has moved with the clock.
  const uint32_t missing = 0xffffff00 - probe.seen[0].sequence;
  lab.now += microseconds(4) * int64_t{missing};
  lab.tcp.Reset();
  TcpClient client = lab.Client(0xfffffffe, At("192.168.1.7:1"));
  EXPECT_EQ(client.Fetch("hello\n").size(), 5006U);
  EXPECT_EQ(client.seen[0].sequence, 0xffffff00);
  EXPECT_LT(client.expected, 10000U);
}

TEST(TcpResponder, AsksAgainForWhatCameEarly) {
  Lab lab("there");
  TcpClient client = lab.Client();
  client.Connect();
  const uint32_t start = client.next;
  client.SendAt(start + 3, kTcpAck, "lo\n");
  EXPECT_EQ(client.seen.back().acknowledgement, start);
  client.SendAt(start, kTcpAck, "hel");
  client.SendAt(start + 1, kTcpAck, "ello\n");  // overlaps
  EXPECT_EQ(client.received, "hello\nthere");
  client.SendAt(start, kTcpAck, "hel");  // again
  EXPECT_EQ(client.seen.back().acknowledgement, start + 6);
}

TEST(TcpResponder, RetransmitsWithDoublingTimeoutsThenResets) {
  Lab lab("there");
  TcpClient client = lab.Client();
  client.Connect();
  const Instant start = lab.now;
  client.Send(kTcpAck, "hello\n");  // and nothing of the answer is acknowledged
  const SeenSegment first = client.seen.back();
  std::vector<Duration> at;
  while (lab.tcp.connection_count() > 0) {
    const auto packets = lab.Timeout();
    ASSERT_THAT(packets, SizeIs(1));
    at.push_back(lab.now - start);
    const SeenSegment segment = SeenSegment::Read(packets[0]);
    if (lab.tcp.connection_count() > 0) {
      EXPECT_EQ(segment.payload, first.payload);
      EXPECT_EQ(segment.sequence, first.sequence);
    } else {
      EXPECT_TRUE(segment.Has(kTcpRst));
    }
  }
  EXPECT_THAT(at, ElementsAre(seconds(1), seconds(3), seconds(7), seconds(15),
                              seconds(30)));
}

TEST(TcpResponder, SendsOnAfterALossWhereItStopped) {
  Lab lab(std::string(20000, 'x'));
  TcpClient client = lab.Client();
  client.Connect();
  // All of the first window is lost.
  (void)lab.Deliver(BuildTcp(kClient, kServer,
                             {.sequence = client.next,
                              .acknowledgement = client.expected,
                              .flags = kTcpAck},
                             AsBytes("hello\n")));
  client.next += 6;
  for (int i = 0; i < 100 && !client.has_fin; ++i) {
    client.Take(lab.Timeout());
    client.Send(kTcpAck);
  }
  EXPECT_EQ(client.received.size(), 20006U);
}

TEST(TcpResponder, ProbesAClosedWindow) {
  Lab lab("there");
  TcpClient client = lab.Client();
  client.Connect();
  client.window = 0;
  client.Send(kTcpAck, "hello\n");
  EXPECT_EQ(client.seen.back().payload, "");
  const auto probe = lab.Timeout();
  ASSERT_THAT(probe, SizeIs(1));
  EXPECT_EQ(SeenSegment::Read(probe[0]).payload, "h");
  client.window = 4;
  client.Send(kTcpAck);
  EXPECT_EQ(client.received, "hell");
  client.window = 100;
  client.Send(kTcpAck);
  EXPECT_EQ(client.received, "hello\nthere");
}

TEST(TcpResponder, AnswersAClientThatHalfClosed) {
  Lab lab("there");
  TcpClient client = lab.Client();
  client.Connect();
  client.Send(kTcpFin | kTcpAck, "hello\n");
  client.next = 1001 + 7;
  EXPECT_EQ(client.received, "hello\nthere");
  EXPECT_TRUE(client.has_fin);
}

TEST(TcpResponder, ClosesOnAClientThatAsksNothing) {
  Lab lab("there");
  TcpClient client = lab.Client();
  client.Connect();
  client.Send(kTcpFin | kTcpAck);
  EXPECT_EQ(client.received, "");
  EXPECT_TRUE(client.has_fin);
}

TEST(TcpResponder, ResetsWhatItDoesNotKnow) {
  Lab lab("there");
  const auto packets = lab.Deliver(
      BuildTcp(kClient, kServer,
               {.sequence = 5, .acknowledgement = 77, .flags = kTcpAck}, {}));
  ASSERT_THAT(packets, SizeIs(1));
  const SeenSegment reset = SeenSegment::Read(packets[0]);
  EXPECT_EQ(reset.flags, kTcpRst);
  EXPECT_EQ(reset.sequence, 77U);
  EXPECT_THAT(
      lab.Deliver(BuildTcp(kClient, kServer, {.flags = kTcpRst | kTcpAck}, {})),
      IsEmpty());
  EXPECT_THAT(lab.Deliver(BuildTcp(kClient, kServer, {.flags = kTcpFin}, {})),
              IsEmpty());
}

TEST(TcpResponder, ObeysAResetOnlyInSequence) {
  Lab lab("there");
  TcpClient client = lab.Client();
  client.Connect();
  client.SendAt(client.next + 10, kTcpRst);
  EXPECT_EQ(lab.tcp.connection_count(), 1U);
  EXPECT_EQ(client.seen.back().flags, kTcpAck);  // RFC 5961's challenge
  client.SendAt(client.next, kTcpRst);
  EXPECT_EQ(lab.tcp.connection_count(), 0U);
}

TEST(TcpResponder, ResetsAConnectionThatMakesNoProgress) {
  Lab lab("there");
  TcpClient client = lab.Client();
  client.Connect();
  const Instant start = lab.now;
  const auto packets = lab.Timeout();
  EXPECT_EQ(lab.now - start, seconds(30));
  ASSERT_THAT(packets, SizeIs(1));
  EXPECT_TRUE(SeenSegment::Read(packets[0]).Has(kTcpRst));
  EXPECT_EQ(lab.tcp.connection_count(), 0U);
}

TEST(TcpResponder, HoldsBoundedConnectionsAndMakesRoomForNewOnes) {
  Lab lab("there", {.connections = 4});
  std::vector<TcpClient> clients;
  for (uint16_t port = 1; port <= 10; ++port) {  // a flood of SYN
    clients.push_back(lab.Client(1, {kClient.address, port}));
    clients.back().Send(kTcpSyn);
    EXPECT_THAT(clients.back().seen, SizeIs(1));
    EXPECT_LE(lab.tcp.connection_count(), 4U);
  }
  for (uint16_t port = 11; port <= 14; ++port) {
    clients.push_back(lab.Client(1, {kClient.address, port}));
    clients.back().Connect();
  }
  TcpClient late = lab.Client(1, {kClient.address, 99});
  late.Send(kTcpSyn);
  EXPECT_THAT(late.seen, IsEmpty());  // all are established
}

TEST(TcpResponder, RefusesARequestThatNeverEnds) {
  Lab lab("there", {.input = 100});
  TcpClient client = lab.Client();
  client.Connect();
  client.Send(kTcpAck, std::string(150, 'x'));
  EXPECT_EQ(client.received, "");
  EXPECT_TRUE(client.has_fin);
}

TEST(TcpResponder, AnswersALostSynAckAgain) {
  Lab lab("there");
  TcpClient client = lab.Client();
  client.SendAt(1000, kTcpSyn);
  client.SendAt(1000, kTcpSyn);
  ASSERT_THAT(client.seen, SizeIs(2));
  EXPECT_EQ(client.seen[0].sequence, client.seen[1].sequence);
  const auto again = lab.Timeout();
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(SeenSegment::Read(again[0]).flags, kTcpSyn | kTcpAck);
}

TEST(TcpResponder, TakesANewConnectionInTimeWait) {
  Lab lab("there");
  TcpClient client = lab.Client();
  EXPECT_EQ(client.Fetch("hello\n"), "hello\nthere");
  lab.now += seconds(1);
  TcpClient again = lab.Client(client.next + 100);
  EXPECT_EQ(again.Fetch("hello\n"), "hello\nthere");
}

}  // namespace
}  // namespace natkit::netsim::portmap
