/* natkit's agent (natkit/agent.h) as a program that speaks the line protocol of
 * ice_peer.c, so that it can meet other ICE implementations.
 *
 * usage: c_agent_peer controlling|controlled [--mesh] IP...
 *
 * Its sockets are its own and given to the hub. --mesh changes nothing: an
 * agent always has that timing.
 */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "natkit/natkit.h"

enum { kMaxLine = 1024, kMaxSaid = 64 };

static natkit_hub* hub;
static natkit_agent* agent;
static char said[kMaxSaid][kMaxLine]; /* lines of the current session */
static size_t said_count;
static int gathers;

static void Check(int code, const char* what) {
  if (code < 0) {
    fprintf(stderr, "c_agent_peer: %s: %s\n", what, natkit_strerror(code));
    exit(1);
  }
}

static void Say(const char* line) {
  puts(line);
  fflush(stdout);
}

/* Each line once a session. */
static void SayOnce(const char* line) {
  for (size_t i = 0; i < said_count; ++i) {
    if (strcmp(said[i], line) == 0) {
      return;
    }
  }
  if (said_count < kMaxSaid) {
    snprintf(said[said_count++], kMaxLine, "%s", line);
  }
  Say(line);
}

/* Says what is new in the description. */
static void SayDescription(void) {
  char text[NATKIT_DESCRIPTION_SIZE];
  char line[kMaxLine];
  char ufrag[300] = "";
  char* rest = NULL;
  Check(natkit_agent_get_local_description(agent, text, sizeof text),
        "describe");
  for (char* part = strtok_r(text, "\r\n", &rest); part != NULL;
       part = strtok_r(NULL, "\r\n", &rest)) {
    if (strncmp(part, "a=ice-ufrag:", 12) == 0) {
      snprintf(ufrag, sizeof ufrag, "%s", part + 12);
    } else if (strncmp(part, "a=ice-pwd:", 10) == 0) {
      snprintf(line, sizeof line, "credentials %s %s", ufrag, part + 10);
      if (said_count == 0 || strcmp(said[0], line) != 0) {
        said_count = 0; /* a new session */
      }
      SayOnce(line);
    } else if (strncmp(part, "a=candidate:", 12) == 0) {
      snprintf(line, sizeof line, "candidate %s", part + 2);
      SayOnce(line);
    } else if (strcmp(part, "a=end-of-candidates") == 0) {
      SayOnce("end-of-candidates");
    }
  }
}

static void SayPath(const natkit_path* path) {
  char line[kMaxLine];
  char local[NATKIT_ADDRESS_TEXT_SIZE] = "none";
  char remote[NATKIT_ADDRESS_TEXT_SIZE] = "";
  if (path->kind == NATKIT_PATH_DIRECT) {
    natkit_address_format(&path->local, local, sizeof local);
    natkit_address_format(&path->remote, remote, sizeof remote);
  }
  snprintf(line, sizeof line, "selected %s %s", local, remote);
  Say(line);
}

static void TakeEvents(void) {
  static const char* const names[] = {"new", "connecting", "connected",
                                      "disconnected", "failed"};
  natkit_hub_event event;
  natkit_init(&event);
  while (natkit_hub_poll_event(hub, &event) == 1) {
    if (event.type == NATKIT_HUB_EVENT_DESCRIPTION && gathers) {
      SayDescription();
    } else if (event.type == NATKIT_HUB_EVENT_PATH) {
      SayPath(&event.path);
    } else if (event.type == NATKIT_HUB_EVENT_STATE) {
      printf("state %s\n", names[event.state]);
      fflush(stdout);
    }
  }
}

static void TakeData(void) {
  static char data[65536];
  size_t size = 0;
  while (natkit_hub_receive(hub, NULL, data, sizeof data, &size) == 1) {
    printf("data %.*s\n", (int)size, data);
    fflush(stdout);
  }
}

