#include "shell/node_shell_stun.h"

#include <algorithm>
#include <utility>

namespace natkit::meshnode {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kRefreshInterval = minutes(5);
constexpr Duration kFirstRetry = seconds(2);
constexpr Duration kLastRetry = minutes(1);

/// The first addresses of each family.
std::vector<Endpoint> Choose(const std::vector<IpAddress>& addresses,
                             uint16_t port) {
  std::vector<Endpoint> out;
  for (const IpAddress& address : addresses) {
    const auto chosen = std::ranges::count(
        out, address.family(),
        [](const Endpoint& endpoint) { return endpoint.address.family(); });
    if (chosen < static_cast<std::ptrdiff_t>(StunDirectory::kMaxPerFamily)) {
      out.push_back({address, port});
    }
  }
  return out;
}

}  // namespace

StunDirectory::StunDirectory(io::EventLoop& loop, const mesh::MeshFile& mesh,
                             Handler on_servers)
    : on_servers_(std::move(on_servers)),
      retry_(kFirstRetry),
      timer_(loop, [this] { Refresh(); }),
      resolver_(loop) {
  SetMesh(mesh);
}

void StunDirectory::SetMesh(const mesh::MeshFile& mesh) {
  std::vector<Host> old = std::exchange(hosts_, {});
  const auto add = [&](const std::string& name, uint16_t port) {
    const auto known = std::ranges::find_if(old, [&](const Host& host) {
      return host.name == name && host.port == port;
    });
    hosts_.push_back(known == old.end() ? Host{.name = name, .port = port}
                                        : std::move(*known));
  };
  for (const mesh::RelayEntry& relay : mesh.relays) {
    if (relay.stun_port != 0) {
      add(relay.host, relay.stun_port);
    }
  }
  for (const mesh::StunEntry& stun : mesh.stun_servers) {
    add(stun.host, stun.port);
  }
}

void StunDirectory::Refresh() {
  if (hosts_.empty()) {
    on_servers_({});
  }
  for (Host& host : hosts_) {
    if (!host.is_under_way) {
      host.is_under_way = true;
      resolver_.Resolve(host.name, [this, name = host.name,
                                    port = host.port](const auto& result) {
        HandleResult(name, port, result);
      });
    }
  }
}

void StunDirectory::HandleResult(const std::string& name, uint16_t port,
                                 const Result<std::vector<IpAddress>>& result) {
  const auto host = std::ranges::find_if(hosts_, [&](const Host& each) {
    return each.name == name && each.port == port;
  });
  if (host == hosts_.end()) {
    return;  // it is no server of the mesh any longer
  }
  host->is_under_way = false;
  host->has_failed = !result;
  if (result) {
    host->known = Choose(*result, port);
  }
  if (!std::ranges::any_of(hosts_, &Host::is_under_way)) {
    Tell();
  }
}

void StunDirectory::Tell() {
  const bool has_failed = std::ranges::any_of(hosts_, &Host::has_failed);
  timer_.Arm(io::EventLoop::Now() + (has_failed ? retry_ : kRefreshInterval));
  retry_ = has_failed ? std::min(retry_ * 2, kLastRetry) : kFirstRetry;
  std::vector<Endpoint> servers;
  for (const Host& each : hosts_) {
    servers.insert(servers.end(), each.known.begin(), each.known.end());
  }
  std::ranges::sort(servers);
  servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
  on_servers_(std::move(servers));
}

}  // namespace natkit::meshnode
