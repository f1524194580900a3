/* natkit/ice.h: agents that find each other, in virtual time. */
#include <string.h>

#include "ice_world.h"

static void CheckConnected(const struct world* world) {
  for (int i = 0; i < 2; ++i) {
    const struct side* const side = &world->sides[i];
    const struct side* const other = &world->sides[1 - i];
    natkit_ice_pair pair;
    CHECK_EQ(side->state, NATKIT_ICE_STATE_CONNECTED);
    CHECK_EQ(natkit_ice_agent_get_state(side->agent),
             NATKIT_ICE_STATE_CONNECTED);
    CHECK_EQ(side->has_pair, 1);
    CHECK_EQ(natkit_ice_agent_get_selected(side->agent, &pair), 1);
    CHECK_EQ(natkit_address_equal(&pair.local_base, &side->base), 1);
    CHECK_EQ(natkit_address_equal(&pair.remote, &other->base), 1);
    CHECK_EQ(natkit_address_equal(&pair.local_mapped, &side->base), 1);
    CHECK_EQ(pair.is_selected, 1);
    CHECK_EQ(pair.remote_type, NATKIT_ICE_HOST);
    CHECK(pair.priority > 0 && pair.priority == side->pair.priority);
    CHECK_EQ(natkit_ice_agent_is_suspect(side->agent), 0);
  }
}

static void TwoAgentsConnect(void) {
  static const uint32_t profiles[] = {NATKIT_ICE_RFC, NATKIT_ICE_MESH};
  for (size_t i = 0; i < 2; ++i) {
    struct world world;
    natkit_ice_counters counters;
    OpenWorld(&world, profiles[i]);
    CHECK_EQ(natkit_ice_agent_get_state(world.sides[0].agent),
             NATKIT_ICE_STATE_NEW);
    Begin(&world);
    Run(&world, 2 * NATKIT_SECOND);
    CheckConnected(&world);
    natkit_init(&counters);
    CHECK_EQ(natkit_ice_agent_get_counters(world.sides[0].agent, &counters), 0);
    CHECK(counters.checks_sent > 0 && counters.responses_accepted > 0);
    CHECK_EQ(counters.dropped_malformed, 0);
    CHECK_EQ(CountEvents(&world.sides[0], NATKIT_ICE_EVENT_GATHERING_DONE), 1);
    CHECK_EQ(natkit_ice_agent_get_role(world.sides[0].agent),
             NATKIT_ICE_CONTROLLING);
    CloseWorld(&world);
  }
}

static void PathsAndRoundTripsAreReported(void) {
  struct world world;
  natkit_ice_pair paths[4];
  OpenWorld(&world, NATKIT_ICE_MESH);
  Begin(&world);
  Run(&world, 5 * NATKIT_SECOND);
  memset(paths, 0xee, sizeof paths);
  CHECK_EQ(natkit_ice_agent_get_paths(world.sides[0].agent, paths, 4), 1);
  CHECK_EQ(paths[0].is_selected, 1);
  CHECK_EQ(paths[0].rtt_ns, 2 * kLatencyMs * NATKIT_MILLISECOND);
  CHECK(paths[0].rtt_samples > 0);
  CHECK_EQ(paths[1].rtt_samples, 0xeeeeeeeeu);
  CHECK_EQ(natkit_ice_agent_get_paths(world.sides[0].agent, NULL, 0), 1);
  CloseWorld(&world);
}

static void ARoleConflictIsResolved(void) {
  struct world world;
  natkit_ice_agent_config config;
  int conflicts = 0;
  memset(&world, 0, sizeof world);
  world.now_ns = NATKIT_SECOND;
  natkit_init(&config);
  config.role = NATKIT_ICE_CONTROLLED;
  OpenSide(&world.sides[0], &config, "192.0.2.1:1000", 1);
  OpenSide(&world.sides[1], &config, "192.0.2.2:2000", 2);
  Begin(&world);
  Run(&world, 5 * NATKIT_SECOND);
  CheckConnected(&world);
  for (int i = 0; i < 2; ++i) {
    conflicts += CountEvents(&world.sides[i], NATKIT_ICE_EVENT_ROLE);
  }
  CHECK_EQ(conflicts, 1);
  CHECK_EQ(natkit_ice_agent_get_role(world.sides[0].agent) +
               natkit_ice_agent_get_role(world.sides[1].agent),
           1);
  CloseWorld(&world);
}

