/* natkit's ICE agent as a program, by nothing but natkit/natkit.h: UDP sockets,
 * and signals by lines.
 *
 * usage: c_ice_peer controlling|controlled [--mesh] [--stun IP:PORT] IP...
 *
 * Writes "credentials UFRAG PASSWORD", "candidate CANDIDATE",
 * "end-of-candidates", "restarted", "state NAME", "role NAME", "selected LOCAL
 * REMOTE" and "data TEXT"; reads the first three as the other side wrote them,
 * and "gather", "restart", "send TEXT" and "quit".
 */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "natkit/natkit.h"

enum { kMaxBases = 4, kMaxLine = 1024 };

struct base {
  int fd;
  natkit_address local;
};

struct peer {
  natkit_ice_agent* agent;
  struct base bases[kMaxBases];
  size_t base_count;
  char input[kMaxLine];
  size_t input_size;
};

/* A UDP socket on one address and a port that the system chooses. */
static int OpenBase(struct base* base, const natkit_address* address) {
  struct sockaddr_storage storage;
  socklen_t size = sizeof storage;
  const int wanted = natkit_address_to_sockaddr(
      address, (struct sockaddr*)&storage, sizeof storage);
  base->fd = wanted < 0 ? -1 : socket(storage.ss_family, SOCK_DGRAM, 0);
  return base->fd >= 0 && fcntl(base->fd, F_SETFL, O_NONBLOCK) == 0 &&
         bind(base->fd, (struct sockaddr*)&storage, (socklen_t)wanted) == 0 &&
         getsockname(base->fd, (struct sockaddr*)&storage, &size) == 0 &&
         natkit_address_from_sockaddr((struct sockaddr*)&storage, size,
                                      &base->local) == 0;
}

static const struct base* FindBase(const struct peer* peer,
                                   const natkit_address* local) {
  for (size_t i = 0; i < peer->base_count; ++i) {
    if (natkit_address_equal(&peer->bases[i].local, local)) {
      return &peer->bases[i];
    }
  }
  return NULL;
}

static void Send(const struct peer* peer, const natkit_address* from,
                 const natkit_address* to, const void* data, size_t size) {
  const struct base* const base = FindBase(peer, from);
  struct sockaddr_storage storage;
  const int length = natkit_address_to_sockaddr(to, (struct sockaddr*)&storage,
                                                sizeof storage);
  if (base != NULL && length > 0) {
    /* What the network refuses is lost, as any datagram may be. */
    (void)!sendto(base->fd, data, size, 0, (struct sockaddr*)&storage,
                  (socklen_t)length);
  }
}

static void SayCredentials(const struct peer* peer) {
  natkit_ice_credentials own;
  if (natkit_ice_agent_get_local_credentials(peer->agent, &own) == 0) {
    printf("credentials %s %s\n", own.ufrag, own.password);
  }
  natkit_wipe(&own, sizeof own);
}

static void SaySelected(const natkit_ice_event* event) {
  char local[NATKIT_ADDRESS_TEXT_SIZE];
  char remote[NATKIT_ADDRESS_TEXT_SIZE];
  if (event->has_pair == 0) {
    printf("selected none\n");
  } else if (natkit_address_format(&event->pair.local_mapped, local,
                                   sizeof local) > 0 &&
             natkit_address_format(&event->pair.remote, remote, sizeof remote) >
                 0) {
    printf("selected %s %s\n", local, remote);
  }
}

