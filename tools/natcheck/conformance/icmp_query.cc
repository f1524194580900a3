// RFC 5508 section 3: echo through the box. And section 4.3: errors about it.

#include <algorithm>
#include <array>
#include <chrono>

#include "icmp_flow.h"
#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;
using std::chrono::seconds;

/// An echo that left, as it was seen outside.
struct Query {
  std::unique_ptr<Socket> inside;
  std::unique_ptr<Socket> outside;
  uint64_t token = 0;
  std::optional<Seen> seen;
};

Task<bool> Ask(Trial& trial, Query& query) {
  query.token = trial.lab().NextToken();
  trial.lab().ExpectToken(query.token, *query.outside);
  const Endpoint to = trial.lab().Toward(query.outside->local());
  const uint64_t token = query.token;
  query.seen = co_await trial.Repeat(
      Side::kInside,
      netsim::BuildEcho(query.inside->local().address, to.address,
                        netsim::EchoKind::kRequest, query.inside->local().port,
                        1, TokenPayload(token)),
      *query.outside, [token](const Seen& one) {
        return one.token == token && one.side == Side::kOutside;
      });
  co_return query.seen.has_value();
}

/// The reply reaches the inside host, under its own identifier.
Task<bool> Answer(Trial& trial, Query& query) {
  const uint64_t token = trial.lab().NextToken();
  trial.lab().ExpectToken(token, *query.inside);
  const Endpoint own = query.inside->local();
  const auto reply = co_await trial.Repeat(
      Side::kOutside,
      netsim::BuildEcho(query.outside->local().address,
                        query.seen->info.source.address,
                        netsim::EchoKind::kReply, query.seen->info.icmp_id, 1,
                        TokenPayload(token)),
      *query.inside, [token, own](const Seen& one) {
        return one.token == token && one.side == Side::kInside &&
               one.info.destination.address == own.address &&
               one.info.icmp_id == own.port;
      });
  co_return reply.has_value();
}

Query MakeQuery(Trial& trial, size_t host = 0, size_t address = 0,
                uint16_t id = 0) {
  Query query;
  query.inside = trial.Inside(IpProtocol::kIcmp, host, id);
  query.outside = trial.Outside(IpProtocol::kIcmp, address);
  return query;
}

/// A little less than what sessions must live for.
constexpr Duration kMinute = seconds(59);

/// A query that is left alone, with or without an error about it midway.
struct IdleQuery {
  Duration silence{};
  bool has_error = false;  ///< after half of the silence
  bool began = false;
  bool is_alive = false;
  bool is_done = false;
};

Task<void> RunIdle(Trial& trial, IdleQuery& idle) {
  Query query = MakeQuery(trial);
  const Instant asked = trial.lab().now();
  idle.began = co_await Ask(trial, query);
  if (idle.began) {
    Duration silence = idle.has_error ? idle.silence / 2 : idle.silence;
    if (idle.silence == kMinute) {  // the box is to see no longer silence
      silence =
          asked + kMinute - trial.lab().crossing.Typical() - trial.lab().now();
    }
    co_await trial.Sleep(silence);
    if (idle.has_error) {
      for (int i = 0; i < 3; ++i) {
        trial.Send(Side::kOutside,
                   netsim::BuildIcmpError(query.outside->local().address, 3, 1,
                                          0, query.seen->packet));
        co_await trial.Sleep(std::chrono::milliseconds(100));
      }
      co_await trial.Sleep(idle.silence / 2);
    }
    idle.is_alive = co_await Answer(trial, query);
  }
  idle.is_done = true;
}

/// Each but the first is less than twice the one before, so that an error at
/// half of the time meets a session that would have lived until there.
constexpr std::array<Duration, 11> kIdle = {
    seconds(6),  seconds(10),  seconds(16),  seconds(24),  seconds(46), kMinute,
    seconds(84), seconds(156), seconds(224), seconds(310), seconds(345)};
constexpr std::array kWithError = {seconds(10),  seconds(16),  seconds(24),
                                   seconds(46),  seconds(84),  seconds(156),
                                   seconds(224), seconds(310), seconds(345)};

std::vector<IdleQuery> MakeIdle() {
  std::vector<IdleQuery> all;
  for (const Duration silence : kIdle) {
    all.push_back({.silence = silence});
  }
  for (const Duration silence : kWithError) {
    all.push_back({.silence = silence, .has_error = true});
  }
  return all;
}

void JudgeIdle(Trial& trial, const std::vector<IdleQuery>& all) {
  Duration alive{};
  Duration dead = Duration::max();
  const IdleQuery* minute = nullptr;
  for (const IdleQuery& one : all) {
    if (one.has_error || !one.began) {
      continue;
    }
    if (one.is_alive) {
      alive = std::max(alive, one.silence);
    } else {
      dead = std::min(dead, one.silence);
    }
    if (one.silence == kMinute) {
      minute = &one;
    }
  }
  if (minute == nullptr) {
    trial.Conclude("5508-2", kInconclusive, "no query arrived outside");
  } else {
    trial.Conclude("5508-2", minute->is_alive ? kPass : kFail,
                   minute->is_alive
                       ? "a reply after 59 s came in"
                       : "a reply after 59 s was too late for the box");
  }
  bool refreshed = false;
  bool deleted = false;
  bool seen = false;
  for (const IdleQuery& one : all) {
    if (one.has_error && one.began) {
      refreshed |= one.is_alive && one.silence >= dead;
      deleted |= !one.is_alive && one.silence <= alive;
      seen |= !one.is_alive && one.silence / 2 < alive && one.silence >= dead;
    }
  }
  if (refreshed || deleted) {
    trial.Conclude("5508-6", kFail,
                   refreshed ? "an error about a query prolonged its session"
                             : "an error about a query ended its session");
  } else {
    trial.Conclude("5508-6", seen ? kPass : kInconclusive,
                   seen ? "errors about queries changed nothing"
                        : "no session ended while it was watched");
  }
}

