#include "conformance_rules.h"

#include <algorithm>
#include <chrono>

#include "box_facts.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;
using netsim::Alg;
using netsim::Dependence;
using netsim::FragmentMode;
using netsim::Hairpinning;
using netsim::HasBlocks;
using netsim::HasNoState;
using netsim::HasPorts;
using netsim::NatConfig;
using netsim::Overloads;
using netsim::Pooling;
using netsim::PortAssignment;
using netsim::Translation;
using netsim::TriesToPreserve;
using std::chrono::seconds;

Expected PassIf(bool holds) {
  return {holds ? kPass : kFail};
}

/// One verdict, or any of two near a limit.
Expected PassFrom(Duration value, Duration limit) {
  constexpr Duration kSlack = seconds(2);
  if (value > limit - kSlack && value < limit + kSlack) {
    return {kPass, kFail};
  }
  return PassIf(value >= limit);
}

/// Whether free inside ports from `first` to `last` are kept as they are.
bool Preserves(const NatConfig& box, uint16_t first, uint16_t last) {
  return TriesToPreserve(box) && box.port_range.first <= first &&
         box.port_range.last >= last;
}

/// Endpoint-independent as long as nobody else wants the port.
bool SeemsIndependent(const NatConfig& box) {
  return !HasPorts(box) || box.mapping == Dependence::kEndpointIndependent ||
         Overloads(box);
}

/// A flow of the box's own takes the place of one that a stranger asked for.
bool IsPoisoned(const NatConfig& box) {
  return box.poisonable && HasPorts(box) &&
         box.filtering != Dependence::kEndpointIndependent &&
         SeemsIndependent(box);
}

/// All of one run's rules about one chain.
class Rules {
 public:
  explicit Rules(const Chain& chain)
      : chain_(chain), boxes_(chain.boxes), last_(chain.boxes.back()) {}

  std::map<std::string_view, Expected> Run() {
    UdpMapping();
    UdpLifetime();
    UdpFiltering();
    UdpIcmp();
    Fragments();
    Determinism();
    Tcp();
    TcpLife();
    IcmpQueries();
    IcmpErrors();
    Newer();
    Quotas();
    Reuse();
    Sessions();
    Pools();
    Gate();
    Carrier();
    return std::move(expected_);
  }

 private:
  template <class Predicate>
  [[nodiscard]] bool All(Predicate predicate) const {
    return std::ranges::all_of(boxes_, predicate);
  }

  template <class Predicate>
  [[nodiscard]] bool Any(Predicate predicate) const {
    return std::ranges::any_of(boxes_, predicate);
  }

  [[nodiscard]] bool IsArbitrary() const {
    return HasPorts(last_) && last_.pooling == Pooling::kArbitrary &&
           PoolSize() > 1 &&
           last_.port_assignment != PortAssignment::kDeterministicBlock;
  }

  [[nodiscard]] size_t PoolSize() const {
    return last_.address_lifetime > Duration::zero() ? 1 : chain_.pool;
  }

  void UdpMapping();
  void UdpLifetime();
  void UdpFiltering();
  void UdpIcmp();
  void Fragments();
  void Determinism();
  void Tcp();
  void TcpLife();
  void IcmpQueries();
  void IcmpErrors();
  void Newer();
  void Quotas();
  void Reuse();
  void Sessions();
  void Pools();
  void Gate();
  void Carrier();
  [[nodiscard]] bool Translates() const;
  [[nodiscard]] bool HasState() const;
  [[nodiscard]] Duration Shortest(
      Duration netsim::NatTimeouts::* timeout) const;
  [[nodiscard]] Expected LivesFor(Duration netsim::NatTimeouts::* timeout,
                                  Duration limit) const;
  [[nodiscard]] Expected Pooled() const;
  [[nodiscard]] Expected Hairpins() const;
  [[nodiscard]] Expected InboundRefresh(Duration lifetime) const;

  const Chain& chain_;
  const std::vector<NatConfig>& boxes_;
  const NatConfig& last_;
  std::map<std::string_view, Expected> expected_;
};

