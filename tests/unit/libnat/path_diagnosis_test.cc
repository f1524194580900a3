#include "natkit/nat/path_diagnosis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <string>
#include <string_view>

namespace natkit::nat {
namespace {

constexpr auto kEi = Dependence::kEndpointIndependent;
constexpr auto kAd = Dependence::kAddressDependent;
constexpr auto kApd = Dependence::kAddressAndPortDependent;

PathSide Side(Dependence mapping, std::optional<Dependence> filtering,
              const IpAddress& external = IpAddress::V4(203, 0, 113, 1)) {
  PathSide side;
  side.traits.translation = Translation::kNapt;
  side.traits.mapping = mapping;
  side.traits.filtering = filtering;
  side.traits.external_addresses = {external};
  side.uses_port_mapping = true;
  return side;
}

PathQuestion Searched(const PathSide& ours, PathSide theirs) {
  if (theirs.traits.external_addresses == ours.traits.external_addresses) {
    theirs.traits.external_addresses = {IpAddress::V4(203, 0, 113, 2)};
  }
  return {
      .ours = ours, .theirs = theirs, .is_active = true, .has_searched = true};
}

bool HasFix(const PathDiagnosis& diagnosis, FixCode code, FixSide side) {
  return std::ranges::any_of(diagnosis.fixes, [&](const Fix& fix) {
    return fix.code == code && fix.side == side && !fix.reason.empty();
  });
}

TEST(PathDiagnosis, AllCellsAreAsSimulated) {
  // Independent of the table: what passes when both sides send to each other's
  // STUN-time endpoint and answer where packets come from.
  const std::array all = {kEi, kAd, kApd};
  size_t direct = 0;
  for (const Dependence am : all) {
    for (const Dependence af : all) {
      for (const Dependence bm : all) {
        for (const Dependence bf : all) {
          const NatBehavior a{am, af};
          const NatBehavior b{bm, bf};
          EXPECT_EQ(PredictReach(a, b), PredictReach(b, a));
          const bool is_easy = am == kEi && bm == kEi;
          const bool a_open = am == kEi && af != kApd;
          const bool b_open = bm == kEi && bf != kApd;
          if (is_easy || a_open || b_open) {
            EXPECT_EQ(PredictReach(a, b), Reach::kDirect)
                << BehaviorName(a) << " " << BehaviorName(b);
          }
          const auto question = Searched(Side(am, af), Side(bm, bf));
          const PathDiagnosis diagnosis = DiagnosePath(question);
          ASSERT_EQ(diagnosis.cells.size(), 1U);
          EXPECT_EQ(diagnosis.cells[0], (PunchCell{a, b, PredictReach(a, b)}));
          const bool is_direct = PredictReach(a, b) == Reach::kDirect;
          direct += is_direct ? 1 : 0;
          EXPECT_EQ(diagnosis.reason, is_direct ? PathReason::kShouldBeDirect
                                                : PathReason::kNatPair);
          EXPECT_FALSE(diagnosis.fixes.empty());
          EXPECT_TRUE(HasFix(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
        }
      }
    }
  }
  EXPECT_EQ(direct, 42U);
}

TEST(PathDiagnosis, NamesTheDecidingCellAndItsFixes) {
  PathQuestion question = Searched(Side(kEi, kApd), Side(kApd, kApd));
  question.hard_punch = HardPunchOutcome::kNotAllowed;
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_EQ(diagnosis.reason, PathReason::kNatPair);
  EXPECT_NE(diagnosis.summary.find("EI/APD against APD/APD"),
            std::string::npos);
  EXPECT_NE(diagnosis.theirs.find("symmetric"), std::string::npos);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kForwardPort, FixSide::kTheirs));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kEnablePortMapping, FixSide::kOurs));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kLeaveHardNat, FixSide::kTheirs));
  EXPECT_FALSE(HasFix(diagnosis, FixCode::kLeaveHardNat, FixSide::kOurs));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kUseIpv6, FixSide::kBoth));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kAllowHardPunch, FixSide::kBoth));
}

TEST(PathDiagnosis, OnlyWhoDoesNotYetAllowAHardPunchIsAdvisedTo) {
  PathQuestion question = Searched(Side(kEi, kApd), Side(kApd, kApd));
  question.hard_punch = HardPunchOutcome::kNotAllowed;
  question.we_allow_hard_punch = true;
  EXPECT_TRUE(HasFix(DiagnosePath(question), FixCode::kAllowHardPunch,
                     FixSide::kTheirs));
  std::swap(question.we_allow_hard_punch, question.they_allow_hard_punch);
  EXPECT_TRUE(
      HasFix(DiagnosePath(question), FixCode::kAllowHardPunch, FixSide::kOurs));
}

