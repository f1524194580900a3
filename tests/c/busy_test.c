/* One call at a time: every function of the C API that takes a handle, in a
 * second thread while a first one is within a call on that handle, and in a
 * callback of such a call. Nobody sleeps: the first thread is stopped where it
 * touches memory of the test, by a page that nobody may touch. See misuse.h. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "misuse.h"

enum { kMaxKinds = 64 };

/* The first thread's call, and where it is stopped. */
static struct {
  const struct misuse_function* function;
  union misuse_value values[kMaxParams];
  long long result;
  struct misuse_range range;
  int inside[2]; /* pipe: 'i' when it is stopped, 'd' when it is done */
  int go[2];     /* pipe: anything lets it go on */
} first;

/* How often a call on a handle of each kind was stopped. */
static int stops[kMaxKinds];
static int callbacks[kMaxKinds];
static int hook_calls;

static void CountHook(void* context, const char* function, int code) {
  (void)context;
  (void)function;
  (void)code;
  ++hook_calls;
}

static void StopHere(int number, siginfo_t* info, void* context) {
  const uint8_t* const at = info->si_addr;
  char byte = 'i';
  (void)context;
  if (at < first.range.begin || at >= first.range.begin + first.range.size ||
      write(first.inside[1], &byte, 1) != 1 ||
      read(first.go[0], &byte, 1) != 1 || Allow(first.range) != 0) {
    signal(number, SIG_DFL); /* the access is tried again, and ends the test */
  }
}

static void* RunFirst(void* context) {
  const char byte = 'd';
  (void)context;
  first.result = first.function->call(first.values);
  CHECK_EQ(write(first.inside[1], &byte, 1), 1);
  return NULL;
}

static char WaitForFirst(void) {
  char byte = 0;
  CHECK_EQ(read(first.inside[0], &byte, 1), 1);
  return byte;
}

/* Calls with good arguments, but for the handle. */
static long long CallOn(const struct misuse_function* function, void* handle) {
  UseBank(1);
  SetArguments(function);
  UseBank(0);
  Label(function, first.function->name, "meanwhile");
  call.values[0].pointer = handle;
  return function->call(call.values);
}

/* Whether a call on the handle is refused because of the one that is stopped:
 * it may have been stopped before it came to that. */
static int IsHeld(int kind, void* handle) {
  for (size_t i = 0; i < misuse_function_count; ++i) {
    const struct misuse_function* const function = &misuse_functions[i];
    if (IsOn(function, kind) && function->result == kCode &&
        function->params[0].is_const) {
      return CallOn(function, handle) == NATKIT_ERR_BUSY;
    }
  }
  return 1;
}

static void AllAre(int code, int kind, void* handle) {
  for (size_t i = 0; i < misuse_function_count; ++i) {
    const struct misuse_function* const function = &misuse_functions[i];
    if (!IsOn(function, kind) || function->result != kCode) {
      continue;
    }
    const long long is = CallOn(function, handle);
    if (is != code) {
      Complain("returned", is, code);
    }
  }
}

/* Frees a handle that is in use, which takes place when the call ends. */
static void FreeMeanwhile(int kind, void* handle) {
  hook_calls = 0;
  natkit_set_misuse_hook(CountHook, NULL);
  misuse_kinds[kind].free(handle);
  CHECK_EQ(hook_calls, 0);
  misuse_kinds[kind].free(handle);
  CHECK_EQ(hook_calls, 1);
  natkit_set_misuse_hook(NULL, NULL);
  AllAre(NATKIT_ERR_BAD_HANDLE, kind, handle);
}

