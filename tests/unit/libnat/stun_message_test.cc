#include "natkit/nat/stun_message.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "hex.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::stun {
namespace {

using testing::Hex;
using Bytes = std::vector<uint8_t>;

const std::string kId = "000102030405060708090a0b";

/// A Binding request with the given attributes, header length right.
Bytes Request(const std::string& attributes_hex) {
  const Bytes attributes = Hex(attributes_hex);
  Bytes message = Hex("000100002112a442" + kId);
  message[2] = static_cast<uint8_t>(attributes.size() >> 8);
  message[3] = static_cast<uint8_t>(attributes.size());
  message.insert(message.end(), attributes.begin(), attributes.end());
  return message;
}

Errc ParseError(const Bytes& bytes) {
  const auto message = Message::Parse(bytes);
  EXPECT_FALSE(message);
  return message ? Errc{} : message.error().code;
}

template <class A>
Errc GetError(const std::string& attributes_hex) {
  const Bytes bytes = Request(attributes_hex);
  const auto value = Message::Parse(bytes).value().Get<A>();
  EXPECT_FALSE(value);
  return value ? Errc{} : value.error().code;
}

IntegrityKey Key() {
  return *IntegrityKey::ShortTerm("secret");
}

std::string WithFingerprint(const std::string& attributes_hex) {
  Bytes bytes = Request(attributes_hex);
  std::array<uint8_t, 256> buffer;
  MessageBuilder builder(buffer, kBindingRequest,
                         Message::Parse(bytes).value().id());
  const auto parsed = Message::Parse(bytes);
  for (const Attribute& attribute : parsed->attributes()) {
    builder.AddRaw(attribute.type, attribute.value);
  }
  const auto message = builder.AddFingerprint().Finish();
  return ToHex(message->subspan(kHeaderSize));
}

TEST(StunMessage, ParsesTheShortestMessage) {
  const Bytes bytes = Request("");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type(), kBindingRequest);
  EXPECT_EQ(ToHex(message->id().bytes), kId);
  EXPECT_FALSE(message->has_fingerprint());
  EXPECT_EQ(message->attributes().begin(), std::default_sentinel);
}

TEST(StunMessage, RefusesWhatIsShorterThanAHeader) {
  EXPECT_EQ(ParseError({}), Errc::kTruncated);
  Bytes bytes = Request("");
  bytes.pop_back();
  EXPECT_EQ(ParseError(bytes), Errc::kTruncated);
}

TEST(StunMessage, RefusesOtherProtocols) {
  Bytes top_bits = Request("");
  top_bits[0] |= 0x40;
  EXPECT_EQ(ParseError(top_bits), Errc::kNotStun);
  top_bits[0] ^= 0xC0;
  EXPECT_EQ(ParseError(top_bits), Errc::kNotStun);
  Bytes cookie = Request("");
  cookie[7] ^= 1;
  EXPECT_EQ(ParseError(cookie), Errc::kNotStun);
}

TEST(StunMessage, RefusesALengthThatContradictsTheDatagram) {
  Bytes not_of_four = Request("");
  not_of_four.resize(22);
  not_of_four[3] = 2;
  EXPECT_EQ(ParseError(not_of_four), Errc::kBadLength);
  Bytes beyond = Request("");
  beyond[3] = 4;
  EXPECT_EQ(ParseError(beyond), Errc::kBadLength);
  Bytes trailing = Request("");
  trailing.resize(24);
  EXPECT_EQ(ParseError(trailing), Errc::kBadLength);
}

TEST(StunMessage, RefusesAnAttributeThatOverrunsTheMessage) {
  EXPECT_EQ(ParseError(Request("80220005"
                               "61626364")),
            Errc::kBadLength);
  EXPECT_EQ(ParseError(Request("8022ffff"
                               "61626364")),
            Errc::kBadLength);
  EXPECT_EQ(ParseError(Request("80220001")), Errc::kBadLength);
}

TEST(StunMessage, ReportsWhereTheBadAttributeStarts) {
  const auto message =
      Message::Parse(Request("80220000"
                             "8022ffff"));
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error(), (Error{Errc::kBadLength, 24}));
}

TEST(StunMessage, IgnoresTheBytesOfPadding) {
  const Bytes bytes = Request(
      "8022000161"
      "202020");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->Get<attr::Software>(), "a");
}

