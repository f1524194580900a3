#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/mesh/registry/store.h"

namespace natkit::mesh {

/// A store that forgets everything when it dies, for tests.
class MemoryStore final : public Store {
 public:
  [[nodiscard]] Result<void> Commit(const StoreBatch& batch) override;
  [[nodiscard]] Result<std::vector<StoreRecord>> LoadAll() override;
  [[nodiscard]] Result<std::vector<StoreEvent>> ListEvents(
      uint64_t after_sequence, size_t limit) override;
  [[nodiscard]] Result<uint64_t> LastEventSequence() override;
  [[nodiscard]] Result<void> TrimEvents(uint64_t keep) override;

  [[nodiscard]] const std::string& last_error() const override {
    return last_error_;
  }

  /// Lets every Commit and TrimEvents fail with `code` from here on, as a full
  /// disk would; nullopt lets them succeed again.
  void FailWrites(std::optional<Errc> code) { write_failure_ = code; }

 private:
  using Name = std::pair<std::string, std::string>;  // kind and key

  std::unexpected<Error> FailWith(Errc code);

  std::map<Name, std::vector<uint8_t>> records_;
  std::deque<StoreEvent> events_;
  std::optional<Errc> write_failure_;
  std::string last_error_;
};

}  // namespace natkit::mesh
