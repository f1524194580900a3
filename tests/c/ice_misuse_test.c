/* natkit/ice.h: candidates as text, the mux, and what is refused. */
#include <pthread.h>
#include <string.h>

#include "ice_world.h"

static void CandidatesPassThroughText(void) {
  static const char* const lines[] = {
      "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
      "candidate:a+/ 1 udp 7 2001:db8::7 65535 typ host",
      "candidate:2 1 udp 9 203.0.113.7 6 typ srflx raddr 192.0.2.1 rport 5"};
  for (size_t i = 0; i < 3; ++i) {
    natkit_ice_candidate candidate;
    char text[NATKIT_ICE_CANDIDATE_TEXT_SIZE];
    char wrapped[NATKIT_ICE_CANDIDATE_TEXT_SIZE];
    CHECK_EQ(natkit_ice_candidate_parse(lines[i], &candidate), 0);
    CHECK_EQ(natkit_ice_candidate_format(&candidate, 0, text, sizeof text),
             strlen(lines[i]));
    CHECK(strcmp(text, lines[i]) == 0);
    snprintf(wrapped, sizeof wrapped, "a=%s\r\n", lines[i]);
    CHECK_EQ(natkit_ice_candidate_parse(wrapped, &candidate), 0);
    CHECK_EQ(natkit_ice_candidate_format(&candidate, 0, text, strlen(lines[i])),
             NATKIT_ERR_BUFFER_TOO_SMALL);
  }
}

static void TheBaseCanBeHidden(void) {
  natkit_ice_candidate candidate;
  char text[NATKIT_ICE_CANDIDATE_TEXT_SIZE];
  CHECK_EQ(natkit_ice_candidate_parse(
               "candidate:2 1 udp 9 203.0.113.7 6000 typ srflx raddr 192.0.2.1 "
               "rport 5000",
               &candidate),
           0);
  CHECK(natkit_ice_candidate_format(&candidate, NATKIT_ICE_HIDE_RELATED, text,
                                    sizeof text) > 0);
  CHECK(strstr(text, "raddr 0.0.0.0 rport 9") != NULL);
  CHECK_EQ(natkit_ice_candidate_format(&candidate, 2, text, sizeof text),
           NATKIT_ERR_BAD_ARGUMENT);
}

