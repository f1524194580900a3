#include <gtest/gtest.h>

#include <algorithm>

#include "natkit/mesh/registry/memory_store.h"
#include "natkit/mesh/registry/registry.h"
#include "registry/former_keys.h"

namespace natkit::mesh {
namespace {

using std::chrono::hours;

class RegistryVerbs : public testing::Test {
 protected:
  RegistryVerbs() { Load(); }

  void Load() {
    registry.reset();
    auto loaded = Registry::Load({.ipv4 = *IpPrefix::Parse("100.64.0.0/10"),
                                  .ipv6 = *IpPrefix::Parse("fd00:1:2::/48")},
                                 store, rng, now);
    ASSERT_TRUE(loaded) << loaded.error();
    registry = *std::move(loaded);
  }

  JoinRequest MakeNode(std::string auth_key, std::string host = "host") {
    JoinRequest request{.auth_key = std::move(auth_key),
                        .host_name = std::move(host)};
    request.keys.machine_key = MachineIdentity::Generate(rng).key();
    request.keys.node_key = DerivePublicKey(GeneratePrivateKey(rng));
    request.keys.signalling_key = DerivePublicKey(GeneratePrivateKey(rng));
    return request;
  }

  std::string MakeKey(const AuthKeySpec& spec) {
    return registry->MakeAuthKey(now, "test", spec)->secret;
  }

  size_t CountRecords(std::string_view kind) {
    const auto records = *store.LoadAll();
    return static_cast<size_t>(
        std::ranges::count(records, kind, &StoreRecord::kind));
  }

  size_t CountEvents(std::string_view type) {
    const auto events = *store.ListEvents(0, SIZE_MAX);
    return static_cast<size_t>(
        std::ranges::count(events, type, &StoreEvent::type));
  }

