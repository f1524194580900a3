/* natkit/behavior.h: discoveries behind a NAT in virtual time. */
#include <string.h>

#include "behavior_config.h"
#include "check.h"
#include "natkit/natkit.h"

#define MS NATKIT_MILLISECOND
#define MAX_ITEMS 32768

/* A host, a NAT and a STUN server with two addresses; what arrives at the host
 * does so 20 ms after the request was sent. */
struct world {
  /* What the NAT is like. */
  int mapping_is_endpoint_dependent;
  int filters_endpoints;
  int drops_all;
  int refuses_tcp;

  /* Its state. */
  struct {
    uint16_t inside;
    uint16_t outside;
    natkit_address remote;
  } mappings[MAX_ITEMS];

  size_t mapping_count;

  struct {
    uint16_t outside;
    natkit_address remote;
  } sent[MAX_ITEMS];

  size_t sent_count;

  /* The host's sockets, by number. */
  struct {
    uint16_t port;
    int is_open;
    natkit_address to; /* streams */
  } sockets[MAX_ITEMS];

  uint16_t next_port;

  /* What is under way to the host. */
  struct arrival {
    uint64_t at;
    uint32_t socket;
    natkit_address from;
    int is_stream;
    int is_icmp;
    natkit_address about;
    size_t size;
    uint8_t data[2048];
  } arrivals[256];

  size_t first_arrival;
  size_t arrival_count;
  natkit_stun_server* server;
  uint64_t now;
  size_t opened;
  size_t closed;
};

static struct world world;

static natkit_address WithPort(const char* text, uint16_t port) {
  natkit_address address = Address(text);
  address.port = port;
  return address;
}

static void ResetWith(const char* software) {
  natkit_stun_server_config config;
  natkit_stun_endpoints endpoints;
  memset(&world, 0, sizeof world);
  memset(&endpoints, 0, sizeof endpoints);
  endpoints.primary = Address("198.51.100.1:3478");
  endpoints.other = Address("198.51.100.2:3479");
  natkit_init(&config);
  config.endpoint_sets = &endpoints;
  config.endpoint_set_count = 1;
  config.no_rate_limit = 1;
  config.software = software;
  CHECK_EQ(natkit_stun_server_new(&config, &world.server), 0);
  world.next_port = 40001;
  world.now = NATKIT_SECOND;
}

static void Reset(void) {
  ResetWith("test server");
}

static struct arrival* Arrive(uint32_t socket) {
  CHECK(world.arrival_count < 256);
  struct arrival* const arrival =
      &world.arrivals[(world.first_arrival + world.arrival_count++) % 256];
  memset(arrival, 0, sizeof *arrival);
  arrival->at = world.now + 20 * MS;
  arrival->socket = socket;
  return arrival;
}

/* The outside port that stands for an inside port toward `remote`. */
static uint16_t Map(uint16_t inside, const natkit_address* remote) {
  size_t i = 0;
  for (; i < world.mapping_count; ++i) {
    if (world.mappings[i].inside == inside &&
        (!world.mapping_is_endpoint_dependent ||
         natkit_address_equal(&world.mappings[i].remote, remote))) {
      break;
    }
  }
  if (i == world.mapping_count) {
    CHECK(i < MAX_ITEMS);
    ++world.mapping_count;
    world.mappings[i].inside = inside;
    world.mappings[i].remote = *remote;
    /* Neither kept nor next to each other. */
    world.mappings[i].outside = (uint16_t)(1024 + (i * 7919 + 333) % 60000);
  }
  return world.mappings[i].outside;
}

static int HasSent(uint16_t outside, const natkit_address* remote) {
  for (size_t i = 0; i < world.sent_count; ++i) {
    if (world.sent[i].outside == outside &&
        natkit_address_equal(&world.sent[i].remote, remote)) {
      return 1;
    }
  }
  return 0;
}

