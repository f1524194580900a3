// What scripts read of a node's status, and what is found in it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "control/node_info.h"
#include "control/peer_name.h"
#include "control/status_field.h"
#include "natkit/base/text.h"

namespace natkit::meshnode {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Phase = MembershipState::Phase;

PublicKey KeyOf(uint8_t fill) {
  std::array<uint8_t, 32> bytes{};
  bytes.fill(fill);
  return PublicKey(bytes);
}

class FieldStatus : public testing::Test {
 protected:
  FieldStatus() {
    engine_ = {.mesh = "corp", .name = "ann", .public_key = KeyOf(1)};
    engine_.addresses = {IpAddress::V4(100, 64, 0, 1),
                         *IpAddress::Parse("fd00::1")};
    engine_.peers.push_back(
        {.name = "bob",
         .public_key = KeyOf(2),
         .addresses = {IpAddress::V4(100, 64, 0, 2)},
         .path = {.kind = mesh::PathKind::kDirect,
                  .remote = *Endpoint::Parse("203.0.113.9:40123")},
         .last_handshake = std::chrono::seconds(1'000'000'000),
         .rx_bytes = 7,
         .tx_bytes = 8});
    map_.self = mesh::SelfInfo{};
    map_.self->name = "ann";
    map_.self->user = "ann@example.com";
    map_.self->addresses = engine_.addresses;
    map_.self->node_key = KeyOf(1);
    map_.dns = mesh::DnsInfo{};
    map_.dns->domain = "corp.mesh";
    map_.peers[7].name = "bob";
    map_.peers[7].node_key = KeyOf(2);
    map_.peers[7].tags = {"tag:web"};
    map_.peers[7].is_online = true;
    membership_.phase = Phase::kActive;
    membership_.is_connected = true;
    membership_.node = 3;
  }

  [[nodiscard]] Json Status() const {
    Json status;
    AddFieldNames(status, {.engine = &engine_,
                           .membership = &membership_,
                           .membership_text = "what to do",
                           .map = &map_});
    return status;
  }

  mesh::NodeState engine_;
  mesh::NetworkMap map_;
  MembershipState membership_;
};

TEST_F(FieldStatus, HasTheNamesThatScriptsKnow) {
  const Json status = Status();
  EXPECT_EQ(status["BackendState"], "Running");
  EXPECT_TRUE(status["Health"].empty());
  EXPECT_EQ(status["MeshDomain"], "corp.mesh");
  EXPECT_EQ(status["Self"]["DNSName"], "ann.corp.mesh");
  EXPECT_EQ(status["Self"]["User"], "ann@example.com");
  EXPECT_EQ(status["Self"]["ID"], 3);
  EXPECT_EQ(status["Self"]["Online"], true);
  const Json& bob = status["Peer"][KeyOf(2).ToBase64()];
  EXPECT_EQ(bob["HostName"], "bob");
  EXPECT_EQ(bob["DNSName"], "bob.corp.mesh");
  EXPECT_EQ(bob["ID"], 7);
  EXPECT_EQ(bob["Tags"][0], "tag:web");
  EXPECT_EQ(bob["Online"], true);
  EXPECT_EQ(bob["CurAddr"], "203.0.113.9:40123");
  EXPECT_EQ(bob["Relay"], "");
  EXPECT_EQ(bob["RxBytes"], 7);
  EXPECT_EQ(bob["TxBytes"], 8);
  EXPECT_EQ(bob["LastHandshake"], "2001-09-09T01:46:40Z");
}

TEST_F(FieldStatus, SaysWhatToDoWhereThereIsSomething) {
  for (const auto& [phase, name] :
       {std::pair{Phase::kConnecting, "Starting"},
        {Phase::kPendingApproval, "NeedsMachineAuth"},
        {Phase::kKeyExpired, "NeedsLogin"},
        {Phase::kRemoved, "NeedsLogin"}}) {
    membership_.phase = phase;
    EXPECT_EQ(Status()["BackendState"], name);
    EXPECT_EQ(Status()["Health"][0], "what to do");
  }
}

TEST_F(FieldStatus, NamesTheHomeRelayThatIsDown) {
  engine_.relays.push_back({.name = "eu", .is_up = false, .is_home = true});
  EXPECT_THAT(Status()["Health"][0].get<std::string>(), HasSubstr("eu"));
}

TEST_F(FieldStatus, OfANodeThatHasNoEngineYet) {
  membership_.phase = Phase::kPendingApproval;
  Json status;
  AddFieldNames(status, {.membership = &membership_});
  EXPECT_EQ(status["BackendState"], "NeedsMachineAuth");
  EXPECT_TRUE(status["Self"].is_null());
  EXPECT_TRUE(status["Peer"].empty());
}

TEST_F(FieldStatus, AddressesAreFoundByEveryName) {
  const std::string status = Status().dump();
  EXPECT_THAT(AddressesOf(status, "", {}).value(),
              ElementsAre("100.64.0.1", "fd00::1"));
  EXPECT_THAT(AddressesOf(status, "", AddressFamily::kIpv6).value(),
              ElementsAre("fd00::1"));
  for (const char* name :
       {"bob", "BOB", "bob.corp.mesh", "Bob.Corp.Mesh.", "100.64.0.2"}) {
    EXPECT_THAT(AddressesOf(status, name, {}).value(),
                ElementsAre("100.64.0.2"));
  }
  EXPECT_FALSE(AddressesOf(status, "bob", AddressFamily::kIpv6));
  EXPECT_FALSE(AddressesOf(status, "eve", {}));
}

TEST_F(FieldStatus, OwnersAreFoundWithAPortAndWithout) {
  const std::string status = Status().dump();
  for (const char* address : {"100.64.0.2", "100.64.0.2:22"}) {
    EXPECT_THAT(
        FindOwner(status, address).value().text,
        testing::AllOf(HasSubstr("bob (bob.corp.mesh)"), HasSubstr("tag:web")));
  }
  for (const char* address : {"fd00::1", "[fd00::1]:22"}) {
    EXPECT_THAT(FindOwner(status, address).value().text,
                HasSubstr("ann@example.com"));
  }
  EXPECT_THAT(FindOwner(status, "Bob").value().text, HasSubstr("tag:web"));
  EXPECT_FALSE(FindOwner(status, "100.64.0.3"));
  EXPECT_THAT(FindOwner(status, "eve").error(), HasSubstr("no node \"eve\""));
}

TEST_F(FieldStatus, WhoOwnsAnAddressDoesNothingToATerminal) {
  map_.peers[7].name = "b\x1b[2Jb";
  map_.peers[7].tags = {"tag:\x07"};
  engine_.peers.front().name = map_.peers[7].name;
  const auto owner = FindOwner(Status().dump(), "100.64.0.2");
  ASSERT_TRUE(owner) << owner.error();
  EXPECT_THAT(owner->text, HasSubstr("b\\x1b[2Jb"));
  EXPECT_THAT(owner->text, HasSubstr("tag:\\x07"));
  // The line ends are all that is left to escape.
  EXPECT_EQ(EscapeControls(owner->text, "\n"), owner->text);
}

TEST_F(FieldStatus, TellsTheChosenExitAndWhatIsWrong) {
  EXPECT_TRUE(Status()["ExitNode"].is_null());
  Json status;
  AddFieldNames(status, {.engine = &engine_,
                         .membership = &membership_,
                         .map = &map_,
                         .exit = ExitStanding{.name = "bob"},
                         .troubles = {"the disk is full"}});
  EXPECT_EQ(status["ExitNode"], Json({{"Name", "bob"}, {"Usable", false}}));
  EXPECT_EQ(status["Health"], Json::array({"the disk is full"}));
}

TEST_F(FieldStatus, TheTableMarksPeersThatTheServerDoesNotSee) {
  Json status = StatusToJson(engine_, {});
  AddFieldNames(status, {.engine = &engine_,
                         .membership = &membership_,
                         .map = &map_,
                         .exit = ExitStanding{.name = "bob"}});
  const std::string online = StatusTable(status, 1e9);
  EXPECT_THAT(online, testing::Not(HasSubstr("offline")));
  EXPECT_THAT(online, HasSubstr("exit node   bob (blocked)"));
  map_.peers[7].is_online = false;
  status["Peer"] = Status()["Peer"];
  EXPECT_THAT(StatusTable(status, 1e9), HasSubstr("40123 (offline)"));
}

TEST(PeerName, IsANameAFullNameOrAnAddress) {
  const std::vector<IpAddress> addresses = {IpAddress::V4(100, 64, 0, 2)};
  const PeerNames bob{
      .name = "bob", .domain = "corp.mesh", .addresses = addresses};
  for (const char* text : {"bob", "BOB", "bob.", "bob.corp.mesh",
                           "bob.CORP.mesh.", "100.64.0.2"}) {
    EXPECT_TRUE(IsNameOf(text, bob)) << text;
  }
  for (const char* text : {"", ".", "bo", "bobs", "bob..", "bob.corp",
                           "bob.corp.mesh.x", "100.64.0.3", "corp.mesh"}) {
    EXPECT_FALSE(IsNameOf(text, bob)) << text;
  }
  EXPECT_FALSE(
      IsNameOf("bob.", {.name = "ann", .domain = "", .addresses = addresses}));
}

TEST(NodeInfo, LivesWithWhatIsNoStatus) {
  for (const char* text : {"", "[]", "{}", R"({"Self":3,"Peer":[1,{}]})",
                           R"({"Self":{"MeshIPs":[1,"x"]},"Peer":{"a":5}})"}) {
    EXPECT_FALSE(AddressesOf(text, "", {})) << text;
    EXPECT_FALSE(FindOwner(text, "100.64.0.1")) << text;
  }
}

}  // namespace
}  // namespace natkit::meshnode