  SeededRng rng{1};
  WallTime now{std::chrono::milliseconds(1'800'000'000'000)};
  MemoryStore store;
  std::unique_ptr<Registry> registry;
};

TEST_F(RegistryVerbs, APendingNodeThatComesWithAKeyIsFoundByItsAddress) {
  JoinRequest request = MakeNode("");
  const NodeId id = *registry->Join(now, request);
  request.auth_key = MakeKey({.owner = {.tags = {"tag:x"}}});
  ASSERT_EQ(*registry->Join(now, request), id);
  const NodeRecord& node = *registry->FindNode(id);
  EXPECT_EQ(node.status, NodeStatus::kActive);
  ASSERT_EQ(node.addresses.size(), 2U);
  EXPECT_EQ(registry->FindNode(node.addresses[0].ToString()), &node);
}

TEST_F(RegistryVerbs, ARenewalGivesTheAnnouncedKeyFree) {
  const std::string key =
      MakeKey({.owner = {.tags = {"tag:x"}}, .is_reusable = true});
  JoinRequest request = MakeNode(key);
  const NodeId id = *registry->Join(now, request);
  const PublicKey next = DerivePublicKey(GeneratePrivateKey(rng));
  ASSERT_TRUE(registry->AnnounceKey(now, id, next));
  request.keys.node_key = DerivePublicKey(GeneratePrivateKey(rng));
  ASSERT_TRUE(registry->Join(now, request));
  EXPECT_TRUE(registry->AnnounceKey(now, id, next));
}

TEST_F(RegistryVerbs, AnAnnouncedKeyOfAnAbsentNodeIsKept) {
  JoinRequest request = MakeNode(MakeKey({.owner = {.tags = {"tag:x"}}}));
  const NodeId id = *registry->Join(now, request);
  const PublicKey next = DerivePublicKey(GeneratePrivateKey(rng));
  ASSERT_TRUE(registry->AnnounceKey(now, id, next));
  // It switched, and died before it could say so.
  now += hours(100);
  registry->HandleTimeout(now);
  EXPECT_EQ(registry->NextTimeout(), std::nullopt);
  request.keys.node_key = next;
  request.auth_key.clear();
  EXPECT_EQ(registry->Join(now, request), id);
  EXPECT_EQ(registry->FindNode(id)->keys.node_key, next);
}

TEST_F(RegistryVerbs, AnAnnouncedKeyIsTakenBackFromWhoDoesNotUseIt) {
  JoinRequest request = MakeNode(MakeKey({.owner = {.tags = {"tag:x"}}}));
  const NodeId id = *registry->Join(now, request);
  ASSERT_TRUE(
      registry->AnnounceKey(now, id, DerivePublicKey(GeneratePrivateKey(rng))));
  now += hours(100);
  request.auth_key.clear();
  ASSERT_TRUE(registry->Join(now, request));  // with the present key
  registry->SetOnline(now, id, true);
  registry->HandleTimeout(now);
  EXPECT_TRUE(registry->FindNode(id)->next_key);  // it may go on
  ASSERT_EQ(registry->NextTimeout(), now + hours(24));
  now += hours(24);
  registry->HandleTimeout(now);
  EXPECT_FALSE(registry->FindNode(id)->next_key);
}

TEST_F(RegistryVerbs, AnExpiryThatIsSetAgainIsWaitedForAgain) {
  const NodeId id =
      *registry->Join(now, MakeNode(MakeKey({.owner = {.tags = {"tag:x"}}})));
  ASSERT_TRUE(registry->SetExpiry(now, "test", id, now));
  registry->HandleTimeout(now);
  EXPECT_EQ(registry->NextTimeout(), std::nullopt);
  const WallTime later = now + hours(1);
  ASSERT_TRUE(registry->SetExpiry(now, "test", id, later));
  EXPECT_EQ(registry->NextTimeout(), later);
  (void)registry->TakeChanges();
  registry->HandleTimeout(later);
  EXPECT_TRUE(registry->TakeChanges().revoked.contains(id));
}

TEST_F(RegistryVerbs, NoNodeIsCalledLikeAnothersNumber) {
  const std::string key =
      MakeKey({.owner = {.tags = {"tag:x"}}, .is_reusable = true});
  const NodeId first = *registry->Join(now, MakeNode(key));
  const NodeId second =
      *registry->Join(now, MakeNode(key, std::to_string(first)));
  EXPECT_EQ(registry->FindNode(second)->name, "node-1");
  EXPECT_EQ(registry->FindNode(std::to_string(first))->id, first);
  EXPECT_EQ(registry->Rename(now, "test", second, "1").error().kind,
            RefusalKind::kInvalid);
}

TEST_F(RegistryVerbs, NoNodeIsCalledLocalhost) {
  const std::string key = MakeKey({.owner = {.tags = {"tag:x"}}});
  const NodeId id =
      *registry->Join(now, MakeNode(key, "localhost.localdomain"));
  EXPECT_EQ(registry->FindNode(id)->name, "node");
  EXPECT_EQ(registry->Rename(now, "test", id, "localhost").error().kind,
            RefusalKind::kInvalid);
}

TEST_F(RegistryVerbs, TagsAreCheckedAndTheirOrderMeansNothing) {
  for (const char* bad : {"", "x", "tag:", "tag:1x", "tag:a b", "tag:a_b"}) {
    EXPECT_FALSE(registry->MakeAuthKey(now, "t", {.owner = {.tags = {bad}}}))
        << bad;
  }
  JoinRequest request = MakeNode(
      MakeKey({.owner = {.tags = {"tag:b", "tag:a"}}, .is_reusable = true}));
  const NodeId id = *registry->Join(now, request);
  const std::string same = MakeKey({.owner = {.tags = {"tag:a", "tag:b"}}});
  ASSERT_TRUE(registry->SetExpiry(now, "test", id, now));
  request.auth_key = same;
  EXPECT_TRUE(registry->Join(now, request));
}

TEST_F(RegistryVerbs, NothingIsTakenThatCouldNotBeLoadedAgain) {
  const std::string bad = "\xff\xfe";
  EXPECT_FALSE(registry->SetPolicy(now, "t", bad, std::nullopt));
  EXPECT_EQ(registry->policy(), nullptr);
  EXPECT_FALSE(registry->MakeAuthKey(
      now, "t", {.owner = {.tags = {"tag:x"}}, .description = bad}));
  EXPECT_FALSE(registry->MakeApiToken(now, "t", {"all"}, std::nullopt, bad));
  EXPECT_FALSE(registry->AddUser(now, "t", bad, {}));
  EXPECT_FALSE(registry->AddRelay(now, "t", {.name = bad, .host = "h"}));
  EXPECT_FALSE(registry->AddRelay(
      now, "t", {.name = std::string(254, 'x'), .host = "h"}));
  EXPECT_FALSE(registry->AddRelay(
      now, "t", {.name = std::string("a\0b", 3), .host = "h"}));
  EXPECT_FALSE(registry->SetDns(now, "t", {.domain = bad}));
  EXPECT_FALSE(
      registry->SetDns(now, "t", {.search = std::vector<std::string>(17)}));
  ASSERT_TRUE(registry->Commit());
  Load();
}

TEST_F(RegistryVerbs, TwoKeysOfANodeAreTwo) {
  JoinRequest request = MakeNode(MakeKey({.owner = {.tags = {"tag:x"}}}));
  request.keys.signalling_key = request.keys.node_key;
  EXPECT_EQ(registry->Join(now, request).error().kind, RefusalKind::kInvalid);
}

TEST_F(RegistryVerbs, AuthKeysAreGoodForWhatTheySay) {
  const auto once = registry->MakeAuthKey(
      now, "t", {.owner = {.tags = {"tag:x"}}, .is_ephemeral = true});
  const NodeId id = *registry->Join(now, MakeNode(once->secret));
  EXPECT_TRUE(registry->FindNode(id)->is_ephemeral);
  EXPECT_FALSE(registry->Join(now, MakeNode(once->secret)));
  const auto many = registry->MakeAuthKey(now, "t",
                                          {.owner = {.tags = {"tag:x"}},
                                           .is_reusable = true,
                                           .lifetime = std::chrono::hours(1)});
  EXPECT_TRUE(registry->Join(now, MakeNode(many->secret)));
  EXPECT_TRUE(registry->Join(now, MakeNode(many->secret)));
  EXPECT_FALSE(registry->Join(now + hours(1), MakeNode(many->secret)));
  std::string wrong = many->secret;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  EXPECT_FALSE(registry->Join(now, MakeNode(wrong)));
  ASSERT_TRUE(registry->RevokeAuthKey(now, "t", many->id, true));
  EXPECT_FALSE(registry->Join(now, MakeNode(many->secret)));
  EXPECT_EQ(registry->nodes().size(), 1U);
}

/// Lets in who says "badge:" and a user; a "visitor" waits.
class Badges final : public Authenticator {
 public:
  [[nodiscard]] std::optional<Decision<Admittance>> Authenticate(
      WallTime, const JoinRequest& request) const override {
    constexpr std::string_view kPrefix = "badge:";
    if (!request.auth_key.starts_with(kPrefix)) {
      return std::nullopt;
    }
    const std::string user = request.auth_key.substr(kPrefix.size());
    if (user == "thief") {
      return Refuse(RefusalKind::kForbidden, "that badge was lost");
    }
    return user == "visitor" ? Admittance{}
                             : Admittance{.owner = {.user = user, .tags = {}},
                                          .is_approved = true,
                                          .credential_id = "badge-" + user};
  }

