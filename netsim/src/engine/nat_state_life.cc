#include <algorithm>
#include <tuple>

#include "engine/nat_state.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::engine {

NatState::Tables::Tables(const NatConfig& config, uint64_t seed)
    : mappings(seed),
      sessions(seed, config.filtering == Dependence::kAddressDependent),
      hosts(seed),
      mapping_timers(mappings.slab(), config.timeouts),
      session_timers(sessions.slab(), config.timeouts) {}

NatState::NatState(const NatConfig& config, NatCounters& counters, SimRng& rng)
    : config_(config),
      counters_(counters),
      rng_(rng),
      seed_(rng.Next()),
      pool_(config, rng),
      allocator_(config, rng),
      tables_(std::make_unique<Tables>(config, seed_)) {}

void NatState::Reset() {
  tables_ = std::make_unique<Tables>(config_, seed_);
  allocator_.Reset();
  next_expiry_ = Instant::max();
}

bool NatState::HasOwnTimer(const Mapping& mapping) const {
  return config_.timer_scope == TimerScope::kMapping && !mapping.is_forward &&
         mapping.protocol != static_cast<uint8_t>(IpProtocol::kTcp);
}

void NatState::ExpireDue(Instant now) {
  Tables& tables = *tables_;
  uint32_t index = kNone;
  while ((index = tables.mapping_timers.FindExpired(now)) != kNone) {
    RemoveMapping(now, index);
  }
  while ((index = tables.session_timers.FindExpired(now)) != kNone) {
    RemoveSession(now, index);
  }
  while (!tables.leases.empty() && tables.leases.begin()->first <= now) {
    RemoveMapping(now, tables.leases.begin()->second);
  }
  allocator_.EndQuarantines(now);
  next_expiry_ = std::min({tables.mapping_timers.EarliestExpiry(),
                           tables.session_timers.EarliestExpiry(),
                           allocator_.EarliestQuarantineEnd()});
  if (!tables.leases.empty()) {
    next_expiry_ = std::min(next_expiry_, tables.leases.begin()->first);
  }
}

/// The mapping goes too if it lived by its sessions and this was the last.
void NatState::RemoveSession(Instant now, uint32_t index) {
  const uint32_t owner = tables_->sessions[index].mapping;
  tables_->session_timers.Stop(index);
  if (owner == kNone) {
    tables_->sessions.Remove(index);
    return;
  }
  Mapping& mapping = tables_->mappings[owner];
  mapping.sessions.Remove(tables_->sessions.slab(), index);
  --mapping.session_count;
  tables_->sessions.Remove(index);
  if (mapping.session_count == 0 && !mapping.is_forward &&
      !HasOwnTimer(mapping)) {
    RemoveMapping(now, owner);
  }
}

void NatState::RemoveMapping(Instant now, uint32_t index) {
  Mapping& mapping = tables_->mappings[index];
  while (!mapping.sessions.is_empty()) {
    const uint32_t session = mapping.sessions.head();
    tables_->session_timers.Stop(session);
    mapping.sessions.Remove(tables_->sessions.slab(), session);
    tables_->sessions.Remove(session);
  }
  tables_->mapping_timers.Stop(index);
  if (mapping.lease_end) {
    tables_->leases.erase({*mapping.lease_end, index});
    tables_->filters.erase(index);
  }
  ReleasePort(now, mapping);
  const bool may_cover = mapping.is_forward && mapping.is_indexed &&
                         tables_->mappings.hidden_forward_count() > 0;
  const uint8_t protocol = mapping.protocol;
  const Endpoint inside = mapping.inside;
  const uint32_t host = mapping.host;
  tables_->hosts[host].mappings.Remove(tables_->mappings.slab(), index);
  tables_->mappings.Remove(index);
  --tables_->hosts[host].mapping_count;
  tables_->hosts.ReleaseIfIdle(now, host);
  if (may_cover) {
    UncoverForward(protocol, inside);
  }
}

void NatState::ReleasePort(Instant now, const Mapping& mapping) {
  if (mapping.port_source == PortSource::kShared) {
    return;
  }
  allocator_.Release(now, mapping.pool_index, mapping.protocol,
                     mapping.external.port);
  next_expiry_ = std::min(next_expiry_, allocator_.EarliestQuarantineEnd());
  if (mapping.port_source != PortSource::kOwnBlock) {
    return;
  }
  if (const auto block = allocator_.ReleaseFromBlock(mapping.pool_index,
                                                     mapping.external.port)) {
    std::erase(tables_->hosts[mapping.host].blocks, *block);
  }
}

MappingView NatState::ViewOf(const Mapping& mapping) const {
  MappingView view = {.protocol = mapping.protocol,
                      .inside = mapping.inside,
                      .external = mapping.external,
                      .expires_at = mapping.lease_end};
  if (HasOwnTimer(mapping)) {
    view.expires_at = mapping.timer.expires;
  } else if (!mapping.is_forward) {
    view.expires_at = Instant::min();
    const Slab<Session>& slab = tables_->sessions.slab();
    for (uint32_t i = mapping.sessions.head(); i != kNone;
         i = SessionList::Next(slab, i)) {
      view.expires_at = std::max(*view.expires_at, slab[i].timer.expires);
    }
  }
  return view;
}

std::vector<MappingView> NatState::Mappings(Instant now) const {
  std::vector<MappingView> views;
  const MappingTable& mappings = tables_->mappings;
  for (uint32_t i = mappings.recent.head(); i != kNone;
       i = mappings.recent.Next(mappings.slab(), i)) {
    MappingView view = ViewOf(mappings[i]);
    if (!view.expires_at || *view.expires_at > now) {
      views.push_back(view);
    }
  }
  std::ranges::sort(views, {}, [](const MappingView& view) {
    return std::tuple(view.protocol, view.inside, view.external,
                      view.expires_at);
  });
  return views;
}

}  // namespace natkit::netsim::engine
