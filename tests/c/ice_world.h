/* Two ICE agents, a network between them, and time: all of it virtual. */
#ifndef NATKIT_TESTS_C_ICE_WORLD_H_
#define NATKIT_TESTS_C_ICE_WORLD_H_

#include <string.h>

#include "check.h"
#include "natkit/natkit.h"

enum { kMaxInFlight = 64, kMaxLog = 256, kLatencyMs = 10 };

/* A random source that repeats itself, so that tests do. */
static inline void FillRepeatably(void* context, uint8_t* out, size_t size) {
  uint64_t* const state = context;
  for (size_t i = 0; i < size; ++i) {
    *state =
        *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    out[i] = (uint8_t)(*state >> 56);
  }
}

struct side {
  natkit_ice_agent* agent;
  natkit_address base;
  uint64_t random_state;
  int log[kMaxLog]; /* types of events, in order */
  int log_size;
  natkit_ice_pair pair;
  int has_pair;
  int state;
};

struct flight {
  uint64_t due_ns;
  natkit_address from;
  natkit_address to;
  uint8_t data[NATKIT_ICE_DATAGRAM_SIZE];
  size_t size;
};

struct world {
  uint64_t now_ns;
  struct side sides[2];
  struct flight flights[kMaxInFlight];
  int flight_count;
  int is_cut;          /* nothing arrives */
  natkit_address stun; /* answers binding requests, if set */
  int stun_requests;
};

static inline natkit_address At(const char* text) {
  natkit_address address;
  CHECK_EQ(natkit_address_parse(text, &address), 0);
  return address;
}

static inline void OpenSide(struct side* side,
                            const natkit_ice_agent_config* config,
                            const char* base, uint64_t seed) {
  natkit_ice_agent_config own = *config;
  const natkit_random random = {FillRepeatably, &side->random_state};
  side->random_state = seed;
  side->base = At(base);
  own.random = &random;
  CHECK_EQ(natkit_ice_agent_new(&own, &side->agent), 0);
}

/* Controlling 192.0.2.1:1000 and controlled 192.0.2.2:2000. */
static inline void OpenWorld(struct world* world, uint32_t profile) {
  natkit_ice_agent_config config;
  memset(world, 0, sizeof *world);
  world->now_ns = NATKIT_SECOND;
  natkit_init(&config);
  config.profile = profile;
  config.role = NATKIT_ICE_CONTROLLING;
  OpenSide(&world->sides[0], &config, "192.0.2.1:1000", 1);
  config.role = NATKIT_ICE_CONTROLLED;
  OpenSide(&world->sides[1], &config, "192.0.2.2:2000", 2);
}

static inline void CloseWorld(struct world* world) {
  natkit_ice_agent_free(world->sides[0].agent);
  natkit_ice_agent_free(world->sides[1].agent);
}

static inline void TellCredentials(struct world* world, int from) {
  natkit_ice_credentials own;
  CHECK_EQ(
      natkit_ice_agent_get_local_credentials(world->sides[from].agent, &own),
      0);
  CHECK_EQ(
      natkit_ice_agent_set_remote_credentials(
          world->sides[1 - from].agent, world->now_ns, own.ufrag, own.password),
      0);
}

/* Passes what an agent says to the other one, and remembers it. */
static inline void TakeEvent(struct world* world, int which,
                             const natkit_ice_event* event) {
  struct side* const side = &world->sides[which];
  struct side* const other = &world->sides[1 - which];
  char line[NATKIT_ICE_CANDIDATE_TEXT_SIZE];
  CHECK(side->log_size < kMaxLog);
  side->log[side->log_size++] = (int)event->type;
  switch (event->type) {
    case NATKIT_ICE_EVENT_CANDIDATE:
      CHECK(natkit_ice_candidate_format(&event->candidate, 0, line,
                                        sizeof line) > 0);
      CHECK_EQ(natkit_ice_agent_add_remote_candidate_line(other->agent,
                                                          world->now_ns, line),
               0);
      break;
    case NATKIT_ICE_EVENT_GATHERING_DONE:
      CHECK_EQ(natkit_ice_agent_set_remote_end_of_candidates(other->agent,
                                                             world->now_ns),
               0);
      break;
    case NATKIT_ICE_EVENT_SELECTED:
      side->has_pair = (int)event->has_pair;
      side->pair = event->pair;
      break;
    case NATKIT_ICE_EVENT_STATE:
      side->state = (int)event->state;
      break;
    case NATKIT_ICE_EVENT_RESTARTED:
      TellCredentials(world, which);
      break;
    default:
      break;
  }
}

