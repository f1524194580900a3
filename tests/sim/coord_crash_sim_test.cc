#include <gtest/gtest.h>

#include "coord_world.h"

namespace natkit::mesh {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

/// Long enough for the longest pause between two attempts to connect, and for
/// a server that waits for acknowledgements.
constexpr Duration kSettled = seconds(200);
/// Bytes that travel at once: messages come in pieces.
constexpr size_t kChunk = 100;

/// Nodes a, b and c that see each other.
class CrashWorld : public CoordWorld {
 public:
  CrashWorld() : CoordWorld(11) {
    SetPolicy({{.id = 1, .from = "*", .to = "*", .port = 80}});
    const std::string key = MakeKey({"tag:x"});
    for (const char* name : {"a", "b", "c"}) {
      Add(name, key);
    }
    Run(seconds(2));
  }

  /// From now on: at the step of this number, `victim` is killed and started
  /// again; an empty one is the server.
  void CrashAt(size_t step, const std::string& victim) {
    steps = 0;
    const Instant end = now() + seconds(3);
    on_step = [this, step, victim, end] {
      if (now() > end || steps++ != step) {
        return false;
      }
      killed = victim;
      victim.empty() ? Boot() : Crash(victim);
      return true;
    };
  }

  /// Whether every peer that has a stream knows the key that `name` uses now.
  /// The server waits for no others; who was killed learns it with its map.
  testing::AssertionResult KnowTheKeyOf(const std::string& name) {
    const NodeId id = IdOf(name);
    const PublicKey used = DerivePublicKey(hosts.at(name).disk.node_key);
    for (const auto& [viewer, host] : hosts) {
      const MapReplica* map = host.client->map();
      if (viewer == name || viewer == killed || !host.client->is_admitted()) {
        continue;
      }
      const auto peer = map->map().peers.find(id);
      if (peer == map->map().peers.end() ||
          (peer->second.node_key != used && peer->second.next_key != used)) {
        return testing::AssertionFailure() << viewer << " does not know it";
      }
    }
    return testing::AssertionSuccess();
  }

  size_t steps = 0;
  std::string killed;
};

void ExpectAllInStep(CoordWorld& world) {
  for (const auto& [name, host] : world.hosts) {
    const NodeId id = world.IdOf(name);
    if (id == 0) {
      continue;
    }
    EXPECT_TRUE(host.client->is_admitted()) << name;
    const MapReplica* map = host.client->map();
    ASSERT_NE(map, nullptr) << name;
    EXPECT_EQ(map->map(), world.Expected(id)) << name;
  }
}

/// The rotation is over, one way or the other: node, server and peers agree.
void ExpectOneKey(CrashWorld& world, const std::string& name) {
  const NodeRecord* node = world.registry->FindNode(world.IdOf(name));
  ASSERT_NE(node, nullptr);
  const CoordWorld::Host& host = world.hosts.at(name);
  EXPECT_FALSE(host.disk.next_key);
  EXPECT_EQ(node->keys.node_key, DerivePublicKey(host.disk.node_key));
  for (const auto& [viewer, other] : world.hosts) {
    const NetworkMap& map = other.client->map()->map();
    if (viewer == name) {
      EXPECT_EQ(map.self->node_key, node->keys.node_key);
      EXPECT_FALSE(map.self->next_key);
      continue;
    }
    const PeerInfo& peer = map.peers.at(node->id);
    EXPECT_EQ(peer.node_key, node->keys.node_key) << viewer;
    EXPECT_FALSE(peer.next_key) << viewer;
  }
}

class Crash : public testing::TestWithParam<const char*> {};

TEST_P(Crash, AtAnyStepOfARotationItGoesOn) {
  size_t steps = 0;
  for (size_t step = 0; step <= steps; ++step) {
    SCOPED_TRACE("killed at step " + std::to_string(step));
    CrashWorld world;
    const PublicKey before = DerivePublicKey(world.hosts.at("a").disk.node_key);
    world.CrashAt(step, GetParam());
    const auto crash = std::move(world.on_step);
    world.on_step = [&] {
      if (!testing::Test::HasFailure()) {
        EXPECT_TRUE(world.KnowTheKeyOf("a")) << "at step " << world.steps;
      }
      return crash();
    };
    world.RotateKey("a");
    world.Run(kSettled, kChunk);
    steps = world.steps;

    ExpectAllInStep(world);
    ExpectOneKey(world, "a");
    EXPECT_NE(DerivePublicKey(world.hosts.at("a").disk.node_key), before);
    if (testing::Test::HasFailure()) {
      return;
    }
  }
  EXPECT_GT(steps, 30U);
}

TEST_P(Crash, AtAnyStepOfARevocationLeavesNoTrace) {
  size_t steps = 0;
  for (size_t step = 0; step <= steps; ++step) {
    SCOPED_TRACE("killed at step " + std::to_string(step));
    CrashWorld world;
    const NodeId gone = world.IdOf("a");
    world.CrashAt(step, GetParam());
    ASSERT_TRUE(world.registry->Delete(world.Time().wall, "test", gone));
    ASSERT_TRUE(world.server->Settle(world.Time()));  // it is on the disk
    world.Run(kSettled, kChunk);
    steps = world.steps;

    EXPECT_EQ(world.registry->FindNode(gone), nullptr);
    const CoordWorld::Host& a = world.hosts.at("a");
    ASSERT_TRUE(a.lost);
    EXPECT_TRUE(a.lost->is_final);
    for (const char* name : {"b", "c"}) {
      const NetworkMap& map = world.hosts.at(name).client->map()->map();
      EXPECT_FALSE(map.peers.contains(gone)) << name;
      for (const auto& [rule, members] : map.members) {
        EXPECT_FALSE(members.contains(gone)) << name;
      }
    }
    ExpectAllInStep(world);
    if (testing::Test::HasFailure()) {
      return;
    }
  }
  EXPECT_GT(steps, 15U);
}

std::string VictimName(const testing::TestParamInfo<const char*>& tested) {
  const std::string victim = tested.param;
  return victim.empty() ? "TheServer" : "Node_" + victim;
}

INSTANTIATE_TEST_SUITE_P(Of, Crash, testing::Values("", "a", "b"), VictimName);

}  // namespace
}  // namespace natkit::mesh
