#pragma once

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "natkit/base/packet_batch.h"
#include "natkit/base/rng.h"
#include "natkit/wg/device.h"
#include "support/handle_table.h"
#include "wireguard/wg_outbox.h"

namespace natkit::c {

/// What a natkit_wg_device stands for.
struct WgDevice final : Object {
  static constexpr HandleKind kKind = HandleKind::kWgDevice;

  /// Packets of a batch that are worked on at a time.
  static constexpr size_t kPiece = 32;

  WgDevice(const wg::DeviceConfig& config, std::unique_ptr<Rng> random)
      : rng(std::move(random)), device(config, *rng) {}

  [[nodiscard]] std::optional<Instant> NextTimeout() const {
    return outbox.is_empty() ? device.NextTimeout() : last_time();
  }

  std::unique_ptr<Rng> rng;
  wg::Device device;
  std::array<wg::Device::Datagram, kPiece> datagrams;  ///< that come in
  PacketBatch plaintext;  ///< describes what lies in the caller's memory
  WgOutbox outbox;
};

}  // namespace natkit::c
