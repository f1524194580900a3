/* A handle of each kind; see misuse.h. The functions that are not declared
 * there are what the table of make_misuse_calls.py refers to. */
#include <string.h>

#include "check.h"
#include "misuse.h"

enum { kMaxHandles = 4096, kPemSize = NATKIT_TLS_PEM_SIZE };

/* What has been made and is to be freed, in this order. */
static struct {
  int kind;
  void* handle;
} made[kMaxHandles];

static int made_count;
static void* live[kMaxHandles];
static uint64_t random_state;
void (*when_called_back)(void);

static const natkit_random repeatable = {FillRepeatably, &random_state};

void FillRepeatably(void* context, uint8_t* out, size_t size) {
  uint64_t* const place = context;
  if (when_called_back != NULL) {
    when_called_back();
  }
  uint64_t state = __atomic_load_n(place, __ATOMIC_RELAXED);
  for (size_t i = 0; i < size; ++i) {
    state =
        state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    out[i] = (uint8_t)(state >> 56);
  }
  __atomic_store_n(place, state, __ATOMIC_RELAXED);
}

natkit_address At(const char* text) {
  natkit_address address;
  CHECK_EQ(natkit_address_parse(text, &address), 0);
  return address;
}

int KindOf(const char* name) {
  for (size_t i = 0; i < misuse_kind_count; ++i) {
    if (strcmp(misuse_kinds[i].name, name) == 0) {
      return (int)i;
    }
  }
  fprintf(stderr, "no handle is a %s\n", name);
  exit(1);
}

void* Adopt(int kind, void* handle) {
  CHECK(made_count < kMaxHandles);
  made[made_count].kind = kind;
  made[made_count++].handle = handle;
  return handle;
}

void* Live(int kind) {
  CHECK(misuse_kind_count <= kMaxHandles);
  if (live[kind] == NULL) {
    live[kind] = Adopt(kind, misuse_kinds[kind].make());
    CHECK(live[kind] != NULL);
  }
  return live[kind];
}

void FreshHandles(void) {
  while (made_count > 0) {
    --made_count;
    misuse_kinds[made[made_count].kind].free(made[made_count].handle);
  }
  memset(live, 0, sizeof live);
  random_state = 7;
}

static void* LiveOf(const char* name) {
  return Live(KindOf(name));
}

/* STUN. */

void* Make_stun_client(void);
void* Make_stun_transaction(void);
void* Make_stun_server(void);
void StartClient(void);
void StartTransaction(void);

void* Make_stun_client(void) {
  natkit_stun_client* client = NULL;
  natkit_stun_client_config config;
  natkit_init(&config);
  config.server = At("192.0.2.1:3478");
  config.random = &repeatable;
  CHECK_EQ(natkit_stun_client_new(&config, &client), 0);
  return client;
}

void StartClient(void) {
  CHECK_EQ(natkit_stun_client_start(LiveOf("natkit_stun_client"), 1), 0);
}

void* Make_stun_transaction(void) {
  static const uint8_t id[NATKIT_STUN_ID_SIZE];
  uint8_t request[64];
  natkit_stun_builder builder;
  natkit_stun_transaction* transaction = NULL;
  natkit_stun_transaction_config config;
  natkit_init(&config);
  config.server = At("192.0.2.1:3478");
  config.request = request;
  CHECK_EQ(natkit_stun_begin(&builder, request, sizeof request,
                             NATKIT_STUN_REQUEST, NATKIT_STUN_BINDING, id),
           0);
  config.request_size = (size_t)natkit_stun_finish(&builder);
  CHECK_EQ(natkit_stun_transaction_new(&config, &transaction), 0);
  return transaction;
}

void StartTransaction(void) {
  natkit_stun_transaction* const transaction =
      LiveOf("natkit_stun_transaction");
  const int code = natkit_stun_transaction_start(transaction, 1);
  CHECK(code == 0 || code == NATKIT_ERR_INVALID_STATE);
}

void* Make_stun_server(void) {
  natkit_stun_server* server = NULL;
  natkit_stun_server_config config;
  natkit_init(&config);
  config.random = &repeatable;
  config.no_rate_limit = 1;
  CHECK_EQ(natkit_stun_server_new(&config, &server), 0);
  return server;
}

/* Behaviour discovery. */

void* Make_behavior(void);
void* Make_nat_check(void);
void StartBehavior(void);

void* Make_behavior(void) {
  const natkit_address server = At("127.0.0.1:9");
  const natkit_address local = At("127.0.0.1");
  natkit_behavior* behavior = NULL;
  natkit_behavior_config config;
  natkit_init(&config);
  config.servers = &server;
  config.server_count = 1;
  config.local_addresses = &local;
  config.local_address_count = 1;
  config.random = &repeatable;
  CHECK_EQ(natkit_behavior_new(&config, &behavior), 0);
  return behavior;
}

void StartBehavior(void) {
  const int code = natkit_behavior_start(LiveOf("natkit_behavior"), 1);
  CHECK(code == 0 || code == NATKIT_ERR_INVALID_STATE);
}

void* Make_nat_check(void) {
  natkit_behavior* const behavior =
      Adopt(KindOf("natkit_behavior"), Make_behavior());
  natkit_nat_check* check = NULL;
  CHECK_EQ(natkit_nat_check_new(behavior, &check), 0);
  return check;
}

/* ICE. */

void* Make_ice_agent(void);
void* Make_ice_mux(void);

