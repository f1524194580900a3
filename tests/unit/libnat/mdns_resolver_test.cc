#include "natkit/nat/mdns_resolver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "ice/mdns_message.h"
#include "natkit/base/rng.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kName = "1f4712db-ea17-4bcf-a596-105139dfd8bf.local";
const std::string kLine =
    "a=candidate:1 1 udp 2113937151 " + std::string(kName) +
    " 41000 typ host generation 0 ufrag Xq1c network-cost 999";
const Endpoint kResponder{IpAddress::V4(192, 168, 1, 9), 5353};

struct Record {
  std::string_view name;
  IpAddress address;
};

void WriteName(ByteWriter& out, std::string_view name) {
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    out.WriteU8(static_cast<uint8_t>(label.size()));
    out.WriteBytes(AsBytes(label));
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  out.WriteU8(0);
}

std::vector<uint8_t> Respond(uint16_t id, const std::vector<Record>& records) {
  std::array<uint8_t, 1024> buffer{};
  ByteWriter out(buffer);
  out.WriteU16(id);
  out.WriteU16(0x8400);
  out.WriteU16(0);
  out.WriteU16(static_cast<uint16_t>(records.size()));
  out.WriteZeros(4);
  for (const Record& record : records) {
    WriteName(out, record.name);
    out.WriteU16(record.address.is_v4() ? 1 : 28);
    out.WriteU16(0x8001);
    out.WriteU32(120);
    out.WriteU16(static_cast<uint16_t>(record.address.bytes().size()));
    out.WriteBytes(record.address.bytes());
  }
  const ByteView written = out.written();
  return {written.begin(), written.end()};
}

class MdnsResolverTest : public testing::Test {
 protected:
  void Ask() {
    ASSERT_TRUE(resolver_.Add(now_, *ParseNamedCandidate(kLine)).has_value());
    queries_ = Drain();
    ASSERT_EQ(queries_.size(), 2U);
    id_ = static_cast<uint16_t>(queries_[0].payload[0] * 256 +
                                queries_[0].payload[1]);
  }

  std::vector<Transmit> Drain() {
    std::vector<Transmit> out;
    while (auto transmit = resolver_.PollTransmit()) {
      out.push_back(std::move(*transmit));
    }
    return out;
  }

  bool Answer(const std::vector<Record>& records) {
    return resolver_.HandleDatagram(now_, kResponder, Respond(id_, records));
  }

  SeededRng rng_{1};
  MdnsResolver resolver_{rng_};
  Instant now_{};
  std::vector<Transmit> queries_;
  uint16_t id_ = 0;
};

TEST(IsMdnsName, TakesUuidsUnderLocalOnly) {
  EXPECT_TRUE(IsMdnsName(kName));
  EXPECT_TRUE(IsMdnsName("1F4712DB-EA17-4BCF-A596-105139DFD8BF.LOCAL"));
  for (const auto* bad : {"", ".local", "printer.local", "example.com",
                          "1f4712db-ea17-4bcf-a596-105139dfd8bf",
                          "1f4712db-ea17-4bcf-a596-105139dfd8bf.local.",
                          "1f4712db-ea17-4bcf-a596-105139dfd8bg.local",
                          "1f4712db0ea17-4bcf-a596-105139dfd8bf.local",
                          "1f4712db-ea17-4bcf-a596-105139dfd8b.f.local",
                          "x.1f4712db-ea17-4bcf-a596-105139dfd8bf.local"}) {
    EXPECT_FALSE(IsMdnsName(bad)) << bad;
  }
}

TEST(ParseNamedCandidate, ReadsLinesOfBrowsers) {
  const auto named = ParseNamedCandidate(kLine);
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ(named->name, kName);
  EXPECT_EQ(named->candidate.endpoint.port, 41000);
  EXPECT_EQ(named->candidate.priority, 2113937151U);
  EXPECT_EQ(named->candidate.foundation, "1");
  EXPECT_EQ(named->candidate.type, CandidateType::kHost);
  // Firefox's form.
  EXPECT_TRUE(ParseNamedCandidate("candidate:0 1 UDP 2122187007 " +
                                  std::string(kName) + " 55555 typ host")
                  .has_value());
}

