#include "natkit/mesh/packet_filter.h"

#include <algorithm>
#include <utility>

#include "filter/calendar.h"
#include "filter/flow_table.h"
#include "filter/fragment_table.h"
#include "natkit/base/check.h"

namespace natkit::mesh {

namespace {

using std::chrono::floor;
using std::chrono::seconds;

constexpr uint32_t kMaxFlows = 1U << 24;

// Peers' numbers and hashed addresses do not meet.
constexpr uint64_t kAddressAccount = uint64_t{1} << 63;

// Seconds by which the wall clock may be off without looking at all windows.
constexpr int64_t kSmallJump = 1;

// The wall clock: `unix_seconds` at `at`.
struct WallClock {
  Instant at;
  int64_t unix_seconds = 0;

  [[nodiscard]] int64_t TimeAt(Instant now) const {
    return unix_seconds + floor<seconds>(now - at).count();
  }
};

// When, which way, and on whose account a packet goes.
struct Passage {
  Instant now;
  Direction direction = Direction::kInbound;
  uint64_t account = 0;
};

bool AreTunnelAddresses(const PacketFacts& facts) {
  return IsTunnelAddress(facts.source) && IsTunnelAddress(facts.destination);
}

// A TCP segment that is part of something, not its beginning.
bool IsMidStream(const PacketFacts& facts) {
  return facts.protocol == kProtocolTcp && facts.kind == PacketKind::kPorts &&
         (facts.tcp_flags & kTcpSyn) == 0;
}

}  // namespace

struct PacketFilter::Impl {
  Impl(const FilterConfig& config, Rng& rng)
      : hash(rng), flows(config, hash), fragments(hash) {}

  RuleTable& RulesOf(Direction direction) {
    return rules[static_cast<size_t>(direction)];
  }

  std::optional<int64_t> UnixTimeAt(Instant now) const;
  void SetTime(Instant now, bool all);
  Verdict Judge(Instant now, Direction direction, ByteView packet,
                uint32_t peer);
  Verdict JudgeFacts(const Passage& passage, const PacketFacts& facts);
  Verdict JudgeIcmpError(const Passage& passage, const PacketFacts& facts);
  Verdict JudgeNew(const Passage& passage, const PacketFacts& facts,
                   const FlowKey& key);
  FlowState* FindAllowed(Instant now, const FlowKey& key);
  uint64_t AccountOf(Direction direction, const PacketFacts& facts,
                     uint32_t peer) const;

