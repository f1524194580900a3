// The port mapping clients against the servers of netsim's boxes, in virtual
// time.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/nat/nat_pmp_client.h"
#include "natkit/nat/pcp_client.h"
#include "natkit/nat/port_mapper.h"
#include "natkit/netsim/world.h"

namespace natkit::nat {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const IpAddress kGateway = IpAddress::V4(192, 168, 1, 1);
const IpAddress kUs = IpAddress::V4(192, 168, 1, 10);
const IpAddress kExternal = IpAddress::V4(203, 0, 113, 20);
const IpAddress kStranger = IpAddress::V4(203, 0, 113, 10);

/// Runs a client on a host of the World, from port 50000.
template <class Client>
class ClientHost final : public netsim::Actor {
 public:
  template <class... Args>
  ClientHost(netsim::World& world, netsim::HostId host,
             const IpAddress& address, Args&&... args)
      : client(std::forward<Args>(args)...),
        world_(world),
        host_(host),
        address_(address) {
    EXPECT_TRUE(world.Attach(host, *this, 50000));
    EXPECT_TRUE(world.Attach(host, *this, kPortMappingClientPort));
  }

  void HandleDatagram(Instant now, const Endpoint& /*local*/,
                      const Endpoint& from, ByteView payload) override {
    (void)client.HandleDatagram(now, from, payload);
    Pump();
  }

  void HandleIcmpError(Instant now,
                       const netsim::IcmpReport& /*report*/) override {
    client.HandleUnreachable(now);
    Pump();
  }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    return client.NextTimeout();
  }

  void HandleTimeout(Instant now) override {
    client.HandleTimeout(now);
    Pump();
  }

  void Pump() {
    while (const auto transmit = client.PollTransmit()) {
      ++sent;
      EXPECT_TRUE(world_.SendUdp(host_, {address_, 50000}, transmit->to,
                                 transmit->payload));
    }
    while (const auto event = client.PollEvent()) {
      events.push_back(*event);
    }
  }

  template <class T>
  [[nodiscard]] std::vector<T> All() const {
    std::vector<T> out;
    for (const auto& event : events) {
      if (const auto* one = std::get_if<T>(&event)) {
        out.push_back(*one);
      }
    }
    return out;
  }

  Client client;
  size_t sent = 0;
  std::vector<PortMappingClientEvent> events;

 private:
  netsim::World& world_;
  netsim::HostId host_;
  IpAddress address_;
};

/// Counts what arrives on the mapped port.
class Listener final : public netsim::Actor {
 public:
  void HandleDatagram(Instant /*now*/, const Endpoint& /*local*/,
                      const Endpoint& /*from*/, ByteView /*payload*/) override {
    ++received;
  }

  int received = 0;
};

/// A home behind an address-and-port-dependent NAT with services.
class Home {
 public:
  explicit Home(const netsim::PortMappingServices& services, uint64_t seed = 1)
      : world(seed) {
    const auto internet =
        world.AddNetwork("internet", *IpPrefix::Parse("203.0.113.0/24"));
    lan = world.AddNetwork("lan", *IpPrefix::Parse("192.168.1.0/24"));
    host = world.AddHost("us");
    EXPECT_TRUE(world.AddAddress(host, lan, kUs));
    stranger_ = world.AddHost("stranger");
    EXPECT_TRUE(world.AddAddress(stranger_, internet, kStranger));
    netsim::NatConfig config;
    config.external = {kExternal};
    config.inside_address = kGateway;
    config.services = services;
    box = world.AddBox("box", lan, internet, config);
    EXPECT_TRUE(world.Attach(host, listener_, 6000));
  }

  /// A stranger's datagram to `to` arrives at our port 6000.
  [[nodiscard]] bool IsReachable(const Endpoint& to) {
    const int before = listener_.received;
    EXPECT_TRUE(
        world.SendUdp(stranger_, {kStranger, 2000}, to, AsBytes("knock")));
    world.Run(std::chrono::milliseconds(200));
    return listener_.received > before;
  }

  netsim::World world;
  netsim::NetworkId lan{};
  netsim::HostId host{};
  netsim::BoxId box{};

 private:
  netsim::HostId stranger_{};
  Listener listener_;
};

const PortMappingKey kKey{.internal_port = 6000};
const PcpClientConfig kPcpConfig{.server = kGateway, .client = kUs};

template <class Host>
void StartAndMap(Home& home, Host& host) {
  host.client.Start(home.world.now());
  EXPECT_TRUE(host.client.Map(home.world.now(), kKey));
  host.Pump();
  home.world.Run(seconds(1));
}

