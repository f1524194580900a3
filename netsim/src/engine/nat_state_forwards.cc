#include <algorithm>

#include "engine/nat_state.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::engine {
namespace {

constexpr Endpoint kAnyRemote;

bool IsPossible(const ForwardRequest& request) {
  return (request.protocol == static_cast<uint8_t>(IpProtocol::kUdp) ||
          request.protocol == static_cast<uint8_t>(IpProtocol::kTcp)) &&
         request.inside.port != 0 && request.lifetime > Duration::zero() &&
         (request.suggested_port != 0 || !request.must_be_suggested) &&
         request.filters.size() <= kMaxRemoteFilters;
}

}  // namespace

Result<Endpoint> NatState::AddForward(Instant now,
                                      const ForwardRequest& request,
                                      const Endpoint* fixed_external) {
  if (!IsPossible(request)) {
    return Fail(Errc::kBadValue);
  }
  const uint32_t existing = FindLease(request);
  if (existing != kNone) {
    if (IsLeasable(existing)) {
      Upgrade(now, existing);
      SetLease(now, existing, request);
    }
    return tables_->mappings[existing].external;
  }
  const auto made = MakeForward(now, request, fixed_external);
  if (made) {
    SetLease(now, tables_->mappings.FindByExternal(request.protocol, *made),
             request);
  }
  return made;
}

/// The inside endpoint keeps the external one it has (RFC 6887 section 11.3),
/// unless only another one will do: UPnP leases one inside endpoint under any
/// number of ports, each renewed on its own.
uint32_t NatState::FindLease(const ForwardRequest& request) const {
  const MappingTable& mappings = tables_->mappings;
  const uint32_t first =
      mappings.FindByInside(request.protocol, request.inside, kAnyRemote);
  if (first == kNone || !request.must_be_suggested ||
      mappings[first].external.port == request.suggested_port) {
    return first;
  }
  const uint32_t other = mappings.FindByExternal(
      request.protocol,
      {mappings[first].external.address, request.suggested_port});
  return other != kNone && mappings[other].is_forward &&
                 mappings[other].inside == request.inside
             ? other
             : kNone;
}

bool NatState::AddStaticForward(Instant now, const StaticForward& forward,
                                const Endpoint* fixed_external) {
  const ForwardRequest request = {.protocol = forward.protocol,
                                  .inside = forward.inside,
                                  .suggested_port = forward.external_port,
                                  .must_be_suggested = true,
                                  .lifetime = Duration::max()};
  return IsPossible(request) &&
         MakeForward(now, request, fixed_external).has_value();
}

Result<Endpoint> NatState::MakeForward(Instant now,
                                       const ForwardRequest& request,
                                       const Endpoint* fixed_external) {
  if (tables_->mappings.size() >= config_.limits.max_mappings) {
    return Fail(Errc::kLimitExceeded);
  }
  HostTable& hosts = tables_->hosts;
  const uint32_t host = hosts.Acquire(request.inside.address);
  ++hosts[host].mapping_count;
  Mapping mapping;
  mapping.inside = request.inside;
  mapping.protocol = request.protocol;
  mapping.is_forward = true;
  mapping.host = host;
  mapping.first_packet = now;
  Errc error = Errc::kLimitExceeded;
  const size_t quota = config_.limits.mappings_per_host;
  if ((quota == 0 || hosts[host].mapping_count <= quota) &&
      FindForwardPort(now, request, fixed_external, mapping, error)) {
    const uint32_t index = tables_->mappings.Add(mapping);
    hosts[host].mappings.PushBack(tables_->mappings.slab(), index);
    ++counters_.mappings_made;
    return mapping.external;
  }
  --hosts[host].mapping_count;
  hosts.ReleaseIfIdle(now, host);
  return Fail(error);
}

/// The suggested port if it is free, whatever the range; else any, unless it
/// must be that one.
bool NatState::FindForwardPort(Instant now, const ForwardRequest& request,
                               const Endpoint* fixed_external, Mapping& mapping,
                               Errc& error) {
  error = Errc::kAlreadyExists;
  if (fixed_external != nullptr) {
    mapping.external = *fixed_external;
    const bool is_free = tables_->mappings.FindByExternal(
                             mapping.protocol, mapping.external) == kNone;
    return is_free && (!request.must_be_suggested ||
                       request.suggested_port == fixed_external->port);
  }
  mapping.pool_index = config_.pooling == Pooling::kPaired
                           ? pool_.Choose(request.inside.address)
                           : pool_.primary_index();
  mapping.external = {pool_.At(mapping.pool_index), request.suggested_port};
  if (request.suggested_port != 0 && TakeForwardPort(mapping)) {
    return true;
  }
  if (request.must_be_suggested) {
    return false;
  }
  error = Errc::kLimitExceeded;
  const OutboundPacket packet = {.protocol = request.protocol,
                                 .inside = request.inside,
                                 .remote = kAnyRemote};
  return AllocateExternal(now, packet, mapping) &&
         (mapping.port_source != PortSource::kShared ||
          TakeForwardPort(mapping));
}

