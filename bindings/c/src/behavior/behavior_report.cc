// What a natkit_behavior has found; see natkit/behavior.h.

#include "natkit/nat/behavior_report.h"

#include <utility>
#include <vector>

#include "behavior/behavior.h"
#include "support/convert.h"
#include "support/door.h"
#include "support/structs.h"

namespace natkit::c {
namespace {

constexpr size_t kFirstVerdictSize = sizeof(natkit_nat_verdict);
constexpr size_t kFirstProbeSize = sizeof(natkit_nat_probe);
constexpr size_t kFirstTraitsSize = sizeof(natkit_nat_traits);
constexpr size_t kFirstReportSize = sizeof(natkit_nat_report);

/// What Outcome and Axis begin and end with, and what callers know.
static_assert(static_cast<uint32_t>(nat::Outcome::kUntested) ==
                  NATKIT_NAT_UNTESTED &&
              static_cast<uint32_t>(nat::Outcome::kDetermined) ==
                  NATKIT_NAT_DETERMINED);
static_assert(static_cast<uint32_t>(nat::Axis::kUdp) == NATKIT_NAT_AXIS_UDP &&
              static_cast<uint32_t>(nat::Axis::kUnrepliedLifetime) ==
                  NATKIT_NAT_AXIS_UNREPLIED_LIFETIME &&
              static_cast<uint32_t>(nat::Axis::kNat64) ==
                  NATKIT_NAT_AXIS_NAT64);

/// An enumerator of a trait: the C API has 0 for "not known" before them.
template <class T>
uint32_t FromTrait(const std::optional<T>& value) {
  return value ? static_cast<uint32_t>(*value) + 1 : 0;
}

static_assert(static_cast<uint32_t>(nat::Translation::kNat64) + 1 ==
                  NATKIT_NAT_TRANSLATION_NAT64 &&
              static_cast<uint32_t>(nat::Dependence::kAddressAndPortDependent) +
                      1 ==
                  NATKIT_NAT_ADDRESS_AND_PORT_DEPENDENT &&
              static_cast<uint32_t>(nat::Pooling::kArbitrary) + 1 ==
                  NATKIT_NAT_POOLING_ARBITRARY &&
              static_cast<uint32_t>(nat::Hairpinning::kExternalSource) + 1 ==
                  NATKIT_NAT_HAIRPINNING_EXTERNAL_SOURCE &&
              static_cast<uint32_t>(nat::AllocationPattern::kRandom) + 1 ==
                  NATKIT_NAT_ALLOCATION_RANDOM);

uint32_t FromAnswer(const std::optional<bool>& value) {
  if (!value) {
    return NATKIT_NAT_UNKNOWN;
  }
  return *value ? NATKIT_NAT_YES : NATKIT_NAT_NO;
}

uint64_t FromLifetime(const std::optional<Duration>& value) {
  return value ? ToNs(*value) : 0;
}

natkit_address FromOptional(const std::optional<Endpoint>& endpoint) {
  return endpoint ? FromEndpoint(*endpoint) : natkit_address{};
}

/// Errors: kBadArgument.
Result<nat::Axis> ToAxis(uint32_t axis) {
  if (axis > NATKIT_NAT_AXIS_NAT64) {
    return Fail(Errc::kBadArgument);
  }
  return static_cast<nat::Axis>(axis);
}

natkit_nat_verdict FromVerdict(const nat::Verdict& verdict) {
  natkit_nat_verdict out{};
  out.outcome = static_cast<uint32_t>(verdict.outcome);
  out.evidence_count = static_cast<uint32_t>(verdict.evidence.size());
  FillText(verdict.value, out.value);
  FillText(verdict.reason, out.reason);
  return out;
}

natkit_nat_probe FromProbe(const nat::Probe& probe) {
  natkit_nat_probe out{};
  out.at_ns = ToNs(probe.at);
  out.local = FromEndpoint(probe.local);
  out.to = FromEndpoint(probe.to);
  if (probe.answered) {
    out.arrived_at = FromEndpoint(probe.arrived_at);
    out.answered_from = FromEndpoint(probe.answered_from);
  }
  out.mapped = FromOptional(probe.mapped);
  out.sent = probe.sent;
  out.is_answered = probe.answered ? 1 : 0;
  FillText(probe.asked, out.asked);
  FillText(probe.note, out.note);
  return out;
}

natkit_nat_traits FromTraits(const nat::BehaviorReport& report) {
  const nat::NatTraits& traits = report.traits;
  natkit_nat_traits out{};
  out.is_udp_blocked = traits.is_udp_blocked ? 1 : 0;
  out.translation = FromTrait(traits.translation);
  out.mapping = FromTrait(traits.mapping);
  out.filtering = FromTrait(traits.filtering);
  out.pooling = FromTrait(traits.pooling);
  out.hairpinning = FromTrait(traits.hairpinning);
  if (traits.allocation) {
    out.allocation = static_cast<uint32_t>(traits.allocation->pattern) + 1;
    out.allocation_step = traits.allocation->step;
    out.allocation_first_port = traits.allocation->range.first;
    out.allocation_last_port = traits.allocation->range.last;
  }
  out.overloads_ports = FromAnswer(traits.overloads_ports);
  out.poisonable = FromAnswer(traits.is_poisonable);
  out.refreshed_by_outbound = FromAnswer(traits.refreshed_by_outbound);
  out.refreshed_by_inbound = FromAnswer(traits.refreshed_by_inbound);
  out.behind_carrier = FromAnswer(traits.is_behind_carrier);
  out.keeps_parity = FromAnswer(report.keeps_parity);
  out.keeps_contiguity = FromAnswer(report.keeps_contiguity);
  out.deterministic = FromAnswer(report.is_deterministic);
  out.rewrites_payload = FromAnswer(report.rewrites_payload);
  out.mapping_quota = traits.mapping_quota.value_or(0);
  out.unreplied_lifetime_ns = FromLifetime(traits.unreplied_lifetime);
  out.assured_lifetime_ns = FromLifetime(traits.assured_lifetime);
  return out;
}

natkit_nat_report FromReport(const nat::BehaviorReport& report) {
  natkit_nat_report out{};
  if (report.server.port != 0) {
    out.server = FromEndpoint(report.server);
  }
  out.other_server = FromOptional(report.other_server);
  if (report.router_external) {
    out.router_external = FromIp(*report.router_external);
  }
  if (report.nat64_prefix) {
    out.nat64_prefix = FromIp(report.nat64_prefix->address());
    out.nat64_prefix_length =
        static_cast<uint32_t>(report.nat64_prefix->length());
  }
  out.datagrams_sent = report.datagrams_sent;
  out.datagrams_received = report.datagrams_received;
  out.took_ns = ToNs(report.took);
  FillText(nat::ClassicName(report.traits), out.classic_name);
  FillForeignText(report.server_software, out.server_software);
  return out;
}

uint64_t BitsOf(const std::set<nat::Axis>& axes) {
  uint64_t bits = 0;
  for (const nat::Axis axis : axes) {
    bits |= NATKIT_NAT_AXIS_BIT(static_cast<uint32_t>(axis));
  }
  return bits;
}

/// The body of a function that asks for what was found.
template <class Call>
int WithReport(const char* function, const natkit_behavior* behavior,
               Call&& call) {
  return WithHandle<Behavior>(function, behavior, [&](Behavior& object) {
    return std::forward<Call>(call)(object.core().report());
  });
}

}  // namespace
}  // namespace natkit::c

