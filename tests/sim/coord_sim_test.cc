#include <gtest/gtest.h>

#include "coord_world.h"

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TagPolicy::Rule Reach(uint64_t id, std::string from, std::string to,
                      uint16_t port) {
  return {.id = id, .from = std::move(from), .to = std::move(to), .port = port};
}

void ExpectInStep(CoordWorld& world, const std::string& name) {
  const MapReplica* map = world.hosts.at(name).client->map();
  ASSERT_NE(map, nullptr) << name;
  const NodeId id = world.IdOf(name);
  EXPECT_EQ(map->map(), world.Expected(id)) << name;
  EXPECT_EQ(map->position()->digest, world.server->views().Digest(id)) << name;
}

TEST(Coordinator, JoinsNodesByAuthKeyAndTellsThemOfEachOther) {
  CoordWorld world(1);
  world.SetPolicy({Reach(7, "tag:laptop", "tag:server", 22)});
  world.Add("a", world.MakeKey({"tag:laptop"}));
  world.Add("b", world.MakeKey({"tag:server"}));
  world.Add("c", world.MakeKey({"tag:laptop"}));
  world.Run(seconds(2));

  for (const char* name : {"a", "b", "c"}) {
    EXPECT_EQ(world.hosts.at(name).state, AdmissionState::kActive) << name;
    ExpectInStep(world, name);
  }
  const NetworkMap& a = world.hosts.at("a").client->map()->map();
  EXPECT_EQ(a.peers.size(), 1U);  // c is of no concern to it
  EXPECT_TRUE(a.peers.contains(world.IdOf("b")));
  EXPECT_EQ(a.self->name, "a");
  const NetworkMap& b = world.hosts.at("b").client->map()->map();
  EXPECT_EQ(b.peers.size(), 2U);
  const RuleKey inbound{.id = 7, .direction = RuleDirection::kInbound};
  EXPECT_EQ(b.members.at(inbound).size(), 2U);
}

TEST(Coordinator, ANodeWithoutAKeyWaitsForItsCodeToBeApproved) {
  CoordWorld world(2);
  world.SetPolicy({Reach(1, "*", "*", 80)});
  world.Add("a", "");
  world.Run(seconds(1));
  EXPECT_EQ(world.hosts.at("a").state, AdmissionState::kPendingApproval);
  const std::string code = world.hosts.at("a").code;
  EXPECT_EQ(code.size(), 9U);

  ASSERT_TRUE(world.registry->Approve(world.Time().wall, "test", code,
                                      {.tags = {"tag:x"}}));
  world.Run(seconds(1));
  EXPECT_EQ(world.hosts.at("a").state, AdmissionState::kActive);
  ExpectInStep(world, "a");
}

TEST(Coordinator, RevocationReachesEveryPeerAtOnceAndLeavesNoTrace) {
  CoordWorld world(3);
  world.SetPolicy({Reach(1, "*", "*", 80)});
  const std::string key = world.MakeKey({"tag:x"});
  for (const char* name : {"a", "b", "c", "d"}) {
    world.Add(name, key);
  }
  world.Run(seconds(2));
  const NodeId gone = world.IdOf("b");
  const NodeKeys keys = world.registry->FindNode(gone)->keys;
  const uint64_t urgent = world.server->counters().urgent;
  ASSERT_TRUE(world.registry->Delete(world.Time().wall, "test", gone));
  world.Run(milliseconds(0));

  EXPECT_EQ(world.server->counters().urgent, urgent + 3);
  EXPECT_EQ(world.server->counters().urgent_acknowledged, urgent + 3);
  EXPECT_TRUE(world.hosts.at("b").lost->is_final);
  EXPECT_EQ(world.hosts.at("b").lost->goodbye, GoodbyeReason::kRevoked);
  for (const char* name : {"a", "c", "d"}) {
    const NetworkMap& map = world.hosts.at(name).client->map()->map();
    EXPECT_FALSE(map.peers.contains(gone));
    for (const auto& [rule, members] : map.members) {
      EXPECT_FALSE(members.contains(gone));
    }
    ExpectInStep(world, name);
  }
  // Nor does it come back, with the same machine key or another.
  world.hosts.at("b").client->Start(world.now());
  world.Run(seconds(5));
  EXPECT_EQ(world.hosts.at("b").lost->goodbye, GoodbyeReason::kRefused);
  EXPECT_TRUE(world.registry->IsRevoked(keys));
}

