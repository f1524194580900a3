/* The life of a handle that was made with odd values; see misuse.h. */
#include <string.h>

#include "check.h"
#include "misuse.h"

enum { kRounds = 3 };

static const uint64_t kHour = 3600 * NATKIT_SECOND;

static void CallOn(const struct misuse_function* function, void* handle,
                   uint64_t later) {
  SetArguments(function);
  call.values[0].pointer = handle;
  for (size_t i = 0; i < function->param_count; ++i) {
    if (function->params[i].param_class == kTime) {
      call.values[i].number += later;
    }
  }
  const long long result = function->call(call.values);
  ++misuse_calls;
  if (!IsDocumented(function, result)) {
    fprintf(stderr, "%s, of what was made: ", function->name);
    Complain("returned", result, kDocumented);
  }
  if (result >= 0) {
    FreeWhatWasMade(function, NULL);
  }
}

void Exercise(int kind, void* handle) {
  const struct misuse_call made_by = call;
  UseBank(1);
  handles_are_given = 1;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < misuse_function_count; ++i) {
      const struct misuse_function* const function = &misuse_functions[i];
      if (IsOn(function, kind) && function->result == kCode) {
        CallOn(function, handle, (uint64_t)round * kHour);
      }
    }
  }
  handles_are_given = 0;
  UseBank(0);
  call = made_by;
}
