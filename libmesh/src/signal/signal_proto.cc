#include "signal/signal_proto.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "proto/signal.pb.h"
#include "signal/punch_proto.h"

namespace natkit::mesh {

namespace {

proto::Candidate_Type ToProto(ice::CandidateType type) {
  switch (type) {
    case ice::CandidateType::kHost:
      return proto::Candidate_Type_TYPE_HOST;
    case ice::CandidateType::kPeerReflexive:
      return proto::Candidate_Type_TYPE_PEER_REFLEXIVE;
    case ice::CandidateType::kServerReflexive:
      return proto::Candidate_Type_TYPE_SERVER_REFLEXIVE;
    case ice::CandidateType::kRelayed:
      return proto::Candidate_Type_TYPE_RELAYED;
  }
  return proto::Candidate_Type_TYPE_UNSPECIFIED;
}

std::optional<ice::CandidateType> FromProto(proto::Candidate_Type type) {
  switch (type) {
    case proto::Candidate_Type_TYPE_HOST:
      return ice::CandidateType::kHost;
    case proto::Candidate_Type_TYPE_PEER_REFLEXIVE:
      return ice::CandidateType::kPeerReflexive;
    case proto::Candidate_Type_TYPE_SERVER_REFLEXIVE:
      return ice::CandidateType::kServerReflexive;
    case proto::Candidate_Type_TYPE_RELAYED:
      return ice::CandidateType::kRelayed;
    default:
      return std::nullopt;
  }
}

template <class Enum>
uint32_t EncodeKnown(const std::optional<Enum>& value) {
  return value ? uint32_t{std::to_underlying(*value)} + 1 : 0;
}

/// Values of a later version are as good as unknown.
template <class Enum>
std::optional<Enum> DecodeKnown(uint32_t value, Enum last) {
  return value == 0 || value > uint32_t{std::to_underlying(last)} + 1
             ? std::nullopt
             : std::optional(static_cast<Enum>(value - 1));
}

/// Versions that know of a mapping or of none say so by has_mapped_port alone.
nat::MappedPort DecodeMappedPort(const proto::Network& from) {
  using nat::MappedPort;
  if (from.has_mapped_port()) {
    return MappedPort::kReachable;
  }
  const auto value = static_cast<MappedPort>(
      std::min(from.mapped_port(),
               uint32_t{std::to_underlying(MappedPort::kClaimed)} + 1));
  const bool is_known =
      value != MappedPort::kReachable &&
      std::to_underlying(value) <= std::to_underlying(MappedPort::kClaimed);
  return is_known ? value : MappedPort::kNone;
}

void EncodeNetwork(const nat::PathSide& from, proto::Network& to) {
  to.set_is_udp_blocked(from.traits.is_udp_blocked);
  to.set_translation(EncodeKnown(from.traits.translation));
  to.set_mapping(EncodeKnown(from.traits.mapping));
  to.set_filtering(EncodeKnown(from.traits.filtering));
  for (const IpAddress& address : from.traits.external_addresses) {
    if (to.external_addresses_size() < static_cast<int>(kMaxSignalAddresses)) {
      to.add_external_addresses(std::string(AsText(address.bytes())));
    }
  }
  to.set_has_mapped_port(from.mapped_port == nat::MappedPort::kReachable);
  to.set_mapped_port(std::to_underlying(from.mapped_port));
  to.set_is_behind_second_nat(from.is_behind_second_nat);
  to.set_uses_port_mapping(from.uses_port_mapping);
  to.set_port_mapping_error(EncodeKnown(from.port_mapping_error));
  to.set_has_ipv6(from.has_ipv6);
  to.set_power(std::to_underlying(from.power));
  to.set_may_be_address_dependent(from.may_be_address_dependent);
}

Result<nat::PathSide> DecodeNetwork(const proto::Network& from) {
  using nat::Dependence;
  constexpr auto kLast = Dependence::kAddressAndPortDependent;
  nat::PathSide to;
  if (from.external_addresses_size() > static_cast<int>(kMaxSignalAddresses)) {
    return Fail(Errc::kBadSignal);
  }
  for (const std::string& bytes : from.external_addresses()) {
    const auto address = IpAddress::FromBytes(AsBytes(bytes));
    if (!address) {
      return Fail(Errc::kBadSignal);
    }
    to.traits.external_addresses.push_back(*address);
  }
  to.traits.is_udp_blocked = from.is_udp_blocked();
  to.traits.translation =
      DecodeKnown(from.translation(), nat::Translation::kNat64);
  to.traits.mapping = DecodeKnown(from.mapping(), kLast);
  to.traits.filtering = DecodeKnown(from.filtering(), kLast);
  to.mapped_port = DecodeMappedPort(from);
  to.is_behind_second_nat = from.is_behind_second_nat();
  to.uses_port_mapping = from.uses_port_mapping();
  to.port_mapping_error =
      DecodeKnown(from.port_mapping_error(), nat::PortMappingError::kExpired);
  to.has_ipv6 = from.has_ipv6();
  to.may_be_address_dependent = from.may_be_address_dependent();
  if (from.power() <= std::to_underlying(nat::PowerMode::kMobileIdle)) {
    to.power = static_cast<nat::PowerMode>(from.power());
  }
  return to;
}

void EncodeDescription(const IceDescription& from, proto::IceDescription& to) {
  to.set_session(from.session);
  to.set_ufrag(from.credentials.ufrag);
  to.set_password(std::string(from.credentials.password.Expose()));
  to.set_peer_ufrag(from.peer_ufrag);
  to.set_end_of_candidates(from.end_of_candidates);
  if (from.network) {
    EncodeNetwork(*from.network, *to.mutable_network());
  }
  for (const ice::Candidate& candidate : from.candidates) {
    proto::Candidate& out = *to.add_candidates();
    out.set_type(ToProto(candidate.type));
    out.set_address(std::string(AsText(candidate.endpoint.address.bytes())));
    out.set_port(candidate.endpoint.port);
    out.set_priority(candidate.priority);
    out.set_foundation(candidate.foundation);
  }
}

/// nullopt for a type this version does not know: the candidate is skipped.
Result<std::optional<ice::Candidate>> DecodeCandidate(
    const proto::Candidate& from) {
  const auto address = IpAddress::FromBytes(AsBytes(from.address()));
  if (!address || from.port() == 0 || from.port() > 65535 ||
      from.foundation().empty() || from.foundation().size() > 32) {
    return Fail(Errc::kBadSignal);
  }
  const auto type = FromProto(from.type());
  if (!type) {
    return std::nullopt;
  }
  ice::Candidate candidate;
  candidate.type = *type;
  candidate.endpoint = {*address, static_cast<uint16_t>(from.port())};
  candidate.base = candidate.endpoint;
  candidate.priority = from.priority();
  candidate.foundation = from.foundation();
  return candidate;
}

template <class Description>
Result<Signal> DecodeDescription(const proto::IceDescription& from,
                                 Signal signal) {
  Description description;
  if (from.candidates_size() > static_cast<int>(kMaxSignalCandidates) ||
      from.ufrag().size() > 256 || from.password().size() > 256 ||
      from.peer_ufrag().size() > 256) {
    return Fail(Errc::kBadSignal);
  }
  description.session = from.session();
  description.credentials = {from.ufrag(), from.password()};
  description.peer_ufrag = from.peer_ufrag();
  description.end_of_candidates = from.end_of_candidates();
  if (from.has_network()) {
    auto network = DecodeNetwork(from.network());
    if (!network) {
      return std::unexpected(network.error());
    }
    description.network = std::move(*network);
  }
  for (const proto::Candidate& candidate : from.candidates()) {
    auto decoded = DecodeCandidate(candidate);
    if (!decoded) {
      return std::unexpected(decoded.error());
    }
    if (*decoded) {
      description.candidates.push_back(**decoded);
    }
  }
  signal.body = std::move(description);
  return signal;
}

template <class Body>
Result<Signal> WithBody(const Result<Body>& body, Signal signal) {
  if (!body) {
    return std::unexpected(body.error());
  }
  signal.body = *body;
  return signal;
}

struct BodyEncoder {
  proto::Signal& out;

