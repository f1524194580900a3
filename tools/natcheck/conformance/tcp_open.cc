// RFC 5382 sections 4.2 and 4.3: how connections may begin.

#include <algorithm>
#include <chrono>

#include "connection.h"
#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;
using std::chrono::seconds;

/// Handshake begun outside, from an endpoint that was not contacted. nullopt:
/// the box did not let the SYN in, so there is nothing to support.
Task<std::optional<bool>> OpenInbound(Trial& trial) {
  const auto inside = trial.Inside(IpProtocol::kTcp);
  const auto first = trial.Outside(IpProtocol::kTcp, 0);
  const auto caller = trial.Outside(IpProtocol::kTcp, 0);
  std::optional<bool> result;
  const auto mapped = co_await trial.Out(*inside, *first);
  if (!mapped) {
    co_return result;
  }
  const auto syn = co_await trial.Deliver(*caller, *mapped, *inside);
  if (!syn) {
    co_return result;
  }
  netsim::TcpFields answer;
  answer.sequence = trial.lab().rng().NextU32();
  answer.acknowledgement = SequenceOf(*syn) + 1;
  answer.flags = netsim::kTcpSyn | netsim::kTcpAck;
  const uint32_t sequence = answer.sequence;
  const Endpoint from = *mapped;
  const auto seen = co_await trial.Repeat(
      Side::kInside,
      netsim::BuildTcp(inside->local(), trial.lab().Toward(caller->local()),
                       answer, {}),
      *caller, [sequence, from](const Seen& one) {
        return SequenceOf(one) == sequence && one.info.source == from;
      });
  result = seen.has_value();
  co_return result;
}

/// What came back to somebody who knocked, and when.
struct Refusal {
  bool is_reset = false;
  bool is_unreachable = false;  ///< ICMP 3/3
  Duration after{};
};

/// Waits for anything in answer to a SYN that was sent at `sent`.
Task<std::optional<Refusal>> AwaitRefusal(Trial& trial, Socket& knocker,
                                          Instant sent, Duration limit) {
  const auto is_answer = [](const Seen& seen) {
    return seen.quoted.has_value() ||
           (seen.info.tcp_flags & netsim::kTcpRst) != 0;
  };
  co_await trial.Until(limit, [&knocker, is_answer] {
    return std::ranges::any_of(knocker.inbox, is_answer);
  });
  std::optional<Refusal> refusal;
  if (const auto seen = TakeFrom(knocker.inbox, is_answer)) {
    Refusal found;
    found.is_reset = !seen->quoted;
    found.is_unreachable =
        seen->quoted && seen->info.icmp_type == 3 && seen->info.icmp_code == 3;
    found.after = seen->at - sent;
    refusal = found;
  }
  co_return refusal;
}

/// One SYN that nobody inside asked for, and its fate for 14 seconds.
struct Knock {
  std::unique_ptr<Socket> knocker;
  Instant sent;
  std::optional<Refusal> refusal;
  bool is_done = false;
};

Task<void> RunKnock(Trial& trial, Knock& knock, Endpoint target) {
  netsim::TcpFields syn;
  syn.sequence = trial.lab().rng().NextU32();
  syn.flags = netsim::kTcpSyn;
  knock.sent = trial.lab().now();
  trial.Send(Side::kOutside,
             netsim::BuildTcp(knock.knocker->local(), target, syn, {}));
  knock.refusal =
      co_await AwaitRefusal(trial, *knock.knocker, knock.sent, seconds(14));
  knock.is_done = true;
}

/// After a SYN that was filtered, the inside host opens that very connection.
/// True unless the old SYN is answered nonetheless; nullopt: not to be seen.
Task<std::optional<bool>> OpensAfterKnock(Trial& trial) {
  const auto inside = trial.Inside(IpProtocol::kTcp);
  const auto first = trial.Outside(IpProtocol::kTcp, 0);
  const auto knocker = trial.Outside(IpProtocol::kTcp, 1);
  std::optional<bool> result;
  const auto mapped = co_await trial.Out(*inside, *first);
  if (!mapped) {
    co_return result;
  }
  const Instant sent = trial.lab().now();
  const Persistence once = {.copies = 1};
  const auto let_in = co_await trial.Deliver(*knocker, *mapped, *inside, once);
  co_await trial.Sleep(std::max<Duration>(seconds(1), trial.Patience()));
  const auto opened = co_await trial.Out(*inside, *knocker);
  if (let_in || !opened || *opened != *mapped || !knocker->inbox.empty()) {
    co_return result;  // nothing was unsolicited, or not the same connection
  }
  const auto refusal =
      co_await AwaitRefusal(trial, *knocker, sent, seconds(12));
  result = !refusal.has_value();
  co_return result;
}

