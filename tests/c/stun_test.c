/* natkit/stun.h: clients and transactions against a server, in virtual time. */
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"

#define MS NATKIT_MILLISECOND

static natkit_address server_address;
static natkit_address outside_address;

static void FillWithCount(void* context, uint8_t* out, size_t size) {
  memset(out, ++*(uint8_t*)context, size);
}

static natkit_stun_client* NewClient(const natkit_stun_client_config* config) {
  natkit_stun_client* client = NULL;
  CHECK_EQ(natkit_stun_client_new(config, &client), 0);
  CHECK(client != NULL);
  return client;
}

static natkit_stun_client_config ClientConfig(void) {
  natkit_stun_client_config config;
  natkit_init(&config);
  config.server = server_address;
  return config;
}

static natkit_stun_server* NewServer(const natkit_stun_server_config* config) {
  natkit_stun_server* server = NULL;
  CHECK_EQ(natkit_stun_server_new(config, &server), 0);
  return server;
}

static natkit_stun_server_config ServerConfig(void) {
  natkit_stun_server_config config;
  natkit_init(&config);
  return config;
}

/* Runs a client against a server until its event; every hop takes 10 ms. */
static natkit_stun_event Ask(natkit_stun_client* client,
                             natkit_stun_server* server) {
  uint8_t request[1500];
  uint8_t response[NATKIT_STUN_MAX_RESPONSE_SIZE];
  natkit_address to;
  natkit_stun_reply reply;
  natkit_stun_event event;
  static uint64_t now = NATKIT_SECOND;
  natkit_init(&event);
  CHECK_EQ(natkit_stun_client_start(client, now), 0);
  for (int i = 0; i < 100; ++i) {
    if (natkit_stun_client_poll_event(client, &event) == 1) {
      return event;
    }
    const int size =
        natkit_stun_client_poll_transmit(client, &to, request, sizeof request);
    CHECK(size >= 0);
    if (size == 0) {
      CHECK_EQ(natkit_stun_client_next_timeout(client, &now), 1);
      CHECK_EQ(natkit_stun_client_handle_timeout(client, now), 0);
      continue;
    }
    const int answer = natkit_stun_server_handle_datagram(
        server, now + 10 * MS, &to, &outside_address, request, (size_t)size,
        &reply, response, sizeof response);
    CHECK(answer >= 0);
    if (answer > 0) {
      now += 20 * MS;
      CHECK_EQ(natkit_address_equal(&reply.to, &outside_address), 1);
      CHECK_EQ(natkit_stun_client_handle_datagram(client, now, &reply.from,
                                                  response, (size_t)answer),
               1);
    }
  }
  fprintf(stderr, "the client does not end\n");
  exit(1);
}

static void LearnsTheReflexiveAddress(void) {
  const natkit_stun_client_config config = ClientConfig();
  const natkit_stun_server_config server_config = ServerConfig();
  natkit_stun_client* client = NewClient(&config);
  natkit_stun_server* server = NewServer(&server_config);
  uint64_t deadline = 0;
  CHECK_EQ(natkit_stun_client_next_timeout(client, &deadline), 0);
  /* A client may ask again and again. */
  for (int i = 0; i < 2; ++i) {
    const natkit_stun_event event = Ask(client, server);
    CHECK_EQ(event.outcome, NATKIT_STUN_OUTCOME_SUCCESS);
    CHECK_EQ(event.error_code, 0);
    CHECK_EQ(natkit_address_equal(&event.reflexive_address, &outside_address),
             1);
    CHECK_EQ(natkit_address_equal(&event.server, &server_address), 1);
    CHECK_EQ(event.alternate_server.family, NATKIT_FAMILY_NONE);
    CHECK_EQ(event.rtt_ns, 20 * MS);
    CHECK_EQ(event.is_verified, 0);
    CHECK_EQ(event.is_alg_detected, 0);
    CHECK_EQ(natkit_stun_client_next_timeout(client, &deadline), 0);
  }
  natkit_stun_client_free(client);
  natkit_stun_server_free(server);
}

