#include "join/inventory.h"

#include <utility>

namespace natkit::meshnode {

namespace {

constexpr uint64_t kMaxRelayNumber = 0xffff;

mesh::RelayEntry MakeRelay(const mesh::RelayInfo& info) {
  return {.name = info.name,
          .host = info.host,
          .port = info.port,
          .pin = info.pin,
          .is_plain = info.is_plain,
          .stun_port = info.stun_port};
}

mesh::NodeEntry MakeSelf(const mesh::SelfInfo& self) {
  return {.name = self.name,
          .public_key = self.node_key,
          .addresses = self.addresses,
          .routes = self.approved_routes};
}

}  // namespace

mesh::MeshFile MakeInventory(const mesh::NetworkMap& map,
                             const mesh::MapPlanner& planner) {
  mesh::MeshFile file;
  if (map.settings) {
    file.name = map.settings->mesh_name;
    file.mtu = map.settings->mtu;
    for (const Endpoint& server : map.settings->stun_servers) {
      file.stun_servers.push_back(
          {.host = server.address.ToString(), .port = server.port});
    }
  }
  for (const mesh::RelayConfig& relay : MakeRelays(map)) {
    file.relays.push_back(relay.entry);
  }
  file.nodes.push_back(MakeSelf(*map.self));
  for (const auto& [id, peer] : planner.peers()) {
    file.nodes.push_back(MakePeerConfig(peer).entry);
  }
  return file;
}

mesh::PeerConfig MakePeerConfig(const mesh::PlannedPeer& peer) {
  mesh::PeerConfig config{.entry = {.name = peer.name,
                                    .public_key = peer.node_key,
                                    .addresses = peer.addresses,
                                    .routes = peer.routes},
                          .next_key = peer.next_key,
                          .signalling_key = peer.signalling_key};
  if (peer.home_relay != 0 && peer.home_relay <= kMaxRelayNumber) {
    config.home_relay = static_cast<mesh::RelayId>(peer.home_relay);
  }
  return config;
}

std::vector<mesh::RelayConfig> MakeRelays(const mesh::NetworkMap& map) {
  std::vector<mesh::RelayConfig> relays;
  for (const auto& [id, info] : map.relays) {
    if (id <= kMaxRelayNumber) {
      relays.push_back(
          {.id = static_cast<mesh::RelayId>(id), .entry = MakeRelay(info)});
    }
  }
  return relays;
}

}  // namespace natkit::meshnode
