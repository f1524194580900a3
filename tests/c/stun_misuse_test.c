/* natkit/stun.h: what clients and transactions refuse. */
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"
#include "stun_world.h"

static int TryClient(const natkit_stun_client_config* config) {
  natkit_stun_client* client = NULL;
  const int code = natkit_stun_client_new(config, &client);
  CHECK_EQ(client != NULL, code == 0);
  natkit_stun_client_free(client);
  return code;
}

static void ClientConfigsAreChecked(void) {
  static char long_text[5000];

  struct {
    natkit_stun_client_config config;
    uint8_t later[16];
  } longer;

  const natkit_random none = {NULL, NULL};
  const natkit_stun_client_config good = ClientConfig();
  natkit_stun_client_config config = good;
  memset(long_text, 'x', sizeof long_text - 1);
  CHECK_EQ(TryClient(NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_client_new(&good, NULL), NATKIT_ERR_BAD_ARGUMENT);
  config.struct_size = sizeof config - 1;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_STRUCT_SIZE);
  memset(&longer, 0, sizeof longer);
  longer.config = good;
  longer.config.struct_size = sizeof longer;
  CHECK_EQ(TryClient(&longer.config), 0);
  longer.later[15] = 1;
  CHECK_EQ(TryClient(&longer.config), NATKIT_ERR_UNSUPPORTED);
  config = good;
  config.server.family = 0;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.server_kind = 3;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.software = long_text;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.username = "x";
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config.password = "";
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_LENGTH);
  config.password = long_text;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_LENGTH);
  config.password = "p";
  CHECK_EQ(TryClient(&config), 0);
  config.username = NULL;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config.username = long_text + 4000;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_LENGTH);
  config.username = "\xff";
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ENCODING);
  config.username = "x";
  config.mechanism = 2;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good; /* which has no user */
  config.mechanism = 2;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.server.reserved = 1;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.schedule.reserved = 1;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.random = &none;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.schedule.initial_timeout_ns = UINT64_MAX;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.schedule.max_interval_ns = UINT64_MAX;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.schedule.final_wait_ns = UINT64_MAX;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.schedule.request_count = 101;
  CHECK_EQ(TryClient(&config), NATKIT_ERR_BAD_ARGUMENT);
}

static void ClientsRefuseMisuse(void) {
  const natkit_stun_client_config config = ClientConfig();
  natkit_stun_client* client = NewClient(&config);
  const natkit_address unset = {0};
  uint8_t buffer[64] = {0};
  natkit_address to;
  natkit_stun_event event;
  uint64_t deadline;
  const int bad = NATKIT_ERR_BAD_ARGUMENT;
  CHECK_EQ(natkit_stun_client_start(client, UINT64_MAX), bad);
  CHECK_EQ(natkit_stun_client_handle_timeout(client, UINT64_C(1) << 62), bad);
  CHECK_EQ(natkit_stun_client_handle_datagram(client, 0, NULL, buffer, 64),
           bad);
  CHECK_EQ(natkit_stun_client_handle_datagram(client, 0, &unset, buffer, 64),
           bad);
  CHECK_EQ(
      natkit_stun_client_handle_datagram(client, 0, &server_address, NULL, 64),
      bad);
  CHECK_EQ(natkit_stun_client_poll_transmit(client, NULL, buffer, 64), bad);
  CHECK_EQ(natkit_stun_client_poll_transmit(client, &to, NULL, 64), bad);
  CHECK_EQ(natkit_stun_client_poll_event(client, NULL), bad);
  natkit_init_struct(&event, sizeof event - 1);
  CHECK_EQ(natkit_stun_client_poll_event(client, &event),
           NATKIT_ERR_STRUCT_SIZE);
  CHECK_EQ(natkit_stun_client_next_timeout(client, NULL), bad);
  /* A handle of another type. */
  CHECK_EQ(natkit_stun_server_get_counters((natkit_stun_server*)client, NULL),
           NATKIT_ERR_BAD_HANDLE);
  natkit_stun_client_free(client);
  natkit_stun_client_free(client);
  natkit_stun_client_free(NULL);
  const int gone = NATKIT_ERR_BAD_HANDLE;
  natkit_init(&event);
  CHECK_EQ(natkit_stun_client_start(client, 0), gone);
  CHECK_EQ(natkit_stun_client_cancel(client), gone);
  CHECK_EQ(natkit_stun_client_handle_timeout(client, 0), gone);
  CHECK_EQ(natkit_stun_client_handle_datagram(client, 0, &server_address,
                                              buffer, 64),
           gone);
  CHECK_EQ(natkit_stun_client_poll_transmit(client, &to, buffer, 64), gone);
  CHECK_EQ(natkit_stun_client_poll_event(client, &event), gone);
  CHECK_EQ(natkit_stun_client_next_timeout(client, &deadline), gone);
  CHECK_EQ(natkit_stun_client_start(NULL, 0), gone);
}

