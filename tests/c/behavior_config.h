/* What the tests of natkit/behavior.h make discoveries with. */
#ifndef NATKIT_TESTS_C_BEHAVIOR_CONFIG_H_
#define NATKIT_TESTS_C_BEHAVIOR_CONFIG_H_

#include "check.h"
#include "natkit/natkit.h"

static natkit_address Address(const char* text) {
  natkit_address address;
  CHECK_EQ(natkit_address_parse(text, &address), 0);
  return address;
}

/* What `config` points to. */
static natkit_address servers[3];
static natkit_address locals[2];

static natkit_behavior_config Config(void) {
  natkit_behavior_config config;
  natkit_init(&config);
  servers[0] = Address("198.51.100.1:3478");
  servers[1] = Address("198.51.100.98:3478");
  servers[2] = Address("198.51.100.99:3478");
  locals[0] = Address("192.168.1.2");
  locals[1] = Address("192.168.1.3");
  config.servers = servers;
  config.server_count = 1;
  config.local_addresses = locals;
  config.local_address_count = 1;
  return config;
}

static natkit_behavior* New(const natkit_behavior_config* config) {
  natkit_behavior* behavior = NULL;
  CHECK_EQ(natkit_behavior_new(config, &behavior), 0);
  return behavior;
}

#endif
