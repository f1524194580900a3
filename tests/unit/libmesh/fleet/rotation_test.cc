#include "natkit/mesh/fleet/rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet_support.h"
#include "natkit/mesh/fleet/render.h"
#include "verify_support.h"

namespace natkit::mesh {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::array kSteps = {
    FleetRotationStep::kAnnounce, FleetRotationStep::kSwitch,
    FleetRotationStep::kMove, FleetRotationStep::kRetire};

/// A server whose key changes from 1 to 9, two peers that begin towards it.
MeshFile Rotating() {
  return FleetFileOf("[fleet]\n" +
                     FleetNodeText("server", 1,
                                   EndpointText(1) + NextKeyText(9) +
                                       "routes = [\"192.168.7.0/24\"]\n") +
                     FleetNodeText("laptop", 2) +
                     FleetNodeText("office", 3, EndpointText(3)));
}

FleetPlan PlanAt(FleetRotationStep step) {
  RotationState state = *BeginRotation(Rotating(), "server");
  state.step = step;
  return PlanFleet(Rotating(), state);
}

/// The keys that `node` has of the server, with "+" where the prefixes are.
std::vector<std::string> KeysAt(FleetRotationStep step,
                                const std::string& node) {
  const FleetPlan plan = PlanAt(step);
  std::vector<std::string> out;
  for (const FleetPeer& peer : plan.FindNode(node)->peers) {
    if (peer.name == "server") {
      out.push_back((peer.is_next_key ? "next" : "old") +
                    std::string(peer.allowed_ips.empty() ? "" : "+"));
    }
  }
  return out;
}

std::string RenderedAt(const std::optional<FleetRotationStep>& step,
                       const std::string& path) {
  const FleetPlan plan = step ? PlanAt(*step) : PlanFleet(Rotating());
  const FleetFiles files = RenderFleet(plan, {});
  for (const FleetFile& file : files.files) {
    if (file.path == path) {
      return file.text;
    }
  }
  return {};
}

TEST(Rotation, APrefixIsAtOneKeyAtATimeAndMovesAfterTheSwitch) {
  for (const auto* peer : {"laptop", "office"}) {
    EXPECT_THAT(KeysAt(FleetRotationStep::kAnnounce, peer),
                ElementsAre("old+", "next"));
    EXPECT_THAT(KeysAt(FleetRotationStep::kSwitch, peer),
                ElementsAre("old+", "next"));
    EXPECT_THAT(KeysAt(FleetRotationStep::kMove, peer),
                ElementsAre("old", "next+"));
    EXPECT_THAT(KeysAt(FleetRotationStep::kRetire, peer), ElementsAre("next+"));
  }
}

TEST(Rotation, TheNodeItselfUsesTheNextKeyFromTheSwitchOn) {
  for (const FleetRotationStep step : kSteps) {
    const FleetPlan plan = PlanAt(step);
    ASSERT_TRUE(plan.is_usable());
    const FleetNode& node = *plan.FindNode("server");
    const bool is_next = step != FleetRotationStep::kAnnounce;
    EXPECT_EQ(node.public_key, TestKey(is_next ? 9 : 1));
    EXPECT_EQ(node.key_name, is_next ? "server.next" : "server");
  }
}

TEST(Rotation, EachStepChangesOnlyWhatItMust) {
  const std::string node = "server/wg0.conf";
  const std::string peer = "laptop/wg0.conf";
  const auto at = RenderedAt;
  EXPECT_EQ(at({}, node), at(FleetRotationStep::kAnnounce, node));
  EXPECT_NE(at({}, peer), at(FleetRotationStep::kAnnounce, peer));
  EXPECT_NE(at(FleetRotationStep::kAnnounce, node),
            at(FleetRotationStep::kSwitch, node));
  EXPECT_EQ(at(FleetRotationStep::kAnnounce, peer),
            at(FleetRotationStep::kSwitch, peer));
  EXPECT_EQ(at(FleetRotationStep::kSwitch, node),
            at(FleetRotationStep::kMove, node));
  EXPECT_NE(at(FleetRotationStep::kSwitch, peer),
            at(FleetRotationStep::kMove, peer));
  EXPECT_NE(at(FleetRotationStep::kMove, peer),
            at(FleetRotationStep::kRetire, peer));
}

TEST(Rotation, AfterTheLastStepTheFilesAreThoseOfTheNewKey) {
  MeshFile file = Rotating();
  file.nodes[0].public_key = TestKey(9);
  file.nodes[0].fleet.next_public_key = std::nullopt;
  const FleetFiles files = RenderFleet(PlanFleet(file), {});
  std::string done;
  for (const FleetFile& one : files.files) {
    done += one.path == "laptop/wg0.conf" ? one.text : "";
  }
  std::string last = RenderedAt(FleetRotationStep::kRetire, "laptop/wg0.conf");
  const std::string mark = ", next key";
  last.erase(last.find(mark), mark.size());
  EXPECT_EQ(done, last);
}

TEST(Rotation, WhoCanBeginGreetsTheOtherWithoutWaitingForTraffic) {
  // At rest neither server nor office sends keepalives.
  EXPECT_EQ(PeerOf(PlanFleet(Rotating()), "office", "server").keepalive,
            seconds(0));
  const FleetPlan announced = PlanAt(FleetRotationStep::kAnnounce);
  EXPECT_EQ(PeerOf(announced, "office", "server", true).keepalive, seconds(25));
  EXPECT_EQ(PeerOf(announced, "server", "office").keepalive, seconds(0));
  const FleetPlan switched = PlanAt(FleetRotationStep::kSwitch);
  EXPECT_EQ(PeerOf(switched, "server", "office").keepalive, seconds(25));
  EXPECT_EQ(PeerOf(switched, "server", "laptop").keepalive, seconds(0));
  const FleetPlan moved = PlanAt(FleetRotationStep::kMove);
  EXPECT_EQ(PeerOf(moved, "laptop", "server").keepalive, seconds(0));
  const FleetPlan retired = PlanAt(FleetRotationStep::kRetire);
  EXPECT_EQ(PeerOf(retired, "office", "server", true).keepalive, seconds(0));
  EXPECT_EQ(PeerOf(retired, "laptop", "server", true).keepalive, seconds(25));
}

TEST(Rotation, AtTheSwitchThePeersGetAScriptThatMovesThePrefixes) {
  const std::string path = "laptop/" + std::string(kMoveScript);
  const std::string script = RenderedAt(FleetRotationStep::kSwitch, path);
  EXPECT_THAT(script, HasSubstr("next=" + TestKey(9).ToBase64()));
  EXPECT_THAT(script, HasSubstr("allowed-ips 10.77.0.1/32,192.168.7.0/24\n"));
  EXPECT_THAT(script, Not(HasSubstr("@")));
  EXPECT_EQ(RenderedAt(FleetRotationStep::kSwitch,
                       "server/" + std::string(kMoveScript)),
            "");
  for (const FleetRotationStep step :
       {FleetRotationStep::kAnnounce, FleetRotationStep::kMove,
        FleetRotationStep::kRetire}) {
    EXPECT_EQ(RenderedAt(step, path), "");
  }
}

TEST(Rotation, AHubTakesTheWholeMeshAlong) {
  MeshFile file = FleetFileOf(TwoHubsText());
  file.nodes[0].fleet.next_public_key = TestKey(9);
  RotationState state = *BeginRotation(file, "h1");
  state.step = FleetRotationStep::kMove;
  const FleetPlan plan = PlanFleet(file, state);
  EXPECT_THAT(PeerOf(plan, "s1", "h1").allowed_ips, IsEmpty());
  EXPECT_EQ(PeerOf(plan, "s1", "h1", true).allowed_ips.size(), 4U);
  EXPECT_THAT(PeerNames(plan, "s2"), ElementsAre("h2"));
}

TEST(Rotation, NeedsANodeWithANextKey) {
  EXPECT_EQ(BeginRotation(Rotating(), "server")->to, TestKey(9));
  EXPECT_THAT(BeginRotation(Rotating(), "x").error(), HasSubstr("no node"));
  EXPECT_THAT(BeginRotation(Rotating(), "laptop").error(),
              HasSubstr("no next_public_key"));
}

TEST(Rotation, StepsFollowEachOther) {
  EXPECT_EQ(NextRotationStep(FleetRotationStep::kAnnounce),
            FleetRotationStep::kSwitch);
  EXPECT_EQ(NextRotationStep(FleetRotationStep::kSwitch),
            FleetRotationStep::kMove);
  EXPECT_EQ(NextRotationStep(FleetRotationStep::kMove),
            FleetRotationStep::kRetire);
  EXPECT_EQ(NextRotationStep(FleetRotationStep::kRetire), std::nullopt);
}

TEST(Rotation, TheFileMustKeepBothKeysUntilTheEnd) {
  const RotationState state = *BeginRotation(Rotating(), "server");
  MeshFile file = Rotating();
  file.nodes[0].fleet.next_public_key = std::nullopt;
  EXPECT_THAT(Texts(PlanFleet(file, state).diagnostics),
              ElementsAre(HasSubstr("its rotation is under way")));
  file.nodes.erase(file.nodes.begin());
  EXPECT_THAT(Texts(PlanFleet(file, state).diagnostics),
              ElementsAre(HasSubstr("there is no such node")));
}

TEST(RotationBlockers, NothingBlocksWhereEverybodyIsReady) {
  for (const FleetRotationStep step : kSteps) {
    const Observed seen(PlanAt(step));
    EXPECT_THAT(seen.Findings(), IsEmpty()) << RotationStepName(step);
    EXPECT_THAT(RotationBlockers(seen.plan, seen.Verify()), IsEmpty());
  }
}

TEST(RotationBlockers, APeerThatDoesNotKnowTheNextKeyBlocks) {
  Observed seen(PlanAt(FleetRotationStep::kAnnounce));
  std::erase(seen.Interface("laptop").peers,
             seen.Peer("laptop", "server", true));
  EXPECT_THAT(
      RotationBlockers(seen.plan, seen.Verify()),
      ElementsAre("laptop: it has no peer with the next key of server"));
}

TEST(RotationBlockers, ANextKeyThatTookThePrefixesTooEarlyBlocks) {
  Observed seen(PlanAt(FleetRotationStep::kAnnounce));
  std::swap(seen.Peer("laptop", "server").allowed_ips,
            seen.Peer("laptop", "server", true).allowed_ips);
  EXPECT_THAT(RotationBlockers(seen.plan, seen.Verify()),
              Contains(HasSubstr("10.77.0.1/32 of server belongs to the next "
                                 "key of server")));
}

TEST(RotationBlockers, APeerWithoutADumpBlocksAndOthersDoNot) {
  Observed seen(PlanAt(FleetRotationStep::kAnnounce));
  seen.Peer("laptop", "office").latest_handshake = std::nullopt;
  EXPECT_FALSE(seen.Verify().is_fine());
  EXPECT_THAT(RotationBlockers(seen.plan, seen.Verify()), IsEmpty());
  seen.dumps.pop_back();
  EXPECT_THAT(RotationBlockers(seen.plan, seen.Verify()),
              ElementsAre("office: there is no dump of it"));
}

TEST(RotationBlockers, TheNodeMustHaveSwitched) {
  Observed seen(PlanAt(FleetRotationStep::kSwitch));
  seen.Interface("server").public_key = TestKey(1);
  EXPECT_THAT(RotationBlockers(seen.plan, seen.Verify()),
              Contains("server: it uses the old key instead of the next key"));
}

TEST(RotationBlockers, EveryPeerMustHaveSeenTheNextKey) {
  Observed seen(PlanAt(FleetRotationStep::kSwitch));
  WgDumpPeer& next = seen.Peer("laptop", "server", true);
  next.latest_handshake = std::nullopt;
  EXPECT_THAT(RotationBlockers(seen.plan, seen.Verify()),
              Contains(HasSubstr("laptop: it never had a handshake with "
                                 "server")));
  // Nobody has tried yet: no fault, and still too early.
  next.keepalive = seconds(0);
  next.tx_bytes = 0;
  const auto blockers = RotationBlockers(seen.plan, seen.Verify());
  EXPECT_THAT(blockers, Contains("laptop: it has not seen the next key of "
                                 "server yet"));
}

TEST(RotationBlockers, PrefixesMayHaveMovedAtTheSwitch) {
  Observed seen(PlanAt(FleetRotationStep::kSwitch));
  std::swap(seen.Peer("laptop", "server").allowed_ips,
            seen.Peer("laptop", "server", true).allowed_ips);
  EXPECT_THAT(RotationBlockers(seen.plan, seen.Verify()), IsEmpty());
}

TEST(RotationBlockers, PrefixesMustHaveMovedBeforeTheOldKeyGoes) {
  Observed seen(PlanAt(FleetRotationStep::kMove));
  std::swap(seen.Peer("laptop", "server").allowed_ips,
            seen.Peer("laptop", "server", true).allowed_ips);
  EXPECT_THAT(RotationBlockers(seen.plan, seen.Verify()),
              Contains(HasSubstr("belongs to the old key of server")));
}

TEST(RotationState, ReadsWhatItWrites) {
  for (const FleetRotationStep step : kSteps) {
    const RotationState state{"server", TestKey(1), TestKey(9), step,
                              "the laptop is off"};
    EXPECT_EQ(*ParseRotationState(FormatRotationState(state)), state);
  }
}

TEST(RotationState, WordsCannotBreakTheFile) {
  RotationState state = *BeginRotation(Rotating(), "server");
  state.forced = "it's\nstep = 'retire'\xff";
  const auto read = ParseRotationState(FormatRotationState(state));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->step, FleetRotationStep::kAnnounce);
  EXPECT_EQ(read->forced, "it?s?step = ?retire??");
}

TEST(RotationState, NamesWhatIsWrong) {
  const std::string good = FormatRotationState(
      {"server", TestKey(1), TestKey(9), FleetRotationStep::kMove, ""});
  const auto error = [](const std::string& text) {
    const auto state = ParseRotationState(text);
    return state
               ? ""
               : std::to_string(state.error().line) + " " + state.error().text;
  };
  EXPECT_EQ(error(good), "");
  EXPECT_THAT(error(good + "more = 1\n"), HasSubstr("unknown key \"more\""));
  EXPECT_THAT(error("node = 'a'\n"), HasSubstr("from is missing"));
  EXPECT_THAT(error("node = \n"), HasSubstr("1 not valid TOML"));
  std::string other = good;
  other.replace(other.find("move"), 4, "jump");
  EXPECT_THAT(error(other), HasSubstr("5 rotation: step is announce"));
}

}  // namespace
}  // namespace natkit::mesh
