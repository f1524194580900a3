#include "natkit/nat/stun_partner_link.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <vector>

#include "hex.h"

namespace natkit::stun {
namespace {

using namespace std::chrono_literals;
using testing::Hex;
using Bytes = std::vector<uint8_t>;

const Endpoint kClient = *Endpoint::Parse("203.0.113.7:41641");
const PartnerTime kNow{std::chrono::seconds(1'800'000'000)};
const Bytes kResponse =
    Hex("0101000c2112a4420102030405060708090a0b0c00200008000183bbea12d545");

PartnerSecret MakeSecret(uint8_t fill) {
  std::array<uint8_t, 32> bytes;
  bytes.fill(fill);
  return PartnerSecret(bytes);
}

class PartnerLink : public ::testing::Test {
 protected:
  Bytes Seal(PartnerTime now = kNow, const Endpoint& to = kClient,
             const Bytes& response = kResponse) {
    Bytes out(2048);
    const auto size = sender_.Seal(
        now, {.from_port = 3479, .to = to, .response = response}, out);
    out.resize(size.value());
    return out;
  }

  Errc OpenError(const Bytes& order, PartnerTime now = kNow) {
    const auto opened = receiver_.Open(now, order);
    return opened ? Errc{} : opened.error().code;
  }

  PartnerSender sender_{MakeSecret(1), PartnerSide::kFirst};
  PartnerReceiver receiver_{kNow - 1h, MakeSecret(1), PartnerSide::kSecond};
};

TEST_F(PartnerLink, CarriesAResponseOfBothFamilies) {
  for (const Endpoint& to : {kClient, *Endpoint::Parse("[2001:db8::7]:4000")}) {
    const Bytes order = Seal(kNow, to);
    EXPECT_EQ(order.size(), kResponse.size() + PartnerSender::kOverhead);
    const auto opened = receiver_.Open(kNow, order);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->from_port, 3479);
    EXPECT_EQ(opened->to, to);
    EXPECT_EQ(Bytes(opened->response.begin(), opened->response.end()),
              kResponse);
  }
}

TEST_F(PartnerLink, AcceptsEachOrderOnceInAnyOrder) {
  const Bytes first = Seal();
  const Bytes second = Seal();
  EXPECT_EQ(OpenError(second), Errc{});
  EXPECT_EQ(OpenError(first), Errc{});
  EXPECT_EQ(OpenError(first), Errc::kAlreadyExists);
  EXPECT_EQ(OpenError(second), Errc::kAlreadyExists);
}

TEST_F(PartnerLink, WhatIsForgottenStaysRefused) {
  const Bytes old = Seal();
  EXPECT_EQ(OpenError(old), Errc{});
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(OpenError(Seal()), Errc{});
  }
  EXPECT_EQ(OpenError(old), Errc::kAlreadyExists);
}

TEST_F(PartnerLink, WhatWasMadeBeforeTheStartIsRefused) {
  const Bytes old = Seal();
  EXPECT_EQ(OpenError(old), Errc{});
  PartnerReceiver restarted(kNow + 1s, MakeSecret(1), PartnerSide::kSecond);
  EXPECT_EQ(restarted.Open(kNow + 2s, old).error().code, Errc::kAlreadyExists);
  EXPECT_TRUE(restarted.Open(kNow + 2s, Seal(kNow + 2s)));
}

TEST_F(PartnerLink, CarriesAResponseOfRfc3489) {
  // MAPPED-ADDRESS of 203.0.113.7:41641; 16 bytes of ID, no cookie.
  const Bytes old =
      Hex("0101000c0102030405060708090a0b0c0d0e0f1000010008 0001a2a9cb007107");
  const Bytes order = Seal(kNow, kClient, old);
  const auto opened = receiver_.Open(kNow, order);
  ASSERT_TRUE(opened);
  EXPECT_EQ(Bytes(opened->response.begin(), opened->response.end()), old);
  Bytes request = old;
  request[0] = 0;
  EXPECT_FALSE(receiver_.Open(kNow, Seal(kNow, kClient, request)));
  Bytes longer = old;
  longer.push_back(0);
  EXPECT_FALSE(receiver_.Open(kNow, Seal(kNow, kClient, longer)));
}

TEST_F(PartnerLink, RefusesItsOwnOrders) {
  PartnerReceiver own(kNow - 1h, MakeSecret(1), PartnerSide::kFirst);
  EXPECT_EQ(own.Open(kNow, Seal()).error().code, Errc::kInvalidState);
}

TEST_F(PartnerLink, RefusesAnotherClock) {
  EXPECT_EQ(OpenError(Seal(kNow - 11s)), Errc::kTimedOut);
  EXPECT_EQ(OpenError(Seal(kNow + 11s)), Errc::kTimedOut);
}

TEST_F(PartnerLink, GoesOnWhenTheSendersClockIsSetBack) {
  EXPECT_EQ(OpenError(Seal(kNow + 1h)), Errc::kTimedOut);
  EXPECT_EQ(OpenError(Seal(kNow)), Errc{});
  // A small step back is only waited for.
  EXPECT_EQ(OpenError(Seal(kNow - 1s)), Errc{});
  EXPECT_EQ(OpenError(Seal(kNow - 1s)), Errc{});
}

TEST_F(PartnerLink, GoesOnWhenBothClocksAreSetBack) {
  const Bytes future = Seal(kNow + 1h);
  EXPECT_EQ(OpenError(future, kNow + 1h), Errc{});
  for (int i = 0; i < 600; ++i) {
    EXPECT_EQ(OpenError(Seal(kNow + 1h), kNow + 1h), Errc{});
  }
  for (int i = 0; i < 600; ++i) {
    EXPECT_EQ(OpenError(Seal(kNow)), Errc{}) << i;
  }
  EXPECT_EQ(OpenError(future), Errc::kTimedOut);
}

TEST_F(PartnerLink, RefusesEveryChangedByte) {
  const Bytes order = Seal();
  for (size_t i = 0; i < order.size(); ++i) {
    Bytes changed = order;
    changed[i] ^= 1;
    EXPECT_NE(OpenError(changed), Errc{}) << i;
  }
  EXPECT_EQ(OpenError(order), Errc{}) << "no state had changed";
}

TEST_F(PartnerLink, RefusesAnotherSecretAndShortDatagrams) {
  PartnerReceiver other(kNow - 1h, MakeSecret(2), PartnerSide::kSecond);
  EXPECT_EQ(other.Open(kNow, Seal()).error().code, Errc::kBadIntegrity);
  for (size_t size = 0; size < PartnerSender::kOverhead; ++size) {
    EXPECT_EQ(OpenError(Bytes(size)), Errc::kTruncated);
  }
}

TEST_F(PartnerLink, RefusesToSendAnythingButResponsesToClients) {
  Bytes request = kResponse;
  request[0] = 0;
  EXPECT_EQ(OpenError(Seal(kNow, kClient, request)), Errc::kBadValue);
  EXPECT_EQ(OpenError(Seal(kNow, *Endpoint::Parse("203.0.113.7:53"))),
            Errc::kBadValue);
  EXPECT_EQ(OpenError(Seal(kNow, *Endpoint::Parse("224.0.0.1:5000"))),
            Errc::kBadValue);
}

TEST_F(PartnerLink, TellsWhenAnOrderDoesNotFit) {
  std::array<uint8_t, 64> out;
  const auto sealed = sender_.Seal(
      kNow, {.from_port = 1, .to = kClient, .response = kResponse}, out);
  EXPECT_EQ(sealed.error().code, Errc::kBufferTooSmall);
}

}  // namespace
}  // namespace natkit::stun
