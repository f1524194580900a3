/* Good arguments, calls, and what is asked of each call; see misuse.h. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "misuse.h"

_Thread_local struct misuse_call call;
_Thread_local int handles_are_given;
long misuse_calls;
int misuse_failures;

static uint8_t before[kMaxParams][kPlaceSize];
static void* variants[kMaxParams]; /* handles that a parameter's `make` made */

/* What is being called, for who reads about a failure. */
static _Thread_local char label[256];

static struct {
  int count;
  int code;
  char function[64];
} told;

static void Hook(void* context, const char* function, int code) {
  (void)context;
  ++told.count;
  told.code = code;
  snprintf(told.function, sizeof told.function, "%s", function);
}

void Complain(const char* what, long long is, long long expected) {
  fprintf(stderr, "%s: %s: %lld, not %lld\n", label, what, is, expected);
  ++misuse_failures;
}

const char* CurrentCall(void) {
  return label;
}

/* Good arguments. */

int IsMemory(const struct misuse_param* param) {
  return param->param_class == kIn || param->param_class == kText ||
         param->param_class == kOut || param->param_class == kInOut;
}

void PlaceMemory(int index, const void* from, size_t bytes) {
  uint8_t* const place = Place(index, bytes);
  if (bytes != 0 && from != NULL) {
    memcpy(place, from, bytes);
  }
  call.values[index].pointer = place;
  call.bytes[index] = bytes;
}

static void SetUpMemory(const struct misuse_param* param, int index) {
  static _Thread_local uint64_t scratch[kPlaceSize / sizeof(uint64_t)];
  if (param->param_class == kText) {
    PlaceMemory(index, param->text, strlen(param->text) + 1);
  } else if (param->fill != NULL) {
    const size_t count = param->fill(scratch);
    PlaceMemory(index, scratch, count * param->bytes);
  } else {
    PlaceMemory(index, NULL, param->count * param->bytes);
    if (param->is_sized) {
      memcpy(call.values[index].pointer, &param->bytes, sizeof(size_t));
    }
  }
}

static void* HandleFor(const struct misuse_param* param, int index) {
  if (handles_are_given) {
    return NULL;
  }
  if (param->make == NULL) {
    return Live(param->kind);
  }
  if (variants[index] == NULL) {
    variants[index] = Adopt(param->kind, param->make());
  }
  return variants[index];
}

void SetArguments(const struct misuse_function* function) {
  natkit_set_misuse_hook(NULL, NULL);
  NoExtras();
  for (size_t i = 0; i < function->param_count; ++i) {
    const struct misuse_param* const param = &function->params[i];
    call.values[i].number = param->value;
    call.bytes[i] = 0;
    if (IsMemory(param)) {
      SetUpMemory(param, (int)i);
    } else if (param->param_class == kHandle) {
      call.values[i].pointer = HandleFor(param, (int)i);
    } else if (param->param_class == kCallback) {
      call.values[i].hook = Hook;
    }
  }
  for (size_t i = 0; i < function->param_count; ++i) {
    const struct misuse_param* const param = &function->params[i];
    if (param->param_class == kLength) {
      call.values[i].number =
          call.bytes[param->of] / function->params[param->of].bytes;
    }
  }
}

void SetUp(const struct misuse_function* function) {
  SetArguments(function);
  if (function->prepare != NULL) {
    function->prepare();
  }
}

void Fresh(void) {
  natkit_set_misuse_hook(NULL, NULL);
  FreshHandles();
  memset(variants, 0, sizeof variants);
}

/* Calls, and what is asked of each. */

static int IsMisuse(long long code) {
  return code == NATKIT_ERR_BAD_ARGUMENT || code == NATKIT_ERR_BAD_HANDLE ||
         code == NATKIT_ERR_BUSY || code == NATKIT_ERR_STRUCT_SIZE;
}

