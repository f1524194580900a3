#include "natkit/io/batch_socket.h"

#include <gtest/gtest.h>

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
