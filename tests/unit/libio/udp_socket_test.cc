#include "natkit/io/udp_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "natkit/io/timer.h"

namespace natkit::io {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLimit = 20s;

Endpoint At(std::string_view text) {
  return Endpoint::Parse(text).value();
}

struct Received {
  std::string text;
  Endpoint remote;
  Endpoint local;
};

/// A bound socket that remembers what it received.
struct Host {
  UdpSocket socket;
  std::vector<Received> received;

  Host(EventLoop& loop, std::string_view address,
       const UdpOptions& options = {})
      : socket(UdpSocket::Bind(loop, At(address), options).value()) {
    socket.SetReceiveHandler([this](PacketBatch& batch) {
      for (size_t i = 0; i < batch.size(); ++i) {
        received.push_back({std::string(AsText(batch.bytes(i))),
                            batch.meta(i).remote, batch.meta(i).local});
      }
    });
  }
};

class UdpFamilies : public ::testing::TestWithParam<std::string> {};

TEST_P(UdpFamilies, SendsAndReceivesWithBothAddresses) {
  EventLoop loop;
  Host a(loop, GetParam());
  Host b(loop, GetParam());
  a.socket.SendTo(b.socket.local_endpoint(), AsBytes("hello"));
  ASSERT_TRUE(loop.RunUntil([&] { return !b.received.empty(); }, kLimit));
  EXPECT_EQ(b.received[0].text, "hello");
  EXPECT_EQ(b.received[0].remote, a.socket.local_endpoint());
  EXPECT_EQ(b.received[0].local, b.socket.local_endpoint());
  EXPECT_EQ(a.socket.counters().sent, 1U);
  EXPECT_EQ(b.socket.counters().received, 1U);
}

TEST_P(UdpFamilies, TellsOfIcmpErrors) {
  EventLoop loop;
  Host a(loop, GetParam(), {.reports_icmp_errors = true});
  std::vector<IcmpError> errors;
  a.socket.SetIcmpHandler(
      [&errors](const IcmpError& error) { errors.push_back(error); });
  Endpoint closed;
  {
    const Host gone(loop, GetParam());
    closed = gone.socket.local_endpoint();
  }
  ASSERT_TRUE(a.socket.SetHopLimit(3).has_value());
  a.socket.SendTo(closed, AsBytes("anybody?"));
  ASSERT_TRUE(loop.RunUntil([&] { return !errors.empty(); }, kLimit));
  EXPECT_EQ(errors[0].to, closed);
  EXPECT_EQ(errors[0].from, closed.address);
  const bool is_v4 = closed.address.is_v4();
  EXPECT_EQ(errors[0].type, is_v4 ? 3 : 1);  // destination unreachable
  EXPECT_EQ(errors[0].code, is_v4 ? 3 : 4);  // port
}

TEST_P(UdpFamilies, MovesBatchesLongerThanOneSystemCall) {
  EventLoop loop;
  Host a(loop, GetParam());
  Host b(loop, GetParam(), {.receive_buffer = size_t{4} << 20});
  PacketBatch batch;
  for (int i = 0; i < 150; ++i) {
    batch.AppendCopy(AsBytes(std::to_string(i)),
                     {.remote = b.socket.local_endpoint()});
  }
  a.socket.Send(batch);
  ASSERT_TRUE(loop.RunUntil([&] { return b.received.size() == 150; }, kLimit));
  for (size_t i = 0; i < 150; ++i) {
    EXPECT_EQ(b.received[i].text, std::to_string(i));
  }
}

TEST_P(UdpFamilies, TrainsArriveAsTheDatagramsThatTheyAreMadeOf) {
  EventLoop loop;
  const UdpOptions roomy{.receive_buffer = size_t{4} << 20};
  Host a(loop, GetParam(), {.sends_trains = true});
  Host b(loop, GetParam(), roomy);
  Host c(loop, GetParam(), roomy);
  PacketBatch batch;
  std::vector<std::string> to_b;
  std::vector<std::string> to_c;
  for (size_t i = 0; i < 400; ++i) {
    // Trains of every length, short last ones, empty and very long datagrams.
    const size_t size = i % 50 < 45 ? 1400 + i / 100 : i * 37 % 3000;
    const std::string text(i % 97 == 0 ? 0 : size,
                           static_cast<char>('a' + i % 26));
    const bool is_for_c = i % 61 == 60;
    Host& host = is_for_c ? c : b;
    batch.AppendCopy(AsBytes(text), {.remote = host.socket.local_endpoint()});
    (is_for_c ? to_c : to_b).push_back(text);
  }
  a.socket.Send(batch);
  ASSERT_TRUE(loop.RunUntil(
      [&] {
        return b.received.size() == to_b.size() &&
               c.received.size() == to_c.size();
      },
      kLimit));
  const auto text_of = [](const Received& received) { return received.text; };
  EXPECT_TRUE(std::ranges::equal(b.received, to_b, {}, text_of));
  EXPECT_TRUE(std::ranges::equal(c.received, to_c, {}, text_of));
  EXPECT_EQ(a.socket.counters().sent, 400U);
  EXPECT_EQ(a.socket.counters().send_errors, 0U);
}

TEST_P(UdpFamilies, CarriesEmptyAndVeryLargeDatagrams) {
  EventLoop loop;
  Host a(loop, GetParam());
  Host b(loop, GetParam());
  const std::string large(60000, 'x');
  a.socket.SendTo(b.socket.local_endpoint(), {});
  a.socket.SendTo(b.socket.local_endpoint(), AsBytes(large));
  ASSERT_TRUE(loop.RunUntil([&] { return b.received.size() == 2; }, kLimit));
  EXPECT_EQ(b.received[0].text, "");
  EXPECT_EQ(b.received[1].text, large);
}

TEST_P(UdpFamilies, SendsWithAHopLimitAndASource) {
  EventLoop loop;
  Host a(loop, GetParam());
  Host b(loop, GetParam());
  const Endpoint to = b.socket.local_endpoint();
  a.socket.SendWithHopLimit(to, AsBytes("near"), to.address, 1);
  a.socket.SendWithHopLimit(to, AsBytes("any"), IpAddress(), 2);
  ASSERT_TRUE(loop.RunUntil([&] { return b.received.size() == 2; }, kLimit));
  EXPECT_EQ(b.received[0].text, "near");
  EXPECT_EQ(a.socket.counters().sent, 2U);
  EXPECT_EQ(a.socket.counters().send_errors, 0U);
}

INSTANTIATE_TEST_SUITE_P(Loopback, UdpFamilies,
                         ::testing::Values("127.0.0.1:0", "[::1]:0"),
                         [](const auto& family) {
                           return family.index == 0 ? "Ipv4" : "Ipv6";
                         });

// A machine may keep a process from running for a second: then it has to see
// what arrived meanwhile before it is told that nothing did.
class LateTimer : public ::testing::Test {
 protected:
  /// Runs until both have happened that can: the timer is armed, and late when
  /// its loop runs on, a datagram being there.
  void BeLate(const std::function<bool()>& done) {
    const Instant deadline = EventLoop::Now() + 5ms;
    timer_->Arm(deadline);
    loop_.Post([this, deadline] {
      a_.socket.SendTo(b_.socket.local_endpoint(), AsBytes("answer"));
      while (EventLoop::Now() < deadline + 2ms) {
      }
    });
    EXPECT_TRUE(loop_.RunUntil(done, kLimit));
  }

