#include "portmap/pcp.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "natkit/netsim/packet.h"

namespace natkit::netsim::portmap {
namespace {

using std::chrono::seconds;

constexpr uint8_t kUdp = static_cast<uint8_t>(IpProtocol::kUdp);
constexpr uint8_t kTcp = static_cast<uint8_t>(IpProtocol::kTcp);
constexpr Duration kMinLifetime = std::chrono::minutes(2);
// Section 7.4: how long an error is going to last.
constexpr uint32_t kShortError = 30;
constexpr uint32_t kLongError = 30 * 60;

uint32_t ToSeconds(Duration duration) {
  return static_cast<uint32_t>(
      std::chrono::duration_cast<seconds>(duration).count());
}

uint32_t ErrorLifetime(PcpResult result) {
  switch (result) {
    case PcpResult::kNetworkFailure:
    case PcpResult::kNoResources:
    case PcpResult::kUserExceededQuota:
    case PcpResult::kCannotProvideExternal:
      return kShortError;
    case PcpResult::kSuccess:
    case PcpResult::kUnsupportedVersion:
    case PcpResult::kNotAuthorized:
    case PcpResult::kMalformedRequest:
    case PcpResult::kUnsupportedOpcode:
    case PcpResult::kUnsupportedOption:
    case PcpResult::kMalformedOption:
    case PcpResult::kUnsupportedProtocol:
    case PcpResult::kAddressMismatch:
    case PcpResult::kExcessiveRemotePeers:
      break;
  }
  return kLongError;
}

PcpResult FromError(LeaseError error) {
  switch (error) {
    case LeaseError::kTaken:
      return PcpResult::kCannotProvideExternal;
    case LeaseError::kNotYours:
      return PcpResult::kNotAuthorized;
    case LeaseError::kQuota:
      return PcpResult::kUserExceededQuota;
    case LeaseError::kNoResources:
      return PcpResult::kNoResources;
    case LeaseError::kBadValue:
      break;
  }
  return PcpResult::kMalformedRequest;
}

PcpResult CheckProtocol(const PcpMap& map) {
  if (map.protocol == 0 && map.internal_port != 0) {
    return PcpResult::kMalformedRequest;  // section 11.1
  }
  return map.protocol == kUdp || map.protocol == kTcp
             ? PcpResult::kSuccess
             : PcpResult::kUnsupportedProtocol;
}

/// Section 7.2: the request comes back with another header, padded.
std::vector<uint8_t> Refuse(ByteView request, PcpResult result,
                            uint32_t epoch) {
  const size_t kept = std::min(request.size(), kMaxPcpSize);
  std::vector<uint8_t> out(std::max(kPcpHeaderSize, (kept + 3) / 4 * 4));
  std::copy_n(request.begin(), kept, out.begin());
  ByteWriter head(MutableBytes(out).first(kPcpHeaderSize));
  WritePcpHeader(head, request[1], result, ErrorLifetime(result), epoch);
  return out;
}

/// Section 13.3: a request adds to the filters of the mapping it renews.
std::vector<RemoteFilter> MergeFilters(const Lease* existing,
                                       const PcpOptions& options) {
  std::vector<RemoteFilter> out;
  if (existing != nullptr && !options.drops_filters) {
    out = existing->filters;
  }
  for (const RemoteFilter& filter : options.filters) {
    if (std::ranges::find(out, filter) == out.end()) {
      out.push_back(filter);
    }
  }
  return out;
}

template <class T>
std::vector<uint8_t> BodyOf(void (*write)(ByteWriter&, const T&),
                            const T& value) {
  std::array<uint8_t, 64> bytes{};
  ByteWriter out(bytes);
  write(out, value);
  return {out.written().begin(), out.written().end()};
}

}  // namespace

PcpServer::PcpServer(LeaseBook& leases, const NatConfig& config,
                     ThirdParty third_party)
    : leases_(leases), config_(config), third_party_(third_party) {}

std::vector<uint8_t> PcpServer::Announcement(uint32_t epoch) {
  std::vector<uint8_t> out(kPcpHeaderSize);
  ByteWriter head(out);
  WritePcpHeader(head, static_cast<uint8_t>(PcpOpcode::kAnnounce),
                 PcpResult::kSuccess, 0, epoch);
  return out;
}

std::vector<uint8_t> PcpServer::Answer(Instant now, uint32_t epoch,
                                       const IpAddress& client,
                                       ByteView request) {
  if (request.size() < 2 || (request[1] & 0x80) != 0) {
    return {};
  }
  const Outcome outcome = Handle(now, client, request);
  if (!outcome) {
    return Refuse(request, outcome.error(), epoch);
  }
  std::vector<uint8_t> out(kPcpHeaderSize + outcome->body.size() +
                           outcome->options.size());
  ByteWriter writer(out);
  WritePcpHeader(writer, request[1], PcpResult::kSuccess, outcome->lifetime,
                 epoch);
  writer.WriteBytes(outcome->body);
  writer.WriteBytes(outcome->options);
  return out;
}

/// Section 8.2, in its order.
PcpServer::Outcome PcpServer::Handle(Instant now, const IpAddress& client,
                                     ByteView request) {
  if (request[0] != kPcpVersion) {
    return std::unexpected(PcpResult::kUnsupportedVersion);
  }
  if (request.size() > kMaxPcpSize || request.size() % 4 != 0) {
    return std::unexpected(PcpResult::kMalformedRequest);
  }
  ByteReader in(request);
  const auto header = ReadPcpHeader(in);
  if (!header) {
    return std::unexpected(PcpResult::kMalformedRequest);
  }
  if (header->opcode > static_cast<uint8_t>(PcpOpcode::kPeer)) {
    return std::unexpected(PcpResult::kUnsupportedOpcode);
  }
  if (header->client != client) {
    return std::unexpected(PcpResult::kAddressMismatch);
  }
  switch (static_cast<PcpOpcode>(header->opcode)) {
    case PcpOpcode::kAnnounce:
      break;
    case PcpOpcode::kMap:
      return HandleMap(now, *header, in);
    case PcpOpcode::kPeer:
      return HandlePeer(now, *header, in);
  }
  return Granted{};
}

PcpServer::Outcome PcpServer::HandleMap(Instant now, const PcpHeader& header,
                                        ByteReader& in) {
  auto map = ReadPcpMap(in);
  if (!map) {
    return std::unexpected(PcpResult::kMalformedRequest);
  }
  const auto options = ReadPcpOptions(in, PcpOpcode::kMap);
  if (!options) {
    return std::unexpected(options.error());
  }
  const auto host = InsideOf(header, *options);
  if (!host) {
    return std::unexpected(host.error());
  }
  if (const PcpResult result = CheckProtocol(*map);
      result != PcpResult::kSuccess) {
    return std::unexpected(result);
  }
  const Endpoint inside{*host, map->internal_port};
  Granted out = {.lifetime = 0, .body = {}, .options = options->bytes};
  if (header.lifetime == 0) {
    const PcpResult result = Unmap(now, inside, *map);
    if (result != PcpResult::kSuccess) {
      return std::unexpected(result);
    }
  } else {
    const Duration lifetime = Grant(header.lifetime);
    const auto lease = Map(now, inside, *map, lifetime, *options);
    if (!lease) {
      return std::unexpected(lease.error());
    }
    map->suggested = lease->key.external;
    out.lifetime = ToSeconds(lifetime);
  }
  out.body = BodyOf(WritePcpMap, *map);
  return out;
}

std::expected<Lease, PcpResult> PcpServer::Map(Instant now,
                                               const Endpoint& inside,
                                               const PcpMap& map,
                                               Duration lifetime,
                                               const PcpOptions& options) {
  if (options.prefer_failure && map.suggested.port == 0) {
    return std::unexpected(PcpResult::kCannotProvideExternal);
  }
  if (inside.port == 0) {
    return std::unexpected(PcpResult::kUnsupportedProtocol);  // "all ports"
  }
  LeaseRequest request = {
      .forward = {.protocol = map.protocol,
                  .inside = inside,
                  .suggested_port = map.suggested.port,
                  .must_be_suggested = options.prefer_failure,
                  .lifetime = lifetime},
      .requester = Requester::kPcp,
      .nonce = map.nonce};
  const Lease* existing = leases_.FindByInside(now, map.protocol, inside);
  const bool is_new = existing == nullptr;
  request.forward.filters = MergeFilters(existing, options);
  if (request.forward.filters.size() > kMaxRemoteFilters) {
    return std::unexpected(PcpResult::kExcessiveRemotePeers);
  }
  auto lease = leases_.Add(now, request);
  if (!lease) {
    return std::unexpected(FromError(lease.error()));
  }
  // Which address the box gives, it alone knows: one of a pool, or where the
  // prefix is translated.
  if (options.prefer_failure && !map.suggested.address.is_unspecified() &&
      lease->key.external.address != map.suggested.address) {
    if (is_new) {
      leases_.Remove(now, lease->key);
    }
    return std::unexpected(PcpResult::kCannotProvideExternal);
  }
  return *std::move(lease);
}

/// Section 15.1. Port 0 means all of the protocol that the nonce fits.
PcpResult PcpServer::Unmap(Instant now, const Endpoint& inside,
                           const PcpMap& map) {
  for (const Lease& lease : leases_.OfHost(now, map.protocol, inside.address)) {
    if (inside.port != 0 && lease.inside.port != inside.port) {
      continue;
    }
    const bool is_theirs =
        lease.requester != Requester::kPcp || lease.nonce == map.nonce;
    if (is_theirs) {
      leases_.Remove(now, lease.key);
    } else if (inside.port != 0) {
      return PcpResult::kNotAuthorized;
    }
  }
  return PcpResult::kSuccess;
}

PcpServer::Outcome PcpServer::HandlePeer(Instant now, const PcpHeader& header,
                                         ByteReader& in) {
  auto peer = ReadPcpPeer(in);
  if (!peer || peer->remote.address.is_unspecified() ||
      peer->remote.port == 0 || peer->map.internal_port == 0) {
    return std::unexpected(PcpResult::kMalformedRequest);
  }
  const auto options = ReadPcpOptions(in, PcpOpcode::kPeer);
  if (!options) {
    return std::unexpected(options.error());
  }
  const auto host = InsideOf(header, *options);
  if (!host) {
    return std::unexpected(host.error());
  }
  if (const PcpResult result = CheckProtocol(peer->map);
      result != PcpResult::kSuccess) {
    return std::unexpected(result);
  }
  const Endpoint inside{*host, peer->map.internal_port};
  const Lease* lease = leases_.FindByInside(now, peer->map.protocol, inside);
  if (lease != nullptr && lease->requester == Requester::kPcp &&
      lease->nonce != peer->map.nonce) {
    return std::unexpected(PcpResult::kNotAuthorized);
  }
  const auto external =
      leases_.control().AddPeer(now, peer->map.protocol, inside, peer->remote);
  if (!external) {
    return std::unexpected(external.error().code == Errc::kBadValue
                               ? PcpResult::kMalformedRequest
                               : PcpResult::kNoResources);
  }
  peer->map.suggested = *external;
  const Duration life = peer->map.protocol == kTcp
                            ? config_.timeouts.tcp_opening
                            : config_.timeouts.udp_unreplied;
  return Granted{.lifetime = ToSeconds(life),
                 .body = BodyOf(WritePcpPeer, *peer),
                 .options = options->bytes};
}

std::expected<IpAddress, PcpResult> PcpServer::InsideOf(
    const PcpHeader& header, const PcpOptions& options) const {
  if (!options.third_party) {
    return header.client;
  }
  if (third_party_ == ThirdParty::kRefused) {
    return std::unexpected(PcpResult::kNotAuthorized);
  }
  if (*options.third_party == header.client) {
    return std::unexpected(PcpResult::kMalformedRequest);  // section 13.1
  }
  return *options.third_party;
}

Duration PcpServer::Grant(uint32_t lifetime) const {
  const Duration most = config_.services.max_lifetime;
  return std::min(most, std::max<Duration>(seconds(lifetime), kMinLifetime));
}

}  // namespace natkit::netsim::portmap