/* Stops a call where it touches its parameter `index`. */
static void StopAt(const struct misuse_function* function, size_t index) {
  const int kind = function->params[0].kind;
  pthread_t thread;
  Fresh();
  SetUp(function);
  Label(function, function->params[index].name, "stops");
  void* const handle = call.values[0].pointer;
  first.function = function;
  memcpy(first.values, call.values, sizeof first.values);
  first.range = Forbid((int)index);
  CHECK_EQ(pthread_create(&thread, NULL, RunFirst, NULL), 0);
  const int is_stopped = WaitForFirst() == 'i';
  const int is_held = is_stopped && IsHeld(kind, handle);
  if (is_held) {
    ++stops[kind];
    AllAre(NATKIT_ERR_BUSY, kind, handle);
    FreeMeanwhile(kind, handle);
  }
  if (is_stopped) {
    CHECK_EQ(write(first.go[1], "g", 1), 1);
    CHECK_EQ(WaitForFirst(), 'd');
  }
  CHECK_EQ(pthread_join(thread, NULL), 0);
  (void)Allow(first.range);
  if (is_held) {
    const int is_good = function->expected == kSuccess
                            ? first.result >= 0
                            : first.result == function->expected;
    Label(function, "it", "in the end");
    if (!is_good) {
      Complain("returned", first.result, function->expected);
    }
    AllAre(NATKIT_ERR_BAD_HANDLE, kind, handle);
  }
}

static void SecondThreadsAreRefused(void) {
  for (size_t i = 0; i < misuse_function_count; ++i) {
    const struct misuse_function* const function = &misuse_functions[i];
    const int has_handle = function->param_count != 0 &&
                           function->params[0].param_class == kHandle;
    for (size_t k = 1; has_handle && k < function->param_count; ++k) {
      if (IsMemory(&function->params[k])) {
        StopAt(function, k);
      }
    }
  }
  Fresh();
  for (size_t kind = 0; kind < misuse_kind_count; ++kind) {
    printf("%s: stopped %d times\n", misuse_kinds[kind].name, stops[kind]);
    CHECK(stops[kind] > 0);
  }
}

/* Callbacks. */

static struct {
  int kind;
  void* handle;
  int frees;
  int is_inside;
} within;

static void UseWithin(void) {
  if (within.handle == NULL || within.is_inside) {
    return;
  }
  within.is_inside = 1;
  ++callbacks[within.kind];
  AllAre(NATKIT_ERR_BUSY, within.kind, within.handle);
  if (within.frees) {
    FreeMeanwhile(within.kind, within.handle);
    within.handle = NULL;
  }
  within.is_inside = 0;
}

static void CallWithin(const struct misuse_function* function, int frees) {
  Fresh();
  SetUp(function);
  first.function = function;
  memcpy(first.values, call.values, sizeof first.values);
  within.kind = function->params[0].kind;
  within.handle = call.values[0].pointer;
  within.frees = frees;
  when_called_back = UseWithin;
  (void)function->call(first.values);
  when_called_back = NULL;
}

static void CallbacksAreRefused(void) {
  static const char* const with_random[] = {
      "natkit_stun_client", "natkit_behavior",  "natkit_ice_agent",
      "natkit_derp_client", "natkit_wg_device", "natkit_wg_tunnel",
      "natkit_hub",         "natkit_agent"};
  for (size_t i = 0; i < misuse_function_count; ++i) {
    const struct misuse_function* const function = &misuse_functions[i];
    const int has_handle = function->param_count != 0 &&
                           function->params[0].param_class == kHandle;
    if (has_handle && function->result == kCode) {
      CallWithin(function, 0);
      CallWithin(function, 1);
    }
  }
  Fresh();
  for (size_t i = 0; i < sizeof with_random / sizeof with_random[0]; ++i) {
    const int count = callbacks[KindOf(with_random[i])];
    printf("%s: called back %d times\n", with_random[i], count);
    CHECK(count > 0);
  }
}

int main(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = StopHere;
  action.sa_flags = SA_SIGINFO;
  CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
  CHECK_EQ(pipe(first.inside), 0);
  CHECK_EQ(pipe(first.go), 0);
  RUN(SecondThreadsAreRefused);
  RUN(CallbacksAreRefused);
  return misuse_failures != 0;
}
