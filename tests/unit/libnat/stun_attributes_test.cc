#include "natkit/nat/stun_attributes.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "hex.h"

namespace natkit::stun {
namespace {

using testing::Hex;
using Bytes = std::vector<uint8_t>;

template <class A>
std::string EncodeToHex(const typename A::Value& value) {
  std::array<uint8_t, 256> buffer;
  ByteWriter out(buffer);
  A::Encode(out, value, TransactionId{});
  return ToHex(out.written());
}

template <class A>
auto DecodeHex(const std::string& hex) {
  static Bytes bytes;  // views into it stay valid until the next call
  bytes = Hex(hex);
  return A::Decode(bytes, TransactionId{});
}

template <class A>
void ExpectRoundTrip(const typename A::Value& value, const std::string& hex) {
  EXPECT_EQ(EncodeToHex<A>(value), hex);
  const auto decoded = DecodeHex<A>(hex);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, value);
}

template <class A>
Errc DecodeError(const std::string& hex) {
  const auto value = DecodeHex<A>(hex);
  EXPECT_FALSE(value);
  return value ? Errc{} : value.error().code;
}

TEST(StunAttributes, RoundTripNumbers) {
  ExpectRoundTrip<attr::Priority>(0x6e0001ff, "6e0001ff");
  ExpectRoundTrip<attr::Nomination>(7, "00000007");
  ExpectRoundTrip<attr::IceControlling>(0x0102030405060708, "0102030405060708");
  ExpectRoundTrip<attr::UseCandidate>({}, "");
  EXPECT_EQ(DecodeError<attr::Priority>("010203"), Errc::kBadLength);
  EXPECT_EQ(DecodeError<attr::Priority>("0102030405"), Errc::kBadLength);
  EXPECT_EQ(DecodeError<attr::IceControlled>("00"), Errc::kBadLength);
  EXPECT_EQ(DecodeError<attr::UseCandidate>("00"), Errc::kBadLength);
}

TEST(StunAttributes, RoundTripAddresses) {
  ExpectRoundTrip<attr::OtherAddress>(*Endpoint::Parse("192.0.2.1:80"),
                                      "00010050c0000201");
  ExpectRoundTrip<attr::AlternateServer>(
      *Endpoint::Parse("[2001:db8::1]:3478"),
      "00020d9620010db8000000000000000000000001");
  ExpectRoundTrip<attr::XorMappedAddress>(*Endpoint::Parse("192.0.2.1:32853"),
                                          "0001a147e112a643");
}

TEST(StunAttributes, RoundTripErrorCode) {
  ExpectRoundTrip<attr::ErrorCode>({stun::ErrorCode::kRoleConflict, "Role"},
                                   "00000457526f6c65");
  EXPECT_EQ(DecodeError<attr::ErrorCode>("000004"), Errc::kBadLength);
  EXPECT_EQ(DecodeError<attr::ErrorCode>("00000200"), Errc::kBadValue);
  EXPECT_EQ(DecodeError<attr::ErrorCode>("00000700"), Errc::kBadValue);
  EXPECT_EQ(DecodeError<attr::ErrorCode>("00000464"), Errc::kBadValue);
  EXPECT_EQ(DecodeHex<attr::ErrorCode>("fffffc14")->code,
            stun::ErrorCode::kUnknownAttribute)
      << "reserved bits are ignored";
}

TEST(StunAttributes, RoundTripUnknownAttributes) {
  AttributeTypeList list;
  list.Append(AttributeType::kChangeRequest);
  list.Append(AttributeType{0x7f00});
  ExpectRoundTrip<attr::UnknownAttributes>(list, "00037f00");
  EXPECT_EQ(DecodeError<attr::UnknownAttributes>("000300"), Errc::kBadLength);
}

TEST(StunAttributes, RoundTripBehaviourDiscovery) {
  ExpectRoundTrip<attr::ChangeRequest>({.change_ip = true}, "00000004");
  ExpectRoundTrip<attr::ChangeRequest>({.change_port = true}, "00000002");
  ExpectRoundTrip<attr::ChangeRequest>({.change_ip = true, .change_port = true},
                                       "00000006");
  ExpectRoundTrip<attr::ResponsePort>(40000, "9c400000");
  EXPECT_EQ(DecodeHex<attr::ResponsePort>("9c40"), 40000);
  EXPECT_EQ(DecodeError<attr::ResponsePort>("9c4000"), Errc::kBadLength);
  EXPECT_EQ(DecodeError<attr::ResponsePort>("9c400000000000"),
            Errc::kBadLength);
}

TEST(StunAttributes, RoundTripTransmitCounter) {
  ExpectRoundTrip<attr::TransactionTransmitCounter>(
      {.request = 2, .response = 1}, "00000201");
  EXPECT_EQ(DecodeError<attr::TransactionTransmitCounter>("000002"),
            Errc::kBadLength);
}

TEST(StunAttributes, RoundTripPasswordAlgorithms) {
  using attr::PasswordAlgorithmId;
  ExpectRoundTrip<attr::PasswordAlgorithm>({.id = PasswordAlgorithmId::kSha256},
                                           "00020000");
  const Bytes parameters = {0xaa};
  attr::PasswordAlgorithms::Value list;
  list.Append({.id = PasswordAlgorithmId::kMd5, .parameters = parameters});
  list.Append({.id = PasswordAlgorithmId::kSha256, .parameters = {}});
  ExpectRoundTrip<attr::PasswordAlgorithms>(list, "00010001aa00000000020000");
  EXPECT_EQ(DecodeError<attr::PasswordAlgorithms>("0002"), Errc::kBadLength);
  EXPECT_EQ(DecodeError<attr::PasswordAlgorithm>("00020004"), Errc::kBadLength);
  EXPECT_EQ(DecodeError<attr::PasswordAlgorithm>("0002000000020000"),
            Errc::kBadLength);
}

TEST(StunAttributes, BoundText) {
  EXPECT_TRUE(DecodeHex<attr::Username>(ToHex(Bytes(763, 'a'))));
  EXPECT_EQ(DecodeError<attr::Username>(ToHex(Bytes(764, 'a'))),
            Errc::kBadLength);
}

TEST(StunAttributes, UserhashHas32Bytes) {
  EXPECT_EQ(DecodeError<attr::Userhash>("00"), Errc::kBadLength);
}

TEST(AttributeType, HasNamesAndRanges) {
  EXPECT_EQ(AttributeName(AttributeType::kMessageIntegrity),
            "MESSAGE-INTEGRITY");
  EXPECT_EQ(AttributeName(AttributeType::kGoogNetworkInfo),
            "GOOG-NETWORK-INFO");
  EXPECT_EQ(AttributeName(AttributeType{0x7fff}), "unknown");
  EXPECT_TRUE(IsComprehensionRequired(AttributeType{0x7fff}));
  EXPECT_FALSE(IsComprehensionRequired(AttributeType{0x8000}));
}

TEST(MessageType, PacksMethodAndClassBits) {
  EXPECT_EQ(kBindingRequest.Encode(), 0x0001);
  EXPECT_EQ(kBindingIndication.Encode(), 0x0011);
  EXPECT_EQ(kBindingSuccess.Encode(), 0x0101);
  EXPECT_EQ(kBindingError.Encode(), 0x0111);
  EXPECT_EQ((MessageType{MessageClass::kErrorResponse, Method{0xFFF}}.Encode()),
            0x3FFF);
}

TEST(MessageType, EveryWireValueRoundTrips) {
  for (uint32_t wire = 0; wire < 0x10000; ++wire) {
    const auto type = MessageType::Decode(static_cast<uint16_t>(wire));
    ASSERT_EQ(type.has_value(), wire < 0x4000);
    if (type) {
      ASSERT_EQ(type->Encode(), wire);
    }
  }
}

}  // namespace
}  // namespace natkit::stun
