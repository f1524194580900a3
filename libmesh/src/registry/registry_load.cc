#include <algorithm>
#include <utility>

#include "registry/record_codec.h"
#include "registry/registry_impl.h"

namespace natkit::mesh {

namespace {

constexpr std::string_view kMesh = "mesh";
constexpr std::string_view kNode = "node";
constexpr std::string_view kUser = "user";
constexpr std::string_view kAuthKey = "auth_key";
constexpr std::string_view kApiToken = "api_token";
constexpr std::string_view kTombstone = "tombstone";
constexpr std::string_view kFormerKey = "former_key";
constexpr std::string_view kReleased = "released_address";
constexpr std::string_view kRoutePrimary = "route_primary";
constexpr std::string_view kPolicy = "policy";
constexpr std::string_view kRelay = "relay";
constexpr std::string_view kOnly = "only";

/// Decodes and stores under the record's own key.
template <class Record, class Map, class KeyOf>
bool LoadInto(const StoreRecord& from, Map& map, KeyOf key_of) {
  Record record;
  if (!DecodeRecord(from.value, record)) {
    return false;
  }
  auto key = key_of(record);
  map.insert_or_assign(std::move(key), std::move(record));
  return true;
}

template <class Map, class Key>
std::optional<std::vector<uint8_t>> EncodeFrom(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? std::nullopt
                            : std::optional(EncodeRecord(found->second));
}

uint64_t ToNumber(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 10);
}

}  // namespace

std::expected<void, std::string> Registry::Impl::Load(WallTime now) {
  const auto records = store_.LoadAll();
  if (!records) {
    return std::unexpected(store_.last_error());
  }
  for (const StoreRecord& record : *records) {
    if (auto loaded = LoadRecord(record, now); !loaded) {
      return loaded;
    }
  }
  if (mesh.last_node == 0 && mesh.ipv4 == IpPrefix()) {
    MakeMesh(now);
  }
  pool_.emplace(mesh.ipv4, mesh.ipv6);
  IndexAll();
  ForgetReleased(now);
  return {};
}

std::expected<void, std::string> Registry::Impl::LoadRecord(
    const StoreRecord& record, WallTime) {
  const auto by_id = [](const auto& value) { return value.id; };
  const auto by_name_of = [](const auto& value) { return value.name; };
  bool is_good = true;
  if (record.kind == kNode) {
    is_good = LoadInto<NodeRecord>(record, nodes, by_id);
  } else if (record.kind == kUser) {
    is_good = LoadInto<UserRecord>(record, users, by_name_of);
  } else if (record.kind == kAuthKey) {
    is_good = LoadInto<AuthKeyRecord>(record, auth_keys, by_id);
  } else if (record.kind == kApiToken) {
    is_good = LoadInto<ApiTokenRecord>(record, api_tokens, by_id);
  } else if (record.kind == kTombstone) {
    is_good = LoadInto<TombstoneRecord>(record, tombstones, by_id);
  } else if (record.kind == kRelay) {
    is_good = LoadInto<RelayRecord>(record, relays, by_id);
  } else if (record.kind == kFormerKey) {
    FormerKeyRecord former;
    is_good = DecodeRecord(record.value, former).has_value();
    former_keys_.Add(former);
  } else if (record.kind == kReleased) {
    is_good = LoadInto<ReleasedAddress>(
        record, released_, [](const auto& value) { return value.address; });
  } else if (record.kind == kRoutePrimary) {
    is_good = LoadInto<RoutePrimaryRecord>(
        record, route_primaries,
        [](const auto& value) { return value.prefix; });
  } else if (record.kind == kPolicy) {
    is_good = DecodeRecord(record.value, policy.emplace()).has_value();
  } else if (record.kind == kMesh) {
    is_good = DecodeRecord(record.value, mesh).has_value();
  }
  if (!is_good) {
    return std::unexpected("the store's record \"" + record.kind + " " +
                           record.key + "\" cannot be read");
  }
  return {};
}

void Registry::Impl::MakeMesh(WallTime now) {
  mesh.name = config_.mesh_name;
  mesh.ipv4 = config_.ipv4;
  mesh.ipv6 = config_.ipv6;
  mesh.dns.domain = config_.domain;
  rng_.Fill(mesh.digest_key);
  DirtyMesh();
  Note({.now = now,
        .type = "mesh_created",
        .actor = "coordd",
        .subject = mesh.name});
}

