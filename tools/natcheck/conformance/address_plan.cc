// RFC 4787 REQ-7 and RFC 6888 REQ-3: which addresses a box can be given.

#include <algorithm>
#include <set>

#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

uint64_t NumberOf(const IpAddress& address) {
  uint64_t number = 0;
  for (const uint8_t byte : address.bytes()) {
    number = number << 8 | byte;
  }
  return number;
}

/// In order, those that touch joined to one.
std::vector<AddressRange> Joined(std::vector<AddressRange> ranges) {
  std::ranges::sort(ranges, {}, &AddressRange::first);
  std::vector<AddressRange> joined;
  for (const AddressRange& range : ranges) {
    if (!joined.empty() &&
        NumberOf(range.first) <= NumberOf(joined.back().last) + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

}  // namespace

/// RFC 4787 REQ-7: an outside host whose address is also one of the inside
/// network. To inside hosts it is a neighbor: the box has to answer for it.
Task<void> TestConflict(Trial& trial, const Facts& /*facts*/) {
  constexpr std::string_view kId = "4787-7";
  const auto& conflict = trial.lab().site().conflict;
  if (!conflict) {
    trial.Conclude(kId, kInconclusive,
                   "no outside host has an address of the inside network "
                   "(--conflict); where the box moves its inside network "
                   "away, or its outside address is fixed, state that "
                   "(--state)");
    co_return;
  }
  const auto own = trial.Inside(IpProtocol::kUdp);
  Socket target(trial, Side::kOutside, IpProtocol::kUdp,
                {*conflict, trial.lab().NextPort(Side::kOutside)});
  const auto mapped = co_await trial.Out(*own, target);
  const bool answered = mapped && co_await trial.In(target, *mapped, *own);
  trial.Conclude(kId, answered ? kPass : kFail,
                 answered ? "an outside host with an inside address, " +
                                conflict->ToString() + ", is reached"
                          : "an outside host with an inside address, " +
                                conflict->ToString() + ", is not reached");
}

/// RFC 6888 REQ-3.
Task<void> TestAddressPool(Trial& trial, const Facts& facts) {
  constexpr std::string_view kId = "6888-3";
  const auto pool = Joined(trial.lab().site().pool);
  if (pool.size() < 2) {
    trial.Conclude(kId, kInconclusive,
                   "needs a box that was given two or more ranges of external "
                   "addresses, and to be told them (--pool)");
    co_return;
  }
  std::set<size_t> used;
  for (const IpAddress& address : facts.external) {
    if (address.is_unspecified()) {
      continue;
    }
    const auto range =
        std::ranges::find_if(pool, [&address](const AddressRange& one) {
          return one.first <= address && address <= one.last;
        });
    if (range == pool.end()) {
      trial.Conclude(kId, kInconclusive,
                     address.ToString() + " is not of the pool that was named");
      co_return;
    }
    used.insert(static_cast<size_t>(range - pool.begin()));
  }
  trial.Conclude(kId, used.size() > 1 ? kPass : kInconclusive,
                 "addresses of " + std::to_string(used.size()) + " of " +
                     std::to_string(pool.size()) +
                     " ranges that do not touch are in use");
}

}  // namespace natkit::natcheck::conformance
