#include <gtest/gtest.h>

#include "run/run_directory.h"

namespace natkit::netsim {
namespace {

RunRecord Sample() {
  RunRecord record;
  record.id = "abc";
  record.token = "00ff";
  record.owner = {12, 345};
  record.keeper = {13, 346};
  record.has_user_namespace = true;
  record.is_ready = true;
  record.namespaces = {{"fabric", "fabric", 8, 4026531840},
                       {"home1", "host", 9, 4026531841}};
  return record;
}

TEST(RunRecord, ReadsBackWhatItWrote) {
  const std::string text = FormatRecord(Sample());
  const auto read = ParseRecord(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(FormatRecord(*read), text);
  EXPECT_EQ(read->NamespacePath(1), "/proc/13/fd/9");
  ASSERT_NE(read->Find("home1"), nullptr);
  EXPECT_EQ(read->Find("home1")->inode, 4026531841U);
  EXPECT_EQ(read->Find("home2"), nullptr);
}

TEST(RunRecord, RefusesForeignAndTornText) {
  EXPECT_FALSE(ParseRecord(""));
  EXPECT_FALSE(ParseRecord("something else\n"));
  EXPECT_FALSE(ParseRecord("natkit-netsim-1\nkeeper 5\n"));
}

TEST(RunRecord, IsLeftoverWhenItsProcessesAreGone) {
  RunRecord record = Sample();
  record.owner = record.keeper = {1, 0};  // no process starts at tick 0 as 1
  EXPECT_EQ(StateOf(record), RunState::kLeftover);
  record.is_ready = false;
  EXPECT_EQ(StateOf(record), RunState::kLeftover);
  record.owner = ThisProcess();
  EXPECT_EQ(StateOf(record), RunState::kStarting);
  record.keeper = ThisProcess();
  record.is_ready = true;
  EXPECT_EQ(StateOf(record), RunState::kRunning);
}

}  // namespace
}  // namespace natkit::netsim