void Registry::Impl::IndexAll() {
  for (const auto& [address, record] : released_) {
    pool_->Release({address}, record.released);
    resting_.emplace(record.released, address);
  }
  for (const auto& [id, node] : nodes) {
    Index(node);
    pool_->Reserve(node.addresses);
    moved_.insert(id);
    if (node.is_expiry_told) {
      expired_.insert(id);
    }
  }
  for (const auto& [id, tombstone] : tombstones) {
    revoked_machines_.insert(tombstone.keys.machine_key);
    revoked_keys_.insert(tombstone.keys.node_key);
    revoked_keys_.insert(tombstone.keys.signalling_key);
    if (tombstone.next_key) {
      revoked_keys_.insert(*tombstone.next_key);
    }
  }
}

void Registry::Impl::Index(const NodeRecord& node) {
  by_name[node.name] = node.id;
  by_machine[node.keys.machine_key] = node.id;
  for (const IpAddress& address : node.addresses) {
    by_address[address] = node.id;
  }
  keys_in_use_.insert(node.keys.node_key);
  keys_in_use_.insert(node.keys.signalling_key);
  if (node.next_key) {
    keys_in_use_.insert(*node.next_key);
  }
}

void Registry::Impl::Note(Event event) {
  events_.push_back({.unix_ms = event.now.time_since_epoch().count(),
                     .type = std::string(event.type),
                     .actor = std::string(event.actor),
                     .subject = std::move(event.subject),
                     .detail = std::move(event.detail)});
}

void Registry::Impl::Dirty(std::string_view kind, std::string key) {
  dirty_.emplace(kind, std::move(key));
}

void Registry::Impl::DirtyNode(NodeId node) {
  Dirty(kNode, std::to_string(node));
  changes.nodes.insert(node);
  moved_.insert(node);
}

void Registry::Impl::DirtyMesh() {
  Dirty(kMesh, std::string(kOnly));
}

std::optional<std::vector<uint8_t>> Registry::Impl::Encode(
    const RecordName& name) const {
  const auto& [kind, key] = name;
  if (kind == kNode) {
    return EncodeFrom(nodes, ToNumber(key));
  }
  if (kind == kUser) {
    return EncodeFrom(users, key);
  }
  if (kind == kAuthKey) {
    return EncodeFrom(auth_keys, key);
  }
  if (kind == kApiToken) {
    return EncodeFrom(api_tokens, key);
  }
  if (kind == kTombstone) {
    return EncodeFrom(tombstones, ToNumber(key));
  }
  if (kind == kRelay) {
    return EncodeFrom(relays, ToNumber(key));
  }
  if (kind == kFormerKey) {
    const auto public_key = PublicKey::FromBase64(key);
    const FormerKeyRecord* record =
        public_key ? former_keys_.Find(*public_key) : nullptr;
    return record ? std::optional(EncodeRecord(*record)) : std::nullopt;
  }
  if (kind == kReleased) {
    const auto address = IpAddress::Parse(key);
    return address ? EncodeFrom(released_, *address) : std::nullopt;
  }
  if (kind == kRoutePrimary) {
    const auto prefix = IpPrefix::Parse(key);
    return prefix ? EncodeFrom(route_primaries, *prefix) : std::nullopt;
  }
  if (kind == kPolicy) {
    return policy ? std::optional(EncodeRecord(*policy)) : std::nullopt;
  }
  return EncodeRecord(mesh);
}

Result<void> Registry::Impl::Commit() {
  if (!has_uncommitted()) {
    return {};
  }
  StoreBatch batch{.events = events_};
  for (const RecordName& name : dirty_) {
    if (auto value = Encode(name)) {
      batch.puts.push_back(
          {.kind = name.first, .key = name.second, .value = *std::move(value)});
    } else {
      batch.deletes.push_back(name);
    }
  }
  if (auto committed = store_.Commit(batch); !committed) {
    return committed;
  }
  dirty_.clear();
  events_.clear();
  return {};
}

}  // namespace natkit::mesh
