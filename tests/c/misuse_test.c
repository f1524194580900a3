/* Every function of the C API with arguments that are wrong in every way that
 * its declaration allows: NULL, handles that are none, sizes, structures of
 * other versions, fields out of their range. Each call has to return what the
 * header says, to tell the misuse hook, and to leave memory alone. See
 * misuse.h. */
#define _POSIX_C_SOURCE 200809L
#include "misuse.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

enum { kMaxKinds = 64 };

static void* dead[kMaxKinds];
static void* spare[kMaxKinds];

static void SayWhere(int signal_number) {
  const char text[] = " ended the program\n";
  (void)!write(2, CurrentCall(), strlen(CurrentCall()));
  (void)!write(2, text, sizeof text - 1);
  signal(signal_number, SIG_DFL);
}

/* Handles. */

static void RefuseHandle(const struct misuse_function* function, size_t index,
                         uintptr_t handle, const char* what) {
  Label(function, function->params[index].name, what);
  SetUp(function);
  call.values[index].pointer = (void*)handle;
  Call(function, NATKIT_ERR_BAD_HANDLE);
}

static void BadHandles(const struct misuse_function* function, size_t index) {
  const struct misuse_param* const param = &function->params[index];
  const uintptr_t made_up[] = {1,
                               255,
                               UINTPTR_MAX,
                               UINTPTR_MAX - 4095,
                               (uintptr_t)dead,
                               (uintptr_t)&call,
                               UINTPTR_MAX / 2};
  char text[96];
  const int frees = function->result == kVoid;
  SetUp(function);
  Label(function, param->name, "NULL");
  call.values[index].pointer = NULL;
  Call(function, frees ? 0 : NATKIT_ERR_BAD_HANDLE);
  RefuseHandle(function, index, (uintptr_t)dead[param->kind], "freed");
  for (size_t i = 0; i < sizeof made_up / sizeof made_up[0]; ++i) {
    RefuseHandle(function, index, made_up[i], "made up");
  }
  SetUp(function);
  const uintptr_t good = (uintptr_t)call.values[index].pointer;
  for (size_t bit = 0; bit < sizeof good * CHAR_BIT; ++bit) {
    snprintf(text, sizeof text, "bit %zu flipped", bit);
    /* What lies next to it may be a handle of the same kind. */
    const uintptr_t other = good ^ (uintptr_t)1 << bit;
    if (bit >= 8 && other != 0) {
      RefuseHandle(function, index, other, text);
    }
  }
  for (size_t kind = 0; kind < misuse_kind_count; ++kind) {
    snprintf(text, sizeof text, "a %s", misuse_kinds[kind].name);
    if ((int)kind != param->kind) {
      RefuseHandle(function, index, (uintptr_t)spare[kind], text);
    }
  }
}

/* Memory. */

static void NullPointer(const struct misuse_function* function, size_t index) {
  const struct misuse_param* const param = &function->params[index];
  SetUp(function);
  Label(function, param->name, "NULL");
  call.values[index].pointer = NULL;
  call.bytes[index] = 0;
  const int is_refused = !param->may_be_null && function->result == kCode;
  Call(function, is_refused ? NATKIT_ERR_BAD_ARGUMENT : kDocumented);
}

static void Texts(const struct misuse_function* function, size_t index) {
  static char text[kLongText + 1];
  memset(text, 'a', kLongText);
  const char* const odd[] = {"", text, "\xff\xfe", "%s%n\n", "\x01"};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; ++i) {
    Label(function, function->params[index].name, "an odd text");
    SetUp(function);
    PlaceMemory((int)index, odd[i], strlen(odd[i]) + 1);
    Call(function, kDocumented);
  }
}

/* Lengths. */

static void WithLength(const struct misuse_function* function, size_t index,
                       uint64_t length, int is_null, int expected) {
  static uint8_t copy[kPlaceSize];
  char text[64];
  const struct misuse_param* const param = &function->params[index];
  const struct misuse_param* const of = &function->params[param->of];
  snprintf(text, sizeof text, "%" PRIu64 "%s", length, is_null ? ", NULL" : "");
  Label(function, param->name, text);
  SetUp(function);
  const size_t bytes = call.bytes[param->of];
  if (is_null) {
    call.values[param->of].pointer = NULL;
    call.bytes[param->of] = 0;
  } else if (length <= bytes / of->bytes) {
    memcpy(copy, call.values[param->of].pointer, bytes);
    PlaceMemory(param->of, copy, (size_t)length * of->bytes);
  }
  call.values[index].number = length;
  Call(function, expected);
}

static void Lengths(const struct misuse_function* function, size_t index) {
  const struct misuse_param* const param = &function->params[index];
  SetUp(function);
  const uint64_t all = call.values[index].number;
  WithLength(function, index, 0, 0, kDocumented);
  WithLength(function, index, 0, 1, kDocumented);
  for (uint64_t length = 1; length < all; length += 1 + length / 2) {
    WithLength(function, index, length, 0, kDocumented);
  }
  WithLength(function, index, all - 1, 0, kDocumented);
  if (function->params[param->of].param_class == kOut &&
      function->result == kCode) {
    WithLength(function, index, SIZE_MAX, 0, kDocumented);
  }
  if (param->limit != 0) {
    const uint64_t too_much[] = {param->limit + 1, UINT32_MAX, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof too_much / sizeof too_much[0]; ++i) {
      WithLength(function, index, too_much[i], 0, param->beyond_limit);
    }
  }
}

