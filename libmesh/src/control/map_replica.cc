#include "natkit/mesh/control/map_replica.h"

#include <utility>

#include "control/map_state.h"
#include "control/saved_map.h"

namespace natkit::mesh {

namespace {

// A snapshot of a very large map; what is beyond is no map but an attack.
constexpr size_t kMaxParts = 4096;
constexpr size_t kMaxPartsSize = MapState::kMaxSize;

/// About what a part holds in memory.
size_t SizeOf(const MapUpdate& part) {
  size_t size = (part.put.size() * MapState::kItemOverhead) +
                (part.remove.size() * sizeof(ItemKey)) +
                (part.members.size() * sizeof(MemberChange));
  for (const MapItem& item : part.put) {
    size += item.body.size();
  }
  for (const MemberChange& change : part.members) {
    size += (change.add.size() + change.remove.size()) * sizeof(NodeId);
  }
  return size;
}

/// What an update touches, for whoever applies the map.
void NoteChanges(const MapUpdate& part, MapChanges& changes) {
  for (const MapItem& item : part.put) {
    changes.items.insert(item.key);
  }
  changes.items.insert(part.remove.begin(), part.remove.end());
  for (const MemberChange& members : part.members) {
    changes.members.insert(
        {.id = members.rule, .direction = members.direction});
  }
}

/// Removes first: a key may go and come back in one update.
std::optional<ResyncCause> ApplyPart(MapState& state, const MapUpdate& part) {
  for (const ItemKey& key : part.remove) {
    state.Remove(key);
  }
  for (const MapItem& item : part.put) {
    if (!state.Put(item)) {
      return ResyncCause::kBadItem;
    }
  }
  for (const MemberChange& members : part.members) {
    if (!state.Change(members)) {
      return ResyncCause::kUnknownObject;
    }
  }
  return std::nullopt;
}

std::optional<ResyncCause> ApplyAll(MapState& state,
                                    const std::vector<MapUpdate>& parts) {
  for (const MapUpdate& part : parts) {
    if (const auto cause = ApplyPart(state, part)) {
      return cause;
    }
  }
  const auto& digest = parts.back().digest;
  return digest && *digest != state.digest()
             ? std::optional(ResyncCause::kDigest)
             : std::nullopt;
}

}  // namespace

MapReplica::MapReplica(const DigestKey& key)
    : key_(key), current_(std::make_unique<MapState>(key)) {}

MapReplica::~MapReplica() = default;
MapReplica::MapReplica(MapReplica&&) noexcept = default;
MapReplica& MapReplica::operator=(MapReplica&&) noexcept = default;

void MapReplica::Resume(uint64_t epoch) {
  ForgetParts();
  is_waiting_for_snapshot_ = !position_.has_value();
  epoch_ = epoch;
  if (position_) {
    received_ = position_->sequence;
  }
}

void MapReplica::ForgetParts() {
  parts_.clear();
  parts_size_ = 0;
}

const NetworkMap& MapReplica::map() const {
  return current_->map();
}

size_t MapReplica::unknown_items() const {
  return current_->unknown();
}

std::expected<MapReplica::Applied, ResyncCause> MapReplica::Apply(
    MapUpdate update) {
  if (is_waiting_for_snapshot_ && !update.is_snapshot) {
    return Applied{};  // it has been asked for
  }
  if (const auto cause = CheckOrder(update)) {
    ForgetParts();
    is_waiting_for_snapshot_ = true;
    return std::unexpected(*cause);
  }
  received_ = update.sequence;
  epoch_ = update.epoch;
  parts_size_ += SizeOf(update);
  const bool is_last = update.is_last;
  parts_.push_back(std::move(update));
  if (!is_last) {
    return Applied{};
  }
  auto applied = ApplyParts();
  ForgetParts();
  is_waiting_for_snapshot_ = !applied.has_value();
  return applied;
}

MapReplica::Cause MapReplica::CheckOrder(const MapUpdate& update) {
  if (update.is_snapshot) {
    ForgetParts();
    is_waiting_for_snapshot_ = false;
    return std::nullopt;
  }
  if (!received_ || update.sequence != *received_ + 1 ||
      update.epoch != epoch_) {
    return ResyncCause::kGap;
  }
  return parts_.size() < kMaxParts && parts_size_ <= kMaxPartsSize
             ? std::nullopt
             : std::optional(ResyncCause::kBadItem);
}

std::expected<MapReplica::Applied, ResyncCause> MapReplica::ApplyParts() {
  Applied applied{.is_complete = true};
  std::optional<ResyncCause> cause;
  if (parts_.front().is_snapshot) {
    auto fresh = std::make_unique<MapState>(key_);
    cause = ApplyAll(*fresh, parts_);
    if (!cause) {
      current_ = std::move(fresh);
    }
    applied.changes.is_whole = true;
  } else {
    current_->Begin();
    cause = ApplyAll(*current_, parts_);
    cause ? current_->Rollback() : current_->Commit();
    for (const MapUpdate& part : parts_) {
      NoteChanges(part, applied.changes);
    }
  }
  if (cause) {
    return std::unexpected(*cause);
  }
  position_ = MapPosition{.epoch = parts_.back().epoch,
                          .sequence = parts_.back().sequence,
                          .digest = current_->digest()};
  return applied;
}

std::vector<uint8_t> MapReplica::Save() const {
  return EncodeSavedMap(*current_, position_, key_);
}

Result<MapReplica> MapReplica::Load(ByteView saved) {
  auto update = DecodeSavedMap(saved);
  if (!update) {
    return std::unexpected(update.error());
  }
  MapReplica replica(update->key);
  if (update->has_map && !replica.Apply(std::move(update->snapshot))) {
    return Fail(Errc::kBadControl);
  }
  return replica;
}

}  // namespace natkit::mesh
