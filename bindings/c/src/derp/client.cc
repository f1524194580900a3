#include <algorithm>
#include <climits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "derp/derp_events.h"
#include "natkit/derp.h"
#include "natkit/derp/client_core.h"
#include "natkit/derp/meta_certificate.h"
#include "support/convert.h"
#include "support/core_calls.h"
#include "support/door.h"
#include "support/structs.h"

namespace natkit::c {

namespace {

constexpr size_t kFirstConfigSize = sizeof(natkit_derp_client_config);
constexpr size_t kFirstEventSize = sizeof(natkit_derp_event);
constexpr size_t kFirstCountersSize = sizeof(natkit_derp_counters);
constexpr uint32_t kMaxQueueDepth = 65'536;
constexpr size_t kMaxCertificates = 64;

class DerpClient final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kDerpClient;

  DerpClient(derp::ClientConfig config, std::unique_ptr<Rng> rng)
      : rng_(std::move(rng)), core_(std::move(config), *rng_) {}

  [[nodiscard]] derp::ClientCore& core() { return core_; }

  [[nodiscard]] std::optional<Instant> NextTimeout() const {
    return core_.NextTimeout();
  }

  [[nodiscard]] Result<void> Start(Instant now,
                                   const std::optional<PublicKey>& key) {
    if (is_started_) {
      return Fail(Errc::kInvalidState);
    }
    is_started_ = true;
    core_.Start(now, key);
    return {};
  }

  /// 1 with `out`, 0 if there is none. Errors: kBufferTooSmall.
  [[nodiscard]] Result<int> TakeEvent(natkit_derp_event& out,
                                      MutableBytes room) {
    if (held_) {
      return TakeHeld(out, room);
    }
    for (auto event = core_.PollEvent(); event; event = core_.PollEvent()) {
      const auto* const packet = std::get_if<derp::ClientPacket>(&*event);
      const ByteView data = packet != nullptr ? packet->data : ByteView{};
      if (data.size() > derp::kMaxPacketSize) {
        continue;
      }
      out = FromDerpEvent(*event);
      if (data.size() > room.size()) {
        // The core forgets the bytes at its next input.
        held_ = Held{.event = out, .data = {data.begin(), data.end()}};
        return Fail(Errc::kBufferTooSmall);
      }
      std::ranges::copy(data, room.begin());
      return 1;
    }
    return 0;
  }

 private:
  struct Held {
    natkit_derp_event event;
    std::vector<uint8_t> data;
  };

  [[nodiscard]] Result<int> TakeHeld(natkit_derp_event& out,
                                     MutableBytes room) {
    if (held_->data.size() > room.size()) {
      return Fail(Errc::kBufferTooSmall);
    }
    out = held_->event;
    std::ranges::copy(held_->data, room.begin());
    held_.reset();
    return 1;
  }

