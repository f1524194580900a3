#include "natkit/nat/pcp_client.h"

#include <openssl/evp.h>
#include <openssl/hkdf.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/base/copy.h"
#include "natkit/base/queue.h"

namespace natkit::nat {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// Section 8.1.1.
constexpr Duration kInitialWait = seconds(3);
constexpr Duration kMaxWait = seconds(1024);
constexpr int kDeletionTries = 3;
constexpr Duration kShortestRenewal = seconds(4);  // section 11.2.1
constexpr uint32_t kLongestLifetime = 24 * 3600;   // section 15, in seconds
constexpr Duration kMaxRestartDelay = seconds(5);  // section 14.1.3
/// What a server may ask us to wait after a failure (section 7.4).
constexpr Duration kShortestError = seconds(4);
constexpr Duration kLongestError = minutes(30);

PortMappingError ErrorOf(uint8_t result) {
  switch (static_cast<PcpResult>(result)) {
    case PcpResult::kUnsupportedVersion:
      return PortMappingError::kUnsupportedVersion;
    case PcpResult::kNotAuthorized:
      return PortMappingError::kRefused;
    case PcpResult::kNetworkFailure:
      return PortMappingError::kNoExternalAddress;
    case PcpResult::kNoResources:
      return PortMappingError::kNoResources;
    case PcpResult::kUserExceededQuota:
    case PcpResult::kExcessiveRemotePeers:
      return PortMappingError::kQuotaExceeded;
    case PcpResult::kCannotProvideExternal:
      return PortMappingError::kConflict;
    case PcpResult::kAddressMismatch:
      return PortMappingError::kAddressMismatch;
    case PcpResult::kUnsupportedOpcode:
    case PcpResult::kUnsupportedOption:
    case PcpResult::kUnsupportedProtocol:
      return PortMappingError::kUnsupported;
    case PcpResult::kSuccess:
    case PcpResult::kMalformedRequest:
    case PcpResult::kMalformedOption:
      break;
  }
  return PortMappingError::kProtocol;
}

uint32_t ToSeconds(Duration duration) {
  return static_cast<uint32_t>(
      std::chrono::duration_cast<seconds>(duration).count());
}

IpAddress UnspecifiedLike(const IpAddress& address) {
  return address.is_v4() ? IpAddress() : IpAddress::V6({});
}

}  // namespace

PcpNonceKey DerivePcpNonceKey(std::span<const uint8_t, 32> secret) {
  constexpr std::string_view kLabel = "natkit PCP nonce key";
  PcpNonceKey key;
  NATKIT_CHECK(HKDF(key.ExposeMutable().data(), PcpNonceKey::kSize,
                    EVP_sha256(), secret.data(), secret.size(), nullptr, 0,
                    AsBytes(kLabel).data(), kLabel.size()) == 1);
  return key;
}

PcpClient::PcpClient(const PcpClientConfig& config, Rng& rng,
                     const PcpNonceKey* nonce_key)
    : config_(config), rng_(rng), nonce_key_(nonce_key) {}

PcpNonce PcpClient::MakeNonce(const PortMappingKey& key) {
  PcpNonce nonce{};
  if (nonce_key_ == nullptr) {
    rng_.Fill(nonce);
    return nonce;
  }
  constexpr std::string_view kLabel = "natkit PCP mapping nonce";
  const Endpoint remote = key.remote.value_or(Endpoint());
  std::array<uint8_t, kLabel.size() + 3 * 16 + 5> covered{};
  ByteWriter writer(covered);
  writer.WriteBytes(AsBytes(kLabel));
  writer.WriteBytes(config_.server.MappedToV6().bytes());
  writer.WriteBytes(config_.client.MappedToV6().bytes());
  writer.WriteBytes(remote.address.MappedToV6().bytes());
  writer.WriteU16(remote.port);
  writer.WriteU16(key.internal_port);
  writer.WriteU8(std::to_underlying(key.protocol));
  std::array<uint8_t, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  NATKIT_CHECK(HMAC(EVP_sha256(), nonce_key_->Expose().data(),
                    nonce_key_->Expose().size(), covered.data(), covered.size(),
                    mac.data(), &size) != nullptr);
  CopyBytes(ByteView(mac).first(nonce.size()), nonce);
  return nonce;
}