bool NatState::TakeForwardPort(Mapping& mapping) {
  if (config_.port_assignment == PortAssignment::kPreserveOverload) {
    // Dynamic flows may share the port with a forward, forwards may not.
    const uint32_t other =
        tables_->mappings.FindByExternal(mapping.protocol, mapping.external);
    return other == kNone || !tables_->mappings[other].is_forward;
  }
  if (!allocator_.Take(mapping.pool_index, mapping.protocol,
                       mapping.external.port)) {
    return false;
  }
  mapping.port_source = PortSource::kOwn;
  return true;
}

/// What the owner wrote stays for ever, whoever asks for it.
bool NatState::IsLeasable(uint32_t index) const {
  const Mapping& mapping = tables_->mappings[index];
  return !mapping.is_forward || mapping.lease_end.has_value();
}

/// A mapping that traffic made becomes explicit. Its sessions then time out
/// each on its own.
void NatState::Upgrade(Instant now, uint32_t index) {
  Mapping& mapping = tables_->mappings[index];
  if (mapping.is_forward) {
    return;
  }
  const bool had_timer = HasOwnTimer(mapping);
  tables_->mapping_timers.Stop(index);
  tables_->mappings.MakeForward(index);
  if (!had_timer) {
    return;
  }
  for (uint32_t i = mapping.sessions.head(); i != kNone;
       i = SessionList::Next(tables_->sessions.slab(), i)) {
    StartTimer(now, i, TimerClass::kUdpUnreplied);
  }
}

/// Of the leases of an inside endpoint the oldest is the one that outbound
/// packets use; it has just gone.
void NatState::UncoverForward(uint8_t protocol, const Endpoint& inside) {
  MappingTable& mappings = tables_->mappings;
  uint32_t oldest = kNone;
  for (const auto& [end, index] : tables_->leases) {
    const Mapping& lease = mappings[index];
    if (!lease.is_indexed && lease.protocol == protocol &&
        lease.inside == inside &&
        (oldest == kNone || lease.serial < mappings[oldest].serial)) {
      oldest = index;
    }
  }
  if (oldest != kNone) {
    mappings.IndexForward(oldest);
  }
}

void NatState::SetLease(Instant now, uint32_t index,
                        const ForwardRequest& request) {
  Mapping& mapping = tables_->mappings[index];
  if (mapping.lease_end) {
    tables_->leases.erase({*mapping.lease_end, index});
  }
  mapping.lease_end = AddTime(now, request.lifetime);
  tables_->leases.insert({*mapping.lease_end, index});
  next_expiry_ = std::min(next_expiry_, *mapping.lease_end);
  tables_->filters.erase(index);
  if (!request.filters.empty()) {
    tables_->filters[index] = request.filters;
  }
}

/// RFC 6887 section 13.3. Most forwards admit everybody.
bool NatState::ForwardAdmits(uint32_t index, const Endpoint& remote) const {
  if (tables_->filters.empty()) [[likely]] {
    return true;
  }
  const auto found = tables_->filters.find(index);
  return found == tables_->filters.end() ||
         std::ranges::any_of(found->second, [&](const RemoteFilter& filter) {
           return filter.addresses.Contains(remote.address) &&
                  (filter.port == 0 || filter.port == remote.port);
         });
}

bool NatState::RemoveForward(Instant now, uint8_t protocol,
                             const Endpoint& inside) {
  std::vector<uint32_t> found;
  for (const auto& [end, index] : tables_->leases) {
    const Mapping& mapping = tables_->mappings[index];
    if (mapping.protocol == protocol &&
        mapping.inside.address == inside.address &&
        (inside.port == 0 || mapping.inside.port == inside.port)) {
      found.push_back(index);
    }
  }
  for (const uint32_t index : found) {
    RemoveMapping(now, index);
  }
  return !found.empty();
}

}  // namespace natkit::netsim::engine
