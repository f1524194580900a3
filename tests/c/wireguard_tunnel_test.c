/* natkit/wireguard_tunnel.h: tunnels, end to end in virtual time. */
#include "wg_packets.h"

#define ROOM 70000

typedef struct Side {
  natkit_wg_tunnel* tunnel;
  uint64_t random_state;
  uint8_t private_key[NATKIT_KEY_SIZE];
  uint8_t public_key[NATKIT_KEY_SIZE];
} Side;

static Side a;
static Side b;
static uint8_t wire[ROOM];
static uint8_t opened[ROOM];
static uint8_t packet[ROOM];
static int moved; /* datagrams */
static const uint8_t kInnerA[4] = {10, 0, 0, 1};
static const uint8_t kInnerB[4] = {10, 0, 0, 2};

static void MakeKeys(Side* side, uint64_t seed) {
  memset(side, 0, sizeof *side);
  side->random_state = seed;
  const natkit_random random = {FillRandom, &side->random_state};
  CHECK_EQ(natkit_key_generate(&random, side->private_key), 0);
  CHECK_EQ(natkit_key_get_public(side->private_key, side->public_key), 0);
}

static natkit_wg_tunnel_config ConfigOf(const Side* side, const Side* peer,
                                        const natkit_random* random) {
  natkit_wg_tunnel_config config;
  natkit_init(&config);
  config.random = random;
  config.wall_clock_ns = WALL_CLOCK;
  memcpy(config.private_key, side->private_key, NATKIT_KEY_SIZE);
  memcpy(config.public_key, peer->public_key, NATKIT_KEY_SIZE);
  return config;
}

static void StartPair(void) {
  MakeKeys(&a, 1);
  MakeKeys(&b, 2);
  const natkit_random of_a = {FillRandom, &a.random_state};
  const natkit_random of_b = {FillRandom, &b.random_state};
  natkit_wg_tunnel_config config = ConfigOf(&a, &b, &of_a);
  CHECK_EQ(natkit_wg_tunnel_new(&config, &a.tunnel), 0);
  config = ConfigOf(&b, &a, &of_b);
  CHECK_EQ(natkit_wg_tunnel_new(&config, &b.tunnel), 0);
}

static void Stop(void) {
  natkit_wg_tunnel_free(a.tunnel);
  natkit_wg_tunnel_free(b.tunnel);
}

/* Seals a packet with `number` in it into `wire`. */
static int SealNumber(const Side* from, uint64_t now, uint32_t number) {
  MakePacket(packet, 200, from == &a ? kInnerA : kInnerB,
             from == &a ? kInnerB : kInnerA, number);
  return natkit_wg_tunnel_seal(from->tunnel, now, packet, 200, wire, 240);
}

static int Open(const Side* to, uint64_t now, int size) {
  return natkit_wg_tunnel_open(to->tunnel, now, wire, (size_t)size, opened,
                               ROOM);
}

/* Carries what waits in one to the other; returns how many had a packet. */
static int CarryFrom(const Side* from, const Side* to, uint64_t now) {
  int packets = 0;
  int size = 0;
  while ((size = natkit_wg_tunnel_poll_transmit(from->tunnel, wire, ROOM)) !=
         0) {
    CHECK(size > 0);
    const int length = Open(to, now, size);
    CHECK(length >= 0);
    packets += length > 0;
    ++moved;
  }
  return packets;
}

static int Settle(uint64_t now) {
  int packets = 0;
  do {
    moved = 0;
    packets += CarryFrom(&a, &b, now) + CarryFrom(&b, &a, now);
  } while (moved > 0);
  return packets;
}

static void StartSession(void) {
  StartPair();
  CHECK_EQ(SealNumber(&a, 0, 0), 0);
  CHECK_EQ(Settle(0), 1);
}

