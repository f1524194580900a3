#pragma once

#include <cstdint>
#include <span>

#include "registry/sqlite_handle.h"

namespace natkit::mesh {

/// "nkst" in the file's header: file(1) and we tell a store by it.
inline constexpr int64_t kApplicationId = 0x6e6b7374;

/// SQL that brings a file from version i to i + 1, by i. What is in it once it
/// was released never changes; new steps come at the end.
[[nodiscard]] std::span<const char* const> SchemaSteps();

/// Fails unless the file is a store, or empty, and not of a later version than
/// `steps` lead to. Errors: kBadStore, kStoreTooNew, as a query.
StoreResult<void> CheckIsStore(Database& database,
                               std::span<const char* const> steps);

/// Looks for damage to the file's structure. Errors: kBadStore.
StoreResult<void> CheckStructure(Database& database);

/// Takes the steps that are missing, all in one transaction.
StoreResult<void> Migrate(Database& database,
                          std::span<const char* const> steps);

}  // namespace natkit::mesh
