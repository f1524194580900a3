// Role conflicts, RFC 8445 sections 7.3.1.1 and 7.2.5.1.

#include <gtest/gtest.h>

#include <chrono>

#include "ice_agent_lab.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kSmallest = 0;
constexpr uint64_t kLargest = UINT64_MAX;

struct Row {
  Role role;
  Role theirs;
  uint64_t their_tiebreaker;
  bool is_refused;
  Role role_after;
};

TEST(AgentRole, ConflictsFollowTheMatrix) {
  for (const Row& row : {Row{Role::kControlling, Role::kControlling, kSmallest,
                             true, Role::kControlling},
                         Row{Role::kControlling, Role::kControlling, kLargest,
                             false, Role::kControlled},
                         Row{Role::kControlled, Role::kControlled, kSmallest,
                             false, Role::kControlling},
                         Row{Role::kControlled, Role::kControlled, kLargest,
                             true, Role::kControlled},
                         Row{Role::kControlling, Role::kControlled, kLargest,
                             false, Role::kControlling},
                         Row{Role::kControlled, Role::kControlling, kSmallest,
                             false, Role::kControlled}}) {
    AgentConfig config;
    config.role = row.role;
    AgentLab lab(config);
    lab.SetUp();
    CheckRequest request = lab.Request();
    request.role = row.theirs;
    request.tiebreaker = row.their_tiebreaker;
    EXPECT_TRUE(lab.Check(request));
    const auto responses = lab.TakeResponses();
    ASSERT_EQ(responses.size(), 1U);
    EXPECT_EQ(AgentLab::ErrorOf(responses[0]) == stun::ErrorCode::kRoleConflict,
              row.is_refused);
    EXPECT_EQ(lab.agent.role(), row.role_after);
    EXPECT_EQ(lab.EventsOf<RoleEvent>().size(),
              row.role == row.role_after ? 0U : 1U);
  }
}

TEST(AgentRole, A487SwitchesRoleAndRepeatsTheCheckWithAnotherTiebreaker) {
  for (const Role role : {Role::kControlling, Role::kControlled}) {
    AgentConfig config;
    config.role = role;
    AgentLab lab(config);
    lab.SetUp();
    const auto first = lab.TakeRequests();
    lab.Advance(milliseconds(50));
    lab.AnswerError(first[0].transmit, stun::ErrorCode::kRoleConflict);
    EXPECT_NE(lab.agent.role(), role);
    const auto again = lab.TakeRequests();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].transmit.to, kRemote);
    const IncomingCheck before = lab.Read(first[0]);
    const IncomingCheck after = lab.Read(again[0]);
    if (role == Role::kControlling) {
      ASSERT_TRUE(after.controlled);
      EXPECT_NE(*after.controlled, *before.controlling);
    } else {
      ASSERT_TRUE(after.controlling);
      EXPECT_NE(*after.controlling, *before.controlled);
    }
  }
}

TEST(AgentRole, ASecond487ForTheOldRoleOnlyRepeatsTheCheck) {
  AgentLab lab(AgentConfig{});
  lab.SetUp();
  lab.AddRemote(kRemote2, 7);
  lab.Advance(milliseconds(100));
  const auto requests = lab.TakeRequests();
  ASSERT_EQ(requests.size(), 2U);
  lab.AnswerError(requests[0].transmit, stun::ErrorCode::kRoleConflict);
  lab.AnswerError(requests[1].transmit, stun::ErrorCode::kRoleConflict);
  EXPECT_EQ(lab.agent.role(), Role::kControlled);
  lab.Advance(milliseconds(100));
  EXPECT_EQ(lab.TakeRequests().size(), 2U);
}

TEST(AgentRole, OtherErrorsFailThePair) {
  AgentLab lab(AgentConfig{});
  lab.SetUp();
  lab.agent.SetLocalEndOfCandidates(lab.now);
  lab.agent.SetRemoteEndOfCandidates(lab.now);
  const auto requests = lab.TakeRequests();
  lab.AnswerError(requests[0].transmit, stun::ErrorCode::kBadRequest);
  lab.Advance(seconds(39));
  EXPECT_TRUE(lab.TakeRequests().empty());
  EXPECT_EQ(lab.agent.state(), AgentState::kChecking);
  lab.Advance(seconds(1));
  EXPECT_EQ(lab.agent.state(), AgentState::kFailed);
}

}  // namespace
}  // namespace natkit::ice
