/* natkit/stun_server.h: Binding, discovery, batches, streams, misuse. */
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"

static const uint8_t kId[NATKIT_STUN_ID_SIZE] = {1, 2, 3, 4,  5,  6,
                                                 7, 8, 9, 10, 11, 12};

static natkit_address Address(const char* text) {
  natkit_address address;
  CHECK_EQ(natkit_address_parse(text, &address), 0);
  return address;
}

static natkit_stun_server_config Config(void) {
  natkit_stun_server_config config;
  natkit_init(&config);
  return config;
}

static natkit_stun_server* NewServer(const natkit_stun_server_config* config) {
  natkit_stun_server* server = NULL;
  CHECK_EQ(natkit_stun_server_new(config, &server), 0);
  return server;
}

/* A Binding request with CHANGE-REQUEST unless `change` is 0. */
static size_t Request(uint8_t* out, size_t capacity, uint32_t change) {
  static const uint8_t filler[100] = {0};
  natkit_stun_builder builder;
  natkit_stun_begin(&builder, out, capacity, NATKIT_STUN_REQUEST,
                    NATKIT_STUN_BINDING, kId);
  if (change != 0) {
    natkit_stun_add_u32(&builder, NATKIT_STUN_CHANGE_REQUEST, change);
    natkit_stun_add(&builder, 0xda70, filler, sizeof filler);
  }
  const int size = natkit_stun_finish(&builder);
  CHECK(size >= 20);
  return (size_t)size;
}

static natkit_stun_counters Counters(natkit_stun_server* server) {
  natkit_stun_counters counters;
  natkit_init(&counters);
  CHECK_EQ(natkit_stun_server_get_counters(server, &counters), 0);
  return counters;
}

static void AnswersBindingRequests(void) {
  natkit_stun_server_config config = Config();
  config.software = "test";
  natkit_stun_server* server = NewServer(&config);
  const natkit_address local = Address("198.51.100.1:3478");
  const natkit_address from = Address("[2001:db8::7]:41641");
  natkit_address mapped;
  natkit_stun_reply reply;
  uint8_t request[256];
  uint8_t out[NATKIT_STUN_MAX_RESPONSE_SIZE];
  char software[8];
  const size_t size = Request(request, sizeof request, 0);
  const int answer = natkit_stun_server_handle_datagram(
      server, 0, &local, &from, request, size, &reply, out, sizeof out);
  CHECK(answer > 20);
  CHECK_EQ(natkit_address_equal(&reply.from, &local), 1);
  CHECK_EQ(natkit_address_equal(&reply.to, &from), 1);
  CHECK_EQ(natkit_stun_get_mapped_address(out, (size_t)answer, &mapped), 0);
  CHECK_EQ(natkit_address_equal(&mapped, &from), 1);
  CHECK_EQ(natkit_stun_get_text(out, (size_t)answer, NATKIT_STUN_SOFTWARE,
                                software, sizeof software),
           4);
  /* Its own answers do not count as questions, nor does garbage. */
  uint8_t again[NATKIT_STUN_MAX_RESPONSE_SIZE];
  CHECK_EQ(natkit_stun_server_handle_datagram(server, 0, &local, &from, out,
                                              (size_t)answer, &reply, again,
                                              sizeof again),
           0);
  CHECK_EQ(natkit_stun_server_handle_datagram(server, 0, &local, &from, NULL, 0,
                                              &reply, again, sizeof again),
           0);
  /* Where it arrived need not be known. */
  CHECK_EQ(
      natkit_stun_server_handle_datagram(server, 0, NULL, &from, request, size,
                                         &reply, again, sizeof again),
      answer);
  CHECK_EQ(reply.from.family, NATKIT_FAMILY_NONE);
  const natkit_stun_counters counters = Counters(server);
  CHECK_EQ(counters.received, 4);
  CHECK_EQ(counters.answered, 2);
  CHECK_EQ(counters.not_a_request, 1);
  CHECK_EQ(counters.not_stun, 1);
  CHECK_EQ(counters.sent_bytes, 2 * answer);
  natkit_stun_server_free(server);
}

