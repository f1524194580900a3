/* What all tests of WireGuard through the C API have in common. */
#ifndef NATKIT_TESTS_C_WG_PACKETS_H_
#define NATKIT_TESTS_C_WG_PACKETS_H_

#include <string.h>

#include "check.h"
#include "natkit/natkit.h"

#define WALL_CLOCK (UINT64_C(1700000000) * NATKIT_SECOND)

static inline void FillRandom(void* context, uint8_t* out, size_t size) {
  uint64_t* const state = context;
  for (size_t i = 0; i < size; ++i) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    out[i] = (uint8_t)(*state >> 24);
  }
}

/* An IPv4 packet whose payload begins with `number`. */
static inline void MakePacket(uint8_t* out, size_t size, const uint8_t* from,
                              const uint8_t* to, uint32_t number) {
  CHECK(size >= 24 && size <= 65535);
  memset(out, (int)(number & 0xff), size);
  memset(out, 0, 20);
  out[0] = 0x45;
  out[2] = (uint8_t)(size >> 8);
  out[3] = (uint8_t)size;
  memcpy(out + 12, from, 4);
  memcpy(out + 16, to, 4);
  memcpy(out + 20, &number, sizeof number);
}

#endif
