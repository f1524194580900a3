#include "natkit/mesh/control/map_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "natkit/base/rng.h"

namespace natkit::mesh {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

IpPrefix Prefix(std::string_view text) {
  return *IpPrefix::Parse(text);
}

PeerInfo Peer(std::string name, uint8_t host) {
  PeerInfo peer{.name = std::move(name),
                .addresses = {IpAddress::V4(100, 64, 0, host)}};
  peer.node_key.bytes[0] = host;
  return peer;
}

NetworkMap TwoPeers() {
  NetworkMap map;
  map.self =
      SelfInfo{.name = "me", .addresses = {IpAddress::V4(100, 64, 0, 1)}};
  map.peers[2] = Peer("two", 2);
  map.peers[3] = Peer("three", 3);
  const RuleKey rule{.id = 7, .direction = RuleDirection::kOutbound};
  map.rules[rule] = RuleInfo{.own_identity = true, .ports = {{22, 22}}};
  map.members[rule] = {2, 3};
  return map;
}

/// What a filter holds after the plans so far.
class FilterModel {
 public:
  void Apply(const FilterUpdate& update) {
    for (const auto& removal : update.removals) {
      rules_.erase({removal.direction, removal.id});
    }
    for (const auto& put : update.puts) {
      rules_.insert_or_assign({put.direction, put.rule.id}, put.rule);
    }
  }

  using Text = std::map<std::pair<Direction, uint64_t>, std::string>;

  [[nodiscard]] Text Describe() const {
    Text text;
    for (const auto& [key, rule] : rules_) {
      std::string& line = text[key];
      for (const auto* side : {&rule.sources, &rule.destinations}) {
        for (const IpPrefix& prefix : *side) {
          line += prefix.ToString() + " ";
        }
        line += "| ";
      }
      for (const PortRange& range : rule.ports) {
        line += std::to_string(range.first) + "-" + std::to_string(range.last);
      }
    }
    return text;
  }

  [[nodiscard]] size_t size() const { return rules_.size(); }

