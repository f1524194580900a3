// RFC 6888 REQ-8: an external port rests before another subscriber gets it.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <set>

#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kId = "6888-8";
/// Longer-lived mappings are not waited for.
constexpr Duration kLongestLife = seconds(295);
/// When a port is asked for again, counted from when its mapping was last seen
/// alive: 120 s less what a probe takes.
constexpr Duration kRest = seconds(117);

std::string InSeconds(Duration time) {
  return std::to_string(std::chrono::duration_cast<seconds>(time).count()) +
         " s";
}

/// How long mappings live: the end is between the two.
struct Life {
  Duration alive{};
  Duration dead{};
};

/// A mapping that is left alone.
struct Left {
  std::unique_ptr<Socket> own;
  std::optional<Endpoint> mapped;
  Instant since;
};

Task<Left> Leave(Trial& trial, Socket& peer, uint16_t port = 0) {
  Left left;
  left.own = trial.Inside(IpProtocol::kUdp, 0, port);
  left.mapped = co_await trial.Out(*left.own, peer);
  left.since = trial.lab().now();
  co_return left;
}

/// How long to leave mappings alone: every five seconds at first.
std::vector<Duration> IdleTimes() {
  std::vector<Duration> times;
  Duration step = seconds(5);
  for (Duration time = step; time <= kLongestLife; time += step) {
    times.push_back(time);
    step = time < seconds(120) ? seconds(5) : seconds(10);
  }
  return times;
}

/// Mappings that were made together, looked at one after the other; nullopt:
/// none was seen to end.
Task<std::optional<Life>> WatchLives(Trial& trial, Socket& peer,
                                     const std::vector<Left>& all) {
  const std::vector<Duration> times = IdleTimes();
  std::optional<Life> found;
  Life life;
  for (size_t i = 0; i < times.size() && !found; ++i) {
    const Left& left = all[i];
    if (!left.mapped) {
      continue;
    }
    co_await trial.Sleep(left.since + times[i] - trial.lab().now());
    const bool is_alive = co_await trial.In(peer, *left.mapped, *left.own);
    if (is_alive) {
      life.alive = times[i];
    } else {
      life.dead = times[i];
      found = life;
    }
  }
  co_return found;
}

/// REQ-8 C: filters that depend on the remote endpoint protect enough. One
/// mapping may share its port with another host's, which gets the packets.
Task<std::optional<bool>> LetsStrangersIn(Trial& trial) {
  std::optional<bool> lets;
  for (int i = 0; i < 3 && lets != std::optional(true); ++i) {
    const auto own = trial.Inside(IpProtocol::kUdp, 0);
    const auto peer = trial.Outside(IpProtocol::kUdp, 0);
    const auto stranger = trial.Outside(IpProtocol::kUdp, 2);
    const auto mapped = co_await trial.Out(*own, *peer);
    if (mapped) {
      lets = co_await trial.In(*stranger, *mapped, *own);
    }
  }
  co_return lets;
}

/// Asks for the port of a mapping that has ended, as another host. nullopt:
/// nothing can be said.
Task<std::optional<bool>> IsReused(Trial& trial, const Left& left,
                                   size_t rival) {
  const auto own =
      trial.Inside(IpProtocol::kUdp, rival, left.own->local().port);
  // Another remote endpoint: a box may hold the last one's packets against it.
  const auto peer = trial.Outside(IpProtocol::kUdp, 1);
  const auto mapped = co_await trial.Out(*own, *peer);
  std::optional<bool> is_reused;
  if (mapped && mapped->address == left.mapped->address) {
    is_reused = mapped->port == left.mapped->port;
  }
  co_return is_reused;
}

void ConcludeReused(Trial& trial, const Life& life, Duration after) {
  trial.Conclude(kId, kFail,
                 "a mapping was alive after " + InSeconds(life.alive) +
                     "; after " + InSeconds(after) +
                     " another host had its port");
}

/// After how long the ports of ended mappings are asked for.
std::vector<Duration> MomentsAfter(const Life& life) {
  std::vector<Duration> moments;
  const Duration last = life.alive + kRest;
  for (Duration at = life.dead + seconds(3); at < last; at += seconds(28)) {
    moments.push_back(at);
  }
  moments.push_back(last);
  return moments;
}

/// As many as MomentsAfter() has at most.
constexpr size_t kWanted = 6;