TEST(ParseNamedCandidate, RefusesOthers) {
  const std::string name(kName);

  struct Case {
    std::string line;
    Errc code;
  };

  for (const Case& c : {
           Case{"candidate:1 1 udp 1 192.0.2.1 5 typ host", Errc::kUnsupported},
           Case{"candidate:1 1 udp 1 a.example 5 typ host", Errc::kUnsupported},
           Case{"candidate:1 1 udp 1 " + name + " 5 typ srflx",
                Errc::kUnsupported},
           Case{"candidate:1 1 tcp 1 " + name + " 9 typ host tcptype active",
                Errc::kUnsupported},
           Case{"candidate:1 1 udp 1 " + name + " 0 typ host",
                Errc::kBadCandidate},
           Case{"candidate:1 1 udp 1 " + name, Errc::kBadCandidate},
           Case{"", Errc::kUnsupported},
           Case{std::string(600, 'a'), Errc::kBadLength},
       }) {
    const auto named = ParseNamedCandidate(c.line);
    ASSERT_FALSE(named.has_value()) << c.line;
    EXPECT_EQ(named.error().code, c.code) << c.line;
  }
}

TEST_F(MdnsResolverTest, AsksBothGroupsForBothFamilies) {
  Ask();
  EXPECT_EQ(queries_[0].to.ToString(), "224.0.0.251:5353");
  EXPECT_EQ(queries_[1].to.ToString(), "[ff02::fb]:5353");
  const auto& query = queries_[0].payload;
  // Header, 36 + 1, 5 + 1, end, type and class; pointer, type and class.
  ASSERT_EQ(query.size(), 12U + 37 + 6 + 1 + 4 + 2 + 4);
  EXPECT_EQ(query[5], 2);      // questions
  EXPECT_EQ(query[12], 36);    // the first label
  EXPECT_EQ(query[58], 0x80);  // a unicast response is welcome
  EXPECT_EQ(query[60], 0xC0);
}

TEST_F(MdnsResolverTest, AnAddressGivesTheCandidate) {
  Ask();
  EXPECT_TRUE(Answer({{kName, IpAddress::V4(192, 168, 1, 9)}}));
  const auto candidate = resolver_.PollCandidate();
  ASSERT_TRUE(candidate);
  EXPECT_EQ(candidate->endpoint.ToString(), "192.168.1.9:41000");
  EXPECT_EQ(candidate->base, candidate->endpoint);
  EXPECT_EQ(candidate->priority, 2113937151U);
  EXPECT_FALSE(resolver_.PollCandidate());
  EXPECT_EQ(resolver_.NextTimeout(), std::nullopt);
  EXPECT_FALSE(Answer({{kName, IpAddress::V4(192, 168, 1, 9)}}));
}

TEST_F(MdnsResolverTest, Ipv6AndMulticastResponsesCountToo) {
  Ask();
  id_ = 0;
  EXPECT_TRUE(Answer({{"1F4712DB-EA17-4BCF-A596-105139DFD8BF.Local",
                       *IpAddress::Parse("fd00::9")}}));
  EXPECT_EQ(resolver_.PollCandidate()->endpoint.ToString(), "[fd00::9]:41000");
}

TEST_F(MdnsResolverTest, SeveralCandidatesShareOneQuestion) {
  Ask();
  auto second = *ParseNamedCandidate(kLine);
  second.candidate.endpoint.port = 41001;
  ASSERT_TRUE(resolver_.Add(now_, second).has_value());
  ASSERT_TRUE(resolver_.Add(now_, second).has_value());
  EXPECT_TRUE(Drain().empty());
  EXPECT_TRUE(Answer({{kName, IpAddress::V4(192, 168, 1, 9)}}));
  EXPECT_EQ(resolver_.PollCandidate()->endpoint.port, 41000);
  EXPECT_EQ(resolver_.PollCandidate()->endpoint.port, 41001);
  EXPECT_FALSE(resolver_.PollCandidate());
}

