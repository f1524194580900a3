#include "reload_plan.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace natkit::stunsrv {

namespace {

enum class Role : uint8_t { kUdp, kPartner, kTcp, kTls, kMetrics };

struct Listener {
  Role role = Role::kUdp;
  Endpoint local;
  bool operator==(const Listener&) const = default;

  [[nodiscard]] bool is_udp() const {
    return role == Role::kUdp || role == Role::kPartner;
  }
};

std::vector<Listener> ListenersOf(const Settings& settings) {
  std::vector<Listener> all;
  const auto add = [&all](Role role, const std::vector<Endpoint>& locals) {
    for (const Endpoint& local : locals) {
      all.push_back({role, local});
    }
  };
  add(Role::kUdp, settings.udp);
  add(Role::kTcp, settings.tcp);
  add(Role::kTls, settings.tls);
  if (settings.partner) {
    all.push_back({Role::kPartner, settings.partner->link});
  }
  if (settings.metrics) {
    all.push_back({Role::kMetrics, *settings.metrics});
  }
  return all;
}

bool Overlap(const Listener& a, const Listener& b) {
  const IpAddress& x = a.local.address;
  const IpAddress& y = b.local.address;
  return a.is_udp() == b.is_udp() && a.local.port == b.local.port &&
         (x == y || x.is_unspecified() || y.is_unspecified());
}

std::vector<Listener> Without(const std::vector<Listener>& all,
                              const std::vector<Listener>& others) {
  std::vector<Listener> out;
  std::ranges::copy_if(all, std::back_inserter(out), [&](const Listener& one) {
    return std::ranges::find(others, one) == others.end();
  });
  return out;
}

void Keep(std::vector<Endpoint>& locals, const std::vector<Endpoint>& wanted) {
  std::erase_if(locals, [&](const Endpoint& local) {
    return std::ranges::find(wanted, local) == wanted.end();
  });
}

}  // namespace

bool MustReleaseFirst(const Settings& before, const Settings& after) {
  const auto old = ListenersOf(before);
  const auto wanted = ListenersOf(after);
  const auto given_up = Without(old, wanted);
  return std::ranges::any_of(Without(wanted, old), [&](const Listener& one) {
    return std::ranges::any_of(
        given_up, [&](const Listener& other) { return Overlap(one, other); });
  });
}

Settings KeptOf(const Settings& before, const Settings& after) {
  Settings kept = before;
  Keep(kept.udp, after.udp);
  Keep(kept.tcp, after.tcp);
  Keep(kept.tls, after.tls);
  if (!after.partner ||
      (kept.partner && kept.partner->link != after.partner->link)) {
    kept.partner.reset();
  }
  if (kept.metrics != after.metrics) {
    kept.metrics.reset();
  }
  return kept;
}

}  // namespace natkit::stunsrv
