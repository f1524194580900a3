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
  const auto before = std::exchange(health_, {});
  const std::set<Endpoint> own(config.own.begin(), config.own.end());
  routes_.clear();
  for (const SplitRoute& route : config.routes) {
    if (const auto suffix = Name::FromText(route.suffix)) {
      routes_[*suffix] = Admit(route.resolvers, own);
    }
  }
  default_ = Admit(config.resolvers, own);
  for (auto& [upstream, health] : health_) {
    if (const auto old = before.find(upstream); old != before.end()) {
      health = old->second;
    }
  }
}

std::vector<Endpoint> Upstreams::Admit(const std::vector<Endpoint>& resolvers,
                                       const std::set<Endpoint>& own) {
  std::vector<Endpoint> admitted;
  for (const Endpoint& resolver : resolvers) {
    const bool is_usable = resolver.port != 0 &&
                           !resolver.address.is_unspecified() &&
                           !own.contains(resolver);
    if (is_usable && std::ranges::find(admitted, resolver) == admitted.end()) {
      admitted.push_back(resolver);
      health_.try_emplace(resolver);
    }
  }
  return admitted;
}

const std::vector<Endpoint>& Upstreams::Match(const Name& name) const {
  for (Name at = name;; at = at.Parent()) {
    if (const auto route = routes_.find(at); route != routes_.end()) {
      return route->second;
    }
    if (at.is_root()) {
      return default_;
    }
  }
}

std::vector<Endpoint> Upstreams::Choose(const Name& name, Instant now) const {
  std::multimap<Instant, Endpoint> by_rest;  // keeps the order of equals
  for (const Endpoint& upstream : Match(name)) {
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
