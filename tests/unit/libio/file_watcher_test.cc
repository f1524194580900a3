#include "natkit/io/file_watcher.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "temporary_folder.h"

namespace natkit::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FileWatching : public testing::Test {
 protected:
  FileWatching() : path_(folder_ / "file"), other_(folder_ / "other") {}

  void Watch() {
    auto watcher = FileWatcher::Start(
        loop_, path_, [this] { ++changes_; }, milliseconds(5));
    ASSERT_TRUE(watcher.has_value());
    watcher_ = std::make_unique<FileWatcher>(*std::move(watcher));
  }

  static void Write(const std::string& path) { std::ofstream(path) << "x"; }

  /// Whether a change is told.
  bool IsTold() {
    const int before = changes_;
    return loop_.RunUntil([&] { return changes_ > before; }, seconds(20));
  }

  TemporaryFolder folder_;
  std::string path_;
  std::string other_;
  EventLoop loop_;
  int changes_ = 0;
  std::unique_ptr<FileWatcher> watcher_;
};

TEST_F(FileWatching, TellsWhenTheFileIsMadeWrittenReplacedAndRemoved) {
  Watch();
  Write(path_);
  EXPECT_TRUE(IsTold());
  Write(path_);
  EXPECT_TRUE(IsTold());
  Write(other_);
  std::filesystem::rename(other_, path_);
  EXPECT_TRUE(IsTold());
  std::filesystem::remove(path_);
  EXPECT_TRUE(IsTold());
  std::filesystem::create_symlink("nowhere", path_);
  EXPECT_TRUE(IsTold());
}

TEST_F(FileWatching, SaysNothingOfOtherFiles) {
  Watch();
  Write(other_);
  std::filesystem::remove(other_);
  EXPECT_FALSE(loop_.RunUntil([&] { return changes_ > 0; }, milliseconds(60)));
}

TEST_F(FileWatching, MayDieInItsHandler) {
  auto watcher = FileWatcher::Start(
      loop_, path_,
      [this] {
        ++changes_;
        watcher_.reset();
      },
      milliseconds(5));
  ASSERT_TRUE(watcher.has_value());
  watcher_ = std::make_unique<FileWatcher>(*std::move(watcher));
  Write(path_);
  EXPECT_TRUE(IsTold());
}

TEST_F(FileWatching, WantsADirectory) {
  const auto watcher = FileWatcher::Start(loop_, folder_ / "none/file", [] {});
  ASSERT_FALSE(watcher.has_value());
  EXPECT_EQ(watcher.error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace natkit::io