  KeyedHash hash;
  std::array<RuleTable, 2> rules;
  FlowTable flows;
  FragmentTable fragments;
  std::optional<WallClock> clock;
  std::optional<Instant> next_window_change;
  FilterCounters counters;
};

std::optional<int64_t> PacketFilter::Impl::UnixTimeAt(Instant now) const {
  if (!clock) {
    return std::nullopt;
  }
  return clock->TimeAt(now);
}

// Opens and closes what is due, or looks at all windows.
void PacketFilter::Impl::SetTime(Instant now, bool all) {
  const auto time = UnixTimeAt(now);
  next_window_change.reset();
  for (auto& table : rules) {
    if (table.SetTime(time, all)) {
      fragments.Clear();
    }
    if (const auto change = table.NextChange()) {
      const Instant at = clock->at + seconds{*change - clock->unix_seconds};
      next_window_change =
          next_window_change ? std::min(*next_window_change, at) : at;
    }
  }
}

uint64_t PacketFilter::Impl::AccountOf(Direction direction,
                                       const PacketFacts& facts,
                                       uint32_t peer) const {
  if (peer != kNoPeer) {
    return peer;
  }
  const IpAddress& remote =
      direction == Direction::kInbound ? facts.source : facts.destination;
  return hash.Of(remote.bytes()) | kAddressAccount;
}

// The flow, if a rule still allows it; without one it ends.
FlowState* PacketFilter::Impl::FindAllowed(Instant now, const FlowKey& key) {
  FlowState* const state = flows.Find(now, key);
  if (state == nullptr || RulesOf(state->initiator).IsCurrent(state->rule)) {
    return state;
  }
  const auto rule = RulesOf(state->initiator).Find(FirstPacketOf(key, *state));
  if (!rule) {
    flows.RevokeFound();
    return nullptr;
  }
  state->rule = *rule;
  return state;
}

// It passes if the packet it is about went the other way, from where the error
// is going to, in a flow.
Verdict PacketFilter::Impl::JudgeIcmpError(const Passage& passage,
                                           const PacketFacts& facts) {
  if (!AreTunnelAddresses(facts)) {
    return Verdict::kBadAddress;
  }
  const auto quoted = ParseEmbedded(facts.embedded);
  if (!quoted || quoted->source != facts.destination ||
      quoted->kind == PacketKind::kLaterFragment ||
      quoted->kind == PacketKind::kIcmpError) {
    return Verdict::kUnrelatedIcmp;
  }
  const FlowKey key = KeyOf(*quoted, Opposite(passage.direction));
  return FindAllowed(passage.now, key) != nullptr ? Verdict::kAccept
                                                  : Verdict::kUnrelatedIcmp;
}

// A flow of the same ends stays unless a rule allows the new one.
Verdict PacketFilter::Impl::JudgeNew(const Passage& passage,
                                     const PacketFacts& facts,
                                     const FlowKey& key) {
  if (!AreTunnelAddresses(facts)) {
    return Verdict::kBadAddress;
  }
  if (facts.kind == PacketKind::kEchoReply) {
    return Verdict::kUnrelatedIcmp;
  }
  if (!CanBegin(facts)) {
    return Verdict::kNoFlow;
  }
  const auto rule = RulesOf(passage.direction).Find(facts);
  if (!rule) {
    return IsMidStream(facts) ? Verdict::kNoFlow : Verdict::kNoRule;
  }
  if (flows.Find(passage.now, key) != nullptr) {
    flows.ExpireFound();
  }
  flows.Insert(passage.now, key, BeginFlow(facts, passage.direction, *rule),
               passage.account);
  return Verdict::kAccept;
}

Verdict PacketFilter::Impl::JudgeFacts(const Passage& passage,
                                       const PacketFacts& facts) {
  if (facts.kind == PacketKind::kIcmpError) {
    return JudgeIcmpError(passage, facts);
  }
  const FlowKey key = KeyOf(facts, passage.direction);
  FlowState* const state = FindAllowed(passage.now, key);
  if (state == nullptr || BeginsAnew(*state, facts, passage.direction)) {
    return JudgeNew(passage, facts, key);
  }
  Advance(*state, facts, passage.direction);
  flows.Touch(passage.now);
  return Verdict::kAccept;
}

Verdict PacketFilter::Impl::Judge(Instant now, Direction direction,
                                  ByteView packet, uint32_t peer) {
  if (next_window_change && now >= *next_window_change) {
    SetTime(now, false);
  }
  const auto facts = ParsePacket(packet);
  if (!facts) {
    return facts.error();
  }
  if (facts->kind == PacketKind::kLaterFragment) {
    return fragments.CheckLater(now, direction, *facts);
  }
  const Passage passage{.now = now,
                        .direction = direction,
                        .account = AccountOf(direction, *facts, peer)};
  const Verdict verdict = JudgeFacts(passage, *facts);
  if (verdict == Verdict::kAccept && facts->fragment &&
      !fragments.AcceptFirst(now, direction, *facts, passage.account)) {
    return Verdict::kBadFragment;
  }
  return verdict;
}

PacketFilter::PacketFilter(const FilterConfig& config, Rng& rng) {
  NATKIT_CHECK(config.max_flows >= 1 && config.max_flows <= kMaxFlows);
  impl_ = std::make_unique<Impl>(config, rng);
}

PacketFilter::PacketFilter(PacketFilter&&) noexcept = default;
PacketFilter& PacketFilter::operator=(PacketFilter&&) noexcept = default;
PacketFilter::~PacketFilter() = default;

std::expected<void, Error> PacketFilter::PutRule(Instant now,
                                                 Direction direction,
                                                 FilterRule rule) {
  FilterUpdate update;
  update.puts.push_back({.direction = direction, .rule = std::move(rule)});
  return Apply(now, std::move(update));
}

void PacketFilter::RemoveRule(Instant now, Direction direction, uint64_t id) {
  FilterUpdate update;
  update.removals.push_back({.direction = direction, .id = id});
  (void)Apply(now, std::move(update));
}

std::expected<void, Error> PacketFilter::Apply(Instant now,
                                               FilterUpdate update) {
  for (const auto& put : update.puts) {
    if (const auto checked = CompiledRule::Check(put.rule); !checked) {
      return checked;
    }
  }
  for (const auto direction : {Direction::kInbound, Direction::kOutbound}) {
    const auto checked = impl_->RulesOf(direction).CheckRoom(update, direction);
    if (!checked) {
      return checked;
    }
  }
  bool is_narrower = false;
  for (const auto& removal : update.removals) {
    is_narrower |= impl_->RulesOf(removal.direction).Remove(removal.id);
  }
  // What is replaced goes before anything is added.
  for (const auto& put : update.puts) {
    is_narrower |= impl_->RulesOf(put.direction).Remove(put.rule.id);
  }
  if (is_narrower) {
    impl_->fragments.Clear();
  }
  const auto time = impl_->UnixTimeAt(now);
  for (auto& put : update.puts) {
    impl_->RulesOf(put.direction).Put(std::move(put.rule), time);
  }
  impl_->SetTime(now, false);
  return {};
}

void PacketFilter::SetUnixTime(Instant now, int64_t unix_seconds) {
  const int64_t time = ClampToCalendar(unix_seconds);
  const auto before = impl_->UnixTimeAt(now);
  const bool is_jump =
      !before || time > *before + kSmallJump || time < *before - kSmallJump;
  if (is_jump) {
    impl_->clock = WallClock{.at = now, .unix_seconds = time};
  }
  impl_->SetTime(now, is_jump);
}

Verdict PacketFilter::Check(Instant now, Direction direction, ByteView packet,
                            uint32_t peer) {
  const Verdict verdict = impl_->Judge(now, direction, packet, peer);
  ++impl_->counters
        .packets[static_cast<size_t>(direction)][static_cast<size_t>(verdict)];
  return verdict;
}

void PacketFilter::DropFlowsOf(std::span<const IpPrefix> prefixes) {
  impl_->flows.RevokeInside(prefixes);
  impl_->fragments.Clear();
}

void PacketFilter::HandleTimeout(Instant now) {
  if (impl_->next_window_change && now >= *impl_->next_window_change) {
    impl_->SetTime(now, false);
  }
  impl_->flows.ExpireUntil(now);
}

std::optional<Instant> PacketFilter::NextTimeout() const {
  const auto expiry = impl_->flows.NextExpiry();
  const auto change = impl_->next_window_change;
  return expiry && change ? std::min(*expiry, *change)
                          : (expiry ? expiry : change);
}

FilterCounters PacketFilter::counters() const {
  FilterCounters counters = impl_->counters;
  counters.flows_made = impl_->flows.made();
  counters.flows_expired = impl_->flows.expired();
  counters.flows_evicted = impl_->flows.evicted();
  counters.flows_revoked = impl_->flows.revoked();
  counters.flows = impl_->flows.size();
  counters.rules = impl_->rules[0].size() + impl_->rules[1].size();
  return counters;
}

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAccept:
      return "accept";
    case Verdict::kMalformed:
      return "malformed";
    case Verdict::kBadAddress:
      return "bad address";
    case Verdict::kSourceRoute:
      return "source route";
    case Verdict::kBadTcpFlags:
      return "bad TCP flags";
    case Verdict::kBadFragment:
      return "bad fragment";
    case Verdict::kNoFirstFragment:
      return "no first fragment";
    case Verdict::kUnrelatedIcmp:
      return "unrelated ICMP";
    case Verdict::kLinkIcmp:
      return "ICMP of a link";
    case Verdict::kNoFlow:
      return "no flow";
    case Verdict::kNoRule:
      return "no rule";
  }
  return "unknown";
}

}  // namespace natkit::mesh
