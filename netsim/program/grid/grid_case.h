#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/netsim/nat_config.h"

namespace natkit::netsim::grid {

/// How one box of a case behaves. New mappings get random ports unless it says
/// otherwise.
struct BoxSpec {
  Dependence mapping = Dependence::kEndpointIndependent;
  Dependence filtering = Dependence::kAddressAndPortDependent;
  Hairpinning hairpinning = Hairpinning::kNone;
  PortAssignment ports = PortAssignment::kRandom;
  PortRange range;
  uint16_t block_size = 2048;
};

/// What a pair of hosts can do, by the simulation of nat.md 11.1.
enum class Reach : char {
  kSymmetric = 'Y',   ///< one 5-tuple works both ways
  kAsymmetric = 'a',  ///< both ways, but over different 5-tuples
  kOneWay = '1',      ///< one direction only
  kNothing = '-',
};

/// Where a case stands in the matrix of all pairs.
struct Position {
  size_t row = 0;
  size_t column = 0;
};

/// Two hosts, A and B, and the boxes between each of them and the Internet.
struct GridCase {
  std::string name;   ///< "EI-APD/APD-AD" (mapping-filtering), or a word
  std::string title;  ///< for people
  std::vector<BoxSpec> shared;  ///< boxes of both, outermost first
  std::vector<BoxSpec> a;       ///< then those of A alone, outermost first
  std::vector<BoxSpec> b;
  Reach reach = Reach::kNothing;
  std::optional<Position> position;
  bool is_overridden = false;  ///< `reach` is what the user expects
  /// The agents have help against hard NATs (libnat's HardPunch).
  bool is_hard = false;
  /// How often an attempt of a hard case is direct; 1 where chance has no part.
  double chance = 1;

  /// An ICE agent needs one 5-tuple that works both ways.
  [[nodiscard]] bool expects_direct() const {
    return reach == Reach::kSymmetric;
  }
};

inline constexpr size_t kBehaviors = 9;

/// "EI-EI", "EI-AD", ..., "APD-APD" for 0 to 8.
[[nodiscard]] std::string BehaviorName(size_t index);

/// All 81 pairs of the matrix, row by row, then the cases with carriers and
/// shared boxes.
[[nodiscard]] std::vector<GridCase> AllCases();

/// The pairs of the matrix that are not direct by checks alone, with the help
/// of HardPunch, and pairs with other ways to choose ports. What to expect is
/// what its planner promises (nat.md 12).
[[nodiscard]] std::vector<GridCase> HardCases();

}  // namespace natkit::netsim::grid
