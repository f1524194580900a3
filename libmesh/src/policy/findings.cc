#include "policy/findings.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "natkit/mesh/policy/policy.h"

namespace natkit::mesh::policy {

namespace {

constexpr size_t kLongestName = 64;
constexpr size_t kFarthest = 2;

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Letters to insert, drop or change to get from one to the other, case aside.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t change = diagonal + (Lower(a[i]) == Lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

void Findings::Add(Diagnostic finding) {
  has_error_ |= finding.severity == Severity::kError;
  if (list_.size() < kMaxPolicyFindings) {
    const auto after =
        std::ranges::upper_bound(list_, finding.at, {}, &Diagnostic::at);
    list_.insert(after, std::move(finding));
    return;
  }
  ++left_out_;
  left_out_error_ |= finding.severity == Severity::kError;
}

std::vector<Diagnostic> Findings::Take() {
  if (left_out_ > 0) {
    list_.push_back({left_out_error_ ? Severity::kError : Severity::kWarning,
                     list_.back().at,
                     "and " + std::to_string(left_out_) + " more findings"});
  }
  left_out_ = 0;
  return std::exchange(list_, {});
}

std::string DidYouMean(std::string_view name,
                       const std::vector<std::string>& candidates) {
  if (name.size() > kLongestName) {
    return "";
  }
  size_t best = std::min(kFarthest, name.size() / 2) + 1;
  const std::string* nearest = nullptr;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestName) {
      continue;
    }
    const size_t distance = EditDistance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = &candidate;
    }
  }
  return nearest == nullptr ? "" : ", did you mean \"" + *nearest + "\"?";
}

}  // namespace natkit::mesh::policy
