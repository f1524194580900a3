#include "registry/record_codec.h"

#include <optional>
#include <utility>

#include "control/proto_support.h"
#include "natkit/base/check.h"
#include "proto/registry.pb.h"

namespace natkit::mesh {

namespace {

namespace disk = registry::proto;

constexpr size_t kAny = size_t{1} << 20;  // our own disk: no bound of a peer's

template <class Message>
std::vector<uint8_t> Serialize(const Message& message) {
  std::vector<uint8_t> out(message.ByteSizeLong());
  NATKIT_CHECK(
      message.SerializeToArray(out.data(), static_cast<int>(out.size())));
  return out;
}

template <class Message>
bool Parse(ByteView bytes, Message& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

Result<void> Check(bool is_good) {
  if (!is_good) {
    return Fail(Errc::kBadControl);
  }
  return {};
}

int64_t ToMs(WallTime time) {
  return time.time_since_epoch().count();
}

WallTime FromMs(int64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

template <class Field>
void PutStrings(const Field& from,
                google::protobuf::RepeatedPtrField<std::string>& to) {
  to.Assign(from.begin(), from.end());
}

std::string KeyText(const std::optional<PublicKey>& key) {
  return key ? ToWire(key->bytes) : std::string();
}

void PutKeys(const NodeKeys& from, disk::Keys& to) {
  to.set_machine_key(ToWire(from.machine_key.bytes));
  to.set_node_key(ToWire(from.node_key.bytes));
  to.set_signalling_key(ToWire(from.signalling_key.bytes));
}

bool GetKeys(const disk::Keys& from, NodeKeys& to) {
  return FromWire(from.machine_key(), to.machine_key.bytes) &&
         FromWire(from.node_key(), to.node_key.bytes) &&
         FromWire(from.signalling_key(), to.signalling_key.bytes);
}

void PutOwner(const Owner& from, disk::Owner& to) {
  to.set_user(from.user);
  PutStrings(from.tags, *to.mutable_tags());
}

void GetOwner(const disk::Owner& from, Owner& to) {
  to.user = from.user();
  to.tags.assign(from.tags().begin(), from.tags().end());
}

/// Bodies of the map's items, kept in the store as they travel.
template <class Message, class Info>
void PutItem(const Info& from, Message& to) {
  const auto bytes = EncodeItem(from);
  NATKIT_CHECK(Parse(bytes, to));
}

void PutAttributes(const Attributes& from, control::proto::AttributeList& to) {
  for (const auto& [name, value] : from) {
    auto& attribute = *to.add_attributes();
    attribute.set_name(name);
    if (const auto* text = std::get_if<std::string>(&value)) {
      attribute.set_text(*text);
    } else if (const auto* flag = std::get_if<bool>(&value)) {
      attribute.set_flag(*flag);
    } else {
      attribute.set_number(std::get<double>(value));
    }
  }
}

void GetAttributes(const control::proto::AttributeList& from, Attributes& to) {
  for (const auto& attribute : from.attributes()) {
    if (attribute.has_text()) {
      to[attribute.name()] = attribute.text();
    } else if (attribute.has_flag()) {
      to[attribute.name()] = attribute.flag();
    } else if (attribute.has_number()) {
      to[attribute.name()] = attribute.number();
    }
  }
}

}  // namespace

std::vector<uint8_t> EncodeRecord(const UserRecord& record) {
  disk::User to;
  to.set_name(record.name);
  PutStrings(record.roles, *to.mutable_roles());
  to.set_created(ToMs(record.created));
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, UserRecord& out) {
  disk::User from;
  const bool is_good = Parse(bytes, from);
  out.name = from.name();
  out.roles = {from.roles().begin(), from.roles().end()};
  out.created = FromMs(from.created());
  return Check(is_good && !out.name.empty());
}

std::vector<uint8_t> EncodeRecord(const NodeRecord& record) {
  disk::Node to;
  to.set_id(record.id);
  PutKeys(record.keys, *to.mutable_keys());
  to.set_next_key(KeyText(record.next_key));
  to.set_next_key_since(ToMs(record.next_key_since));
  to.set_status(std::to_underlying(record.status));
  to.set_approval_code(record.approval_code);
  to.set_name(record.name);
  to.set_is_name_fixed(record.is_name_fixed);
  to.set_host_name(record.host_name);
  PutOwner(record.owner, *to.mutable_owner());
  ListToWire(record.addresses, *to.mutable_addresses());
  to.set_is_ephemeral(record.is_ephemeral);
  if (record.key_expiry) {
    to.set_key_expiry(ToMs(*record.key_expiry));
  }
  to.set_created(ToMs(record.created));
  to.set_last_seen(ToMs(record.last_seen));
  ListToWire(record.advertised, *to.mutable_advertised());
  ListToWire(record.approved, *to.mutable_approved());
  to.set_offers_exit(record.offers_exit);
  to.set_is_exit_approved(record.is_exit_approved);
  PutAttributes(record.attributes, *to.mutable_attributes());
  to.set_software(record.software);
  to.set_auth_key_id(record.auth_key_id);
  to.set_is_expiry_told(record.is_expiry_told);
  to.set_is_expiry_fixed(record.is_expiry_fixed);
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, NodeRecord& out) {
  disk::Node from;
  if (!Parse(bytes, from) || from.id() == 0 ||
      !GetKeys(from.keys(), out.keys) ||
      !FromWire(from.next_key(), out.next_key) ||
      !ListFromWire(from.addresses(), kAny, out.addresses) ||
      !ListFromWire(from.advertised(), kAny, out.advertised) ||
      !ListFromWire(from.approved(), kAny, out.approved) || from.status() < 1 ||
      from.status() > std::to_underlying(NodeStatus::kActive)) {
    return Fail(Errc::kBadControl);
  }
  out.id = from.id();
  out.next_key_since = FromMs(from.next_key_since());
  out.status = static_cast<NodeStatus>(from.status());
  out.approval_code = from.approval_code();
  out.name = from.name();
  out.is_name_fixed = from.is_name_fixed();
  out.host_name = from.host_name();
  GetOwner(from.owner(), out.owner);
  out.is_ephemeral = from.is_ephemeral();
  if (from.has_key_expiry()) {
    out.key_expiry = FromMs(from.key_expiry());
  }
  out.created = FromMs(from.created());
  out.last_seen = FromMs(from.last_seen());
  out.offers_exit = from.offers_exit();
  out.is_exit_approved = from.is_exit_approved();
  GetAttributes(from.attributes(), out.attributes);
  out.software = from.software();
  out.auth_key_id = from.auth_key_id();
  out.is_expiry_told = from.is_expiry_told();
  out.is_expiry_fixed = from.is_expiry_fixed();
  return {};
}

std::vector<uint8_t> EncodeRecord(const AuthKeyRecord& record) {
  disk::AuthKey to;
  to.set_id(record.id);
  to.set_hash(ToWire(record.hash));
  PutOwner(record.owner, *to.mutable_owner());
  to.set_is_reusable(record.is_reusable);
  to.set_is_ephemeral(record.is_ephemeral);
  to.set_is_preapproved(record.is_preapproved);
  to.set_uses(record.uses);
  to.set_created(ToMs(record.created));
  if (record.expiry) {
    to.set_expiry(ToMs(*record.expiry));
  }
  to.set_is_revoked(record.is_revoked);
  to.set_created_by(record.created_by);
  to.set_description(record.description);
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, AuthKeyRecord& out) {
  disk::AuthKey from;
  const bool is_good = Parse(bytes, from) && FromWire(from.hash(), out.hash);
  out.id = from.id();
  GetOwner(from.owner(), out.owner);
  out.is_reusable = from.is_reusable();
  out.is_ephemeral = from.is_ephemeral();
  out.is_preapproved = from.is_preapproved();
  out.uses = from.uses();
  out.created = FromMs(from.created());
  out.expiry.reset();
  if (from.has_expiry()) {
    out.expiry = FromMs(from.expiry());
  }
  out.is_revoked = from.is_revoked();
  out.created_by = from.created_by();
  out.description = from.description();
  return Check(is_good && !out.id.empty());
}

std::vector<uint8_t> EncodeRecord(const ApiTokenRecord& record) {
  disk::ApiToken to;
  to.set_id(record.id);
  to.set_hash(ToWire(record.hash));
  PutStrings(record.scopes, *to.mutable_scopes());
  to.set_created(ToMs(record.created));
  if (record.expiry) {
    to.set_expiry(ToMs(*record.expiry));
  }
  to.set_description(record.description);
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, ApiTokenRecord& out) {
  disk::ApiToken from;
  const bool is_good = Parse(bytes, from) && FromWire(from.hash(), out.hash);
  out.id = from.id();
  out.scopes = {from.scopes().begin(), from.scopes().end()};
  out.created = FromMs(from.created());
  out.expiry.reset();
  if (from.has_expiry()) {
    out.expiry = FromMs(from.expiry());
  }
  out.description = from.description();
  return Check(is_good && !out.id.empty());
}

std::vector<uint8_t> EncodeRecord(const TombstoneRecord& record) {
  disk::Tombstone to;
  to.set_id(record.id);
  PutKeys(record.keys, *to.mutable_keys());
  to.set_next_key(KeyText(record.next_key));
  to.set_name(record.name);
  to.set_revoked(ToMs(record.revoked));
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, TombstoneRecord& out) {
  disk::Tombstone from;
  const bool is_good = Parse(bytes, from) && GetKeys(from.keys(), out.keys) &&
                       FromWire(from.next_key(), out.next_key);
  out.id = from.id();
  out.name = from.name();
  out.revoked = FromMs(from.revoked());
  return Check(is_good);
}

std::vector<uint8_t> EncodeRecord(const FormerKeyRecord& record) {
  disk::FormerKey to;
  to.set_key(ToWire(record.key.bytes));
  to.set_node(record.node);
  to.set_since(ToMs(record.since));
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, FormerKeyRecord& out) {
  disk::FormerKey from;
  const bool is_good =
      Parse(bytes, from) && FromWire(from.key(), out.key.bytes);
  out.node = from.node();
  out.since = FromMs(from.since());
  return Check(is_good);
}

std::vector<uint8_t> EncodeRecord(const ReleasedAddress& record) {
  disk::ReleasedAddress to;
  ToWire(record.address, *to.mutable_address());
  to.set_released(ToMs(record.released));
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, ReleasedAddress& out) {
  disk::ReleasedAddress from;
  const bool is_good =
      Parse(bytes, from) && FromWire(from.address(), out.address);
  out.released = FromMs(from.released());
  return Check(is_good);
}

std::vector<uint8_t> EncodeRecord(const RoutePrimaryRecord& record) {
  disk::RoutePrimary to;
  ToWire(record.prefix, *to.mutable_prefix());
  to.set_router(record.router);
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, RoutePrimaryRecord& out) {
  disk::RoutePrimary from;
  const bool is_good =
      Parse(bytes, from) && FromWire(from.prefix(), out.prefix);
  out.router = from.router();
  return Check(is_good);
}

std::vector<uint8_t> EncodeRecord(const PolicyRecord& record) {
  disk::Policy to;
  to.set_text(record.text);
  to.set_revision(record.revision);
  to.set_changed(ToMs(record.changed));
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, PolicyRecord& out) {
  disk::Policy from;
  const bool is_good = Parse(bytes, from);
  out = {.text = from.text(),
         .revision = from.revision(),
         .changed = FromMs(from.changed())};
  return Check(is_good);
}

std::vector<uint8_t> EncodeRecord(const RelayRecord& record) {
  disk::Relay to;
  to.set_id(record.id);
  PutItem(record.info, *to.mutable_info());
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, RelayRecord& out) {
  disk::Relay from;
  if (!Parse(bytes, from)) {
    return Fail(Errc::kBadControl);
  }
  auto info = DecodeRelay(Serialize(from.info()));
  if (!info) {
    return std::unexpected(info.error());
  }
  out = {.id = from.id(), .info = *std::move(info)};
  return {};
}

std::vector<uint8_t> EncodeRecord(const MeshRecord& record) {
  disk::Mesh to;
  to.set_name(record.name);
  ToWire(record.ipv4, *to.mutable_ipv4());
  ToWire(record.ipv6, *to.mutable_ipv6());
  to.set_digest_key(ToWire(record.digest_key));
  to.set_last_node(record.last_node);
  to.set_last_relay(record.last_relay);
  PutItem(record.dns, *to.mutable_dns());
  return Serialize(to);
}

Result<void> DecodeRecord(ByteView bytes, MeshRecord& out) {
  disk::Mesh from;
  if (!Parse(bytes, from) || !FromWire(from.ipv4(), out.ipv4) ||
      !FromWire(from.ipv6(), out.ipv6) ||
      !FromWire(from.digest_key(), out.digest_key)) {
    return Fail(Errc::kBadControl);
  }
  auto dns = DecodeDns(Serialize(from.dns()));
  if (!dns) {
    return std::unexpected(dns.error());
  }
  out.name = from.name();
  out.last_node = from.last_node();
  out.last_relay = from.last_relay();
  out.dns = *std::move(dns);
  return {};
}

}  // namespace natkit::mesh
