#include <gtest/gtest.h>

#include "ice/remote_candidates.h"

namespace natkit::ice {
namespace {

using Outcome = RemoteCandidates::Outcome;

Candidate Remote(uint16_t port, CandidateType type) {
  return {.type = type,
          .endpoint = {.address = IpAddress::V4(192, 0, 2, 1), .port = port},
          .base = {},
          .priority = 100,
          .foundation = "7"};
}

TEST(RemoteCandidates, KeepTheFirstOfAnEndpoint) {
  RemoteCandidates remotes(4);
  EXPECT_EQ(remotes.Add(Remote(1, CandidateType::kHost)), Outcome::kAdded);
  EXPECT_EQ(remotes.Add(Remote(1, CandidateType::kServerReflexive)),
            Outcome::kKnown);
  EXPECT_EQ(remotes.items()[0].type, CandidateType::kHost);
}

TEST(RemoteCandidates, LearnASourceOnceAndTakeItsSignalledForm) {
  RemoteCandidates remotes(4);
  const auto endpoint = Remote(1, CandidateType::kHost).endpoint;
  EXPECT_EQ(remotes.FindOrLearn(endpoint, 55)->type,
            CandidateType::kPeerReflexive);
  EXPECT_EQ(remotes.FindOrLearn(endpoint, 66)->priority, 55U);
  EXPECT_EQ(remotes.Add(Remote(1, CandidateType::kServerReflexive)),
            Outcome::kUpdated);
  EXPECT_EQ(remotes.items().size(), 1U);
  EXPECT_EQ(remotes.items()[0].priority, 100U);
}

TEST(RemoteCandidates, StopAtTheLimit) {
  RemoteCandidates remotes(1);
  EXPECT_EQ(remotes.Add(Remote(1, CandidateType::kHost)), Outcome::kAdded);
  EXPECT_EQ(remotes.Add(Remote(2, CandidateType::kHost)).error().code,
            Errc::kLimitExceeded);
  EXPECT_EQ(remotes.FindOrLearn(Remote(2, CandidateType::kHost).endpoint, 1),
            nullptr);
}

TEST(RemoteCandidates, RefuseUnusableOnes) {
  RemoteCandidates remotes(1);
  EXPECT_EQ(remotes.Add(Remote(0, CandidateType::kHost)).error().code,
            Errc::kBadCandidate);
}

}  // namespace
}  // namespace natkit::ice
