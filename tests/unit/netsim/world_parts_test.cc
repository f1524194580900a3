// The parts that World is made of.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "natkit/netsim/packet.h"
#include "natkit/netsim/sim_rng.h"
#include "world/address_table.h"
#include "world/event_queue.h"
#include "world/packet_pool.h"
#include "world/reassembler.h"
#include "world/ring.h"
#include "world/timer_heap.h"
#include "world/udp_writer.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

/// A third of the events come by no lane, the others by lanes that are mostly
/// in order.
TEST(EventQueue, YieldsByTimeThenByOrderOfAddition) {
  EventQueue queue;
  std::vector<LaneId> lanes;
  for (int i = 0; i < 5; ++i) {
    lanes.push_back(queue.AddLane());
  }
  std::vector<uint32_t> latest(lanes.size());
  SimRng rng(1);
  std::multimap<Instant, uint32_t> model;  // equal keys keep their order
  for (uint32_t i = 0; i < 50'000; ++i) {
    if (rng.Chance(0.52)) {
      const uint32_t lane = rng.NextBelow(7);
      uint32_t time = rng.NextBelow(500);
      if (lane < lanes.size()) {
        latest[lane] += rng.NextBelow(5);
        time = rng.Chance(0.9) ? latest[lane] : time;
        queue.PushInLane(lanes[lane], Instant{Duration(time)},
                         EventType::kArrival, i, nullptr);
      } else {
        queue.Push(Instant{Duration(time)}, EventType::kArrival, i, nullptr);
      }
      model.emplace(Instant{Duration(time)}, i);
    } else if (!model.empty()) {
      ASSERT_EQ(queue.next(), model.begin()->first);
      const QueuedEvent event = queue.Pop();
      ASSERT_EQ(event.target, model.begin()->second);
      ASSERT_EQ(event.type(), EventType::kArrival);
      model.erase(model.begin());
    }
    ASSERT_EQ(queue.is_empty(), model.empty());
  }
}

TEST(Ring, GrowsWhereverItBegins) {
  Ring<int> ring;
  int next = 0;
  int first = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 7; ++i) {
      ring.PushBack(next++);
    }
    for (int i = 0; i < 5; ++i) {
      ASSERT_EQ(ring.front(), first++);
      ring.PopFront();
    }
    ASSERT_EQ(ring.size(), static_cast<size_t>(next - first));
  }
}

TEST(TimerHeap, AgreesWithAnObviousModel) {
  constexpr uint32_t kTimers = 40;
  TimerHeap heap;
  std::vector<std::optional<Instant>> model(kTimers);
  for (uint32_t i = 0; i < kTimers; ++i) {
    ASSERT_EQ(heap.Add(), i);
  }
  SimRng rng(2);
  for (int step = 0; step < 20'000; ++step) {
    const uint32_t id = rng.NextBelow(kTimers);
    model[id] = rng.Chance(0.3)
                    ? std::nullopt
                    : std::optional(Instant{Duration(rng.NextBelow(100))});
    heap.Set(id, model[id]);
    Instant first = Instant::max();
    for (const auto& deadline : model) {
      first = std::min(first, deadline.value_or(Instant::max()));
    }
    ASSERT_EQ(heap.next(), first);
    if (first != Instant::max()) {
      // The lowest number of those that are due.
      const auto due = std::ranges::find(model, std::optional(first));
      ASSERT_EQ(heap.first(), static_cast<uint32_t>(due - model.begin()));
    }
  }
}

TEST(AddressTable, AgreesWithAnObviousModel) {
  AddressTable table;
  std::map<IpAddress, uint32_t> model;
  SimRng rng(3);
  for (uint32_t step = 0; step < 20'000; ++step) {
    const auto low = static_cast<uint8_t>(rng.NextBelow(200));
    const IpAddress address = rng.Chance(0.5)
                                  ? IpAddress::V4(10, 0, 0, low)
                                  : IpAddress::V6({0x20, 1, 0x0d, 0xb8, low});
    if (rng.Chance(0.5)) {
      table.Set(address, step);
      model[address] = step;
    } else if (rng.Chance(0.3)) {
      table.Erase(address);
      model.erase(address);
    }
    const auto found = model.find(address);
    ASSERT_EQ(table.Find(address), found == model.end()
                                       ? std::nullopt
                                       : std::optional(found->second));
  }
}

