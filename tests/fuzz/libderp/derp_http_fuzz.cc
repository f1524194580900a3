// A head is found however the stream is split, and what parses rebuilds to a
// head that parses to the same request or response.

#include <algorithm>
#include <cstdint>
#include <string>

#include "natkit/base/check.h"
#include "natkit/derp/http.h"

using namespace natkit;
using namespace natkit::derp;

namespace {

struct Found {
  std::optional<std::string> head;
  size_t consumed = 0;
  bool failed = false;
  bool operator==(const Found&) const = default;
};

Found FindHead(ByteView stream, size_t piece) {
  Found found;
  HttpHeadReader reader;
  while (found.consumed < stream.size()) {
    const ByteView rest = stream.subspan(found.consumed);
    ByteView input = rest.first(std::min(piece, rest.size()));
    const size_t offered = input.size();
    const auto head = reader.Next(input);
    if (!head) {
      return {.failed = true};
    }
    found.consumed += offered - input.size();
    if (*head) {
      found.head = std::string(**head);
      return found;
    }
  }
  return found;
}

std::string FieldLines(const HttpHeaders& headers) {
  std::string text;
  for (const auto& [name, value] : headers.all()) {
    text += name + ": " + value + "\r\n";
  }
  return text + "\r\n";
}

void CheckRequest(const std::string& head) {
  const auto request = ParseHttpRequest(head);
  if (!request) {
    return;
  }
  const auto again =
      ParseHttpRequest(request->method + " " + request->target + " HTTP/1." +
                       std::to_string(request->minor_version) + "\r\n" +
                       FieldLines(request->headers));
  NATKIT_CHECK(again && again->method == request->method &&
               again->target == request->target &&
               again->headers.all() == request->headers.all() &&
               again->keeps_alive() == request->keeps_alive() &&
               ClassifyUpgrade(*again) == ClassifyUpgrade(*request));
  for (const HttpResponse& response :
       {RespondToRequest(*request, {}), RespondOnPlainPort(*request)}) {
    const std::string text = SerializeResponse(response, "HEAD");
    const auto parsed = ParseHttpResponse(text);
    NATKIT_CHECK(parsed && parsed->status == response.status);
    NATKIT_CHECK(std::ranges::count(text, '\n') ==
                 std::ranges::count(text, '\r'));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView stream{data, size};
  const Found whole = FindHead(stream, size + 1);
  NATKIT_CHECK(FindHead(stream, 1) == whole);
  NATKIT_CHECK(FindHead(stream, 5) == whole);
  if (!whole.head) {
    return 0;
  }
  CheckRequest(*whole.head);
  if (const auto response = ParseHttpResponse(*whole.head)) {
    const auto again =
        ParseHttpResponse("HTTP/1.1 " + std::to_string(response->status) +
                          " x\r\n" + FieldLines(response->headers));
    NATKIT_CHECK(again && again->status == response->status &&
                 again->headers.all() == response->headers.all());
  }
  return 0;
}
