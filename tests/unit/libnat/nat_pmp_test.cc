#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "hex.h"
#include "natkit/base/rng.h"
#include "natkit/nat/nat_pmp_client.h"
#include "natkit/nat/nat_pmp_message.h"

namespace natkit::nat {
namespace {

using testing::Hex;

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const IpAddress kGateway = IpAddress::V4(192, 168, 1, 1);
const IpAddress kExternal = IpAddress::V4(203, 0, 113, 20);
const Endpoint kServer{kGateway, kPortMappingServerPort};
const PortMappingKey kUdp40000{.internal_port = 40000};

/// A client, the time, and what came out of it.
class PmpLab {
 public:
  NatPmpClient& client() { return client_; }

  Instant now{};
  std::vector<std::vector<uint8_t>> sent;
  std::vector<Duration> sent_at;
  std::vector<PortMappingClientEvent> events;

  void Drain() {
    while (const auto transmit = client_.PollTransmit()) {
      EXPECT_EQ(transmit->to, kServer);
      sent.push_back(transmit->payload);
      sent_at.push_back(now - Instant{});
    }
    while (const auto event = client_.PollEvent()) {
      events.push_back(*event);
    }
  }

  /// Jumps from deadline to deadline up to `limit` from now.
  void Run(Duration limit) {
    const Instant end = now + limit;
    Drain();
    while (client_.NextTimeout() && *client_.NextTimeout() <= end) {
      now = std::max(now, *client_.NextTimeout());
      client_.HandleTimeout(now);
      Drain();
    }
    now = end;
  }

  void Answer(const NatPmpResponse& response, const Endpoint& from = kServer) {
    (void)client_.HandleDatagram(now, from, BuildNatPmpResponse(response));
    Drain();
  }

  void AnswerAddress(uint32_t epoch) {
    Answer({.epoch = epoch, .external_address = kExternal});
  }

  void AnswerMap(uint32_t epoch, uint16_t external, uint32_t lifetime = 7200) {
    Answer({.opcode = NatPmpOpcode::kMapUdp,
            .epoch = epoch,
            .internal_port = 40000,
            .external_port = external,
            .lifetime = lifetime});
  }