 private:
  std::map<std::pair<Direction, uint64_t>, FilterRule> rules_;
};

TEST(MapPlanner, MakesPeersAndRulesOfAWholeMap) {
  MapPlanner planner;
  const MapPlan plan = planner.Plan(TwoPeers(), {.is_whole = true}, {});
  EXPECT_THAT(plan.set, SizeIs(2));
  EXPECT_THAT(plan.remove, IsEmpty());
  ASSERT_THAT(plan.filter.puts, SizeIs(1));
  const FilterRule& rule = plan.filter.puts[0].rule;
  EXPECT_EQ(plan.filter.puts[0].direction, Direction::kOutbound);
  EXPECT_THAT(rule.sources, ElementsAre(Prefix("100.64.0.1/32")));
  EXPECT_THAT(rule.destinations, UnorderedElementsAre(Prefix("100.64.0.2/32"),
                                                      Prefix("100.64.0.3/32")));
  EXPECT_TRUE(plan.self_changed && plan.dns_changed && plan.routes_changed);
}

TEST(MapPlanner, ARemovedPeerLosesItsRulesAndItsFlows) {
  MapPlanner planner;
  NetworkMap map = TwoPeers();
  (void)planner.Plan(map, {.is_whole = true}, {});
  const RuleKey rule{.id = 7, .direction = RuleDirection::kOutbound};
  map.peers.erase(2);
  map.members[rule].erase(2);
  const MapPlan plan = planner.Plan(
      map, {.items = {KeyOf(ItemClass::kPeer, 2)}, .members = {rule}}, {});
  ASSERT_THAT(plan.remove, SizeIs(1));
  EXPECT_EQ(plan.remove[0].name, "two");
  EXPECT_THAT(plan.revoked, ElementsAre(Prefix("100.64.0.2/32")));
  ASSERT_THAT(plan.filter.puts, SizeIs(1));
  EXPECT_THAT(plan.filter.puts[0].rule.destinations,
              ElementsAre(Prefix("100.64.0.3/32")));
}

TEST(MapPlanner, WhoIsNotBelievedIsNoPeer) {
  NetworkMap map = TwoPeers();
  map.peers[3].key_signature = {1, 2, 3};
  MapPlanner planner(
      [](const PeerInfo& peer) { return !peer.key_signature.empty(); });
  MapPlan plan = planner.Plan(map, {.is_whole = true}, {});
  ASSERT_THAT(plan.set, SizeIs(1));
  EXPECT_EQ(plan.set[0].name, "three");
  // A peer that is no longer believed goes, with its flows.
  map.peers[3].key_signature.clear();
  plan = planner.Plan(map, {.items = {KeyOf(ItemClass::kPeer, 3)}}, {});
  ASSERT_THAT(plan.remove, SizeIs(1));
  EXPECT_THAT(plan.revoked, ElementsAre(Prefix("100.64.0.3/32")));
}

TEST(MapPlanner, ARuleWhoseWindowsAreAllUnknownIsNoRule) {
  NetworkMap map = TwoPeers();
  map.rules.begin()->second.windows.emplace();
  MapPlanner planner;
  EXPECT_THAT(planner.Plan(map, {.is_whole = true}, {}).filter.puts, IsEmpty());
}

TEST(MapPlanner, ARuleForOneIcmpAloneHoldsInItsFamily) {
  NetworkMap map = TwoPeers();
  map.self->addresses.push_back(*IpAddress::Parse("fd00::1"));
  map.peers[2].addresses.push_back(*IpAddress::Parse("fd00::2"));
  map.rules.begin()->second.ports.clear();
  map.rules.begin()->second.protocols = {1};
  MapPlanner planner;
  const MapPlan plan = planner.Plan(map, {.is_whole = true}, {});
  ASSERT_THAT(plan.filter.puts, SizeIs(1));
  const FilterRule& rule = plan.filter.puts[0].rule;
  EXPECT_THAT(rule.sources, ElementsAre(Prefix("100.64.0.1/32")));
  EXPECT_THAT(rule.destinations, UnorderedElementsAre(Prefix("100.64.0.2/32"),
                                                      Prefix("100.64.0.3/32")));
  map.rules.begin()->second.protocols = {58};
  MapPlanner other;
  EXPECT_THAT(
      other.Plan(map, {.is_whole = true}, {}).filter.puts[0].rule.destinations,
      ElementsAre(Prefix("fd00::2/128")));
}

TEST(MapPlanner, TakesRoutesOfTheirOwnersAndAnExitIfItIsChosen) {
  NetworkMap map = TwoPeers();
  const IpPrefix lan = Prefix("10.1.0.0/16");
  map.routes[RouteItemId(lan)] = {.prefix = lan, .owner = 3};
  map.exits.insert(2);
  MapPlanner planner;
  (void)planner.Plan(map, {.is_whole = true}, {.exit = 2});
  EXPECT_THAT(planner.peers().at(3).routes, ElementsAre(lan));
  EXPECT_THAT(planner.peers().at(2).routes,
              UnorderedElementsAre(Prefix("0.0.0.0/0"), Prefix("::/0")));

  // Another choice, no change of the map.
  const MapPlan plan =
      planner.Plan(map, {}, {.accepts_routes = false, .exit = std::nullopt});
  EXPECT_THAT(plan.set, SizeIs(2));
  EXPECT_THAT(planner.peers().at(3).routes, IsEmpty());
  EXPECT_THAT(planner.peers().at(2).routes, IsEmpty());
}

TEST(MapPlanner, NeverTakesANetworkThatItLeadsToItself) {
  NetworkMap map = TwoPeers();
  const IpPrefix lan = Prefix("10.1.0.0/16");
  map.routes[RouteItemId(lan)] = {.prefix = lan, .owner = 3};
  MapPlanner planner;
  (void)planner.Plan(map, {.is_whole = true}, {.own_routes = {lan}});
  EXPECT_THAT(planner.peers().at(3).routes, IsEmpty());
}

TEST(MapPlanner, AnUnchangedPeerIsNotTouched) {
  MapPlanner planner;
  const NetworkMap map = TwoPeers();
  (void)planner.Plan(map, {.is_whole = true}, {});
  const MapPlan plan = planner.Plan(map, {.is_whole = true}, {});
  EXPECT_THAT(plan.set, IsEmpty());
  EXPECT_THAT(plan.remove, IsEmpty());
  EXPECT_FALSE(plan.routes_changed);
}

TEST(MapPlanner, SplitsARuleWithThousandsOfMembers) {
  NetworkMap map = TwoPeers();
  const RuleKey rule{.id = 7, .direction = RuleDirection::kOutbound};
  for (NodeId id = 10; id < 10'010; ++id) {
    PeerInfo peer = Peer("p" + std::to_string(id), 9);
    peer.addresses = {IpAddress::V4(100, 65, static_cast<uint8_t>(id >> 8U),
                                    static_cast<uint8_t>(id))};
    map.peers[id] = std::move(peer);
    map.members[rule].insert(id);
  }
  MapPlanner planner;
  FilterModel model;
  model.Apply(planner.Plan(map, {.is_whole = true}, {}).filter);
  EXPECT_EQ(model.size(), 3U);
  map.members.erase(rule);
  model.Apply(planner.Plan(map, {.members = {rule}}, {}).filter);
  EXPECT_EQ(model.size(), 0U);
}

TEST(MapPlanner, ClearTakesEverythingAway) {
  MapPlanner planner;
  FilterModel model;
  model.Apply(planner.Plan(TwoPeers(), {.is_whole = true}, {}).filter);
  const MapPlan plan = planner.Clear();
  model.Apply(plan.filter);
  EXPECT_THAT(plan.remove, SizeIs(2));
  EXPECT_EQ(model.size(), 0U);
  EXPECT_THAT(planner.Routes(), IsEmpty());
}

/// Draws maps that differ in a few things, and says in which.
class MapDraw {
 public:
  explicit MapDraw(uint64_t seed) : rng_(seed) {
    map.self =
        SelfInfo{.name = "me", .addresses = {IpAddress::V4(100, 64, 0, 1)}};
  }

