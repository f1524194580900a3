/* natkit/wireguard.h: devices, end to end in virtual time. */
#include "wg_net.h"

/* An End is large. */
static End a;
static End b;

static natkit_wg_event NextEvent(const End* of) {
  natkit_wg_event event;
  natkit_init(&event);
  CHECK_EQ(natkit_wg_device_poll_event(of->device, &event), 1);
  return event;
}

static void CheckNoEvent(const End* of) {
  natkit_wg_event event;
  natkit_init(&event);
  CHECK_EQ(natkit_wg_device_poll_event(of->device, &event), 0);
}

static void HandshakesAndDelivers(void) {
  StartPair(&a, &b);
  Send(&a, 0, b.inner, 7, 100);
  CHECK_EQ(a.out.batch.packet_count, 1);
  CHECK_EQ(a.out.packets[0].size, NATKIT_WG_HANDSHAKE_SIZE);
  CHECK_EQ(a.out.packets[0].peer, 1);
  CHECK_EQ(natkit_address_equal(&a.out.packets[0].remote, &b.address), 1);
  CHECK_EQ(a.out.packets[0].local.family, NATKIT_FAMILY_NONE);
  Carry(&a, &b, 0);
  CHECK_EQ(b.out.batch.packet_count, 1);
  Carry(&b, &a, 0);
  CHECK_EQ(a.out.batch.packet_count, 1);
  CHECK_EQ(a.out.packets[0].size, NATKIT_WG_SEALED_SIZE(100));
  Carry(&a, &b, 0);
  CHECK_EQ(b.plaintext.batch.packet_count, 1);
  const natkit_packet* const got = &b.plaintext.packets[0];
  CHECK_EQ(got->size, 100);
  CHECK_EQ(got->peer, 1);
  CHECK_EQ(NumberOf(got), 7);
  CHECK_EQ(natkit_address_equal(&got->remote, &a.address), 1);

  const natkit_wg_event ours = NextEvent(&a);
  CHECK_EQ(ours.type, NATKIT_WG_EVENT_HANDSHAKE_COMPLETED);
  CHECK_EQ(ours.peer, 1);
  CHECK_EQ(ours.is_initiator, 1);
  CheckNoEvent(&a);
  const natkit_wg_event theirs = NextEvent(&b);
  CHECK_EQ(theirs.type, NATKIT_WG_EVENT_HANDSHAKE_COMPLETED);
  CHECK_EQ(theirs.is_initiator, 0);
  StopEnd(&a);
  StopEnd(&b);
}

/* One round: packets with numbers from `first` up are sealed, shuffled, some
 * tampered with, some sent twice; each that was not changed arrives once. */
#define ROUND 100

static void Shuffle(natkit_packet* packets, size_t count, uint64_t* random) {
  for (size_t i = count; i > 1; --i) {
    uint32_t at = 0;
    FillRandom(random, (uint8_t*)&at, sizeof at);
    const natkit_packet other = packets[at % i];
    packets[at % i] = packets[i - 1];
    packets[i - 1] = other;
  }
}

static void SealRound(uint32_t first, uint64_t now) {
  static uint8_t bytes[ROUND][1420];
  natkit_packet packets[ROUND];
  memset(packets, 0, sizeof packets);
  for (uint32_t i = 0; i < ROUND; ++i) {
    packets[i].data = bytes[i];
    packets[i].size = 24 + (i * 137 + first) % 1396;
    MakePacket(bytes[i], packets[i].size, a.inner, b.inner, first + i);
  }
  CHECK_EQ(natkit_wg_device_send_packets(a.device, now, packets, ROUND,
                                         Empty(&a.out)),
           0);
  CheckRoom(&a.out);
  CHECK_EQ(a.out.batch.packet_count, ROUND);
}

static void CheckRound(uint32_t first, size_t expected) {
  uint8_t seen[ROUND] = {0};
  CHECK_EQ(b.plaintext.batch.packet_count, expected);
  for (size_t i = 0; i < expected; ++i) {
    const natkit_packet* const packet = &b.plaintext.packets[i];
    const uint32_t at = NumberOf(packet) - first;
    CHECK(at < ROUND && seen[at] == 0);
    seen[at] = 1;
    CHECK_EQ(packet->size, 24 + (at * 137 + first) % 1396);
    for (size_t j = 24; j < packet->size; ++j) {
      CHECK_EQ(packet->data[j], (first + at) & 0xff);
    }
  }
}

