#include "portmap/port_control.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "natkit/base/queue.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::portmap {
namespace {

using std::chrono::milliseconds;

constexpr uint16_t kServerPort = 5351;
constexpr uint16_t kClientPort = 5350;
constexpr size_t kAnnouncements = 10;
constexpr Duration kFirstGap = milliseconds(250);
constexpr IpAddress kAllHosts = IpAddress::V4(224, 0, 0, 1);

IpAddress AllNodes() {
  return IpAddress::V6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

}  // namespace

PortControl::PortControl(const NatConfig& config,
                         std::shared_ptr<LeaseBook> leases, Instant start,
                         ThirdParty third_party)
    : config_(config),
      leases_(std::move(leases)),
      nat_pmp_(*leases_, config.services.max_lifetime),
      pcp_(*leases_, config, third_party),
      epoch_start_(start) {}

bool PortControl::HandlePacket(Instant now, ByteView packet,
                               const PacketInfo& info) {
  if (info.protocol != static_cast<uint8_t>(IpProtocol::kUdp) ||
      info.destination.port != kServerPort ||
      info.destination.address.is_multicast()) {
    return false;
  }
  const auto request = UdpPayload(packet, info);
  if (!request || request->size() < 2) {
    return true;
  }
  const std::vector<uint8_t> answer =
      AnswerTo(now, info.source.address, *request);
  if (!answer.empty()) {
    queue_.push_back(BuildUdp(info.destination, info.source, answer));
  }
  return true;
}

std::vector<uint8_t> PortControl::AnswerTo(Instant now, const IpAddress& client,
                                           ByteView request) {
  const PortMappingServices& services = config_.services;
  const uint32_t epoch = EpochAt(now);
  const bool may_be_pmp = services.nat_pmp && client.is_v4();
  if (may_be_pmp && request[0] == 0) {
    return nat_pmp_.Answer(now, epoch, client, request);
  }
  if (services.pcp) {
    return pcp_.Answer(now, epoch, client, request);
  }
  return may_be_pmp ? NatPmpServer::RefuseVersion(epoch, request[1])
                    : std::vector<uint8_t>{};
}

uint32_t PortControl::EpochAt(Instant now) const {
  return static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now - epoch_start_)
          .count());
}

std::optional<std::vector<uint8_t>> PortControl::PollTransmit() {
  return TakeFront(queue_);
}

std::optional<Instant> PortControl::NextTimeout() const {
  if (!queue_.empty()) {
    return Instant::min();
  }
  return announcements_left_ == 0 ? std::nullopt
                                  : std::optional(next_announcement_);
}

void PortControl::HandleTimeout(Instant now) {
  if (announcements_left_ == 0 || now < next_announcement_) {
    return;
  }
  Announce(now);
  --announcements_left_;
  next_announcement_ = now + announcement_gap_;
  announcement_gap_ *= 2;
}

void PortControl::HandleReboot(Instant now) {
  leases_->Clear();
  queue_.clear();
  epoch_start_ = now;
  announcements_left_ = kAnnouncements;
  next_announcement_ = now;
  announcement_gap_ = kFirstGap;
}

void PortControl::Announce(Instant now) {
  const uint32_t epoch = EpochAt(now);
  const Endpoint from{config_.inside_address, kServerPort};
  const Endpoint to{kAllHosts, kClientPort};
  const IpFields ip = {.ttl = 1};
  if (config_.services.nat_pmp) {
    queue_.push_back(BuildUdp(from, to, nat_pmp_.Announcement(epoch), ip));
  }
  if (config_.services.pcp) {
    const auto message = PcpServer::Announcement(epoch);
    queue_.push_back(BuildUdp(from, to, message, ip));
    if (config_.inside_address6) {
      queue_.push_back(BuildUdp({*config_.inside_address6, kServerPort},
                                {AllNodes(), kClientPort}, message, ip));
    }
  }
}

}  // namespace natkit::netsim::portmap
