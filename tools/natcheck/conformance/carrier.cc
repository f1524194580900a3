// RFC 6888 REQ-6 and 9: what a carrier's box does when it is asked to.

#include <chrono>

#include "natkit/nat/nat_pmp_message.h"
#include "natkit/nat/pcp_message.h"
#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

constexpr uint16_t kPortControl = 5351;  // RFC 6887 section 19.1
constexpr uint8_t kUdpNumber = 17;
constexpr uint32_t kLifetime = 600;

/// A subscriber that asks for a mapping.
struct Subscriber {
  std::unique_ptr<Socket> asks;  ///< speaks to the service
  std::unique_ptr<Socket> own;   ///< wants to be reached
  Endpoint service;
  nat::PcpNonce nonce{};
};

/// How the service answered.
struct Granted {
  std::string protocol;  ///< "PCP", "NAT-PMP"; empty: nobody answered
  int result = 0;
  std::optional<Endpoint> external;
};

Task<std::optional<Seen>> AskService(Trial& trial, Subscriber& subscriber,
                                     std::vector<uint8_t> request,
                                     std::function<bool(ByteView)> is_it) {
  const Endpoint service = subscriber.service;
  co_return co_await trial.Repeat(
      Side::kInside,
      netsim::BuildUdp(subscriber.asks->local(), service, request),
      *subscriber.asks, [service, is_it](const Seen& seen) {
        return seen.info.source == service && is_it(seen.payload());
      });
}

std::vector<uint8_t> PcpMap(const Subscriber& subscriber, uint32_t lifetime) {
  nat::PcpRequest request;
  request.client = subscriber.asks->local().address;
  request.lifetime = lifetime;
  request.mapping.emplace();
  request.mapping->nonce = subscriber.nonce;
  request.mapping->protocol = kUdpNumber;
  request.mapping->internal_port = subscriber.own->local().port;
  // The all-zero address of the family that is wanted (RFC 6887 section 11.1).
  request.mapping->external = {IpAddress::V4(0, 0, 0, 0), 0};
  return nat::BuildPcpRequest(request);
}

bool IsAnswerTo(const Subscriber& subscriber, ByteView payload) {
  const auto response = nat::ParsePcpResponse(payload);
  return response &&
         (!response->mapping || response->mapping->nonce == subscriber.nonce);
}

/// By the older protocol, where the service says that it speaks that alone.
Task<Granted> AskNatPmp(Trial& trial, Subscriber& subscriber,
                        uint32_t lifetime) {
  Granted granted = {.protocol = "NAT-PMP", .result = 0, .external = {}};
  const auto is_of = [](nat::NatPmpOpcode opcode) {
    return [opcode](ByteView payload) {
      const auto response = nat::ParseNatPmpResponse(payload);
      return response && response->opcode == opcode;
    };
  };
  auto request = nat::BuildNatPmpMapRequest(
      {.opcode = nat::NatPmpOpcode::kMapUdp,
       .internal_port = subscriber.own->local().port,
       .suggested_port =
           lifetime == 0 ? uint16_t{0} : subscriber.own->local().port,
       .lifetime = lifetime});
  const auto mapped = co_await AskService(trial, subscriber, std::move(request),
                                          is_of(nat::NatPmpOpcode::kMapUdp));
  auto question = nat::BuildNatPmpAddressRequest();
  const auto address =
      co_await AskService(trial, subscriber, std::move(question),
                          is_of(nat::NatPmpOpcode::kExternalAddress));
  if (!mapped || !address) {
    granted.protocol.clear();
    co_return granted;
  }
  const auto map = nat::ParseNatPmpResponse(mapped->payload());
  const auto own = nat::ParseNatPmpResponse(address->payload());
  granted.result = map->result != 0 ? map->result : own->result;
  if (granted.result == 0 && own->external_address) {
    granted.external = {*own->external_address, map->external_port};
  }
  co_return granted;
}

