#include "natkit/mesh/control/map_replica.h"

#include <gtest/gtest.h>

#include "natkit/mesh/control/frame_reader.h"

namespace natkit::mesh {
namespace {

constexpr DigestKey kKey{1, 2, 3};

MapItem Peer(NodeId id, std::string name) {
  return {.key = KeyOf(ItemClass::kPeer, id),
          .body = EncodeItem(PeerInfo{.name = std::move(name)})};
}

MapItem Rule(uint64_t id) {
  return {.key = KeyOf(ItemClass::kRule, id), .body = EncodeItem(RuleInfo{})};
}

MapUpdate Whole() {
  return {.epoch = 1,
          .sequence = 1,
          .is_snapshot = true,
          .put = {Peer(1, "a"), Peer(2, "b"), Rule(7)},
          .members = {{.rule = 7, .add = {1, 2}, .is_whole = true}}};
}

MapReplica Filled() {
  MapReplica replica(kKey);
  EXPECT_TRUE(replica.Apply(Whole()));
  return replica;
}

/// Of a map that took this from the start.
uint64_t DigestOf(const MapUpdate& whole) {
  MapReplica replica(kKey);
  EXPECT_TRUE(replica.Apply(whole));
  return replica.position()->digest;
}

TEST(MapReplica, AFailedUpdateChangesNothingAndIsToldOnce) {
  const MapUpdate good{
      .epoch = 1, .sequence = 2, .put = {Peer(1, "c")}, .remove = {}};
  MapUpdate gap = good;
  gap.sequence = 3;
  MapUpdate other_epoch = good;
  other_epoch.epoch = 2;
  MapUpdate bad_item = good;
  bad_item.remove = {KeyOf(ItemClass::kRule, 7)};
  bad_item.put.push_back(
      {.key = KeyOf(ItemClass::kPeer, 3), .body = {0xff, 0xff}});
  MapUpdate no_rule = good;
  no_rule.remove = {KeyOf(ItemClass::kPeer, 2)};
  no_rule.members = {{.rule = 8, .add = {1}}};
  MapUpdate digest = good;
  digest.members = {{.rule = 7, .add = {9}, .remove = {1}}};
  digest.digest = 0;
  const std::vector<std::pair<MapUpdate, ResyncCause>> bad = {
      {gap, ResyncCause::kGap},
      {other_epoch, ResyncCause::kGap},
      {bad_item, ResyncCause::kBadItem},
      {no_rule, ResyncCause::kUnknownObject},
      {digest, ResyncCause::kDigest}};
  for (const auto& [update, cause] : bad) {
    MapReplica replica = Filled();
    const auto before = replica.Save();
    const auto failed = replica.Apply(update);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error(), cause);
    EXPECT_EQ(replica.Save(), before);
    EXPECT_EQ(replica.map(), Filled().map());
    const auto ignored = replica.Apply(good);
    ASSERT_TRUE(ignored);
    EXPECT_FALSE(ignored->is_complete);
    EXPECT_EQ(replica.Save(), before);
    EXPECT_TRUE(replica.Apply(Whole())->is_complete);
  }
}

TEST(MapReplica, PartsAreAppliedTogetherAndASnapshotMayBeginAgain) {
  MapReplica replica = Filled();
  const auto before = replica.Save();
  MapUpdate first{.epoch = 2,
                  .sequence = 9,
                  .is_snapshot = true,
                  .is_last = false,
                  .put = {Peer(5, "e")}};
  EXPECT_FALSE(replica.Apply(first)->is_complete);
  EXPECT_EQ(replica.Save(), before);
  first.put = {Peer(6, "f")};
  EXPECT_FALSE(replica.Apply(first)->is_complete);
  EXPECT_EQ(replica.Save(), before);
  const auto applied =
      replica.Apply({.epoch = 2, .sequence = 10, .put = {Peer(7, "g")}});
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->changes.is_whole);
  EXPECT_EQ(replica.map().peers.size(), 2U);
  EXPECT_TRUE(replica.map().peers.contains(6));
}

