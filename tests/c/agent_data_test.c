/* natkit/agent.h: data in batches, and what a hub does with too much of it. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent_side.h"
#include "check.h"
#include "natkit/natkit.h"

/* Datagrams come at once on this host, but perhaps not all at one call. */
static void ProcessUntilReceived(natkit_hub* hub, uint64_t wanted) {
  const uint64_t deadline = natkit_monotonic_ns() + LIMIT;
  natkit_hub_counters counters;
  natkit_init(&counters);
  do {
    CHECK(natkit_monotonic_ns() < deadline);
    CHECK_EQ(natkit_hub_process(hub), 0);
    CHECK_EQ(natkit_hub_get_counters(hub, &counters), 0);
  } while (counters.received < wanted);
  CHECK_EQ(counters.received, wanted);
}

static natkit_agent_counters CountersOf(const struct side* side) {
  natkit_agent_counters counters;
  natkit_init(&counters);
  CHECK_EQ(natkit_agent_get_counters(side->agent, &counters), 0);
  return counters;
}

/* A hub with two agents, and the hub of each peer. */
struct star {
  struct side to_loud;
  struct side to_quiet;
  struct side loud;
  struct side quiet;
};

static void OpenStar(struct star* star, size_t buffer, size_t share) {
  natkit_hub_config config;
  natkit_hub* hub = NULL;
  natkit_init(&config);
  config.flags = NATKIT_HUB_LOOPBACK | NATKIT_HUB_NO_IPV6;
  config.receive_buffer = buffer;
  config.agent_receive_buffer = share;
  CHECK_EQ(natkit_hub_new(&config, &hub), 0);
  Join(&star->to_loud, hub);
  Join(&star->to_quiet, hub);
  Open(&star->loud);
  Open(&star->quiet);
  Connect(&star->to_loud, &star->loud);
  Connect(&star->to_quiet, &star->quiet);
}

static void CloseStar(struct star* star) {
  natkit_agent_free(star->to_quiet.agent);
  Close(&star->to_loud);
  Close(&star->loud);
  Close(&star->quiet);
}

/* Sends `count` datagrams of 1000 bytes that nobody takes. */
static void Flood(struct star* star, uint64_t count, uint64_t* received) {
  char bytes[1000];
  memset(bytes, 'f', sizeof bytes);
  for (uint64_t i = 0; i < count; ++i) {
    CHECK_EQ(natkit_agent_send(star->loud.agent, bytes, sizeof bytes), 0);
    if (i % 50 == 49) {
      *received += 50;
      ProcessUntilReceived(star->to_loud.hub, *received);
    }
  }
}

static void AFloodTakesNothingFromOthers(void) {
  struct star star;
  uint64_t received = 0;
  char buffer[1000];
  natkit_agent* agent = NULL;
  size_t size = 0;
  int counts[2] = {0, 0};
  OpenStar(&star, 1, 0); /* 128 KiB: 128 of the flood's */
  natkit_hub* const hub = star.to_loud.hub;
  for (int i = 0; i < 5; ++i) {
    CHECK_EQ(natkit_agent_send(star.quiet.agent, "quiet", 5), 0);
  }
  received += 5;
  ProcessUntilReceived(hub, received);
  Flood(&star, 500, &received);
  while (natkit_hub_receive(hub, &agent, buffer, sizeof buffer, &size) == 1) {
    CHECK(agent == star.to_loud.agent || agent == star.to_quiet.agent);
    CHECK_EQ(size, agent == star.to_loud.agent ? 1000 : 5);
    ++counts[agent == star.to_loud.agent];
  }
  CHECK_EQ(counts[0], 5);
  CHECK_EQ(counts[1], 125); /* with five blocks of the quiet one's */
  CHECK_EQ(CountersOf(&star.to_loud).dropped_received, 375);
  CHECK_EQ(CountersOf(&star.to_loud).received, 500);
  CHECK_EQ(CountersOf(&star.to_loud).received_bytes, 500000);
  CHECK_EQ(CountersOf(&star.to_quiet).dropped_received, 0);
  CHECK_EQ(CountersOf(&star.to_quiet).received, 5);
  CHECK_EQ(CountersOf(&star.loud).sent_direct, 500);
  CHECK_EQ(CountersOf(&star.loud).sent_bytes, 500000);
  CloseStar(&star);
}