/* Returns 0 at the end. */
static int Obey(char* line) {
  char text[kMaxLine];
  char* const rest = strchr(line, ' ');
  if (strcmp(line, "gather") == 0) {
    gathers = 1;
    SayDescription();
  } else if (strcmp(line, "restart") == 0) {
    Check(natkit_agent_restart(agent), "restart");
  } else if (strcmp(line, "quit") == 0) {
    return 0;
  } else if (strcmp(line, "end-of-candidates") == 0) {
    Check(natkit_agent_set_remote_description(agent, "a=end-of-candidates"),
          line);
  } else if (rest == NULL) {
    return 1;
  } else if (strncmp(line, "send ", 5) == 0) {
    /* Before there is a path nothing can be sent: the other side asks again. */
    (void)natkit_agent_send(agent, rest + 1, strlen(rest + 1));
  } else if (strncmp(line, "candidate ", 10) == 0) {
    Check(natkit_agent_set_remote_description(agent, rest + 1), line);
  } else if (strncmp(line, "credentials ", 12) == 0) {
    char* const password = strchr(rest + 1, ' ');
    if (password != NULL) {
      *password = '\0';
      snprintf(text, sizeof text, "a=ice-ufrag:%s\na=ice-pwd:%s\n", rest + 1,
               password + 1);
      Check(natkit_agent_set_remote_description(agent, text), "credentials");
    }
  }
  return 1;
}

/* Lines of the standard input; returns 0 at the end. */
static int TakeInput(void) {
  static char input[16 * kMaxLine];
  static size_t used;
  const ssize_t got = read(STDIN_FILENO, input + used, sizeof input - 1 - used);
  if (got <= 0) {
    return 0;
  }
  used += (size_t)got;
  input[used] = '\0';
  char* line = input;
  for (char* end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
    *end = '\0';
    if (!Obey(line)) {
      return 0;
    }
    line = end + 1;
  }
  used -= (size_t)(line - input);
  memmove(input, line, used);
  return 1;
}

static int OpenSocket(const char* ip) {
  struct sockaddr_storage storage;
  natkit_address address;
  const int one = 1;
  Check(natkit_address_parse(ip, &address), ip);
  const int size = natkit_address_to_sockaddr(
      &address, (struct sockaddr*)&storage, sizeof storage);
  const int fd = socket(storage.ss_family, SOCK_DGRAM, 0);
  if (storage.ss_family == AF_INET6) {
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  }
  if (fd < 0 || bind(fd, (struct sockaddr*)&storage, (socklen_t)size) != 0) {
    perror(ip);
    exit(1);
  }
  return fd;
}

static void Open(int argc, char** argv) {
  natkit_hub_config config;
  natkit_agent_config options;
  int sockets[8];
  natkit_init(&config);
  natkit_init(&options);
  options.role = argc > 1 && strcmp(argv[1], "controlled") == 0
                     ? NATKIT_AGENT_ROLE_CONTROLLED
                     : NATKIT_AGENT_ROLE_CONTROLLING;
  for (int i = 2; i < argc && config.socket_count < 8; ++i) {
    if (strcmp(argv[i], "--mesh") != 0) {
      sockets[config.socket_count++] = OpenSocket(argv[i]);
    }
  }
  config.sockets = sockets;
  Check(natkit_hub_new(&config, &hub), "hub");
  for (uint32_t i = 0; i < config.socket_count; ++i) {
    close(sockets[i]);
  }
  Check(natkit_agent_new(hub, &options, &agent), "agent");
}

int main(int argc, char** argv) {
  int is_open = 1;
  Open(argc, argv);
  while (is_open) {
    struct pollfd ready[] = {{natkit_hub_get_fd(hub), POLLIN, 0},
                             {STDIN_FILENO, POLLIN, 0}};
    int ms = -1;
    Check(natkit_hub_get_timeout(hub, &ms), "timeout");
    if (poll(ready, 2, ms) < 0) {
      perror("poll");
      return 1;
    }
    if (ready[1].revents != 0) {
      is_open = TakeInput();
    }
    Check(natkit_hub_process(hub), "process");
    TakeEvents();
    TakeData();
  }
  natkit_agent_free(agent);
  natkit_hub_free(hub);
  return 0;
}
