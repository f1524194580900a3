#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace natkit::io {

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

}  // namespace natkit::io