  void NoteUse(WallTime, const Admittance& admittance,
               const NodeRecord& node) override {
    used.push_back(admittance.credential_id + " " + node.name);
  }

  std::vector<std::string> used;
};

TEST_F(RegistryVerbs, AnotherAuthenticatorLetsNodesInBesideAuthKeys) {
  const auto badges = std::make_shared<Badges>();
  registry->AddAuthenticator(badges);
  ASSERT_TRUE(registry->AddUser(now, "t", "alice", {}));
  JoinRequest request = MakeNode("badge:alice");
  const NodeId id = *registry->Join(now, request);
  EXPECT_EQ(registry->FindNode(id)->status, NodeStatus::kActive);
  EXPECT_EQ(registry->FindNode(id)->owner.user, "alice");
  EXPECT_EQ(registry->FindNode(id)->auth_key_id, "badge-alice");
  EXPECT_EQ(badges->used, std::vector<std::string>{"badge-alice host"});
  EXPECT_TRUE(
      registry->Join(now, MakeNode(MakeKey({.owner = {.tags = {"tag:x"}}}))));
  EXPECT_EQ(registry->Join(now, MakeNode("badge:thief")).error().text,
            "that badge was lost");
  EXPECT_EQ(registry->Join(now, MakeNode("badge:bob")).error().kind,
            RefusalKind::kNotFound);  // no such user
  EXPECT_EQ(registry->Join(now, MakeNode("word")).error().kind,
            RefusalKind::kForbidden);  // asked last: not an auth key
  EXPECT_EQ(badges->used.size(), 1U);
}

TEST_F(RegistryVerbs, AnAuthenticatorRenewsAndMayLeaveANodeWaiting) {
  const auto badges = std::make_shared<Badges>();
  registry->AddAuthenticator(badges);
  ASSERT_TRUE(registry->AddUser(now, "t", "alice", {}));
  JoinRequest request = MakeNode("badge:alice");
  const NodeId id = *registry->Join(now, request);
  ASSERT_TRUE(registry->SetExpiry(now, "t", id, now));
  EXPECT_FALSE(registry->IsServing(now, *registry->FindNode(id)));
  ASSERT_TRUE(registry->Join(now, request));
  EXPECT_TRUE(registry->IsServing(now, *registry->FindNode(id)));
  EXPECT_EQ(badges->used.size(), 2U);
  const NodeId waiting = *registry->Join(now, MakeNode("badge:visitor"));
  const std::string code = registry->FindNode(waiting)->approval_code;
  EXPECT_FALSE(code.empty());
  ASSERT_TRUE(registry->Approve(now, "badges", code, {.user = "alice"}));
  EXPECT_EQ(registry->FindNode(waiting)->status, NodeStatus::kActive);
}

TEST_F(RegistryVerbs, ARevokedNodeStaysOutAlsoAfterARestart) {
  const std::string key =
      MakeKey({.owner = {.tags = {"tag:x"}}, .is_reusable = true});
  const JoinRequest request = MakeNode(key);
  const NodeId id = *registry->Join(now, request);
  ASSERT_TRUE(registry->Delete(now, "t", id));
  ASSERT_TRUE(registry->Commit());
  Load();
  EXPECT_FALSE(registry->Join(now, request));
  JoinRequest other = MakeNode(key);
  other.keys.node_key = request.keys.node_key;
  EXPECT_FALSE(registry->Join(now, other));
  EXPECT_TRUE(registry->Join(now, MakeNode(key)));
  EXPECT_EQ(registry->FindNode(id), nullptr);
}

TEST_F(RegistryVerbs, AKeyThatANodeHadIsNobodysAgain) {
  const std::string key =
      MakeKey({.owner = {.tags = {"tag:x"}}, .is_reusable = true});
  JoinRequest request = MakeNode(key);
  const PublicKey first = request.keys.node_key;
  const NodeId id = *registry->Join(now, request);
  const NodeId other = *registry->Join(now, MakeNode(key));
  const PublicKey second = DerivePublicKey(GeneratePrivateKey(rng));
  ASSERT_TRUE(registry->AnnounceKey(now, id, second));
  ASSERT_TRUE(registry->ActivateKey(now, id, second));
  ASSERT_TRUE(registry->Commit());
  for (int restarts = 0; restarts < 2; ++restarts) {
    for (const NodeId node : {id, other}) {
      EXPECT_EQ(registry->AnnounceKey(now, node, first).error().kind,
                RefusalKind::kForbidden);
    }
    JoinRequest thief = MakeNode(key);
    thief.keys.node_key = first;
    EXPECT_FALSE(registry->Join(now, thief));
    std::swap(thief.keys.node_key, thief.keys.signalling_key);
    EXPECT_FALSE(registry->Join(now, thief));
    Load();
  }
  // Its own machine, restored from a backup, comes with an auth key.
  ASSERT_TRUE(registry->Join(now, request));
  EXPECT_EQ(registry->FindNode(id)->keys.node_key, first);
  EXPECT_FALSE(registry->AnnounceKey(now, id, second));
  ASSERT_TRUE(registry->Commit());
  Load();
  EXPECT_FALSE(registry->AnnounceKey(now, other, second));
  // Not even when the node is gone.
  ASSERT_TRUE(registry->Delete(now, "t", id));
  EXPECT_FALSE(registry->AnnounceKey(now, other, second));
  EXPECT_FALSE(registry->AnnounceKey(now, other, first));
}

TEST_F(RegistryVerbs, AnEphemeralNodeThatVanishesLeavesNoFormerKeys) {
  const std::string key = MakeKey({.owner = {.tags = {"tag:x"}},
                                   .is_reusable = true,
                                   .is_ephemeral = true});
  JoinRequest request = MakeNode(key);
  const NodeId id = *registry->Join(now, request);
  const PublicKey next = DerivePublicKey(GeneratePrivateKey(rng));
  ASSERT_TRUE(registry->AnnounceKey(now, id, next));
  ASSERT_TRUE(registry->ActivateKey(now, id, next));
  ASSERT_TRUE(registry->Commit());
  EXPECT_EQ(CountRecords("former_key"), 1U);
  now += hours(1);
  registry->HandleTimeout(now);
  ASSERT_EQ(registry->FindNode(id), nullptr);
  ASSERT_TRUE(registry->Commit());
  EXPECT_EQ(CountRecords("former_key"), 0U);
  EXPECT_TRUE(registry->Join(now, request));
}

TEST(FormerKeys, KeepTheLatestOfEachNode) {
  SeededRng rng(4);
  const auto any_key = [&rng] {
    PublicKey key;
    rng.Fill(key.bytes);
    return key;
  };
  const auto at = [](size_t time) {
    return WallTime(std::chrono::milliseconds(time));
  };
  FormerKeys keys;
  const PublicKey of_other = any_key();
  EXPECT_FALSE(keys.Add({.key = of_other, .node = 2, .since = at(0)}));
  std::vector<PublicKey> added;
  for (size_t i = 0; i < FormerKeys::kMaxPerNode; ++i) {
    added.push_back(any_key());
    EXPECT_FALSE(keys.Add({.key = added.back(), .node = 1, .since = at(i)}));
  }
  EXPECT_FALSE(keys.Add({.key = added[0], .node = 1, .since = at(5000)}));
  EXPECT_EQ(keys.Add({.key = any_key(), .node = 1, .since = at(5001)}),
            added[1]);
  EXPECT_EQ(keys.Find(added[1]), nullptr);
  EXPECT_NE(keys.Find(added[0]), nullptr);
  EXPECT_EQ(keys.RemoveAll(1).size(), FormerKeys::kMaxPerNode);
  EXPECT_EQ(keys.Find(added[0]), nullptr);
  EXPECT_EQ(keys.Find(of_other)->node, 2U);
}

TEST_F(RegistryVerbs, AnExpiryIsOneEventAlsoOverRestarts) {
  const NodeId id =
      *registry->Join(now, MakeNode(MakeKey({.owner = {.tags = {"tag:x"}}})));
  ASSERT_TRUE(registry->SetExpiry(now, "test", id, now + hours(1)));
  now += hours(2);
  for (int boot = 0; boot < 3; ++boot) {
    registry->HandleTimeout(now);
    ASSERT_TRUE(registry->Commit());
    EXPECT_EQ(CountEvents("node_key_expired"), 1U) << boot;
    Load();
    EXPECT_EQ(registry->NextTimeout(), std::nullopt);
  }
  ASSERT_TRUE(registry->SetExpiry(now, "test", id, now + hours(1)));
  ASSERT_TRUE(registry->Commit());
  Load();
  now += hours(2);  // also when it comes while the server is down
  registry->HandleTimeout(now);
  ASSERT_TRUE(registry->Commit());
  EXPECT_EQ(CountEvents("node_key_expired"), 2U);
}

TEST_F(RegistryVerbs, AddressesThatHaveRestedAreNotRemembered) {
  const std::string key =
      MakeKey({.owner = {.tags = {"tag:x"}}, .is_reusable = true});
  const auto leave = [&] {
    const NodeId id = *registry->Join(now, MakeNode(key));
    ASSERT_TRUE(registry->Delete(now, "t", id));
    ASSERT_TRUE(registry->Commit());
  };
  leave();
  now += hours(24);
  leave();
  EXPECT_EQ(CountRecords("released_address"), 4U);
  now += AddressPool::kRest - hours(24);
  leave();
  EXPECT_EQ(CountRecords("released_address"), 4U);  // without the first two
  now += AddressPool::kRest;
  Load();
  ASSERT_TRUE(registry->Commit());
  EXPECT_EQ(CountRecords("released_address"), 0U);
}

TEST_F(RegistryVerbs, DnsSettingsFitAnItem) {
  DnsInfo dns{.domain = "mesh.example"};
  dns.records.assign(kMaxItemList, {"a", IpAddress::V4(10, 0, 0, 1)});
  EXPECT_TRUE(registry->SetDns(now, "t", dns));
  dns.records.push_back(dns.records.back());
  EXPECT_EQ(registry->SetDns(now, "t", dns).error().text,
            "the DNS settings have at most 4096 routes and 4096 records");
  dns.records.assign(1000, {std::string(50, 'x') + "." + std::string(49, 'x'),
                            IpAddress::V4(10, 0, 0, 1)});
  const Refusal too_long = registry->SetDns(now, "t", dns).error();
  EXPECT_NE(too_long.text.find(" bytes, and nodes take 65536 at most"),
            std::string::npos)
      << too_long.text;
  EXPECT_EQ(registry->mesh().dns.records.size(), kMaxItemList);
}

TEST_F(RegistryVerbs, WhatIsCommittedIsWhatIsLoaded) {
  const std::string key =
      MakeKey({.owner = {.tags = {"tag:x"}}, .is_reusable = true});
  std::vector<NodeId> ids;
  for (int step = 0; step < 400; ++step) {
    if (ids.size() < 5 || rng.Below(3) == 0) {
      ids.push_back(*registry->Join(now, MakeNode(key)));
      continue;
    }
    const NodeId id = ids[rng.Below(ids.size())];
    switch (rng.Below(5)) {
      case 0:
        (void)registry->Delete(now, "t", id);
        break;
      case 1:
        (void)registry->Rename(now, "t", id, "r" + std::to_string(step));
        break;
      case 2:
        (void)registry->AnnounceKey(now, id,
                                    DerivePublicKey(GeneratePrivateKey(rng)));
        break;
      case 3:
        (void)registry->SetExpiry(now, "t", id, now + hours(step));
        break;
      default:
        store.FailWrites(Errc::kStoreFull);
        EXPECT_FALSE(registry->has_uncommitted() && registry->Commit());
        store.FailWrites(std::nullopt);
    }
  }
  const IpPrefix kept = *IpPrefix::Parse("10.1.0.0/16");
  const IpPrefix forgotten = *IpPrefix::Parse("fd00:9::/48");
  registry->SetRoutePrimary(kept, 2);
  registry->SetRoutePrimary(forgotten, 3);
  ASSERT_TRUE(registry->Commit());
  registry->SetRoutePrimary(kept, 4);
  registry->SetRoutePrimary(forgotten, 0);
  ASSERT_TRUE(registry->Commit());
  registry->SetRoutePrimary(kept, 4);
  EXPECT_FALSE(registry->has_uncommitted());
  const auto nodes = registry->nodes();
  const auto auth_keys = registry->auth_keys();
  Load();
  EXPECT_EQ(registry->nodes(), nodes);
  EXPECT_EQ(registry->auth_keys(), auth_keys);
  ASSERT_EQ(registry->route_primaries().size(), 1U);
  EXPECT_EQ(registry->route_primaries().at(kept).router, 4U);
  std::set<IpAddress> addresses;
  for (const auto& [id, node] : nodes) {
    for (const IpAddress& address : node.addresses) {
      EXPECT_TRUE(addresses.insert(address).second);
    }
  }
}

TEST_F(RegistryVerbs, AddressesRestAndAFullPoolRefuses) {
  MemoryStore empty;
  registry = *Registry::Load({.ipv4 = *IpPrefix::Parse("10.1.0.0/29"),  // six
                              .ipv6 = *IpPrefix::Parse("fd00:1:2::/48")},
                             empty, rng, now);
  const std::string key =
      MakeKey({.owner = {.tags = {"tag:x"}}, .is_reusable = true});
  std::vector<NodeId> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(*registry->Join(now, MakeNode(key)));
  }
  EXPECT_EQ(registry->Join(now, MakeNode(key)).error().kind,
            RefusalKind::kExhausted);
  const IpAddress oldest = registry->FindNode(ids[2])->addresses[0];
  ASSERT_TRUE(registry->Delete(now, "t", ids[2]));
  ASSERT_TRUE(registry->Delete(now + hours(1), "t", ids[0]));
  const auto refused = registry->Join(now + hours(2), MakeNode(key));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, RefusalKind::kExhausted);
  EXPECT_EQ(refused.error().text,
            "the mesh has no address left in 10.1.0.0/29; 2 of nodes that were "
            "removed rest for a week");
  now += AddressPool::kRest;
  const NodeId again = *registry->Join(now, MakeNode(key));
  EXPECT_EQ(registry->FindNode(again)->addresses[0], oldest);
  EXPECT_FALSE(registry->Join(now, MakeNode(key)));  // the other: an hour yet
  registry.reset();
}