static inline void PollSide(struct world* world, int which) {
  natkit_ice_agent* const agent = world->sides[which].agent;
  natkit_ice_transmit meta;
  natkit_ice_event event;
  natkit_init(&meta);
  natkit_init(&event);
  for (;;) {
    struct flight* const flight = &world->flights[world->flight_count];
    CHECK(world->flight_count < kMaxInFlight);
    const int size = natkit_ice_agent_poll_transmit(agent, &meta, flight->data,
                                                    sizeof flight->data);
    CHECK(size >= 0);
    if (size == 0) {
      break;
    }
    CHECK(natkit_address_equal(&meta.from_base, &world->sides[which].base));
    flight->due_ns = world->now_ns + kLatencyMs * NATKIT_MILLISECOND;
    flight->from = meta.from_base;
    flight->to = meta.to;
    flight->size = (size_t)size;
    world->flight_count += world->is_cut ? 0 : 1;
  }
  while (natkit_ice_agent_poll_event(agent, &event) == 1) {
    TakeEvent(world, which, &event);
  }
}

static inline void PollBoth(struct world* world) {
  PollSide(world, 0);
  PollSide(world, 1);
  /* What one was told by the other may have more to send. */
  PollSide(world, 0);
}

/* Answers a binding request as a STUN server behind no NAT would. */
static inline void AnswerAsStun(struct world* world,
                                const struct flight* request) {
  static const uint8_t kCookie[4] = {0x21, 0x12, 0xa4, 0x42};
  struct flight* const answer = &world->flights[world->flight_count];
  const uint16_t port = (uint16_t)(request->from.port ^ 0x2112u);
  CHECK(world->flight_count < kMaxInFlight);
  ++world->stun_requests;
  memcpy(answer->data, request->data, 20);
  answer->data[0] = 1; /* success response */
  answer->data[2] = 0;
  answer->data[3] = 12;
  memcpy(answer->data + 20, "\x00\x20\x00\x08\x00\x01", 6);
  answer->data[26] = (uint8_t)(port >> 8);
  answer->data[27] = (uint8_t)port;
  for (int i = 0; i < 4; ++i) { /* another network in front: 203.x */
    answer->data[28 + i] = (uint8_t)(request->from.ip[i] ^ kCookie[i]);
  }
  answer->data[28] = (uint8_t)(203 ^ kCookie[0]);
  answer->size = 32;
  answer->from = request->to;
  answer->to = request->from;
  answer->due_ns = world->now_ns + kLatencyMs * NATKIT_MILLISECOND;
  ++world->flight_count;
}

static inline void Deliver(struct world* world) {
  for (int i = 0; i < world->flight_count;) {
    const struct flight arrived = world->flights[i];
    if (arrived.due_ns > world->now_ns) {
      ++i;
      continue;
    }
    world->flights[i] = world->flights[--world->flight_count];
    if (natkit_address_equal(&arrived.to, &world->stun) &&
        world->stun.family != NATKIT_FAMILY_NONE) {
      AnswerAsStun(world, &arrived);
      continue;
    }
    for (int side = 0; side < 2; ++side) {
      if (natkit_address_equal(&arrived.to, &world->sides[side].base)) {
        CHECK(natkit_ice_agent_handle_datagram(
                  world->sides[side].agent, world->now_ns, &arrived.to,
                  &arrived.from, arrived.data, arrived.size) >= 0);
      }
    }
  }
}

/* Lets `ns` pass, event by event. */
static inline void Run(struct world* world, uint64_t ns) {
  const uint64_t end = world->now_ns + ns;
  PollBoth(world);
  for (;;) {
    uint64_t next = end;
    for (int i = 0; i < world->flight_count; ++i) {
      next = world->flights[i].due_ns < next ? world->flights[i].due_ns : next;
    }
    for (int side = 0; side < 2; ++side) {
      uint64_t due = 0;
      if (natkit_ice_agent_next_timeout(world->sides[side].agent, &due) == 1) {
        CHECK(due >= world->now_ns || due == 0);
        next = due < next ? due : next;
      }
    }
    if (next >= end) {
      break;
    }
    world->now_ns = next > world->now_ns ? next : world->now_ns;
    Deliver(world);
    for (int side = 0; side < 2; ++side) {
      CHECK_EQ(natkit_ice_agent_handle_timeout(world->sides[side].agent,
                                               world->now_ns),
               0);
    }
    PollBoth(world);
  }
  world->now_ns = end;
}

/* Adds the bases, exchanges credentials and says that this is all. */
static inline void Begin(struct world* world) {
  TellCredentials(world, 0);
  TellCredentials(world, 1);
  for (int side = 0; side < 2; ++side) {
    natkit_ice_agent* const agent = world->sides[side].agent;
    CHECK_EQ(natkit_ice_agent_add_host_base(agent, world->now_ns,
                                            &world->sides[side].base),
             0);
    CHECK_EQ(natkit_ice_agent_set_local_end_of_candidates(agent, world->now_ns),
             0);
  }
}

static inline int CountEvents(const struct side* side, int type) {
  int count = 0;
  for (int i = 0; i < side->log_size; ++i) {
    count += side->log[i] == type;
  }
  return count;
}

#endif
