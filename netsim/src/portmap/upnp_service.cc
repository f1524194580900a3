#include "portmap/upnp_service.h"

#include <algorithm>
#include <utility>

#include "natkit/netsim/packet.h"
#include "portmap/http.h"
#include "portmap/ssdp.h"

namespace natkit::netsim::portmap {
namespace {

constexpr uint16_t kSsdpPort = 1900;
constexpr uint16_t kHttpPort = 5000;
constexpr IpAddress kSsdpGroup = IpAddress::V4(239, 255, 255, 250);
constexpr uint16_t kTcpIpv4Overhead = 40;

TcpLimits LimitsOf(const NatConfig& config) {
  TcpLimits out;
  out.max_mss = std::min<uint16_t>(
      out.max_mss, static_cast<uint16_t>(std::max<int>(config.inside_mtu, 576) -
                                         kTcpIpv4Overhead));
  return out;
}

}  // namespace

UpnpService::UpnpService(const NatConfig& config,
                         std::shared_ptr<LeaseBook> leases, Instant start)
    : config_(config),
      leases_(std::move(leases)),
      igd_(*leases_),
      tcp_(LimitsOf(config), [this](Instant now, const auto& request) {
        return HandleRequest(now, request);
      }) {
  igd_.SetBootTime(start);
}

bool UpnpService::HandlePacket(Instant now, ByteView packet,
                               const PacketInfo& info) {
  if (!info.is_v4()) {
    return false;
  }
  if (info.protocol == static_cast<uint8_t>(IpProtocol::kTcp) &&
      info.destination == Endpoint{config_.inside_address, kHttpPort}) {
    tcp_.HandleSegment(now, packet, info);
    return true;
  }
  return info.protocol == static_cast<uint8_t>(IpProtocol::kUdp) &&
         info.destination.port == kSsdpPort && HandleSearch(packet, info);
}

bool UpnpService::HandleSearch(ByteView packet, const PacketInfo& info) {
  const IpAddress& to = info.destination.address;
  if (to != kSsdpGroup && to != config_.inside_address) {
    return false;
  }
  const Endpoint http{config_.inside_address, kHttpPort};
  if (const auto datagram = UdpPayload(packet, info)) {
    for (const auto& answer : AnswerSearch(AsText(*datagram), http, boot_id_)) {
      queue_.push_back(
          BuildUdp({config_.inside_address, kSsdpPort}, info.source, answer));
    }
  }
  return true;
}

std::optional<std::vector<uint8_t>> UpnpService::HandleRequest(
    Instant now, const TcpResponder::Request& request) {
  HttpRequest http;
  switch (ReadHttpRequest(AsText(request.bytes), http)) {
    case HttpStatus::kComplete:
      return igd_.Answer(now, request.client.address, request.server.address,
                         http);
    case HttpStatus::kIncomplete:
      if (!request.is_all || request.bytes.empty()) {
        return std::nullopt;
      }
      break;
    case HttpStatus::kBad:
      break;
  }
  return MakeHttpResponse("400 Bad Request", "text/plain", "");
}

std::optional<std::vector<uint8_t>> UpnpService::PollTransmit() {
  if (queue_.empty()) {
    return tcp_.PollTransmit();
  }
  std::vector<uint8_t> packet = std::move(queue_.front());
  queue_.pop_front();
  return packet;
}

std::optional<Instant> UpnpService::NextTimeout() const {
  return queue_.empty() ? tcp_.NextTimeout() : Instant::min();
}

void UpnpService::HandleTimeout(Instant now) {
  tcp_.HandleTimeout(now);
}

void UpnpService::HandleReboot(Instant now) {
  leases_->Clear();
  tcp_.Reset();
  queue_.clear();
  igd_.SetBootTime(now);
  ++boot_id_;
}

}  // namespace natkit::netsim::portmap