static void ARestartKeepsDataGoing(void) {
  for (int by = 0; by < 2; ++by) {
    struct world world;
    natkit_ice_credentials before;
    natkit_ice_credentials after;
    OpenWorld(&world, NATKIT_ICE_MESH);
    Begin(&world);
    Run(&world, 2 * NATKIT_SECOND);
    natkit_ice_agent* const agent = world.sides[by].agent;
    CHECK_EQ(natkit_ice_agent_get_local_credentials(agent, &before), 0);
    CHECK_EQ(natkit_ice_agent_restart(agent, world.now_ns), 0);
    CHECK_EQ(natkit_ice_agent_get_local_credentials(agent, &after), 0);
    CHECK(strcmp(before.ufrag, after.ufrag) != 0);
    TellCredentials(&world, by);
    Run(&world, NATKIT_SECOND / 10);
    CHECK_EQ(world.sides[0].has_pair, 1);
    Run(&world, 10 * NATKIT_SECOND);
    CheckConnected(&world);
    CHECK_EQ(CountEvents(&world.sides[1 - by], NATKIT_ICE_EVENT_RESTARTED), 1);
    CHECK_EQ(CountEvents(&world.sides[by], NATKIT_ICE_EVENT_RESTARTED), 0);
    CloseWorld(&world);
  }
}

static void ACutPathIsSuspectThenDropped(void) {
  struct world world;
  OpenWorld(&world, NATKIT_ICE_MESH);
  Begin(&world);
  Run(&world, 2 * NATKIT_SECOND);
  CheckConnected(&world);
  world.is_cut = 1;
  world.flight_count = 0;
  Run(&world, 2500 * NATKIT_MILLISECOND);
  CHECK_EQ(natkit_ice_agent_is_suspect(world.sides[0].agent), 1);
  CHECK_EQ(CountEvents(&world.sides[0], NATKIT_ICE_EVENT_SUSPECT), 1);
  Run(&world, 2 * NATKIT_SECOND);
  CHECK_EQ(world.sides[0].has_pair, 0);
  CHECK_EQ(world.sides[0].state, NATKIT_ICE_STATE_DISCONNECTED);
  natkit_ice_pair pair;
  CHECK_EQ(natkit_ice_agent_get_selected(world.sides[0].agent, &pair), 0);
  CloseWorld(&world);
}

static void StunServersGiveReflexiveCandidates(void) {
  struct world world;
  natkit_ice_agent_config config;
  natkit_ice_candidate candidates[4];
  memset(&world, 0, sizeof world);
  world.now_ns = NATKIT_SECOND;
  world.stun = At("198.51.100.1:3478");
  const natkit_address server = At("198.51.100.1"); /* the same */
  natkit_init(&config);
  config.stun_servers = &server;
  config.stun_server_count = 1;
  OpenSide(&world.sides[0], &config, "192.0.2.1:1000", 1);
  config.role = NATKIT_ICE_CONTROLLED;
  OpenSide(&world.sides[1], &config, "192.0.2.2:2000", 2);
  Begin(&world);
  Run(&world, NATKIT_SECOND);
  CHECK(world.stun_requests >= 2);
  CHECK_EQ(CountEvents(&world.sides[0], NATKIT_ICE_EVENT_CANDIDATE), 2);
  CHECK_EQ(natkit_ice_agent_get_local_candidates(world.sides[0].agent, NULL, 0),
           2);
  CHECK_EQ(natkit_ice_agent_get_local_candidates(world.sides[0].agent,
                                                 candidates, 4),
           2);
  CHECK_EQ(candidates[0].type, NATKIT_ICE_HOST);
  CHECK_EQ(candidates[1].type, NATKIT_ICE_SERVER_REFLEXIVE);
  const natkit_address outside = At("203.0.2.1:1000");
  CHECK_EQ(natkit_address_equal(&candidates[1].address, &outside), 1);
  CHECK_EQ(natkit_address_equal(&candidates[1].base, &world.sides[0].base), 1);
  CheckConnected(&world);
  CloseWorld(&world);
}