static void NoteSent(uint16_t outside, const natkit_address* remote) {
  if (!HasSent(outside, remote)) {
    CHECK(world.sent_count < MAX_ITEMS);
    world.sent[world.sent_count].outside = outside;
    world.sent[world.sent_count++].remote = *remote;
  }
}

/* Where the NAT sends a datagram that comes to `outside` from `from`; 0: to
 * nobody. */
static uint32_t SocketBehind(uint16_t outside, const natkit_address* from) {
  if (world.filters_endpoints && !HasSent(outside, from)) {
    return 0;
  }
  for (size_t i = 0; i < world.mapping_count; ++i) {
    if (world.mappings[i].outside != outside) {
      continue;
    }
    for (uint32_t s = 1; s < MAX_ITEMS; ++s) {
      if (world.sockets[s].is_open &&
          world.sockets[s].port == world.mappings[i].inside) {
        return s;
      }
    }
  }
  return 0;
}

static int IsServer(const natkit_address* to) {
  const natkit_address first = WithPort("198.51.100.1", to->port);
  const natkit_address second = WithPort("198.51.100.2", to->port);
  return (to->port == 3478 || to->port == 3479) &&
         (natkit_address_equal(to, &first) ||
          natkit_address_equal(to, &second));
}

static void Send(const natkit_behavior_action* action, const uint8_t* data) {
  uint8_t response[NATKIT_STUN_MAX_RESPONSE_SIZE];
  natkit_stun_reply reply;
  const uint16_t inside = world.sockets[action->socket].port;
  CHECK(world.sockets[action->socket].is_open);
  if (world.drops_all) {
    return;
  }
  if (action->ttl == 1) { /* the NAT itself says so */
    struct arrival* const icmp = Arrive(action->socket);
    icmp->is_icmp = 1;
    icmp->from = Address("192.168.1.1");
    icmp->about = action->to;
    return;
  }
  const natkit_address outside =
      WithPort("203.0.113.7", Map(inside, &action->to));
  NoteSent(outside.port, &action->to);
  if (!IsServer(&action->to)) {
    return;
  }
  const int size = natkit_stun_server_handle_datagram(
      world.server, world.now, &action->to, &outside, data, action->size,
      &reply, response, sizeof response);
  CHECK(size >= 0);
  const uint32_t socket =
      size > 0 ? SocketBehind(reply.to.port, &reply.from) : 0;
  if (socket != 0) {
    struct arrival* const arrival = Arrive(socket);
    arrival->from = reply.from;
    arrival->size = (size_t)size;
    memcpy(arrival->data, response, arrival->size);
  }
}

static void SendOnStream(const natkit_behavior_action* action,
                         const uint8_t* data) {
  static const char page[] = "HTTP/1.1 204 No Content\r\n\r\n";
  const natkit_address to = world.sockets[action->socket].to;
  struct arrival* const arrival = Arrive(action->socket);
  arrival->is_stream = 1;
  if (to.port == 80) {
    arrival->size = sizeof page - 1;
    memcpy(arrival->data, page, sizeof page - 1);
    return;
  }
  const natkit_address outside =
      WithPort("203.0.113.7", Map(world.sockets[action->socket].port, &to));
  const int size = natkit_stun_server_handle_stream(
      world.server, world.now, &to, &outside, data, action->size, arrival->data,
      sizeof arrival->data);
  CHECK(size >= 0);
  arrival->size = (size_t)size;
}

static void Open(natkit_behavior* behavior,
                 const natkit_behavior_action* action) {
  natkit_address local = action->local;
  CHECK(action->socket < MAX_ITEMS);
  ++world.opened;
  if (action->type == NATKIT_BEHAVIOR_OPEN_STREAM && world.refuses_tcp) {
    CHECK_EQ(
        natkit_behavior_handle_socket_failed(
            behavior, world.now, action->socket, NATKIT_ERR_CONNECTION_REFUSED),
        0);
    return;
  }
  if (local.port == 0) {
    local.port = world.next_port;
    world.next_port = (uint16_t)(world.next_port + 2);
  }
  world.sockets[action->socket].port = local.port;
  world.sockets[action->socket].is_open = 1;
  world.sockets[action->socket].to = action->to;
  CHECK_EQ(natkit_behavior_handle_socket_opened(behavior, world.now,
                                                action->socket, &local),
           0);
}

