// Requests are the same however the stream is split, none is larger than its
// limit, and one that is written anew is read as the same; a route that matches
// has all of its path's parameters.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/http_requests.h"
#include "api/routes.h"
#include "natkit/base/check.h"

using namespace natkit;
using namespace natkit::coordd;

namespace {

constexpr size_t kMaxBody = 64;

struct Found {
  std::vector<WholeRequest> requests;
  std::optional<HttpFault> fault;
};

Found ReadAll(ByteView stream, size_t piece) {
  Found found;
  HttpRequestReader reader([](const derp::HttpRequest&) { return kMaxBody; });
  while (!stream.empty() && !found.fault) {
    ByteView input = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(input.size());
    while (!input.empty() && !found.fault) {
      auto request = reader.Next(input);
      if (!request) {
        found.fault = request.error();
      } else if (*request) {
        NATKIT_CHECK((*request)->body.size() <= kMaxBody);
        found.requests.push_back(**std::move(request));
      } else {
        NATKIT_CHECK(input.empty());
      }
    }
  }
  return found;
}

std::string Write(const WholeRequest& request) {
  std::string text = request.head.method + " " + request.head.target +
                     " HTTP/1." + std::to_string(request.head.minor_version) +
                     "\r\n";
  for (const auto& [name, value] : request.head.headers.all()) {
    text += name + ": " + value + "\r\n";
  }
  return text + "\r\n" + request.body;
}

bool IsSame(const WholeRequest& a, const WholeRequest& b) {
  return a.head.method == b.head.method && a.head.target == b.head.target &&
         a.head.minor_version == b.head.minor_version &&
         a.head.headers.all() == b.head.headers.all() && a.body == b.body;
}

void CheckRoute(const WholeRequest& request) {
  const auto match = MatchRoute(request.head.method, request.head.target);
  if (!match) {
    NATKIT_CHECK(match.error().status >= 400 && match.error().status < 500);
    return;
  }
  NATKIT_CHECK(match->route->method == request.head.method);
  const auto parameters = std::ranges::count(match->route->path, '{');
  NATKIT_CHECK(match->arguments.size() >= static_cast<size_t>(parameters));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView stream(data, size);
  const Found whole = ReadAll(stream, size);
  for (const size_t piece : {size_t{1}, size_t{7}}) {
    const Found split = ReadAll(stream, piece);
    NATKIT_CHECK(split.fault == whole.fault);
    NATKIT_CHECK(std::ranges::equal(split.requests, whole.requests, &IsSame));
  }
  for (const WholeRequest& request : whole.requests) {
    const std::string text = Write(request);
    if (text.size() <= derp::kMaxHttpHead) {
      const Found again = ReadAll(AsBytes(text), text.size());
      NATKIT_CHECK(again.requests.size() == 1 &&
                   IsSame(again.requests.front(), request));
    }
    CheckRoute(request);
  }
  return 0;
}
