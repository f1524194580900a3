#include "flow_watch.h"

#include <algorithm>
#include <chrono>

namespace natkit::natcheck::conformance {
namespace {

/// What boxes are given to take what was sent, if it does not arrive sooner.
constexpr Duration kPause = std::chrono::milliseconds(20);

}  // namespace

bool FlowWatch::HasCome(const Flow& flow) {
  return std::ranges::any_of(flow.to->inbox, [&flow](const Seen& seen) {
    return seen.token == flow.token;
  });
}

Task<void> FlowWatch::Begin(size_t number, Socket& from, Socket& to) {
  const uint64_t token = trial_.lab().NextToken();
  trial_.lab().ExpectToken(token, to);
  const Flow flow = {.place = begun_++,
                     .number = number,
                     .from = &from,
                     .to = &to,
                     .token = token,
                     .sent = trial_.lab().now()};
  waiting_.push_back(flow);
  trial_.SendUdp(from, trial_.lab().Toward(to.local()), token);
  co_await trial_.Until(kPause, [flow] { return HasCome(flow); });
}

Task<void> FlowWatch::AskAgain(Flow flow) {
  constexpr size_t kInARow = 6;
  if (!asked_again_.empty() && asked_again_.back().place + 1 != flow.place) {
    asked_again_.clear();  // some between them arrived
  }
  asked_again_.push_back(flow);
  const auto mapped = co_await trial_.Out(*flow.from, *flow.to);
  if (!mapped) {
    refused_ = flow.number;
  } else if (asked_again_.size() == kInARow) {
    refused_ = asked_again_.front().number;
  } else {
    mapped_[flow.number] = *mapped;
  }
}

Task<bool> FlowWatch::Settle(bool all) {
  if (all) {
    co_await trial_.Until(trial_.Patience(), [this] {
      return std::ranges::all_of(waiting_, HasCome);
    });
  }
  std::deque<Flow> later;
  while (!waiting_.empty() && !refused_) {
    const Flow flow = waiting_.front();
    waiting_.pop_front();
    const bool is_due =
        all || trial_.lab().now() - flow.sent >= trial_.Patience();
    if (const auto seen = TakeFrom(flow.to->inbox, [&flow](const Seen& one) {
          return one.token == flow.token;
        })) {
      mapped_[flow.number] = seen->info.source;
    } else if (is_due) {
      co_await AskAgain(flow);
    } else {
      later.push_back(flow);
    }
  }
  waiting_ = std::move(later);
  co_return !refused_;
}

Task<bool> LivesFor(Trial& trial, size_t host, Duration age) {
  const auto own = trial.Inside(IpProtocol::kUdp, host);
  const auto peer = trial.Outside(IpProtocol::kUdp, 1);
  const auto mapped = co_await trial.Out(*own, *peer);
  bool lives = false;
  if (mapped) {
    co_await trial.Sleep(age);
    lives = co_await trial.In(*peer, *mapped, *own);
  }
  co_return lives;
}

}  // namespace natkit::natcheck::conformance
