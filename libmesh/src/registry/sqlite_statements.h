#pragma once

#include <cstdint>
#include <vector>

#include "natkit/mesh/registry/store.h"
#include "registry/sqlite_handle.h"

namespace natkit::mesh {

/// The newest event, on which the next one is chained.
struct ChainHead {
  uint64_t sequence = 0;
  EventHash hash{};
};

/// What a server does with the tables, prepared once. All numbers of the C++
/// side are clamped to SQLite's 63 bits.
class StoreStatements {
 public:
  static StoreResult<StoreStatements> Prepare(const Database& database);

  StoreResult<void> Put(const Database& database, const StoreRecord& record);
  StoreResult<void> Delete(const Database& database, std::string_view kind,
                           std::string_view key);
  /// Stores `event` with its sequence and hash.
  StoreResult<void> Append(const Database& database, const StoreEvent& event);
  StoreResult<std::vector<StoreEvent>> List(const Database& database,
                                            uint64_t after, size_t limit);
  /// Removes the events up to and with `last`.
  StoreResult<void> Trim(const Database& database, uint64_t last);

 private:
  StoreStatements(Statement put, Statement remove, Statement append,
                  Statement list, Statement trim);

  Statement put_;
  Statement remove_;
  Statement append_;
  Statement list_;
  Statement trim_;
};

/// All records by kind and key.
StoreResult<std::vector<StoreRecord>> ReadRecords(const Database& database);

/// The newest event's sequence and hash.
StoreResult<ChainHead> ReadHead(Database& database,
                                StoreStatements& statements);

}  // namespace natkit::mesh