template <class Host>
void ExpectLifeOfAMapping(Home& home, Host& host) {
  StartAndMap(home, host);
  ASSERT_EQ(host.template All<ServiceAnswered>().size(), 1U);
  ASSERT_FALSE(host.template All<MappingGranted>().empty());
  const Endpoint external = host.template All<MappingGranted>()[0].external;
  EXPECT_EQ(external.address, kExternal);
  EXPECT_TRUE(home.IsReachable(external));
  // Far beyond one lifetime: it is renewed.
  home.world.Run(std::chrono::hours(20));
  EXPECT_TRUE(home.IsReachable(external));
  EXPECT_TRUE(host.template All<MappingFailed>().empty());
  host.client.Unmap(home.world.now(), kKey);
  host.Pump();
  home.world.Run(seconds(1));
  EXPECT_EQ(host.template All<MappingRemoved>().size(), 1U);
  EXPECT_TRUE(host.client.is_idle());
  EXPECT_FALSE(home.IsReachable(external));
}

template <class Host>
void ExpectAnewAfterAReboot(Home& home, Host& host) {
  StartAndMap(home, host);
  home.world.Run(seconds(120));
  ASSERT_FALSE(host.template All<MappingGranted>().empty());
  const Endpoint before = host.template All<MappingGranted>().back().external;
  ASSERT_TRUE(home.IsReachable(before));
  home.world.Reboot(home.box);
  home.world.Run(seconds(10));
  EXPECT_GE(host.template All<GatewayRestarted>().size(), 1U);
  EXPECT_TRUE(
      home.IsReachable(host.template All<MappingGranted>().back().external));
}

class Seeds : public ::testing::TestWithParam<uint64_t> {};

TEST_P(Seeds, NatPmpMapsRenewsAndDeletes) {
  Home home({.nat_pmp = true}, GetParam());
  SeededRng rng(GetParam());
  ClientHost<NatPmpClient> host(home.world, home.host, kUs, kGateway, rng);
  ExpectLifeOfAMapping(home, host);
}

TEST_P(Seeds, PcpMapsRenewsAndDeletes) {
  Home home({.pcp = true}, GetParam());
  SeededRng rng(GetParam());
  ClientHost<PcpClient> host(home.world, home.host, kUs, kPcpConfig, rng);
  ExpectLifeOfAMapping(home, host);
}

TEST_P(Seeds, NatPmpMapsAnewAfterAReboot) {
  Home home({.nat_pmp = true}, GetParam());
  SeededRng rng(GetParam());
  ClientHost<NatPmpClient> host(home.world, home.host, kUs, kGateway, rng);
  ExpectAnewAfterAReboot(home, host);
}

TEST_P(Seeds, PcpMapsAnewAfterAReboot) {
  Home home({.pcp = true}, GetParam());
  SeededRng rng(GetParam());
  ClientHost<PcpClient> host(home.world, home.host, kUs, kPcpConfig, rng);
  ExpectAnewAfterAReboot(home, host);
}

TEST_P(Seeds, LossDelaysButDoesNotEndAMapping) {
  Home home({.nat_pmp = true, .pcp = true}, GetParam());
  home.world.SetNetworkLink(home.lan, {.loss = 0.3});
  SeededRng rng(GetParam());
  ClientHost<NatPmpClient> host(home.world, home.host, kUs, kGateway, rng);
  StartAndMap(home, host);
  home.world.Run(minutes(30));
  home.world.SetNetworkLink(home.lan, {});
  ASSERT_FALSE(host.All<MappingGranted>().empty());
  EXPECT_TRUE(home.IsReachable(host.All<MappingGranted>().back().external));
}

INSTANTIATE_TEST_SUITE_P(PortMapping, Seeds,
                         ::testing::Range(uint64_t{1}, uint64_t{6}));

TEST(PortMapping, ARouterWithoutServicesIsSilentOrSaysSo) {
  Home home({});
  SeededRng rng(1);
  ClientHost<NatPmpClient> pmp(home.world, home.host, kUs, kGateway, rng);
  pmp.client.Start(home.world.now());
  pmp.Pump();
  home.world.Run(minutes(5));
  ASSERT_EQ(pmp.All<ServiceFailed>().size(), 1U);
  EXPECT_EQ(pmp.All<ServiceFailed>()[0].error, PortMappingError::kNoAnswer);
}