void Rules::UdpMapping() {
  expected_["4787-1"] = PassIf(All([](const NatConfig& box) {
    return !HasPorts(box) || box.mapping == Dependence::kEndpointIndependent;
  }));
  expected_["4787-2"] = Pooled();
  expected_["4787-3"] = PassIf(!Any(Overloads));
  expected_["4787-3a"] = PassIf(All([](const NatConfig& box) {
    return !HasPorts(box) || (box.keep_port_class && !HasBlocks(box)) ||
           (Preserves(box, 501, 536) && Preserves(box, 1024, 60000));
  }));
  expected_["4787-4"] = PassIf(All([](const NatConfig& box) {
    return !HasPorts(box) || box.keep_parity || Preserves(box, 20000, 60000);
  }));
  if (IsArbitrary() && Any(Overloads)) {  // whom one meets is chance
    expected_["4787-1"] = {kPass, kFail};
    expected_["4787-3"] = {kPass, kFail};
  }
}

/// A second subscriber is seen only if the inside hosts are subscribers.
Expected Rules::Pooled() const {
  if (PoolSize() == 1) {
    return {kNotApplicable};
  }
  if (last_.translation == Translation::kOneToOne) {
    return {kPass};
  }
  if (last_.port_assignment == PortAssignment::kDeterministicBlock) {
    return {kPass, kNotApplicable};  // where the blocks are is free
  }
  if (last_.pooling == Pooling::kArbitrary) {
    const bool has_one_block =
        last_.port_assignment == PortAssignment::kDynamicBlock &&
        last_.limits.blocks_per_host == 1;
    return has_one_block ? Expected{kPass, kNotApplicable} : Expected{kFail};
  }
  return boxes_.size() > 1 ? Expected{kNotApplicable} : Expected{kPass};
}

void Rules::UdpLifetime() {
  Duration unreplied = Duration::max();
  Duration assured = Duration::max();
  for (const NatConfig& box : boxes_) {
    if (HasNoState(box)) {
      continue;
    }
    unreplied = std::min(unreplied, box.timeouts.udp_unreplied);
    assured = std::min(assured, box.timeouts.udp_assured);
  }
  const Duration least = std::min(unreplied, assured);
  expected_["4787-5"] = PassFrom(least, seconds(120));
  expected_["4787-5a"] = {kPass};
  expected_["4787-5c"] = PassFrom(least, seconds(296));
  const bool refreshes =
      All([](const NatConfig& box) { return box.refresh.outbound; });
  if (assured < seconds(14)) {
    expected_["4787-6"] = {kInconclusive, kPass, kFail};
  } else if (assured > seconds(350)) {
    expected_["4787-6"] = {kPass};
  } else {
    expected_["4787-6"] = PassIf(refreshes);
  }
  expected_["4787-6a"] = InboundRefresh(assured);
}

/// It may or it may not; what counts is whether that could be seen.
Expected Rules::InboundRefresh(Duration lifetime) const {
  const bool refreshes =
      All([](const NatConfig& box) { return box.refresh.inbound; });
  if (lifetime >= seconds(365) || (lifetime >= seconds(298) && refreshes)) {
    return {kInconclusive};
  }
  if (lifetime < seconds(14) || lifetime > seconds(290)) {
    return {kInconclusive, kPass};
  }
  return {kPass};
}

void Rules::UdpFiltering() {
  expected_["4787-8"] = PassIf(All([](const NatConfig& box) {
    return box.filtering != Dependence::kAddressAndPortDependent;
  }));
  expected_["4787-9"] = Hairpins();
  const bool shows_external = last_.hairpinning == Hairpinning::kExternalSource;
  expected_["4787-9a"] = {};
  for (const Verdict verdict : expected_["4787-9"]) {
    expected_["4787-9a"].insert(verdict == kFail           ? kNotApplicable
                                : verdict == kInconclusive ? kInconclusive
                                : shows_external           ? kPass
                                                           : kFail);
  }
  const bool has_alg =
      Any([](const NatConfig& box) { return box.alg != Alg::kNone; });
  expected_["4787-10"] = PassIf(!has_alg);
  expected_["4787-10a"] = {has_alg ? kInconclusive : kNotApplicable};
}

