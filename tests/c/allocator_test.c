/* natkit_set_allocator() of libnatkit.so and libnatkit.a. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "natkit/natkit.h"

/* glibc's malloc(), past the one below. */
extern void* __libc_malloc(size_t size);
extern void __libc_free(void* memory);

/* Calls that did not come by the allocator. */
static long system_calls;

void* malloc(size_t size) {
  ++system_calls;
  return __libc_malloc(size);
}

/* An allocator that knows its blocks. */
struct pool {
  long calls;
  long blocks;
  size_t bytes;
};

struct block {
  struct pool* owner;
  size_t size;
};

static void* Allocate(void* context, size_t size) {
  struct pool* const pool = context;
  struct block* const block = __libc_malloc(sizeof *block + size);
  CHECK(size > 0 && block != NULL);
  block->owner = pool;
  block->size = size;
  ++pool->calls;
  ++pool->blocks;
  pool->bytes += size;
  return block + 1;
}

static void Release(void* context, void* memory, size_t size) {
  struct pool* const pool = context;
  struct block* const block = (struct block*)memory - 1;
  CHECK(block->owner == pool);
  CHECK(block->size == size);
  block->owner = NULL;
  --pool->blocks;
  pool->bytes -= size;
  __libc_free(block);
}

static void Use(struct pool* pool) {
  natkit_allocator allocator;
  natkit_init(&allocator);
  allocator.allocate = Allocate;
  allocator.release = Release;
  allocator.context = pool;
  CHECK_EQ(natkit_set_allocator(&allocator), 0);
}

/* Both directions, until there is nothing. */
static void Carry(natkit_tls_channel* a, natkit_tls_channel* b) {
  uint8_t bytes[4096];
  for (int i = 0; i < 8; ++i) {
    natkit_tls_channel* const from = i % 2 == 0 ? a : b;
    natkit_tls_channel* const to = i % 2 == 0 ? b : a;
    int size = 0;
    while ((size = natkit_tls_channel_read_ciphertext(from, bytes,
                                                      sizeof bytes)) > 0) {
      CHECK_EQ(natkit_tls_channel_handle_ciphertext(to, bytes, (size_t)size),
               0);
    }
  }
}

/* Handles of all kinds of things that the library has inside: BoringSSL,
 * libsodium and the C++ runtime. */
struct work {
  natkit_tls_channel* client;
  natkit_tls_channel* server;
  natkit_ice_agent* agent;
  natkit_wg_device* device;
};

static struct work Begin(void) {
  static const uint64_t today = 1767225600;
  char chain[NATKIT_TLS_PEM_SIZE];
  char key[NATKIT_TLS_PEM_SIZE];
  char pin[NATKIT_TLS_PIN_SIZE];
  struct work work = {NULL, NULL, NULL, NULL};
  CHECK_EQ(natkit_tls_make_self_signed("a.example", today, chain, sizeof chain,
                                       key, sizeof key),
           0);
  CHECK(natkit_tls_get_pin(chain, pin, sizeof pin) > 0);

  natkit_tls_server_config server;
  natkit_tls_client_config client;
  natkit_tls_context* servers = NULL;
  natkit_tls_context* clients = NULL;
  natkit_init(&server);
  server.chain_pem = chain;
  server.key_pem = key;
  natkit_init(&client);
  client.verification_time_s = today;
  CHECK_EQ(natkit_tls_context_new_server(&server, &servers), 0);
  CHECK_EQ(natkit_tls_context_new_client(&client, &clients), 0);
  CHECK_EQ(natkit_tls_channel_accept(servers, &work.server), 0);
  CHECK_EQ(natkit_tls_channel_connect(clients, "a.example", pin, &work.client),
           0);
  natkit_tls_context_free(servers);
  natkit_tls_context_free(clients);
  Carry(work.client, work.server);
  CHECK_EQ(natkit_tls_channel_is_handshake_done(work.client), 1);

  natkit_ice_agent_config agent;
  natkit_address base;
  natkit_init(&agent);
  CHECK_EQ(natkit_ice_agent_new(&agent, &work.agent), 0);
  CHECK_EQ(natkit_address_parse("192.0.2.1:7", &base), 0);
  CHECK_EQ(natkit_ice_agent_add_host_base(work.agent, 1, &base), 0);

  natkit_wg_device_config device;
  natkit_init(&device);
  device.wall_clock_ns = natkit_wall_clock_ns();
  CHECK_EQ(natkit_wg_device_new(&device, &work.device), 0);
  return work;
}

static void End(struct work* work) {
  natkit_tls_channel_free(work->client);
  natkit_tls_channel_free(work->server);
  natkit_ice_agent_free(work->agent);
  natkit_wg_device_free(work->device);
}

/* A little stays for the whole run: tables and caches that are made once. They
 * are in the pool of who came first, which has to live as long. */
static struct pool whole_run;

