// What a new mapping of the reference NAT may look like: limits, addresses and
// ports. The engine chooses, this checks.

#include <algorithm>
#include <chrono>
#include <iterator>
#include <tuple>

#include "reference_nat.h"

namespace natkit::netsim {
namespace {

constexpr uint16_t kFirstUserPort = 1024;

auto OrderOf(const MappingView& view) {
  return std::tuple(view.protocol, view.inside, view.external, view.expires_at);
}

bool IsTwin(const MappingView& a, const MappingView& b) {
  return a.protocol == b.protocol && a.inside == b.inside &&
         a.external == b.external;
}

bool IsSame(const MappingView& view, const ReferenceNat::Mapping& mapping) {
  return view.protocol == mapping.protocol && view.inside == mapping.inside &&
         view.external == mapping.external;
}

}  // namespace

/// Takes over the engine's new mapping after checking that it may exist, or
/// agrees that there is none.
ReferenceNat::Mapping* ReferenceNat::Create(Instant now, const Need& asked) {
  Need need = asked;
  need.is_shed = config_.translation == Translation::kNapt &&
                 config_.shed_above != 0 &&
                 mappings_.size() >= config_.shed_above;
  const Difference difference = CompareWithEngine(need);
  if (config_.translation == Translation::kNone) {
    return HasRoom(now, need, difference) ? Adopt(now, need, need.inside)
                                          : nullptr;
  }
  if (config_.translation == Translation::kOneToOne) {
    const auto address = OneToOneAddress(need.inside.address);
    return address && HasRoom(now, need, difference)
               ? Adopt(now, need, {*address, need.inside.port})
               : nullptr;
  }
  if (!HasRoom(now, need, difference)) {
    return nullptr;
  }
  if (!difference.added.empty()) {
    LearnAddress(need, difference.added.front().external.address);
  }
  bool is_exhausted = !HasAnyPort(need);
  if (is_exhausted) {
    tally_["ports exhausted"]++;
    is_exhausted = config_.limits.when_full != WhenFull::kEvictOldest ||
                   !EvictForPort(now, need, difference);
  }
  if (difference.added.empty()) {
    const bool is_known = config_.pooling == Pooling::kArbitrary ||
                          paired_.contains(need.inside.address);
    if (!is_exhausted && is_known &&
        config_.port_quarantine == Duration::zero() &&
        config_.limits.new_mappings_per_second == 0) {
      Complain("no mapping made though there is a port for it" +
               Explain(difference));
    }
    return nullptr;
  }
  const Endpoint external = difference.added.front().external;
  if (difference.added.size() > 1 ||
      difference.added.front().protocol != need.protocol ||
      difference.added.front().inside != need.inside) {
    Complain("made other mappings than needed" + Explain(difference));
  }
  CheckChoice(need, external);
  return Adopt(now, need, external);
}

ReferenceNat::Mapping* ReferenceNat::Adopt(Instant now, const Need& need,
                                           const Endpoint& external) {
  const bool is_exact = need.is_exact || need.is_shed;
  tally_[need.is_shed ? "shed" : "not shed"]++;
  created_.emplace_back(now, need.inside.address);
  tally_["mapping"]++;
  mappings_.push_back({.protocol = need.protocol,
                       .inside = need.inside,
                       .external = external,
                       .dependence = is_exact
                                         ? Dependence::kAddressAndPortDependent
                                         : MappingDependence(),
                       .remote = need.remote,
                       .first = now});
  return &mappings_.back();
}

/// What keeps its port has no use for another mapping.
Dependence ReferenceNat::MappingDependence() const {
  return config_.translation == Translation::kNapt
             ? config_.mapping
             : Dependence::kEndpointIndependent;
}

/// Whether the limits let in one more, after evicting what the engine evicted.
bool ReferenceNat::HasRoom(Instant now, const Need& need,
                           const Difference& difference) {
  const NatLimits& limits = config_.limits;
  const IpAddress& host = need.inside.address;
  const bool is_full = mappings_.size() >= limits.max_mappings;
  const bool is_host_full = limits.mappings_per_host != 0 &&
                            CountOf(host) >= limits.mappings_per_host;
  if (limits.new_mappings_per_second != 0) {
    // The header leaves open how the second is counted: fewer than the limit
    // in the last second must pass, twice as many must not.
    const size_t lately = CreatedLately(now, host);
    if (lately >= 2 * size_t{limits.new_mappings_per_second} ||
        (lately >= limits.new_mappings_per_second &&
         difference.added.empty())) {
      tally_["rate limit"]++;
      return false;
    }
  }
  if (!is_full && !is_host_full) {
    return true;
  }
  tally_[is_host_full ? "host quota" : "table full"]++;
  return limits.when_full == WhenFull::kEvictOldest &&
         EvictAny(now, is_host_full ? &host : nullptr, difference);
}

bool ReferenceNat::EvictAny(Instant now, const IpAddress* host,
                            const Difference& difference) {
  return Evict(now, difference, [&](const Mapping& mapping) {
    return host == nullptr || mapping.inside.address == *host;
  });
}

/// Only a mapping whose port would do helps.
bool ReferenceNat::EvictForPort(Instant now, const Need& need,
                                const Difference& difference) {
  return config_.port_quarantine == Duration::zero() &&
         Evict(now, difference, [&](const Mapping& mapping) {
           const Endpoint external = mapping.external;
           return mapping.protocol == need.protocol &&
                  IsPooled(need, external.address) &&
                  IsInRange(need, external.port) &&
                  HasParity(need, external.port) &&
                  IsBlockAllowed(need, external) &&
                  !IsTupleTaken(mapping, need.remote);
         });
}

/// The one that no packet refreshed for longest goes; forwards do not.
bool ReferenceNat::Evict(
    Instant now, const Difference& difference,
    const std::function<bool(const Mapping&)>& is_candidate) {
  std::optional<Instant> oldest;
  for (const Mapping& mapping : mappings_) {
    if (!mapping.is_forward && is_candidate(mapping)) {
      oldest =
          oldest ? std::min(*oldest, mapping.last_used) : mapping.last_used;
    }
  }
  if (!oldest) {
    return false;
  }
  for (size_t i = 0; i < mappings_.size(); ++i) {
    const Mapping& mapping = mappings_[i];
    const bool is_gone = std::ranges::any_of(
        difference.missing,
        [&](const MappingView& view) { return IsSame(view, mapping); });
    if (is_gone && !mapping.is_forward && is_candidate(mapping) &&
        mapping.last_used == *oldest) {
      tally_["eviction"]++;
      Remove(i, now);
      return true;
    }
  }
  Complain("did not evict the mapping idle for longest" + Explain(difference));
  return false;
}

/// For complaints: what the engine did to the table, and the table.
std::string ReferenceNat::Explain(const Difference& difference) const {
  std::string text;
  for (const MappingView& view : difference.added) {
    text += "\n    added " + view.inside.ToString() + " as " +
            view.external.ToString();
  }
  for (const MappingView& view : difference.missing) {
    text += "\n    gone " + view.inside.ToString() + " as " +
            view.external.ToString();
  }
  for (const Mapping& mapping : mappings_) {
    text += "\n    live " + std::to_string(mapping.protocol) + ' ' +
            mapping.inside.ToString() + " as " + mapping.external.ToString() +
            " used " +
            std::to_string(mapping.last_used.time_since_epoch().count()) +
            " until " +
            std::to_string(ExpiryOf(mapping).time_since_epoch().count());
    for (const Session& session : mapping.sessions) {
      text += ' ' + session.remote.ToString();
    }
  }
  return text;
}

/// First by everything; then what is left by all but expiry, since a receiver
/// of a hairpinned packet may have been refreshed. Not the endpoint that needs
/// a mapping: its new one can be the twin of the one evicted for it.
ReferenceNat::Difference ReferenceNat::CompareWithEngine(
    const Need& need) const {
  std::vector<MappingView> theirs = peek_();
  std::ranges::sort(theirs, {}, OrderOf);
  const std::vector<MappingView> mine = Mappings();
  Difference difference;
  std::ranges::set_difference(
      theirs, mine, std::back_inserter(difference.added), {}, OrderOf, OrderOf);
  std::ranges::set_difference(mine, theirs,
                              std::back_inserter(difference.missing), {},
                              OrderOf, OrderOf);
  const auto is_for_need = [&](const MappingView& view) {
    return view.protocol == need.protocol && view.inside == need.inside;
  };
  const bool is_only_one =
      std::ranges::count_if(difference.added, is_for_need) == 1;
  std::erase_if(difference.missing, [&](const MappingView& view) {
    const auto twin = std::ranges::find_if(
        difference.added,
        [&](const MappingView& other) { return IsTwin(view, other); });
    const bool is_needed = is_only_one && is_for_need(view);
    if (twin == difference.added.end() || is_needed) {
      return false;
    }
    difference.added.erase(twin);
    return true;
  });
  return difference;
}

void ReferenceNat::CheckChoice(const Need& need, const Endpoint& external) {
  if (!CanHave(need, external)) {
    Complain("may not have " + external.ToString() + " for " +
             need.inside.ToString() + Explain(CompareWithEngine(need)));
    return;
  }
  if (const auto newest = NewestOf(need)) {
    tally_["same port again"]++;
    if (external != *newest) {
      Complain("did not get the port of its newest mapping " +
               newest->ToString() + " but " + external.ToString());
    }
    return;
  }
  if (IsContiguous(need, external)) {
    tally_["contiguous"]++;
    return;
  }
  switch (config_.port_assignment) {
    case PortAssignment::kPreserveOverload:
    case PortAssignment::kPreserve: {
      const Endpoint same{external.address, need.inside.port};
      const bool is_kept = external.port == need.inside.port;
      tally_[is_kept ? "port preserved" : "port not preserved"]++;
      if (!is_kept && !need.is_shed && CanHave(need, same) &&
          config_.port_quarantine == Duration::zero()) {
        Complain("port not preserved though free: " + need.inside.ToString() +
                 " as " + external.ToString());
      }
      break;
    }
    case PortAssignment::kSequential:
      CheckSequential(need, external);
      break;
    case PortAssignment::kDynamicBlock:
    case PortAssignment::kDeterministicBlock:
      CheckBlock(need, external);
      break;
    case PortAssignment::kRandom:
      break;
  }
}

/// As Linux does: another flow of an inside endpoint leaves from where the
/// newest one does, if the remote endpoint allows it.
std::optional<Endpoint> ReferenceNat::NewestOf(const Need& need) const {
  if (config_.port_assignment != PortAssignment::kPreserveOverload) {
    return std::nullopt;
  }
  std::optional<Endpoint> newest;
  for (const Mapping& mapping : mappings_) {
    if (mapping.protocol == need.protocol && mapping.inside == need.inside &&
        !mapping.is_forward) {
      newest = mapping.external;
    }
  }
  return newest && CanHave(need, *newest) ? newest : std::nullopt;
}

void ReferenceNat::CheckSequential(const Need& need, const Endpoint& external) {
  const auto known = last_port_.find({need.protocol, external.address});
  const auto last =
      known == last_port_.end() ? std::nullopt : std::optional(known->second);
  const bool is_low = config_.keep_port_class && external.port < kFirstUserPort;
  if (need.is_shed || is_low) {
    return;  // random; the row of ports goes on where it was
  }
  last_port_[{need.protocol, external.address}] = external.port;
  if (!last || config_.foreign_rate > 0 || config_.keep_port_class ||
      config_.keep_contiguity || config_.port_quarantine > Duration::zero()) {
    return;
  }
  const int size = static_cast<int>(config_.port_range.size());
  const int first = config_.port_range.first;
  int offset = *last - first;
  for (int i = 0; i < size; ++i) {
    offset = ((offset + config_.port_step) % size + size) % size;
    const Endpoint next{external.address,
                        static_cast<uint16_t>(first + offset)};
    if (CanHave(need, next)) {
      tally_["next port"]++;
      if (next != external) {
        Complain("port " + external.ToString() + " is not next after " +
                 std::to_string(*last) + " but " + next.ToString());
      }
      return;
    }
  }
}

void ReferenceNat::CheckBlock(const Need& need, const Endpoint& external) {
  if (need.is_shed) {
    return;
  }
  const size_t block = BlockOf(external.port);
  if (config_.port_assignment == PortAssignment::kDeterministicBlock) {
    const auto pool = Pool();
    const auto index = static_cast<size_t>(
        std::ranges::find(pool, external.address) - pool.begin());
    tally_["own block"]++;
    own_block_.emplace(need.inside.address, std::pair(index, block));
    return;
  }
  const auto owned = BlocksOf(need.inside.address);
  if (owned.contains({external.address, block})) {
    tally_["block used again"]++;
    return;
  }
  tally_["block given"]++;
  const auto has_port = [&](const std::pair<IpAddress, size_t>& own) {
    for (size_t i = 0; i < config_.block_size; ++i) {
      const size_t port =
          config_.port_range.first + own.second * config_.block_size + i;
      if (own.first == external.address &&
          CanHave(need, {own.first, static_cast<uint16_t>(port)})) {
        return true;
      }
    }
    return false;
  };
  if (config_.port_quarantine == Duration::zero() &&
      std::ranges::any_of(owned, has_port)) {
    Complain("got another block though its own has a port");
  }
}

bool ReferenceNat::CanHave(const Need& need, const Endpoint& external) const {
  return IsInRange(need, external.port) && HasParity(need, external.port) &&
         IsPooled(need, external.address) && IsFree(need, external) &&
         (need.is_shed || IsBlockAllowed(need, external));
}

/// RFC 4787 section 4.2.2.
bool ReferenceNat::HasParity(const Need& need, uint16_t port) const {
  return !config_.keep_parity || !need.has_port() || need.is_shed ||
         port % 2 == need.inside.port % 2;
}

bool ReferenceNat::IsInRange(const Need& need, uint16_t port) const {
  const PortRange& range = config_.port_range;
  const bool is_in_range = range.first <= port && port <= range.last;
  if (!config_.keep_port_class || !need.has_port()) {
    return is_in_range;
  }
  const bool is_low = port < kFirstUserPort;
  return is_low == (need.inside.port < kFirstUserPort) && port != 0 &&
         (is_low || is_in_range);
}

bool ReferenceNat::IsPooled(const Need& need, const IpAddress& address) const {
  if (!IsOwn(address)) {
    return false;
  }
  if (config_.port_assignment == PortAssignment::kDeterministicBlock) {
    return true;  // the block says the address
  }
  const auto known = paired_.find(need.inside.address);
  return config_.pooling == Pooling::kArbitrary || known == paired_.end() ||
         Pool()[known->second % Pool().size()] == address;
}

/// RFC 4787 REQ-2, and more: the place in the pool is a function of the host.
/// A mapping with the first tells it.
void ReferenceNat::LearnAddress(const Need& need, const IpAddress& address) {
  const auto pool = Pool();
  const auto place = std::ranges::find(pool, address);
  if (place != pool.end()) {
    paired_.emplace(need.inside.address,
                    static_cast<size_t>(place - pool.begin()));
  }
}

bool ReferenceNat::IsFree(const Need& need, const Endpoint& external) const {
  const bool overloads =
      config_.port_assignment == PortAssignment::kPreserveOverload;
  const bool is_mapped =
      std::ranges::any_of(mappings_, [&](const Mapping& mapping) {
        const bool talks_there = std::ranges::any_of(
            mapping.sessions,
            [&](const Session& s) { return s.remote == need.remote; });
        return mapping.protocol == need.protocol &&
               mapping.external == external && (!overloads || talks_there);
      });
  const bool is_resting = std::ranges::any_of(resting_, [&](const Resting& r) {
    return r.protocol == need.protocol && r.external == external;
  });
  return !is_mapped && !is_resting &&
         !IsBoxFlow(need.protocol, external, need.remote);
}

size_t ReferenceNat::BlockOf(uint16_t port) const {
  return (size_t{port} - config_.port_range.first) / config_.block_size;
}

std::set<std::pair<IpAddress, size_t>> ReferenceNat::BlocksOf(
    const IpAddress& host) const {
  std::set<std::pair<IpAddress, size_t>> blocks;
  for (const Mapping& mapping : mappings_) {
    if (mapping.inside.address == host && !mapping.is_suggested) {
      blocks.emplace(mapping.external.address, BlockOf(mapping.external.port));
    }
  }
  return blocks;
}

bool ReferenceNat::IsBlockAllowed(const Need& need,
                                  const Endpoint& external) const {
  const IpAddress& host = need.inside.address;
  const size_t block = BlockOf(external.port);
  if (config_.port_assignment == PortAssignment::kDeterministicBlock) {
    const auto known = own_block_.find(host);
    return known == own_block_.end() ||
           (known->second.second == block &&
            Pool()[known->second.first % Pool().size()] == external.address);
  }
  if (config_.port_assignment != PortAssignment::kDynamicBlock) {
    return true;
  }
  const auto owned = BlocksOf(host);
  if (owned.contains({external.address, block})) {
    return true;
  }
  const size_t limit = config_.limits.blocks_per_host;
  return (limit == 0 || owned.size() < limit) &&
         std::ranges::none_of(mappings_, [&](const Mapping& mapping) {
           return !mapping.is_suggested && mapping.inside.address != host &&
                  mapping.external.address == external.address &&
                  BlockOf(mapping.external.port) == block;
         });
}

bool ReferenceNat::HasAnyPort(const Need& need) const {
  const uint16_t first =
      config_.keep_port_class ? uint16_t{1} : config_.port_range.first;
  for (const IpAddress& address : Pool()) {
    for (uint32_t port = first; port <= config_.port_range.last; ++port) {
      if (CanHave(need, {address, static_cast<uint16_t>(port)})) {
        return true;
      }
    }
  }
  return false;
}

/// For contiguity alone nobody gets another block.
bool ReferenceNat::IsInOwnBlock(const IpAddress& host,
                                const Endpoint& external) const {
  return config_.port_assignment != PortAssignment::kDynamicBlock ||
         BlocksOf(host).contains({external.address, BlockOf(external.port)});
}

/// RFC 4787 section 4.2.3. Which mapping of the port before it counts is only
/// clear where that one would serve the same remote endpoint; then it must be.
/// An arbitrary pool draws the address first.
bool ReferenceNat::IsContiguous(const Need& need, const Endpoint& external) {
  if (!config_.keep_contiguity || !need.has_port() || need.is_shed) {
    return false;
  }
  bool is_next = false;
  std::optional<Endpoint> wanted;
  for (const Mapping& mapping : mappings_) {
    const Endpoint next{mapping.external.address,
                        static_cast<uint16_t>(mapping.external.port + 1)};
    if (mapping.protocol != need.protocol || mapping.is_forward ||
        mapping.inside.address != need.inside.address ||
        mapping.inside.port + 1 != need.inside.port ||
        next.address != external.address || !CanHave(need, next) ||
        !IsInOwnBlock(need.inside.address, next)) {
      continue;
    }
    is_next |= next == external;
    if (Serves(mapping, need.remote)) {
      wanted = next;
    }
  }
  if (wanted && !is_next && config_.port_quarantine == Duration::zero()) {
    Complain("did not get the next port " + wanted->ToString() + " but " +
             external.ToString());
  }
  return is_next;
}

size_t ReferenceNat::CountOf(const IpAddress& host) const {
  return static_cast<size_t>(std::ranges::count_if(
      mappings_,
      [&](const Mapping& mapping) { return mapping.inside.address == host; }));
}

/// In the second that ends now.
size_t ReferenceNat::CreatedLately(Instant now, const IpAddress& host) const {
  return static_cast<size_t>(
      std::ranges::count_if(created_, [&](const auto& created) {
        return created.second == host &&
               now - created.first < std::chrono::seconds(1);
      }));
}

}  // namespace natkit::netsim