static void SendsOnScheduleAndGivesUp(void) {
  static const uint64_t expected[] = {0,    500,   1500,  3500,
                                      7500, 15500, 31500, 39500};
  natkit_stun_client_config config = ClientConfig();
  natkit_stun_client* client = NewClient(&config);
  uint8_t request[1500];
  uint8_t first[1500];
  natkit_address to;
  natkit_stun_event event;
  uint64_t now = 0;
  natkit_init(&event);
  CHECK_EQ(natkit_stun_client_start(client, 0), 0);
  int first_size = 0;
  for (size_t i = 0; i < 7; ++i) {
    CHECK_EQ(now, expected[i] * MS);
    const int size =
        natkit_stun_client_poll_transmit(client, &to, request, sizeof request);
    CHECK(size > 0);
    CHECK_EQ(natkit_address_equal(&to, &server_address), 1);
    if (i == 0) {
      first_size = size;
      memcpy(first, request, sizeof first);
    }
    CHECK_EQ(size, first_size);
    CHECK(memcmp(first, request, (size_t)size) == 0);
    CHECK_EQ(
        natkit_stun_client_poll_transmit(client, &to, request, sizeof request),
        0);
    CHECK_EQ(natkit_stun_client_poll_event(client, &event), 0);
    CHECK_EQ(natkit_stun_client_next_timeout(client, &now), 1);
    CHECK_EQ(natkit_stun_client_handle_timeout(client, now), 0);
  }
  CHECK_EQ(now, expected[7] * MS);
  CHECK_EQ(natkit_stun_client_poll_event(client, &event), 1);
  CHECK_EQ(event.outcome, NATKIT_STUN_OUTCOME_TIMED_OUT);
  CHECK_EQ(event.rtt_ns, 0);
  CHECK_EQ(event.reflexive_address.family, NATKIT_FAMILY_NONE);
  natkit_stun_client_free(client);
  /* The same with a schedule of the caller's. */
  config.schedule.initial_timeout_ns = 100 * MS;
  config.schedule.max_interval_ns = 150 * MS;
  config.schedule.request_count = 3;
  config.schedule.final_wait_ns = 1000 * MS;
  client = NewClient(&config);
  CHECK_EQ(natkit_stun_client_start(client, 0), 0);
  static const uint64_t own[] = {0, 100, 250, 1250};
  now = 0;
  for (size_t i = 0; i < 3; ++i) {
    CHECK_EQ(now, own[i] * MS);
    CHECK(natkit_stun_client_poll_transmit(client, &to, request,
                                           sizeof request) > 0);
    CHECK_EQ(natkit_stun_client_next_timeout(client, &now), 1);
    CHECK_EQ(natkit_stun_client_handle_timeout(client, now), 0);
  }
  CHECK_EQ(now, own[3] * MS);
  CHECK_EQ(natkit_stun_client_poll_event(client, &event), 1);
  natkit_stun_client_free(client);
}

static void CheckLogin(natkit_stun_client_config* config,
                       const natkit_stun_server_config* server_config) {
  natkit_stun_server* server = NewServer(server_config);
  config->username = "alice";
  config->password = "wonderland";
  natkit_stun_client* client = NewClient(config);
  natkit_stun_event event = Ask(client, server);
  CHECK_EQ(event.outcome, NATKIT_STUN_OUTCOME_SUCCESS);
  CHECK_EQ(event.is_verified, 1);
  natkit_stun_client_free(client);
  config->password = "looking-glass";
  client = NewClient(config);
  event = Ask(client, server);
  CHECK(event.outcome != NATKIT_STUN_OUTCOME_SUCCESS);
  CHECK_EQ(event.is_verified, 0);
  natkit_stun_client_free(client);
  natkit_stun_server_free(server);
}