void* Make_ice_agent(void) {
  const natkit_address base = At("192.0.2.7:5000");
  const natkit_address remote = At("192.0.2.8:5000");
  natkit_ice_agent* agent = NULL;
  natkit_ice_agent_config config;
  natkit_init(&config);
  config.random = &repeatable;
  CHECK_EQ(natkit_ice_agent_new(&config, &agent), 0);
  CHECK_EQ(natkit_ice_agent_add_host_base(agent, 1, &base), 0);
  CHECK_EQ(natkit_ice_agent_set_remote_credentials(agent, 1, "wxyz",
                                                   "0123456789012345678901"),
           0);
  CHECK_EQ(natkit_ice_agent_add_remote_hint(agent, 1, &remote), 0);
  return agent;
}

void* Make_ice_mux(void) {
  natkit_ice_mux* mux = NULL;
  CHECK_EQ(natkit_ice_mux_new(NULL, &mux), 0);
  CHECK_EQ(natkit_ice_mux_set_ufrag(mux, 1, "wxyz"), 0);
  return mux;
}

/* WireGuard. */

void* Make_wg_device(void);
void* Make_wg_tunnel(void);

static void MakeKeyPair(uint8_t first, uint8_t* private_key,
                        uint8_t* public_key) {
  memset(private_key, first, NATKIT_KEY_SIZE);
  CHECK_EQ(natkit_key_get_public(private_key, public_key), 0);
}

void* Make_wg_device(void) {
  uint8_t peer_key[NATKIT_KEY_SIZE];
  natkit_prefix prefix = {At("10.0.0.0"), 8};
  natkit_wg_device* device = NULL;
  natkit_wg_device_config config;
  natkit_wg_peer_config peer;
  natkit_init(&config);
  natkit_init(&peer);
  config.random = &repeatable;
  config.now_ns = 1;
  config.wall_clock_ns = 1;
  memset(config.private_key, 1, sizeof config.private_key);
  MakeKeyPair(2, peer_key, peer.public_key);
  peer.endpoint = At("192.0.2.8:51820");
  peer.allowed_ips = &prefix;
  peer.allowed_ip_count = 1;
  CHECK_EQ(natkit_wg_device_new(&config, &device), 0);
  CHECK_EQ(natkit_wg_device_set_peer(device, 1, &peer, NULL), 0);
  return device;
}

void* Make_wg_tunnel(void) {
  uint8_t peer_key[NATKIT_KEY_SIZE];
  natkit_wg_tunnel* tunnel = NULL;
  natkit_wg_tunnel_config config;
  natkit_init(&config);
  config.random = &repeatable;
  config.now_ns = 1;
  config.wall_clock_ns = 1;
  memset(config.private_key, 1, sizeof config.private_key);
  MakeKeyPair(2, peer_key, config.public_key);
  CHECK_EQ(natkit_wg_tunnel_new(&config, &tunnel), 0);
  return tunnel;
}

/* DERP and TLS. */

void* Make_derp_client(void);
void* Make_tls_context(void);
void* MakeServerContext(void);
void* Make_tls_channel(void);
void StartDerpClient(void);

void* Make_derp_client(void) {
  static const uint8_t private_key[NATKIT_KEY_SIZE] = {1, 2, 3};
  natkit_derp_client* client = NULL;
  natkit_derp_client_config config;
  natkit_init(&config);
  config.random = &repeatable;
  config.private_key = private_key;
  config.host = "relay.example";
  CHECK_EQ(natkit_derp_client_new(&config, &client), 0);
  return client;
}

void StartDerpClient(void) {
  const int code =
      natkit_derp_client_start(LiveOf("natkit_derp_client"), 1, NULL);
  CHECK(code == 0 || code == NATKIT_ERR_INVALID_STATE);
}

static char chain_pem[kPemSize];
static char key_pem[kPemSize];

const char* ChainPem(void) {
  if (chain_pem[0] == '\0') {
    CHECK_EQ(
        natkit_tls_make_self_signed("relay.example", 1700000000, chain_pem,
                                    sizeof chain_pem, key_pem, sizeof key_pem),
        0);
  }
  return chain_pem;
}

const char* KeyPem(void) {
  (void)ChainPem();
  return key_pem;
}

void* Make_tls_context(void) {
  natkit_tls_context* context = NULL;
  natkit_tls_client_config config;
  natkit_init(&config);
  CHECK_EQ(natkit_tls_context_new_client(&config, &context), 0);
  return context;
}

void* MakeServerContext(void) {
  natkit_tls_context* context = NULL;
  natkit_tls_server_config config;
  natkit_init(&config);
  config.chain_pem = ChainPem();
  config.key_pem = KeyPem();
  CHECK_EQ(natkit_tls_context_new_server(&config, &context), 0);
  return context;
}

void* Make_tls_channel(void) {
  natkit_tls_channel* channel = NULL;
  CHECK_EQ(natkit_tls_channel_connect(LiveOf("natkit_tls_context"),
                                      "relay.example", NULL, &channel),
           0);
  return channel;
}

/* Hubs. */

void* Make_hub(void);
void* Make_agent(void);

void* Make_hub(void) {
  natkit_hub* hub = NULL;
  natkit_hub_config config;
  natkit_init(&config);
  config.flags =
      NATKIT_HUB_LOOPBACK | NATKIT_HUB_NO_IPV6 | NATKIT_HUB_NO_NETWORK_WATCH;
  config.random = &repeatable;
  CHECK_EQ(natkit_hub_new(&config, &hub), 0);
  return hub;
}

void* Make_agent(void) {
  natkit_agent* agent = NULL;
  CHECK_EQ(natkit_agent_new(LiveOf("natkit_hub"), NULL, &agent), 0);
  return agent;
}
