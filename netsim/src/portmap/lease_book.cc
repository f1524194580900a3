#include "portmap/lease_book.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace natkit::netsim::portmap {
namespace {

LeaseError FromErrc(Errc code) {
  switch (code) {
    case Errc::kAlreadyExists:
      return LeaseError::kTaken;
    case Errc::kBadValue:
      return LeaseError::kBadValue;
    default:
      return LeaseError::kNoResources;
  }
}

bool MayChange(const Lease& lease, const LeaseRequest& request) {
  return lease.requester != Requester::kPcp ||
         (request.requester == Requester::kPcp && lease.nonce == request.nonce);
}

Instant EndOf(Instant now, Duration lifetime) {
  return lifetime > Instant::max() - now ? Instant::max() : now + lifetime;
}

}  // namespace

LeaseBook::LeaseBook(engine::ForwardControl& control, size_t max_per_host)
    : control_(control), max_per_host_(max_per_host) {}

/// What the request would renew. UPnP names a mapping by its external port
/// and may have several for one inside endpoint; the others name it by that.
const Lease* LeaseBook::Existing(Instant now, const LeaseRequest& request) {
  const ForwardRequest& forward = request.forward;
  if (request.requester == Requester::kUpnp && forward.must_be_suggested) {
    return FindByPort(now, forward.protocol, forward.suggested_port);
  }
  return FindByInside(now, forward.protocol, forward.inside);
}

std::expected<Lease, LeaseError> LeaseBook::Add(Instant now,
                                                const LeaseRequest& request) {
  const ForwardRequest& forward = request.forward;
  if (const Lease* existing = Existing(now, request)) {
    if (!MayChange(*existing, request)) {
      return std::unexpected(LeaseError::kNotYours);
    }
    if (existing->inside != forward.inside ||
        (forward.must_be_suggested &&
         existing->key.external.port != forward.suggested_port)) {
      return std::unexpected(LeaseError::kTaken);
    }
  } else if (max_per_host_ != 0 &&
             CountOf(forward.inside.address) >= max_per_host_) {
    return std::unexpected(LeaseError::kQuota);
  }
  const auto external = control_.AddForward(now, forward);
  if (!external) {
    return std::unexpected(FromErrc(external.error().code));
  }
  Lease lease = {.key = {forward.protocol, *external},
                 .inside = forward.inside,
                 .ends_at = EndOf(now, forward.lifetime),
                 .requester = request.requester,
                 .nonce = request.nonce,
                 .description = request.description,
                 .filters = forward.filters};
  Store(lease);
  return lease;
}

void LeaseBook::Remove(Instant now, const LeaseKey& key) {
  const auto found = leases_.find(key);
  if (found == leases_.end()) {
    return;
  }
  const Endpoint inside = found->second.inside;
  Erase(key);
  control_.RemoveForward(now, key.protocol, inside);
  // The box knows forwards by their inside endpoint; UPnP may have made
  // several for this one, and the others stay.
  for (const Lease& other : OfHost(now, key.protocol, inside.address)) {
    if (other.inside == inside &&
        !control_.AddForward(now, {.protocol = key.protocol,
                                   .inside = inside,
                                   .suggested_port = other.key.external.port,
                                   .must_be_suggested = true,
                                   .lifetime = other.remaining(now),
                                   .filters = other.filters})) {
      Erase(other.key);
    }
  }
}

const Lease* LeaseBook::FindByInside(Instant now, uint8_t protocol,
                                     const Endpoint& inside) {
  Expire(now);
  const auto at = by_inside_.lower_bound({inside, {protocol, {}}});
  return at != by_inside_.end() && at->first == inside &&
                 at->second.protocol == protocol
             ? &leases_.at(at->second)
             : nullptr;
}

const Lease* LeaseBook::FindByPort(Instant now, uint8_t protocol,
                                   uint16_t external_port) {
  Expire(now);
  const auto at = std::ranges::find_if(leases_, [&](const auto& entry) {
    return entry.first.protocol == protocol &&
           entry.first.external.port == external_port;
  });
  return at == leases_.end() ? nullptr : &at->second;
}

std::vector<Lease> LeaseBook::OfHost(Instant now, uint8_t protocol,
                                     const IpAddress& host) {
  Expire(now);
  std::vector<Lease> out;
  for (auto at = by_inside_.lower_bound({{host, 0}, {}});
       at != by_inside_.end() && at->first.address == host; ++at) {
    if (at->second.protocol == protocol) {
      out.push_back(leases_.at(at->second));
    }
  }
  return out;
}

const Lease* LeaseBook::At(Instant now, size_t index) {
  Expire(now);
  return index < leases_.size()
             ? &std::next(leases_.begin(), static_cast<ptrdiff_t>(index))
                    ->second
             : nullptr;
}

void LeaseBook::Clear() {
  leases_.clear();
  by_inside_.clear();
  by_end_.clear();
}

size_t LeaseBook::CountOf(const IpAddress& host) const {
  size_t count = 0;
  for (auto at = by_inside_.lower_bound({{host, 0}, {}});
       at != by_inside_.end() && at->first.address == host; ++at) {
    ++count;
  }
  return count;
}

void LeaseBook::Expire(Instant now) {
  while (!by_end_.empty() && by_end_.begin()->first <= now) {
    Erase(LeaseKey(by_end_.begin()->second));
  }
}

void LeaseBook::Erase(const LeaseKey& key) {
  const auto found = leases_.find(key);
  if (found == leases_.end()) {
    return;
  }
  by_inside_.erase({found->second.inside, key});
  by_end_.erase({found->second.ends_at, key});
  leases_.erase(found);
}

void LeaseBook::Store(Lease lease) {
  Erase(lease.key);
  by_inside_.insert({lease.inside, lease.key});
  by_end_.insert({lease.ends_at, lease.key});
  const LeaseKey key = lease.key;
  leases_.insert_or_assign(key, std::move(lease));
}

}  // namespace natkit::netsim::portmap
