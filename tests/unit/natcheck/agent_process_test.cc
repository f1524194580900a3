#include "agent_process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <chrono>
#include <string>
#include <vector>

namespace natkit::natcheck::conformance {
namespace {

using std::chrono::seconds;

/// Waits until the agent says something.
bool ReadSome(AgentProcess& agent) {
  pollfd wait = {.fd = agent.output(), .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, 30000) > 0 && agent.Read();
}

TEST(AgentProcess, CarriesPacketsBothWays) {
  AgentProcess agent("exec cat");
  const std::vector<uint8_t> packet(1500, 7);
  agent.Send(Instant{}, packet);
  std::optional<Frame> frame;
  while (!frame && ReadSome(agent)) {
    frame = agent.Next();
  }
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->content, packet);
  EXPECT_EQ(agent.Trouble(Instant{}), "");
}

TEST(AgentProcess, CarriesMoreThanThePipeHolds) {
  AgentProcess agent("exec cat");
  const std::vector<uint8_t> packet(60000, 7);
  constexpr size_t kPackets = 20;
  for (size_t i = 0; i < kPackets; ++i) {
    agent.Send(Instant{}, packet);
  }
  size_t came = 0;
  while (came < kPackets && ReadSome(agent)) {
    agent.Flush(Instant{});
    while (agent.Next()) {
      ++came;
    }
  }
  EXPECT_EQ(came, kPackets);
  EXPECT_FALSE(agent.has_backlog());
}

TEST(AgentProcess, SaysThatAnAgentHasStalled) {
  AgentProcess agent("exec sleep 600");
  const std::vector<uint8_t> packet(100);
  const Instant start = Instant{} + seconds(1000);
  agent.Send(start, packet);
  // More of the same does not count as being taken.
  agent.Send(start + seconds(4), packet);
  EXPECT_EQ(agent.Trouble(start + seconds(4)), "");
  const std::string trouble = agent.Trouble(start + AgentProcess::kStall);
  EXPECT_TRUE(trouble.starts_with("has stalled")) << trouble;
}

TEST(AgentProcess, IsNotStalledWhileThereIsNothingToTake) {
  AgentProcess agent("exec sleep 600");
  EXPECT_EQ(agent.Trouble(Instant{} + seconds(5000)), "");
  agent.Send(Instant{} + seconds(9000), std::vector<uint8_t>(100));
  EXPECT_EQ(agent.Trouble(Instant{} + seconds(9001)), "");
}

TEST(AgentProcess, NeverBlocksAndBoundsWhatWaits) {
  AgentProcess agent("exec sleep 600");
  const std::vector<uint8_t> packet(60000);
  for (size_t i = 0; i < 2 * AgentProcess::kMaxBacklog / packet.size(); ++i) {
    agent.Send(Instant{}, packet);
  }
  EXPECT_TRUE(agent.has_backlog());
  const std::string trouble = agent.Trouble(Instant{});
  EXPECT_TRUE(trouble.starts_with("does not keep up")) << trouble;
}

TEST(AgentProcess, SaysThatSomethingElseTalks) {
  AgentProcess agent("echo Welcome to this router");
  ASSERT_TRUE(ReadSome(agent));
  EXPECT_FALSE(agent.Next());
  const std::string trouble = agent.Trouble(Instant{});
  EXPECT_TRUE(trouble.starts_with("says what no agent says")) << trouble;
}

TEST(AgentProcess, NoticesTheEnd) {
  ::signal(SIGPIPE, SIG_IGN);
  AgentProcess agent("exec true");
  EXPECT_FALSE(ReadSome(agent));
  agent.Send(Instant{}, std::vector<uint8_t>(100));
}

}  // namespace
}  // namespace natkit::natcheck::conformance
