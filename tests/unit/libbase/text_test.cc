#include "natkit/base/text.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace natkit {
namespace {

using namespace std::string_view_literals;

TEST(Utf8SequenceSize, MeasuresEachLength) {
  EXPECT_EQ(Utf8SequenceSize("ab"), 1U);
  EXPECT_EQ(Utf8SequenceSize("\0"sv), 1U);
  EXPECT_EQ(Utf8SequenceSize("\xc3\xa4x"), 2U);
  EXPECT_EQ(Utf8SequenceSize("\xe2\x82\xac"), 3U);
  EXPECT_EQ(Utf8SequenceSize("\xf0\x9f\x98\x80"), 4U);
  EXPECT_EQ(Utf8SequenceSize("\xf4\x8f\xbf\xbf"), 4U);  // U+10FFFF
}

TEST(Utf8SequenceSize, IsZeroForWhatIsNone) {
  for (const std::string_view text :
       {""sv, "\x80"sv, "\xc3"sv, "\xc3("sv, "\xe2\x82"sv, "\xf0\x9f\x98"sv,
        "\xc0\xaf"sv,          // overlong
        "\xe0\x80\xaf"sv,      //
        "\xf0\x80\x80\xaf"sv,  //
        "\xed\xa0\x80"sv,      // a surrogate
        "\xf4\x90\x80\x80"sv,  // beyond U+10FFFF
        "\xff"sv}) {
    EXPECT_EQ(Utf8SequenceSize(text), 0U) << testing::PrintToString(text);
  }
}

TEST(EscapeXml, WritesReservedCharactersAsEntities) {
  EXPECT_EQ(EscapeXml("a<b & \"c\">'d'"),
            "a&lt;b &amp; &quot;c&quot;&gt;&apos;d&apos;");
  EXPECT_EQ(EscapeXml("&amp;"), "&amp;amp;");
  EXPECT_EQ(EscapeXml("]]>"), "]]&gt;");  // may not stand in text
  EXPECT_EQ(EscapeXml(""), "");
}

TEST(EscapeXml, LeavesTextInAnyLanguage) {
  const std::string text = "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\x7f";
  EXPECT_EQ(EscapeXml(text), text);
}

TEST(EscapeXml, ReplacesControlCharactersButTabsAndLineEnds) {
  for (int code = 0; code < 0x20; ++code) {
    const char c = static_cast<char>(code);
    const bool is_space = c == '\t' || c == '\n' || c == '\r';
    EXPECT_EQ(EscapeXml(std::string_view(&c, 1)),
              is_space ? std::string_view(&c, 1) : kReplacementCharacter)
        << code;
  }
}

TEST(EscapeXml, ReplacesWhatIsNotUtf8ByteByByte) {
  const std::string mark(kReplacementCharacter);
  EXPECT_EQ(EscapeXml("a\xff\xfe<b"), "a" + mark + mark + "&lt;b");
  EXPECT_EQ(EscapeXml("\xe2\x82"), mark + mark);  // cut off
  EXPECT_EQ(EscapeXml("\xc3&"), mark + "&amp;");  // not swallowed
  EXPECT_EQ(EscapeXml("\xc0\xbc"), mark + mark);  // an overlong '<'
}

TEST(EscapeXml, ReplacesWhatXmlHasNoCharactersFor) {
  EXPECT_EQ(EscapeXml("\xef\xbf\xbe"), kReplacementCharacter);  // U+FFFE
  EXPECT_EQ(EscapeXml("\xef\xbf\xbf"), kReplacementCharacter);  // U+FFFF
  EXPECT_EQ(EscapeXml("\xef\xbf\xbd"), kReplacementCharacter);
}

TEST(EqualsIgnoringCase, KnowsTheLettersOfAsciiAlone) {
  EXPECT_TRUE(EqualsIgnoringCase("", ""));
  EXPECT_TRUE(EqualsIgnoringCase("AZ-az@[`{9", "az-AZ@[`{9"));
  EXPECT_FALSE(EqualsIgnoringCase("a", "ab"));
  EXPECT_FALSE(EqualsIgnoringCase("@", "`"));  // 32 apart, as letters are
  EXPECT_FALSE(EqualsIgnoringCase("[", "{"));
  EXPECT_FALSE(EqualsIgnoringCase("\xc3\x84", "\xc3\xa4"));  // A umlaut
}

TEST(EscapeControls, LeavesNothingThatATerminalActsUpon) {
  EXPECT_EQ(EscapeControls("evil\nline \x1b[31m\x7f\t\r"),
            "evil\\nline \\x1b[31m\\x7f\\t\\r");
  EXPECT_EQ(EscapeControls("\xc2\x9b"
                           "31m"),
            "\\xc2\\x9b31m");  // C1's CSI
  EXPECT_EQ(EscapeControls("a\xe2\x80\xae"
                           "b"),
            "a\\xe2\\x80\\xae"
            "b");
  EXPECT_EQ(EscapeControls("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(EscapeControls(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(EscapeControls("two\nlines\x1b", "\n"), "two\nlines\\x1b");
}

TEST(EscapeControls, LeavesWhatPeopleRead) {
  const std::string text =
      "Zo\xc3\xab's \xe6\x9c\xba \xe2\x80\x93 \xf0\x9f\x9a\x80 \\n";
  EXPECT_FALSE(HasControls(text));
  EXPECT_EQ(EscapeControls(text), text);
}

TEST(HasControls, FindsThemAnywhere) {
  for (const std::string_view text :
       {"\n", "a\x1b", "\xc2\x80", "\xd8\x9c", "\xe2\x80\xa8", "\xe2\x81\xa6",
        "\x7f", "\xc3"}) {
    EXPECT_TRUE(HasControls(text)) << EscapeControls(text);
    EXPECT_FALSE(HasControls(EscapeControls(text)));
  }
}

}  // namespace
}  // namespace natkit
