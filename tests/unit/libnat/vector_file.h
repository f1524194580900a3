#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "hex.h"

namespace natkit::testing {

using Bytes = std::vector<uint8_t>;

/// The byte strings of one file of tests/vectors/, by name. Lines are
/// `name = hex`, further hex when indented, or comments with "#".
class VectorFile {
 public:
  explicit VectorFile(const std::string& file_name) {
    std::ifstream file(NATKIT_SOURCE_DIR "/tests/vectors/" + file_name);
    if (!file) {
      throw std::runtime_error("no vector file " + file_name);
    }
    std::string name;
    for (std::string line; std::getline(file, line);) {
      Add(line, name);
    }
  }

  [[nodiscard]] Bytes Get(const std::string& name) const {
    return Hex(hex_.at(name));
  }

 private:
  void Add(const std::string& line, std::string& name) {
    if (line.empty() || line.front() == '#') {
      return;
    }
    if (line.front() == ' ') {
      hex_.at(name) += line;
      return;
    }
    const size_t equals = line.find(" =");
    name = line.substr(0, equals);
    hex_[name] = line.substr(equals + 2);
  }

  std::map<std::string, std::string> hex_;
};

}  // namespace natkit::testing