void PcpClient::Start(Instant now) {
  last_now_ = now;
  has_answered_ = false;
  RequestAt(now, probe_);
  for (auto& [key, entry] : entries_) {
    if (!entry.retry.due) {
      RequestAt(now, entry.retry);
    }
  }
  HandleTimeout(now);
}

void PcpClient::Renew(Instant now) {
  last_now_ = now;
  for (auto& [key, entry] : entries_) {
    if (!entry.is_leaving) {
      RequestAt(now, entry.retry);
    }
  }
  HandleTimeout(now);
}

bool PcpClient::Map(Instant now, const PortMappingKey& key,
                    const Endpoint& suggested) {
  last_now_ = now;
  if (key.internal_port == 0 || entries_.size() >= kMaxKeys) {
    return false;
  }
  const auto [found, is_new] = entries_.try_emplace(key);
  Entry& entry = found->second;
  if (!is_new && !entry.is_leaving) {
    return true;
  }
  if (is_new) {
    entry.nonce = MakeNonce(key);
  }
  entry.was_leaving = entry.is_leaving;
  entry.is_leaving = false;
  entry.suggested = suggested;
  if (suggested.port == 0) {
    entry.suggested = {UnspecifiedLike(config_.client), key.internal_port};
  }
  RequestAt(now, entry.retry);
  HandleTimeout(now);
  return true;
}

void PcpClient::Unmap(Instant now, const PortMappingKey& key) {
  last_now_ = now;
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.is_leaving) {
    return;
  }
  Entry& entry = found->second;
  if (entry.retry.sent == 0 && !entry.external) {
    entries_.erase(found);
    events_.emplace_back(MappingRemoved{key});
    return;
  }
  entry.is_leaving = true;
  RequestAt(now, entry.retry);
  HandleTimeout(now);
}

bool PcpClient::HandleDatagram(Instant now, const Endpoint& from,
                               ByteView datagram) {
  last_now_ = now;
  const auto response = ParsePcpResponse(datagram);
  if (from != Endpoint{config_.server, kPortMappingServerPort} || !response) {
    return false;
  }
  if (response->result == std::to_underlying(PcpResult::kUnsupportedVersion)) {
    // With our own version it answers somebody's NAT-PMP.
    const bool is_other = response->version != 2;
    if (is_other && (probe_.due || !entries_.empty())) {
      Fail(PortMappingError::kUnsupportedVersion);
    }
    return is_other;
  }
  if (response->opcode == PcpOpcode::kAnnounce) {
    CheckEpoch(now, *response);
    NoteAnswer();
  } else {
    HandleMapping(now, *response);
  }
  HandleTimeout(now);
  return true;
}

void PcpClient::HandleUnreachable(Instant now) {
  last_now_ = now;
  if (!has_answered_ || probe_.due) {
    Fail(PortMappingError::kNoAnswer);
  }
}

void PcpClient::HandleTimeout(Instant now) {
  last_now_ = now;
  if (probe_.due && now >= *probe_.due) {
    SendProbe(now);
  }
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto& key = entry->first;
    Entry& state = entry->second;
    if (state.external && now >= state.granted + state.lifetime) {
      state.external.reset();
      events_.emplace_back(MappingFailed{key, PortMappingError::kExpired});
      RequestAt(std::max(now, state.asked + kShortestRenewal), state.retry);
    }
    if (state.retry.due && now >= *state.retry.due) {
      if (state.is_leaving && state.retry.sent >= kDeletionTries) {
        events_.emplace_back(MappingRemoved{key});
        entry = entries_.erase(entry);
        continue;
      }
      SendMapping(now, key, state);
    }
    ++entry;
  }
}