/* As of a recv() that failed; one function says yes or no to all. */
static void MinusOne(const struct misuse_function* function, size_t index) {
  const struct misuse_param* const of =
      &function->params[function->params[index].of];
  const int is_question = strcmp(function->name, "natkit_stun_is_message") == 0;
  if (function->result == kCode && !is_question && of->param_class != kOut) {
    WithLength(function, index, SIZE_MAX, 0, NATKIT_ERR_BAD_ARGUMENT);
  }
}

/* All of it. */

static void Scalars(const struct misuse_function* function, size_t index) {
  const struct misuse_param* const param = &function->params[index];
  const int is_time = param->param_class == kTime;
  const uint64_t odd[] = {UINT64_C(1) << 62, UINT64_MAX,        0,      1, 2, 3,
                          INT_MAX,           (uint64_t)INT_MIN, 0x10000};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; ++i) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, odd[i]);
    SetUp(function);
    Label(function, param->name, text);
    call.values[index].number = odd[i];
    Call(function, is_time && i < 2 ? NATKIT_ERR_BAD_ARGUMENT : kDocumented);
  }
}

static void Param(const struct misuse_function* function, size_t index) {
  const struct misuse_param* const param = &function->params[index];
  if (IsMemory(param)) {
    NullPointer(function, index);
  }
  if (param->is_sized) {
    StructSizes(function, index);
  }
  Fields(function, index);
  if (param->param_class == kHandle) {
    BadHandles(function, index);
  } else if (param->param_class == kText) {
    Texts(function, index);
  } else if (param->param_class == kLength) {
    Lengths(function, index);
    MinusOne(function, index);
  } else if (param->param_class == kNumber || param->param_class == kTime) {
    Scalars(function, index);
  }
}

/* Gives memory that another parameter has, too, as far as it has room. */
static void Shared(const struct misuse_function* function, size_t index,
                   size_t other) {
  char text[96];
  const struct misuse_param* const param = &function->params[index];
  size_t length = function->param_count;
  SetUp(function);
  for (size_t i = 0; i < function->param_count; ++i) {
    const struct misuse_param* const it = &function->params[i];
    length = it->param_class == kLength && it->of == (int)index ? i : length;
  }
  const size_t room = call.bytes[other];
  const uintptr_t address = (uintptr_t)call.values[other].pointer;
  /* No type is aligned to more than what its size is a multiple of. */
  const int is_aligned =
      address % 8 == 0 || param->bytes % ((address & -address) * 2) != 0;
  if (!is_aligned ||
      (length == function->param_count && room < call.bytes[index])) {
    return;
  }
  if (length != function->param_count && room < call.bytes[index]) {
    call.values[length].number = room / param->bytes;
  }
  snprintf(text, sizeof text, "the memory of %s", function->params[other].name);
  Label(function, param->name, text);
  call.values[index].pointer = call.values[other].pointer;
  call.bytes[index] = 0; /* what is in there is the function's affair */
  call.bytes[other] = 0;
  Call(function, kDocumented);
}

static void SharedMemory(const struct misuse_function* function) {
  for (size_t i = 0; i < function->param_count; ++i) {
    for (size_t k = 0; k < function->param_count; ++k) {
      const enum misuse_class is = function->params[i].param_class;
      if (i != k && (is == kOut || is == kInOut) &&
          IsMemory(&function->params[k])) {
        Shared(function, i, k);
      }
    }
  }
}

static void Nothing(const struct misuse_function* function) {
  SetUp(function);
  Label(function, "all", "0");
  memset(&call, 0, sizeof call);
  Call(function, kDocumented);
}

static void Function(const struct misuse_function* function) {
  Fresh();
  SetUp(function);
  Label(function, "all", "good");
  const long long good = Call(function, function->expected);
  for (size_t i = 0; i < function->param_count; ++i) {
    Param(function, i);
  }
  SharedMemory(function);
  Nothing(function);
  /* Nothing that was refused has changed anything. */
  SetUp(function);
  Label(function, "all", "good, in the end");
  Call(function, good < 0 ? (int)good : function->expected);
}

static void MakeSpareHandles(void) {
  CHECK(misuse_kind_count <= kMaxKinds);
  for (size_t kind = 0; kind < misuse_kind_count; ++kind) {
    dead[kind] = misuse_kinds[kind].make();
    misuse_kinds[kind].free(dead[kind]);
    spare[kind] = misuse_kinds[kind].make();
  }
  Fresh();
}

/* That they are still there says that nobody else has freed them. */
static void FreeSpareHandles(void) {
  for (size_t i = 0; i < misuse_function_count; ++i) {
    const struct misuse_function* const function = &misuse_functions[i];
    if (function->result == kVoid && function->param_count == 1 &&
        function->params[0].param_class == kHandle) {
      SetUp(function);
      Label(function, function->params[0].name, "untouched");
      call.values[0].pointer = spare[function->params[0].kind];
      Call(function, 0);
    }
  }
}

int main(int count, char** words) {
  signal(SIGSEGV, SayWhere);
  signal(SIGBUS, SayWhere);
  signal(SIGABRT, SayWhere);
  MakeSpareHandles();
  for (size_t i = 0; i < misuse_function_count; ++i) {
    const char* const name = misuse_functions[i].name;
    if (count < 3 || strcmp(words[2], name) == 0) {
      Function(&misuse_functions[i]);
    }
  }
  FreeSpareHandles();
  Fresh();
  printf("%zu functions, %ld calls, %d failures\n", misuse_function_count,
         misuse_calls, misuse_failures);
  return misuse_failures != 0;
}
