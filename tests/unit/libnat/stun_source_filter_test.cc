#include "stun/stun_source_filter.h"

#include <gtest/gtest.h>

namespace natkit::stun {
namespace {

const Endpoint kLocal = *Endpoint::Parse("198.51.100.1:3478");

bool IsAnswerable(const char* from, const Endpoint& local = kLocal) {
  return IsAnswerableSource(*Endpoint::Parse(from), local);
}

TEST(StunSourceFilter, AnswersHosts) {
  EXPECT_TRUE(IsAnswerable("203.0.113.7:41641"));
  EXPECT_TRUE(IsAnswerable("10.0.0.1:1024"));
  EXPECT_TRUE(IsAnswerable("[2001:db8::7]:41641"));
  EXPECT_TRUE(IsAnswerable("198.51.100.1:41641")) << "a client on this host";
}

TEST(StunSourceFilter, RefusesAddressesThatNoHostHas) {
  EXPECT_FALSE(IsAnswerable("0.0.0.0:5000"));
  EXPECT_FALSE(IsAnswerable("0.1.2.3:5000"));
  EXPECT_FALSE(IsAnswerable("224.0.0.1:5000"));
  EXPECT_FALSE(IsAnswerable("255.255.255.255:5000"));
  EXPECT_FALSE(IsAnswerable("240.0.0.1:5000"));
  EXPECT_FALSE(IsAnswerable("[::]:5000"));
  EXPECT_FALSE(IsAnswerable("[ff02::1]:5000"));
}

TEST(StunSourceFilter, RefusesPortsThatAnswerWhateverComes) {
  for (const char* from :
       {"203.0.113.7:0", "203.0.113.7:53", "203.0.113.7:123",
        "203.0.113.7:1900", "203.0.113.7:3478", "[2001:db8::7]:53"}) {
    EXPECT_FALSE(IsAnswerable(from)) << from;
  }
}

TEST(StunSourceFilter, RefusesItself) {
  const Endpoint local = *Endpoint::Parse("198.51.100.1:5000");
  EXPECT_FALSE(IsAnswerable("198.51.100.1:5000", local));
}

TEST(StunSourceFilter, LoopbackTalksToLoopbackAlone) {
  EXPECT_FALSE(IsAnswerable("127.0.0.1:5000"));
  EXPECT_FALSE(IsAnswerable("[::1]:5000"));
  EXPECT_TRUE(
      IsAnswerable("127.0.0.1:5000", *Endpoint::Parse("127.0.0.1:3478")));
  EXPECT_TRUE(IsAnswerable("127.0.0.1:5000", Endpoint{})) << "not known";
}

}  // namespace
}  // namespace natkit::stun