static void WaitsForTheHandshakeThenDelivers(void) {
  uint64_t due = 9;
  StartPair();
  CHECK_EQ(natkit_wg_tunnel_next_timeout(a.tunnel, &due), 0);
  for (uint32_t i = 0; i < 5; ++i) {
    CHECK_EQ(SealNumber(&a, 0, i), 0);
  }
  CHECK_EQ(natkit_wg_tunnel_next_timeout(a.tunnel, &due), 1);
  CHECK_EQ(due, 0);
  CHECK_EQ(natkit_wg_tunnel_poll_transmit(a.tunnel, wire, 147),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_wg_tunnel_poll_transmit(a.tunnel, wire, 148),
           NATKIT_WG_HANDSHAKE_SIZE);
  CHECK_EQ(Open(&b, 0, 148), 0);
  CHECK_EQ(CarryFrom(&b, &a, 0), 0);
  for (uint32_t i = 0; i < 5; ++i) {
    const int size = natkit_wg_tunnel_poll_transmit(a.tunnel, wire, ROOM);
    CHECK_EQ(size, NATKIT_WG_SEALED_SIZE(200));
    CHECK_EQ(Open(&b, 0, size), 200);
    CHECK_EQ(opened[20], i);
  }
  CHECK_EQ(natkit_wg_tunnel_poll_transmit(a.tunnel, wire, ROOM), 0);
  Stop();
}

static void SealsAndOpensBothWays(void) {
  StartSession();
  for (uint32_t i = 0; i < 2000; ++i) {
    const Side* const from = i % 2 == 0 ? &a : &b;
    const Side* const to = i % 2 == 0 ? &b : &a;
    const int size = SealNumber(from, i, i);
    CHECK_EQ(size, NATKIT_WG_SEALED_SIZE(200));
    CHECK_EQ(Open(to, i, size), 200);
    CHECK(memcmp(opened, packet, 200) == 0);
  }
  natkit_wg_counters counters;
  natkit_init(&counters);
  CHECK_EQ(natkit_wg_tunnel_get_counters(a.tunnel, &counters), 0);
  CHECK_EQ(counters.data_sealed, 1001);
  CHECK_EQ(counters.data_opened, 1000);
  natkit_wg_peer_status status;
  natkit_init(&status);
  CHECK_EQ(natkit_wg_tunnel_get_status(a.tunnel, &status), 0);
  CHECK_EQ(status.has_session, 1);
  CHECK_EQ(status.last_handshake_ns, WALL_CLOCK);
  CHECK_EQ(status.endpoint.family, NATKIT_FAMILY_NONE);
  CHECK(memcmp(status.public_key, b.public_key, NATKIT_KEY_SIZE) == 0);
  Stop();
}

static void TheLongestPacketPasses(void) {
  StartSession();
  MakePacket(packet, NATKIT_WG_MAX_PACKET_SIZE, kInnerA, kInnerB, 1);
  const int size = natkit_wg_tunnel_seal(
      a.tunnel, 0, packet, NATKIT_WG_MAX_PACKET_SIZE, wire,
      NATKIT_WG_SEALED_SIZE(NATKIT_WG_MAX_PACKET_SIZE));
  CHECK_EQ(size, 65507);
  CHECK_EQ(Open(&b, 0, size), NATKIT_WG_MAX_PACKET_SIZE);
  CHECK(memcmp(opened, packet, NATKIT_WG_MAX_PACKET_SIZE) == 0);
  MakePacket(packet, NATKIT_WG_MAX_PACKET_SIZE + 1, kInnerA, kInnerB, 1);
  CHECK_EQ(natkit_wg_tunnel_seal(a.tunnel, 0, packet,
                                 NATKIT_WG_MAX_PACKET_SIZE + 1, wire, ROOM),
           NATKIT_ERR_BAD_VALUE);
  Stop();
}

static void SaysWhyDatagramsAreDropped(void) {
  StartSession();
  const int size = SealNumber(&a, 0, 1);
  wire[20] ^= 1;
  CHECK_EQ(Open(&b, 0, size), NATKIT_ERR_AUTH_FAILED);
  wire[20] ^= 1;
  CHECK_EQ(Open(&b, 0, size), 200);
  CHECK_EQ(Open(&b, 0, size), NATKIT_ERR_REPLAYED);
  CHECK_EQ(Open(&a, 0, size), NATKIT_ERR_UNKNOWN_INDEX);
  CHECK_EQ(Open(&b, 181 * NATKIT_SECOND, size), NATKIT_ERR_NO_SESSION);
  wire[0] = 9;
  CHECK_EQ(Open(&b, 0, size), NATKIT_ERR_BAD_VALUE);
  CHECK_EQ(Open(&b, 0, 0), NATKIT_ERR_BAD_VALUE);
  memset(wire, 0, 148);
  wire[0] = 1;
  CHECK_EQ(Open(&b, 0, 148), NATKIT_ERR_AUTH_FAILED);
  Stop();
}

