#include "admin_json.h"

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <string>
#include <variant>
#include <vector>

#include "rfc3339.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

template <class List>
json Texts(const List& list) {
  json out = json::array();
  for (const auto& item : list) {
    out.push_back(item.ToString());
  }
  return out;
}

json TimeOrNull(const std::optional<mesh::WallTime>& time) {
  return time ? json(FormatTime(*time)) : json();
}

json ToJson(const mesh::Attributes& attributes) {
  json out = json::object();
  for (const auto& [name, value] : attributes) {
    std::visit([&](const auto& known) { out[name] = known; }, value);
  }
  return out;
}

std::string StateOf(const mesh::Registry& registry,
                    const mesh::NodeRecord& node, mesh::WallTime now) {
  if (node.status == mesh::NodeStatus::kPendingApproval) {
    return "waits for approval";
  }
  if (!registry.IsServing(now, node)) {
    return "expired";
  }
  return registry.is_online(node.id) ? "online" : "offline";
}

std::string_view NameOf(mesh::AuthKeyState state) {
  switch (state) {
    case mesh::AuthKeyState::kGood:
      return "good";
    case mesh::AuthKeyState::kRevoked:
      return "revoked";
    case mesh::AuthKeyState::kExpired:
      return "expired";
    case mesh::AuthKeyState::kUsedUp:
      return "used up";
  }
  return "";
}

}  // namespace

std::string FormatTime(mesh::WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const size_t size =
      std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

std::optional<mesh::WallTime> ParseTime(std::string_view text,
                                        mesh::WallTime now) {
  if (const auto moment = ParseRfc3339(text)) {
    return mesh::WallTime(std::chrono::seconds(*moment));
  }
  const auto ago = ParseDuration(text);
  return ago ? std::optional<mesh::WallTime>(now - *ago) : std::nullopt;
}

std::optional<std::chrono::seconds> ParseDuration(std::string_view text) {
  uint32_t count = 0;
  const auto [unit, error] =
      std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || unit + 1 != text.data() + text.size()) {
    return std::nullopt;
  }
  switch (*unit) {
    case 's':
      return std::chrono::seconds(count);
    case 'm':
      return std::chrono::minutes(count);
    case 'h':
      return std::chrono::hours(count);
    case 'd':
      return std::chrono::days(count);
    default:
      return std::nullopt;
  }
}

json ToJson(const mesh::UserRecord& user) {
  return {{"user", user.name},
          {"roles", user.roles},
          {"created", FormatTime(user.created)}};
}

json ToJson(const mesh::Registry& registry, const mesh::NodeRecord& node,
            mesh::WallTime now) {
  return {{"id", node.id},
          {"name", node.name},
          {"state", StateOf(registry, node, now)},
          {"code", node.approval_code},
          {"user", node.owner.is_tagged() ? "" : node.owner.user},
          {"tags", node.owner.tags},
          {"addresses", Texts(node.addresses)},
          {"node_key", node.keys.node_key.ToBase64()},
          {"host_name", node.host_name},
          {"software", node.software},
          {"advertised", Texts(node.advertised)},
          {"approved", Texts(node.approved)},
          {"offers_exit", node.offers_exit},
          {"exit_approved", node.is_exit_approved},
          {"ephemeral", node.is_ephemeral},
          {"attributes", ToJson(node.attributes)},
          {"created", FormatTime(node.created)},
          {"key_expiry", TimeOrNull(node.key_expiry)}};
}

json ToJson(const mesh::AuthKeyRecord& key, mesh::WallTime now) {
  return {{"id", key.id},
          {"state", NameOf(mesh::StateOf(key, now))},
          {"user", key.owner.user},
          {"tags", key.owner.tags},
          {"reusable", key.is_reusable},
          {"ephemeral", key.is_ephemeral},
          {"preapproved", key.is_preapproved},
          {"uses", key.uses},
          {"revoked", key.is_revoked},
          {"expiry", TimeOrNull(key.expiry)},
          {"created_by", key.created_by},
          {"description", key.description}};
}

json ToJson(const mesh::ApiTokenRecord& token, mesh::WallTime now) {
  return {{"id", token.id},
          {"state", mesh::HasExpired(token.expiry, now) ? "expired" : "good"},
          {"scopes", token.scopes},
          {"created", FormatTime(token.created)},
          {"expiry", TimeOrNull(token.expiry)},
          {"description", token.description}};
}

json ToJson(const mesh::DnsInfo& dns) {
  json routes = json::array();
  for (const mesh::DnsRouteInfo& route : dns.routes) {
    routes.push_back(
        {{"suffix", route.suffix}, {"resolvers", Texts(route.resolvers)}});
  }
  json records = json::array();
  for (const mesh::DnsRecordInfo& record : dns.records) {
    records.push_back(
        {{"name", record.name}, {"address", record.address.ToString()}});
  }
  return {{"domain", dns.domain},
          {"resolvers", Texts(dns.resolvers)},
          {"search", dns.search},
          {"routes", std::move(routes)},
          {"records", std::move(records)}};
}

json ToJson(const mesh::RelayRecord& relay) {
  return {{"id", relay.id},
          {"name", relay.info.name},
          {"host", relay.info.host},
          {"port", relay.info.port},
          {"pin", relay.info.pin},
          {"plain", relay.info.is_plain},
          {"stun_port", relay.info.stun_port}};
}

json ToJson(const mesh::StoreEvent& event) {
  return {
      {"sequence", event.sequence},
      {"time",
       FormatTime(mesh::WallTime(std::chrono::milliseconds(event.unix_ms)))},
      {"type", event.type},
      {"actor", event.actor},
      {"subject", event.subject},
      {"detail", event.detail}};
}

}  // namespace natkit::coordd