static int TryTransaction(const natkit_stun_transaction_config* config) {
  natkit_stun_transaction* transaction = NULL;
  const int code = natkit_stun_transaction_new(config, &transaction);
  CHECK_EQ(transaction != NULL, code == 0);
  natkit_stun_transaction_free(transaction);
  return code;
}

static void TransactionConfigsAreChecked(void) {
  uint8_t request[64];
  uint16_t understood[129] = {0};
  natkit_stun_key key;

  struct {
    natkit_stun_transaction_config config;
    uint8_t later[16];
  } longer;

  memset(&key, 0, sizeof key);
  const natkit_stun_transaction_config good = TransactionConfig(
      request, BuildRequest(request, sizeof request, NULL, 0));
  natkit_stun_transaction_config config = good;
  CHECK_EQ(TryTransaction(&good), 0);
  CHECK_EQ(TryTransaction(NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_transaction_new(&good, NULL), NATKIT_ERR_BAD_ARGUMENT);
  config.struct_size -= 1;
  CHECK_EQ(TryTransaction(&config), NATKIT_ERR_STRUCT_SIZE);
  memset(&longer, 0, sizeof longer);
  longer.config = good;
  longer.config.struct_size = sizeof longer;
  CHECK_EQ(TryTransaction(&longer.config), 0);
  longer.later[0] = 1;
  CHECK_EQ(TryTransaction(&longer.config), NATKIT_ERR_UNSUPPORTED);
  config = good;
  config.request = NULL;
  CHECK_EQ(TryTransaction(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.request_size = 19;
  CHECK_EQ(TryTransaction(&config), NATKIT_ERR_TRUNCATED);
  config = good;
  config.server.family = 7;
  CHECK_EQ(TryTransaction(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.key = &key;
  CHECK_EQ(TryTransaction(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.mechanism = 2;
  CHECK_EQ(TryTransaction(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.understood_count = 1;
  CHECK_EQ(TryTransaction(&config), NATKIT_ERR_BAD_ARGUMENT);
  config.understood = understood;
  config.understood_count = 129;
  CHECK_EQ(TryTransaction(&config), NATKIT_ERR_BAD_ARGUMENT);
  config.understood_count = 128;
  CHECK_EQ(TryTransaction(&config), 0);
  config = good;
  config.schedule.request_count = 101;
  CHECK_EQ(TryTransaction(&config), NATKIT_ERR_BAD_ARGUMENT);
  request[0] = 1; /* a response */
  CHECK_EQ(TryTransaction(&good), NATKIT_ERR_BAD_VALUE);
}

static void TransactionsRefuseMisuse(void) {
  uint8_t request[64];
  uint8_t buffer[64];
  natkit_address to;
  natkit_stun_event event;
  size_t size = 0;
  uint64_t deadline = 0;
  const int bad = NATKIT_ERR_BAD_ARGUMENT;
  const int gone = NATKIT_ERR_BAD_HANDLE;
  natkit_stun_transaction* transaction = NULL;
  const natkit_stun_transaction_config config = TransactionConfig(
      request, BuildRequest(request, sizeof request, NULL, 0));
  CHECK_EQ(natkit_stun_transaction_new(&config, &transaction), 0);
  natkit_init(&event);
  CHECK_EQ(natkit_stun_transaction_start(transaction, UINT64_MAX), bad);
  CHECK_EQ(
      natkit_stun_transaction_handle_datagram(transaction, 0, NULL, buffer, 1),
      bad);
  CHECK_EQ(natkit_stun_transaction_handle_datagram(transaction, 0,
                                                   &server_address, NULL, 1),
           bad);
  CHECK_EQ(natkit_stun_transaction_poll_transmit(transaction, NULL, buffer, 64),
           bad);
  CHECK_EQ(natkit_stun_transaction_poll_transmit(transaction, &to, NULL, 64),
           bad);
  CHECK_EQ(
      natkit_stun_transaction_poll_event(transaction, NULL, buffer, 64, &size),
      bad);
  CHECK_EQ(
      natkit_stun_transaction_poll_event(transaction, &event, NULL, 64, &size),
      bad);
  CHECK_EQ(
      natkit_stun_transaction_poll_event(transaction, &event, buffer, 64, NULL),
      bad);
  CHECK_EQ(natkit_stun_transaction_next_timeout(transaction, NULL), bad);
  CHECK_EQ(natkit_stun_client_start((natkit_stun_client*)transaction, 0), gone);
  natkit_stun_transaction_free(transaction);
  natkit_stun_transaction_free(transaction);
  natkit_stun_transaction_free(NULL);
  CHECK_EQ(natkit_stun_transaction_start(transaction, 0), gone);
  CHECK_EQ(natkit_stun_transaction_cancel(transaction), gone);
  CHECK_EQ(natkit_stun_transaction_handle_timeout(transaction, 0), gone);
  CHECK_EQ(natkit_stun_transaction_handle_datagram(transaction, 0,
                                                   &server_address, buffer, 1),
           gone);
  CHECK_EQ(natkit_stun_transaction_poll_transmit(transaction, &to, buffer, 64),
           gone);
  CHECK_EQ(natkit_stun_transaction_poll_event(transaction, &event, buffer, 64,
                                              &size),
           gone);
  CHECK_EQ(natkit_stun_transaction_next_timeout(transaction, &deadline), gone);
}

struct intruder {
  natkit_stun_client* client;
  int here;
  int in_other_thread;
};

static void* StartInThread(void* context) {
  struct intruder* const intruder = context;
  intruder->in_other_thread = natkit_stun_client_start(intruder->client, 0);
  return NULL;
}

static void UseWhileInUse(void* context, uint8_t* out, size_t size) {
  struct intruder* const intruder = context;
  pthread_t thread;
  memset(out, 1, size);
  intruder->here = natkit_stun_client_handle_timeout(intruder->client, 0);
  CHECK_EQ(pthread_create(&thread, NULL, StartInThread, intruder), 0);
  CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void FreeWhileInUse(void* context, uint8_t* out, size_t size) {
  struct intruder* const intruder = context;
  memset(out, 1, size);
  natkit_stun_client_free(intruder->client);
}

static void TwoCallsAtOnceAreRefused(void) {
  struct intruder intruder = {NULL, 0, 0};
  natkit_random random = {UseWhileInUse, &intruder};
  natkit_stun_client_config config = ClientConfig();
  config.random = &random;
  intruder.client = NewClient(&config);
  CHECK_EQ(natkit_stun_client_start(intruder.client, 0), 0);
  CHECK_EQ(intruder.here, NATKIT_ERR_BUSY);
  CHECK_EQ(intruder.in_other_thread, NATKIT_ERR_BUSY);
  natkit_stun_client_free(intruder.client);
  random.fill = FreeWhileInUse;
  intruder.client = NewClient(&config);
  CHECK_EQ(natkit_stun_client_start(intruder.client, 0), 0);
  CHECK_EQ(natkit_stun_client_start(intruder.client, 0), NATKIT_ERR_BAD_HANDLE);
}

int main(void) {
  SetAddresses();
  RUN(ClientConfigsAreChecked);
  RUN(ClientsRefuseMisuse);
  RUN(TransactionConfigsAreChecked);
  RUN(TransactionsRefuseMisuse);
  RUN(TwoCallsAtOnceAreRefused);
  return 0;
}
