#include "natkit/mesh/signal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "signal/signal_proto.h"

namespace natkit::mesh {
namespace {

struct Pair {
  SeededRng rng{1};
  StaticPrivateKey key_a = GeneratePrivateKey(rng);
  StaticPrivateKey key_b = GeneratePrivateKey(rng);
  SignalBox a{key_a, DerivePublicKey(key_b)};
  SignalBox b{key_b, DerivePublicKey(key_a)};
};

Offer MakeOffer() {
  Offer offer;
  offer.session = 42;
  offer.credentials = {"ufrag123", "password-of-22-chars-or-more"};
  offer.candidates.push_back({.type = ice::CandidateType::kServerReflexive,
                              .endpoint = *Endpoint::Parse("203.0.113.7:4000"),
                              .base = {},
                              .priority = 1694498815,
                              .foundation = "2"});
  offer.candidates.push_back({.type = ice::CandidateType::kHost,
                              .endpoint = *Endpoint::Parse("[2001:db8::7]:9"),
                              .base = {},
                              .priority = 2130706431,
                              .foundation = "1"});
  offer.end_of_candidates = true;
  return offer;
}

Signal MakeSignal(decltype(Signal::body) body) {
  return {.boot = 7, .sequence = 8, .sent_unix_ms = 9, .body = std::move(body)};
}

TEST(SignalBox, CarriesAnOfferToTheOtherSide) {
  Pair pair;
  const auto packet = pair.a.Seal(MakeSignal(MakeOffer()), pair.rng);
  const auto opened = pair.b.Open(packet);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->boot, 7U);
  EXPECT_EQ(opened->sequence, 8U);
  EXPECT_EQ(opened->sent_unix_ms, 9U);
  const auto& offer = std::get<Offer>(opened->body);
  EXPECT_EQ(offer.session, 42U);
  EXPECT_EQ(offer.credentials.ufrag, "ufrag123");
  EXPECT_EQ(offer.credentials.password.Expose(),
            "password-of-22-chars-or-more");
  ASSERT_EQ(offer.candidates.size(), 2U);
  EXPECT_EQ(offer.candidates[0].type, ice::CandidateType::kServerReflexive);
  EXPECT_EQ(offer.candidates[0].endpoint.ToString(), "203.0.113.7:4000");
  EXPECT_EQ(offer.candidates[0].priority, 1694498815U);
  EXPECT_EQ(offer.candidates[1].endpoint.ToString(), "[2001:db8::7]:9");
  EXPECT_TRUE(offer.end_of_candidates);
}

TEST(SignalBox, CarriesEveryOtherBody) {
  Pair pair;
  const auto send = [&](decltype(Signal::body) body) {
    return pair.b.Open(pair.a.Seal(MakeSignal(std::move(body)), pair.rng))
        ->body.index();
  };
  EXPECT_EQ(send(Hello{}), 0U);
  EXPECT_EQ(send(Answer{}), 2U);
  EXPECT_EQ(send(RestartRequest{}), 3U);
}

nat::PathSide MakeNetwork() {
  nat::PathSide network;
  network.traits.translation = nat::Translation::kNapt;
  network.traits.mapping = nat::Dependence::kEndpointIndependent;
  network.traits.filtering = nat::Dependence::kAddressAndPortDependent;
  network.traits.external_addresses = {*IpAddress::Parse("203.0.113.1"),
                                       *IpAddress::Parse("2001:db8::1")};
  network.mapped_port = nat::MappedPort::kReachable;
  network.is_behind_second_nat = true;
  network.uses_port_mapping = true;
  network.port_mapping_error = nat::PortMappingError::kExpired;
  network.has_ipv6 = true;
  network.may_be_address_dependent = true;
  return network;
}

std::optional<nat::PathSide> ThroughASignal(const nat::PathSide& network) {
  Pair pair;
  Offer offer = MakeOffer();
  offer.network = network;
  const auto packet = pair.a.Seal(MakeSignal(offer), pair.rng);
  const auto opened = pair.b.Open(packet);
  return opened ? std::get<Offer>(opened->body).network : std::nullopt;
}

TEST(SignalProto, CarriesAllThatIsTheSendersNetwork) {
  const nat::PathSide all = MakeNetwork();
  EXPECT_EQ(ThroughASignal(all), all);
  // Unknown stays unknown, and is not the first of the values.
  EXPECT_EQ(ThroughASignal(nat::PathSide{}), nat::PathSide{});
  nat::PathSide blocked;
  blocked.traits.is_udp_blocked = true;
  EXPECT_EQ(ThroughASignal(blocked), blocked);
}

TEST(SignalProto, EveryKnownValueOfANetworkSurvives) {
  using nat::Dependence;
  for (const auto each :
       {Dependence::kEndpointIndependent, Dependence::kAddressDependent,
        Dependence::kAddressAndPortDependent}) {
    nat::PathSide network;
    network.traits.mapping = each;
    network.traits.filtering = each;
    EXPECT_EQ(ThroughASignal(network), network);
  }
  for (int value = 0; value <= static_cast<int>(nat::MappedPort::kClaimed);
       ++value) {
    nat::PathSide network;
    network.mapped_port = static_cast<nat::MappedPort>(value);
    EXPECT_EQ(ThroughASignal(network), network);
  }
  for (int value = 0;
       value <= static_cast<int>(nat::PortMappingError::kExpired); ++value) {
    nat::PathSide network;
    network.port_mapping_error = static_cast<nat::PortMappingError>(value);
    EXPECT_EQ(ThroughASignal(network), network);
  }
}

TEST(SignalProto, ASenderWithManyAddressesNamesTheFirst) {
  nat::PathSide network = MakeNetwork();
  network.traits.external_addresses.assign(kMaxSignalAddresses + 3,
                                           *IpAddress::Parse("203.0.113.1"));
  const auto arrived = ThroughASignal(network);
  ASSERT_TRUE(arrived);
  EXPECT_EQ(arrived->traits.external_addresses.size(), kMaxSignalAddresses);
}

TEST(SignalBox, DoesNotLookLikeWireGuardOrStun) {
  Pair pair;
  const auto packet = pair.a.Seal(MakeSignal(Hello{}), pair.rng);
  EXPECT_TRUE(LooksLikeSignal(packet));
  EXPECT_GT(packet[0], 63);
  EXPECT_FALSE(LooksLikeSignal(std::vector<uint8_t>(148, 1)));
}

TEST(SignalBox, RejectsEveryFlippedByteAndEveryTruncation) {
  Pair pair;
  const auto packet = pair.a.Seal(MakeSignal(MakeOffer()), pair.rng);
  for (size_t i = 0; i < packet.size(); ++i) {
    auto changed = packet;
    changed[i] ^= 1;
    EXPECT_FALSE(pair.b.Open(changed)) << i;
    EXPECT_FALSE(pair.b.Open(ByteView(packet).first(i))) << i;
  }
}

TEST(SignalBox, RejectsAThirdNodesSignal) {
  Pair pair;
  const StaticPrivateKey other = GeneratePrivateKey(pair.rng);
  const SignalBox third(other, DerivePublicKey(pair.key_b));
  EXPECT_FALSE(pair.b.Open(third.Seal(MakeSignal(Hello{}), pair.rng)));
}

TEST(SignalBox, SealsNothingForALowOrderKey) {
  Pair pair;
  const SignalBox box(pair.key_a, PublicKey{});
  EXPECT_TRUE(box.Seal(MakeSignal(Hello{}), pair.rng).empty());
}

TEST(SignalProto, RejectsTooManyCandidatesAndBadAddresses) {
  Offer many = MakeOffer();
  many.candidates.resize(kMaxSignalCandidates + 1, many.candidates[0]);
  EXPECT_FALSE(DecodeSignal(AsBytes(EncodeSignal(MakeSignal(many)))));
  Offer no_port = MakeOffer();
  no_port.candidates[0].endpoint.port = 0;
  EXPECT_FALSE(DecodeSignal(AsBytes(EncodeSignal(MakeSignal(no_port)))));
  EXPECT_FALSE(DecodeSignal({}));  // no body
}

TEST(SignalReplayFilter, AcceptsEachSignalOnceAndInOrder) {
  SignalReplayFilter filter;
  Signal signal = MakeSignal(Hello{});
  EXPECT_TRUE(filter.Accept(signal));
  EXPECT_FALSE(filter.Accept(signal));
  signal.sequence = 20;
  EXPECT_TRUE(filter.Accept(signal));
  signal.sequence = 19;
  EXPECT_FALSE(filter.Accept(signal));
  EXPECT_FALSE(filter.peer_restarted());
}

TEST(SignalReplayFilter, AFreshSignalMayBeOfAClockThatWasSetBack) {
  SignalReplayFilter filter;
  const auto signal = [](uint64_t boot, uint64_t sequence, uint64_t time) {
    return Signal{.boot = boot,
                  .sequence = sequence,
                  .sent_unix_ms = time,
                  .body = Hello{}};
  };
  EXPECT_FALSE(filter.IsOfOtherBoot(signal(1, 1, 1000)));
  EXPECT_TRUE(filter.Accept(signal(1, 5, 1000)));
  EXPECT_TRUE(filter.IsOfOtherBoot(signal(2, 1, 10)));
  EXPECT_FALSE(filter.Accept(signal(2, 1, 10)));
  EXPECT_TRUE(filter.Accept(signal(2, 2, 20), /*is_fresh=*/true));
  EXPECT_TRUE(filter.peer_restarted());
  EXPECT_FALSE(filter.Accept(signal(2, 2, 20), /*is_fresh=*/true));
  EXPECT_TRUE(filter.Accept(signal(2, 3, 30)));
  EXPECT_FALSE(filter.Accept(signal(1, 6, 1000)));  // an old one still is
  EXPECT_FALSE(filter.Accept(signal(1, 6, 1000), /*is_fresh=*/true));
  EXPECT_TRUE(filter.Accept(signal(3, 1, 2000)));
}

TEST(SignalReplayFilter, TellsARestartFromAReplayedOldBoot) {
  SignalReplayFilter filter;
  const Signal first = MakeSignal(Hello{});
  ASSERT_TRUE(filter.Accept(first));
  EXPECT_FALSE(filter.peer_restarted());
  Signal second = first;
  second.boot = 100;
  second.sequence = 1;
  second.sent_unix_ms = 10;
  EXPECT_TRUE(filter.Accept(second));
  EXPECT_TRUE(filter.peer_restarted());
  EXPECT_FALSE(filter.Accept(first));
}

}  // namespace
}  // namespace natkit::mesh
