#include "dns/upstreams.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace natkit::dns {
namespace {

constexpr Duration kFirstRest = std::chrono::seconds(5);
constexpr int kMaxDoublings = 4;

}  // namespace

void Upstreams::Reset(const DnsConfig& config) {
  own_ = {config.own.begin(), config.own.end()};
  routes_.clear();
  for (const SplitRoute& route : config.routes) {
    if (const auto suffix = Name::FromText(route.suffix)) {
      routes_[*suffix] = Admit(route.resolvers);
    }
  }
  SetDefault(config.resolvers);
}

void Upstreams::SetDefault(const std::vector<Endpoint>& resolvers) {
  default_ = Admit(resolvers);
  RenewHealth();
}

std::vector<Endpoint> Upstreams::Admit(
    const std::vector<Endpoint>& resolvers) const {
  std::vector<Endpoint> admitted;
  for (const Endpoint& resolver : resolvers) {
    const bool is_usable = resolver.port != 0 &&
                           !resolver.address.is_unspecified() &&
                           !own_.contains(resolver);
    if (is_usable && std::ranges::find(admitted, resolver) == admitted.end()) {
      admitted.push_back(resolver);
    }
  }
  return admitted;
}

void Upstreams::RenewHealth() {
  const auto before = std::exchange(health_, {});
  const auto keep = [this, &before](const std::vector<Endpoint>& resolvers) {
    for (const Endpoint& resolver : resolvers) {
      const auto old = before.find(resolver);
      health_[resolver] = old == before.end() ? Health{} : old->second;
    }
  };
  keep(default_);
  for (const auto& [suffix, resolvers] : routes_) {
    keep(resolvers);
  }
}

Upstreams::Routes::const_iterator Upstreams::Match(const Name& name) const {
  for (Name at = name;; at = at.Parent()) {
    const auto route = routes_.find(at);
    if (route != routes_.end() || at.is_root()) {
      return route;
    }
  }
}

std::optional<Name> Upstreams::SuffixOf(const Name& name) const {
  const auto route = Match(name);
  return route == routes_.end() ? std::nullopt : std::optional(route->first);
}

std::vector<Endpoint> Upstreams::Choose(const Name& name, Instant now) const {
  const auto route = Match(name);
  std::multimap<Instant, Endpoint> by_rest;  // keeps the order of equals
  for (const Endpoint& upstream :
       route == routes_.end() ? default_ : route->second) {
    const auto health = health_.find(upstream);
    const Instant until =
        health == health_.end() ? now : health->second.rests_until;
    by_rest.emplace(std::max(now, until), upstream);
  }
  std::vector<Endpoint> chosen;
  for (const auto& [until, upstream] : by_rest) {
    chosen.push_back(upstream);
  }
  return chosen;
}

bool Upstreams::NoteFailure(const Endpoint& upstream, Instant now) {
  const auto found = health_.find(upstream);
  if (found == health_.end()) {
    return false;  // not configured any longer
  }
  Health& health = found->second;
  const int doublings = std::min(health.failures, kMaxDoublings);
  health.rests_until = now + kFirstRest * (1 << doublings);
  return health.failures++ == 0;
}

bool Upstreams::NoteSuccess(const Endpoint& upstream) {
  const auto found = health_.find(upstream);
  if (found == health_.end()) {
    return false;
  }
  return std::exchange(found->second, {}).failures != 0;
}

}  // namespace natkit::dns
