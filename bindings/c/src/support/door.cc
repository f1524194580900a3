#include "support/door.h"

#include <atomic>
#include <mutex>

namespace natkit::c {

namespace {

struct Hook {
  natkit_misuse_hook call = nullptr;
  void* context = nullptr;
};

struct HookPlace {
  std::mutex mutex;
  Hook hook;
  std::atomic<bool> is_set{false};
};

HookPlace& Place() {
  // Never destroyed, as handles may be used until the process ends.
  static HookPlace* const place = new HookPlace;
  return *place;
}

Hook CurrentHook() {
  HookPlace& place = Place();
  if (!place.is_set.load(std::memory_order_acquire)) {
    return {};
  }
  const std::lock_guard lock(place.mutex);
  return place.hook;
}

bool IsMisuse(Errc code) {
  return code == Errc::kBadArgument || code == Errc::kBadHandle ||
         code == Errc::kBusy || code == Errc::kStructSize;
}

}  // namespace

int Refuse(const char* function, Errc code) {
  if (IsMisuse(code)) {
    const Hook hook = CurrentHook();
    if (hook.call != nullptr) {
      hook.call(hook.context, function, -static_cast<int>(code));
    }
  }
  return -static_cast<int>(code);
}

Result<int> PutDeadline(const std::optional<Instant>& deadline, uint64_t* out) {
  if (out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  if (!deadline) {
    return 0;
  }
  *out = ToNs(deadline->time_since_epoch());
  return 1;
}

Result<Duration> ToDuration(uint64_t ns, Duration fallback) {
  if (ns >= uint64_t{1} << 62) {
    return Fail(Errc::kBadArgument);
  }
  return ns == 0 ? fallback : Duration(static_cast<int64_t>(ns));
}

uint64_t ToNs(Duration duration) {
  return duration < Duration::zero() ? 0
                                     : static_cast<uint64_t>(duration.count());
}

}  // namespace natkit::c

void natkit_set_misuse_hook(natkit_misuse_hook hook, void* context) {
  natkit::c::HookPlace& place = natkit::c::Place();
  const std::lock_guard lock(place.mutex);
  place.hook = {.call = hook, .context = context};
  place.is_set.store(hook != nullptr, std::memory_order_release);
}
