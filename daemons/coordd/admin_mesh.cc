#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

#include "admin_call.h"
#include "admin_json.h"
#include "natkit/mesh/registry/sqlite_store.h"
#include "natkit/tls/certificate.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

json ListRelays(const Call& call) {
  json list = json::array();
  for (const auto& [id, relay] : call.registry().relays()) {
    list.push_back(ToJson(relay));
  }
  return list;
}

json AddRelay(const Call& call) {
  const auto pin = call.Value("pin", std::string());
  if (!pin.empty() && !tls::CertificatePin::Parse(pin)) {
    throw AdminError(AdminFault::kInvalid,
                     "\"pin\" must be \"sha256-raw:\" and 64 hex digits");
  }
  const uint64_t id = OrThrow(call.registry().AddRelay(
      call.now(), call.actor(),
      {.name = call.Text("name"),
       .host = call.Text("host"),
       .port = call.Number<uint16_t>("port").value_or(443),
       .pin = pin,
       .is_plain = call.Value("plain", false),
       .stun_port = call.Number<uint16_t>("stun_port").value_or(3478)}));
  return {{"id", id}};
}

json RemoveRelay(const Call& call) {
  const std::string name = call.Text("name");
  for (const auto& [id, relay] : call.registry().relays()) {
    if (relay.info.name == name) {
      OrThrow(call.registry().RemoveRelay(call.now(), call.actor(), id));
      return Done();
    }
  }
  throw AdminError(AdminFault::kNotFound, "there is no relay \"" + name + "\"");
}

// ---- DNS -------------------------------------------------------------------

Endpoint ParseResolver(const std::string& text) {
  constexpr uint16_t kDnsPort = 53;
  if (const auto endpoint = Endpoint::Parse(text)) {
    return *endpoint;
  }
  const auto address = IpAddress::Parse(text);
  if (!address) {
    throw AdminError(AdminFault::kInvalid,
                     "\"" + text +
                         "\" is not an address like 192.0.2.53 or "
                         "192.0.2.53:5353");
  }
  return {.address = *address, .port = kDnsPort};
}

std::vector<Endpoint> ParseResolvers(const json& list) {
  std::vector<Endpoint> resolvers;
  for (const json& item : list) {
    resolvers.push_back(ParseResolver(item.get<std::string>()));
  }
  return resolvers;
}

mesh::DnsRecordInfo ParseRecord(const json& item) {
  const auto text = item.at("address").get<std::string>();
  const auto address = IpAddress::Parse(text);
  if (!address) {
    throw AdminError(AdminFault::kInvalid,
                     "\"" + text + "\" is not an address");
  }
  return {.name = item.at("name").get<std::string>(), .address = *address};
}

json GetDns(const Call& call) {
  return ToJson(call.registry().mesh().dns);
}

/// What is not said stays as it is; the domain is the mesh's.
json SetDns(const Call& call) {
  const json& given = call.request.arguments;
  mesh::DnsInfo dns = call.registry().mesh().dns;
  if (given.contains("resolvers")) {
    dns.resolvers = ParseResolvers(given.at("resolvers"));
  }
  if (given.contains("search")) {
    dns.search = given.at("search").get<std::vector<std::string>>();
  }
  if (given.contains("routes")) {
    dns.routes.clear();
    for (const json& item : given.at("routes")) {
      dns.routes.push_back({.suffix = item.at("suffix").get<std::string>(),
                            .resolvers = ParseResolvers(item.at("resolvers"))});
    }
  }
  if (given.contains("records")) {
    dns.records.clear();
    for (const json& item : given.at("records")) {
      dns.records.push_back(ParseRecord(item));
    }
  }
  OrThrow(call.registry().SetDns(call.now(), call.actor(), dns));
  return ToJson(call.registry().mesh().dns);
}

// ---- Events ----------------------------------------------------------------

[[noreturn]] void FailOfStore(const Call& call) {
  throw AdminError(AdminFault::kFailed, call.subject.store.last_error());
}

