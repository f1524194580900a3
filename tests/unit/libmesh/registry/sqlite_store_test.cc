#include "natkit/mesh/registry/sqlite_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "natkit/mesh/registry/event_chain.h"
#include "store_testing.h"

namespace natkit::mesh {
namespace {

using testing::MakeStore;
using testing::OneOfEach;
using testing::OpenError;
using testing::TemporaryFolder;

namespace fs = std::filesystem;

mode_t ModeOf(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

void RunSql(const std::string& path, const char* sql) {
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &connection), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(connection, sql, nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(connection);
  sqlite3_close(connection);
}

/// Leaves files behind as a server does that was killed: with its log.
void CopyAsAfterACrash(const TemporaryFolder& from, const TemporaryFolder& to) {
  for (const char* name : {"store.db", "store.db-wal"}) {
    fs::copy_file(from / name, to / name);
  }
}

class SqliteStoreTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  const std::string path_ = folder_ / "store.db";
};

TEST_F(SqliteStoreTest, KeepsItsFilesToItself) {
  const mode_t before = ::umask(0);
  const auto store = MakeStore(path_);
  ASSERT_TRUE(store->Commit(OneOfEach("a")));
  ASSERT_TRUE(store->Backup(folder_ / "backup.db"));
  ::umask(before);
  for (const char* name : {"store.db", "store.db-wal", "store.db-shm",
                           "store.db-lock", "backup.db"}) {
    EXPECT_EQ(ModeOf(folder_ / name), 0600U) << name;
  }
}

TEST_F(SqliteStoreTest, RefusesAFileThatOthersMayRead) {
  MakeStore(path_);
  for (const mode_t mode : {0640U, 0604U}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    const auto opened = SqliteStore::Open(path_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::kInsecureFile);
    EXPECT_EQ(opened.error().text,
              path_ + ": others may read it; run: chmod 600 " + path_);
  }
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  EXPECT_EQ(OpenError(path_), Errc{});
}

TEST_F(SqliteStoreTest, KeepsASecondServerOut) {
  auto first = MakeStore(path_);
  const auto second = SqliteStore::Open(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kStoreLocked);
  EXPECT_EQ(second.error().text, path_ + ": another server has it open");
  EXPECT_TRUE(first->Commit(OneOfEach("a"))) << "the first is not disturbed";
  first.reset();
  EXPECT_EQ(OpenError(path_), Errc{});
}

TEST_F(SqliteStoreTest, KeepsASecondProcessOut) {
  const auto first = MakeStore(path_);
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(OpenError(path_) == Errc::kStoreLocked ? 42 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST_F(SqliteStoreTest, TellsWhyItCannotOpen) {
  EXPECT_EQ(OpenError(folder_ / "absent/store.db"), Errc::kNotFound);
  fs::create_directory(folder_ / "folder");
  EXPECT_EQ(OpenError(folder_ / "folder"), Errc::kBadValue);
  fs::create_symlink(folder_ / "elsewhere", folder_ / "link-lock");
  EXPECT_EQ(OpenError(folder_ / "link"), Errc::kBadValue);
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere"));
}

TEST_F(SqliteStoreTest, TakesNamesAsFileNames) {
  const auto before = fs::current_path();
  fs::current_path(folder_.path);
  for (const char* name : {":memory:", "file:x?mode=memory", "plain"}) {
    MakeStore(name);
    EXPECT_TRUE(fs::exists(name)) << name;
  }
  fs::current_path(before);
}

TEST_F(SqliteStoreTest, RefusesWhatIsNoStore) {
  std::ofstream(path_) << std::string(5000, 'x');
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  EXPECT_EQ(OpenError(path_), Errc::kBadStore);

  const std::string other = folder_ / "other.db";
  RunSql(other, "CREATE TABLE bookmarks (x); PRAGMA user_version = 1");
  ASSERT_EQ(::chmod(other.c_str(), 0600), 0);
  const auto opened = SqliteStore::Open(other);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kBadStore);
  EXPECT_EQ(opened.error().text, other + ": is a database of another program");
}

TEST_F(SqliteStoreTest, RefusesAStoreOfALaterVersionAndLeavesItAlone) {
  MakeStore(path_)->Commit(OneOfEach("a")).value();
  RunSql(path_, "PRAGMA user_version = 99");
  const auto opened = SqliteStore::Open(path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kStoreTooNew);
  EXPECT_NE(opened.error().text.find("schema 99"), std::string::npos);
  RunSql(path_, "PRAGMA user_version = 1");
  EXPECT_EQ(MakeStore(path_)->LoadAll().value().size(), 1U);
}

TEST_F(SqliteStoreTest, FindsDamage) {
  {
    const auto store = MakeStore(path_);
    StoreBatch batch;
    for (int i = 0; i < 2000; ++i) {
      batch.puts.push_back({"node", std::to_string(i), {1, 2, 3}});
    }
    ASSERT_TRUE(store->Commit(batch));
  }
  // Every page but the first loses its head.
  const auto size = fs::file_size(path_);
  ASSERT_GT(size, 3U * 4096);
  for (size_t page = 4096; page < size; page += 4096) {
    TemporaryFolder copy;
    const std::string path = copy / "store.db";
    fs::copy_file(path_, path);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(page));
    file << std::string(12, '\x5a');
    file.close();
    const auto opened = SqliteStore::Open(path);
    ASSERT_FALSE(opened) << page;
    EXPECT_EQ(opened.error().code, Errc::kBadStore) << opened.error().text;
  }
}

TEST_F(SqliteStoreTest, FindsThatTheFileWasCut) {
  {
    const auto store = MakeStore(path_);
    ASSERT_TRUE(
        store->Commit({.puts = {{"k", "a", std::vector<uint8_t>(50000, 7)}}}));
  }
  fs::resize_file(path_, fs::file_size(path_) - 8192);
  EXPECT_EQ(OpenError(path_), Errc::kBadStore);
}

TEST_F(SqliteStoreTest, FindsABrokenHash) {
  MakeStore(path_)->Commit(OneOfEach("a")).value();
  RunSql(path_, "UPDATE events SET hash = x'00'");
  EXPECT_EQ(OpenError(path_), Errc::kBadStore);
}

TEST_F(SqliteStoreTest, SurvivesACrashWithItsLog) {
  const auto store = MakeStore(path_);
  ASSERT_TRUE(store->Commit(OneOfEach("a")));
  ASSERT_TRUE(store->Commit(OneOfEach("b")));
  TemporaryFolder after;
  CopyAsAfterACrash(folder_, after);
  const auto recovered = MakeStore(after / "store.db");
  EXPECT_EQ(recovered->LoadAll(), store->LoadAll());
  EXPECT_EQ(recovered->ListEvents(0, 9), store->ListEvents(0, 9));
}

TEST_F(SqliteStoreTest, LosesOnlyWhatItsLogLost) {
  const auto store = MakeStore(path_);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store->Commit(OneOfEach(std::to_string(i))));
  }
  TemporaryFolder whole;
  CopyAsAfterACrash(folder_, whole);
  const auto size = fs::file_size(whole / "store.db-wal");
  for (uintmax_t cut = 0; cut <= size; cut += 1009) {
    TemporaryFolder after;
    CopyAsAfterACrash(whole, after);
    fs::resize_file(after / "store.db-wal", cut);
    const auto recovered = MakeStore(after / "store.db");
    const auto records = recovered->LoadAll().value();
    const auto events = recovered->ListEvents(0, 100).value();
    // Both halves of a commit or none.
    EXPECT_EQ(records.size(), events.size()) << cut;
    EventChainCheck check;
    EXPECT_TRUE(check.Take(events)) << cut;
    EXPECT_TRUE(recovered->Commit(OneOfEach("later")));
  }
}