TEST(StunMessage, FirstOccurrenceWins) {
  const Bytes bytes = Request(
      "0024000400000001"
      "0024000400000002");
  EXPECT_EQ(Message::Parse(bytes)->Get<attr::Priority>(), 1U);
}

TEST(StunMessage, FingerprintMustMatch) {
  EXPECT_EQ(ParseError(Request("8028000412345678")), Errc::kBadFingerprint);
  EXPECT_EQ(ParseError(Request("8028000812345678"
                               "00000000")),
            Errc::kBadLength);
}

TEST(StunMessage, FingerprintMustBeLast) {
  const std::string fingerprinted = WithFingerprint("");
  EXPECT_TRUE(Message::Parse(Request(fingerprinted)));
  EXPECT_EQ(ParseError(Request(fingerprinted + fingerprinted)),
            Errc::kBadValue);
  const std::string integrity = "00080014" + std::string(40, '0');
  EXPECT_EQ(ParseError(Request(fingerprinted + integrity)), Errc::kBadValue);
}

TEST(StunMessage, IgnoresOrdinaryAttributesAfterIntegrity) {
  const std::string integrity = "00080014" + std::string(40, '0');
  const Bytes bytes = Request(integrity +
                              "0024000400000001"
                              "00250000");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->Has(AttributeType::kPriority));
  EXPECT_FALSE(message->Has(AttributeType::kUseCandidate));
  EXPECT_TRUE(message->FindUnknownRequired().is_empty());
}

TEST(StunMessage, HonoursSha256AndFingerprintAfterIntegrity) {
  const std::string sha256 = "001c0010" + std::string(32, '0');
  const std::string sha1 = "00080014" + std::string(40, '0');
  const Bytes both = Request(WithFingerprint(sha1 + sha256));
  const auto message = Message::Parse(both);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->Has(AttributeType::kMessageIntegrity));
  EXPECT_TRUE(message->Has(AttributeType::kMessageIntegritySha256));
  EXPECT_TRUE(message->Has(AttributeType::kFingerprint));
}

TEST(StunMessage, IgnoresSha1IntegrityAfterSha256) {
  const std::string sha256 = "001c0010" + std::string(32, '0');
  const std::string sha1 = "00080014" + std::string(40, '0');
  const Bytes bytes = Request(sha256 + sha1);
  EXPECT_FALSE(Message::Parse(bytes)->Has(AttributeType::kMessageIntegrity));
}

TEST(StunMessage, ListsUnknownRequiredAttributesOnce) {
  const Bytes bytes = Request(
      "7f000000"
      "ff000000"
      "7f010000"
      "7f000000"
      "0024000400000001");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  const auto unknown = message->FindUnknownRequired();
  EXPECT_EQ(std::vector(unknown.items().begin(), unknown.items().end()),
            (std::vector{AttributeType{0x7f00}, AttributeType{0x7f01},
                         AttributeType::kPriority}));
  const AttributeType understood[] = {AttributeType::kPriority};
  EXPECT_EQ(message->FindUnknownRequired(understood).size(), 2U);
}

TEST(StunMessage, ListsAtMost128UnknownAttributes) {
  std::string attributes;
  for (int i = 0; i < 200; ++i) {
    attributes += "7f" + ToHex(Bytes{static_cast<uint8_t>(i)}) + "0000";
  }
  const Bytes bytes = Request(attributes);
  EXPECT_EQ(Message::Parse(bytes)->FindUnknownRequired().size(), 128U);
}

TEST(StunMessage, RefusesAddressesOfTheWrongForm) {
  using A = attr::MappedAddress;
  EXPECT_EQ(GetError<A>("00010004"
                        "00010050"),
            Errc::kBadLength);
  EXPECT_EQ(GetError<A>("0001000c"
                        "00010050"
                        "c000020100000000"),
            Errc::kBadLength);
  EXPECT_EQ(GetError<A>("00010008"
                        "00020050"
                        "c0000201"),
            Errc::kBadLength);
  EXPECT_EQ(GetError<A>("00010008"
                        "00030050"
                        "c0000201"),
            Errc::kBadValue);
  EXPECT_EQ(GetError<A>("00010000"), Errc::kBadLength);
}

TEST(StunMessage, ReportsAnAbsentAttribute) {
  EXPECT_EQ(GetError<attr::MappedAddress>(""), Errc::kNotFound);
}

