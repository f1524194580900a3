/* Good arguments that are structures; see misuse.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "misuse.h"

static size_t Put(void* out, const void* from, size_t size) {
  memcpy(out, from, size);
  return size;
}

static char* TextOf(const char* text) {
  return ExtraCopy(text, strlen(text) + 1);
}

static natkit_random* Random(void) {
  uint64_t* const state = Extra(sizeof *state);
  const natkit_random random = {FillRepeatably, state};
  return ExtraCopy(&random, sizeof random);
}

static natkit_address* AddressOf(const char* text) {
  const natkit_address address = At(text);
  return ExtraCopy(&address, sizeof address);
}

#define STRUCTURE(type)             \
  static void Set_##type(type* it); \
  size_t Fill_##type(void* out);    \
  size_t Fill_##type(void* out) {   \
    type it;                        \
    memset(&it, 0, sizeof it);      \
    Set_##type(&it);                \
    Put(out, &it, sizeof it);       \
    return 1;                       \
  }                                 \
  static void Set_##type(type* it)

STRUCTURE(natkit_address) {
  *it = At("192.0.2.7:5000");
}

STRUCTURE(natkit_random) {
  *it = *Random();
}

static void* Allocate(void* context, size_t size) {
  (void)context;
  return malloc(size);
}

static void Release(void* context, void* block, size_t size) {
  (void)context;
  (void)size;
  free(block);
}

STRUCTURE(natkit_allocator) {
  natkit_init(it);
  it->allocate = Allocate;
  it->release = Release;
}

STRUCTURE(natkit_packet) {
  it->data = Extra(28);
  it->size = FillIpPacket(it->data);
  it->remote = At("192.0.2.8:51820");
  it->local = At("192.0.2.7:51820");
}

STRUCTURE(natkit_batch) {
  natkit_init(it);
  it->memory_size = 8192;
  it->memory = Extra(it->memory_size);
  it->packet_capacity = 4;
  it->packets = Extra(4 * sizeof *it->packets);
}

STRUCTURE(natkit_stun_key) {
  *it = StunKey();
}

STRUCTURE(natkit_stun_client_config) {
  natkit_init(it);
  it->server = At("192.0.2.1:3478");
  it->software = TextOf("test");
  it->username = TextOf("somebody");
  it->password = TextOf("password");
  it->random = Random();
}

STRUCTURE(natkit_stun_transaction_config) {
  const natkit_stun_key key = StunKey();
  uint8_t request[2048];
  static const uint16_t types[] = {0x7001, 0x7002};
  natkit_init(it);
  it->server = At("192.0.2.1:3478");
  it->request_size = FillSignedMessage(request);
  it->request = ExtraCopy(request, it->request_size);
  it->key = ExtraCopy(&key, sizeof key);
  it->understood = ExtraCopy(types, sizeof types);
  it->understood_count = 2;
}

STRUCTURE(natkit_stun_server_config) {
  const natkit_stun_user user = {TextOf("somebody"), TextOf("password")};
  const natkit_stun_endpoints set = {
      At("192.0.2.1:3478"), At("192.0.2.2:3479"), {0}, {0}};
  uint8_t key[NATKIT_KEY_SIZE];
  natkit_init(it);
  it->software = TextOf("test");
  it->mechanism = NATKIT_STUN_LONG_TERM;
  it->realm = TextOf("example.org");
  it->users = ExtraCopy(&user, sizeof user);
  it->user_count = 1;
  it->nonce_key = ExtraCopy(key, FillKey(key));
  it->endpoint_sets = ExtraCopy(&set, sizeof set);
  it->endpoint_set_count = 1;
  it->table_size = 16;
  it->random = Random();
}

STRUCTURE(natkit_behavior_config) {
  const natkit_prefix prefix = {At("64:ff9b::"), 96};
  natkit_init(it);
  it->servers = AddressOf("192.0.2.1:3478");
  it->server_count = 1;
  it->local_addresses = AddressOf("192.168.1.2");
  it->local_address_count = 1;
  it->nat64_prefixes = ExtraCopy(&prefix, sizeof prefix);
  it->nat64_prefix_count = 1;
  it->portal_host = TextOf("a.example");
  it->portal_path = TextOf("/");
  it->random = Random();
}

STRUCTURE(natkit_ice_candidate) {
  it->type = NATKIT_ICE_HOST;
  it->priority = 2130706431;
  it->address = At("192.0.2.9:5000");
  memcpy(it->foundation, "1", 2);
}

STRUCTURE(natkit_ice_agent_config) {
  natkit_init(it);
  it->random = Random();
  it->stun_servers = AddressOf("192.0.2.1:3478");
  it->stun_server_count = 1;
}

STRUCTURE(natkit_ice_keepalive) {
  natkit_init(it);
}

STRUCTURE(natkit_ice_mux_config) {
  natkit_init(it);
}

STRUCTURE(natkit_wg_device_config) {
  natkit_init(it);
  it->random = Random();
  it->now_ns = 1;
  it->wall_clock_ns = 1;
  FillKey(it->private_key);
}

STRUCTURE(natkit_wg_peer_config) {
  const natkit_prefix prefix = {At("10.1.0.0"), 16};
  natkit_init(it);
  it->allowed_ips = ExtraCopy(&prefix, sizeof prefix);
  it->allowed_ip_count = 1;
  FillKey(it->public_key);
  it->endpoint = At("192.0.2.9:51820");
}

STRUCTURE(natkit_wg_tunnel_config) {
  const natkit_prefix prefix = {At("10.1.0.0"), 16};
  natkit_init(it);
  it->random = Random();
  it->now_ns = 1;
  it->wall_clock_ns = 1;
  it->allowed_ips = ExtraCopy(&prefix, sizeof prefix);
  it->allowed_ip_count = 1;
  FillKey(it->private_key);
  it->public_key[0] = 9;
}

STRUCTURE(natkit_derp_client_config) {
  uint8_t key[NATKIT_KEY_SIZE];
  natkit_init(it);
  it->random = Random();
  it->private_key = ExtraCopy(key, FillKey(key));
  it->mesh_key = ExtraCopy(key, FillKey(key));
  it->host = TextOf("relay.example");
  it->ideal_node = TextOf("1a");
  it->app_name = TextOf("test");
}

static const char* const* Alpn(void) {
  const char* const alpn = TextOf("h2");
  return ExtraCopy(&alpn, sizeof alpn);
}

STRUCTURE(natkit_tls_client_config) {
  natkit_init(it);
  it->roots_pem = TextOf(ChainPem());
  it->alpn = Alpn();
  it->alpn_count = 1;
}

STRUCTURE(natkit_tls_server_config) {
  const uint8_t* const appended = ExtraCopy("appended", 8);
  const size_t size = 8;
  natkit_init(it);
  it->chain_pem = TextOf(ChainPem());
  it->key_pem = TextOf(KeyPem());
  it->appended = ExtraCopy(&appended, sizeof appended);
  it->appended_sizes = ExtraCopy(&size, sizeof size);
  it->appended_count = 1;
  it->alpn = Alpn();
  it->alpn_count = 1;
}

static void Ignore(void* context, natkit_log_level level, const char* text) {
  (void)context;
  (void)level;
  (void)text;
}

/* A bound socket that hubs duplicate. */
static int Socket(void) {
  static int socket_fd = -1;
  struct sockaddr_in address = {0};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (socket_fd < 0) {
    /* Beyond the small numbers, which other functions are given. */
    const int low = socket(AF_INET, SOCK_DGRAM, 0);
    socket_fd = fcntl(low, F_DUPFD_CLOEXEC, 500);
    close(low);
    CHECK_EQ(bind(socket_fd, (struct sockaddr*)&address, sizeof address), 0);
  }
  return socket_fd;
}

STRUCTURE(natkit_hub_config) {
  const int bound = Socket();
  const char* const ignored = TextOf("tun*");
  const natkit_log log = {Ignore, NULL};
  natkit_init(it);
  it->flags =
      NATKIT_HUB_LOOPBACK | NATKIT_HUB_NO_IPV6 | NATKIT_HUB_NO_NETWORK_WATCH;
  it->sockets = ExtraCopy(&bound, sizeof bound);
  it->socket_count = 1;
  it->ignored_interfaces = ExtraCopy(&ignored, sizeof ignored);
  it->ignored_interface_count = 1;
  it->roots_pem = TextOf(ChainPem());
  it->random = Random();
  it->log = ExtraCopy(&log, sizeof log);
}

STRUCTURE(natkit_relay) {
  natkit_init(it);
  it->name = TextOf("relay");
  it->host = TextOf("relay.example");
  it->addresses = AddressOf("127.0.0.1:443");
  it->address_count = 1;
  it->is_plain = 1;
  it->certificate_name = TextOf("relay.example");
}

STRUCTURE(natkit_agent_config) {
  natkit_init(it);
  FillKey(it->peer_key);
}
