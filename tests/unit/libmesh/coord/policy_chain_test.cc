#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "filter_packets.h"
#include "natkit/base/rng.h"
#include "natkit/mesh/control/map_planner.h"
#include "natkit/mesh/coord/active_policy.h"
#include "natkit/mesh/policy/decide.h"
#include "natkit/mesh/registry/view_index.h"

namespace natkit::mesh {
namespace {

using natkit::testing::Ip;

constexpr std::array<const char*, 3> kUsers = {"ann@x.org", "bob@x.org",
                                               "kim@x.org"};
constexpr DigestKey kKey = {1, 2, 3};

/// Monday 2026-11-23 12:00 UTC.
constexpr int64_t kNoon = 1'795'435'200;

/// Users and routes as a registry would tell of them.
PolicyContext ContextOf(const std::vector<NodeRecord>& nodes) {
  PolicyContext context;
  for (const char* user : kUsers) {
    context.users[user];
  }
  for (const NodeRecord& node : nodes) {
    context.routes.insert(node.approved.begin(), node.approved.end());
  }
  return context;
}

ActivePolicy MakePolicy(const std::string& text,
                        const std::vector<NodeRecord>& nodes) {
  policy::PolicyResult result = policy::ParsePolicy(text);
  for (const policy::Diagnostic& diagnostic : result.diagnostics) {
    ADD_FAILURE() << policy::ToString(diagnostic) << " in " << text;
  }
  return {policy::CompiledPolicy(std::move(result.policy)), ContextOf(nodes),
          [](std::string_view) { return std::optional(ZoneRules{}); }};
}

/// Everything between a policy and the packets of every node.
class Mesh {
 public:
  Mesh(std::string_view text, std::vector<NodeRecord> nodes)
      : policy_(MakePolicy(std::string(text), nodes)),
        nodes_(std::move(nodes)),
        views_(kKey) {
    for (const char* user : kUsers) {
      users_[user] = {.name = user};
    }
    views_.SetPolicy(policy_.Rules(),
                     [](NodeId) { return std::vector<ViewRole>(); });
    for (const NodeRecord& node : nodes_) {
      views_.SetNode(View(node));
    }
    for (const NodeRecord& node : nodes_) {
      MakeEnd(node);
    }
  }

  [[nodiscard]] const std::vector<NodeRecord>& nodes() const { return nodes_; }

  [[nodiscard]] const ViewIndex& views() const { return views_; }

  /// Whether the packet gets through both ends, as the nodes route it.
  bool Passes(const NodeRecord& from, ByteView packet, const IpAddress& source,
              const IpAddress& destination) {
    End& sender = ends_.at(from.id);
    const PlannedPeer* to = FindPeer(sender, destination);
    if (to == nullptr) {
      return false;
    }
    End& receiver = ends_.at(to->id);
    const PlannedPeer* back = FindPeer(receiver, source);
    if (back == nullptr || back->id != from.id) {
      return false;  // WireGuard's AllowedIPs
    }
    const bool passes = sender.filter.Check({}, Direction::kOutbound, packet) ==
                            Verdict::kAccept &&
                        receiver.filter.Check({}, Direction::kInbound,
                                              packet) == Verdict::kAccept;
    const std::vector<IpPrefix> all = {IpPrefix(),
                                       *IpPrefix::Make(Ip("::"), 0)};
    sender.filter.DropFlowsOf(all);
    receiver.filter.DropFlowsOf(all);
    return passes;
  }

  [[nodiscard]] policy::Decision Decide(
      const policy::FlowQuestion& question) const {
    policy::PolicyWorld world;
    for (const NodeRecord& node : nodes_) {
      world.nodes.push_back(MakePolicyNode(node, UserOf(node)));
    }
    world.is_open = [](const TimeWindow& window, int64_t unix_seconds) {
      return IsOpen(window, ZoneRules{}, unix_seconds);
    };
    return policy::Decide(policy_.compiled(), world, question);
  }

 private:
  struct End {
    explicit End(Rng& rng) : filter({.max_flows = 64}, rng) {}

    MapPlanner planner;
    PacketFilter filter;
  };

  [[nodiscard]] const UserRecord* UserOf(const NodeRecord& node) const {
    const auto found = users_.find(node.owner.user);
    return node.owner.is_tagged() ? nullptr : &found->second;
  }

  [[nodiscard]] ViewNode View(const NodeRecord& node) const {
    return {.id = node.id,
            .peer_body = EncodeItem(
                PeerInfo{.name = node.name, .addresses = node.addresses}),
            .self_body = EncodeItem(
                SelfInfo{.name = node.name, .addresses = node.addresses}),
            .roles = policy_.RolesOf(node, UserOf(node)),
            .routes = node.approved,
            .is_online = true};
  }

