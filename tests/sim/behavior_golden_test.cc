// Behavior discovery against the golden table (nat.md section 18): what it says
// of each profile is true, over twenty seeds, without loss and with 5 % of it.
// It may say that it does not know, but without loss only where that is so.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "behavior_bench.h"
#include "natkit/nat/behavior_report.h"

namespace natkit::nat {
namespace {

using sim::BehaviorBench;
using sim::BenchConfig;
using sim::BenchFor;
using sim::Describe;
using sim::Ipv6Bench;

constexpr uint64_t kSeeds = 20;

/// What is true of a profile, in the words of reports; "-": the question does
/// not apply, "?": it cannot be known.
struct Truth {
  std::string mapping;
  std::string filtering;
  std::string poisoning = "-";
  std::string allocation;
  std::string pooling = "single";
  std::string overloading = "no";
  std::string hairpinning = "none";
  std::string translation = "napt";
  /// Seconds; 0: for ever.
  int unreplied = 60;
  int one_exchange = 60;
  int assured = 60;
  std::string inbound_refresh = "no";
  std::string timer_scope = "-";
};

struct Row {
  std::string_view name;
  std::string_view profile;
  Truth truth;
  int port_step = 1;
  /// The box is an IPv6 router and the profile's name does not count.
  std::optional<netsim::Ipv6Mode> ipv6 = {};
  netsim::Dependence ipv6_filtering = netsim::Dependence::kEndpointIndependent;
};

constexpr const char* kEi = "endpoint-independent";
constexpr const char* kAd = "address-dependent";
constexpr const char* kApd = "address-and-port-dependent";

Truth Symmetric(std::string allocation, std::string dependence = kApd) {
  return {.mapping = dependence,
          .filtering = dependence,
          .allocation = std::move(allocation),
          .hairpinning = "?"};
}

Truth Cone(std::string filtering, std::string hairpinning) {
  return {.mapping = kEi,
          .filtering = std::move(filtering),
          .poisoning = "no",
          .allocation = "preserved",
          .hairpinning = std::move(hairpinning),
          .unreplied = 300,
          .one_exchange = 300,
          .assured = 300,
          .timer_scope = "mapping"};
}

Truth Untranslated(std::string filtering) {
  return {.mapping = "none",
          .filtering = std::move(filtering),
          .poisoning = "no",
          .allocation = "preserved",
          .pooling = "-",
          .overloading = "-",
          .hairpinning = "-",
          .translation = "none"};
}

Truth Living(Truth truth, int unreplied, int one_exchange, int assured) {
  truth.unreplied = unreplied;
  truth.one_exchange = one_exchange;
  truth.assured = assured;
  return truth;
}

/// What tracks connections: a timer for each, which both sides restart.
Truth Tracking(Truth truth, int unreplied, int assured) {
  truth.inbound_refresh = "yes";
  truth.timer_scope = truth.mapping == kApd ? "-" : "session";
  return Living(std::move(truth), unreplied, unreplied, assured);
}

Truth With(Truth truth, std::string Truth::* member, std::string value) {
  truth.*member = std::move(value);
  return truth;
}

std::vector<Row> Table() {
  const Truth router =
      Tracking(With(Cone(kApd, "none"), &Truth::overloading, "yes"), 30, 120);
  const Truth block =
      With(Cone(kEi, "external-source"), &Truth::allocation, "block");
  const Truth paired =
      With(With(block, &Truth::pooling, "paired"), &Truth::overloading, "?");
  // Its timers are restarted from the inside alone: the answer to one request
  // changes nothing.
  const Truth cellular = Living(
      With(Symmetric("block"), &Truth::pooling, "arbitrary"), 30, 30, 60);
  const Truth one_to_one =
      With(With(With(Cone(kEi, "external-source"), &Truth::pooling, "paired"),
                &Truth::translation, "?"),
           &Truth::overloading, "?");
  // Each host has an address of its own, but ports are never shared.
  const Truth prefix =
      With(With(With(Cone(kApd, "none"), &Truth::pooling, "paired"),
                &Truth::translation, "prefix"),
           &Truth::overloading, "?");
  return {
      {"open", "open", Living(Untranslated(kEi), 0, 0, 0)},
      {"firewall-only", "firewall-only", Tracking(Untranslated(kApd), 30, 120)},
      {"full-cone", "full-cone", Cone(kEi, "external-source")},
      {"addr-restricted", "addr-restricted", Cone(kAd, "external-source")},
      {"port-restricted", "port-restricted",
       Living(Cone(kApd, "none"), 120, 120, 120)},
      {"linux-clean", "linux-clean", router},
      {"linux-poisonable", "linux-poisonable",
       With(router, &Truth::poisoning, "yes")},
      {"symmetric-addr", "symmetric-addr", Symmetric("random", kAd)},
      {"symmetric-seq, 1", "symmetric-seq", Symmetric("sequential 1"), 1},
      {"symmetric-seq, 2", "symmetric-seq", Symmetric("sequential 2"), 2},
      {"symmetric-seq, -1", "symmetric-seq", Symmetric("sequential -1"), -1},
      {"symmetric-random", "symmetric-random",
       Tracking(Symmetric("random"), 60, 120)},
      {"bsd-pf", "bsd-pf", Tracking(Symmetric("random 50001-65535"), 60, 60)},
      {"cgn-rfc6888", "cgn-rfc6888", paired},
      {"cgn-cellular", "cgn-cellular", cellular},
      {"home + cgn-rfc6888", "home-over-cgn",
       Living(With(block, &Truth::filtering, kApd), 120, 120, 120)},
      {"home + cgn-cellular", "home-over-cellular", cellular},
      {"nat64", "nat64",
       With(Cone(kAd, "external-source"), &Truth::translation, "nat64")},
      {"one-to-one", "one-to-one", Living(one_to_one, 0, 0, 0)},
      {"ipv6", "", Living(Untranslated(kEi), 0, 0, 0), 1,
       netsim::Ipv6Mode::kRoute},
      {"ipv6 firewall", "", Tracking(Untranslated(kApd), 30, 120), 1,
       netsim::Ipv6Mode::kFirewall,
       netsim::Dependence::kAddressAndPortDependent},
      {"ipv6 prefix", "", Tracking(prefix, 30, 120), 1,
       netsim::Ipv6Mode::kNptv6, netsim::Dependence::kAddressAndPortDependent},
  };
}

BenchConfig BenchOf(const Row& row, uint64_t seed, double loss) {
  BenchConfig config = row.ipv6 ? Ipv6Bench(*row.ipv6, row.ipv6_filtering)
                                : BenchFor(row.profile);
  config.home.port_step = row.port_step;
  config.seed = seed;
  config.loss = loss;
  config.discovery.axes = AllAxes();
  return config;
}

/// Compares one verdict with the truth; counts what is not known.
class Judge {
 public:
  Judge(const BehaviorReport& report, bool is_lossy, std::string context)
      : report_(report), is_lossy_(is_lossy), context_(std::move(context)) {}

