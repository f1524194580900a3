// Traces: complete, the same from the same seed, and readable by others.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "natkit/netsim/packet.h"
#include "natkit/netsim/pcapng.h"
#include "natkit/netsim/world.h"
#include "world_lab.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// A busy little internet with every kind of trouble; returns its trace.
std::string TraceOfRun(uint64_t seed) {
  std::string trace;
  PcapngWriter writer([&trace](ByteView block) { trace += AsText(block); });
  World world(seed);
  world.SetTrace(&writer);
  const NetworkId internet =
      world.AddNetwork("internet", Cidr("198.51.100.0/24"),
                       {.delay = 10ms,
                        .jitter = 5ms,
                        .loss = 0.05,
                        .duplicate = 0.02,
                        .reorder = 0.05});
  const NetworkId lan = world.AddNetwork("lan", Cidr("192.168.1.0/24"));
  NatConfig config = BoxConfig("198.51.100.1", "192.168.1.1");
  config.port_assignment = PortAssignment::kRandom;
  config.mapping = Dependence::kAddressAndPortDependent;
  world.AddBox("nat", lan, internet, config);
  Listener server(world, "server", internet, "198.51.100.10");
  Listener a(world, "a", lan, "192.168.1.2");
  server.echoes = true;
  for (size_t i = 0; i < 300; ++i) {
    const std::string to = "198.51.100.10:" + std::to_string(1000 + i % 7);
    (void)a.Send("192.168.1.2:4000", to, std::string(i % 50 * 40, 'x'));
    (void)server.Send("198.51.100.10:99", "198.51.100.1:5000", "unsolicited");
    world.Run(3ms);
  }
  world.Run(1s);
  return trace;
}

TEST(WorldTrace, OneSeedGivesOneTrace) {
  const std::string trace = TraceOfRun(42);
  EXPECT_GT(trace.size(), 100'000U);
  EXPECT_EQ(trace, TraceOfRun(42));
  EXPECT_NE(trace, TraceOfRun(43));
}

/// What tshark prints about a trace.
std::string Tshark(const std::string& trace, const std::string& options) {
  const std::filesystem::path path =
      std::filesystem::path(::testing::TempDir()) /
      (std::string(
           ::testing::UnitTest::GetInstance()->current_test_info()->name()) +
       ".pcapng");
  std::ofstream(path, std::ios::binary) << trace;
  const std::string command =
      "tshark -r '" + path.string() + "' " + options + " 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  for (size_t size = 0;
       (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), size);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  std::filesystem::remove(path);
  return output;
}

class WorldTraceInTshark : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("tshark --version >/dev/null 2>&1") != 0) {
      GTEST_SKIP() << "tshark is not installed";
    }
  }
};

TEST_F(WorldTraceInTshark, ReadsEveryPacketWithoutComplaint) {
  const std::string trace = TraceOfRun(7);
  const std::string output =
      Tshark(trace,
             "-o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -T fields "
             "-e frame.number -e _ws.malformed -e ip.checksum.status "
             "-e udp.checksum.status");
  size_t lines = 0;
  for (const char c : output) {
    lines += c == '\n' ? 1 : 0;
  }
  EXPECT_GT(lines, 1500U);
  // 1 is good; 0 would be bad. Unfragmented UDP has both.
  EXPECT_THAT(output, HasSubstr("\t1\t1\n"));
  EXPECT_EQ(output.find("\t0\t"), std::string::npos);
  EXPECT_EQ(output.find("\t0\n"), std::string::npos);
  EXPECT_EQ(output.find("Malformed"), std::string::npos);
}

TEST_F(WorldTraceInTshark, ShowsInterfacesTimesAndWhyPacketsEnded) {
  const std::string output =
      Tshark(TraceOfRun(7),
             "-T fields -e frame.interface_name -e frame.time_relative "
             "-e frame.comment");
  EXPECT_THAT(output, HasSubstr("a@lan\t"));
  EXPECT_THAT(output, HasSubstr("nat@lan\t"));
  EXPECT_THAT(output, HasSubstr("nat@internet\t"));
  EXPECT_THAT(output, HasSubstr("server@internet\t"));
  EXPECT_THAT(output, HasSubstr("dropped: lost on the link"));
  EXPECT_THAT(output, HasSubstr("dropped by the box: "));
  EXPECT_THAT(output, HasSubstr("\t0.003000000\t"));
}

TEST(WorldTrace, NothingIsRecordedOnceTurnedOff) {
  PcapngWriter writer([](ByteView) {});
  World world(1);
  const NetworkId lan = world.AddNetwork("lan", Cidr("10.0.0.0/24"));
  Listener a(world, "a", lan, "10.0.0.1");
  Listener b(world, "b", lan, "10.0.0.2");
  world.SetTrace(&writer);
  ASSERT_TRUE(a.Send("10.0.0.1:1", "10.0.0.2:1", "x"));
  world.Run(1s);
  EXPECT_EQ(writer.packets_written(), 2U);
  world.SetTrace(nullptr);
  ASSERT_TRUE(a.Send("10.0.0.1:1", "10.0.0.2:1", "x"));
  world.Run(1s);
  EXPECT_EQ(writer.packets_written(), 2U);
}

}  // namespace
}  // namespace natkit::netsim
