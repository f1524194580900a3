// The published messages: read, verify, write again, and damage.

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "natkit/nat/stun_integrity.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"
#include "vector_file.h"

namespace natkit::stun {
namespace {

using testing::Bytes;
using testing::Hex;
using testing::VectorFile;

constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr std::string_view kUser =
    "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9";  // "Matrix" in katakana
constexpr std::string_view kRealm = "example.org";
constexpr std::string_view kLongTermPassword = "TheMatrIX";

IntegrityKey ShortTermKey() {
  return *IntegrityKey::ShortTerm(kPassword);
}

IntegrityKey Md5Key() {
  return IntegrityKey::LongTermMd5(kUser, kRealm, kLongTermPassword);
}

IntegrityKey Sha256Key() {
  return IntegrityKey::LongTermSha256(kUser, kRealm, kLongTermPassword);
}

Bytes Rfc5769(const std::string& name) {
  static const VectorFile file("stun_rfc5769.txt");
  return file.Get(name);
}

Bytes Rfc8489(const std::string& name) {
  static const VectorFile file("stun_rfc8489.txt");
  return file.Get(name);
}

Bytes Tailscale(const std::string& name) {
  static const VectorFile file("stun_tailscale.txt");
  return file.Get(name);
}

TransactionId Id(std::string_view hex) {
  TransactionId id;
  std::ranges::copy(Hex(hex), id.bytes.begin());
  return id;
}

Bytes ToBytes(ByteView view) {
  return {view.begin(), view.end()};
}

const TransactionId kIceId = Id("b7e7a701bc34d686fa87dfae");
const TransactionId kLongTermId = Id("78ad3433c6ad72c029da412e");
const TransactionId kTailscaleId = Id("0102030405060708090a0b0c");

TEST(StunVectors, Rfc5769RequestReadsAndVerifies) {
  const Bytes bytes = Rfc5769("request");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(bytes.size(), 108U);
  EXPECT_EQ(message->type(), kBindingRequest);
  EXPECT_EQ(message->id(), kIceId);
  EXPECT_TRUE(message->has_fingerprint());
  EXPECT_EQ(message->Get<attr::Software>(), "STUN test client");
  EXPECT_EQ(message->Get<attr::Priority>(), 0x6e0001ffU);
  EXPECT_EQ(message->Get<attr::IceControlled>(), 0x932ff9b151263b36U);
  EXPECT_EQ(message->Get<attr::Username>(), "evtj:h6vY");
  EXPECT_TRUE(VerifyIntegrity(*message, ShortTermKey()));
  EXPECT_TRUE(VerifyStrongestIntegrity(*message, ShortTermKey()));
}

TEST(StunVectors, Rfc5769Ipv4ResponseReadsAndVerifies) {
  const Bytes bytes = Rfc5769("ipv4_response");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type(), kBindingSuccess);
  EXPECT_EQ(message->Get<attr::Software>(), "test vector");
  EXPECT_EQ(message->GetXorMappedAddress(),
            *Endpoint::Parse("192.0.2.1:32853"));
  EXPECT_TRUE(VerifyIntegrity(*message, ShortTermKey()));
}

TEST(StunVectors, Rfc5769Ipv6ResponseReadsAndVerifies) {
  const Bytes bytes = Rfc5769("ipv6_response");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->GetXorMappedAddress(),
            *Endpoint::Parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
  EXPECT_TRUE(VerifyIntegrity(*message, ShortTermKey()));
}

TEST(StunVectors, Rfc5769LongTermRequestReadsAndVerifies) {
  const Bytes bytes = Rfc5769("long_term_request");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(ToBytes(Md5Key().Expose()), Rfc5769("long_term_key"));
  EXPECT_EQ(message->Get<attr::Username>(), kUser);
  EXPECT_EQ(message->Get<attr::Nonce>(), "f//499k954d6OL34oL9FSTvy64sA");
  EXPECT_EQ(message->Get<attr::Realm>(), kRealm);
  EXPECT_FALSE(message->has_fingerprint());
  EXPECT_TRUE(VerifyIntegrity(*message, Md5Key()));
}

TEST(StunVectors, Rfc5769LongTermRequestRebuildsByteForByte) {
  std::array<uint8_t, kMaxUdpMessageSize> buffer;
  const auto rebuilt = MessageBuilder(buffer, kBindingRequest, kLongTermId)
                           .Add<attr::Username>(kUser)
                           .Add<attr::Nonce>("f//499k954d6OL34oL9FSTvy64sA")
                           .Add<attr::Realm>(kRealm)
                           .AddIntegrity(Md5Key())
                           .Finish();
  ASSERT_TRUE(rebuilt);
  EXPECT_EQ(ToBytes(*rebuilt), Rfc5769("long_term_request"));
}

TEST(StunVectors, Rfc8489RequestReadsAndVerifies) {
  const Bytes bytes = Rfc8489("long_term_sha256_request");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(bytes.size(), 164U);
  EXPECT_EQ(ToBytes(Sha256Key().Expose()), Rfc8489("long_term_sha256_key"));
  EXPECT_EQ(message->Get<attr::Userhash>(), ComputeUserhash(kUser, kRealm));
  const auto algorithm = message->Get<attr::PasswordAlgorithm>();
  ASSERT_TRUE(algorithm);
  EXPECT_EQ(algorithm->id, attr::PasswordAlgorithmId::kSha256);
  EXPECT_TRUE(VerifyIntegritySha256(*message, Sha256Key()));
  EXPECT_TRUE(VerifyStrongestIntegrity(*message, Sha256Key()));
  EXPECT_EQ(VerifyIntegrity(*message, Sha256Key()).error().code,
            Errc::kNoIntegrity);
}

TEST(StunVectors, Rfc8489RequestRebuildsByteForByte) {
  std::array<uint8_t, kMaxUdpMessageSize> buffer;
  const auto rebuilt =
      MessageBuilder(buffer, kBindingRequest, kLongTermId)
          .Add<attr::Userhash>(ComputeUserhash(kUser, kRealm))
          .Add<attr::Nonce>("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA")
          .Add<attr::Realm>(kRealm)
          .Add<attr::PasswordAlgorithm>(
              {.id = attr::PasswordAlgorithmId::kSha256, .parameters = {}})
          .AddIntegritySha256(Sha256Key())
          .Finish();
  ASSERT_TRUE(rebuilt);
  EXPECT_EQ(ToBytes(*rebuilt), Rfc8489("long_term_sha256_request"));
}

TEST(StunVectors, TailscaleRequestReadsAndRebuilds) {
  const Bytes bytes = Tailscale("request");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->has_fingerprint());
  EXPECT_EQ(message->Get<attr::Software>(), "tailnode");

