/* natkit/agent.h: two hubs on this host's loopback addresses, and misuse. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent_side.h"
#include "check.h"
#include "natkit/natkit.h"

static int CountThreads(void) {
  DIR* const tasks = opendir("/proc/self/task");
  int count = 0;
  CHECK(tasks != NULL);
  for (struct dirent* entry = readdir(tasks); entry != NULL;
       entry = readdir(tasks)) {
    count += entry->d_name[0] != '.';
  }
  closedir(tasks);
  return count;
}

static void TwoAgentsConnectAndTalk(void) {
  struct side a;
  struct side b;
  natkit_path path;
  natkit_diagnosis why;
  natkit_hub_counters counters;
  void* user = NULL;
  Open(&a);
  Open(&b);
  CHECK_EQ(natkit_agent_get_state(a.agent), NATKIT_AGENT_STATE_NEW);
  CHECK_EQ(natkit_agent_send(a.agent, "early", 5), NATKIT_ERR_INVALID_STATE);
  CHECK_EQ(natkit_agent_get_user(a.agent, &user), 0);
  CHECK(user == &a);
  CHECK_EQ(natkit_agent_get_user(a.agent, NULL), NATKIT_ERR_BAD_ARGUMENT);
  Connect(&a, &b);
  CHECK_EQ(natkit_agent_get_state(a.agent), NATKIT_AGENT_STATE_CONNECTED);
  natkit_init(&path);
  CHECK_EQ(natkit_agent_get_path(a.agent, &path), 0);
  CHECK_EQ(path.kind, NATKIT_PATH_DIRECT);
  CHECK_EQ(path.remote.family, NATKIT_FAMILY_IPV4);
  natkit_init(&why);
  CHECK_EQ(natkit_agent_explain(a.agent, &why), 0);
  CHECK_EQ(why.reason, NATKIT_PATH_REASON_DIRECT);
  CHECK(why.summary[0] != '\0');
  CHECK_EQ(natkit_agent_send(a.agent, "hello", 5), 0);
  Run(&a, &b, &b.received, 1);
  CHECK(strcmp(b.last, "hello") == 0);
  CHECK_EQ(natkit_agent_send(b.agent, "", 0), 0);
  Run(&a, &b, &a.received, 1);
  CHECK(strcmp(a.last, "") == 0);
  CHECK(a.descriptions > 0 && a.states > 0);
  natkit_init(&counters);
  CHECK_EQ(natkit_hub_get_counters(b.hub, &counters), 0);
  CHECK_EQ(counters.received, 1);
  CHECK_EQ(counters.sent_direct, 1);
  CHECK_EQ(natkit_agent_restart(a.agent), 0);
  CHECK_EQ(CountThreads(), 1); /* natkit starts none */
  Close(&a);
  Close(&b);
}

static void SocketsMayBeTheCallers(void) {
  const int fd = BoundSocket(SOCK_DGRAM);
  struct sockaddr_in bound;
  socklen_t size = sizeof bound;
  natkit_address address;
  CHECK_EQ(getsockname(fd, (struct sockaddr*)&bound, &size), 0);
  natkit_hub* const hub = NewHub(&fd, 1);
  close(fd);
  CHECK_EQ(natkit_hub_get_local_addresses(hub, &address, 1), 1);
  CHECK_EQ(address.port, ntohs(bound.sin_port));
  CHECK_EQ(address.ip[0], 127);
  natkit_hub_free(hub);
}

static void OtherDescriptorsAreRefused(void) {
  natkit_hub_config config;
  natkit_hub* hub = NULL;
  int fds[3];
  natkit_init(&config);
  config.sockets = fds;
  config.socket_count = 1;
  fds[0] = BoundSocket(SOCK_STREAM);
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_UNSUPPORTED);
  close(fds[0]);
  fds[0] = -1;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_UNSUPPORTED);
  fds[0] = open("/dev/null", O_RDWR); /* no socket at all */
  CHECK(fds[0] >= 0);
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_UNSUPPORTED);
  close(fds[0]);
  fds[0] = BoundSocket(SOCK_DGRAM);
  fds[1] = BoundSocket(SOCK_DGRAM);
  config.socket_count = 2; /* two of one family */
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_UNSUPPORTED);
  close(fds[1]);
  fds[1] = socket(AF_INET6, SOCK_DGRAM, 0);
  if (fds[1] >= 0) { /* it carries IPv4 as well */
    struct sockaddr_in6 any;
    memset(&any, 0, sizeof any);
    any.sin6_family = AF_INET6;
    CHECK_EQ(bind(fds[1], (struct sockaddr*)&any, sizeof any), 0);
    CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_UNSUPPORTED);
    close(fds[1]);
  }
  config.socket_count = 3;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_ARGUMENT);
  config.socket_count = 1;
  config.sockets = NULL;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0); /* it is as it was */
  close(fds[0]);
  CHECK(hub == NULL);
}

