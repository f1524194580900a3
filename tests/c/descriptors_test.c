/* A process that has no descriptors left: hubs and checks say so. Each attempt
 * is made in a process of its own, in which nothing was set up before. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "natkit/natkit.h"

enum { kPlenty = 64 };

static void Limit(int descriptors) {
  struct rlimit limit;
  CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = (rlim_t)descriptors;
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* 1 if there was a hub, which dials a relay that is not there. */
static int TriesHub(int descriptors) {
  natkit_hub_config config;
  natkit_relay relay;
  natkit_address address;
  natkit_hub* hub = NULL;
  natkit_agent* agent = NULL;
  int code = 0;
  Limit(descriptors);
  natkit_init(&config);
  code = natkit_hub_new(&config, &hub);
  if (code != 0) {
    CHECK_EQ(code, NATKIT_ERR_LIMIT_EXCEEDED);
    CHECK(hub == NULL);
    return 0;
  }
  natkit_init(&relay);
  CHECK_EQ(natkit_address_parse("127.0.0.1", &address), 0);
  relay.host = "relay.example";
  relay.addresses = &address;
  relay.address_count = 1;
  relay.port = 9;
  relay.is_plain = 1;
  CHECK_EQ(natkit_hub_add_relay(hub, &relay), 0);
  CHECK_EQ(natkit_agent_new(hub, NULL, &agent), 0);
  for (int i = 0; i < 3; ++i) {
    CHECK_EQ(natkit_hub_process(hub), 0);
  }
  natkit_hub_free(hub);
  return 1;
}

/* 1 if there was a check. */
static int TriesCheck(int descriptors) {
  natkit_behavior_config config;
  natkit_behavior* behavior = NULL;
  natkit_nat_check* check = NULL;
  natkit_address server;
  natkit_address local;
  int code = 0;
  CHECK_EQ(natkit_address_parse("127.0.0.1:9", &server), 0);
  CHECK_EQ(natkit_get_local_address(&server, &local), 0);
  natkit_init(&config);
  config.servers = &server;
  config.server_count = 1;
  config.local_addresses = &local;
  config.local_address_count = 1;
  CHECK_EQ(natkit_behavior_new(&config, &behavior), 0);
  Limit(descriptors);
  code = natkit_nat_check_new(behavior, &check);
  if (code != 0) {
    CHECK_EQ(code, NATKIT_ERR_LIMIT_EXCEEDED);
    /* Nothing has begun: with descriptors it can be tried again. */
    Limit(kPlenty);
    CHECK_EQ(natkit_nat_check_new(behavior, &check), 0);
    natkit_nat_check_free(check);
    return 0;
  }
  CHECK_EQ(natkit_nat_check_process(check), 0);
  natkit_nat_check_free(check);
  natkit_behavior_free(behavior);
  return 1;
}

static int InAProcess(int (*tries)(int), int descriptors) {
  int status = 0;
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    _exit(10 + tries(descriptors));
  }
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 10 || WEXITSTATUS(status) == 11);
  return WEXITSTATUS(status) - 10;
}

static void TryAll(int (*tries)(int)) {
  CHECK_EQ(InAProcess(tries, 3), 0);
  CHECK_EQ(InAProcess(tries, kPlenty), 1);
  for (int descriptors = 4; descriptors < 24; ++descriptors) {
    (void)InAProcess(tries, descriptors);
  }
}

static void HubsNeedDescriptors(void) {
  TryAll(TriesHub);
}

static void ChecksNeedDescriptors(void) {
  TryAll(TriesCheck);
}

int main(void) {
  RUN(HubsNeedDescriptors);
  RUN(ChecksNeedDescriptors);
  return 0;
}