static void StrangersAreUnknown(void) {
  Side c;
  StartPair();
  MakeKeys(&c, 3);
  const natkit_wg_tunnel_config config = ConfigOf(&c, &b, NULL);
  CHECK_EQ(natkit_wg_tunnel_new(&config, &c.tunnel), 0);
  CHECK_EQ(natkit_wg_tunnel_initiate_handshake(c.tunnel, 0, 0), 0);
  CHECK_EQ(natkit_wg_tunnel_poll_transmit(c.tunnel, wire, ROOM), 148);
  CHECK_EQ(Open(&b, 0, 148), NATKIT_ERR_UNKNOWN_PEER);
  natkit_wg_tunnel_free(c.tunnel);
  Stop();
}

static void PresharedKeysMustBeTheSame(void) {
  MakeKeys(&a, 1);
  MakeKeys(&b, 2);
  natkit_wg_tunnel_config config = ConfigOf(&a, &b, NULL);
  config.preshared_key[5] = 1;
  CHECK_EQ(natkit_wg_tunnel_new(&config, &a.tunnel), 0);
  config = ConfigOf(&b, &a, NULL);
  CHECK_EQ(natkit_wg_tunnel_new(&config, &b.tunnel), 0);
  CHECK_EQ(natkit_wg_tunnel_initiate_handshake(a.tunnel, 0, 0), 0);
  CHECK_EQ(CarryFrom(&a, &b, 0), 0);
  const int size = natkit_wg_tunnel_poll_transmit(b.tunnel, wire, ROOM);
  CHECK_EQ(Open(&a, 0, size), NATKIT_ERR_AUTH_FAILED);
  Stop();
}

static void AllowedIpsBindBothDirections(void) {
  natkit_prefix prefix;
  memset(&prefix, 0, sizeof prefix);
  prefix.address.family = NATKIT_FAMILY_IPV4;
  memcpy(prefix.address.ip, kInnerB, 4);
  prefix.length = 32;
  MakeKeys(&a, 1);
  MakeKeys(&b, 2);
  natkit_wg_tunnel_config config = ConfigOf(&a, &b, NULL);
  config.allowed_ips = &prefix;
  config.allowed_ip_count = 1;
  CHECK_EQ(natkit_wg_tunnel_new(&config, &a.tunnel), 0);
  config = ConfigOf(&b, &a, NULL);
  CHECK_EQ(natkit_wg_tunnel_new(&config, &b.tunnel), 0);
  CHECK_EQ(SealNumber(&a, 0, 1), 0);
  CHECK_EQ(Settle(0), 1);
  MakePacket(packet, 100, kInnerA, kInnerA, 1);
  CHECK_EQ(natkit_wg_tunnel_seal(a.tunnel, 0, packet, 100, wire, ROOM),
           NATKIT_ERR_NO_ROUTE);
  const int size = natkit_wg_tunnel_seal(b.tunnel, 0, packet, 100, wire, ROOM);
  CHECK(size > 0);
  CHECK_EQ(Open(&a, 0, size), NATKIT_ERR_NOT_ALLOWED);
  Stop();
}

static natkit_wg_event NextEvent(const Side* side) {
  natkit_wg_event event;
  natkit_init(&event);
  CHECK_EQ(natkit_wg_tunnel_poll_event(side->tunnel, &event), 1);
  return event;
}

