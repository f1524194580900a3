#include "natkit/shell/upnp_device.h"

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

namespace natkit::shell {

namespace {

using nat::UpnpAction;
using nat::UpnpError;
using nat::UpnpRequest;
using nat::UpnpResult;

/// Per kind of device; the first is the one that nearly all answer to.
constexpr int kSearchMs = 1000;
constexpr std::array<const char*, 4> kDevices = {
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:service:WANPPPConnection:1", nullptr};
constexpr unsigned char kSsdpTtl = 2;

/// miniupnpc's own codes are negative.
UpnpError ErrorOf(int code) {
  return code < 0 ? UpnpError::kBroken : static_cast<UpnpError>(code);
}

const char* ProtocolName(nat::MappedProtocol protocol) {
  return protocol == nat::MappedProtocol::kUdp ? "UDP" : "TCP";
}

/// "http://192.168.1.1:5000/desc.xml" with the host 192.168.1.1.
bool IsOnHost(const std::string& url, const IpAddress& host) {
  const std::string start =
      "http://" +
      (host.is_v4() ? host.ToString() : "[" + host.ToString() + "]");
  if (!url.starts_with(start) || url.size() == start.size()) {
    return false;
  }
  return url[start.size()] == ':' || url[start.size()] == '/';
}

struct DeviceListDeleter {
  void operator()(UPNPDev* list) const { freeUPNPDevlist(list); }
};

using DeviceList = std::unique_ptr<UPNPDev, DeviceListDeleter>;

}  // namespace

struct UpnpDevice::Found {
  UPNPUrls urls{};
  IGDdatas data{};

  Found() = default;
  Found(const Found&) = delete;
  Found& operator=(const Found&) = delete;

  ~Found() { FreeUPNPUrls(&urls); }
};

UpnpDevice::UpnpDevice() = default;
UpnpDevice::~UpnpDevice() = default;

UpnpResult UpnpDevice::Do(const UpnpRequest& request) {
  if (request.action == UpnpAction::kDiscover) {
    return Discover(request);
  }
  if (!found_) {
    return {.id = request.id, .error = UpnpError::kNoDevice};
  }
  const bool is_addition = request.action == UpnpAction::kAddMapping;
  return {.id = request.id,
          .error = is_addition ? Add(request) : Delete(request)};
}

UpnpResult UpnpDevice::Discover(const UpnpRequest& request) {
  UpnpResult result{.id = request.id, .error = UpnpError::kNoDevice};
  int error = 0;
  const DeviceList list(upnpDiscoverDevices(
      kDevices.data(), kSearchMs, request.local.ToString().c_str(), nullptr, 0,
      0, kSsdpTtl, &error, 0));
  found_.reset();
  for (const UPNPDev* device = list.get(); device != nullptr && !found_;
       device = device->pNext) {
    auto candidate = std::make_unique<Found>();
    std::array<char, 64> lan{};
    if (IsOnHost(device->descURL, request.gateway) &&
        UPNP_GetIGDFromUrl(device->descURL, &candidate->urls, &candidate->data,
                           lan.data(), static_cast<int>(lan.size())) == 1 &&
        IsOnHost(candidate->urls.controlURL, request.gateway)) {
      found_ = std::move(candidate);
    }
  }
  if (!found_) {
    return result;
  }
  result.error = UpnpError::kNone;
  std::array<char, 40> text{};
  if (UPNP_GetExternalIPAddress(found_->urls.controlURL,
                                found_->data.first.servicetype,
                                text.data()) == UPNPCOMMAND_SUCCESS) {
    const auto address = IpAddress::Parse(text.data());
    if (address && !address->is_unspecified()) {
      result.external_address = *address;
    }
  }
  return result;
}

UpnpError UpnpDevice::Add(const UpnpRequest& request) const {
  const auto lease =
      std::chrono::duration_cast<std::chrono::seconds>(request.lease).count();
  return ErrorOf(UPNP_AddPortMapping(
      found_->urls.controlURL, found_->data.first.servicetype,
      std::to_string(request.external_port).c_str(),
      std::to_string(request.internal_port).c_str(),
      request.local.ToString().c_str(), request.description.c_str(),
      ProtocolName(request.protocol), nullptr, std::to_string(lease).c_str()));
}

UpnpError UpnpDevice::Delete(const UpnpRequest& request) const {
  return ErrorOf(UPNP_DeletePortMapping(
      found_->urls.controlURL, found_->data.first.servicetype,
      std::to_string(request.external_port).c_str(),
      ProtocolName(request.protocol), nullptr));
}

}  // namespace natkit::shell
