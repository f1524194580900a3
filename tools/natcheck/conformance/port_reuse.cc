// RFC 6888 REQ-8: an external port rests before another subscriber gets it.

#include <algorithm>
#include <array>
#include <chrono>

#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;
using std::chrono::seconds;

constexpr std::array kIdle = {seconds(12),  seconds(42),  seconds(78),
                              seconds(119), seconds(180), seconds(240),
                              seconds(295)};
constexpr Duration kRest = seconds(119);  ///< 120 s, less the time of a probe

/// What became of a port some time after its mapping was used.
enum class Fate : uint8_t {
  kUnknown,  ///< not kept to begin with, or packets were lost
  kAlive,    ///< the mapping is still there
  kReused,   ///< gone, and another host got the port at once
  kRested,   ///< gone, and another host that asked for it got another
};

/// A host's mapping that keeps its inside port, and another host that wants the
/// same port once it is gone.
struct Probe {
  Duration idle{};
  uint16_t port = 0;
  Fate fate = Fate::kUnknown;
  bool is_done = false;
};

Task<void> Want(Trial& trial, Probe& probe, size_t rival, Endpoint given) {
  const auto own = trial.Inside(IpProtocol::kUdp, rival, probe.port);
  // Another remote endpoint: a box may hold the last one's packets against it.
  const auto peer = trial.Outside(IpProtocol::kUdp, 1);
  const auto mapped = co_await trial.Out(*own, *peer);
  if (mapped && mapped->address == given.address) {
    probe.fate = mapped->port == given.port ? Fate::kReused : Fate::kRested;
  }
}

Task<void> RunProbe(Trial& trial, Probe& probe, size_t rival) {
  const auto own = trial.Inside(IpProtocol::kUdp, 0, probe.port);
  const auto peer = trial.Outside(IpProtocol::kUdp, 0);
  const auto mapped = co_await trial.Out(*own, *peer);
  if (mapped && mapped->port == probe.port) {
    co_await trial.Sleep(probe.idle);
    const bool is_alive = co_await trial.In(*peer, *mapped, *own);
    if (is_alive) {
      probe.fate = Fate::kAlive;
    } else {
      co_await Want(trial, probe, rival, *mapped);
    }
  }
  probe.is_done = true;
}

/// REQ-8 C: filters that depend on the remote endpoint protect enough.
Task<std::optional<bool>> LetsStrangersIn(Trial& trial) {
  const auto own = trial.Inside(IpProtocol::kUdp, 0);
  const auto peer = trial.Outside(IpProtocol::kUdp, 0);
  const auto stranger = trial.Outside(IpProtocol::kUdp, 2);
  std::optional<bool> lets;
  const auto mapped = co_await trial.Out(*own, *peer);
  if (mapped) {
    lets = co_await trial.In(*stranger, *mapped, *own);
  }
  co_return lets;
}

std::string InSeconds(Duration time) {
  return std::to_string(std::chrono::duration_cast<seconds>(time).count()) +
         " s";
}

void JudgeReuse(Trial& trial, const std::vector<Probe>& probes) {
  constexpr std::string_view kId = "6888-8";
  Duration alive{};
  for (const Probe& probe : probes) {
    if (probe.fate == Fate::kAlive) {
      alive = std::max(alive, probe.idle);
    }
  }
  const Probe* rested = nullptr;
  for (const Probe& probe : probes) {
    // The port was given up after `alive`, so it rests for less than this.
    if (probe.idle - alive > kRest) {
      continue;
    }
    if (probe.fate == Fate::kReused) {
      trial.Conclude(kId, kFail,
                     "a mapping was alive after " + InSeconds(alive) +
                         "; after " + InSeconds(probe.idle) +
                         " another host had its port");
      return;
    }
    if (probe.fate == Fate::kRested) {
      rested = &probe;
    }
  }
  trial.Conclude(
      kId, rested != nullptr ? kPass : kInconclusive,
      rested != nullptr
          ? "a port whose mapping was gone after " + InSeconds(rested->idle) +
                " was not given to another host that would have kept it"
          : "no mapping that kept its port was seen to expire; where ports are "
            "drawn at random the configured time can be stated (--state)");
}

}  // namespace

Task<void> TestPortReuse(Trial& trial, const Facts& facts) {
  constexpr std::string_view kId = "6888-8";
  const auto rival = facts.SharerOf(0);
  if (!rival) {
    trial.Conclude(kId, kInconclusive,
                   "no two inside hosts share an external address");
    co_return;
  }
  const auto lets = co_await LetsStrangersIn(trial);
  if (!lets) {
    trial.Conclude(kId, kInconclusive, "no datagram arrived outside");
    co_return;
  }
  if (!*lets) {
    trial.Conclude(kId, kNotApplicable,
                   "mappings are filtered by their remote endpoint: ports may "
                   "be given again at once (REQ-8 C)");
    co_return;
  }
  constexpr size_t kFirstUse = 3;  // others have the first ports
  std::vector<Probe> probes;
  for (size_t i = 0; i < kIdle.size(); ++i) {
    probes.push_back({.idle = kIdle[i],
                      .port = facts.KeepablePort(trial.lab(), kFirstUse + i)});
  }
  std::vector<Task<void>> running;
  running.reserve(probes.size());
  for (Probe& probe : probes) {
    running.push_back(RunProbe(trial, probe, *rival));
    running.back().Start();
    co_await trial.Sleep(std::chrono::milliseconds(20));
  }
  co_await trial.Until(seconds(600), [&probes] {
    return std::ranges::all_of(probes, &Probe::is_done);
  });
  JudgeReuse(trial, probes);
}

}  // namespace natkit::natcheck::conformance
