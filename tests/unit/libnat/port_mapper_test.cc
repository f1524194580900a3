#include "natkit/nat/port_mapper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "natkit/base/rng.h"

namespace natkit::nat {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const IpAddress kRouter = IpAddress::V4(192, 168, 1, 1);
const IpAddress kUs = IpAddress::V4(192, 168, 1, 10);
const IpAddress kExternal = IpAddress::V4(203, 0, 113, 20);
const Endpoint kServer{kRouter, kPortMappingServerPort};
const PortMappingKey kKey{.internal_port = 6000};

/// A router by hand: what it speaks, and how it answers.
class MapperLab {
 public:
  struct Speaks {
    bool pcp = false;
    bool nat_pmp = false;
    bool upnp = false;
  };

  explicit MapperLab(Speaks services) : speaks(services) {}

  void Start() {
    mapper.SetGateway(now, PortMapperGateway{kRouter, kUs});
    mapper.Map(now, kKey);
    Exchange();
  }

  /// Answers everything that is out, until nothing is.
  void Exchange() {
    for (bool is_moving = true; is_moving;) {
      is_moving = false;
      while (const auto transmit = mapper.PollTransmit()) {
        is_moving = true;
        AnswerDatagram(transmit->to, transmit->payload);
      }
      while (const auto request = mapper.PollUpnpRequest()) {
        is_moving = true;
        upnp_requests.push_back(*request);
        if (upnp_delay == Duration{}) {
          AnswerUpnp(*request);
        }
      }
      while (const auto event = mapper.PollEvent()) {
        events.push_back(*event);
      }
    }
  }

  void Run(Duration limit) {
    const Instant end = now + limit;
    Exchange();
    while (mapper.NextTimeout() && *mapper.NextTimeout() <= end) {
      now = std::max(now, *mapper.NextTimeout());
      mapper.HandleTimeout(now);
      Exchange();
    }
    now = end;
  }

