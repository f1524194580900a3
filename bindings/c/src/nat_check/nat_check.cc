// natkit_nat_check; see natkit/nat_check.h.

#include "natkit/nat_check.h"

#include <memory>
#include <optional>
#include <utility>

#include "behavior/behavior.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/source_address.h"
#include "natkit/shell/discovery_shell.h"
#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {
namespace {

/// What a natkit_nat_check stands for. Its sockets refer to the discovery of
/// another handle, so the loop runs only while that handle is this call's.
class NatCheck final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kNatCheck;

  NatCheck(natkit_behavior* handle, Behavior& behavior)
      : handle_(handle), sockets_(loop_, behavior.core()) {}

  [[nodiscard]] natkit_behavior* behavior() const { return handle_; }

  [[nodiscard]] io::EventLoop& loop() { return loop_; }

  void Pump() { sockets_.Pump(); }

 private:
  natkit_behavior* handle_;
  io::EventLoop loop_;
  shell::DiscoverySockets sockets_;
};

Result<void> MakeCheck(natkit_behavior* handle, Behavior& behavior,
                       natkit_nat_check** out) {
  if (out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  if (const auto has_room = io::EventLoop::CheckDescriptors(); !has_room) {
    return has_room;
  }
  const auto started = behavior.Start(io::EventLoop::Now());
  if (!started) {
    return started;
  }
  auto check = std::make_unique<NatCheck>(handle, behavior);
  check->Pump();
  return MakeHandle(std::move(check), out);
}

Result<void> PutTimeout(NatCheck& check, int* out) {
  if (out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  const std::optional<Instant> next = check.loop().NextTimeout();
  *out = next ? natkit_poll_timeout_ms(
                    ToNs(io::EventLoop::Now().time_since_epoch()),
                    ToNs(next->time_since_epoch()))
              : -1;
  return {};
}

Result<void> PutLocalAddress(const natkit_address* toward,
                             natkit_address* out) {
  const auto remote = ToSetEndpoint(toward);
  if (!remote || out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  const auto local = io::FindSourceAddress(remote->address);
  if (!local) {
    return std::unexpected(local.error());
  }
  *out = FromIp(*local);
  return {};
}

}  // namespace
}  // namespace natkit::c

using natkit::Errc;
using natkit::Fail;
using natkit::Result;
using namespace natkit::c;

int natkit_nat_check_new(natkit_behavior* behavior, natkit_nat_check** out) {
  return WithHandle<Behavior>(__func__, behavior, [&](Behavior& object) {
    return MakeCheck(behavior, object, out);
  });
}

void natkit_nat_check_free(natkit_nat_check* check) {
  FreeHandle<NatCheck>(__func__, check);
}

int natkit_nat_check_get_fd(const natkit_nat_check* check) {
  return WithHandle<NatCheck>(__func__, check,
                              [](NatCheck& object) -> Result<int> {
                                return object.loop().descriptor();
                              });
}

int natkit_nat_check_get_timeout(const natkit_nat_check* check, int* out_ms) {
  return WithHandle<NatCheck>(__func__, check, [&](NatCheck& object) {
    return PutTimeout(object, out_ms);
  });
}

int natkit_nat_check_process(natkit_nat_check* check) {
  return WithHandle<NatCheck>(
      __func__, check, [](NatCheck& object) -> Result<int> {
        // Its own refusals are this function's.
        return WithHandle<Behavior>("natkit_nat_check_process",
                                    object.behavior(),
                                    [&](Behavior& /*behavior*/) -> Result<int> {
                                      object.Pump();
                                      object.loop().RunReady();
                                      return 0;
                                    });
      });
}

int natkit_get_local_address(const natkit_address* toward,
                             natkit_address* out) {
  return ToCode(__func__, PutLocalAddress(toward, out));
}