TEST_F(RegistryVerbs, ARotationDoesNotMoveTheEndThatAnAdministratorSet) {
  ASSERT_TRUE(registry->AddUser(now, "t", "ann@x", {}));
  const NodeId id =
      *registry->Join(now, MakeNode(MakeKey({.owner = {.user = "ann@x"}})));
  const auto rotate = [&] {
    const PublicKey next = DerivePublicKey(GeneratePrivateKey(rng));
    ASSERT_TRUE(registry->AnnounceKey(now, id, next));
    ASSERT_TRUE(registry->ActivateKey(now, id, next));
  };
  const WallTime end = now + std::chrono::seconds(600);
  ASSERT_TRUE(registry->SetExpiry(now, "t", id, end));
  now += std::chrono::seconds(400);
  rotate();
  EXPECT_EQ(registry->FindNode(id)->key_expiry, end);
  ASSERT_TRUE(registry->Commit());
  Load();
  rotate();
  EXPECT_EQ(registry->FindNode(id)->key_expiry, end);
  // Another owner is another reckoning, which a rotation goes on with.
  ASSERT_TRUE(registry->SetOwner(now, "t", id, {.user = "ann@x"}));
  now += hours(1);
  rotate();
  EXPECT_EQ(registry->FindNode(id)->key_expiry, now + hours(180 * 24));
}