/// Datagrams pass both mappings and the receiver's filter. Under a mapping that
/// depends on the destination, each host sends to the other from a port that
/// the other has not heard of.
Expected Rules::Hairpins() const {
  const bool is_open = All([](const NatConfig& box) {
    return box.filtering == Dependence::kEndpointIndependent;
  });
  // Else what does not come may have met a filter.
  const Expected missing = {is_open || All(SeemsIndependent) ? kFail
                                                             : kInconclusive};
  if (last_.hairpinning == Hairpinning::kNone) {
    return missing;
  }
  if (boxes_.size() > 1) {
    const NatConfig& home = boxes_.front();
    const bool knows_source =
        last_.hairpinning == Hairpinning::kExternalSource ||
        home.filtering == Dependence::kEndpointIndependent;
    if (!knows_source || !SeemsIndependent(home)) {
      return missing;
    }
  }
  if (last_.filtering == Dependence::kEndpointIndependent) {
    return {kPass};
  }
  if (IsArbitrary() &&
      (last_.filtering == Dependence::kAddressDependent || Overloads(last_))) {
    return {kPass, kFail, kInconclusive};
  }
  return SeemsIndependent(last_) ? Expected{kPass} : missing;
}

void Rules::UdpIcmp() {
  const bool translates =
      All([](const NatConfig& box) { return box.translate_icmp_errors; });
  expected_["4787-12"] = {kPass};
  expected_["4787-12a"] = {translates ? kPass : kInconclusive};
  expected_["4787-12b"] = PassIf(translates);
}

void Rules::Fragments() {
  // 1500 bytes of IPv6 are 1480 of IPv4.
  const bool is_nat64 = boxes_.front().translation == Translation::kNat64;
  const uint16_t full = is_nat64 ? 1480 : 1500;
  const bool fits =
      All([full](const NatConfig& box) { return box.outside_mtu >= full; });
  const bool hears =
      boxes_.front().outside_mtu < full || boxes_.front().translate_icmp_errors;
  expected_["4787-13"] = fits ? Expected{kNotApplicable} : PassIf(hears);
  expected_["4787-13a"] = {fits || is_nat64 ? kNotApplicable : kPass};
  expected_["4787-14"] = PassIf(All([](const NatConfig& box) {
    return box.fragments == FragmentMode::kOutOfOrder ||
           (box.fragments == FragmentMode::kInOrder && HasNoState(box));
  }));
  expected_["4787-14a"] = {kPass};
}

void Rules::Determinism() {
  constexpr size_t kLoad = 1000;
  const bool changes = Any([](const NatConfig& box) {
    const bool sheds =
        HasPorts(box) && box.shed_above != 0 && box.shed_above < kLoad &&
        (box.mapping != Dependence::kAddressAndPortDependent || Overloads(box));
    return Overloads(box) || IsPoisoned(box) || sheds;
  });
  expected_["4787-11"] = PassIf(!changes);
  if (IsArbitrary() && Any(Overloads)) {
    expected_["4787-11"] = {kPass, kFail};
  }
}

bool Rules::Translates() const {
  return All([](const NatConfig& box) { return box.translate_icmp_errors; });
}

bool Rules::HasState() const {
  return !All(HasNoState);
}

Duration Rules::Shortest(Duration netsim::NatTimeouts::* timeout) const {
  Duration shortest = Duration::max();
  for (const NatConfig& box : boxes_) {
    if (!HasNoState(box)) {
      shortest = std::min(shortest, box.timeouts.*timeout);
    }
  }
  return shortest;
}

Expected Rules::LivesFor(Duration netsim::NatTimeouts::* timeout,
                         Duration limit) const {
  return PassIf(Shortest(timeout) >= limit);
}

