#include "control/control_json.h"

#include <chrono>

namespace natkit::meshnode {

namespace {

double Milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

template <class T>
Json Strings(const std::vector<T>& values) {
  Json out = Json::array();
  for (const T& value : values) {
    out.push_back(value.ToString());
  }
  return out;
}

Json PeerToJson(const mesh::PeerState& peer) {
  Json out;
  out["name"] = peer.name;
  out["public_key"] = peer.public_key.ToBase64();
  out["addresses"] = Strings(peer.addresses);
  out["path"] = PathToJson(peer.path);
  out["suspect"] = peer.is_suspect;
  out["resting"] = peer.is_resting;
  out["keepalive_s"] = nullptr;
  if (peer.keepalive_interval) {
    out["keepalive_s"] = Seconds(*peer.keepalive_interval);
  }
  out["last_handshake_unix"] = nullptr;
  if (peer.last_handshake) {
    out["last_handshake_unix"] =
        std::chrono::floor<std::chrono::seconds>(*peer.last_handshake).count();
  }
  out["rx_bytes"] = peer.rx_bytes;
  out["tx_bytes"] = peer.tx_bytes;
  return out;
}

std::string_view StateName(nat::PortMappingAttempt::State state) {
  switch (state) {
    case nat::PortMappingAttempt::State::kOff:
      return "off";
    case nat::PortMappingAttempt::State::kAsking:
      return "asking";
    case nat::PortMappingAttempt::State::kAnswered:
      return "answered";
    case nat::PortMappingAttempt::State::kFailed:
      return "failed";
  }
  return "";
}

Json PortMappingToJson(const mesh::PortMappingState& state) {
  Json out;
  out["enabled"] = state.is_enabled;
  out["service"] = nullptr;
  if (state.service) {
    out["service"] = nat::PortMappingServiceName(*state.service);
  }
  out["router"] = nullptr;
  if (state.router) {
    out["router"] = state.router->ToString();
  }
  out["mappings"] = Json::array();
  for (const nat::PortMapping& mapping : state.mappings) {
    out["mappings"].push_back(
        {{"internal_port", mapping.key.internal_port},
         {"external", mapping.external.ToString()},
         {"service", nat::PortMappingServiceName(mapping.service)},
         {"standing", nat::MappingStandingName(mapping.standing)}});
  }
  out["attempts"] = Json::array();
  for (const nat::PortMappingAttempt& attempt : state.attempts) {
    Json one{{"service", nat::PortMappingServiceName(attempt.service)},
             {"state", StateName(attempt.state)},
             {"error", nullptr}};
    if (attempt.state == nat::PortMappingAttempt::State::kFailed) {
      one["error"] = nat::PortMappingErrorName(attempt.error);
    }
    out["attempts"].push_back(std::move(one));
  }
  out["error"] = nullptr;
  out["error_text"] = nullptr;
  if (state.error) {
    out["error"] = nat::PortMappingErrorName(*state.error);
    out["error_text"] = nat::DescribePortMappingError(*state.error);
  }
  return out;
}

Json CountersToJson(const mesh::NodeCounters& counters) {
  Json out;
  out["dropped_unknown_datagrams"] = counters.dropped_unknown_datagrams;
  out["dropped_foreign_stun"] = counters.dropped_foreign_stun;
  out["dropped_unknown_senders"] = counters.dropped_unknown_senders;
  out["dropped_bad_signals"] = counters.dropped_bad_signals;
  out["dropped_replayed_signals"] = counters.dropped_replayed_signals;
  out["dropped_no_relay"] = counters.dropped_no_relay;
  out["sent_direct"] = counters.sent_direct;
  out["sent_relayed"] = counters.sent_relayed;
  out["fresh_sockets"] = counters.fresh_sockets;
  out["resent"] = counters.resent;
  out["hard_attempts"] = counters.hard_attempts;
  out["hard_datagrams"] = counters.hard_datagrams;
  out["received_direct"] = counters.received_direct;
  out["received_relayed"] = counters.received_relayed;
  out["peer_visits"] = counters.peer_visits;
  return out;
}

}  // namespace

Json PathToJson(const mesh::Path& path) {
  Json out;
  out["kind"] = mesh::PathKindName(path.kind);
  out["relay"] = nullptr;
  out["remote"] = nullptr;
  out["local"] = nullptr;
  out["rtt_ms"] = nullptr;
  out["loss"] = nullptr;
  if (path.kind == mesh::PathKind::kRelay) {
    out["relay"] = path.relay;
  }
  if (path.remote) {
    out["remote"] = path.remote->ToString();
  }
  if (path.local) {
    out["local"] = path.local->ToString();
  }
  if (path.rtt) {
    out["rtt_ms"] = Milliseconds(*path.rtt);
  }
  if (path.loss) {
    out["loss"] = *path.loss;
  }
  return out;
}

Json StatusToJson(const mesh::NodeState& state,
                  const mesh::NodeCounters& counters) {
  Json out;
  out["mesh"] = state.mesh;
  out["name"] = state.name;
  out["public_key"] = state.public_key.ToBase64();
  out["addresses"] = Strings(state.addresses);
  out["local_endpoints"] = Strings(state.local_endpoints);
  out["reflexive"] = Strings(state.reflexive);
  out["mapping_lifetime_s"] = nullptr;
  if (state.mapping_lifetime) {
    out["mapping_lifetime_s"] = Seconds(*state.mapping_lifetime);
  }
  out["port_mapping"] = PortMappingToJson(state.port_mapping);
  out["relays"] = Json::array();
  for (const mesh::RelayState& relay : state.relays) {
    out["relays"].push_back(
        {{"name", relay.name}, {"up", relay.is_up}, {"home", relay.is_home}});
  }
  out["peers"] = Json::array();
  for (const mesh::PeerState& peer : state.peers) {
    out["peers"].push_back(PeerToJson(peer));
  }
  out["counters"] = CountersToJson(counters);
  return out;
}

}  // namespace natkit::meshnode
