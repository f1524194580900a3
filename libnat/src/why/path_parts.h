#pragma once

#include <optional>
#include <string>
#include <vector>

#include "natkit/nat/path_diagnosis.h"

// What a PathDiagnosis is made of.
namespace natkit::nat {

/// Another external port for each destination, as far as is known.
[[nodiscard]] bool IsHard(const PathSide& side);

/// Somebody says that a port is mapped; nobody could try.
[[nodiscard]] bool MayBeMapped(const PathSide& side);

/// Both are seen from outside under one IPv4 address.
[[nodiscard]] bool SharesNat(const PathQuestion& question);

/// All behaviours that fit what is known; empty if the mapping is not known.
[[nodiscard]] std::vector<NatBehavior> BehaviorsOf(const PathSide& side);

// In words (path_words.cc).
[[nodiscard]] std::string DescribeSide(
    const PathSide& side, const std::optional<Dependence>& filtering);
[[nodiscard]] std::string SummaryOf(PathReason reason,
                                    const PathQuestion& question,
                                    const std::vector<PunchCell>& cells);
[[nodiscard]] std::vector<std::string> TriedOf(const PathQuestion& question);

/// What would help (path_fixes.cc).
[[nodiscard]] std::vector<Fix> FixesFor(PathReason reason,
                                        const PathQuestion& question);

}  // namespace natkit::nat
