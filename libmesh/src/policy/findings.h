#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "natkit/mesh/policy/diagnostic.h"

namespace natkit::mesh::policy {

/// Collects what is found in a file, up to a limit.
class Findings {
 public:
  void Error(Position at, std::string text) {
    Add({Severity::kError, at, std::move(text)});
  }

  void Warn(Position at, std::string text) {
    Add({Severity::kWarning, at, std::move(text)});
  }

  [[nodiscard]] bool has_error() const { return has_error_; }

  /// What was found, in the order of the file; a last one tells that there was
  /// more.
  [[nodiscard]] std::vector<Diagnostic> Take();

 private:
  void Add(Diagnostic finding);

  std::vector<Diagnostic> list_;  // in the order of the file
  size_t left_out_ = 0;
  bool left_out_error_ = false;
  bool has_error_ = false;
};

/// `, did you mean "x"?` for the candidate nearest to `name`, or nothing.
[[nodiscard]] std::string DidYouMean(
    std::string_view name, const std::vector<std::string>& candidates);

}  // namespace natkit::mesh::policy