TEST(MapReplica, APositionKeepsItsEpochUntilAnotherIsApplied) {
  MapReplica replica = Filled();
  const uint64_t digest = replica.position()->digest;
  replica.Resume(2);
  EXPECT_EQ(replica.position(), (MapPosition{1, 1, digest}));
  ASSERT_TRUE(replica.Apply({.epoch = 2, .sequence = 2, .put = {Rule(9)}}));
  EXPECT_EQ(replica.position()->epoch, 2U);
  EXPECT_EQ(replica.position()->sequence, 2U);
}

TEST(MapReplica, UnknownClassesAreKeptAndCount) {
  MapUpdate whole = Whole();
  whole.put.push_back({.key = {.item_class = 77, .id = 1}, .body = {1, 2}});
  MapReplica replica(kKey);
  ASSERT_TRUE(replica.Apply(whole));
  EXPECT_EQ(replica.unknown_items(), 1U);
  EXPECT_NE(replica.position()->digest, DigestOf(Whole()));
}

TEST(MapReplica, TheDigestDoesNotDependOnTheOrder) {
  MapUpdate reversed = Whole();
  std::ranges::reverse(reversed.put);
  std::ranges::reverse(reversed.members[0].add);
  EXPECT_EQ(DigestOf(reversed), DigestOf(Whole()));
}

TEST(MapReplica, IsLoadedAsItWasSavedAndNotWhenItIsDamaged) {
  const auto saved = Filled().Save();
  const auto loaded = MapReplica::Load(saved);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->map(), Filled().map());
  EXPECT_EQ(loaded->position(), Filled().position());
  size_t accepted = 0;
  for (size_t at = 0; at < saved.size(); ++at) {
    for (const uint8_t bit : {uint8_t{0x01}, uint8_t{0x80}}) {
      auto damaged = saved;
      damaged[at] ^= bit;
      const auto again = MapReplica::Load(damaged);
      if (again && again->position() && again->map() != Filled().map()) {
        ++accepted;
      }
    }
  }
  EXPECT_EQ(accepted, 0U);
  for (size_t size = 0; size < saved.size(); ++size) {
    const auto cut = MapReplica::Load(ByteView(saved).first(size));
    EXPECT_FALSE(cut && cut->position() && cut->map() != Filled().map());
  }
  const auto none = MapReplica::Load(MapReplica(kKey).Save());
  ASSERT_TRUE(none);
  EXPECT_EQ(none->position(), std::nullopt);
}

TEST(MapReplica, EndlessPartsEnd) {
  MapReplica replica = Filled();
  const auto before = replica.Save();
  MapUpdate part{
      .epoch = 1, .sequence = 1, .is_snapshot = true, .is_last = false};
  size_t parts = 0;
  while (replica.Apply(part) && parts < 10'000) {
    part.is_snapshot = false;
    ++part.sequence;
    ++parts;
  }
  EXPECT_LT(parts, 5000U);
  EXPECT_EQ(replica.Save(), before);
}

TEST(FrameReader, TakesAStreamCutAnywhere) {
  std::vector<uint8_t> stream = {kControlVersion};
  for (const uint8_t size : {uint8_t{3}, uint8_t{0}, uint8_t{5}}) {
    stream.insert(stream.end(), {0, 0, 0, size});
    stream.insert(stream.end(), size, size);
  }
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    FrameReader reader(5);
    std::vector<size_t> sizes;
    for (const ByteView piece :
         {ByteView(stream).first(cut), ByteView(stream).subspan(cut)}) {
      reader.Append(piece);
      for (auto body = reader.Next(); *body; body = reader.Next()) {
        sizes.push_back((*body)->size());
      }
    }
    EXPECT_EQ(sizes, (std::vector<size_t>{3, 0, 5})) << cut;
    EXPECT_EQ(reader.version(), kControlVersion);
    EXPECT_EQ(reader.buffered(), 0U);
  }
}

TEST(FrameReader, RefusesAFrameBeyondItsLimitForGood) {
  FrameReader reader(5);
  reader.Append(std::array<uint8_t, 5>{1, 0, 0, 0, 6});
  EXPECT_FALSE(reader.Next());
  reader.Append(std::array<uint8_t, 6>{});
  EXPECT_FALSE(reader.Next());
}

}  // namespace
}  // namespace natkit::mesh