  void Check(Axis axis, const std::string& truth) {
    const Verdict& verdict = report_.verdict(axis);
    const std::string where = context_ + ", " + std::string(AxisName(axis)) +
                              "\n" + Describe(report_);
    switch (verdict.outcome) {
      case Outcome::kDetermined:
        EXPECT_TRUE(verdict.value.starts_with(truth))
            << "true: " << truth << "; " << where;
        break;
      case Outcome::kNotApplicable:
        EXPECT_EQ(truth, "-") << where;
        break;
      case Outcome::kInconclusive:
        unknown_ += truth == "?" ? 0 : 1;
        break;
      case Outcome::kUntested:
        ADD_FAILURE() << where;
        break;
    }
  }

  /// `truth` in seconds, 0 for ever. A bracket must contain it and be narrow.
  void CheckLifetime(Axis axis, int truth) {
    const Verdict& verdict = report_.verdict(axis);
    const std::string where = context_ + ", " + std::string(AxisName(axis)) +
                              "\n" + Describe(report_);
    if (verdict.outcome != Outcome::kDetermined) {
      EXPECT_EQ(verdict.outcome, Outcome::kInconclusive) << where;
      ++unknown_;
      return;
    }
    using std::chrono::seconds;
    const LifetimeBracket bracket = report_.lifetimes.at(axis);
    const auto slack = std::chrono::milliseconds(200);
    EXPECT_EQ(bracket.dead.has_value(), truth != 0) << where;
    if (truth != 0 && bracket.dead) {
      EXPECT_LE(bracket.alive, seconds(truth) + slack) << where;
      EXPECT_GE(*bracket.dead, seconds(truth) - slack) << where;
      const auto widest =
          std::max(seconds(is_lossy_ ? 90 : 25), seconds(truth / 8));
      EXPECT_LE(*bracket.dead - bracket.alive, widest) << where;
    }
  }