Task<void> JudgeKeptPorts(Trial& trial, const std::vector<Left>& wanted,
                          const Life& life, size_t rival) {
  bool rests_long = false;
  size_t next = 0;
  for (const Duration moment : MomentsAfter(life)) {
    while (next < wanted.size() &&
           (!wanted[next].mapped ||
            wanted[next].mapped->port != wanted[next].own->local().port)) {
      ++next;
    }
    if (next == wanted.size()) {
      break;
    }
    const Left& left = wanted[next++];
    co_await trial.Sleep(left.since + moment - trial.lab().now());
    const auto is_reused = co_await IsReused(trial, left, rival);
    if (is_reused == std::optional(true)) {
      ConcludeReused(trial, life, trial.lab().now() - left.since);
      co_return;
    }
    rests_long = is_reused && moment == life.alive + kRest;
  }
  trial.Conclude(kId, rests_long ? kPass : kInconclusive,
                 rests_long ? "ports of mappings that lived for " +
                                  InSeconds(life.alive) +
                                  " were not given to another host up to " +
                                  InSeconds(life.alive + kRest)
                            : "too few ports were kept to ask for them again");
}

/// Mappings of a group of hosts, by one datagram each.
struct Crowd {
  std::vector<std::unique_ptr<Socket>> sockets;
  std::unique_ptr<Socket> target;
  std::map<size_t, std::vector<Endpoint>> mapped;  ///< by host
  Instant began;
};

constexpr size_t kPerHost = 150;

/// Hosts from `first` to before `end`.
Task<void> Gather(Trial& trial, Crowd& crowd, size_t first, size_t end,
                  size_t address) {
  crowd.target = trial.Outside(IpProtocol::kUdp, address);
  crowd.began = trial.lab().now();
  const Endpoint to = trial.lab().Toward(crowd.target->local());
  std::map<uint64_t, size_t> host_of;
  for (size_t i = 0; i < kPerHost * (end - first); ++i) {
    const size_t host = first + i % (end - first);
    const uint64_t token = trial.lab().NextToken();
    host_of[token] = host;
    crowd.sockets.push_back(trial.Inside(IpProtocol::kUdp, host));
    trial.SendUdp(*crowd.sockets.back(), to, token);
    if (i % 16 == 15) {
      co_await trial.Sleep(milliseconds(20));
    }
  }
  co_await trial.Sleep(std::max<Duration>(milliseconds(500), trial.Patience()));
  for (const Seen& seen : crowd.target->inbox) {
    const auto host = host_of.find(seen.token);
    if (host != host_of.end()) {
      crowd.mapped[host->second].push_back(seen.info.source);
    }
  }
  crowd.target->inbox.clear();
}

/// Ports that go by one step mostly: what they meet is no matter of chance.
bool IsSequence(const std::vector<Endpoint>& ends) {
  std::map<int, size_t> steps;
  size_t most = 0;
  for (size_t i = 1; i < ends.size(); ++i) {
    most = std::max(most, ++steps[int{ends[i].port} - int{ends[i - 1].port}]);
  }
  return most * 4 > ends.size();
}

/// How many old ports the new mappings would meet if each host's were drawn
/// from where that host's are; and how many they do meet.
struct Meetings {
  double expected = 0;
  size_t seen = 0;
};

Meetings CountMeetings(const Crowd& old, const Crowd& fresh) {
  std::set<Endpoint> known;
  for (const auto& [host, ends] : old.mapped) {
    known.insert(ends.begin(), ends.end());
  }
  Meetings meetings;
  for (const auto& [host, ends] : fresh.mapped) {
    meetings.seen += static_cast<size_t>(std::ranges::count_if(
        ends, [&known](const Endpoint& one) { return known.contains(one); }));
    const auto [low, high] = std::ranges::minmax(ends);
    if (low.address != high.address || IsSequence(ends)) {
      continue;  // what it draws from is not known
    }
    const auto between =
        std::distance(known.lower_bound(low), known.upper_bound(high));
    meetings.expected += static_cast<double>(ends.size()) *
                         static_cast<double>(between) /
                         (high.port - low.port + 1);
  }
  return meetings;
}

/// Whether any of the ports serves two hosts at a time, which is another
/// matter (RFC 4787 REQ-3).
Task<bool> IsShared(Trial& trial, const Crowd& old) {
  bool is_shared = false;
  for (size_t i = 0; i < 3 && !is_shared && i < old.sockets.size(); ++i) {
    Socket& own = *old.sockets[i];
    const auto mapped = co_await trial.Out(own, *old.target);
    if (mapped) {
      const auto rival = trial.Inside(
          IpProtocol::kUdp, trial.lab().site().inside.size() - 1, mapped->port);
      const auto other = trial.Outside(IpProtocol::kUdp, 1);
      const auto same = co_await trial.Out(*rival, *other);
      is_shared = same == mapped;
    }
  }
  co_return is_shared;
}

