#include "engine/box.h"

#include <algorithm>
#include <utility>

#include "engine/timer_lists.h"
#include "ipv6/nat64_translate.h"
#include "natkit/base/queue.h"
#include "packet/wire.h"

namespace natkit::netsim::engine {
namespace {

constexpr size_t kMaxQueued = 4096;

/// Packets that no router forwards (RFC 1812 section 5.3.7) or whose transport
/// header is cut.
bool IsMalformed(const PacketInfo& info) {
  const IpAddress& source = info.source.address;
  if (source.is_unspecified() || source.is_multicast() ||
      source.is_loopback() || info.destination.address.is_unspecified() ||
      info.destination.address.is_loopback()) {
    return true;
  }
  const bool has_ports =
      wire::ChecksumOffset(info.protocol) != 0;  // a protocol that we read
  return has_ports && info.fragment_offset == 0 && !info.has_transport;
}

/// The first of the pool becomes `address`, which is there only once.
void ReplacePrimary(std::vector<IpAddress>& pool, const IpAddress& address) {
  if (!pool.empty()) {
    pool.erase(pool.begin());
  }
  std::erase(pool, address);
  pool.insert(pool.begin(), address);
}

}  // namespace

Box::Box(NatConfig config, uint64_t seed, Instant start)
    : config_(std::move(config)),
      nptv6_(MakeNptv6(config_)),
      rng_(seed),
      state_(config_, counters_, rng_),
      fragments_(config_.timeouts.fragment, config_.limits.held_fragments),
      pending_syns_(config_.syn_error_delay),
      services_(MakeLocalServices(config_, *this, start)),
      next_fragment_id_(static_cast<uint16_t>(rng_.NextBelow(65536))) {
  AddStaticForwards(start);
}

Instant Box::Advance(Instant now) {
  now_ = std::max(now_, now);
  if (config_.address_lifetime > Duration::zero()) {
    if (!next_rotation_) {
      next_rotation_ = AddTime(now_, config_.address_lifetime);
    } else if (now_ >= *next_rotation_) {
      const auto late = (now_ - *next_rotation_) / config_.address_lifetime;
      const int64_t steps = late + 1;
      *next_rotation_ += config_.address_lifetime * steps;
      state_.pool().Rotate(static_cast<uint64_t>(steps));
      LoseState(now_);
    }
  }
  state_.Expire(now_);
  if (now_ >= fragments_.next_expiry()) {
    counters_.dropped_fragment += fragments_.Expire(now_);
  }
  if (now_ >= pending_syns_.next_due()) {
    RefuseDueSyns();
  }
  return now_;
}

void Box::LoseState(Instant now) {
  state_.Reset();
  fragments_ =
      FragmentTable(config_.timeouts.fragment, config_.limits.held_fragments);
  pending_syns_.Clear();
  AddStaticForwards(now);
  for (const auto& service : services_) {
    service->HandleReboot(now);
  }
}

void Box::AddStaticForwards(Instant now) {
  for (const StaticForward& forward : config_.forwards) {
    Endpoint inside = forward.inside;
    if (inside.address.is_v6() && nptv6_) {
      // As it came where RFC 6296 has no place for it: nobody reaches it.
      inside.address = nptv6_->out.Map(inside.address).value_or(inside.address);
    }
    const bool is_fixed = config_.translation == Translation::kNone ||
                          (inside.address.is_v6() && !HasNat64());
    state_.AddStaticForward(now, forward, is_fixed ? &inside : nullptr);
  }
}

void Box::Reboot(Instant now, std::optional<IpAddress> new_external) {
  Advance(now);
  if (config_.address_lifetime > Duration::zero()) {
    next_rotation_ = AddTime(now_, config_.address_lifetime);
  }
  if (new_external && new_external->is_v4()) {
    state_.pool().Reset();
    ReplacePrimary(config_.external, *new_external);
  } else {
    state_.pool().UnbindHosts();
  }
  queue_.clear();
  LoseState(now_);
}

Result<std::optional<Endpoint>> Box::FixedExternalOf(const Endpoint& inside) {
  const IpAddress& address = inside.address;
  if (address.is_unspecified() || address.is_multicast() ||
      address == OwnAddress(Side::kInside, address.is_v4())) {
    return Fail(Errc::kBadValue);
  }
  if (HasNat64()) {
    return address.is_v6()
               ? Result<std::optional<Endpoint>>(std::optional<Endpoint>())
               : Fail(Errc::kBadValue);
  }
  if (address.is_v6() && nptv6_) {
    const auto external = nptv6_->out.Map(address);
    return external ? Result<std::optional<Endpoint>>(
                          Endpoint{*external, inside.port})
                    : Fail(Errc::kBadValue);
  }
  if (address.is_v6() || config_.translation == Translation::kNone) {
    return inside;
  }
  if (config_.translation == Translation::kOneToOne) {
    const auto external = state_.pool().BindHost(address);
    if (!external) {
      return Fail(Errc::kLimitExceeded);
    }
    return Endpoint{*external, inside.port};
  }
  return std::nullopt;
}

Result<Endpoint> Box::AddForward(Instant now, const ForwardRequest& request) {
  Advance(now);
  const auto fixed = FixedExternalOf(request.inside);
  if (!fixed) {
    return Fail(fixed.error().code);
  }
  return state_.AddForward(now_, request, *fixed ? &**fixed : nullptr);
}

Result<Endpoint> Box::AddPeer(Instant now, uint8_t protocol,
                              const Endpoint& inside, const Endpoint& remote) {
  Advance(now);
  const auto fixed = FixedExternalOf(inside);
  if (!fixed) {
    return Fail(fixed.error().code);
  }
  // Behind NAT64 hosts know remote ones by the addresses that stand for them.
  const auto peer = HasNat64()
                        ? ipv6::Extract(config_.nat64_prefix, remote.address)
                        : std::optional(remote.address);
  if (inside.address.family() != remote.address.family() || !peer) {
    return Fail(Errc::kBadValue);
  }
  const Endpoint seen = {*peer, remote.port};
  const OutboundVerdict verdict =
      state_.Outbound(now_, {.protocol = protocol,
                             .tcp_flags = kTcpSyn,
                             .inside = inside,
                             .remote = seen,
                             .fixed_external = *fixed ? &**fixed : nullptr});
  if (verdict.verdict == Verdict::kPass) {
    return verdict.external;
  }
  return Fail(verdict.verdict == Verdict::kFull ? Errc::kLimitExceeded
                                                : Errc::kBadValue);
}

bool Box::RemoveForward(Instant now, uint8_t protocol, const Endpoint& inside) {
  Advance(now);
  return state_.RemoveForward(now_, protocol, inside);
}

std::vector<MappingView> Box::Mappings(Instant now) const {
  return state_.Mappings(std::max(now, now_));
}

std::optional<Side> Box::Process(Instant now, Side from, MutableBytes bytes) {
  Advance(now);
  auto info = ParsePacket(bytes);
  if (!info || IsMalformed(*info)) {
    ++counters_.dropped_malformed;
    return std::nullopt;
  }
  Transit packet = {from, bytes.first(info->total_size), *info};
  if (!info->is_fragment) {
    return Finish(packet, RouteAny(packet));
  }
  const FragmentKey key = {from, info->protocol, info->fragment_id,
                           info->source.address, info->destination.address};
  const Route route = RouteAny(packet);
  const bool is_first = info->fragment_offset == 0;
  if (route && is_first && !IsStateless(*info)) {
    return HandleFirstFragment(key, packet, *route);
  }
  return Finish(packet, route);
}

Box::Route Box::RouteAny(Transit& packet) {
  const PacketInfo& info = packet.info;
  if (is_udp_blocked_ && info.protocol == wire::kUdp) {
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  if (info.is_fragment && config_.fragments == FragmentMode::kDrop) {
    ++counters_.dropped_fragment;
    return std::nullopt;
  }
  if (info.fragment_offset != 0 && !IsStateless(info)) {
    return RouteLaterFragment(packet);
  }
  if (HasNat64()) {
    return RouteNat64(packet);
  }
  return info.is_v4() ? RouteV4(packet) : RouteV6(packet);
}

/// The last steps of a packet that leaves.
Box::Route Box::Finish(Transit& packet, Route route) {
  if (!route) {
    return std::nullopt;
  }
  Count(packet.from, *route);
  if (config_.decrement_ttl) {
    DecrementTtl(packet.bytes, packet.info);
  }
  const size_t mtu = MtuOf(*route);
  if (packet.bytes.size() <= mtu) {
    return route;
  }
  for (auto& fragment : FragmentPacket(packet.bytes, mtu, 0)) {
    Queue(*route, std::move(fragment));
  }
  return std::nullopt;
}

void Box::Count(Side from, Side to) {
  if (from == Side::kOutside) {
    ++counters_.forwarded_in;
  } else if (to == Side::kOutside) {
    ++counters_.forwarded_out;
  } else {
    ++counters_.hairpinned;
  }
}

void Box::Queue(Side to, std::vector<uint8_t> bytes) {
  if (queue_.size() < kMaxQueued) {
    queue_.push_back({to, std::move(bytes)});
  }
}

void Box::DrainServices() {
  for (const auto& service : services_) {
    while (auto packet = service->PollTransmit()) {
      Queue(Side::kInside, std::move(*packet));
    }
  }
}

std::optional<EnginePacket> Box::PollTransmit() {
  return TakeFront(queue_);
}

std::optional<Instant> Box::NextTimeout() const {
  if (!queue_.empty()) {
    return now_;
  }
  Instant next = std::min({state_.next_expiry(), fragments_.next_expiry(),
                           pending_syns_.next_due()});
  if (next_rotation_) {
    next = std::min(next, *next_rotation_);
  }
  for (const auto& service : services_) {
    next = std::min(next, service->NextTimeout().value_or(Instant::max()));
  }
  return next == Instant::max() ? std::nullopt : std::optional(next);
}

void Box::HandleTimeout(Instant now) {
  Advance(now);
  for (const auto& service : services_) {
    service->HandleTimeout(now_);
  }
  DrainServices();
}

void SetSource(MutableBytes bytes, PacketInfo& info, const Endpoint& to) {
  RewriteSource(bytes, info, to);
  if (wire::IsIcmpQuery(info.protocol, info.icmp_type) &&
      wire::IsIcmpRequest(info.protocol, info.icmp_type)) {
    RewriteIcmpId(bytes, info, to.port);
  }
}

void SetDestination(MutableBytes bytes, PacketInfo& info, const Endpoint& to) {
  RewriteDestination(bytes, info, to);
  if (wire::IsIcmpQuery(info.protocol, info.icmp_type) &&
      !wire::IsIcmpRequest(info.protocol, info.icmp_type)) {
    RewriteIcmpId(bytes, info, to.port);
  }
}

}  // namespace natkit::netsim::engine