  void operator()(const Hello& /*body*/) const { out.mutable_hello(); }

  void operator()(const RestartRequest& /*body*/) const {
    out.mutable_restart_request();
  }

  void operator()(const Offer& body) const {
    EncodeDescription(body, *out.mutable_offer());
  }

  void operator()(const Answer& body) const {
    EncodeDescription(body, *out.mutable_answer());
  }

  void operator()(const PathQuery& body) const {
    out.mutable_path_query()->set_nonce(body.nonce);
    out.mutable_path_query()->set_is_doubt(body.is_doubt);
  }

  void operator()(const PathReport& body) const {
    proto::PathReport& report = *out.mutable_path_report();
    report.set_nonce(body.nonce);
    report.set_received(body.received);
    report.set_received_data(body.received_data);
    report.set_received_large(body.received_large);
    report.set_large_idle_ms(static_cast<uint32_t>(
        std::chrono::floor<std::chrono::milliseconds>(body.large_idle)
            .count()));
  }

  void operator()(const nat::PunchOffer& body) const {
    EncodePunch(body, *out.mutable_punch_offer());
  }

  void operator()(const nat::PunchAnswer& body) const {
    EncodePunch(body, *out.mutable_punch_answer());
  }

  void operator()(const nat::PunchRefusal& body) const {
    EncodePunch(body, *out.mutable_punch_refusal());
  }
};

}  // namespace

std::string EncodeSignal(const Signal& signal) {
  proto::Signal out;
  out.set_boot(signal.boot);
  out.set_sequence(signal.sequence);
  out.set_sent_unix_ms(signal.sent_unix_ms);
  std::visit(BodyEncoder{out}, signal.body);
  return out.SerializeAsString();
}

Result<Signal> DecodeSignal(ByteView bytes) {
  proto::Signal in;
  if (bytes.size() > std::numeric_limits<uint16_t>::max() ||
      !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Fail(Errc::kBadSignal);
  }
  Signal signal;
  signal.boot = in.boot();
  signal.sequence = in.sequence();
  signal.sent_unix_ms = in.sent_unix_ms();
  switch (in.body_case()) {
    case proto::Signal::kHello:
      signal.body = Hello{};
      return signal;
    case proto::Signal::kRestartRequest:
      signal.body = RestartRequest{};
      return signal;
    case proto::Signal::kOffer:
      return DecodeDescription<Offer>(in.offer(), signal);
    case proto::Signal::kAnswer:
      return DecodeDescription<Answer>(in.answer(), signal);
    case proto::Signal::kPathQuery:
      signal.body = PathQuery{.nonce = in.path_query().nonce(),
                              .is_doubt = in.path_query().is_doubt()};
      return signal;
    case proto::Signal::kPathReport:
      signal.body = PathReport{
          .nonce = in.path_report().nonce(),
          .received = in.path_report().received(),
          .received_data = in.path_report().received_data(),
          .received_large = in.path_report().received_large(),
          .large_idle =
              std::chrono::milliseconds(in.path_report().large_idle_ms())};
      return signal;
    case proto::Signal::kPunchOffer:
      return WithBody(DecodePunch(in.punch_offer()), signal);
    case proto::Signal::kPunchAnswer:
      return WithBody(DecodePunch(in.punch_answer()), signal);
    case proto::Signal::kPunchRefusal:
      return WithBody(DecodePunch(in.punch_refusal()), signal);
    case proto::Signal::BODY_NOT_SET:
      break;
  }
  return Fail(Errc::kBadSignal);
}

std::string EncodePathSide(const nat::PathSide& side) {
  proto::Network network;
  EncodeNetwork(side, network);
  return network.SerializeAsString();
}

Result<nat::PathSide> DecodePathSide(ByteView bytes) {
  proto::Network network;
  if (!network.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Fail(Errc::kBadSignal);
  }
  return DecodeNetwork(network);
}

}  // namespace natkit::mesh