  std::array<uint8_t, kMaxUdpMessageSize> buffer;
  const auto rebuilt = MessageBuilder(buffer, kBindingRequest, kTailscaleId)
                           .Add<attr::Software>("tailnode")
                           .AddFingerprint()
                           .Finish();
  ASSERT_TRUE(rebuilt);
  EXPECT_EQ(ToBytes(*rebuilt), bytes);
}

TEST(StunVectors, TailscaleResponsesReadAndRebuild) {
  const std::pair<std::string, std::string> cases[] = {
      {"ipv4_response", "203.0.113.7:41641"},
      {"ipv6_response", "[2001:db8::7]:41641"}};
  for (const auto& [name, mapped] : cases) {
    const Bytes bytes = Tailscale(name);
    const auto message = Message::Parse(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->GetXorMappedAddress(), *Endpoint::Parse(mapped));

    std::array<uint8_t, 44> buffer;
    const auto rebuilt =
        MessageBuilder(buffer, kBindingSuccess, kTailscaleId)
            .Add<attr::XorMappedAddress>(*Endpoint::Parse(mapped))
            .Finish();
    ASSERT_TRUE(rebuilt);
    EXPECT_EQ(ToBytes(*rebuilt), bytes);
  }
}

/// Whether a receiver that wants what the original has would believe `bytes`.
using IsBelieved = std::function<bool(ByteView bytes)>;

void ExpectNoFlippedBitIsBelieved(Bytes bytes, const IsBelieved& is_believed) {
  ASSERT_TRUE(is_believed(bytes));
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    const auto bit = static_cast<uint8_t>(1 << i % 8);
    bytes[i / 8] ^= bit;
    EXPECT_FALSE(is_believed(bytes)) << "byte " << i / 8 << " bit " << i % 8;
    bytes[i / 8] ^= bit;
  }
}

TEST(StunVectors, NoFlippedBitInShortTermMessagesIsBelieved) {
  for (const char* name : {"request", "ipv4_response", "ipv6_response"}) {
    ExpectNoFlippedBitIsBelieved(Rfc5769(name), [](ByteView bytes) {
      const auto message = Message::Parse(bytes);
      return message && message->has_fingerprint() &&
             VerifyIntegrity(*message, ShortTermKey());
    });
  }
}

TEST(StunVectors, NoFlippedBitInLongTermMessagesIsBelieved) {
  ExpectNoFlippedBitIsBelieved(
      Rfc5769("long_term_request"), [](ByteView bytes) {
        const auto message = Message::Parse(bytes);
        return message && VerifyIntegrity(*message, Md5Key());
      });
  ExpectNoFlippedBitIsBelieved(
      Rfc8489("long_term_sha256_request"), [](ByteView bytes) {
        const auto message = Message::Parse(bytes);
        return message && VerifyIntegritySha256(*message, Sha256Key());
      });
}

TEST(StunVectors, NoFlippedBitInFingerprintedMessagesIsBelieved) {
  ExpectNoFlippedBitIsBelieved(Tailscale("request"), [](ByteView bytes) {
    const auto message = Message::Parse(bytes);
    return message && message->has_fingerprint();
  });
}

TEST(StunVectors, NoPrefixOfAMessageParses) {
  const Bytes bytes = Rfc5769("request");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Message::Parse(ByteView(bytes).first(size))) << size;
  }
}

TEST(StunVectors, AnotherKeyDoesNotVerify) {
  const Bytes bytes = Rfc5769("request");
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  const auto key = IntegrityKey::ShortTerm("VOkJxbRl1RmTxUk/WvJxBu");
  EXPECT_EQ(VerifyIntegrity(*message, *key).error().code, Errc::kBadIntegrity);
}

}  // namespace
}  // namespace natkit::stun
