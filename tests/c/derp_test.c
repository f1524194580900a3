/* natkit/derp.h: what is refused. The rest is in derp_door_test.cc. */
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"

static const uint8_t kPrivateKey[NATKIT_KEY_SIZE] = {1, 2, 3};

static natkit_derp_client_config Config(void) {
  natkit_derp_client_config config;
  natkit_init(&config);
  config.private_key = kPrivateKey;
  config.host = "relay.example";
  return config;
}

static natkit_derp_client* Open(void) {
  const natkit_derp_client_config config = Config();
  natkit_derp_client* client = NULL;
  CHECK_EQ(natkit_derp_client_new(&config, &client), 0);
  return client;
}

static void ARequestLeavesAtTheStart(void) {
  natkit_derp_client* const client = Open();
  char request[512];
  uint64_t due = 0;
  CHECK_EQ(natkit_derp_client_next_timeout(client, &due), 0);
  CHECK_EQ(natkit_derp_client_poll_transmit(client, 1, request, 512), 0);
  CHECK_EQ(natkit_derp_client_handle_bytes(client, 1, "early", 5), 0);
  CHECK_EQ(natkit_derp_client_send(client, 1, kPrivateKey, "x", 1),
           NATKIT_ERR_INVALID_STATE);
  CHECK_EQ(natkit_derp_client_start(client, 5, NULL), 0);
  CHECK_EQ(natkit_derp_client_start(client, 5, NULL), NATKIT_ERR_INVALID_STATE);
  CHECK_EQ(natkit_derp_client_next_timeout(client, &due), 1);
  CHECK_EQ(due, 10 * NATKIT_SECOND + 5);
  memset(request, 0, sizeof request);
  int size = 0;
  while (natkit_derp_client_has_output(client) == 1) {
    CHECK_EQ(natkit_derp_client_poll_transmit(client, 5, request + size, 1), 1);
    ++size;
  }
  CHECK(strncmp(request, "GET /derp HTTP/1.1\r\nHost: relay.example\r\n", 41) ==
        0);
  CHECK(strcmp(request + size - 4, "\r\n\r\n") == 0);
  natkit_derp_client_free(client);
}

static void ARelayThatIsNoneIsLeft(void) {
  natkit_derp_client* const client = Open();
  static const char kAnswer[] =
      "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  natkit_derp_event event;
  CHECK_EQ(natkit_derp_client_start(client, 5, NULL), 0);
  CHECK_EQ(
      natkit_derp_client_handle_bytes(client, 5, kAnswer, sizeof kAnswer - 1),
      0);
  natkit_init(&event);
  CHECK_EQ(natkit_derp_client_poll_event(client, &event, NULL, 0), 1);
  CHECK_EQ(event.type, NATKIT_DERP_EVENT_CLOSED);
  CHECK_EQ(event.reason, NATKIT_DERP_CLOSE_UPGRADE_REFUSED);
  CHECK_EQ(event.http_status, 404);
  CHECK_EQ(event.code, NATKIT_ERR_UPGRADE_REFUSED);
  CHECK_EQ(natkit_derp_client_poll_event(client, &event, NULL, 0), 0);
  natkit_derp_client_free(client);
}

static void ALoginThatDoesNotComeTimesOut(void) {
  natkit_derp_client_config config = Config();
  natkit_derp_client* client = NULL;
  natkit_derp_event event;
  config.login_timeout_ns = 3 * NATKIT_SECOND;
  CHECK_EQ(natkit_derp_client_new(&config, &client), 0);
  CHECK_EQ(natkit_derp_client_start(client, 5, NULL), 0);
  CHECK_EQ(natkit_derp_client_handle_timeout(client, 3 * NATKIT_SECOND + 5), 0);
  natkit_init(&event);
  CHECK_EQ(natkit_derp_client_poll_event(client, &event, NULL, 0), 1);
  CHECK_EQ(event.reason, NATKIT_DERP_CLOSE_LOGIN_TIMEOUT);
  CHECK_EQ(event.code, NATKIT_ERR_TIMED_OUT);
  natkit_derp_client_free(client);
}

static void AKeyThatIsNoneEndsTheConnection(void) {
  natkit_derp_client* const client = Open();
  static const uint8_t kZeros[NATKIT_KEY_SIZE] = {0};
  natkit_derp_event event;
  CHECK_EQ(natkit_derp_client_start(client, 5, kZeros), 0);
  natkit_init(&event);
  CHECK_EQ(natkit_derp_client_poll_event(client, &event, NULL, 0), 1);
  CHECK_EQ(event.reason, NATKIT_DERP_CLOSE_PROTOCOL_ERROR);
  natkit_derp_client_free(client);
}