static void ProvesBothKindsOfCredentials(void) {
  static const natkit_stun_user users[] = {{"bob", "builder"},
                                           {"alice", "wonderland"}};
  natkit_stun_client_config config = ClientConfig();
  natkit_stun_server_config server_config = ServerConfig();
  server_config.users = users;
  server_config.user_count = 2;
  CheckLogin(&config, &server_config);
  config.mechanism = NATKIT_STUN_LONG_TERM;
  server_config.mechanism = NATKIT_STUN_LONG_TERM;
  server_config.realm = "example.org";
  for (uint32_t i = NATKIT_STUN_ALGORITHMS_ALL;
       i <= NATKIT_STUN_ALGORITHMS_RFC5389; ++i) {
    server_config.algorithms = i;
    CheckLogin(&config, &server_config);
  }
  /* A server that knows MD5 alone is not good enough for everyone. */
  config.refuses_md5 = 1;
  config.password = "wonderland";
  natkit_stun_client* client = NewClient(&config);
  natkit_stun_server* server = NewServer(&server_config);
  CHECK_EQ(Ask(client, server).outcome, NATKIT_STUN_OUTCOME_BID_DOWN);
  natkit_stun_client_free(client);
  natkit_stun_server_free(server);
}

static void FollowsRedirectsOfServersItTrusts(void) {
  static const natkit_stun_user users[] = {{"alice", "wonderland"}};
  natkit_stun_client_config config = ClientConfig();
  natkit_stun_server_config server_config = ServerConfig();
  server_config.users = users;
  server_config.user_count = 1;
  CHECK_EQ(natkit_address_parse("198.51.100.9:3478",
                                &server_config.alternate_server),
           0);
  config.username = "alice";
  config.password = "wonderland";
  natkit_stun_client* client = NewClient(&config);
  natkit_stun_server* server = NewServer(&server_config);
  natkit_stun_event event = Ask(client, server);
  CHECK_EQ(event.outcome, NATKIT_STUN_OUTCOME_ERROR_RESPONSE);
  CHECK_EQ(event.error_code, 300);
  CHECK_EQ(event.is_verified, 1);
  CHECK_EQ(natkit_address_equal(&event.alternate_server,
                                &server_config.alternate_server),
           1);
  natkit_stun_client_free(client);
  /* The server there points to itself, and a client does not turn in circles;
   * what matters is who was asked last. */
  config.follows_redirects = 1;
  client = NewClient(&config);
  event = Ask(client, server);
  CHECK_EQ(natkit_address_equal(&event.server, &server_config.alternate_server),
           1);
  natkit_stun_client_free(client);
  natkit_stun_server_free(server);
}

static int RequestSize(const natkit_stun_client_config* config,
                       natkit_stun_header* header, uint8_t* out,
                       size_t capacity) {
  natkit_stun_client* client = NewClient(config);
  natkit_address to;
  CHECK_EQ(natkit_stun_client_start(client, 0), 0);
  const int size = natkit_stun_client_poll_transmit(client, &to, out, capacity);
  CHECK_EQ(natkit_stun_parse(out, (size_t)size, header), 0);
  natkit_stun_client_free(client);
  return size;
}

static void KnowsTheFormsOfRequests(void) {
  natkit_stun_client_config config = ClientConfig();
  natkit_stun_header header;
  uint8_t buffer[1500];
  char software[32];
  uint8_t count = 0;
  const natkit_random random = {FillWithCount, &count};
  config.random = &random;
  config.software = "test";
  config.sends_fingerprint = 1;
  int size = RequestSize(&config, &header, buffer, sizeof buffer);
  CHECK_EQ(header.has_fingerprint, 1);
  CHECK_EQ(header.id[0], 1);
  CHECK_EQ(header.id[11], 1);
  CHECK_EQ(natkit_stun_get_text(buffer, (size_t)size, NATKIT_STUN_SOFTWARE,
                                software, sizeof software),
           4);
  const int filled = size;
  config.no_filler = 1;
  CHECK(RequestSize(&config, &header, buffer, sizeof buffer) < filled);
  config = ClientConfig();
  config.server_kind = NATKIT_STUN_SERVER_DERP;
  size = RequestSize(&config, &header, buffer, sizeof buffer);
  CHECK_EQ(size, 40);
  CHECK_EQ(header.has_fingerprint, 1);
  CHECK_EQ(natkit_stun_get_text(buffer, (size_t)size, NATKIT_STUN_SOFTWARE,
                                software, sizeof software),
           8);
  CHECK(strcmp(software, "tailnode") == 0);
  config.server_kind = NATKIT_STUN_SERVER_RFC3489;
  CHECK_EQ(RequestSize(&config, &header, buffer, sizeof buffer), 20);
}

