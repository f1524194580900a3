// Networks in user space: which they are, their plan, and the words for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "natkit/netsim/plan.h"
#include "run/engine_commands.h"
#include "run/event_names.h"
#include "run/fabric_plan.h"
#include "run/member_view.h"
#include "scenario/link_settings.h"
#include "scenario/user_network.h"

namespace natkit::netsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kNested = R"(
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "access"
cidr = "100.64.0.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
delay = "5ms"
[[host]]
name = "server"
network = "internet"
address = "203.0.113.10"
[[host]]
name = "laptop"
network = "lan"
address = "192.168.1.10"
[[nat]]
name = "carrier"
profile = "symmetric"
inside = "access"
outside = "internet"
address = "203.0.113.20"
backend = "kernel"
[[nat]]
name = "home"
profile = "port-restricted"
inside = "lan"
outside = "access"
address = "100.64.0.2"
backend = "engine"
)";

Scenario Nested() {
  return ParseScenario(kNested).value();
}

std::string Interfaces(DeviceKind kind) {
  return MakePlan(
             Nested(), [](size_t i) { return "N" + std::to_string(i); }, kind)
      .namespaces.front()
      .ip_batch;
}

TEST(UserNetworks, AreThoseOfEngineBoxesAndDescribedLinks) {
  Scenario scenario = Nested();
  EXPECT_FALSE(IsUserNetwork(scenario, "internet"));
  EXPECT_TRUE(IsUserNetwork(scenario, "access"));
  EXPECT_TRUE(IsUserNetwork(scenario, "lan"));
  scenario.cables.push_back({"server", "internet", {}, {}});
  EXPECT_TRUE(IsUserNetwork(scenario, "internet"));
}

TEST(UserNetworks, HaveNoBridge) {
  const std::string batch = Interfaces(DeviceKind::kTap);
  EXPECT_THAT(batch, HasSubstr("link add br0 "));
  EXPECT_THAT(batch, Not(HasSubstr("br1")));
  EXPECT_THAT(batch, Not(HasSubstr("br2")));
  EXPECT_THAT(batch, HasSubstr("peer name wan0 netns N3"));
  EXPECT_THAT(batch, Not(HasSubstr("lan0")));
}

TEST(UserNetworks, HaveVethPairsWithoutTap) {
  const std::string batch = Interfaces(DeviceKind::kPacketSocket);
  EXPECT_THAT(batch, HasSubstr("link add u0 up type veth peer name eth0 "
                               "netns N2\n"));
  EXPECT_THAT(batch, HasSubstr("link add u1 up type veth peer name lan0 "
                               "netns N3\n"));
}

TEST(UserNetworks, BecomePortsBoxesAndRoutes) {
  const FabricPlan plan = MakeFabricPlan(Nested(), 1);
  EXPECT_THAT(plan.networks, testing::ElementsAre("access", "lan"));
  ASSERT_EQ(plan.config.ports.size(), 4U);
  ASSERT_EQ(plan.devices.size(), 2U);
  EXPECT_EQ(plan.devices[0].interface, "eth0");
  EXPECT_EQ(plan.devices[0].namespace_index, 2U);
  EXPECT_EQ(plan.devices[1].interface, "lan0");
  EXPECT_EQ(plan.config.ports[0].up.delay, milliseconds(5));
  EXPECT_TRUE(plan.config.ports[0].down.is_perfect());
  ASSERT_EQ(plan.FindBox("home"), 0U);
  const FabricBox& home = plan.config.boxes[0];
  EXPECT_EQ(home.outside_addresses.front().ToString(), "100.64.0.2");
  ASSERT_EQ(home.outside_routes.size(), 2U);
  EXPECT_EQ(home.outside_routes[1].to.ToString(), "0.0.0.0/0");
  EXPECT_EQ(home.outside_routes[1].via->ToString(), "100.64.0.1");
  EXPECT_EQ(plan.FindPorts("home", ""), (std::vector<size_t>{2, 3}));
  EXPECT_EQ(plan.FindPorts("home", "lan"), (std::vector<size_t>{2}));
}