TEST_F(MdnsResolverTest, SeveralAddressesGiveNothing) {
  Ask();
  EXPECT_TRUE(Answer({{kName, IpAddress::V4(192, 168, 1, 9)},
                      {kName, *IpAddress::Parse("fd00::9")}}));
  EXPECT_FALSE(resolver_.PollCandidate());
  EXPECT_EQ(resolver_.counters().ambiguous, 1U);
}

TEST_F(MdnsResolverTest, UselessAddressesGiveNothing) {
  for (const auto* address : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "::1"}) {
    Ask();
    EXPECT_TRUE(Answer({{kName, *IpAddress::Parse(address)}}));
    EXPECT_FALSE(resolver_.PollCandidate()) << address;
  }
}

TEST_F(MdnsResolverTest, AsksThreeTimesAndGivesUpAfterFiveSeconds) {
  Ask();
  std::vector<Duration> sent;
  while (const auto next = resolver_.NextTimeout()) {
    now_ = *next;
    resolver_.HandleTimeout(now_);
    if (!Drain().empty()) {
      sent.push_back(now_ - Instant{});
    }
  }
  EXPECT_EQ(sent, (std::vector<Duration>{seconds(1), seconds(3)}));
  EXPECT_EQ(now_ - Instant{}, seconds(5));
  EXPECT_EQ(resolver_.counters().unanswered, 1U);
}

TEST_F(MdnsResolverTest, IgnoresWhatItDidNotAskFor) {
  Ask();
  const std::vector<Record> good = {{kName, IpAddress::V4(192, 168, 1, 9)}};
  ++id_;
  EXPECT_FALSE(Answer(good));
  --id_;
  EXPECT_FALSE(Answer({{"other.local", IpAddress::V4(192, 168, 1, 9)}}));
  EXPECT_FALSE(Answer({}));
  EXPECT_FALSE(resolver_.HandleDatagram(now_, {kResponder.address, 5354},
                                        Respond(id_, good)));
  auto query = Respond(id_, good);
  query[2] = 0;
  EXPECT_FALSE(resolver_.HandleDatagram(now_, kResponder, query));
  EXPECT_FALSE(resolver_.PollCandidate());
  EXPECT_TRUE(Answer(good));
}

TEST_F(MdnsResolverTest, NoTruncationIsRead) {
  Ask();
  const auto whole = Respond(id_, {{kName, IpAddress::V4(192, 168, 1, 9)}});
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(resolver_.HandleDatagram(now_, kResponder,
                                          ByteView(whole).first(size)));
  }
  EXPECT_TRUE(resolver_.HandleDatagram(now_, kResponder, whole));
}

TEST_F(MdnsResolverTest, PointersThatDoNotLeadBackAreRefused) {
  Ask();
  auto loop = Respond(id_, {{kName, IpAddress::V4(192, 168, 1, 9)}});
  loop[12] = 0xC0;
  loop[13] = 12;
  EXPECT_FALSE(resolver_.HandleDatagram(now_, kResponder, loop));
  EXPECT_EQ(resolver_.counters().bad_responses, 1U);
}

TEST_F(MdnsResolverTest, TheNumberOfQuestionsIsBounded) {
  NamedCandidate named = *ParseNamedCandidate(kLine);
  size_t taken = 0;
  for (int i = 0; i < 100; ++i) {
    named.name[0] = "0123456789abcdef"[i % 16];
    named.name[1] = "0123456789abcdef"[i / 16];
    taken += resolver_.Add(now_, named).has_value() ? 1 : 0;
  }
  EXPECT_EQ(taken, MdnsResolver::kMaxNames);
  EXPECT_EQ(Drain().size(), 2 * MdnsResolver::kMaxNames);
}

}  // namespace
}  // namespace natkit::ice