static void WhatTheProgramLearntIsUsed(void) {
  struct world world;
  OpenWorld(&world, NATKIT_ICE_MESH);
  natkit_ice_agent* const agent = world.sides[0].agent;
  const natkit_address mapped = At("203.0.113.1:7");
  const natkit_address base = world.sides[0].base;
  CHECK_EQ(natkit_ice_agent_add_reflexive(agent, world.now_ns, &mapped, &base),
           NATKIT_ERR_NOT_FOUND);
  CHECK_EQ(natkit_ice_agent_add_host_base(agent, world.now_ns, &base), 0);
  CHECK_EQ(natkit_ice_agent_add_host_base(agent, world.now_ns, &base),
           NATKIT_ERR_ALREADY_EXISTS);
  CHECK_EQ(natkit_ice_agent_add_reflexive(agent, world.now_ns, &mapped, &base),
           0);
  CHECK_EQ(natkit_ice_agent_get_local_candidates(agent, NULL, 0), 2);
  CHECK_EQ(natkit_ice_agent_remove_host_base(agent, world.now_ns, &base), 0);
  CHECK_EQ(natkit_ice_agent_get_local_candidates(agent, NULL, 0), 0);
  CHECK_EQ(natkit_ice_agent_remove_host_base(agent, world.now_ns, &base), 0);
  CloseWorld(&world);
}

static void AHintIsEnoughToConnect(void) {
  struct world world;
  OpenWorld(&world, NATKIT_ICE_MESH);
  TellCredentials(&world, 0);
  TellCredentials(&world, 1);
  for (int i = 0; i < 2; ++i) {
    natkit_ice_event event;
    natkit_init(&event);
    CHECK_EQ(natkit_ice_agent_add_host_base(world.sides[i].agent, world.now_ns,
                                            &world.sides[i].base),
             0);
    /* Nobody passes candidates on. */
    while (natkit_ice_agent_poll_event(world.sides[i].agent, &event) == 1) {
    }
  }
  CHECK_EQ(natkit_ice_agent_add_remote_hint(world.sides[0].agent, world.now_ns,
                                            &world.sides[1].base),
           0);
  Run(&world, 2 * NATKIT_SECOND);
  CHECK_EQ(world.sides[0].state, NATKIT_ICE_STATE_CONNECTED);
  CHECK_EQ(world.sides[1].state, NATKIT_ICE_STATE_CONNECTED);
  CHECK_EQ(world.sides[1].pair.remote_type, NATKIT_ICE_PEER_REFLEXIVE);
  CloseWorld(&world);
}

static void APairWithoutDataRests(void) {
  struct world world;
  natkit_ice_agent_config config;
  natkit_ice_keepalive keepalive;
  natkit_ice_counters counters;
  memset(&world, 0, sizeof world);
  world.now_ns = NATKIT_SECOND;
  natkit_init(&config);
  config.profile = NATKIT_ICE_MESH;
  config.rest_after_ns = 5 * NATKIT_SECOND;
  OpenSide(&world.sides[0], &config, "192.0.2.1:1000", 1);
  config.role = NATKIT_ICE_CONTROLLED;
  OpenSide(&world.sides[1], &config, "192.0.2.2:2000", 2);
  Begin(&world);
  natkit_init(&keepalive);
  keepalive.power = NATKIT_POWER_BATTERY;
  keepalive.assured_lifetime_ns = 60 * NATKIT_SECOND;
  CHECK_EQ(natkit_ice_agent_set_keepalive(world.sides[0].agent, world.now_ns,
                                          &keepalive),
           0);
  Run(&world, 10 * NATKIT_SECOND);
  CHECK_EQ(natkit_ice_agent_is_resting(world.sides[0].agent), 1);
  natkit_init(&counters);
  CHECK_EQ(natkit_ice_agent_get_counters(world.sides[0].agent, &counters), 0);
  CHECK_EQ(counters.rests, 1);
  CHECK_EQ(counters.keepalives_sent, 0);
  CHECK_EQ(natkit_ice_agent_note_data(world.sides[0].agent, world.now_ns), 0);
  CHECK_EQ(natkit_ice_agent_is_resting(world.sides[0].agent), 0);
  Run(&world, NATKIT_SECOND);
  CheckConnected(&world);
  CloseWorld(&world);
}

