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
static size_t used[kBanks][kPlaces];
static int extras[kBanks];
static _Thread_local int bank;

static void Map(void) {
  guard = (size_t)sysconf(_SC_PAGESIZE);
  const size_t one = kPlaceSize + guard;
  memory = mmap(NULL, kBanks * kPlaces * one, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (size_t i = 0; i < kBanks * kPlaces; ++i) {
    CHECK_EQ(mprotect(memory + i * one + kPlaceSize, guard, PROT_NONE), 0);
  }
}

static uint8_t* EndOf(int index) {
  if (memory == NULL) {
    Map();
  }
  const size_t place = (size_t)(bank * kPlaces + index);
  return memory + place * (kPlaceSize + guard) + kPlaceSize;
}

void* Place(int index, size_t size) {
  CHECK(index >= 0 && index < kPlaces);
  CHECK(size <= kPlaceSize - kCanaries);
  used[bank][index] = size;
  uint8_t* const place = EndOf(index) - size;
  memset(place - kCanaries, kCanary, kCanaries);
  memset(place, 0, size);
  return place;
}

void* Extra(size_t size) {
  return Place(kFirstExtra + extras[bank]++, size);
}

void* ExtraCopy(const void* data, size_t size) {
  return memcpy(Extra(size), data, size);
}

void NoExtras(void) {
  extras[bank] = 0;
}

int PlacesAreIntact(void) {
  int is_intact = 1;
  for (int i = 0; i < kFirstExtra + extras[bank]; ++i) {
    const uint8_t* const place = EndOf(i) - used[bank][i];
    for (int k = 1; k <= kCanaries && used[bank][i] != 0; ++k) {
      is_intact &= place[-k] == kCanary;
    }
  }
  return is_intact;
}

void UseBank(int other) {
  CHECK(other >= 0 && other < kBanks);
  bank = other;
}

struct misuse_range Forbid(int index) {
  const struct misuse_range range = {EndOf(index) - kPlaceSize, kPlaceSize};
  CHECK_EQ(mprotect(range.begin, range.size, PROT_NONE), 0);
  return range;
}

int Allow(struct misuse_range range) {
  return mprotect(range.begin, range.size, PROT_READ | PROT_WRITE);
}
