#include "natkit/shell/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "natkit/base/rng.h"

namespace natkit::shell {
namespace {

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "natkit-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }

  ~FilesTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }

  [[nodiscard]] std::string Write(const std::string& name,
                                  const std::string& content,
                                  mode_t mode) const {
    std::ofstream(Path(name)) << content;
    chmod(Path(name).c_str(), mode);
    return Path(name);
  }

  std::string folder_;
  SeededRng rng_{1};
};

TEST_F(FilesTest, CreatesAKeyOnceAndLoadsItAfterwards) {
  const auto made = LoadOrCreateKeyFile(Path("key"), rng_);
  ASSERT_TRUE(made) << made.error();
  struct stat status{};
  ASSERT_EQ(stat(Path("key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  const auto again = LoadOrCreateKeyFile(Path("key"), rng_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->EqualsConstantTime(*made));
}

TEST_F(FilesTest, LoadsTheKeyFileOfOtherRelays) {
  const std::string hex =
      "0002030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f60";
  const auto key = LoadKeyFile(
      Write("key", "{\n \"PrivateKey\": \"privkey:" + hex + "\"\n}\n", 0600));
  ASSERT_TRUE(key) << key.error();
  EXPECT_EQ(DerivePublicKey(*key).ToHex(),
            "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c");
}

TEST_F(FilesTest, LoadsAKeyAsWgGenkeyWritesIt) {
  const auto key = LoadKeyFile(
      Write("key", "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n", 0600));
  ASSERT_TRUE(key) << key.error();
}

TEST_F(FilesTest, RefusesASecretThatOthersMayRead) {
  for (const mode_t mode : {0640U, 0604U, 0666U}) {
    const auto path = Write("key", "x", mode);
    const auto key = LoadKeyFile(path);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error(), path +
                               ": holds a secret but others may read it; run "
                               "'chmod 600 " +
                               path + "'");
  }
}

TEST_F(FilesTest, TakesCredentialsOfTheServiceManagerAsTheyAre) {
  const auto path = Write("secret", "x", 0440);  // an ACL looks like this
  EXPECT_FALSE(ReadSecretFile(path));
  ::setenv("CREDENTIALS_DIRECTORY", folder_.c_str(), 1);
  EXPECT_TRUE(ReadSecretFile(path));
  ::setenv("CREDENTIALS_DIRECTORY", (folder_ + "/other").c_str(), 1);
  EXPECT_FALSE(ReadSecretFile(path));
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_F(FilesTest, RefusesWhatIsNotAKeyWithoutQuotingIt) {
  for (const char* content :
       {"", "{", "{}", "[]", "null", "{\"PrivateKey\":7}",
        "{\"PrivateKey\":\"privkey:00\"}", "secretsecret"}) {
    const auto key = LoadKeyFile(Write("key", content, 0600));
    ASSERT_FALSE(key) << content;
    EXPECT_EQ(key.error().find("secretsecret"), std::string::npos);
  }
}

TEST_F(FilesTest, NeverOverwritesASecret) {
  ASSERT_TRUE(CreateSecretFile(Path("key"), AsBytes("first")));
  EXPECT_FALSE(CreateSecretFile(Path("key"), AsBytes("second")));
  EXPECT_EQ(ReadFile(Path("key")), "first");
}

TEST_F(FilesTest, NamesTheFileThatIsMissing) {
  EXPECT_EQ(ReadFile(Path("none")).error(), Path("none") + ": not found");
  EXPECT_EQ(ReadFile(folder_).error(), folder_ + ": is not a regular file");
}

}  // namespace
}  // namespace natkit::shell