static void NothingIsLostInSmallBuffers(void) {
  struct world world;
  natkit_ice_transmit meta;
  uint8_t data[NATKIT_ICE_DATAGRAM_SIZE];
  uint64_t due = 0;
  OpenWorld(&world, NATKIT_ICE_RFC);
  TellCredentials(&world, 1);
  natkit_ice_agent* const agent = world.sides[0].agent;
  CHECK_EQ(
      natkit_ice_agent_add_host_base(agent, world.now_ns, &world.sides[0].base),
      0);
  CHECK_EQ(natkit_ice_agent_add_remote_hint(agent, world.now_ns,
                                            &world.sides[1].base),
           0);
  natkit_init(&meta);
  memset(data, 0xaa, sizeof data);
  CHECK_EQ(natkit_ice_agent_poll_transmit(agent, &meta, data, 20),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(data[0], 0xaa);
  CHECK_EQ(meta.to.family, NATKIT_FAMILY_NONE);
  CHECK_EQ(natkit_ice_agent_poll_transmit(agent, &meta, NULL, 0),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_ice_agent_next_timeout(agent, &due), 1);
  CHECK_EQ(due, world.now_ns);
  const int size =
      natkit_ice_agent_poll_transmit(agent, &meta, data, sizeof data);
  CHECK(size > 20);
  CHECK_EQ(natkit_classify_datagram(data, (size_t)size), NATKIT_DATAGRAM_STUN);
  CHECK_EQ(data[size], 0xaa);
  CHECK_EQ(natkit_address_equal(&meta.to, &world.sides[1].base), 1);
  CHECK_EQ(natkit_address_equal(&meta.from_base, &world.sides[0].base), 1);
  CHECK_EQ(natkit_ice_agent_poll_transmit(agent, &meta, data, sizeof data), 0);
  CloseWorld(&world);
}

static void EveryDatagramHasRoom(void) {
  struct world world;
  natkit_ice_transmit meta;
  uint8_t data[NATKIT_ICE_DATAGRAM_SIZE];
  char ufrag[NATKIT_ICE_CREDENTIAL_SIZE];
  char password[NATKIT_ICE_CREDENTIAL_SIZE];
  OpenWorld(&world, NATKIT_ICE_MESH);
  natkit_ice_agent* const agent = world.sides[0].agent;
  memset(ufrag, 'u', sizeof ufrag - 1);
  memset(password, 'p', sizeof password - 1);
  ufrag[sizeof ufrag - 1] = '\0';
  password[sizeof password - 1] = '\0';
  CHECK_EQ(natkit_ice_agent_set_remote_credentials(agent, world.now_ns, ufrag,
                                                   password),
           0);
  CHECK_EQ(
      natkit_ice_agent_add_host_base(agent, world.now_ns, &world.sides[0].base),
      0);
  CHECK_EQ(natkit_ice_agent_add_remote_hint(agent, world.now_ns,
                                            &world.sides[1].base),
           0);
  natkit_init(&meta);
  CHECK(natkit_ice_agent_poll_transmit(agent, &meta, data, sizeof data) > 256);
  CloseWorld(&world);
}

static void OthersDatagramsAreLeftAlone(void) {
  struct world world;
  static const uint8_t data[] = "hello";
  OpenWorld(&world, NATKIT_ICE_MESH);
  const struct side* const side = &world.sides[0];
  CHECK_EQ(
      natkit_ice_agent_handle_datagram(side->agent, world.now_ns, &side->base,
                                       &world.sides[1].base, data, sizeof data),
      0);
  CHECK_EQ(
      natkit_ice_agent_handle_datagram(side->agent, world.now_ns, &side->base,
                                       &world.sides[1].base, NULL, 0),
      0);
  CloseWorld(&world);
}

int main(void) {
  RUN(TwoAgentsConnect);
  RUN(PathsAndRoundTripsAreReported);
  RUN(ARoleConflictIsResolved);
  RUN(ARestartKeepsDataGoing);
  RUN(ACutPathIsSuspectThenDropped);
  RUN(StunServersGiveReflexiveCandidates);
  RUN(WhatTheProgramLearntIsUsed);
  RUN(AHintIsEnoughToConnect);
  RUN(APairWithoutDataRests);
  RUN(NothingIsLostInSmallBuffers);
  RUN(EveryDatagramHasRoom);
  RUN(OthersDatagramsAreLeftAlone);
  return 0;
}
