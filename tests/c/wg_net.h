/* Two WireGuard devices behind the C API, in virtual time, with deterministic
 * randomness. */
#ifndef NATKIT_TESTS_C_WG_NET_H_
#define NATKIT_TESTS_C_WG_NET_H_

#include <string.h>

#include "check.h"
#include "natkit/natkit.h"
#include "wg_packets.h"

#define MAX_PACKETS 300
#define CANARY 0xa5

/* A batch with its memory; behind both there is what must stay. */
typedef struct Room {
  natkit_batch batch;
  uint8_t memory[600000];
  natkit_packet packets[MAX_PACKETS + 1];
} Room;

typedef struct End {
  natkit_wg_device* device;
  natkit_address address;
  uint8_t inner[4];
  uint64_t random_state;
  Room out;
  Room plaintext;
  size_t received;
} End;

/* Empties a room and limits it to what it is given. */
static inline natkit_batch* Limit(Room* room, size_t bytes, size_t packets) {
  CHECK(bytes < sizeof room->memory && packets <= MAX_PACKETS);
  natkit_init(&room->batch);
  room->batch.memory = room->memory;
  room->batch.memory_size = bytes;
  room->batch.packets = room->packets;
  room->batch.packet_capacity = packets;
  room->memory[bytes] = CANARY;
  memset(&room->packets[packets], CANARY, sizeof room->packets[0]);
  return &room->batch;
}

static inline natkit_batch* Empty(Room* room) {
  return Limit(room, sizeof room->memory - 1, MAX_PACKETS);
}

/* Packets lie one after the other, within what there is. */
static inline void CheckRoom(const Room* room) {
  const natkit_batch* const batch = &room->batch;
  uint8_t canary[sizeof room->packets[0]];
  size_t used = 0;
  memset(canary, CANARY, sizeof canary);
  CHECK(batch->packet_count <= batch->packet_capacity);
  CHECK(batch->memory_used <= batch->memory_size);
  for (size_t i = 0; i < batch->packet_count; ++i) {
    CHECK(batch->packets[i].data == batch->memory + used);
    used += batch->packets[i].size;
  }
  CHECK_EQ(used, batch->memory_used);
  CHECK_EQ(room->memory[batch->memory_size], CANARY);
  CHECK(memcmp(&room->packets[batch->packet_capacity], canary, sizeof canary) ==
        0);
}

static inline uint32_t NumberOf(const natkit_packet* packet) {
  uint32_t number = 0;
  CHECK(packet->size >= 24);
  memcpy(&number, packet->data + 20, sizeof number);
  return number;
}

static inline natkit_wg_device_config MakeConfig(const natkit_random* random,
                                                 uint64_t now) {
  natkit_wg_device_config config;
  natkit_init(&config);
  config.random = random;
  config.now_ns = now;
  config.wall_clock_ns = WALL_CLOCK + now;
  CHECK_EQ(natkit_key_generate(random, config.private_key), 0);
  return config;
}

static inline void StartEnd(End* end, uint8_t number,
                            const natkit_wg_device_config* overrides) {
  memset(end, 0, sizeof *end);
  end->random_state = 1000 + number;
  const natkit_random random = {FillRandom, &end->random_state};
  natkit_wg_device_config config = MakeConfig(&random, 0);
  if (overrides != NULL) {
    config.max_staged_packets = overrides->max_staged_packets;
    config.endpoints = overrides->endpoints;
    config.reports_keepalives = overrides->reports_keepalives;
  }
  CHECK_EQ(natkit_wg_device_new(&config, &end->device), 0);
  char text[32];
  snprintf(text, sizeof text, "192.0.2.%d:51820", number);
  CHECK_EQ(natkit_address_parse(text, &end->address), 0);
  const uint8_t inner[4] = {10, 0, 0, number};
  memcpy(end->inner, inner, sizeof inner);
  Empty(&end->out);
  Empty(&end->plaintext);
}

static inline natkit_prefix HostPrefix(const uint8_t* ip) {
  natkit_prefix prefix;
  memset(&prefix, 0, sizeof prefix);
  prefix.address.family = NATKIT_FAMILY_IPV4;
  memcpy(prefix.address.ip, ip, 4);
  prefix.length = 32;
  return prefix;
}

static inline natkit_prefix Prefix(const char* address, uint32_t length) {
  natkit_prefix prefix;
  memset(&prefix, 0, sizeof prefix);
  CHECK_EQ(natkit_address_parse(address, &prefix.address), 0);
  prefix.length = length;
  return prefix;
}

static inline uint32_t Introduce(End* to, const End* peer) {
  natkit_wg_device_status status;
  natkit_init(&status);
  CHECK_EQ(natkit_wg_device_get_status(peer->device, &status), 0);
  const natkit_prefix prefix = HostPrefix(peer->inner);
  natkit_wg_peer_config config;
  natkit_init(&config);
  memcpy(config.public_key, status.public_key, sizeof config.public_key);
  config.allowed_ips = &prefix;
  config.allowed_ip_count = 1;
  config.endpoint = peer->address;
  uint32_t number = 0;
  CHECK_EQ(natkit_wg_device_set_peer(to->device, 0, &config, &number), 0);
  CHECK(number != 0);
  return number;
}

static inline void Send(End* from, uint64_t now, const uint8_t* to,
                        uint32_t number, size_t size) {
  uint8_t bytes[2000];
  natkit_packet packet;
  memset(&packet, 0, sizeof packet);
  CHECK(size <= sizeof bytes);
  MakePacket(bytes, size, from->inner, to, number);
  packet.data = bytes;
  packet.size = size;
  CHECK_EQ(natkit_wg_device_send_packets(from->device, now, &packet, 1,
                                         &from->out.batch),
           0);
  CheckRoom(&from->out);
}

/* Carries what `from` has put out to `to`. Returns how many. */
static inline size_t Carry(End* from, End* to, uint64_t now) {
  const size_t count = from->out.batch.packet_count;
  for (size_t i = 0; i < count; ++i) {
    from->out.packets[i].remote = from->address;
    memset(&from->out.packets[i].local, 0, sizeof(natkit_address));
  }
  Empty(&to->plaintext);
  CHECK_EQ(natkit_wg_device_handle_datagrams(to->device, now, from->out.packets,
                                             count, &to->plaintext.batch,
                                             &to->out.batch),
           0);
  CheckRoom(&to->plaintext);
  CheckRoom(&to->out);
  to->received += to->plaintext.batch.packet_count;
  Empty(&from->out);
  return count;
}

/* Carries to and fro until nobody has anything to say. */
static inline void Settle(End* a, End* b, uint64_t now) {
  while (Carry(a, b, now) + Carry(b, a, now) != 0) {
  }
}

/* Two ends that have each other as peer 1. */
static inline void StartPair(End* a, End* b) {
  StartEnd(a, 1, NULL);
  StartEnd(b, 2, NULL);
  CHECK_EQ(Introduce(a, b), 1);
  CHECK_EQ(Introduce(b, a), 1);
}

/* The same, with a session that both have used. */
static inline void StartSession(End* a, End* b) {
  StartPair(a, b);
  Send(a, 0, b->inner, 0, 100);
  Settle(a, b, 0);
  CHECK_EQ(b->received, 1);
  b->received = 0;
}

static inline void StopEnd(End* end) {
  natkit_wg_device_free(end->device);
  end->device = NULL;
}

static inline natkit_wg_counters CountersOf(const End* end) {
  natkit_wg_counters counters;
  natkit_init(&counters);
  CHECK_EQ(natkit_wg_device_get_counters(end->device, &counters), 0);
  return counters;
}

#endif
