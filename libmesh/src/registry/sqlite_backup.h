#pragma once

#include <string>

#include "registry/sqlite_handle.h"

namespace natkit::mesh {

/// BackupSqlite, from a connection to the file `from`.
StoreResult<void> BackupDatabase(const Database& source,
                                 const std::string& from,
                                 const std::string& to);

}  // namespace natkit::mesh