using natkit::Errc;
using natkit::Fail;
using natkit::Result;
using namespace natkit::c;
namespace nat = natkit::nat;

uint64_t natkit_nat_all_axes(void) {
  return BitsOf(nat::AllAxes());
}

uint64_t natkit_nat_quick_axes(void) {
  return BitsOf(nat::QuickAxes());
}

const char* natkit_nat_axis_name(uint32_t axis) {
  const Result<nat::Axis> known = ToAxis(axis);
  return known ? nat::AxisName(*known).data() : "unknown";
}

const char* natkit_nat_outcome_name(uint32_t outcome) {
  return outcome > NATKIT_NAT_DETERMINED
             ? "unknown"
             : nat::OutcomeName(static_cast<nat::Outcome>(outcome)).data();
}

int natkit_behavior_get_verdict(const natkit_behavior* behavior, uint32_t axis,
                                natkit_nat_verdict* out) {
  return WithReport(__func__, behavior,
                    [&](const nat::BehaviorReport& report) -> Result<void> {
                      const Result<nat::Axis> known = ToAxis(axis);
                      if (!known) {
                        return std::unexpected(known.error());
                      }
                      return WriteStruct(out,
                                         FromVerdict(report.verdict(*known)),
                                         kFirstVerdictSize);
                    });
}

int natkit_behavior_get_evidence(const natkit_behavior* behavior, uint32_t axis,
                                 size_t index, natkit_nat_probe* out) {
  return WithReport(__func__, behavior,
                    [&](const nat::BehaviorReport& report) -> Result<void> {
                      const Result<nat::Axis> known = ToAxis(axis);
                      const auto checked = CheckStruct(out, kFirstProbeSize);
                      if (!known || !checked) {
                        return known ? checked : Fail(known.error().code);
                      }
                      const std::vector<nat::Probe>& evidence =
                          report.verdict(*known).evidence;
                      if (index >= evidence.size()) {
                        return Fail(Errc::kNotFound);
                      }
                      return WriteStruct(out, FromProbe(evidence[index]),
                                         kFirstProbeSize);
                    });
}

int natkit_behavior_get_traits(const natkit_behavior* behavior,
                               natkit_nat_traits* out) {
  return WithReport(__func__, behavior, [&](const nat::BehaviorReport& report) {
    return WriteStruct(out, FromTraits(report), kFirstTraitsSize);
  });
}

int natkit_behavior_get_report(const natkit_behavior* behavior,
                               natkit_nat_report* out) {
  return WithReport(__func__, behavior, [&](const nat::BehaviorReport& report) {
    return WriteStruct(out, FromReport(report), kFirstReportSize);
  });
}

int natkit_behavior_get_external_addresses(const natkit_behavior* behavior,
                                           natkit_address* out,
                                           size_t capacity) {
  return WithReport(__func__, behavior, [&](const nat::BehaviorReport& report) {
    return PutList(report.traits.external_addresses, out, capacity, FromIp);
  });
}

int natkit_behavior_get_hops(const natkit_behavior* behavior,
                             natkit_address* out, size_t capacity) {
  return WithReport(__func__, behavior, [&](const nat::BehaviorReport& report) {
    return PutList(report.hops, out, capacity, FromIp);
  });
}

int natkit_behavior_get_lifetime(const natkit_behavior* behavior, uint32_t axis,
                                 natkit_nat_lifetime* out) {
  return WithReport(__func__, behavior,
                    [&](const nat::BehaviorReport& report) -> Result<int> {
                      const Result<nat::Axis> known = ToAxis(axis);
                      if (!known || out == nullptr) {
                        return Fail(Errc::kBadArgument);
                      }
                      const auto found = report.lifetimes.find(*known);
                      if (found == report.lifetimes.end()) {
                        return 0;
                      }
                      *out = {.alive_ns = ToNs(found->second.alive),
                              .dead_ns = FromLifetime(found->second.dead)};
                      return 1;
                    });
}