static void Act(natkit_behavior* behavior, const natkit_behavior_action* action,
                const uint8_t* data) {
  switch (action->type) {
    case NATKIT_BEHAVIOR_OPEN_SOCKET:
    case NATKIT_BEHAVIOR_OPEN_STREAM:
      Open(behavior, action);
      break;
    case NATKIT_BEHAVIOR_CLOSE_SOCKET:
      ++world.closed;
      world.sockets[action->socket].is_open = 0;
      break;
    case NATKIT_BEHAVIOR_SEND_DATAGRAM:
      Send(action, data);
      break;
    case NATKIT_BEHAVIOR_SEND_ON_STREAM:
      SendOnStream(action, data);
      break;
    default:
      fprintf(stderr, "unknown action %u\n", action->type);
      exit(1);
  }
}

/* Carries out all actions. A buffer of no bytes loses none of them. */
static void Drain(natkit_behavior* behavior) {
  uint8_t data[NATKIT_BEHAVIOR_MAX_BYTES + 1];
  natkit_behavior_action action;
  for (;;) {
    natkit_init(&action);
    data[NATKIT_BEHAVIOR_MAX_BYTES] = 0xee;
    int code = natkit_behavior_poll_action(behavior, &action, NULL, 0);
    if (code == NATKIT_ERR_BUFFER_TOO_SMALL) {
      uint64_t deadline = 0;
      CHECK_EQ(action.type, 0);
      CHECK_EQ(natkit_behavior_next_timeout(behavior, &deadline), 1);
      CHECK(deadline <= world.now);
      code = natkit_behavior_poll_action(behavior, &action, data,
                                         NATKIT_BEHAVIOR_MAX_BYTES);
      CHECK_EQ(code, 1);
      CHECK(action.size > 0);
    }
    CHECK_EQ(data[NATKIT_BEHAVIOR_MAX_BYTES], 0xee);
    if (code == 0) {
      return;
    }
    CHECK_EQ(code, 1);
    Act(behavior, &action, data);
  }
}

static void Deliver(natkit_behavior* behavior) {
  const struct arrival arrival = world.arrivals[world.first_arrival];
  world.first_arrival = (world.first_arrival + 1) % 256;
  --world.arrival_count;
  if (arrival.is_icmp) {
    CHECK_EQ(
        natkit_behavior_handle_icmp_error(behavior, world.now, arrival.socket,
                                          &arrival.from, &arrival.about, 11, 0),
        0);
  } else if (arrival.is_stream) {
    CHECK_EQ(
        natkit_behavior_handle_stream_data(behavior, world.now, arrival.socket,
                                           arrival.data, arrival.size),
        0);
  } else {
    CHECK_EQ(natkit_behavior_handle_datagram(behavior, world.now,
                                             arrival.socket, &arrival.from,
                                             arrival.data, arrival.size),
             0);
  }
}

static void RunUntilFinished(natkit_behavior* behavior) {
  CHECK_EQ(natkit_behavior_start(behavior, world.now), 0);
  Drain(behavior);
  for (int i = 0; i < 200000 && natkit_behavior_is_finished(behavior) == 0;
       ++i) {
    uint64_t deadline = 0;
    CHECK_EQ(natkit_behavior_next_timeout(behavior, &deadline), 1);
    if (world.arrival_count > 0 &&
        world.arrivals[world.first_arrival].at <= deadline) {
      world.now = world.arrivals[world.first_arrival].at;
      Deliver(behavior);
    } else {
      world.now = deadline > world.now ? deadline : world.now;
      CHECK_EQ(natkit_behavior_handle_timeout(behavior, world.now), 0);
    }
    Drain(behavior);
  }
  CHECK_EQ(natkit_behavior_is_finished(behavior), 1);
}