static void SayEvent(const struct peer* peer, const natkit_ice_event* event) {
  static const char* const states[] = {"new", "checking", "connected",
                                       "disconnected", "failed"};
  char line[NATKIT_ICE_CANDIDATE_TEXT_SIZE];
  switch (event->type) {
    case NATKIT_ICE_EVENT_CANDIDATE:
      if (natkit_ice_candidate_format(&event->candidate, 0, line, sizeof line) >
          0) {
        printf("candidate %s\n", line);
      }
      break;
    case NATKIT_ICE_EVENT_GATHERING_DONE:
      printf("end-of-candidates\n");
      break;
    case NATKIT_ICE_EVENT_STATE:
      printf("state %s\n", states[event->state]);
      break;
    case NATKIT_ICE_EVENT_SELECTED:
      SaySelected(event);
      break;
    case NATKIT_ICE_EVENT_ROLE:
      printf("role %s\n", event->role == NATKIT_ICE_CONTROLLING ? "controlling"
                                                                : "controlled");
      break;
    case NATKIT_ICE_EVENT_RESTARTED:
      printf("restarted\n");
      SayCredentials(peer);
      break;
    default:
      break;
  }
}

/* Sends and says all that the agent has. */
static void Pump(const struct peer* peer) {
  uint8_t data[NATKIT_ICE_DATAGRAM_SIZE];
  natkit_ice_transmit meta;
  natkit_ice_event event;
  natkit_init(&meta);
  natkit_init(&event);
  for (;;) {
    const int size =
        natkit_ice_agent_poll_transmit(peer->agent, &meta, data, sizeof data);
    if (size <= 0) {
      break;
    }
    /* Openers of the mesh profile are not needed without NATs. */
    if (meta.ttl == 0) {
      Send(peer, &meta.from_base, &meta.to, data, (size_t)size);
    }
  }
  while (natkit_ice_agent_poll_event(peer->agent, &event) == 1) {
    SayEvent(peer, &event);
  }
  fflush(stdout);
}

static void ReadDatagrams(const struct peer* peer, const struct base* base) {
  char data[2048];
  for (;;) {
    struct sockaddr_storage storage;
    socklen_t size = sizeof storage;
    natkit_address from;
    natkit_ice_pair pair;
    const ssize_t got = recvfrom(base->fd, data, sizeof data, 0,
                                 (struct sockaddr*)&storage, &size);
    if (got < 0) {
      return; /* nothing there, or an ICMP error was */
    }
    if (natkit_address_from_sockaddr((struct sockaddr*)&storage, size, &from) !=
        0) {
      continue;
    }
    const int taken = natkit_ice_agent_handle_datagram(
        peer->agent, natkit_monotonic_ns(), &base->local, &from, data,
        (size_t)got);
    if (taken == 0 && natkit_ice_agent_get_selected(peer->agent, &pair) == 1 &&
        natkit_address_equal(&pair.remote, &from)) {
      printf("data %.*s\n", (int)got, data);
    }
    Pump(peer);
  }
}

static void Gather(const struct peer* peer) {
  const uint64_t now = natkit_monotonic_ns();
  for (size_t i = 0; i < peer->base_count; ++i) {
    natkit_ice_agent_add_host_base(peer->agent, now, &peer->bases[i].local);
  }
  natkit_ice_agent_set_local_end_of_candidates(peer->agent, now);
}

static void TakeCredentials(const struct peer* peer, char* rest) {
  char* const space = strchr(rest, ' ');
  if (space == NULL) {
    printf("error credentials\n");
    return;
  }
  *space = '\0';
  const int code = natkit_ice_agent_set_remote_credentials(
      peer->agent, natkit_monotonic_ns(), rest, space + 1);
  if (code < 0) {
    printf("error %s\n", natkit_strerror(code));
  }
}

/* 0 at "quit". */
static int Take(const struct peer* peer, char* line) {
  char* const space = strchr(line, ' ');
  char* const rest = space == NULL ? line + strlen(line) : space + 1;
  const uint64_t now = natkit_monotonic_ns();
  natkit_ice_pair pair;
  if (space != NULL) {
    *space = '\0';
  }
  if (strcmp(line, "credentials") == 0) {
    TakeCredentials(peer, rest);
  } else if (strcmp(line, "candidate") == 0) {
    if (natkit_ice_agent_add_remote_candidate_line(peer->agent, now, rest) <
        0) {
      printf("ignored %s\n", rest);
    }
  } else if (strcmp(line, "end-of-candidates") == 0) {
    natkit_ice_agent_set_remote_end_of_candidates(peer->agent, now);
  } else if (strcmp(line, "gather") == 0) {
    Gather(peer);
  } else if (strcmp(line, "restart") == 0) {
    natkit_ice_agent_restart(peer->agent, now);
    SayCredentials(peer);
  } else if (strcmp(line, "send") == 0) {
    if (natkit_ice_agent_get_selected(peer->agent, &pair) == 1) {
      Send(peer, &pair.local_base, &pair.remote, rest, strlen(rest));
    }
  }
  return strcmp(line, "quit") != 0;
}

