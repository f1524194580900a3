#include "natkit/mesh/registry/sqlite_store.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "natkit/mesh/registry/event_chain.h"
#include "registry/sqlite_backup.h"
#include "registry/sqlite_handle.h"
#include "registry/sqlite_schema.h"
#include "registry/sqlite_statements.h"
#include "registry/store_file.h"

namespace natkit::mesh {

struct SqliteStore::Impl {
  std::string path;
  OwnedFd lock;  // let go last
  Database database;
  StoreStatements statements;
  ChainHead head;
  std::string last_error = {};
  bool is_failed = false;  // see the class comment

  StoreResult<void> Commit(const StoreBatch& batch);
  StoreResult<void> Write(const StoreBatch& batch, ChainHead& next);
  StoreResult<void> Trim(uint64_t keep);
  StoreResult<void> Finish(Transaction& transaction);
  StoreResult<void> CheckUsable() const;

  /// Keeps the text of a failure and yields its code.
  template <class T>
  Result<T> Report(StoreResult<T> result) {
    if (!result) {
      last_error = std::move(result.error().text);
      return Fail(result.error().code);
    }
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return std::move(*result);
    }
  }
};

namespace {

// FULL syncs the log at each commit. The limit cuts the log after a burst.
constexpr const char* kSettings = R"(
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 1000;
PRAGMA journal_size_limit = 4194304;
PRAGMA cell_size_check = ON;
)";

StoreResult<void> UseWriteAheadLog(Database& database) {
  const auto mode = database.QueryText("PRAGMA journal_mode = WAL");
  if (!mode) {
    return std::unexpected(mode.error());
  }
  if (*mode != "wal") {
    return std::unexpected(database.Failure(
        Errc::kUnsupported, "cannot have a write-ahead log where it lies"));
  }
  return database.Execute(kSettings);
}

/// Opens, checks and brings up to date; the lock is held already.
StoreResult<Database> OpenChecked(const std::string& path) {
  auto database = Database::Open(path);
  if (!database) {
    return database;
  }
  StoreResult<void> done = CheckIsStore(*database, SchemaSteps());
  if (done) {
    done = CheckStructure(*database);
  }
  if (done) {
    done = UseWriteAheadLog(*database);
  }
  if (done) {
    done = Migrate(*database, SchemaSteps());
  }
  if (!done) {
    return std::unexpected(std::move(done.error()));
  }
  return database;
}

}  // namespace

StoreResult<void> SqliteStore::Impl::CheckUsable() const {
  if (is_failed) {
    return std::unexpected(database.Failure(
        Errc::kIo, "the disk failed in a commit; open the store anew"));
  }
  return {};
}

StoreResult<void> SqliteStore::Impl::Finish(Transaction& transaction) {
  auto committed = transaction.Commit();
  is_failed = !committed && committed.error().code == Errc::kIo;
  return committed;
}

StoreResult<void> SqliteStore::Impl::Write(const StoreBatch& batch,
                                           ChainHead& next) {
  StoreResult<void> done;
  for (const auto& [kind, key] : batch.deletes) {
    if (done = statements.Delete(database, kind, key); !done) {
      return done;
    }
  }
  for (const auto& put : batch.puts) {
    if (done = statements.Put(database, put); !done) {
      return done;
    }
  }
  for (StoreEvent event : batch.events) {
    event.sequence = next.sequence + 1;
    event.hash = HashEvent(next.hash, event);
    if (done = statements.Append(database, event); !done) {
      return done;
    }
    next = {event.sequence, event.hash};
  }
  return done;
}

StoreResult<void> SqliteStore::Impl::Commit(const StoreBatch& batch) {
  if (const auto checked = CheckBatch(batch); !checked) {
    const Errc code = checked.error().code;
    return std::unexpected(database.Failure(
        code, "a change cannot be stored: " + std::string(ErrcName(code))));
  }
  if (auto usable = CheckUsable(); !usable || batch.is_empty()) {
    return usable;
  }
  auto transaction = Transaction::Begin(database);
  if (!transaction) {
    return std::unexpected(std::move(transaction.error()));
  }
  ChainHead next = head;
  if (auto written = Write(batch, next); !written) {
    return written;
  }
  auto finished = Finish(*transaction);
  if (finished) {
    head = next;
  }
  return finished;
}

StoreResult<void> SqliteStore::Impl::Trim(uint64_t keep) {
  keep = std::max<uint64_t>(keep, 1);
  if (auto usable = CheckUsable(); !usable || head.sequence <= keep) {
    return usable;
  }
  auto transaction = Transaction::Begin(database);
  if (!transaction) {
    return std::unexpected(std::move(transaction.error()));
  }
  if (auto done = statements.Trim(database, head.sequence - keep); !done) {
    return done;
  }
  return Finish(*transaction);
}

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SqliteStore::~SqliteStore() = default;

std::expected<std::unique_ptr<SqliteStore>, StoreFailure> SqliteStore::Open(
    const std::string& path) {
  auto lock = LockStore(path);
  if (!lock) {
    return std::unexpected(std::move(lock.error()));
  }
  if (auto made = EnsurePrivateFile(path); !made) {
    return std::unexpected(std::move(made.error()));
  }
  auto database = OpenChecked(path);
  if (!database) {
    return std::unexpected(std::move(database.error()));
  }
  auto statements = StoreStatements::Prepare(*database);
  if (!statements) {
    return std::unexpected(std::move(statements.error()));
  }
  const auto head = ReadHead(*database, *statements);
  if (!head) {
    return std::unexpected(head.error());
  }
  return std::unique_ptr<SqliteStore>(new SqliteStore(
      std::make_unique<Impl>(Impl{path, std::move(*lock), std::move(*database),
                                  std::move(*statements), *head})));
}

Result<void> SqliteStore::Commit(const StoreBatch& batch) {
  return impl_->Report(impl_->Commit(batch));
}

Result<std::vector<StoreRecord>> SqliteStore::LoadAll() {
  if (auto usable = impl_->Report(impl_->CheckUsable()); !usable) {
    return std::unexpected(usable.error());
  }
  return impl_->Report(ReadRecords(impl_->database));
}

Result<std::vector<StoreEvent>> SqliteStore::ListEvents(uint64_t after_sequence,
                                                        size_t limit) {
  if (auto usable = impl_->Report(impl_->CheckUsable()); !usable) {
    return std::unexpected(usable.error());
  }
  return impl_->Report(
      impl_->statements.List(impl_->database, after_sequence, limit));
}

Result<uint64_t> SqliteStore::LastEventSequence() {
  if (auto usable = impl_->Report(impl_->CheckUsable()); !usable) {
    return std::unexpected(usable.error());
  }
  return impl_->head.sequence;
}

Result<void> SqliteStore::TrimEvents(uint64_t keep) {
  return impl_->Report(impl_->Trim(keep));
}

Result<void> SqliteStore::Backup(const std::string& to) {
  if (auto usable = impl_->Report(impl_->CheckUsable()); !usable) {
    return usable;
  }
  return impl_->Report(BackupDatabase(impl_->database, impl_->path, to));
}

const std::string& SqliteStore::last_error() const {
  return impl_->last_error;
}

}  // namespace natkit::mesh