TEST(StunMessage, FallsBackToTheDraftsXorMappedAddress) {
  const Bytes bytes = Request(
      "80200008"
      "0001a147e112a643");
  EXPECT_EQ(Message::Parse(bytes)->GetXorMappedAddress(),
            *Endpoint::Parse("192.0.2.1:32853"));
}

TEST(StunMessage, UnmapsAnIpv4AddressInsideIpv6) {
  std::array<uint8_t, 64> buffer;
  const auto bytes = MessageBuilder(buffer, kBindingSuccess, {})
                         .Add<attr::XorMappedAddress>(
                             *Endpoint::Parse("[::ffff:192.0.2.1]:1234"))
                         .Finish();
  EXPECT_EQ(Message::Parse(*bytes)->GetXorMappedAddress(),
            *Endpoint::Parse("192.0.2.1:1234"));
}

TEST(StunMessage, PeeksTheSizeOfAMessageInAStream) {
  Bytes bytes = Request("80220000");
  EXPECT_EQ(PeekMessageSize(bytes), 24U);
  EXPECT_EQ(PeekMessageSize(ByteView(bytes).first(8)), 24U);
  EXPECT_EQ(PeekMessageSize(ByteView(bytes).first(7)).error().code,
            Errc::kTruncated);
  bytes[3] = 3;
  EXPECT_EQ(PeekMessageSize(bytes).error().code, Errc::kBadLength);
}

TEST(MessageBuilder, ReportsABufferThatIsTooSmall) {
  for (size_t size = 0; size < 44; ++size) {
    std::array<uint8_t, 44> buffer;
    const auto message =
        MessageBuilder(MutableBytes(buffer).first(size), kBindingRequest, {})
            .AddIntegrity(Key())
            .Finish();
    EXPECT_EQ(message.error().code, Errc::kBufferTooSmall) << size;
  }
}

TEST(MessageBuilder, WritesBothIntegritiesAndAFingerprint) {
  std::array<uint8_t, 128> buffer;
  const auto bytes = MessageBuilder(buffer, kBindingRequest, {})
                         .Add<attr::Username>("user")
                         .AddIntegrity(Key())
                         .AddIntegritySha256(Key())
                         .AddFingerprint()
                         .Finish();
  const auto message = Message::Parse(*bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->has_fingerprint());
  EXPECT_TRUE(VerifyIntegrity(*message, Key()));
  EXPECT_TRUE(VerifyIntegritySha256(*message, Key()));
}

TEST(StunIntegrity, BoundsTruncatedSha256) {
  for (const size_t size : {16U, 20U, 24U, 28U, 32U}) {
    std::array<uint8_t, 128> buffer;
    const auto bytes = MessageBuilder(buffer, kBindingRequest, {})
                           .AddIntegritySha256(Key(), size)
                           .Finish();
    const auto message = Message::Parse(*bytes);
    ASSERT_TRUE(message);
    EXPECT_TRUE(VerifyIntegritySha256(*message, Key(), 16)) << size;
    EXPECT_EQ(VerifyIntegritySha256(*message, Key()).has_value(), size == 32);
  }
}

TEST(StunIntegrity, RefusesAnIntegrityOfAnotherSize) {
  const Bytes empty = Request("001c0000");
  EXPECT_EQ(
      VerifyIntegritySha256(*Message::Parse(empty), Key(), 0).error().code,
      Errc::kBadIntegrity);
  const Bytes tiny = Request("0008000400000000");
  EXPECT_EQ(VerifyIntegrity(*Message::Parse(tiny), Key()).error().code,
            Errc::kBadIntegrity);
}

TEST(IntegrityKey, BoundsThePassword) {
  EXPECT_FALSE(IntegrityKey::ShortTerm(""));
  EXPECT_TRUE(IntegrityKey::ShortTerm(std::string(256, 'a')));
  EXPECT_FALSE(IntegrityKey::ShortTerm(std::string(257, 'a')));
}

TEST(IntegrityKey, DerivesTheRfc8489Example) {
  const auto key = IntegrityKey::LongTermMd5("user", "realm", "pass");
  EXPECT_EQ(ToHex(key.Expose()), "8493fbc53ba582fb4c044c456bdc40eb");
  EXPECT_EQ(ToHex(key.Clone().Expose()), ToHex(key.Expose()));
}

}  // namespace
}  // namespace natkit::stun
