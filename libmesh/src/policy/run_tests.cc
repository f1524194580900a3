#include "natkit/mesh/policy/run_tests.h"

#include <algorithm>
#include <array>
#include <utility>

#include "policy/identity.h"
#include "policy/prefix_set.h"

namespace natkit::mesh::policy {

namespace {

/// An address that a side of a test stands for.
struct TestPoint {
  size_t node = 0;  ///< index into the cast's nodes
  IpAddress address;
};

/// The `back`-th address from the end of a prefix.
IpAddress FromTheEnd(const IpPrefix& prefix, uint32_t back) {
  std::array<uint8_t, 16> raw{};
  const ByteView bytes = prefix.address().bytes();
  std::ranges::copy(bytes, raw.begin());
  const int bits = prefix.address().bit_count();
  for (int bit = prefix.length(); bit < bits; ++bit) {
    const int from_right = bits - 1 - bit;
    const bool is_clear =
        from_right < 32 && ((back >> static_cast<unsigned>(from_right)) & 1U);
    if (!is_clear) {
      raw[static_cast<size_t>(bit / 8)] |=
          static_cast<uint8_t>(0x80 >> (bit % 8));
    }
  }
  return *IpAddress::FromBytes(ByteView(raw).first(bytes.size()));
}

/// The nodes of the world and those made up for names that have none.
class Cast {
 public:
  Cast(const CompiledPolicy& policy, const std::vector<PolicyNode>& nodes)
      : policy_(policy) {
    world_.nodes = nodes;
    real_ = nodes.size();
  }

  /// All addresses that `selector` stands for.
  std::vector<TestPoint> PointsOf(const Selector& selector) {
    if (!selector.prefixes.empty()) {
      return PointOf(selector.prefixes[0].address());
    }
    if (selector.kind != SelectorKind::kGroup) {
      return PointsOfOne(selector);
    }
    std::vector<TestPoint> points;
    for (const std::string& user : policy_.source().groups.at(selector.name)) {
      Selector member;
      member.kind = SelectorKind::kUser;
      member.name = user;
      member.text = user;
      const auto some = PointsOfOne(member);
      points.insert(points.end(), some.begin(), some.end());
    }
    return points;
  }

  PolicyWorld& world() { return world_; }

  [[nodiscard]] const std::string& NameOf(const TestPoint& point) const {
    return world_.nodes[point.node].name;
  }

 private:
  std::vector<TestPoint> PointsOfOne(const Selector& selector) {
    const IdentitySet set = ResolveSelectors(policy_.source(), {selector});
    std::vector<TestPoint> points;
    for (size_t i = 0; i < real_; ++i) {
      if (IsMemberOf(world_.nodes[i], set)) {
        AppendPoints(i, points);
      }
    }
    if (points.empty()) {
      AppendPoints(MakeUp(selector), points);
    }
    return points;
  }

  std::vector<TestPoint> PointOf(const IpAddress& address) {
    for (size_t i = 0; i < world_.nodes.size(); ++i) {
      const PolicyNode& node = world_.nodes[i];
      if (std::ranges::find(node.ips, address) != node.ips.end() ||
          Covers(ServedRoutes(node), address)) {
        return {{i, address}};
      }
    }
    PolicyNode node;
    node.name = address.ToString();
    node.ips = {address};
    world_.nodes.push_back(std::move(node));
    return {{world_.nodes.size() - 1, address}};
  }

  void AppendPoints(size_t index, std::vector<TestPoint>& points) const {
    for (const IpAddress& ip : world_.nodes[index].ips) {
      points.push_back({index, ip});
    }
  }

  /// One for each name: a second mention means the same machine.
  size_t MakeUp(const Selector& selector) {
    const std::string name = "a machine of " + selector.text;
    for (size_t i = real_; i < world_.nodes.size(); ++i) {
      if (world_.nodes[i].name == name) {
        return i;
      }
    }
    PolicyNode node;
    node.name = name;
    if (selector.kind == SelectorKind::kUser) {
      node.user = selector.name;
    } else if (selector.kind == SelectorKind::kTag) {
      node.tags = {selector.name};
    } else if (selector.kind == SelectorKind::kTagged) {
      node.tags = {"?"};
    } else {
      node.user = "?";
    }
    AddFreeAddresses(node);
    world_.nodes.push_back(std::move(node));
    return world_.nodes.size() - 1;
  }

  void AddFreeAddresses(PolicyNode& node) {
    ++made_up_;
    for (const IpPrefix& prefix : policy_.mesh_prefixes()) {
      while (IsTaken(FromTheEnd(prefix, made_up_))) {
        ++made_up_;
      }
    }
    for (const IpPrefix& prefix : policy_.mesh_prefixes()) {
      node.ips.push_back(FromTheEnd(prefix, made_up_));
    }
  }

