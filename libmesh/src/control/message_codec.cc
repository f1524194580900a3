#include <array>
#include <utility>

#include "control/proto_support.h"
#include "natkit/base/check.h"
#include "natkit/mesh/control/message.h"
#include "natkit/mesh/tag.h"

namespace natkit::mesh {

namespace {

constexpr size_t kMaxText = 1024;
/// More than a mesh has nodes.
constexpr size_t kMaxMembers = 131072;

// ---- To the wire -----------------------------------------------------------

void Put(const UnknownMessage&, wire::Frame&) {}

void Put(const Challenge& from, wire::Frame& frame) {
  auto& to = *frame.mutable_challenge();
  to.set_nonce(ToWire(from.nonce));
  to.set_ephemeral_key(ToWire(from.ephemeral_key.bytes));
  to.set_server_unix_ms(
      static_cast<uint64_t>(from.server_time.time_since_epoch().count()));
  to.set_newest_version(from.newest_version);
}

}  // namespace

static void ToWire(const MapPosition& from, wire::MapPosition& to) {
  to.set_epoch(from.epoch);
  to.set_sequence(from.sequence);
  to.set_digest(from.digest);
}

namespace {

void Put(const Authenticate& from, wire::Frame& frame) {
  auto& to = *frame.mutable_authenticate();
  to.set_machine_key(ToWire(from.keys.machine_key.bytes));
  to.set_node_key(ToWire(from.keys.node_key.bytes));
  to.set_signalling_key(ToWire(from.keys.signalling_key.bytes));
  to.set_signature(ToWire(from.signature));
  to.set_node_proof(ToWire(from.node_proof));
  to.set_signalling_proof(ToWire(from.signalling_proof));
  to.set_auth_key(from.auth_key);
  to.set_host_name(from.host_name);
  to.set_is_ephemeral(from.is_ephemeral);
  to.mutable_tags()->Assign(from.tags.begin(), from.tags.end());
  to.set_software(from.software);
  if (from.position) {
    ToWire(*from.position, *to.mutable_position());
  }
}

void Put(const Admission& from, wire::Frame& frame) {
  auto& to = *frame.mutable_admission();
  to.set_state(
      static_cast<wire::Admission_State>(std::to_underlying(from.state)));
  to.set_node_id(from.node);
  to.set_approval_code(from.approval_code);
  to.set_epoch(from.epoch);
  to.set_digest_key(ToWire(from.digest_key));
  to.set_message(from.message);
}

}  // namespace

static void ToWire(const ItemKey& from, wire::Item& to) {
  to.set_item_class(from.item_class);
  to.set_id(from.id);
  to.set_sub(from.sub);
}

static void ToWire(const MapItem& from, wire::Item& to) {
  ToWire(from.key, to);
  to.set_body(ToWire(from.body));
}

static void ToWire(const MemberChange& from, wire::Members& to) {
  to.set_rule(from.rule);
  to.set_direction(std::to_underlying(from.direction));
  to.mutable_add()->Assign(from.add.begin(), from.add.end());
  to.mutable_remove()->Assign(from.remove.begin(), from.remove.end());
  to.set_is_whole(from.is_whole);
}

namespace {

void Put(const MapUpdate& from, wire::Frame& frame) {
  auto& to = *frame.mutable_map_update();
  to.set_epoch(from.epoch);
  to.set_sequence(from.sequence);
  to.set_is_snapshot(from.is_snapshot);
  to.set_is_last(from.is_last);
  to.set_is_urgent(from.is_urgent);
  ListToWire(from.put, *to.mutable_put());
  ListToWire(from.remove, *to.mutable_remove());
  ListToWire(from.members, *to.mutable_members());
  if (from.digest) {
    to.set_digest(*from.digest);
  }
}

void Put(const MapAck& from, wire::Frame& frame) {
  frame.mutable_map_ack()->set_epoch(from.epoch);
  frame.mutable_map_ack()->set_sequence(from.sequence);
}

void Put(const MapRequest& from, wire::Frame& frame) {
  frame.mutable_map_request()->set_cause(
      static_cast<wire::MapRequest_Cause>(std::to_underlying(from.cause)));
}

void PutAttributes(const Attributes& from, wire::AttributeList& to) {
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

void Put(const NodeReport& from, wire::Frame& frame) {
  auto& to = *frame.mutable_report();
  if (from.endpoints) {
    ListToWire(*from.endpoints, *to.mutable_endpoints()->mutable_endpoints());
  }
  if (from.home_relay) {
    to.set_home_relay(*from.home_relay);
  }
  if (from.routes) {
    ListToWire(*from.routes, *to.mutable_routes()->mutable_routes());
  }
  if (from.offers_exit) {
    to.set_offers_exit(*from.offers_exit);
  }
  if (from.attributes) {
    PutAttributes(*from.attributes, *to.mutable_attributes());
  }
  if (from.host_name) {
    to.set_host_name(*from.host_name);
  }
}

void Put(const RelayedSignal& from, wire::Frame& frame) {
  frame.mutable_signal()->set_peer(from.peer);
  frame.mutable_signal()->set_sealed(ToWire(from.sealed));
}

void Put(const Rotation& from, wire::Frame& frame) {
  auto& to = *frame.mutable_rotation();
  to.set_step(static_cast<wire::Rotation_Step>(std::to_underlying(from.step)));
  to.set_next_key(ToWire(from.next_key.bytes));
  to.set_proof(ToWire(from.proof));
}

void Put(const Heartbeat& from, wire::Frame& frame) {
  frame.mutable_heartbeat()->set_nonce(from.nonce);
  frame.mutable_heartbeat()->set_is_reply(from.is_reply);
}

void Put(const Goodbye& from, wire::Frame& frame) {
  auto& to = *frame.mutable_goodbye();
  to.set_reason(
      static_cast<wire::Goodbye_Reason>(std::to_underlying(from.reason)));
  to.set_text(from.text);
  to.set_retry_after_ms(static_cast<uint32_t>(from.retry_after.count()));
}

void Put(const Logout&, wire::Frame& frame) {
  frame.mutable_logout();
}

// ---- From the wire ---------------------------------------------------------

using Decoded = std::optional<ControlMessage>;

/// The enumerator of the same number, if there is one up to `last`.
template <class Enum>
std::optional<Enum> DecodeEnum(int value, Enum last) {
  return value >= 1 && value <= std::to_underlying(last)
             ? std::optional(static_cast<Enum>(value))
             : std::nullopt;
}

Decoded Get(const wire::Challenge& from) {
  Challenge to;
  if (!FromWire(from.nonce(), to.nonce) ||
      !FromWire(from.ephemeral_key(), to.ephemeral_key.bytes)) {
    return std::nullopt;
  }
  to.server_time = WallTime(
      std::chrono::milliseconds(static_cast<int64_t>(from.server_unix_ms())));
  to.newest_version = from.newest_version();
  return to;
}

MapPosition GetPosition(const wire::MapPosition& from) {
  return {.epoch = from.epoch(),
          .sequence = from.sequence(),
          .digest = from.digest()};
}

Decoded Get(const wire::Authenticate& from) {
  Authenticate to;
  if (!FromWire(from.machine_key(), to.keys.machine_key.bytes) ||
      !FromWire(from.node_key(), to.keys.node_key.bytes) ||
      !FromWire(from.signalling_key(), to.keys.signalling_key.bytes) ||
      !FromWire(from.signature(), to.signature) ||
      !FromWire(from.node_proof(), to.node_proof) ||
      !FromWire(from.signalling_proof(), to.signalling_proof) ||
      !StringsFromWire(from.tags(), kMaxTags, kMaxTagLength, to.tags) ||
      from.auth_key().size() > kMaxAuthKeyLength ||
      from.host_name().size() > kMaxNameLength ||
      from.software().size() > kMaxNameLength) {
    return std::nullopt;
  }
  to.auth_key = from.auth_key();
  to.host_name = from.host_name();
  to.is_ephemeral = from.is_ephemeral();
  to.software = from.software();
  if (from.has_position()) {
    to.position = GetPosition(from.position());
  }
  return to;
}

Decoded Get(const wire::Admission& from) {
  Admission to;
  const auto state = DecodeEnum(from.state(), AdmissionState::kKeyExpired);
  if (!state || !FromWire(from.digest_key(), to.digest_key) ||
      from.approval_code().size() > kMaxText ||
      from.message().size() > kMaxText) {
    return std::nullopt;
  }
  to.state = *state;
  to.node = from.node_id();
  to.approval_code = from.approval_code();
  to.epoch = from.epoch();
  to.message = from.message();
  return to;
}

ItemKey GetKey(const wire::Item& from) {
  return {.item_class = from.item_class(), .id = from.id(), .sub = from.sub()};
}

bool GetMembers(const wire::Members& from, MemberChange& to) {
  const auto is_too_long = [](const auto& list) {
    return static_cast<size_t>(list.size()) > kMaxMembers;
  };
  if (from.direction() > std::to_underlying(RuleDirection::kOutbound) ||
      is_too_long(from.add()) || is_too_long(from.remove())) {
    return false;
  }
  to.rule = from.rule();
  to.direction = static_cast<RuleDirection>(from.direction());
  to.add.assign(from.add().begin(), from.add().end());
  to.remove.assign(from.remove().begin(), from.remove().end());
  to.is_whole = from.is_whole();
  return true;
}

Decoded Get(const wire::MapUpdate& from) {
  MapUpdate to{.epoch = from.epoch(),
               .sequence = from.sequence(),
               .is_snapshot = from.is_snapshot(),
               .is_last = from.is_last(),
               .is_urgent = from.is_urgent()};
  for (const auto& item : from.put()) {
    if (item.body().size() > kMaxItemBody) {
      return std::nullopt;
    }
    const ByteView body = AsBytes(item.body());
    to.put.push_back({.key = GetKey(item), .body = {body.begin(), body.end()}});
  }
  for (const auto& item : from.remove()) {
    to.remove.push_back(GetKey(item));
  }
  for (const auto& members : from.members()) {
    if (!GetMembers(members, to.members.emplace_back())) {
      return std::nullopt;
    }
  }
  if (from.has_digest()) {
    to.digest = from.digest();
  }
  return to;
}

Decoded Get(const wire::MapRequest& from) {
  const auto cause = DecodeEnum(from.cause(), ResyncCause::kBadItem);
  return MapRequest{cause.value_or(ResyncCause::kGap)};
}

bool GetAttribute(const wire::Attribute& from, Attributes& to) {
  if (from.name().empty() || from.name().size() > kMaxNameLength ||
      from.text().size() > kMaxAttributeText) {
    return false;
  }
  switch (from.value_case()) {
    case wire::Attribute::kText:
      to[from.name()] = from.text();
      return true;
    case wire::Attribute::kFlag:
      to[from.name()] = from.flag();
      return true;
    case wire::Attribute::kNumber:
      to[from.name()] = from.number();
      return true;
    case wire::Attribute::VALUE_NOT_SET:
      return true;  // a type of a later version
  }
  return false;
}

bool GetAttributes(const wire::AttributeList& from, Attributes& to) {
  return static_cast<size_t>(from.attributes_size()) <=
             kMaxReportedAttributes &&
         std::ranges::all_of(from.attributes(), [&to](const auto& attribute) {
           return GetAttribute(attribute, to);
         });
}

Decoded Get(const wire::Report& from) {
  NodeReport to;
  if (from.has_endpoints() &&
      !ListFromWire(from.endpoints().endpoints(), kMaxReportedEndpoints,
                    to.endpoints.emplace())) {
    return std::nullopt;
  }
  if (from.has_routes() &&
      !ListFromWire(from.routes().routes(), kMaxReportedRoutes,
                    to.routes.emplace())) {
    return std::nullopt;
  }
  if (from.has_attributes() &&
      !GetAttributes(from.attributes(), to.attributes.emplace())) {
    return std::nullopt;
  }
  if (from.host_name().size() > kMaxNameLength) {
    return std::nullopt;
  }
  if (from.has_home_relay()) {
    to.home_relay = from.home_relay();
  }
  if (from.has_offers_exit()) {
    to.offers_exit = from.offers_exit();
  }
  if (from.has_host_name()) {
    to.host_name = from.host_name();
  }
  return to;
}

Decoded Get(const wire::Signal& from) {
  if (from.sealed().size() > kMaxSealedSignal) {
    return std::nullopt;
  }
  const ByteView sealed = AsBytes(from.sealed());
  return RelayedSignal{.peer = from.peer(),
                       .sealed = {sealed.begin(), sealed.end()}};
}

Decoded Get(const wire::Rotation& from) {
  const auto step = DecodeEnum(from.step(), RotationStep::kAbort);
  if (!step) {
    return UnknownMessage{};
  }
  Rotation to{.step = *step};
  if (!FromWire(from.next_key(), to.next_key.bytes) ||
      !FromWire(from.proof(), to.proof)) {
    return std::nullopt;
  }
  return to;
}

Decoded Get(const wire::Goodbye& from) {
  const auto reason = DecodeEnum(from.reason(), GoodbyeReason::kLoggedOut);
  if (from.text().size() > kMaxText) {
    return std::nullopt;
  }
  return Goodbye{
      .reason = reason.value_or(GoodbyeReason::kProtocol),
      .text = from.text(),
      .retry_after = std::chrono::milliseconds(from.retry_after_ms())};
}

Decoded GetFrame(const wire::Frame& frame) {
  switch (frame.body_case()) {
    case wire::Frame::kChallenge:
      return Get(frame.challenge());
    case wire::Frame::kAuthenticate:
      return Get(frame.authenticate());
    case wire::Frame::kAdmission:
      return Get(frame.admission());
    case wire::Frame::kMapUpdate:
      return Get(frame.map_update());
    case wire::Frame::kMapAck:
      return MapAck{.epoch = frame.map_ack().epoch(),
                    .sequence = frame.map_ack().sequence()};
    case wire::Frame::kMapRequest:
      return Get(frame.map_request());
    case wire::Frame::kReport:
      return Get(frame.report());
    case wire::Frame::kSignal:
      return Get(frame.signal());
    case wire::Frame::kRotation:
      return Get(frame.rotation());
    case wire::Frame::kHeartbeat:
      return Heartbeat{.nonce = frame.heartbeat().nonce(),
                       .is_reply = frame.heartbeat().is_reply()};
    case wire::Frame::kGoodbye:
      return Get(frame.goodbye());
    case wire::Frame::kLogout:
      return Logout{};
    case wire::Frame::BODY_NOT_SET:
      return UnknownMessage{};
  }
  return UnknownMessage{};
}

}  // namespace

std::vector<uint8_t> EncodeFrame(const ControlMessage& message) {
  wire::Frame frame;
  std::visit([&frame](const auto& body) { Put(body, frame); }, message);
  constexpr size_t kHeader = 4;
  const size_t size = frame.ByteSizeLong();
  std::vector<uint8_t> out(kHeader + size);
  ByteWriter(out).WriteU32(static_cast<uint32_t>(size));
  NATKIT_CHECK(
      frame.SerializeToArray(out.data() + kHeader, static_cast<int>(size)));
  return out;
}

Result<ControlMessage> DecodeMessage(ByteView body) {
  wire::Frame frame;
  if (body.size() > kMaxControlFrame ||
      !frame.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return Fail(Errc::kBadControl);
  }
  auto message = GetFrame(frame);
  if (!message) {
    return Fail(Errc::kBadControl);
  }
  return *std::move(message);
}

std::string_view ResyncCauseName(ResyncCause cause) {
  switch (cause) {
    case ResyncCause::kGap:
      return "gap";
    case ResyncCause::kUnknownObject:
      return "unknown-object";
    case ResyncCause::kDigest:
      return "digest";
    case ResyncCause::kBadItem:
      return "bad-item";
  }
  return "unknown";
}

std::string_view GoodbyeReasonName(GoodbyeReason reason) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"", "replaced", "revoked", "refused", "protocol", "shutting-down",
       "overloaded", "version", "silent", "logged-out"});
  return kNames.at(std::to_underlying(reason));
}

}  // namespace natkit::mesh
