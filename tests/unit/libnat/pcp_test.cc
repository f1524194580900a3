#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "hex.h"
#include "natkit/base/rng.h"
#include "natkit/nat/pcp_client.h"
#include "natkit/nat/pcp_message.h"

namespace natkit::nat {
namespace {

using testing::Hex;

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const IpAddress kGateway = IpAddress::V4(192, 168, 1, 1);
const IpAddress kUs = IpAddress::V4(192, 168, 1, 10);
const Endpoint kServer{kGateway, kPortMappingServerPort};
const Endpoint kExternal{IpAddress::V4(203, 0, 113, 20), 6001};
const PortMappingKey kUdp6000{.internal_port = 6000};

class PcpLab {
 public:
  explicit PcpLab(PcpClientConfig config = {.server = kGateway, .client = kUs})
      : client_(config, rng_) {}

  PcpClient& client() { return client_; }

  Instant now{};
  std::vector<std::vector<uint8_t>> sent;
  std::vector<Instant> sent_at;
  std::vector<PortMappingClientEvent> events;

  void Drain() {
    while (const auto transmit = client_.PollTransmit()) {
      EXPECT_EQ(transmit->to, kServer);
      sent.push_back(transmit->payload);
      sent_at.push_back(now);
    }
    while (const auto event = client_.PollEvent()) {
      events.push_back(*event);
    }
  }

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

  void Answer(const PcpResponse& response, const Endpoint& from = kServer) {
    (void)client_.HandleDatagram(now, from, BuildPcpResponse(response));
    Drain();
  }

  void Announce(uint32_t epoch) { Answer({.epoch = epoch}); }

  /// The mapping of the last MAP or PEER, as granted.
  [[nodiscard]] PcpResponse Granted(uint32_t epoch, uint32_t lifetime = 7200) {
    auto bytes = sent.back();
    bytes[1] |= 0x80;
    PcpResponse out = *ParsePcpResponse(bytes);
    out.lifetime = lifetime;
    out.epoch = epoch;
    out.mapping->external = kExternal;
    return out;
  }

