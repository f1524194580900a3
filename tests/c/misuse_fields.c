/* Structures of other versions, and with fields out of their range; see
 * misuse.h. */
#include <string.h>

#include "check.h"
#include "misuse.h"

/* Versions. */

static void WithStructSize(const struct misuse_function* function, size_t index,
                           size_t size, int expected) {
  char text[64];
  snprintf(text, sizeof text, "struct_size %zu", size);
  Label(function, function->params[index].name, text);
  SetUp(function);
  memcpy(call.values[index].pointer, &size, sizeof size);
  Call(function, expected);
}

/* A structure of a later version; `last` is in its last byte. */
static void Longer(const struct misuse_function* function, size_t index,
                   uint8_t last, int expected) {
  uint8_t copy[kPlaceSize / 4] = {0};
  SetUp(function);
  const size_t size = call.bytes[index] + 8;
  CHECK(size <= sizeof copy);
  memcpy(copy, call.values[index].pointer, call.bytes[index]);
  memcpy(copy, &size, sizeof size);
  copy[size - 1] = last;
  Label(function, function->params[index].name, "of a later version");
  PlaceMemory((int)index, copy, size);
  Call(function, expected);
}

void StructSizes(const struct misuse_function* function, size_t index) {
  const struct misuse_param* const param = &function->params[index];
  const size_t bad[] = {0,
                        1,
                        sizeof(size_t),
                        param->first - 1,
                        SIZE_MAX,
                        SIZE_MAX / 2,
                        5 * param->bytes + 257};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    WithStructSize(function, index, bad[i], NATKIT_ERR_STRUCT_SIZE);
  }
  Longer(function, index, 0, function->expected);
  if (param->param_class == kIn) {
    Longer(function, index, 1, NATKIT_ERR_UNSUPPORTED);
  }
}

/* Fields. */

static uint8_t* FieldOf(const struct misuse_field* field, size_t index) {
  uint8_t* structure = call.values[index].pointer;
  if (field->through != kNone) {
    memcpy(&structure, structure + field->through, sizeof structure);
  }
  return structure == NULL ? NULL : structure + field->offset;
}

static void WithField(const struct misuse_function* function, size_t index,
                      const struct misuse_field* field, const void* value,
                      int expected) {
  char name[96];
  char text[40] = "";
  const uint8_t* const bytes = value;
  for (size_t i = 0; i < 8 && i < field->size; ++i) {
    snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  }
  SetUp(function);
  snprintf(name, sizeof name, "%s.%s", function->params[index].name,
           field->name);
  Label(function, name, text);
  uint8_t* const place = FieldOf(field, index);
  if (place == NULL) {
    Complain("the test's structure has nothing there", 0, 1);
    return;
  }
  memcpy(place, value, field->size);
  Call(function, field->is_lenient ? kDocumented : expected);
}

static void WithBytes(const struct misuse_function* function, size_t index,
                      const struct misuse_field* field, uint8_t value,
                      int expected) {
  static uint8_t bytes[4096];
  CHECK(field->size <= sizeof bytes);
  memset(bytes, value, field->size);
  WithField(function, index, field, bytes, expected);
}

static void TextFields(const struct misuse_function* function, size_t index,
                       const struct misuse_field* field) {
  static char text[kLongText + 1];
  memset(text, 'a', kLongText);
  const char* const odd[] = {NULL, "", text, "\xff\xfe", "%s%n\n", "\x01"};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; ++i) {
    WithField(function, index, field, &odd[i], kDocumented);
  }
}

static void Addresses(const struct misuse_function* function, size_t index,
                      const struct misuse_field* field) {
  natkit_address address = At("192.0.2.200:99");
  address.reserved = 1;
  WithField(function, index, field, &address, NATKIT_ERR_BAD_ARGUMENT);
  address.reserved = 0;
  address.family = 9;
  WithField(function, index, field, &address, NATKIT_ERR_BAD_ARGUMENT);
  address.family = NATKIT_FAMILY_IPV6;
  WithField(function, index, field, &address, kDocumented);
  WithBytes(function, index, field, 0, kDocumented);
}

static void Numbers(const struct misuse_function* function, size_t index,
                    const struct misuse_field* field, int too_much) {
  const uint64_t odd[] = {0, 1, 2, UINT64_C(1) << 31, UINT64_C(1) << 62};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; ++i) {
    const uint64_t most = UINT64_MAX >> (64 - 8 * field->size);
    /* In its first bytes: hosts of the other byte order try other numbers. */
    const uint64_t value = odd[i] & most;
    if (value == 0 ||
        (field->field_class != kCount && field->field_class != kUnbounded)) {
      WithField(function, index, field, &value, kDocumented);
    }
  }
  if (field->field_class != kUnbounded) {
    WithBytes(function, index, field, 0xff, too_much);
  }
}

static void OneField(const struct misuse_function* function, size_t index,
                     const struct misuse_field* field) {
  void* const null = NULL;
  switch (field->field_class) {
    case kStructSize:
      break;
    case kReserved:
      WithBytes(function, index, field, 1, NATKIT_ERR_BAD_ARGUMENT);
      break;
    case kEnum:
    case kDuration:
    case kCount:
      Numbers(function, index, field, NATKIT_ERR_BAD_ARGUMENT);
      break;
    case kUnbounded:
    case kScalar:
      Numbers(function, index, field, kDocumented);
      break;
    case kAddress:
      Addresses(function, index, field);
      break;
    case kBytes:
      WithBytes(function, index, field, 0, kDocumented);
      WithBytes(function, index, field, 0xff, kDocumented);
      break;
    case kTextField:
      TextFields(function, index, field);
      break;
    case kItems:
    case kFunction:
      WithField(function, index, field, &null, NATKIT_ERR_BAD_ARGUMENT);
      break;
    case kPointer:
      WithField(function, index, field, &null, kDocumented);
      break;
  }
}

void Fields(const struct misuse_function* function, size_t index) {
  const struct misuse_param* const param = &function->params[index];
  for (size_t i = 0; i < param->field_count; ++i) {
    OneField(function, index, &param->fields[i]);
  }
}