static void AllMemoryComesFromTheAllocatorAndGoesBack(void) {
  const long before = system_calls;
  Use(&whole_run);
  const long for_the_copy = system_calls - before;
  CHECK(for_the_copy <= 1);
  struct work work = Begin();
  CHECK(whole_run.blocks > 0);
  End(&work);
  CHECK_EQ(system_calls, before + for_the_copy);
  const long kept = whole_run.blocks;
  const size_t kept_bytes = whole_run.bytes;
  CHECK(kept < 100);
  for (int i = 0; i < 5; ++i) {
    work = Begin();
    End(&work);
    CHECK_EQ(whole_run.blocks, kept);
    CHECK_EQ(whole_run.bytes, kept_bytes);
  }
  CHECK_EQ(system_calls, before + for_the_copy);
  CHECK_EQ(natkit_set_allocator(NULL), 0);
}

static void WithoutOneItComesFromTheSystem(void) {
  const long calls = whole_run.calls;
  const long before = system_calls;
  struct work work = Begin();
  End(&work);
  CHECK(system_calls > before + 100);
  CHECK_EQ(whole_run.calls, calls);
}

static void BlocksGoBackToTheAllocatorTheyCameFrom(void) {
  static struct pool first;
  static struct pool second;
  Use(&first);
  struct work work = Begin();
  const long blocks = first.blocks;
  const long calls = first.calls;
  Use(&second);
  struct work other = Begin();
  CHECK_EQ(first.calls, calls);
  CHECK(second.blocks > 0);
  CHECK_EQ(natkit_set_allocator(NULL), 0);
  End(&work);
  CHECK(first.blocks < blocks);
  CHECK_EQ(first.blocks, 0);
  End(&other);
  CHECK_EQ(second.blocks, 0);
  CHECK_EQ(second.bytes, 0);
}

/* A hub has sockets, an event loop (libuv) and messages (Protobuf), and asks
 * libc for addresses, which allocates for itself. */
static void RunHub(void) {
  natkit_hub_config config;
  natkit_hub* hub = NULL;
  natkit_agent* agent = NULL;
  char text[NATKIT_DESCRIPTION_SIZE];
  natkit_init(&config);
  config.flags =
      NATKIT_HUB_LOOPBACK | NATKIT_HUB_NO_IPV6 | NATKIT_HUB_NO_NETWORK_WATCH;
  CHECK_EQ(natkit_hub_new(&config, &hub), 0);
  CHECK_EQ(natkit_agent_new(hub, NULL, &agent), 0);
  CHECK(natkit_hub_process(hub) >= 0);
  CHECK(natkit_agent_get_local_description(agent, text, sizeof text) > 0);
  natkit_agent_free(agent);
  natkit_hub_free(hub);
}

static void HubsGiveTheirMemoryBack(void) {
  static struct pool pool;
  Use(&pool);
  RunHub();
  CHECK(pool.calls > 0);
  const long kept = pool.blocks;
  const size_t kept_bytes = pool.bytes;
  for (int i = 0; i < 3; ++i) {
    RunHub();
    CHECK_EQ(pool.blocks, kept);
    CHECK_EQ(pool.bytes, kept_bytes);
  }
  CHECK_EQ(natkit_set_allocator(NULL), 0);
}

/* Called while a call to natkit holds memory. */
static void ChangeAllocator(void* context, uint8_t* out, size_t size) {
  Use(context);
  memset(out, 7, size);
}

static void ItMayChangeDuringACall(void) {
  static struct pool first;
  static struct pool second;
  const natkit_random random = {ChangeAllocator, &second};
  uint8_t key[NATKIT_KEY_SIZE];
  Use(&first);
  CHECK_EQ(natkit_key_generate(&random, key), 0);
  CHECK(first.calls > 0);
  CHECK_EQ(first.blocks, 0);
  CHECK_EQ(natkit_set_allocator(NULL), 0);
}

static void SettingTheSameOneAgainCostsNothing(void) {
  static struct pool pool;
  Use(&pool);
  const long before = system_calls;
  for (int i = 0; i < 100; ++i) {
    Use(&pool);
  }
  CHECK_EQ(system_calls, before);
  CHECK_EQ(natkit_set_allocator(NULL), 0);
}

static void RefusesWhatIsNone(void) {
  natkit_allocator allocator;
  natkit_init(&allocator);
  CHECK_EQ(natkit_set_allocator(&allocator), NATKIT_ERR_BAD_ARGUMENT);
  allocator.allocate = Allocate;
  CHECK_EQ(natkit_set_allocator(&allocator), NATKIT_ERR_BAD_ARGUMENT);
  allocator.release = Release;
  allocator.struct_size = sizeof(size_t);
  CHECK_EQ(natkit_set_allocator(&allocator), NATKIT_ERR_STRUCT_SIZE);
  struct work work = Begin();
  End(&work);
}

int main(void) {
  /* libc reads the time zone once, in memory of its own. */
  const time_t now = 0;
  struct tm date;
  CHECK(gmtime_r(&now, &date) != NULL);
  RUN(AllMemoryComesFromTheAllocatorAndGoesBack);
  RUN(WithoutOneItComesFromTheSystem);
  RUN(BlocksGoBackToTheAllocatorTheyCameFrom);
  RUN(HubsGiveTheirMemoryBack);
  RUN(ItMayChangeDuringACall);
  RUN(SettingTheSameOneAgainCostsNothing);
  RUN(RefusesWhatIsNone);
  return 0;
}
