/* natkit_set_allocator() of libnatkit.so and libnatkit.a. */
#include <stdint.h>
#include <string.h>

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

/* Something that needs memory: a long text. */
static void Work(void) {
  static const uint8_t key[NATKIT_KEY_SIZE] = {1, 2, 3};
  char text[NATKIT_KEY_TEXT_SIZE];
  CHECK_EQ(natkit_key_format(key, text, sizeof text), 44);
}

static void AllMemoryComesFromTheAllocatorAndGoesBack(void) {
  struct pool pool = {0, 0, 0};
  Use(&pool);
  const long before = system_calls;
  Work();
  CHECK_EQ(system_calls, before);
  CHECK(pool.calls > 0);
  CHECK_EQ(pool.blocks, 0);
  CHECK_EQ(pool.bytes, 0);
  CHECK_EQ(natkit_set_allocator(NULL), 0);
}

static void WithoutOneItComesFromTheSystem(void) {
  struct pool pool = {0, 0, 0};
  Use(&pool);
  CHECK_EQ(natkit_set_allocator(NULL), 0);
  const long before = system_calls;
  Work();
  CHECK(system_calls > before);
  CHECK_EQ(pool.calls, 0);
}

/* Called while a call to natkit holds memory. */
static void ChangeAllocator(void* context, uint8_t* out, size_t size) {
  Use(context);
  memset(out, 7, size);
}

static void BlocksGoBackToTheAllocatorTheyCameFrom(void) {
  struct pool first = {0, 0, 0};
  struct pool second = {0, 0, 0};
  const natkit_random random = {ChangeAllocator, &second};
  uint8_t key[NATKIT_KEY_SIZE];
  Use(&first);
  CHECK_EQ(natkit_key_generate(&random, key), 0);
  CHECK(first.calls > 0);
  CHECK_EQ(first.blocks, 0);
  const long calls = first.calls;
  Work();
  CHECK_EQ(first.calls, calls);
  CHECK(second.calls > 0);
  CHECK_EQ(second.blocks, 0);
  CHECK_EQ(natkit_set_allocator(NULL), 0);
}

static void SettingTheSameOneAgainCostsNothing(void) {
  struct pool pool = {0, 0, 0};
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
  Work();
}

int main(void) {
  RUN(AllMemoryComesFromTheAllocatorAndGoesBack);
  RUN(WithoutOneItComesFromTheSystem);
  RUN(BlocksGoBackToTheAllocatorTheyCameFrom);
  RUN(SettingTheSameOneAgainCostsNothing);
  RUN(RefusesWhatIsNone);
  return 0;
}