/// RFC 5382, as far as nothing has to wait.
void Rules::Tcp() {
  expected_["5382-1"] = expected_["4787-1"];
  expected_["5382-2"] = {kPass};
  expected_["5382-3"] = expected_["4787-8"];
  const bool rejects = Any([](const NatConfig& box) {
    return !HasNoState(box) && box.unsolicited == netsim::Unsolicited::kReject;
  });
  const Duration delay = last_.syn_error_delay;
  const bool speaks = HasState() && delay > Duration::zero();
  const bool too_early = speaks && delay < seconds(6);
  expected_["5382-4"] = PassIf(!rejects && !too_early);
  expected_["5382-4a"] = {rejects || too_early ? kFail
                          : speaks             ? kPass
                                               : kInconclusive};
  expected_["5382-6"] = {kPass};
  expected_["5382-7"] = expected_["4787-3"];
  expected_["5382-8"] = expected_["4787-9"];
  expected_["5382-8a"] = expected_["4787-9a"];
  expected_["5382-9"] = PassIf(Translates());
  expected_["5382-10"] = {kPass};
}

void Rules::TcpLife() {
  using netsim::NatTimeouts;
  using std::chrono::hours;
  using std::chrono::minutes;
  expected_["5382-5"] =
      LivesFor(&NatTimeouts::tcp_established, hours(2) + minutes(4));
  if (last_.address_lifetime > Duration::zero()) {
    expected_["5382-5"] = {kFail};
  }
  expected_["5382-5t"] = LivesFor(&NatTimeouts::tcp_opening, minutes(4));
  expected_["7857-2.1"] = LivesFor(&NatTimeouts::tcp_closing, minutes(4));
  expected_["7857-2.2"] = {kPass};
  expected_["7857-2.2a"] = LivesFor(&NatTimeouts::tcp_closing, minutes(4));
  expected_["7857-5"] = {HasState() ? kPass : kNotApplicable};
}

void Rules::IcmpQueries() {
  expected_["5508-1"] = {kPass};
  expected_["5508-10a-echo"] = {kPass};
  expected_["5508-1a"] = PassIf(All(SeemsIndependent));
  const Duration lifetime = Shortest(&netsim::NatTimeouts::icmp);
  expected_["5508-2"] = PassFrom(lifetime, seconds(60));
  // An error must come while the session lives, and the end be seen.
  if (lifetime < seconds(6) || lifetime > seconds(349)) {
    expected_["5508-6"] = {kInconclusive};
  } else if (lifetime < seconds(8) || lifetime > seconds(341)) {
    expected_["5508-6"] = {kInconclusive, kPass};
  } else {
    expected_["5508-6"] = {kPass};
  }
  const bool carries_all =
      All([](const NatConfig& box) { return !HasPorts(box); });
  expected_["5508-10c"] = PassIf(!carries_all);
  // What may be and may not be.
  expected_["5508-9"] = {kPass};
  expected_["5508-10b"] = {kPass};
  expected_["5508-11"] = {kPass};
  if (boxes_.front().translation == Translation::kNat64) {
    expected_["5508-10b"] = {kNotApplicable};
    expected_["5508-11"] = {kNotApplicable};
    expected_["5508-10c"] = {kNotApplicable};
  }
}

void Rules::IcmpErrors() {
  const Expected good = {Translates() ? kPass : kInconclusive};
  for (const std::string_view id : {"5508-3", "5508-3a", "5508-3b", "5508-3c",
                                    "5508-3d", "5508-4u", "5508-5u"}) {
    expected_[id] = good;
  }
  if (Translates() && !HasState()) {
    expected_["5508-4u"] = {kNotApplicable};
    expected_["5508-5u"] = {kNotApplicable};
  }
  for (const std::string_view id : {"5508-4", "5508-5", "5508-10a"}) {
    expected_[id] = PassIf(Translates());
  }
  const bool shows_external = last_.hairpinning == Hairpinning::kExternalSource;
  // Under other mappings no one mapping belongs to what came in.
  const bool has_one = All(SeemsIndependent);
  Expected& row = expected_["5508-7"];
  Expected& destination = expected_["5508-7a"];
  for (const Verdict hairpins : expected_["4787-9"]) {
    if (hairpins != kPass) {
      row.insert(kNotApplicable);
      destination.insert(kNotApplicable);
    } else if (!shows_external) {
      row.insert(kInconclusive);
      destination.insert(kInconclusive);
    } else {
      row.insert(Translates() ? kPass : kFail);
      destination.insert(Translates() ? kPass : kNotApplicable);
      if (!has_one) {
        row.insert(kFail);
        destination.insert(kNotApplicable);
      }
    }
  }
}