/// Two hosts ask with the same identifier.
Task<void> JudgeEcho(Trial& trial) {
  Query own = MakeQuery(trial);
  Query other = MakeQuery(trial, 1, 0, own.inside->local().port);
  const bool first = co_await Ask(trial, own);
  const bool second = first && co_await Ask(trial, other);
  const bool answer = second && co_await Answer(trial, own);
  const bool works = answer && co_await Answer(trial, other);
  trial.Conclude("5508-1", works ? kPass : kFail,
                 works ? "echoes of two hosts with one identifier, and their "
                         "replies, pass"
                       : "an echo or its reply does not pass");
  trial.Conclude("5508-10a-echo", works ? kPass : kFail,
                 works ? "echo request and reply pass"
                       : "an echo or its reply does not pass");
}

Task<void> JudgeIdentifier(Trial& trial) {
  Query first = MakeQuery(trial, 0, 0);
  Query second = MakeQuery(trial, 0, 1, first.inside->local().port + 1);
  second.inside = nullptr;
  const bool one = co_await Ask(trial, first);
  // The same inside identifier toward another address.
  std::swap(second.inside, first.inside);
  const bool two = one && co_await Ask(trial, second);
  if (!two) {
    trial.Conclude("5508-1a", kInconclusive, "not every query arrived");
    co_return;
  }
  const bool same = first.seen->info.source == second.seen->info.source;
  trial.Conclude("5508-1a", same ? kPass : kFail,
                 same ? "one external identifier for two destinations"
                      : "each destination sees another identifier");
}

}  // namespace

/// REQ-1 and 1a.
Task<void> TestIcmpQuery(Trial& trial, const Facts& /*facts*/) {
  co_await JudgeEcho(trial);
  co_await JudgeIdentifier(trial);
}

/// REQ-2 and 6: all at the same time.
Task<void> TestIcmpLifetime(Trial& trial, const Facts& /*facts*/) {
  std::vector<IdleQuery> all = MakeIdle();
  std::vector<Task<void>> running;
  running.reserve(all.size());
  for (IdleQuery& one : all) {
    running.push_back(RunIdle(trial, one));
    running.back().Start();
    co_await trial.Sleep(std::chrono::milliseconds(20));
  }
  co_await trial.Until(seconds(600), [&all] {
    return std::ranges::all_of(all, &IdleQuery::is_done);
  });
  JudgeIdle(trial, all);
}

/// REQ-10c: what should not be supported.
Task<void> TestIcmpObsolete(Trial& trial, const Facts& /*facts*/) {
  if (trial.lab().site().nat64_prefix) {
    trial.Conclude("5508-10c", kNotApplicable, "ICMPv6 has no such messages");
    co_return;
  }
  Query echo = MakeQuery(trial);
  const auto udp = trial.Inside(IpProtocol::kUdp);
  const auto peer = trial.Outside(IpProtocol::kUdp);
  const bool asked = co_await Ask(trial, echo);
  const auto flow =
      co_await trial.Deliver(*udp, trial.lab().Toward(peer->local()), *peer);
  if (!asked) {
    trial.Conclude("5508-10c", kInconclusive, "no query arrived outside");
    co_return;
  }
  // An information request is an echo of another type, without payload.
  constexpr uint8_t kInformation = 15;
  constexpr uint8_t kSourceQuench = 4;
  auto request = netsim::BuildEcho(
      echo.inside->local().address, echo.outside->local().address,
      netsim::EchoKind::kRequest, echo.inside->local().port, 2, {});
  request[20] = kInformation;
  netsim::FixChecksums(request);
  const IpAddress target = echo.outside->local().address;
  const auto is_information = [target](const Seen& seen) {
    return seen.info.icmp_type == kInformation && seen.side == Side::kOutside &&
           seen.info.destination.address == target;
  };
  bool passes = false;
  for (int i = 0; i < 4; ++i) {
    trial.Send(Side::kInside, request);
    const bool came =
        co_await trial.Until(trial.Patience(), [&trial, is_information] {
          return std::ranges::any_of(trial.lab().strays, is_information);
        });
    passes |= came;
  }
  bool quenches = false;
  if (flow) {
    const Quote quote = Quote::Of(trial, flow->packet);
    const auto quench = co_await trial.Repeat(
        Side::kOutside,
        netsim::BuildIcmpError(peer->local().address, kSourceQuench, 0, 0,
                               quote.packet),
        *udp, [&quote](const Seen& seen) { return quote.IsIn(seen); });
    quenches = quench.has_value();
  }
  trial.Conclude("5508-10c", passes || quenches ? kFail : kPass,
                 passes     ? "an information request passed"
                 : quenches ? "source quench passed"
                            : "neither information request nor source quench "
                              "passed");
}

}  // namespace natkit::natcheck::conformance
