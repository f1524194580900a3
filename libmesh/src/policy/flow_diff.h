#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "natkit/mesh/policy/diff.h"

namespace natkit::mesh::policy {

/// What changes for one protocol, or for several that change alike.
struct FlowChange {
  ChangeKind kind = ChangeKind::kOpened;
  Ports ports;
  std::vector<uint8_t> protocols;
  auto operator<=>(const FlowChange&) const = default;
};

using FlowChanges = std::vector<FlowChange>;

/// Sorted numbers of flows, none twice.
using FlowSet = std::vector<uint32_t>;

/// A rule that lets nothing pass.
inline constexpr uint32_t kNoFlow = UINT32_MAX;

/// Compares what rules let pass, whoever they are for: ports, protocols and
/// times.
class FlowDiff {
 public:
  /// With `at`, a rule counts if it is open at that moment, and then always.
  FlowDiff(const WindowJudge& is_open, std::optional<int64_t> at)
      : is_open_(is_open), at_(at) {}

  /// A number for a rule: the same for all that let the same pass. The rule
  /// must outlive this object.
  uint32_t NumberOf(const CompiledRule& rule);

  /// What differs between two sets of flows. Holds until the next call.
  const FlowChanges& Changes(AddressFamily family, const FlowSet& before,
                             const FlowSet& after);

 private:
  struct Flow {
    const CompiledRule* rule = nullptr;
    std::vector<TimeWindow> windows;  ///< empty: always
  };

  /// One comparison: its family and both sets.
  struct Question {
    AddressFamily family = AddressFamily::kIpv4;
    FlowSet before;
    FlowSet after;
    auto operator<=>(const Question&) const = default;
  };

  [[nodiscard]] FlowChanges Compare(const Question& question) const;
  [[nodiscard]] std::optional<ChangeKind> ChangeAt(const Question& question,
                                                   uint8_t protocol,
                                                   uint16_t port) const;
  [[nodiscard]] std::map<ChangeKind, Ports> ChangesOf(const Question& question,
                                                      uint8_t protocol) const;

  const WindowJudge& is_open_;
  std::optional<int64_t> at_;
  std::vector<Flow> flows_;
  std::map<std::string, uint32_t> numbers_;  // by what a flow says
  std::map<Question, FlowChanges> known_;
};

}  // namespace natkit::mesh::policy
