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

/// A change of more is told by a snapshot, which comes in parts: a frame has a
/// limit.
constexpr size_t kMaxDeltaBytes = size_t{256} * 1024;

size_t SizeOf(const MapItem& item) {
  constexpr size_t kItemOverhead = 40;
  return item.body.size() + kItemOverhead;
}

/// No less than its frame has.
size_t SizeOf(const MapUpdate& update) {
  constexpr size_t kKeySize = 32;
  constexpr size_t kVarint = 10;
  size_t size = update.remove.size() * kKeySize;
  for (const MapItem& item : update.put) {
    size += SizeOf(item);
  }
  for (const MemberChange& change : update.members) {
    size += kKeySize + ((change.add.size() + change.remove.size()) * kVarint);
  }
  return size;
}

ItemKey ItemOf(const RuleKey& rule) {
  return KeyOf(ItemClass::kRule, rule.id,
               static_cast<uint64_t>(rule.direction));
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
    viewer.resumable_from = position->sequence;
    ++counters_.resumed;
  } else if (position && !is_new && position->epoch == epoch_ &&
             CanResume(viewer, *position)) {
    ResumeFrom(viewer, *position);
    ++counters_.resumed;
  } else {
    BeginSnapshot(node, viewer);
  }
  ScheduleFlush(time.now, node, viewer);
}

bool Coordinator::Impl::CanResume(const Viewer& viewer,
                                  const MapPosition& position) {
  return position.sequence >= viewer.resumable_from &&
         position.sequence <= viewer.sequence;
}

/// Nothing is left to tell.
void Coordinator::Impl::Reset(Viewer& viewer) {
  viewer.dirty = {};
  viewer.unacknowledged.clear();
  viewer.unacknowledged_size = 0;
  viewer.snapshot.reset();
  viewer.is_urgent = false;
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
  viewer.resumable_from = position.sequence;
}

void Coordinator::Impl::BeginSnapshot(NodeId node, Viewer& viewer) {
  const bool is_urgent = viewer.is_urgent && !viewer.dirty.is_empty();
  Reset(viewer);
  UpdateLate(node, viewer);
  viewer.snapshot = Viewer::Snapshot{.items = views_.ListItems(node),
                                     .rules = views_.ListRules(node),
                                     .is_urgent = is_urgent};
  viewer.resumable_from = Viewer::kNever;
  ++counters_.snapshots;
}

