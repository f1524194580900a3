/* What the examples agent_poll.c, agent_uv.c and agent_glib.c share: a hub with
 * one agent that meets its peer over a relay and goes on directly if it can.
 * How it sits in a loop is what they show. */
#ifndef CHAT_H_
#define CHAT_H_

#include <natkit/natkit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static natkit_hub* hub;
static natkit_agent* agent;

static void Check(int code, const char* what) {
  if (code < 0) {
    fprintf(stderr, "%s: %s\n", what, natkit_strerror(code));
    exit(1);
  }
}

static void AddRelay(const char* host, const char* port, const char* trust) {
  natkit_address addresses[8];
  natkit_relay relay;
  natkit_init(&relay);
  /* Blocks: a program that must not does this in a thread. */
  const int count = natkit_resolve(host, 0, addresses, 8);
  Check(count, host);
  relay.host = host;
  relay.port = (uint16_t)atoi(port);
  relay.addresses = addresses;
  relay.address_count = (size_t)count;
  if (strcmp(trust, "plain") == 0) {
    relay.is_plain = 1;
  } else if (strcmp(trust, "-") != 0) {
    relay.certificate_name = trust;
  }
  Check(natkit_hub_add_relay(hub, &relay), host);
}

/* Makes hub and agent of the command line. */
static void ChatOpen(int argc, char** argv) {
  natkit_hub_config config;
  natkit_agent_config peer;
  natkit_address servers[16];
  size_t count = 0;
  if (argc < 6) {
    fprintf(stderr,
            "usage: %s PRIVATE_KEY PEER_PUBLIC_KEY RELAY_HOST RELAY_PORT TRUST "
            "[STUN_SERVER:PORT...]\nTRUST: - (the system's certificates), "
            "sha256-raw:HEX (exactly this one), plain (no TLS)\n",
            argv[0]);
    exit(2);
  }
  natkit_init(&config);
  natkit_init(&peer);
  Check(natkit_key_parse(argv[1], config.private_key), "private key");
  Check(natkit_key_parse(argv[2], peer.peer_key), "peer's public key");
  Check(natkit_hub_new(&config, &hub), "open sockets");
  natkit_wipe(&config, sizeof config);
  AddRelay(argv[3], argv[4], argv[5]);
  for (int i = 6; i < argc && count < 16; ++i) {
    Check(natkit_address_parse(argv[i], &servers[count++]), argv[i]);
  }
  Check(natkit_hub_set_stun_servers(hub, servers, count), "STUN servers");
  Check(natkit_agent_new(hub, &peer, &agent), "agent");
}

static void PrintPath(const natkit_path* path) {
  char text[NATKIT_ADDRESS_TEXT_SIZE] = "";
  if (path->kind == NATKIT_PATH_DIRECT) {
    natkit_address_format(&path->remote, text, sizeof text);
  }
  printf("path %s %s\n",
         path->kind == NATKIT_PATH_DIRECT  ? "direct"
         : path->kind == NATKIT_PATH_RELAY ? "relay"
                                           : "none",
         text);
}

/* To be called when the hub's descriptor is readable or its time has come, and
 * after every other use of it; then ask for the time again. */
static void ChatProcess(void) {
  static char data[65536];
  natkit_hub_event event;
  size_t size = 0;
  natkit_init(&event);
  Check(natkit_hub_process(hub), "process");
  while (natkit_hub_poll_event(hub, &event) == 1) {
    if (event.type == NATKIT_HUB_EVENT_PATH) {
      PrintPath(&event.path);
    } else if (event.type == NATKIT_HUB_EVENT_RELAY && !event.is_up) {
      fprintf(stderr, "relay down: %s\n", event.text);
    }
  }
  while (natkit_hub_receive(hub, NULL, data, sizeof data, &size) == 1) {
    printf("< %.*s\n", (int)size, data);
  }
  fflush(stdout);
}

/* Sends what was typed; false at the end of the input. */
static int ChatTyped(void) {
  char line[1200];
  const ssize_t size = read(STDIN_FILENO, line, sizeof line);
  if (size <= 0) {
    return 0;
  }
  const size_t length = (size_t)size - (line[size - 1] == '\n');
  const int code = natkit_agent_send(agent, line, length);
  if (code < 0) {
    fprintf(stderr, "not sent: %s\n", natkit_strerror(code));
  }
  return 1;
}

static void ChatClose(void) {
  natkit_agent_free(agent);
  natkit_hub_free(hub);
}

#endif
