#include "registry/sqlite_handle.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace natkit::mesh {
namespace {

/// How long a call waits for somebody's write lock: an operator's sqlite3 shell
/// may hold it; another server cannot be there.
constexpr int kBusyMilliseconds = 500;

bool IsNoRoom(int system_error) {
  return system_error == ENOSPC || system_error == EDQUOT ||
         system_error == EFBIG;
}

Errc ErrcOf(int code, int system_error) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Errc::kStoreFull;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::kStoreLocked;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_ERROR:  // a table or column that ought to be there is not
      return Errc::kBadStore;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return Errc::kPermissionDenied;
    case SQLITE_TOOBIG:
      return Errc::kLimitExceeded;
    case SQLITE_IOERR:
      // A sync that fails leaves open what is on the disk; a write does not.
      return code == SQLITE_IOERR_WRITE && IsNoRoom(system_error)
                 ? Errc::kStoreFull
                 : Errc::kIo;
    default:
      return Errc::kIo;
  }
}

std::string_view WordsFor(Errc code) {
  switch (code) {
    case Errc::kStoreFull:
      return "the disk is full";
    case Errc::kStoreLocked:
      return "another program is writing to it";
    default:
      return {};
  }
}

/// A name that SQLite takes for a file in any case, also ":memory:".
std::string AsFileName(const std::string& path) {
  return path.starts_with('/') ? path : "./" + path;
}

}  // namespace

StoreResult<Database> Database::Open(const std::string& path) {
  Database database(path);
  sqlite3* connection = nullptr;
  errno = 0;
  constexpr int kFlags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code =
      sqlite3_open_v2(AsFileName(path).c_str(), &connection, kFlags, nullptr);
  database.connection_.reset(connection);
  if (code != SQLITE_OK) {
    return std::unexpected(database.FailureOf(code));
  }
  sqlite3_busy_timeout(connection, kBusyMilliseconds);
  // The file may come from anywhere: it shall not make the connection do
  // anything but hold rows.
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  return database;
}

StoreFailure Database::Failure(Errc code, std::string_view what) const {
  return {code, path_ + ": " + std::string(what)};
}

StoreFailure Database::FailureOf(int code) const {
  // SQLite keeps the system's error of some failures only; errno has the rest,
  // which Execute and Step clear beforehand.
  int system_error = errno;
  if (connection_ != nullptr && system_error == 0) {
    system_error = sqlite3_system_errno(connection_.get());
  }
  const Errc errc = ErrcOf(code, system_error);
  if (const auto words = WordsFor(errc); !words.empty()) {
    return Failure(errc, words);
  }
  std::string what = connection_ == nullptr ? sqlite3_errstr(code)
                                            : sqlite3_errmsg(connection_.get());
  const int kind = code & 0xff;
  if (system_error != 0 && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN)) {
    what += std::string(" (") + std::strerror(system_error) + ")";
  }
  return Failure(errc, what);
}

StoreResult<void> Database::Execute(const char* sql) {
  errno = 0;
  const int code = sqlite3_exec(get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return std::unexpected(FailureOf(code));
  }
  return {};
}

StoreResult<int64_t> Database::QueryInteger(const char* sql) {
  auto statement = Statement::Prepare(*this, sql);
  if (!statement) {
    return std::unexpected(std::move(statement.error()));
  }
  const auto has_row = statement->Step(*this);
  if (!has_row) {
    return std::unexpected(has_row.error());
  }
  return *has_row ? statement->Integer(0) : 0;
}

StoreResult<std::string> Database::QueryText(const char* sql) {
  auto statement = Statement::Prepare(*this, sql);
  if (!statement) {
    return std::unexpected(std::move(statement.error()));
  }
  const auto has_row = statement->Step(*this);
  if (!has_row) {
    return std::unexpected(has_row.error());
  }
  return *has_row ? std::string(statement->Text(0)) : std::string();
}

StoreResult<Statement> Statement::Prepare(const Database& database,
                                          std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  errno = 0;
  const int code = sqlite3_prepare_v3(
      database.get(), sql.data(), static_cast<int>(sql.size()),
      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) {
    return std::unexpected(database.FailureOf(code));
  }
  return Statement(statement);
}

void Statement::Bind(int index, int64_t number) {
  sqlite3_bind_int64(statement_.get(), index, number);
}

void Statement::Bind(int index, std::string_view text) {
  // A null pointer would bind NULL instead of the empty text.
  sqlite3_bind_text(statement_.get(), index, text.empty() ? "" : text.data(),
                    static_cast<int>(text.size()), SQLITE_STATIC);
}

void Statement::Bind(int index, ByteView blob) {
  sqlite3_bind_blob(statement_.get(), index,
                    blob.empty() ? static_cast<const void*>("") : blob.data(),
                    static_cast<int>(blob.size()), SQLITE_STATIC);
}

StoreResult<bool> Statement::Step(const Database& database) {
  errno = 0;
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  auto failure = database.FailureOf(code);
  Reset();
  return std::unexpected(std::move(failure));
}

StoreResult<void> Statement::Run(const Database& database) {
  const auto stepped = Step(database);
  if (!stepped) {
    return std::unexpected(stepped.error());
  }
  return {};
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
}

int64_t Statement::Integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::Text(int column) const {
  const ByteView bytes = Blob(column);
  return AsText(bytes);
}

ByteView Statement::Blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const uint8_t*>(bytes), static_cast<size_t>(size)};
}

StoreResult<Transaction> Transaction::Begin(Database& database) {
  if (auto begun = database.Execute("BEGIN IMMEDIATE"); !begun) {
    return std::unexpected(std::move(begun.error()));
  }
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  // Some failures roll back by themselves.
  if (database_ != nullptr && sqlite3_get_autocommit(database_->get()) == 0) {
    (void)database_->Execute("ROLLBACK");
  }
}

StoreResult<void> Transaction::Commit() {
  return database_->Execute("COMMIT");
}

}  // namespace natkit::mesh
