/* Memory for arguments; see misuse.h. */
#define _DEFAULT_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "misuse.h"

enum { kCanaries = 256, kCanary = 0xA5 };

static uint8_t* memory;
static size_t guard; /* bytes after each place that may not be touched */
static size_t used[kPlaces];
static int extras;

static uint8_t* EndOf(int index) {
  return memory + ((size_t)index + 1) * (kPlaceSize + guard) - guard;
}

static void Map(void) {
  guard = (size_t)sysconf(_SC_PAGESIZE);
  const size_t all = kPlaces * (kPlaceSize + guard);
  memory = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
  CHECK(memory != MAP_FAILED);
  for (int i = 0; i < kPlaces; ++i) {
    CHECK_EQ(mprotect(EndOf(i), guard, PROT_NONE), 0);
  }
}

void* Place(int index, size_t size) {
  if (memory == NULL) {
    Map();
  }
  CHECK(index >= 0 && index < kPlaces);
  CHECK(size <= kPlaceSize - kCanaries);
  used[index] = size;
  uint8_t* const place = EndOf(index) - size;
  memset(place - kCanaries, kCanary, kCanaries);
  memset(place, 0, size);
  return place;
}

void* Extra(size_t size) {
  return Place(kFirstExtra + extras++, size);
}

void* ExtraCopy(const void* data, size_t size) {
  return memcpy(Extra(size), data, size);
}

void NoExtras(void) {
  extras = 0;
}

int PlacesAreIntact(void) {
  int is_intact = 1;
  for (int i = 0; i < kFirstExtra + extras; ++i) {
    const uint8_t* const place = EndOf(i) - used[i];
    for (int k = 1; k <= kCanaries && used[i] != 0; ++k) {
      is_intact &= place[-k] == kCanary;
    }
  }
  return is_intact;
}

void Forbid(int index) {
  CHECK_EQ(mprotect(EndOf(index) - kPlaceSize, kPlaceSize, PROT_NONE), 0);
}

void Allow(int index) {
  CHECK_EQ(
      mprotect(EndOf(index) - kPlaceSize, kPlaceSize, PROT_READ | PROT_WRITE),
      0);
}

int IsInPlace(int index, const void* address) {
  const uint8_t* const byte = address;
  return memory != NULL && byte >= EndOf(index) - kPlaceSize &&
         byte < EndOf(index);
}
