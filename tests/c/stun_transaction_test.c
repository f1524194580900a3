/* natkit/stun.h: transactions, in virtual time. */
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"
#include "stun_world.h"

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

int main(void) {
  SetAddresses();
  RUN(TransactionsGiveTheResponse);
  RUN(TransactionsTellErrors);
  RUN(ServersWithoutAPortAreAskedAtStuns);
  RUN(TransactionsTimeOut);
  return 0;
}
