#include "filter/rule_table.h"

#include <algorithm>
#include <set>
#include <utility>

#include "natkit/base/check.h"

namespace natkit::mesh {

namespace {

size_t PrefixCount(const CompiledRule& rule) {
  return rule.sources().prefixes().size() +
         rule.destinations().prefixes().size();
}

}  // namespace

void PrefixIndex::Add(const PrefixList& list, uint32_t slot) {
  for (const auto& prefix : list.prefixes()) {
    auto& slots = slots_[prefix];
    if (slots == nullptr) {
      slots = std::make_unique<Slots>();
      TrieOf(prefix.address())
          .Insert(BitKey::Of(prefix.address()), prefix.length(), slots.get());
    }
    slots->insert(std::ranges::lower_bound(*slots, slot), slot);
  }
}

void PrefixIndex::Remove(const PrefixList& list, uint32_t slot) {
  for (const auto& prefix : list.prefixes()) {
    const auto it = slots_.find(prefix);
    NATKIT_CHECK(it != slots_.end());
    Slots& slots = *it->second;
    slots.erase(std::ranges::lower_bound(slots, slot));
    if (slots.empty()) {
      TrieOf(prefix.address())
          .Remove(BitKey::Of(prefix.address()), prefix.length());
      slots_.erase(it);
    }
  }
}

size_t PrefixIndex::CountAt(const IpAddress& ip) const {
  size_t count = 0;
  TrieOf(ip).ForEach(BitKey::Of(ip),
                     [&count](const Slots& slots) { count += slots.size(); });
  return count;
}

void RuleTable::Put(FilterRule rule, std::optional<int64_t> unix_seconds) {
  const uint64_t id = rule.id;
  (void)Remove(id);
  const uint32_t index = TakeSlot();
  Slot& slot = slots_[index];
  slot.rule = CompiledRule(std::move(rule));
  slot.rule.SetTime(unix_seconds);
  sources_.Add(slot.rule.sources(), index);
  destinations_.Add(slot.rule.destinations(), index);
  prefix_count_ += PrefixCount(slot.rule);
  by_id_.emplace(id, index);
  if (slot.rule.has_windows()) {
    windowed_.emplace(id, index);
  }
}

bool RuleTable::Remove(uint64_t id) {
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) {
    return false;
  }
  const uint32_t index = it->second;
  Slot& slot = slots_[index];
  sources_.Remove(slot.rule.sources(), index);
  destinations_.Remove(slot.rule.destinations(), index);
  prefix_count_ -= PrefixCount(slot.rule);
  slot.rule = CompiledRule();
  ++slot.generation;
  windowed_.erase(id);
  by_id_.erase(it);
  free_.push_back(index);
  return true;
}

std::expected<void, Error> RuleTable::CheckRoom(const FilterUpdate& update,
                                                Direction direction) const {
  std::set<uint64_t> gone;
  std::set<uint64_t> added;
  size_t prefixes = prefix_count_;
  for (const auto& removal : update.removals) {
    if (removal.direction == direction) {
      gone.insert(removal.id);
    }
  }
  for (const auto& put : update.puts) {
    if (put.direction == direction) {
      gone.insert(put.rule.id);
      added.insert(put.rule.id);
      prefixes += put.rule.sources.size() + put.rule.destinations.size();
    }
  }
  size_t rules = size() + added.size();
  for (const uint64_t id : gone) {
    if (const auto it = by_id_.find(id); it != by_id_.end()) {
      prefixes -= PrefixCount(slots_[it->second].rule);
      --rules;
    }
  }
  if (rules > kMaxFilterRules || prefixes > kMaxFilterPrefixes) {
    return Fail(Errc::kLimitExceeded);
  }
  return {};
}

std::optional<RuleRef> RuleTable::Find(const PacketFacts& facts) const {
  RuleRef found;
  const auto take = [&](uint32_t index, bool is_on_other_side) {
    const Slot& slot = slots_[index];
    if (!is_on_other_side || !slot.rule.Matches(facts)) {
      return false;
    }
    found = {.slot = index, .generation = slot.generation};
    return true;
  };
  const bool by_source = sources_.CountAt(facts.source) <=
                         destinations_.CountAt(facts.destination);
  const bool is_found =
      by_source
          ? sources_.AnyAt(facts.source,
                           [&](uint32_t index) {
                             const auto& rule = slots_[index].rule;
                             return take(index, rule.destinations().Contains(
                                                    facts.destination));
                           })
          : destinations_.AnyAt(facts.destination, [&](uint32_t index) {
              const auto& rule = slots_[index].rule;
              return take(index, rule.sources().Contains(facts.source));
            });
  if (!is_found) {
    return std::nullopt;
  }
  return found;
}

bool RuleTable::SetTime(std::optional<int64_t> unix_seconds, bool all) {
  bool has_closed = false;
  for (const auto& [id, index] : windowed_) {
    Slot& slot = slots_[index];
    const auto due = slot.rule.next_change();
    if (!all && (!due || !unix_seconds || *due > *unix_seconds)) {
      continue;
    }
    const bool was_open = slot.rule.is_open();
    slot.rule.SetTime(unix_seconds);
    if (was_open && !slot.rule.is_open()) {
      ++slot.generation;
      has_closed = true;
    }
  }
  return has_closed;
}

std::optional<int64_t> RuleTable::NextChange() const {
  std::optional<int64_t> next;
  for (const auto& [id, index] : windowed_) {
    const auto change = slots_[index].rule.next_change();
    if (change && (!next || *change < *next)) {
      next = change;
    }
  }
  return next;
}

uint32_t RuleTable::TakeSlot() {
  if (free_.empty()) {
    slots_.emplace_back();
    return static_cast<uint32_t>(slots_.size() - 1);
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  return index;
}

}  // namespace natkit::mesh