  std::unique_ptr<Rng> rng_;
  derp::ClientCore core_;
  bool is_started_ = false;
  /// A packet that did not fit the caller's buffer.
  std::optional<Held> held_;
};

/// NULL: empty. Errors: kBadArgument, kBadEncoding.
Result<std::string> ToWord(const char* text) {
  if (text == nullptr) {
    return std::string();
  }
  const Result<std::string_view> given = ToText(text, NATKIT_DERP_MAX_TEXT);
  if (!given) {
    return std::unexpected(given.error());
  }
  const bool is_printable =
      std::ranges::all_of(*given, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!is_printable) {
    return Fail(Errc::kBadEncoding);
  }
  return std::string(*given);
}

Result<Duration> ToDerpDuration(uint64_t ns, Duration fallback) {
  if (ns > NATKIT_DERP_LONGEST) {
    return Fail(Errc::kBadArgument);
  }
  return ToDuration(ns, fallback);
}

Result<void> SetTimes(const natkit_derp_client_config& config,
                      derp::ClientConfig& out) {
  const auto login = ToDerpDuration(config.login_timeout_ns, out.login_timeout);
  const auto read = ToDerpDuration(config.read_timeout_ns, out.read_timeout);
  const auto ping = ToDerpDuration(config.ping_timeout_ns, out.ping_timeout);
  if (!login || !read || !ping) {
    return Fail(Errc::kBadArgument);
  }
  out.login_timeout = *login;
  out.read_timeout = *read;
  out.ping_timeout = *ping;
  return {};
}

Result<derp::ClientConfig> ToClientConfig(
    const natkit_derp_client_config& config) {
  if (config.private_key == nullptr || config.host == nullptr ||
      config.host[0] == '\0' || config.queue_depth > kMaxQueueDepth) {
    return Fail(Errc::kBadArgument);
  }
  auto host = ToWord(config.host);
  auto ideal_node = ToWord(config.ideal_node);
  const auto app_name = ToText(
      config.app_name == nullptr ? "" : config.app_name, NATKIT_DERP_MAX_TEXT);
  if (!host || !ideal_node || !app_name) {
    return std::unexpected(!host         ? host.error()
                           : !ideal_node ? ideal_node.error()
                                         : app_name.error());
  }
  using KeyBytes = std::span<const uint8_t, NATKIT_KEY_SIZE>;
  derp::ClientConfig out{.private_key = StaticPrivateKey(
                             KeyBytes(config.private_key, NATKIT_KEY_SIZE)),
                         .host = std::move(*host),
                         .ideal_node = std::move(*ideal_node),
                         .is_prober = config.is_prober != 0,
                         .app_name = std::string(*app_name)};
  if (config.mesh_key != nullptr) {
    out.mesh_key.emplace(KeyBytes(config.mesh_key, NATKIT_KEY_SIZE));
  }
  if (config.queue_depth != 0) {
    out.queue_depth = config.queue_depth;
  }
  const Result<void> times = SetTimes(config, out);
  if (!times) {
    return std::unexpected(times.error());
  }
  return out;
}

Result<void> MakeClient(const natkit_derp_client_config* config,
                        natkit_derp_client** out) {
  const auto given = ReadStruct(config, kFirstConfigSize);
  if (!given || out == nullptr) {
    return Fail(given ? Errc::kBadArgument : given.error().code);
  }
  auto settings = ToClientConfig(*given);
  auto rng = MakeRng(given->random);
  if (!settings || !rng) {
    return Fail(settings ? rng.error().code : settings.error().code);
  }
  return MakeHandle(
      std::make_unique<DerpClient>(std::move(*settings), std::move(*rng)), out);
}

natkit_derp_counters FromCounters(const derp::ClientCounters& from) {
  natkit_derp_counters out{};
  out.packets_sent = from.packets_sent;
  out.packets_received = from.packets_received;
  out.dropped_oldest = from.dropped_oldest;
  out.dropped_by_rate = from.dropped_by_rate;
  out.dropped_received = from.dropped_received;
  out.unknown_frames = from.unknown_frames;
  return out;
}

}  // namespace

}  // namespace natkit::c

using namespace natkit::c;
using natkit::ByteView;
using natkit::Errc;
using natkit::Fail;
using natkit::Instant;
using natkit::MutableBytes;
using natkit::PublicKey;
using natkit::Result;

int natkit_derp_client_new(const natkit_derp_client_config* config,
                           natkit_derp_client** out) {
  return ToCode(__func__, MakeClient(config, out));
}

void natkit_derp_client_free(natkit_derp_client* client) {
  FreeHandle<DerpClient>(__func__, client);
}

int natkit_derp_client_start(natkit_derp_client* client, uint64_t now_ns,
                             const uint8_t* server_key) {
  return WithTime<DerpClient>(__func__, client, now_ns,
                              [&](DerpClient& it, Instant now) {
                                std::optional<PublicKey> key;
                                if (server_key != nullptr) {
                                  key = *ToPublicKey(server_key);
                                }
                                return it.Start(now, key);
                              });
}

int natkit_derp_client_handle_bytes(natkit_derp_client* client, uint64_t now_ns,
                                    const void* data, size_t size) {
  return WithTime<DerpClient>(__func__, client, now_ns,
                              [&](DerpClient& it, Instant now) -> Result<void> {
                                const Result<ByteView> bytes =
                                    ToBytes(data, size);
                                if (!bytes) {
                                  return std::unexpected(bytes.error());
                                }
                                it.core().HandleBytes(now, *bytes);
                                return {};
                              });
}

int natkit_derp_client_handle_closed(natkit_derp_client* client,
                                     uint64_t now_ns) {
  return WithTime<DerpClient>(__func__, client, now_ns,
                              [](DerpClient& it, Instant now) -> Result<void> {
                                it.core().HandleClosed(now);
                                return {};
                              });
}

int natkit_derp_client_handle_timeout(natkit_derp_client* client,
                                      uint64_t now_ns) {
  return CallHandleTimeout<DerpClient>(__func__, client, now_ns);
}

