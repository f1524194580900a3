#include "natkit/mesh/policy/hujson.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace natkit::mesh::policy {
namespace {

using ::testing::HasSubstr;

/// The value as plain JSON, or "line:column: error: text".
std::string Read(std::string_view text) {
  const auto value = ParseHuJson(text);
  return value ? ToJson(*value) : ToString(value.error());
}

TEST(HuJson, ReadsEveryKindOfValue) {
  EXPECT_EQ(Read("null"), "null");
  EXPECT_EQ(Read(" true "), "true");
  EXPECT_EQ(Read("[false, -0, 12, 3.50, 1e9, 2E-3]"),
            "[false,-0,12,3.50,1e9,2E-3]");
  EXPECT_EQ(Read("{\"b\": {}, \"a\": [[]]}"), "{\"b\":{},\"a\":[[]]}");
}

TEST(HuJson, SkipsCommentsAndTrailingCommas) {
  EXPECT_EQ(Read("// first\n{ /* one\n two */ \"a\" // name\n: /**/ 1,\n"
                 "  \"b\": [1, 2, /* last */ ],\n}\n// end"),
            "{\"a\":1,\"b\":[1,2]}");
  EXPECT_EQ(Read("\xef\xbb\xbf[1]"), "[1]");
}

TEST(HuJson, UnescapesStrings) {
  const auto value =
      ParseHuJson(R"("\" \\ \/ \b\f\n\r\t \u00e9 \u20AC \ud83d\ude00")");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->text,
            "\" \\ / \b\f\n\r\t \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(Read(R"("\u0000\u001f")"), R"("\u0000\u001f")");
}

TEST(HuJson, KnowsWhereValuesAndKeysAre) {
  const auto value =
      ParseHuJson("{\n  \"\xc3\xa4\": 1, \"b\":\n    [\"x\"],\n}");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at, (Position{1, 1}));
  EXPECT_EQ(value->members[0].key_at, (Position{2, 3}));
  EXPECT_EQ(value->members[0].value.at, (Position{2, 8}));
  EXPECT_EQ(value->members[1].key_at, (Position{2, 11}));
  EXPECT_EQ(value->members[1].value.at, (Position{3, 5}));
  EXPECT_EQ(value->members[1].value.items[0].at, (Position{3, 6}));
}

TEST(HuJson, FindsMembersOfObjectsOnly) {
  const auto value = ParseHuJson(R"({"a": 1, "b": [2]})");
  ASSERT_TRUE(value);
  ASSERT_NE(value->Find("b"), nullptr);
  EXPECT_TRUE(value->Find("b")->value.is_array());
  EXPECT_EQ(value->Find("c"), nullptr);
  EXPECT_EQ(value->Find("b")->value.Find("a"), nullptr);
}

TEST(HuJson, SaysWhereSyntaxFails) {
  EXPECT_EQ(Read(""),
            "1:1: error: expected a value, found the end of the file");
  EXPECT_EQ(Read("[1\n 2]"), "2:2: error: expected a comma or ], found '2'");
  EXPECT_EQ(Read("[,]"), "1:2: error: expected a value, found ','");
  EXPECT_EQ(Read("[1,,]"), "1:4: error: expected a value, found ','");
  EXPECT_EQ(Read("{\"a\" 1}"),
            "1:6: error: expected a colon after the key, found '1'");
  EXPECT_EQ(Read("{a: 1}"),
            "1:2: error: expected a string in double quotes, found 'a'");
  EXPECT_EQ(Read("{\"a\": 1 \xc3\xa4}"),
            "1:9: error: expected a comma or }, found '\xc3\xa4'");
  EXPECT_EQ(Read("[1] 2"),
            "1:5: error: expected the end of the file, found '2'");
  EXPECT_THAT(Read("[yes]"),
              HasSubstr("1:2: error: expected a value, found the "
                        "word yes"));
  EXPECT_THAT(Read("{\n/* x"),
              HasSubstr("2:1: error: this comment has no end"));
}

TEST(HuJson, RefusesAKeyTwice) {
  EXPECT_EQ(Read("{\"a\": 1,\n \"b\": 2,\n \"\\u0061\": 3}"),
            "3:2: error: the key \"a\" is already in this object, in line 1");
}

TEST(HuJson, RefusesBadNumbers) {
  for (const auto* text : {"[01]", "[-]", "[1.]", "[1e]", "[.5]", "[+1]",
                           "[0x10]", "[1e+]", "[NaN]"}) {
    EXPECT_THAT(Read(text), HasSubstr("error")) << text;
  }
}

TEST(HuJson, RefusesBadStrings) {
  EXPECT_EQ(Read("[\n\"abc\n\"]"),
            "2:1: error: this string has no closing quote");
  EXPECT_EQ(Read("\"a\tb\""),
            "1:3: error: a control character in a string must be escaped");
  EXPECT_THAT(Read(R"("\x")"), HasSubstr("1:3: error: expected one of"));
  EXPECT_THAT(Read(R"("\u12g4")"), HasSubstr("four hex digits"));
  for (const auto* text : {R"("a\ud800")", R"("a\ud800\u0041")", R"("a\udc00")",
                           R"("a\ud800\ud800")"}) {
    EXPECT_EQ(Read(text), "1:3: error: half of a surrogate pair") << text;
  }
}

TEST(HuJson, RefusesWhatIsNotUtf8) {
  EXPECT_EQ(Read("\"a\xff\""), "1:3: error: this byte is not UTF-8");
  EXPECT_EQ(Read("// \xc0\x80\n1"), "1:4: error: this byte is not UTF-8");
  EXPECT_EQ(Read("\x80"), "1:1: error: this byte is not UTF-8");
}

TEST(HuJson, BoundsDepthSizeAndCount) {
  const std::string deep(kMaxHuJsonDepth, '[');
  const std::string closed(kMaxHuJsonDepth, ']');
  EXPECT_TRUE(ParseHuJson(deep + closed));
  EXPECT_THAT(Read("[" + deep + closed + "]"), HasSubstr("nested too deeply"));
  EXPECT_THAT(Read(std::string(kMaxHuJsonBytes + 1, ' ')),
              HasSubstr("too large"));
  std::string many = "[";
  for (size_t i = 0; i < kMaxHuJsonValues; ++i) {
    many += "0,";
  }
  EXPECT_THAT(Read(many + "]"), HasSubstr("too many values"));
}

}  // namespace
}  // namespace natkit::mesh::policy