static void AnswersFromItsOtherAddress(void) {
  static const struct {
    uint32_t change;
    const char* from;
  } cases[] = {{2, "198.51.100.1:3479"},
               {4, "198.51.100.2:3478"},
               {6, "198.51.100.2:3479"}};

  natkit_stun_server_config config = Config();
  natkit_stun_endpoints endpoints = {
      Address("198.51.100.1:3478"), Address("198.51.100.2:3479"), {0}, {0}};
  endpoints.advertised_other = Address("192.0.2.2");
  config.endpoint_sets = &endpoints;
  config.endpoint_set_count = 1;
  natkit_stun_server* server = NewServer(&config);
  const natkit_address from = Address("203.0.113.7:41641");
  const natkit_address other = Address("192.0.2.2:3479");
  uint8_t request[256];
  uint8_t out[NATKIT_STUN_MAX_RESPONSE_SIZE];
  natkit_stun_reply reply;
  natkit_address told;
  for (size_t i = 0; i < 3; ++i) {
    const natkit_address expected = Address(cases[i].from);
    const size_t size = Request(request, sizeof request, cases[i].change);
    const int answer = natkit_stun_server_handle_datagram(
        server, 0, &endpoints.primary, &from, request, size, &reply, out,
        sizeof out);
    CHECK(answer > 20);
    CHECK_EQ(natkit_address_equal(&reply.from, &expected), 1);
    CHECK_EQ(natkit_address_equal(&reply.to, &from), 1);
    CHECK_EQ(natkit_stun_get_address(out, (size_t)answer,
                                     NATKIT_STUN_OTHER_ADDRESS, &told),
             0);
    CHECK_EQ(natkit_address_equal(&told, &other), 1);
  }
  CHECK_EQ(Counters(server).changed, 3);
  natkit_stun_server_free(server);
}

static void LimitsWhatASourceMayAsk(void) {
  natkit_stun_server_config config = Config();
  config.requests_per_second = 1;
  config.request_burst = 2;
  const natkit_address from = Address("203.0.113.7:41641");
  uint8_t request[64];
  uint8_t out[NATKIT_STUN_MAX_RESPONSE_SIZE];
  natkit_stun_reply reply;
  const size_t size = Request(request, sizeof request, 0);
  static const uint64_t when[] = {0, 0, 0, NATKIT_SECOND};
  for (uint32_t no_limit = 0; no_limit < 2; ++no_limit) {
    config.no_rate_limit = no_limit;
    natkit_stun_server* server = NewServer(&config);
    for (size_t i = 0; i < 4; ++i) {
      const int answer = natkit_stun_server_handle_datagram(
          server, when[i], NULL, &from, request, size, &reply, out, sizeof out);
      CHECK_EQ(answer > 0, i != 2 || no_limit);
    }
    CHECK_EQ(Counters(server).rate_limited, no_limit ? 0 : 1);
    natkit_stun_server_free(server);
  }
}

static void AnswersBatches(void) {
  const natkit_stun_server_config config = Config();
  natkit_stun_server* server = NewServer(&config);
  static uint8_t memory[3 * NATKIT_STUN_MAX_RESPONSE_SIZE + 8];
  uint8_t request[64];
  uint8_t garbage[8] = {0};
  natkit_packet requests[3];
  natkit_packet replies[4];
  natkit_batch batch;
  memset(requests, 0, sizeof requests);
  const size_t size = Request(request, sizeof request, 0);
  for (uint32_t i = 0; i < 3; ++i) {
    requests[i].data = i == 1 ? garbage : request;
    requests[i].size = i == 1 ? sizeof garbage : size;
    requests[i].remote = Address("203.0.113.7:41641");
    requests[i].remote.port = (uint16_t)(1000 + i);
    requests[i].local = Address("198.51.100.1:3478");
    requests[i].peer = i + 10;
  }
  natkit_init(&batch);
  batch.memory = memory;
  batch.memory_size = sizeof memory;
  batch.memory_used = 8;
  batch.packets = replies;
  batch.packet_capacity = 4;
  batch.packet_count = 1;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, requests, 3, &batch), 2);
  CHECK_EQ(batch.packet_count, 3);
  CHECK(replies[1].data == memory + 8);
  CHECK(replies[2].data == memory + 8 + replies[1].size);
  CHECK_EQ(batch.memory_used, 8 + replies[1].size + replies[2].size);
  CHECK_EQ(replies[1].peer, 10);
  CHECK_EQ(replies[2].peer, 12);
  CHECK_EQ(replies[2].remote.port, 1002);
  CHECK_EQ(natkit_address_equal(&replies[2].local, &requests[2].local), 1);
  natkit_address mapped;
  CHECK_EQ(
      natkit_stun_get_mapped_address(replies[2].data, replies[2].size, &mapped),
      0);
  CHECK_EQ(mapped.port, 1002);
  /* Too little room: nothing happens. */
  const natkit_batch full = batch;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, requests, 2, &batch),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  batch.packet_count = 0;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, requests, 3, &batch),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(batch.memory_used, full.memory_used);
  CHECK_EQ(Counters(server).received, 3);
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, NULL, 0, &batch), 0);
  natkit_stun_server_free(server);
}