TEST_F(SqliteStoreTest, ClosesIntoOneFile) {
  MakeStore(path_)->Commit(OneOfEach("a")).value();
  EXPECT_FALSE(fs::exists(path_ + "-wal"));
  TemporaryFolder copy;
  fs::copy_file(path_, copy / "store.db");
  EXPECT_EQ(MakeStore(copy / "store.db")->LoadAll().value().size(), 1U);
}

TEST_F(SqliteStoreTest, KeepsItsLogShort) {
  const auto store = MakeStore(path_);
  const std::vector<uint8_t> value(size_t{1} << 20, 7);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(store->Commit({.puts = {{"k", "large", value}}}));
    ASSERT_TRUE(store->Commit(OneOfEach("small")));
  }
  EXPECT_LT(fs::file_size(path_ + "-wal"), uintmax_t{8} << 20);
}

TEST_F(SqliteStoreTest, TellsWhenSomebodyElseHoldsTheWriteLock) {
  const auto store = MakeStore(path_);
  sqlite3* shell = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &shell), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(shell, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr),
            SQLITE_OK);
  EXPECT_EQ(store->Commit(OneOfEach("a")).error().code, Errc::kStoreLocked);
  EXPECT_EQ(store->last_error(), path_ + ": another program is writing to it");
  sqlite3_close(shell);
  EXPECT_TRUE(store->Commit(OneOfEach("a")));
  EXPECT_EQ(store->LastEventSequence(), 1U);
}

