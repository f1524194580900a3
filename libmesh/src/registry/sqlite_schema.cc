#include "registry/sqlite_schema.h"

#include <array>
#include <string>

namespace natkit::mesh {
namespace {

// Version 1. Keys compare bytewise: BINARY is the default collation.
constexpr const char* kRecordsAndEvents = R"(
CREATE TABLE records (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT;
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY,
  unix_ms INTEGER NOT NULL,
  type TEXT NOT NULL,
  actor TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT;
)";

constexpr std::array<const char*, 1> kSteps = {kRecordsAndEvents};

StoreResult<void> SetVersion(Database& database, size_t version) {
  const std::string sql =
      "PRAGMA application_id = " + std::to_string(kApplicationId) +
      "; PRAGMA user_version = " + std::to_string(version);
  return database.Execute(sql.c_str());
}

}  // namespace

std::span<const char* const> SchemaSteps() {
  return kSteps;
}

StoreResult<void> CheckIsStore(Database& database,
                               std::span<const char* const> steps) {
  const auto application = database.QueryInteger("PRAGMA application_id");
  const auto version = database.QueryInteger("PRAGMA user_version");
  const auto tables =
      database.QueryInteger("SELECT count(*) FROM sqlite_schema");
  for (const auto* value : {&application, &version, &tables}) {
    if (!*value) {
      return std::unexpected(value->error());
    }
  }
  const bool is_new = *application == 0 && *version == 0 && *tables == 0;
  if (!is_new && (*application != kApplicationId || *version < 1)) {
    return std::unexpected(
        database.Failure(Errc::kBadStore, "is a database of another program"));
  }
  if (*version > static_cast<int64_t>(steps.size())) {
    return std::unexpected(database.Failure(
        Errc::kStoreTooNew, "has schema " + std::to_string(*version) +
                                ", and this version knows none beyond " +
                                std::to_string(steps.size()) +
                                ": a later version wrote it"));
  }
  return {};
}

StoreResult<void> CheckStructure(Database& database) {
  const auto verdict = database.QueryText("PRAGMA quick_check(1)");
  if (!verdict) {
    return std::unexpected(verdict.error());
  }
  if (*verdict != "ok") {
    return std::unexpected(database.Failure(
        Errc::kBadStore, "is damaged; restore a backup (" + *verdict + ")"));
  }
  return {};
}

StoreResult<void> Migrate(Database& database,
                          std::span<const char* const> steps) {
  auto transaction = Transaction::Begin(database);
  if (!transaction) {
    return std::unexpected(std::move(transaction.error()));
  }
  const auto version = database.QueryInteger("PRAGMA user_version");
  if (!version) {
    return std::unexpected(version.error());
  }
  if (*version == static_cast<int64_t>(steps.size())) {
    return {};
  }
  for (const char* step : steps.subspan(static_cast<size_t>(*version))) {
    if (auto taken = database.Execute(step); !taken) {
      return taken;
    }
  }
  if (auto set = SetVersion(database, steps.size()); !set) {
    return set;
  }
  return transaction->Commit();
}

}  // namespace natkit::mesh
