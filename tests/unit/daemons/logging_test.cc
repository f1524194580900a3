#include "natkit/shell/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "natkit/shell/recent_log.h"

namespace natkit::shell {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

TEST(Log, TextHasOneLineAndNothingThatATerminalActsUpon) {
  SetUpLogging("test", LogLevel::kInfo);
  Log(LogLevel::kWarning, "the server says: \x1b[2Jno\nroot: all is fine");
  ASSERT_FALSE(RecentLog().empty());
  EXPECT_THAT(RecentLog().back(),
              EndsWith("warning: the server says: \\x1b[2Jno\\nroot: all is "
                       "fine\n"));
}

TEST(Log, JsonHoldsTheTextAsItIs) {
  SetUpLogging("test", LogLevel::kInfo, LogFormat::kJson);
  Log(LogLevel::kInfo, "two\nlines \"quoted\"");
  ASSERT_FALSE(RecentLog().empty());
  EXPECT_THAT(RecentLog().back(),
              HasSubstr(R"("text":"two\nlines \"quoted\""})"));
}

TEST(Log, OfManyLinesIsALineEach) {
  SetUpLogging("test", LogLevel::kInfo);
  LogLines(LogLevel::kError, "first\nsecond\x1b\n");
  EXPECT_THAT(RecentLog(), ElementsAre(EndsWith("error: first\n"),
                                       EndsWith("error: second\\x1b\n")));
}

TEST(Log, LeavesOutWhatIsBelowTheLevel) {
  SetUpLogging("test", LogLevel::kWarning);
  Log(LogLevel::kInfo, "less");
  EXPECT_TRUE(RecentLog().empty());
}

}  // namespace
}  // namespace natkit::shell
