#include "behavior_truth.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <ranges>
#include <utility>
#include <vector>

#include "box_facts.h"

namespace natkit::sim {
namespace {

using nat::Axis;
using netsim::Dependence;
using netsim::HasBlocks;
using netsim::HasNoState;
using netsim::HasPorts;
using netsim::NatConfig;
using netsim::Overloads;
using netsim::PortAssignment;
using netsim::SimRng;
using netsim::Translation;
using netsim::TriesToPreserve;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kEi = Dependence::kEndpointIndependent;

/// Whether a subscriber has one block, of a power of two, where those begin.
bool HasAlignedBlock(const NatConfig& box) {
  const uint32_t size = box.block_size;
  const uint32_t first = box.port_range.first;
  return std::has_single_bit(size) && box.limits.blocks_per_host == 1 &&
         (first % size == 0 || (first >= 1024 && (first - 1024) % size == 0));
}

/// Whether every inside port that a discovery uses may be kept.
bool CanPreserveAll(const NatConfig& box) {
  return box.port_range.first <= 2048 && box.port_range.last >= 64512;
}

bool Preserves(const NatConfig& box) {
  return !HasPorts(box) || (TriesToPreserve(box) && CanPreserveAll(box));
}

/// Endpoint-independent as long as nobody else wants the port.
bool SeemsIndependent(const NatConfig& box) {
  return !HasPorts(box) || box.mapping == kEi ||
         (Overloads(box) && CanPreserveAll(box));
}

class Deriver {
 public:
  explicit Deriver(const BenchConfig& config) : boxes_{config.home} {
    if (config.carrier) {
      boxes_.push_back(*config.carrier);
    }
    pool_ = config.pool;
  }

  BehaviorTruth Run() {
    Say(Axis::kUdp, "open");
    Say(Axis::kServer, "two-addresses");
    Translated();
    Mapped();
    Filtered();
    Ports();
    Pooled();
    Overloaded();
    Hairpinned();
    Lifetimes();
    Rest();
    return std::move(truth_);
  }

 private:
  void Say(Axis axis, std::string value) {
    truth_.values[axis].insert(std::move(value));
  }

  void SayDependence(Axis axis, Dependence dependence) {
    Say(axis, std::string(nat::DependenceName(
                  static_cast<nat::Dependence>(dependence))));
  }

  template <class Predicate>
  [[nodiscard]] bool All(Predicate predicate) const {
    return std::ranges::all_of(boxes_, predicate);
  }

  template <class Predicate>
  [[nodiscard]] bool Any(Predicate predicate) const {
    return std::ranges::any_of(boxes_, predicate);
  }

  [[nodiscard]] const NatConfig& last() const { return boxes_.back(); }

  [[nodiscard]] bool IsUntranslated() const {
    return All([](const NatConfig& box) {
      return box.translation == Translation::kNone;
    });
  }

  [[nodiscard]] bool IsArbitrary() const {
    return pool_ > 1 && HasPorts(last()) &&
           last().pooling == netsim::Pooling::kArbitrary &&
           last().port_assignment != PortAssignment::kDeterministicBlock;
  }

  void Translated();
  void Mapped();
  void Filtered();
  void Ports();
  void Pooled();
  void Overloaded();
  void Hairpinned();
  void Lifetimes();
  void Rest();

