#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "natkit/mesh/registry/store.h"

namespace natkit::mesh {

/// Why a file could not be opened or copied.
struct StoreFailure {
  Errc code;
  std::string text;  ///< one line for the operator; names the file
};

/// A store in one SQLite file, for one process at a time.
///
/// Next to `path` lie `path`-lock, which stays, and while the store is open or
/// after a crash `path`-wal and `path`-shm, which are part of it. All are 0600.
/// A commit is in the write-ahead log, and the log on the disk, when Commit
/// returns; the log is written back every 1,000 pages of 4 KiB and does not
/// stay larger than that.
///
/// When the disk is full a commit fails with kStoreFull; once there is room,
/// commits work again. When the disk reports an error while a commit is made
/// durable, whether a crash would keep that commit is not known; so from there
/// on every call fails with kIo until the file is opened anew.
class SqliteStore final : public Store {
 public:
  /// Opens the file, or makes it if there is none, checks its structure (reads
  /// all of it) and brings an older schema up to date. Errors: kStoreLocked
  /// when another process has it open; kStoreTooNew; kBadStore for a damaged
  /// file and for one that is no store; kInsecureFile when others may read it;
  /// kPermissionDenied; kNotFound for a missing folder; kStoreFull; kIo.
  [[nodiscard]] static std::expected<std::unique_ptr<SqliteStore>, StoreFailure>
  Open(const std::string& path);

  ~SqliteStore() override;

  [[nodiscard]] Result<void> Commit(const StoreBatch& batch) override;
  [[nodiscard]] Result<std::vector<StoreRecord>> LoadAll() override;
  [[nodiscard]] Result<std::vector<StoreEvent>> ListEvents(
      uint64_t after_sequence, size_t limit) override;
  [[nodiscard]] Result<uint64_t> LastEventSequence() override;
  [[nodiscard]] Result<void> TrimEvents(uint64_t keep) override;
  [[nodiscard]] const std::string& last_error() const override;

  /// Copies the store as it is to the file `to`; see BackupSqlite.
  [[nodiscard]] Result<void> Backup(const std::string& to);

  /// The connection; private to libmesh.
  struct Impl;

 private:
  explicit SqliteStore(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

/// Copies the store at `from`, as of one moment, into one file `to` (0600),
/// which is replaced at once and only by a copy that is complete, checked and
/// on the disk. `from` may be in use by a server, in this process (on another
/// thread, too) or in another; neither waits for the other. To restore, stop
/// the server, remove `path`-wal and `path`-shm, and copy the backup to `path`.
///
/// Errors: kNotFound; kBadStore when `from` is no store or damaged; kBadValue
/// when both are the same file; kAlreadyExists when `to` is a database in use
/// (`to`-wal exists); kPermissionDenied; kStoreFull; kStoreLocked; kIo.
[[nodiscard]] std::expected<void, StoreFailure> BackupSqlite(
    const std::string& from, const std::string& to);

}  // namespace natkit::mesh