static void KeepsADatagramThatDoesNotFit(void) {
  const natkit_stun_client_config config = ClientConfig();
  natkit_stun_client* client = NewClient(&config);
  uint8_t buffer[1500];
  natkit_address to;
  uint64_t deadline = 0;
  memset(buffer, 0xee, sizeof buffer);
  CHECK_EQ(natkit_stun_client_start(client, 7 * MS), 0);
  CHECK_EQ(natkit_stun_client_poll_transmit(client, &to, buffer, 19),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(buffer[0], 0xee);
  CHECK_EQ(natkit_stun_client_next_timeout(client, &deadline), 1);
  CHECK_EQ(deadline, 7 * MS);
  const int size =
      natkit_stun_client_poll_transmit(client, &to, buffer, sizeof buffer);
  CHECK(size >= 20);
  CHECK_EQ(buffer[size], 0xee);
  CHECK_EQ(natkit_stun_client_next_timeout(client, &deadline), 1);
  CHECK_EQ(deadline, 507 * MS);
  /* Cancel takes back what stayed. */
  CHECK_EQ(natkit_stun_client_start(client, 8 * MS), 0);
  CHECK_EQ(natkit_stun_client_poll_transmit(client, &to, buffer, 0),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_stun_client_cancel(client), 0);
  CHECK_EQ(natkit_stun_client_poll_transmit(client, &to, buffer, sizeof buffer),
           0);
  CHECK_EQ(natkit_stun_client_next_timeout(client, &deadline), 0);
  natkit_stun_client_free(client);
}

static void ClientsIgnoreWhatIsNotForThem(void) {
  const natkit_stun_client_config config = ClientConfig();
  natkit_stun_client* client = NewClient(&config);
  static const uint8_t garbage[40] = {0x01, 0x01};
  CHECK_EQ(natkit_stun_client_start(client, 0), 0);
  CHECK_EQ(natkit_stun_client_handle_datagram(client, 0, &server_address,
                                              garbage, sizeof garbage),
           0);
  CHECK_EQ(
      natkit_stun_client_handle_datagram(client, 0, &server_address, NULL, 0),
      0);
  natkit_stun_client_free(client);
}

static natkit_stun_transaction_config TransactionConfig(const uint8_t* request,
                                                        int size) {
  natkit_stun_transaction_config config;
  natkit_init(&config);
  config.server = server_address;
  config.request = request;
  config.request_size = (size_t)size;
  return config;
}

/* A Binding request of user "alice" with attribute 0x7001, if that is wanted.
 */
static int BuildRequest(uint8_t* out, size_t capacity,
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

/* Sends the request to the server and its response back. */
static void Exchange(natkit_stun_transaction* transaction,
                     natkit_stun_server* server) {
  uint8_t request[512];
  uint8_t response[NATKIT_STUN_MAX_RESPONSE_SIZE];
  natkit_address to;
  natkit_stun_reply reply;
  CHECK_EQ(natkit_stun_transaction_start(transaction, 0), 0);
  CHECK_EQ(natkit_stun_transaction_start(transaction, 0),
           NATKIT_ERR_INVALID_STATE);
  const int size = natkit_stun_transaction_poll_transmit(
      transaction, &to, request, sizeof request);
  CHECK(size > 0);
  const int answer = natkit_stun_server_handle_datagram(
      server, 0, &to, &outside_address, request, (size_t)size, &reply, response,
      sizeof response);
  CHECK(answer > 0);
  CHECK_EQ(natkit_stun_transaction_handle_datagram(
               transaction, 5 * MS, &outside_address, response, (size_t)answer),
           0);
  CHECK_EQ(natkit_stun_transaction_handle_datagram(
               transaction, 5 * MS, &reply.from, response, (size_t)answer),
           1);
}

static void TransactionsGiveTheResponse(void) {
  static const natkit_stun_user users[] = {{"alice", "wonderland"}};
  natkit_stun_server_config server_config = ServerConfig();
  natkit_stun_transaction* transaction = NULL;
  natkit_stun_event event;
  natkit_stun_key key;
  natkit_address mapped;
  uint8_t request[512];
  uint8_t response[1500];
  size_t size = 0;
  uint64_t deadline = 0;
  server_config.users = users;
  server_config.user_count = 1;
  natkit_stun_server* server = NewServer(&server_config);
  CHECK_EQ(natkit_stun_make_short_term_key("wonderland", &key), 0);
  natkit_stun_transaction_config config = TransactionConfig(
      request, BuildRequest(request, sizeof request, &key, 0));
  config.key = &key;
  CHECK_EQ(natkit_stun_transaction_new(&config, &transaction), 0);
  Exchange(transaction, server);
  natkit_init(&event);
  CHECK_EQ(natkit_stun_transaction_poll_event(transaction, &event, response, 3,
                                              &size),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK(size > 20);
  CHECK_EQ(event.outcome, 0);
  CHECK_EQ(natkit_stun_transaction_next_timeout(transaction, &deadline), 1);
  CHECK_EQ(deadline, 5 * MS);
  CHECK_EQ(natkit_stun_transaction_poll_event(transaction, &event, response,
                                              sizeof response, &size),
           1);
  CHECK_EQ(event.outcome, NATKIT_STUN_OUTCOME_SUCCESS);
  CHECK_EQ(event.is_verified, 1);
  CHECK_EQ(event.rtt_ns, 5 * MS);
  CHECK_EQ(natkit_address_equal(&event.server, &server_address), 1);
  CHECK_EQ(natkit_stun_get_mapped_address(response, size, &mapped), 0);
  CHECK_EQ(natkit_address_equal(&mapped, &outside_address), 1);
  CHECK_EQ(natkit_stun_transaction_poll_event(transaction, &event, response,
                                              sizeof response, &size),
           0);
  CHECK_EQ(natkit_stun_transaction_next_timeout(transaction, &deadline), 0);
  natkit_stun_transaction_free(transaction);
  natkit_stun_server_free(server);
}

static void TransactionsTellErrors(void) {
  const natkit_stun_server_config server_config = ServerConfig();
  natkit_stun_server* server = NewServer(&server_config);
  natkit_stun_transaction* transaction = NULL;
  natkit_stun_event event;
  uint8_t request[512];
  uint8_t response[1500];
  size_t size = 0;
  uint16_t types[4];
  natkit_init(&event);
  const natkit_stun_transaction_config config = TransactionConfig(
      request, BuildRequest(request, sizeof request, NULL, 1));
  CHECK_EQ(natkit_stun_transaction_new(&config, &transaction), 0);
  Exchange(transaction, server);
  CHECK_EQ(natkit_stun_transaction_poll_event(transaction, &event, response,
                                              sizeof response, &size),
           1);
  CHECK_EQ(event.outcome, NATKIT_STUN_OUTCOME_ERROR_RESPONSE);
  CHECK_EQ(event.error_code, 420);
  CHECK_EQ(natkit_stun_get_types(response, size, types, 4), 1);
  CHECK_EQ(types[0], 0x7001);
  natkit_stun_transaction_free(transaction);
  natkit_stun_server_free(server);
}

static void ServersWithoutAPortAreAskedAtStuns(void) {
  uint8_t request[512];
  uint8_t sent[1500];
  natkit_address to;
  natkit_stun_transaction* transaction = NULL;
  natkit_stun_client_config config = ClientConfig();
  natkit_stun_transaction_config one = TransactionConfig(
      request, BuildRequest(request, sizeof request, NULL, 0));
  config.server.port = 0;
  one.server.port = 0;
  natkit_stun_client* client = NewClient(&config);
  CHECK_EQ(natkit_stun_transaction_new(&one, &transaction), 0);
  CHECK_EQ(natkit_stun_client_start(client, 0), 0);
  CHECK_EQ(natkit_stun_transaction_start(transaction, 0), 0);
  CHECK(natkit_stun_client_poll_transmit(client, &to, sent, sizeof sent) > 0);
  CHECK_EQ(to.port, NATKIT_STUN_DEFAULT_PORT);
  CHECK(natkit_stun_transaction_poll_transmit(transaction, &to, sent,
                                              sizeof sent) > 0);
  CHECK_EQ(to.port, NATKIT_STUN_DEFAULT_PORT);
  natkit_stun_transaction_free(transaction);
  natkit_stun_client_free(client);
}

static void TransactionsTimeOut(void) {
  natkit_stun_transaction* transaction = NULL;
  natkit_stun_event event;
  natkit_address to;
  uint8_t request[64];
  uint8_t buffer[64];
  size_t size = 77;
  uint64_t now = 0;
  natkit_stun_transaction_config config = TransactionConfig(
      request, BuildRequest(request, sizeof request, NULL, 0));
  config.schedule.request_count = 2;
  natkit_init(&event);
  CHECK_EQ(natkit_stun_transaction_new(&config, &transaction), 0);
  CHECK_EQ(natkit_stun_transaction_start(transaction, 0), 0);
  CHECK_EQ(natkit_stun_transaction_poll_transmit(transaction, &to, buffer, 3),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  for (int i = 0; i < 2; ++i) {
    CHECK_EQ(natkit_stun_transaction_poll_transmit(transaction, &to, buffer,
                                                   sizeof buffer),
             20);
    CHECK(memcmp(buffer, request, 20) == 0);
    CHECK_EQ(natkit_stun_transaction_next_timeout(transaction, &now), 1);
    CHECK_EQ(natkit_stun_transaction_handle_timeout(transaction, now), 0);
  }
  CHECK_EQ(now, 8500 * MS);
  CHECK_EQ(
      natkit_stun_transaction_poll_event(transaction, &event, NULL, 0, &size),
      1);
  CHECK_EQ(event.outcome, NATKIT_STUN_OUTCOME_TIMED_OUT);
  CHECK_EQ(event.server.family, NATKIT_FAMILY_NONE);
  CHECK_EQ(size, 0);
  CHECK_EQ(natkit_stun_transaction_cancel(transaction), 0);
  natkit_stun_transaction_free(transaction);
}

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
  CHECK_EQ(natkit_address_parse("198.51.100.1:3478", &server_address), 0);
  CHECK_EQ(natkit_address_parse("203.0.113.7:41641", &outside_address), 0);
  RUN(LearnsTheReflexiveAddress);
  RUN(SendsOnScheduleAndGivesUp);
  RUN(ProvesBothKindsOfCredentials);
  RUN(FollowsRedirectsOfServersItTrusts);
  RUN(KnowsTheFormsOfRequests);
  RUN(KeepsADatagramThatDoesNotFit);
  RUN(ClientsIgnoreWhatIsNotForThem);
  RUN(TransactionsGiveTheResponse);
  RUN(TransactionsTellErrors);
  RUN(ServersWithoutAPortAreAskedAtStuns);
  RUN(TransactionsTimeOut);
  RUN(ClientConfigsAreChecked);
  RUN(ClientsRefuseMisuse);
  RUN(TransactionConfigsAreChecked);
  RUN(TransactionsRefuseMisuse);
  RUN(TwoCallsAtOnceAreRefused);
  return 0;
}