TEST_F(RegistryVerbs, NamesThatNoNodeCouldUseAreRefused) {
  DnsInfo dns{.domain = "mesh.internal"};
  const IpAddress address = IpAddress::V4(10, 0, 0, 1);
  const auto text = [&] {
    return registry->SetDns(now, "t", dns).error().text;
  };
  for (const std::string& bad :
       {std::string(), std::string("bad domain"), std::string("-x..y"),
        std::string("a."), std::string("x\ny"), std::string(70, 'x'),
        std::string("x-.y")}) {
    dns.search = {bad};
    EXPECT_TRUE(text().starts_with("the search domain \"")) << text();
    dns.search.clear();
    dns.records = {{bad, address}};
    EXPECT_TRUE(text().starts_with("the record's name \"")) << text();
    dns.records.clear();
    dns.routes = {{bad, {}}};
    EXPECT_TRUE(text().starts_with("the route's suffix \"")) << text();
    dns.routes.clear();
    EXPECT_FALSE(registry->AddRelay(now, "t", {.name = "eu", .host = bad}));
  }
  for (const char* inside : {"mesh.internal", "a.MESH.internal"}) {
    dns.routes = {{inside, {}}};
    EXPECT_NE(text().find("inside the mesh's domain"), std::string::npos);
  }
  dns.routes = {{".", {}}, {"xmesh.internal", {}}, {"internal", {}}};
  dns.search = {"corp.example", "_x.y"};
  dns.records = {{"db", address}};
  EXPECT_TRUE(registry->SetDns(now, "t", dns));
}

