#include "grid_case.h"

#include <algorithm>
#include <array>
#include <utility>

namespace natkit::netsim::grid {
namespace {

constexpr std::array kDependences = {Dependence::kEndpointIndependent,
                                     Dependence::kAddressDependent,
                                     Dependence::kAddressAndPortDependent};
constexpr std::array<std::string_view, 3> kNames = {"EI", "AD", "APD"};

/// Rows and columns EI/EI, EI/AD, EI/APD, AD/EI, ..., APD/APD, as
/// mapping/filtering: found by exhaustive simulation of two hosts that send to
/// every address they know of each other, one public address per NAT, no
/// hairpinning, random ports for new mappings.
constexpr std::array<std::string_view, kBehaviors> kReach = {
    "YYYYYYYYY",  //
    "YYYYYYYYY",  //
    "YYY1--1--",  //
    "YY1YY1YY1",  //
    "YY-Y--Y--",  //
    "YY-1--1--",  //
    "YY1YY1aa1",  //
    "YY-Y--a--",  //
    "YY-1--1--",
};

// Rows and columns of kReach.
constexpr size_t kFullCone = 0;
constexpr size_t kPortRestricted = 2;
constexpr size_t kSymmetricNat = 8;

BoxSpec SpecOf(size_t behavior) {
  return {.mapping = kDependences[behavior / 3],
          .filtering = kDependences[behavior % 3]};
}

Reach ReachOf(size_t row, size_t column) {
  return static_cast<Reach>(kReach[row][column]);
}

/// Two boxes in series act as one with the worse mapping and the stricter
/// filter.
size_t InSeries(size_t one, size_t other) {
  return std::max(one / 3, other / 3) * 3 + std::max(one % 3, other % 3);
}

void AddPairs(std::vector<GridCase>& cases) {
  for (size_t row = 0; row < kBehaviors; ++row) {
    for (size_t column = 0; column < kBehaviors; ++column) {
      const std::string name = BehaviorName(row) + "/" + BehaviorName(column);
      cases.push_back({.name = name,
                       .title = name,
                       .shared = {},
                       .a = {SpecOf(row)},
                       .b = {SpecOf(column)},
                       .reach = ReachOf(row, column),
                       .position = Position{row, column}});
    }
  }
}

/// A home behind a carrier against hosts behind one box.
void AddCarriers(std::vector<GridCase>& cases) {
  for (const size_t carrier : {kFullCone, kPortRestricted, kSymmetricNat}) {
    for (const size_t peer : {kFullCone, kPortRestricted, kSymmetricNat}) {
      cases.push_back(
          {.name = "cgn-" + BehaviorName(carrier) + "/" + BehaviorName(peer),
           .title = "home EI-APD behind carrier " + BehaviorName(carrier) +
                    " x " + BehaviorName(peer),
           .shared = {},
           .a = {SpecOf(carrier), SpecOf(kPortRestricted)},
           .b = {SpecOf(peer)},
           .reach = ReachOf(InSeries(carrier, kPortRestricted), peer),
           .position = {}});
    }
  }
  cases.push_back({.name = "two-cgns",
                   .title = "homes EI-APD behind two carriers EI-EI",
                   .shared = {},
                   .a = {SpecOf(kFullCone), SpecOf(kPortRestricted)},
                   .b = {SpecOf(kFullCone), SpecOf(kPortRestricted)},
                   .reach = Reach::kSymmetric,
                   .position = {}});
}

GridCase SharedCase(std::string name, std::string title, size_t shared,
                    Hairpinning hairpinning, Reach reach) {
  BoxSpec box = SpecOf(shared);
  box.hairpinning = hairpinning;
  return {.name = std::move(name),
          .title = std::move(title),
          .shared = {box},
          .a = {SpecOf(kPortRestricted)},
          .b = {SpecOf(kPortRestricted)},
          .reach = reach,
          .position = {}};
}

/// Both hosts behind one box, mostly in networks that do not see each other.
void AddShared(std::vector<GridCase>& cases) {
  cases.push_back({.name = "same-lan",
                   .title = "both on one LAN behind EI-APD",
                   .shared = {SpecOf(kPortRestricted)},
                   .a = {},
                   .b = {},
                   .reach = Reach::kSymmetric,
                   .position = {}});
  cases.push_back(
      SharedCase("same-nat", "two routers behind one EI-APD box, no hairpin",
                 kPortRestricted, Hairpinning::kNone, Reach::kNothing));
  cases.push_back(SharedCase(
      "same-nat-hairpin", "two routers behind one EI-APD box, hairpin",
      kPortRestricted, Hairpinning::kExternalSource, Reach::kSymmetric));
  cases.push_back(SharedCase("same-cgn",
                             "two homes behind one carrier EI-EI, no hairpin",
                             kFullCone, Hairpinning::kNone, Reach::kNothing));
  cases.push_back(SharedCase(
      "same-cgn-hairpin", "two homes behind one carrier EI-EI, hairpin",
      kFullCone, Hairpinning::kExternalSource, Reach::kSymmetric));
  // The receiver sees an address to which it has never sent, and its own box
  // filters it.
  cases.push_back(SharedCase(
      "same-cgn-hairpin-internal",
      "two homes behind one carrier EI-EI, hairpin with the internal source",
      kFullCone, Hairpinning::kInternalSource, Reach::kNothing));
}

}  // namespace

std::string BehaviorName(size_t index) {
  return std::string(kNames[index / 3]) + "-" + std::string(kNames[index % 3]);
}

std::vector<GridCase> AllCases() {
  std::vector<GridCase> cases;
  AddPairs(cases);
  AddCarriers(cases);
  AddShared(cases);
  return cases;
}

}  // namespace natkit::netsim::grid