/// The number before the first event that is not older than `unix_ms`. Events
/// are in the order of time unless the clock was set back.
uint64_t FindEventsSince(const Call& call, int64_t unix_ms) {
  mesh::Store& store = call.subject.store;
  const auto last = store.LastEventSequence();
  if (!last) {
    FailOfStore(call);
  }
  uint64_t low = 0;
  uint64_t high = *last;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    const auto next = store.ListEvents(middle, 1);
    if (!next) {
      FailOfStore(call);
    }
    if (next->empty() || next->front().unix_ms >= unix_ms) {
      high = middle;
    } else {
      low = next->front().sequence;
    }
  }
  return low;
}

/// The number before the first of the newest `limit` events.
uint64_t FindNewest(const Call& call, uint64_t limit) {
  const auto last = call.subject.store.LastEventSequence();
  if (!last) {
    FailOfStore(call);
  }
  return *last - std::min(*last, limit);
}

uint64_t FirstEventOf(const Call& call, uint64_t limit) {
  const auto after = call.Number<uint64_t>("after");
  const auto since = call.Value("since", std::string());
  if (since.empty()) {
    return !after && call.Value("newest", false) ? FindNewest(call, limit)
                                                 : after.value_or(0);
  }
  const auto time = ParseTime(since, call.now());
  if (!time) {
    throw AdminError(AdminFault::kInvalid,
                     "\"" + since +
                         "\" is not a time like "
                         "2026-11-22T05:00:00Z, or 90s, 15m, 2h or 3d ago");
  }
  return std::max(after.value_or(0),
                  FindEventsSince(call, time->time_since_epoch() /
                                            std::chrono::milliseconds(1)));
}

json ListEvents(const Call& call) {
  constexpr uint64_t kMost = 1000;
  const uint64_t limit = call.NumberUpTo(kMost, "limit").value_or(kMost);
  const auto events =
      call.subject.store.ListEvents(FirstEventOf(call, limit), limit);
  if (!events) {
    FailOfStore(call);
  }
  json list = json::array();
  for (const mesh::StoreEvent& event : *events) {
    list.push_back(ToJson(event));
  }
  return list;
}

// ---- The server ------------------------------------------------------------

/// On another thread: a store may be large.
void Backup(const Call& call, AdminDone done) {
  const std::string file = call.Text("file");
  if (!file.starts_with('/')) {
    throw AdminError(AdminFault::kInvalid, "the file's path must be absolute");
  }
  using Outcome = std::expected<void, mesh::StoreFailure>;
  const auto outcome = std::make_shared<Outcome>();
  call.subject.work.Run(
      [outcome, from = call.subject.store_path, file] {
        *outcome = mesh::BackupSqlite(from, file);
      },
      [outcome, file, done = std::move(done)] {
        if (*outcome) {
          done(json{{"file", file}});
        } else {
          done(std::unexpected(AdminFailure{.fault = AdminFault::kFailed,
                                            .text = outcome->error().text}));
        }
      });
}

json Status(const Call& call) {
  const mesh::Registry& registry = call.registry();
  const auto counters = call.subject.coordinator.counters();
  const mesh::PolicyRecord* policy = registry.policy();
  return {{"mesh", registry.mesh().name},
          {"ipv4", registry.mesh().ipv4.ToString()},
          {"ipv6", registry.mesh().ipv6.ToString()},
          {"nodes", registry.nodes().size()},
          {"online", counters.streams},
          {"users", registry.users().size()},
          {"relays", registry.relays().size()},
          {"policy_revision", policy == nullptr ? 0 : policy->revision},
          {"snapshots", counters.snapshots},
          {"deltas", counters.deltas},
          {"refused_logins", counters.refused_logins}};
}

constexpr auto kVerbs = std::to_array<AdminVerb>(
    {{.name = "relays.list", .scope = "relays:read", .run = &ListRelays},
     {.name = "relays.add", .scope = "relays:write", .run = &AddRelay},
     {.name = "relays.remove", .scope = "relays:write", .run = &RemoveRelay},
     {.name = "dns.get", .scope = "dns:read", .run = &GetDns},
     {.name = "dns.set", .scope = "dns:write", .run = &SetDns},
     {.name = "events.list", .scope = "events:read", .run = &ListEvents},
     {.name = "backup", .scope = "server:write", .start = &Backup},
     {.name = "status", .scope = "server:read", .run = &Status}});

}  // namespace

std::span<const AdminVerb> MeshVerbs() {
  return kVerbs;
}

}  // namespace natkit::coordd