TEST(PathDiagnosis, ABudgetThatIsTooSmallIsToBeRaised) {
  PathQuestion question = Searched(Side(kEi, kApd), Side(kApd, kApd));
  question.we_allow_hard_punch = true;
  question.they_allow_hard_punch = true;
  question.hard_punch = HardPunchOutcome::kBudgetTooSmall;
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_TRUE(
      HasFix(diagnosis, FixCode::kRaiseHardPunchBudget, FixSide::kEither));
  for (const Fix& fix : diagnosis.fixes) {
    EXPECT_NE(fix.code, FixCode::kAllowHardPunch);
  }
  EXPECT_NE(diagnosis.tried.back().find("budget is too small"),
            std::string::npos);
}

TEST(PathDiagnosis, AFailedSearchTellsTheFilteringOfTheEasySide) {
  const PathDiagnosis diagnosis =
      DiagnosePath(Searched(Side(kEi, std::nullopt), Side(kApd, std::nullopt)));
  EXPECT_EQ(diagnosis.reason, PathReason::kNatPair);
  for (const PunchCell& cell : diagnosis.cells) {
    EXPECT_EQ(cell.ours, (NatBehavior{kEi, kApd}));
    EXPECT_NE(cell.reach, Reach::kDirect);
  }
  EXPECT_EQ(diagnosis.cells.size(), 3U);
  EXPECT_NE(diagnosis.ours.find("only addresses and ports"), std::string::npos);
  EXPECT_NE(diagnosis.theirs.find("not known"), std::string::npos);
}

TEST(PathDiagnosis, BeforeTheSearchHasEndedNothingIsRuledOut) {
  PathQuestion question =
      Searched(Side(kEi, std::nullopt), Side(kApd, std::nullopt));
  question.has_searched = false;
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_EQ(diagnosis.reason, PathReason::kSearching);
  EXPECT_EQ(diagnosis.cells.size(), 9U);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kWait, FixSide::kEither));
}

TEST(PathDiagnosis, BlockedUdpComesFirst) {
  PathSide blocked;
  blocked.traits.is_udp_blocked = true;
  PathDiagnosis diagnosis = DiagnosePath(Searched(Side(kEi, kApd), blocked));
  EXPECT_EQ(diagnosis.reason, PathReason::kUdpBlocked);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kAllowUdp, FixSide::kTheirs));
  EXPECT_FALSE(HasFix(diagnosis, FixCode::kAllowUdp, FixSide::kOurs));
  diagnosis = DiagnosePath(Searched(blocked, blocked));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kAllowUdp, FixSide::kOurs));
  EXPECT_NE(diagnosis.summary.find("our network"), std::string::npos);
}

TEST(PathDiagnosis, SilentServersLookLikeBlockedUdp) {
  PathSide silent;
  silent.traits.is_udp_blocked = true;
  const PathDiagnosis diagnosis =
      DiagnosePath(Searched(silent, Side(kEi, kApd)));
  EXPECT_NE(diagnosis.summary.find("no STUN server answers"),
            std::string::npos);
  EXPECT_NE(diagnosis.ours.find("servers do not answer"), std::string::npos);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kEnablePortMapping, FixSide::kOurs));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kUseIpv6, FixSide::kBoth));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kAddStunServers, FixSide::kEither));
}

TEST(PathDiagnosis, OneNatForBothNeedsHairpinning) {
  PathQuestion question = Searched(Side(kEi, kApd), Side(kEi, kApd));
  question.theirs->traits.external_addresses =
      question.ours.traits.external_addresses;
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_EQ(diagnosis.reason, PathReason::kSameNat);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kEnableHairpinning, FixSide::kEither));
}

TEST(PathDiagnosis, BehindASecondNatForwardingDoesNotHelp) {
  PathSide ours = Side(kApd, kApd);
  ours.is_behind_second_nat = true;
  const PathDiagnosis diagnosis =
      DiagnosePath(Searched(ours, Side(kApd, kApd)));
  EXPECT_FALSE(HasFix(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kRemoveSecondNat, FixSide::kOurs));
  EXPECT_NE(diagnosis.ours.find("second NAT"), std::string::npos);
}