void JudgeMeetings(Trial& trial, const Life& life, Duration after,
                   const Meetings& meetings) {
  constexpr double kChance = 1e-3;
  if (meetings.seen > 0) {
    ConcludeReused(trial, life, after);
    return;
  }
  const auto expected = std::to_string(std::lround(meetings.expected));
  const bool is_sure = std::exp(-meetings.expected) < kChance;
  trial.Conclude(
      kId, is_sure ? kPass : kInconclusive,
      "no port of a mapping that lived for " + InSeconds(life.alive) +
          " was drawn for another host up to " + InSeconds(after) +
          (is_sure ? "; without a rest about " + expected + " would have been"
                   : ", but chance alone would have it so (" + expected +
                         " expected); the configured time can be stated "
                         "(--state)"));
}

/// Whether the box keeps an inside port; nullopt: nothing came through.
Task<std::optional<bool>> KeepsPort(Trial& trial, uint16_t port) {
  const auto peer = trial.Outside(IpProtocol::kUdp, 0);
  const auto own = trial.Inside(IpProtocol::kUdp, 0, port);
  const auto mapped = co_await trial.Out(*own, *peer);
  std::optional<bool> keeps;
  if (mapped) {
    keeps = mapped->port == port;
  }
  co_return keeps;
}

Task<std::vector<Left>> LeaveForWatching(Trial& trial, Socket& peer) {
  std::vector<Left> watched;
  for (size_t i = 0; i < IdleTimes().size(); ++i) {
    watched.push_back(co_await Leave(trial, peer));
  }
  co_return watched;
}

}  // namespace

/// Boxes that keep ports: another host asks for those of ended mappings.
Task<void> TestPortReuse(Trial& trial, const Facts& facts) {
  if (!facts.SharerOf(0)) {
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
  const auto keeps =
      co_await KeepsPort(trial, facts.KeepablePort(trial.lab(), 9));
  if (keeps != std::optional(true)) {
    trial.Conclude(kId, kInconclusive, "the box did not keep a port");
    co_return;  // TestDrawnPortReuse may say more
  }
  const auto peer = trial.Outside(IpProtocol::kUdp, 0);
  std::vector<Left> wanted;
  constexpr size_t kFirstUse = 3;  // others have the first ports
  for (size_t i = 0; i < kWanted; ++i) {
    const uint16_t port = facts.KeepablePort(trial.lab(), kFirstUse + i);
    wanted.push_back(co_await Leave(trial, *peer, port));
  }
  const auto watched = co_await LeaveForWatching(trial, *peer);
  const auto life = co_await WatchLives(trial, *peer, watched);
  if (!life) {
    trial.Conclude(kId, kInconclusive,
                   "mappings live for more than " + InSeconds(kLongestLife));
    co_return;
  }
  co_await JudgeKeptPorts(trial, wanted, *life, *facts.SharerOf(0));
}

/// Boxes that draw ports: many mappings end, then others draw many.
Task<void> TestDrawnPortReuse(Trial& trial, const Facts& facts) {
  if (!facts.SharerOf(0)) {
    co_return;
  }
  const auto lets = co_await LetsStrangersIn(trial);
  const auto keeps =
      co_await KeepsPort(trial, trial.lab().NextPort(Side::kInside));
  if (lets != std::optional(true) || keeps != std::optional(false)) {
    co_return;  // TestPortReuse has judged
  }
  const auto peer = trial.Outside(IpProtocol::kUdp, 0);
  const auto watched = co_await LeaveForWatching(trial, *peer);
  Crowd old;
  const size_t hosts = trial.lab().site().inside.size();
  co_await Gather(trial, old, 0, hosts / 2, 0);
  const Instant made = trial.lab().now();
  const auto life = co_await WatchLives(trial, *peer, watched);
  if (!life) {
    trial.Conclude(kId, kInconclusive,
                   "mappings live for more than " + InSeconds(kLongestLife));
    co_return;
  }
  // Drawing takes some seconds, and so did the mappings.
  const Instant latest = old.began + life->alive + kRest - seconds(3);
  co_await trial.Sleep(latest - trial.lab().now());
  Crowd fresh;
  co_await Gather(trial, fresh, hosts / 2, hosts, 1);
  const Duration after = trial.lab().now() - made;
  const bool is_shared = co_await IsShared(trial, old);
  if (is_shared) {
    trial.Conclude(kId, kInconclusive,
                   "two hosts share ports toward different destinations");
    co_return;
  }
  JudgeMeetings(trial, *life, after, CountMeetings(old, fresh));
}

}  // namespace natkit::natcheck::conformance
