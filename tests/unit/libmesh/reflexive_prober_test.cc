#include "node/reflexive_prober.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::mesh {
namespace {

using std::chrono::seconds;

TEST(ReflexiveProber, AsksOnlyServersOfTheBasesFamily) {
  SeededRng rng(1);
  ReflexiveProber prober(rng);
  prober.SetBases({}, {*Endpoint::Parse("10.0.0.2:4000")});
  prober.SetServers({}, {*Endpoint::Parse("192.0.2.1:3478"),
                         *Endpoint::Parse("[2001:db8::1]:3478")});
  const auto first = prober.PollTransmit();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->from.ToString(), "10.0.0.2:4000");
  EXPECT_EQ(first->datagram.to.ToString(), "192.0.2.1:3478");
  EXPECT_FALSE(prober.PollTransmit().has_value());
}

TEST(ReflexiveProber, AsksAgainAfterTwentySecondsAndAtOnceOnRefresh) {
  SeededRng rng(1);
  ReflexiveProber prober(rng);
  prober.SetBases({}, {*Endpoint::Parse("10.0.0.2:4000")});
  prober.SetServers({}, {*Endpoint::Parse("192.0.2.1:3478")});
  const auto first = prober.PollTransmit();
  ASSERT_TRUE(first.has_value());
  prober.Refresh(Instant{seconds(1)});
  const auto second = prober.PollTransmit();
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(first->datagram.payload, second->datagram.payload);
  while (prober.PollTransmit()) {
  }
  prober.HandleTimeout(Instant{seconds(21)});
  EXPECT_TRUE(prober.PollTransmit().has_value());
}

TEST(ReflexiveProber, IgnoresWhatItDidNotAskFor) {
  SeededRng rng(1);
  ReflexiveProber prober(rng);
  const auto base = *Endpoint::Parse("10.0.0.2:4000");
  const auto server = *Endpoint::Parse("192.0.2.1:3478");
  prober.SetBases({}, {base});
  prober.SetServers({}, {server});
  EXPECT_FALSE(prober.HandleDatagram({}, base, server, {}));
  EXPECT_FALSE(
      prober.HandleDatagram({}, base, *Endpoint::Parse("192.0.2.9:3478"), {}));
  EXPECT_FALSE(prober.PollChange().has_value());
}

/// Asks all servers and answers each by what `mapped_port` says of it.
template <class F>
void AnswerAll(ReflexiveProber& prober, F mapped_port) {
  while (const auto sent = prober.PollTransmit()) {
    const auto request = stun::Message::Parse(sent->datagram.payload);
    ASSERT_TRUE(request.has_value());
    const Endpoint mapped{*IpAddress::Parse("203.0.113.1"),
                          mapped_port(sent->datagram.to)};
    std::array<uint8_t, 64> buffer{};
    stun::MessageBuilder builder(buffer, stun::kBindingSuccess, request->id());
    builder.Add<stun::attr::XorMappedAddress>(mapped);
    EXPECT_TRUE(prober.HandleDatagram({}, sent->from, sent->datagram.to,
                                      *builder.Finish()));
  }
}

struct Observed {
  nat::NatTraits traits;
  bool may_be_address_dependent = false;
};

template <class F>
Observed ObserveWith(const std::vector<std::string>& servers, F mapped_port) {
  SeededRng rng(1);
  ReflexiveProber prober(rng);
  prober.SetBases({}, {*Endpoint::Parse("10.0.0.2:4000")});
  std::vector<Endpoint> all;
  for (const std::string& server : servers) {
    all.push_back(*Endpoint::Parse(server));
  }
  prober.SetServers({}, all);
  AnswerAll(prober, mapped_port);
  return {prober.Observe(), prober.MayBeAddressDependent()};
}

uint16_t ByAddress(const Endpoint& server) {
  return static_cast<uint16_t>(1000 + server.address.bytes()[3]);
}

uint16_t ByBoth(const Endpoint& server) {
  return static_cast<uint16_t>(ByAddress(server) + server.port);
}

TEST(ReflexiveProber, TwoAddressesDoNotTellWhetherPortsMatter) {
  const auto seen = ObserveWith({"192.0.2.1:3478", "192.0.2.2:3478"}, ByBoth);
  EXPECT_EQ(seen.traits.mapping, nat::Dependence::kAddressAndPortDependent);
  EXPECT_TRUE(seen.may_be_address_dependent);
}

TEST(ReflexiveProber, TwoPortsOfAServerTell) {
  const std::vector<std::string> servers = {"192.0.2.1:3478", "192.0.2.1:3479",
                                            "192.0.2.2:3478"};
  const auto address = ObserveWith(servers, ByAddress);
  EXPECT_EQ(address.traits.mapping, nat::Dependence::kAddressDependent);
  EXPECT_FALSE(address.may_be_address_dependent);
  const auto both = ObserveWith(servers, ByBoth);
  EXPECT_EQ(both.traits.mapping, nat::Dependence::kAddressAndPortDependent);
  EXPECT_FALSE(both.may_be_address_dependent);
  const auto none =
      ObserveWith(servers, [](const Endpoint&) { return uint16_t{7}; });
  EXPECT_EQ(none.traits.mapping, nat::Dependence::kEndpointIndependent);
}

TEST(ReflexiveProber, OneAddressTellsOnlyThatPortsMatter) {
  const std::vector<std::string> servers = {"192.0.2.1:3478", "192.0.2.1:3479"};
  EXPECT_EQ(ObserveWith(servers, ByAddress).traits.mapping, std::nullopt);
  EXPECT_EQ(ObserveWith(servers, ByBoth).traits.mapping,
            nat::Dependence::kAddressAndPortDependent);
}

}  // namespace
}  // namespace natkit::mesh