static void TellsWhatHappens(void) {
  natkit_wg_event event;
  natkit_init(&event);
  StartSession();
  CHECK_EQ(NextEvent(&a).type, NATKIT_WG_EVENT_HANDSHAKE_COMPLETED);
  CHECK_EQ(natkit_wg_tunnel_poll_event(a.tunnel, &event), 0);
  CHECK_EQ(NextEvent(&b).type, NATKIT_WG_EVENT_HANDSHAKE_COMPLETED);
  CHECK_EQ(natkit_wg_tunnel_poll_event(b.tunnel, &event), 0);
  /* The peer says nothing more. */
  uint64_t now = 0;
  while (natkit_wg_tunnel_next_timeout(a.tunnel, &now) == 1) {
    CHECK_EQ(natkit_wg_tunnel_handle_timeout(a.tunnel, now), 0);
    while (natkit_wg_tunnel_poll_transmit(a.tunnel, wire, ROOM) > 0) {
    }
  }
  CHECK_EQ(now, 540 * NATKIT_SECOND);
  CHECK_EQ(NextEvent(&a).type, NATKIT_WG_EVENT_HANDSHAKE_GAVE_UP);
  CHECK_EQ(NextEvent(&a).type, NATKIT_WG_EVENT_SESSION_EXPIRED);
  CHECK_EQ(SealNumber(&a, now, 1), 0);
  while (natkit_wg_tunnel_poll_event(a.tunnel, &event) == 0) {
    CHECK_EQ(natkit_wg_tunnel_next_timeout(a.tunnel, &now), 1);
    CHECK_EQ(natkit_wg_tunnel_handle_timeout(a.tunnel, now), 0);
    while (natkit_wg_tunnel_poll_transmit(a.tunnel, wire, ROOM) > 0) {
    }
  }
  CHECK_EQ(event.type, NATKIT_WG_EVENT_HANDSHAKE_GAVE_UP);
  Stop();
}

static void KeepsAlive(void) {
  MakeKeys(&a, 1);
  MakeKeys(&b, 2);
  natkit_wg_tunnel_config config = ConfigOf(&a, &b, NULL);
  config.keepalive_ns = 25 * NATKIT_SECOND;
  CHECK_EQ(natkit_wg_tunnel_new(&config, &a.tunnel), 0);
  config = ConfigOf(&b, &a, NULL);
  CHECK_EQ(natkit_wg_tunnel_new(&config, &b.tunnel), 0);
  CHECK_EQ(natkit_wg_tunnel_send_keepalive(a.tunnel, 0), NATKIT_ERR_NO_SESSION);
  CHECK_EQ(natkit_wg_tunnel_handle_timeout(a.tunnel, 0), 0);
  Settle(0);
  for (uint64_t second = 1; second <= 100; ++second) {
    CHECK_EQ(natkit_wg_tunnel_handle_timeout(a.tunnel, second * NATKIT_SECOND),
             0);
    Settle(second * NATKIT_SECOND);
  }
  natkit_wg_counters counters;
  natkit_init(&counters);
  CHECK_EQ(natkit_wg_tunnel_get_counters(b.tunnel, &counters), 0);
  CHECK_EQ(counters.keepalives_received, 5);
  CHECK_EQ(natkit_wg_tunnel_send_keepalive(a.tunnel, 0), 0);
  CHECK_EQ(natkit_wg_tunnel_poll_transmit(a.tunnel, wire, ROOM), 32);
  CHECK_EQ(Open(&b, 0, 32), 0);
  Stop();
}

static void RekeysWithoutLosingAPacket(void) {
  StartSession();
  for (uint32_t second = 1; second <= 400; ++second) {
    const uint64_t now = second * NATKIT_SECOND;
    CHECK_EQ(natkit_wg_tunnel_handle_timeout(a.tunnel, now), 0);
    CHECK_EQ(natkit_wg_tunnel_handle_timeout(b.tunnel, now), 0);
    const int size = SealNumber(&a, now, second);
    if (size > 0) {
      CHECK_EQ(Open(&b, now, size), 200);
      Settle(now);
    } else {
      CHECK_EQ(Settle(now), 1);
    }
  }
  natkit_wg_counters counters;
  natkit_init(&counters);
  CHECK_EQ(natkit_wg_tunnel_get_counters(a.tunnel, &counters), 0);
  CHECK(counters.responses_accepted >= 3);
  Stop();
}

