#include "filter/fragment_table.h"

#include <algorithm>

namespace natkit::mesh {

namespace {

using std::chrono::seconds;

constexpr size_t kSets = 128;
// RFC 8200, section 4.5: reassembly ends after 60 s.
constexpr Duration kLifetime = seconds{60};

std::array<uint8_t, 40> KeyOfDatagram(Direction direction,
                                      const PacketFacts& facts) {
  std::array<uint8_t, 40> key{};
  std::ranges::copy(facts.source.bytes(), key.begin());
  std::ranges::copy(facts.destination.bytes(), key.begin() + 16);
  ByteWriter out(MutableBytes(key).subspan(32));
  out.WriteU32(facts.fragment->id);
  out.WriteU8(facts.fragment->protocol);
  out.WriteU8(static_cast<uint8_t>(facts.source.family()));
  out.WriteU8(static_cast<uint8_t>(direction));
  return key;
}

}  // namespace

FragmentTable::FragmentTable(const KeyedHash& hash)
    : hash_(hash), sets_(kSets) {}

bool FragmentTable::AcceptFirst(Instant now, Direction direction,
                                const PacketFacts& facts, uint64_t peer) {
  const auto key = KeyOfDatagram(direction, facts);
  Set& set = SetOf(key);
  if (Entry* entry = Find(now, set, key)) {
    if (entry->first_end != facts.fragment->end) {
      entry->generation = 0;
      return false;
    }
    return true;
  }
  Victim(now, set) = {.key = key,
                      .first_end = facts.fragment->end,
                      .generation = generation_,
                      .since = now,
                      .peer = peer};
  return true;
}

Verdict FragmentTable::CheckLater(Instant now, Direction direction,
                                  const PacketFacts& facts) {
  const auto key = KeyOfDatagram(direction, facts);
  Entry* const entry = Find(now, SetOf(key), key);
  if (entry == nullptr) {
    return Verdict::kNoFirstFragment;
  }
  if (facts.fragment->begin < entry->first_end) {
    entry->generation = 0;
    return Verdict::kBadFragment;
  }
  return Verdict::kAccept;
}

FragmentTable::Set& FragmentTable::SetOf(const std::array<uint8_t, 40>& key) {
  return sets_[hash_.Of(key) % kSets];
}

bool FragmentTable::IsLive(Instant now, const Entry& entry) const {
  return entry.generation == generation_ && now < entry.since + kLifetime;
}

FragmentTable::Entry* FragmentTable::Find(
    Instant now, Set& set, const std::array<uint8_t, 40>& key) const {
  const auto it = std::ranges::find_if(set, [&](const Entry& entry) {
    return IsLive(now, entry) && entry.key == key;
  });
  return it == set.end() ? nullptr : &*it;
}

FragmentTable::Entry& FragmentTable::Victim(Instant now, Set& set) const {
  const auto dead = std::ranges::find_if_not(
      set, [&](const Entry& entry) { return IsLive(now, entry); });
  if (dead != set.end()) {
    return *dead;
  }
  const auto count = [&set](const Entry& entry) {
    return std::ranges::count(set, entry.peer, &Entry::peer);
  };
  return *std::ranges::min_element(set, [&](const Entry& a, const Entry& b) {
    const auto of_a = count(a);
    const auto of_b = count(b);
    return of_a != of_b ? of_a > of_b : a.since < b.since;
  });
}

}  // namespace natkit::mesh