static natkit_nat_traits Traits(natkit_behavior* behavior) {
  natkit_nat_traits traits;
  natkit_init(&traits);
  CHECK_EQ(natkit_behavior_get_traits(behavior, &traits), 0);
  return traits;
}

static natkit_nat_report Report(natkit_behavior* behavior) {
  natkit_nat_report report;
  natkit_init(&report);
  CHECK_EQ(natkit_behavior_get_report(behavior, &report), 0);
  return report;
}

static natkit_nat_verdict Verdict(natkit_behavior* behavior, uint32_t axis) {
  natkit_nat_verdict verdict;
  natkit_init(&verdict);
  CHECK_EQ(natkit_behavior_get_verdict(behavior, axis, &verdict), 0);
  return verdict;
}

static void CheckEvidence(natkit_behavior* behavior) {
  natkit_nat_probe probe;
  const natkit_nat_verdict verdict = Verdict(behavior, NATKIT_NAT_AXIS_MAPPING);
  CHECK_EQ(verdict.outcome, NATKIT_NAT_DETERMINED);
  CHECK(verdict.evidence_count > 0);
  natkit_init(&probe);
  CHECK_EQ(natkit_behavior_get_evidence(behavior, NATKIT_NAT_AXIS_MAPPING, 0,
                                        &probe),
           0);
  CHECK_EQ(probe.is_answered, 1);
  CHECK_EQ(probe.sent, 1);
  CHECK_EQ(natkit_address_equal(&probe.to, &servers[0]), 1);
  CHECK_EQ(natkit_address_equal(&probe.answered_from, &servers[0]), 1);
  CHECK_EQ(natkit_address_equal(&probe.local, &probe.arrived_at), 1);
  CHECK_EQ(probe.mapped.ip[0], 203);
  CHECK(strncmp(probe.asked, "binding", 7) == 0);
  CHECK_EQ(natkit_behavior_get_evidence(behavior, NATKIT_NAT_AXIS_MAPPING,
                                        verdict.evidence_count, &probe),
           NATKIT_ERR_NOT_FOUND);
}

static void FindsAFullCone(void) {
  natkit_behavior_config config = Config();
  natkit_address found;
  const natkit_address expected = Address("203.0.113.7");
  const natkit_address server = Address("198.51.100.1"); /* at 3478 */
  Reset();
  config.servers = &server;
  config.tests_tcp = 1;
  config.portal_server = Address("192.0.2.80:80");
  config.portal_host = "page.example";
  config.portal_path = "/empty";
  natkit_behavior* behavior = New(&config);
  CHECK_EQ(natkit_behavior_is_finished(behavior), 0);
  CHECK_EQ(Verdict(behavior, NATKIT_NAT_AXIS_UDP).outcome, NATKIT_NAT_UNTESTED);
  RunUntilFinished(behavior);
  const natkit_nat_traits traits = Traits(behavior);
  const natkit_nat_report report = Report(behavior);
  CHECK_EQ(traits.is_udp_blocked, 0);
  CHECK_EQ(traits.translation, NATKIT_NAT_TRANSLATION_NAPT);
  CHECK_EQ(traits.mapping, NATKIT_NAT_ENDPOINT_INDEPENDENT);
  CHECK_EQ(traits.filtering, NATKIT_NAT_ENDPOINT_INDEPENDENT);
  CHECK_EQ(traits.pooling, NATKIT_NAT_POOLING_SINGLE);
  CHECK_EQ(traits.hairpinning, NATKIT_NAT_HAIRPINNING_NONE);
  CHECK_EQ(traits.rewrites_payload, NATKIT_NAT_NO);
  CHECK(strcmp(report.classic_name, "full cone") == 0);
  CHECK(strcmp(report.server_software, "test server") == 0);
  CHECK_EQ(natkit_address_equal(&report.server, &servers[0]), 1);
  CHECK_EQ(report.other_server.port, 3479);
  CHECK(report.datagrams_sent > report.datagrams_received);
  CHECK_EQ(report.took_ns, world.now - NATKIT_SECOND);
  CHECK_EQ(natkit_behavior_get_external_addresses(behavior, &found, 1), 1);
  CHECK_EQ(natkit_address_equal(&found, &expected), 1);
  CHECK_EQ(natkit_behavior_get_external_addresses(behavior, NULL, 0), 1);
  CHECK_EQ(natkit_behavior_get_hops(behavior, &found, 1), 1);
  CHECK_EQ(found.ip[0], 192);
  CHECK(strcmp(Verdict(behavior, NATKIT_NAT_AXIS_FILTERING).value,
               "endpoint-independent") == 0);
  CHECK(strcmp(Verdict(behavior, NATKIT_NAT_AXIS_CAPTIVE_PORTAL).value, "no") ==
        0);
  CHECK_EQ(Verdict(behavior, NATKIT_NAT_AXIS_TCP).outcome,
           NATKIT_NAT_DETERMINED);
  CheckEvidence(behavior);
  Drain(behavior);
  CHECK_EQ(world.opened, world.closed);
  natkit_behavior_free(behavior);
  natkit_stun_server_free(world.server);
}

