#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "engine/local_service.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"
#include "portmap/lease_book.h"
#include "portmap/nat_pmp.h"
#include "portmap/pcp.h"

namespace natkit::netsim::portmap {

/// NAT-PMP and PCP, which share port 5351 and tell each other apart by the
/// first byte (RFC 6887 appendix A).
///
/// After a reboot both tell all inside hosts at 224.0.0.1:5350, and PCP at
/// [ff02::1]:5350 too: ten times, the first gap 250 ms, each twice the one
/// before (RFC 6886 section 3.2.1, RFC 6887 section 14.1.3).
class PortControl final : public engine::LocalService {
 public:
  /// `config` outlives the service; it asks for one of the two or both.
  PortControl(const NatConfig& config, std::shared_ptr<LeaseBook> leases,
              Instant start, ThirdParty third_party = ThirdParty::kRefused);

  [[nodiscard]] bool HandlePacket(Instant now, ByteView packet,
                                  const PacketInfo& info) override;
  [[nodiscard]] std::optional<std::vector<uint8_t>> PollTransmit() override;
  [[nodiscard]] std::optional<Instant> NextTimeout() const override;
  void HandleTimeout(Instant now) override;
  void HandleReboot(Instant now) override;

 private:
  [[nodiscard]] std::vector<uint8_t> AnswerTo(Instant now,
                                              const IpAddress& client,
                                              ByteView request);
  [[nodiscard]] uint32_t EpochAt(Instant now) const;
  void Announce(Instant now);

  const NatConfig& config_;
  std::shared_ptr<LeaseBook> leases_;
  NatPmpServer nat_pmp_;
  PcpServer pcp_;
  Instant epoch_start_;
  size_t announcements_left_ = 0;
  Instant next_announcement_{};
  Duration announcement_gap_{};
  std::deque<std::vector<uint8_t>> queue_;
};

}  // namespace natkit::netsim::portmap
