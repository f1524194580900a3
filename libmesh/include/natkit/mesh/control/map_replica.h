#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/result.h"
#include "natkit/mesh/control/map_item.h"
#include "natkit/mesh/control/message.h"

namespace natkit::mesh {

/// A rule on one side of a node.
struct RuleKey {
  uint64_t id = 0;
  RuleDirection direction = RuleDirection::kInbound;
  auto operator<=>(const RuleKey&) const = default;
};

/// What a node knows of its mesh: typed contents of the items it understands.
struct NetworkMap {
  std::optional<SelfInfo> self;
  std::optional<SettingsInfo> settings;
  std::optional<DnsInfo> dns;
  std::map<NodeId, PeerInfo> peers;
  std::map<RuleKey, RuleInfo> rules;
  std::map<RuleKey, std::set<NodeId>> members;
  std::map<uint64_t, RouteInfo> routes;
  std::map<uint64_t, RelayInfo> relays;
  std::set<NodeId> exits;
  bool operator==(const NetworkMap&) const = default;
};

/// What one update changed.
struct MapChanges {
  bool is_whole = false;  ///< a new map: look at everything
  std::set<ItemKey> items;
  std::set<RuleKey> members;  ///< rules whose members changed
};

class MapState;

/// A node's copy of the map that the server keeps for it.
///
/// Updates are applied whole or not at all: after anything that cannot be right
/// the old map stays, and everything up to the next snapshot is ignored
/// (mesh.md section 4.1, rules 4 to 6).
class MapReplica {
 public:
  /// `key` as the server's Admission says.
  explicit MapReplica(const DigestKey& key);
  ~MapReplica();
  MapReplica(MapReplica&&) noexcept;
  MapReplica& operator=(MapReplica&&) noexcept;

  struct Applied {
    bool is_complete = false;  ///< false: parts of the update are missing
    MapChanges changes;        ///< if complete
  };

  /// Takes one part. An error is what to tell the server; it is told once, and
  /// then everything up to a snapshot is taken without effect.
  [[nodiscard]] std::expected<Applied, ResyncCause> Apply(MapUpdate update);

  /// A new stream, of that epoch: what was under way is forgotten. Updates go
  /// on from position(), which keeps the epoch it is of until one is applied:
  /// so nobody takes its number for one of the new epoch.
  void Resume(uint64_t epoch);

  [[nodiscard]] const NetworkMap& map() const;

  /// Of the last update that was applied; nullopt: there is no map yet.
  [[nodiscard]] std::optional<MapPosition> position() const {
    return position_;
  }

  [[nodiscard]] const DigestKey& digest_key() const { return key_; }

  /// Items of classes that this version does not know.
  [[nodiscard]] size_t unknown_items() const;

  /// For the node's disk; Load() of it gives an equal replica, one without a
  /// map too.
  [[nodiscard]] std::vector<uint8_t> Save() const;
  /// Errors: kBadControl, also if the digest does not fit.
  static Result<MapReplica> Load(ByteView saved);

 private:
  using Cause = std::optional<ResyncCause>;

  [[nodiscard]] Cause CheckOrder(const MapUpdate& update);
  void ForgetParts();
  [[nodiscard]] std::expected<Applied, ResyncCause> ApplyParts();

  DigestKey key_;
  std::unique_ptr<MapState> current_;
  std::optional<MapPosition> position_;
  /// Parts of an update that is not complete yet.
  std::vector<MapUpdate> parts_;
  size_t parts_size_ = 0;             ///< about what they hold, in bytes
  std::optional<uint64_t> received_;  ///< sequence of the last part
  uint64_t epoch_ = 0;                ///< of the stream
  bool is_waiting_for_snapshot_ = true;
};

}  // namespace natkit::mesh
