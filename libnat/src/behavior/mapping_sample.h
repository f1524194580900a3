#pragma once

#include <optional>

#include "behavior/session.h"

namespace natkit::nat::behavior {

/// What one socket's mappings are at the server's endpoints.
struct MappingSample {
  std::optional<Endpoint> at_a1p1;
  std::optional<Endpoint> at_a2p1;
  std::optional<Endpoint> at_a2p2;
  Endpoint local;
  /// Where endpoints differ: A1:P1, asked again after the others, still sees
  /// the first one. Else they differ because of time, or nobody knows.
  bool is_steady = true;

  [[nodiscard]] bool is_complete() const {
    return at_a1p1 && at_a2p1 && at_a2p2;
  }

  [[nodiscard]] bool is_untranslated() const {
    return at_a1p1 == local && at_a2p1 == local && at_a2p2 == local;
  }

  /// Only for a complete one (RFC 5780 section 4.3).
  [[nodiscard]] Dependence Classify() const;
};

/// Asks from a fresh socket, in the order of RFC 5780 section 4.3.
Task<MappingSample> SampleMapping(Session& session, Axis axis);

/// A verdict from two ordinary servers, the second one in the place of A2:P2.
/// nullopt: it is not known, or what it depends on is not.
std::optional<Dependence> JudgeTwoServers(Session& session, Axis axis,
                                          const MappingSample& sample);

}  // namespace natkit::nat::behavior
