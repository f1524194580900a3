// natkit_behavior: its life, actions and inputs; see natkit/behavior.h.

#include "behavior/behavior.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

#include "support/convert.h"
#include "support/core_calls.h"
#include "support/door.h"
#include "support/structs.h"

namespace natkit::c {

namespace {

constexpr size_t kFirstConfigSize = sizeof(natkit_behavior_config);
constexpr size_t kFirstActionSize = sizeof(natkit_behavior_action);

Result<void> MakeBehavior(const natkit_behavior_config* config,
                          natkit_behavior** out) {
  const auto given = ReadStruct(config, kFirstConfigSize);
  if (!given) {
    return std::unexpected(given.error());
  }
  auto rng = MakeRng(given->random);
  if (!rng) {
    return std::unexpected(rng.error());
  }
  auto made = ToBehaviorConfig(*given);
  if (!made) {
    return std::unexpected(made.error());
  }
  return MakeHandle(
      std::make_unique<Behavior>(*std::move(made), *std::move(rng)), out);
}

/// One action as callers get it: `bytes` are those that it sends.
struct Deed {
  natkit_behavior_action action{};
  ByteView bytes;

  void operator()(const nat::OpenSocket& open) {
    action.type = NATKIT_BEHAVIOR_OPEN_SOCKET;
    action.socket = static_cast<uint32_t>(open.socket);
    action.local = FromEndpoint(open.local);
  }

  void operator()(const nat::CloseSocket& close) {
    action.type = NATKIT_BEHAVIOR_CLOSE_SOCKET;
    action.socket = static_cast<uint32_t>(close.socket);
  }

  void operator()(const nat::SendDatagram& send) {
    action.type = NATKIT_BEHAVIOR_SEND_DATAGRAM;
    action.socket = static_cast<uint32_t>(send.socket);
    action.to = FromEndpoint(send.to);
    action.ttl = send.ttl;
    bytes = send.payload;
  }

  void operator()(const nat::OpenStream& open) {
    action.type = NATKIT_BEHAVIOR_OPEN_STREAM;
    action.socket = static_cast<uint32_t>(open.socket);
    action.local = FromEndpoint(open.local);
    action.to = FromEndpoint(open.to);
  }

  void operator()(const nat::SendOnStream& send) {
    action.type = NATKIT_BEHAVIOR_SEND_ON_STREAM;
    action.socket = static_cast<uint32_t>(send.socket);
    bytes = send.bytes;
  }
};

Result<int> PollAction(Behavior& behavior, natkit_behavior_action* out,
                       void* data, size_t capacity) {
  const Result<void> place = CheckStruct(out, kFirstActionSize);
  if (!place) {
    return std::unexpected(place.error());
  }
  const Result<MutableBytes> room = ToMutableBytes(data, capacity);
  if (!room) {
    return std::unexpected(room.error());
  }
  const std::optional<nat::BehaviorAction>& next = behavior.PeekAction();
  if (!next) {
    return 0;
  }
  Deed deed;
  std::visit(deed, *next);
  if (deed.bytes.size() > room->size()) {
    return Fail(Errc::kBufferTooSmall);
  }
  std::ranges::copy(deed.bytes, room->begin());
  deed.action.size = deed.bytes.size();
  const Result<void> written = WriteStruct(out, deed.action, kFirstActionSize);
  behavior.DropAction();
  if (!written) {
    return std::unexpected(written.error());
  }
  return 1;
}

/// Errors: kBadArgument.
Result<nat::IcmpNotice> ToNotice(const natkit_address* reporter,
                                 const natkit_address* to, uint32_t type,
                                 uint32_t code) {
  const auto from = ToSetEndpoint(reporter);
  const auto target = ToSetEndpoint(to);
  if (!from || !target || type > UINT8_MAX || code > UINT8_MAX) {
    return Fail(Errc::kBadArgument);
  }
  return nat::IcmpNotice{.from = from->address,
                         .to = *target,
                         .type = static_cast<uint8_t>(type),
                         .code = static_cast<uint8_t>(code)};
}

}  // namespace

Behavior::Behavior(nat::BehaviorConfig config, std::unique_ptr<Rng> rng)
    : rng_(std::move(rng)), core_(std::move(config), *rng_) {}

Result<void> Behavior::Start(Instant now) {
  if (std::exchange(is_begun_, true)) {
    return Fail(Errc::kInvalidState);
  }
  core_.Start(now);
  return {};
}

void Behavior::Abort(Instant now) {
  is_begun_ = true;
  if (!std::exchange(is_aborted_, true)) {
    core_.Abort(now);
  }
}

const std::optional<nat::BehaviorAction>& Behavior::PeekAction() {
  if (!action_) {
    action_ = core_.PollAction();
  }
  return action_;
}

std::optional<Instant> Behavior::NextTimeout() const {
  return action_ ? last_time() : core_.NextTimeout();
}

}  // namespace natkit::c