  EventLoop loop_;
  Host a_{loop_, "127.0.0.1:0"};
  Host b_{loop_, "127.0.0.1:0"};
  size_t received_by_then_ = 0;
  int fired_ = 0;
  std::unique_ptr<Timer> timer_ = std::make_unique<Timer>(loop_, [this] {
    received_by_then_ = b_.received.size();
    ++fired_;
  });
};

TEST_F(LateTimer, FiresAfterTheSocketsAreServed) {
  BeLate([this] { return fired_ == 1; });
  EXPECT_EQ(received_by_then_, 1U);
}

TEST_F(LateTimer, DoesNotFireOnceWhatArrivedHasPutItOff) {
  bool is_served = false;
  b_.socket.SetReceiveHandler([&](PacketBatch&) {
    timer_->Arm(EventLoop::Now() + 1h);
    is_served = true;
  });
  BeLate([&] { return is_served; });
  EXPECT_FALSE(loop_.RunUntil([this] { return fired_ > 0; }, 10ms));
  EXPECT_TRUE(timer_->deadline().has_value());
}

TEST_F(LateTimer, FiresThoughWhatArrivedArmedItForTheSameTime) {
  b_.socket.SetReceiveHandler(
      [this](PacketBatch&) { timer_->Arm(timer_->deadline()); });
  BeLate([this] { return fired_ == 1; });
  EXPECT_FALSE(timer_->deadline().has_value());
  EXPECT_FALSE(loop_.RunUntil([this] { return fired_ > 1; }, 10ms));
}

TEST_F(LateTimer, MayDieOfWhatArrived) {
  bool is_served = false;
  b_.socket.SetReceiveHandler([&](PacketBatch&) {
    timer_.reset();
    is_served = true;
  });
  BeLate([&] { return is_served; });
  EXPECT_FALSE(loop_.RunUntil([this] { return fired_ > 0; }, 10ms));
}

TEST(UdpSocket, WildcardSocketAnswersFromTheAddressThatWasAsked) {
  EventLoop loop;
  Host server(loop, "0.0.0.0:0");
  Host client(loop, "127.0.0.1:0");
  const uint16_t port = server.socket.local_endpoint().port;
  const Endpoint asked{IpAddress::V4(127, 0, 0, 77), port};
  client.socket.SendTo(asked, AsBytes("ping"));
  ASSERT_TRUE(loop.RunUntil([&] { return !server.received.empty(); }, kLimit));
  EXPECT_EQ(server.received[0].local, asked);
  server.socket.SendTo(server.received[0].remote, AsBytes("pong"),
                       server.received[0].local.address);
  ASSERT_TRUE(loop.RunUntil([&] { return !client.received.empty(); }, kLimit));
  EXPECT_EQ(client.received[0].remote, asked);
}

TEST(UdpSocket, SourceThatIsNotOursFallsBackAndIsCounted) {
  EventLoop loop;
  Host a(loop, "0.0.0.0:0");
  Host b(loop, "127.0.0.1:0");
  a.socket.SendTo(b.socket.local_endpoint(), AsBytes("x"),
                  IpAddress::V4(192, 0, 2, 55));
  ASSERT_TRUE(loop.RunUntil([&] { return !b.received.empty(); }, kLimit));
  EXPECT_EQ(a.socket.counters().source_fallbacks, 1U);
  EXPECT_EQ(a.socket.counters().send_errors, 0U);
}

TEST(UdpSocket, ARefusedTrainGoesOneByOne) {
  EventLoop loop;
  Host a(loop, "0.0.0.0:0", {.sends_trains = true});
  Host b(loop, "127.0.0.1:0");
  PacketBatch batch;
  for (int i = 0; i < 10; ++i) {  // from a source that is not ours
    batch.AppendCopy(
        AsBytes(std::to_string(i)),
        {.remote = b.socket.local_endpoint(), .local = At("192.0.2.55:0")});
  }
  for (int i = 0; i < 10; ++i) {  // to where nothing can go
    batch.AppendCopy(AsBytes("x"), {.remote = At("[2001:db8::1]:9")});
  }
  batch.AppendCopy(AsBytes("last"), {.remote = b.socket.local_endpoint()});
  a.socket.Send(batch);
  ASSERT_TRUE(loop.RunUntil([&] { return b.received.size() == 11; }, kLimit));
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(b.received[i].text, std::to_string(i));
  }
  EXPECT_EQ(b.received[10].text, "last");
  EXPECT_EQ(a.socket.counters().source_fallbacks, 10U);
  EXPECT_EQ(a.socket.counters().send_errors, 10U);
  EXPECT_EQ(a.socket.counters().sent, 11U);
}

