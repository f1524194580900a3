#include "natkit/nat/nat_pmp_client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "natkit/base/queue.h"
#include "natkit/nat/pcp_message.h"

namespace natkit::nat {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kFirstWait = milliseconds(250);  // section 3.1
constexpr int kMaxTries = 9;
constexpr Duration kShortestRenewal = seconds(4);
/// Others lost their mappings in the same moment.
constexpr Duration kMaxRestartDelay = milliseconds(500);
constexpr uint32_t kEpochSlack = 2;  // section 3.6, in seconds

NatPmpOpcode OpcodeOf(const PortMappingKey& key) {
  return key.protocol == MappedProtocol::kUdp ? NatPmpOpcode::kMapUdp
                                              : NatPmpOpcode::kMapTcp;
}

PortMappingError ErrorOf(uint16_t result) {
  switch (static_cast<NatPmpResult>(result)) {
    case NatPmpResult::kUnsupportedVersion:
      return PortMappingError::kUnsupportedVersion;
    case NatPmpResult::kNotAuthorized:
      return PortMappingError::kRefused;
    case NatPmpResult::kNetworkFailure:
      return PortMappingError::kNoExternalAddress;
    case NatPmpResult::kOutOfResources:
      return PortMappingError::kNoResources;
    case NatPmpResult::kUnsupportedOpcode:
      return PortMappingError::kUnsupported;
    case NatPmpResult::kSuccess:
      break;
  }
  return PortMappingError::kProtocol;
}

/// What may pass by itself is tried again soon.
Duration RetryAfter(PortMappingError error) {
  const bool is_passing = error == PortMappingError::kNoExternalAddress ||
                          error == PortMappingError::kNoResources;
  return is_passing ? Duration(seconds(30)) : Duration(minutes(10));
}

}  // namespace

NatPmpClient::NatPmpClient(const IpAddress& gateway, Rng& rng,
                           Duration lifetime)
    : gateway_{gateway, kPortMappingServerPort},
      rng_(rng),
      lifetime_(static_cast<uint32_t>(
          std::chrono::duration_cast<seconds>(lifetime).count())) {}

void NatPmpClient::Start(Instant now) {
  last_now_ = now;
  is_running_ = true;
  has_answered_ = false;
  address_due_ = now;
  for (auto& [key, entry] : entries_) {
    entry.due = entry.external && entry.due ? entry.due : now;
  }
  SendNext(now);
}

bool NatPmpClient::Map(Instant now, const PortMappingKey& key,
                       uint16_t suggested_port) {
  last_now_ = now;
  if (key.remote || key.internal_port == 0 || entries_.size() >= kMaxKeys) {
    return false;
  }
  const auto [found, is_new] = entries_.try_emplace(key);
  if (!is_new && !found->second.is_leaving) {
    return true;
  }
  if (pending_ && pending_->key == key) {
    pending_.reset();  // it deletes
  }
  found->second = {.suggested_port =
                       suggested_port == 0 ? key.internal_port : suggested_port,
                   .due = now,
                   .was_leaving = found->second.is_leaving};
  SendNext(now);
  return true;
}

void NatPmpClient::Unmap(Instant now, const PortMappingKey& key) {
  last_now_ = now;
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.is_leaving) {
    return;
  }
  const bool may_exist =
      found->second.external || (pending_ && pending_->key == key);
  if (!is_running_ || !may_exist) {
    entries_.erase(found);
    events_.emplace_back(MappingRemoved{key});
    return;
  }
  found->second.is_leaving = true;
  found->second.due = now;
  if (pending_ && pending_->key == key) {
    pending_.reset();  // it asked for the opposite
  }
  SendNext(now);
}

bool NatPmpClient::HandleDatagram(Instant now, const Endpoint& from,
                                  ByteView datagram) {
  last_now_ = now;
  if (from != gateway_) {
    return false;
  }
  const auto response = ParseNatPmpResponse(datagram);
  if (!response) {
    return HandleOtherVersion(datagram);
  }
  if (response->result ==
      std::to_underlying(NatPmpResult::kUnsupportedVersion)) {
    return false;  // it answers somebody's PCP
  }
  if (!std::exchange(has_answered_, true)) {
    events_.emplace_back(ServiceAnswered{});
    Revive(now);
  }
  CheckEpoch(now, response->epoch);
  if (response->opcode == NatPmpOpcode::kExternalAddress) {
    HandleAddress(now, *response);
  } else {
    HandleMapping(now, *response);
  }
  SendNext(now);
  return true;
}