static void InterfacesMayBeIgnored(void) {
  static const char* const names[] = {"nothing0", "lo"};
  static const char* const any[] = {"l*"};
  static const char* const too_long[] = {"a-name-of-17-byte"};
  natkit_hub_config config;
  natkit_address addresses[64];
  natkit_hub* hub = NULL;
  natkit_init(&config);
  config.flags = NATKIT_HUB_LOOPBACK;
  for (int round = 0; round < 2; ++round) {
    config.ignored_interfaces = round == 0 ? names : any;
    config.ignored_interface_count = round == 0 ? 2 : 1;
    CHECK_EQ(natkit_hub_new(&config, &hub), 0);
    const int count = natkit_hub_get_local_addresses(hub, addresses, 64);
    CHECK(count >= 0 && count <= 64);
    for (int i = 0; i < count; ++i) {
      CHECK(addresses[i].family != NATKIT_FAMILY_IPV4 ||
            addresses[i].ip[0] != 127);
    }
    natkit_hub_free(hub);
  }
  config.ignored_interfaces = too_long;
  config.ignored_interface_count = 1;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_ARGUMENT);
  config.ignored_interfaces = NULL;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_ARGUMENT);
}

static void AnUnsetSizeIsRefused(void) {
  struct side a;
  natkit_hub_event event;
  natkit_hub_config config;
  natkit_hub* hub = NULL;
  memset(&config, 0x55, sizeof config);
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_STRUCT_SIZE);
  Open(&a);
  memset(&event, 0x55, sizeof event);
  CHECK_EQ(natkit_hub_poll_event(a.hub, &event), NATKIT_ERR_STRUCT_SIZE);
  Close(&a);
}

static void APortInUseIsSaid(void) {
  natkit_hub_config config;
  natkit_hub* hub = NULL;
  natkit_hub* second = NULL;
  natkit_address address;
  natkit_init(&config);
  config.flags = NATKIT_HUB_LOOPBACK | NATKIT_HUB_NO_IPV6;
  CHECK_EQ(natkit_hub_new(&config, &hub), 0);
  CHECK(natkit_hub_get_local_addresses(hub, &address, 1) >= 1);
  config.port = address.port;
  CHECK_EQ(natkit_hub_new(&config, &second), NATKIT_ERR_ADDRESS_IN_USE);
  natkit_hub_free(hub);
  CHECK_EQ(natkit_hub_new(&config, &second), 0);
  natkit_hub_free(second);
}

static void ConfigurationsAreChecked(void) {
  natkit_hub_config config;
  natkit_hub* hub = NULL;
  natkit_random random = {NULL, NULL};
  natkit_log log = {NULL, NULL};

  struct {
    natkit_hub_config known;
    uint64_t later;
  } newer;

  CHECK_EQ(natkit_hub_new(NULL, &hub), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config);
  CHECK_EQ(natkit_hub_new(&config, NULL), NATKIT_ERR_BAD_ARGUMENT);
  config.struct_size = offsetof(natkit_hub_config, agent_receive_buffer);
  CHECK_EQ(natkit_hub_new(&config, &hub), 0); /* of the first version */
  natkit_hub_free(hub);
  --config.struct_size;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_STRUCT_SIZE);
  natkit_init(&config);
  config.flags = 1u << 31;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config);
  config.power = 3;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config);
  config.random = &random;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config);
  config.log = &log;
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config);
  config.roots_pem = "no certificate";
  CHECK_EQ(natkit_hub_new(&config, &hub), NATKIT_ERR_BAD_CERTIFICATE);
  natkit_init_struct(&newer, sizeof newer);
  newer.later = 1;
  CHECK_EQ(natkit_hub_new(&newer.known, &hub), NATKIT_ERR_UNSUPPORTED);
  newer.later = 0;
  CHECK_EQ(natkit_hub_new(&newer.known, &hub), 0);
  natkit_hub_free(hub);
}

