/* Two programs behind NATs say hello: punch STUN_SERVER:PORT...
 * Each prints what the other has to know: paste it there, with an empty line
 * after it. */
#include <natkit/natkit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static natkit_hub* hub;
static natkit_agent* agent;

static void Check(int code, const char* what) {
  if (code < 0) {
    fprintf(stderr, "punch: %s: %s\n", what, natkit_strerror(code));
    exit(1);
  }
}

static void Wait(int limit_ms) {
  int ms = 0;
  struct pollfd ready = {natkit_hub_get_fd(hub), POLLIN, 0};
  natkit_hub_get_timeout(hub, &ms);
  poll(&ready, 1, ms < 0 || ms > limit_ms ? limit_ms : ms);
  natkit_hub_process(hub);
}

static void PrintDescription(void) {
  char text[NATKIT_DESCRIPTION_SIZE];
  natkit_hub_event event;
  int is_complete = 0;
  natkit_init(&event);
  while (!is_complete) {
    Wait(1000);
    while (natkit_hub_poll_event(hub, &event) == 1) {
      is_complete |= (int)event.is_complete;
    }
  }
  Check(natkit_agent_get_local_description(agent, text, sizeof text),
        "describe");
  printf("%s\n", text);
  fflush(stdout);
}

static void ReadDescription(void) {
  char text[NATKIT_DESCRIPTION_SIZE] = "";
  char line[1024];
  size_t used = 0;
  while (fgets(line, sizeof line, stdin) != NULL &&
         line[strspn(line, "\r\n")] != '\0' &&
         used + strlen(line) < sizeof text) {
    used += (size_t)sprintf(text + used, "%s", line);
  }
  Check(natkit_agent_set_remote_description(agent, text), "the other side");
}

/* Says hello five times a second, and a second more once the other is heard. */
static void Exchange(void) {
  char data[65536];
  const uint64_t end = natkit_monotonic_ns() + 60 * NATKIT_SECOND;
  uint64_t next = 0;
  int heard = 0;
  for (int left = 5; left > 0;) {
    const uint64_t now = natkit_monotonic_ns();
    size_t size = 0;
    if (now > end) {
      Check(NATKIT_ERR_TIMED_OUT, "no path");
    }
    if (now >= next) {
      next = now + 200 * NATKIT_MILLISECOND;
      left -= natkit_agent_send(agent, "hello", 5) == NATKIT_OK && heard;
    }
    Wait(200);
    if (natkit_hub_receive(hub, NULL, data, sizeof data, &size) == 1 &&
        !heard) {
      printf("received: %.*s\n", (int)size, data);
      heard = 1;
    }
  }
}

int main(int argc, char** argv) {
  natkit_hub_config config;
  natkit_address servers[16];
  size_t count = 0;
  natkit_init(&config);
  for (int i = 1; i < argc && count < 16; ++i) {
    Check(natkit_address_parse(argv[i], &servers[count++]), argv[i]);
  }
  Check(natkit_hub_new(&config, &hub), "open sockets");
  Check(natkit_hub_set_stun_servers(hub, servers, count), "STUN servers");
  Check(natkit_agent_new(hub, NULL, &agent), "agent");
  PrintDescription();
  ReadDescription();
  Exchange();
  natkit_agent_free(agent);
  natkit_hub_free(hub);
  return 0;
}
