/* natkit/wireguard.h: what devices refuse. */
#include <pthread.h>

#include "wg_net.h"

/* An End is large. */
static End a;
static End b;

static int NewWith(const natkit_wg_device_config* config) {
  natkit_wg_device* device = NULL;
  const int result = natkit_wg_device_new(config, &device);
  CHECK((result == 0) == (device != NULL));
  natkit_wg_device_free(device);
  return result;
}

static void NewChecksItsConfig(void) {
  natkit_wg_device* device = NULL;
  const natkit_wg_device_config good = MakeConfig(NULL, 5);
  natkit_wg_device_config config = good;
  CHECK_EQ(natkit_wg_device_new(NULL, &device), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_device_new(&good, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(NewWith(&good), 0);
  config.struct_size = sizeof config - 1;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_STRUCT_SIZE);
  config.struct_size = 0;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_STRUCT_SIZE);
  config = good;
  config.wall_clock_ns = 0;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_ARGUMENT);
  config.wall_clock_ns = UINT64_C(1) << 62;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.now_ns = UINT64_MAX;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.endpoints = 2;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_ARGUMENT);
  const natkit_random none = {NULL, NULL};
  config = good;
  config.random = &none;
  CHECK_EQ(NewWith(&config), NATKIT_ERR_BAD_ARGUMENT);
}

static void LaterVersionsOfStructuresAreTaken(void) {
  struct {
    natkit_wg_device_config config;
    uint64_t more;
  } later;

  memset(&later, 0, sizeof later);
  later.config = MakeConfig(NULL, 0);
  later.config.struct_size = sizeof later;
  CHECK_EQ(NewWith(&later.config), 0);
  later.more = 1;
  CHECK_EQ(NewWith(&later.config), NATKIT_ERR_UNSUPPORTED);

  struct {
    natkit_wg_counters counters;
    uint64_t more;
  } out;

  StartEnd(&a, 1, NULL);
  memset(&out, 0xff, sizeof out);
  out.counters.struct_size = sizeof out;
  CHECK_EQ(natkit_wg_device_get_counters(a.device, &out.counters), 0);
  CHECK_EQ(out.counters.struct_size, sizeof out);
  CHECK_EQ(out.counters.events_lost, 0);
  CHECK_EQ(out.more, 0);
  StopEnd(&a);
}

static void PeersAreChecked(void) {
  natkit_prefix prefix = Prefix("10.0.0.0", 33);
  natkit_wg_peer_config good;
  natkit_init(&good);
  good.public_key[0] = 1;
  natkit_wg_peer_config config = good;
  StartEnd(&a, 1, NULL);
  natkit_wg_device* const device = a.device;
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, NULL, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  config.struct_size = 8;
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, &config, NULL),
           NATKIT_ERR_STRUCT_SIZE);
  config = good;
  config.allowed_ip_count = 1;
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, &config, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  config.allowed_ips = &prefix;
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, &config, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  prefix.length = UINT32_MAX;
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, &config, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  prefix = Prefix("10.0.0.0", 8);
  config.allowed_ip_count = SIZE_MAX;
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, &config, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  config.allowed_ip_count = 1;
  prefix.address.family = NATKIT_FAMILY_NONE;
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, &config, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  config = good;
  config.keepalive_ns = UINT64_MAX;
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, &config, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  config.keepalive_ns = 65536 * NATKIT_SECOND;
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, &config, NULL),
           NATKIT_ERR_BAD_VALUE);
  config = good;
  config.endpoint.family = 5;
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, &config, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config); /* the zero key */
  CHECK_EQ(natkit_wg_device_set_peer(device, 0, &config, NULL),
           NATKIT_ERR_BAD_VALUE);
  CHECK_EQ(natkit_wg_device_get_peers(device, NULL, 0), 0);
  StopEnd(&a);
}

static int SendOne(natkit_packet* packet, natkit_batch* out) {
  return natkit_wg_device_send_packets(a.device, 0, packet, 1, out);
}

static int HandleOne(natkit_packet* packet, natkit_batch* plaintext,
                     natkit_batch* replies) {
  return natkit_wg_device_handle_datagrams(a.device, 0, packet, 1, plaintext,
                                           replies);
}