TEST(PortMapping, APcpClientLearnsThatAServerSpeaksNatPmpOnly) {
  Home home({.nat_pmp = true});
  SeededRng rng(1);
  ClientHost<PcpClient> host(home.world, home.host, kUs, kPcpConfig, rng);
  host.client.Start(home.world.now());
  host.Pump();
  home.world.Run(seconds(1));
  ASSERT_EQ(host.All<ServiceFailed>().size(), 1U);
  EXPECT_EQ(host.All<ServiceFailed>()[0].error,
            PortMappingError::kUnsupportedVersion);
}

TEST(PortMapping, TheQuotaIsNamed) {
  Home home({.pcp = true, .max_per_host = 1});
  SeededRng rng(1);
  ClientHost<PcpClient> host(home.world, home.host, kUs, kPcpConfig, rng);
  StartAndMap(home, host);
  host.client.Map(home.world.now(), {.internal_port = 6001});
  host.Pump();
  home.world.Run(seconds(1));
  ASSERT_EQ(host.All<MappingFailed>().size(), 1U);
  EXPECT_EQ(host.All<MappingFailed>()[0].error,
            PortMappingError::kQuotaExceeded);
}

/// PortMapper's events are of another type; UPnP is tested elsewhere.
class MapperHost final : public netsim::Actor {
 public:
  MapperHost(Home& home, const IpAddress& router)
      : MapperHost(home, router, home.host, kUs) {}

  MapperHost(Home& home, const IpAddress& router, netsim::HostId host,
             const IpAddress& address)
      : home_(home), host_(host), address_(address) {
    EXPECT_TRUE(home.world.Attach(host, *this, 50000));
    EXPECT_TRUE(home.world.Attach(host, *this, kPortMappingClientPort));
    mapper.SetGateway(home.world.now(), PortMapperGateway{router, address});
    EXPECT_TRUE(mapper.Map(home.world.now(), kKey));
    Pump();
  }

  void HandleDatagram(Instant now, const Endpoint& /*local*/,
                      const Endpoint& from, ByteView payload) override {
    (void)mapper.HandleDatagram(now, from, payload);
    Pump();
  }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    return mapper.NextTimeout();
  }

  void HandleTimeout(Instant now) override {
    mapper.HandleTimeout(now);
    Pump();
  }

  void Pump() {
    while (const auto transmit = mapper.PollTransmit()) {
      EXPECT_TRUE(home_.world.SendUdp(host_, {address_, 50000}, transmit->to,
                                      transmit->payload));
    }
    while (mapper.PollEvent()) {
    }
  }

  [[nodiscard]] bool IsReachable() {
    const auto mappings = mapper.mappings();
    return mappings.size() == 1 && home_.IsReachable(mappings[0].external);
  }

 private:
  Home& home_;
  netsim::HostId host_;
  IpAddress address_;
  SeededRng rng_{1};

 public:
  PortMapper mapper{{.uses_upnp = false}, rng_};
};

TEST(PortMapper, KeepsAMappingOverRebootsByEitherService) {
  for (const netsim::PortMappingServices& services :
       {netsim::PortMappingServices{.nat_pmp = true},
        netsim::PortMappingServices{.pcp = true},
        netsim::PortMappingServices{.nat_pmp = true, .pcp = true}}) {
    Home home(services);
    MapperHost host(home, kGateway);
    home.world.Run(seconds(1));
    EXPECT_EQ(host.mapper.service(), services.pcp
                                         ? PortMappingService::kPcp
                                         : PortMappingService::kNatPmp);
    for (int reboot = 0; reboot < 3; ++reboot) {
      EXPECT_TRUE(host.IsReachable());
      home.world.Run(minutes(25));
      EXPECT_TRUE(host.IsReachable());
      home.world.Reboot(home.box);
      home.world.Run(seconds(10));
    }
    EXPECT_TRUE(host.IsReachable());
    host.mapper.Shutdown(home.world.now());
    host.Pump();
    home.world.Run(seconds(1));
    EXPECT_TRUE(host.mapper.is_finished());
  }
}

TEST(PortMapper, ANewExternalAddressIsFollowed) {
  Home home({.nat_pmp = true});
  MapperHost host(home, kGateway);
  home.world.Run(seconds(60));
  home.world.Reboot(home.box, IpAddress::V4(203, 0, 113, 77));
  home.world.Run(seconds(10));
  EXPECT_EQ(host.mapper.mappings().at(0).external.address,
            IpAddress::V4(203, 0, 113, 77));
  EXPECT_TRUE(host.IsReachable());
}

TEST(PortMapping, AClientAddressThatIsNotTheSendersIsAMismatch) {
  Home home({.pcp = true});
  SeededRng rng(1);
  ClientHost<PcpClient> host(
      home.world, home.host, kUs,
      PcpClientConfig{.server = kGateway, .client = IpAddress::V4(10, 0, 0, 9)},
      rng);
  StartAndMap(home, host);
  ASSERT_EQ(host.All<MappingFailed>().size(), 1U);
  EXPECT_EQ(host.All<MappingFailed>()[0].error,
            PortMappingError::kAddressMismatch);
}