TEST(Coordinator, AReturnWithAnEqualDigestCostsNoMap) {
  CoordWorld world(4);
  world.SetPolicy({Reach(1, "*", "*", 80)});
  const std::string key = world.MakeKey({"tag:x"});
  world.Add("a", key);
  world.Add("b", key);
  world.Run(seconds(2));
  const uint64_t snapshots = world.server->counters().snapshots;

  world.Cut("a");
  world.Run(seconds(5));
  EXPECT_TRUE(world.hosts.at("a").client->is_admitted());
  EXPECT_EQ(world.server->counters().snapshots, snapshots);
  ExpectInStep(world, "a");
  ExpectInStep(world, "b");
}

TEST(Coordinator, AfterItsOwnRestartTheMapsAreStillTheSame) {
  CoordWorld world(5);
  world.SetPolicy({Reach(1, "*", "*", 80)});
  const std::string key = world.MakeKey({"tag:x"});
  world.Add("a", key);
  world.Add("b", key);
  world.Run(seconds(2));
  world.Boot();
  world.Run(seconds(5));
  for (const char* name : {"a", "b"}) {
    EXPECT_TRUE(world.hosts.at(name).client->is_admitted());
    ExpectInStep(world, name);
  }
}

// ---- Random events ---------------------------------------------------------

/// Draws events for a world of a few nodes.
class EventDraw {
 public:
  explicit EventDraw(uint64_t seed) : world_(seed), rng_(seed * 7919 + 1) {
    for (const char* tag : {"tag:a", "tag:b", "tag:router"}) {
      keys_.push_back(world_.MakeKey({tag}));
    }
    keys_.push_back(world_.MakeKey({"tag:a", "tag:b"}));
  }

  CoordWorld& world() { return world_; }

  void Step() {
    switch (rng_.Below(12)) {
      case 0:
      case 1:
        world_.Add("n" + std::to_string(next_++),
                   keys_[rng_.Below(keys_.size())]);
        return;
      case 2:
        return Change([&](NodeId id) {
          (void)world_.registry->Delete(world_.Time().wall, "test", id);
        });
      case 3:
        return DrawPolicy();
      case 4:
        return Change([&](NodeId id) {
          (void)world_.registry->SetOwner(world_.Time().wall, "test", id,
                                          {.tags = {DrawTag()}});
        });
      case 5:
        return Change([&](NodeId id) {
          (void)world_.registry->Rename(world_.Time().wall, "test", id,
                                        "r" + std::to_string(next_++));
        });
      case 6:
      case 7:
        return DrawReport();
      case 8:
        if (const auto name = DrawName()) {
          world_.Cut(*name);
        }
        return;
      case 9:
        if (const auto name = DrawName()) {
          CoordWorld::Host& host = world_.hosts.at(*name);
          host.is_cut_off = !host.is_cut_off;
          world_.Cut(*name);
        }
        return;
      case 10:
        return Change([&](NodeId id) {
          const NodeRecord& node = *world_.registry->FindNode(id);
          (void)world_.registry->ApproveRoutes(world_.Time().wall, "test", id,
                                               node.advertised,
                                               rng_.Below(2) == 0);
        });
      default:
        world_.Run(milliseconds(rng_.Below(200)), 1 + rng_.Below(3000));
        return;
    }
  }

  void Settle() {
    for (auto& [name, host] : world_.hosts) {
      host.is_cut_off = false;
      host.client->Probe(world_.now());
    }
    world_.Run(seconds(10));
  }

 private:
  std::string DrawTag() {
    constexpr std::array<const char*, 3> kTags = {"tag:a", "tag:b",
                                                  "tag:router"};
    return kTags.at(rng_.Below(kTags.size()));
  }