using natkit::ByteView;
using natkit::Endpoint;
using natkit::Errc;
using natkit::Fail;
using natkit::Instant;
using natkit::Result;
using natkit::nat::SocketNumber;
using namespace natkit::c;

int natkit_behavior_new(const natkit_behavior_config* config,
                        natkit_behavior** out) {
  return ToCode(__func__, MakeBehavior(config, out));
}

void natkit_behavior_free(natkit_behavior* behavior) {
  FreeHandle<Behavior>(__func__, behavior);
}

int natkit_behavior_poll_action(natkit_behavior* behavior,
                                natkit_behavior_action* out, void* buffer,
                                size_t capacity) {
  return WithHandle<Behavior>(__func__, behavior, [&](Behavior& object) {
    return PollAction(object, out, buffer, capacity);
  });
}

int natkit_behavior_next_timeout(const natkit_behavior* behavior,
                                 uint64_t* out_ns) {
  return CallNextTimeout<Behavior>(__func__, behavior, out_ns);
}

int natkit_behavior_start(natkit_behavior* behavior, uint64_t now_ns) {
  return WithTime<Behavior>(
      __func__, behavior, now_ns,
      [](Behavior& object, Instant now) { return object.Start(now); });
}

int natkit_behavior_handle_socket_opened(natkit_behavior* behavior,
                                         uint64_t now_ns, uint32_t socket,
                                         const natkit_address* local) {
  return WithTime<Behavior>(
      __func__, behavior, now_ns,
      [&](Behavior& object, Instant now) -> Result<void> {
        const Result<Endpoint> bound = ToSetEndpoint(local);
        if (!bound) {
          return std::unexpected(bound.error());
        }
        object.core().HandleSocketOpened(now, SocketNumber{socket}, *bound);
        return {};
      });
}

int natkit_behavior_handle_socket_failed(natkit_behavior* behavior,
                                         uint64_t now_ns, uint32_t socket,
                                         int code) {
  return WithTime<Behavior>(__func__, behavior, now_ns,
                            [&](Behavior& object, Instant now) -> Result<void> {
                              if (code >= 0 || code < -UINT16_MAX) {
                                return Fail(Errc::kBadArgument);
                              }
                              object.core().HandleSocketOpened(
                                  now, SocketNumber{socket},
                                  Fail(static_cast<Errc>(-code)));
                              return {};
                            });
}

int natkit_behavior_handle_datagram(natkit_behavior* behavior, uint64_t now_ns,
                                    uint32_t socket, const natkit_address* from,
                                    const void* data, size_t size) {
  return WithTime<Behavior>(
      __func__, behavior, now_ns,
      [&](Behavior& object, Instant now) -> Result<void> {
        const Result<Endpoint> source = ToSetEndpoint(from);
        const Result<ByteView> bytes = ToBytes(data, size);
        if (!source || !bytes) {
          return Fail(Errc::kBadArgument);
        }
        object.core().HandleDatagram(now, SocketNumber{socket}, *source,
                                     *bytes);
        return {};
      });
}

int natkit_behavior_handle_stream_data(natkit_behavior* behavior,
                                       uint64_t now_ns, uint32_t socket,
                                       const void* data, size_t size) {
  return WithTime<Behavior>(
      __func__, behavior, now_ns,
      [&](Behavior& object, Instant now) -> Result<void> {
        const Result<ByteView> bytes = ToBytes(data, size);
        if (!bytes) {
          return std::unexpected(bytes.error());
        }
        object.core().HandleStreamData(now, SocketNumber{socket}, *bytes);
        return {};
      });
}

int natkit_behavior_handle_icmp_error(natkit_behavior* behavior,
                                      uint64_t now_ns, uint32_t socket,
                                      const natkit_address* reporter,
                                      const natkit_address* to, uint32_t type,
                                      uint32_t code) {
  return WithTime<Behavior>(
      __func__, behavior, now_ns,
      [&](Behavior& object, Instant now) -> Result<void> {
        const auto notice = ToNotice(reporter, to, type, code);
        if (!notice) {
          return std::unexpected(notice.error());
        }
        object.core().HandleIcmpError(now, SocketNumber{socket}, *notice);
        return {};
      });
}

int natkit_behavior_handle_timeout(natkit_behavior* behavior, uint64_t now_ns) {
  return CallHandleTimeout<Behavior>(__func__, behavior, now_ns);
}

int natkit_behavior_abort(natkit_behavior* behavior, uint64_t now_ns) {
  return WithTime<Behavior>(__func__, behavior, now_ns,
                            [](Behavior& object, Instant now) -> Result<void> {
                              object.Abort(now);
                              return {};
                            });
}

int natkit_behavior_is_finished(const natkit_behavior* behavior) {
  return WithHandle<Behavior>(__func__, behavior,
                              [](Behavior& object) -> Result<int> {
                                return object.core().is_finished() ? 1 : 0;
                              });
}
