#include "registry/sqlite_backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "registry/sqlite_schema.h"
#include "registry/store_file.h"

namespace natkit::mesh {
namespace {

/// A new file, 0600, beside `to`; it goes away unless it was renamed.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& to) : name_(to + ".XXXXXX") {
    const OwnedFd made(::mkostemp(name_.data(), O_CLOEXEC));
    is_there_ = made.is_valid();
  }

  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  ~ScratchFile() {
    if (is_there_) {
      for (const char* ending : {"", "-journal", "-wal", "-shm"}) {
        ::unlink((name_ + ending).c_str());
      }
    }
  }

  StoreResult<void> RenameTo(const std::string& to) {
    if (::rename(name_.c_str(), to.c_str()) != 0) {
      return std::unexpected(SystemFailure(to, "cannot be replaced"));
    }
    is_there_ = false;
    return SyncFolder(to);
  }

  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] bool is_there() const { return is_there_; }

 private:
  std::string name_;
  bool is_there_ = false;
};

StoreResult<void> CheckTarget(const std::string& from, const std::string& to) {
  struct stat source{};
  struct stat target{};
  if (::stat(from.c_str(), &source) != 0) {
    return std::unexpected(SystemFailure(from, "cannot be read"));
  }
  const bool is_same = ::stat(to.c_str(), &target) == 0 &&
                       source.st_dev == target.st_dev &&
                       source.st_ino == target.st_ino;
  if (is_same) {
    return std::unexpected(StoreFailure{
        Errc::kBadValue, to + ": is the store itself, not a place for a copy"});
  }
  // The log of another database would be applied to the copy.
  if (::access((to + "-wal").c_str(), F_OK) == 0) {
    return std::unexpected(StoreFailure{
        Errc::kAlreadyExists, to + ": is a database in use (there is a -wal)"});
  }
  return {};
}

StoreResult<void> CopyPages(const Database& source, Database& copy) {
  sqlite3_backup* backup =
      sqlite3_backup_init(copy.get(), "main", source.get(), "main");
  if (backup == nullptr) {
    return std::unexpected(copy.FailureOf(sqlite3_errcode(copy.get())));
  }
  // All at once: a reader of a write-ahead log does not hold up the writer.
  errno = 0;
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code == SQLITE_DONE) {
    return {};
  }
  return std::unexpected(copy.FailureOf(code));
}

StoreResult<void> MakeCopy(const Database& source, const std::string& name) {
  auto copy = Database::Open(name);
  if (!copy) {
    return std::unexpected(std::move(copy.error()));
  }
  if (auto copied = CopyPages(source, *copy); !copied) {
    return copied;
  }
  // Out of the mode of the write-ahead log, so that one file is all there is.
  const auto mode = copy->QueryText("PRAGMA journal_mode = DELETE");
  if (!mode) {
    return std::unexpected(mode.error());
  }
  if (auto checked = CheckIsStore(*copy, SchemaSteps()); !checked) {
    return checked;
  }
  return CheckStructure(*copy);
}

}  // namespace

StoreResult<void> BackupDatabase(const Database& source,
                                 const std::string& from,
                                 const std::string& to) {
  if (auto checked = CheckTarget(from, to); !checked) {
    return checked;
  }
  ScratchFile scratch(to);
  if (!scratch.is_there()) {
    return std::unexpected(SystemFailure(to, "cannot be made"));
  }
  if (auto made = MakeCopy(source, scratch.name()); !made) {
    return made;
  }
  if (auto synced = SyncFile(scratch.name()); !synced) {
    return synced;
  }
  return scratch.RenameTo(to);
}

std::expected<void, StoreFailure> BackupSqlite(const std::string& from,
                                               const std::string& to) {
  if (::access(from.c_str(), R_OK) != 0) {
    return std::unexpected(SystemFailure(from, "cannot be read"));
  }
  auto source = Database::Open(from);
  if (!source) {
    return std::unexpected(std::move(source.error()));
  }
  if (auto checked = CheckIsStore(*source, SchemaSteps()); !checked) {
    return checked;
  }
  return BackupDatabase(*source, from, to);
}

}  // namespace natkit::mesh
