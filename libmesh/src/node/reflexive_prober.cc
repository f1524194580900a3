#include "node/reflexive_prober.h"

#include <algorithm>
#include <chrono>

#include "natkit/base/queue.h"
#include "node/earlier.h"

namespace natkit::mesh {

namespace {

// After failure: the server or the network may be back soon.
constexpr Duration kRetryInterval = std::chrono::seconds(10);

}  // namespace

void ReflexiveProber::SetBases(Instant now,
                               const std::vector<Endpoint>& bases) {
  bases_ = bases;
  Rebuild(now);
}

void ReflexiveProber::SetServers(Instant now,
                                 const std::vector<Endpoint>& servers) {
  servers_ = servers;
  Rebuild(now);
}

void ReflexiveProber::Rebuild(Instant now) {
  std::map<Key, Probe> kept;
  for (const Endpoint& base : bases_) {
    for (const Endpoint& server : servers_) {
      if (base.address.family() != server.address.family()) {
        continue;
      }
      const auto old = probes_.find({base, server});
      Probe probe;
      probe.next_start = now;
      kept.emplace(Key{base, server}, old == probes_.end()
                                          ? std::move(probe)
                                          : std::move(old->second));
    }
  }
  probes_ = std::move(kept);
  NoteChanges();
  HandleTimeout(now);
}

void ReflexiveProber::SetPower(nat::PowerMode power) {
  switch (power) {
    case nat::PowerMode::kMains:
      interval_ = std::chrono::seconds(20);
      return;
    case nat::PowerMode::kBattery:
      interval_ = std::chrono::seconds(120);
      return;
    case nat::PowerMode::kMobileIdle:
      interval_ = std::chrono::hours(1);
      return;
  }
}

void ReflexiveProber::Refresh(Instant now) {
  for (auto& [key, probe] : probes_) {
    probe.client.reset();
    probe.next_start = now;
  }
  HandleTimeout(now);
}

void ReflexiveProber::StartProbe(Instant now, const Key& key, Probe& probe) {
  if (probe.client) {
    probe.mapped.reset();  // a whole interval without an answer
    probe.has_failed = true;
    NoteChanges();
  }
  probe.next_start = now + interval_;
  // Relays' own STUN servers may answer this form of request alone.
  probe.client.emplace(key.second, rng_, stun::BindingConfig::ForDerpServer());
  probe.client->Start(now);
  Drain(now, key, probe);
}

void ReflexiveProber::HandleTimeout(Instant now) {
  for (auto& [key, probe] : probes_) {
    if (probe.client) {
      probe.client->HandleTimeout(now);
      Drain(now, key, probe);
    }
    if (now >= probe.next_start) {
      StartProbe(now, key, probe);
    }
  }
}

bool ReflexiveProber::HandleDatagram(Instant now, const Endpoint& local,
                                     const Endpoint& from, ByteView datagram) {
  const auto found = probes_.find({local, from});
  if (found == probes_.end() || !found->second.client) {
    return false;
  }
  Probe& probe = found->second;
  if (!probe.client->HandleDatagram(now, from, datagram)) {
    return false;
  }
  Drain(now, found->first, probe);
  return true;
}

void ReflexiveProber::Drain(Instant now, const Key& key, Probe& probe) {
  while (auto transmit = probe.client->PollTransmit()) {
    transmits_.push_back({key.first, std::move(*transmit)});
  }
  const auto event = probe.client->PollEvent();
  if (!event) {
    return;
  }
  probe.client.reset();
  probe.mapped = event->reflexive_address;
  probe.has_failed = !probe.mapped;
  if (!probe.mapped) {
    probe.next_start = now + kRetryInterval;
  }
  NoteChanges();
}

void ReflexiveProber::NoteUdp() {
  if (!hears_udp_) {
    hears_udp_ = true;
    NoteChanges();
  }
}

void ReflexiveProber::ForgetUdp() {
  if (hears_udp_) {
    hears_udp_ = false;
    NoteChanges();
  }
}

void ReflexiveProber::NoteChanges() {
  std::vector<ReflexiveAddress> all;
  for (const auto& [key, probe] : probes_) {
    if (probe.mapped && *probe.mapped != key.first) {
      all.push_back({*probe.mapped, key.first});
    }
  }
  std::ranges::sort(all);
  const auto repeats = std::ranges::unique(all);
  all.erase(repeats.begin(), repeats.end());
  nat::NatTraits observed = Observe();
  const bool may_be_address_dependent = MayBeAddressDependent();
  if (all != known_ || observed != observed_ ||
      may_be_address_dependent != may_be_address_dependent_) {
    known_ = std::move(all);
    observed_ = std::move(observed);
    may_be_address_dependent_ = may_be_address_dependent;
    changed_ = true;
  }
}

ReflexiveProber::Comparison ReflexiveProber::Compare() const {
  Comparison out;
  for (const auto& [key, probe] : probes_) {
    for (const auto& [other_key, other] : probes_) {
      if (other_key.first != key.first || key.second == other_key.second ||
          !key.first.address.is_v4() || !probe.mapped || !other.mapped) {
        continue;
      }
      const bool agree = *probe.mapped == *other.mapped;
      if (other_key.second.address == key.second.address) {
        (agree ? out.ports_agree : out.ports_differ) = true;
      } else {
        (agree ? out.addresses_agree : out.addresses_differ) = true;
      }
    }
  }
  return out;
}

bool ReflexiveProber::MayBeAddressDependent() const {
  const Comparison seen = Compare();
  return seen.addresses_differ && !seen.ports_differ && !seen.ports_agree;
}

std::optional<nat::Dependence> ReflexiveProber::ObserveMapping(
    std::optional<nat::Translation> translation) const {
  using nat::Dependence;
  if (translation == nat::Translation::kNone) {
    return Dependence::kEndpointIndependent;
  }
  const Comparison seen = Compare();
  if (seen.ports_differ) {
    return Dependence::kAddressAndPortDependent;
  }
  if (seen.addresses_differ) {
    return seen.ports_agree ? Dependence::kAddressDependent
                            : Dependence::kAddressAndPortDependent;
  }
  return seen.addresses_agree ? std::optional(Dependence::kEndpointIndependent)
                              : std::nullopt;
}

nat::NatTraits ReflexiveProber::Observe() const {
  nat::NatTraits traits;
  bool has_answer = false;
  bool all_failed = !probes_.empty();
  for (const auto& [key, probe] : probes_) {
    has_answer |= probe.mapped.has_value();
    all_failed &= probe.has_failed;
    if (!probe.mapped || !key.first.address.is_v4()) {
      continue;
    }
    auto& external = traits.external_addresses;
    if (std::ranges::find(external, probe.mapped->address) == external.end()) {
      external.push_back(probe.mapped->address);
    }
    traits.translation = *probe.mapped == key.first ? nat::Translation::kNone
                                                    : nat::Translation::kNapt;
  }
  traits.mapping = ObserveMapping(traits.translation);
  traits.is_udp_blocked = all_failed && !has_answer && !hears_udp_;
  return traits;
}

std::optional<ProbeTransmit> ReflexiveProber::PollTransmit() {
  return TakeFront(transmits_);
}

std::optional<std::vector<ReflexiveAddress>> ReflexiveProber::PollChange() {
  if (!changed_) {
    return std::nullopt;
  }
  changed_ = false;
  return known_;
}

std::optional<Instant> ReflexiveProber::NextTimeout() const {
  std::optional<Instant> next;
  for (const auto& [key, probe] : probes_) {
    next = Earlier(next, probe.next_start);
    next = Earlier(next,
                   probe.client ? probe.client->NextTimeout() : std::nullopt);
  }
  return next;
}

}  // namespace natkit::mesh
