#include "engine/fragment_table.h"

#include <algorithm>

#include "engine/timer_lists.h"

namespace natkit::netsim::engine {

FragmentTable::FragmentTable(Duration lifetime, size_t max_held)
    : lifetime_(lifetime),
      max_held_(max_held == 0 ? kMaxHeld : std::min(max_held, kMaxHeld)) {}

void FragmentTable::AddRule(Instant now, const FragmentKey& key,
                            const FragmentRule& rule) {
  if (rule_order_.size() >= kMaxRules) {
    ForgetOldestRule();
  }
  const Instant expires = AddTime(now, lifetime_);
  rules_.insert_or_assign(key, LiveRule{rule, expires});
  rule_order_.emplace_back(expires, key);
}

const FragmentRule* FragmentTable::FindRule(const FragmentKey& key) const {
  const auto it = rules_.find(key);
  return it == rules_.end() ? nullptr : &it->second.rule;
}

bool FragmentTable::Hold(Instant now, const FragmentKey& key, ByteView packet) {
  const bool is_full = held_.size() >= max_held_;
  if (is_full) {
    held_.pop_front();
  }
  held_.push_back(
      {AddTime(now, lifetime_), key, {packet.begin(), packet.end()}});
  return !is_full;
}

std::vector<std::vector<uint8_t>> FragmentTable::TakeHeld(
    const FragmentKey& key) {
  std::vector<std::vector<uint8_t>> taken;
  for (Held& held : held_) {
    if (held.key == key) {
      taken.push_back(std::move(held.packet));
    }
  }
  if (!taken.empty()) {
    std::erase_if(held_, [&](const Held& held) { return held.key == key; });
  }
  return taken;
}

size_t FragmentTable::Expire(Instant now) {
  while (!rule_order_.empty() && rule_order_.front().first <= now) {
    ForgetOldestRule();
  }
  size_t dropped = 0;
  while (!held_.empty() && held_.front().expires <= now) {
    held_.pop_front();
    ++dropped;
  }
  return dropped;
}

Instant FragmentTable::next_expiry() const {
  Instant next = Instant::max();
  if (!rule_order_.empty()) {
    next = rule_order_.front().first;
  }
  if (!held_.empty()) {
    next = std::min(next, held_.front().expires);
  }
  return next;
}

/// A rule that was made anew since stands in the order again, later.
void FragmentTable::ForgetOldestRule() {
  const auto& [expires, key] = rule_order_.front();
  const auto it = rules_.find(key);
  if (it != rules_.end() && it->second.expires == expires) {
    rules_.erase(it);
  }
  rule_order_.pop_front();
}

}  // namespace natkit::netsim::engine