static void CarriesThousandsOfPacketsOverABadNetwork(void) {
  uint64_t random = 77;
  uint64_t now = 0;
  StartSession(&a, &b);
  for (uint32_t round = 0; round < 60; ++round) {
    now += NATKIT_MILLISECOND;
    SealRound(round * ROUND, now);
    for (size_t i = 0; i < 10; ++i) { /* ten are broken, ten come twice */
      a.out.packets[i].data[round % a.out.packets[i].size] ^= 1;
      a.out.packets[a.out.batch.packet_count++] = a.out.packets[50 + i];
    }
    Shuffle(a.out.packets, a.out.batch.packet_count, &random);
    Carry(&a, &b, now);
    CheckRound(round * ROUND, ROUND - 10);
  }
  const natkit_wg_counters counters = CountersOf(&b);
  CHECK_EQ(counters.data_opened, 60 * (ROUND - 10) + 1);
  CHECK(counters.drops[NATKIT_WG_DROP_DATA_REPLAYED] >= 600);
  CHECK_EQ(counters.drops[NATKIT_WG_DROP_DATA_AUTH] +
               counters.drops[NATKIT_WG_DROP_MALFORMED] +
               counters.drops[NATKIT_WG_DROP_UNKNOWN_INDEX] +
               counters.drops[NATKIT_WG_DROP_DATA_REPLAYED],
           1200);
  CHECK_EQ(CountersOf(&a).data_sealed, 60 * ROUND + 1);
  StopEnd(&a);
  StopEnd(&b);
}

static void StagePackets(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    Send(&a, 0, b.inner, i, 1000);
  }
  Carry(&a, &b, 0);
}

/* The handshake's end releases packets that waited; the caller has room for
 * three of them, then for one at a time. */
static void LosesNothingInTooLittleRoom(void) {
  StartPair(&a, &b);
  StagePackets(20);
  Limit(&a.out, 3500, 10);
  Carry(&b, &a, 0);
  CHECK_EQ(a.out.batch.packet_count, 3);
  Carry(&a, &b, 0);
  uint32_t next = 0;
  while (next < b.plaintext.batch.packet_count) {
    CHECK_EQ(NumberOf(&b.plaintext.packets[next]), next);
    ++next;
  }
  CHECK_EQ(next, 3);
  uint64_t due = 9;
  CHECK_EQ(natkit_wg_device_next_timeout(a.device, &due), 1);
  CHECK_EQ(due, 0);
  for (; next < 20; ++next) {
    CHECK_EQ(natkit_wg_device_poll_transmit(a.device, Limit(&a.out, 1039, 9)),
             NATKIT_ERR_BUFFER_TOO_SMALL);
    CHECK_EQ(natkit_wg_device_poll_transmit(a.device, Limit(&a.out, 5000, 0)),
             NATKIT_ERR_BUFFER_TOO_SMALL);
    CHECK_EQ(natkit_wg_device_poll_transmit(a.device, Limit(&a.out, 5000, 1)),
             1);
    CheckRoom(&a.out);
    Carry(&a, &b, 0);
    CHECK_EQ(b.plaintext.batch.packet_count, 1);
    CHECK_EQ(NumberOf(&b.plaintext.packets[0]), next);
  }
  CHECK_EQ(natkit_wg_device_poll_transmit(a.device, Empty(&a.out)), 0);
  CHECK_EQ(natkit_wg_device_next_timeout(a.device, &due), 1);
  CHECK(due > 0);
  StopEnd(&a);
  StopEnd(&b);
}

static void PutsOutFirstWhatWasKept(void) {
  StartSession(&a, &b);
  Limit(&a.out, 0, 0);
  Send(&a, 0, b.inner, 1, 100);
  CHECK_EQ(a.out.batch.packet_count, 0);
  Limit(&a.out, 200, 2);
  Send(&a, 0, b.inner, 2, 200); /* does not fit behind it */
  CHECK_EQ(a.out.batch.packet_count, 1);
  CHECK_EQ(a.out.packets[0].size, NATKIT_WG_SEALED_SIZE(100));
  Carry(&a, &b, 0);
  CHECK_EQ(NumberOf(&b.plaintext.packets[0]), 1);
  Send(&a, 0, b.inner, 3, 50);
  CHECK_EQ(a.out.batch.packet_count, 2);
  Carry(&a, &b, 0);
  CHECK_EQ(NumberOf(&b.plaintext.packets[0]), 2);
  CHECK_EQ(NumberOf(&b.plaintext.packets[1]), 3);
  StopEnd(&a);
  StopEnd(&b);
}