static void PacketsAreChecked(void) {
  static uint8_t bytes[70000];
  natkit_packet packet;
  StartEnd(&a, 1, NULL);
  natkit_batch* const out = &a.out.batch;
  natkit_batch* const in = &a.plaintext.batch;
  memset(&packet, 0, sizeof packet);
  CHECK_EQ(natkit_wg_device_send_packets(a.device, 0, NULL, 1, out),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_device_send_packets(a.device, 0, NULL, 0, out), 0);
  /* As many as a recvmmsg() that failed. */
  CHECK_EQ(natkit_wg_device_send_packets(a.device, 0, &packet, (size_t)-1, out),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_device_handle_datagrams(a.device, 0, &packet, (size_t)-1,
                                             in, out),
           NATKIT_ERR_BAD_ARGUMENT);
  packet.size = 20;
  CHECK_EQ(SendOne(&packet, out), NATKIT_ERR_BAD_ARGUMENT);
  packet.data = bytes;
  packet.size = 65536;
  CHECK_EQ(SendOne(&packet, out), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(HandleOne(&packet, in, out), NATKIT_ERR_BAD_ARGUMENT);
  packet.size = SIZE_MAX;
  CHECK_EQ(HandleOne(&packet, in, out), NATKIT_ERR_BAD_ARGUMENT);
  packet.size = 0; /* no IP packet */
  CHECK_EQ(SendOne(&packet, out), 0);
  packet.size = 65535;
  CHECK_EQ(SendOne(&packet, out), 0);
  CHECK_EQ(HandleOne(&packet, in, out), 0);
  CHECK_EQ(CountersOf(&a).drops[NATKIT_WG_DROP_BAD_PLAINTEXT], 2);
  CHECK_EQ(CountersOf(&a).drops[NATKIT_WG_DROP_MALFORMED], 1);
  packet.remote.family = 10;
  CHECK_EQ(HandleOne(&packet, in, out), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(SendOne(&packet, out), 0); /* which looks at the bytes alone */
  packet.remote.family = NATKIT_FAMILY_IPV6;
  packet.local.family = 1;
  CHECK_EQ(HandleOne(&packet, in, out), NATKIT_ERR_BAD_ARGUMENT);
  packet.local.family = NATKIT_FAMILY_IPV6;
  packet.remote.reserved = 1;
  CHECK_EQ(HandleOne(&packet, in, out), NATKIT_ERR_BAD_ARGUMENT);
  packet.remote.reserved = 0;
  packet.reserved = 1;
  CHECK_EQ(HandleOne(&packet, in, out), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(SendOne(&packet, out), 0);
  StopEnd(&a);
}

static void BatchesAreChecked(void) {
  uint8_t bytes[100] = {0x45};
  natkit_packet packet;
  StartEnd(&a, 1, NULL);
  natkit_batch* const out = &a.out.batch;
  natkit_batch* const in = &a.plaintext.batch;
  memset(&packet, 0, sizeof packet);
  packet.data = bytes;
  packet.size = sizeof bytes;
  CHECK_EQ(HandleOne(&packet, NULL, out), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(HandleOne(&packet, in, in), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_device_poll_transmit(a.device, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  natkit_batch bad = *out;
  bad.struct_size = sizeof bad - 1;
  CHECK_EQ(SendOne(&packet, &bad), NATKIT_ERR_STRUCT_SIZE);
  CHECK_EQ(HandleOne(&packet, &bad, out), NATKIT_ERR_STRUCT_SIZE);
  CHECK_EQ(HandleOne(&packet, in, &bad), NATKIT_ERR_STRUCT_SIZE);
  CHECK_EQ(natkit_wg_device_poll_transmit(a.device, &bad),
           NATKIT_ERR_STRUCT_SIZE);
  bad = *out;
  bad.memory_used = bad.memory_size + 1;
  CHECK_EQ(SendOne(&packet, &bad), NATKIT_ERR_BAD_ARGUMENT);
  bad = *out;
  bad.packet_count = bad.packet_capacity + 1;
  CHECK_EQ(SendOne(&packet, &bad), NATKIT_ERR_BAD_ARGUMENT);
  bad = *out;
  bad.memory = NULL;
  CHECK_EQ(SendOne(&packet, &bad), NATKIT_ERR_BAD_ARGUMENT);
  bad = *out;
  bad.packets = NULL;
  CHECK_EQ(SendOne(&packet, &bad), NATKIT_ERR_BAD_ARGUMENT);
  /* Sizes that nothing has. */
  bad = *out;
  bad.memory_size = SIZE_MAX;
  CHECK_EQ(SendOne(&packet, &bad), NATKIT_ERR_BAD_ARGUMENT);
  bad = *out;
  bad.packet_capacity = SIZE_MAX;
  CHECK_EQ(SendOne(&packet, &bad), NATKIT_ERR_BAD_ARGUMENT);
  /* Memory that is used twice. */
  bad = *out;
  bad.memory = in->memory + in->memory_size - 1;
  bad.memory_size = 1;
  CHECK_EQ(HandleOne(&packet, in, &bad), NATKIT_ERR_BAD_ARGUMENT);
  bad = *out;
  bad.packets = in->packets;
  CHECK_EQ(HandleOne(&packet, in, &bad), NATKIT_ERR_BAD_ARGUMENT);
  packet.data = out->memory + 1000;
  CHECK_EQ(SendOne(&packet, out), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(HandleOne(&packet, in, out), NATKIT_ERR_BAD_ARGUMENT);
  out->memory_used = 1000 + sizeof bytes; /* it lies in what is used */
  CHECK_EQ(SendOne(&packet, out), 0);
  out->packets[0] = packet;
  CHECK_EQ(SendOne(&out->packets[0], out), NATKIT_ERR_BAD_ARGUMENT);
  StopEnd(&a);
}

/* Descriptions that would be overwritten by what they describe. */
static void DescriptionsAreApartFromBytes(void) {
  uint8_t bytes[100] = {0x45};
  natkit_packet shared[4];
  natkit_packet other[4];
  StartEnd(&a, 1, NULL);
  natkit_batch* const in = &a.plaintext.batch;
  memset(shared, 0, sizeof shared);
  memset(other, 0, sizeof other);
  shared[0].data = bytes;
  shared[0].size = sizeof bytes;
  other[0] = shared[0];
  natkit_batch batch = a.out.batch;
  batch.memory = (uint8_t*)shared;
  batch.memory_size = sizeof shared;
  CHECK_EQ(SendOne(shared, &batch), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(HandleOne(shared, in, &batch), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(HandleOne(shared, &batch, in), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(SendOne(other, &batch), 0);
  batch.packets = shared;
  batch.packet_capacity = 4;
  batch.packet_count = 3;
  CHECK_EQ(SendOne(other, &batch), NATKIT_ERR_BAD_ARGUMENT);
  batch = a.out.batch;
  batch.packets = shared;
  batch.packet_capacity = 4;
  natkit_batch plaintext = *in;
  plaintext.memory = (uint8_t*)shared;
  plaintext.memory_size = sizeof shared;
  CHECK_EQ(HandleOne(other, &plaintext, &batch), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(HandleOne(other, &batch, &plaintext), NATKIT_ERR_BAD_ARGUMENT);
  StopEnd(&a);
}

static void EveryFunctionRefusesBadHandles(natkit_wg_device* bad) {
  natkit_wg_peer_status peer;
  natkit_wg_device_status status;
  natkit_wg_counters counters;
  natkit_wg_event event;
  natkit_init(&peer);
  natkit_init(&status);
  natkit_init(&counters);
  natkit_init(&event);
  const uint8_t key[NATKIT_KEY_SIZE] = {1};
  const natkit_address address = {NATKIT_FAMILY_IPV4, {1}, 0, 1};
  natkit_batch* const out = Empty(&a.out);
  natkit_batch* const in = Empty(&a.plaintext);
  uint32_t number = 0;
  uint64_t time = 0;
  const int results[] = {
      natkit_wg_device_set_private_key(bad, 0, key),
      natkit_wg_device_set_peer(bad, 0, NULL, NULL),
      natkit_wg_device_remove_peer(bad, 1),
      natkit_wg_device_set_endpoint(bad, 1, &address, NULL),
      natkit_wg_device_find_peer(bad, key, &number),
      natkit_wg_device_find_route(bad, &address, &number),
      natkit_wg_device_get_peer_status(bad, 1, &peer),
      natkit_wg_device_get_allowed_ips(bad, 1, NULL, 0),
      natkit_wg_device_get_peers(bad, NULL, 0),
      natkit_wg_device_get_status(bad, &status),
      natkit_wg_device_set_listen_port(bad, 1),
      natkit_wg_device_get_counters(bad, &counters),
      natkit_wg_device_report_load(bad, 1),
      natkit_wg_device_handle_uapi(bad, 0, "get=1", 5, NULL, 0, NULL),
      natkit_wg_device_send_packets(bad, 0, NULL, 0, out),
      natkit_wg_device_handle_datagrams(bad, 0, NULL, 0, in, out),
      natkit_wg_device_handle_timeout(bad, 0, out),
      natkit_wg_device_initiate_handshake(bad, 0, 1, 0, out),
      natkit_wg_device_send_keepalive(bad, 0, 1, out),
      natkit_wg_device_poll_transmit(bad, out),
      natkit_wg_device_poll_event(bad, &event),
      natkit_wg_device_next_timeout(bad, &time),
  };
  for (size_t i = 0; i < sizeof results / sizeof results[0]; ++i) {
    CHECK_EQ(results[i], NATKIT_ERR_BAD_HANDLE);
  }
}

static void HandlesAreChecked(void) {
  EveryFunctionRefusesBadHandles(NULL);
  EveryFunctionRefusesBadHandles((natkit_wg_device*)(uintptr_t)1);
  StartEnd(&a, 1, NULL);
  natkit_wg_device* const freed = a.device;
  StopEnd(&a);
  EveryFunctionRefusesBadHandles(freed);
  natkit_wg_device_free(freed);
  natkit_wg_device_free(NULL);
}

static void OtherPointersAreChecked(void) {
  uint8_t key[NATKIT_KEY_SIZE] = {1};
  natkit_address address;
  uint32_t number = 0;
  char text[10];
  StartEnd(&a, 1, NULL);
  natkit_wg_device* const device = a.device;
  memset(&address, 0, sizeof address);
  const int results[] = {
      natkit_wg_device_set_endpoint(device, 1, NULL, NULL),
      natkit_wg_device_set_endpoint(device, 1, &address, NULL),
      natkit_wg_device_find_peer(device, NULL, &number),
      natkit_wg_device_find_peer(device, key, NULL),
      natkit_wg_device_find_route(device, NULL, &number),
      natkit_wg_device_find_route(device, &address, &number),
      natkit_wg_device_get_allowed_ips(device, 1, NULL, 1),
      natkit_wg_device_get_peers(device, NULL, 1),
      natkit_wg_device_get_status(device, NULL),
      natkit_wg_device_get_counters(device, NULL),
      natkit_wg_device_handle_uapi(device, 0, NULL, 0, text, sizeof text, NULL),
      natkit_wg_device_handle_uapi(device, 0, "get=1", 5, NULL, 9, NULL),
      natkit_wg_device_poll_event(device, NULL),
      natkit_wg_device_next_timeout(device, NULL),
      natkit_wg_device_handle_timeout(device, UINT64_MAX, NULL),
  };
  for (size_t i = 0; i < sizeof results / sizeof results[0]; ++i) {
    CHECK_EQ(results[i], NATKIT_ERR_BAD_ARGUMENT);
  }
  StopEnd(&a);
}

static void EventsWaitForAGoodStructure(void) {
  StartSession(&a, &b);
  natkit_wg_event event;
  memset(&event, 0, sizeof event);
  CHECK_EQ(natkit_wg_device_poll_event(a.device, &event),
           NATKIT_ERR_STRUCT_SIZE);
  natkit_init(&event);
  CHECK_EQ(natkit_wg_device_poll_event(a.device, &event), 1);
  StopEnd(&a);
  StopEnd(&b);
}

/* The random source that uses the device which asks it. */
typedef struct Reentry {
  natkit_wg_device* device;
  uint64_t state;
  int is_armed;
  int is_freeing;
  int result;
} Reentry;

static void Reenter(void* context, uint8_t* out, size_t size) {
  Reentry* const reentry = context;
  FillRandom(&reentry->state, out, size);
  if (!reentry->is_armed) {
    return;
  }
  reentry->is_armed = 0;
  if (reentry->is_freeing) {
    natkit_wg_device_free(reentry->device);
  }
  uint64_t time = 0;
  reentry->result = natkit_wg_device_next_timeout(reentry->device, &time);
}

static int HandshakeWith(Reentry* reentry) {
  const natkit_random random = {Reenter, reentry};
  const natkit_wg_device_config config = MakeConfig(&random, 0);
  natkit_wg_peer_config peer;
  natkit_init(&peer);
  uint8_t key[NATKIT_KEY_SIZE];
  CHECK_EQ(natkit_key_generate(NULL, key), 0);
  CHECK_EQ(natkit_key_get_public(key, peer.public_key), 0);
  CHECK_EQ(natkit_address_parse("192.0.2.1:1", &peer.endpoint), 0);
  CHECK_EQ(natkit_wg_device_new(&config, &reentry->device), 0);
  CHECK_EQ(natkit_wg_device_set_peer(reentry->device, 0, &peer, NULL), 0);
  reentry->is_armed = 1;
  return natkit_wg_device_initiate_handshake(reentry->device, 0, 1, 0,
                                             Empty(&a.out));
}

static void CallbacksMustNotUseTheirDevice(void) {
  Reentry reentry = {NULL, 7, 0, 0, 0};
  CHECK_EQ(HandshakeWith(&reentry), 0);
  CHECK_EQ(reentry.result, NATKIT_ERR_BUSY);
  natkit_wg_device_free(reentry.device);

  reentry.is_freeing = 1; /* which takes place when the call ends */
  CHECK_EQ(HandshakeWith(&reentry), 0);
  CHECK_EQ(a.out.batch.packet_count, 1);
  CHECK_EQ(reentry.result, NATKIT_ERR_BAD_HANDLE);
  EveryFunctionRefusesBadHandles(reentry.device);
}

/* A random source that another thread waits in. */
typedef struct Gate {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int is_inside;
  int is_open;
  uint64_t state;
  natkit_wg_device* device;
} Gate;

static void WaitAtGate(void* context, uint8_t* out, size_t size) {
  Gate* const gate = context;
  pthread_mutex_lock(&gate->mutex);
  FillRandom(&gate->state, out, size);
  gate->is_inside = 1;
  pthread_cond_broadcast(&gate->changed);
  while (!gate->is_open) {
    pthread_cond_wait(&gate->changed, &gate->mutex);
  }
  pthread_mutex_unlock(&gate->mutex);
}

static void* InitiateInThread(void* context) {
  Gate* const gate = context;
  natkit_batch* const out = Empty(&a.out);
  CHECK_EQ(natkit_wg_device_initiate_handshake(gate->device, 0, 1, 0, out), 0);
  return NULL;
}

static void SecondThreadsAreRefused(void) {
  Gate gate = {
      PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 1, 5, NULL};
  const natkit_random random = {WaitAtGate, &gate};
  const natkit_wg_device_config config = MakeConfig(&random, 0);
  natkit_wg_peer_config peer;
  natkit_init(&peer);
  peer.public_key[0] = 9;
  CHECK_EQ(natkit_address_parse("192.0.2.1:1", &peer.endpoint), 0);
  CHECK_EQ(natkit_wg_device_new(&config, &gate.device), 0);
  CHECK_EQ(natkit_wg_device_set_peer(gate.device, 0, &peer, NULL), 0);
  gate.is_open = 0;
  gate.is_inside = 0;
  pthread_t thread;
  CHECK_EQ(pthread_create(&thread, NULL, InitiateInThread, &gate), 0);
  pthread_mutex_lock(&gate.mutex);
  while (!gate.is_inside) {
    pthread_cond_wait(&gate.changed, &gate.mutex);
  }
  pthread_mutex_unlock(&gate.mutex);
  uint64_t time = 0;
  CHECK_EQ(natkit_wg_device_next_timeout(gate.device, &time), NATKIT_ERR_BUSY);
  CHECK_EQ(natkit_wg_device_handle_timeout(gate.device, 0, NULL),
           NATKIT_ERR_BUSY);
  pthread_mutex_lock(&gate.mutex);
  gate.is_open = 1;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.mutex);
  CHECK_EQ(pthread_join(thread, NULL), 0);
  CHECK_EQ(natkit_wg_device_next_timeout(gate.device, &time), 1);
  natkit_wg_device_free(gate.device);
}

int main(void) {
  RUN(NewChecksItsConfig);
  RUN(LaterVersionsOfStructuresAreTaken);
  RUN(PeersAreChecked);
  RUN(PacketsAreChecked);
  RUN(BatchesAreChecked);
  RUN(DescriptionsAreApartFromBytes);
  RUN(HandlesAreChecked);
  RUN(OtherPointersAreChecked);
  RUN(EventsWaitForAGoodStructure);
  RUN(CallbacksMustNotUseTheirDevice);
  RUN(SecondThreadsAreRefused);
  return 0;
}
