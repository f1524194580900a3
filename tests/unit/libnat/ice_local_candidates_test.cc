#include <gtest/gtest.h>

#include "ice/local_candidates.h"

namespace natkit::ice {
namespace {

constexpr Endpoint kBase{.address = IpAddress::V4(10, 0, 0, 2), .port = 5000};
constexpr Endpoint kOther{.address = IpAddress::V4(10, 0, 0, 3), .port = 5000};
constexpr Endpoint kMapped{.address = IpAddress::V4(198, 51, 100, 1),
                           .port = 6000};
constexpr IpAddress kServer = IpAddress::V4(203, 0, 113, 1);

TEST(LocalCandidates, GiveTheFirstBaseTheHighestPreference) {
  LocalCandidates locals(8);
  EXPECT_EQ(locals.AddHost(kBase)->priority, 2130706431U);
  EXPECT_EQ(locals.AddHost(kOther)->priority,
            CandidatePriority(CandidateType::kHost, 65534));
  locals.RemoveBase(kBase);
  EXPECT_EQ(locals.AddHost(kBase)->priority, 2130706431U);
}

TEST(LocalCandidates, ShareAFoundationByTypeBaseAddressAndServer) {
  LocalCandidates locals(16);
  const auto srflx = CandidateType::kServerReflexive;
  const Endpoint sibling{.address = kBase.address, .port = 5001};
  const Endpoint mapped2{.address = kMapped.address, .port = 6001};
  const auto host = *locals.AddHost(kBase);
  EXPECT_EQ(locals.AddHost(sibling)->foundation, host.foundation);
  EXPECT_NE(locals.AddHost(kOther)->foundation, host.foundation);
  const auto first = *locals.AddReflexive(srflx, kMapped, kBase, kServer);
  EXPECT_NE(first.foundation, host.foundation);
  EXPECT_EQ(locals.AddReflexive(srflx, mapped2, sibling, kServer)->foundation,
            first.foundation);
  EXPECT_NE(locals
                .AddReflexive(srflx, {.address = kServer, .port = 9}, kBase,
                              IpAddress::V4(203, 0, 113, 2))
                ->foundation,
            first.foundation);
}

TEST(LocalCandidates, KeepPreferencesUniquePerType) {
  LocalCandidates locals(8);
  ASSERT_TRUE(locals.AddHost(kBase));
  const auto srflx = CandidateType::kServerReflexive;
  const auto first = *locals.AddReflexive(srflx, kMapped, kBase, kServer);
  const auto second = *locals.AddReflexive(
      srflx, {.address = kMapped.address, .port = 6001}, kBase, kServer);
  EXPECT_EQ(first.priority, 1694498815U);
  EXPECT_EQ(second.priority, CandidatePriority(srflx, 65534));
}

TEST(LocalCandidates, RefuseDuplicatesUnknownBasesAndNonsense) {
  LocalCandidates locals(2);
  const auto srflx = CandidateType::kServerReflexive;
  EXPECT_EQ(locals.AddHost({.address = IpAddress(), .port = 1}).error().code,
            Errc::kBadCandidate);
  EXPECT_EQ(locals.AddHost({.address = kServer, .port = 0}).error().code,
            Errc::kBadCandidate);
  EXPECT_EQ(locals.AddReflexive(srflx, kMapped, kBase, kServer).error().code,
            Errc::kNotFound);
  ASSERT_TRUE(locals.AddHost(kBase));
  EXPECT_EQ(locals.AddHost(kBase).error().code, Errc::kAlreadyExists);
  EXPECT_EQ(locals.AddReflexive(srflx, kBase, kBase, kServer).error().code,
            Errc::kAlreadyExists);
  ASSERT_TRUE(locals.AddReflexive(srflx, kMapped, kBase, kServer));
  EXPECT_EQ(locals.AddHost(kOther).error().code, Errc::kLimitExceeded);
}

TEST(LocalCandidates, LearntOnesLeaveRoomAndGiveWayToSignalledOnes) {
  LocalCandidates locals(4);
  ASSERT_TRUE(locals.AddHost(kBase));
  ASSERT_TRUE(locals.AddReflexive(CandidateType::kPeerReflexive, kMapped, kBase,
                                  std::nullopt));
  EXPECT_EQ(
      locals
          .AddReflexive(CandidateType::kPeerReflexive,
                        {.address = kServer, .port = 1}, kBase, std::nullopt)
          .error()
          .code,
      Errc::kLimitExceeded);
  ASSERT_TRUE(locals.AddReflexive(CandidateType::kServerReflexive, kMapped,
                                  kBase, kServer));
  EXPECT_EQ(locals.items().size(), 2U);
  EXPECT_EQ(locals.items()[1].type, CandidateType::kServerReflexive);
}

TEST(LocalCandidates, KeepTheLastFourMappingsOfABase) {
  LocalCandidates locals(32);
  ASSERT_TRUE(locals.AddHost(kBase));
  for (uint16_t port = 1; port <= 100; ++port) {
    ASSERT_TRUE(locals.AddReflexive(CandidateType::kServerReflexive,
                                    {.address = kMapped.address, .port = port},
                                    kBase, kServer));
  }
  ASSERT_EQ(locals.items().size(), 5U);
  EXPECT_EQ(locals.items()[1].endpoint.port, 97);
  EXPECT_EQ(locals.items()[4].endpoint.port, 100);
}

TEST(LocalCandidates, PriorityOfAChecksIsThatOfAPeerReflexiveCandidate) {
  LocalCandidates locals(4);
  ASSERT_TRUE(locals.AddHost(kBase));
  EXPECT_EQ(LocalCandidates::CheckPriority(*locals.FindHost(kBase)),
            1862270975U);
}

}  // namespace
}  // namespace natkit::ice
