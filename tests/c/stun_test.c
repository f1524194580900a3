/* natkit/stun.h: clients against a server, in virtual time. */
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"
#include "stun_world.h"

static void FillWithCount(void* context, uint8_t* out, size_t size) {
  memset(out, ++*(uint8_t*)context, size);
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

int main(void) {
  SetAddresses();
  RUN(LearnsTheReflexiveAddress);
  RUN(SendsOnScheduleAndGivesUp);
  RUN(ProvesBothKindsOfCredentials);
  RUN(FollowsRedirectsOfServersItTrusts);
  RUN(KnowsTheFormsOfRequests);
  RUN(KeepsADatagramThatDoesNotFit);
  RUN(ClientsIgnoreWhatIsNotForThem);
  return 0;
}