TEST_F(SqliteStoreTest, BacksUpAllOfIt) {
  const auto store = MakeStore(path_);
  ASSERT_TRUE(store->Commit(OneOfEach("a")));
  const std::string backup = folder_ / "backup.db";
  ASSERT_TRUE(store->Backup(backup)) << store->last_error();
  ASSERT_TRUE(store->Commit(OneOfEach("b")));
  EXPECT_FALSE(fs::exists(backup + "-wal")) << "a backup is one file";

  TemporaryFolder elsewhere;
  fs::copy_file(backup, elsewhere / "store.db");
  const auto restored = MakeStore(elsewhere / "store.db");
  ASSERT_EQ(restored->LoadAll().value().size(), 1U);
  EXPECT_EQ(restored->ListEvents(0, 9), store->ListEvents(0, 1));
  EXPECT_TRUE(restored->Commit(OneOfEach("c")));

  ASSERT_TRUE(store->Backup(backup)) << "replaces an older one";
  EXPECT_EQ(MakeStore(backup)->LoadAll().value().size(), 2U);
}

TEST_F(SqliteStoreTest, LeavesNothingBesideABackup) {
  const auto store = MakeStore(path_);
  fs::create_directory(folder_ / "backups");
  ASSERT_TRUE(store->Backup(folder_ / "backups/one"));
  fs::create_directory(folder_ / "backups/two");
  EXPECT_FALSE(store->Backup(folder_ / "backups/two")) << "a folder is there";
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "backups")) {
    count += entry.exists() ? 1 : 0;
  }
  EXPECT_EQ(count, 2U);
}

TEST_F(SqliteStoreTest, RefusesToBackUpWhereItWouldDoHarm) {
  const auto store = MakeStore(path_);
  ASSERT_TRUE(store->Commit(OneOfEach("a")));
  EXPECT_EQ(store->Backup(path_).error().code, Errc::kBadValue);
  fs::create_hard_link(path_, folder_ / "alias");
  EXPECT_EQ(store->Backup(folder_ / "alias").error().code, Errc::kBadValue);
  EXPECT_EQ(BackupSqlite(path_, path_).error().code, Errc::kBadValue);

  const auto other = MakeStore(folder_ / "other.db");
  ASSERT_TRUE(other->Commit(OneOfEach("x")));
  EXPECT_EQ(store->Backup(folder_ / "other.db").error().code,
            Errc::kAlreadyExists);
  EXPECT_EQ(store->Backup(folder_ / "absent/backup").error().code,
            Errc::kNotFound);
  EXPECT_TRUE(store->Commit(OneOfEach("b")));
}

TEST_F(SqliteStoreTest, IsBackedUpFromOutside) {
  const std::string backup = folder_ / "backup.db";
  EXPECT_EQ(BackupSqlite(path_, backup).error().code, Errc::kNotFound);
  const auto store = MakeStore(path_);
  ASSERT_TRUE(store->Commit(OneOfEach("a")));
  ASSERT_TRUE(BackupSqlite(path_, backup));
  EXPECT_EQ(MakeStore(backup)->LoadAll(), store->LoadAll());

  RunSql(folder_ / "other.db", "CREATE TABLE bookmarks (x)");
  EXPECT_EQ(BackupSqlite(folder_ / "other.db", backup).error().code,
            Errc::kBadStore);
  EXPECT_EQ(MakeStore(backup)->LoadAll(), store->LoadAll()) << "replaced";
}

TEST_F(SqliteStoreTest, IsBackedUpAfterACrash) {
  const auto store = MakeStore(path_);
  ASSERT_TRUE(store->Commit(OneOfEach("a")));
  TemporaryFolder after;
  CopyAsAfterACrash(folder_, after);
  ASSERT_TRUE(BackupSqlite(after / "store.db", after / "backup.db"));
  EXPECT_EQ(MakeStore(after / "backup.db")->LoadAll(), store->LoadAll());
}

TEST_F(SqliteStoreTest, IsBackedUpByAThreadWhileItWrites) {
  const auto store = MakeStore(path_);
  const std::string backup = folder_ / "backup.db";
  ASSERT_TRUE(store->Commit(OneOfEach("first")));
  std::vector<size_t> sizes;
  std::thread copier([&] {
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(BackupSqlite(path_, backup));
      const auto copy = MakeStore(backup);
      const auto records = copy->LoadAll().value();
      EXPECT_EQ(records.size(), copy->LastEventSequence().value());
      sizes.push_back(records.size());
    }
  });
  for (int i = 0; i < 500; ++i) {
    const auto committed = store->Commit(OneOfEach(std::to_string(i)));
    ASSERT_TRUE(committed) << store->last_error();
  }
  copier.join();
  EXPECT_TRUE(std::ranges::is_sorted(sizes));
  EXPECT_EQ(sizes.size(), 20U);
  EXPECT_EQ(store->LoadAll().value().size(), 501U);
}

}  // namespace
}  // namespace natkit::mesh
