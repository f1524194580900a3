#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/mesh/registry/sqlite_store.h"

namespace natkit::mesh {

template <class T>
using StoreResult = std::expected<T, StoreFailure>;

/// One SQLite connection with its file's name for error texts.
class Database {
 public:
  /// Opens an existing file for reading and writing.
  static StoreResult<Database> Open(const std::string& path);

  /// Runs statements that yield nothing of interest.
  StoreResult<void> Execute(const char* sql);
  /// The first column of the first row; 0 or empty when there is none.
  StoreResult<int64_t> QueryInteger(const char* sql);
  StoreResult<std::string> QueryText(const char* sql);

  /// What `code`, the result of the last call, means, in words. errno is to be
  /// as the call left it, 0 before.
  [[nodiscard]] StoreFailure FailureOf(int code) const;
  [[nodiscard]] StoreFailure Failure(Errc code, std::string_view what) const;

  [[nodiscard]] sqlite3* get() const { return connection_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close(connection); }
  };

  explicit Database(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::unique_ptr<sqlite3, Close> connection_;
};

/// A prepared statement. Binding is by position from 1; what is bound must live
/// until the statement has been run.
class Statement {
 public:
  static StoreResult<Statement> Prepare(const Database& database,
                                        std::string_view sql);

  void Bind(int index, int64_t number);
  void Bind(int index, std::string_view text);
  void Bind(int index, ByteView blob);

  /// True while there is a row, false at the end; then, and on a failure, the
  /// statement is ready to be bound and run again.
  StoreResult<bool> Step(const Database& database);
  /// Runs a statement that yields no rows.
  StoreResult<void> Run(const Database& database);
  /// Makes it ready again before its end.
  void Reset();

  [[nodiscard]] int64_t Integer(int column) const;
  /// Valid until the next step.
  [[nodiscard]] std::string_view Text(int column) const;
  [[nodiscard]] ByteView Blob(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const {
      sqlite3_finalize(statement);
    }
  };

  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// A transaction that is rolled back unless it was committed.
class Transaction {
 public:
  /// Takes the write lock.
  static StoreResult<Transaction> Begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  StoreResult<void> Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}

  Database* database_;
};

}  // namespace natkit::mesh
