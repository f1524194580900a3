#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "natkit/mesh/policy/decide.h"
#include "natkit/mesh/policy/diff.h"
#include "policy_keeper.h"

namespace natkit::coordd {

/// How a command on policy files answers.
enum class ReportFormat : uint8_t {
  kText,  ///< the answer on stdout, what is wrong on stderr
  kJson   ///< one object on stdout, findings and errors in it
};

/// Gathers what a command on policy files has to say, and says it.
class PolicyReport {
 public:
  explicit PolicyReport(ReportFormat format) : format_(format) {}

  /// Findings about a file, warnings too: {"file", "line", "column",
  /// "severity", "message"} in the list `findings` of the object.
  void AddFindings(const std::string& file,
                   const std::vector<policy::Diagnostic>& diagnostics);

  /// Why there is no answer: the member `error` of the object.
  void AddError(const std::string& text);

  /// The answer as text, or `object` with the findings and errors. Called once,
  /// at the end.
  void Print(const std::string& text, nlohmann::json object) const;

 private:
  ReportFormat format_;
  nlohmann::json findings_ = nlohmann::json::array();
  std::string error_;
};

/// The answer of eval: `decision`, the rule that decided, and every pair of
/// addresses. `shown` is the one that stands for all.
[[nodiscard]] nlohmann::json ToJson(
    const policy::CompiledPolicy& compiled, const policy::PairDecision& shown,
    const std::vector<policy::PairDecision>& pairs);

/// One line of diff.
[[nodiscard]] nlohmann::json ToJson(const policy::PolicyChange& change);

}  // namespace natkit::coordd
