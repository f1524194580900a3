#include "registry/sqlite_schema.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

#include "store_testing.h"

namespace natkit::mesh {
namespace {

using testing::MakeStore;
using testing::OneOfEach;
using testing::TemporaryFolder;

// A file as version 1 makes it, in its own words: when this test fails, files
// that exist are no longer understood.
constexpr const char* kVersion1 = R"(
PRAGMA journal_mode = WAL;
PRAGMA application_id = 1852535668;
CREATE TABLE records (kind TEXT NOT NULL, key TEXT NOT NULL,
  value BLOB NOT NULL, PRIMARY KEY (kind, key)) STRICT;
CREATE TABLE events (sequence INTEGER PRIMARY KEY, unix_ms INTEGER NOT NULL,
  type TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL,
  detail TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
INSERT INTO records VALUES ('node', 'a', x'010203');
INSERT INTO events VALUES (7, 1700000000123, 'node_registered', 'alice', 'a',
  '{}', x'000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f');
PRAGMA user_version = 1;
)";

class SqliteSchemaTest : public ::testing::Test {
 protected:
  Database Make(const char* sql) {
    std::ofstream(path_).close();
    EXPECT_EQ(::chmod(path_.c_str(), 0600), 0);
    auto database = Database::Open(path_).value();
    const auto done = database.Execute(sql);
    EXPECT_TRUE(done) << done.error().text;
    return database;
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "store.db";
};

TEST_F(SqliteSchemaTest, OpensAFileOfVersion1) {
  Make(kVersion1);
  const auto store = MakeStore(path_);
  EXPECT_EQ(store->LoadAll(),
            (std::vector<StoreRecord>{{"node", "a", {1, 2, 3}}}));
  const auto events = store->ListEvents(0, 10).value();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].sequence, 7U);
  EXPECT_EQ(events[0].unix_ms, 1700000000123);
  EXPECT_EQ(events[0].actor, "alice");
  EXPECT_EQ(events[0].hash[15], 15);
  ASSERT_TRUE(store->Commit(OneOfEach("b")));
  EXPECT_EQ(store->LastEventSequence(), 8U);
}

TEST_F(SqliteSchemaTest, MakesAStoreOfAnEmptyFile) {
  Make("SELECT 1");  // version 0: no bytes at all
  EXPECT_TRUE(MakeStore(path_)->Commit(OneOfEach("a")));
  auto database = Database::Open(path_).value();
  EXPECT_EQ(database.QueryInteger("PRAGMA user_version").value(),
            static_cast<int64_t>(SchemaSteps().size()));
  EXPECT_EQ(database.QueryInteger("PRAGMA application_id").value(),
            kApplicationId);
}

TEST_F(SqliteSchemaTest, MakesAStoreWhereAServerDiedBeforeItHadTables) {
  Make("PRAGMA journal_mode = WAL");
  EXPECT_TRUE(MakeStore(path_)->Commit(OneOfEach("a")));
}

TEST_F(SqliteSchemaTest, TakesTheStepsThatAreMissingInTheirOrder) {
  auto database = Make(kVersion1);
  const std::array<const char*, 3> steps = {
      "SELECT no_such_function()",  // taken already; must not run again
      "ALTER TABLE records ADD COLUMN size INTEGER",
      "UPDATE records SET size = length(value)"};
  ASSERT_TRUE(CheckIsStore(database, steps));
  ASSERT_TRUE(Migrate(database, steps));
  EXPECT_EQ(database.QueryInteger("SELECT size FROM records").value(), 3);
  EXPECT_EQ(database.QueryInteger("PRAGMA user_version").value(), 3);
  ASSERT_TRUE(Migrate(database, steps)) << "nothing is left to do";
  EXPECT_FALSE(CheckIsStore(database, SchemaSteps())) << "too new for 1";
}

TEST_F(SqliteSchemaTest, TakesAllStepsOrNone) {
  auto database = Make(kVersion1);
  const std::array<const char*, 3> steps = {
      "", "DELETE FROM records; CREATE TABLE more (x)",
      "CREATE TABLE records (x)"};
  const auto migrated = Migrate(database, steps);
  ASSERT_FALSE(migrated);
  EXPECT_EQ(migrated.error().code, Errc::kBadStore);
  EXPECT_EQ(database.QueryInteger("PRAGMA user_version").value(), 1);
  EXPECT_EQ(database.QueryInteger("SELECT count(*) FROM records").value(), 1);
  EXPECT_FALSE(database.QueryInteger("SELECT count(*) FROM more"));
}

TEST_F(SqliteSchemaTest, RefusesAVersionWithoutItsMark) {
  auto database = Make("CREATE TABLE records (x); PRAGMA user_version = 1");
  EXPECT_EQ(CheckIsStore(database, SchemaSteps()).error().code,
            Errc::kBadStore);
}

TEST_F(SqliteSchemaTest, RunsNoTriggerOfAFile) {
  Make(kVersion1);
  {
    auto database = Database::Open(path_).value();
    ASSERT_TRUE(
        database.Execute("CREATE TRIGGER evil AFTER INSERT ON records BEGIN "
                         "DELETE FROM events; END"));
  }
  const auto store = MakeStore(path_);
  ASSERT_TRUE(store->Commit({.puts = {{"node", "b", {}}}}));
  EXPECT_EQ(store->ListEvents(0, 10).value().size(), 1U);
}

}  // namespace
}  // namespace natkit::mesh
