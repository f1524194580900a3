#include "nat_model_run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <tuple>
#include <utility>

namespace natkit::netsim {
namespace {

constexpr size_t kHistory = 40;
constexpr size_t kLongHistory = 5000;  // when one seed is replayed
constexpr uint64_t kMappingsEvery = 16;

std::string ToText(const MappingView& view) {
  return "proto " + std::to_string(view.protocol) + ' ' +
         view.inside.ToString() + " as " + view.external.ToString() +
         " until " +
         (view.expires_at
              ? std::to_string(view.expires_at->time_since_epoch().count())
              : "ever");
}

std::vector<std::string> Lines(std::vector<MappingView> views) {
  std::ranges::sort(views, {}, [](const MappingView& v) {
    return std::tuple(v.protocol, v.inside, v.external, v.expires_at);
  });
  std::vector<std::string> lines;
  for (const MappingView& view : views) {
    lines.push_back(ToText(view));
  }
  return lines;
}

bool IsSame(const MappingView& a, const MappingView& b) {
  return a.protocol == b.protocol && a.inside == b.inside &&
         a.external == b.external && a.expires_at == b.expires_at;
}

/// The lines of `a` that `b` has not, joined.
std::string Excess(const std::vector<std::string>& a,
                   const std::vector<std::string>& b) {
  std::vector<std::string> excess;
  std::ranges::set_difference(a, b, std::back_inserter(excess));
  std::string text;
  for (const std::string& line : excess) {
    text += "\n    " + line;
  }
  return text;
}

uint64_t& CounterOf(NatCounters& counters, Fate fate) {
  switch (fate) {
    case Fate::kForwardedOut:
      return counters.forwarded_out;
    case Fate::kForwardedIn:
      return counters.forwarded_in;
    case Fate::kHairpinned:
      return counters.hairpinned;
    case Fate::kFiltered:
      return counters.dropped_filtered;
    case Fate::kUnmapped:
      return counters.dropped_unmapped;
    case Fate::kPolicy:
      return counters.dropped_policy;
    case Fate::kFull:
      return counters.dropped_full;
    case Fate::kTtl:
      return counters.dropped_ttl;
    case Fate::kMtu:
      return counters.dropped_mtu;
    case Fate::kMalformed:
      return counters.dropped_malformed;
    case Fate::kAnswered:
      return counters.mappings_made;  // has none; this one is not compared
  }
  std::abort();
}

/// Those that the model has an opinion about.
auto Compared(const NatCounters& c) {
  return std::to_array<uint64_t>(
      {c.forwarded_out, c.forwarded_in, c.hairpinned, c.dropped_filtered,
       c.dropped_unmapped, c.dropped_policy, c.dropped_full, c.dropped_ttl,
       c.dropped_mtu, c.dropped_malformed, c.mappings_evicted,
       c.icmp_errors_sent});
}

std::string ToText(const NatCounters& c) {
  std::string text;
  for (const uint64_t n : Compared(c)) {
    text += std::to_string(n) + ' ';
  }
  return text;
}

}  // namespace

NatModelRun::NatModelRun(uint64_t seed)
    : seed_(seed),
      rng_(seed),
      config_(DrawConfig(rng_, seed)),
      engine_(config_, DeriveSeed(seed, "engine")),
      model_(config_, [this] { return engine_.Mappings(now_); }),
      hosts_(2 + rng_.NextBelow(5)),
      is_compared_each_step_(std::getenv("NATKIT_MODEL_SEED") != nullptr) {
  // Lifetimes of addresses begin with the first time that the box is told.
  engine_.HandleTimeout(now_);
}

bool NatModelRun::Step() {
  step_++;
  AdvanceClock();
  const uint32_t what = rng_.NextBelow(1000);
  if (what < 870) {
    SendPacket();
  } else if (what < 970) {
    SendAtExpiry();
  } else {
    DoEvent();
  }
  CheckChoices();
  if (is_compared_each_step_ || step_ % kMappingsEvery == 0) {
    CompareMappings();
  }
  return report_.empty();
}

void NatModelRun::AdvanceClock() {
  const uint32_t what = rng_.NextBelow(100);
  const uint32_t bound = what < 30   ? 0
                         : what < 60 ? 1'000'000
                         : what < 94 ? 100'000'000
                         : what < 99 ? 1'000'000'000
                                     : 4'000'000'000;
  now_ += std::chrono::nanoseconds(rng_.NextBelow(bound));
}

void NatModelRun::SendPacket() {
  const uint32_t what = rng_.NextBelow(100);
  const auto* mapping = AnyMapping();
  if (what < 40) {
    Exchange(Side::kInside, Outbound());
  } else if (what < 55 && mapping != nullptr) {
    Exchange(Side::kInside, Refreshing(*mapping, true));
  } else if (what < 92) {
    Exchange(Side::kOutside, Inbound());
  } else if (what < 96) {
    Exchange(Side::kOutside, ErrorIn());
  } else {
    Exchange(Side::kInside, ErrorOut());
  }
}

/// RFC 4787 section 4.3, on the tick: one nanosecond before the end a mapping
/// or session lives, at the end it does not.
void NatModelRun::SendAtExpiry() {
  const auto* mapping = AnyMapping();
  if (mapping == nullptr || mapping->is_static) {
    return;
  }
  Instant at = model_.ExpiryOf(*mapping);
  if (!mapping->sessions.empty() && rng_.Chance(0.3)) {
    at = mapping->sessions.front().expires;
  }
  const auto offset = static_cast<int>(rng_.NextBelow(3)) - 1;
  at += std::chrono::nanoseconds(offset);
  if (at < now_ || at > now_ + std::chrono::seconds(30)) {
    return;
  }
  now_ = at;
  tally_["probe at expiry " + std::to_string(offset)]++;
  const bool is_out = rng_.Chance(0.3);
  Exchange(is_out ? Side::kInside : Side::kOutside,
           Refreshing(*mapping, is_out));
}

void NatModelRun::DoEvent() {
  const uint32_t what = rng_.NextBelow(1000);
  if (what < 700) {
    Note("timeout");
    engine_.HandleTimeout(now_);
    model_.Advance(now_);
    const auto next = engine_.NextTimeout();
    Check(!next || *next > now_, "NextTimeout after HandleTimeout", "due", "");
  } else if (what < 960) {
    DoForward();
  } else if (what < 990) {
    is_udp_blocked_ = rng_.Chance(0.3);
    Note("udp blocked: " + std::to_string(is_udp_blocked_));
    engine_.SetUdpBlocked(is_udp_blocked_);
    model_.SetUdpBlocked(is_udp_blocked_);
  } else {
    std::optional<IpAddress> address;
    if (rng_.Chance(0.5) && config_.address_lifetime == Duration::zero()) {
      address = IpAddress::V4(198, 51, 100,
                              static_cast<uint8_t>(100 + rng_.NextBelow(50)));
    }
    Note("reboot " + (address ? address->ToString() : ""));
    engine_.Reboot(now_, address);
    model_.Reboot(now_, address);
    Check(engine_.external_address() == model_.Pool().front(),
          "external address", engine_.external_address().ToString(),
          model_.Pool().front().ToString());
  }
}

void NatModelRun::DoForward() {
  if (config_.translation != Translation::kNapt ||
      config_.limits.when_full == WhenFull::kEvictOldest ||
      config_.policy != NatPolicy{} ||
      config_.port_assignment == PortAssignment::kSequential ||
      config_.limits.sessions_per_mapping < 10) {
    return;
  }
  const auto protocol = static_cast<uint8_t>(rng_.Chance(0.5) ? 17 : 6);
  const Endpoint inside{AnyHost(),
                        static_cast<uint16_t>(9000 + rng_.NextBelow(3))};
  if (rng_.Chance(0.3)) {
    Note("remove forward " + inside.ToString());
    const bool engine = engine_.RemoveForward(now_, protocol, inside);
    const bool model = model_.RemoveForward(now_, protocol, inside);
    Check(engine == model, "RemoveForward", std::to_string(engine),
          std::to_string(model));
    return;
  }
  // An endpoint that already has a mapping of its own is left out: which of
  // the two its packets take is nobody's promise.
  model_.Advance(now_);
  const bool is_in_use = std::ranges::any_of(model_.live(), [&](const auto& m) {
    return !m.is_forward && m.protocol == protocol && m.inside == inside;
  });
  if (is_in_use) {
    return;
  }
  const ForwardRequest request{
      .protocol = protocol,
      .inside = inside,
      .suggested_port = rng_.Chance(0.5) ? AnyExternalPort() : uint16_t{0},
      .must_be_suggested = rng_.Chance(0.3),
      .lifetime = std::chrono::milliseconds(500 + rng_.NextBelow(20'000))};
  const auto given = engine_.AddForward(now_, request);
  Note("add forward " + inside.ToString() + " suggested " +
       std::to_string(request.suggested_port) + " got " +
       (given ? given->ToString() : "nothing"));
  model_.AddForward(now_, request, given);
}

void NatModelRun::Exchange(Side from, const PacketFacts& packet) {
  packets_++;
  std::vector<uint8_t> bytes = BuildPacket(packet);
  Note(from == Side::kInside ? "from inside: " : "from outside: ", packet);
  Outcome engine;
  engine.side = engine_.Process(now_, from, bytes);
  if (engine.side) {
    const auto forwarded = ReadPacket(bytes);
    Check(forwarded.has_value(), "forwarded packet", "not readable", "");
    engine.forwarded = forwarded.value_or(PacketFacts{});
  }
  DrainQueue(engine);
  const Outcome model = model_.Handle(
      now_, from, packet,
      engine.side ? std::optional(engine.forwarded) : std::nullopt);
  CheckChoices();
  engine.fate = model.fate;  // compared by the counters
  if (engine != model) {
    Check(false, "outcome", engine.ToString(), model.ToString());
  }
  CompareCounters(model.fate, model);
}

void NatModelRun::CheckChoices() {
  for (const std::string& problem : model_.TakeProblems()) {
    Check(false, "choice", problem, "");
  }
}

void NatModelRun::DrainQueue(Outcome& outcome) {
  while (const auto queued = engine_.PollTransmit()) {
    const auto packet = ReadPacket(queued->bytes);
    Check(packet.has_value(), "queued packet", "not readable", "");
    outcome.queued.emplace_back(queued->to, packet.value_or(PacketFacts{}));
  }
}

void NatModelRun::CompareCounters(Fate fate, const Outcome& outcome) {
  CounterOf(expected_, fate)++;
  for (const auto& [to, packet] : outcome.queued) {
    expected_.icmp_errors_sent += packet.kind == PacketKind::kIcmpError ? 1 : 0;
  }
  const auto evicted = model_.tally().find("eviction");
  expected_.mappings_evicted =
      evicted == model_.tally().end() ? 0 : evicted->second;
  if (Compared(engine_.counters()) != Compared(expected_)) {
    Check(false,
          "counters (out in hairpin filtered unmapped policy full ttl mtu "
          "malformed evicted errors)",
          ToText(engine_.counters()), ToText(expected_));
  }
}

void NatModelRun::CompareMappings() {
  model_.Advance(now_);
  if (config_.address_lifetime > Duration::zero()) {
    engine_.HandleTimeout(now_);  // Mappings() alone changes no address
  }
  const auto theirs = engine_.Mappings(now_);
  Check(std::ranges::is_sorted(theirs, {},
                               [](const MappingView& v) {
                                 return std::pair(v.protocol, v.inside);
                               }),
        "order of mappings", "not sorted", "");
  const auto mine = model_.Mappings();
  Check(theirs.size() <= config_.limits.max_mappings, "max_mappings",
        std::to_string(theirs.size()), "");
  auto sorted = theirs;
  std::ranges::sort(sorted, {}, [](const MappingView& v) {
    return std::tuple(v.protocol, v.inside, v.external, v.expires_at);
  });
  if (!std::ranges::equal(sorted, mine, IsSame)) {
    const auto a = Lines(theirs);
    const auto b = Lines(mine);
    Check(false, "mappings", Excess(a, b), Excess(b, a));
  }
  tally_["mappings compared"]++;
}

void NatModelRun::Note(const std::string& text,
                       std::optional<PacketFacts> packet) {
  history_.push_back({step_, now_, text, std::move(packet)});
  if (history_.size() > (is_compared_each_step_ ? kLongHistory : kHistory)) {
    history_.pop_front();
  }
}

void NatModelRun::Check(bool is_same, const std::string& what,
                        const std::string& engine, const std::string& model) {
  if (is_same || !report_.empty()) {
    return;
  }
  report_ = "seed " + std::to_string(seed_) + " step " + std::to_string(step_) +
            "\n " + Describe(config_) + '\n';
  for (const Event& event : history_) {
    report_ += "  " + std::to_string(event.step) + " @" +
               std::to_string(event.at.time_since_epoch().count()) + ' ' +
               event.text + (event.packet ? event.packet->ToString() : "") +
               '\n';
  }
  report_ += "difference in " + what + "\n  engine: " + engine +
             "\n  model:  " + model +
             "\nreplay: NATKIT_MODEL_SEED=" + std::to_string(seed_) +
             " nat_engine_model_test\n";
}

}  // namespace natkit::netsim
