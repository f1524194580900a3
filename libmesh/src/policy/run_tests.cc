#include "natkit/mesh/policy/run_tests.h"

#include <algorithm>
#include <utility>

#include "policy/role_index.h"
#include "policy/test_cast.h"

namespace natkit::mesh::policy {

namespace {

enum class Expected : uint8_t { kAccept, kDeny };

/// Decides one test after the other with the same cast.
class TestRun {
 public:
  TestRun(const CompiledPolicy& policy, const std::vector<PolicyNode>& nodes)
      : policy_(policy), cast_(policy, nodes), index_(policy, cast_.world()) {}

  void Run(const PolicyTest& test) {
    for (const TestTarget& target : test.accept) {
      Check(test, target, Expected::kAccept);
    }
    for (const TestTarget& target : test.deny) {
      Check(test, target, Expected::kDeny);
    }
  }

  void Run(const SshTest& test) {
    for (const Selector& host : test.dst) {
      CheckSsh(test, host, test.accept, SshAnswer::kAccept);
      CheckSsh(test, host, test.check, SshAnswer::kCheck);
      CheckSsh(test, host, test.deny, SshAnswer::kDeny);
    }
  }

  std::vector<Diagnostic> Take() { return std::move(failures_); }

 private:
  struct Pair {
    TestPoint source;
    TestPoint host;
  };

  static std::vector<Pair> PairsOf(const std::vector<TestPoint>& sources,
                                   const std::vector<TestPoint>& hosts) {
    std::vector<Pair> pairs;
    for (const TestPoint& source : sources) {
      for (const TestPoint& host : hosts) {
        if (source.address.family() == host.address.family() &&
            source.address != host.address) {
          pairs.push_back({source, host});
        }
      }
    }
    return pairs;
  }

  void Check(const PolicyTest& test, const TestTarget& target,
             Expected expected) {
    is_failed_ = false;
    const auto sources = cast_.PointsOf(test.src, Machines::kKnown);
    SetClock(test, expected);
    const auto check = [&](Machines which) {
      const auto hosts = cast_.PointsOf(target.host, which);
      cast_.SetAttributes(test.attributes);
      index_.Refresh();
      bool has_pair = false;
      for (const Pair& pair : PairsOf(sources, hosts)) {
        has_pair = true;
        CheckPair(test, target, pair, expected);
      }
      return has_pair;
    };
    if (!check(Machines::kKnown) && !check(Machines::kAnother)) {
      Fail(test, target, "they have no two addresses of one family");
    }
  }

  /// Without a time: accepted has to be so always, denied too.
  void SetClock(const PolicyTest& test, Expected expected) {
    cast_.world().is_open = [&test, expected](const TimeWindow& window,
                                              int64_t) {
      return test.when ? IsOpenAt(window, *test.when)
                       : expected == Expected::kDeny;
    };
  }

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
        cast_.NodeOf(pair.source).name + " (" + pair.source.address.ToString() +
        ") " + (decision.is_accepted ? "reaches " : "does not reach ") +
        cast_.NodeOf(pair.host).name + " (" + pair.host.address.ToString() +
        "): ";
    Fail(test, target, who + decision.text);
  }

  Decision DecideFor(const PolicyTest& test, const TestTarget& target,
                     const Pair& pair) {
    FlowQuestion question;
    question.source = pair.source.address;
    question.destination = pair.host.address;
    question.port = target.port;
    question.protocol = test.protocol.value_or(kProtocolTcp);
    Decision decision = DecideWith(index_, question);
    if (!decision.is_accepted && !test.protocol) {
      question.protocol = kProtocolUdp;
      const Decision other = DecideWith(index_, question);
      return other.is_accepted ? other : decision;
    }
    return decision;
  }

  void CheckSsh(const SshTest& test, const Selector& host,
                const std::vector<std::string>& logins, SshAnswer expected) {
    const auto sources = cast_.PointsOf(test.src, Machines::kKnown);
    const auto hosts = cast_.PointsOf(host, Machines::kKnown);
    for (const std::string& login : logins) {
      const bool is_good = std::ranges::all_of(sources, [&](const auto& from) {
        return std::ranges::all_of(hosts, [&](const auto& to) {
          return from.node == to.node ||
                 DecideSsh(policy_.source(), cast_.NodeOf(from),
                           cast_.NodeOf(to), login) == expected;
        });
      });
      if (!is_good) {
        failures_.push_back({Severity::kError, host.at,
                             "ssh test of \"" + test.src.text + "\" as " +
                                 login + " at \"" + host.text +
                                 "\" fails: expected " + Name(expected)});
      }
    }
  }

  static std::string Name(SshAnswer answer) {
    switch (answer) {
      case SshAnswer::kDeny:
        return "deny";
      case SshAnswer::kAccept:
        return "accept";
      case SshAnswer::kCheck:
        return "check";
    }
    return "";
  }

  void Fail(const PolicyTest& test, const TestTarget& target,
            const std::string& why) {
    is_failed_ = true;
    failures_.push_back({Severity::kError, target.host.at,
                         "test of \"" + test.src.text + "\" and \"" +
                             target.text + "\" fails: " + why});
  }

  const CompiledPolicy& policy_;
  TestCast cast_;
  RoleIndex index_;
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
  for (const SshTest& test : policy.source().ssh_tests) {
    run.Run(test);
  }
  return run.Take();
}

}  // namespace natkit::mesh::policy