/* What nobody wants on a terminal, and an U+00FC where the room ends. */
static void ShowsWhatServersSay(void) {
  static const char shown[] = "test\\x1b server ";
  natkit_behavior_config config = Config();
  char software[128];
  memset(software, 'x', sizeof software);
  memcpy(software, "test\x1b server ", 13);
  memcpy(software + 123, "\xc3\xbc", 3);
  ResetWith(software);
  config.axes = natkit_nat_quick_axes();
  natkit_behavior* behavior = New(&config);
  RunUntilFinished(behavior);
  const natkit_nat_report report = Report(behavior);
  CHECK(strncmp(report.server_software, shown, sizeof shown - 1) == 0);
  CHECK_EQ(strlen(report.server_software), 126);
  CHECK_EQ(report.server_software[125], 'x');
  natkit_behavior_free(behavior);
  natkit_stun_server_free(world.server);
}

static void TellsMappingFromFiltering(void) {
  static const char* const names[] = {"full cone", "port restricted cone",
                                      "symmetric NAT", "symmetric NAT"};
  for (int i = 0; i < 4; ++i) {
    natkit_behavior_config config = Config();
    Reset();
    world.mapping_is_endpoint_dependent = i >> 1;
    world.filters_endpoints = i & 1;
    world.refuses_tcp = 1;
    config.tests_tcp = 1;
    config.axes = NATKIT_NAT_AXIS_BIT(NATKIT_NAT_AXIS_FILTERING) |
                  NATKIT_NAT_AXIS_BIT(NATKIT_NAT_AXIS_TCP);
    natkit_behavior* behavior = New(&config);
    RunUntilFinished(behavior);
    const natkit_nat_traits traits = Traits(behavior);
    CHECK_EQ(traits.mapping, world.mapping_is_endpoint_dependent
                                 ? NATKIT_NAT_ADDRESS_AND_PORT_DEPENDENT
                                 : NATKIT_NAT_ENDPOINT_INDEPENDENT);
    CHECK_EQ(traits.filtering, world.filters_endpoints
                                   ? NATKIT_NAT_ADDRESS_AND_PORT_DEPENDENT
                                   : NATKIT_NAT_ENDPOINT_INDEPENDENT);
    CHECK(strcmp(Report(behavior).classic_name, names[i]) == 0);
    CHECK(Verdict(behavior, NATKIT_NAT_AXIS_TCP).outcome !=
          NATKIT_NAT_DETERMINED);
    CHECK_EQ(Verdict(behavior, NATKIT_NAT_AXIS_POOLING).outcome,
             NATKIT_NAT_UNTESTED);
    natkit_behavior_free(behavior);
    natkit_stun_server_free(world.server);
  }
}