  void AnswerUpnp(const UpnpRequest& request) {
    UpnpResult result{.id = request.id};
    if (!speaks.upnp) {
      result.error = UpnpError::kNoDevice;
    } else if (request.action == UpnpAction::kDiscover) {
      result.external_address = external;
    }
    mapper.HandleUpnpResult(now, result);
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

  Instant now{};
  Speaks speaks;
  IpAddress external = kExternal;
  uint8_t pcp_result = 0;
  bool ignores_pcp_requests = false;
  Duration upnp_delay{};  ///< not zero: somebody answers by hand
  size_t deletions = 0;
  std::vector<UpnpRequest> upnp_requests;
  std::vector<PortMapperEvent> events;

 private:
  void AnswerDatagram(const Endpoint& router, std::vector<uint8_t> bytes) {
    const auto epoch = static_cast<uint32_t>(
        std::chrono::duration_cast<seconds>(now - Instant{}).count());
    if (bytes[0] == 2 && speaks.pcp) {
      AnswerPcp(router, bytes, epoch);
    } else if (bytes[0] == 0 && speaks.nat_pmp) {
      AnswerPmp(router, bytes, epoch);
    }
  }

  void AnswerPcp(const Endpoint& router, std::vector<uint8_t> bytes,
                 uint32_t epoch) {
    bytes[1] |= 0x80;
    bytes[3] = 0;
    PcpResponse response = *ParsePcpResponse(bytes);
    response.epoch = epoch;
    if (response.mapping && ignores_pcp_requests) {
      return;
    }
    if (response.mapping) {
      response.result = pcp_result;
      deletions += response.lifetime == 0 ? 1 : 0;
      response.mapping->external = {external, 7001};
    }
    (void)mapper.HandleDatagram(now, router, BuildPcpResponse(response));
  }

  void AnswerPmp(const Endpoint& router, const std::vector<uint8_t>& bytes,
                 uint32_t epoch) {
    NatPmpResponse response{.opcode = static_cast<NatPmpOpcode>(bytes[1]),
                            .epoch = epoch,
                            .external_address = external};
    if (bytes.size() == 12) {
      ByteReader in(bytes);
      uint32_t lifetime = 0;
      (void)(in.Skip(4) && in.ReadU16(response.internal_port) && in.Skip(2) &&
             in.ReadU32(lifetime));
      response.lifetime = lifetime;
      response.external_port = lifetime == 0 ? 0 : 7002;
      deletions += lifetime == 0 ? 1 : 0;
    }
    (void)mapper.HandleDatagram(now, router, BuildNatPmpResponse(response));
  }

  SeededRng rng_{1};

 public:
  PortMapper mapper{{}, rng_};
};

TEST(PortMapper, PrefersPcpThenNatPmpThenUpnp) {
  const auto choice = [](MapperLab::Speaks speaks) {
    MapperLab lab(speaks);
    lab.Start();
    lab.Run(seconds(2));
    return lab.mapper.service();
  };
  EXPECT_EQ(choice({.pcp = true, .nat_pmp = true, .upnp = true}),
            PortMappingService::kPcp);
  EXPECT_EQ(choice({.nat_pmp = true, .upnp = true}),
            PortMappingService::kNatPmp);
  EXPECT_EQ(choice({.upnp = true}), PortMappingService::kUpnp);
  EXPECT_EQ(choice({}), std::nullopt);
}

TEST(PortMapper, WaitsForBetterServicesAndNoLonger) {
  MapperLab pmp({.nat_pmp = true});
  pmp.Start();
  pmp.Run(milliseconds(249));
  EXPECT_EQ(pmp.mapper.service(), std::nullopt);
  pmp.Run(milliseconds(1));
  EXPECT_EQ(pmp.mapper.service(), PortMappingService::kNatPmp);
  MapperLab upnp({.upnp = true});
  upnp.Start();
  upnp.Run(milliseconds(999));
  EXPECT_EQ(upnp.mapper.service(), std::nullopt);
  upnp.Run(milliseconds(1));
  EXPECT_EQ(upnp.mapper.service(), PortMappingService::kUpnp);
  MapperLab pcp({.pcp = true, .nat_pmp = true});
  pcp.Start();
  EXPECT_EQ(pcp.mapper.service(), PortMappingService::kPcp);
}

TEST(PortMapper, ALateAnswerIsUsed) {
  MapperLab lab({.upnp = true});
  lab.upnp_delay = seconds(1);
  lab.Start();
  lab.Run(seconds(50));
  EXPECT_EQ(lab.mapper.service(), std::nullopt);
  lab.upnp_delay = {};
  lab.AnswerUpnp(lab.upnp_requests.at(0));
  lab.Run(milliseconds(1));
  EXPECT_EQ(lab.mapper.service(), PortMappingService::kUpnp);
  EXPECT_EQ(lab.All<PortMapped>().at(0).mapping.external,
            (Endpoint{kExternal, 6000}));
}

TEST(PortMapper, SaysWhatStunServersThinkOfTheMapping) {
  MapperLab lab({.pcp = true});
  lab.Start();
  ASSERT_EQ(lab.mapper.mappings().size(), 1U);
  EXPECT_EQ(lab.mapper.mappings()[0].standing, MappingStanding::kUnverified);
  lab.mapper.SetReflexiveAddresses(lab.now, {kExternal});
  EXPECT_EQ(lab.mapper.mappings()[0].standing, MappingStanding::kNotProbed);
  lab.mapper.SetReflexiveAddresses(lab.now, {IpAddress::V4(198, 51, 100, 9)});
  EXPECT_EQ(lab.mapper.mappings()[0].standing, MappingStanding::kBehindNat);
  lab.Exchange();
  EXPECT_EQ(lab.All<PortMapped>().size(), 3U);
}

/// Only PCP has announcements, and few routers send them.
TEST(PortMapper, ARouterWithANewAddressIsAskedOnceStunServersSeeIt) {
  for (const auto& speaks :
       {MapperLab::Speaks{.pcp = true}, MapperLab::Speaks{.nat_pmp = true},
        MapperLab::Speaks{.upnp = true}}) {
    MapperLab lab(speaks);
    lab.Start();
    lab.Run(seconds(2));
    lab.mapper.SetReflexiveAddresses(lab.now, {kExternal});
    lab.Exchange();
    lab.external = IpAddress::V4(203, 0, 113, 21);
    lab.Run(seconds(30));
    ASSERT_EQ(lab.mapper.mappings().size(), 1U);
    EXPECT_EQ(lab.mapper.mappings()[0].external.address, kExternal);
    lab.mapper.SetReflexiveAddresses(lab.now, {lab.external});
    lab.Run(seconds(1));
    ASSERT_EQ(lab.mapper.mappings().size(), 1U);
    EXPECT_EQ(lab.mapper.mappings()[0].external.address, lab.external);
    EXPECT_EQ(lab.mapper.mappings()[0].standing, MappingStanding::kNotProbed);
  }
}

TEST(PortMapper, AMappingIsVerifiedByAPacketFromOutsideAlone) {
  MapperLab lab({.pcp = true});
  lab.Start();
  const Endpoint external = lab.mapper.mappings().at(0).external;
  const auto standing = [&] { return lab.mapper.mappings().at(0).standing; };
  lab.mapper.SetReflexiveAddresses(lab.now, {kExternal});
  const auto probe = [&](const Endpoint& tried, InboundReach reach) {
    lab.mapper.SetInboundReach(lab.now, kKey, tried, reach);
  };
  probe({kExternal, 9}, InboundReach::kArrived);  // another mapping's
  EXPECT_EQ(standing(), MappingStanding::kNotProbed);
  probe(external, InboundReach::kNotProbed);
  EXPECT_EQ(standing(), MappingStanding::kNotProbed);
  probe(external, InboundReach::kArrived);
  EXPECT_EQ(standing(), MappingStanding::kVerified);
  lab.Run(std::chrono::hours(3));  // renewed
  EXPECT_EQ(standing(), MappingStanding::kVerified);
  probe(external, InboundReach::kNotArrived);
  EXPECT_EQ(standing(), MappingStanding::kUnreachable);
}

TEST(PortMapper, AnotherEndpointMustBeProbedAnew) {
  MapperLab lab({.pcp = true});
  lab.Start();
  const IpAddress moved = IpAddress::V4(203, 0, 113, 21);
  lab.mapper.SetReflexiveAddresses(lab.now, {kExternal, moved});
  lab.mapper.SetInboundReach(lab.now, kKey,
                             lab.mapper.mappings().at(0).external,
                             InboundReach::kArrived);
  lab.external = moved;
  lab.Run(std::chrono::hours(2));
  ASSERT_EQ(lab.mapper.mappings().at(0).external.address, moved);
  EXPECT_EQ(lab.mapper.mappings()[0].standing, MappingStanding::kNotProbed);
}

TEST(PortMapper, ARouterBehindACarriersNatIsKnownWithoutStun) {
  MapperLab lab({.nat_pmp = true});
  lab.external = IpAddress::V4(100, 64, 3, 7);
  lab.Start();
  lab.Run(seconds(1));
  ASSERT_EQ(lab.mapper.mappings().size(), 1U);
  EXPECT_EQ(lab.mapper.mappings()[0].standing, MappingStanding::kBehindNat);
  EXPECT_EQ(lab.mapper.router_address(), lab.external);
}

TEST(PortMapper, WhenOneRefusesTheNextIsAsked) {
  MapperLab lab({.pcp = true, .nat_pmp = true});
  lab.pcp_result = 2;
  lab.Start();
  lab.Run(seconds(1));
  EXPECT_EQ(lab.mapper.service(), PortMappingService::kNatPmp);
  ASSERT_EQ(lab.mapper.mappings().size(), 1U);
  EXPECT_EQ(lab.mapper.mappings()[0].external, (Endpoint{kExternal, 7002}));
  EXPECT_EQ(lab.mapper.attempts()[0].state, PortMappingAttempt::State::kFailed);
  EXPECT_EQ(lab.mapper.attempts()[0].error, PortMappingError::kRefused);
}

TEST(PortMapper, ARequestThatIsNeverAnsweredIsToldAndTheNextServiceAsked) {
  MapperLab lab({.pcp = true, .nat_pmp = true});
  lab.ignores_pcp_requests = true;
  lab.Start();
  lab.Run(seconds(9));
  EXPECT_EQ(lab.mapper.service(), PortMappingService::kPcp);
  EXPECT_EQ(lab.mapper.error(), std::nullopt);
  lab.Run(seconds(2));
  EXPECT_EQ(lab.mapper.service(), PortMappingService::kNatPmp);
  ASSERT_EQ(lab.mapper.mappings().size(), 1U);
  EXPECT_EQ(lab.mapper.error(), std::nullopt);
}

TEST(PortMapper, WithoutAnotherServiceALateAnswerStillCounts) {
  MapperLab lab({.pcp = true});
  lab.ignores_pcp_requests = true;
  lab.Start();
  lab.Run(seconds(20));
  EXPECT_EQ(lab.mapper.error(), PortMappingError::kNoAnswer);
  EXPECT_EQ(lab.All<PortNotMapped>().size(), 1U);
  lab.ignores_pcp_requests = false;
  lab.Run(minutes(2));
  EXPECT_EQ(lab.mapper.mappings().size(), 1U);
  EXPECT_EQ(lab.mapper.error(), std::nullopt);
}

TEST(PortMapper, WithoutAnotherServiceTheRefusalIsReported) {
  MapperLab lab({.pcp = true});
  lab.pcp_result = 12;
  lab.Start();
  lab.Run(minutes(2));
  ASSERT_EQ(lab.All<PortNotMapped>().size(), 1U);
  EXPECT_EQ(lab.All<PortNotMapped>()[0].error,
            PortMappingError::kAddressMismatch);
}

TEST(PortMapper, AnotherGatewayLosesWhatWasMapped) {
  MapperLab lab({.pcp = true});
  lab.Start();
  const IpAddress other = IpAddress::V4(10, 0, 0, 1);
  lab.mapper.SetGateway(lab.now,
                        PortMapperGateway{other, IpAddress::V4(10, 0, 0, 9)});
  EXPECT_TRUE(lab.mapper.mappings().empty());
  ASSERT_NE(lab.mapper.leaving(), nullptr);
  EXPECT_EQ(*lab.mapper.leaving(), (PortMapperGateway{kRouter, kUs}));
  const auto farewell = lab.mapper.PollTransmit();
  ASSERT_TRUE(farewell);
  EXPECT_EQ(farewell->to, kServer);
  const auto transmit = lab.mapper.PollTransmit();
  ASSERT_TRUE(transmit);
  EXPECT_EQ(transmit->to.address, other);
  lab.Exchange();
  EXPECT_EQ(lab.All<PortNotMapped>().size(), 1U);
}

const PortMapperGateway kOther{IpAddress::V4(192, 168, 1, 2), kUs};

TEST(PortMapper, TheOldGatewaysMappingIsDeletedAndTheNewOneHasItsOwn) {
  for (const MapperLab::Speaks speaks :
       {MapperLab::Speaks{.pcp = true}, MapperLab::Speaks{.nat_pmp = true}}) {
    MapperLab lab(speaks);
    lab.Start();
    lab.Run(seconds(1));
    ASSERT_EQ(lab.mapper.mappings().size(), 1U);
    lab.mapper.SetGateway(lab.now, kOther);
    lab.Run(seconds(1));
    EXPECT_EQ(lab.deletions, 1U);
    EXPECT_EQ(lab.mapper.leaving(), nullptr);
    EXPECT_EQ(lab.mapper.mappings().size(), 1U);
    lab.Run(minutes(1));
    EXPECT_EQ(lab.deletions, 1U);
  }
}

TEST(PortMapper, UpnpDeletesAtTheOldGatewayToo) {
  MapperLab lab({.upnp = true});
  lab.Start();
  lab.Run(seconds(2));
  ASSERT_EQ(lab.mapper.mappings().size(), 1U);
  lab.upnp_requests.clear();
  lab.mapper.SetGateway(lab.now, kOther);
  lab.Run(seconds(2));
  ASSERT_GE(lab.upnp_requests.size(), 3U);
  EXPECT_EQ(lab.upnp_requests[0].action, UpnpAction::kDeleteMapping);
  EXPECT_EQ(lab.upnp_requests[0].gateway, kRouter);
  for (size_t i = 1; i < lab.upnp_requests.size(); ++i) {
    EXPECT_EQ(lab.upnp_requests[i].gateway, kOther.router);
  }
  EXPECT_EQ(lab.mapper.mappings().size(), 1U);
}

TEST(PortMapper, AnOldGatewayThatIsGoneIsGivenUpSoon) {
  MapperLab lab({.pcp = true});
  lab.Start();
  lab.speaks = {};
  lab.mapper.SetGateway(lab.now, kOther);
  lab.Run(seconds(9));
  EXPECT_NE(lab.mapper.leaving(), nullptr);
  lab.Run(seconds(2));
  EXPECT_EQ(lab.mapper.leaving(), nullptr);
}

TEST(PortMapper, BackAtTheOldGatewayNoLateDeletionMeetsTheNewMapping) {
  MapperLab lab({.pcp = true});
  lab.Start();
  lab.speaks = {};  // a moment without any connection
  lab.mapper.SetGateway(lab.now, kOther);
  lab.Run(seconds(1));
  lab.speaks = {.pcp = true};
  lab.mapper.SetGateway(lab.now, PortMapperGateway{kRouter, kUs});
  lab.Run(minutes(1));
  EXPECT_EQ(lab.deletions, 0U);
  EXPECT_EQ(lab.mapper.mappings().size(), 1U);
}

TEST(PortMapper, WithoutAnyGatewayNobodyIsAsked) {
  MapperLab lab({.pcp = true});
  lab.Start();
  lab.mapper.SetGateway(lab.now, std::nullopt);
  EXPECT_FALSE(lab.mapper.PollTransmit());
  EXPECT_TRUE(lab.mapper.mappings().empty());
  lab.Exchange();
  EXPECT_FALSE(lab.mapper.NextTimeout());
  EXPECT_TRUE(lab.mapper.Map(lab.now, {.internal_port = 7}));
  lab.mapper.Unmap(lab.now, {.internal_port = 7});
}

TEST(PortMapper, ShutdownEndsAlsoWhereNobodyAnswers) {
  for (const MapperLab::Speaks first :
       {MapperLab::Speaks{}, MapperLab::Speaks{.pcp = true},
        MapperLab::Speaks{.nat_pmp = true}, MapperLab::Speaks{.upnp = true}}) {
    MapperLab lab(first);
    lab.Start();
    lab.Run(seconds(2));
    lab.speaks = {};
    lab.events.clear();
    lab.mapper.Shutdown(lab.now);
    // Every deadline passes; nothing is asked anew.
    lab.Run(minutes(10));
    EXPECT_TRUE(lab.mapper.is_finished());
    EXPECT_TRUE(lab.events.empty());
    EXPECT_FALSE(lab.mapper.Map(lab.now, kKey));
    lab.mapper.SetGateway(lab.now, kOther);
    EXPECT_FALSE(lab.mapper.PollTransmit());
    EXPECT_TRUE(lab.mapper.is_finished());
  }
}

TEST(PortMapper, ARouterThatFallsSilentIsLeftForWhateverAnswers) {
  MapperLab lab({.pcp = true});
  lab.Start();
  lab.Run(minutes(5));
  lab.speaks = {.nat_pmp = true};
  lab.Run(minutes(7));
  EXPECT_EQ(lab.mapper.service(), PortMappingService::kNatPmp);
  EXPECT_EQ(lab.mapper.mappings().at(0).external.port, 7002);
}

TEST(PortMapper, ShutdownDeletesWhatThereIs) {
  for (const MapperLab::Speaks speaks :
       {MapperLab::Speaks{.pcp = true}, MapperLab::Speaks{.nat_pmp = true}}) {
    MapperLab lab(speaks);
    lab.Start();
    lab.Run(seconds(1));
    lab.mapper.Shutdown(lab.now);
    EXPECT_FALSE(lab.mapper.is_finished());
    lab.Exchange();
    EXPECT_TRUE(lab.mapper.is_finished());
    EXPECT_EQ(lab.deletions, 1U);
  }
}

TEST(PortMapper, AsksAgainEveryTenMinutes) {
  MapperLab lab({.upnp = true});
  lab.Start();
  lab.Run(minutes(11));
  EXPECT_GE(std::ranges::count(lab.upnp_requests, UpnpAction::kDiscover,
                               &UpnpRequest::action),
            2);
}

/// A search over UPnP may miss a device that is slow to answer.
TEST(PortMapper, WhereNobodyAnswersTheNextSearchComesSoonThenEverMoreRarely) {
  MapperLab lab({});
  lab.Start();
  const auto searches = [&] {
    return std::ranges::count(lab.upnp_requests, UpnpAction::kDiscover,
                              &UpnpRequest::action);
  };
  EXPECT_EQ(searches(), 1);
  lab.Run(minutes(1));
  EXPECT_EQ(searches(), 2);
  lab.Run(minutes(2));
  EXPECT_EQ(searches(), 3);
  lab.Run(minutes(60));
  EXPECT_LE(searches(), 10);
  lab.speaks = {.upnp = true};
  lab.Run(minutes(10));
  EXPECT_EQ(lab.mapper.service(), PortMappingService::kUpnp);
}

TEST(PortMapper, KeysAreBounded) {
  MapperLab lab({});
  for (uint16_t port = 1; port <= PortMapper::kMaxKeys; ++port) {
    EXPECT_TRUE(lab.mapper.Map(lab.now, {.internal_port = port}));
  }
  EXPECT_FALSE(lab.mapper.Map(lab.now, {.internal_port = 9999}));
}

TEST(PortMapper, ARouterThatIsSilentForThirtySecondsIsToldOnce) {
  MapperLab lab({});
  lab.Start();
  lab.Run(milliseconds(29999));
  EXPECT_TRUE(lab.All<PortMappingServiceChanged>().empty());
  EXPECT_EQ(lab.mapper.error(), std::nullopt);
  lab.Run(milliseconds(1));
  ASSERT_EQ(lab.All<PortMappingServiceChanged>().size(), 1U);
  EXPECT_FALSE(lab.All<PortMappingServiceChanged>()[0].service);
  EXPECT_EQ(lab.mapper.error(), PortMappingError::kNoAnswer);
  for (const PortMappingAttempt& attempt : lab.mapper.attempts()) {
    EXPECT_EQ(attempt.state, PortMappingAttempt::State::kFailed);
  }
  lab.Run(minutes(60));
  EXPECT_EQ(lab.All<PortMappingServiceChanged>().size(), 1U);
  lab.speaks = {.pcp = true};  // switched on by its owner
  lab.Run(minutes(15));
  EXPECT_EQ(lab.mapper.service(), PortMappingService::kPcp);
  EXPECT_EQ(lab.mapper.error(), std::nullopt);
}

TEST(PortMapper, AnUnreachablePortAndNoDeviceAreKnownAtOnce) {
  MapperLab lab({});
  lab.Start();
  lab.mapper.HandleUnreachable(lab.now);
  lab.mapper.HandleUnreachable(lab.now);  // one for each request
  lab.Exchange();
  lab.Run(milliseconds(1));
  EXPECT_EQ(lab.mapper.error(), PortMappingError::kNoAnswer);
  EXPECT_EQ(lab.All<PortMappingServiceChanged>().size(), 1U);
}

}  // namespace
}  // namespace natkit::nat
