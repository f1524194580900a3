#include "control/status_field.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <utility>

namespace natkit::meshnode {

namespace {

using Phase = MembershipState::Phase;

template <class T>
Json Texts(const std::vector<T>& values) {
  Json out = Json::array();
  for (const T& value : values) {
    out.push_back(value.ToString());
  }
  return out;
}

/// "2026-05-04T03:02:01Z"
std::string TimeText(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

std::string DnsName(const std::string& name, const mesh::NetworkMap* map) {
  return map != nullptr && map->dns && !map->dns->domain.empty()
             ? name + "." + map->dns->domain
             : name;
}

/// What server and engine know alike of ourselves and of peers.
Json NodeJson(const std::string& name, const PublicKey& key,
              const std::vector<IpAddress>& addresses,
              const mesh::NetworkMap* map) {
  Json out;
  out["PublicKey"] = key.ToBase64();
  out["HostName"] = name;
  out["DNSName"] = DnsName(name, map);
  out["MeshIPs"] = Texts(addresses);
  return out;
}

Json SelfJson(const MeshStanding& standing) {
  const mesh::NetworkMap* map = standing.map;
  if (map == nullptr || !map->self) {
    return standing.engine == nullptr
               ? Json(nullptr)
               : NodeJson(standing.engine->name, standing.engine->public_key,
                          standing.engine->addresses, nullptr);
  }
  const mesh::SelfInfo& self = *map->self;
  Json out = NodeJson(self.name, self.node_key, self.addresses, map);
  out["ID"] = standing.membership == nullptr ? 0 : standing.membership->node;
  out["User"] = self.user;
  out["Tags"] = self.tags;
  out["PrimaryRoutes"] = Texts(self.approved_routes);
  out["Online"] =
      standing.membership != nullptr && standing.membership->is_connected;
  out["KeyExpiry"] = nullptr;
  if (self.key_expiry) {
    out["KeyExpiry"] =
        TimeText(std::chrono::floor<std::chrono::seconds>(*self.key_expiry));
  }
  return out;
}

void AddPath(Json& out, const mesh::PeerState& peer) {
  out["CurAddr"] = peer.path.kind == mesh::PathKind::kDirect && peer.path.remote
                       ? peer.path.remote->ToString()
                       : "";
  out["Relay"] = peer.path.relay;
  out["RxBytes"] = peer.rx_bytes;
  out["TxBytes"] = peer.tx_bytes;
  out["LastHandshake"] = nullptr;
  if (peer.last_handshake) {
    out["LastHandshake"] = TimeText(std::chrono::sys_seconds(
        std::chrono::floor<std::chrono::seconds>(*peer.last_handshake)));
  }
}

Json PeersJson(const MeshStanding& standing) {
  std::map<std::string, std::pair<mesh::NodeId, const mesh::PeerInfo*>> known;
  if (standing.map != nullptr) {
    for (const auto& [id, peer] : standing.map->peers) {
      known[peer.node_key.ToBase64()] = {id, &peer};
    }
  }
  Json out = Json::object();
  for (const mesh::PeerState& peer : standing.engine->peers) {
    const std::string key = peer.public_key.ToBase64();
    Json one =
        NodeJson(peer.name, peer.public_key, peer.addresses, standing.map);
    if (const auto found = known.find(key); found != known.end()) {
      const mesh::PeerInfo& info = *found->second.second;
      one["ID"] = found->second.first;
      one["User"] = info.user;
      one["Tags"] = info.tags;
      one["Online"] = info.is_online;
    }
    AddPath(one, peer);
    out[key] = std::move(one);
  }
  return out;
}

Json DnsJson(const DnsStanding& dns) {
  Json out;
  out["Listen"] = Texts(dns.listen);
  out["System"] = dns.system;
  out["SystemResolvers"] = Texts(dns.system_resolvers);
  return out;
}

Json HealthJson(const MeshStanding& standing) {
  Json out = Json::array();
  const MembershipState* membership = standing.membership;
  if (membership != nullptr &&
      (membership->phase != Phase::kActive || !membership->is_connected)) {
    out.push_back(standing.membership_text);
  }
  for (const std::string& trouble : standing.troubles) {
    out.push_back(trouble);
  }
  if (standing.engine != nullptr) {
    for (const mesh::RelayState& relay : standing.engine->relays) {
      if (relay.is_home && !relay.is_up) {
        out.push_back("no connection to the relay " + relay.name);
      }
    }
  }
  return out;
}

}  // namespace

std::string_view BackendStateName(const MeshStanding& standing) {
  if (standing.membership == nullptr) {
    return standing.engine == nullptr ? "Starting" : "Running";
  }
  switch (standing.membership->phase) {
    case Phase::kConnecting:
      return "Starting";
    case Phase::kPendingApproval:
      return "NeedsMachineAuth";
    case Phase::kActive:
      return standing.engine == nullptr ? "Starting" : "Running";
    case Phase::kKeyExpired:
    case Phase::kRemoved:
      return "NeedsLogin";
  }
  return "";
}

void AddFieldNames(Json& status, const MeshStanding& standing) {
  status["BackendState"] = BackendStateName(standing);
  status["Health"] = HealthJson(standing);
  const mesh::NetworkMap* map = standing.map;
  status["MeshDomain"] =
      map != nullptr && map->dns ? map->dns->domain : std::string();
  status["Self"] = SelfJson(standing);
  status["DNS"] = standing.dns ? DnsJson(*standing.dns) : Json(nullptr);
  status["ExitNode"] = nullptr;
  if (standing.exit) {
    status["ExitNode"] = {{"Name", standing.exit->name},
                          {"Usable", standing.exit->is_usable}};
  }
  status["Peer"] =
      standing.engine == nullptr ? Json(Json::object()) : PeersJson(standing);
}

}  // namespace natkit::meshnode
