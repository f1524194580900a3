#include "signal/punch_proto.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

namespace natkit::mesh {
namespace {

using std::chrono::microseconds;

/// Longer times than an hour are nobody's plan.
constexpr uint64_t kMaxMicroseconds = 3'600'000'000;

uint64_t ToMicroseconds(Duration time) {
  const auto count = std::chrono::duration_cast<microseconds>(time).count();
  return count < 0 ? 0 : static_cast<uint64_t>(count);
}

bool DecodeTime(uint64_t from, Duration& to) {
  to = microseconds(static_cast<int64_t>(from % (kMaxMicroseconds + 1)));
  return from <= kMaxMicroseconds;
}

std::string ToText(const IpAddress& address) {
  return std::string(AsText(address.bytes()));
}

bool DecodePort(uint32_t from, uint16_t& to) {
  to = static_cast<uint16_t>(from);
  return from != 0 && from <= 65535;
}

bool DecodeAddress(const std::string& from, IpAddress& to) {
  const auto address = IpAddress::FromBytes(AsBytes(from));
  if (address) {
    to = *address;
  }
  return address.has_value();
}

proto::PunchSide_Dependence ToProto(nat::Dependence from) {
  return static_cast<proto::PunchSide_Dependence>(static_cast<int>(from) + 1);
}

bool Decode(proto::PunchSide_Dependence from, nat::Dependence& to) {
  if (from < proto::PunchSide_Dependence_DEPENDENCE_ENDPOINT_INDEPENDENT ||
      from > proto::PunchSide_Dependence_DEPENDENCE_ADDRESS_AND_PORT) {
    return false;
  }
  to = static_cast<nat::Dependence>(static_cast<int>(from) - 1);
  return true;
}

bool Decode(proto::PunchSide_Pattern from, nat::AllocationPattern& to) {
  if (from < proto::PunchSide_Pattern_PATTERN_PRESERVED ||
      from > proto::PunchSide_Pattern_PATTERN_RANDOM) {
    return false;
  }
  to = static_cast<nat::AllocationPattern>(static_cast<int>(from) - 1);
  return true;
}

void EncodeForecast(const nat::PortForecast& from, proto::PunchSide& to) {
  to.set_is_constant(from.is_constant);
  to.set_pattern(static_cast<proto::PunchSide_Pattern>(
      static_cast<int>(from.pattern) + 1));
  to.set_step(from.step);
  to.set_last_address(ToText(from.last.address));
  to.set_last_port(from.last.port);
  to.set_foreign_rate(from.foreign_rate);
  to.set_confidence(from.confidence);
  for (const nat::PortArea& area : from.areas) {
    proto::PunchSide_Area& out = *to.add_areas();
    out.set_address(ToText(area.address));
    out.set_first_port(area.ports.first);
    out.set_last_port(area.ports.last);
  }
}

void EncodeBudget(const nat::PunchBudget& from, proto::PunchSide& to) {
  to.set_packets_per_second(from.packets_per_second);
  to.set_max_packets(from.max_packets);
  to.set_max_probes(from.max_probes);
  to.set_max_sockets(from.max_sockets);
  to.set_new_mappings_per_second(from.new_mappings_per_second);
  to.set_quota_share(from.quota_share);
}

void EncodeSide(const nat::PunchSide& from, proto::PunchSide& to) {
  to.set_mapping(ToProto(from.mapping));
  to.set_filtering(ToProto(from.filtering));
  to.set_mapped_address(ToText(from.mapped.address));
  to.set_mapped_port(from.mapped.port);
  EncodeForecast(from.forecast, to);
  to.set_sample_age_us(ToMicroseconds(from.sample_age));
  to.set_mapping_quota(from.mapping_quota);
  EncodeBudget(from.budget, to);
}

bool DecodeForecast(const proto::PunchSide& from, nat::PortForecast& to) {
  if (!Decode(from.pattern(), to.pattern) ||
      !DecodeAddress(from.last_address(), to.last.address) ||
      !DecodePort(from.last_port(), to.last.port) ||
      from.areas_size() > static_cast<int>(nat::kMaxPortAreas) ||
      !std::isfinite(from.foreign_rate()) ||
      !std::isfinite(from.confidence())) {
    return false;
  }
  to.is_constant = from.is_constant();
  to.step = from.step();
  to.foreign_rate = from.foreign_rate();
  to.confidence = from.confidence();
  for (const proto::PunchSide_Area& area : from.areas()) {
    nat::PortArea out;
    if (!DecodeAddress(area.address(), out.address) ||
        !DecodePort(area.first_port(), out.ports.first) ||
        !DecodePort(area.last_port(), out.ports.last)) {
      return false;
    }
    to.areas.push_back(out);
  }
  return true;
}

bool DecodeSide(const proto::PunchSide& from, nat::PunchSide& to) {
  to.mapping_quota = from.mapping_quota();
  to.budget = {.packets_per_second = from.packets_per_second(),
               .max_packets = from.max_packets(),
               .max_probes = from.max_probes(),
               .max_sockets = from.max_sockets(),
               .new_mappings_per_second = from.new_mappings_per_second(),
               .quota_share = from.quota_share()};
  return Decode(from.mapping(), to.mapping) &&
         Decode(from.filtering(), to.filtering) &&
         DecodeAddress(from.mapped_address(), to.mapped.address) &&
         DecodePort(from.mapped_port(), to.mapped.port) &&
         DecodeForecast(from, to.forecast) &&
         DecodeTime(from.sample_age_us(), to.sample_age) &&
         std::isfinite(to.budget.quota_share);
}

void EncodeShare(const nat::PunchShare& from, proto::PunchShare& to) {
  to.set_sockets(from.sockets);
  to.set_flows(from.flows);
  to.set_opens(from.opens);
  to.set_checks_after_us(ToMicroseconds(from.checks_after));
  to.set_checks_for_us(ToMicroseconds(from.checks_for));
  to.set_packets_per_second(from.packets_per_second);
}

bool DecodeShare(const proto::PunchShare& from, nat::PunchShare& to) {
  to.sockets = from.sockets();
  to.flows = from.flows();
  to.opens = from.opens();
  to.packets_per_second = from.packets_per_second();
  return DecodeTime(from.checks_after_us(), to.checks_after) &&
         DecodeTime(from.checks_for_us(), to.checks_for);
}

bool Decode(proto::PunchAnswer_Method from, nat::PunchMethod& to) {
  if (from < proto::PunchAnswer_Method_METHOD_BIRTHDAY ||
      from > proto::PunchAnswer_Method_METHOD_CROSSING) {
    return false;
  }
  to = static_cast<nat::PunchMethod>(static_cast<int>(from) - 1);
  return true;
}

}  // namespace

void EncodePunch(const nat::PunchOffer& from, proto::PunchOffer& to) {
  to.set_attempt(from.attempt);
  EncodeSide(from.side, *to.mutable_side());
}

void EncodePunch(const nat::PunchAnswer& from, proto::PunchAnswer& to) {
  to.set_attempt(from.attempt);
  EncodeSide(from.side, *to.mutable_side());
  to.set_method(static_cast<proto::PunchAnswer_Method>(
      static_cast<int>(from.plan.method) + 1));
  EncodeShare(from.plan.initiator, *to.mutable_initiator());
  EncodeShare(from.plan.responder, *to.mutable_responder());
  to.set_lasts_us(ToMicroseconds(from.plan.lasts));
  to.set_chance(from.plan.chance);
}

void EncodePunch(const nat::PunchRefusal& from, proto::PunchRefusal& to) {
  to.set_attempt(from.attempt);
  to.set_reason(static_cast<uint32_t>(from.reason));
}

Result<nat::PunchOffer> DecodePunch(const proto::PunchOffer& from) {
  nat::PunchOffer offer{.attempt = from.attempt(), .side = {}};
  if (!DecodeSide(from.side(), offer.side)) {
    return Fail(Errc::kBadSignal);
  }
  return offer;
}

Result<nat::PunchAnswer> DecodePunch(const proto::PunchAnswer& from) {
  nat::PunchAnswer answer{.attempt = from.attempt(), .side = {}, .plan = {}};
  answer.plan.chance = from.chance();
  if (!DecodeSide(from.side(), answer.side) ||
      !Decode(from.method(), answer.plan.method) ||
      !DecodeShare(from.initiator(), answer.plan.initiator) ||
      !DecodeShare(from.responder(), answer.plan.responder) ||
      !DecodeTime(from.lasts_us(), answer.plan.lasts) ||
      !std::isfinite(answer.plan.chance)) {
    return Fail(Errc::kBadSignal);
  }
  return answer;
}

Result<nat::PunchRefusal> DecodePunch(const proto::PunchRefusal& from) {
  if (from.reason() >
      static_cast<uint32_t>(nat::PunchFailure::kBudgetTooSmall)) {
    return Fail(Errc::kBadSignal);
  }
  return nat::PunchRefusal{
      .attempt = from.attempt(),
      .reason = static_cast<nat::PunchFailure>(from.reason())};
}

}  // namespace natkit::mesh
