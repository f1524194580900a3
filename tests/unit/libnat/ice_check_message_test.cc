#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "ice/check_message.h"
#include "natkit/base/encoding.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::ice {
namespace {

constexpr stun::TransactionId kId{
    .bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};

stun::IntegrityKey Key(std::string_view password = "VOkJxbRl1RmTxUk/WvJxBt") {
  return std::move(*stun::IntegrityKey::ShortTerm(password));
}

CheckRequest Request() {
  return {.id = kId,
          .username = "evtj:h6vY",
          .priority = 0x6e0001ff,
          .role = Role::kControlling,
          .tiebreaker = 7,
          .use_candidate = true,
          .nomination = 3};
}

stun::Message Parse(const std::vector<uint8_t>& bytes) {
  return *stun::Message::Parse(bytes);
}

TEST(ReadCheck, ReadsWhatBuildCheckWrites) {
  const auto bytes = BuildCheck(Request(), Key());
  const auto message = Parse(bytes);
  EXPECT_TRUE(message.has_fingerprint());
  EXPECT_EQ(message.id(), kId);
  const auto check = ReadCheck(message, Key());
  ASSERT_TRUE(check);
  EXPECT_EQ(check->priority, 0x6e0001ffU);
  EXPECT_EQ(check->controlling, 7U);
  EXPECT_EQ(check->controlled, std::nullopt);
  EXPECT_TRUE(check->use_candidate);
  EXPECT_EQ(check->nomination, 3U);
  const auto ufrags = ReadUfrags(message);
  ASSERT_TRUE(ufrags);
  EXPECT_EQ(ufrags->receiver, "evtj");
  EXPECT_EQ(ufrags->sender, "h6vY");
}

TEST(ReadCheck, ReadsThePublishedRequest) {
  // RFC 5769 section 2.1.
  const auto bytes = *FromHex(
      "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c"
      "69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a683676"
      "59202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bc"
      "f");
  const auto check = ReadCheck(Parse(bytes), Key());
  ASSERT_TRUE(check);
  EXPECT_EQ(check->priority, 0x6e0001ffU);
  EXPECT_EQ(check->controlled, 0x932ff9b151263b36U);
  EXPECT_FALSE(check->use_candidate);
}

TEST(ReadCheck, RefusesAWrongKeyWith401) {
  const auto bytes = BuildCheck(Request(), Key());
  const auto check = ReadCheck(Parse(bytes), Key("another password of 22"));
  ASSERT_FALSE(check);
  EXPECT_EQ(check.error().code, stun::ErrorCode::kUnauthenticated);
  EXPECT_FALSE(check.error().integrity);
}

TEST(ReadCheck, RefusesMissingIntegrityWith400) {
  std::array<uint8_t, 128> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingRequest, kId);
  builder.Add<stun::attr::Username>("evtj:h6vY");
  const auto check = ReadCheck(*stun::Message::Parse(*builder.Finish()), Key());
  ASSERT_FALSE(check);
  EXPECT_EQ(check.error().code, stun::ErrorCode::kBadRequest);
  EXPECT_FALSE(check.error().integrity);
}

TEST(ReadCheck, RefusesMissingPriorityWithAProtected400) {
  std::array<uint8_t, 128> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingRequest, kId);
  builder.Add<stun::attr::Username>("evtj:h6vY");
  builder.AddIntegrity(Key());
  const auto check = ReadCheck(*stun::Message::Parse(*builder.Finish()), Key());
  ASSERT_FALSE(check);
  EXPECT_EQ(check.error().code, stun::ErrorCode::kBadRequest);
  EXPECT_TRUE(check.error().integrity);
}

TEST(ReadCheck, ListsUnknownRequiredAttributes) {
  std::array<uint8_t, 128> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingRequest, kId);
  builder.Add<stun::attr::Username>("evtj:h6vY");
  builder.Add<stun::attr::Priority>(1);
  builder.AddRaw(static_cast<stun::AttributeType>(0x7777), {});
  builder.AddIntegrity(Key());
  const auto check = ReadCheck(*stun::Message::Parse(*builder.Finish()), Key());
  ASSERT_FALSE(check);
  EXPECT_EQ(check.error().code, stun::ErrorCode::kUnknownAttribute);
  const auto error = BuildCheckError(kId, check.error(), Key());
  const auto listed = Parse(error).Get<stun::attr::UnknownAttributes>();
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(static_cast<uint16_t>(listed->items()[0]), 0x7777);
}

TEST(ReadCheck, AcceptsSha256AndSaysSo) {
  std::array<uint8_t, 256> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingRequest, kId);
  builder.Add<stun::attr::Username>("evtj:h6vY");
  builder.Add<stun::attr::Priority>(1);
  builder.AddIntegritySha256(Key());
  const auto check = ReadCheck(*stun::Message::Parse(*builder.Finish()), Key());
  ASSERT_TRUE(check);
  EXPECT_EQ(check->integrity, Integrity::kSha256);
  const auto response = BuildCheckSuccess(
      kId, {.address = IpAddress::V4(192, 0, 2, 1), .port = 1}, Key(),
      check->integrity);
  EXPECT_TRUE(stun::VerifyIntegritySha256(Parse(response), Key()));
}

TEST(ReadCheck, NeverVerifiesAFlippedBit) {
  const auto bytes = BuildCheck(Request(), Key());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
    const auto message = stun::Message::Parse(flipped);
    // Without its fingerprint a message is not taken for a check.
    EXPECT_FALSE(message && message->has_fingerprint() &&
                 ReadCheck(*message, Key()))
        << bit;
  }
}

TEST(BuildCheck, FitsTheLongestUfrags) {
  CheckRequest request = Request();
  request.username = std::string(256, 'a') + ":" + std::string(256, 'b');
  const auto bytes = BuildCheck(request, Key());
  EXPECT_TRUE(ReadCheck(Parse(bytes), Key()));
}

TEST(ReadUfrags, WantsAUsernameWithAColon) {
  for (const bool has_name : {false, true}) {
    std::array<uint8_t, 128> buffer{};
    stun::MessageBuilder builder(buffer, stun::kBindingRequest, kId);
    if (has_name) {
      builder.Add<stun::attr::Username>("evtj");
    }
    EXPECT_FALSE(ReadUfrags(*stun::Message::Parse(*builder.Finish())));
  }
}

}  // namespace
}  // namespace natkit::ice
