#include "natkit/shell/upnp_device.h"

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpreplyparse.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <system_error>

#include "natkit/base/text.h"
#include "natkit/io/event_loop.h"
#include "natkit/shell/ssdp_search.h"

namespace natkit::shell {

namespace {

using nat::UpnpAction;
using nat::UpnpError;
using nat::UpnpRequest;
using nat::UpnpResult;

/// One look at one URL of several.
constexpr Duration kOneLook = std::chrono::seconds(3);

const char* ProtocolName(nat::MappedProtocol protocol) {
  return protocol == nat::MappedProtocol::kUdp ? "UDP" : "TCP";
}

/// The values of a SOAP answer, by name.
class SoapValues {
 public:
  explicit SoapValues(const std::string& body) {
    ParseNameValue(body.data(), static_cast<int>(body.size()), &data_);
  }

  ~SoapValues() { ClearNameValueList(&data_); }

  SoapValues(const SoapValues&) = delete;
  SoapValues& operator=(const SoapValues&) = delete;

  [[nodiscard]] std::string Find(const char* name) {
    const char* value = GetValueFromNameValueList(&data_, name);
    return value == nullptr ? "" : value;
  }

 private:
  NameValueParserData data_{};
};

/// `path` of a device's description: relative to what it calls its base if
/// that lies on the device itself, else to where the description was.
std::vector<HttpUrl> ControlUrls(const HttpUrl& location,
                                 const std::string& base,
                                 const std::string& path) {
  std::vector<HttpUrl> out;
  const auto consider = [&](const std::optional<HttpUrl>& from) {
    const auto url = from ? from->Join(path) : std::nullopt;
    if (url && url->host.address == location.host.address &&
        (out.empty() || out.front() != *url)) {
      out.push_back(*url);
    }
  };
  consider(HttpUrl::Parse(base));
  consider(location);
  return out;
}

std::string SoapRequest(const HttpUrl& control, const std::string& type,
                        std::string_view action, const std::string& arguments) {
  const std::string name(action);
  const std::string body =
      "<?xml version=\"1.0\"?>\r\n<s:Envelope "
      "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
      "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
      "<u:" +
      name + " xmlns:u=\"" + EscapeXml(type) + "\">" + arguments +
      "</u:" + name + "></s:Body></s:Envelope>\r\n";
  return "POST " + control.path +
         " HTTP/1.1\r\nHost: " + control.host.ToString() +
         "\r\nUser-Agent: natkit UPnP/1.1\r\nConnection: close\r\n"
         "Content-Type: text/xml; charset=\"utf-8\"\r\nSOAPAction: \"" +
         type + "#" + name +
         "\"\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

}  // namespace

UpnpResult UpnpDevice::Do(const UpnpRequest& request) {
  const Instant now = io::EventLoop::Now();
  if (request.action == UpnpAction::kDiscover) {
    return Discover(request, now + kDiscoveryLimit);
  }
  if (!found_ || found_->control.host.address != request.gateway) {
    return {.id = request.id, .error = UpnpError::kNoDevice};
  }
  const Instant deadline = now + kActionLimit;
  if (request.action == UpnpAction::kDeleteMapping) {
    return {.id = request.id, .error = Delete(request, deadline)};
  }
  UpnpResult result{.id = request.id, .error = Add(request, deadline)};
  if (result.error == UpnpError::kNone) {
    result.lease = AskLease(request, deadline);
  }
  return result;
}

UpnpResult UpnpDevice::Discover(const UpnpRequest& request, Instant deadline) {
  UpnpResult result{.id = request.id};
  // A known device need not be searched again while it answers.
  const bool is_still_there = found_ &&
                              found_->control.host.address == request.gateway &&
                              TryService(Service(*found_), deadline, result);
  if (is_still_there) {
    return result;
  }
  found_.reset();
  SsdpSearch search(
      {.gateway = request.gateway, .local = request.local, .fwmark = fwmark_},
      io::EventLoop::Now());
  while (const auto location = search.Next(stop_)) {
    if (TryDescription(*location, deadline, result)) {
      return result;
    }
  }
  result.error = UpnpError::kNoDevice;
  return result;
}

bool UpnpDevice::TryDescription(const HttpUrl& location, Instant deadline,
                                UpnpResult& result) {
  const auto reply = ExchangeHttp(
      {location.host, fwmark_},
      "GET " + location.path +
          " HTTP/1.1\r\nHost: " + location.host.ToString() +
          "\r\nUser-Agent: natkit UPnP/1.1\r\nConnection: close\r\n\r\n",
      std::min(deadline, io::EventLoop::Now() + kOneLook), stop_);
  if (!reply || reply->status != 200) {
    return false;
  }
  IGDdatas data{};
  parserootdesc(reply->body.data(), static_cast<int>(reply->body.size()),
                &data);
  for (const IGDdatas_service* service : {&data.first, &data.second}) {
    const std::string type = service->servicetype;
    if (type.empty() || type.find_first_of("\"\r\n") != std::string::npos) {
      continue;
    }
    for (const HttpUrl& control :
         ControlUrls(location, data.urlbase, service->controlurl)) {
      if (TryService({control, type}, deadline, result)) {
        return true;
      }
    }
  }
  return false;
}

/// A service that answers is taken, also one that is not connected now.
bool UpnpDevice::TryService(Service service, Instant deadline,
                            UpnpResult& result) {
  const Answer answer =
      Call(service, "GetExternalIPAddress", {},
           std::min(deadline, io::EventLoop::Now() + kOneLook));
  if (answer.error == UpnpError::kBroken) {
    return false;
  }
  const auto address =
      IpAddress::Parse(SoapValues(answer.body).Find("NewExternalIPAddress"));
  if (address && !address->is_unspecified()) {
    result.external_address = *address;
  }
  found_ = std::move(service);
  return true;
}

UpnpDevice::Answer UpnpDevice::AskEntry(const UpnpRequest& request,
                                        Instant deadline) const {
  return Call(*found_, "GetSpecificPortMappingEntry",
              {{"NewRemoteHost", ""},
               {"NewExternalPort", std::to_string(request.external_port)},
               {"NewProtocol", ProtocolName(request.protocol)}},
              deadline);
}

/// Some devices let one host take the mapping of another.
bool UpnpDevice::IsTaken(const UpnpRequest& request, Instant deadline) const {
  const Answer answer = AskEntry(request, deadline);
  if (answer.error != UpnpError::kNone) {
    return false;
  }
  SoapValues values(answer.body);
  const auto client = IpAddress::Parse(values.Find("NewInternalClient"));
  return client && (*client != request.local ||
                    values.Find("NewInternalPort") !=
                        std::to_string(request.internal_port));
}

UpnpError UpnpDevice::Add(const UpnpRequest& request, Instant deadline) const {
  if (IsTaken(request, deadline)) {
    return UpnpError::kConflict;
  }
  const auto lease =
      std::chrono::duration_cast<std::chrono::seconds>(request.lease).count();
  return Call(*found_, "AddPortMapping",
              {{"NewRemoteHost", ""},
               {"NewExternalPort", std::to_string(request.external_port)},
               {"NewProtocol", ProtocolName(request.protocol)},
               {"NewInternalPort", std::to_string(request.internal_port)},
               {"NewInternalClient", request.local.ToString()},
               {"NewEnabled", "1"},
               {"NewPortMappingDescription", request.description},
               {"NewLeaseDuration", std::to_string(lease)}},
              deadline)
      .error;
}

/// Devices may give less than they were asked for, without a word.
std::optional<Duration> UpnpDevice::AskLease(const UpnpRequest& request,
                                             Instant deadline) const {
  const Answer answer =
      AskEntry(request, std::min(deadline, io::EventLoop::Now() + kOneLook));
  const std::string text = SoapValues(answer.body).Find("NewLeaseDuration");
  uint32_t seconds = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (answer.error != UpnpError::kNone || error != std::errc() ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  return std::chrono::seconds(seconds);
}

UpnpError UpnpDevice::Delete(const UpnpRequest& request,
                             Instant deadline) const {
  return Call(*found_, "DeletePortMapping",
              {{"NewRemoteHost", ""},
               {"NewExternalPort", std::to_string(request.external_port)},
               {"NewProtocol", ProtocolName(request.protocol)}},
              deadline)
      .error;
}

UpnpDevice::Answer UpnpDevice::Call(const Service& service,
                                    std::string_view action,
                                    const Arguments& arguments,
                                    Instant deadline) const {
  std::string text;
  for (const auto& [name, value] : arguments) {
    const std::string tag(name);
    text += "<" + tag + ">" + EscapeXml(value) + "</" + tag + ">";
  }
  auto reply =
      ExchangeHttp({service.control.host, fwmark_},
                   SoapRequest(service.control, service.type, action, text),
                   deadline, stop_);
  if (!reply || (reply->status != 200 && reply->status != 500)) {
    return {.error = UpnpError::kBroken};
  }
  const std::string code = SoapValues(reply->body).Find("errorCode");
  const int error = std::atoi(code.c_str());
  if (error > 0) {
    return {.error = static_cast<UpnpError>(error)};
  }
  const bool is_success = reply->status == 200 && code.empty();
  return {.error = is_success ? UpnpError::kNone : UpnpError::kBroken,
          .body = std::move(reply->body)};
}

}  // namespace natkit::shell
