#include "natkit/nat/upnp_client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "natkit/base/queue.h"

namespace natkit::nat {

namespace {

using std::chrono::minutes;

constexpr Duration kCheckInterval = minutes(10);
/// Of a device that gives next to nothing.
constexpr Duration kShortestRenewal = std::chrono::seconds(1);
constexpr int kMaxConflicts = 3;

PortMappingError ErrorOf(UpnpError error) {
  switch (error) {
    case UpnpError::kNoDevice:
      return PortMappingError::kNoAnswer;
    case UpnpError::kInvalidAction:
      return PortMappingError::kUnsupported;
    case UpnpError::kNotAuthorized:
    case UpnpError::kActionFailed:
      return PortMappingError::kRefused;
    case UpnpError::kConflict:
    case UpnpError::kConflictWithOther:
      return PortMappingError::kConflict;
    case UpnpError::kNoPortMapsAvailable:
      return PortMappingError::kNoResources;
    case UpnpError::kRemoteHostMustBeWildcard:
    case UpnpError::kExternalPortMustBeWildcard:
    case UpnpError::kSamePortRequired:
    case UpnpError::kOnlyPermanentLeases:
    case UpnpError::kNone:
    case UpnpError::kBroken:
    case UpnpError::kInvalidArgs:
    case UpnpError::kNoSuchEntry:
      break;
  }
  return PortMappingError::kProtocol;
}

}  // namespace

UpnpClient::UpnpClient(const IpAddress& gateway, const IpAddress& local,
                       std::string description, Rng& rng, Duration lifetime)
    : gateway_(gateway),
      local_(local),
      description_(std::move(description)),
      rng_(rng),
      lifetime_(lifetime),
      last_id_(uint64_t{rng.NextU32()} << 32U) {}

void UpnpClient::Start(Instant now) {
  last_now_ = now;
  is_discovery_due_ = true;
  SendNext(now);
}

bool UpnpClient::Map(Instant now, const PortMappingKey& key,
                     uint16_t suggested_port) {
  last_now_ = now;
  if (key.remote || key.internal_port == 0 || entries_.size() >= kMaxKeys) {
    return false;
  }
  const auto [found, is_new] = entries_.try_emplace(key);
  Entry& entry = found->second;
  if (is_new || entry.is_leaving) {
    entry.is_leaving = false;
    entry.external_port =
        suggested_port == 0 ? key.internal_port : suggested_port;
    entry.due = now;
  }
  SendNext(now);
  return true;
}

void UpnpClient::Unmap(Instant now, const PortMappingKey& key) {
  last_now_ = now;
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    return;
  }
  const bool is_asked = pending_ && pending_->key == key;
  // Without a device, and without one being searched, nobody can be asked.
  const bool is_lost = !is_known_ && !pending_ && !is_discovery_due_;
  if ((!found->second.is_granted && !is_asked) || is_lost) {
    Remove(key);
    return;
  }
  found->second.is_leaving = true;
  found->second.due = now;
  SendNext(now);
}

void UpnpClient::HandleResult(Instant now, const UpnpResult& result) {
  last_now_ = now;
  if (!pending_ || pending_->id != result.id) {
    return;
  }
  const Pending done = *std::exchange(pending_, std::nullopt);
  if (!done.key) {
    HandleDiscovered(now, result);
  } else if (done.is_deletion) {
    Remove(*done.key);
  } else {
    HandleAdded(now, *done.key, result);
  }
  SendNext(now);
}

void UpnpClient::HandleTimeout(Instant now) {
  last_now_ = now;
  SendNext(now);
}

void UpnpClient::SendNext(Instant now) {
  if (pending_) {
    return;
  }
  if (is_discovery_due_) {
    Discover();
    return;
  }
  if (!is_known_) {
    return;
  }
  const auto next = std::ranges::find_if(entries_, [now](const auto& item) {
    return item.second.due && *item.second.due <= now;
  });
  if (next != entries_.end()) {
    next->second.due.reset();
    Ask(next->first, next->second);
  }
}

void UpnpClient::Discover() {
  is_discovery_due_ = false;
  pending_ = Pending{.id = ++last_id_};
  request_ = UpnpRequest{.id = last_id_,
                         .action = UpnpAction::kDiscover,
                         .gateway = gateway_,
                         .local = local_};
}

