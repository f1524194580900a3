#include "agent/base_choice.h"

#include <algorithm>
#include <tuple>

namespace natkit::c {

std::vector<Endpoint> ChooseBases(
    const std::vector<io::InterfaceAddress>& addresses,
    const BaseOptions& options) {
  std::vector<Endpoint> usable;
  std::vector<Endpoint> loopback;
  for (const io::InterfaceAddress& item : addresses) {
    const IpAddress& ip = item.address;
    const auto& bound = ip.is_v4() ? options.v4 : options.v6;
    if (!bound || (ip.is_v6() && ip.is_link_local())) {
      continue;
    }
    if (bound->address.is_unspecified() || bound->address == ip) {
      const bool is_local = ip.is_loopback() || item.is_loopback;
      (is_local ? loopback : usable).push_back({ip, bound->port});
    }
  }
  if (usable.empty() || options.uses_loopback) {
    usable.insert(usable.end(), loopback.begin(), loopback.end());
  }
  std::ranges::sort(usable, {}, [&](const Endpoint& base) {
    const auto source = std::ranges::find(options.sources, base.address);
    const bool is_inner = base.address.is_private() ||
                          base.address.is_link_local() ||
                          base.address.is_loopback();
    return std::tuple(source == options.sources.end(), is_inner, base);
  });
  const auto repeats = std::ranges::unique(usable);
  usable.erase(repeats.begin(), repeats.end());
  if (usable.size() > kMaxBases) {
    usable.resize(kMaxBases);
  }
  return usable;
}

}  // namespace natkit::c
