// The pure parts of meshnode: routes, endpoints, the ping schedule, JSON.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/control_lines.h"
#include "control/control_ping.h"
#include "control/control_protocol.h"
#include "control/control_why.h"
#include "control/status_field.h"
#include "shell/node_shell_addresses.h"
#include "shell/node_shell_events.h"

namespace natkit::meshnode {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<IpPrefix> Prefixes(const std::vector<std::string>& texts) {
  std::vector<IpPrefix> out;
  for (const std::string& text : texts) {
    out.push_back(*IpPrefix::Parse(text));
  }
  return out;
}

std::vector<std::string> Texts(const auto& values) {
  std::vector<std::string> out;
  for (const auto& value : values) {
    out.push_back(value.ToString());
  }
  return out;
}

io::InterfaceAddress On(const std::string& interface, const std::string& ip) {
  return {.interface = interface, .address = *IpAddress::Parse(ip)};
}

mesh::NodeEntry Node(const std::string& name, const std::string& address) {
  mesh::NodeEntry node;
  node.name = name;
  node.addresses = {*IpAddress::Parse(address)};
  return node;
}

bool IsTunnel(const std::string& interface) {
  return interface.starts_with("natkit");
}

std::vector<std::string> LinesOf(PingRun& run) {
  std::vector<std::string> out;
  while (const auto line = run.PollLine()) {
    out.push_back(*line);
  }
  return out;
}

std::vector<uint32_t> SendsOf(PingRun& run) {
  std::vector<uint32_t> out;
  while (const auto sequence = run.PollSend()) {
    out.push_back(*sequence);
  }
  return out;
}

TEST(RoutesFor, LeavesOurselvesAndDefaultRoutesOut) {
  mesh::MeshFile mesh;
  mesh.nodes = {Node("a", "10.77.0.0"), Node("b", "10.77.0.1"),
                Node("c", "10.77.0.2")};
  mesh.nodes[2].routes = Prefixes({"0.0.0.0/0", "192.168.7.0/24"});
  const MeshRoutes routes = RoutesFor(mesh, mesh.nodes[0]);
  EXPECT_THAT(Texts(routes.prefixes),
              ElementsAre("10.77.0.1/32", "10.77.0.2/32", "192.168.7.0/24"));
  EXPECT_THAT(routes.skipped, ElementsAre("0.0.0.0/0 of node \"c\""));
}

TEST(ChooseLocalEndpoints, KeepsWhatPeersCanReach) {
  mesh::MeshFile mesh;
  mesh.nodes = {Node("a", "10.77.0.1")};
  EXPECT_THAT(Texts(ChooseLocalEndpoints(
                  {On("lo", "127.0.0.1"), On("eth0", "192.168.1.5"),
                   On("eth0", "fe80::1"), On("eth0", "2001:db8::5"),
                   On("tun7", "10.77.0.1"), On("natkit0", "10.88.0.1")},
                  mesh, {.v4 = 4000, .v6 = 6000}, IsTunnel)),
              ElementsAre("192.168.1.5:4000", "[2001:db8::5]:6000"));
}

TEST(ChooseLocalEndpoints, TakesLoopbackWhenThereIsNothingElse) {
  EXPECT_THAT(
      Texts(ChooseLocalEndpoints({On("lo", "127.0.0.1"), On("lo", "::1")}, {},
                                 {.v4 = 4000, .v6 = std::nullopt}, IsTunnel)),
      ElementsAre("127.0.0.1:4000"));
}

TEST(PingRun, SendsAtItsIntervalAndEndsWithTheLastReply) {
  PingRun run({.peer = "b", .count = 2}, Instant{});
  EXPECT_EQ(run.NextTimeout(), Instant{});
  run.HandleTimeout(Instant{});
  EXPECT_THAT(SendsOf(run), ElementsAre(1));
  EXPECT_EQ(run.NextTimeout(), Instant{} + seconds(1));
  run.HandleReply(1, milliseconds(12), {});
  run.HandleTimeout(Instant{} + seconds(1));
  EXPECT_THAT(SendsOf(run), ElementsAre(2));
  EXPECT_FALSE(run.is_done());
  run.HandleReply(2, milliseconds(8), {});
  EXPECT_TRUE(run.is_done());
  EXPECT_EQ(run.NextTimeout(), std::nullopt);
  EXPECT_THAT(LinesOf(run),
              ElementsAre(HasSubstr("\"reply\""), HasSubstr("\"reply\""),
                          HasSubstr("\"received\":2")));
}

TEST(PingRun, ReportsWhatIsOverdue) {
  PingRun run({.peer = "b", .count = 1, .wait = seconds(3)}, Instant{});
  run.HandleTimeout(Instant{});
  EXPECT_EQ(run.NextTimeout(), Instant{} + seconds(3));
  run.HandleTimeout(Instant{} + seconds(2));  // early: harmless
  EXPECT_THAT(LinesOf(run), IsEmpty());
  run.HandleTimeout(Instant{} + seconds(3));
  EXPECT_THAT(LinesOf(run),
              ElementsAre("{\"lost\":{\"seq\":1}}\n",
                          "{\"done\":{\"sent\":1,\"received\":0}}\n"));
}

TEST(PingRun, WithoutACountGoesOn) {
  PingRun run({.peer = "b"}, Instant{});
  for (uint32_t i = 0; i < 100; ++i) {
    run.HandleTimeout(Instant{} + seconds(i));
    EXPECT_THAT(SendsOf(run), ElementsAre(i + 1));
  }
  EXPECT_FALSE(run.is_done());
}

TEST(ControlProtocol, RequestsSurviveARoundTrip) {
  const auto request =
      ParseRequest(FormatRequest(PingRequest{.peer = "b",
                                             .count = 7,
                                             .interval = milliseconds(250),
                                             .wait = milliseconds(90)}));
  ASSERT_TRUE(request.has_value());
  const auto& ping = std::get<PingRequest>(*request);
  EXPECT_EQ(ping.peer, "b");
  EXPECT_EQ(ping.count, 7U);
  EXPECT_EQ(ping.interval, milliseconds(250));
  EXPECT_EQ(ping.wait, milliseconds(90));
}

TEST(ControlProtocol, RequestsKeepTheirKind) {
  for (const ControlRequest& request : std::initializer_list<ControlRequest>{
           StatusRequest{}, WhyRequest{.peer = "b"}, DownRequest{},
           PingRequest{.peer = "b"}, SetRequest{}, LogoutRequest{},
           RekeyRequest{}, DebugRequest{}, NetcheckRequest{}}) {
    const auto read = ParseRequest(FormatRequest(request));
    ASSERT_TRUE(read.has_value()) << FormatRequest(request);
    EXPECT_EQ(read->index(), request.index()) << FormatRequest(request);
  }
}

TEST(ControlProtocol, EverybodyMayLookAndOnlyLook) {
  EXPECT_TRUE(OnlyReads(StatusRequest{}));
  EXPECT_TRUE(OnlyReads(WhyRequest{}));
  EXPECT_TRUE(OnlyReads(PingRequest{}));
  EXPECT_TRUE(OnlyReads(NetcheckRequest{}));
  EXPECT_FALSE(OnlyReads(DownRequest{}));
  EXPECT_FALSE(OnlyReads(SetRequest{}));
  EXPECT_FALSE(OnlyReads(LogoutRequest{}));
  EXPECT_FALSE(OnlyReads(RekeyRequest{}));
  EXPECT_FALSE(OnlyReads(DebugRequest{}));
}

TEST(ControlProtocol, RefusesWhatIsNoRequest) {
  for (const char* line : {"", "[]", "{", "{\"command\":3}", "nul\xff"}) {
    EXPECT_FALSE(ParseRequest(line).has_value()) << line;
  }
}

TEST(ControlProtocol, RepliesCarryTheirPath) {
  const mesh::Path path{.kind = mesh::PathKind::kDirect,
                        .remote = *Endpoint::Parse("203.0.113.9:40123")};
  const auto answer =
      ParseAnswer(FormatPingReply(3, milliseconds(12), path), 0);
  ASSERT_TRUE(answer.has_value());
  const auto& reply = std::get<PingAnswered>(*answer);
  EXPECT_EQ(reply.sequence, 3U);
  EXPECT_DOUBLE_EQ(reply.time_ms, 12);
  EXPECT_EQ(reply.path, "direct 203.0.113.9:40123");
}

TEST(ControlProtocol, AnswersThatAreNoneAreErrors) {
  for (const char* line : {"", "[]", "{}", "{\"reply\":1}", "{\"what\":{}}"}) {
    EXPECT_FALSE(ParseAnswer(line, 0).has_value()) << line;
  }
  EXPECT_EQ(ParseAnswer(FormatError("no"), 0).error(), "no");
}

TEST(ControlProtocol, StatusShowsAgesAndSizes) {
  mesh::NodeState state{.mesh = "test", .name = "a"};
  state.peers.push_back(
      {.name = "b",
       .addresses = {*IpAddress::Parse("10.77.0.2")},
       .path = {.kind = mesh::PathKind::kRelay, .relay = "eu"},
       .last_handshake = seconds(1000),
       .rx_bytes = 3 * 1024 * 1024});
  const auto answer = ParseAnswer(FormatStatus({.engine = &state}, {}), 1060);
  ASSERT_TRUE(answer.has_value());
  const std::string& table = std::get<StatusAnswer>(*answer).table;
  EXPECT_THAT(table, HasSubstr("relay eu"));
  EXPECT_THAT(table, HasSubstr("60 s ago"));
  EXPECT_THAT(table, HasSubstr("3.0 MiB"));
}

TEST(ControlProtocol, StatusShowsPathsThatRest) {
  mesh::NodeState state{.mesh = "test", .name = "a"};
  state.mapping_lifetime = seconds(120);
  for (const auto interval :
       {std::optional<Duration>(seconds(91)), std::optional<Duration>()}) {
    state.peers.push_back({.name = "b",
                           .addresses = {*IpAddress::Parse("10.77.0.2")},
                           .path = {.kind = mesh::PathKind::kDirect,
                                    .remote = *Endpoint::Parse("192.0.2.1:9")},
                           .is_resting = true,
                           .keepalive_interval = interval});
  }
  const auto answer = ParseAnswer(FormatStatus({.engine = &state}, {}), 1060);
  ASSERT_TRUE(answer.has_value());
  const std::string& table = std::get<StatusAnswer>(*answer).table;
  EXPECT_THAT(table, HasSubstr("192.0.2.1:9 (rests, keepalive each 91 s)"));
  EXPECT_THAT(table, HasSubstr("192.0.2.1:9 (rests, no keepalives)"));
  EXPECT_THAT(table, HasSubstr("NAT keeps   120 s without traffic"));
}

TEST(LineBuffer, CutsLinesAndRefusesLongOnes) {
  LineBuffer lines(5);
  lines.Append(AsBytes("ab\ncd"));
  EXPECT_EQ(lines.Next(), "ab");
  EXPECT_EQ(lines.Next(), std::nullopt);
  lines.Append(AsBytes("efgh"));
  EXPECT_TRUE(lines.overflowed());
}

nat::PathDiagnosis DiagnosisOf(size_t cells) {
  nat::PathDiagnosis diagnosis;
  const nat::PunchCell cell{.ours = {}, .theirs = {}, .reach = {}};
  diagnosis.cells.assign(cells, cell);
  diagnosis.cells[0].reach = nat::Reach::kNothing;
  return diagnosis;
}

TEST(WhyText, NamesCellsOrCountsThemWhereTheyAreMany) {
  const auto text = [](size_t cells) {
    return WhyText(WhyToJson("b", DiagnosisOf(cells)));
  };
  EXPECT_THAT(text(1), testing::HasSubstr("EI/EI against EI/EI: nothing\n"));
  EXPECT_THAT(text(9), testing::HasSubstr("EI/EI against EI/EI: direct\n"));
  EXPECT_THAT(text(10), testing::HasSubstr("10 fit what is known: 9 direct, "
                                           "1 nothing (--json names them)"));
  EXPECT_EQ(WhyToJson("b", DiagnosisOf(10))["cells"].size(), 10U);
}

TEST(WhyText, LivesWithKeysThatLack) {
  EXPECT_THAT(WhyText(Json::parse(R"({"cells": 7, "fixes": [3]})")),
              testing::HasSubstr("helps"));
}

TEST(DescribeEvent, SaysWhereAPathGoes) {
  const auto line = DescribeEvent(
      mesh::PathChanged{.peer = "b",
                        .path = {.kind = mesh::PathKind::kDirect,
                                 .remote = *Endpoint::Parse("192.0.2.1:9"),
                                 .local = *Endpoint::Parse("10.0.0.1:8")}},
      {});
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->text, "b: direct 192.0.2.1:9 (from 10.0.0.1:8)");
}

}  // namespace
}  // namespace natkit::meshnode