void JudgeKnocks(Trial& trial, const std::vector<Knock>& knocks,
                 std::optional<bool> after) {
  std::string early;
  bool is_polite = false;
  for (const Knock& knock : knocks) {
    if (!knock.refusal) {
      continue;
    }
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(
                            knock.refusal->after)
                            .count();
    if (waited < 6000) {
      early = std::string(knock.refusal->is_reset ? "RST" : "ICMP error") +
              " after " + std::to_string(waited) + " ms";
    } else if (knock.refusal->is_unreachable) {
      is_polite = true;
    }
  }
  if (!early.empty()) {
    trial.Conclude("5382-4", kFail, "an unsolicited SYN got an " + early);
    trial.Conclude("5382-4a", kFail, "too early: " + early);
    return;
  }
  if (after == std::optional(false)) {
    trial.Conclude("5382-4", kFail,
                   "a SYN was refused although the inside host had opened "
                   "that connection meanwhile");
  } else {
    trial.Conclude("5382-4", kPass,
                   "no answer to an unsolicited SYN for six seconds");
  }
  trial.Conclude("5382-4a", is_polite ? kPass : kInconclusive,
                 is_polite ? "then ICMP port unreachable"
                           : "silence: right where a policy forbids to answer");
}

}  // namespace

/// REQ-2.
Task<void> TestTcpOpen(Trial& trial, const Facts& /*facts*/) {
  Connection normal(trial);
  const bool opens = co_await normal.Open();
  const bool talks = opens && co_await normal.SendData(Side::kOutside) &&
                     co_await normal.SendData(Side::kInside);
  Connection both(trial);
  const bool simultaneous = co_await both.OpenSimultaneously();
  const bool talks_too = simultaneous && co_await both.SendData(Side::kOutside);
  const auto inbound = co_await OpenInbound(trial);
  std::string missing;
  const auto need = [&missing](bool works, std::string_view what) {
    if (!works) {
      missing += (missing.empty() ? "" : ", ") + std::string(what);
    }
  };
  need(talks, "a handshake begun inside");
  need(talks_too, "simultaneous open");
  need(inbound.value_or(true), "a handshake begun outside");
  trial.Conclude("5382-2", missing.empty() ? kPass : kFail,
                 missing.empty()
                     ? std::string("handshakes begun inside, at both ends") +
                           (inbound ? " and outside work"
                                    : " work (none from outside is let in)")
                     : "does not work: " + missing);
}

/// REQ-4 and 4a.
Task<void> TestTcpUnsolicited(Trial& trial, const Facts& facts) {
  constexpr size_t kKnocks = 8;
  std::vector<Knock> knocks(kKnocks);
  std::vector<Task<void>> running;
  const auto inside = trial.Inside(IpProtocol::kTcp);
  const auto first = trial.Outside(IpProtocol::kTcp, 0);
  const auto mapped = co_await trial.Out(*inside, *first);
  if (!mapped || facts.external.empty()) {
    trial.Conclude("5382-4", kInconclusive, "no SYN arrived outside");
    trial.Conclude("5382-4a", kInconclusive, "no SYN arrived outside");
    co_return;
  }
  for (size_t i = 0; i < kKnocks; ++i) {
    Endpoint target = *mapped;
    if (i % 2 == 1) {  // where probably nobody is
      target.port =
          static_cast<uint16_t>(1024 + trial.lab().rng().Below(60000));
    }
    knocks[i].knocker = trial.Outside(IpProtocol::kTcp, 2);
    running.push_back(RunKnock(trial, knocks[i], target));
    running.back().Start();
  }
  const auto after = co_await OpensAfterKnock(trial);
  co_await trial.Until(seconds(20), [&knocks] {
    return std::ranges::all_of(knocks, &Knock::is_done);
  });
  JudgeKnocks(trial, knocks, after);
}

}  // namespace natkit::natcheck::conformance
