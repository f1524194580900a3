/* Threads that use and free the same handles without asking each other, as no
 * program should: every call is refused or does what it says, and nothing goes
 * wrong in memory. Meant for the sanitizers; see misuse.h. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "check.h"
#include "misuse.h"

#if defined(__SANITIZE_THREAD__)
/* libuv closes descriptors without libc, so ThreadSanitizer takes a number that
 * is used again for the same file. */
const char* __tsan_default_suppressions(void);

const char* __tsan_default_suppressions(void) {
  return "called_from_lib:libuv.so\n"
         "race:natkit::io::OpenSocket\n"
         "race:natkit::io::EventLoop::CheckDescriptors\n";
}
#endif

enum { kThreads = 4, kCalls = 3000, kCallsOfOneHandle = 40, kMaxKinds = 64 };

static _Atomic(void*) shared[kMaxKinds];
static atomic_int busy_calls;
static atomic_int failures;
static uint64_t seed = 1;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static uint64_t Next(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* Another handle of a kind; NULL if none can be had now. */
static void* Make(int kind) {
  natkit_agent* agent = NULL;
  if (kind != KindOf("natkit_agent")) {
    return misuse_kinds[kind].make();
  }
  (void)natkit_agent_new(shared[KindOf("natkit_hub")], NULL, &agent);
  return agent;
}

static void Exchange(int kind) {
  pthread_mutex_lock(&making);
  void* const made = Make(kind);
  void* const old = made == NULL ? NULL : atomic_exchange(&shared[kind], made);
  pthread_mutex_unlock(&making);
  if (old != NULL) {
    misuse_kinds[kind].free(old); /* others may be at work on it */
  }
}

static void CallOnce(const struct misuse_function* function) {
  const int kind = function->params[0].kind;
  SetArguments(function);
  call.values[0].pointer = shared[kind];
  const long long result = function->call(call.values);
  busy_calls += result == NATKIT_ERR_BUSY;
  if (result != NATKIT_ERR_BUSY && !IsDocumented(function, result)) {
    fprintf(stderr, "%s returned %lld\n", function->name, result);
    ++failures;
  }
  if (result >= 0) {
    FreeWhatWasMade(function, NULL);
  }
}

static void* Run(void* context) {
  const int bank = *(const int*)context;
  uint64_t state = (uint64_t)bank + seed;
  UseBank(bank);
  handles_are_given = 1;
  for (int i = 0; i < kCalls; ++i) {
    const struct misuse_function* const function =
        &misuse_functions[Next(&state) % misuse_function_count];
    const int has_handle = function->param_count != 0 &&
                           function->params[0].param_class == kHandle;
    if (has_handle && function->result == kCode) {
      CallOnce(function);
    } else if (Next(&state) % kCallsOfOneHandle == 0) {
      Exchange((int)(Next(&state) % misuse_kind_count));
    }
  }
  return NULL;
}

static void ThreadsShareHandles(void) {
  pthread_t threads[kThreads];
  int banks[kThreads];
  CHECK(misuse_kind_count <= kMaxKinds);
  /* What is made once is made before the threads. */
  (void)Place(0, 1);
  (void)ChainPem();
  for (size_t kind = 0; kind < misuse_kind_count; ++kind) {
    (void)Live((int)kind);
    shared[kind] = NULL;
  }
  shared[KindOf("natkit_hub")] = Make(KindOf("natkit_hub"));
  for (size_t kind = 0; kind < misuse_kind_count; ++kind) {
    Exchange((int)kind);
  }
  for (int i = 0; i < kThreads; ++i) {
    banks[i] = i + 1;
    CHECK_EQ(pthread_create(&threads[i], NULL, Run, &banks[i]), 0);
  }
  for (int i = 0; i < kThreads; ++i) {
    CHECK_EQ(pthread_join(threads[i], NULL), 0);
  }
  for (size_t kind = 0; kind < misuse_kind_count; ++kind) {
    misuse_kinds[kind].free(shared[kind]);
  }
  FreshHandles();
  printf("%d calls found another one at work\n", busy_calls);
  CHECK_EQ(failures, 0);
}

/* What belongs to something else outlives it, and can be freed. */

static int hook_calls;

static void CountHook(void* context, const char* function, int code) {
  (void)context;
  (void)function;
  (void)code;
  ++hook_calls;
}

static void AgentsOutliveTheirHub(void) {
  int user = 0;
  void* found = NULL;
  natkit_agent* agent = NULL;
  natkit_agent_config config;
  natkit_init(&config);
  config.user = &user;
  natkit_hub* const hub = Live(KindOf("natkit_hub"));
  CHECK_EQ(natkit_agent_new(hub, &config, &agent), 0);
  natkit_hub_free(hub);
  CHECK_EQ(natkit_agent_get_user(agent, &found), 0);
  CHECK(found == &user);
  CHECK_EQ(natkit_agent_send(agent, "x", 1), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_agent_restart(agent), NATKIT_ERR_BAD_HANDLE);
  hook_calls = 0;
  natkit_set_misuse_hook(CountHook, NULL);
  natkit_agent_free(agent);
  CHECK_EQ(hook_calls, 0);
  natkit_set_misuse_hook(NULL, NULL);
  FreshHandles();
}

static void ChecksOutliveTheirDiscovery(void) {
  natkit_behavior* const behavior = Live(KindOf("natkit_behavior"));
  natkit_nat_check* check = NULL;
  int timeout = 0;
  CHECK_EQ(natkit_nat_check_new(behavior, &check), 0);
  CHECK_EQ(natkit_nat_check_process(check), 0);
  natkit_behavior_free(behavior);
  CHECK(natkit_nat_check_get_fd(check) >= 0);
  CHECK_EQ(natkit_nat_check_get_timeout(check, &timeout), 0);
  CHECK_EQ(natkit_nat_check_process(check), NATKIT_ERR_BAD_HANDLE);
  natkit_nat_check_free(check);
  CHECK_EQ(natkit_nat_check_process(check), NATKIT_ERR_BAD_HANDLE);
  FreshHandles();
}

static void DiscoveriesOutliveTheirCheck(void) {
  natkit_behavior* const behavior = Live(KindOf("natkit_behavior"));
  natkit_nat_check* check = NULL;
  CHECK_EQ(natkit_nat_check_new(behavior, &check), 0);
  natkit_nat_check_free(check);
  CHECK_EQ(natkit_behavior_abort(behavior, natkit_monotonic_ns()), 0);
  CHECK_EQ(natkit_behavior_is_finished(behavior), 1);
  FreshHandles();
}

static void ChannelsOutliveTheirContext(void) {
  natkit_tls_channel* channel = NULL;
  natkit_tls_context* const context = Live(KindOf("natkit_tls_context"));
  CHECK_EQ(natkit_tls_channel_connect(context, "a.example", NULL, &channel), 0);
  natkit_tls_context_free(context);
  CHECK(natkit_tls_channel_get_pending_ciphertext(channel) > 0);
  CHECK_EQ(natkit_tls_channel_close(channel), 0);
  natkit_tls_channel_free(channel);
  FreshHandles();
}

int main(int count, char** words) {
  if (count > 2) {
    seed = strtoull(words[2], NULL, 10);
  }
  RUN(AgentsOutliveTheirHub);
  RUN(ChecksOutliveTheirDiscovery);
  RUN(DiscoveriesOutliveTheirCheck);
  RUN(ChannelsOutliveTheirContext);
  RUN(ThreadsShareHandles);
  return 0;
}