TEST(PathDiagnosis, AMappedPortIsReachableForAll) {
  PathSide ours = Side(kApd, kApd);
  ours.mapped_port = MappedPort::kReachable;
  const PathDiagnosis diagnosis =
      DiagnosePath(Searched(ours, Side(kApd, kApd)));
  ASSERT_EQ(diagnosis.cells.size(), 1U);
  EXPECT_EQ(diagnosis.cells[0].ours, (NatBehavior{kEi, kEi}));
  EXPECT_EQ(diagnosis.reason, PathReason::kShouldBeDirect);
}

TEST(PathDiagnosis, AMappedPortThatNobodyTriedIsNoProof) {
  PathSide ours = Side(kApd, kApd);
  ours.mapped_port = MappedPort::kNotProbed;
  PathQuestion question = Searched(ours, Side(kApd, kApd));
  question.has_searched = false;
  EXPECT_EQ(DiagnosePath(question).cells.size(),
            2U);  // as it says, or as it is
  question.has_searched = true;
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_EQ(diagnosis.reason, PathReason::kNatPair);
  ASSERT_EQ(diagnosis.cells.size(), 1U);
  EXPECT_EQ(diagnosis.cells[0].ours, (NatBehavior{kApd, kApd}));
  EXPECT_NE(diagnosis.ours.find("nobody could try"), std::string::npos);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kAllowInbound, FixSide::kOurs));
  EXPECT_FALSE(HasFix(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kForwardPort, FixSide::kTheirs));
}

TEST(PathDiagnosis, AMappedPortThatNothingReachesIsSaidToBeSo) {
  PathSide ours = Side(kApd, kApd);
  ours.mapped_port = MappedPort::kUnreachable;
  const PathDiagnosis diagnosis =
      DiagnosePath(Searched(ours, Side(kApd, kApd)));
  EXPECT_EQ(diagnosis.reason, PathReason::kNatPair);
  EXPECT_EQ(diagnosis.cells.at(0).ours, (NatBehavior{kApd, kApd}));
  EXPECT_NE(diagnosis.ours.find("nothing arrives"), std::string::npos);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kAllowInbound, FixSide::kOurs));
  EXPECT_FALSE(HasFix(diagnosis, FixCode::kEnablePortMapping, FixSide::kOurs));
}

TEST(PathDiagnosis, AHostWithoutNatHasAFirewallOrNone) {
  PathSide ours = Side(kEi, std::nullopt);
  ours.traits.translation = Translation::kNone;
  PathQuestion question = Searched(ours, Side(kApd, kApd));
  question.has_searched = false;
  EXPECT_EQ(DiagnosePath(question).ours,
            "no NAT; whether a firewall keeps others out is not known");
  question.has_searched = true;  // in vain: then there is one
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_NE(diagnosis.ours.find("no NAT, but a firewall"), std::string::npos);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kAllowInbound, FixSide::kOurs));
  EXPECT_FALSE(HasFix(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
  question.is_direct = true;
  question.ours.traits.filtering = kEi;
  EXPECT_EQ(DiagnosePath(question).ours,
            "no NAT, and no firewall keeps others out");
}

TEST(PathDiagnosis, WithoutARelayNothingElseMatters) {
  PathQuestion question = Searched(Side(kEi, kApd), Side(kApd, kApd));
  question.has_relay = false;
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_EQ(diagnosis.reason, PathReason::kNoRelay);
  EXPECT_EQ(PathReasonName(diagnosis.reason), "no-relay");
  ASSERT_EQ(diagnosis.fixes.size(), 1U);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kReachRelay, FixSide::kOurs));
  question.is_direct = true;  // does not need one
  EXPECT_EQ(DiagnosePath(question).reason, PathReason::kDirect);
}

TEST(PathDiagnosis, TheAdviceFitsWhatTheRouterSaid) {
  const auto reason = [](std::optional<PortMappingError> error, FixCode code) {
    PathSide ours = Side(kApd, kApd);
    ours.port_mapping_error = error;
    const auto diagnosis = DiagnosePath(Searched(ours, Side(kApd, kApd)));
    for (const Fix& fix : diagnosis.fixes) {
      if (fix.code == code && fix.side == FixSide::kOurs) {
        return fix.reason;
      }
    }
    return std::string();
  };
  const FixCode enable = FixCode::kEnablePortMapping;
  EXPECT_NE(reason(PortMappingError::kRefused, enable).find("switched on"),
            std::string::npos);
  EXPECT_NE(
      reason(PortMappingError::kQuotaExceeded, enable).find("no port left"),
      std::string::npos);
  EXPECT_NE(reason(PortMappingError::kNoExternalAddress, enable)
                .find("once it is connected"),
            std::string::npos);
  EXPECT_NE(
      reason(PortMappingError::kAddressMismatch, FixCode::kRemoveSecondNat),
      "");
  EXPECT_EQ(reason(PortMappingError::kAddressMismatch, enable), "");
}

