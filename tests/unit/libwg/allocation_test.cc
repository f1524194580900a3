// The data path must not allocate once its batches have grown. This binary
// counts every call of operator new.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>

#include "wg_net.h"

namespace {

std::atomic<uint64_t> allocations = 0;

}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) {
    return memory;
  }
  std::abort();
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace natkit::wg {
namespace {

using namespace std::chrono_literals;
using testing::WgNet;

TEST(DataPath, DoesNotAllocateInSteadyState) {
  WgNet net(2);
  net.Introduce(0, 1);
  net.Introduce(1, 0);
  net.SendData(0, 1);
  net.Run(100ms);
  PacketBatch plaintext;
  for (int i = 0; i < 64; ++i) {
    plaintext.AppendCopy(
        testing::MakeIpv4(net.node(0).inner, net.node(1).inner, 1420), {});
  }
  PacketBatch datagrams;
  PacketBatch opened;
  PacketBatch replies;
  uint64_t before = 0;
  for (int round = 0; round < 10; ++round) {
    if (round == 2) {
      before = allocations;
    }
    datagrams.Clear();
    opened.Clear();
    replies.Clear();
    net.node(0).device.SendPackets(net.now(), plaintext, datagrams);
    for (size_t i = 0; i < datagrams.size(); ++i) {
      datagrams.mutable_meta(i).remote = net.node(0).endpoint;
    }
    net.node(1).device.HandleDatagrams(net.now(), datagrams, opened, replies);
    ASSERT_EQ(opened.size(), 64U);
  }
  EXPECT_EQ(allocations - before, 0U);
}

}  // namespace
}  // namespace natkit::wg