static void RequestsAreApartFromReplies(void) {
  const natkit_stun_server_config config = Config();
  natkit_stun_server* server = NewServer(&config);
  static uint8_t memory[2 * NATKIT_STUN_MAX_RESPONSE_SIZE];
  uint8_t request[64];
  natkit_packet packets[2];
  natkit_batch batch;
  memset(packets, 0, sizeof packets);
  packets[0].data = request;
  packets[0].size = Request(request, sizeof request, 0);
  packets[0].remote = Address("203.0.113.7:41641");
  packets[1] = packets[0];
  natkit_init(&batch);
  batch.memory = memory;
  batch.memory_size = sizeof memory;
  batch.packets = packets;
  batch.packet_capacity = 2;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, packets, 2, &batch),
           NATKIT_ERR_BAD_ARGUMENT);
  batch.packet_count = 1;
  batch.memory_size = NATKIT_STUN_MAX_RESPONSE_SIZE;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, packets + 1, 1, &batch),
           NATKIT_ERR_BAD_ARGUMENT);
  /* What is there already may be a request. */
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, packets, 1, &batch), 1);
  /* Where descriptions go, and in the structure itself. */
  packets[0].data = (uint8_t*)&packets[1];
  batch.packet_count = 1;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, packets, 1, &batch),
           NATKIT_ERR_BAD_ARGUMENT);
  packets[0].data = (uint8_t*)&batch;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, packets, 1, &batch),
           NATKIT_ERR_BAD_ARGUMENT);
  packets[0].data = request;
  batch.memory = (uint8_t*)&batch;
  batch.memory_used = 0;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, packets, 1, &batch),
           NATKIT_ERR_BAD_ARGUMENT);
  batch.memory = memory;
  /* No datagram is so long. */
  packets[0].size = 65536;
  batch.packet_count = 1;
  batch.memory_used = 0;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, packets, 1, &batch),
           NATKIT_ERR_BAD_ARGUMENT);
  natkit_stun_server_free(server);
}

static void BatchesRefuseMisuse(void) {
  const natkit_stun_server_config config = Config();
  natkit_stun_server* server = NewServer(&config);
  static uint8_t memory[NATKIT_STUN_MAX_RESPONSE_SIZE];
  natkit_packet request;
  natkit_packet reply;
  natkit_batch good;
  memset(&request, 0, sizeof request);
  request.remote = Address("203.0.113.7:41641");
  natkit_init(&good);
  good.memory = memory;
  good.memory_size = sizeof memory;
  good.packets = &reply;
  good.packet_capacity = 1;
  natkit_batch batch = good;
  const int bad = NATKIT_ERR_BAD_ARGUMENT;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, NULL, 1, &batch), bad);
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, NULL), bad);
  batch.struct_size = 8;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, &batch),
           NATKIT_ERR_STRUCT_SIZE);
  batch = good;
  batch.memory_used = sizeof memory + 1;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, &batch),
           bad);
  batch = good;
  batch.packet_count = 2;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, &batch),
           bad);
  batch = good;
  batch.memory = NULL;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, &batch),
           bad);
  batch = good;
  batch.packets = NULL;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, &batch),
           bad);
  batch = good;
  request.size = 20;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, &batch),
           bad);
  request.data = memory + 100;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, &batch),
           bad);
  request.size = 0;
  request.reserved = 1;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, &batch),
           bad);
  request.reserved = 0;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, &batch), 0);
  request.remote.family = 0;
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, &request, 1, &batch),
           bad);
  CHECK_EQ(Counters(server).received, 1);
  natkit_stun_server_free(server);
}

