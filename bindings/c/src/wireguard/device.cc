// Life, configuration and queries of natkit_wg_device.

#include "wireguard/device.h"

#include <algorithm>
#include <string>

#include "natkit/wg/uapi.h"
#include "support/convert.h"
#include "support/door.h"
#include "wireguard/wg_convert.h"

namespace natkit::c {
namespace {

constexpr size_t kFirstConfigSize = sizeof(natkit_wg_device_config);
constexpr size_t kFirstPeerConfigSize = sizeof(natkit_wg_peer_config);
constexpr size_t kFirstStatusSize = sizeof(natkit_wg_device_status);

/// More than any answer to `set=1` with its zero byte.
constexpr size_t kSetAnswerSize = 64;

Result<wg::DeviceConfig> ToConfig(const natkit_wg_device_config& given) {
  const Result<Duration> offset =
      WallClockOffset(given.now_ns, given.wall_clock_ns);
  if (!offset || given.endpoints > NATKIT_WG_ENDPOINTS_BY_OWNER) {
    return Fail(Errc::kBadArgument);
  }
  wg::DeviceConfig config;
  config.wall_clock_offset = *offset;
  config.endpoints = given.endpoints == NATKIT_WG_ENDPOINTS_BY_OWNER
                         ? wg::EndpointPolicy::kByOwner
                         : wg::EndpointPolicy::kRequired;
  Override(config.tunnel_mtu, given.mtu);
  Override(config.max_peers, given.max_peers);
  Override(config.max_staged_packets, given.max_staged_packets);
  Override(config.max_staged_bytes, given.max_staged_bytes);
  Override(config.handshakes_per_second, given.handshakes_per_second);
  Override(config.max_queued_events, given.max_queued_events);
  config.reports_keepalives = given.reports_keepalives != 0;
  return config;
}

Result<void> NewDevice(const natkit_wg_device_config* config,
                       natkit_wg_device** out) {
  SecretStruct<natkit_wg_device_config> given;
  if (const auto read = ReadStructInto(given, config, kFirstConfigSize);
      !read) {
    return read;
  }
  const Result<wg::DeviceConfig> device_config = ToConfig(given.value);
  Result<std::unique_ptr<Rng>> rng = MakeRng(given->random);
  if (!device_config || !rng || out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  auto device = std::make_unique<WgDevice>(*device_config, std::move(*rng));
  const Result<Instant> now = device->TakeTime(given->now_ns);
  if (!now) {
    return std::unexpected(now.error());
  }
  device->device.SetPrivateKey(*now,
                               ToSecret<StaticPrivateKey>(given->private_key));
  return MakeHandle(std::move(device), out);
}

Result<wg::PeerUpdate> ToUpdate(const natkit_wg_peer_config& given) {
  Result<std::vector<IpPrefix>> allowed_ips =
      ToPrefixes(given.allowed_ips, given.allowed_ip_count);
  const Result<Duration> keepalive =
      ToDuration(given.keepalive_ns, Duration::zero());
  const Result<Endpoint> endpoint = ToEndpoint(given.endpoint);
  if (!allowed_ips || !keepalive || !endpoint) {
    return Fail(Errc::kBadArgument);
  }
  wg::PeerUpdate update;
  update.public_key = *ToPublicKey(given.public_key);
  update.preshared_key = ToSecret<PresharedKey>(given.preshared_key);
  if (given.endpoint.family != NATKIT_FAMILY_NONE) {
    update.endpoint = *endpoint;
  }
  update.persistent_keepalive = *keepalive;
  update.replace_allowed_ips = given.adds_allowed_ips == 0;
  update.allowed_ips = std::move(*allowed_ips);
  return update;
}

Result<void> SetPeer(WgDevice& device, Instant now,
                     const natkit_wg_peer_config* config, uint32_t* out_peer) {
  SecretStruct<natkit_wg_peer_config> given;
  if (const auto read = ReadStructInto(given, config, kFirstPeerConfigSize);
      !read) {
    return read;
  }
  const Result<wg::PeerUpdate> update = ToUpdate(given.value);
  if (!update) {
    return std::unexpected(update.error());
  }
  const Result<wg::PeerId> peer = device.device.SetPeer(now, *update);
  if (!peer) {
    return std::unexpected(peer.error());
  }
  if (out_peer != nullptr) {
    *out_peer = *peer;
  }
  return {};
}

Result<void> SetEndpoint(WgDevice& device, uint32_t peer,
                         const natkit_address* remote,
                         const natkit_address* local) {
  const Result<Endpoint> to = ToSetEndpoint(remote);
  const Result<Endpoint> from =
      local == nullptr ? Result<Endpoint>(Endpoint{}) : ToEndpoint(*local);
  if (!to || !from) {
    return Fail(Errc::kBadArgument);
  }
  return device.device.SetEndpoint(peer, *to, *from);
}

Result<void> PutPeer(const std::optional<wg::PeerId>& peer, Errc none,
                     uint32_t* out) {
  if (!peer) {
    return Fail(none);
  }
  *out = *peer;
  return {};
}

Result<int> ServeUapi(WgDevice& device, Instant now, std::string_view request,
                      std::span<char> out, size_t* out_size) {
  const bool is_set = request.starts_with("set=1");
  if (is_set && out.size() < kSetAnswerSize) {
    *out_size = kSetAnswerSize;
    return Fail(Errc::kBufferTooSmall);
  }
  std::string copy(request);
  const wg::SecretText answer = wg::HandleUapiRequest(now, device.device, copy);
  *out_size = answer.Expose().size() + 1;
  if (out.empty()) {
    return Fail(Errc::kBufferTooSmall);
  }
  return PutText(answer.Expose(), out.data(), out.size());
}

natkit_wg_device_status StatusOf(const wg::Device& device) {
  natkit_wg_device_status status{};
  std::ranges::copy(device.public_key().bytes, status.public_key);
  status.peer_count = static_cast<uint32_t>(device.peer_count());
  status.listen_port = device.listen_port();
  status.fwmark = device.fwmark();
  return status;
}

}  // namespace
}  // namespace natkit::c

using natkit::Errc;
using natkit::Fail;
using natkit::Instant;
using natkit::Result;
using natkit::StaticPrivateKey;
using namespace natkit::c;

int natkit_wg_device_new(const natkit_wg_device_config* config,
                         natkit_wg_device** out) {
  return ToCode(__func__, NewDevice(config, out));
}

void natkit_wg_device_free(natkit_wg_device* device) {
  FreeHandle<WgDevice>(__func__, device);
}

int natkit_wg_device_set_private_key(natkit_wg_device* device, uint64_t now_ns,
                                     const uint8_t* private_key) {
  StaticPrivateKey key;
  if (private_key != nullptr) {
    std::copy_n(private_key, NATKIT_KEY_SIZE, key.ExposeMutable().begin());
  }
  return WithTime<WgDevice>(__func__, device, now_ns,
                            [&](WgDevice& self, Instant now) {
                              self.device.SetPrivateKey(now, std::move(key));
                              return Result<void>{};
                            });
}

int natkit_wg_device_set_peer(natkit_wg_device* device, uint64_t now_ns,
                              const natkit_wg_peer_config* config,
                              uint32_t* out_peer) {
  return WithTime<WgDevice>(__func__, device, now_ns,
                            [&](WgDevice& self, Instant now) {
                              return SetPeer(self, now, config, out_peer);
                            });
}

int natkit_wg_device_remove_peer(natkit_wg_device* device, uint32_t peer) {
  return WithHandle<WgDevice>(__func__, device, [&](WgDevice& self) {
    return self.device.RemovePeer(peer) ? Result<void>{}
                                        : Fail(Errc::kNotFound);
  });
}

int natkit_wg_device_set_endpoint(natkit_wg_device* device, uint32_t peer,
                                  const natkit_address* remote,
                                  const natkit_address* local) {
  return WithHandle<WgDevice>(__func__, device, [&](WgDevice& self) {
    return SetEndpoint(self, peer, remote, local);
  });
}

int natkit_wg_device_find_peer(const natkit_wg_device* device,
                               const uint8_t* public_key, uint32_t* out_peer) {
  const Result<natkit::PublicKey> key = ToPublicKey(public_key);
  if (!key || out_peer == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithHandle<WgDevice>(__func__, device, [&](WgDevice& self) {
    return PutPeer(self.device.FindPeer(*key), Errc::kNotFound, out_peer);
  });
}

int natkit_wg_device_find_route(const natkit_wg_device* device,
                                const natkit_address* address,
                                uint32_t* out_peer) {
  const Result<natkit::Endpoint> to = ToSetEndpoint(address);
  if (!to || out_peer == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithHandle<WgDevice>(__func__, device, [&](WgDevice& self) {
    return PutPeer(self.device.FindRoute(to->address), Errc::kNoRoute,
                   out_peer);
  });
}

int natkit_wg_device_get_peer_status(const natkit_wg_device* device,
                                     uint32_t peer,
                                     natkit_wg_peer_status* out) {
  return WithHandle<WgDevice>(
      __func__, device, [&](WgDevice& self) -> Result<void> {
        const auto status = self.device.GetPeer(peer);
        return status ? WriteStatus(*status, out) : Fail(Errc::kNotFound);
      });
}

int natkit_wg_device_get_allowed_ips(const natkit_wg_device* device,
                                     uint32_t peer, natkit_prefix* out,
                                     size_t capacity) {
  if (out == nullptr && capacity != 0) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithHandle<WgDevice>(
      __func__, device, [&](WgDevice& self) -> Result<int> {
        const auto status = self.device.GetPeer(peer);
        if (!status) {
          return Fail(Errc::kNotFound);
        }
        return PutList(status->allowed_ips, out, capacity, FromPrefix);
      });
}

int natkit_wg_device_get_peers(const natkit_wg_device* device, uint32_t* out,
                               size_t capacity) {
  return WithHandle<WgDevice>(__func__, device, [&](WgDevice& self) {
    return PutList(self.device.ListPeers(), out, capacity,
                   &natkit::wg::PeerStatus::id);
  });
}

int natkit_wg_device_get_status(const natkit_wg_device* device,
                                natkit_wg_device_status* out) {
  return WithHandle<WgDevice>(__func__, device, [&](WgDevice& self) {
    return WriteStruct(out, StatusOf(self.device), kFirstStatusSize);
  });
}

int natkit_wg_device_set_listen_port(natkit_wg_device* device, uint32_t port) {
  return WithHandle<WgDevice>(
      __func__, device, [&](WgDevice& self) -> Result<void> {
        if (port > UINT16_MAX) {
          return Fail(Errc::kBadArgument);
        }
        self.device.set_listen_port(static_cast<uint16_t>(port));
        return {};
      });
}

int natkit_wg_device_get_counters(const natkit_wg_device* device,
                                  natkit_wg_counters* out) {
  return WithHandle<WgDevice>(__func__, device, [&](WgDevice& self) {
    return WriteCounters(self.device.counters(), out);
  });
}

int natkit_wg_device_report_load(natkit_wg_device* device, int is_high) {
  return WithHandle<WgDevice>(__func__, device, [&](WgDevice& self) {
    self.device.ReportLoad(is_high != 0 ? natkit::wg::Load::kHigh
                                        : natkit::wg::Load::kMeasured);
    return Result<void>{};
  });
}

int natkit_wg_device_handle_uapi(natkit_wg_device* device, uint64_t now_ns,
                                 const char* request, size_t request_size,
                                 char* buffer, size_t capacity,
                                 size_t* out_size) {
  if (request == nullptr || !ToBytes(request, request_size) ||
      (buffer == nullptr && capacity != 0)) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  size_t needed = 0;
  const int result = WithTime<WgDevice>(
      __func__, device, now_ns, [&](WgDevice& self, Instant now) {
        return ServeUapi(self, now, {request, request_size},
                         std::span(buffer, capacity), &needed);
      });
  if (out_size != nullptr) {
    *out_size = needed;
  }
  return result;
}