/// RFC 7857.
void Rules::Newer() {
  const Duration lifetime = Shortest(&netsim::NatTimeouts::udp_assured);
  const bool filters = Any([](const NatConfig& box) {
    return box.filtering != Dependence::kEndpointIndependent;
  });
  const bool is_seen = lifetime > seconds(14) && lifetime < seconds(350);
  const bool is_unseen = lifetime < seconds(11) || lifetime > seconds(365);
  const Expected visible = is_seen     ? Expected{kPass}
                           : is_unseen ? Expected{kInconclusive}
                                       : Expected{kPass, kInconclusive};
  expected_["7857-7"] = filters ? visible : Expected{kNotApplicable};
  if (!filters && lifetime < seconds(14)) {
    expected_["7857-7"].insert(kInconclusive);  // nothing gets in by then
  }
  expected_["7857-7.1"] = visible;
  expected_["7857-8"] = {kPass};
  const bool keeps = All([](const NatConfig& box) {
    return !HasPorts(box) || Preserves(box, 20000, 60000);
  });
  const bool counts =
      HasPorts(last_) && last_.port_assignment == PortAssignment::kSequential;
  expected_["7857-9"] = {keeps ? kNotApplicable : counts ? kFail : kPass};
  expected_["6888-15"] = expected_["7857-9"];
  if (!HasPorts(last_)) {
    expected_["7857-10"] = {kNotApplicable};
  } else if (IsArbitrary()) {
    expected_["7857-10"] = {kPass, kNotApplicable, kInconclusive};
  } else if (boxes_.front().translation == Translation::kNat64 ||
             Any([](const NatConfig& box) {
               return box.fragments == FragmentMode::kDrop;
             })) {
    expected_["7857-10"] = {kInconclusive};
  } else {
    expected_["7857-10"] = {kPass};
  }
}

/// How many mappings one subscriber of the box may have.
size_t QuotaOf(const NatConfig& box) {
  size_t quota = box.limits.max_mappings;
  if (box.limits.mappings_per_host != 0) {
    quota = std::min(quota, box.limits.mappings_per_host);
  }
  size_t ports = quota;
  if (HasPorts(box) &&
      box.port_assignment == PortAssignment::kDeterministicBlock) {
    ports = box.block_size;
  }
  if (HasPorts(box) && box.port_assignment == PortAssignment::kDynamicBlock &&
      box.limits.blocks_per_host != 0) {
    ports = box.limits.blocks_per_host * box.block_size;
  }
  if (HasPorts(box) && HasBlocks(box) && box.keep_parity) {
    ports /= 2;  // the tests' inside ports are even
  }
  quota = std::min(quota, ports);
  return HasNoState(box) ? SIZE_MAX : quota;
}