static void AnswersStreams(void) {
  const natkit_stun_server_config config = Config();
  natkit_stun_server* server = NewServer(&config);
  const natkit_address from = Address("203.0.113.7:41641");
  uint8_t request[64];
  uint8_t out[NATKIT_STUN_MAX_RESPONSE_SIZE];
  const size_t size = Request(request, sizeof request, 0);
  CHECK_EQ(natkit_stun_server_handle_stream(server, 0, NULL, &from, request,
                                            size, out, sizeof out),
           32);
  request[0] = 0x01;
  CHECK_EQ(natkit_stun_server_handle_stream(server, 0, NULL, &from, request,
                                            size, out, sizeof out),
           0);
  CHECK_EQ(natkit_stun_server_handle_stream(server, 0, NULL, &from, request,
                                            size, out, sizeof out - 1),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_stun_server_handle_stream(server, 0, NULL, NULL, request,
                                            size, out, sizeof out),
           NATKIT_ERR_BAD_ARGUMENT);
  natkit_stun_server_free(server);
}

static int Try(const natkit_stun_server_config* config) {
  natkit_stun_server* server = NULL;
  const int code = natkit_stun_server_new(config, &server);
  CHECK_EQ(server != NULL, code == 0);
  natkit_stun_server_free(server);
  return code;
}

static void ConfigsAreChecked(void) {
  static char long_text[200];
  static const natkit_stun_user half = {"alice", NULL};
  static const natkit_stun_user bad_name = {"\xff", "x"};
  static const natkit_random none = {NULL, NULL};
  const natkit_stun_server_config good = Config();
  natkit_stun_server_config config = good;

  struct {
    natkit_stun_server_config config;
    uint8_t later[16];
  } longer;

  const int bad = NATKIT_ERR_BAD_ARGUMENT;
  memset(long_text, 'x', sizeof long_text - 1);
  CHECK_EQ(Try(NULL), bad);
  CHECK_EQ(natkit_stun_server_new(&good, NULL), bad);
  config.struct_size -= 1;
  CHECK_EQ(Try(&config), NATKIT_ERR_STRUCT_SIZE);
  memset(&longer, 0, sizeof longer);
  longer.config = good;
  longer.config.struct_size = sizeof longer;
  CHECK_EQ(Try(&longer.config), 0);
  longer.later[0] = 1;
  CHECK_EQ(Try(&longer.config), NATKIT_ERR_UNSUPPORTED);
#define REFUSES(field, value, code) \
  config = good;                    \
  config.field = (value);           \
  CHECK_EQ(Try(&config), code)
  REFUSES(software, long_text, bad);
  REFUSES(amplification, 3, bad);
  REFUSES(mechanism, 2, bad);
  REFUSES(mechanism, NATKIT_STUN_LONG_TERM, bad); /* no realm */
  REFUSES(algorithms, 3, bad);
  REFUSES(user_count, 1, bad);
  REFUSES(nonce_lifetime_ns, UINT64_MAX, bad);
  REFUSES(alternate_server.family, 5, bad);
  REFUSES(requests_per_second, UINT32_MAX, bad);
  REFUSES(request_burst, UINT32_MAX, bad);
  REFUSES(endpoint_set_count, 1, bad);
  REFUSES(endpoint_set_count, 17, bad);
  REFUSES(response_port_interval_ns, UINT64_MAX, bad);
  REFUSES(response_port_burst, UINT32_MAX, bad);
  REFUSES(table_size, UINT32_MAX, bad);
  REFUSES(random, &none, bad);
#undef REFUSES
  config = good;
  config.user_count = 1;
  config.users = &half;
  CHECK_EQ(Try(&config), bad);
  config.users = &bad_name;
  CHECK_EQ(Try(&config), NATKIT_ERR_BAD_ENCODING);
  config.user_count = SIZE_MAX;
  CHECK_EQ(Try(&config), bad);
  config = good;
  config.mechanism = NATKIT_STUN_LONG_TERM;
  config.realm = "";
  CHECK_EQ(Try(&config), bad);
  config.realm = long_text;
  CHECK_EQ(Try(&config), bad);
  config.realm = long_text + sizeof long_text - 1 - 127;
  CHECK_EQ(Try(&config), 0);
  config.users = &half;
  config.user_count = 1;
  CHECK_EQ(Try(&config), bad);
}

