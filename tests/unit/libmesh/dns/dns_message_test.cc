#include "natkit/mesh/dns/dns_message.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "natkit/base/encoding.h"
#include "natkit/mesh/dns/dns_stream.h"

namespace natkit::dns {
namespace {

using Bytes = std::vector<uint8_t>;

Name N(std::string_view text) {
  return *Name::FromText(text);
}

Bytes H(std::string_view hex) {
  return *FromHex(hex);
}

/// example.com A? as `dig` sends it, without EDNS.
const char* const kQuery =
    "123401200001000000000000076578616d706c6503636f6d0000010001";

Message FullMessage() {
  Message message;
  message.header = {.id = 7, .rcode = 3, .is_response = true};
  message.question = {.name = N("www.example.com")};
  message.answers = {{.name = N("www.example.com"),
                      .type = RecordType::kCname,
                      .ttl = 5,
                      .data = N("host.example.com")},
                     {.name = N("host.example.com"),
                      .type = RecordType::kA,
                      .ttl = 60,
                      .data = *IpAddress::Parse("192.0.2.1")},
                     {.name = N("host.example.com"),
                      .type = RecordType::kAaaa,
                      .ttl = 60,
                      .data = *IpAddress::Parse("2001:db8::1")}};
  message.authorities = {{.name = N("example.com"),
                          .type = RecordType::kSoa,
                          .ttl = 10,
                          .data = Soa{.primary = N("ns.example.com"),
                                      .mailbox = N("root.example.com"),
                                      .serial = 1,
                                      .minimum = 10}}};
  message.additionals = {{.name = N("x.example.com"),
                          .type = static_cast<RecordType>(16),
                          .ttl = 1,
                          .data = OpaqueData{1, 'x'}}};
  message.edns = Edns{.udp_size = 1232, .dnssec_ok = true, .options = {}};
  return message;
}

TEST(DnsMessage, ParsesAQuery) {
  MessageLayout layout;
  const auto message = ParseMessage(H(kQuery), &layout);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->header.id, 0x1234);
  EXPECT_TRUE(message->header.recursion_desired);
  EXPECT_TRUE(message->header.authentic_data);
  EXPECT_FALSE(message->header.is_response);
  EXPECT_EQ(message->question.name, N("example.com"));
  EXPECT_EQ(message->question.type, RecordType::kA);
  EXPECT_FALSE(message->edns.has_value());
  EXPECT_EQ(layout.question_end, 29U);
  EXPECT_EQ(ToHex(*BuildMessage(*message)), kQuery);
}

TEST(DnsMessage, WhatIsBuiltParsesToTheSameAndIsCompressed) {
  const Message message = FullMessage();
  const auto bytes = BuildMessage(message);
  ASSERT_TRUE(bytes.has_value());
  const auto parsed = ParseMessage(*bytes);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(*parsed, message);
  EXPECT_EQ(parsed->rcode(), Rcode::kNxDomain);
  // "example" stands in it once.
  const std::string_view text = AsText(*bytes);
  EXPECT_EQ(text.find("example"), text.rfind("example"));
}

TEST(DnsMessage, EveryCutIsRefused) {
  const auto bytes = *BuildMessage(FullMessage());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseMessage(ByteView(bytes).first(size)).has_value()) << size;
  }
}

TEST(DnsMessage, RefusesWhatIsLeftOver) {
  Bytes bytes = H(kQuery);
  bytes.push_back(0);
  EXPECT_EQ(ParseMessage(bytes).error(),
            (Error{.code = Errc::kBadLength, .offset = 29}));
}

TEST(DnsMessage, TakesExactlyOneQuestion) {
  Bytes none = H("123401000000000000000000");
  EXPECT_EQ(ParseMessage(none).error().code, Errc::kBadValue);
  Bytes two = H(kQuery);
  two[5] = 2;
  EXPECT_EQ(ParseMessage(two).error().code, Errc::kBadValue);
}

struct BadName {
  const char* what;
  const char* name;
};

/// The name of an answer that begins at offset 29.
class DnsBadName : public testing::TestWithParam<BadName> {};

TEST_P(DnsBadName, IsRefused) {
  Bytes bytes =
      H(std::string(kQuery) + GetParam().name + "000100010000003c0004c0000201");
  bytes[2] = 0x80;
  bytes[7] = 1;
  EXPECT_FALSE(ParseMessage(bytes).has_value());
}

INSTANTIATE_TEST_SUITE_P(
    DnsMessage, DnsBadName,
    testing::Values(BadName{"pointer to itself", "c01d"},
                    BadName{"pointer forward", "c030"},
                    BadName{"pointer into the header", "c002"},
                    BadName{"label and a pointer back to it", "0161c01d"},
                    BadName{"reserved label type", "4161c00c"},
                    BadName{"reserved label type 2", "8161c00c"}));

TEST(DnsMessage, APointerToTheQuestionIsFine) {
  Bytes bytes =
      H(std::string(kQuery) + "c00c" + "000100010000003c0004c0000201");
  bytes[2] = 0x80;
  bytes[7] = 1;
  const auto message = ParseMessage(bytes);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->answers.at(0).name, N("example.com"));
}