void Rules::Quotas() {
  const NatConfig& least = *std::ranges::min_element(boxes_, {}, QuotaOf);
  const bool is_reached = QuotaOf(least) < 2900;
  const bool evicts = least.limits.when_full == netsim::WhenFull::kEvictOldest;
  if (!is_reached) {
    expected_["5508-8"] = {kInconclusive};
    expected_["6888-4"] = {kInconclusive};
    expected_["6888-11"] = {kInconclusive};
  } else {
    // A box that makes room refuses nothing; REQ-8 speaks of refusals.
    expected_["5508-8"] =
        evicts ? Expected{kNotApplicable}
               : PassIf(least.limits.when_full == netsim::WhenFull::kIcmp);
    // Behind a home's box the inside hosts are one subscriber.
    expected_["6888-4"] = {evicts || boxes_.size() > 1 ? kInconclusive : kPass};
    expected_["6888-11"] = PassIf(!evicts);
  }
  const bool rests = least.port_quarantine > Duration::zero();
  if (HasBlocks(least) && (least.shed_above != 0 || (evicts && rests))) {
    // Under load ports are of no block, and which load others make decides. In
    // a block what gives way leaves a port that rests.
    expected_["5508-8"] = {kPass, kFail, kInconclusive, kNotApplicable};
    expected_["6888-4"] = {kPass, kInconclusive};
    expected_["6888-11"] = {kPass, kFail, kInconclusive};
  }
  expected_["6888-2"] = expected_["4787-2"];  // one address is no choice
  expected_["6888-7"] = expected_["4787-8"];
  const bool is_exempt =
      Any([](const NatConfig& box) { return !box.exempt.empty(); });
  expected_["6888-6"] = {!chain_.names_exempt ? kInconclusive
                         : is_exempt          ? kPass
                                              : kFail};
  // Behind a home's box nobody can ask the carrier's; and silence may mean that
  // there is another protocol.
  const bool can_ask =
      boxes_.size() == 1 &&
      (last_.services.pcp ||
       (last_.services.nat_pmp && last_.translation != Translation::kNat64));
  expected_["6888-9"] = {can_ask ? kPass : kInconclusive};
  if (can_ask && !last_.services.pcp && PoolSize() > 1) {
    // NAT-PMP tells one address, and the first host may have another.
    expected_["6888-9"].insert(kFail);
  }
}

/// RFC 6888 REQ-8, as the probes of the test see it.
void Rules::Reuse() {
  Expected& row = expected_["6888-8"];
  const bool is_filtered = Any([](const NatConfig& box) {
    return box.filtering != Dependence::kEndpointIndependent;
  });
  if (!HasPorts(last_)) {
    row = {kInconclusive};  // every host has its own address
    return;
  }
  if (is_filtered) {
    row = {kNotApplicable, kInconclusive};
    if (PoolSize() == 1) {
      row = {kNotApplicable};
    }
    return;
  }
  const Duration lifetime = Shortest(&netsim::NatTimeouts::udp_unreplied);
  if (lifetime > seconds(298)) {
    row = {kInconclusive};
    return;
  }
  // From when a mapping has ceased to work until its port is free.
  const Duration rest =
      last_.port_quarantine + last_.timeouts.udp_unreplied - lifetime;
  row = rest >= seconds(120)  ? Expected{kPass}
        : rest < seconds(107) ? Expected{kFail}
                              : Expected{kPass, kFail};
  const bool keeps = boxes_.size() == 1 && !IsArbitrary() &&
                     (last_.port_assignment == PortAssignment::kPreserve ||
                      Overloads(last_)) &&
                     Preserves(last_, 20000, 60000);
  if (!keeps || lifetime > seconds(284)) {
    row.insert(kInconclusive);  // whom drawn ports meet is chance
  }
}

/// RFC 6888 REQ-5: what one inside endpoint can make the box keep.
void Rules::Sessions() {
  Expected& row = expected_["6888-5"];
  row = {kInconclusive};
  for (const NatConfig& box : boxes_) {
    if (HasNoState(box)) {
      continue;
    }
    // Where each remote address is another mapping, the test of quotas tells.
    const bool makes_mappings =
        HasPorts(box) && box.mapping != Dependence::kEndpointIndependent;
    const size_t per_mapping = box.limits.sessions_per_mapping;
    const size_t limit = makes_mappings     ? QuotaOf(box)
                         : per_mapping != 0 ? per_mapping
                                            : SIZE_MAX;
    const bool evicts = box.limits.when_full == netsim::WhenFull::kEvictOldest;
    if (limit < 2900) {
      row = {kPass};
      if (evicts && box.filtering == Dependence::kEndpointIndependent) {
        row.insert(kInconclusive);  // the oldest comes in all the same
      }
    }
    if (box.shed_above != 0) {
      row.insert({kPass, kInconclusive});
    }
  }
}

