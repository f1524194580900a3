/* natkit/agent.h: data in batches, and what a hub does with too much of it. */
#include <string.h>

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
}

int main(void) {
  RUN(AFloodTakesNothingFromOthers);
  RUN(OneAgentsPartMayBeLimited);
  RUN(CountersAreChecked);
  return 0;
}