static void ConfigsAreChecked(void) {
  natkit_derp_client_config config = Config();
  natkit_derp_client* client = NULL;
  const natkit_random none = {NULL, NULL};
  char longest[NATKIT_DERP_MAX_TEXT + 2];
  memset(longest, 'x', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  CHECK_EQ(natkit_derp_client_new(NULL, &client), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_derp_client_new(&config, NULL), NATKIT_ERR_BAD_ARGUMENT);
#define REFUSES(field, value, code)                           \
  do {                                                        \
    config = Config();                                        \
    config.field = value;                                     \
    CHECK_EQ(natkit_derp_client_new(&config, &client), code); \
  } while (0)
  REFUSES(private_key, NULL, NATKIT_ERR_BAD_ARGUMENT);
  REFUSES(host, NULL, NATKIT_ERR_BAD_ARGUMENT);
  REFUSES(host, "", NATKIT_ERR_BAD_ARGUMENT);
  REFUSES(host, longest, NATKIT_ERR_BAD_ARGUMENT);
  REFUSES(host, "a\r\nX-Evil: 1", NATKIT_ERR_BAD_ENCODING);
  REFUSES(ideal_node, "a b", NATKIT_ERR_BAD_ENCODING);
  REFUSES(app_name, longest, NATKIT_ERR_BAD_ARGUMENT);
  REFUSES(queue_depth, 65537, NATKIT_ERR_BAD_ARGUMENT);
  REFUSES(login_timeout_ns, NATKIT_DERP_LONGEST + 1, NATKIT_ERR_BAD_ARGUMENT);
  REFUSES(read_timeout_ns, UINT64_MAX, NATKIT_ERR_BAD_ARGUMENT);
  REFUSES(ping_timeout_ns, UINT64_MAX, NATKIT_ERR_BAD_ARGUMENT);
  REFUSES(random, &none, NATKIT_ERR_BAD_ARGUMENT);
  REFUSES(struct_size, sizeof config - 1, NATKIT_ERR_STRUCT_SIZE);
  CHECK(client == NULL);
  /* What can be shown in JSON one way or the other is. */
  config = Config();
  config.app_name = "\xff\"\n";
  config.mesh_key = kPrivateKey;
  CHECK_EQ(natkit_derp_client_new(&config, &client), 0);
  CHECK_EQ(natkit_derp_client_start(client, 1, kPrivateKey), 0);
  natkit_derp_client_free(client);
}

static void StructuresOfOtherVersionsAreHandled(void) {
  struct {
    natkit_derp_client_config known;
    uint64_t later;
  } config;

  struct {
    natkit_derp_counters known;
    uint64_t later;
  } counters;

  natkit_derp_client* client = NULL;
  natkit_derp_event event;
  memset(&config, 0, sizeof config);
  config.known = Config();
  config.known.struct_size = sizeof config;
  config.later = 1;
  CHECK_EQ(natkit_derp_client_new(&config.known, &client),
           NATKIT_ERR_UNSUPPORTED);
  config.later = 0;
  CHECK_EQ(natkit_derp_client_new(&config.known, &client), 0);
  memset(&counters, 0xee, sizeof counters);
  counters.known.struct_size = sizeof counters;
  CHECK_EQ(natkit_derp_client_get_counters(client, &counters.known), 0);
  CHECK_EQ(counters.known.unknown_frames, 0);
  CHECK_EQ(counters.later, 0);
  counters.known.struct_size = 8;
  CHECK_EQ(natkit_derp_client_get_counters(client, &counters.known),
           NATKIT_ERR_STRUCT_SIZE);
  natkit_init(&event);
  --event.struct_size;
  CHECK_EQ(natkit_derp_client_poll_event(client, &event, NULL, 0),
           NATKIT_ERR_STRUCT_SIZE);
  natkit_derp_client_free(client);
}

/* Every function that takes a handle, on `client`. */
static void CheckAllRefuse(natkit_derp_client* client, int code) {
  natkit_derp_event event;
  natkit_derp_counters counters;
  uint8_t data[8] = {0};
  uint64_t due = 0;
  natkit_init(&event);
  natkit_init(&counters);
  CHECK_EQ(natkit_derp_client_start(client, 1, NULL), code);
  CHECK_EQ(natkit_derp_client_handle_bytes(client, 1, data, 1), code);
  CHECK_EQ(natkit_derp_client_handle_closed(client, 1), code);
  CHECK_EQ(natkit_derp_client_handle_timeout(client, 1), code);
  CHECK_EQ(natkit_derp_client_send(client, 1, kPrivateKey, data, 1), code);
  CHECK_EQ(natkit_derp_client_note_preferred(client, 1), code);
  CHECK_EQ(natkit_derp_client_ping(client, 1), code);
  CHECK_EQ(natkit_derp_client_poll_transmit(client, 1, data, 1), code);
  CHECK_EQ(natkit_derp_client_has_output(client), code);
  CHECK_EQ(natkit_derp_client_is_connected(client), code);
  CHECK_EQ(natkit_derp_client_next_timeout(client, &due), code);
  CHECK_EQ(natkit_derp_client_poll_event(client, &event, data, 1), code);
  CHECK_EQ(natkit_derp_client_get_counters(client, &counters), code);
}

static void HandlesThatAreNoneAreRefused(void) {
  natkit_derp_client* const client = Open();
  natkit_ice_mux* mux = NULL;
  natkit_derp_client_free(client);
  natkit_derp_client_free(client);
  natkit_derp_client_free(NULL);
  CheckAllRefuse(client, NATKIT_ERR_BAD_HANDLE);
  CheckAllRefuse(NULL, NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_ice_mux_new(NULL, &mux), 0);
  CheckAllRefuse((natkit_derp_client*)mux, NATKIT_ERR_BAD_HANDLE);
  natkit_ice_mux_free(mux);
}

static void PointersThatAreNullAreRefused(void) {
  natkit_derp_client* const client = Open();
  natkit_derp_event event;
  static uint8_t packet[NATKIT_DERP_MAX_PACKET + 1];
  natkit_init(&event);
  CHECK_EQ(natkit_derp_client_start(client, 1, NULL), 0);
#define IS_BAD(call) CHECK_EQ(call, NATKIT_ERR_BAD_ARGUMENT)
  IS_BAD(natkit_derp_client_handle_bytes(client, 1, NULL, 1));
  IS_BAD(natkit_derp_client_handle_bytes(client, 1, packet, (size_t)-1));
  IS_BAD(natkit_derp_client_send(client, 1, NULL, "x", 1));
  IS_BAD(natkit_derp_client_send(client, 1, kPrivateKey, NULL, 1));
  IS_BAD(natkit_derp_client_send(client, 1, kPrivateKey, packet, (size_t)-1));
  IS_BAD(natkit_derp_client_poll_transmit(client, 1, NULL, 1));
  IS_BAD(natkit_derp_client_poll_event(client, NULL, NULL, 0));
  IS_BAD(natkit_derp_client_poll_event(client, &event, NULL, 1));
  IS_BAD(natkit_derp_client_next_timeout(client, NULL));
  IS_BAD(natkit_derp_client_get_counters(client, NULL));
  IS_BAD(natkit_derp_client_handle_timeout(client, UINT64_MAX));
  CHECK_EQ(
      natkit_derp_client_send(client, 1, kPrivateKey, packet, sizeof packet),
      NATKIT_ERR_FRAME_TOO_LARGE);
  CHECK_EQ(natkit_derp_client_send(client, 1, kPrivateKey, NULL, 0), 0);
  natkit_derp_client_free(client);
}

struct caller {
  natkit_derp_client* client;
  int own_result;
  int other_result;
};

static void* UseElsewhere(void* context) {
  struct caller* const it = context;
  it->other_result = natkit_derp_client_handle_timeout(it->client, 1);
  return NULL;
}

static void CallBack(void* context, uint8_t* out, size_t size) {
  struct caller* const it = context;
  pthread_t thread;
  memset(out, 5, size);
  it->own_result = natkit_derp_client_is_connected(it->client);
  CHECK_EQ(pthread_create(&thread, NULL, UseElsewhere, it), 0);
  CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void OneCallAtATime(void) {
  struct caller it = {NULL, 0, 0};
  const natkit_random random = {CallBack, &it};
  natkit_derp_client_config config = Config();
  config.random = &random;
  CHECK_EQ(natkit_derp_client_new(&config, &it.client), 0);
  /* With the key known, a nonce is drawn for the login. */
  CHECK_EQ(natkit_derp_client_start(it.client, 1, kPrivateKey), 0);
  CHECK_EQ(it.own_result, NATKIT_ERR_BUSY);
  CHECK_EQ(it.other_result, NATKIT_ERR_BUSY);
  natkit_derp_client_free(it.client);
}

struct suicide {
  natkit_derp_client* client;
  int calls;
};

static void FreeItsClient(void* context, uint8_t* out, size_t size) {
  struct suicide* const it = context;
  memset(out, 5, size);
  natkit_derp_client_free(it->client);
  ++it->calls;
}

static void AFreeDuringACallIsDoneAfterIt(void) {
  struct suicide it = {NULL, 0};
  const natkit_random random = {FreeItsClient, &it};
  natkit_derp_client_config config = Config();
  config.random = &random;
  CHECK_EQ(natkit_derp_client_new(&config, &it.client), 0);
  CHECK_EQ(natkit_derp_client_start(it.client, 1, kPrivateKey), 0);
  CHECK(it.calls > 0);
  CHECK_EQ(natkit_derp_client_has_output(it.client), NATKIT_ERR_BAD_HANDLE);
}

int main(void) {
  RUN(ARequestLeavesAtTheStart);
  RUN(ARelayThatIsNoneIsLeft);
  RUN(ALoginThatDoesNotComeTimesOut);
  RUN(AKeyThatIsNoneEndsTheConnection);
  RUN(ConfigsAreChecked);
  RUN(StructuresOfOtherVersionsAreHandled);
  RUN(HandlesThatAreNoneAreRefused);
  RUN(PointersThatAreNullAreRefused);
  RUN(OneCallAtATime);
  RUN(AFreeDuringACallIsDoneAfterIt);
  return 0;
}