static void KeepsNoMoreThanItsLimit(void) {
  StartPair();
  natkit_wg_tunnel_free(a.tunnel);
  natkit_wg_tunnel_config config = ConfigOf(&a, &b, NULL);
  config.max_staged_packets = 4000;
  config.max_staged_bytes = 4000000;
  CHECK_EQ(natkit_wg_tunnel_new(&config, &a.tunnel), 0);
  MakePacket(packet, 1400, kInnerA, kInnerB, 1);
  for (int i = 0; i < 1000; ++i) {
    CHECK_EQ(natkit_wg_tunnel_seal(a.tunnel, 0, packet, 1400, wire, ROOM), 0);
  }
  CHECK_EQ(CarryFrom(&a, &b, 0), 0);
  CHECK_EQ(CarryFrom(&b, &a, 0), 0); /* all of them are sealed */
  CHECK_EQ(natkit_wg_tunnel_seal(a.tunnel, 0, packet, 1400, wire, ROOM),
           NATKIT_ERR_LIMIT_EXCEEDED);
  CHECK_EQ(natkit_wg_tunnel_open(a.tunnel, 0, wire, 1, opened, ROOM),
           NATKIT_ERR_LIMIT_EXCEEDED);
  CHECK_EQ(natkit_wg_tunnel_handle_timeout(a.tunnel, 0),
           NATKIT_ERR_LIMIT_EXCEEDED);
  CHECK_EQ(CarryFrom(&a, &b, 0), 1000);
  CHECK(natkit_wg_tunnel_seal(a.tunnel, 0, packet, 1400, wire, ROOM) > 0);
  Stop();
}

static void BuffersAreChecked(void) {
  StartSession();
  natkit_wg_tunnel* const t = a.tunnel;
  MakePacket(packet, 200, kInnerA, kInnerB, 1);
  CHECK_EQ(natkit_wg_tunnel_seal(t, 0, NULL, 200, wire, ROOM),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_seal(t, 0, packet, 200, NULL, ROOM),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_seal(t, 0, packet, 65536, wire, ROOM),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_seal(t, 0, packet, SIZE_MAX, wire, ROOM),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_seal(t, 0, packet, 200, packet + 199, 1000),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_seal(t, UINT64_MAX, packet, 200, wire, ROOM),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_seal(t, 0, packet, 0, wire, ROOM),
           NATKIT_ERR_BAD_VALUE);
  CHECK_EQ(natkit_wg_tunnel_seal(t, 0, packet, 199, wire, ROOM),
           NATKIT_ERR_BAD_VALUE); /* less than its header says */
  wire[240] = 0xa5;
  CHECK_EQ(natkit_wg_tunnel_seal(t, 0, packet, 200, wire, 239),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_wg_tunnel_seal(t, 0, packet, 200, wire, 240), 240);
  CHECK_EQ(wire[240], 0xa5);
  CHECK_EQ(natkit_wg_tunnel_open(b.tunnel, 0, NULL, 240, opened, ROOM),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_open(b.tunnel, 0, wire, 240, NULL, ROOM),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_open(b.tunnel, 0, wire, 240, wire + 10, 240),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_open(b.tunnel, 0, wire, 65536, opened, ROOM),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_open(b.tunnel, 0, wire, 240, opened, 239),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  opened[240] = 0xa5;
  CHECK_EQ(natkit_wg_tunnel_open(b.tunnel, 0, wire, 240, opened, 240), 200);
  CHECK_EQ(opened[240], 0xa5);
  CHECK_EQ(natkit_wg_tunnel_poll_transmit(t, NULL, 1), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_next_timeout(t, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_poll_event(t, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_get_status(t, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_get_counters(t, NULL), NATKIT_ERR_BAD_ARGUMENT);
  Stop();
}

static int NewWith(const natkit_wg_tunnel_config* config) {
  natkit_wg_tunnel* tunnel = NULL;
  const int result = natkit_wg_tunnel_new(config, &tunnel);
  CHECK((result == 0) == (tunnel != NULL));
  natkit_wg_tunnel_free(tunnel);
  return result;
}

static void NewChecksItsConfig(void) {
  struct {
    natkit_wg_tunnel_config config;
    uint64_t more;
  } later;

  natkit_prefix prefix;
  MakeKeys(&a, 1);
  MakeKeys(&b, 2);
  const natkit_wg_tunnel_config good = ConfigOf(&a, &b, NULL);
  natkit_wg_tunnel_config config = good;
  CHECK_EQ(NewWith(&good), 0);
  CHECK_EQ(NewWith(NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_tunnel_new(&good, NULL), NATKIT_ERR_BAD_ARGUMENT);
  config.struct_size -= 1;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_STRUCT_SIZE);
  memset(&later, 0, sizeof later);
  later.config = good;
  later.config.struct_size = sizeof later;
  CHECK_EQ(NewWith(&later.config), 0);
  later.more = 1;
  CHECK_EQ(NewWith(&later.config), NATKIT_ERR_UNSUPPORTED);
  config = good;
  config.wall_clock_ns = 0;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.keepalive_ns = 65536 * NATKIT_SECOND;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_VALUE);
  config = good;
  memset(config.private_key, 0, sizeof config.private_key);
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_VALUE);
  config = good;
  memset(config.public_key, 0, sizeof config.public_key);
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_VALUE);
  config = good;
  memcpy(config.public_key, a.public_key, sizeof config.public_key);
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_VALUE);
  config = good;
  config.allowed_ip_count = 1;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_ARGUMENT);
  memset(&prefix, 0, sizeof prefix);
  config.allowed_ips = &prefix;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_ARGUMENT);
}

