#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "tls_testing.h"

namespace natkit::tls {
namespace {

constexpr size_t kChannels = 2000;

size_t HeapInUse() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

size_t ResidentBytes() {
  size_t total = 0;
  size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

/// One message each way, larger than a record, and back to idle.
void Exchange(testing::Pair& pair) {
  const std::vector<uint8_t> message(size_t{40} * 1024, 0x5a);
  for (const bool from_client : {true, false}) {
    Channel& from = from_client ? pair.client : pair.server;
    Channel& to = from_client ? pair.server : pair.client;
    ASSERT_EQ(from.WritePlaintext(message), message.size());
    while (!from.PendingCiphertext().empty()) {
      const ByteView chunk = from.PendingCiphertext().first(
          std::min<size_t>(from.PendingCiphertext().size(), 4096));
      ASSERT_TRUE(to.HandleCiphertext(chunk));
      from.ConsumeCiphertext(chunk.size());
    }
    ASSERT_EQ(testing::ReadAll(to).value().size(), message.size());
  }
}

TEST(Channel, DoesNotGrowWhileItsOutputIsNeverQuiteTaken) {
  testing::Pair pair = testing::MakeOpenPair();
  const std::vector<uint8_t> message(1000, 0x5a);
  const size_t before = HeapInUse();
  size_t carried = 0;
  while (carried < size_t{32} * 1024 * 1024) {
    ASSERT_EQ(pair.server.WritePlaintext(message), message.size());
    const size_t size = pair.server.PendingCiphertext().size() - 1;
    pair.server.ConsumeCiphertext(size);
    carried += size;
  }
  EXPECT_LT(HeapInUse(), before + (size_t{64} * 1024));
}

TEST(Channel, HoldsLittleMemoryWhileIdle) {
  const auto identity =
      testing::Root().Issue(testing::ServerSpec("coord.example")).value();
  const auto server =
      ServerContext::Make(identity, {.alpn = {"natkit"}}).value();
  ClientOptions options = testing::TrustingRoot();
  options.alpn = {"natkit"};
  const auto client = ClientContext::Make(options).value();
  std::vector<std::optional<Channel>> servers(kChannels);
  std::vector<std::optional<Channel>> clients(kChannels);
  const size_t heap_before = HeapInUse();
  const size_t resident_before = ResidentBytes();
  for (size_t i = 0; i < kChannels; ++i) {
    testing::Pair pair{
        Channel::Client(client, {.host = "coord.example"}).value(),
        Channel::Server(server)};
    ASSERT_TRUE(testing::Shake(pair));
    Exchange(pair);
    servers[i].emplace(std::move(pair.server));
    clients[i].emplace(std::move(pair.client));
  }
  const size_t resident_pair = (ResidentBytes() - resident_before) / kChannels;
  const size_t heap_both = HeapInUse();
  for (auto& channel : clients) {
    channel.reset();
  }
  const size_t heap_server = (HeapInUse() - heap_before) / kChannels;
  const size_t heap_client = (heap_both - HeapInUse()) / kChannels;
  std::cout << "bytes per idle channel: server " << heap_server << ", client "
            << heap_client << "; resident per pair " << resident_pair << "\n";
  EXPECT_LT(heap_server, size_t{20} * 1024);
  EXPECT_LT(heap_client, size_t{20} * 1024);
  EXPECT_LT(resident_pair, size_t{40} * 1024);
  EXPECT_GT(heap_server, 100U) << "measures nothing";
}

}  // namespace
}  // namespace natkit::tls