Task<Granted> AskForMapping(Trial& trial, Subscriber& subscriber,
                            uint32_t lifetime) {
  Granted granted;
  const auto answer =
      co_await AskService(trial, subscriber, PcpMap(subscriber, lifetime),
                          [&subscriber](ByteView payload) {
                            return IsAnswerTo(subscriber, payload);
                          });
  if (!answer) {
    co_return granted;
  }
  const auto response = nat::ParsePcpResponse(answer->payload());
  if (response->version == 0) {
    co_return co_await AskNatPmp(trial, subscriber, lifetime);
  }
  granted.protocol = "PCP";
  granted.result = response->result;
  if (response->is_success() && response->mapping) {
    granted.external = response->mapping->external;
  }
  co_return granted;
}

/// Refusals that are about the moment, not about the service.
bool IsPassing(const Granted& granted) {
  const auto result = static_cast<nat::PcpResult>(granted.result);
  const bool is_pcp = granted.protocol == "PCP";
  return is_pcp ? result == nat::PcpResult::kNetworkFailure ||
                      result == nat::PcpResult::kNoResources ||
                      result == nat::PcpResult::kUserExceededQuota
                : granted.result == 3 || granted.result == 4;
}

}  // namespace

/// REQ-9.
Task<void> TestPortControl(Trial& trial, const Facts& /*facts*/) {
  constexpr std::string_view kId = "6888-9";
  const auto& server = trial.lab().site().pcp_server;
  if (!server) {
    trial.Conclude(kId, kInconclusive,
                   "where subscribers control mappings was not said "
                   "(--pcp-server)");
    co_return;
  }
  Subscriber subscriber;
  subscriber.asks = trial.Inside(IpProtocol::kUdp);
  subscriber.own = trial.Inside(IpProtocol::kUdp);
  subscriber.service = {*server, kPortControl};
  for (uint8_t& byte : subscriber.nonce) {
    byte = static_cast<uint8_t>(trial.lab().rng().NextU32());
  }
  const Granted granted = co_await AskForMapping(trial, subscriber, kLifetime);
  if (granted.protocol.empty()) {
    trial.Conclude(kId, kInconclusive,
                   server->ToString() +
                       " answers neither PCP nor NAT-PMP; packets do not show "
                       "whether there is another way");
    co_return;
  }
  if (!granted.external) {
    trial.Conclude(kId, IsPassing(granted) ? kInconclusive : kFail,
                   granted.protocol + " refused a mapping with result " +
                       std::to_string(granted.result));
    co_return;
  }
  // From an address that the subscriber has never sent to.
  const auto stranger = trial.Outside(IpProtocol::kUdp, 2);
  const bool came =
      co_await trial.In(*stranger, *granted.external, *subscriber.own);
  trial.Conclude(kId, came ? kPass : kFail,
                 granted.protocol + " gave " + granted.external->ToString() +
                     (came ? ", and what is sent there arrives"
                           : ", but what is sent there does not arrive"));
  co_await AskForMapping(trial, subscriber, 0);
}

/// REQ-6.
Task<void> TestExemption(Trial& trial, const Facts& /*facts*/) {
  constexpr std::string_view kId = "6888-6";
  const auto& exempt = trial.lab().site().exempt;
  if (!exempt) {
    trial.Conclude(kId, kInconclusive,
                   "no address was named that is exempt (--exempt)");
    co_return;
  }
  const auto own = trial.Inside(IpProtocol::kUdp);
  Socket target(trial, Side::kOutside, IpProtocol::kUdp,
                {*exempt, trial.lab().NextPort(Side::kOutside)});
  const auto seen = co_await trial.Out(*own, target);
  if (!seen) {
    trial.Conclude(kId, kInconclusive, "no datagram arrived there");
    co_return;
  }
  if (*seen != own->local()) {
    trial.Conclude(kId, kFail,
                   "translated to " + seen->ToString() +
                       " toward an address that should be exempt");
    co_return;
  }
  const bool answered = co_await trial.In(target, own->local(), *own);
  trial.Conclude(kId, answered ? kPass : kInconclusive,
                 answered ? "not translated, either way"
                          : "not translated on the way out, but the answer did "
                            "not arrive: is there a route back?");
}

}  // namespace natkit::natcheck::conformance