static void FindsThatUdpIsBlocked(void) {
  natkit_behavior_config config = Config();
  Reset();
  world.drops_all = 1;
  config.server_count = 3;
  config.attempts = 2;
  config.interval_ns = 100 * MS;
  natkit_behavior* behavior = New(&config);
  RunUntilFinished(behavior);
  CHECK_EQ(Traits(behavior).is_udp_blocked, 1);
  CHECK_EQ(Traits(behavior).mapping, NATKIT_NAT_DEPENDENCE_UNKNOWN);
  CHECK_EQ(Report(behavior).server.family, NATKIT_FAMILY_NONE);
  CHECK(strcmp(Report(behavior).classic_name, "UDP blocked") == 0);
  CHECK(Report(behavior).took_ns < 5 * NATKIT_SECOND);
  natkit_behavior_free(behavior);
  natkit_stun_server_free(world.server);
}

static void MeasuresALifetime(void) {
  natkit_behavior_config config = Config();
  natkit_nat_lifetime lifetime = {0, 0};
  Reset();
  config.axes = NATKIT_NAT_AXIS_BIT(NATKIT_NAT_AXIS_ONE_EXCHANGE_LIFETIME);
  config.longest_lifetime_ns = 60 * NATKIT_SECOND;
  natkit_behavior* behavior = New(&config);
  CHECK_EQ(natkit_behavior_get_lifetime(
               behavior, NATKIT_NAT_AXIS_ONE_EXCHANGE_LIFETIME, &lifetime),
           0);
  RunUntilFinished(behavior);
  CHECK_EQ(natkit_behavior_get_lifetime(
               behavior, NATKIT_NAT_AXIS_ONE_EXCHANGE_LIFETIME, &lifetime),
           1);
  /* This NAT forgets nothing. */
  CHECK(lifetime.alive_ns >= 60 * NATKIT_SECOND);
  CHECK(lifetime.alive_ns < 61 * NATKIT_SECOND);
  CHECK_EQ(lifetime.dead_ns, 0);
  CHECK(Traits(behavior).unreplied_lifetime_ns >= 60 * NATKIT_SECOND);
  natkit_behavior_free(behavior);
  natkit_stun_server_free(world.server);
}

/* The least and the most that a program may ask for. */
static void ExtremesComeToAnEnd(void) {
  for (int i = 0; i < 4; ++i) {
    natkit_behavior_config config = Config();
    Reset();
    world.drops_all = i >> 1;
    config.server_count = 3;
    config.axes = natkit_nat_all_axes();
    config.attempts = i & 1 ? 100 : 1;
    config.interval_ns = i & 1 ? 60 * NATKIT_SECOND : MS;
    config.longest_lifetime_ns = i & 1 ? 86400 * NATKIT_SECOND : NATKIT_SECOND;
    config.lifetime_budget_ns = i & 1 ? 604800 * NATKIT_SECOND : 1;
    config.response_port_interval_ns = i & 1 ? 3600 * NATKIT_SECOND : 1;
    config.transactions_per_second = i & 1 ? 1000 : 1;
    config.max_waiting = i & 1 ? 4096 : 1;
    config.load_mappings = i & 1 ? 4096 : 1;
    natkit_behavior* behavior = New(&config);
    RunUntilFinished(behavior);
    /* Answers need more than a millisecond: there are none in time. */
    CHECK_EQ(Traits(behavior).is_udp_blocked, world.drops_all || !(i & 1));
    natkit_behavior_free(behavior);
    natkit_stun_server_free(world.server);
  }
}

