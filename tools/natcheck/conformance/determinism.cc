// RFC 4787 section 8: the same behavior at all times.

#include <algorithm>
#include <array>

#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

/// "EI", "AD", "APD" for mapping and filtering; "" if nothing can be said.
struct Behavior {
  std::string mapping;
  std::string filtering;
  bool operator==(const Behavior&) const = default;

  [[nodiscard]] bool is_known() const {
    return !mapping.empty() && !filtering.empty();
  }
};

std::string NameOf(bool same_for_all, bool same_for_address) {
  return same_for_all ? "EI" : same_for_address ? "AD" : "APD";
}

}  // namespace

Task<std::string> ClassifyMapping(Trial& trial, Socket& own, Socket& a1p1,
                                  Socket& a1p2, Socket& a2) {
  const auto first = co_await trial.Out(own, a1p1);
  const auto port = co_await trial.Out(own, a1p2);
  const auto address = co_await trial.Out(own, a2);
  std::string name;
  if (first && port && address) {
    name = NameOf(first == port && first == address, first == port);
  }
  co_return name;
}

namespace {

Task<std::string> ClassifyFiltering(Trial& trial) {
  const auto own = trial.Inside(IpProtocol::kUdp);
  const auto peer = trial.Outside(IpProtocol::kUdp, 0);
  const auto near = trial.Outside(IpProtocol::kUdp, 0);
  const auto far = trial.Outside(IpProtocol::kUdp, 2);
  std::string name;
  const auto mapped = co_await trial.Out(*own, *peer);
  if (mapped) {
    const bool from_far = co_await trial.In(*far, *mapped, *own);
    const bool from_near = co_await trial.In(*near, *mapped, *own);
    const bool from_peer = co_await trial.In(*peer, *mapped, *own);
    name = from_peer ? NameOf(from_far, from_near) : "";
  }
  co_return name;
}

Task<Behavior> Classify(Trial& trial) {
  const auto own = trial.Inside(IpProtocol::kUdp);
  const auto a1p1 = trial.Outside(IpProtocol::kUdp, 0);
  const auto a1p2 = trial.Outside(IpProtocol::kUdp, 0);
  const auto a2 = trial.Outside(IpProtocol::kUdp, 1);
  Behavior behavior;
  behavior.mapping = co_await ClassifyMapping(trial, *own, *a1p1, *a1p2, *a2);
  behavior.filtering = co_await ClassifyFiltering(trial);
  co_return behavior;
}

/// Another host has the inside port toward the last destination already.
Task<std::string> ClassifyContended(Trial& trial, size_t rival, uint16_t port) {
  const auto own = trial.Inside(IpProtocol::kUdp, 0, port);
  const auto other = trial.Inside(IpProtocol::kUdp, rival, port);
  const auto a1p1 = trial.Outside(IpProtocol::kUdp, 0);
  const auto a1p2 = trial.Outside(IpProtocol::kUdp, 0);
  const auto a2 = trial.Outside(IpProtocol::kUdp, 1);
  co_await trial.Out(*other, *a2);
  co_return co_await ClassifyMapping(trial, *own, *a1p1, *a1p2, *a2);
}

/// The last destination knocks before the inside host sends there.
Task<std::string> ClassifyKnocked(Trial& trial) {
  const auto own = trial.Inside(IpProtocol::kUdp);
  const auto a1p1 = trial.Outside(IpProtocol::kUdp, 0);
  const auto a1p2 = trial.Outside(IpProtocol::kUdp, 0);
  const auto a2 = trial.Outside(IpProtocol::kUdp, 1);
  const auto mapped = co_await trial.Out(*own, *a1p1);
  if (mapped) {
    co_await trial.In(*a2, *mapped, *own);
  }
  co_return co_await ClassifyMapping(trial, *own, *a1p1, *a1p2, *a2);
}

/// One datagram from each of `count` more ports, spread over hosts other than
/// the one that is tested.
Task<void> MakeLoad(Trial& trial, size_t count,
                    std::vector<std::unique_ptr<Socket>>& load,
                    Socket& target) {
  const size_t hosts = trial.lab().site().inside.size();
  for (size_t i = 0; i < count; ++i) {
    load.push_back(trial.Inside(IpProtocol::kUdp, 1 + i % (hosts - 1)));
    trial.SendUdp(*load.back(), trial.lab().Toward(target.local()),
                  trial.lab().NextToken());
    if (i % 16 == 15) {
      co_await trial.Sleep(std::chrono::milliseconds(20));
    }
  }
}

/// How many mappings hosts may be asked to make: quotas are not what is
/// tested here.
constexpr size_t kLoadPerHost = 120;

}  // namespace

/// REQ-11.
Task<void> TestDeterminism(Trial& trial, const Facts& facts) {
  const Behavior before = co_await Classify(trial);
  if (!before.is_known()) {
    trial.Conclude("4787-11", kInconclusive, "not every datagram arrived");
    co_return;
  }
  std::string changes;
  const auto compare = [&](std::string_view when, const std::string& was,
                           const std::string& is) {
    if (!is.empty() && is != was) {
      changes += (changes.empty() ? "" : "; ") + was + " becomes " + is + " " +
                 std::string(when);
    }
  };
  if (!facts.first_mapping.empty()) {
    compare("once the run has some mappings", facts.first_mapping,
            before.mapping);
  }
  if (const auto rival = facts.SharerOf(0)) {
    const std::string contended = co_await ClassifyContended(
        trial, *rival, facts.KeepablePort(trial.lab(), 2));
    compare("when another host has the inside port", before.mapping, contended);
  }
  const std::string knocked = co_await ClassifyKnocked(trial);
  compare("after an early inbound packet", before.mapping, knocked);
  std::vector<std::unique_ptr<Socket>> load;
  const auto target = trial.Outside(IpProtocol::kUdp, 1);
  const size_t hosts = trial.lab().site().inside.size();
  for (const size_t wanted : {size_t{64}, size_t{1024}}) {
    const size_t count = std::min(wanted, kLoadPerHost * (hosts - 1));
    co_await MakeLoad(trial, count - load.size(), load, *target);
    const Behavior loaded = co_await Classify(trial);
    const std::string when = "with " + std::to_string(count) + " mappings more";
    compare("(mapping) " + when, before.mapping, loaded.mapping);
    compare("(filtering) " + when, before.filtering, loaded.filtering);
  }
  trial.Conclude("4787-11", changes.empty() ? kPass : kFail,
                 changes.empty()
                     ? "mapping " + before.mapping + ", filtering " +
                           before.filtering + " with 0 and " +
                           std::to_string(load.size()) + " mappings more"
                     : changes);
}

}  // namespace natkit::natcheck::conformance
