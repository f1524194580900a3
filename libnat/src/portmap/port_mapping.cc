#include "natkit/nat/port_mapping.h"

namespace natkit::nat {

std::string_view PortMappingServiceName(PortMappingService service) {
  switch (service) {
    case PortMappingService::kPcp:
      return "PCP";
    case PortMappingService::kNatPmp:
      return "NAT-PMP";
    case PortMappingService::kUpnp:
      return "UPnP";
  }
  return "";
}

std::string_view DescribePortMappingError(PortMappingError error) {
  switch (error) {
    case PortMappingError::kNoAnswer:
      return "the router does not answer port mapping requests";
    case PortMappingError::kUnsupportedVersion:
      return "the router speaks another version of the protocol";
    case PortMappingError::kUnsupported:
      return "the router cannot do this kind of mapping";
    case PortMappingError::kRefused:
      return "the router refuses port mappings for this host";
    case PortMappingError::kNoExternalAddress:
      return "the router has no external address itself";
    case PortMappingError::kNoResources:
      return "the router has no port or memory left";
    case PortMappingError::kQuotaExceeded:
      return "this host has as many mappings as the router allows";
    case PortMappingError::kConflict:
      return "the external port belongs to another host";
    case PortMappingError::kAddressMismatch:
      return "another NAT stands between this host and the router";
    case PortMappingError::kProtocol:
      return "the router's answer makes no sense";
    case PortMappingError::kExpired:
      return "the mapping ended and the router did not renew it";
  }
  return "";
}

std::string_view PortMappingErrorName(PortMappingError error) {
  switch (error) {
    case PortMappingError::kNoAnswer:
      return "no-answer";
    case PortMappingError::kUnsupportedVersion:
      return "unsupported-version";
    case PortMappingError::kUnsupported:
      return "unsupported";
    case PortMappingError::kRefused:
      return "refused";
    case PortMappingError::kNoExternalAddress:
      return "no-external-address";
    case PortMappingError::kNoResources:
      return "no-resources";
    case PortMappingError::kQuotaExceeded:
      return "quota-exceeded";
    case PortMappingError::kConflict:
      return "conflict";
    case PortMappingError::kAddressMismatch:
      return "address-mismatch";
    case PortMappingError::kProtocol:
      return "protocol";
    case PortMappingError::kExpired:
      return "expired";
  }
  return "";
}

}  // namespace natkit::nat