static void OneAgentsPartMayBeLimited(void) {
  struct star star;
  uint64_t received = 0;
  char buffer[1000];
  size_t size = 0;
  int count = 0;
  OpenStar(&star, 0, 1); /* 64 KiB: 64 of the flood's */
  Flood(&star, 100, &received);
  while (natkit_hub_receive(star.to_loud.hub, NULL, buffer, sizeof buffer,
                            &size) == 1) {
    ++count;
  }
  CHECK_EQ(count, 64);
  CHECK_EQ(CountersOf(&star.to_loud).dropped_received, 36);
  CloseStar(&star);
}

static void CountersAreChecked(void) {
  struct side a;
  natkit_hub_config config;
  natkit_hub* hub = NULL;
  natkit_agent_counters counters;
  Open(&a);
  natkit_init(&counters);
  CHECK_EQ(natkit_agent_get_counters(a.agent, NULL), NATKIT_ERR_BAD_ARGUMENT);
  counters.struct_size = 8;
  CHECK_EQ(natkit_agent_get_counters(a.agent, &counters),
           NATKIT_ERR_STRUCT_SIZE);
  natkit_init(&counters);
  CHECK_EQ(natkit_agent_get_counters((natkit_agent*)(void*)a.hub, &counters),
           NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_agent_get_counters(a.agent, &counters), 0);
  CHECK_EQ(counters.received, 0);
  Close(&a);
  natkit_init(&config);
  config.agent_receive_buffer = ((size_t)1 << 30) + 1;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config);
  config.unclaimed_buffer = ((size_t)1 << 30) + 1;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_ARGUMENT);
}

#define COUNT 100
#define CANARY 0xa5

/* A batch of the caller's with its arrays; behind each there is what must stay.
 */
struct room {
  natkit_batch batch;
  uint8_t memory[300000];
  natkit_packet packets[COUNT + 1];
  natkit_agent* agents[COUNT + 1];
  void* users[COUNT + 1];
};

static natkit_batch* Limit(struct room* room, size_t bytes, size_t packets) {
  CHECK(bytes < sizeof room->memory && packets <= COUNT);
  memset(room, CANARY, sizeof *room);
  natkit_init(&room->batch);
  room->batch.memory = room->memory;
  room->batch.memory_size = bytes;
  room->batch.packets = room->packets;
  room->batch.packet_capacity = packets;
  return &room->batch;
}

static void CheckCanaries(const struct room* room) {
  const natkit_batch* const batch = &room->batch;
  const uint8_t* const packet =
      (const uint8_t*)&room->packets[batch->packet_count];
  const uint8_t* const agent =
      (const uint8_t*)&room->agents[batch->packet_count];
  const uint8_t* const user = (const uint8_t*)&room->users[batch->packet_count];
  CHECK(batch->memory_used <= batch->memory_size);
  CHECK(batch->packet_count <= batch->packet_capacity);
  CHECK_EQ(room->memory[batch->memory_used], CANARY);
  CHECK_EQ(*packet, CANARY);
  CHECK_EQ(*agent, CANARY);
  CHECK_EQ(*user, CANARY);
}

static size_t SizeOf(size_t index) {
  return index * 7 % 1400;
}

/* COUNT datagrams of many sizes in one piece of memory. */
static void Fill(struct room* room) {
  natkit_batch* const batch = Limit(room, sizeof room->memory - 1, COUNT);
  for (size_t i = 0; i < COUNT; ++i) {
    natkit_packet* const packet = &room->packets[batch->packet_count++];
    packet->data = room->memory + batch->memory_used;
    packet->size = SizeOf(i);
    memset(packet->data, (int)i, packet->size);
    batch->memory_used += packet->size;
  }
}

static int SendAll(struct side* from, const struct room* room) {
  return natkit_agent_send_batch(from->agent, room->packets,
                                 room->batch.packet_count);
}

