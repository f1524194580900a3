#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/time.h"
#include "requirement.h"

namespace natkit::natcheck::conformance {

/// What the evidence says about one requirement.
enum class Verdict : uint8_t {
  kPass,
  kFail,
  kInconclusive,   ///< it does not suffice, or nobody could see it
  kNotApplicable,  ///< the requirement is not about this box
};

/// "pass", "fail", "inconclusive", "not-applicable".
[[nodiscard]] inline std::string_view VerdictWord(Verdict verdict) {
  constexpr std::array<std::string_view, 4> kWords = {
      "pass", "fail", "inconclusive", "not-applicable"};
  return kWords[static_cast<size_t>(verdict)];
}

/// The two sides of the box under test.
enum class Side : uint8_t { kInside, kOutside };

[[nodiscard]] inline std::string_view SideWord(Side side) {
  return side == Side::kInside ? "inside" : "outside";
}

/// One thing that was done or seen.
struct Evidence {
  enum class Kind : uint8_t { kSent, kSeen, kNote };
  Instant at;
  Kind kind = Kind::kNote;
  Side side = Side::kInside;    ///< not of notes
  std::string text;             ///< a packet in words
  std::vector<uint8_t> packet;  ///< empty for notes
};

/// What was done and seen in one test; several requirements may rest on it.
struct Record {
  static constexpr size_t kMaxEntries = 400;

  std::string test;  ///< its name
  std::vector<Evidence> entries;
  size_t left_out = 0;  ///< beyond kMaxEntries
};

/// The outcome for one requirement.
struct Finding {
  const Requirement* requirement = nullptr;
  Verdict verdict = Verdict::kInconclusive;
  std::string reason;                    ///< one sentence
  std::shared_ptr<const Record> record;  ///< nullptr: no test was made
  bool is_stated = false;                ///< by the operator, not by packets
};

}  // namespace natkit::natcheck::conformance
