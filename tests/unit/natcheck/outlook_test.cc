// What natcheck says to a person of a report: whom this host reaches, what
// keeps its port open, and no more than is known.

#include "outlook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <sstream>
#include <string>

#include "natkit/nat/behavior_report.h"
#include "report_text.h"

namespace natkit::natcheck {
namespace {

using nat::Axis;
using nat::BehaviorReport;
using nat::Dependence;
using nat::Outcome;
using nat::Translation;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr auto kEi = Dependence::kEndpointIndependent;
constexpr auto kAd = Dependence::kAddressDependent;
constexpr auto kApd = Dependence::kAddressAndPortDependent;

/// A report on a NAT of which only these are known.
BehaviorReport ReportOn(Dependence mapping, Dependence filtering,
                        Translation translation = Translation::kNapt) {
  BehaviorReport report;
  for (const Axis axis : nat::AllAxes()) {
    report.verdicts[axis];
  }
  report.verdicts[Axis::kUdp] = {.outcome = Outcome::kDetermined,
                                 .value = "open"};
  report.traits.mapping = mapping;
  report.traits.filtering = filtering;
  report.traits.translation = translation;
  return report;
}

std::string SummaryOf(const BehaviorReport& report) {
  std::string text;
  for (const std::string& line : Summarize(report)) {
    text += line + '\n';
  }
  return text;
}

/// "ynp..." for each kind of peer, in order.
std::string DirectOf(Dependence mapping, Dependence filtering) {
  std::string text;
  for (const Peer& peer : Peers()) {
    const auto direct = DirectTo(ReportOn(mapping, filtering).traits, peer);
    text += direct ? DirectName(*direct)[0] : '?';
  }
  return text;
}

TEST(Peers, TheMatrixIsThatOfThePage) {
  // open, restricted, endpoint_independent, symmetric_open,
  // symmetric_restricted, symmetric (docs/nat-behavior.md).
  const std::map<std::pair<Dependence, Dependence>, std::string> cells = {
      {{kEi, kEi}, "yyyyyy"},  {{kEi, kAd}, "yyyyyy"},
      {{kEi, kApd}, "yyyppp"}, {{kAd, kEi}, "yypyyn"},
      {{kAd, kAd}, "yypynn"},  {{kAd, kApd}, "yypnnn"},
      {{kApd, kEi}, "yypnnn"}, {{kApd, kAd}, "yypnnn"},
      {{kApd, kApd}, "yypnnn"}};
  for (const auto& [row, cell] : cells) {
    EXPECT_EQ(DirectOf(row.first, row.second), cell)
        << DependenceName(row.first) << '/' << DependenceName(row.second);
  }
}

TEST(Summary, AnAddressDependentMappingIsDescribedAsOne) {
  EXPECT_THAT(SummaryOf(ReportOn(kAd, kEi)), HasSubstr("Every address sees"));
  EXPECT_THAT(SummaryOf(ReportOn(kApd, kEi)),
              HasSubstr("Every destination sees"));
  EXPECT_THAT(SummaryOf(ReportOn(kAd, kEi)),
              HasSubstr("Direct paths to: hosts on the open Internet or behind "
                        "full cone NATs, routers that let in known addresses, "
                        "symmetric NATs that let in everybody"));
}

TEST(Summary, WithoutTranslationAFilterIsAFirewall) {
  EXPECT_THAT(SummaryOf(ReportOn(kEi, kApd, Translation::kNone)),
              HasSubstr("public address behind a firewall"));
  EXPECT_THAT(SummaryOf(ReportOn(kEi, kEi, Translation::kNone)),
              HasSubstr("anybody can reach it"));
}

TEST(Summary, TranslatedIpv6PrefixesAndNat64AreExplained) {
  EXPECT_THAT(SummaryOf(ReportOn(kEi, kApd, Translation::kPrefix)),
              HasSubstr("The network's addresses are translated"));
  BehaviorReport nat64 = ReportOn(kEi, kAd, Translation::kNat64);
  nat64.nat64_prefix =
      IpPrefix::Make(IpAddress::V6({0, 0x64, 0xff, 0x9b}), 96).value();
  EXPECT_THAT(SummaryOf(nat64), HasSubstr("NAT64 (64:ff9b::/96)"));
}

TEST(Summary, WhatIsNotKnownIsNotSaid) {
  BehaviorReport report = ReportOn(kEi, kApd);
  report.traits.filtering.reset();
  EXPECT_THAT(SummaryOf(report), HasSubstr("who may send to it is not known"));
  EXPECT_THAT(SummaryOf(report), Not(HasSubstr("Direct paths")));
  report.traits.mapping.reset();
  EXPECT_THAT(SummaryOf(report), HasSubstr("Not enough is known"));
}

TEST(Summary, ANatThatChangesUnderLoadIsNamed) {
  BehaviorReport report = ReportOn(kEi, kEi);
  EXPECT_THAT(SummaryOf(report), Not(HasSubstr("With many mappings")));
  report.is_deterministic = false;
  EXPECT_THAT(SummaryOf(report), HasSubstr("With many mappings"));
}

TEST(Keepalive, FollowsWhatRefreshes) {
  BehaviorReport report = ReportOn(kEi, kApd);
  EXPECT_THAT(SummaryOf(report), Not(HasSubstr("To stay reachable")));
  report.traits.assured_lifetime = seconds(90);
  EXPECT_EQ(KeepaliveFor(report.traits), seconds(67));
  EXPECT_THAT(SummaryOf(report), HasSubstr("something that is answered every"));
  report.traits.refreshed_by_outbound = true;
  EXPECT_THAT(SummaryOf(report), HasSubstr("send something every 67 s"));
  report.traits.refreshed_by_outbound = false;
  report.traits.refreshed_by_inbound = true;
  EXPECT_THAT(SummaryOf(report), HasSubstr("that is answered every 67 s"));
  EXPECT_THAT(SummaryOf(report), HasSubstr("What this host sends does not"));
  report.verdicts[Axis::kTimerScope] = {.outcome = Outcome::kDetermined,
                                        .value = "session"};
  EXPECT_THAT(SummaryOf(report), HasSubstr("answered to each peer every"));
  report.traits.refreshed_by_inbound = false;
  EXPECT_EQ(KeepaliveFor(report.traits), std::nullopt);
  EXPECT_THAT(SummaryOf(report), HasSubstr("Nothing keeps a port open"));
}

TEST(Text, SaysWhyAnAxisIsOpenAndLeavesOutWhatWasNotAsked) {
  BehaviorReport report = ReportOn(kEi, kApd);
  report.verdicts[Axis::kMapping] = {.outcome = Outcome::kInconclusive,
                                     .value = "dependent",
                                     .reason = "two servers"};
  report.verdicts[Axis::kTcp].reason.clear();
  std::ostringstream out;
  PrintText(out, report, Evidence::kOmit);
  EXPECT_THAT(out.str(), HasSubstr("inconclusive (dependent?)"));
  EXPECT_THAT(out.str(), HasSubstr("two servers"));
  EXPECT_THAT(out.str(), Not(HasSubstr("tcp")));
}

}  // namespace
}  // namespace natkit::natcheck