TEST(DnsMessage, ALongChainOfPointersIsRefused) {
  // An opaque record full of pointers, each to the one before.
  Bytes data;
  const size_t start = 29 + 2 + 10;
  uint16_t target = kHeaderSize;
  for (int i = 0; i < 200; ++i) {
    data.push_back(static_cast<uint8_t>(0xC0 | target >> 8));
    data.push_back(static_cast<uint8_t>(target));
    target = static_cast<uint16_t>(start + data.size() - 2);
  }
  Bytes bytes = H(std::string(kQuery) + "c00c" + "00100001000000000190");
  bytes.insert(bytes.end(), data.begin(), data.end());
  Bytes tail{static_cast<uint8_t>(0xC0 | target >> 8),
             static_cast<uint8_t>(target)};
  const Bytes rest = H("000100010000003c0004c0000201");
  tail.insert(tail.end(), rest.begin(), rest.end());
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  bytes[2] = 0x80;
  bytes[7] = 2;
  EXPECT_EQ(ParseMessage(bytes).error().code, Errc::kBadValue);
}

TEST(DnsMessage, DataMustHaveTheSizeOfItsType) {
  const auto answer = [](const char* record) {
    Bytes bytes = H(std::string(kQuery) + "c00c" + record);
    bytes[7] = 1;
    return ParseMessage(bytes);
  };
  EXPECT_TRUE(answer("000100010000003c0004c0000201").has_value());
  EXPECT_FALSE(answer("000100010000003c0003c00002").has_value());
  EXPECT_FALSE(answer("001c00010000003c0004c0000201").has_value());
  EXPECT_FALSE(answer("000500010000003c0003c00c00").has_value());
  EXPECT_TRUE(answer("000500010000003c0002c00c").has_value());
  EXPECT_FALSE(answer("000600010000003c0002c00c").has_value());
  // A of another class is nobody's address.
  EXPECT_TRUE(answer("000100030000003c0003c00002").has_value());
}

TEST(DnsMessage, OptStandsOnceAndInItsPlace) {
  const std::string opt = "00002904d0000080000000";
  const auto with = [](const std::string& records, int section, int count) {
    Bytes bytes = H(kQuery + records);
    bytes[static_cast<size_t>(7 + 2 * section)] = static_cast<uint8_t>(count);
    return ParseMessage(bytes);
  };
  const auto good = with(opt, 2, 1);
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->edns->udp_size, 1232);
  EXPECT_TRUE(good->edns->dnssec_ok);
  EXPECT_FALSE(with(opt, 0, 1).has_value());
  EXPECT_FALSE(with(opt, 1, 1).has_value());
  EXPECT_FALSE(with(opt + opt, 2, 2).has_value());
  EXPECT_FALSE(with("0161" + opt, 2, 1).has_value());
}

TEST(DnsMessage, ExtendedResponseCodesUseTwelveBits) {
  Message message = FullMessage();
  message.set_rcode(Rcode::kBadVers);
  EXPECT_EQ(message.header.rcode, 0);
  EXPECT_EQ(message.edns->extended_rcode, 1);
  EXPECT_EQ(message.rcode(), Rcode::kBadVers);
}

TEST(DnsMessage, WhatIsTooLargeBecomesAHeadWithTc) {
  Message message = FullMessage();
  for (int i = 0; i < 100; ++i) {
    message.answers.push_back(message.answers[1]);
  }
  EXPECT_EQ(BuildMessage(message, 512).error().code, Errc::kBufferTooSmall);
  const auto head = ParseMessage(BuildTruncatedIfLarger(message, 512));
  ASSERT_TRUE(head.has_value());
  EXPECT_TRUE(head->header.is_truncated);
  EXPECT_TRUE(head->answers.empty() && head->authorities.empty());
  EXPECT_EQ(head->question, message.question);
  EXPECT_TRUE(head->edns.has_value());
  const auto whole = ParseMessage(BuildTruncatedIfLarger(message, 65535));
  EXPECT_EQ(*whole, message);
}

TEST(DnsStream, CutsMessagesHoweverTheyArrive) {
  const Bytes one = FrameForStream(H("0102"));
  const Bytes two = FrameForStream(H("030405"));
  Bytes all = one;
  all.insert(all.end(), two.begin(), two.end());
  StreamFramer framer;
  std::vector<Bytes> messages;
  for (const uint8_t byte : all) {
    framer.Push(ByteView(&byte, 1));
    while (auto message = *framer.Next()) {
      messages.push_back(*std::move(message));
    }
  }
  EXPECT_EQ(messages, (std::vector<Bytes>{H("0102"), H("030405")}));
  framer.Push(all);
  EXPECT_EQ(**framer.Next(), H("0102"));
  EXPECT_EQ(**framer.Next(), H("030405"));
  EXPECT_FALSE(framer.Next()->has_value());
}

TEST(DnsStream, RefusesLongMessagesAtTheirLength) {
  StreamFramer framer(100);
  framer.Push(H("0065"));
  EXPECT_EQ(framer.Next().error().code, Errc::kLimitExceeded);
}

}  // namespace
}  // namespace natkit::dns