static void TheLongestCandidateHasRoom(void) {
  natkit_ice_candidate candidate;
  char text[NATKIT_ICE_CANDIDATE_TEXT_SIZE];
  memset(&candidate, 0, sizeof candidate);
  candidate.type = NATKIT_ICE_PEER_REFLEXIVE;
  candidate.priority = UINT32_MAX;
  candidate.address = At("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
  candidate.base = candidate.address;
  memset(candidate.foundation, 'f', 32);
  CHECK(natkit_ice_candidate_format(&candidate, 0, text, sizeof text) > 150);
  candidate.foundation[32] = 'f';
  CHECK_EQ(natkit_ice_candidate_format(&candidate, 0, text, sizeof text),
           NATKIT_ERR_BAD_CANDIDATE);
  memset(candidate.foundation, 'f', sizeof candidate.foundation);
  CHECK_EQ(natkit_ice_candidate_format(&candidate, 0, text, sizeof text),
           NATKIT_ERR_BAD_CANDIDATE);
}

static void BadCandidatesAreRefused(void) {
  natkit_ice_candidate candidate;
  char text[NATKIT_ICE_CANDIDATE_TEXT_SIZE];
  char longest[600];
  memset(longest, ' ', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  CHECK_EQ(natkit_ice_candidate_parse(NULL, &candidate),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_ice_candidate_parse("candidate:", NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_ice_candidate_parse("", &candidate),
           NATKIT_ERR_BAD_CANDIDATE);
  CHECK_EQ(natkit_ice_candidate_parse(longest, &candidate),
           NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(
      natkit_ice_candidate_parse(
          "candidate:1 1 tcp 2130706431 192.0.2.1 5000 typ host", &candidate),
      NATKIT_ERR_UNSUPPORTED);
  memset(&candidate, 0, sizeof candidate);
  CHECK_EQ(natkit_ice_candidate_format(&candidate, 0, text, sizeof text),
           NATKIT_ERR_BAD_CANDIDATE);
  CHECK_EQ(natkit_ice_candidate_format(NULL, 0, text, sizeof text),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_ice_candidate_format(&candidate, 0, NULL, 9),
           NATKIT_ERR_BAD_ARGUMENT);
  candidate.type = 4;
  CHECK_EQ(natkit_ice_candidate_format(&candidate, 0, text, sizeof text),
           NATKIT_ERR_BAD_ARGUMENT);
  candidate.type = NATKIT_ICE_HOST;
  candidate.address.family = 5;
  CHECK_EQ(natkit_ice_candidate_format(&candidate, 0, text, sizeof text),
           NATKIT_ERR_BAD_ARGUMENT);
}

static void DatagramsAreToldApart(void) {
  uint8_t wireguard[148] = {1};
  CHECK_EQ(natkit_classify_datagram(wireguard, sizeof wireguard),
           NATKIT_DATAGRAM_WIREGUARD);
  CHECK_EQ(natkit_classify_datagram("hello", 5), NATKIT_DATAGRAM_OTHER);
  CHECK_EQ(natkit_classify_datagram(NULL, 0), NATKIT_DATAGRAM_OTHER);
  CHECK_EQ(natkit_classify_datagram(NULL, 1), NATKIT_ERR_BAD_ARGUMENT);
}

static void ConfigsAreChecked(void) {
  natkit_ice_agent_config config;
  natkit_ice_agent* agent = NULL;
  natkit_address server;
  natkit_random random = {NULL, NULL};
  memset(&server, 0, sizeof server); /* not set */
  natkit_init(&config);
  CHECK_EQ(natkit_ice_agent_new(NULL, &agent), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_ice_agent_new(&config, NULL), NATKIT_ERR_BAD_ARGUMENT);
#define REFUSES(field, value)                                                 \
  do {                                                                        \
    natkit_init(&config);                                                     \
    config.field = value;                                                     \
    CHECK_EQ(natkit_ice_agent_new(&config, &agent), NATKIT_ERR_BAD_ARGUMENT); \
  } while (0)
  REFUSES(role, 2);
  REFUSES(profile, 2);
  REFUSES(nomination, 3);
  REFUSES(opener_ttl, 256);
  REFUSES(pacing_ns, NATKIT_ICE_LONGEST + 1);
  REFUSES(pacing_ns, NATKIT_ICE_NEVER);
  REFUSES(rest_after_ns, NATKIT_ICE_NEVER - 1);
  REFUSES(check_schedule.max_sends, 256);
  REFUSES(gather_schedule.final_wait_ns, UINT64_MAX);
  REFUSES(max_pairs, 10001);
  REFUSES(stun_server_count, 1);
  REFUSES(random, &random);
  natkit_init(&config);
  config.stun_servers = &server;
  config.stun_server_count = 1;
  CHECK_EQ(natkit_ice_agent_new(&config, &agent), NATKIT_ERR_BAD_ARGUMENT);
  config.stun_server_count = 65;
  CHECK_EQ(natkit_ice_agent_new(&config, &agent), NATKIT_ERR_BAD_ARGUMENT);
  CHECK(agent == NULL);
}

static void ExtremeConfigsWork(void) {
  natkit_ice_agent_config config;
  natkit_ice_agent* agent = NULL;
  natkit_init(&config);
  config.profile = NATKIT_ICE_MESH;
  config.rest_after_ns = config.recheck_interval_ns =
      config.reprobe_interval_ns = NATKIT_ICE_NEVER;
  config.consent_interval_ns = config.patience_ns = NATKIT_ICE_LONGEST;
  config.pacing_ns = config.check_schedule.initial_rto_ns = 1;
  config.max_pairs = 1;
  config.opener_ttl = 255;
  config.no_rto_scaling = config.no_freezing = 1;
  config.nomination = NATKIT_ICE_NOMINATION_REGULAR;
  CHECK_EQ(natkit_ice_agent_new(&config, &agent), 0);
  CHECK_EQ(natkit_ice_agent_handle_timeout(agent, (UINT64_C(1) << 62) - 1), 0);
  CHECK_EQ(natkit_ice_agent_handle_timeout(agent, UINT64_C(1) << 62),
           NATKIT_ERR_BAD_ARGUMENT);
  natkit_ice_agent_free(agent);
}

static void StructuresOfOtherVersionsAreHandled(void) {
  struct {
    natkit_ice_agent_config known;
    uint64_t later;
  } config;

  struct {
    natkit_ice_event known;
    uint64_t later;
  } event;

  natkit_ice_agent* agent = NULL;
  natkit_init_struct(&config, sizeof config);
  config.later = 1;
  CHECK_EQ(natkit_ice_agent_new(&config.known, &agent), NATKIT_ERR_UNSUPPORTED);
  config.later = 0;
  config.known.struct_size = sizeof config.known - 1;
  CHECK_EQ(natkit_ice_agent_new(&config.known, &agent), NATKIT_ERR_STRUCT_SIZE);
  config.known.struct_size = 0;
  CHECK_EQ(natkit_ice_agent_new(&config.known, &agent), NATKIT_ERR_STRUCT_SIZE);
  config.known.struct_size = sizeof config;
  CHECK_EQ(natkit_ice_agent_new(&config.known, &agent), 0);
  const natkit_address base = At("192.0.2.1:1");
  CHECK_EQ(natkit_ice_agent_add_host_base(agent, 1, &base), 0);
  memset(&event, 0xee, sizeof event);
  event.known.struct_size = sizeof event.known - 1;
  CHECK_EQ(natkit_ice_agent_poll_event(agent, &event.known),
           NATKIT_ERR_STRUCT_SIZE);
  CHECK_EQ(natkit_ice_agent_poll_event(agent, NULL), NATKIT_ERR_BAD_ARGUMENT);
  /* Nothing was lost, and what a later version has is cleared. */
  event.known.struct_size = sizeof event;
  CHECK_EQ(natkit_ice_agent_poll_event(agent, &event.known), 1);
  CHECK_EQ(event.known.type, NATKIT_ICE_EVENT_CANDIDATE);
  CHECK_EQ(event.later, 0);
  natkit_ice_agent_free(agent);
}

/* Every function that takes a handle, on `agent`. */
static void CheckAllRefuse(natkit_ice_agent* agent, int code) {
  const natkit_address at = At("192.0.2.1:1");
  natkit_ice_candidate candidate;
  natkit_ice_credentials credentials;
  natkit_ice_transmit meta;
  natkit_ice_event event;
  natkit_ice_counters counters;
  natkit_ice_keepalive keepalive;
  natkit_ice_pair pair;
  uint8_t data[NATKIT_ICE_DATAGRAM_SIZE];
  uint64_t due = 0;
  static const char kLine[] = "candidate:1 1 udp 1 192.0.2.1 5 typ host";
  static const char kSecret[] = "passwordpasswordpassword";
  CHECK_EQ(natkit_ice_candidate_parse(kLine, &candidate), 0);
  natkit_init(&meta);
  natkit_init(&event);
  natkit_init(&counters);
  natkit_init(&keepalive);
  CHECK_EQ(natkit_ice_agent_get_local_credentials(agent, &credentials), code);
  CHECK_EQ(natkit_ice_agent_set_remote_credentials(agent, 1, "ufra", kSecret),
           code);
  CHECK_EQ(natkit_ice_agent_add_host_base(agent, 1, &at), code);
  CHECK_EQ(natkit_ice_agent_remove_host_base(agent, 1, &at), code);
  CHECK_EQ(natkit_ice_agent_add_reflexive(agent, 1, &at, &at), code);
  CHECK_EQ(natkit_ice_agent_set_local_end_of_candidates(agent, 1), code);
  CHECK_EQ(natkit_ice_agent_add_remote_candidate(agent, 1, &candidate), code);
  CHECK_EQ(natkit_ice_agent_add_remote_candidate_line(agent, 1, kLine), code);
  CHECK_EQ(natkit_ice_agent_add_remote_hint(agent, 1, &at), code);
  CHECK_EQ(natkit_ice_agent_set_remote_end_of_candidates(agent, 1), code);
  CHECK_EQ(natkit_ice_agent_restart(agent, 1), code);
  CHECK_EQ(natkit_ice_agent_handle_datagram(agent, 1, &at, &at, data, 1), code);
  CHECK_EQ(natkit_ice_agent_handle_timeout(agent, 1), code);
  CHECK_EQ(natkit_ice_agent_poll_transmit(agent, &meta, data, sizeof data),
           code);
  CHECK_EQ(natkit_ice_agent_next_timeout(agent, &due), code);
  CHECK_EQ(natkit_ice_agent_poll_event(agent, &event), code);
  CHECK_EQ(natkit_ice_agent_note_data(agent, 1), code);
  CHECK_EQ(natkit_ice_agent_set_keepalive(agent, 1, &keepalive), code);
  CHECK_EQ(natkit_ice_agent_get_selected(agent, &pair), code);
  CHECK_EQ(natkit_ice_agent_get_paths(agent, &pair, 1), code);
  CHECK_EQ(natkit_ice_agent_get_local_candidates(agent, &candidate, 1), code);
  CHECK_EQ(natkit_ice_agent_get_state(agent), code);
  CHECK_EQ(natkit_ice_agent_get_role(agent), code);
  CHECK_EQ(natkit_ice_agent_is_suspect(agent), code);
  CHECK_EQ(natkit_ice_agent_is_resting(agent), code);
  CHECK_EQ(natkit_ice_agent_get_counters(agent, &counters), code);
}

static void HandlesThatAreNoneAreRefused(void) {
  natkit_ice_agent_config config;
  natkit_ice_agent* agent = NULL;
  natkit_ice_mux* mux = NULL;
  uint64_t id = 0;
  natkit_init(&config);
  CHECK_EQ(natkit_ice_agent_new(&config, &agent), 0);
  natkit_ice_agent_free(agent);
  natkit_ice_agent_free(agent);
  natkit_ice_agent_free(NULL);
  CheckAllRefuse(agent, NATKIT_ERR_BAD_HANDLE);
  CheckAllRefuse(NULL, NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_ice_mux_new(NULL, &mux), 0);
  CheckAllRefuse((natkit_ice_agent*)mux, NATKIT_ERR_BAD_HANDLE);
  natkit_ice_agent_free((natkit_ice_agent*)mux);
  CHECK_EQ(natkit_ice_mux_remove(mux, 1), 0);
  natkit_ice_mux_free(mux);
  CHECK_EQ(natkit_ice_mux_remove(mux, 1), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_ice_mux_set_ufrag(mux, 1, "abcd"), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_ice_mux_note_sent(mux, 1, "", 0), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_ice_mux_route(mux, "", 0, &id), NATKIT_ERR_BAD_HANDLE);
  natkit_ice_mux_free(NULL);
}

static void PointersThatAreNullAreRefused(void) {
  struct world world;
  uint8_t data[4] = {0};
  natkit_ice_transmit meta;
  natkit_address unset;
  natkit_ice_keepalive keepalive;
  OpenWorld(&world, NATKIT_ICE_RFC);
  natkit_ice_agent* const agent = world.sides[0].agent;
  const natkit_address at = world.sides[0].base;
  memset(&unset, 0, sizeof unset);
  natkit_init(&meta);
#define IS_BAD(call) CHECK_EQ(call, NATKIT_ERR_BAD_ARGUMENT)
  IS_BAD(natkit_ice_agent_get_local_credentials(agent, NULL));
  IS_BAD(natkit_ice_agent_set_remote_credentials(agent, 1, NULL, "x"));
  IS_BAD(natkit_ice_agent_set_remote_credentials(agent, 1, "x", NULL));
  IS_BAD(natkit_ice_agent_add_host_base(agent, 1, NULL));
  IS_BAD(natkit_ice_agent_add_host_base(agent, 1, &unset));
  IS_BAD(natkit_ice_agent_remove_host_base(agent, 1, NULL));
  IS_BAD(natkit_ice_agent_add_reflexive(agent, 1, NULL, &at));
  IS_BAD(natkit_ice_agent_add_reflexive(agent, 1, &at, NULL));
  IS_BAD(natkit_ice_agent_add_remote_candidate(agent, 1, NULL));
  IS_BAD(natkit_ice_agent_add_remote_candidate_line(agent, 1, NULL));
  IS_BAD(natkit_ice_agent_add_remote_hint(agent, 1, NULL));
  IS_BAD(natkit_ice_agent_handle_datagram(agent, 1, NULL, &at, data, 4));
  IS_BAD(natkit_ice_agent_handle_datagram(agent, 1, &at, NULL, data, 4));
  IS_BAD(natkit_ice_agent_handle_datagram(agent, 1, &at, &at, NULL, 4));
  IS_BAD(natkit_ice_agent_poll_transmit(agent, NULL, data, 4));
  IS_BAD(natkit_ice_agent_poll_transmit(agent, &meta, NULL, 4));
  IS_BAD(natkit_ice_agent_set_keepalive(agent, 1, NULL));
  IS_BAD(natkit_ice_agent_get_selected(agent, NULL));
  IS_BAD(natkit_ice_agent_get_paths(agent, NULL, 1));
  IS_BAD(natkit_ice_agent_get_local_candidates(agent, NULL, 1));
  IS_BAD(natkit_ice_agent_get_counters(agent, NULL));
  natkit_init(&keepalive);
  keepalive.power = 3;
  IS_BAD(natkit_ice_agent_set_keepalive(agent, 1, &keepalive));
  natkit_init(&keepalive);
  keepalive.assured_lifetime_ns = NATKIT_ICE_LONGEST + 1;
  IS_BAD(natkit_ice_agent_set_keepalive(agent, 1, &keepalive));
  CHECK_EQ(natkit_ice_agent_set_remote_credentials(agent, 1, "abc", "short"),
           NATKIT_ERR_BAD_CREDENTIALS);
  CloseWorld(&world);
}

struct reentry {
  natkit_ice_agent* agent;
  int is_armed;
  int result;
};

static void CallBack(void* context, uint8_t* out, size_t size) {
  static uint64_t state = 7;
  struct reentry* const it = context;
  FillRepeatably(&state, out, size);
  if (it->is_armed) {
    it->result = natkit_ice_agent_get_state(it->agent);
  }
}

static void ACallbackCannotUseItsHandle(void) {
  struct reentry it = {NULL, 0, 0};
  const natkit_random random = {CallBack, &it};
  natkit_ice_agent_config config;
  natkit_init(&config);
  config.random = &random;
  CHECK_EQ(natkit_ice_agent_new(&config, &it.agent), 0);
  it.is_armed = 1;
  CHECK_EQ(natkit_ice_agent_restart(it.agent, 1), 0);
  CHECK_EQ(it.result, NATKIT_ERR_BUSY);
  it.is_armed = 0;
  natkit_ice_agent_free(it.agent);
}

struct other_thread {
  natkit_ice_agent* agent;
  int result;
};

static void* UseElsewhere(void* context) {
  struct other_thread* const it = context;
  it->result = natkit_ice_agent_handle_timeout(it->agent, 1);
  return NULL;
}

static void FillWhileAnotherThreadCalls(void* context, uint8_t* out,
                                        size_t size) {
  static uint64_t state = 7;
  struct other_thread* const it = context;
  pthread_t thread;
  FillRepeatably(&state, out, size);
  if (it->agent != NULL) {
    CHECK_EQ(pthread_create(&thread, NULL, UseElsewhere, it), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
  }
}

static void AnotherThreadIsToldToWait(void) {
  struct other_thread it = {NULL, 0};
  const natkit_random random = {FillWhileAnotherThreadCalls, &it};
  natkit_ice_agent_config config;
  natkit_ice_agent* agent = NULL;
  natkit_init(&config);
  config.random = &random;
  CHECK_EQ(natkit_ice_agent_new(&config, &agent), 0);
  it.agent = agent;
  CHECK_EQ(natkit_ice_agent_restart(agent, 1), 0);
  CHECK_EQ(it.result, NATKIT_ERR_BUSY);
  it.agent = NULL;
  CHECK_EQ(natkit_ice_agent_get_state(agent), NATKIT_ICE_STATE_NEW);
  natkit_ice_agent_free(agent);
}

int main(void) {
  RUN(CandidatesPassThroughText);
  RUN(TheBaseCanBeHidden);
  RUN(TheLongestCandidateHasRoom);
  RUN(BadCandidatesAreRefused);
  RUN(DatagramsAreToldApart);
  RUN(ConfigsAreChecked);
  RUN(ExtremeConfigsWork);
  RUN(StructuresOfOtherVersionsAreHandled);
  RUN(HandlesThatAreNoneAreRefused);
  RUN(PointersThatAreNullAreRefused);
  RUN(ACallbackCannotUseItsHandle);
  RUN(AnotherThreadIsToldToWait);
  return 0;
}