TEST_F(RegistryVerbs, ARelaysNameAndHostAreWords) {
  EXPECT_FALSE(registry->AddRelay(now, "t", {.name = "a b", .host = "h"}));
  EXPECT_FALSE(registry->AddRelay(now, "t", {.name = "a\x1b", .host = "h"}));
  EXPECT_FALSE(registry->AddRelay(now, "t", {.name = "a", .host = "x y"}));
  EXPECT_FALSE(registry->AddRelay(now, "t", {.name = "a", .host = "h:443"}));
  EXPECT_TRUE(registry->AddRelay(now, "t", {.name = "a", .host = "h"}));
  EXPECT_TRUE(registry->AddRelay(now, "t", {.name = "b", .host = "fd00::1"}));
  EXPECT_TRUE(registry->AddRelay(now, "t", {.name = "c", .host = "192.0.2.1"}));
}

TEST_F(RegistryVerbs, ACodeIsTakenAsPeopleTypeIt) {
  ASSERT_TRUE(registry->AddUser(now, "t", "ann@x", {}));
  const NodeId id = *registry->Join(now, MakeNode(""));
  std::string code = registry->FindNode(id)->approval_code;
  std::erase(code, '-');
  std::ranges::transform(code, code.begin(),
                         [](char c) { return c >= 'A' ? c | 0x20 : c; });
  EXPECT_NE(registry->Approve(now, "t", code, {}).error().text.find("--user"),
            std::string::npos);
  EXPECT_EQ(registry->Approve(now, "t", code, {.user = "ann@x"}), id);
}

