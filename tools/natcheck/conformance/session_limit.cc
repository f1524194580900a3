// RFC 6888 REQ-5: how much state one mapping can make the box keep.

#include "flow_watch.h"
#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

constexpr size_t kMost = 3000;
constexpr uint16_t kFirstPort = 2001;
constexpr size_t kEvery = 50;

/// One inside endpoint that speaks to more and more remote ones.
struct Talker {
  std::unique_ptr<Socket> own;
  std::unique_ptr<Socket> first;  ///< at another address than the others
  std::optional<Endpoint> mapped;
  size_t sessions = 0;
  bool is_refused = false;
};

Task<void> Talk(Trial& trial, Talker& talker) {
  const IpAddress address = trial.lab().site().outside[1];
  std::vector<std::unique_ptr<Socket>> targets;
  FlowWatch watch(trial);
  bool goes_on = true;
  for (size_t i = 1; i < kMost && goes_on; ++i) {
    const auto port = static_cast<uint16_t>(kFirstPort + i);
    if (i % kEvery != 0) {
      trial.SendUdp(*talker.own, trial.lab().Toward({address, port}),
                    trial.lab().NextToken());
      continue;
    }
    targets.push_back(trial.Outside(IpProtocol::kUdp, 1, port));
    co_await watch.Begin(i, *talker.own, *targets.back());
    goes_on = co_await watch.Settle(false);
  }
  goes_on = goes_on && co_await watch.Settle(true);
  talker.is_refused = !goes_on;
  talker.sessions = watch.refused().value_or(kMost - 1);
}

}  // namespace

Task<void> TestSessionLimit(Trial& trial, const Facts& /*facts*/) {
  constexpr std::string_view kId = "6888-5";
  Talker talker;
  // Not the host of the quota's test, which comes later.
  const size_t host = trial.lab().site().inside.size() - 2;
  talker.own = trial.Inside(IpProtocol::kUdp, host);
  talker.first = trial.Outside(IpProtocol::kUdp, 0);
  talker.mapped = co_await trial.Out(*talker.own, *talker.first);
  const bool answered =
      talker.mapped &&
      co_await trial.In(*talker.first, *talker.mapped, *talker.own);
  if (!answered) {
    trial.Conclude(kId, kInconclusive, "a first datagram got no answer");
    co_return;
  }
  const auto other = trial.Outside(IpProtocol::kUdp, 1);
  const auto again = co_await trial.Out(*talker.own, *other);
  if (again != talker.mapped) {
    trial.Conclude(kId, kInconclusive,
                   "every remote endpoint makes another mapping, and no limit "
                   "of those was seen");
    co_return;
  }
  const Instant began = trial.lab().now();
  co_await Talk(trial, talker);
  const std::string count = std::to_string(talker.sessions);
  if (talker.is_refused) {
    trial.Conclude(kId, kPass,
                   "one inside endpoint is refused more after about " + count +
                       " remote ones");
    co_return;
  }
  const bool kept =
      co_await trial.In(*talker.first, *talker.mapped, *talker.own);
  const bool is_of_age =
      !kept && !co_await LivesFor(trial, host, trial.lab().now() - began);
  if (is_of_age) {
    trial.Conclude(kId, kInconclusive,
                   "mappings end by themselves while one sends to " + count +
                       " remote endpoints");
    co_return;
  }
  trial.Conclude(kId, kept ? kInconclusive : kPass,
                 kept ? "no limit within " + count +
                            " remote endpoints of one inside one; the box's "
                            "own limits of memory can be stated (--state)"
                      : "with " + count +
                            " remote endpoints of one inside one the oldest "
                            "gave way");
}

}  // namespace natkit::natcheck::conformance
