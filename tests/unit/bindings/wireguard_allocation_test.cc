// Sealing and opening through the C API must not allocate. This binary counts
// every call of operator new.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

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

namespace {

constexpr uint64_t kWallClock = 1'700'000'000 * NATKIT_SECOND;
constexpr size_t kPacketSize = 1420;
constexpr size_t kBatch = 64;

struct Keys {
  Keys() {
    natkit_key_generate(nullptr, secret);
    natkit_key_get_public(secret, shown);
  }

  uint8_t secret[NATKIT_KEY_SIZE];
  uint8_t shown[NATKIT_KEY_SIZE];
};

std::vector<uint8_t> MakePacket() {
  std::vector<uint8_t> packet(kPacketSize);
  packet[0] = 0x45;
  packet[2] = kPacketSize >> 8;
  packet[3] = kPacketSize & 0xff;
  return packet;
}

natkit_wg_tunnel* NewTunnel(const Keys& ours, const Keys& theirs) {
  natkit_wg_tunnel_config config;
  natkit_init(&config);
  config.wall_clock_ns = kWallClock;
  std::memcpy(config.private_key, ours.secret, NATKIT_KEY_SIZE);
  std::memcpy(config.public_key, theirs.shown, NATKIT_KEY_SIZE);
  natkit_wg_tunnel* tunnel = nullptr;
  EXPECT_EQ(natkit_wg_tunnel_new(&config, &tunnel), NATKIT_OK);
  return tunnel;
}

natkit_wg_device* NewDevice(const Keys& ours, const Keys& theirs) {
  natkit_wg_device_config config;
  natkit_init(&config);
  config.wall_clock_ns = kWallClock;
  std::memcpy(config.private_key, ours.secret, NATKIT_KEY_SIZE);
  natkit_wg_device* device = nullptr;
  EXPECT_EQ(natkit_wg_device_new(&config, &device), NATKIT_OK);
  natkit_prefix all{};
  all.address.family = NATKIT_FAMILY_IPV4;
  natkit_wg_peer_config peer;
  natkit_init(&peer);
  std::memcpy(peer.public_key, theirs.shown, NATKIT_KEY_SIZE);
  peer.allowed_ips = &all;
  peer.allowed_ip_count = 1;
  natkit_address_parse("192.0.2.1:1", &peer.endpoint);
  EXPECT_EQ(natkit_wg_device_set_peer(device, 0, &peer, nullptr), NATKIT_OK);
  return device;
}

/// A caller's batch with its memory.
struct Room {
  Room() : memory(100 * 1500), packets(100) {
    natkit_init(&batch);
    batch.memory = memory.data();
    batch.memory_size = memory.size();
    batch.packets = packets.data();
    batch.packet_capacity = packets.size();
  }

  void Clear() { batch.memory_used = batch.packet_count = 0; }

  std::vector<uint8_t> memory;
  std::vector<natkit_packet> packets;
  natkit_batch batch;
};

/// Carries what tunnels have to send until they are done.
void Settle(natkit_wg_tunnel* a, natkit_wg_tunnel* b) {
  uint8_t wire[2048];
  uint8_t opened[2048];
  bool is_done = false;
  while (!is_done) {
    is_done = true;
    for (auto [from, to] : {std::pair(a, b), std::pair(b, a)}) {
      const int size = natkit_wg_tunnel_poll_transmit(from, wire, sizeof wire);
      if (size > 0) {
        natkit_wg_tunnel_open(to, 0, wire, static_cast<size_t>(size), opened,
                              sizeof opened);
        is_done = false;
      }
    }
  }
}

TEST(WireguardTunnelDoor, DoesNotAllocateInSteadyState) {
  const Keys keys_a;
  const Keys keys_b;
  natkit_wg_tunnel* a = NewTunnel(keys_a, keys_b);
  natkit_wg_tunnel* b = NewTunnel(keys_b, keys_a);
  const std::vector<uint8_t> packet = MakePacket();
  uint8_t wire[2048];
  uint8_t opened[2048];
  uint64_t before = 0;
  for (int round = 0; round < 10; ++round) {
    const int size = natkit_wg_tunnel_seal(a, 0, packet.data(), packet.size(),
                                           wire, sizeof wire);
    if (round == 0) {
      Settle(a, b);
      continue;
    }
    ASSERT_EQ(natkit_wg_tunnel_open(b, 0, wire, static_cast<size_t>(size),
                                    opened, sizeof opened),
              static_cast<int>(kPacketSize));
    EXPECT_EQ(natkit_wg_tunnel_poll_transmit(a, wire, sizeof wire), 0);
    if (round == 2) {
      before = allocations;
    }
  }
  EXPECT_EQ(allocations - before, 0U);
  natkit_wg_tunnel_free(a);
  natkit_wg_tunnel_free(b);
}

TEST(WireguardDeviceDoor, DoesNotAllocateInSteadyState) {
  const Keys keys_a;
  const Keys keys_b;
  natkit_wg_device* a = NewDevice(keys_a, keys_b);
  natkit_wg_device* b = NewDevice(keys_b, keys_a);
  std::vector<uint8_t> bytes = MakePacket();
  natkit_packet one{};
  one.data = bytes.data();
  one.size = bytes.size();
  const std::vector<natkit_packet> plain(kBatch, one);
  Room wire;
  Room back;
  Room opened;
  uint64_t before = 0;
  for (int round = 0; round < 10; ++round) {
    wire.Clear();
    opened.Clear();
    natkit_wg_device_send_packets(a, 0, plain.data(), kBatch, &wire.batch);
    natkit_wg_device_handle_datagrams(b, 0, wire.packets.data(),
                                      wire.batch.packet_count, &opened.batch,
                                      &back.batch);
    if (round == 0) {  // the handshake
      natkit_wg_device_handle_datagrams(a, 0, back.packets.data(),
                                        back.batch.packet_count, &opened.batch,
                                        nullptr);
      continue;
    }
    while (natkit_wg_device_poll_transmit(a, &back.batch) > 0) {
      back.Clear();  // those that waited for the handshake
    }
    if (round == 3) {
      before = allocations;
    }
    ASSERT_EQ(opened.batch.packet_count, round == 1 ? 100U : kBatch);
  }
  EXPECT_EQ(allocations - before, 0U);
  natkit_wg_device_free(a);
  natkit_wg_device_free(b);
}

}  // namespace