static void EndsEarlyWhenAborted(void) {
  const natkit_behavior_config config = Config();
  Reset();
  natkit_behavior* behavior = New(&config);
  CHECK_EQ(natkit_behavior_start(behavior, world.now), 0);
  CHECK_EQ(natkit_behavior_start(behavior, world.now),
           NATKIT_ERR_INVALID_STATE);
  Drain(behavior);
  CHECK(world.opened > 0);
  CHECK_EQ(natkit_behavior_abort(behavior, world.now + MS), 0);
  CHECK_EQ(natkit_behavior_abort(behavior, world.now + MS), 0);
  CHECK_EQ(natkit_behavior_is_finished(behavior), 1);
  Drain(behavior);
  CHECK_EQ(world.opened, world.closed);
  uint64_t deadline = 0;
  CHECK_EQ(natkit_behavior_next_timeout(behavior, &deadline), 0);
  natkit_behavior_free(behavior);
  /* While sockets are wanted that are not there yet. */
  behavior = New(&config);
  CHECK_EQ(natkit_behavior_start(behavior, world.now), 0);
  natkit_behavior_action action;
  natkit_init(&action);
  CHECK_EQ(natkit_behavior_poll_action(behavior, &action, NULL, 0), 1);
  CHECK_EQ(action.type, NATKIT_BEHAVIOR_OPEN_SOCKET);
  const uint32_t wanted = action.socket;
  CHECK_EQ(natkit_behavior_abort(behavior, world.now), 0);
  int was_closed = 0;
  while (natkit_behavior_poll_action(behavior, &action, NULL, 0) == 1) {
    was_closed |=
        action.type == NATKIT_BEHAVIOR_CLOSE_SOCKET && action.socket == wanted;
  }
  CHECK(was_closed);
  natkit_behavior_free(behavior);
  behavior = New(&config);
  CHECK_EQ(natkit_behavior_abort(behavior, 0), 0);
  CHECK_EQ(natkit_behavior_start(behavior, 0), NATKIT_ERR_INVALID_STATE);
  CHECK_EQ(natkit_behavior_is_finished(behavior), 1);
  natkit_behavior_free(behavior);
  natkit_stun_server_free(world.server);
}

static void KnowsNames(void) {
  CHECK(strcmp(natkit_nat_axis_name(NATKIT_NAT_AXIS_MAPPING), "mapping") == 0);
  CHECK(strcmp(natkit_nat_axis_name(NATKIT_NAT_AXIS_NAT64), "nat64") == 0);
  CHECK(strcmp(natkit_nat_axis_name(27), "unknown") == 0);
  CHECK(strcmp(natkit_nat_outcome_name(NATKIT_NAT_DETERMINED), "determined") ==
        0);
  CHECK(strcmp(natkit_nat_outcome_name(4), "unknown") == 0);
  CHECK(natkit_nat_all_axes() == (UINT64_C(1) << 27) - 1);
  CHECK_EQ(natkit_nat_quick_axes() &
               NATKIT_NAT_AXIS_BIT(NATKIT_NAT_AXIS_ASSURED_LIFETIME),
           0);
  CHECK(natkit_nat_quick_axes() & NATKIT_NAT_AXIS_BIT(NATKIT_NAT_AXIS_MAPPING));
}

struct intruder {
  natkit_behavior* behavior;
  int code;
};

static void UseWhileInUse(void* context, uint8_t* out, size_t size) {
  struct intruder* const intruder = context;
  memset(out, 1, size);
  intruder->code = natkit_behavior_handle_timeout(intruder->behavior, 0);
}

static void CallsFromTheRandomSourceAreRefused(void) {
  struct intruder intruder = {NULL, 0};
  const natkit_random random = {UseWhileInUse, &intruder};
  natkit_behavior_config config = Config();
  Reset();
  config.random = &random;
  intruder.behavior = New(&config);
  CHECK_EQ(natkit_behavior_start(intruder.behavior, world.now), 0);
  Drain(intruder.behavior);
  CHECK_EQ(intruder.code, NATKIT_ERR_BUSY);
  natkit_behavior_free(intruder.behavior);
  natkit_stun_server_free(world.server);
}

int main(void) {
  RUN(FindsAFullCone);
  RUN(ShowsWhatServersSay);
  RUN(TellsMappingFromFiltering);
  RUN(FindsThatUdpIsBlocked);
  RUN(MeasuresALifetime);
  RUN(ExtremesComeToAnEnd);
  RUN(EndsEarlyWhenAborted);
  RUN(KnowsNames);
  RUN(CallsFromTheRandomSourceAreRefused);
  return 0;
}