void Coordinator::Impl::ScheduleFlush(Instant at, NodeId node, Viewer& viewer) {
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
      viewer.is_urgent = viewer.is_urgent || is_urgent;
      ScheduleFlush(is_urgent ? time.now : time.now + config_.batch_delay, node,
                    viewer);
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
  if (viewer.late_at) {
    late_.erase({*viewer.late_at, node});
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
  if (session->queued() > kBusyAbove || viewer.snapshot ||
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
    if (!views_.Body(node, ItemOf(rule))) {
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
  const NodeId node = session.node;
  MapUpdate update = MakeDelta(node, viewer.dirty);
  if (SizeOf(update) > kMaxDeltaBytes) {
    BeginSnapshot(node, viewer);
    ContinueSnapshot(time, session, viewer);
    return;
  }
  update.sequence = ++viewer.sequence;
  update.is_urgent = std::exchange(viewer.is_urgent, false);
  update.digest = views_.Digest(node);
  ++counters_.deltas;
  counters_.delta_items += viewer.dirty.size();
  NoteRotationSent(node, viewer.dirty, update.sequence);
  Viewer::Sent sent{.sequence = update.sequence,
                    .changes = std::exchange(viewer.dirty, {})};
  if (update.is_urgent) {
    sent.urgent_since = time.now;
  }
  NoteSent(time, node, viewer, std::move(sent));
  Send(time, session, update);
}

void Coordinator::Impl::NoteSent(ServerTime, NodeId node, Viewer& viewer,
                                 Viewer::Sent sent) {
  counters_.urgent += sent.urgent_since ? 1 : 0;
  viewer.unacknowledged_size += sent.changes.size();
  viewer.unacknowledged.push_back(std::move(sent));
  auto& all = viewer.unacknowledged;
  if (viewer.unacknowledged_size > kMaxDeltaSize ||
      all.size() > kMaxUnacknowledged) {
    viewer.resumable_from = viewer.sequence;
    std::erase_if(all, [](const auto& old) { return !old.urgent_since; });
    for (Viewer::Sent& old : all) {
      old.changes = {};
    }
    viewer.unacknowledged_size = 0;
    if (all.size() > kMaxUnacknowledged) {
      all.pop_front();
    }
  }
  UpdateLate(node, viewer);
}

// ---- Those who do not acknowledge ------------------------------------------

void Coordinator::Impl::UpdateLate(NodeId node, Viewer& viewer) {
  if (viewer.late_at) {
    late_.erase({*viewer.late_at, node});
    viewer.late_at.reset();
  }
  const auto first =
      std::ranges::find_if(viewer.unacknowledged, [](const Viewer::Sent& sent) {
        return sent.urgent_since && !sent.is_reported;
      });
  if (first != viewer.unacknowledged.end()) {
    viewer.late_at = *first->urgent_since + config_.acknowledge_within;
    late_.emplace(*viewer.late_at, node);
  }
}

/// mesh.md section 4.1, rule 7.
void Coordinator::Impl::ReportLate(ServerTime time) {
  while (!late_.empty() && late_.begin()->first <= time.now) {
    const NodeId node = late_.begin()->second;
    Viewer& viewer = viewers_.at(node);
    for (Viewer::Sent& sent : viewer.unacknowledged) {
      if (sent.urgent_since && !sent.is_reported &&
          *sent.urgent_since + config_.acknowledge_within <= time.now) {
        sent.is_reported = true;
        ++counters_.late_acknowledgements;
      }
    }
    const NodeRecord* record = registry_.FindNode(node);
    Notify(CoordinatorNotice::Kind::kLateAcknowledgement,
           record == nullptr ? std::to_string(node) : record->name);
    UpdateLate(node, viewer);
  }
}

// ---- Snapshots -------------------------------------------------------------

MapUpdate Coordinator::Impl::MakePart(NodeId node,
                                      Viewer::Snapshot& snapshot) const {
  MapUpdate part{.epoch = epoch_,
                 .is_snapshot = !std::exchange(snapshot.is_begun, true)};
  size_t size = 0;
  while (snapshot.next_item < snapshot.items.size() && size < kPartSize) {
    const ItemKey& key = snapshot.items[snapshot.next_item++];
    if (auto body = views_.Body(node, key)) {
      part.put.push_back({.key = key, .body = *std::move(body)});
      size += SizeOf(part.put.back());
    } else {
      snapshot.missing.insert(key);
    }
  }
  size_t members = 0;
  while (snapshot.next_item == snapshot.items.size() && size < kPartSize &&
         snapshot.next_rule < snapshot.rules.size() && members < kPartMembers) {
    const RuleKey& rule = snapshot.rules[snapshot.next_rule++];
    MemberChange change{.rule = rule.id, .direction = rule.direction};
    change.add = views_.Members(node, rule);
    change.is_whole = true;
    members += change.add.size();
    if (!change.add.empty() && !snapshot.missing.contains(ItemOf(rule))) {
      part.members.push_back(std::move(change));
    }
  }
  part.is_last = snapshot.next_item == snapshot.items.size() &&
                 snapshot.next_rule == snapshot.rules.size();
  return part;
}

void Coordinator::Impl::ContinueSnapshot(ServerTime time, CoordSession& session,
                                         Viewer& viewer) {
  while (viewer.snapshot && session.queued() <= kBusyAbove) {
    MapUpdate part = MakePart(session.node, *viewer.snapshot);
    part.sequence = ++viewer.sequence;
    part.is_urgent = viewer.snapshot->is_urgent;
    if (part.is_last && viewer.dirty.is_empty()) {
      part.digest = views_.Digest(session.node);
    }
    Send(time, session, part);
    if (part.is_last) {
      EndSnapshot(time, session.node, viewer);
    }
  }
}

void Coordinator::Impl::EndSnapshot(ServerTime time, NodeId node,
                                    Viewer& viewer) {
  viewer.resumable_from = viewer.sequence;
  if (viewer.snapshot->is_urgent) {
    NoteSent(time, node, viewer,
             {.sequence = viewer.sequence, .urgent_since = time.now});
  }
  viewer.snapshot.reset();
  ViewerChanges told;
  for (const NodeId rotating : rotations_.AwaitedBy(node)) {
    const ItemKey peer = KeyOf(ItemClass::kPeer, rotating);
    if (!viewer.dirty.items.contains(peer)) {
      told.items.insert(peer);
    }
  }
  NoteRotationSent(node, told, viewer.sequence);
}

}  // namespace natkit::mesh
