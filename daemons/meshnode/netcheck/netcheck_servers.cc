#include "netcheck/netcheck_servers.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "control/json_text.h"
#include "natkit/nat/stun_survey.h"

namespace natkit::meshnode {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxServers = stun::Survey::kMaxServers;

/// 0 for what is no number of `T`.
template <class T>
T Number(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) {
    return 0;
  }
  const auto value = found->get<uint64_t>();
  return value > std::numeric_limits<T>::max() ? T{0} : static_cast<T>(value);
}

bool IsTrue(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

shell::ServerName ServerFrom(const Json& object) {
  return {.host = RawText(object, "host"),
          .port = Number<uint16_t>(object, "port")};
}

/// Calls `take` with the objects of a list that name a server.
template <class Take>
void ForEachServer(const Json& json, const char* key, Take take) {
  const auto list = json.find(key);
  if (list == json.end() || !list->is_array()) {
    return;
  }
  size_t taken = 0;
  for (const Json& item : *list) {
    if (item.is_object() && !ServerFrom(item).host.empty() &&
        ServerFrom(item).port != 0 && taken < kMaxServers) {
      take(item);
      ++taken;
    }
  }
}

}  // namespace

NetcheckServers ServersOf(const mesh::MeshFile& mesh) {
  NetcheckServers servers;
  for (const mesh::RelayEntry& relay : mesh.relays) {
    servers.relays.push_back({.name = relay.name,
                              .server = {relay.host, relay.port},
                              .stun_port = relay.stun_port});
  }
  for (const mesh::StunEntry& stun : mesh.stun_servers) {
    servers.stun_servers.push_back({stun.host, stun.port});
  }
  return servers;
}

std::string FormatServers(const NetcheckServers& servers) {
  Json out;
  out["relays"] = Json::array();
  for (const NetcheckRelay& relay : servers.relays) {
    out["relays"].push_back({{"name", relay.name},
                             {"host", relay.server.host},
                             {"port", relay.server.port},
                             {"stun_port", relay.stun_port},
                             {"home", relay.is_home}});
  }
  out["stun_servers"] = Json::array();
  for (const shell::ServerName& server : servers.stun_servers) {
    out["stun_servers"].push_back(
        {{"host", server.host}, {"port", server.port}});
  }
  out["fwmark"] = servers.fwmark;
  out["exit"] = servers.has_exit;
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

shell::Outcome<NetcheckServers> ParseServers(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) {
    return std::unexpected(
        std::string("the node sent an answer that is not understood"));
  }
  NetcheckServers servers;
  ForEachServer(object, "relays", [&servers](const Json& item) {
    servers.relays.push_back({.name = RawText(item, "name"),
                              .server = ServerFrom(item),
                              .stun_port = Number<uint16_t>(item, "stun_port"),
                              .is_home = IsTrue(item, "home")});
  });
  ForEachServer(object, "stun_servers", [&servers](const Json& item) {
    servers.stun_servers.push_back(ServerFrom(item));
  });
  servers.fwmark = Number<uint32_t>(object, "fwmark");
  servers.has_exit = IsTrue(object, "exit");
  return servers;
}

}  // namespace natkit::meshnode