/// A server that speaks PCP alone says so in PCP (RFC 6887 section 9).
bool NatPmpClient::HandleOtherVersion(ByteView datagram) {
  const auto response = ParsePcpResponse(datagram);
  const bool is_refusal =
      response &&
      response->result == std::to_underlying(PcpResult::kUnsupportedVersion);
  if (is_refusal && pending_) {
    GiveUp(PortMappingError::kUnsupportedVersion);
  }
  return is_refusal;
}

void NatPmpClient::HandleUnreachable(Instant now) {
  last_now_ = now;
  if (pending_) {
    GiveUp(PortMappingError::kNoAnswer);
  }
}

void NatPmpClient::HandleTimeout(Instant now) {
  last_now_ = now;
  Expire(now);
  if (pending_ && now >= pending_->deadline) {
    if (pending_->sent >= kMaxTries) {
      GiveUp(PortMappingError::kNoAnswer);
      return;
    }
    Send(now);
  }
  SendNext(now);
}

void NatPmpClient::SendNext(Instant now) {
  if (!is_running_ || pending_) {
    return;
  }
  const auto due = EarliestDue();
  if (!due || *due > now) {
    return;
  }
  pending_ = Pending{.wait = kFirstWait};
  if (address_due_ != due) {
    const auto next = std::ranges::find_if(
        entries_, [&](const auto& item) { return item.second.due == due; });
    pending_->key = next->first;
  }
  Send(now);
}

std::optional<Instant> NatPmpClient::EarliestDue() const {
  std::optional<Instant> earliest = address_due_;
  for (const auto& [key, entry] : entries_) {
    if (entry.due && (!earliest || *entry.due < *earliest)) {
      earliest = entry.due;
    }
  }
  return earliest;
}

void NatPmpClient::Send(Instant now) {
  pending_->deadline = now + pending_->wait;
  pending_->wait *= 2;
  ++pending_->sent;
  transmits_.push_back({gateway_, BuildPending()});
}

std::vector<uint8_t> NatPmpClient::BuildPending() const {
  if (!pending_->key) {
    return BuildNatPmpAddressRequest();
  }
  const PortMappingKey& key = *pending_->key;
  const Entry& entry = entries_.at(key);
  NatPmpMapRequest request{.opcode = OpcodeOf(key),
                           .internal_port = key.internal_port};
  if (!entry.is_leaving) {
    request.lifetime = lifetime_;
    request.suggested_port =
        entry.external ? entry.external->port : entry.suggested_port;
  }
  return BuildNatPmpMapRequest(request);
}

void NatPmpClient::GiveUp(PortMappingError error) {
  pending_.reset();
  address_due_.reset();
  is_running_ = false;
  has_answered_ = false;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    entry->second.due.reset();
    if (entry->second.is_leaving) {
      events_.emplace_back(MappingRemoved{entry->first});
      entry = entries_.erase(entry);
    } else {
      ++entry;
    }
  }
  events_.emplace_back(ServiceFailed{error});
}

/// An answer after all: what was given up is asked for again.
void NatPmpClient::Revive(Instant now) {
  if (std::exchange(is_running_, true)) {
    return;
  }
  address_due_ = now;
  for (auto& [key, entry] : entries_) {
    entry.due = entry.due.value_or(now);
  }
}

void NatPmpClient::Expire(Instant now) {
  for (auto& [key, entry] : entries_) {
    if (entry.external && now >= entry.expires) {
      entry.external.reset();
      events_.emplace_back(MappingFailed{key, PortMappingError::kExpired});
    }
  }
}

