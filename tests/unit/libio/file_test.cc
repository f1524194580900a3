#include "natkit/io/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "temporary_folder.h"

namespace natkit::io {
namespace {

void Put(const std::string& path, std::string_view content, mode_t mode) {
  std::ofstream(path) << content;
  ASSERT_EQ(::chmod(path.c_str(), mode), 0);
}

TEST(ReadFile, ReadsUpToItsLimit) {
  const TemporaryFolder folder;
  Put(folder / "f", "12345", 0644);
  EXPECT_EQ(AsText(ReadFile(folder / "f", 5).value()), "12345");
  EXPECT_EQ(ReadFile(folder / "f", 4).error().code, Errc::kLimitExceeded);
}

TEST(ReadFile, SaysWhyItFails) {
  const TemporaryFolder folder;
  EXPECT_EQ(ReadFile(folder / "none", 5).error().code, Errc::kNotFound);
  EXPECT_EQ(ReadFile(folder.path.string(), 5).error().code, Errc::kBadValue);
}

TEST(ReadFile, DoesNotHangOnAPipe) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(ReadFile(folder / "pipe", 5).error().code, Errc::kBadValue);
}

TEST(ReadSecretFile, RefusesWhatOthersMayRead) {
  const TemporaryFolder folder;
  Put(folder / "key", "secret", 0600);
  EXPECT_EQ(AsText(ReadSecretFile(folder / "key", 100)->Expose()), "secret");
  for (const mode_t mode : {0640U, 0604U, 0620U}) {
    ASSERT_EQ(::chmod((folder / "key").c_str(), mode), 0);
    EXPECT_EQ(ReadSecretFile(folder / "key", 100).error().code,
              Errc::kInsecureFile);
  }
}

TEST(WriteFileAtomically, ReplacesContentAndIsPrivate) {
  const TemporaryFolder folder;
  Put(folder / "f", "old", 0644);
  ASSERT_TRUE(WriteFileAtomically(folder / "f", AsBytes("new")).has_value());
  EXPECT_EQ(AsText(ReadSecretFile(folder / "f", 100)->Expose()), "new");
  const auto entries = std::filesystem::directory_iterator(folder.path);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST(WriteFileAtomically, LeavesNothingBehindWhenItFails) {
  const TemporaryFolder folder;
  EXPECT_EQ(WriteFileAtomically(folder / "no/f", {}).error().code,
            Errc::kNotFound);
  std::filesystem::create_directory(folder / "d");
  EXPECT_FALSE(WriteFileAtomically(folder / "d", {}).has_value());
  const auto entries = std::filesystem::directory_iterator(folder.path);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

}  // namespace
}  // namespace natkit::io