static void RelaysAreChecked(void) {
  natkit_hub* const hub = NewHub(NULL, 0);
  natkit_agent* agent = NULL;
  natkit_relay relay;
  natkit_address address;
  CHECK_EQ(natkit_address_parse("127.0.0.1:443", &address), 0);
  CHECK_EQ(natkit_hub_add_relay(hub, NULL), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&relay);
  relay.addresses = &address;
  relay.address_count = 1;
  relay.is_plain = 1;
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), NATKIT_ERR_BAD_ARGUMENT);
  relay.host = "localhost";
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), 0);
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), NATKIT_ERR_ALREADY_EXISTS);
  relay.name = "with space";
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), NATKIT_ERR_BAD_VALUE);
  relay.name = "second";
  relay.address_count = 0;
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), NATKIT_ERR_BAD_ARGUMENT);
  relay.address_count = 17;
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), NATKIT_ERR_BAD_ARGUMENT);
  relay.address_count = 1;
  relay.is_plain = 0;
  relay.certificate_name = "sha256-raw:00";
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), NATKIT_ERR_BAD_ENCODING);
  relay.certificate_name =
      "sha256-raw:"
      "0000000000000000000000000000000000000000000000000000000000000000";
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), 1);
  CHECK_EQ(natkit_agent_new(hub, NULL, &agent), 0);
  relay.name = "late";
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), NATKIT_ERR_INVALID_STATE);
  natkit_agent_free(agent);
  natkit_hub_free(hub);
}

static void AgentsAreChecked(void) {
  natkit_hub* const hub = NewHub(NULL, 0);
  natkit_agent_config config;
  natkit_agent* agent = NULL;
  natkit_agent* other = NULL;
  CHECK_EQ(natkit_agent_new(hub, NULL, NULL), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config);
  config.role = 3;
  CHECK_EQ(natkit_agent_new(hub, &config, &agent), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config);
  config.flags = 2;
  CHECK_EQ(natkit_agent_new(hub, &config, &agent), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config);
  config.struct_size = 8;
  CHECK_EQ(natkit_agent_new(hub, &config, &agent), NATKIT_ERR_STRUCT_SIZE);
  natkit_init(&config);
  CHECK_EQ(natkit_hub_get_public_key(hub, config.peer_key), 0);
  CHECK_EQ(natkit_agent_new(hub, &config, &agent), NATKIT_ERR_BAD_VALUE);
  config.peer_key[5] ^= 1;
  CHECK_EQ(natkit_agent_new(hub, &config, &agent), 0);
  CHECK_EQ(natkit_agent_new(hub, &config, &other), NATKIT_ERR_ALREADY_EXISTS);
  natkit_agent_free(agent);
  CHECK_EQ(natkit_agent_new(hub, &config, &agent), 0);
  natkit_agent_free(agent);
  natkit_hub_free(hub);
}