static void BatchesArriveWhole(void) {
  static struct room out;
  static struct room in;
  struct side a;
  struct side b;
  natkit_path path;
  size_t next = 0;
  Open(&a);
  Open(&b);
  Fill(&out);
  CHECK_EQ(SendAll(&a, &out), NATKIT_ERR_INVALID_STATE); /* no path yet */
  CHECK_EQ(natkit_agent_send_batch(a.agent, NULL, 0), 0);
  Connect(&a, &b);
  natkit_init(&path);
  CHECK_EQ(natkit_agent_get_path(b.agent, &path), 0);
  CHECK_EQ(SendAll(&a, &out), COUNT);
  ProcessUntilReceived(b.hub, COUNT);
  while (next < COUNT) { /* in more than one piece, for either reason */
    const size_t first = next;
    natkit_batch* const batch =
        Limit(&in, next == 0 ? 9000 : 250000, next == 0 ? COUNT : 30);
    const int count = natkit_hub_receive_batch(b.hub, batch, in.agents,
                                               next == 0 ? NULL : in.users);
    CHECK(count > 0);
    CHECK_EQ(batch->packet_count, count);
    CheckCanaries(&in);
    for (; next < first + (size_t)count; ++next) {
      const natkit_packet* const packet = &in.packets[next - first];
      CHECK_EQ(packet->size, SizeOf(next));
      CHECK(memcmp(packet->data, out.packets[next].data, packet->size) == 0);
      CHECK(natkit_address_equal(&packet->remote, &path.remote));
      CHECK(natkit_address_equal(&packet->local, &path.local));
      CHECK_EQ(packet->peer, 0);
      CHECK(in.agents[next - first] == b.agent);
      CHECK(first == 0 || in.users[next - first] == &b);
    }
  }
  CHECK_EQ(natkit_hub_receive_batch(b.hub, Limit(&in, 10, 1), NULL, NULL), 0);
  CHECK_EQ(CountersOf(&a).sent_direct, COUNT);
  CHECK_EQ(CountersOf(&a).sent_bytes, out.batch.memory_used);
  CHECK_EQ(CountersOf(&b).received_bytes, out.batch.memory_used);
  Close(&a);
  Close(&b);
}