/// RFC 6888 REQ-3 and 13, RFC 7857 section 4, RFC 4787 REQ-7.
void Rules::Pools() {
  expected_["6888-13"] = {kInconclusive};
  expected_["7857-4"] = {kNotApplicable};
  if (PoolSize() > 1) {
    expected_["7857-4"] = {kInconclusive, kNotApplicable};
  }
  Expected& row = expected_["6888-3"];
  row = {kInconclusive};
  const bool is_shown = chain_.names_pool && chain_.has_gap && PoolSize() > 1 &&
                        boxes_.size() == 1;
  if (is_shown) {
    const bool is_sure =
        last_.translation == Translation::kOneToOne ||
        (last_.pooling == Pooling::kPaired &&
         last_.port_assignment != PortAssignment::kDeterministicBlock);
    row = is_sure ? Expected{kPass} : Expected{kPass, kInconclusive};
  }
  expected_["4787-7"] = {kFail};
}

/// What does not pass cannot be judged, and what does not translate is no NAT.
void Rules::Gate() {
  const bool is_nat = Any([](const NatConfig& box) {
    return box.translation != Translation::kNone;
  });
  const bool udp = All([](const NatConfig& box) {
    return box.policy.udp && box.policy.udp_ports.empty();
  });
  const bool tcp = All([](const NatConfig& box) {
    return box.policy.tcp && box.policy.tcp_ports.empty();
  });
  const bool icmp = All([](const NatConfig& box) { return box.policy.icmp; });
  std::map<std::string_view, bool> passes;
  for (const TestCase& test : TestCases()) {
    for (const std::string_view id : test.requirements) {
      passes[id] = test.needs == Needs::kUdp   ? udp
                   : test.needs == Needs::kTcp ? tcp
                                               : icmp;
    }
  }
  passes["7857-5"] = udp && tcp;
  for (const Unseen& unseen : UnseenRequirements()) {
    expected_[unseen.requirement] = {kInconclusive};
  }
  for (auto& [id, verdicts] : expected_) {
    const auto found = passes.find(id);
    if ((!udp && !tcp && !icmp) || (found != passes.end() && !found->second)) {
      verdicts = {kInconclusive};
    }
    if (!is_nat && (udp || tcp || icmp)) {
      verdicts = {kNotApplicable};
    }
  }
  const bool is_nat64 = boxes_.front().translation == Translation::kNat64;
  if (!chain_.has_conflict || is_nat64) {
    expected_["4787-7"] = {kNotApplicable};  // it says so itself
  }
}

/// RFC 6888 REQ-1 demands the MUSTs of the older RFCs.
void Rules::Carrier() {
  if (expected_["6888-1"].contains(kNotApplicable) ||
      std::ranges::all_of(expected_, [](const auto& entry) {
        return entry.first == "4787-7" ||
               entry.second == Expected{kInconclusive};
      })) {
    return;
  }
  bool may_pass = true;
  bool may_fail = false;
  bool may_be_unknown = false;
  bool must_fail = false;
  for (const auto& [id, verdicts] : expected_) {
    const Requirement* requirement = FindRequirement(id);
    if (requirement == nullptr || id.starts_with("6888") ||
        id.starts_with("7857") || !IsMandatory(requirement->level)) {
      continue;
    }
    const bool can_pass =
        verdicts.contains(kPass) || verdicts.contains(kNotApplicable);
    may_fail |= verdicts.contains(kFail);
    may_pass &= can_pass;
    may_be_unknown |= verdicts.contains(kInconclusive);
    must_fail |= verdicts == Expected{kFail};
  }
  Expected& all = expected_["6888-1"];
  all.clear();
  if (may_pass) {
    all.insert(kPass);
  }
  if (may_fail) {
    all.insert(kFail);
  }
  if (may_be_unknown && !must_fail) {
    all.insert(kInconclusive);
  }
}

}  // namespace

std::map<std::string_view, Expected> ExpectedVerdicts(const Chain& chain) {
  return Rules(chain).Run();
}

}  // namespace natkit::natcheck::conformance
