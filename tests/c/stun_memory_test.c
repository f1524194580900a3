/* What natkit/stun_message.h and natkit/stun_server.h say not to allocate. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"

static long calls;
static long blocks;

static void* Allocate(void* context, size_t size) {
  (void)context;
  ++calls;
  ++blocks;
  return malloc(size);
}

static void Release(void* context, void* memory, size_t size) {
  (void)context;
  (void)size;
  --blocks;
  free(memory);
}

static void CountAllocations(void) {
  natkit_allocator allocator;
  natkit_init(&allocator);
  allocator.allocate = Allocate;
  allocator.release = Release;
  CHECK_EQ(natkit_set_allocator(&allocator), 0);
  CHECK_EQ(calls, 0);
}

static natkit_address Address(const char* text) {
  natkit_address address;
  CHECK_EQ(natkit_address_parse(text, &address), 0);
  return address;
}

/* An error response with everything. */
static size_t Build(uint8_t* out, size_t capacity, const natkit_stun_key* key,
                    const natkit_address* address) {
  static const uint8_t id[NATKIT_STUN_ID_SIZE] = {1};
  static const uint16_t types[] = {0x7001, 0x7002};
  natkit_stun_builder builder;
  natkit_stun_begin(&builder, out, capacity, NATKIT_STUN_ERROR_RESPONSE,
                    NATKIT_STUN_BINDING, id);
  natkit_stun_add_error(&builder, 420, NULL);
  natkit_stun_add_types(&builder, types, 2);
  natkit_stun_add_text(&builder, NATKIT_STUN_SOFTWARE, "a program");
  natkit_stun_add_address(&builder, NATKIT_STUN_XOR_MAPPED_ADDRESS, address);
  natkit_stun_add_u32(&builder, NATKIT_STUN_PRIORITY, 1);
  natkit_stun_add_u64(&builder, NATKIT_STUN_ICE_CONTROLLED, 1);
  natkit_stun_add(&builder, NATKIT_STUN_PADDING, id, sizeof id);
  if (key != NULL) {
    natkit_stun_add_integrity(&builder, key, NATKIT_STUN_HMAC_SHA1);
    natkit_stun_add_integrity(&builder, key, NATKIT_STUN_HMAC_SHA256);
  }
  natkit_stun_add_fingerprint(&builder);
  const int size = natkit_stun_finish(&builder);
  CHECK(size > 0);
  return (size_t)size;
}

static void Read(const uint8_t* data, size_t size) {
  natkit_stun_header header;
  natkit_stun_attribute attributes[16];
  natkit_address address;
  uint16_t types[8];
  uint32_t u32;
  uint64_t u64;
  char text[NATKIT_STUN_TEXT_SIZE];
  CHECK_EQ(natkit_stun_is_message(data, size), 1);
  CHECK_EQ(natkit_stun_make_id(NULL, header.id), 0);
  CHECK_EQ(natkit_stun_parse(data, size, &header), 0);
  CHECK(natkit_stun_get_attributes(data, size, attributes, 16) >= 8);
  CHECK_EQ(natkit_stun_get_mapped_address(data, size, &address), 0);
  CHECK_EQ(
      natkit_stun_get_text(data, size, NATKIT_STUN_SOFTWARE, text, sizeof text),
      9);
  CHECK_EQ(natkit_stun_get_u32(data, size, NATKIT_STUN_PRIORITY, &u32), 0);
  CHECK_EQ(natkit_stun_get_u64(data, size, NATKIT_STUN_ICE_CONTROLLED, &u64),
           0);
  CHECK_EQ(natkit_stun_get_error(data, size, text, sizeof text), 420);
  CHECK_EQ(natkit_stun_get_types(data, size, types, 8), 2);
  CHECK_EQ(natkit_stun_get_unknown_required(data, size, NULL, 0, types, 8), 2);
}

static void MessagesDoNotAllocate(void) {
  uint8_t buffer[512];
  const natkit_address address = Address("192.0.2.1:80");
  const long before = calls;
  Read(buffer, Build(buffer, sizeof buffer, NULL, &address));
  CHECK_EQ(calls, before);
}

static void IntegrityGivesItsMemoryBack(void) {
  uint8_t buffer[512];
  natkit_stun_key key;
  const natkit_address address = Address("192.0.2.1:80");
  const long before = blocks;
  CHECK_EQ(natkit_stun_make_short_term_key("secret", &key), 0);
  const size_t size = Build(buffer, sizeof buffer, &key, &address);
  for (uint32_t kind = 0; kind <= 2; ++kind) {
    CHECK_EQ(natkit_stun_verify(buffer, size, &key, kind), 0);
  }
  CHECK_EQ(blocks, before);
}

static void ServersDoNotAllocate(void) {
  static uint8_t memory[8 * NATKIT_STUN_MAX_RESPONSE_SIZE];
  uint8_t request[64];
  static const uint8_t id[NATKIT_STUN_ID_SIZE] = {1};
  natkit_stun_builder builder;
  natkit_stun_server_config config;
  natkit_stun_server* server = NULL;
  natkit_packet packets[8];
  natkit_packet replies[8];
  natkit_batch batch;
  natkit_stun_begin(&builder, request, sizeof request, NATKIT_STUN_REQUEST,
                    NATKIT_STUN_BINDING, id);
  natkit_stun_add_fingerprint(&builder);
  const int size = natkit_stun_finish(&builder);
  natkit_init(&config);
  config.software = "test";
  config.no_rate_limit = 1;
  CHECK_EQ(natkit_stun_server_new(&config, &server), 0);
  memset(packets, 0, sizeof packets);
  for (size_t i = 0; i < 8; ++i) {
    packets[i].data = request;
    packets[i].size = (size_t)size;
    packets[i].remote = Address("203.0.113.7:41641");
  }
  natkit_init(&batch);
  batch.memory = memory;
  batch.memory_size = sizeof memory;
  batch.packets = replies;
  batch.packet_capacity = 8;
  const long before = calls;
  for (uint64_t i = 0; i < 1000; ++i) {
    batch.memory_used = 0;
    batch.packet_count = 0;
    CHECK_EQ(natkit_stun_server_handle_batch(server, i * NATKIT_MILLISECOND,
                                             packets, 8, &batch),
             8);
  }
  CHECK_EQ(calls, before);
  natkit_stun_server_free(server);
}

int main(void) {
  CountAllocations();
  RUN(MessagesDoNotAllocate);
  RUN(IntegrityGivesItsMemoryBack);
  RUN(ServersDoNotAllocate);
  return 0;
}
