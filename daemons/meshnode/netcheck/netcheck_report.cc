#include "netcheck/netcheck_report.h"

#include <algorithm>

namespace natkit::meshnode {

namespace {

/// One of the pair of servers at different addresses that both answered: do
/// they agree?
struct Agreement {
  bool agree = false;
  bool differ = false;
};

Agreement Compare(const std::vector<stun::SurveyedServer>& servers) {
  Agreement out;
  for (const stun::SurveyedServer& one : servers) {
    for (const stun::SurveyedServer& other : servers) {
      if (one.mapped && other.mapped &&
          one.server.address != other.server.address) {
        (one.mapped == other.mapped ? out.agree : out.differ) = true;
      }
    }
  }
  return out;
}

}  // namespace

std::optional<Duration> RelayReach::Latency() const {
  if (udp_v4 && udp_v6) {
    return std::min(*udp_v4, *udp_v6);
  }
  const auto& udp = udp_v4 ? udp_v4 : udp_v6;
  return udp ? udp : tcp;
}

bool FamilyReach::is_open() const {
  return std::ranges::any_of(
      servers, [](const auto& server) { return server.mapped.has_value(); });
}

std::vector<Endpoint> FamilyReach::Seen() const {
  std::vector<Endpoint> seen;
  for (const stun::SurveyedServer& server : servers) {
    if (server.mapped) {
      seen.push_back(*server.mapped);
    }
  }
  std::ranges::sort(seen);
  const auto repeats = std::ranges::unique(seen);
  seen.erase(repeats.begin(), repeats.end());
  return seen;
}

std::optional<bool> FamilyReach::Varies() const {
  const Agreement found = Compare(servers);
  if (found.differ) {
    return true;
  }
  // One server with two addresses shows more than several that agree.
  if (traits.mapping) {
    return *traits.mapping != nat::Dependence::kEndpointIndependent;
  }
  return found.agree ? std::optional(false) : std::nullopt;
}

std::optional<bool> NetcheckReport::HasUdp() const {
  if (v4.servers.empty() && v6.servers.empty()) {
    return std::nullopt;
  }
  return v4.is_open() || v6.is_open();
}

const RelayReach* NetcheckReport::Preferred() const {
  const RelayReach* best = nullptr;
  for (const RelayReach& relay : relays) {
    const auto latency = relay.Latency();
    if (latency && (best == nullptr || *latency < *best->Latency())) {
      best = &relay;
    }
  }
  return best;
}

}  // namespace natkit::meshnode