static int SendToNowhere(uint32_t number) {
  uint8_t bytes[1000];
  natkit_packet packet;
  memset(&packet, 0, sizeof packet);
  MakePacket(bytes, sizeof bytes, a.inner, b.inner, number);
  packet.data = bytes;
  packet.size = sizeof bytes;
  return natkit_wg_device_send_packets(a.device, 0, &packet, 1, NULL);
}

static void KeepsNoMoreThanItsLimit(void) {
  StartSession(&a, &b);
  uint32_t sent = 0;
  int result = 0;
  while ((result = SendToNowhere(sent)) == 0) {
    ++sent;
    CHECK(sent < 10000);
  }
  CHECK_EQ(result, NATKIT_ERR_LIMIT_EXCEEDED);
  CHECK(sent > NATKIT_WG_KEPT_LIMIT / 1040);
  CHECK_EQ(natkit_wg_device_handle_timeout(a.device, 0, Empty(&a.out)),
           NATKIT_ERR_LIMIT_EXCEEDED);
  CHECK_EQ(a.out.batch.packet_count, 0);
  uint32_t next = 0;
  while (natkit_wg_device_poll_transmit(a.device, Empty(&a.out)) > 0) {
    Carry(&a, &b, 0);
    for (size_t i = 0; i < b.plaintext.batch.packet_count; ++i) {
      CHECK_EQ(NumberOf(&b.plaintext.packets[i]), next++);
    }
  }
  CHECK_EQ(next, sent);
  CHECK_EQ(SendToNowhere(0), 0);
  StopEnd(&a);
  StopEnd(&b);
}

