#include "fabric/fabric.h"

#include <algorithm>

#include "ethernet/neighbor_messages.h"

namespace natkit::netsim {
namespace {

BoxSide MakeSide(size_t port, const std::vector<IpAddress>& addresses,
                 const std::vector<BoxRoute>& routes) {
  return {MacAddress::Numbered(static_cast<uint32_t>(port)), addresses, routes};
}

/// Different for every box and every direction of every cable.
uint64_t DeriveSeed(uint64_t seed, uint64_t index) {
  return seed ^ (index + 1) * 0x9e3779b97f4a7c15ULL;
}

}  // namespace

Fabric::Fabric(const FabricConfig& config, FrameSink& sink)
    : config_(config),
      sink_(sink),
      switches_(config.network_count),
      members_(config.network_count),
      is_changed_(config.boxes.size()),
      timeouts_(config.boxes.size()) {
  for (size_t i = 0; i < config.ports.size(); ++i) {
    ports_.emplace_back(config.ports[i], DeriveSeed(config.seed, 2 * i));
    members_[config.ports[i].network].push_back(i);
  }
  for (size_t i = 0; i < config.boxes.size(); ++i) {
    const FabricBox& box = config.boxes[i];
    boxes_.emplace_back(
        box.config, DeriveSeed(~config.seed, i),
        MakeSide(box.ports[0], box.inside_addresses, box.inside_routes),
        MakeSide(box.ports[1], box.outside_addresses, box.outside_routes),
        config.start);
    ports_[box.ports[0]].box = i;
    ports_[box.ports[1]].box = i;
    ports_[box.ports[1]].side = Side::kOutside;
  }
}

void Fabric::Start(Instant now) {
  for (size_t i = 0; i < boxes_.size(); ++i) {
    boxes_[i].Announce();
    Drain(now, i);
  }
}

DelayQueue::Tag Fabric::MakeTag(size_t port, Stage stage, uint32_t unplugged) {
  return uint64_t{unplugged} << 32 | static_cast<uint64_t>(port) << 1 |
         static_cast<uint64_t>(stage);
}

bool Fabric::PassWire(Instant now, size_t port, Stage stage, ByteView frame) {
  Port& end = ports_[port];
  if (!end.is_plugged) {
    return false;
  }
  Wire& wire = stage == Stage::kUp ? end.up : end.down;
  // As if there were no ARP: a link is about the IP packets of its members.
  if (IsNeighborMessage(frame)) {
    return true;
  }
  const auto arrivals = wire.link.Send(now, frame.size() - kEthernetHeaderSize);
  for (size_t i = 0; i < arrivals.count; ++i) {
    const bool is_next =
        arrivals.at[i] <= now && (!delayed_.next() || *delayed_.next() > now);
    if (i + 1 == arrivals.count && (wire.is_perfect || is_next)) {
      return true;
    }
    if (!delayed_.Push(arrivals.at[i], MakeTag(port, stage, end.unplugged),
                       frame)) {
      ++dropped_;
    }
  }
  return false;
}

void Fabric::HandleFrame(Instant now, size_t port, MutableBytes frame) {
  if (frame.size() <= kEthernetHeaderSize) {
    return;
  }
  if (PassWire(now, port, Stage::kUp, frame)) {
    Switch(now, port, frame);
  }
}

void Fabric::Switch(Instant now, size_t port, MutableBytes frame) {
  EthernetSwitch& bridge = switches_[config_.ports[port].network];
  bridge.Learn(FrameSource(frame), port);
  const MacAddress to = FrameDestination(frame);
  const auto known = to.is_group() ? std::nullopt : bridge.PortOf(to);
  if (!known) {
    Flood(now, port, frame);
  } else if (*known != port) {
    Leave(now, *known, frame);
  }
}

void Fabric::Flood(Instant now, size_t from, ByteView frame) {
  std::vector<uint8_t> copy;
  for (const size_t port : members_[config_.ports[from].network]) {
    if (port != from) {
      copy.assign(frame.begin(), frame.end());  // boxes write into theirs
      Leave(now, port, copy);
    }
  }
}

void Fabric::Leave(Instant now, size_t port, MutableBytes frame) {
  if (PassWire(now, port, Stage::kDown, frame)) {
    Deliver(now, port, frame);
  }
}

void Fabric::Deliver(Instant now, size_t port, MutableBytes frame) {
  if (!ports_[port].box) {
    sink_.SendFrame(port, frame);
    return;
  }
  if (depth_ >= kMaxDepth) {
    ++dropped_;
    return;
  }
  ++depth_;
  DeliverToBox(now, port, frame);
  --depth_;
}

void Fabric::DeliverToBox(Instant now, size_t port, MutableBytes frame) {
  const size_t index = *ports_[port].box;
  const auto to = boxes_[index].HandleFrame(now, ports_[port].side, frame);
  MarkChanged(index);
  if (to) {
    HandleFrame(now, config_.boxes[index].ports[*to == Side::kInside ? 0 : 1],
                frame);
  }
  Drain(now, index);
}

void Fabric::Drain(Instant now, size_t box) {
  MarkChanged(box);
  while (auto output = boxes_[box].PollTransmit(now)) {
    HandleFrame(now,
                config_.boxes[box].ports[output->side == Side::kInside ? 0 : 1],
                output->frame);
  }
}

void Fabric::MarkChanged(size_t box) {
  if (!is_changed_[box]) {
    is_changed_[box] = true;
    changed_.push_back(box);
  }
}

void Fabric::RefreshTimeouts() {
  for (const size_t box : changed_) {
    is_changed_[box] = false;
    const auto next = boxes_[box].NextTimeout();
    if (next == timeouts_[box]) {
      continue;
    }
    if (timeouts_[box]) {
      due_.erase({*timeouts_[box], box});
    }
    timeouts_[box] = next;
    if (next) {
      due_.emplace(*next, box);
    }
  }
  changed_.clear();
}

std::optional<Instant> Fabric::NextTimeout() {
  RefreshTimeouts();
  auto next = delayed_.next();
  if (!due_.empty() && (!next || due_.begin()->first < *next)) {
    next = due_.begin()->first;
  }
  return next;
}

void Fabric::HandleTimeout(Instant now) {
  ReleaseDelayed(now);
  RefreshTimeouts();
  // Each box once: one whose timeout stays in the past must not block others.
  std::vector<size_t> due;
  for (const auto& [at, box] : due_) {
    if (at > now) {
      break;
    }
    due.push_back(box);
  }
  for (const size_t box : due) {
    boxes_[box].HandleTimeout(now);
    Drain(now, box);
  }
}

void Fabric::ReleaseDelayed(Instant now) {
  while (auto frame = delayed_.Pop(now)) {
    const size_t port = (frame->tag & 0xffffffff) >> 1;
    const bool is_current = ports_[port].unplugged == frame->tag >> 32;
    if (is_current && (frame->tag & 1) == 0) {
      Switch(now, port, frame->bytes);
    } else if (is_current) {
      Deliver(now, port, frame->bytes);
    }
    delayed_.Recycle(std::move(frame->bytes));
  }
}

void Fabric::Reboot(Instant now, size_t box, std::optional<IpAddress> address) {
  boxes_[box].Reboot(now, address);
  Drain(now, box);
}

void Fabric::SetUdpBlocked(size_t box, bool is_blocked) {
  boxes_[box].engine().SetUdpBlocked(is_blocked);
}

void Fabric::SetPlugged(size_t port, bool is_plugged) {
  Port& end = ports_[port];
  if (end.is_plugged && !is_plugged) {
    ++end.unplugged;
  }
  if (end.box && end.is_plugged != is_plugged) {
    boxes_[*end.box].HandlePlug(end.side);
    MarkChanged(*end.box);
  }
  end.is_plugged = is_plugged;
}

void Fabric::Blackhole(size_t port, Instant until) {
  for (Wire* wire : {&ports_[port].up, &ports_[port].down}) {
    wire->link.BlackholeUntil(until);
    wire->is_perfect = false;
  }
}

void Fabric::Configure(size_t port, const LinkConfig& up,
                       const LinkConfig& down) {
  Port& end = ports_[port];
  end.up.link.Configure(up);
  end.down.link.Configure(down);
  // What is still on its way must not be overtaken: not by-passed again.
  end.up.is_perfect = false;
  end.down.is_perfect = false;
}

}  // namespace natkit::netsim