static void ABatchEndsAtWhatIsRefused(void) {
  static uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
  static uint8_t large[65536];
  struct side a;
  struct side b;
  natkit_packet packets[3];
  Open(&a);
  Open(&b);
  Connect(&a, &b);
  memset(packets, 0, sizeof packets);
  packets[0].data = (uint8_t*)"one";
  packets[0].size = 3;
  packets[1].data = stun;
  packets[1].size = sizeof stun;
  packets[2] = packets[0];
  CHECK_EQ(natkit_agent_send_batch(a.agent, packets, 3), 1);
  CHECK_EQ(natkit_agent_send_batch(a.agent, packets + 1, 2),
           NATKIT_ERR_BAD_VALUE);
  packets[1].data = large;
  packets[1].size = 65508;
  CHECK_EQ(natkit_agent_send_batch(a.agent, packets, 3), 1);
  CHECK_EQ(natkit_agent_send_batch(a.agent, packets + 1, 2),
           NATKIT_ERR_FRAME_TOO_LARGE);
  packets[1].size = 65536;
  CHECK_EQ(natkit_agent_send_batch(a.agent, packets, 3),
           NATKIT_ERR_BAD_ARGUMENT);
  packets[1].data = NULL;
  packets[1].size = 1;
  CHECK_EQ(natkit_agent_send_batch(a.agent, packets, 3),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_agent_send_batch(a.agent, NULL, 1), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_agent_send_batch((natkit_agent*)(void*)a.hub, packets, 1),
           NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_agent_send_batch(NULL, packets, 1), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(CountersOf(&a).sent_direct, 2);
  Run(&a, &b, &b.received, 2);
  CHECK(strcmp(b.last, "one") == 0);
  Close(&a);
  Close(&b);
}

static void TooSmallBatchesLoseNothing(void) {
  static struct room in;
  struct side a;
  struct side b;
  Open(&a);
  Open(&b);
  Connect(&a, &b);
  CHECK_EQ(natkit_agent_send(a.agent, "hello", 5), 0);
  ProcessUntilReceived(b.hub, 1);
  CHECK_EQ(natkit_hub_receive_batch(b.hub, Limit(&in, 4, 1), NULL, NULL),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(in.batch.packet_count, 0);
  CHECK_EQ(in.batch.memory_used, 0);
  CHECK_EQ(natkit_hub_receive_batch(b.hub, Limit(&in, 9, 0), NULL, NULL),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CheckCanaries(&in);
  /* What was there is kept: functions append. */
  Limit(&in, 9, 2);
  in.batch.packet_count = 1;
  in.batch.memory_used = 4;
  CHECK_EQ(natkit_hub_receive_batch(b.hub, &in.batch, in.agents, in.users), 1);
  CHECK_EQ(in.batch.packet_count, 2);
  CHECK(in.packets[1].data == in.memory + 4);
  CHECK(memcmp(in.memory + 4, "hello", 5) == 0);
  CHECK(in.agents[1] == b.agent && in.users[1] == &b);
  CheckCanaries(&in);
  Close(&a);
  Close(&b);
}

static void ArraysMustNotLieInTheBatch(void) {
  static struct room in;
  struct side a;
  struct side b;
  Open(&a);
  Open(&b);
  Connect(&a, &b);
  for (int i = 0; i < 3; ++i) {
    CHECK_EQ(natkit_agent_send(a.agent, "hello", 5), 0);
  }
  ProcessUntilReceived(b.hub, 3);
  Limit(&in, 1000, 3);
  CHECK_EQ(natkit_hub_receive_batch(b.hub, &in.batch, NULL,
                                    (void**)(void*)&in.batch.packet_count),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_hub_receive_batch(
               b.hub, &in.batch, (natkit_agent**)(void*)in.batch.memory, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_hub_receive_batch(b.hub, &in.batch, NULL,
                                    (void**)(void*)in.batch.packets),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_hub_receive_batch(b.hub, &in.batch, in.agents, in.users), 3);
  Close(&a);
  Close(&b);
}

static void BatchesAreChecked(void) {
  static struct room in;
  struct side a;
  natkit_hub* freed = NULL;
  Open(&a);
  CHECK_EQ(natkit_hub_receive_batch(a.hub, NULL, NULL, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_hub_receive_unclaimed(a.hub, NULL), NATKIT_ERR_BAD_ARGUMENT);
  Limit(&in, 100, 10);
  in.batch.struct_size = 8;
  CHECK_EQ(natkit_hub_receive_batch(a.hub, &in.batch, NULL, NULL),
           NATKIT_ERR_STRUCT_SIZE);
  CHECK_EQ(natkit_hub_receive_unclaimed(a.hub, &in.batch),
           NATKIT_ERR_STRUCT_SIZE);
  Limit(&in, 100, 10);
  in.batch.memory_used = 101;
  CHECK_EQ(natkit_hub_receive_batch(a.hub, &in.batch, NULL, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  Limit(&in, 100, 10);
  in.batch.packets = NULL;
  CHECK_EQ(natkit_hub_receive_unclaimed(a.hub, &in.batch),
           NATKIT_ERR_BAD_ARGUMENT);
  freed = a.hub;
  Close(&a);
  CHECK_EQ(natkit_hub_receive_batch(freed, Limit(&in, 100, 10), NULL, NULL),
           NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_hub_receive_unclaimed(freed, &in.batch),
           NATKIT_ERR_BAD_HANDLE);
}

static void ABatchHasDatagramsOfAllAgents(void) {
  static struct room in;
  struct star star;
  int counts[2] = {0, 0};
  OpenStar(&star, 0, 0);
  natkit_hub* const hub = star.to_loud.hub;
  for (int i = 0; i < 10; ++i) {
    CHECK_EQ(natkit_agent_send(star.loud.agent, "loud", 4), 0);
    CHECK_EQ(natkit_agent_send(star.quiet.agent, "quiet", 5), 0);
  }
  ProcessUntilReceived(hub, 20);
  CHECK_EQ(natkit_hub_receive_batch(hub, Limit(&in, 1000, COUNT), in.agents,
                                    in.users),
           20);
  for (int i = 0; i < 20; ++i) {
    const int is_quiet = in.packets[i].size == 5;
    const struct side* const side = is_quiet ? &star.to_quiet : &star.to_loud;
    ++counts[is_quiet];
    CHECK(in.agents[i] == side->agent && in.users[i] == side);
  }
  CHECK_EQ(counts[0], 10);
  CHECK_EQ(counts[1], 10);
  CloseStar(&star);
}

static void WhatWaitsGoesWithItsAgent(void) {
  static struct room in;
  struct star star;
  OpenStar(&star, 0, 0);
  natkit_hub* const hub = star.to_loud.hub;
  CHECK_EQ(natkit_agent_send(star.loud.agent, "loud", 4), 0);
  CHECK_EQ(natkit_agent_send(star.quiet.agent, "quiet", 5), 0);
  CHECK_EQ(natkit_agent_send(star.loud.agent, "loud", 4), 0);
  ProcessUntilReceived(hub, 3);
  natkit_agent_free(star.to_loud.agent);
  CHECK_EQ(natkit_hub_receive_batch(hub, Limit(&in, 1000, COUNT), in.agents,
                                    in.users),
           1);
  CHECK(in.agents[0] == star.to_quiet.agent && in.users[0] == &star.to_quiet);
  CHECK_EQ(in.packets[0].size, 5);
  star.to_loud.agent = NULL;
  CloseStar(&star);
}

/* A socket of another protocol, which knows nothing of natkit. */
static int NewStranger(natkit_address* address) {
  const int fd = BoundSocket(SOCK_DGRAM);
  struct sockaddr_in bound;
  socklen_t size = sizeof bound;
  CHECK_EQ(getsockname(fd, (struct sockaddr*)&bound, &size), 0);
  CHECK_EQ(
      natkit_address_from_sockaddr((struct sockaddr*)&bound, size, address), 0);
  return fd;
}

static void SendFrom(int fd, const natkit_address* to, const void* data,
                     size_t size) {
  struct sockaddr_storage address;
  const int length = natkit_address_to_sockaddr(to, (struct sockaddr*)&address,
                                                sizeof address);
  CHECK(length > 0);
  CHECK_EQ(
      sendto(fd, data, size, 0, (struct sockaddr*)&address, (socklen_t)length),
      size);
}

/* A hub on a socket that the caller keeps for another protocol, too. */
static natkit_hub* ShareSocket(int fd, size_t buffer) {
  natkit_hub_config config;
  natkit_hub* hub = NULL;
  natkit_init(&config);
  config.flags = NATKIT_HUB_LOOPBACK | NATKIT_HUB_NO_IPV6;
  config.sockets = &fd;
  config.socket_count = 1;
  config.unclaimed_buffer = buffer;
  CHECK_EQ(natkit_hub_new(&config, &hub), 0);
  return hub;
}

static natkit_hub_counters ProcessUntilUnknown(natkit_hub* hub,
                                               uint64_t wanted) {
  const uint64_t deadline = natkit_monotonic_ns() + LIMIT;
  natkit_hub_counters counters;
  natkit_init(&counters);
  do {
    CHECK(natkit_monotonic_ns() < deadline);
    CHECK_EQ(natkit_hub_process(hub), 0);
    CHECK_EQ(natkit_hub_get_counters(hub, &counters), 0);
  } while (counters.unclaimed + counters.dropped_unknown < wanted);
  return counters;
}

static void ASocketMayBeSharedWithAnotherProtocol(void) {
  static const uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
  static struct room in;
  natkit_address stranger;
  natkit_address ours;
  char answer[16];
  int ms = -1;
  const int other = NewStranger(&stranger);
  const int fd = NewStranger(&ours);
  natkit_hub* const hub = ShareSocket(fd, 1);
  SendFrom(other, &ours, "something else", 14);
  SendFrom(other, &ours, stun, sizeof stun);
  const natkit_hub_counters counters = ProcessUntilUnknown(hub, 2);
  CHECK_EQ(counters.unclaimed, 2);
  CHECK_EQ(counters.dropped_unknown, 0);
  CHECK_EQ(counters.dropped_unclaimed, 0);
  CHECK_EQ(counters.received, 0);
  CHECK_EQ(natkit_hub_get_timeout(hub, &ms), 0);
  CHECK_EQ(ms, 0); /* there is something to take */
  CHECK_EQ(natkit_hub_receive_batch(hub, Limit(&in, 100, 9), NULL, NULL), 0);
  CHECK_EQ(natkit_hub_receive_unclaimed(hub, Limit(&in, 13, 9)),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_hub_receive_unclaimed(hub, Limit(&in, 100, 9)), 2);
  for (int i = 0; i < 2; ++i) {
    CHECK(natkit_address_equal(&in.packets[i].remote, &stranger));
    CHECK(natkit_address_equal(&in.packets[i].local, &ours));
  }
  CHECK_EQ(in.packets[0].size, 14);
  CHECK(memcmp(in.packets[0].data, "something else", 14) == 0);
  CHECK_EQ(in.packets[1].size, sizeof stun);
  CHECK_EQ(natkit_hub_receive_unclaimed(hub, &in.batch), 0);
  SendFrom(fd, &stranger, "answer", 6);
  CHECK_EQ(recv(other, answer, sizeof answer, 0), 6);
  natkit_hub_free(hub);
  close(other);
  close(fd);
}

static void StrangersFillTheirOwnBufferOnly(void) {
  static struct room in;
  natkit_address stranger;
  natkit_address ours;
  natkit_hub_counters counters;
  char bytes[1000] = {0};
  const int other = NewStranger(&stranger);
  const int fd = NewStranger(&ours);
  natkit_hub* hub = ShareSocket(fd, 1); /* 64 KiB */
  for (uint64_t i = 1; i <= 100; ++i) {
    SendFrom(other, &ours, bytes, sizeof bytes);
    counters = ProcessUntilUnknown(hub, i);
  }
  CHECK_EQ(counters.unclaimed, 100);
  CHECK_EQ(counters.dropped_unclaimed, 36);
  CHECK_EQ(natkit_hub_receive_unclaimed(hub, Limit(&in, 100000, COUNT)), 64);
  natkit_hub_free(hub);
  hub = ShareSocket(fd, 0); /* they are dropped */
  SendFrom(other, &ours, bytes, sizeof bytes);
  counters = ProcessUntilUnknown(hub, 1);
  CHECK_EQ(counters.unclaimed, 0);
  CHECK_EQ(counters.dropped_unknown, 1);
  CHECK_EQ(natkit_hub_receive_unclaimed(hub, Limit(&in, 100000, COUNT)), 0);
  natkit_hub_free(hub);
  close(other);
  close(fd);
}

/* A socket that is bound to a loopback address reaches no other host. */
static void WhatTheSystemRefusesIsCounted(void) {
  static const char description[] =
      "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
      "a=candidate:1 1 udp 2130706431 203.0.113.1 5000 typ host\r\n";
  natkit_address ours;
  natkit_hub_counters counters;
  natkit_agent* agent = NULL;
  const uint64_t deadline = natkit_monotonic_ns() + LIMIT;
  const int fd = NewStranger(&ours);
  natkit_hub* const hub = ShareSocket(fd, 0);
  CHECK_EQ(natkit_agent_new(hub, NULL, &agent), 0);
  CHECK_EQ(natkit_agent_set_remote_description(agent, description), 0);
  natkit_init(&counters);
  while (counters.dropped_sent == 0) {
    CHECK(natkit_monotonic_ns() < deadline);
    CHECK_EQ(natkit_hub_process(hub), 0);
    CHECK_EQ(natkit_hub_get_counters(hub, &counters), 0);
  }
  CHECK_EQ(counters.sent_direct, 0);
  natkit_agent_free(agent);
  natkit_hub_free(hub);
  close(fd);
}

int main(void) {
  RUN(AFloodTakesNothingFromOthers);
  RUN(OneAgentsPartMayBeLimited);
  RUN(CountersAreChecked);
  RUN(BatchesArriveWhole);
  RUN(ABatchEndsAtWhatIsRefused);
  RUN(TooSmallBatchesLoseNothing);
  RUN(ArraysMustNotLieInTheBatch);
  RUN(BatchesAreChecked);
  RUN(ABatchHasDatagramsOfAllAgents);
  RUN(WhatWaitsGoesWithItsAgent);
  RUN(WhatTheSystemRefusesIsCounted);
  RUN(ASocketMayBeSharedWithAnotherProtocol);
  RUN(StrangersFillTheirOwnBufferOnly);
  return 0;
}