static void EndpointsAreChecked(void) {
  static const char* const wrong[][2] = {
      {"198.51.100.1:3478", "198.51.100.1:3479"},
      {"198.51.100.1:3478", "198.51.100.2:3478"},
      {"198.51.100.1:3478", "[2001:db8::1]:3479"}};
  natkit_stun_server_config config = Config();
  natkit_stun_endpoints endpoints;
  memset(&endpoints, 0, sizeof endpoints);
  config.endpoint_sets = &endpoints;
  config.endpoint_set_count = 1;
  CHECK_EQ(Try(&config), NATKIT_ERR_BAD_ARGUMENT);
  for (size_t i = 0; i < 3; ++i) {
    endpoints.primary = Address(wrong[i][0]);
    endpoints.other = Address(wrong[i][1]);
    CHECK_EQ(Try(&config), NATKIT_ERR_BAD_ARGUMENT);
  }
  endpoints.other = Address("198.51.100.2:3479");
  CHECK_EQ(Try(&config), 0);
  endpoints.advertised_other.family = 9;
  CHECK_EQ(Try(&config), NATKIT_ERR_BAD_ARGUMENT);
}

static void RefusesMisuse(void) {
  const natkit_stun_server_config config = Config();
  natkit_stun_server* server = NewServer(&config);
  const natkit_address from = Address("203.0.113.7:41641");
  const natkit_address unset = {0};
  natkit_address odd = from;
  uint8_t request[64];
  uint8_t out[NATKIT_STUN_MAX_RESPONSE_SIZE];
  natkit_stun_reply reply;
  natkit_stun_counters counters;
  const size_t size = Request(request, sizeof request, 0);
  const int bad = NATKIT_ERR_BAD_ARGUMENT;
  const int gone = NATKIT_ERR_BAD_HANDLE;
  odd.family = 9;
#define HANDLE(local, from, data, size, out, capacity, reply)            \
  natkit_stun_server_handle_datagram(server, 0, (local), (from), (data), \
                                     (size), (reply), (out), (capacity))
  CHECK_EQ(HANDLE(NULL, NULL, request, size, out, sizeof out, &reply), bad);
  CHECK_EQ(HANDLE(NULL, &unset, request, size, out, sizeof out, &reply), bad);
  CHECK_EQ(HANDLE(&odd, &from, request, size, out, sizeof out, &reply), bad);
  CHECK_EQ(HANDLE(NULL, &from, NULL, size, out, sizeof out, &reply), bad);
  CHECK_EQ(HANDLE(NULL, &from, request, size, NULL, sizeof out, &reply), bad);
  CHECK_EQ(HANDLE(NULL, &from, request, size, out, sizeof out, NULL), bad);
  CHECK_EQ(HANDLE(NULL, &from, out + 9, 20, out, sizeof out, &reply), bad);
  CHECK_EQ(HANDLE(NULL, &from, request, size, out, sizeof out - 1, &reply),
           NATKIT_ERR_BUFFER_TOO_SMALL);
#undef HANDLE
  CHECK_EQ(Counters(server).received, 0);
  CHECK_EQ(natkit_stun_server_get_counters(server, NULL), bad);
  natkit_init_struct(&counters, sizeof counters - 1);
  CHECK_EQ(natkit_stun_server_get_counters(server, &counters),
           NATKIT_ERR_STRUCT_SIZE);
  CHECK_EQ(natkit_stun_client_cancel((natkit_stun_client*)server), gone);
  natkit_stun_server_free(server);
  natkit_stun_server_free(server);
  natkit_stun_server_free(NULL);
  natkit_init(&counters);
  CHECK_EQ(natkit_stun_server_get_counters(server, &counters), gone);
  CHECK_EQ(natkit_stun_server_handle_datagram(server, 0, NULL, &from, request,
                                              size, &reply, out, sizeof out),
           gone);
  CHECK_EQ(natkit_stun_server_handle_stream(server, 0, NULL, &from, request,
                                            size, out, sizeof out),
           gone);
  CHECK_EQ(natkit_stun_server_handle_batch(server, 0, NULL, 0, NULL), gone);
}

int main(void) {
  RUN(AnswersBindingRequests);
  RUN(AnswersFromItsOtherAddress);
  RUN(LimitsWhatASourceMayAsk);
  RUN(AnswersBatches);
  RUN(RequestsAreApartFromReplies);
  RUN(BatchesRefuseMisuse);
  RUN(AnswersStreams);
  RUN(ConfigsAreChecked);
  RUN(EndpointsAreChecked);
  RUN(RefusesMisuse);
  return 0;
}
