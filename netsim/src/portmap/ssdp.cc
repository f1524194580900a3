#include "portmap/ssdp.h"

#include <array>

#include "portmap/http.h"
#include "portmap/igd.h"
#include "portmap/igd_description.h"

namespace natkit::netsim::portmap {
namespace {

/// Targets that may be searched for, each with the highest version we are.
constexpr std::array<std::string_view, 6> kTargets = {
    "upnp:rootdevice",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:device:WANDevice:2",
    "urn:schemas-upnp-org:device:WANConnectionDevice:2",
    kWanIpConnection,
    kWanCommonInterfaceConfig,
};

/// Section 1.3.3: a search for an older version is answered as that version.
bool Fits(std::string_view searched, std::string_view ours) {
  if (searched == ours) {
    return true;
  }
  const size_t stem = ours.size() - 1;
  return ours.starts_with("urn:") && searched.size() == ours.size() &&
         searched.substr(0, stem) == ours.substr(0, stem) &&
         searched[stem] >= '1' && searched[stem] <= ours[stem];
}

std::vector<uint8_t> MakeAnswer(std::string_view target, const Endpoint& http,
                                uint32_t boot_id) {
  const std::string uuid = IgdUuid(http.address);
  std::string usn = uuid;
  if (target != uuid) {
    usn += "::";
    usn += target;
  }
  std::string text =
      "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: "
      "http://" +
      http.ToString();
  text += kIgdDescriptionPath;
  text += "\r\nSERVER: natkit/1 UPnP/1.1 netsim/1\r\nST: ";
  text += target;
  text += "\r\nUSN: " + usn;
  text += "\r\nBOOTID.UPNP.ORG: " + std::to_string(boot_id);
  text += "\r\nCONFIGID.UPNP.ORG: 1\r\n\r\n";
  return {text.begin(), text.end()};
}

}  // namespace

std::vector<std::vector<uint8_t>> AnswerSearch(std::string_view datagram,
                                               const Endpoint& http,
                                               uint32_t boot_id) {
  HttpRequest request;
  if (ReadHttpRequest(datagram, request) != HttpStatus::kComplete ||
      request.method != "M-SEARCH" || request.target != "*" ||
      request.Header("man") != "\"ssdp:discover\"") {
    return {};
  }
  const std::string_view searched = request.Header("st");
  const bool is_all = searched == "ssdp:all";
  const std::string uuid = IgdUuid(http.address);
  std::vector<std::vector<uint8_t>> out;
  for (const std::string_view ours : kTargets) {
    if (is_all || Fits(searched, ours)) {
      out.push_back(MakeAnswer(is_all ? ours : searched, http, boot_id));
    }
  }
  if (is_all || searched == uuid) {
    out.push_back(MakeAnswer(uuid, http, boot_id));
  }
  return out;
}

}  // namespace natkit::netsim::portmap
