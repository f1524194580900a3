#include "conformance_rules.h"

#include <algorithm>
#include <chrono>

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;
using netsim::Alg;
using netsim::Dependence;
using netsim::FragmentMode;
using netsim::Hairpinning;
using netsim::NatConfig;
using netsim::Pooling;
using netsim::PortAssignment;
using netsim::Translation;
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

bool HasPorts(const NatConfig& box) {
  return box.translation == Translation::kNapt ||
         box.translation == Translation::kNat64;
}

/// Ports are shared by hosts whose destinations differ.
bool Overloads(const NatConfig& box) {
  return HasPorts(box) &&
         box.port_assignment == PortAssignment::kPreserveOverload;
}

bool HasBlocks(const NatConfig& box) {
  return box.port_assignment == PortAssignment::kDynamicBlock ||
         box.port_assignment == PortAssignment::kDeterministicBlock;
}

/// Whether free inside ports from `first` to `last` are kept as they are.
bool Preserves(const NatConfig& box, uint16_t first, uint16_t last) {
  const bool tries = box.port_assignment == PortAssignment::kPreserve ||
                     box.port_assignment == PortAssignment::kPreserveOverload;
  return tries && box.port_range.first <= first && box.port_range.last >= last;
}

/// Endpoint-independent as long as nobody else wants the port.
bool SeemsIndependent(const NatConfig& box) {
  return !HasPorts(box) || box.mapping == Dependence::kEndpointIndependent ||
         Overloads(box);
}

/// Basic NAT that lets everybody in: addresses follow a rule, nothing expires.
bool HasNoState(const NatConfig& box) {
  return !HasPorts(box) && box.filtering == Dependence::kEndpointIndependent;
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
    Gate();
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
  void Gate();
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
           (Preserves(box, 501, 516) && Preserves(box, 1024, 60000));
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
  if (Any([](const NatConfig& box) {
        return Overloads(box) && !Preserves(box, 20000, 60000) &&
               box.filtering != Dependence::kAddressAndPortDependent;
      })) {
    // Ports are drawn and shared: what comes in may go to another socket.
    expected_["4787-8"] = {kPass, kFail, kInconclusive};
  }
  expected_["4787-9"] = Hairpins();
  const bool shows_external = last_.hairpinning == Hairpinning::kExternalSource;
  expected_["4787-9a"] = {};
  for (const Verdict verdict : expected_["4787-9"]) {
    expected_["4787-9a"].insert(verdict == kFail ? kNotApplicable
                                : shows_external ? kPass
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
  if (last_.hairpinning == Hairpinning::kNone) {
    return {kFail};
  }
  if (boxes_.size() > 1) {
    const NatConfig& home = boxes_.front();
    const bool knows_source =
        last_.hairpinning == Hairpinning::kExternalSource ||
        home.filtering == Dependence::kEndpointIndependent;
    if (!knows_source || !SeemsIndependent(home)) {
      return {kFail};
    }
  }
  if (last_.filtering == Dependence::kEndpointIndependent) {
    return {kPass};
  }
  if (IsArbitrary() &&
      (last_.filtering == Dependence::kAddressDependent || Overloads(last_))) {
    return {kPass, kFail};
  }
  return PassIf(SeemsIndependent(last_));
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
  expected_["4787-7"] = {kInconclusive};
  for (auto& [id, verdicts] : expected_) {
    const bool passes = id.starts_with("4787") ? udp : true;
    if (!udp && !tcp && !icmp) {
      verdicts = {kInconclusive};
    } else if (!is_nat) {
      verdicts = {kNotApplicable};
    } else if (!passes) {
      verdicts = {kInconclusive};
    }
  }
}

}  // namespace

std::map<std::string_view, Expected> ExpectedVerdicts(const Chain& chain) {
  return Rules(chain).Run();
}

}  // namespace natkit::natcheck::conformance