/* 0 at the end of the input, and after "quit". */
static int ReadLines(struct peer* peer) {
  const size_t room = sizeof peer->input - 1 - peer->input_size;
  const ssize_t got = read(STDIN_FILENO, peer->input + peer->input_size, room);
  if (got <= 0) {
    return 0;
  }
  peer->input_size += (size_t)got;
  peer->input[peer->input_size] = '\0';
  char* end = strchr(peer->input, '\n');
  while (end != NULL) {
    *end = '\0';
    if (!Take(peer, peer->input)) {
      return 0;
    }
    Pump(peer);
    peer->input_size -= (size_t)(end + 1 - peer->input);
    memmove(peer->input, end + 1, peer->input_size + 1);
    end = strchr(peer->input, '\n');
  }
  return 1;
}

static void Run(struct peer* peer) {
  struct pollfd entries[1 + kMaxBases];
  SayCredentials(peer);
  for (;;) {
    const uint64_t now = natkit_monotonic_ns();
    uint64_t due = now + NATKIT_SECOND;
    natkit_ice_agent_handle_timeout(peer->agent, now);
    Pump(peer);
    natkit_ice_agent_next_timeout(peer->agent, &due);
    entries[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    for (size_t i = 0; i < peer->base_count; ++i) {
      entries[1 + i] =
          (struct pollfd){.fd = peer->bases[i].fd, .events = POLLIN};
    }
    poll(entries, 1 + peer->base_count, natkit_poll_timeout_ms(now, due));
    if (entries[0].revents != 0 && !ReadLines(peer)) {
      return;
    }
    for (size_t i = 0; i < peer->base_count; ++i) {
      ReadDatagrams(peer, &peer->bases[i]);
    }
  }
}

/* The arguments after the role. */
static int ReadArguments(struct peer* peer, natkit_ice_agent_config* config,
                         natkit_address* server, int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    natkit_address address;
    if (strcmp(argv[i], "--mesh") == 0) {
      config->profile = NATKIT_ICE_MESH;
    } else if (strcmp(argv[i], "--stun") == 0 && i + 1 < argc) {
      config->stun_servers = server;
      config->stun_server_count = 1;
      if (natkit_address_parse(argv[++i], server) != 0) {
        return 0;
      }
    } else if (peer->base_count == kMaxBases ||
               natkit_address_parse(argv[i], &address) != 0 ||
               !OpenBase(&peer->bases[peer->base_count++], &address)) {
      return 0;
    }
  }
  return peer->base_count > 0;
}

int main(int argc, char** argv) {
  static struct peer peer;
  natkit_ice_agent_config config;
  natkit_address server;
  natkit_init(&config);
  if (argc < 3 || !ReadArguments(&peer, &config, &server, argc, argv)) {
    fprintf(stderr, "usage: %s controlling|controlled [--mesh] IP...\n",
            argv[0]);
    return 2;
  }
  config.role = strcmp(argv[1], "controlling") == 0 ? NATKIT_ICE_CONTROLLING
                                                    : NATKIT_ICE_CONTROLLED;
  const int code = natkit_ice_agent_new(&config, &peer.agent);
  if (code < 0) {
    fprintf(stderr, "%s: %s\n", argv[0], natkit_strerror(code));
    return 1;
  }
  Run(&peer);
  natkit_ice_agent_free(peer.agent);
  return 0;
}
