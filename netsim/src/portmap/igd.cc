#include "portmap/igd.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "natkit/base/encoding.h"
#include "natkit/netsim/packet.h"
#include "portmap/igd_description.h"

namespace natkit::netsim::portmap {
namespace {

using std::chrono::seconds;

constexpr uint32_t kMaxLease = 604800;  // seconds; a week
constexpr size_t kMaxDescription = 128;
constexpr std::string_view kXmlType = "text/xml; charset=\"utf-8\"";

std::string_view Describe(IgdError error) {
  switch (error) {
    case IgdError::kInvalidAction:
      return "Invalid Action";
    case IgdError::kInvalidArgs:
      return "Invalid Args";
    case IgdError::kActionFailed:
      return "Action Failed";
    case IgdError::kNotAuthorized:
      return "Action not authorized";
    case IgdError::kBadIndex:
      return "SpecifiedArrayIndexInvalid";
    case IgdError::kNoSuchEntry:
      return "NoSuchEntryInArray";
    case IgdError::kNoWildcardExternalPort:
      return "WildCardNotPermittedInExtPort";
    case IgdError::kConflict:
      return "ConflictInMappingEntry";
    case IgdError::kOnlyWildcardRemoteHost:
      return "RemoteHostOnlySupportsWildcard";
    case IgdError::kNoPortsLeft:
      return "NoPortMapsAvailable";
    case IgdError::kConflictWithOthers:
      return "ConflictWithOtherMechanisms";
    case IgdError::kNoWildcardInternalPort:
      return "WildCardNotPermittedInIntPort";
  }
  return "Action Failed";
}

template <class T>
std::optional<T> ReadNumber(const std::string* text) {
  T value = 0;
  if (text == nullptr || text->empty()) {
    return std::nullopt;
  }
  const char* end = text->data() + text->size();
  const auto [stop, failure] = std::from_chars(text->data(), end, value);
  return failure == std::errc{} && stop == end ? std::optional(value)
                                               : std::nullopt;
}

std::optional<uint8_t> ReadProtocol(const std::string* text) {
  if (text != nullptr && *text == "UDP") {
    return static_cast<uint8_t>(IpProtocol::kUdp);
  }
  if (text != nullptr && *text == "TCP") {
    return static_cast<uint8_t>(IpProtocol::kTcp);
  }
  return std::nullopt;
}

std::string ProtocolName(uint8_t protocol) {
  return protocol == static_cast<uint8_t>(IpProtocol::kTcp) ? "TCP" : "UDP";
}

std::string SecondsText(Duration duration) {
  return std::to_string(std::chrono::ceil<seconds>(duration).count());
}

/// The type and the action in `"urn:...:WANIPConnection:1#AddPortMapping"`.
std::pair<std::string_view, std::string_view> SplitSoapAction(
    std::string_view header) {
  if (header.size() >= 2 && header.front() == '"' && header.back() == '"') {
    header = header.substr(1, header.size() - 2);
  }
  const size_t hash = header.find('#');
  return hash == std::string_view::npos
             ? std::pair(header, std::string_view())
             : std::pair(header.substr(0, hash), header.substr(hash + 1));
}

/// Equal but for the version, which may be an older one.
bool IsServiceType(std::string_view type, std::string_view ours) {
  const size_t stem = ours.size() - 1;
  return type.size() == ours.size() &&
         type.substr(0, stem) == ours.substr(0, stem) && type[stem] >= '1' &&
         type[stem] <= ours[stem];
}

IgdError FromError(LeaseError error) {
  switch (error) {
    case LeaseError::kTaken:
      return IgdError::kConflictWithOthers;
    case LeaseError::kNotYours:
      return IgdError::kNotAuthorized;
    case LeaseError::kQuota:
    case LeaseError::kNoResources:
      return IgdError::kNoPortsLeft;
    case LeaseError::kBadValue:
      break;
  }
  return IgdError::kInvalidArgs;
}

std::vector<uint8_t> Fault(IgdError error) {
  return MakeHttpResponse(
      "500 Internal Server Error", kXmlType,
      MakeSoapFault(static_cast<int>(error), Describe(error)));
}

}  // namespace

struct Igd::Call {
  Instant now;
  IpAddress client;
  std::string_view service;  ///< the type, of ours
  SoapCall soap;