TEST(PortMapping, APeerMappingIsGranted) {
  Home home({.pcp = true});
  SeededRng rng(1);
  ClientHost<PcpClient> host(home.world, home.host, kUs, kPcpConfig, rng);
  host.client.Start(home.world.now());
  host.client.Map(home.world.now(),
                  {.internal_port = 6000, .remote = Endpoint{kStranger, 2000}});
  host.Pump();
  home.world.Run(seconds(1));
  ASSERT_EQ(host.All<MappingGranted>().size(), 1U);
  EXPECT_TRUE(home.IsReachable(host.All<MappingGranted>()[0].external));
}

/// Two hosts of one home that want the same port.
TEST(PortMapping, TwoHostsThatWantTheSamePortGetOneEach) {
  for (const netsim::PortMappingServices& services :
       {netsim::PortMappingServices{.nat_pmp = true},
        netsim::PortMappingServices{.pcp = true}}) {
    Home home(services);
    const IpAddress neighbour_address = IpAddress::V4(192, 168, 1, 77);
    const auto neighbour = home.world.AddHost("neighbour");
    ASSERT_TRUE(home.world.AddAddress(neighbour, home.lan, neighbour_address));
    MapperHost ours(home, kGateway);
    MapperHost theirs(home, kGateway, neighbour, neighbour_address);
    home.world.Run(seconds(2));
    ASSERT_EQ(ours.mapper.mappings().size(), 1U);
    ASSERT_EQ(theirs.mapper.mappings().size(), 1U);
    EXPECT_NE(ours.mapper.mappings()[0].external,
              theirs.mapper.mappings()[0].external);
    EXPECT_TRUE(ours.IsReachable());
    theirs.mapper.Shutdown(home.world.now());
    theirs.Pump();
    home.world.Run(seconds(1));
    EXPECT_TRUE(ours.IsReachable());
  }
}

/// A firewall of IPv6 (RFC 6092) that opens a pinhole when it is asked.
TEST(PortMapping, PcpOpensAPinholeInAnIpv6Firewall) {
  netsim::World world(1);
  const auto internet =
      world.AddNetwork("internet", *IpPrefix::Parse("2001:db8:f::/64"));
  const auto lan = world.AddNetwork("lan", *IpPrefix::Parse("2001:db8:1::/64"));
  const IpAddress us = *IpAddress::Parse("2001:db8:1::10");
  const IpAddress router = *IpAddress::Parse("2001:db8:1::1");
  const Endpoint stranger{*IpAddress::Parse("2001:db8:f::9"), 2000};
  netsim::NatConfig config;
  config.external = {kExternal};
  config.inside_address = kGateway;
  config.ipv6 = netsim::Ipv6Mode::kFirewall;
  config.inside_address6 = router;
  config.outside_address6 = *IpAddress::Parse("2001:db8:f::1");
  config.inside_prefix6 = *IpPrefix::Parse("2001:db8:1::/64");
  config.services.pcp = true;
  world.AddBox("box", lan, internet, config);
  const auto host = world.AddHost("us");
  ASSERT_TRUE(world.AddAddress(host, lan, us));
  const auto outside = world.AddHost("stranger");
  ASSERT_TRUE(world.AddAddress(outside, internet, stranger.address));
  Listener listener;
  ASSERT_TRUE(world.Attach(host, listener, 6000));
  const auto knock = [&] {
    EXPECT_TRUE(world.SendUdp(outside, stranger, {us, 6000}, AsBytes("knock")));
    world.Run(seconds(1));
    return listener.received;
  };
  EXPECT_EQ(knock(), 0);
  SeededRng rng(1);
  ClientHost<PcpClient> client(
      world, host, us, PcpClientConfig{.server = router, .client = us}, rng);
  client.client.Start(world.now());
  EXPECT_TRUE(client.client.Map(world.now(), kKey));
  client.Pump();
  world.Run(seconds(1));
  ASSERT_EQ(client.All<MappingGranted>().size(), 1U);
  EXPECT_EQ(client.All<MappingGranted>()[0].external, (Endpoint{us, 6000}));
  EXPECT_EQ(knock(), 1);
  client.client.Unmap(world.now(), kKey);
  client.Pump();
  world.Run(std::chrono::minutes(10));
  EXPECT_EQ(knock(), 1);
}

}  // namespace
}  // namespace natkit::nat