static void DescriptionsAreChecked(void) {
  static const char candidate[] =
      "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n";
  struct side a;
  char text[NATKIT_DESCRIPTION_SIZE];
  char* const many = malloc(20000);
  CHECK(many != NULL);
  memset(many, '\n', 19999);
  many[19999] = '\0';
  Open(&a);
  CHECK_EQ(natkit_agent_get_local_description(a.agent, text, 10),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_agent_get_local_description(a.agent, NULL, 0),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_agent_set_remote_description(a.agent, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_agent_set_remote_description(a.agent, "nonsense"),
           NATKIT_ERR_BAD_SIGNAL);
  CHECK_EQ(natkit_agent_set_remote_description(a.agent, many),
           NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(natkit_agent_set_remote_description(a.agent, candidate),
           NATKIT_ERR_INVALID_STATE);
  CHECK(natkit_agent_get_local_description(a.agent, text, sizeof text) > 0);
  CHECK_EQ(natkit_agent_set_remote_description(a.agent, text),
           NATKIT_ERR_BAD_VALUE);
  CHECK_EQ(natkit_agent_get_state(a.agent), NATKIT_AGENT_STATE_NEW);
  free(many);
  Close(&a);
}

static void TwoHubsHaveOneConnection(void) {
  struct side a;
  struct side b;
  struct side more_of_a;
  struct side more_of_b;
  char text[NATKIT_DESCRIPTION_SIZE];
  Open(&a);
  Open(&b);
  Join(&more_of_a, a.hub);
  Join(&more_of_b, b.hub);
  Connect(&a, &b);
  CHECK(natkit_agent_get_local_description(more_of_b.agent, text, sizeof text) >
        0);
  CHECK_EQ(natkit_agent_set_remote_description(more_of_a.agent, text),
           NATKIT_ERR_ALREADY_EXISTS);
  CHECK_EQ(natkit_agent_set_remote_description(more_of_b.agent, text),
           NATKIT_ERR_BAD_VALUE);
  natkit_agent_free(a.agent);
  CHECK_EQ(natkit_agent_set_remote_description(more_of_a.agent, text), 0);
  natkit_agent_free(more_of_a.agent);
  natkit_agent_free(more_of_b.agent);
  natkit_agent_free(b.agent);
  natkit_hub_free(a.hub);
  natkit_hub_free(b.hub);
}

static void WhatWasFreedIsRefused(void) {
  struct side a;
  natkit_hub_event event;
  natkit_path path;
  int ms = 0;
  size_t size = 0;
  natkit_init(&event);
  natkit_init(&path);
  Open(&a);
  natkit_hub_free(a.hub);
  CHECK_EQ(natkit_hub_process(a.hub), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_hub_get_fd(a.hub), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_hub_get_timeout(a.hub, &ms), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_hub_poll_event(a.hub, &event), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_hub_receive(a.hub, NULL, NULL, 0, &size),
           NATKIT_ERR_BAD_HANDLE);
  /* The agent outlives its hub, for nothing but to be freed. */
  CHECK_EQ(natkit_agent_send(a.agent, "x", 1), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_agent_get_path(a.agent, &path), NATKIT_ERR_BAD_HANDLE);
  natkit_agent_free(a.agent);
  CHECK_EQ(natkit_agent_get_state(a.agent), NATKIT_ERR_BAD_HANDLE);
  natkit_agent_free(a.agent);
  natkit_agent_free(NULL);
  natkit_hub_free(NULL);
  /* A handle of another type. */
  natkit_hub* const hub = NewHub(NULL, 0);
  CHECK_EQ(natkit_agent_restart((natkit_agent*)(void*)hub),
           NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_hub_process((natkit_hub*)(void*)&ms), NATKIT_ERR_BAD_HANDLE);
  natkit_hub_free(hub);
}

static void OutputsAreChecked(void) {
  struct side a;
  natkit_path path;
  natkit_diagnosis why;
  natkit_hub_event event;
  natkit_hub_counters counters;
  size_t size = 9;
  Open(&a);
  CHECK_EQ(natkit_hub_get_timeout(a.hub, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_hub_get_public_key(a.hub, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_hub_get_local_addresses(a.hub, NULL, 1),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK(natkit_hub_get_local_addresses(a.hub, NULL, 0) > 0);
  CHECK_EQ(natkit_hub_receive(a.hub, NULL, NULL, 0, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_hub_receive(a.hub, NULL, NULL, 1, &size),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(size, 9);
  CHECK_EQ(natkit_hub_poll_event(a.hub, NULL), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&event);
  event.struct_size = 8;
  CHECK_EQ(natkit_hub_poll_event(a.hub, &event), NATKIT_ERR_STRUCT_SIZE);
  natkit_init(&event);
  CHECK_EQ(natkit_hub_poll_event(a.hub, &event), 1); /* none was lost */
  CHECK_EQ(natkit_agent_get_path(a.agent, NULL), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&path);
  path.struct_size = 8;
  CHECK_EQ(natkit_agent_get_path(a.agent, &path), NATKIT_ERR_STRUCT_SIZE);
  natkit_init(&why);
  why.struct_size = 8;
  CHECK_EQ(natkit_agent_explain(a.agent, &why), NATKIT_ERR_STRUCT_SIZE);
  CHECK_EQ(natkit_agent_explain(a.agent, NULL), NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&counters);
  counters.struct_size = 8;
  CHECK_EQ(natkit_hub_get_counters(a.hub, &counters), NATKIT_ERR_STRUCT_SIZE);
  CHECK_EQ(natkit_agent_send(a.agent, NULL, 1), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_hub_set_stun_servers(a.hub, NULL, 1),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_hub_set_stun_servers(a.hub, NULL, 0), 0);
  Close(&a);
}

static void TooSmallBuffersLoseNothing(void) {
  struct side a;
  struct side b;
  char buffer[64];
  size_t size = 0;
  Open(&a);
  Open(&b);
  Connect(&a, &b);
  CHECK_EQ(natkit_agent_send(a.agent, "hello", 5), 0);
  const uint64_t deadline = natkit_monotonic_ns() + LIMIT;
  int got = 0;
  while (got == 0) {
    CHECK(natkit_monotonic_ns() < deadline);
    CHECK_EQ(natkit_hub_process(b.hub), 0);
    got = natkit_hub_receive(b.hub, NULL, buffer, 4, &size);
  }
  CHECK_EQ(got, NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(size, 5);
  CHECK_EQ(natkit_hub_receive(b.hub, NULL, buffer, 5, &size), 1);
  CHECK_EQ(size, 5);
  CHECK(memcmp(buffer, "hello", 5) == 0);
  CHECK_EQ(natkit_hub_receive(b.hub, NULL, buffer, 5, &size), 0);
  Close(&a);
  Close(&b);
}

struct reentry {
  natkit_hub* hub;
  int code;
  int calls;
};

static void CallBack(void* context, uint8_t* out, size_t size) {
  struct reentry* const seen = context;
  static uint8_t next = 1;
  for (size_t i = 0; i < size; ++i) {
    out[i] = next++;
  }
  ++seen->calls;
  if (seen->hub != NULL) {
    seen->code = natkit_hub_process(seen->hub);
  }
}

static void CallbacksMustNotUseTheirHub(void) {
  struct reentry seen = {NULL, 0, 0};
  const natkit_random random = {CallBack, &seen};
  natkit_hub_config config;
  natkit_agent* agent = NULL;
  natkit_init(&config);
  config.flags = NATKIT_HUB_LOOPBACK;
  config.random = &random;
  natkit_hub* hub = NULL;
  CHECK_EQ(natkit_hub_new(&config, &hub), 0);
  CHECK(seen.calls > 0); /* its key and more come from there */
  seen.hub = hub;
  CHECK_EQ(natkit_agent_new(hub, NULL, &agent), 0);
  CHECK_EQ(seen.code, NATKIT_ERR_BUSY);
  seen.hub = NULL;
  natkit_agent_free(agent);
  natkit_hub_free(hub);
}

static void* UseHub(void* context) {
  natkit_hub* const hub = context;
  for (int i = 0; i < 2000; ++i) {
    const int code = natkit_hub_process(hub);
    CHECK(code == 0 || code == NATKIT_ERR_BUSY);
  }
  return NULL;
}

static void SecondThreadsAreRefusedOrWait(void) {
  struct side a;
  pthread_t threads[3];
  Open(&a);
  for (int i = 0; i < 3; ++i) {
    CHECK_EQ(pthread_create(&threads[i], NULL, UseHub, a.hub), 0);
  }
  for (int i = 0; i < 200; ++i) {
    natkit_agent* agent = NULL;
    const int code = natkit_agent_new(a.hub, NULL, &agent);
    CHECK(code == 0 || code == NATKIT_ERR_BUSY);
    natkit_agent_free(agent); /* works while the hub is at work, too */
  }
  for (int i = 0; i < 3; ++i) {
    CHECK_EQ(pthread_join(threads[i], NULL), 0);
  }
  Close(&a);
}

/* Whatever has the number of the hub's descriptor afterwards stays. */
static void ADescriptorThatWasClosedIsSaid(void) {
  for (int round = 0; round < 3; ++round) {
    struct side a;
    Open(&a);
    CHECK_EQ(natkit_hub_process(a.hub), 0);
    const int fd = natkit_hub_get_fd(a.hub);
    CHECK(fd >= 0);
    CHECK_EQ(close(fd), 0);
    if (round != 0) {
      const int other = round == 1 ? BoundSocket(SOCK_DGRAM) : dup(0);
      CHECK(other >= 0);
      if (other != fd) {
        CHECK_EQ(dup2(other, fd), fd);
        close(other);
      }
    }
    CHECK_EQ(natkit_hub_process(a.hub), NATKIT_ERR_CLOSED);
    CHECK_EQ(natkit_hub_process(a.hub), NATKIT_ERR_CLOSED);
    CHECK_EQ(natkit_hub_get_fd(a.hub), NATKIT_ERR_CLOSED);
    TakeEvents(a.hub); /* of before */
    CHECK(a.descriptions > 0);
    Close(&a);
    if (round != 0) {
      CHECK_EQ(close(fd), 0);
    }
    CHECK_EQ(close(fd), -1);
  }
}

/* Not even process() may come between. */
static void ADescriptorThatWasClosedIsNotClosedAgain(void) {
  struct side a;
  Open(&a);
  const int fd = natkit_hub_get_fd(a.hub);
  CHECK_EQ(close(fd), 0);
  CHECK_EQ(dup2(0, fd), fd);
  Close(&a);
  CHECK_EQ(close(fd), 0);
}

static void RelaysHaveUsersToo(void) {
  natkit_hub* const hub = NewHub(NULL, 0);
  natkit_agent* agent = NULL;
  natkit_hub_event event;
  natkit_relay relay;
  natkit_address address;
  const uint64_t deadline = natkit_monotonic_ns() + LIMIT;
  const int nobody = BoundSocket(SOCK_STREAM); /* nobody listens there */
  struct sockaddr_in bound;
  socklen_t size = sizeof bound;
  CHECK_EQ(getsockname(nobody, (struct sockaddr*)&bound, &size), 0);
  CHECK_EQ(natkit_address_parse("127.0.0.1", &address), 0);
  natkit_init(&relay);
  relay.host = "localhost";
  relay.addresses = &address;
  relay.address_count = 1;
  relay.port = ntohs(bound.sin_port);
  relay.is_plain = 1;
  relay.user = &relay;
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), 0);
  CHECK_EQ(natkit_agent_new(hub, NULL, &agent), 0);
  natkit_init(&event);
  while (event.type != NATKIT_HUB_EVENT_RELAY) {
    CHECK(natkit_monotonic_ns() < deadline);
    CHECK_EQ(natkit_hub_process(hub), 0);
    (void)natkit_hub_poll_event(hub, &event);
  }
  CHECK(event.agent == NULL);
  CHECK(event.user == &relay);
  CHECK_EQ(event.relay, 0);
  CHECK_EQ(event.is_up, 0);
  CHECK(event.text[0] != '\0');
  natkit_agent_free(agent);
  natkit_hub_free(hub);
  close(nobody);
}

static void NamesAreLookedUp(void) {
  natkit_address addresses[4];
  CHECK_EQ(natkit_resolve("192.0.2.1", 443, addresses, 4), 1);
  CHECK_EQ(addresses[0].port, 443);
  CHECK_EQ(addresses[0].ip[0], 192);
  CHECK(natkit_resolve("localhost", 80, addresses, 4) >= 1);
  CHECK_EQ(natkit_resolve(NULL, 1, addresses, 4), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_resolve("192.0.2.1", 1, addresses, 0),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_resolve("192.0.2.1", 1, NULL, 4), NATKIT_ERR_BAD_ARGUMENT);
  CHECK(natkit_resolve("no such name", 1, addresses, 4) < 0);
}

int main(void) {
  RUN(TwoAgentsConnectAndTalk);
  RUN(SocketsMayBeTheCallers);
  RUN(OtherDescriptorsAreRefused);
  RUN(InterfacesMayBeIgnored);
  RUN(AnUnsetSizeIsRefused);
  RUN(APortInUseIsSaid);
  RUN(ConfigurationsAreChecked);
  RUN(RelaysAreChecked);
  RUN(AgentsAreChecked);
  RUN(DescriptionsAreChecked);
  RUN(TwoHubsHaveOneConnection);
  RUN(WhatWasFreedIsRefused);
  RUN(OutputsAreChecked);
  RUN(TooSmallBuffersLoseNothing);
  RUN(CallbacksMustNotUseTheirHub);
  RUN(SecondThreadsAreRefusedOrWait);
  RUN(ADescriptorThatWasClosedIsSaid);
  RUN(ADescriptorThatWasClosedIsNotClosedAgain);
  RUN(RelaysHaveUsersToo);
  RUN(NamesAreLookedUp);
  return 0;
}
