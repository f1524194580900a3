#include "registry/sqlite_statements.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace natkit::mesh {
namespace {

constexpr std::string_view kPut =
    "INSERT INTO records (kind, key, value) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value";
constexpr std::string_view kDelete =
    "DELETE FROM records WHERE kind = ?1 AND key = ?2";
constexpr std::string_view kAppend =
    "INSERT INTO events (sequence, unix_ms, type, actor, subject, detail, "
    "hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
constexpr std::string_view kList =
    "SELECT sequence, unix_ms, type, actor, subject, detail, hash "
    "FROM events WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
constexpr std::string_view kTrim = "DELETE FROM events WHERE sequence <= ?1";
constexpr std::string_view kRecords =
    "SELECT kind, key, value FROM records ORDER BY kind, key";

int64_t AsInteger(uint64_t number) {
  constexpr auto kMax =
      static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return static_cast<int64_t>(std::min(number, kMax));
}

StoreResult<StoreEvent> ReadEvent(const Database& database,
                                  const Statement& row) {
  StoreEvent event{.sequence = static_cast<uint64_t>(row.Integer(0)),
                   .unix_ms = row.Integer(1),
                   .type = std::string(row.Text(2)),
                   .actor = std::string(row.Text(3)),
                   .subject = std::string(row.Text(4)),
                   .detail = std::string(row.Text(5))};
  const ByteView hash = row.Blob(6);
  if (hash.size() != event.hash.size()) {
    return std::unexpected(database.Failure(
        Errc::kBadStore, "event " + std::to_string(event.sequence) +
                             " has a hash of a wrong size"));
  }
  std::ranges::copy(hash, event.hash.begin());
  return event;
}

}  // namespace

StoreStatements::StoreStatements(Statement put, Statement remove,
                                 Statement append, Statement list,
                                 Statement trim)
    : put_(std::move(put)),
      remove_(std::move(remove)),
      append_(std::move(append)),
      list_(std::move(list)),
      trim_(std::move(trim)) {}

StoreResult<StoreStatements> StoreStatements::Prepare(
    const Database& database) {
  auto put = Statement::Prepare(database, kPut);
  auto remove = Statement::Prepare(database, kDelete);
  auto append = Statement::Prepare(database, kAppend);
  auto list = Statement::Prepare(database, kList);
  auto trim = Statement::Prepare(database, kTrim);
  for (const auto* statement : {&put, &remove, &append, &list, &trim}) {
    if (!*statement) {
      return std::unexpected(statement->error());
    }
  }
  return StoreStatements(std::move(*put), std::move(*remove),
                         std::move(*append), std::move(*list),
                         std::move(*trim));
}

StoreResult<void> StoreStatements::Put(const Database& database,
                                       const StoreRecord& record) {
  put_.Bind(1, record.kind);
  put_.Bind(2, record.key);
  put_.Bind(3, ByteView(record.value));
  return put_.Run(database);
}

StoreResult<void> StoreStatements::Delete(const Database& database,
                                          std::string_view kind,
                                          std::string_view key) {
  remove_.Bind(1, kind);
  remove_.Bind(2, key);
  return remove_.Run(database);
}

StoreResult<void> StoreStatements::Append(const Database& database,
                                          const StoreEvent& event) {
  append_.Bind(1, AsInteger(event.sequence));
  append_.Bind(2, event.unix_ms);
  append_.Bind(3, event.type);
  append_.Bind(4, event.actor);
  append_.Bind(5, event.subject);
  append_.Bind(6, event.detail);
  append_.Bind(7, ByteView(event.hash));
  return append_.Run(database);
}

StoreResult<std::vector<StoreEvent>> StoreStatements::List(
    const Database& database, uint64_t after, size_t limit) {
  list_.Bind(1, AsInteger(after));
  list_.Bind(2, AsInteger(limit));
  std::vector<StoreEvent> events;
  while (true) {
    const auto has_row = list_.Step(database);
    if (!has_row) {
      return std::unexpected(has_row.error());
    }
    if (!*has_row) {
      return events;
    }
    auto event = ReadEvent(database, list_);
    if (!event) {
      list_.Reset();
      return std::unexpected(std::move(event.error()));
    }
    events.push_back(std::move(*event));
  }
}

StoreResult<void> StoreStatements::Trim(const Database& database,
                                        uint64_t last) {
  trim_.Bind(1, AsInteger(last));
  return trim_.Run(database);
}

StoreResult<std::vector<StoreRecord>> ReadRecords(const Database& database) {
  auto statement = Statement::Prepare(database, kRecords);
  if (!statement) {
    return std::unexpected(std::move(statement.error()));
  }
  std::vector<StoreRecord> records;
  while (true) {
    const auto has_row = statement->Step(database);
    if (!has_row) {
      return std::unexpected(has_row.error());
    }
    if (!*has_row) {
      return records;
    }
    const ByteView value = statement->Blob(2);
    records.push_back({std::string(statement->Text(0)),
                       std::string(statement->Text(1)),
                       {value.begin(), value.end()}});
  }
}

StoreResult<ChainHead> ReadHead(Database& database,
                                StoreStatements& statements) {
  const auto newest = database.QueryInteger("SELECT max(sequence) FROM events");
  if (!newest) {
    return std::unexpected(newest.error());
  }
  if (*newest <= 0) {
    return ChainHead{};
  }
  const auto events =
      statements.List(database, static_cast<uint64_t>(*newest) - 1, 1);
  if (!events) {
    return std::unexpected(events.error());
  }
  return ChainHead{events->at(0).sequence, events->at(0).hash};
}

}  // namespace natkit::mesh