TEST_F(RegistryVerbs, AKeysOwnerNeedNotBeSaidAgain) {
  ASSERT_TRUE(registry->AddUser(now, "t", "ann@x", {}));
  const std::string key =
      MakeKey({.owner = {.user = "ann@x"}, .is_preapproved = false});
  const NodeId id = *registry->Join(now, MakeNode(key));
  EXPECT_EQ(registry->Approve(now, "t", registry->FindNode(id)->name, {}), id);
  EXPECT_EQ(registry->FindNode(id)->owner.user, "ann@x");
}

TEST_F(RegistryVerbs, EventsTellWhatWasDoneForWhomAndUntilWhen) {
  ASSERT_TRUE(registry->AddUser(now, "t", "ann@x", {}));
  const NodeId id = *registry->Join(now, MakeNode(""));
  ASSERT_TRUE(registry->Approve(now, "t", "host", {.user = "ann@x"}));
  ASSERT_TRUE(registry->SetOwner(now, "t", id, {.tags = {"tag:b", "tag:a"}}));
  ASSERT_TRUE(registry->SetExpiry(now, "t", id, now));
  ASSERT_TRUE(registry->SetExpiry(now, "t", id, std::nullopt));
  ASSERT_TRUE(registry->ApproveRoutes(now, "t", id,
                                      {*IpPrefix::Parse("10.2.0.0/16")}, true));
  ASSERT_TRUE(registry->Delete(now, "t", id));
  ASSERT_TRUE(registry->Commit());
  std::vector<std::string> details;
  const auto events = *store.ListEvents(0, SIZE_MAX);
  for (const StoreEvent& event : events) {
    if (event.actor == "t" && event.subject == "host") {
      details.push_back(event.detail);
    }
  }
  EXPECT_EQ(
      details,
      (std::vector<std::string>{
          R"({"owner":"ann@x"})", R"({"owner":"tag:a,tag:b","before":"ann@x"})",
          R"({"until":"2027-01-15T08:00:00Z"})", R"({"until":null})",
          R"({"routes":["10.2.0.0/16"],"exit":true})",
          R"({"id":1,"owner":"tag:a,tag:b"})"}));
}

}  // namespace
}  // namespace natkit::mesh