TEST(PathDiagnosis, EveryWordIsKnownAndUnlikeTheOthers) {
  std::set<std::string_view> words;
  for (int reason = 0; reason <= static_cast<int>(PathReason::kEatsData);
       ++reason) {
    words.insert(PathReasonName(static_cast<PathReason>(reason)));
  }
  EXPECT_EQ(words.size(), 11U);
  words.clear();
  for (int code = 0; code <= static_cast<int>(FixCode::kRaiseHardPunchBudget);
       ++code) {
    words.insert(FixCodeName(static_cast<FixCode>(code)));
  }
  EXPECT_EQ(words.size(), 16U);
  EXPECT_FALSE(words.contains(""));
  EXPECT_EQ(FixCodeName(FixCode::kAddStunServers), "add-stun-servers");
  EXPECT_EQ(FixCodeName(FixCode::kForwardPort), "forward-port");
}

TEST(PathDiagnosis, SaysWhatIsNotKnown) {
  const PathDiagnosis diagnosis =
      DiagnosePath(Searched(Side(kEi, kApd), PathSide{}));
  EXPECT_EQ(diagnosis.reason, PathReason::kUnknownBehavior);
  EXPECT_TRUE(diagnosis.cells.empty());
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kAddStunServers, FixSide::kEither));
}

TEST(PathDiagnosis, DirectIdleAndSilentPairsSaySo) {
  PathQuestion direct = Searched(Side(kEi, std::nullopt), Side(kApd, kApd));
  direct.is_direct = true;
  EXPECT_EQ(DiagnosePath(direct).reason, PathReason::kDirect);
  EXPECT_TRUE(DiagnosePath(direct).fixes.empty());
  // IPv6, say: nothing of the NATs is known by that.
  EXPECT_EQ(DiagnosePath(direct).cells.size(), 3U);
  direct.is_plain_punch = true;
  // That it works tells the filtering, too.
  EXPECT_EQ(DiagnosePath(direct).cells.size(), 2U);
  EXPECT_EQ(DiagnosePath({}).reason, PathReason::kIdle);
  EXPECT_EQ(DiagnosePath({.is_active = true}).reason, PathReason::kPeerSilent);
}

TEST(PathDiagnosis, WhoCarriesDescriptionsIsTold) {
  PathQuestion question{.is_active = true};
  const std::string over_relays = DiagnosePath(question).summary;
  question.uses_relays = false;
  const PathDiagnosis by_hand = DiagnosePath(question);
  EXPECT_EQ(by_hand.reason, PathReason::kPeerSilent);
  EXPECT_NE(by_hand.summary, over_relays);
  EXPECT_EQ(by_hand.summary.find("relay"), std::string::npos);
  ASSERT_EQ(by_hand.fixes.size(), 1U);
  EXPECT_EQ(by_hand.fixes[0].reason.find("relay"), std::string::npos);
}

TEST(PathDiagnosis, APeerThatNoRelayKnowsMayBeGone) {
  for (const PathSide& side : {PathSide{}, Side(kEi, kEi)}) {
    PathQuestion question = Searched(side, side);
    const PathDiagnosis over_relays = DiagnosePath(question);
    question.uses_relays = false;
    const PathDiagnosis by_hand = DiagnosePath(question);
    EXPECT_EQ(by_hand.reason, over_relays.reason);
    EXPECT_EQ(by_hand.summary,
              over_relays.summary + ", or the peer is not running");
  }
}

TEST(PathDiagnosis, TwoHardNatsMustBothGo) {
  const PathDiagnosis diagnosis =
      DiagnosePath(Searched(Side(kApd, kApd), Side(kApd, kApd)));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kLeaveHardNat, FixSide::kBoth));
  EXPECT_FALSE(HasFix(diagnosis, FixCode::kLeaveHardNat, FixSide::kOurs));
  EXPECT_FALSE(HasFix(diagnosis, FixCode::kLeaveHardNat, FixSide::kTheirs));
}

TEST(PathDiagnosis, HairpinningIsNoHelpToASymmetricNat) {
  PathQuestion question = Searched(Side(kApd, kApd), Side(kApd, kApd));
  question.theirs->traits.external_addresses =
      question.ours.traits.external_addresses;
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_EQ(diagnosis.reason, PathReason::kNatPair);
  EXPECT_FALSE(
      HasFix(diagnosis, FixCode::kEnableHairpinning, FixSide::kEither));
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kUseSameLan, FixSide::kEither));
}