  std::vector<NatConfig> boxes_;
  size_t pool_ = 1;
  BehaviorTruth truth_;
};

void Deriver::Translated() {
  if (IsUntranslated()) {
    Say(Axis::kTranslation, "none");
  } else if (Any(HasPorts)) {
    Say(Axis::kTranslation, "napt");
  } else {
    Say(Axis::kTranslation, "prefix");
  }
}

void Deriver::Mapped() {
  if (IsUntranslated()) {
    Say(Axis::kMapping, "none");
    return;
  }
  auto strictest = kEi;
  for (const NatConfig& box : boxes_) {
    if (HasPorts(box) && !SeemsIndependent(box)) {
      strictest = std::max(strictest, box.mapping);
    }
    if (Overloads(box) && !CanPreserveAll(box)) {
      return;  // ports that are kept are independent, others are not
    }
  }
  SayDependence(Axis::kMapping, strictest);
}

void Deriver::Filtered() {
  auto strictest = kEi;
  for (const NatConfig& box : boxes_) {
    strictest = std::max(strictest, box.filtering);
  }
  SayDependence(Axis::kFiltering, strictest);
  bool is_poisoned = false;
  for (const NatConfig& box : boxes_ | std::views::reverse) {
    is_poisoned =
        is_poisoned || (box.poisonable && HasPorts(box) &&
                        box.filtering != kEi && SeemsIndependent(box));
    if (box.filtering != kEi) {
      break;  // what comes too early gets no further
    }
  }
  const bool is_chance = Any([](const NatConfig& box) {
    return Overloads(box) && !CanPreserveAll(box);
  });
  if (!is_chance) {
    Say(Axis::kPoisoning, is_poisoned ? "yes" : "no");
  }
}

void Deriver::Ports() {
  const NatConfig& box = last();
  if (All(Preserves)) {
    Say(Axis::kAllocation, "preserved");
    Say(Axis::kPreservation, "yes");
    Say(Axis::kPreservation, "if-free");
    Say(Axis::kParity, "yes");
    Say(Axis::kContiguity, "yes");
    return;
  }
  const bool is_kept_before = boxes_.size() == 1 || Preserves(boxes_.front());
  if (Preserves(box)) {
    return;  // as the first box does; seen often enough without a second one
  }
  if (TriesToPreserve(box)) {
    // Ports of the range are kept, others are drawn.
    Say(Axis::kPreservation, "if-free");
    if (box.port_range.last < 20000 || !is_kept_before) {
      Say(Axis::kPreservation, "no");
    }
    return;
  }
  Say(Axis::kPreservation, "no");
  if (box.port_assignment == PortAssignment::kSequential) {
    Say(Axis::kAllocation, box.keep_parity || box.keep_contiguity
                               ? std::string("sequential")
                               : "sequential " + std::to_string(box.port_step));
  } else {
    Say(Axis::kAllocation, HasBlocks(box) ? "block" : "random");
    if (HasBlocks(box) && !HasAlignedBlock(box)) {
      Say(Axis::kAllocation, "random");  // inside of what was seen
    }
    if (box.port_range.size() <= 8192) {
      Say(Axis::kAllocation, "block");  // looks the same to one subscriber
    }
  }
  if (box.keep_contiguity) {
    truth_.values.erase(Axis::kAllocation);  // it has rules of its own
  }
  if (is_kept_before) {
    Say(Axis::kParity, box.keep_parity ? "yes" : "no");
    Say(Axis::kContiguity, box.keep_contiguity ? "yes" : "no");
  }
  if (box.keep_contiguity) {
    truth_.values.erase(Axis::kParity);
  }
}

void Deriver::Pooled() {
  if (IsUntranslated()) {
    return;
  }
  if (IsArbitrary()) {
    const bool has_one_block =
        last().port_assignment == PortAssignment::kDynamicBlock &&
        last().limits.blocks_per_host == 1;
    Say(Axis::kPooling, "arbitrary");
    if (has_one_block) {
      Say(Axis::kPooling, "paired");
      Say(Axis::kPooling, "single");
    }
    return;
  }
  // Whether two hosts got different addresses is chance.
  Say(Axis::kPooling, "single");
  if (pool_ > 1) {
    Say(Axis::kPooling, "paired");
  }
}

void Deriver::Overloaded() {
  if (IsUntranslated()) {
    return;
  }
  if (Any([](const NatConfig& box) {
        return Overloads(box) && !CanPreserveAll(box);
      })) {
    return;  // some ports are shared
  }
  const bool shares = Overloads(boxes_.front()) && SeemsIndependent(last());
  Say(Axis::kOverloading, shares ? "yes" : "no");
}

void Deriver::Hairpinned() {
  const auto mode = last().hairpinning;
  if (IsUntranslated()) {
    return;
  }
  if (mode == netsim::Hairpinning::kNone) {
    Say(Axis::kHairpinning, "none");
    return;
  }
  if (boxes_.size() > 1) {
    // Whether the first box lets in what the second one turned round.
    Say(Axis::kHairpinning, "none");
  }
  Say(Axis::kHairpinning, mode == netsim::Hairpinning::kInternalSource
                              ? "internal-source"
                              : "external-source");
}

void Deriver::Lifetimes() {
  std::optional<Duration> unreplied;
  std::optional<Duration> one_exchange;
  std::optional<Duration> assured;
  const auto shorten = [](std::optional<Duration>& of, Duration by) {
    of = std::min(of.value_or(by), by);
  };
  for (const NatConfig& box : boxes_) {
    if (HasNoState(box)) {
      continue;
    }
    const auto& timeouts = box.timeouts;
    // A session goes by the packets before the present one.
    const bool is_assured_at_once =
        box.refresh.inbound && timeouts.assured_after < milliseconds(40) &&
        box.timer_scope == netsim::TimerScope::kMapping;
    shorten(unreplied, timeouts.udp_unreplied);
    shorten(one_exchange,
            is_assured_at_once ? timeouts.udp_assured : timeouts.udp_unreplied);
    shorten(assured, timeouts.udp_assured);
  }
  truth_.lifetimes[Axis::kUnrepliedLifetime] = unreplied;
  truth_.lifetimes[Axis::kOneExchangeLifetime] = one_exchange;
  truth_.lifetimes[Axis::kAssuredLifetime] = assured;
  if (boxes_.size() == 1 && !HasNoState(last())) {
    Say(Axis::kInboundRefresh, last().refresh.inbound ? "yes" : "no");
    // A mapping without a filter lives as long as one of its sessions.
    const bool is_shared =
        (last().timer_scope == netsim::TimerScope::kMapping &&
         !Overloads(last())) ||
        (HasPorts(last()) && last().filtering == kEi);
    Say(Axis::kTimerScope, is_shared ? "mapping" : "session");
  }
}

void Deriver::Rest() {
  Say(Axis::kFragments, Any([](const NatConfig& box) {
        return box.fragments == netsim::FragmentMode::kDrop;
      })
                            ? "none"
                            : "both");
  const bool is_rewritten = boxes_.front().alg != netsim::Alg::kNone ||
                            last().alg == netsim::Alg::kGeneric;
  Say(Axis::kPayload, is_rewritten ? "rewritten" : "unchanged");
  if (!is_rewritten && last().alg == netsim::Alg::kSip) {
    // It looks for the outside of the first box, which nobody writes.
    truth_.values.erase(Axis::kPayload);
  }
  const auto nats = std::ranges::count_if(boxes_, [](const NatConfig& box) {
    return box.translation != Translation::kNone;
  });
  Say(Axis::kDepth, nats == 0 ? "none" : nats == 1 ? "one" : "more-than-one");
  if (!last().decrement_ttl) {
    truth_.values.erase(Axis::kDepth);  // it is not seen
  }
  if (!IsUntranslated() &&
      std::ranges::all_of(
          boxes_, [](const NatConfig& box) { return box.shed_above == 0; })) {
    Say(Axis::kDeterminism, "yes");
  }
  std::string services;
  for (const auto& [has, name] :
       {std::pair{boxes_.front().services.pcp, "pcp"},
        std::pair{boxes_.front().services.nat_pmp, "nat-pmp"},
        std::pair{boxes_.front().services.upnp, "upnp"}}) {
    if (has) {
      services += (services.empty() ? "" : ", ") + std::string(name);
    }
  }
  Say(Axis::kPortMapping, services.empty() ? "none" : services);
}

template <class T, size_t kSize>
T Pick(SimRng& rng, const std::array<T, kSize>& choices) {
  return choices[rng.NextBelow(kSize)];
}

Duration PickLifetime(SimRng& rng) {
  constexpr std::array kUsual = {20, 30, 60, 90, 120, 180, 300, 500};
  return rng.Chance(0.5) ? seconds(Pick(rng, kUsual))
                         : milliseconds(12'000 + rng.NextBelow(500'000));
}

void DrawPorts(NatConfig& box, SimRng& rng) {
  box.port_range = Pick<netsim::PortRange, 6>(rng, {{{1024, 65535},
                                                     {1024, 65535},
                                                     {49152, 65535},
                                                     {32768, 60999},
                                                     {10000, 14999},
                                                     {2000, 65000}}});
  box.block_size = Pick<uint16_t, 5>(rng, {256, 512, 1000, 1024, 2048});
  box.port_step = Pick<int, 10>(rng, {1, 1, 2, -1, 3, -2, 4, -5, 7, 16});
  box.foreign_rate = rng.Chance(0.15) ? 5.0 * (1 + rng.NextBelow(8)) : 0.0;
  box.keep_parity = rng.Chance(0.15);
  box.keep_contiguity = rng.Chance(0.1);
  box.limits.blocks_per_host = 1 + rng.NextBelow(3);
  box.pooling =
      rng.Chance(0.5) ? netsim::Pooling::kPaired : netsim::Pooling::kArbitrary;
  if (box.port_assignment != PortAssignment::kPreserveOverload &&
      rng.Chance(0.1)) {
    box.port_quarantine = seconds(120);
  }
}

void DrawTimers(NatConfig& box, SimRng& rng) {
  auto& timeouts = box.timeouts;
  timeouts.udp_unreplied = PickLifetime(rng);
  timeouts.udp_assured =
      rng.Chance(0.4) ? timeouts.udp_unreplied
                      : std::max(timeouts.udp_unreplied, PickLifetime(rng));
  timeouts.assured_after =
      rng.Chance(0.5) ? Duration::zero() : Duration(seconds(2));
  box.refresh = {.outbound = true, .inbound = rng.Chance(0.4)};
  box.timer_scope = static_cast<netsim::TimerScope>(rng.NextBelow(2));
}

void DrawRest(NatConfig& box, SimRng& rng) {
  box.hairpinning = static_cast<netsim::Hairpinning>(rng.NextBelow(3));
  box.poisonable = box.translation == Translation::kNapt && rng.Chance(0.25);
  box.unsolicited = static_cast<netsim::Unsolicited>(rng.NextBelow(2));
  box.translate_icmp_errors = rng.Chance(0.9);
  box.decrement_ttl = rng.Chance(0.9);
  box.fragments = static_cast<netsim::FragmentMode>(rng.NextBelow(3));
  if (box.translation != Translation::kNone && rng.Chance(0.15)) {
    box.alg = static_cast<netsim::Alg>(1 + rng.NextBelow(2));
  }
  if (HasPorts(box) && rng.Chance(0.2)) {
    box.services = {.nat_pmp = rng.Chance(0.5),
                    .pcp = rng.Chance(0.5),
                    .upnp = rng.Chance(0.5)};
  }
  if (rng.Chance(0.1)) {
    box.limits.mappings_per_host = 100 + rng.NextBelow(200);
  }
  if (rng.Chance(0.1)) {
    box.limits.new_mappings_per_second = 5 + rng.NextBelow(20);
  }
}

NatConfig DrawBox(SimRng& rng, uint64_t seed) {
  NatConfig box;
  const uint32_t kind = rng.NextBelow(12);
  box.translation = kind == 0   ? Translation::kNone
                    : kind == 1 ? Translation::kOneToOne
                                : Translation::kNapt;
  box.mapping = static_cast<Dependence>(seed % 3);
  box.filtering = static_cast<Dependence>(seed / 3 % 3);
  box.port_assignment = static_cast<PortAssignment>(seed / 9 % 6);
  if (box.port_assignment == PortAssignment::kPreserveOverload) {
    // Only remote endpoints tell the flows of a shared port apart.
    box.mapping = Dependence::kAddressAndPortDependent;
    box.filtering = Dependence::kAddressAndPortDependent;
  }
  DrawPorts(box, rng);
  DrawTimers(box, rng);
  DrawRest(box, rng);
  return box;
}

}  // namespace

