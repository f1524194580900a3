#include <algorithm>
#include <utility>

#include "coord/coordinator_impl.h"

namespace natkit::mesh {

namespace {

/// A snapshot's part; well below the largest frame.
constexpr size_t kPartSize = size_t{48} * 1024;
constexpr size_t kPartMembers = 8192;
/// A stream with more queued waits; changes to it are merged meanwhile.
constexpr size_t kBusyAbove = size_t{64} * 1024;

size_t SizeOf(const MapItem& item) {
  constexpr size_t kItemOverhead = 40;
  return item.body.size() + kItemOverhead;
}

}  // namespace

void Coordinator::Impl::StartMap(ServerTime time, CoordSession& session,
                                 const std::optional<MapPosition>& position) {
  const NodeId node = session.node;
  const bool is_new = !viewers_.contains(node);
  Viewer& viewer = viewers_[node];
  if (viewer.gone_since) {
    farewells_.erase({*viewer.gone_since + config_.resume_window, node});
    viewer.gone_since.reset();
  }
  views_.Watch(node);
  if (position && position->digest == views_.Digest(node)) {
    Reset(viewer);
    viewer.sequence = position->sequence;
    ++counters_.resumed;
  } else if (position && !is_new && position->epoch == epoch_ &&
             CanResume(viewer, *position)) {
    ResumeFrom(viewer, *position);
    ++counters_.resumed;
  } else {
    BeginSnapshot(node, viewer);
  }
  ScheduleFlush(time.now, node, viewer, true);
}

bool Coordinator::Impl::CanResume(const Viewer& viewer,
                                  const MapPosition& position) {
  const uint64_t oldest = viewer.unacknowledged.empty()
                              ? viewer.sequence
                              : viewer.unacknowledged.front().sequence - 1;
  return viewer.can_resume && position.sequence >= oldest &&
         position.sequence <= viewer.sequence;
}

/// Nothing is left to tell.
void Coordinator::Impl::Reset(Viewer& viewer) {
  viewer.dirty = {};
  viewer.unacknowledged.clear();
  viewer.unacknowledged_size = 0;
  viewer.can_resume = true;
  viewer.snapshot.reset();
}

void Coordinator::Impl::ResumeFrom(Viewer& viewer,
                                   const MapPosition& position) {
  for (const Viewer::Sent& sent : viewer.unacknowledged) {
    if (sent.sequence > position.sequence) {
      viewer.dirty.Merge(sent.changes);
    }
  }
  viewer.unacknowledged.clear();
  viewer.unacknowledged_size = 0;
  viewer.sequence = position.sequence;
}

void Coordinator::Impl::BeginSnapshot(NodeId node, Viewer& viewer) {
  Reset(viewer);
  viewer.snapshot = Viewer::Snapshot{.items = views_.ListItems(node),
                                     .rules = views_.ListRules(node)};
  ++counters_.snapshots;
}

void Coordinator::Impl::ScheduleFlush(Instant now, NodeId node, Viewer& viewer,
                                      bool is_urgent) {
  viewer.is_urgent = viewer.is_urgent || is_urgent;
  const Instant at = is_urgent ? now : now + config_.batch_delay;
  if (viewer.flush_at && *viewer.flush_at <= at) {
    return;
  }
  if (viewer.flush_at) {
    flushes_.erase({*viewer.flush_at, node});
  }
  viewer.flush_at = at;
  flushes_.emplace(at, node);
}

void Coordinator::Impl::TakeViewChanges(ServerTime time, bool is_urgent) {
  for (const auto& [node, changes] : views_.TakeChanges()) {
    const auto found = viewers_.find(node);
    if (found == viewers_.end()) {
      continue;
    }
    Viewer& viewer = found->second;
    viewer.dirty.Merge(changes);
    if (!viewer.gone_since) {
      ScheduleFlush(time.now, node, viewer, is_urgent);
    } else if (viewer.dirty.size() > kMaxDeltaSize) {
      ForgetViewer(node);
    }
  }
}

void Coordinator::Impl::ForgetViewer(NodeId node) {
  const auto found = viewers_.find(node);
  if (found == viewers_.end()) {
    return;
  }
  const Viewer& viewer = found->second;
  if (viewer.flush_at) {
    flushes_.erase({*viewer.flush_at, node});
  }
  if (viewer.gone_since) {
    farewells_.erase({*viewer.gone_since + config_.resume_window, node});
  }
  views_.Unwatch(node);
  viewers_.erase(found);
}

void Coordinator::Impl::FlushDue(ServerTime time) {
  while (!flushes_.empty() && flushes_.begin()->first <= time.now) {
    const NodeId node = flushes_.begin()->second;
    flushes_.erase(flushes_.begin());
    Viewer& viewer = viewers_.at(node);
    viewer.flush_at.reset();
    Flush(time, node, viewer);
  }
}

void Coordinator::Impl::Flush(ServerTime time, NodeId node, Viewer& viewer) {
  CoordSession* session = SessionOf(node);
  if (session == nullptr || session->phase != Phase::kActive) {
    return;
  }
  if (viewer.snapshot) {
    ContinueSnapshot(time, *session, viewer);
  }
  const bool is_due = viewer.is_urgent || !viewer.flush_at;
  if (session->out.size() - session->sent > kBusyAbove || viewer.snapshot ||
      viewer.dirty.is_empty() || !is_due) {
    return;
  }
  if (viewer.dirty.size() > kMaxDeltaSize) {
    BeginSnapshot(node, viewer);
    ContinueSnapshot(time, *session, viewer);
  } else {
    SendDelta(time, *session, viewer);
  }
}

MapUpdate Coordinator::Impl::MakeDelta(NodeId node,
                                       const ViewerChanges& changes) const {
  MapUpdate update{.epoch = epoch_};
  for (const ItemKey& key : changes.items) {
    if (auto body = views_.Body(node, key)) {
      update.put.push_back({.key = key, .body = *std::move(body)});
    } else {
      update.remove.push_back(key);
    }
  }
  for (const auto& [rule, nodes] : changes.members) {
    if (!views_.Body(node, KeyOf(ItemClass::kRule, rule.id,
                                 static_cast<uint64_t>(rule.direction)))) {
      continue;  // gone with its rule
    }
    MemberChange change{.rule = rule.id, .direction = rule.direction};
    change.is_whole = nodes.empty();
    if (change.is_whole) {
      change.add = views_.Members(node, rule);
    }
    for (const NodeId member : nodes) {
      (views_.IsMember(node, rule, member) ? change.add : change.remove)
          .push_back(member);
    }
    update.members.push_back(std::move(change));
  }
  return update;
}

void Coordinator::Impl::SendDelta(ServerTime time, CoordSession& session,
                                  Viewer& viewer) {
  MapUpdate update = MakeDelta(session.node, viewer.dirty);
  update.sequence = ++viewer.sequence;
  update.is_urgent = std::exchange(viewer.is_urgent, false);
  update.digest = views_.Digest(session.node);
  ++counters_.deltas;
  counters_.delta_items += viewer.dirty.size();
  NoteRotationSent(session.node, viewer.dirty, update.sequence);
  Viewer::Sent sent{.sequence = update.sequence,
                    .changes = std::exchange(viewer.dirty, {})};
  if (update.is_urgent) {
    ++counters_.urgent;
    sent.urgent_since = time.now;
  }
  viewer.unacknowledged_size += sent.changes.size();
  viewer.unacknowledged.push_back(std::move(sent));
  if (viewer.unacknowledged_size > kMaxDeltaSize) {
    viewer.can_resume = false;
    for (Viewer::Sent& old : viewer.unacknowledged) {
      old.changes = {};
    }
    viewer.unacknowledged_size = 0;
  }
  Send(time, session, update);
}

void Coordinator::Impl::ContinueSnapshot(ServerTime time, CoordSession& session,
                                         Viewer& viewer) {
  Viewer::Snapshot& snapshot = *viewer.snapshot;
  while (session.out.size() - session.sent <= kBusyAbove) {
    MapUpdate part{.epoch = epoch_,
                   .sequence = ++viewer.sequence,
                   .is_snapshot = !std::exchange(snapshot.is_begun, true)};
    size_t size = 0;
    while (snapshot.next_item < snapshot.items.size() && size < kPartSize) {
      const ItemKey& key = snapshot.items[snapshot.next_item++];
      if (auto body = views_.Body(session.node, key)) {
        part.put.push_back({.key = key, .body = *std::move(body)});
        size += SizeOf(part.put.back());
      }
    }
    size_t members = 0;
    while (snapshot.next_item == snapshot.items.size() && size < kPartSize &&
           snapshot.next_rule < snapshot.rules.size() &&
           members < kPartMembers) {
      const RuleKey& rule = snapshot.rules[snapshot.next_rule++];
      MemberChange change{.rule = rule.id, .direction = rule.direction};
      change.add = views_.Members(session.node, rule);
      change.is_whole = true;
      members += change.add.size();
      if (!change.add.empty()) {
        part.members.push_back(std::move(change));
      }
    }
    part.is_last = snapshot.next_item == snapshot.items.size() &&
                   snapshot.next_rule == snapshot.rules.size();
    if (part.is_last && viewer.dirty.is_empty()) {
      part.digest = views_.Digest(session.node);
    }
    const bool is_last = part.is_last;
    Send(time, session, part);
    if (is_last) {
      viewer.snapshot.reset();
      return;
    }
  }
}

}  // namespace natkit::mesh
