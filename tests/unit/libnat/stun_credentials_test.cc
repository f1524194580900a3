#include "natkit/nat/stun_credentials.h"

#include <gtest/gtest.h>

#include "natkit/nat/stun_nonce_cookie.h"

namespace natkit::stun {
namespace {

constexpr std::string_view kMatrix = "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9";

Errc ErrorOf(std::string_view text) {
  const auto prepared = PrepareOpaqueString(text);
  EXPECT_FALSE(prepared);
  return prepared ? Errc::kIo : prepared.error().code;
}

TEST(PrepareOpaqueString, LeavesPreparedTextAlone) {
  for (const std::string_view text :
       {std::string_view("VOkJxbRl1RmTxUk/WvJxBt"), kMatrix,
        std::string_view("Caf\u00E9 \u0416\u03A9 \uD55C\u6F22")}) {
    EXPECT_EQ(PrepareOpaqueString(text), std::string(text));
  }
}

// RFC 8265 section 4.2.2, rule 2; RFC 5769's users come so.
TEST(PrepareOpaqueString, MapsForeignSpacesToAscii) {
  EXPECT_EQ(PrepareOpaqueString("a\u00A0b\u3000c\u2003d"), "a b c d");
}

TEST(PrepareOpaqueString, DoesNotFoldCaseOrWidth) {
  EXPECT_EQ(PrepareOpaqueString("TheM\u00AAtr\u2168"), "TheM\u00AAtr\u2168");
}

TEST(PrepareOpaqueString, RefusesWhatTheProfileForbids) {
  EXPECT_EQ(ErrorOf(""), Errc::kBadLength);
  EXPECT_EQ(ErrorOf("tab\there"), Errc::kBadValue);
  EXPECT_EQ(ErrorOf("del\x7F"), Errc::kBadValue);
  EXPECT_EQ(ErrorOf("c1\u0085"), Errc::kBadValue);
  EXPECT_EQ(ErrorOf("soft\u00ADhyphen"), Errc::kUnsupported);
  EXPECT_EQ(ErrorOf("zero\u200Bwidth"), Errc::kUnsupported);
}

TEST(PrepareOpaqueString, RefusesWhatItWouldHaveToCompose) {
  EXPECT_EQ(ErrorOf("e\u0301"), Errc::kUnsupported);
  EXPECT_EQ(ErrorOf("\u212B"), Errc::kUnsupported);  // angstrom sign
  EXPECT_EQ(ErrorOf("\u1112\u1161\u11AB"), Errc::kUnsupported);  // jamo
  EXPECT_EQ(PrepareOpaqueString("ab\u0301").error().offset, 2U);
}

TEST(PrepareOpaqueString, RefusesBrokenUtf8) {
  for (const std::string_view text :
       {"\xC0\x80", "\xC3", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF",
        "\xE3\x83", "\x80"}) {
    EXPECT_EQ(ErrorOf(text), Errc::kBadEncoding);
  }
}

TEST(StunCredentials, KeepTheirBounds) {
  EXPECT_TRUE(LongTermCredentials::Prepare(std::string(508, 'u'), "p"));
  EXPECT_EQ(LongTermCredentials::Prepare(std::string(509, 'u'), "p").error(),
            Error{Errc::kBadLength});
  EXPECT_TRUE(Password::Prepare(std::string(256, 'p')));
  EXPECT_EQ(Password::Prepare(std::string(257, 'p')).error(),
            Error{Errc::kBadLength});
  EXPECT_FALSE(ShortTermCredentials::Prepare("", "p"));
  EXPECT_FALSE(ShortTermCredentials::Prepare("u", ""));
}

TEST(StunCredentials, HoldThePreparedForms) {
  const auto user = LongTermCredentials::Prepare("a\u00A0b", "c\u00A0d");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->username, "a b");
  EXPECT_EQ(user->password.Expose(), "c d");
  EXPECT_EQ(user->Clone().password.Expose(), "c d");
}

TEST(NonceCookie, IsReadInBothBitOrders) {
  struct Case {
    std::string_view bits;
    SecurityFeatures features;
  };

  for (const auto& [bits, features] :
       {Case{"AAAA", {}}, Case{"AAAB", {.password_algorithms = true}},
        Case{"AAAC", {.username_anonymity = true}}, Case{"AAAD", {true, true}},
        Case{"gAAA", {.password_algorithms = true}},
        Case{"QAAA", {.username_anonymity = true}},
        Case{"wAAA", {true, true}}}) {
    EXPECT_EQ(ReadNonceCookie("obMatJos2" + std::string(bits) + "rest"),
              features)
        << bits;
  }
}

TEST(NonceCookie, IsWrittenFromTheRight) {
  EXPECT_EQ(WriteNonceCookie({.password_algorithms = true}), "obMatJos2AAAB");
  EXPECT_EQ(WriteNonceCookie({.username_anonymity = true}), "obMatJos2AAAC");
  EXPECT_EQ(WriteNonceCookie({true, true}), "obMatJos2AAAD");
}

TEST(NonceCookie, IsAbsentFromOtherNonces) {
  for (const std::string_view nonce :
       {"", "obMatJos2", "obMatJos2AAA", "obMatJos2AA=B", "ObMatJos2AAAB",
        "f//499k954d6OL34oL9FSTvy64sA"}) {
    EXPECT_EQ(ReadNonceCookie(nonce), SecurityFeatures{}) << nonce;
  }
}

}  // namespace
}  // namespace natkit::stun