BehaviorTruth TruthOf(const BenchConfig& config) {
  return Deriver(config).Run();
}

BenchConfig DrawBench(uint64_t seed) {
  SimRng rng(netsim::DeriveSeed(seed, "bench"));
  BenchConfig config;
  config.seed = seed;
  config.home = DrawBox(rng, seed);
  config.pool = rng.Chance(0.5) ? 1 : 2 + rng.NextBelow(3);
  if (config.home.translation == Translation::kNapt && rng.Chance(0.25)) {
    const uint64_t other = rng.NextBelow(54);
    config.carrier = DrawBox(rng, other);
    config.carrier->translation = Translation::kNapt;
  } else if (config.home.translation == Translation::kOneToOne) {
    config.pool = 4;
  }
  return config;
}

std::string DescribeBench(const BenchConfig& config) {
  std::string text = "pool=" + std::to_string(config.pool);
  std::vector<NatConfig> boxes = {config.home};
  if (config.carrier) {
    boxes.push_back(*config.carrier);
  }
  const auto number = [&text](const char* name, auto value) {
    text += std::string(" ") + name + '=' + std::to_string(value);
  };
  const auto time = [&](const char* name, Duration value) {
    number(name, std::chrono::duration<double>(value).count());
  };
  for (const NatConfig& box : boxes) {
    text += "\n  box:";
    number("translation", static_cast<int>(box.translation));
    number("mapping", static_cast<int>(box.mapping));
    number("filtering", static_cast<int>(box.filtering));
    number("ports", static_cast<int>(box.port_assignment));
    number("first", box.port_range.first);
    number("last", box.port_range.last);
    number("step", box.port_step);
    number("foreign", box.foreign_rate);
    number("block", box.block_size);
    number("blocks", box.limits.blocks_per_host);
    number("parity", box.keep_parity);
    number("contiguity", box.keep_contiguity);
    number("pooling", static_cast<int>(box.pooling));
    number("hairpin", static_cast<int>(box.hairpinning));
    number("scope", static_cast<int>(box.timer_scope));
    time("quarantine", box.port_quarantine);
    time("unreplied", box.timeouts.udp_unreplied);
    time("assured", box.timeouts.udp_assured);
    time("assured_after", box.timeouts.assured_after);
    number("in", box.refresh.inbound);
    number("poison", box.poisonable);
    number("unsolicited", static_cast<int>(box.unsolicited));
    number("fragments", static_cast<int>(box.fragments));
    number("alg", static_cast<int>(box.alg));
    number("quota", box.limits.mappings_per_host);
    number("rate", box.limits.new_mappings_per_second);
    number("ttl", box.decrement_ttl);
    number("errors", box.translate_icmp_errors);
  }
  return text + "\n";
}

}  // namespace natkit::sim
