/* What tests of natkit/agent.h share: two hubs on this host's loopback
 * addresses that find each other. */
#ifndef NATKIT_TESTS_C_AGENT_SIDE_H_
#define NATKIT_TESTS_C_AGENT_SIDE_H_

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "natkit/natkit.h"

/* Nothing here takes longer than some seconds on an idle machine. */
#define LIMIT (60 * NATKIT_SECOND)

struct side {
  natkit_hub* hub;
  natkit_agent* agent;
  int states;
  int paths;
  int descriptions;
  int rtts;
  int whys;
  uint32_t state;
  uint32_t kind;
  int received;
  char last[64];
};

static inline natkit_hub* NewHub(const int* sockets, uint32_t count) {
  natkit_hub_config config;
  natkit_hub* hub = NULL;
  natkit_init(&config);
  config.flags = NATKIT_HUB_LOOPBACK | NATKIT_HUB_NO_IPV6;
  config.sockets = sockets;
  config.socket_count = count;
  CHECK_EQ(natkit_hub_new(&config, &hub), 0);
  return hub;
}

/* An agent of a hub. */
static inline void Join(struct side* side, natkit_hub* hub) {
  natkit_agent_config config;
  memset(side, 0, sizeof *side);
  side->hub = hub;
  natkit_init(&config);
  config.user = side;
  CHECK_EQ(natkit_agent_new(hub, &config, &side->agent), 0);
}

static inline void Open(struct side* side) {
  Join(side, NewHub(NULL, 0));
}

static inline void Close(struct side* side) {
  natkit_agent_free(side->agent);
  natkit_hub_free(side->hub);
}

/* Of all agents of a hub. */
static inline void TakeEvents(natkit_hub* hub) {
  natkit_hub_event event;
  natkit_init(&event);
  while (natkit_hub_poll_event(hub, &event) == 1) {
    struct side* const side = event.user;
    CHECK(side != NULL);
    CHECK(event.agent == side->agent);
    side->states += event.type == NATKIT_HUB_EVENT_STATE;
    side->paths += event.type == NATKIT_HUB_EVENT_PATH;
    side->descriptions += event.type == NATKIT_HUB_EVENT_DESCRIPTION;
    side->rtts += event.type == NATKIT_HUB_EVENT_RTT;
    side->whys += event.type == NATKIT_HUB_EVENT_WHY_NOT_DIRECT;
    if (event.type == NATKIT_HUB_EVENT_STATE) {
      side->state = event.state;
    } else if (event.type == NATKIT_HUB_EVENT_PATH) {
      side->kind = event.path.kind;
    }
    CHECK_EQ(event.struct_size, sizeof event);
  }
}

static inline void TakeData(struct side* side) {
  natkit_agent* agent = NULL;
  size_t size = 0;
  while (natkit_hub_receive(side->hub, &agent, side->last,
                            sizeof side->last - 1, &size) == 1) {
    CHECK(agent == side->agent);
    side->last[size] = '\0';
    ++side->received;
  }
}

static inline void Run(struct side* a, struct side* b, int* condition,
                       int wanted) {
  const uint64_t deadline = natkit_monotonic_ns() + LIMIT;
  struct side* const sides[] = {a, b};
  while (*condition < wanted) {
    struct pollfd fds[2];
    int wait = 1000;
    CHECK(natkit_monotonic_ns() < deadline);
    for (int i = 0; i < 2; ++i) {
      int ms = 0;
      fds[i].fd = natkit_hub_get_fd(sides[i]->hub);
      fds[i].events = POLLIN;
      CHECK_EQ(natkit_hub_get_timeout(sides[i]->hub, &ms), 0);
      wait = ms >= 0 && ms < wait ? ms : wait;
    }
    CHECK(poll(fds, 2, wait) >= 0);
    for (int i = 0; i < 2; ++i) {
      CHECK_EQ(natkit_hub_process(sides[i]->hub), 0);
      TakeEvents(sides[i]->hub);
      TakeData(sides[i]);
    }
  }
}

static inline void Tell(struct side* from, struct side* to) {
  char text[NATKIT_DESCRIPTION_SIZE];
  CHECK(natkit_agent_get_local_description(from->agent, text, sizeof text) > 0);
  CHECK(strstr(text, "a=ice-ufrag:") != NULL);
  CHECK(strstr(text, " typ host") != NULL);
  CHECK_EQ(natkit_agent_set_remote_description(to->agent, text), 0);
}

static inline void Connect(struct side* a, struct side* b) {
  int done = 0;
  Tell(a, b);
  Tell(b, a);
  while (!done) {
    int waits = a->kind == NATKIT_PATH_DIRECT ? b->paths : a->paths;
    int* const paths = a->kind == NATKIT_PATH_DIRECT ? &b->paths : &a->paths;
    if (a->kind == NATKIT_PATH_DIRECT && b->kind == NATKIT_PATH_DIRECT) {
      done = 1;
    } else {
      Run(a, b, paths, waits + 1);
    }
  }
}

static inline int BoundSocket(int type) {
  struct sockaddr_in address;
  const int fd = socket(AF_INET, type, 0);
  CHECK(fd >= 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_EQ(bind(fd, (struct sockaddr*)&address, sizeof address), 0);
  return fd;
}

#endif
