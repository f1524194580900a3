#include "natkit/nat/path_diagnosis.h"

#include <algorithm>
#include <array>

#include "why/path_parts.h"

namespace natkit::nat {

namespace {

constexpr std::array kDependences = {Dependence::kEndpointIndependent,
                                     Dependence::kAddressDependent,
                                     Dependence::kAddressAndPortDependent};

/// Before what the search showed.
std::vector<PunchCell> CellsOf(const PathQuestion& question) {
  std::vector<PunchCell> cells;
  for (const NatBehavior& ours : BehaviorsOf(question.ours)) {
    for (const NatBehavior& theirs : BehaviorsOf(*question.theirs)) {
      cells.push_back({ours, theirs, PredictReach(ours, theirs)});
    }
  }
  return cells;
}

bool IsDirect(const PunchCell& cell) {
  return cell.reach == Reach::kDirect;
}

/// Leaves what fits the end of the search, where that tells anything.
void Narrow(const PathQuestion& question, std::vector<PunchCell>& cells) {
  const bool was_in_vain =
      question.has_searched && !question.eats_data && !SharesNat(question);
  const bool is_evidence =
      question.is_direct ? question.is_plain_punch : was_in_vain;
  const auto fits = [&](const PunchCell& cell) {
    return IsDirect(cell) == question.is_direct;
  };
  if (is_evidence && std::ranges::any_of(cells, fits)) {
    std::erase_if(cells, [&](const PunchCell& cell) { return !fits(cell); });
  }
}

/// What the cells say beyond what was measured.
std::optional<Dependence> SeenFiltering(const std::vector<PunchCell>& cells,
                                        NatBehavior PunchCell::* side) {
  if (cells.empty()) {
    return std::nullopt;
  }
  const Dependence first = (cells.front().*side).filtering;
  const bool is_one = std::ranges::all_of(cells, [&](const PunchCell& cell) {
    return (cell.*side).filtering == first;
  });
  return is_one ? std::optional(first) : std::nullopt;
}

PathReason ReasonOf(const PathQuestion& question,
                    const std::vector<PunchCell>& cells) {
  if (question.is_direct) {
    return PathReason::kDirect;
  }
  if (!question.has_relay) {
    return PathReason::kNoRelay;
  }
  if (question.ours.traits.is_udp_blocked ||
      (question.theirs && question.theirs->traits.is_udp_blocked)) {
    return PathReason::kUdpBlocked;
  }
  if (question.eats_data && question.theirs) {
    return PathReason::kEatsData;
  }
  if (!question.is_active) {
    return PathReason::kIdle;
  }
  if (!question.theirs) {
    return PathReason::kPeerSilent;
  }
  if (!question.has_searched) {
    return PathReason::kSearching;
  }
  if (SharesNat(question)) {
    return std::ranges::all_of(cells, IsDirect) ? PathReason::kSameNat
                                                : PathReason::kNatPair;
  }
  if (cells.empty()) {
    return PathReason::kUnknownBehavior;
  }
  return std::ranges::any_of(cells, IsDirect) ? PathReason::kShouldBeDirect
                                              : PathReason::kNatPair;
}

}  // namespace

bool IsHard(const PathSide& side) {
  return side.mapped_port != MappedPort::kReachable && side.traits.mapping &&
         *side.traits.mapping != Dependence::kEndpointIndependent;
}

bool SharesNat(const PathQuestion& question) {
  if (!question.theirs) {
    return false;
  }
  const auto& theirs = question.theirs->traits.external_addresses;
  return std::ranges::any_of(
      question.ours.traits.external_addresses, [&](const IpAddress& address) {
        return address.is_v4() &&
               std::ranges::find(theirs, address) != theirs.end();
      });
}

bool MayBeMapped(const PathSide& side) {
  return side.mapped_port == MappedPort::kNotProbed ||
         side.mapped_port == MappedPort::kClaimed;
}

std::vector<NatBehavior> BehaviorsOf(const PathSide& side) {
  if (side.mapped_port == MappedPort::kReachable) {
    return {NatBehavior{}};  // whoever knows the port gets in
  }
  if (!side.traits.mapping) {
    return {};
  }
  std::vector<NatBehavior> out;
  if (MayBeMapped(side)) {
    out.emplace_back();
  }
  const auto add_all = [&](Dependence mapping) {
    for (const Dependence filtering : kDependences) {
      const NatBehavior one{mapping, filtering};
      if (side.traits.filtering.value_or(filtering) == filtering &&
          std::ranges::find(out, one) == out.end()) {
        out.push_back(one);
      }
    }
  };
  if (side.may_be_address_dependent) {
    add_all(Dependence::kAddressDependent);
  }
  add_all(*side.traits.mapping);
  return out;
}

PathDiagnosis DiagnosePath(const PathQuestion& question) {
  PathDiagnosis out;
  if (question.theirs) {
    out.cells = CellsOf(question);
    Narrow(question, out.cells);
  }
  out.reason = ReasonOf(question, out.cells);
  const auto filtering = [&](const PathSide& side,
                             NatBehavior PunchCell::* which) {
    return side.traits.filtering ? side.traits.filtering
                                 : SeenFiltering(out.cells, which);
  };
  out.summary = SummaryOf(out.reason, question, out.cells);
  out.ours =
      DescribeSide(question.ours, filtering(question.ours, &PunchCell::ours));
  out.theirs =
      question.theirs
          ? DescribeSide(*question.theirs,
                         filtering(*question.theirs, &PunchCell::theirs))
          : "not known: the peer has not answered";
  out.tried = TriedOf(question);
  out.fixes = FixesFor(out.reason, question);
  return out;
}

}  // namespace natkit::nat