TEST(UdpSocket, OneBadPacketDoesNotStopItsBatch) {
  EventLoop loop;
  Host a(loop, "127.0.0.1:0");
  Host b(loop, "127.0.0.1:0");
  PacketBatch batch;
  batch.AppendCopy(AsBytes("1"), {.remote = b.socket.local_endpoint()});
  batch.AppendCopy(AsBytes("wrong family"), {.remote = At("[::1]:9")});
  batch.Append(65535, {.remote = b.socket.local_endpoint()});  // too big
  batch.AppendCopy(AsBytes("2"), {.remote = b.socket.local_endpoint()});
  a.socket.Send(batch);
  ASSERT_TRUE(loop.RunUntil([&] { return b.received.size() == 2; }, kLimit));
  EXPECT_EQ(b.received[1].text, "2");
  EXPECT_EQ(a.socket.counters().send_errors, 2U);
  EXPECT_EQ(a.socket.counters().sent, 2U);
}

TEST(UdpSocket, SendingToAPortNobodyHasIsHarmless) {
  EventLoop loop;
  Host a(loop, "127.0.0.1:0");
  Host b(loop, "127.0.0.1:0");
  Endpoint dead;
  {
    const Host gone(loop, "127.0.0.1:0");
    dead = gone.socket.local_endpoint();
  }
  a.socket.SendTo(dead, AsBytes("x"));
  a.socket.SendTo(b.socket.local_endpoint(), AsBytes("y"));
  EXPECT_TRUE(loop.RunUntil([&] { return !b.received.empty(); }, kLimit));
}