/// A new request, with all its tries before it.
void PcpClient::RequestAt(Instant now, Retry& retry, Duration delay) {
  retry = {.due = now + delay};
}

void PcpClient::NoteSent(Instant now, Retry& retry) {
  const Duration base =
      retry.sent == 0 ? kInitialWait : std::min(retry.wait * 2, kMaxWait);
  retry.wait = base - base / 10 + RandomBelow(base / 5);
  ++retry.sent;
  retry.due = now + retry.wait;
}

void PcpClient::SendProbe(Instant now) {
  NoteSent(now, probe_);
  transmits_.push_back({{config_.server, kPortMappingServerPort},
                        BuildPcpRequest({.client = config_.client})});
}

void PcpClient::SendMapping(Instant now, const PortMappingKey& key,
                            Entry& entry) {
  const IpAddress any = UnspecifiedLike(config_.client);
  PcpRequest request{
      .client = config_.client,
      .lifetime = ToSeconds(config_.lifetime),
      .mapping = PcpMapping{.nonce = entry.nonce,
                            .protocol = std::to_underlying(key.protocol),
                            .internal_port = key.internal_port,
                            .external = entry.suggested,
                            .remote = key.remote}};
  request.prefer_failure = config_.prefer_failure && !key.remote;
  if (entry.is_leaving) {
    request.lifetime = 0;
    request.mapping->external = {any, 0};
    request.prefer_failure = false;  // section 13.2
    NoteSent(now, entry.retry);
  } else if (entry.external && !entry.is_lost) {
    request.mapping->external = *entry.external;
    ++entry.renewals;
    ScheduleRenewal(now, entry);
  } else {
    NoteSent(now, entry.retry);
  }
  entry.asked = now;
  transmits_.push_back(
      {{config_.server, kPortMappingServerPort}, BuildPcpRequest(request)});
}

/// Section 11.2.1: at 1/2 to 5/8, 3/4 to 3/4 + 1/16, 7/8 to 7/8 + 1/32, ...
void PcpClient::ScheduleRenewal(Instant now, Entry& entry) {
  const int step = std::min(entry.renewals + 1, 30);
  const Duration left = entry.lifetime / (int64_t{1} << step);
  const Instant window = entry.granted + entry.lifetime - left;
  entry.retry.due = std::max(window + RandomBelow(left / 4 + Duration(1)),
                             now + kShortestRenewal);
}

void PcpClient::NoteAnswer() {
  probe_ = {};
  if (!std::exchange(has_answered_, true)) {
    events_.emplace_back(ServiceAnswered{});
  }
}

void PcpClient::HandleMapping(Instant now, const PcpResponse& response) {
  const PcpMapping& mapping = *response.mapping;
  const PortMappingKey key{
      .protocol = static_cast<MappedProtocol>(mapping.protocol),
      .internal_port = mapping.internal_port,
      .remote = mapping.remote};
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.nonce != mapping.nonce) {
    return;  // not even its epoch counts (section 8.3)
  }
  CheckEpoch(now, response);
  NoteAnswer();
  Entry& entry = found->second;
  const bool is_deletion = response.is_success() && response.lifetime == 0;
  const bool is_grant = response.is_success() && !is_deletion;
  const bool is_opposite =
      entry.is_leaving ? is_grant : entry.was_leaving && is_deletion;
  if (is_opposite) {
    return;  // a late answer to the opposite request
  }
  if (entry.is_leaving) {
    entries_.erase(found);
    events_.emplace_back(MappingRemoved{key});
  } else if (is_grant && mapping.external.port != 0) {
    Grant(now, key, entry, response);
  } else {
    Refuse(now, key, entry, response);  // also what is granted for no time
  }
}

