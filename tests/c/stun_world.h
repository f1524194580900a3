/* What the tests of natkit/stun.h have in common. */
#ifndef NATKIT_TESTS_C_STUN_WORLD_H_
#define NATKIT_TESTS_C_STUN_WORLD_H_

#include "check.h"
#include "natkit/natkit.h"

#define MS NATKIT_MILLISECOND

static natkit_address server_address;
static natkit_address outside_address;

/* To be called first. */
static inline void SetAddresses(void) {
  CHECK_EQ(natkit_address_parse("198.51.100.1:3478", &server_address), 0);
  CHECK_EQ(natkit_address_parse("203.0.113.7:41641", &outside_address), 0);
}

static inline natkit_stun_client* NewClient(
    const natkit_stun_client_config* config) {
  natkit_stun_client* client = NULL;
  CHECK_EQ(natkit_stun_client_new(config, &client), 0);
  CHECK(client != NULL);
  return client;
}

static inline natkit_stun_client_config ClientConfig(void) {
  natkit_stun_client_config config;
  natkit_init(&config);
  config.server = server_address;
  return config;
}

static inline natkit_stun_server* NewServer(
    const natkit_stun_server_config* config) {
  natkit_stun_server* server = NULL;
  CHECK_EQ(natkit_stun_server_new(config, &server), 0);
  return server;
}

static inline natkit_stun_server_config ServerConfig(void) {
  natkit_stun_server_config config;
  natkit_init(&config);
  return config;
}

static inline natkit_stun_transaction_config TransactionConfig(
    const uint8_t* request, int size) {
  natkit_stun_transaction_config config;
  natkit_init(&config);
  config.server = server_address;
  config.request = request;
  config.request_size = (size_t)size;
  return config;
}

/* A Binding request of user "alice" with attribute 0x7001, if that is wanted.
 */
static inline int BuildRequest(uint8_t* out, size_t capacity,
                               const natkit_stun_key* key, int has_unknown) {
  uint8_t id[NATKIT_STUN_ID_SIZE];
  natkit_stun_builder builder;
  CHECK_EQ(natkit_stun_make_id(NULL, id), 0);
  natkit_stun_begin(&builder, out, capacity, NATKIT_STUN_REQUEST,
                    NATKIT_STUN_BINDING, id);
  if (has_unknown) {
    natkit_stun_add_u32(&builder, 0x7001, 5);
  }
  if (key != NULL) {
    natkit_stun_add_text(&builder, NATKIT_STUN_USERNAME, "alice");
    natkit_stun_add_integrity(&builder, key, NATKIT_STUN_HMAC_SHA256);
  }
  const int size = natkit_stun_finish(&builder);
  CHECK(size > 0);
  return size;
}

#endif
