// A real server in a simulated Internet: behaviour discovery through NATs, and
// what happens when somebody makes two servers talk to each other.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/nat/stun_message_builder.h"
#include "natkit/netsim/profile.h"
#include "natkit/netsim/world.h"
#include "world_stun_server.h"

namespace natkit::sim {
namespace {

using namespace std::chrono_literals;

const IpPrefix kInternet = *IpPrefix::Parse("198.51.100.0/24");
const IpPrefix kLan = *IpPrefix::Parse("192.168.1.0/24");
const IpAddress kA1 = IpAddress::V4(198, 51, 100, 1);
const IpAddress kA2 = IpAddress::V4(198, 51, 100, 2);
const IpAddress kB1 = IpAddress::V4(198, 51, 100, 11);
const IpAddress kB2 = IpAddress::V4(198, 51, 100, 12);

std::vector<uint8_t> Request(bool change_ip, bool change_port) {
  std::array<uint8_t, 64> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingRequest, {});
  builder.Add<stun::attr::ChangeRequest>(
      {.change_ip = change_ip, .change_port = change_port});
  const auto message = builder.Finish();
  return {message->begin(), message->end()};
}

/// Keeps the sources of what it gets.
class Collector : public netsim::Actor {
 public:
  void HandleDatagram(Instant /*now*/, const Endpoint& /*local*/,
                      const Endpoint& from, ByteView /*payload*/) override {
    sources.push_back(from);
  }

  std::vector<Endpoint> sources;
};

/// The sources that get through a NAT of this profile when the client asks
/// A1:P1 for all four in turn.
std::vector<Endpoint> SourcesThrough(std::string_view profile) {
  netsim::World world(1);
  const auto internet = world.AddNetwork("internet", kInternet);
  const auto lan = world.AddNetwork("lan", kLan);
  netsim::NatConfig nat = netsim::FindProfile(profile)->make();
  nat.external = {IpAddress::V4(198, 51, 100, 99)};
  nat.inside_address = IpAddress::V4(192, 168, 1, 1);
  world.AddBox("router", lan, internet, nat);
  WorldStunServer server(world, internet, "server", kA1, kA2);
  Collector client;
  const auto host = world.AddHost("client");
  const Endpoint local{IpAddress::V4(192, 168, 1, 10), 5000};
  EXPECT_TRUE(world.AddAddress(host, lan, local.address));
  EXPECT_TRUE(world.Attach(host, client, local.port));
  for (const auto& [ip, port] :
       {std::pair{false, false}, {true, true}, {true, false}, {false, true}}) {
    EXPECT_TRUE(world.SendUdp(host, local, {kA1, 3478}, Request(ip, port)));
    world.Run(1s);
  }
  return client.sources;
}

TEST(StunServerSim, FiltersShowInWhoGetsThrough) {
  const Endpoint asked{kA1, 3478};
  const Endpoint both{kA2, 3479};
  const Endpoint other_ip{kA2, 3478};
  const Endpoint other_port{kA1, 3479};
  EXPECT_EQ(SourcesThrough("full-cone"),
            (std::vector{asked, both, other_ip, other_port}));
  EXPECT_EQ(SourcesThrough("addr-restricted"),
            (std::vector{asked, other_port}));
  EXPECT_EQ(SourcesThrough("port-restricted"), (std::vector{asked}));
}

// A request with another server's address as its source: that server gets one
// answer it did not ask for, and says nothing.
TEST(StunServerSim, TwoServersExchangeOnePacketAtMost) {
  for (const uint16_t forged_port : std::to_array<uint16_t>({3478, 3479})) {
    netsim::World world(1);
    const auto internet = world.AddNetwork("internet", kInternet);
    WorldStunServer first(world, internet, "first", kA1, kA2);
    WorldStunServer second(world, internet, "second", kB1, kB2);
    // The attacker's forged packet is what the second host itself sends.
    EXPECT_TRUE(world.SendUdp(second.host(), {kB1, forged_port}, {kA1, 3478},
                              Request(false, false)));
    world.Run(10s);
    EXPECT_EQ(first.counters().received, 1U);
    EXPECT_LE(second.counters().received, 1U);
    EXPECT_EQ(second.counters().sent_bytes, 0U);
  }
}

}  // namespace
}  // namespace natkit::sim
