#include "control/saved_map.h"

#include <utility>

#include "control/proto_support.h"
#include "natkit/base/check.h"

namespace natkit::mesh {

namespace {

void PutMembers(const NetworkMap& map, wire::SavedMap& to) {
  for (const auto& [rule, nodes] : map.members) {
    auto& members = *to.add_members();
    members.set_rule(rule.id);
    members.set_direction(std::to_underlying(rule.direction));
    members.set_is_whole(true);
    members.mutable_add()->Assign(nodes.begin(), nodes.end());
  }
}

void PutItems(const MapState& state, wire::SavedMap& to) {
  for (const auto& [key, body] : state.bodies()) {
    auto& item = *to.add_items();
    item.set_item_class(key.item_class);
    item.set_id(key.id);
    item.set_sub(key.sub);
    item.set_body(ToWire(body));
  }
}

}  // namespace

std::vector<uint8_t> EncodeSavedMap(const MapState& state,
                                    const std::optional<MapPosition>& position,
                                    const DigestKey& key) {
  wire::SavedMap saved;
  if (position) {
    saved.mutable_position()->set_epoch(position->epoch);
    saved.mutable_position()->set_sequence(position->sequence);
    saved.mutable_position()->set_digest(state.digest());
  }
  saved.set_digest_key(ToWire(key));
  PutItems(state, saved);
  PutMembers(state.map(), saved);
  std::vector<uint8_t> out(saved.ByteSizeLong());
  NATKIT_CHECK(
      saved.SerializeToArray(out.data(), static_cast<int>(out.size())));
  return out;
}

Result<SavedMap> DecodeSavedMap(ByteView bytes) {
  wire::SavedMap from;
  SavedMap to;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !FromWire(from.digest_key(), to.key)) {
    return Fail(Errc::kBadControl);
  }
  to.has_map = from.has_position();
  MapUpdate& snapshot = to.snapshot;
  snapshot.epoch = from.position().epoch();
  snapshot.sequence = from.position().sequence();
  snapshot.digest = from.position().digest();
  snapshot.is_snapshot = true;
  for (const auto& item : from.items()) {
    const ByteView body = AsBytes(item.body());
    snapshot.put.push_back({.key = {.item_class = item.item_class(),
                                    .id = item.id(),
                                    .sub = item.sub()},
                            .body = {body.begin(), body.end()}});
  }
  for (const auto& members : from.members()) {
    if (members.direction() > std::to_underlying(RuleDirection::kOutbound)) {
      return Fail(Errc::kBadControl);
    }
    snapshot.members.push_back(
        {.rule = members.rule(),
         .direction = static_cast<RuleDirection>(members.direction()),
         .add = {members.add().begin(), members.add().end()},
         .is_whole = true});
  }
  return to;
}

}  // namespace natkit::mesh