int natkit_derp_client_send(natkit_derp_client* client, uint64_t now_ns,
                            const uint8_t* destination, const void* data,
                            size_t size) {
  return WithTime<DerpClient>(
      __func__, client, now_ns,
      [&](DerpClient& it, Instant now) -> Result<void> {
        const Result<PublicKey> key = ToPublicKey(destination);
        const Result<ByteView> packet = ToBytes(data, size);
        if (!key || !packet) {
          return Fail(Errc::kBadArgument);
        }
        return it.core().SendPacket(now, *key, *packet);
      });
}

int natkit_derp_client_note_preferred(natkit_derp_client* client, int is_home) {
  return WithHandle<DerpClient>(
      __func__, client, [&](DerpClient& it) -> Result<void> {
        it.core().NotePreferred(is_home != 0 ? natkit::derp::HomeRegion::kYes
                                             : natkit::derp::HomeRegion::kNo);
        return {};
      });
}

int natkit_derp_client_ping(natkit_derp_client* client, uint64_t now_ns) {
  return WithTime<DerpClient>(__func__, client, now_ns,
                              [](DerpClient& it, Instant now) -> Result<void> {
                                it.core().Ping(now);
                                return {};
                              });
}

int natkit_derp_client_poll_transmit(natkit_derp_client* client,
                                     uint64_t now_ns, void* buffer,
                                     size_t capacity) {
  return WithTime<DerpClient>(
      __func__, client, now_ns,
      [&](DerpClient& it, Instant now) -> Result<int> {
        const Result<MutableBytes> room =
            ToMutableBytes(buffer, std::min<size_t>(capacity, INT_MAX));
        if (!room) {
          return std::unexpected(room.error());
        }
        return static_cast<int>(it.core().PollTransmit(now, *room));
      });
}

int natkit_derp_client_has_output(const natkit_derp_client* client) {
  return WithHandle<DerpClient>(__func__, client,
                                [](DerpClient& it) -> Result<int> {
                                  return it.core().has_output() ? 1 : 0;
                                });
}

int natkit_derp_client_is_connected(const natkit_derp_client* client) {
  return WithHandle<DerpClient>(__func__, client,
                                [](DerpClient& it) -> Result<int> {
                                  return it.core().is_connected() ? 1 : 0;
                                });
}

int natkit_derp_client_next_timeout(const natkit_derp_client* client,
                                    uint64_t* out_ns) {
  return CallNextTimeout<DerpClient>(__func__, client, out_ns);
}

int natkit_derp_client_poll_event(natkit_derp_client* client,
                                  natkit_derp_event* out, void* buffer,
                                  size_t capacity) {
  return WithHandle<DerpClient>(
      __func__, client, [&](DerpClient& it) -> Result<int> {
        const Result<void> valid = CheckStruct(out, kFirstEventSize);
        const Result<MutableBytes> room = ToMutableBytes(buffer, capacity);
        if (!valid || !room) {
          return Fail(valid ? Errc::kBadArgument : valid.error().code);
        }
        natkit_derp_event flat{};
        const Result<int> taken = it.TakeEvent(flat, *room);
        if (!taken || *taken == 0) {
          return taken;
        }
        const Result<void> written = WriteStruct(out, flat, kFirstEventSize);
        return written ? taken : std::unexpected(written.error());
      });
}

int natkit_derp_client_get_counters(const natkit_derp_client* client,
                                    natkit_derp_counters* out) {
  return WithHandle<DerpClient>(__func__, client, [&](DerpClient& it) {
    return WriteStruct(out, FromCounters(it.core().counters()),
                       kFirstCountersSize);
  });
}

int natkit_derp_find_server_key(const uint8_t* const* certificates,
                                const size_t* sizes, size_t count,
                                uint8_t* out) {
  const bool is_given = certificates != nullptr && sizes != nullptr;
  if (out == nullptr || count > kMaxCertificates || (count != 0 && !is_given)) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  std::vector<ByteView> chain;
  for (size_t i = 0; i < count; ++i) {
    const Result<ByteView> der = ToBytes(certificates[i], sizes[i]);
    if (!der) {
      return Refuse(__func__, der.error().code);
    }
    chain.push_back(*der);
  }
  const auto meta = natkit::derp::FindMetaCertificate(chain);
  if (!meta) {
    return 0;
  }
  std::ranges::copy(meta->server_key.bytes, out);
  return 1;
}