  [[nodiscard]] bool IsTaken(const IpAddress& address) const {
    // A small mesh can run out; then machines share addresses.
    return made_up_ < world_.nodes.size() + 2 * real_ &&
           std::ranges::any_of(world_.nodes, [&](const PolicyNode& node) {
             return std::ranges::find(node.ips, address) != node.ips.end();
           });
  }

  const CompiledPolicy& policy_;
  PolicyWorld world_;
  size_t real_ = 0;
  uint32_t made_up_ = 0;
};

enum class Expected : uint8_t { kAccept, kDeny };

/// Decides one test after the other with the same cast.
class TestRun {
 public:
  TestRun(const CompiledPolicy& policy, const std::vector<PolicyNode>& nodes)
      : policy_(policy), cast_(policy, nodes) {}

  void Run(const PolicyTest& test) {
    for (const TestTarget& target : test.accept) {
      Check(test, target, Expected::kAccept);
    }
    for (const TestTarget& target : test.deny) {
      Check(test, target, Expected::kDeny);
    }
  }

  std::vector<Diagnostic> Take() { return std::move(failures_); }

 private:
  void Check(const PolicyTest& test, const TestTarget& target,
             Expected expected) {
    const auto sources = cast_.PointsOf(test.src);
    const auto hosts = cast_.PointsOf(target.host);
    SetClock(test, expected);
    bool has_pair = false;
    for (const TestPoint& source : sources) {
      const Attributes reported = std::exchange(
          cast_.world().nodes[source.node].attributes, test.attributes);
      for (const TestPoint& host : hosts) {
        if (source.address.family() == host.address.family() &&
            source.address != host.address) {
          has_pair = true;
          CheckPair(test, target, {source, host}, expected);
        }
      }
      cast_.world().nodes[source.node].attributes = reported;
      if (is_failed_) {
        break;
      }
    }
    if (!has_pair) {
      Fail(test, target, "they have no two addresses of one family");
    }
    is_failed_ = false;
  }

  /// Without a time: accepted has to be so always, denied too.
  void SetClock(const PolicyTest& test, Expected expected) {
    cast_.world().is_open = [&test, expected](const TimeWindow& window,
                                              int64_t) {
      return test.when ? IsOpenAt(window, *test.when)
                       : expected == Expected::kDeny;
    };
  }

  struct Pair {
    TestPoint source;
    TestPoint host;
  };

  void CheckPair(const PolicyTest& test, const TestTarget& target,
                 const Pair& pair, Expected expected) {
    if (is_failed_) {
      return;
    }
    const Decision decision = DecideFor(test, target, pair);
    if (decision.is_accepted == (expected == Expected::kAccept)) {
      return;
    }
    const std::string who =
        cast_.NameOf(pair.source) + " (" + pair.source.address.ToString() +
        ") " + (decision.is_accepted ? "reaches " : "reaches not ") +
        cast_.NameOf(pair.host) + " (" + pair.host.address.ToString() + "): ";
    Fail(test, target, who + decision.text);
  }

  Decision DecideFor(const PolicyTest& test, const TestTarget& target,
                     const Pair& pair) {
    FlowQuestion question;
    question.source = pair.source.address;
    question.destination = pair.host.address;
    question.port = target.port;
    question.protocol = test.protocol.value_or(kProtocolTcp);
    Decision decision = Decide(policy_, cast_.world(), question);
    if (!decision.is_accepted && !test.protocol) {
      question.protocol = kProtocolUdp;
      const Decision other = Decide(policy_, cast_.world(), question);
      return other.is_accepted ? other : decision;
    }
    return decision;
  }

  void Fail(const PolicyTest& test, const TestTarget& target,
            const std::string& why) {
    is_failed_ = true;
    failures_.push_back({Severity::kError, target.host.at,
                         "test of \"" + test.src.text + "\" and \"" +
                             target.text + "\" fails: " + why});
  }

  const CompiledPolicy& policy_;
  Cast cast_;
  std::vector<Diagnostic> failures_;
  bool is_failed_ = false;
};

}  // namespace

bool IsOpenAt(const TimeWindow& window, const WeekTime& moment) {
  const auto has_day = [&window](unsigned day) {
    return ((window.days >> (day % 7)) & 1U) != 0;
  };
  const bool is_after = moment.minute >= window.from_minute;
  const bool is_before = moment.minute < window.to_minute;
  if (window.to_minute > window.from_minute) {
    return has_day(moment.day) && is_after && is_before;
  }
  return (has_day(moment.day) && is_after) ||
         (has_day(moment.day + 6U) && is_before);
}

std::vector<Diagnostic> RunTests(const CompiledPolicy& policy,
                                 const std::vector<PolicyNode>& nodes) {
  TestRun run(policy, nodes);
  for (const PolicyTest& test : policy.source().tests) {
    run.Run(test);
  }
  return run.Take();
}

}  // namespace natkit::mesh::policy