static void PlaintextNeedsItsRoom(void) {
  StartSession(&a, &b);
  Send(&a, 0, b.inner, 1, 100);
  Send(&a, 0, b.inner, 2, 100);
  for (size_t i = 0; i < 2; ++i) {
    a.out.packets[i].remote = a.address;
  }
  const size_t needed = a.out.batch.memory_used;
  CHECK_EQ(natkit_wg_device_handle_datagrams(b.device, 0, a.out.packets, 2,
                                             Limit(&b.plaintext, needed - 1, 2),
                                             NULL),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(
      natkit_wg_device_handle_datagrams(b.device, 0, a.out.packets, 2,
                                        Limit(&b.plaintext, needed, 1), NULL),
      NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(CountersOf(&b).data_opened, 1); /* that of StartSession() */
  CHECK_EQ(
      natkit_wg_device_handle_datagrams(b.device, 0, a.out.packets, 2,
                                        Limit(&b.plaintext, needed, 2), NULL),
      0);
  CheckRoom(&b.plaintext);
  CHECK_EQ(b.plaintext.batch.packet_count, 2);
  CHECK_EQ(NumberOf(&b.plaintext.packets[1]), 2);
  StopEnd(&a);
  StopEnd(&b);
}

static void BatchesAreAppendedTo(void) {
  StartSession(&a, &b);
  for (uint32_t i = 0; i < 5; ++i) {
    Send(&a, 0, b.inner, i, 60);
    CHECK_EQ(a.out.batch.packet_count, i + 1);
  }
  Carry(&a, &b, 0);
  CHECK_EQ(b.plaintext.batch.packet_count, 5);
  StopEnd(&a);
  StopEnd(&b);
}

static void PeersRoam(void) {
  StartSession(&a, &b);
  NextEvent(&b);
  CheckNoEvent(&b);
  CHECK_EQ(natkit_address_parse("[2001:db8::9]:4000", &a.address), 0);
  Send(&a, 0, b.inner, 1, 100);
  Carry(&a, &b, 0);
  const natkit_wg_event moved = NextEvent(&b);
  CHECK_EQ(moved.type, NATKIT_WG_EVENT_ENDPOINT_CHANGED);
  CHECK_EQ(moved.peer, 1);
  CHECK_EQ(natkit_address_equal(&moved.remote, &a.address), 1);
  CHECK_EQ(moved.local.family, NATKIT_FAMILY_NONE);
  Send(&b, 0, a.inner, 2, 100);
  CHECK_EQ(natkit_address_equal(&b.out.packets[0].remote, &a.address), 1);
  natkit_wg_peer_status status;
  natkit_init(&status);
  CHECK_EQ(natkit_wg_device_get_peer_status(b.device, 1, &status), 0);
  CHECK_EQ(natkit_address_equal(&status.endpoint, &a.address), 1);
  StopEnd(&a);
  StopEnd(&b);
}

/* IPv4 addresses count with four bytes, whatever the others are. */
static void StrayBytesOfAddressesDoNotCount(void) {
  StartSession(&a, &b);
  NextEvent(&b);
  memset(a.address.ip + 4, 0xee, 12);
  Send(&a, 0, b.inner, 1, 100);
  Carry(&a, &b, 0);
  CheckNoEvent(&b);
  CHECK_EQ(b.plaintext.packets[0].remote.ip[4], 0);
  StopEnd(&a);
  StopEnd(&b);
}

static uint64_t NextTimeout(const End* of) {
  uint64_t due = 0;
  CHECK_EQ(natkit_wg_device_next_timeout(of->device, &due), 1);
  return due;
}

static void GivesUpOnAPeerThatIsSilent(void) {
  StartPair(&a, &b);
  Send(&a, 0, b.inner, 1, 100);
  size_t initiations = a.out.batch.packet_count;
  uint64_t now = 0;
  natkit_wg_event event;
  natkit_init(&event);
  while (natkit_wg_device_poll_event(a.device, &event) == 0) {
    now = NextTimeout(&a);
    CHECK_EQ(natkit_wg_device_handle_timeout(a.device, now, Empty(&a.out)), 0);
    initiations += a.out.batch.packet_count;
    CHECK(now <= 100 * NATKIT_SECOND);
  }
  CHECK_EQ(event.type, NATKIT_WG_EVENT_HANDSHAKE_GAVE_UP);
  CHECK_EQ(now, 90 * NATKIT_SECOND);
  CHECK(initiations >= 15 && initiations <= 19);
  CHECK_EQ(CountersOf(&a).drops[NATKIT_WG_DROP_STAGED_FLUSHED], 1);
  StopEnd(&a);
  StopEnd(&b);
}

/* Ten minutes of a packet each second in both directions. */
static void RekeysAsTimePasses(void) {
  StartSession(&a, &b);
  for (uint64_t second = 1; second <= 600; ++second) {
    const uint64_t now = second * NATKIT_SECOND;
    CHECK_EQ(natkit_wg_device_handle_timeout(a.device, now, &a.out.batch), 0);
    CHECK_EQ(natkit_wg_device_handle_timeout(b.device, now, &b.out.batch), 0);
    Send(&a, now, b.inner, (uint32_t)second, 100);
    Send(&b, now, a.inner, (uint32_t)second, 100);
    Settle(&a, &b, now);
  }
  CHECK_EQ(a.received, 600);
  CHECK_EQ(b.received, 600);
  CHECK(CountersOf(&a).responses_accepted + CountersOf(&b).responses_accepted >=
        5);
  natkit_wg_peer_status status;
  natkit_init(&status);
  CHECK_EQ(natkit_wg_device_get_peer_status(a.device, 1, &status), 0);
  CHECK(status.last_handshake_ns > WALL_CLOCK + 400 * NATKIT_SECOND);
  CHECK(status.last_handshake_ns <= WALL_CLOCK + 600 * NATKIT_SECOND);
  StopEnd(&a);
  StopEnd(&b);
}

static void ReportsKeepalivesIfAsked(void) {
  natkit_wg_device_config config;
  natkit_init(&config);
  config.reports_keepalives = 1;
  StartEnd(&a, 1, NULL);
  StartEnd(&b, 2, &config);
  Introduce(&a, &b);
  Introduce(&b, &a);
  CHECK_EQ(natkit_wg_device_send_keepalive(a.device, 0, 1, &a.out.batch),
           NATKIT_ERR_NO_SESSION);
  CHECK_EQ(natkit_wg_device_send_keepalive(a.device, 0, 2, &a.out.batch),
           NATKIT_ERR_NOT_FOUND);
  Send(&a, 0, b.inner, 0, 100);
  Settle(&a, &b, 0);
  CHECK_EQ(natkit_wg_device_send_keepalive(a.device, 0, 1, &a.out.batch), 0);
  CHECK_EQ(a.out.batch.packet_count, 1);
  Carry(&a, &b, 0);
  CHECK_EQ(b.plaintext.batch.packet_count, 1);
  CHECK_EQ(b.plaintext.packets[0].size, 0);
  CHECK_EQ(b.plaintext.packets[0].peer, 1);
  StopEnd(&a);
  StopEnd(&b);
}

static void DemandsCookiesUnderLoad(void) {
  StartPair(&a, &b);
  CHECK_EQ(natkit_wg_device_report_load(b.device, 1), 0);
  Send(&a, 0, b.inner, 1, 100);
  Carry(&a, &b, 0);
  CHECK_EQ(b.out.batch.packet_count, 1);
  CHECK_EQ(b.out.packets[0].peer, 0);
  CHECK_EQ(natkit_address_equal(&b.out.packets[0].remote, &a.address), 1);
  CHECK_EQ(CountersOf(&b).cookie_replies_sent, 1);
  Carry(&b, &a, 0);
  CHECK_EQ(CountersOf(&a).cookie_replies_accepted, 1);
  const uint64_t now = 6 * NATKIT_SECOND;
  CHECK_EQ(natkit_wg_device_handle_timeout(a.device, now, &a.out.batch), 0);
  Settle(&a, &b, now);
  CHECK_EQ(b.received, 1);
  CHECK_EQ(natkit_wg_device_report_load(b.device, 0), 0);
  StopEnd(&a);
  StopEnd(&b);
}

static void HandshakesWhenTold(void) {
  StartPair(&a, &b);
  CHECK_EQ(natkit_wg_device_initiate_handshake(a.device, 0, 1, 0, &a.out.batch),
           0);
  CHECK_EQ(a.out.batch.packet_count, 1);
  const uint64_t later = NATKIT_SECOND;
  CHECK_EQ(
      natkit_wg_device_initiate_handshake(a.device, later, 1, 0, &a.out.batch),
      NATKIT_ERR_LIMIT_EXCEEDED);
  CHECK_EQ(
      natkit_wg_device_initiate_handshake(a.device, later, 1, 1, &a.out.batch),
      0);
  CHECK_EQ(a.out.batch.packet_count, 2);
  CHECK_EQ(
      natkit_wg_device_initiate_handshake(a.device, later, 2, 0, &a.out.batch),
      NATKIT_ERR_NOT_FOUND);
  CHECK_EQ(natkit_wg_device_set_private_key(a.device, later, NULL), 0);
  CHECK_EQ(natkit_wg_device_initiate_handshake(a.device, 10 * NATKIT_SECOND, 1,
                                               0, &a.out.batch),
           NATKIT_ERR_INVALID_STATE);
  StopEnd(&a);
  StopEnd(&b);
}

static void OwnersMayKnowWherePeersAre(void) {
  natkit_wg_device_config config;
  natkit_init(&config);
  config.endpoints = NATKIT_WG_ENDPOINTS_BY_OWNER;
  StartEnd(&a, 1, &config);
  StartEnd(&b, 2, NULL);
  natkit_address known = b.address;
  memset(&b.address, 0, sizeof b.address);
  Introduce(&a, &b);
  Send(&a, 0, b.inner, 1, 100);
  CHECK_EQ(a.out.batch.packet_count, 1);
  CHECK_EQ(a.out.packets[0].remote.family, NATKIT_FAMILY_NONE);
  Introduce(&b, &a);
  CHECK_EQ(natkit_wg_device_set_endpoint(a.device, 1, &known, NULL), 0);
  Send(&a, 6 * NATKIT_SECOND, b.inner, 1, 100);
  CHECK_EQ(natkit_address_equal(&a.out.packets[1].remote, &known), 1);
  CHECK_EQ(natkit_wg_device_set_endpoint(a.device, 9, &known, NULL),
           NATKIT_ERR_NOT_FOUND);
  StopEnd(&a);
  StopEnd(&b);
}

int main(void) {
  RUN(HandshakesAndDelivers);
  RUN(CarriesThousandsOfPacketsOverABadNetwork);
  RUN(LosesNothingInTooLittleRoom);
  RUN(PutsOutFirstWhatWasKept);
  RUN(KeepsNoMoreThanItsLimit);
  RUN(PlaintextNeedsItsRoom);
  RUN(BatchesAreAppendedTo);
  RUN(PeersRoam);
  RUN(StrayBytesOfAddressesDoNotCount);
  RUN(GivesUpOnAPeerThatIsSilent);
  RUN(RekeysAsTimePasses);
  RUN(ReportsKeepalivesIfAsked);
  RUN(DemandsCookiesUnderLoad);
  RUN(HandshakesWhenTold);
  RUN(OwnersMayKnowWherePeersAre);
  return 0;
}
