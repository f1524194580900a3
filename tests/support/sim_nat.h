#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"

namespace natkit::sim {

/// What a mapping or a filter depends on (RFC 4787 sections 4.1 and 5).
enum class Dependence : uint8_t {
  kEndpointIndependent,
  kAddressDependent,
  kAddressAndPortDependent,
};

/// How one simulated NAT behaves.
struct NatBehavior {
  Dependence mapping = Dependence::kEndpointIndependent;
  Dependence filtering = Dependence::kAddressAndPortDependent;
  /// A mapping without outbound packets for this long is gone.
  Duration lifetime = std::chrono::seconds(120);
  bool hairpin = false;
  /// Off: a firewall; addresses and ports stay what they are.
  bool translates = true;
};

/// A small NAT for tests: one external address, random free ports.
///
/// Enough to decide which pairs can be punched. netsim has the thorough one.
class SimNat {
 public:
  SimNat(IpAddress external, NatBehavior behavior, Rng& rng)
      : external_(external), behavior_(behavior), rng_(rng) {}

  /// The source that the outside sees; creates or refreshes the mapping.
  Endpoint Outbound(Instant now, const Endpoint& inside, const Endpoint& to) {
    Mapping& mapping = FindOrMake(now, inside, to);
    mapping.expires_at = now + behavior_.lifetime;
    mapping.contacted[to] = mapping.expires_at;
    return mapping.external;
  }

  /// Where a packet to `external` goes inside; nullopt: filtered.
  [[nodiscard]] std::optional<Endpoint> Inbound(Instant now,
                                                const Endpoint& external,
                                                const Endpoint& from) const {
    const auto key = by_external_.find(external);
    if (key == by_external_.end()) {
      return std::nullopt;
    }
    const Mapping& mapping = mappings_.at(key->second);
    if (mapping.expires_at < now || !Accepts(now, mapping, from)) {
      return std::nullopt;
    }
    return key->second.inside;
  }

  [[nodiscard]] const IpAddress& external() const { return external_; }

  [[nodiscard]] const NatBehavior& behavior() const { return behavior_; }

  /// Forgets every mapping, as a reboot does.
  void Reboot() {
    mappings_.clear();
    by_external_.clear();
  }

 private:
  struct Key {
    Endpoint inside;
    Endpoint to;  // blanked as far as the mapping does not depend on it
    auto operator<=>(const Key&) const = default;
  };

  struct Mapping {
    Endpoint external;
    Instant expires_at;
    std::map<Endpoint, Instant> contacted;
  };

  [[nodiscard]] Key KeyFor(const Endpoint& inside, const Endpoint& to) const {
    switch (behavior_.mapping) {
      case Dependence::kEndpointIndependent:
        return {.inside = inside, .to = {}};
      case Dependence::kAddressDependent:
        return {.inside = inside, .to = {.address = to.address, .port = 0}};
      case Dependence::kAddressAndPortDependent:
        return {.inside = inside, .to = to};
    }
    std::unreachable();
  }

  Mapping& FindOrMake(Instant now, const Endpoint& inside, const Endpoint& to) {
    const Key key = KeyFor(inside, to);
    const auto found = mappings_.find(key);
    if (found != mappings_.end()) {
      if (found->second.expires_at >= now) {
        return found->second;
      }
      by_external_.erase(found->second.external);
      mappings_.erase(found);
    }
    const Endpoint external = behavior_.translates ? FreeEndpoint() : inside;
    by_external_.insert_or_assign(external, key);
    return mappings_[key] = {
               .external = external, .expires_at = {}, .contacted = {}};
  }

  Endpoint FreeEndpoint() {
    Endpoint external{.address = external_, .port = 0};
    do {
      external.port = static_cast<uint16_t>(1024 + rng_.Below(64512));
    } while (by_external_.contains(external));
    return external;
  }

  [[nodiscard]] bool Accepts(Instant now, const Mapping& mapping,
                             const Endpoint& from) const {
    if (behavior_.filtering == Dependence::kEndpointIndependent) {
      return true;
    }
    const bool by_port =
        behavior_.filtering == Dependence::kAddressAndPortDependent;
    for (const auto& [to, expires_at] : mapping.contacted) {
      if (expires_at >= now && to.address == from.address &&
          (!by_port || to.port == from.port)) {
        return true;
      }
    }
    return false;
  }

  IpAddress external_;
  NatBehavior behavior_;
  Rng& rng_;
  std::map<Key, Mapping> mappings_;
  std::map<Endpoint, Key> by_external_;
};

}  // namespace natkit::sim