int IsDocumented(const struct misuse_function* function, long long code) {
  const int has_handle =
      function->param_count != 0 && function->params[0].param_class == kHandle;
  if (code >= 0 || code == NATKIT_ERR_BAD_ARGUMENT ||
      (code == NATKIT_ERR_BAD_HANDLE && has_handle)) {
    return 1;
  }
  for (size_t i = 0; i < function->code_count; ++i) {
    if (function->codes[i] == code) {
      return 1;
    }
  }
  return 0;
}

static int IsAsExpected(const struct misuse_function* function,
                        long long result, int expected) {
  if (expected == kDocumented || !IsDocumented(function, result)) {
    return IsDocumented(function, result);
  }
  return expected == kSuccess ? result >= 0 : result == expected;
}

static void CheckMemory(const struct misuse_function* function,
                        long long result) {
  if (!PlacesAreIntact()) {
    Complain("wrote before the memory that it was given", 1, 0);
  }
  for (size_t i = 0; i < function->param_count; ++i) {
    const struct misuse_param* const param = &function->params[i];
    const int is_input =
        param->param_class == kIn || param->param_class == kText;
    if (!IsMemory(param) || (!is_input && (result >= 0 || param->is_changed))) {
      continue;
    }
    if (call.values[i].pointer != NULL &&
        memcmp(before[i], call.values[i].pointer, call.bytes[i]) != 0) {
      fprintf(stderr, "%s: changed %s (result %lld)\n", label, param->name,
              result);
      ++misuse_failures;
    }
  }
}

static void CheckHook(const struct misuse_function* function,
                      long long result) {
  if (told.count > 1 ||
      (told.count == 1 && strcmp(told.function, function->name) != 0)) {
    fprintf(stderr, "%s: told the hook %d times, at last of %s\n", label,
            told.count, told.function);
    ++misuse_failures;
  }
  if (function->result == kCode && IsMisuse(result) != told.count) {
    Complain("told the hook", told.count, IsMisuse(result));
  } else if (told.count == 1 && told.code != result) {
    Complain("told the hook the code", told.code, result);
  }
}

int IsOn(const struct misuse_function* function, int kind) {
  return function->param_count != 0 &&
         function->params[0].param_class == kHandle &&
         function->params[0].kind == kind;
}

void FreeWhatWasMade(const struct misuse_function* function,
                     void (*use)(int kind, void* handle)) {
  for (size_t i = 0; i < function->param_count; ++i) {
    const struct misuse_param* const param = &function->params[i];
    void* handle = NULL;
    if (param->param_class == kOut && param->kind != kNone &&
        call.values[i].pointer != NULL) {
      memcpy(&handle, call.values[i].pointer, sizeof handle);
      if (use != NULL) {
        use(param->kind, handle);
      }
      misuse_kinds[param->kind].free(handle);
    }
  }
}

long long Call(const struct misuse_function* function, int expected) {
  for (size_t i = 0; i < function->param_count; ++i) {
    if (IsMemory(&function->params[i]) && call.values[i].pointer != NULL) {
      memcpy(before[i], call.values[i].pointer, call.bytes[i]);
    }
  }
  memset(&told, 0, sizeof told);
  natkit_set_misuse_hook(Hook, NULL);
  long long result = function->call(call.values);
  natkit_set_misuse_hook(NULL, NULL);
  ++misuse_calls;
  if (function->result == kString && result != 1) {
    Complain("returned NULL", result, 1);
  }
  result = function->result == kCode ? result : told.code;
  if (!IsAsExpected(function, result, expected)) {
    Complain("returned", result, expected);
  }
  CheckMemory(function, result);
  CheckHook(function, result);
  if (result >= 0) {
    FreeWhatWasMade(function, Exercise);
    (void)natkit_set_allocator(NULL);
  }
  if (!IsMisuse(result)) {
    Fresh();
  }
  return result;
}

void Label(const struct misuse_function* function, const char* param,
           const char* what) {
  snprintf(label, sizeof label, "%s(%s: %s)", function->name, param, what);
}
