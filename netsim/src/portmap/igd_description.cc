#include "portmap/igd_description.h"

#include <initializer_list>

#include "portmap/igd.h"

namespace natkit::netsim::portmap {
namespace {

constexpr std::string_view kXml = "<?xml version=\"1.0\"?>\r\n";
constexpr std::string_view kServicePathIp = "/WANIPCn.xml";
constexpr std::string_view kServicePathCommon = "/WANCfg.xml";

std::string Element(std::string_view name, std::string_view content) {
  std::string out = "<";
  out += name;
  out += '>';
  out += content;
  out += "</";
  out += name;
  out += '>';
  return out;
}

std::string Service(std::string_view type, std::string_view id,
                    std::string_view control, std::string_view document) {
  std::string service_id = "urn:upnp-org:serviceId:";
  service_id += id;
  return Element("service", Element("serviceType", type) +
                                Element("serviceId", service_id) +
                                Element("SCPDURL", document) +
                                Element("controlURL", control) +
                                Element("eventSubURL", ""));
}

/// `index` tells the three devices' UUIDs apart.
std::string Device(std::string_view type, const IpAddress& server, int index,
                   std::string_view content) {
  std::string uuid = IgdUuid(server);
  uuid.back() = static_cast<char>('0' + index);
  return Element("device",
                 Element("deviceType", type) +
                     Element("friendlyName", "natkit netsim gateway") +
                     Element("manufacturer", "natkit") +
                     Element("modelName", "netsim") + Element("UDN", uuid) +
                     std::string(content));
}

std::string RootDescription(const IpAddress& server) {
  const std::string connection =
      Device("urn:schemas-upnp-org:device:WANConnectionDevice:2", server, 2,
             Element("serviceList", Service(kWanIpConnection, "WANIPConn1",
                                            kControlPathIp, kServicePathIp)));
  const std::string wan = Device(
      "urn:schemas-upnp-org:device:WANDevice:2", server, 1,
      Element("serviceList", Service(kWanCommonInterfaceConfig, "WANCommonIFC1",
                                     kControlPathCommon, kServicePathCommon)) +
          Element("deviceList", connection));
  const std::string root =
      Device("urn:schemas-upnp-org:device:InternetGatewayDevice:2", server, 0,
             Element("deviceList", wan));
  return std::string(kXml) +
         "<root xmlns=\"urn:schemas-upnp-org:device-1-0\">" +
         Element("specVersion", Element("major", "1") + Element("minor", "1")) +
         root + "</root>\r\n";
}

/// What a service can do: the names of its actions. Arguments are the
/// standard's, and no client we know reads them from here.
std::string ServiceDescription(
    std::initializer_list<std::string_view> actions) {
  std::string list;
  for (const std::string_view action : actions) {
    list += Element("action", Element("name", action));
  }
  return std::string(kXml) +
         "<scpd xmlns=\"urn:schemas-upnp-org:service-1-0\">" +
         Element("specVersion", Element("major", "1") + Element("minor", "0")) +
         Element("actionList", list) + "</scpd>\r\n";
}

}  // namespace

std::optional<std::string> IgdDocument(std::string_view path,
                                       const IpAddress& server) {
  if (path == kIgdDescriptionPath) {
    return RootDescription(server);
  }
  if (path == kServicePathIp) {
    return ServiceDescription({"AddPortMapping", "AddAnyPortMapping",
                               "DeletePortMapping", "GetExternalIPAddress",
                               "GetSpecificPortMappingEntry",
                               "GetGenericPortMappingEntry", "GetStatusInfo",
                               "GetConnectionTypeInfo", "GetNATRSIPStatus"});
  }
  if (path == kServicePathCommon) {
    return ServiceDescription({"GetCommonLinkProperties"});
  }
  return std::nullopt;
}

}  // namespace natkit::netsim::portmap