  void MapOne(uint32_t lifetime = 7200) {
    client_.Map(now, kUdp6000);
    Drain();
    Answer(Granted(100, lifetime));
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
  PcpClient client_;
};

TEST(PcpMessage, BuildsAMapRequest) {
  PcpMapping mapping{
      .protocol = 17, .internal_port = 6000, .external = {IpAddress(), 6000}};
  for (uint8_t i = 0; i < 12; ++i) {
    mapping.nonce[i] = i;
  }
  EXPECT_EQ(BuildPcpRequest({.client = kUs,
                             .lifetime = 3600,
                             .mapping = mapping,
                             .prefer_failure = true}),
            Hex("0201000000000e10"
                "00000000000000000000ffffc0a8010a"
                "000102030405060708090a0b"
                "110000001770177000000000000000000000ffff00000000"
                "02000000"));
}

TEST(PcpMessage, OptionsAreSkippedAndMustFit) {
  PcpResponse response{.opcode = PcpOpcode::kMap, .mapping = PcpMapping{}};
  auto bytes = BuildPcpResponse(response);
  const auto option = Hex("80000005010203040500 0000");
  bytes.insert(bytes.end(), option.begin(), option.end());
  EXPECT_EQ(ParsePcpResponse(bytes), response);
  bytes.resize(bytes.size() - 4);
  EXPECT_EQ(ParsePcpResponse(bytes).error().code, Errc::kBadLength);
}

TEST(PcpMessage, KnowsANatPmpServer) {
  const auto response = ParsePcpResponse(Hex("0080000100000064"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->version, 0);
  EXPECT_EQ(response->result, 1);
  EXPECT_FALSE(ParsePcpResponse(Hex("0080000000000064cb007114")));
}

TEST(PcpClient, AsksByAnnounceAndRepeatsFrom3SDoubling) {
  PcpLab lab;
  lab.client().Start(lab.now);
  lab.Run(minutes(2));
  ASSERT_GE(lab.sent_at.size(), 4U);
  Duration wait = seconds(3);
  for (size_t i = 1; i < 4; ++i) {
    const Duration gap = lab.sent_at[i] - lab.sent_at[i - 1];
    EXPECT_GE(gap, wait * 9 / 10);
    EXPECT_LE(gap, wait * 11 / 10);
    wait = gap * 2;
  }
  EXPECT_EQ(lab.sent[0], Hex("0200000000000000"
                             "00000000000000000000ffffc0a8010a"));
  lab.Announce(5);
  EXPECT_EQ(lab.All<ServiceAnswered>().size(), 1U);
  EXPECT_FALSE(lab.client().NextTimeout());
}

TEST(PcpClient, RenewsInItsWindowsUntilTheMappingEnds) {
  for (int round = 0; round < 20; ++round) {
    PcpLab lab;
    lab.now = Instant(seconds(round));
    lab.MapOne(1600);
    const Instant granted = lab.now;
    lab.sent.clear();
    lab.sent_at.clear();
    lab.Run(seconds(1599));
    ASSERT_GE(lab.sent_at.size(), 3U);
    EXPECT_GE(lab.sent_at[0], granted + seconds(800));
    EXPECT_LE(lab.sent_at[0], granted + seconds(1000));
    EXPECT_GE(lab.sent_at[1], granted + seconds(1200));
    EXPECT_LE(lab.sent_at[1], granted + seconds(1300));
    for (size_t i = 1; i < lab.sent_at.size(); ++i) {
      EXPECT_GE(lab.sent_at[i] - lab.sent_at[i - 1], seconds(4));
    }
    EXPECT_TRUE(lab.All<MappingFailed>().empty());
    lab.Run(seconds(1));
    EXPECT_EQ(lab.All<MappingFailed>().at(0).error, PortMappingError::kExpired);
  }
}

TEST(PcpClient, ARenewalHasTheSameNonceAndSuggestsWhatItHas) {
  PcpLab lab;
  lab.MapOne();
  const auto first = lab.sent.back();
  lab.Run(seconds(5000));
  const auto& renewal = lab.sent.at(1);
  EXPECT_TRUE(
      std::equal(first.begin() + 24, first.begin() + 42, renewal.begin() + 24));
  EXPECT_EQ(renewal[42] * 256 + renewal[43], 6001);
}

TEST(PcpClient, AnotherNonceOrSenderHasNoEffect) {
  PcpLab lab;
  lab.client().Map(lab.now, kUdp6000);
  lab.Drain();
  PcpResponse forged = lab.Granted(100);
  forged.mapping->nonce[3] ^= 1;
  lab.Answer(forged);
  lab.Answer(lab.Granted(100), {IpAddress::V4(192, 168, 1, 7), 5351});
  lab.Answer(lab.Granted(100), {kGateway, 5350});
  EXPECT_TRUE(lab.events.empty());
  lab.Answer(lab.Granted(100));
  EXPECT_EQ(lab.All<MappingGranted>().at(0).external, kExternal);
}

TEST(PcpClient, AFailureIsNotTriedBeforeItsLifetime) {
  PcpLab lab;
  lab.client().Map(lab.now, kUdp6000);
  lab.Drain();
  PcpResponse refusal = lab.Granted(100, 120);
  refusal.result = 10;
  lab.Answer(refusal);
  EXPECT_EQ(lab.All<MappingFailed>().at(0).error,
            PortMappingError::kQuotaExceeded);
  lab.Run(seconds(119));
  EXPECT_EQ(lab.sent.size(), 1U);
  lab.Run(seconds(1));
  EXPECT_EQ(lab.sent.size(), 2U);
}

TEST(PcpClient, AMismatchNamesTheNatBetween) {
  PcpLab lab;
  lab.client().Map(lab.now, kUdp6000);
  lab.Drain();
  PcpResponse refusal = lab.Granted(100, 0xFFFFFFFF);
  refusal.result = 12;
  lab.Answer(refusal);
  EXPECT_EQ(lab.All<MappingFailed>().at(0).error,
            PortMappingError::kAddressMismatch);
  lab.Run(minutes(30));  // no server may silence us for longer
  EXPECT_EQ(lab.sent.size(), 2U);
}

TEST(PcpClient, EpochsAreBelievedWithinTheRfcsLimits) {
  PcpLab lab;
  lab.client().Start(lab.now);
  lab.Announce(1000);
  lab.Run(seconds(1600));
  lab.Announce(1000 + 1498);  // a sixteenth and two seconds slow
  EXPECT_TRUE(lab.All<GatewayRestarted>().empty());
  lab.Run(seconds(10));
  lab.Announce(2498 + 6);  // 8 are the least
  EXPECT_EQ(lab.All<GatewayRestarted>().size(), 1U);
  lab.Announce(2503);  // reordered
  EXPECT_EQ(lab.All<GatewayRestarted>().size(), 1U);
  lab.Announce(2510);  // too fast
  EXPECT_EQ(lab.All<GatewayRestarted>().size(), 2U);
}

TEST(PcpClient, AReceivedAnnouncementOfARestartMakesMappingsAnewWithin5S) {
  PcpLab lab;
  lab.MapOne();
  lab.Run(seconds(100));
  const size_t before = lab.sent.size();
  lab.Announce(0);
  lab.Run(seconds(5));
  ASSERT_GE(lab.sent.size(), before + 1);
  lab.Answer(lab.Granted(5));
  EXPECT_EQ(lab.All<MappingGranted>().size(), 2U);
  EXPECT_TRUE(lab.All<MappingFailed>().empty());
}

TEST(PcpClient, DeletesWithItsNonceAndGivesUpAfterThreeTries) {
  PcpLab lab;
  lab.MapOne();
  const auto request = lab.sent.back();
  lab.client().Unmap(lab.now, kUdp6000);
  lab.Drain();
  EXPECT_TRUE(std::equal(request.begin() + 24, request.begin() + 36,
                         lab.sent.back().begin() + 24));
  EXPECT_EQ(lab.sent.back()[7], 0);
  lab.Run(minutes(2));
  EXPECT_EQ(lab.sent.size(), 4U);
  EXPECT_EQ(lab.All<MappingRemoved>().size(), 1U);
  EXPECT_TRUE(lab.client().is_idle());
}

TEST(PcpClient, PeerMappingsCarryTheRemote) {
  PcpLab lab;
  const PortMappingKey key{.protocol = MappedProtocol::kTcp,
                           .internal_port = 7000,
                           .remote = *Endpoint::Parse("198.51.100.1:443")};
  lab.client().Map(lab.now, key);
  lab.Drain();
  EXPECT_EQ(lab.sent.back()[1], 2);
  EXPECT_EQ(lab.sent.back().size(), 80U);
  lab.Answer(lab.Granted(1));
  EXPECT_EQ(lab.All<MappingGranted>().at(0).key, key);
}

TEST(PcpClient, AServerOfAnotherVersionEndsIt) {
  PcpLab lab;
  lab.client().Start(lab.now);
  lab.Drain();
  (void)lab.client().HandleDatagram(lab.now, kServer, Hex("0080000100000064"));
  lab.Run(hours(1));
  EXPECT_EQ(lab.All<ServiceFailed>().at(0).error,
            PortMappingError::kUnsupportedVersion);
  EXPECT_EQ(lab.sent.size(), 1U);
}

TEST(PcpClient, AClockThatJumpsAllTheTimeDoesNotMakeAFlood) {
  PcpLab lab;
  for (uint16_t port = 6000; port < 6004; ++port) {
    lab.client().Map(lab.now, {.internal_port = port});
  }
  lab.Drain();
  // Every answer has another epoch than the one before.
  size_t answered = 0;
  const Instant end = lab.now + hours(1);
  while (lab.now < end) {
    while (answered < lab.sent.size() && answered < 10000) {
      lab.sent.push_back(lab.sent[answered]);
      const PcpResponse answer = lab.Granted(answered % 2 == 0 ? 9000 : 1);
      lab.sent.pop_back();
      ++answered;
      lab.Answer(answer);
    }
    lab.Run(seconds(1));
  }
  // 10, 20, 40, ... s between the rounds, then ten minutes.
  EXPECT_LT(lab.sent.size(), 4U * 20);
  EXPECT_TRUE(lab.All<MappingFailed>().empty());
}

TEST(PcpClient, AMappingThatEndsAtOnceIsNotAskedForMoreThanEvery4S) {
  PcpLab lab;
  lab.MapOne(1);
  for (int second = 0; second < 40; ++second) {
    const size_t before = lab.sent.size();
    lab.Run(seconds(1));
    if (lab.sent.size() > before) {
      lab.Answer(lab.Granted(101 + static_cast<uint32_t>(second), 1));
    }
  }
  EXPECT_LE(lab.sent.size(), 11U);
  EXPECT_GE(lab.sent.size(), 9U);
}

TEST(PcpClient, AMappingLostByARestartEndsInItsTimeIfNobodyAnswers) {
  PcpLab lab;
  lab.MapOne();
  lab.Run(seconds(100));
  lab.Announce(0);
  lab.Run(seconds(7099));
  EXPECT_TRUE(lab.All<MappingFailed>().empty());
  lab.Run(seconds(1));
  ASSERT_EQ(lab.All<MappingFailed>().size(), 1U);
  EXPECT_EQ(lab.All<MappingFailed>()[0].error, PortMappingError::kExpired);
}

TEST(PcpClient, AMappingGrantedForNoTimeIsNone) {
  PcpLab lab;
  lab.MapOne(0);
  EXPECT_TRUE(lab.All<MappingGranted>().empty());
  ASSERT_EQ(lab.All<MappingFailed>().size(), 1U);
  EXPECT_EQ(lab.All<MappingFailed>()[0].error, PortMappingError::kProtocol);
  const size_t before = lab.sent.size();
  lab.Run(seconds(60));
  EXPECT_LE(lab.sent.size(), before + 5);  // asked again, not in a hurry
}

TEST(PcpClient, ALateAnswerToADeletionIsNotOneToTheNewRequest) {
  PcpLab lab;
  lab.MapOne();
  lab.client().Unmap(lab.now, kUdp6000);
  lab.Drain();
  PcpResponse deleted = lab.Granted(100, 0);
  lab.client().Map(lab.now, kUdp6000);
  lab.Drain();
  const PcpResponse granted = lab.Granted(100);
  lab.Answer(deleted);
  EXPECT_TRUE(lab.All<MappingFailed>().empty());
  EXPECT_TRUE(lab.All<MappingRemoved>().empty());
  lab.Answer(granted);
  EXPECT_EQ(lab.All<MappingGranted>().size(), 2U);
}

TEST(PcpClient, TheLifetimeAskedForIsConfigured) {
  PcpLab lab({.server = kGateway, .client = kUs, .lifetime = seconds(60)});
  lab.client().Map(lab.now, kUdp6000);
  lab.Drain();
  EXPECT_EQ(lab.sent.back()[7], 60);
}

TEST(PcpClient, ADerivedKeyIsItsSecretsOwnAndUnlikeIt) {
  std::array<uint8_t, 32> secret{1};
  const PcpNonceKey key = DerivePcpNonceKey(secret);
  EXPECT_TRUE(key.EqualsConstantTime(DerivePcpNonceKey(secret)));
  EXPECT_FALSE(key.EqualsConstantTime(PcpNonceKey(secret)));
  secret[31] = 1;
  EXPECT_FALSE(key.EqualsConstantTime(DerivePcpNonceKey(secret)));
}

TEST(PcpClient, AKeyMakesNoncesThatAreTheSameNextTime) {
  const auto nonce_of = [](const PcpNonceKey* key, uint64_t seed,
                           const IpAddress& server, uint16_t port) {
    SeededRng rng(seed);
    PcpClient client({.server = server, .client = kUs}, rng, key);
    EXPECT_TRUE(client.Map(Instant{}, {.internal_port = port}));
    const auto payload = client.PollTransmit()->payload;
    return std::vector<uint8_t>(payload.begin() + 24, payload.begin() + 36);
  };
  std::array<uint8_t, 32> bytes{1};
  const PcpNonceKey key(bytes);
  bytes[0] = 2;
  const PcpNonceKey other(bytes);
  const auto nonce = nonce_of(&key, 1, kGateway, 6000);
  EXPECT_EQ(nonce_of(&key, 2, kGateway, 6000), nonce);
  EXPECT_NE(nonce_of(&key, 1, kGateway, 6001), nonce);
  EXPECT_NE(nonce_of(&key, 1, kUs, 6000), nonce);
  EXPECT_NE(nonce_of(&other, 1, kGateway, 6000), nonce);
  EXPECT_NE(nonce_of(nullptr, 1, kGateway, 6000),
            nonce_of(nullptr, 2, kGateway, 6000));
}

}  // namespace
}  // namespace natkit::nat