void PcpClient::Grant(Instant now, const PortMappingKey& key, Entry& entry,
                      const PcpResponse& response) {
  entry.external = response.mapping->external;
  entry.lifetime = seconds(std::min(response.lifetime, kLongestLifetime));
  entry.granted = now;
  entry.is_lost = false;
  entry.was_leaving = false;
  entry.renewals = 0;
  entry.retry.sent = 0;
  ScheduleRenewal(now, entry);
  if (entry.external->address != external_address_) {
    external_address_ = entry.external->address;
    events_.emplace_back(GatewayAddress{*external_address_});
  }
  events_.emplace_back(MappingGranted{key, *entry.external, entry.lifetime});
}

void PcpClient::Refuse(Instant now, const PortMappingKey& key, Entry& entry,
                       const PcpResponse& response) {
  entry.external.reset();
  RequestAt(now, entry.retry,
            std::clamp<Duration>(seconds(response.lifetime), kShortestError,
                                 kLongestError));
  events_.emplace_back(MappingFailed{key, ErrorOf(response.result)});
}

void PcpClient::Fail(PortMappingError error) {
  probe_ = {};
  has_answered_ = false;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    entry->second.retry = {};
    if (entry->second.is_leaving) {
      events_.emplace_back(MappingRemoved{entry->first});
      entry = entries_.erase(entry);
    } else {
      ++entry;
    }
  }
  events_.emplace_back(ServiceFailed{error});
}

void PcpClient::CheckEpoch(Instant now, const PcpResponse& response) {
  const bool is_valid = IsEpochValid(now, response.epoch);
  epoch_ = Epoch{response.epoch, now};
  if (is_valid) {
    return;
  }
  // What comes unasked came to others in the same moment.
  const bool is_unasked =
      response.opcode == PcpOpcode::kAnnounce && !probe_.due;
  const Duration bound = is_unasked ? kMaxRestartDelay : Duration{};
  const Instant opens = restart_gate_.NoteRestart(now);
  events_.emplace_back(GatewayRestarted{});
  for (auto& [key, entry] : entries_) {
    if (entry.is_leaving) {
      continue;
    }
    if (entry.external) {  // asked for as before, but as a new one
      entry.suggested = *entry.external;
      entry.is_lost = true;
    }
    RequestAt(opens, entry.retry, RandomBelow(bound));
  }
}

/// Section 8.5.
bool PcpClient::IsEpochValid(Instant now, uint32_t epoch) const {
  if (!epoch_) {
    return true;
  }
  const int64_t previous = epoch_->value;
  const int64_t current = epoch;
  if (current < previous - 1) {
    return false;
  }
  const int64_t client_delta =
      std::chrono::duration_cast<seconds>(now - epoch_->seen).count();
  const int64_t server_delta = current - previous;
  return client_delta + 2 >= server_delta - server_delta / 16 &&
         server_delta + 2 >= client_delta - client_delta / 16;
}

Duration PcpClient::RandomBelow(Duration bound) {
  return Duration(static_cast<Duration::rep>(
      rng_.Below(static_cast<uint64_t>(bound.count()))));
}

std::optional<Transmit> PcpClient::PollTransmit() {
  return TakeFront(transmits_);
}

std::optional<PortMappingClientEvent> PcpClient::PollEvent() {
  return TakeFront(events_);
}

std::optional<Instant> PcpClient::NextTimeout() const {
  if (!transmits_.empty() || !events_.empty()) {
    return last_now_;
  }
  std::optional<Instant> next = probe_.due;
  const auto consider = [&](const std::optional<Instant>& at) {
    if (at && (!next || *at < *next)) {
      next = at;
    }
  };
  for (const auto& [key, entry] : entries_) {
    consider(entry.retry.due);
    if (entry.external) {
      consider(entry.granted + entry.lifetime);
    }
  }
  return next;
}

bool PcpClient::is_idle() const {
  return std::ranges::none_of(
      entries_, [](const auto& item) { return item.second.is_leaving; });
}

}  // namespace natkit::nat
