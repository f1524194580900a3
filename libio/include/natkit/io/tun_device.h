#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "natkit/base/packet_batch.h"
#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"

namespace natkit::io {

/// Of a network interface's name, in bytes (Linux: IFNAMSIZ less one).
inline constexpr size_t kMaxInterfaceName = 15;

/// Whether a network interface can be called that: 1 to kMaxInterfaceName bytes
/// without blanks, control characters, '/', ':' and '%' (for the kernel a
/// pattern of names), and neither "." nor "..".
[[nodiscard]] bool IsInterfaceName(std::string_view name);

/// Counted since the device was opened. Packets, not bytes.
struct TunCounters {
  uint64_t read = 0;
  uint64_t written = 0;
  uint64_t write_errors = 0;  ///< not an IP packet, or the device is down
};

/// A TUN network interface: IP packets without a link header.
///
/// The interface exists as long as this object. It starts down and without
/// addresses; LinkControl configures it.
class TunDevice {
 public:
  /// Up to 64 packets read from the interface; `meta` is default. The batch is
  /// the device's: valid during the call, may be changed, is then cleared.
  using PacketHandler = std::function<void(PacketBatch& batch)>;

  static constexpr size_t kMaxBatch = 64;

  /// Creates the interface. Errors: kNoDevice (/dev/net/tun is missing),
  /// kPermissionDenied, kAlreadyExists (the name is taken), kBadValue (no
  /// IsInterfaceName()), kIo.
  [[nodiscard]] static Result<TunDevice> Open(EventLoop& loop,
                                              const std::string& name);
  ~TunDevice();
  TunDevice(TunDevice&&) noexcept;
  TunDevice& operator=(TunDevice&&) noexcept;

  /// Starts reading. `on_gone` is called once if somebody deletes the
  /// interface; nothing is read after that.
  void Start(PacketHandler on_packets, std::function<void()> on_gone);

  /// Writes each packet; the host receives them on this interface. Packets
  /// that the system does not take are dropped and counted.
  void Write(const PacketBatch& batch);

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const TunCounters& counters() const;

  class Impl;

 private:
  explicit TunDevice(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace natkit::io