  std::optional<std::string> DrawName() {
    if (world_.hosts.empty()) {
      return std::nullopt;
    }
    auto at = world_.hosts.begin();
    std::advance(at, static_cast<long>(rng_.Below(world_.hosts.size())));
    return at->first;
  }

  template <class Verb>
  void Change(Verb verb) {
    const auto& nodes = world_.registry->nodes();
    if (!nodes.empty()) {
      auto at = nodes.begin();
      std::advance(at, static_cast<long>(rng_.Below(nodes.size())));
      verb(at->first);
    }
  }

  void DrawPolicy() {
    std::vector<TagPolicy::Rule> rules;
    for (uint64_t id = 1; id <= 5; ++id) {
      if (rng_.Below(2) == 0) {
        TagPolicy::Rule rule =
            Reach(id, rng_.Below(4) == 0 ? "*" : DrawTag(), DrawTag(),
                  static_cast<uint16_t>(80 + rng_.Below(2)));
        if (rng_.Below(2) == 0) {
          rule.to_prefix = IpPrefix::Parse("10.0.0.0/8").value();
        }
        rule.is_internet = rng_.Below(3) == 0;
        rules.push_back(std::move(rule));
      }
    }
    world_.SetPolicy(std::move(rules));
  }

  void DrawReport() {
    const auto name = DrawName();
    if (!name) {
      return;
    }
    const auto octet = static_cast<uint8_t>(rng_.Below(3));
    world_.hosts.at(*name).client->SetReport(
        world_.now(),
        {.endpoints =
             std::vector<Endpoint>{{IpAddress::V4(198, 51, 100, octet), 41641}},
         .home_relay = rng_.Below(3),
         .routes = std::vector<IpPrefix>{*IpPrefix::Make(
             IpAddress::V4(10, octet, 0, 0), 16)},
         .offers_exit = rng_.Below(2) == 0});
  }

  CoordWorld world_;
  SeededRng rng_;
  std::vector<std::string> keys_;
  unsigned next_ = 0;
};

void ExpectNoTraceOfTheGone(CoordWorld& world) {
  for (const auto& [name, host] : world.hosts) {
    const MapReplica* replica = host.client->map();
    if (replica == nullptr || !host.client->is_admitted()) {
      continue;
    }
    const NetworkMap& map = replica->map();
    for (const auto& [id, peer] : map.peers) {
      EXPECT_NE(world.registry->FindNode(id), nullptr);
    }
    for (const auto& [rule, members] : map.members) {
      for (const NodeId id : members) {
        EXPECT_NE(world.registry->FindNode(id), nullptr);
      }
    }
    for (const auto& [id, route] : map.routes) {
      EXPECT_NE(world.registry->FindNode(route.owner), nullptr);
    }
    for (const NodeId id : map.exits) {
      EXPECT_NE(world.registry->FindNode(id), nullptr);
    }
  }
}

class RandomEvents : public testing::TestWithParam<uint64_t> {};

// Ten thousand sequences in ten tests, each of its own seeds.
TEST_P(RandomEvents, LeaveEveryNodeWithTheMapThatASnapshotWouldGive) {
  constexpr uint64_t kSequences = 1000;
  for (uint64_t i = 0; i < kSequences; ++i) {
    const uint64_t seed = GetParam() * kSequences + i;
    SCOPED_TRACE("seed " + std::to_string(seed));
    EventDraw draw(seed);
    for (int step = 0; step < 30; ++step) {
      draw.Step();
    }
    draw.Settle();
    CoordWorld& world = draw.world();
    EXPECT_EQ(world.server->counters().protocol_errors, 0U);
    while (const auto notice = world.server->PollNotice()) {
      EXPECT_NE(notice->kind, CoordinatorNotice::Kind::kResync) << notice->text;
    }
    for (const auto& [name, host] : world.hosts) {
      if (world.IdOf(name) != 0) {
        EXPECT_TRUE(host.client->is_admitted()) << name;
        ExpectInStep(world, name);
      }
    }
    ExpectNoTraceOfTheGone(world);
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomEvents, testing::Range<uint64_t>(1, 11));

}  // namespace
}  // namespace natkit::mesh