  void MakeEnd(const NodeRecord& node) {
    MapUpdate whole{.epoch = 1, .sequence = 1, .is_snapshot = true};
    for (const ItemKey& key : views_.ListItems(node.id)) {
      whole.put.push_back({.key = key, .body = *views_.Body(node.id, key)});
    }
    for (const RuleKey& rule : views_.ListRules(node.id)) {
      whole.members.push_back({.rule = rule.id,
                               .direction = rule.direction,
                               .add = views_.Members(node.id, rule),
                               .is_whole = true});
    }
    whole.digest = views_.Digest(node.id);
    MapReplica replica(kKey);
    ASSERT_TRUE(replica.Apply(std::move(whole)));
    const NetworkMap& map = replica.map();
    MapChoices choices{.own_routes = node.approved};
    if (!map.exits.empty()) {
      choices.exit = *map.exits.begin();
    }
    End& end = ends_.try_emplace(node.id, rng_).first->second;
    end.filter.SetUnixTime({}, kNoon);
    auto plan = end.planner.Plan(map, {.is_whole = true}, choices);
    ASSERT_TRUE(end.filter.Apply({}, std::move(plan.filter)));
  }

  /// By longest prefix, as WireGuard does.
  static const PlannedPeer* FindPeer(const End& end, const IpAddress& ip) {
    const PlannedPeer* best = nullptr;
    int length = -1;
    for (const auto& [id, peer] : end.planner.peers()) {
      std::vector<IpPrefix> prefixes = peer.routes;
      for (const IpAddress& address : peer.addresses) {
        prefixes.push_back(*IpPrefix::Make(address, address.bit_count()));
      }
      for (const IpPrefix& prefix : prefixes) {
        if (prefix.Contains(ip) && prefix.length() > length) {
          best = &peer;
          length = prefix.length();
        }
      }
    }
    return best;
  }

  ActivePolicy policy_;
  std::vector<NodeRecord> nodes_;
  std::map<std::string, UserRecord> users_;
  ViewIndex views_;
  SeededRng rng_{7};
  std::map<NodeId, End> ends_;
};

/// Draws policies and nodes that have to do with each other.
class Draw {
 public:
  explicit Draw(uint64_t seed) : rng_(seed) {}

  std::string Policy() {
    std::string text =
        R"({"groups": {"group:eng": ["ann@x.org", "bob@x.org"]},
"hosts": {"db": "10.1.2.3", "lan": "10.1.0.0/16", "second": "100.64.0.2",
          "six": "fd7a:115c:a1e0::3"},
"tagOwners": {"tag:web": ["group:eng"], "tag:gate": []},
"postures": {"posture:ok": ["node:healthy == true"]},
"acls": [)";
    const uint64_t count = 1 + rng_.Below(3);
    for (uint64_t i = 0; i < count; ++i) {
      text += Acl() + ",";
    }
    return text + "], \"grants\": [" + (rng_.Below(2) == 0 ? Grant() : "") +
           "]}";
  }

  std::vector<NodeRecord> Nodes() {
    std::vector<NodeRecord> nodes;
    for (uint8_t i = 1; i <= 6; ++i) {
      NodeRecord node{
          .id = i,
          .name = "n" + std::to_string(i),
          .addresses = {IpAddress::V4(100, 64, 0, i),
                        Ip("fd7a:115c:a1e0::" + std::to_string(i))}};
      if (i == 5) {
        node.owner.tags = {"tag:gate"};
        node.advertised = {*IpPrefix::Parse("10.1.0.0/16")};
        node.approved =
            rng_.Below(4) == 0 ? std::vector<IpPrefix>() : node.advertised;
      } else if (i == 6) {
        node.owner.tags = {"tag:gate", "tag:web"};
        node.offers_exit = true;
        node.is_exit_approved = rng_.Below(4) != 0;
      } else if (rng_.Below(4) == 0) {
        node.owner.tags = {"tag:web"};
      } else {
        node.owner.user = kUsers.at(rng_.Below(kUsers.size()));
      }
      if (rng_.Below(2) == 0) {
        node.attributes["node:healthy"] = true;
      }
      nodes.push_back(std::move(node));
    }
    return nodes;
  }

  template <size_t N>
  const char* Pick(const std::array<const char*, N>& from) {
    return from.at(rng_.Below(N));
  }

  uint64_t Below(uint64_t bound) { return rng_.Below(bound); }

 private:
  std::string Source() {
    return Pick(
        std::to_array({"*", "ann@x.org", "group:eng", "tag:web", "tag:gate",
                       "autogroup:member", "autogroup:tagged", "second", "six",
                       "lan", "100.64.0.0/29", "10.1.2.0/24"}));
  }

  std::string Destination() {
    return Pick(
        std::to_array({"*", "bob@x.org", "group:eng", "tag:web", "tag:gate",
                       "autogroup:member", "second", "six", "lan", "db",
                       "100.64.0.0/30", "autogroup:internet"}));
  }