/// Section 3.6: our clock may run an eighth too fast.
void NatPmpClient::CheckEpoch(Instant now, uint32_t epoch) {
  if (epoch_) {
    const auto elapsed =
        std::chrono::duration_cast<seconds>(now - epoch_->seen).count();
    const int64_t expected = int64_t{epoch_->value} + elapsed * 7 / 8;
    if (int64_t{epoch} + kEpochSlack < expected) {
      events_.emplace_back(GatewayRestarted{});
      const Instant due =
          restart_gate_.NoteRestart(now) +
          Duration(static_cast<Duration::rep>(
              rng_.Below(static_cast<uint64_t>(kMaxRestartDelay.count()))));
      address_due_ = due;
      for (auto& [key, entry] : entries_) {
        entry.due = entry.is_leaving ? entry.due : due;
      }
      is_running_ = true;
    }
  }
  epoch_ = Epoch{epoch, now};
}

void NatPmpClient::HandleAddress(Instant now, const NatPmpResponse& response) {
  if (pending_ && !pending_->key) {
    pending_.reset();
    address_due_.reset();
  }
  if (!response.is_success()) {
    address_due_ = now + RetryAfter(ErrorOf(response.result));
    external_address_.reset();
    return;
  }
  if (response.external_address != external_address_) {
    external_address_ = response.external_address;
    events_.emplace_back(GatewayAddress{*external_address_});
    for (auto& [key, entry] : entries_) {
      // The gateway moved, and its mappings with it, or they are gone.
      entry.due = entry.external ? now : entry.due;
    }
  }
}

void NatPmpClient::HandleMapping(Instant now, const NatPmpResponse& response) {
  const PortMappingKey key{.protocol = response.opcode == NatPmpOpcode::kMapUdp
                                           ? MappedProtocol::kUdp
                                           : MappedProtocol::kTcp,
                           .internal_port = response.internal_port,
                           .remote = std::nullopt};
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    return;
  }
  Entry& entry = found->second;
  const bool is_pending = pending_ && pending_->key == key;
  const bool is_deletion = response.is_success() && response.lifetime == 0;
  const bool is_grant = response.is_success() && !is_deletion;
  // Late answers to the opposite request say nothing.
  const bool is_opposite =
      entry.is_leaving ? is_grant : entry.was_leaving && is_deletion;
  if (is_opposite) {
    return;
  }
  if (is_pending) {
    pending_.reset();
  }
  if (entry.is_leaving) {
    entries_.erase(found);
    events_.emplace_back(MappingRemoved{key});
  } else if (is_grant && response.external_port != 0) {
    Grant(now, key, entry, response);
  } else {
    Refuse(now, key, entry, response.result);
  }
}

void NatPmpClient::Grant(Instant now, const PortMappingKey& key, Entry& entry,
                         const NatPmpResponse& response) {
  // A gateway may shorten the lifetime, and should not lengthen it.
  const Duration lifetime = seconds(std::min(response.lifetime, lifetime_));
  entry.was_leaving = false;
  entry.expires = now + lifetime;
  entry.due = now + std::max<Duration>(lifetime / 2, kShortestRenewal);
  entry.external =
      Endpoint{external_address_.value_or(IpAddress()), response.external_port};
  if (external_address_) {
    events_.emplace_back(MappingGranted{key, *entry.external, lifetime});
  } else {
    address_due_ = now;  // comes back to the mapping when it is known
  }
}

void NatPmpClient::Refuse(Instant now, const PortMappingKey& key, Entry& entry,
                          uint16_t result) {
  const PortMappingError error = ErrorOf(result);
  entry.due = now + RetryAfter(error);
  entry.external.reset();
  events_.emplace_back(MappingFailed{key, error});
}

std::optional<Transmit> NatPmpClient::PollTransmit() {
  return TakeFront(transmits_);
}

std::optional<PortMappingClientEvent> NatPmpClient::PollEvent() {
  return TakeFront(events_);
}

std::optional<Instant> NatPmpClient::NextTimeout() const {
  if (!transmits_.empty() || !events_.empty()) {
    return last_now_;
  }
  std::optional<Instant> next;
  const auto consider = [&](const std::optional<Instant>& at) {
    if (at && (!next || *at < *next)) {
      next = at;
    }
  };
  if (pending_) {
    consider(pending_->deadline);
  } else if (is_running_) {
    consider(EarliestDue());
  }
  for (const auto& [key, entry] : entries_) {
    if (entry.external) {
      consider(entry.expires);
    }
  }
  return next;
}

bool NatPmpClient::is_idle() const {
  return std::ranges::none_of(
      entries_, [](const auto& item) { return item.second.is_leaving; });
}

}  // namespace natkit::nat