TEST(PathDiagnosis, HairpinningIsAdvisedWhereItIsEnough) {
  PathQuestion question =
      Searched(Side(kEi, std::nullopt), Side(kApd, std::nullopt));
  question.theirs->traits.external_addresses =
      question.ours.traits.external_addresses;
  PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_EQ(diagnosis.reason, PathReason::kNatPair);
  EXPECT_NE(diagnosis.summary.find("both share"), std::string::npos);
  // The cells may be direct or not: the search tells only that it was in vain.
  EXPECT_EQ(diagnosis.cells.size(), 9U);
  EXPECT_FALSE(
      HasFix(diagnosis, FixCode::kEnableHairpinning, FixSide::kEither));
  question.ours.traits.filtering = kEi;
  diagnosis = DiagnosePath(question);
  EXPECT_EQ(diagnosis.reason, PathReason::kSameNat);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kEnableHairpinning, FixSide::kEither));
}

TEST(PathDiagnosis, APathThatWasFoundAndEatsDataIsNoSearchInVain) {
  PathQuestion question = Searched(Side(kEi, std::nullopt), Side(kApd, kApd));
  question.eats_data = true;
  question.retry_in = std::chrono::seconds(12);
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_EQ(diagnosis.reason, PathReason::kEatsData);
  EXPECT_EQ(diagnosis.cells.size(), 3U);  // nothing is ruled out
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kAllowUdp, FixSide::kEither));
  EXPECT_FALSE(HasFix(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
  EXPECT_TRUE(std::ranges::any_of(diagnosis.tried, [](const std::string& text) {
    return text.find("tried again in 12 s") != std::string::npos;
  }));
}

TEST(PathDiagnosis, AnEndpointOfTheMeshFileIsAClaim) {
  PathSide ours = Side(kApd, kApd);
  ours.mapped_port = MappedPort::kClaimed;
  PathQuestion question = Searched(ours, Side(kEi, kApd));
  question.has_searched = false;
  EXPECT_EQ(DiagnosePath(question).cells.size(), 2U);
  question.has_searched = true;
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_EQ(diagnosis.reason, PathReason::kNatPair);
  ASSERT_EQ(diagnosis.cells.size(), 1U);
  EXPECT_EQ(diagnosis.cells[0].ours, (NatBehavior{kApd, kApd}));
  EXPECT_NE(diagnosis.ours.find("names an endpoint"), std::string::npos);
  EXPECT_TRUE(HasFix(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
  for (const Fix& fix : diagnosis.fixes) {
    if (fix.code == FixCode::kForwardPort && fix.side == FixSide::kOurs) {
      EXPECT_NE(fix.reason.find("did not help"), std::string::npos);
    }
  }
}

TEST(PathDiagnosis, AMappingThatMayDependOnTheAddressAloneIsBoth) {
  PathSide ours = Side(kApd, kApd);
  ours.may_be_address_dependent = true;
  const PathDiagnosis diagnosis =
      DiagnosePath(Searched(ours, Side(kApd, kApd)));
  ASSERT_EQ(diagnosis.cells.size(), 2U);
  EXPECT_EQ(diagnosis.cells[0].ours, (NatBehavior{kAd, kApd}));
  EXPECT_EQ(diagnosis.cells[1].ours, (NatBehavior{kApd, kApd}));
  EXPECT_NE(diagnosis.ours.find("address- or address-and-port-dependent"),
            std::string::npos);
  ours.traits.filtering.reset();
  EXPECT_NE(DiagnosePath(Searched(ours, Side(kEi, kApd)))
                .summary.find("AD/any or APD/any against EI/APD"),
            std::string::npos);
}

TEST(PathDiagnosis, SaysWhichOtherPortsWereTried) {
  PathQuestion question = Searched(Side(kEi, kApd), Side(kEi, kApd));
  question.fresh_ports = 2;
  const PathDiagnosis diagnosis = DiagnosePath(question);
  EXPECT_TRUE(std::ranges::any_of(diagnosis.tried, [](const std::string& text) {
    return text.find("2 other local port") != std::string::npos;
  }));
}

TEST(PathDiagnosis, TellsWhatTheRouterSaid) {
  PathSide ours = Side(kApd, kApd);
  ours.port_mapping_error = PortMappingError::kRefused;
  const PathDiagnosis diagnosis =
      DiagnosePath(Searched(ours, Side(kApd, kApd)));
  EXPECT_TRUE(std::ranges::any_of(diagnosis.tried, [](const std::string& text) {
    return text.find("refuses") != std::string::npos;
  }));
}

}  // namespace
}  // namespace natkit::nat