  std::string Conditions() {
    switch (rng_.Below(6)) {
      case 0:
        return R"(, "srcPosture": ["posture:ok"])";
      case 1:
        return R"(, "when": {"days": "mon-fri", "from": "09:00",
                  "to": "18:00", "zone": "Europe/Berlin"})";
      case 2:
        return R"(, "when": {"days": "sat", "from": "09:00", "to": "18:00",
                  "zone": "Europe/Berlin"})";
      default:
        return "";
    }
  }

  std::string Acl() {
    if (rng_.Below(5) == 0) {
      return R"({"action": "accept", "src": [")" +
             std::string(Pick(std::to_array(
                 {"autogroup:member", "group:eng", "*", "ann@x.org"}))) +
             R"("], "dst": ["autogroup:self:80"]})";
    }
    const char* ports = Pick(std::to_array({"*", "80", "22,80", "80-90"}));
    const bool is_udp = rng_.Below(4) == 0;
    const char* icmp = rng_.Below(8) != 0   ? nullptr
                       : rng_.Below(2) == 0 ? "icmp"
                                            : "ipv6-icmp";
    if (icmp != nullptr) {
      return R"({"action": "accept", "proto": ")" + std::string(icmp) +
             R"(", "src": [")" + Source() + R"("], "dst": [")" + Destination() +
             R"(:*"]})";
    }
    return R"({"action": "accept", "src": [")" + Source() + R"("], "dst": [")" +
           Destination() + ":" + ports + "\"" +
           (rng_.Below(3) == 0 ? ", \"" + Destination() + ":22\"" : "") + "]" +
           (is_udp ? R"(, "proto": "udp")" : "") + Conditions() + "}";
  }

  std::string Grant() {
    return R"({"src": [")" + Source() + R"("], "dst": [")" + Destination() +
           R"("], "ip": [")" +
           Pick(std::to_array({"*", "80", "tcp:22", "udp:*"})) + "\"]" +
           Conditions() + "}";
  }

  SeededRng rng_;
};

natkit::testing::Packet MakePacket(const policy::FlowQuestion& question) {
  const Endpoint from{question.source, 40000};
  const Endpoint to{question.destination, question.port};
  if (question.protocol == policy::kProtocolUdp) {
    return natkit::testing::Udp(from, to);
  }
  if (question.protocol == policy::kProtocolTcp) {
    constexpr uint8_t kSyn = 2;
    return natkit::testing::Tcp(from, to, kSyn);
  }
  return natkit::testing::Ping(question.source, question.destination,
                               natkit::testing::Echo::kRequest, 1);
}

struct Address {
  NodeId holder;  ///< the node that has it, or leads there
  IpAddress ip;
};

std::vector<Address> Addresses(const Mesh& mesh) {
  std::vector<Address> addresses;
  for (const NodeRecord& node : mesh.nodes()) {
    for (const IpAddress& ip : node.addresses) {
      addresses.push_back({.holder = node.id, .ip = ip});
    }
    if (!node.approved.empty()) {
      addresses.push_back({.holder = node.id, .ip = Ip("10.1.2.3")});
      addresses.push_back({.holder = node.id, .ip = Ip("10.1.9.9")});
    }
  }
  // The internet is reached through the exit, which has a way of its own.
  const NodeId exit = mesh.nodes().back().id;
  addresses.push_back({.holder = exit, .ip = Ip("93.184.216.34")});
  addresses.push_back({.holder = exit, .ip = Ip("2606:2800:220::1")});
  return addresses;
}

void ExpectTheSame(Mesh& mesh, const Address& source,
                   const Address& destination, Draw& draw) {
  const bool is_v4 = source.ip.is_v4();
  if (is_v4 != destination.ip.is_v4() || source.holder == destination.holder) {
    return;
  }
  policy::FlowQuestion question{
      .source = source.ip,
      .destination = destination.ip,
      .port = static_cast<uint16_t>(draw.Below(2) == 0 ? 80 : 22),
      .unix_seconds = kNoon};
  const std::array<uint8_t, 3> protocols = {
      policy::kProtocolTcp, policy::kProtocolUdp,
      is_v4 ? policy::kProtocolIcmp : policy::kProtocolIcmp6};
  for (const uint8_t protocol : protocols) {
    question.protocol = protocol;
    const policy::Decision decision = mesh.Decide(question);
    const NodeRecord& from = mesh.nodes().at(source.holder - 1);
    EXPECT_EQ(
        mesh.Passes(from, MakePacket(question), source.ip, destination.ip),
        decision.is_accepted)
        << source.ip.ToString() << " -> " << destination.ip.ToString() << ":"
        << question.port << " protocol " << int{protocol} << ": "
        << decision.text;
  }
}

class RandomMeshes : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomMeshes, TheNodesFiltersDoWhatThePolicyDecides) {
  constexpr uint64_t kPolicies = 300;
  for (uint64_t i = 0; i < kPolicies; ++i) {
    const uint64_t seed = GetParam() * kPolicies + i;
    Draw draw(seed);
    const std::string text = draw.Policy();
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
    Mesh mesh(text, draw.Nodes());
    const std::vector<Address> addresses = Addresses(mesh);
    for (const Address& source : addresses) {
      for (const Address& destination : addresses) {
        ExpectTheSame(mesh, source, destination, draw);
      }
    }
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomMeshes, ::testing::Range<uint64_t>(1, 5));

}  // namespace
}  // namespace natkit::mesh
