#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "natkit/mesh/registry/memory_store.h"
#include "natkit/mesh/registry/registry.h"

namespace natkit::mesh {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

/// Does things at random, and looks at every node to know what is due.
class RegistryWalk {
 public:
  explicit RegistryWalk(uint64_t seed) : rng_(seed) {
    Load();
    EXPECT_TRUE(registry_->AddUser(now_, "test", kUser, {}));
    user_key_ = MakeKey({.owner = {.user = kUser}, .is_reusable = true});
    short_lived_key_ = MakeKey({.owner = {.tags = {"tag:x"}},
                                .is_reusable = true,
                                .is_ephemeral = true,
                                .lifetime = hours(100'000)});
  }

  void Step() {
    has_just_handled_ = false;
    const NodeId node = AnyNode();
    switch (rng_.NextU32() % 10) {
      case 0:
      case 1:
        Join();
        break;
      case 2:
      case 3:
        registry_->SetOnline(now_, node, rng_.NextU32() % 2 == 0);
        break;
      case 4:
        (void)registry_->SetExpiry(now_, "test", node, now_ + AnyTime());
        break;
      case 5:
        (void)registry_->AnnounceKey(now_, node, AnyKey());
        break;
      case 6:
        (void)registry_->Delete(now_, "test", node);
        break;
      case 7:
        (void)registry_->Approve(now_, "test", std::to_string(node),
                                 {.user = kUser});
        break;
      case 8:
        Pass();
        break;
      default:
        Restart();
        break;
    }
  }

  [[nodiscard]] std::optional<WallTime> Next() const {
    return registry_->NextTimeout();
  }

  [[nodiscard]] std::optional<WallTime> Expected() const {
    std::optional<WallTime> next;
    const auto earlier = [&next](WallTime at) {
      next = next ? std::min(*next, at) : at;
    };
    for (const auto& [id, node] : registry_->nodes()) {
      const bool is_online = registry_->is_online(id);
      if (node.key_expiry && (!handled_ || *node.key_expiry > *handled_)) {
        earlier(*node.key_expiry);
      }
      if (is_online && node.next_key) {
        earlier(node.next_key_since + hours(24));
      } else if (!is_online && node.status == NodeStatus::kPendingApproval) {
        earlier(node.last_seen + hours(24));
      } else if (!is_online && node.is_ephemeral) {
        earlier(node.last_seen + minutes(5));
      }
    }
    return next;
  }

  [[nodiscard]] WallTime now() const { return now_; }

  /// Whether the last step was one of time.
  [[nodiscard]] bool has_just_handled() const { return has_just_handled_; }

 private:
  static constexpr const char* kUser = "ann@example.com";

  void Load() {
    registry_.reset();
    registry_ = *Registry::Load({.ipv4 = *IpPrefix::Parse("100.64.0.0/10"),
                                 .ipv6 = *IpPrefix::Parse("fd00:1:2::/48")},
                                store_, rng_, now_);
  }

  void Restart() {
    ASSERT_TRUE(registry_->Commit());
    Load();
  }

  void Pass() {
    now_ += AnyTime();
    registry_->HandleTimeout(now_);
    handled_ = now_;
    has_just_handled_ = true;
  }

  void Join() {
    const uint32_t kind = rng_.NextU32() % 3;
    JoinRequest request{.host_name = "host"};
    if (kind > 0) {
      request.auth_key = kind == 1 ? user_key_ : short_lived_key_;
    }
    request.keys = {.machine_key = MachineIdentity::Generate(rng_).key(),
                    .node_key = AnyKey(),
                    .signalling_key = AnyKey()};
    (void)registry_->Join(now_, request);
  }

  std::string MakeKey(const AuthKeySpec& spec) {
    return registry_->MakeAuthKey(now_, "test", spec)->secret;
  }

  PublicKey AnyKey() { return DerivePublicKey(GeneratePrivateKey(rng_)); }

  /// Up to two days, but often a few minutes.
  std::chrono::milliseconds AnyTime() {
    const int64_t limit = rng_.NextU32() % 2 == 0 ? 10 : 2880;
    return minutes(1 + rng_.NextU32() % limit);
  }

  NodeId AnyNode() {
    const auto& nodes = registry_->nodes();
    if (nodes.empty()) {
      return 0;
    }
    const auto index = static_cast<ptrdiff_t>(rng_.NextU32() % nodes.size());
    return std::next(nodes.begin(), index)->first;
  }

  SeededRng rng_;
  WallTime now_{std::chrono::milliseconds(1'800'000'000'000)};
  MemoryStore store_;
  std::unique_ptr<Registry> registry_;
  std::optional<WallTime> handled_;  ///< by this registry
  bool has_just_handled_ = false;
  std::string user_key_;
  std::string short_lived_key_;
};

TEST(RegistryDeadlines, AreThoseOfAllNodesWhateverHappened) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    RegistryWalk walk(seed);
    for (int step = 0; step < 400; ++step) {
      walk.Step();
      const auto next = walk.Next();
      ASSERT_EQ(next, walk.Expected()) << "after step " << step;
      if (walk.has_just_handled()) {
        ASSERT_TRUE(!next || *next > walk.now()) << "after step " << step;
      }
    }
  }
}

TEST(RegistryDeadlines, AnExpiryIsToldAgainAfterTheClockWasSetBack) {
  SeededRng rng(1);
  MemoryStore store;
  const WallTime start{std::chrono::milliseconds(1'800'000'000'000)};
  const auto registry =
      *Registry::Load({.ipv4 = *IpPrefix::Parse("100.64.0.0/10"),
                       .ipv6 = *IpPrefix::Parse("fd00:1:2::/48")},
                      store, rng, start);
  const auto key =
      registry->MakeAuthKey(start, "test", {.owner = {.tags = {"tag:x"}}});
  const auto random_key = [&rng] {
    return DerivePublicKey(GeneratePrivateKey(rng));
  };
  const NodeId id = *registry->Join(
      start, {.keys = {.machine_key = MachineIdentity::Generate(rng).key(),
                       .node_key = random_key(),
                       .signalling_key = random_key()},
              .auth_key = key->secret});
  const WallTime expiry = start + hours(2);
  ASSERT_TRUE(registry->SetExpiry(start, "test", id, expiry));
  registry->HandleTimeout(start + hours(3));
  EXPECT_TRUE(registry->TakeChanges().revoked.contains(id));
  registry->HandleTimeout(start + hours(1));
  EXPECT_FALSE(registry->TakeChanges().revoked.contains(id));
  EXPECT_EQ(registry->NextTimeout(), expiry);
  registry->HandleTimeout(expiry);
  EXPECT_TRUE(registry->TakeChanges().revoked.contains(id));
}

}  // namespace
}  // namespace natkit::mesh