static void EveryFunctionRefuses(natkit_wg_tunnel* bad) {
  natkit_wg_peer_status status;
  natkit_wg_counters counters;
  natkit_wg_event event;
  uint64_t due = 0;
  natkit_init(&status);
  natkit_init(&counters);
  natkit_init(&event);
  const int results[] = {
      natkit_wg_tunnel_seal(bad, 0, packet, 20, wire, ROOM),
      natkit_wg_tunnel_open(bad, 0, wire, 20, opened, ROOM),
      natkit_wg_tunnel_poll_transmit(bad, wire, ROOM),
      natkit_wg_tunnel_handle_timeout(bad, 0),
      natkit_wg_tunnel_next_timeout(bad, &due),
      natkit_wg_tunnel_poll_event(bad, &event),
      natkit_wg_tunnel_initiate_handshake(bad, 0, 0),
      natkit_wg_tunnel_send_keepalive(bad, 0),
      natkit_wg_tunnel_get_status(bad, &status),
      natkit_wg_tunnel_get_counters(bad, &counters),
  };
  for (size_t i = 0; i < sizeof results / sizeof results[0]; ++i) {
    CHECK_EQ(results[i], NATKIT_ERR_BAD_HANDLE);
  }
}

static void HandlesAreChecked(void) {
  natkit_wg_device_config config;
  natkit_wg_device* device = NULL;
  uint64_t due = 0;
  StartPair();
  Stop();
  EveryFunctionRefuses(NULL);
  EveryFunctionRefuses(a.tunnel);
  natkit_wg_tunnel_free(a.tunnel);
  natkit_init(&config);
  config.wall_clock_ns = WALL_CLOCK;
  CHECK_EQ(natkit_wg_device_new(&config, &device), 0);
  EveryFunctionRefuses((natkit_wg_tunnel*)device);
  natkit_wg_tunnel_free((natkit_wg_tunnel*)device); /* does nothing */
  CHECK_EQ(natkit_wg_device_next_timeout(device, &due), 0);
  natkit_wg_device_free(device);
}

int main(void) {
  RUN(WaitsForTheHandshakeThenDelivers);
  RUN(SealsAndOpensBothWays);
  RUN(TheLongestPacketPasses);
  RUN(SaysWhyDatagramsAreDropped);
  RUN(StrangersAreUnknown);
  RUN(PresharedKeysMustBeTheSame);
  RUN(AllowedIpsBindBothDirections);
  RUN(TellsWhatHappens);
  RUN(KeepsAlive);
  RUN(RekeysWithoutLosingAPacket);
  RUN(KeepsNoMoreThanItsLimit);
  RUN(BuffersAreChecked);
  RUN(NewChecksItsConfig);
  RUN(HandlesAreChecked);
  return 0;
}
