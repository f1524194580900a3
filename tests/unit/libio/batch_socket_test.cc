#include "natkit/io/batch_socket.h"

#include <gtest/gtest.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "natkit/base/copy.h"
#include "natkit/io/readiness.h"

namespace natkit::io {
namespace {

Endpoint At(std::string_view text) {
  return Endpoint::Parse(text).value();
}

BatchSocket Bind(std::string_view address,
                 const BatchSocketOptions& options = {}) {
  return BatchSocket::Bind(At(address), options).value();
}

/// Blocks until `socket` has something to receive.
size_t Await(BatchSocket& socket) {
  const auto readiness = ReadinessSet::Make().value();
  EXPECT_TRUE(readiness.Add(socket.fd(), 7));
  std::array<uint32_t, 4> ready{};
  EXPECT_EQ(readiness.Wait(ready), 1U);
  EXPECT_EQ(ready[0], 7U);
  return socket.Receive();
}

void Answer(BatchSocket& socket, size_t index, std::string_view text) {
  CopyBytes(AsBytes(text), socket.response());
  socket.Answer(index, text.size());
}

TEST(BatchSocket, AnswersEachRequestWhereItCameFrom) {
  BatchSocket server = Bind("127.0.0.1:0");
  BatchSocket first = Bind("127.0.0.1:0");
  BatchSocket second = Bind("127.0.0.2:0");
  EXPECT_TRUE(first.SendTo(server.local_endpoint(), AsBytes("one")));
  EXPECT_TRUE(second.SendTo(server.local_endpoint(), AsBytes("two")));
  ASSERT_EQ(Await(server), 2U);
  EXPECT_EQ(AsText(server.payload(0)), "one");
  EXPECT_EQ(server.remote(0), first.local_endpoint());
  EXPECT_EQ(server.local(0), server.local_endpoint());
  Answer(server, 1, "second");
  Answer(server, 0, "first");
  server.Flush();
  ASSERT_EQ(Await(first), 1U);
  EXPECT_EQ(AsText(first.payload(0)), "first");
  EXPECT_EQ(first.remote(0), server.local_endpoint());
  ASSERT_EQ(Await(second), 1U);
  EXPECT_EQ(AsText(second.payload(0)), "second");
  EXPECT_EQ(server.Receive(), 0U);
}

TEST(BatchSocket, OnAWildcardAnswersFromTheAddressThatWasAsked) {
  for (const auto& [wildcard, asked, from] :
       {std::array<std::string, 3>{"0.0.0.0:0", "127.0.0.9", "127.0.0.1:0"},
        {"[::]:0", "::1", "[::1]:0"}}) {
    BatchSocket server = Bind(wildcard);
    BatchSocket client = Bind(from);
    const Endpoint to{*IpAddress::Parse(asked), server.local_endpoint().port};
    for (int round = 0; round < 3; ++round) {
      EXPECT_TRUE(client.SendTo(to, AsBytes("ask")));
      ASSERT_EQ(Await(server), 1U);
      EXPECT_EQ(server.local(0), to);
      Answer(server, 0, "answer");
      server.Flush();
      ASSERT_EQ(Await(client), 1U);
      EXPECT_EQ(client.remote(0), to);
    }
  }
}

/// `count` requests by each of `clients`, in turn, taken as one batch.
void Gather(BatchSocket& server, const std::vector<const BatchSocket*>& clients,
            size_t count, const Endpoint& to) {
  for (size_t i = 0; i < count; ++i) {
    for (const BatchSocket* client : clients) {
      ASSERT_TRUE(client->SendTo(to, AsBytes("ask")));
    }
  }
  ASSERT_EQ(Await(server), count * clients.size());
}

std::vector<std::string> Received(BatchSocket& client) {
  std::vector<std::string> all;
  const size_t count = Await(client);
  for (size_t i = 0; i < count; ++i) {
    all.emplace_back(AsText(client.payload(i)));
  }
  return all;
}

TEST(BatchSocket, ManyAnswersToOneClientStayDatagramsInOrder) {
  BatchSocket server = Bind("127.0.0.1:0");
  BatchSocket first = Bind("127.0.0.1:0");
  BatchSocket second = Bind("127.0.0.1:0");
  Gather(server, {&first, &second}, 6, server.local_endpoint());
  const std::array<std::string, 6> sizes = {"a1",   "a2", "a3",
                                            "long", "b1", "b2"};
  for (size_t i = 0; i < 12; ++i) {
    Answer(server, i, sizes[i / 2] + (i % 2 == 0 ? "f" : "s"));
  }
  server.Flush();
  EXPECT_EQ(Received(first), (std::vector<std::string>{"a1f", "a2f", "a3f",
                                                       "longf", "b1f", "b2f"}));
  EXPECT_EQ(Received(second), (std::vector<std::string>{
                                  "a1s", "a2s", "a3s", "longs", "b1s", "b2s"}));
  EXPECT_EQ(server.counters().send_errors, 0U);
}

TEST(BatchSocket, AnswersToOneClientGoAsOneTrain) {
  BatchSocket server = Bind("127.0.0.1:0");
  const int zero = 0;
  if (::setsockopt(server.fd(), SOL_UDP, UDP_SEGMENT, &zero, sizeof zero) !=
      0) {
    GTEST_SKIP() << "the system does not know trains";
  }
  const BatchSocket client = Bind("127.0.0.1:0");
  const int on = 1;  // the client takes trains as they are
  ASSERT_EQ(::setsockopt(client.fd(), SOL_UDP, UDP_GRO, &on, sizeof on), 0);
  Gather(server, {&client}, 3, server.local_endpoint());
  Answer(server, 0, "one");
  Answer(server, 1, "two");
  Answer(server, 2, "six");
  server.Flush();
  std::array<char, 64> got{};
  ASSERT_EQ(::recv(client.fd(), got.data(), got.size(), 0), 9);
  EXPECT_EQ(std::string(got.data(), 9), "onetwosix");
}

TEST(BatchSocket, WhereATrainIsRefusedItsDatagramsGoAlone) {
  BatchSocket server = Bind("127.0.0.1:0");
  // Without checksums the system sends datagrams, but no trains.
  const int on = 1;
  ASSERT_EQ(::setsockopt(server.fd(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on),
            0);
  BatchSocket client = Bind("127.0.0.1:0");
  BatchSocket other = Bind("127.0.0.1:0");
  Gather(server, {&client, &other, &client}, 2, server.local_endpoint());
  for (size_t i = 0; i < 6; ++i) {
    Answer(server, i, std::to_string(i));
  }
  server.Flush();
  EXPECT_EQ(Received(client), (std::vector<std::string>{"0", "2", "3", "5"}));
  EXPECT_EQ(Received(other), (std::vector<std::string>{"1", "4"}));
  EXPECT_EQ(server.counters().send_errors, 0U);
}

TEST(BatchSocket, ATrainLeavesFromTheAddressThatWasAsked) {
  for (const auto& [wildcard, from, one, two] :
       {std::array<std::string, 4>{"0.0.0.0:0", "127.0.0.1:0", "127.0.0.1",
                                   "127.0.0.2"},
        {"[::]:0", "[::1]:0", "::1", "::1"}}) {
    BatchSocket server = Bind(wildcard);
    BatchSocket client = Bind(from);
    const uint16_t port = server.local_endpoint().port;
    for (const std::string& asked : {one, two, one, two}) {
      ASSERT_TRUE(
          client.SendTo({*IpAddress::Parse(asked), port}, AsBytes("ask")));
    }
    ASSERT_EQ(Await(server), 4U);
    for (size_t i = 0; i < 4; ++i) {
      Answer(server, i, server.local(i).address.ToString());
    }
    server.Flush();
    ASSERT_EQ(Await(client), 4U);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(client.remote(i).address.ToString(), AsText(client.payload(i)));
    }
  }
}

TEST(BatchSocket, DropsWhatIsTooLong) {
  BatchSocket server = Bind("127.0.0.1:0");
  BatchSocket client = Bind("127.0.0.1:0");
  const std::vector<uint8_t> longest(BatchSocket::kMaxRequestSize);
  const std::vector<uint8_t> longer(BatchSocket::kMaxRequestSize + 1);
  EXPECT_TRUE(client.SendTo(server.local_endpoint(), longest));
  EXPECT_TRUE(client.SendTo(server.local_endpoint(), longer));
  ASSERT_EQ(Await(server), 2U);
  EXPECT_EQ(server.payload(0).size(), longest.size());
  EXPECT_TRUE(server.payload(1).empty());
  EXPECT_EQ(server.counters().truncated, 1U);
}

TEST(BatchSocket, OneSourceAlwaysHasTheSameSocket) {
  constexpr size_t kCount = 3;
  const BatchSocketOptions shared{.shares_port = true};
  std::vector<BatchSocket> group;
  group.push_back(Bind("127.0.0.1:0", shared));
  const Endpoint server = group.front().local_endpoint();
  while (group.size() < kCount) {
    group.push_back(BatchSocket::Bind(server, shared).value());
  }
  ASSERT_TRUE(group.front().SteerBySource(kCount, 12345));
  std::set<size_t> used;
  for (int host = 1; host <= 40; ++host) {
    const std::string address = "127.0.1." + std::to_string(host) + ":0";
    std::set<size_t> of_source;
    for (int port = 0; port < 5; ++port) {
      EXPECT_TRUE(Bind(address).SendTo(server, AsBytes("ask")));
    }
    for (size_t i = 0; i < kCount; ++i) {
      if (group[i].Receive() > 0) {
        of_source.insert(i);
      }
    }
    EXPECT_EQ(of_source.size(), 1U) << address;
    used.merge(of_source);
  }
  EXPECT_EQ(used.size(), kCount) << "the load is shared";
}

TEST(BatchSocket, TellsWhyItCannotBind) {
  const BatchSocket first = Bind("127.0.0.1:0");
  EXPECT_EQ(BatchSocket::Bind(first.local_endpoint()).error().code,
            Errc::kAddressInUse);
  EXPECT_EQ(BatchSocket::Bind(At("192.0.2.1:3478")).error().code,
            Errc::kAddressNotAvailable);
}

TEST(WakeUp, WakesAReadinessSetUntilCleared) {
  const auto readiness = ReadinessSet::Make().value();
  const auto wake_up = WakeUp::Make().value();
  ASSERT_TRUE(readiness.Add(wake_up.fd(), 3));
  wake_up.Signal();
  wake_up.Signal();
  std::array<uint32_t, 2> ready{};
  EXPECT_EQ(readiness.Wait(ready), 1U);
  wake_up.Clear();
  BatchSocket socket = Bind("127.0.0.1:0");
  ASSERT_TRUE(readiness.Add(socket.fd(), 4));
  EXPECT_TRUE(socket.SendTo(socket.local_endpoint(), AsBytes("x")));
  EXPECT_EQ(readiness.Wait(ready), 1U);
  EXPECT_EQ(ready[0], 4U);
}

}  // namespace
}  // namespace natkit::io
