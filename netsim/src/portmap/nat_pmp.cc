#include "portmap/nat_pmp.h"

#include <algorithm>
#include <array>
#include <optional>

#include "natkit/netsim/packet.h"

namespace natkit::netsim::portmap {
namespace {

constexpr uint8_t kVersion = 0;
constexpr uint8_t kExternalAddress = 0;
constexpr uint8_t kMapUdp = 1;
constexpr uint8_t kMapTcp = 2;
constexpr uint8_t kResponse = 128;
constexpr size_t kMaxResponse = 16;

/// The first eight bytes of every response.
void WriteHead(ByteWriter& out, uint8_t opcode, PmpResult result,
               uint32_t epoch) {
  out.WriteU8(kVersion);
  out.WriteU8(kResponse | opcode);
  out.WriteU16(static_cast<uint16_t>(result));
  out.WriteU32(epoch);
}

/// To requests of a version or kind without a format of their own.
std::vector<uint8_t> Refuse(uint8_t opcode, PmpResult result, uint32_t epoch) {
  std::array<uint8_t, kMaxResponse> bytes{};
  ByteWriter out(bytes);
  WriteHead(out, opcode, result, epoch);
  return {out.written().begin(), out.written().end()};
}

PmpResult FromError(LeaseError error) {
  switch (error) {
    case LeaseError::kNotYours:
    case LeaseError::kBadValue:
      return PmpResult::kNotAuthorized;
    case LeaseError::kTaken:
    case LeaseError::kQuota:
    case LeaseError::kNoResources:
      break;
  }
  return PmpResult::kOutOfResources;
}

}  // namespace

/// Section 3.3.
struct NatPmpServer::MapRequest {
  uint8_t opcode = 0;
  uint16_t internal_port = 0;
  uint16_t external_port = 0;  ///< suggested
  uint32_t lifetime = 0;       ///< seconds

  [[nodiscard]] uint8_t protocol() const {
    return static_cast<uint8_t>(opcode == kMapUdp ? IpProtocol::kUdp
                                                  : IpProtocol::kTcp);
  }

  static std::optional<MapRequest> Parse(ByteView request) {
    ByteReader in(request);
    MapRequest out;
    if (in.Skip(1) && in.ReadU8(out.opcode) && in.Skip(2) &&
        in.ReadU16(out.internal_port) && in.ReadU16(out.external_port) &&
        in.ReadU32(out.lifetime)) {
      return out;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::vector<uint8_t> Granted(uint32_t epoch, uint16_t port,
                                             uint32_t seconds) const {
    return Answered(PmpResult::kSuccess, epoch, port, seconds);
  }

  /// Errors have the format of success; what they do not say is zero.
  [[nodiscard]] std::vector<uint8_t> Refused(PmpResult result,
                                             uint32_t epoch) const {
    return Answered(result, epoch, 0, 0);
  }

 private:
  [[nodiscard]] std::vector<uint8_t> Answered(PmpResult result, uint32_t epoch,
                                              uint16_t port,
                                              uint32_t seconds) const {
    std::array<uint8_t, kMaxResponse> bytes{};
    ByteWriter out(bytes);
    WriteHead(out, opcode, result, epoch);
    out.WriteU16(internal_port);
    out.WriteU16(port);
    out.WriteU32(seconds);
    return {out.written().begin(), out.written().end()};
  }
};

NatPmpServer::NatPmpServer(LeaseBook& leases, Duration max_lifetime)
    : leases_(leases), max_lifetime_(max_lifetime) {}

std::vector<uint8_t> NatPmpServer::RefuseVersion(uint32_t epoch,
                                                 uint8_t opcode) {
  return Refuse(opcode & (kResponse - 1), PmpResult::kUnsupportedVersion,
                epoch);
}

std::vector<uint8_t> NatPmpServer::Announcement(uint32_t epoch) const {
  const IpAddress& external = leases_.control().external_address();
  const bool has_address = external.is_v4() && !external.is_unspecified();
  std::array<uint8_t, kMaxResponse> bytes{};
  ByteWriter out(bytes);
  WriteHead(out, kExternalAddress,
            has_address ? PmpResult::kSuccess : PmpResult::kNetworkFailure,
            epoch);
  // Section 3.2: an error has the field too, with zero.
  out.WriteBytes((has_address ? external : IpAddress::V4(0, 0, 0, 0)).bytes());
  return {out.written().begin(), out.written().end()};
}

std::vector<uint8_t> NatPmpServer::Answer(Instant now, uint32_t epoch,
                                          const IpAddress& client,
                                          ByteView request) {
  if (request.size() < 2 || request[1] >= kResponse) {
    return {};
  }
  switch (const uint8_t opcode = request[1]) {
    case kExternalAddress:
      return Announcement(epoch);
    case kMapUdp:
    case kMapTcp: {
      const auto parsed = MapRequest::Parse(request);
      if (!parsed) {
        return {};
      }
      return parsed->lifetime == 0 ? Unmap(now, epoch, client, *parsed)
                                   : Map(now, epoch, client, *parsed);
    }
    default:
      return Refuse(opcode, PmpResult::kUnsupportedOpcode, epoch);
  }
}

std::vector<uint8_t> NatPmpServer::Map(Instant now, uint32_t epoch,
                                       const IpAddress& client,
                                       const MapRequest& request) {
  if (leases_.control().external_address().is_unspecified()) {
    return request.Refused(PmpResult::kNetworkFailure, epoch);
  }
  const Duration lifetime =
      std::min<Duration>(std::chrono::seconds(request.lifetime), max_lifetime_);
  const auto lease =
      leases_.Add(now, {.forward = {.protocol = request.protocol(),
                                    .inside = {client, request.internal_port},
                                    .suggested_port = request.external_port,
                                    .lifetime = lifetime},
                        .requester = Requester::kNatPmp});
  if (!lease) {
    return request.Refused(FromError(lease.error()), epoch);
  }
  return request.Granted(
      epoch, lease->key.external.port,
      static_cast<uint32_t>(
          std::chrono::duration_cast<std::chrono::seconds>(lifetime).count()));
}

/// Section 3.4: one mapping, or with port 0 all of the protocol. That there
/// was none is success too.
std::vector<uint8_t> NatPmpServer::Unmap(Instant now, uint32_t epoch,
                                         const IpAddress& client,
                                         const MapRequest& request) {
  bool is_refused = false;
  for (const Lease& lease : leases_.OfHost(now, request.protocol(), client)) {
    const bool is_meant = request.internal_port == 0 ||
                          lease.inside.port == request.internal_port;
    if (is_meant && lease.requester == Requester::kPcp) {
      is_refused = request.internal_port != 0;  // needs the nonce
    } else if (is_meant) {
      leases_.Remove(now, lease.key);
    }
  }
  return is_refused ? request.Refused(PmpResult::kNotAuthorized, epoch)
                    : request.Granted(epoch, 0, 0);
}

}  // namespace natkit::netsim::portmap