TEST(UserNetworks, GiveInterfacesTheMtuOfTheirLinks) {
  std::string text(kNested);
  text.replace(text.find("delay = \"5ms\""), 13, "mtu = 9000");
  const Scenario scenario = ParseScenario(text).value();
  EXPECT_EQ(scenario.FindNat("home")->config.inside_mtu, 9000);
  EXPECT_EQ(scenario.FindNat("home")->config.outside_mtu, 1500);
  EXPECT_EQ(ParseScenario(FormatScenario(scenario)), scenario);
  const FabricPlan plan = MakeFabricPlan(scenario, 1);
  EXPECT_EQ(plan.devices[0].mtu, 9000);
  EXPECT_EQ(plan.devices[1].mtu, 1500);
  EXPECT_EQ(plan.config.ports[0].up.mtu, 9000);
  EXPECT_EQ(plan.config.ports[0].down.mtu, 9000);
  const Plan commands =
      MakePlan(scenario, [](size_t) { return "N"; }, DeviceKind::kPacketSocket);
  EXPECT_THAT(commands.namespaces.front().ip_batch,
              HasSubstr("link add u0 mtu 9000 up type veth peer name eth0 mtu "
                        "9000 netns N\n"));
}

TEST(UserNetworks, KeepTheUsualMtuOnSmallerLinks) {
  std::string text(kNested);
  text.replace(text.find("delay = \"5ms\""), 13, "mtu = 1280");
  const Scenario scenario = ParseScenario(text).value();
  EXPECT_EQ(scenario.FindNat("home")->config.inside_mtu, 1500);
  EXPECT_EQ(MakeFabricPlan(scenario, 1).devices[0].mtu, 1500);
}

TEST(UserNetworks, PreferTheMtuOfACable) {
  const Scenario scenario =
      ParseScenario(std::string(kNested) +
                    "[[link]]\nmember = \"server\"\nmtu = 65535\n"
                    "[[link]]\nmember = \"carrier\"\nnetwork = \"internet\"\n"
                    "mtu = 4000\ndirection = \"down\"\n")
          .value();
  EXPECT_EQ(scenario.FindNat("carrier")->config.outside_mtu, 4000);
  EXPECT_EQ(scenario.FindNat("carrier")->backend, Backend::kKernel);
  const auto devices = MakeFabricPlan(scenario, 1).devices;
  ASSERT_EQ(devices[0].interface, "eth0");
  EXPECT_EQ(devices[0].mtu, 65521);
}

TEST(UserNetworks, LeaveTheNamespacesOfTheirBoxesEmpty) {
  const Plan plan = MakePlan(Nested(), [](size_t) { return "N"; });
  EXPECT_EQ(plan.namespaces[4].name, "home");
  EXPECT_EQ(plan.namespaces[4].ip_batch, "");
  EXPECT_EQ(plan.namespaces[4].nft_ruleset, "");
}

TEST(LinkSettings, ReadWhatTheyWrite) {
  const std::vector<std::string> words = {
      "delay=20ms",     "jitter=1500us",    "loss=0.05",
      "duplicate=0.01", "reorder=0.1",      "reorder_delay=3ms",
      "rate=10Mbit",    "queue_bytes=9000", "mtu=1400"};
  const auto link = ChangeLink({}, words);
  ASSERT_TRUE(link);
  EXPECT_EQ(link->delay, milliseconds(20));
  EXPECT_EQ(link->rate, 10'000'000U);
  EXPECT_EQ(FormatLink(*link),
            "delay=20ms jitter=1500us loss=0.05 duplicate=0.01 reorder=0.1 "
            "reorder_delay=3ms rate=10Mbit queue_bytes=9000 mtu=1400");
  EXPECT_EQ(FormatLink({}), "");
  EXPECT_EQ(ChangeLink(*link, std::vector<std::string>{"rate=0"})->rate, 0U);
}

TEST(LinkSettings, NameWhatIsWrong) {
  for (const std::string word :
       {"loss=2", "loss=nan", "delay=5", "speed=1", "mtu=9", "mtu", "=1"}) {
    const auto link = ChangeLink({}, std::vector<std::string>{word});
    ASSERT_FALSE(link) << word;
    EXPECT_THAT(link.error(), HasSubstr("'" + word + "'"));
  }
  EXPECT_FALSE(ChangeLink({}, {}));
}