TEST(PacketPool, GivesTheLastReturnedBufferAgain) {
  PacketPool pool;
  Packet* small = pool.Take(100);
  Packet* large = pool.Take(60'000);
  EXPECT_EQ(large->bytes().size(), 60'000U);
  pool.Return(small);
  pool.Return(large);
  EXPECT_EQ(pool.Take(1500), small);
  EXPECT_EQ(pool.Take(65'575), large);
  EXPECT_EQ(pool.size(), 2U);
}

TEST(UdpWriter, WritesWhatBuildUdpBuilds) {
  for (const std::string size : {"", "x", "xy", "0123456789abcdef0"}) {
    for (const bool is_v4 : {true, false}) {
      const Endpoint from =
          *Endpoint::Parse(is_v4 ? "10.0.0.1:1" : "[2001:db8::1]:1");
      const Endpoint to =
          *Endpoint::Parse(is_v4 ? "10.0.0.2:65535" : "[2001:db8::2]:65535");
      const IpFields ip{.ttl = 7, .id = 9, .dont_fragment = is_v4};
      std::vector<uint8_t> written(
          UdpPacketSize(from.address.family(), size.size()));
      WriteUdp(written, from, to, AsBytes(size), ip);
      EXPECT_EQ(written, BuildUdp(from, to, AsBytes(size), ip));
    }
  }
}

/// Fragments of a datagram between two addresses of one family.
struct Pieces {
  explicit Pieces(bool is_v4, size_t size = 3000, uint16_t id = 7)
      : whole(
            BuildUdp(*Endpoint::Parse(is_v4 ? "10.0.0.1:1" : "[2001:db8::1]:1"),
                     *Endpoint::Parse(is_v4 ? "10.0.0.2:2" : "[2001:db8::2]:2"),
                     std::vector<uint8_t>(size, 0xAB), {.id = id})),
        fragments(FragmentPacket(whole, 1280, id)) {}

  std::vector<uint8_t> whole;
  std::vector<std::vector<uint8_t>> fragments;
};

Reassembler::Fate Add(Reassembler& reassembler,
                      const std::vector<uint8_t>& fragment,
                      Instant now = Instant{}) {
  return reassembler.Add(now, fragment, *ParsePacket(fragment));
}

using Fate = Reassembler::Fate;

TEST(Reassembler, PutsFragmentsTogetherInAnyOrder) {
  for (const bool is_v4 : {true, false}) {
    Pieces pieces(is_v4);
    ASSERT_EQ(pieces.fragments.size(), 3U);
    std::vector<size_t> order = {0, 1, 2};
    do {
      Reassembler reassembler;
      EXPECT_EQ(Add(reassembler, pieces.fragments[order[0]]), Fate::kHeld);
      EXPECT_EQ(Add(reassembler, pieces.fragments[order[1]]), Fate::kHeld);
      EXPECT_EQ(Add(reassembler, pieces.fragments[order[2]]), Fate::kComplete);
      const auto whole = reassembler.whole();
      EXPECT_EQ(std::vector<uint8_t>(whole.begin(), whole.end()), pieces.whole);
    } while (std::ranges::next_permutation(order).found);
  }
}

TEST(Reassembler, AnOverlapDiscardsTheDatagram) {
  Pieces pieces(true);
  Reassembler reassembler;
  EXPECT_EQ(Add(reassembler, pieces.fragments[0]), Fate::kHeld);
  EXPECT_EQ(Add(reassembler, pieces.fragments[0]), Fate::kRefused);
  EXPECT_EQ(Add(reassembler, pieces.fragments[1]), Fate::kHeld);
  EXPECT_EQ(Add(reassembler, pieces.fragments[2]), Fate::kHeld);
}

TEST(Reassembler, ForgetsAfterThirtySeconds) {
  Pieces pieces(true);
  for (const bool is_late : {false, true}) {
    Reassembler reassembler;
    const Instant end = Instant{30s} - (is_late ? 0ns : 1ns);
    EXPECT_EQ(Add(reassembler, pieces.fragments[0]), Fate::kHeld);
    EXPECT_EQ(Add(reassembler, pieces.fragments[1], end), Fate::kHeld);
    EXPECT_EQ(Add(reassembler, pieces.fragments[2], end),
              is_late ? Fate::kHeld : Fate::kComplete);
  }
}

TEST(Reassembler, TheOldestOfSixteenGivesWay) {
  Reassembler reassembler;
  std::vector<Pieces> all;
  for (uint16_t id = 0; id <= Reassembler::kMaxDatagrams; ++id) {
    all.emplace_back(true, 2000, static_cast<uint16_t>(id + 1));
    EXPECT_EQ(Add(reassembler, all.back().fragments[0]), Fate::kHeld);
  }
  EXPECT_EQ(Add(reassembler, all[1].fragments[1]), Fate::kComplete);
  EXPECT_EQ(Add(reassembler, all[0].fragments[1]), Fate::kHeld);
}

}  // namespace
}  // namespace natkit::netsim