  [[nodiscard]] int unknown() const { return unknown_; }

 private:
  const BehaviorReport& report_;
  bool is_lossy_;
  std::string context_;
  int unknown_ = 0;
};

class BehaviorGolden
    : public testing::TestWithParam<std::tuple<size_t, double>> {
 protected:
  const Row row_ = Table().at(std::get<0>(GetParam()));
  const double loss_ = std::get<1>(GetParam());
};

TEST_P(BehaviorGolden, NoVerdictIsWrong) {
  int unknown = 0;
  for (uint64_t seed = 1; seed <= kSeeds && !HasFailure(); ++seed) {
    BehaviorBench bench(BenchOf(row_, seed, loss_));
    const BehaviorReport& report = bench.Run();
    Judge judge(report, loss_ > 0,
                std::string(row_.name) + ", seed " + std::to_string(seed));
    const Truth& truth = row_.truth;
    judge.Check(Axis::kUdp, "open");
    judge.Check(Axis::kServer, "two-addresses");
    judge.Check(Axis::kTranslation, truth.translation);
    judge.Check(Axis::kMapping, truth.mapping);
    judge.Check(Axis::kFiltering, truth.filtering);
    judge.Check(Axis::kPoisoning, truth.poisoning);
    judge.Check(Axis::kAllocation, truth.allocation);
    judge.Check(Axis::kPooling, truth.pooling);
    judge.Check(Axis::kOverloading, truth.overloading);
    judge.Check(Axis::kHairpinning, truth.hairpinning);
    judge.Check(Axis::kDeterminism, truth.translation == "none" ? "-" : "yes");
    judge.Check(Axis::kFragments, "both");
    judge.Check(Axis::kPayload, "unchanged");
    judge.Check(Axis::kPortMapping, "none");
    judge.Check(Axis::kNat64, row_.profile == "nat64" ? "64:ff9b::/96"
                              : row_.ipv6             ? "none"
                                                      : "-");
    judge.Check(Axis::kDepth, truth.translation == "none" ? "none"
                              : row_.profile.starts_with("home")
                                  ? "more-than-one"
                                  : "one");
    judge.CheckLifetime(Axis::kUnrepliedLifetime, truth.unreplied);
    judge.CheckLifetime(Axis::kOneExchangeLifetime, truth.one_exchange);
    judge.CheckLifetime(Axis::kAssuredLifetime, truth.assured);
    if (truth.assured != 0) {
      judge.Check(Axis::kOutboundRefresh, "yes");
      judge.Check(Axis::kInboundRefresh, truth.inbound_refresh);
      judge.Check(Axis::kTimerScope, truth.timer_scope);
    }
    unknown += judge.unknown();
    if (loss_ == 0) {
      EXPECT_EQ(judge.unknown(), 0) << row_.name << ", seed " << seed << "\n"
                                    << Describe(report);
    }
  }
  RecordProperty("inconclusive", unknown);
}

std::string NameOf(
    const testing::TestParamInfo<std::tuple<size_t, double>>& info) {
  std::string name(Table().at(std::get<0>(info.param)).name);
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name + "_row" + std::to_string(std::get<0>(info.param)) +
         (std::get<1>(info.param) > 0 ? "_lossy" : "_lossless");
}

INSTANTIATE_TEST_SUITE_P(Profiles, BehaviorGolden,
                         testing::Combine(testing::Range(size_t{0},
                                                         Table().size()),
                                          testing::Values(0.0, 0.05)),
                         NameOf);

class BlockedGolden : public testing::TestWithParam<std::string_view> {};

TEST_P(BlockedGolden, UdpIsBlocked) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (const double loss : {0.0, 0.05}) {
      BenchConfig config = BenchFor(GetParam());
      config.seed = seed;
      config.loss = loss;
      BehaviorBench bench(config);
      const BehaviorReport& report = bench.Run();
      EXPECT_EQ(report.verdict(Axis::kUdp).value, "blocked");
      EXPECT_TRUE(report.traits.is_udp_blocked);
      EXPECT_FALSE(report.traits.mapping.has_value());
      EXPECT_EQ(ClassicName(report.traits), "UDP blocked");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Profiles, BlockedGolden,
                         testing::Values("udp-blocked", "dns-only", "hotel"),
                         [](const auto& param) {
                           std::string name(param.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace natkit::nat
