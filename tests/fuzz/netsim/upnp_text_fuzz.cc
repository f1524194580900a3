#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/text.h"
#include "portmap/http.h"
#include "portmap/soap.h"
#include "portmap/ssdp.h"

namespace {

using natkit::Endpoint;
using natkit::IpAddress;
using natkit::netsim::portmap::HttpRequest;
using natkit::netsim::portmap::HttpStatus;
using natkit::netsim::portmap::ReadHttpRequest;
using natkit::netsim::portmap::ReadSoapCall;
using natkit::netsim::portmap::SoapCall;

bool IsInside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() &&
          part.data() + part.size() <= whole.data() + whole.size());
}

/// A complete request views the bytes, and no part of it is complete before.
void CheckHttp(std::string_view text) {
  HttpRequest request;
  if (ReadHttpRequest(text, request) != HttpStatus::kComplete) {
    return;
  }
  NATKIT_CHECK(IsInside(request.method, text));
  NATKIT_CHECK(IsInside(request.target, text));
  NATKIT_CHECK(IsInside(request.body, text));
  for (const auto& [name, value] : request.headers) {
    NATKIT_CHECK(!name.empty() && IsInside(value, text));
  }
  HttpRequest again;
  const size_t size =
      request.body.empty()
          ? text.find("\r\n\r\n") + 4
          : static_cast<size_t>(request.body.data() + request.body.size() -
                                text.data());
  NATKIT_CHECK(ReadHttpRequest(text.substr(0, size), again) ==
               HttpStatus::kComplete);
  NATKIT_CHECK(again.body == request.body);
  NATKIT_CHECK(ReadHttpRequest(text.substr(0, size - 1), again) !=
               HttpStatus::kComplete);
}

/// XML can hold it as it is.
bool IsPlain(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      return false;
    }
  }
  return natkit::EscapeXml(text).find(natkit::kReplacementCharacter) ==
         std::string::npos;
}

/// What was read, written down again, reads the same.
void CheckSoap(std::string_view text) {
  const auto call = ReadSoapCall(text);
  if (!call) {
    return;
  }
  std::string xml = "<Envelope><Body><" + call->action + ">";
  for (const auto& [name, value] : call->arguments) {
    if (!IsPlain(value)) {
      return;
    }
    xml += "<" + name + ">" + natkit::EscapeXml(value) + "</" + name + ">";
  }
  xml += "</" + call->action + "></Body></Envelope>";
  const auto again = ReadSoapCall(xml);
  NATKIT_CHECK(again && again->action == call->action);
  NATKIT_CHECK(again->arguments == call->arguments);
}

void CheckSsdp(std::string_view text) {
  const Endpoint http{IpAddress::V4(192, 168, 1, 1), 5000};
  for (const auto& answer :
       natkit::netsim::portmap::AnswerSearch(text, http, 1)) {
    const std::string_view view = natkit::AsText(answer);
    NATKIT_CHECK(view.starts_with("HTTP/1.1 200 OK\r\n"));
    NATKIT_CHECK(view.find("\r\n\r\n") == view.size() - 4);
    NATKIT_CHECK(view.size() < 600);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = natkit::AsText(natkit::ByteView(data, size));
  CheckHttp(text);
  CheckSoap(text);
  CheckSsdp(text);
  return 0;
}
