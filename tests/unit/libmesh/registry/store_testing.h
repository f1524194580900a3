#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "natkit/mesh/registry/sqlite_store.h"

namespace natkit::mesh::testing {

/// A fresh directory that goes away with its content.
struct TemporaryFolder {
  std::filesystem::path path;

  TemporaryFolder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "natkit-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }

  ~TemporaryFolder() { std::filesystem::remove_all(path); }

  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string operator/(const char* name) const {
    return (path / name).string();
  }
};

/// Opens a store that must open.
inline std::unique_ptr<SqliteStore> MakeStore(const std::string& path) {
  auto store = SqliteStore::Open(path);
  if (!store) {
    ADD_FAILURE() << store.error().text;
    std::abort();
  }
  return std::move(*store);
}

/// The code that opening it fails with, Errc{} when it opens.
inline Errc OpenError(const std::string& path) {
  const auto store = SqliteStore::Open(path);
  return store ? Errc{} : store.error().code;
}

/// A record and an event that belong together.
inline StoreBatch OneOfEach(const std::string& key) {
  return {.puts = {{"node", key, {1, 2, 3}}},
          .events = {{.unix_ms = 1, .type = "put", .subject = key}}};
}

}  // namespace natkit::mesh::testing