TEST(Events, AreReadFromWords) {
  EXPECT_EQ(ParseEvent("reboot", {})->kind, EventKind::kReboot);
  const auto moved = ParseEvent("reboot", {"203.0.113.21"});
  EXPECT_EQ(moved->kind, EventKind::kReaddress);
  EXPECT_EQ(moved->new_address->ToString(), "203.0.113.21");
  const auto hole = ParseEvent("blackhole", {"2s", "network=lan"});
  EXPECT_EQ(hole->duration, seconds(2));
  EXPECT_EQ(hole->network, "lan");
  const auto link =
      ParseEvent("set-link", {"loss=1", "direction=up", "delay=1ms"});
  EXPECT_EQ(link->direction, "up");
  EXPECT_THAT(link->link_settings, testing::ElementsAre("loss=1", "delay=1ms"));
}

TEST(Events, NameWhatIsWrong) {
  using Words = std::vector<std::string>;
  for (const auto& [name, words] :
       {std::pair("explode", Words{}), std::pair("block-udp", Words{"now"}),
        std::pair("reboot", Words{"soon"}), std::pair("readdress", Words{}),
        std::pair("readdress", Words{"2001:db8::1"}),
        std::pair("blackhole", Words{}), std::pair("blackhole", Words{"2"}),
        std::pair("set-link", Words{}),
        std::pair("set-link", Words{"delay=1ms", "direction=left"})}) {
    const auto event = ParseEvent(name, words);
    ASSERT_FALSE(event) << name;
    EXPECT_THAT(event.error().text, HasSubstr(name));
  }
}

/// A fabric whose frames nobody gets.
class Nobody final : public FrameSink {
 public:
  void SendFrame(size_t /*port*/, ByteView /*frame*/) override {}
};

class EngineCommands : public testing::Test {
 protected:
  Outcome<std::string> Do(std::string_view request) {
    return Execute(plan_, fabric_, Instant{} + seconds(100), request);
  }

  FabricPlan plan_ = MakeFabricPlan(Nested(), 1);
  Nobody nobody_;
  Fabric fabric_{plan_.config, nobody_};
};

TEST_F(EngineCommands, ShowAMember) {
  const auto answer = Do("show home");
  ASSERT_TRUE(answer);
  const auto view = ParseView(*answer);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->name, "home");
  EXPECT_EQ(view->external->ToString(), "100.64.0.2");
  EXPECT_EQ(view->links.size(), 4U);
  EXPECT_EQ(FormatView(*view), *answer);
  EXPECT_EQ(ParseView(*Do("show laptop"))->links[0].settings, "delay=5ms");
}

TEST_F(EngineCommands, ReadBackMappings) {
  MemberView view;
  view.name = "home";
  view.external = IpAddress::V4(192, 0, 2, 1);
  view.mappings = {{17, Endpoint::Parse("10.0.0.1:5").value(),
                    Endpoint::Parse("192.0.2.1:6").value(), milliseconds(1500)},
                   {6, Endpoint::Parse("[2001:db8::1]:5").value(),
                    Endpoint::Parse("192.0.2.1:6").value(), std::nullopt}};
  EXPECT_EQ(ParseView(FormatView(view))->mappings, view.mappings);
}

TEST_F(EngineCommands, ChangeLinks) {
  Event event = *ParseEvent("set-link", {"loss=0.5", "direction=down"});
  ASSERT_TRUE(Do(FormatRequest("laptop", event)));
  const std::vector<size_t> ports = plan_.FindPorts("laptop", "lan");
  EXPECT_EQ(fabric_.links(ports[0])[0]->config().loss, 0);
  EXPECT_EQ(fabric_.links(ports[0])[1]->config().loss, 0.5);
  EXPECT_EQ(fabric_.links(ports[0])[0]->config().delay, milliseconds(5));
}

TEST_F(EngineCommands, PlugAndUnplugTheOutside) {
  ASSERT_TRUE(Do("link-down home"));
  EXPECT_TRUE(fabric_.is_plugged(2));
  EXPECT_FALSE(fabric_.is_plugged(3));
  ASSERT_TRUE(Do("link-up home"));
  EXPECT_TRUE(fabric_.is_plugged(3));
}

TEST_F(EngineCommands, RefuseNonsense) {
  for (const std::string_view request :
       {"", "show", "show nobody", "reboot laptop", "explode home",
        "blackhole home * soon", "blackhole home internet 1s",
        "set-link home * both", "readdress home x"}) {
    EXPECT_FALSE(Do(request)) << request;
  }
}

}  // namespace
}  // namespace natkit::netsim
