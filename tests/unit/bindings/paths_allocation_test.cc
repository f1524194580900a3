// What an ICE agent and a DERP client do for each packet must not allocate once
// they have grown. This binary counts every call of operator new.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/derp/server_core.h"
#include "natkit/natkit.h"

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

namespace natkit::c {
namespace {

constexpr uint64_t kNow = NATKIT_SECOND;
constexpr std::array<uint8_t, NATKIT_KEY_SIZE> kOurKey = {1};
constexpr std::array<uint8_t, NATKIT_KEY_SIZE> kRelayKey = {2};

/// A client and a relay; what the client allocates is counted.
class Relayed {
 public:
  Relayed() : server_({.private_key = StaticPrivateKey(kRelayKey)}, rng_) {
    natkit_derp_client_config config;
    natkit_init(&config);
    config.private_key = kOurKey.data();
    config.host = "relay";
    EXPECT_EQ(natkit_derp_client_new(&config, &client_), 0);
    EXPECT_EQ(natkit_key_get_public(kOurKey.data(), own_.data()), 0);
    server_.Accept(now_, id_, {});
    EXPECT_EQ(natkit_derp_client_start(client_, kNow, nullptr), 0);
    Carry();
    EXPECT_EQ(natkit_derp_client_is_connected(client_), 1);
  }

  ~Relayed() { natkit_derp_client_free(client_); }

  Relayed(const Relayed&) = delete;
  Relayed& operator=(const Relayed&) = delete;

  /// Sends packets to itself; returns how many came back.
  int SendAndReceive(int count) {
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(Count([&] {
                  return natkit_derp_client_send(client_, kNow, own_.data(),
                                                 packet_.data(),
                                                 packet_.size());
                }),
                0);
    }
    return Carry();
  }

  [[nodiscard]] uint64_t counted() const { return counted_; }

 private:
  template <class Call>
  int Count(Call call) {
    const uint64_t before = allocations;
    const int result = call();
    counted_ += allocations - before;
    return result;
  }

  /// Bytes both ways; returns the packets that arrived.
  int Carry() {
    int packets = 0;
    for (bool moves = true; moves;) {
      const int up = Count([&] {
        return natkit_derp_client_poll_transmit(client_, kNow, bytes_.data(),
                                                bytes_.size());
      });
      server_.HandleBytes(now_, id_,
                          ByteView(bytes_).first(static_cast<size_t>(up)));
      const size_t down = server_.PollTransmit(now_, id_, bytes_);
      Count([&] {
        return natkit_derp_client_handle_bytes(client_, kNow, bytes_.data(),
                                               down);
      });
      packets += Poll();
      moves = up > 0 || down > 0;
    }
    return packets;
  }

  int Poll() {
    natkit_derp_event event;
    natkit_init(&event);
    int packets = 0;
    while (Count([&] {
             return natkit_derp_client_poll_event(
                 client_, &event, packet_room_.data(), packet_room_.size());
           }) == 1) {
      packets += event.type == NATKIT_DERP_EVENT_PACKET ? 1 : 0;
    }
    return packets;
  }

  SeededRng rng_{1};
  derp::ServerCore server_;
  derp::ConnectionId id_{1};
  Instant now_{std::chrono::seconds(1)};
  natkit_derp_client* client_ = nullptr;
  std::array<uint8_t, NATKIT_KEY_SIZE> own_{};
  std::vector<uint8_t> packet_ = std::vector<uint8_t>(1420, 7);
  std::vector<uint8_t> bytes_ = std::vector<uint8_t>(4096);
  std::vector<uint8_t> packet_room_ = std::vector<uint8_t>(2048);
  uint64_t counted_ = 0;
};

TEST(DerpPath, DoesNotAllocateInSteadyState) {
  Relayed relayed;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(relayed.SendAndReceive(20), 20);
  }
  const uint64_t before = relayed.counted();
  EXPECT_GT(before, 0U) << "nothing is counted";
  for (int round = 0; round < 10; ++round) {
    EXPECT_EQ(relayed.SendAndReceive(20), 20);
  }
  EXPECT_EQ(relayed.counted() - before, 0U);
}

TEST(IcePath, DoesNotAllocateForData) {
  natkit_ice_agent_config config;
  natkit_ice_agent* agent = nullptr;
  natkit_ice_mux* mux = nullptr;
  natkit_address base{};
  natkit_ice_pair pair;
  const std::vector<uint8_t> packet(1420, 0x45);
  natkit_init(&config);
  config.profile = NATKIT_ICE_MESH;
  config.rest_after_ns = NATKIT_SECOND;
  ASSERT_EQ(natkit_ice_agent_new(&config, &agent), 0);
  ASSERT_EQ(natkit_ice_mux_new(nullptr, &mux), 0);
  ASSERT_EQ(natkit_address_parse("192.0.2.1:7", &base), 0);
  ASSERT_EQ(natkit_ice_agent_add_host_base(agent, kNow, &base), 0);
  const uint64_t before = allocations;
  EXPECT_GT(before, 0U) << "nothing is counted";
  uint64_t id = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(natkit_classify_datagram(packet.data(), packet.size()),
              NATKIT_DATAGRAM_OTHER);
    ASSERT_EQ(natkit_ice_mux_route(mux, packet.data(), packet.size(), &id), 0);
    ASSERT_EQ(natkit_ice_agent_handle_datagram(agent, kNow, &base, &base,
                                               packet.data(), packet.size()),
              0);
    ASSERT_EQ(natkit_ice_agent_note_data(agent, kNow), 0);
    ASSERT_EQ(natkit_ice_agent_get_selected(agent, &pair), 0);
  }
  EXPECT_EQ(allocations - before, 0U);
  natkit_ice_agent_free(agent);
  natkit_ice_mux_free(mux);
}

}  // namespace
}  // namespace natkit::c