void UpnpClient::Ask(const PortMappingKey& key, const Entry& entry) {
  pending_ =
      Pending{.id = ++last_id_, .key = key, .is_deletion = entry.is_leaving};
  request_ = UpnpRequest{.id = last_id_,
                         .action = entry.is_leaving ? UpnpAction::kDeleteMapping
                                                    : UpnpAction::kAddMapping,
                         .gateway = gateway_,
                         .local = local_,
                         .protocol = key.protocol,
                         .external_port = entry.external_port,
                         .internal_port = key.internal_port,
                         .lease = entry.is_permanent ? Duration{} : lifetime_,
                         .description = description_};
}

void UpnpClient::HandleDiscovered(Instant now, const UpnpResult& result) {
  is_known_ = result.error == UpnpError::kNone;
  if (!is_known_) {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const auto current = entry++;
      if (current->second.is_leaving) {
        Remove(PortMappingKey(current->first));
      }
    }
    events_.emplace_back(ServiceFailed{ErrorOf(result.error)});
    return;
  }
  events_.emplace_back(ServiceAnswered{});
  if (result.external_address != external_address_) {
    external_address_ = result.external_address;
    if (external_address_) {
      events_.emplace_back(GatewayAddress{*external_address_});
    }
  }
  for (auto& [key, entry] : entries_) {
    entry.due = now;
  }
}

void UpnpClient::HandleAdded(Instant now, const PortMappingKey& key,
                             const UpnpResult& result) {
  const UpnpError error = result.error;
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    return;
  }
  Entry& entry = found->second;
  if (entry.is_leaving) {
    return;  // its deletion is due
  }
  if (error == UpnpError::kNone && external_address_) {
    // A lease of 0 lasts until it is deleted; it is asked for again all the
    // same.
    const bool is_shorter = result.lease && *result.lease > Duration{};
    const Duration given =
        is_shorter ? std::min(*result.lease, lifetime_) : lifetime_;
    const Duration lease = entry.is_permanent ? Duration::max() : given;
    entry.is_granted = true;
    entry.conflicts = 0;
    entry.due =
        now + std::max(kShortestRenewal, std::min(kCheckInterval, given / 2));
    events_.emplace_back(
        MappingGranted{key, {*external_address_, entry.external_port}, lease});
    return;
  }
  if (error == UpnpError::kNone) {
    entry.is_granted = true;
    entry.due = now + kCheckInterval;
    events_.emplace_back(
        MappingFailed{key, PortMappingError::kNoExternalAddress});
    return;
  }
  entry.is_granted = false;
  if (!TryOtherwise(now, key, entry, error)) {
    entry.conflicts = 0;
    entry.due = now + kCheckInterval;
    events_.emplace_back(MappingFailed{key, ErrorOf(error)});
  }
}

bool UpnpClient::TryOtherwise(Instant now, const PortMappingKey& key,
                              Entry& entry, UpnpError error) {
  const bool is_conflict =
      error == UpnpError::kConflict || error == UpnpError::kConflictWithOther;
  if (is_conflict && entry.conflicts < kMaxConflicts) {
    ++entry.conflicts;
    entry.external_port = static_cast<uint16_t>(1024 + rng_.Below(64512));
  } else if (error == UpnpError::kOnlyPermanentLeases && !entry.is_permanent) {
    entry.is_permanent = true;
  } else if (error == UpnpError::kSamePortRequired &&
             entry.external_port != key.internal_port) {
    entry.external_port = key.internal_port;
  } else {
    return false;
  }
  entry.due = now;
  return true;
}

void UpnpClient::Remove(const PortMappingKey& key) {
  entries_.erase(key);
  events_.emplace_back(MappingRemoved{key});
}

std::optional<UpnpRequest> UpnpClient::PollRequest() {
  return std::exchange(request_, std::nullopt);
}

std::optional<PortMappingClientEvent> UpnpClient::PollEvent() {
  return TakeFront(events_);
}

std::optional<Instant> UpnpClient::NextTimeout() const {
  if (request_ || !events_.empty()) {
    return last_now_;
  }
  std::optional<Instant> next;
  for (const auto& [key, entry] : entries_) {
    if (!pending_ && is_known_ && entry.due && (!next || *entry.due < *next)) {
      next = entry.due;
    }
  }
  return next;
}

bool UpnpClient::is_idle() const {
  return std::ranges::none_of(
      entries_, [](const auto& item) { return item.second.is_leaving; });
}

}  // namespace natkit::nat