  [[nodiscard]] const std::string* Find(const std::string& name) const {
    return soap.Find(name);
  }
};

struct Igd::Action {
  std::string_view service;
  std::string_view name;
  Outcome (Igd::*perform)(const Call&);
};

struct Igd::MappingArguments {
  uint8_t protocol = 0;
  uint16_t external_port = 0;
  Endpoint inside;
  std::string description;
  Duration lifetime{};
};

std::string IgdUuid(const IpAddress& server) {
  std::array<uint8_t, 6> node{};
  const ByteView bytes = server.bytes().last(4);
  std::ranges::copy(bytes, node.begin());
  return "uuid:6e61746b-6974-4e65-8000-" + ToHex(node);
}

std::vector<uint8_t> Igd::Answer(Instant now, const IpAddress& client,
                                 const IpAddress& server,
                                 const HttpRequest& request) {
  if (request.method == "POST" && (request.target == kControlPathIp ||
                                   request.target == kControlPathCommon)) {
    return Control(now, client, request);
  }
  if (request.method != "GET") {
    return MakeHttpResponse("405 Method Not Allowed", "text/plain", "");
  }
  const auto document = IgdDocument(request.target, server);
  return document ? MakeHttpResponse("200 OK", kXmlType, *document)
                  : MakeHttpResponse("404 Not Found", "text/plain", "");
}

std::vector<uint8_t> Igd::Control(Instant now, const IpAddress& client,
                                  const HttpRequest& request) {
  const auto [type, action] = SplitSoapAction(request.Header("soapaction"));
  auto soap = ReadSoapCall(request.body);
  if (!soap) {
    return Fault(IgdError::kInvalidArgs);
  }
  const std::string_view ours = request.target == kControlPathIp
                                    ? kWanIpConnection
                                    : kWanCommonInterfaceConfig;
  if (!IsServiceType(type, ours) || soap->action != action) {
    return Fault(IgdError::kInvalidAction);
  }
  const Call call = {now, client, ours, *std::move(soap)};
  const Outcome outcome = Perform(call);
  if (!outcome) {
    return Fault(outcome.error());
  }
  return MakeHttpResponse("200 OK", kXmlType,
                          MakeSoapResponse(type, call.soap.action, *outcome));
}

Igd::Outcome Igd::Perform(const Call& call) {
  static constexpr std::array<Action, 10> kActions = {{
      {kWanIpConnection, "AddPortMapping", &Igd::AddPortMapping},
      {kWanIpConnection, "AddAnyPortMapping", &Igd::AddAnyPortMapping},
      {kWanIpConnection, "DeletePortMapping", &Igd::DeletePortMapping},
      {kWanIpConnection, "GetExternalIPAddress", &Igd::GetExternalIpAddress},
      {kWanIpConnection, "GetSpecificPortMappingEntry", &Igd::GetSpecificEntry},
      {kWanIpConnection, "GetGenericPortMappingEntry", &Igd::GetGenericEntry},
      {kWanIpConnection, "GetStatusInfo", &Igd::GetStatusInfo},
      {kWanIpConnection, "GetConnectionTypeInfo", &Igd::GetConnectionTypeInfo},
      {kWanIpConnection, "GetNATRSIPStatus", &Igd::GetNatRsipStatus},
      {kWanCommonInterfaceConfig, "GetCommonLinkProperties",
       &Igd::GetCommonLinkProperties},
  }};
  for (const Action& action : kActions) {
    if (action.service == call.service && action.name == call.soap.action) {
      return (this->*action.perform)(call);
    }
  }
  return std::unexpected(IgdError::kInvalidAction);
}

std::expected<Igd::MappingArguments, IgdError> Igd::ReadMapping(
    const Call& call) {
  const std::string* remote = call.Find("NewRemoteHost");
  const std::string* client = call.Find("NewInternalClient");
  const std::string* description = call.Find("NewPortMappingDescription");
  const auto protocol = ReadProtocol(call.Find("NewProtocol"));
  const auto external = ReadNumber<uint16_t>(call.Find("NewExternalPort"));
  const auto internal = ReadNumber<uint16_t>(call.Find("NewInternalPort"));
  const auto enabled = ReadNumber<uint8_t>(call.Find("NewEnabled"));
  const auto lease = ReadNumber<uint32_t>(call.Find("NewLeaseDuration"));
  const auto address =
      client != nullptr ? IpAddress::Parse(*client) : Fail(Errc::kNotFound);
  if (!protocol || !external || !internal || !enabled || *enabled > 1 ||
      !lease || !address || description == nullptr) {
    return std::unexpected(IgdError::kInvalidArgs);
  }
  if (remote != nullptr && !remote->empty()) {
    return std::unexpected(IgdError::kOnlyWildcardRemoteHost);
  }
  if (*internal == 0) {
    return std::unexpected(IgdError::kNoWildcardInternalPort);
  }
  if (*address != call.client) {
    return std::unexpected(IgdError::kNotAuthorized);
  }
  if (*enabled == 0) {
    return std::unexpected(IgdError::kActionFailed);
  }
  const uint32_t length = *lease == 0 ? kMaxLease : std::min(*lease, kMaxLease);
  return MappingArguments{
      .protocol = *protocol,
      .external_port = *external,
      .inside = {*address, *internal},
      .description = description->substr(0, kMaxDescription),
      .lifetime = seconds(length)};
}

std::expected<Lease, IgdError> Igd::Map(const Call& call,
                                        const MappingArguments& arguments,
                                        bool must_be_suggested) {
  if (must_be_suggested) {
    const Lease* taken = leases_.FindByPort(call.now, arguments.protocol,
                                            arguments.external_port);
    if (taken != nullptr && taken->inside.address != call.client) {
      return std::unexpected(IgdError::kConflict);
    }
    // A host may point its own mapping at another of its ports.
    if (taken != nullptr && taken->inside != arguments.inside &&
        taken->requester != Requester::kPcp) {
      leases_.Remove(call.now, LeaseKey(taken->key));
    }
  }
  auto lease = leases_.Add(
      call.now, {.forward = {.protocol = arguments.protocol,
                             .inside = arguments.inside,
                             .suggested_port = arguments.external_port,
                             .must_be_suggested = must_be_suggested,
                             .lifetime = arguments.lifetime},
                 .requester = Requester::kUpnp,
                 .description = arguments.description});
  if (!lease) {
    return std::unexpected(FromError(lease.error()));
  }
  return *std::move(lease);
}

Igd::Outcome Igd::AddPortMapping(const Call& call) {
  const auto arguments = ReadMapping(call);
  if (!arguments) {
    return std::unexpected(arguments.error());
  }
  if (arguments->external_port == 0) {
    return std::unexpected(IgdError::kNoWildcardExternalPort);
  }
  const auto lease = Map(call, *arguments, true);
  if (!lease) {
    return std::unexpected(lease.error());
  }
  return SoapValues{};
}

Igd::Outcome Igd::AddAnyPortMapping(const Call& call) {
  const auto arguments = ReadMapping(call);
  if (!arguments) {
    return std::unexpected(arguments.error());
  }
  const auto lease = Map(call, *arguments, false);
  if (!lease) {
    return std::unexpected(lease.error());
  }
  return SoapValues{
      {"NewReservedPort", std::to_string(lease->key.external.port)}};
}

Igd::Outcome Igd::DeletePortMapping(const Call& call) {
  const auto protocol = ReadProtocol(call.Find("NewProtocol"));
  const auto port = ReadNumber<uint16_t>(call.Find("NewExternalPort"));
  if (!protocol || !port) {
    return std::unexpected(IgdError::kInvalidArgs);
  }
  const Lease* lease = leases_.FindByPort(call.now, *protocol, *port);
  if (lease == nullptr) {
    return std::unexpected(IgdError::kNoSuchEntry);
  }
  if (lease->inside.address != call.client ||
      lease->requester == Requester::kPcp) {
    return std::unexpected(IgdError::kNotAuthorized);
  }
  leases_.Remove(call.now, LeaseKey(lease->key));
  return SoapValues{};
}

Igd::Outcome Igd::GetExternalIpAddress(const Call& /*call*/) {
  return SoapValues{{"NewExternalIPAddress",
                     leases_.control().external_address().ToString()}};
}

Igd::Outcome Igd::GetSpecificEntry(const Call& call) {
  const auto protocol = ReadProtocol(call.Find("NewProtocol"));
  const auto port = ReadNumber<uint16_t>(call.Find("NewExternalPort"));
  if (!protocol || !port) {
    return std::unexpected(IgdError::kInvalidArgs);
  }
  const Lease* lease = leases_.FindByPort(call.now, *protocol, *port);
  if (lease == nullptr) {
    return std::unexpected(IgdError::kNoSuchEntry);
  }
  return SoapValues{
      {"NewInternalPort", std::to_string(lease->inside.port)},
      {"NewInternalClient", lease->inside.address.ToString()},
      {"NewEnabled", "1"},
      {"NewPortMappingDescription", lease->description},
      {"NewLeaseDuration", SecondsText(lease->remaining(call.now))}};
}

Igd::Outcome Igd::GetGenericEntry(const Call& call) {
  const auto index = ReadNumber<uint32_t>(call.Find("NewPortMappingIndex"));
  if (!index) {
    return std::unexpected(IgdError::kInvalidArgs);
  }
  const Lease* lease = leases_.At(call.now, *index);
  if (lease == nullptr) {
    return std::unexpected(IgdError::kBadIndex);
  }
  return SoapValues{
      {"NewRemoteHost", ""},
      {"NewExternalPort", std::to_string(lease->key.external.port)},
      {"NewProtocol", ProtocolName(lease->key.protocol)},
      {"NewInternalPort", std::to_string(lease->inside.port)},
      {"NewInternalClient", lease->inside.address.ToString()},
      {"NewEnabled", "1"},
      {"NewPortMappingDescription", lease->description},
      {"NewLeaseDuration", SecondsText(lease->remaining(call.now))}};
}

Igd::Outcome Igd::GetStatusInfo(const Call& call) {
  return SoapValues{
      {"NewConnectionStatus", "Connected"},
      {"NewLastConnectionError", "ERROR_NONE"},
      {"NewUptime",
       std::to_string(std::chrono::duration_cast<seconds>(call.now - boot_time_)
                          .count())}};
}

Igd::Outcome Igd::GetConnectionTypeInfo(const Call& /*call*/) {
  return SoapValues{{"NewConnectionType", "IP_Routed"},
                    {"NewPossibleConnectionTypes", "IP_Routed"}};
}

Igd::Outcome Igd::GetNatRsipStatus(const Call& /*call*/) {
  return SoapValues{{"NewRSIPAvailable", "0"}, {"NewNATEnabled", "1"}};
}

Igd::Outcome Igd::GetCommonLinkProperties(const Call& /*call*/) {
  return SoapValues{{"NewWANAccessType", "Ethernet"},
                    {"NewLayer1UpstreamMaxBitRate", "1000000000"},
                    {"NewLayer1DownstreamMaxBitRate", "1000000000"},
                    {"NewPhysicalLinkStatus", "Up"}};
}

}  // namespace natkit::netsim::portmap