TEST(UdpSocket, BindSaysWhyItFails) {
  EventLoop loop;
  const Host taken(loop, "127.0.0.1:0");
  const auto again = UdpSocket::Bind(loop, taken.socket.local_endpoint());
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, Errc::kAddressInUse);
  const auto foreign = UdpSocket::Bind(loop, At("192.0.2.1:0"));
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().code, Errc::kAddressNotAvailable);
}

TEST(UdpSocket, AdoptsASocketThatIsBound) {
  EventLoop loop;
  Host b(loop, "127.0.0.1:0");
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(UdpSocket::Adopt(loop, UniqueFd(::dup(fd.get()))).error().code,
            Errc::kUnsupported);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(
      ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
      0);
  auto socket = UdpSocket::Adopt(loop, std::move(fd));
  ASSERT_TRUE(socket);
  std::string received;
  socket->SetReceiveHandler(
      [&](PacketBatch& batch) { received = AsText(batch.bytes(0)); });
  socket->SendTo(b.socket.local_endpoint(), AsBytes("hello"));
  ASSERT_TRUE(loop.RunUntil([&] { return !b.received.empty(); }, kLimit));
  b.socket.SendTo(b.received[0].remote, AsBytes("back"));
  ASSERT_TRUE(loop.RunUntil([&] { return !received.empty(); }, kLimit));
  EXPECT_EQ(received, "back");
}

TEST(UdpSocket, AdoptsNothingElse) {
  EventLoop loop;
  const auto adopt = [&](int fd) {
    return UdpSocket::Adopt(loop, UniqueFd(fd)).error().code;
  };
  EXPECT_EQ(adopt(::socket(AF_INET, SOCK_STREAM, 0)), Errc::kUnsupported);
  EXPECT_EQ(adopt(::socket(AF_UNIX, SOCK_DGRAM, 0)), Errc::kUnsupported);
  EXPECT_EQ(adopt(::open("/dev/null", O_RDWR)), Errc::kUnsupported);
  EXPECT_FALSE(UdpSocket::Adopt(loop, UniqueFd(-1)));
}

TEST(UdpSocket, Ipv6WildcardLeavesThePortFreeForIpv4) {
  EventLoop loop;
  const Host v6(loop, "[::]:0");
  const Endpoint v4{IpAddress(), v6.socket.local_endpoint().port};
  EXPECT_TRUE(UdpSocket::Bind(loop, v4).has_value());
}

TEST(UdpSocket, MayDieInItsHandler) {
  EventLoop loop;
  Host a(loop, "127.0.0.1:0");
  auto b = std::make_unique<UdpSocket>(
      UdpSocket::Bind(loop, At("127.0.0.1:0")).value());
  bool received = false;
  b->SetReceiveHandler([&](PacketBatch&) {
    b.reset();
    received = true;
  });
  a.socket.SendTo(b->local_endpoint(), AsBytes("x"));
  EXPECT_TRUE(loop.RunUntil([&] { return received; }, kLimit));
}

void FillASmallBuffer(bool sends_trains) {
  EventLoop loop;
  // Loopback delivers at once and never fills a send buffer, so the smallest
  // buffer and packets over it are what can be had without a slow network.
  Host a(
      loop, "127.0.0.1:0",
      {.send_buffer = 1, .max_backlog = 100000, .sends_trains = sends_trains});
  Host b(loop, "127.0.0.1:0");
  PacketBatch batch;
  for (int i = 0; i < 64; ++i) {
    batch.Append(1200, {.remote = b.socket.local_endpoint()});
  }
  a.socket.Send(batch);
  ASSERT_TRUE(loop.RunUntil(
      [&] {
        const auto& counters = a.socket.counters();
        return a.socket.backlog_bytes() == 0 &&
               counters.sent + counters.send_overflows + counters.send_errors ==
                   64;
      },
      kLimit));
  EXPECT_EQ(a.socket.counters().send_errors, 0U);
}

TEST(UdpSocket, KeepsAndThenDropsWhenTheSystemsBufferIsFull) {
  FillASmallBuffer(/*sends_trains=*/false);
}

TEST(UdpSocket, KeepsAndThenDropsTrainsWhenTheSystemsBufferIsFull) {
  FillASmallBuffer(/*sends_trains=*/true);
}

}  // namespace
}  // namespace natkit::io
