/* natkit/ice_mux.h: many agents on one socket. */
#include <string.h>

#include "ice_world.h"

static size_t FirstTransmit(natkit_ice_agent* agent, uint8_t* data) {
  natkit_ice_transmit meta;
  natkit_init(&meta);
  const int size = natkit_ice_agent_poll_transmit(agent, &meta, data,
                                                  NATKIT_ICE_DATAGRAM_SIZE);
  CHECK(size > 0);
  return (size_t)size;
}

static void SetUfrag(natkit_ice_mux* mux, uint64_t id,
                     natkit_ice_agent* agent) {
  natkit_ice_credentials own;
  CHECK_EQ(natkit_ice_agent_get_local_credentials(agent, &own), 0);
  CHECK_EQ(natkit_ice_mux_set_ufrag(mux, id, own.ufrag), 0);
}

static void ChecksAndAnswersFindTheirAgent(void) {
  struct world world;
  natkit_ice_mux* mux = NULL;
  uint8_t check[NATKIT_ICE_DATAGRAM_SIZE];
  uint8_t answer[NATKIT_ICE_DATAGRAM_SIZE];
  uint64_t id = 0;
  OpenWorld(&world, NATKIT_ICE_MESH);
  struct side* const a = &world.sides[0];
  struct side* const b = &world.sides[1];
  CHECK_EQ(natkit_ice_mux_new(NULL, &mux), 0);
  TellCredentials(&world, 0);
  TellCredentials(&world, 1);
  CHECK_EQ(natkit_ice_agent_add_host_base(a->agent, world.now_ns, &a->base), 0);
  CHECK_EQ(natkit_ice_agent_add_host_base(b->agent, world.now_ns, &b->base), 0);
  CHECK_EQ(natkit_ice_agent_add_remote_hint(a->agent, world.now_ns, &b->base),
           0);
  const size_t check_size = FirstTransmit(a->agent, check);
  /* A check finds who has the fragment. */
  CHECK_EQ(natkit_ice_mux_route(mux, check, check_size, &id), 0);
  SetUfrag(mux, 11, a->agent);
  SetUfrag(mux, 22, b->agent);
  CHECK_EQ(natkit_ice_mux_route(mux, check, check_size, &id), 1);
  CHECK_EQ(id, 22);
  /* The answer finds who asked, if that was noted. */
  CHECK_EQ(natkit_ice_agent_handle_datagram(b->agent, world.now_ns, &b->base,
                                            &a->base, check, check_size),
           1);
  const size_t answer_size = FirstTransmit(b->agent, answer);
  CHECK_EQ(natkit_ice_mux_route(mux, answer, answer_size, &id), 0);
  CHECK_EQ(natkit_ice_mux_note_sent(mux, 11, check, check_size), 0);
  CHECK_EQ(natkit_ice_mux_route(mux, answer, answer_size, &id), 1);
  CHECK_EQ(id, 11);
  CHECK_EQ(natkit_ice_mux_remove(mux, 11), 0);
  CHECK_EQ(natkit_ice_mux_route(mux, answer, answer_size, &id), 0);
  natkit_ice_mux_free(mux);
  CloseWorld(&world);
}

static void ARestartMovesTheFragment(void) {
  struct world world;
  natkit_ice_mux* mux = NULL;
  uint8_t check[NATKIT_ICE_DATAGRAM_SIZE];
  uint64_t id = 0;
  OpenWorld(&world, NATKIT_ICE_MESH);
  struct side* const a = &world.sides[0];
  struct side* const b = &world.sides[1];
  CHECK_EQ(natkit_ice_mux_new(NULL, &mux), 0);
  TellCredentials(&world, 1);
  CHECK_EQ(natkit_ice_agent_add_host_base(a->agent, world.now_ns, &a->base), 0);
  CHECK_EQ(natkit_ice_agent_add_remote_hint(a->agent, world.now_ns, &b->base),
           0);
  const size_t size = FirstTransmit(a->agent, check);
  SetUfrag(mux, 22, b->agent);
  for (int restarts = 0; restarts < 3; ++restarts) {
    /* The session before stays known for a while, older ones do not. */
    CHECK_EQ(natkit_ice_mux_route(mux, check, size, &id), restarts < 2 ? 1 : 0);
    CHECK_EQ(natkit_ice_agent_restart(b->agent, world.now_ns), 0);
    SetUfrag(mux, 22, b->agent);
  }
  natkit_ice_mux_free(mux);
  CloseWorld(&world);
}

static void TheMuxRefusesMisuse(void) {
  natkit_ice_mux_config config;
  natkit_ice_mux* mux = NULL;
  uint64_t id = 0;
  natkit_init(&config);
  config.max_transactions = (1u << 20) + 1;
  CHECK_EQ(natkit_ice_mux_new(&config, &mux), NATKIT_ERR_BAD_ARGUMENT);
  config.max_transactions = 4;
  config.reserved = 1;
  CHECK_EQ(natkit_ice_mux_new(&config, &mux), NATKIT_ERR_BAD_ARGUMENT);
  config.reserved = 0;
  config.struct_size = 3;
  CHECK_EQ(natkit_ice_mux_new(&config, &mux), NATKIT_ERR_STRUCT_SIZE);
  config.struct_size = sizeof config;
  CHECK_EQ(natkit_ice_mux_new(&config, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_ice_mux_new(&config, &mux), 0);
  CHECK_EQ(natkit_ice_mux_set_ufrag(mux, 1, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_ice_mux_set_ufrag(mux, 1, "abc"), NATKIT_ERR_BAD_CREDENTIALS);
  CHECK_EQ(natkit_ice_mux_set_ufrag(mux, 1, "ab:d"),
           NATKIT_ERR_BAD_CREDENTIALS);
  CHECK_EQ(natkit_ice_mux_note_sent(mux, 1, NULL, 1), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_ice_mux_note_sent(mux, 1, "hello", 5), 0);
  CHECK_EQ(natkit_ice_mux_route(mux, NULL, 1, &id), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_ice_mux_route(mux, "hello", 5, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_ice_mux_route(mux, "hello", 5, &id), 0);
  natkit_ice_mux_free(mux);
}

int main(void) {
  RUN(ChecksAndAnswersFindTheirAgent);
  RUN(ARestartMovesTheFragment);
  RUN(TheMuxRefusesMisuse);
  return 0;
}