  /// Has one mapping, from 40000 to external 40000.
  void MapOne() {
    client_.Start(now);
    client_.Map(now, kUdp40000);
    Drain();
    AnswerAddress(100);
    AnswerMap(100, 40000);
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

 private:
  SeededRng rng_{1};
  NatPmpClient client_{kGateway, rng_};
};

TEST(NatPmpMessage, BuildsTheVectorOfAUdpMapping) {
  EXPECT_EQ(BuildNatPmpMapRequest({.opcode = NatPmpOpcode::kMapUdp,
                                   .internal_port = 40000,
                                   .suggested_port = 40000,
                                   .lifetime = 7200}),
            Hex("000100009c409c4000001c20"));
  EXPECT_EQ(BuildNatPmpAddressRequest(), Hex("0000"));
}

TEST(NatPmpMessage, ReadsResponses) {
  const auto address = ParseNatPmpResponse(Hex("0080000000000064cb007114"));
  ASSERT_TRUE(address);
  EXPECT_EQ(address->epoch, 100U);
  EXPECT_EQ(address->external_address, kExternal);
  const auto map = ParseNatPmpResponse(Hex("00810000000000649c409c4100000e10"));
  ASSERT_TRUE(map);
  EXPECT_EQ(map->internal_port, 40000);
  EXPECT_EQ(map->external_port, 40001);
  EXPECT_EQ(map->lifetime, 3600U);
  // Failures may end after the epoch.
  const auto refused = ParseNatPmpResponse(Hex("0081000200000064"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->result, 2);
}

TEST(NatPmpMessage, RefusesWhatIsNoResponse) {
  EXPECT_FALSE(ParseNatPmpResponse(Hex("0080")));
  EXPECT_FALSE(ParseNatPmpResponse(Hex("0080000000000064cb0071")));
  EXPECT_FALSE(ParseNatPmpResponse(Hex("0000000000000064cb007114")));
  EXPECT_FALSE(ParseNatPmpResponse(Hex("0280000000000064cb007114")));
  EXPECT_FALSE(ParseNatPmpResponse(Hex("0083000000000064cb007114")));
}

TEST(NatPmpClient, RetriesNineTimesDoublingFrom250Ms) {
  PmpLab lab;
  lab.client().Start(lab.now);
  lab.Run(minutes(10));
  EXPECT_EQ(
      lab.sent_at,
      (std::vector<Duration>{
          milliseconds(0), milliseconds(250), milliseconds(750),
          milliseconds(1750), milliseconds(3750), milliseconds(7750),
          milliseconds(15750), milliseconds(31750), milliseconds(63750)}));
  ASSERT_EQ(lab.All<ServiceFailed>().size(), 1U);
  EXPECT_EQ(lab.All<ServiceFailed>()[0].error, PortMappingError::kNoAnswer);
  EXPECT_FALSE(lab.client().NextTimeout());
}

TEST(NatPmpClient, StopsWhenNobodyListens) {
  PmpLab lab;
  lab.client().Start(lab.now);
  lab.client().HandleUnreachable(lab.now);
  lab.Run(minutes(10));
  EXPECT_EQ(lab.sent.size(), 1U);
  EXPECT_EQ(lab.All<ServiceFailed>().size(), 1U);
}

TEST(NatPmpClient, MapsOneAfterAnotherAndRenewsAtHalf) {
  PmpLab lab;
  lab.client().Start(lab.now);
  lab.client().Map(lab.now, kUdp40000);
  lab.Drain();
  EXPECT_EQ(lab.sent.size(), 1U);  // one request at a time
  lab.AnswerAddress(100);
  ASSERT_EQ(lab.sent.size(), 2U);
  EXPECT_EQ(lab.sent[1], Hex("000100009c409c4000001c20"));
  lab.AnswerMap(100, 40001, 3600);
  const auto granted = lab.All<MappingGranted>();
  ASSERT_EQ(granted.size(), 1U);
  EXPECT_EQ(granted[0].external, (Endpoint{kExternal, 40001}));
  EXPECT_EQ(granted[0].lifetime, seconds(3600));
  lab.Run(seconds(1800));
  ASSERT_EQ(lab.sent.size(), 3U);
  EXPECT_EQ(lab.sent_at[2], seconds(1800));
  EXPECT_EQ(lab.sent[2], Hex("000100009c409c4100001c20"));
}

TEST(NatPmpClient, ALengthenedLifetimeIsNotBelieved) {
  PmpLab lab;
  lab.client().Start(lab.now);
  lab.client().Map(lab.now, kUdp40000);
  lab.Drain();
  lab.AnswerAddress(100);
  lab.AnswerMap(100, 40000, 0xFFFFFFFF);
  EXPECT_EQ(lab.All<MappingGranted>().at(0).lifetime, seconds(7200));
}

TEST(NatPmpClient, DeletesWithLifetimeAndPortZero) {
  PmpLab lab;
  lab.MapOne();
  lab.client().Unmap(lab.now, kUdp40000);
  lab.Drain();
  EXPECT_EQ(lab.sent.back(), Hex("000100009c40000000000000"));
  EXPECT_FALSE(lab.client().is_idle());
  lab.AnswerMap(100, 0, 0);
  EXPECT_EQ(lab.All<MappingRemoved>().size(), 1U);
  EXPECT_TRUE(lab.client().is_idle());
}

TEST(NatPmpClient, OnlyTheGatewaysPortCounts) {
  PmpLab lab;
  lab.client().Start(lab.now);
  lab.Drain();
  lab.Answer({.epoch = 1, .external_address = kExternal}, {kGateway, 5350});
  lab.Answer({.epoch = 1, .external_address = kExternal},
             {IpAddress::V4(192, 168, 1, 2), kPortMappingServerPort});
  EXPECT_TRUE(lab.events.empty());
}

TEST(NatPmpClient, AnEpochThatFellBehindMakesEverythingAnew) {
  PmpLab lab;
  lab.MapOne();
  lab.Run(seconds(800));
  // Expected 100 + 700; two seconds less are allowed.
  lab.AnswerAddress(798);
  EXPECT_TRUE(lab.All<GatewayRestarted>().empty());
  lab.Run(seconds(80));
  lab.AnswerAddress(865);  // expected 868
  EXPECT_EQ(lab.All<GatewayRestarted>().size(), 1U);
  const size_t before = lab.sent.size();
  lab.Run(seconds(1));
  lab.AnswerAddress(866);
  EXPECT_GT(lab.sent.size(), before);
  EXPECT_EQ(lab.sent.back(), Hex("000100009c409c4000001c20"));
}

TEST(NatPmpClient, TenAnnouncementsOfOneRestartAreOne) {
  PmpLab lab;
  lab.MapOne();
  lab.Run(seconds(100));
  for (int i = 0; i < 10; ++i) {
    lab.AnswerAddress(0);
  }
  EXPECT_EQ(lab.All<GatewayRestarted>().size(), 1U);
}

TEST(NatPmpClient, ANewExternalAddressIsAskedForTheMapping) {
  PmpLab lab;
  lab.MapOne();
  const IpAddress other = IpAddress::V4(203, 0, 113, 21);
  lab.Answer({.epoch = 100, .external_address = other});
  lab.AnswerMap(100, 40000);
  const auto granted = lab.All<MappingGranted>();
  ASSERT_EQ(granted.size(), 2U);
  EXPECT_EQ(granted[1].external, (Endpoint{other, 40000}));
}

TEST(NatPmpClient, FailuresAreNamedAndTriedAgainLater) {
  PmpLab lab;
  lab.client().Start(lab.now);
  lab.client().Map(lab.now, kUdp40000);
  lab.Drain();
  lab.AnswerAddress(100);
  lab.Answer({.opcode = NatPmpOpcode::kMapUdp,
              .result = 4,
              .epoch = 100,
              .internal_port = 40000});
  ASSERT_EQ(lab.All<MappingFailed>().size(), 1U);
  EXPECT_EQ(lab.All<MappingFailed>()[0].error, PortMappingError::kNoResources);
  const size_t before = lab.sent.size();
  lab.Run(seconds(30));
  EXPECT_EQ(lab.sent.size(), before + 1);
}

TEST(NatPmpClient, AMappingThatIsNotRenewedExpires) {
  PmpLab lab;
  lab.MapOne();
  lab.Run(seconds(7200));
  ASSERT_EQ(lab.All<MappingFailed>().size(), 1U);
  EXPECT_EQ(lab.All<MappingFailed>()[0].error, PortMappingError::kExpired);
}

TEST(NatPmpClient, ALateAnswerIsUsed) {
  PmpLab lab;
  lab.client().Map(lab.now, kUdp40000);
  lab.client().Start(lab.now);
  lab.Run(minutes(5));
  EXPECT_EQ(lab.All<ServiceFailed>().size(), 1U);
  lab.AnswerAddress(100);
  EXPECT_EQ(lab.All<ServiceAnswered>().size(), 1U);
  EXPECT_EQ(lab.sent.back(), Hex("0000"));
  lab.AnswerAddress(100);
  EXPECT_EQ(lab.sent.back(), Hex("000100009c409c4000001c20"));
}

TEST(NatPmpClient, KeysAreBounded) {
  PmpLab lab;
  for (uint16_t port = 1; port <= NatPmpClient::kMaxKeys; ++port) {
    EXPECT_TRUE(lab.client().Map(lab.now, {.internal_port = port}));
  }
  EXPECT_FALSE(lab.client().Map(lab.now, {.internal_port = 9999}));
  EXPECT_FALSE(lab.client().Map(lab.now, {.internal_port = 0}));
}

TEST(NatPmpClient, AClockThatJumpsAllTheTimeDoesNotMakeAFlood) {
  PmpLab lab;
  lab.MapOne();
  size_t answered = lab.sent.size();
  uint32_t epoch = 1000000;
  const Instant end = lab.now + std::chrono::hours(1);
  while (lab.now < end) {
    lab.Run(milliseconds(100));
    for (; answered < lab.sent.size(); ++answered) {
      epoch -= 100;  // back in time with every answer
      if (lab.sent[answered].size() == 2) {
        lab.AnswerAddress(epoch);
      } else {
        lab.AnswerMap(epoch, 40000);
      }
    }
  }
  EXPECT_LT(lab.sent.size(), 60U);
}

TEST(NatPmpClient, AShortLifetimeIsRenewedAtItsHalfButNotSoonerThan4S) {
  PmpLab lab;
  lab.MapOne();
  lab.AnswerMap(100, 40000, 20);
  const size_t before = lab.sent.size();
  lab.Run(milliseconds(9999));
  EXPECT_EQ(lab.sent.size(), before);
  lab.Run(milliseconds(1));
  EXPECT_EQ(lab.sent.size(), before + 1);
  lab.AnswerMap(110, 40000, 1);
  lab.Run(milliseconds(3999));
  EXPECT_EQ(lab.sent.size(), before + 1);
  lab.Run(milliseconds(1));
  EXPECT_EQ(lab.sent.size(), before + 2);
  lab.AnswerMap(114, 40000);
  EXPECT_EQ(lab.All<MappingFailed>().size(), 1U);  // one second, then nothing
}

TEST(NatPmpClient, AMappingGrantedForNoTimeIsNone) {
  PmpLab lab;
  lab.client().Start(lab.now);
  lab.client().Map(lab.now, kUdp40000);
  lab.Drain();
  lab.AnswerAddress(100);
  lab.AnswerMap(100, 40000, 0);
  EXPECT_TRUE(lab.All<MappingGranted>().empty());
  ASSERT_EQ(lab.All<MappingFailed>().size(), 1U);
  EXPECT_EQ(lab.All<MappingFailed>()[0].error, PortMappingError::kProtocol);
}

TEST(NatPmpClient, AnotherPortAndAShorterLifetimeAreTaken) {
  PmpLab lab;
  lab.client().Start(lab.now);
  lab.client().Map(lab.now, kUdp40000);
  lab.Drain();
  lab.AnswerAddress(100);
  lab.AnswerMap(100, 51000, 60);
  ASSERT_EQ(lab.All<MappingGranted>().size(), 1U);
  EXPECT_EQ(lab.All<MappingGranted>()[0].external.port, 51000);
  EXPECT_EQ(lab.All<MappingGranted>()[0].lifetime, seconds(60));
  const size_t before = lab.sent_at.size();
  lab.Run(seconds(31));
  EXPECT_EQ(lab.sent_at.size(), before + 3);  // at 30 s, and twice again
}

}  // namespace
}  // namespace natkit::nat