  MapChanges Step() {
    MapChanges changes;
    const NodeId id = 2 + rng_.Below(6);
    const RuleKey rule{.id = 1 + rng_.Below(3),
                       .direction = static_cast<RuleDirection>(rng_.Below(2))};
    switch (rng_.Below(6)) {
      case 0:
        map.peers[id] =
            Peer("p", static_cast<uint8_t>(id + 10 * rng_.Below(3)));
        changes.items.insert(KeyOf(ItemClass::kPeer, id));
        break;
      case 1:
        map.peers.erase(id);
        changes.items.insert(KeyOf(ItemClass::kPeer, id));
        break;
      case 2:
        map.rules[rule] = RuleInfo{.own_identity = rng_.Below(2) == 0,
                                   .own = {Prefix("10.9.0.0/16")},
                                   .others = {Prefix("10.8.0.0/16")}};
        changes.items.insert(KeyOf(ItemClass::kRule, rule.id,
                                   static_cast<uint64_t>(rule.direction)));
        break;
      case 3:
        map.rules.erase(rule);
        map.members.erase(rule);
        changes.items.insert(KeyOf(ItemClass::kRule, rule.id,
                                   static_cast<uint64_t>(rule.direction)));
        break;
      case 4:
        if (map.rules.contains(rule)) {
          map.members[rule].insert(id);
          changes.members.insert(rule);
        }
        break;
      default: {
        const IpPrefix lan = Prefix("10.1.0.0/16");
        map.routes[RouteItemId(lan)] = {.prefix = lan, .owner = id};
        changes.items.insert(KeyOf(ItemClass::kRoute, RouteItemId(lan)));
        break;
      }
    }
    return changes;
  }

  NetworkMap map;

 private:
  SeededRng rng_;
};

TEST(MapPlanner, ManySmallPlansAddUpToTheOneOfTheWholeMap) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    MapDraw draw(seed);
    MapPlanner planner;
    FilterModel model;
    std::map<NodeId, PlannedPeer> engine;
    model.Apply(planner.Plan(draw.map, {.is_whole = true}, {}).filter);
    for (int step = 0; step < 60; ++step) {
      const MapChanges changes = draw.Step();
      const MapPlan plan = planner.Plan(draw.map, changes, {});
      model.Apply(plan.filter);
      for (const PlannedPeer& peer : plan.remove) {
        EXPECT_EQ(engine.erase(peer.id), 1U);
      }
      for (const PlannedPeer& peer : plan.set) {
        engine.insert_or_assign(peer.id, peer);
      }
      MapPlanner fresh;
      FilterModel expected;
      expected.Apply(fresh.Plan(draw.map, {.is_whole = true}, {}).filter);
      ASSERT_EQ(model.Describe(), expected.Describe()) << "seed " << seed;
      ASSERT_EQ(engine, fresh.peers()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace natkit::mesh
