#include <algorithm>

#include "coord/coordinator_impl.h"

namespace natkit::mesh {

namespace {

/// A silent router is asked so often, and given up after so many questions
/// and another pause: in 3.2 seconds. They are counted, not only timed: a
/// server that itself stood still has asked once, and then reads the answers.
constexpr Duration kAskEvery = std::chrono::milliseconds(800);
constexpr int kMaxUnanswered = 3;
/// A stand-in has answered all questions but perhaps the one under way.
constexpr int kMaxUnansweredOfStandIn = 1;

}  // namespace

std::optional<Instant> Coordinator::Impl::NextQuestion(
    const CoordSession& session) const {
  if (session.phase != Phase::kActive ||
      views_.StandIns(session.node).empty()) {
    return std::nullopt;
  }
  return std::max(session.heard_at, session.asked_at) + kAskEvery;
}

/// Where nobody answers, it is the server that is cut off: then all keep what
/// they have.
bool Coordinator::Impl::IsReplaceable(const CoordSession& session) const {
  return std::ranges::any_of(views_.StandIns(session.node), [this](
                                                                NodeId other) {
    const auto stream = by_node_.find(other);
    return stream != by_node_.end() &&
           sessions_.at(stream->second)->unanswered <= kMaxUnansweredOfStandIn;
  });
}

bool Coordinator::Impl::WatchRouter(ServerTime time, CoordSession& session) {
  const auto next = NextQuestion(session);
  if (!next || time.now < *next) {
    return false;
  }
  if (session.unanswered >= kMaxUnanswered && IsReplaceable(session)) {
    Goodbye(time, session, GoodbyeReason::kSilent,
            "this router does not answer, and another one stands in for it");
    return true;
  }
  ++session.unanswered;
  session.asked_at = time.now;
  Send(time, session, Heartbeat{.nonce = rng_.NextU64()});
  return false;
}

void Coordinator::Impl::UpdateRouterDeadlines(NodeId router) {
  const auto update = [this](NodeId node) {
    CoordSession* session = SessionOf(node);
    if (session != nullptr) {
      UpdateDeadline(*session);
    }
  };
  update(router);
  std::ranges::for_each(views_.StandIns(router), update);
}

}  // namespace natkit::mesh
