#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"

namespace natkit::netsim::portmap {

/// One HTTP request, or an SSDP one, which has the same form. It views the
/// bytes it was read from.
struct HttpRequest {
  std::string_view method;
  std::string_view target;
  /// Names in lower case; values without white space around them. Of several
  /// with one name the first.
  std::map<std::string, std::string_view> headers;
  std::string_view body;

  /// Empty if there is none. `name` is in lower case.
  [[nodiscard]] std::string_view Header(const std::string& name) const;
};

enum class HttpStatus : uint8_t {
  kComplete,
  kIncomplete,  ///< so far a request
  kBad,         ///< never one, or of a kind we do not read
};

/// Reads a request whose body, if any, has a Content-Length (RFC 9112); no
/// chunks. `out` is set if complete.
[[nodiscard]] HttpStatus ReadHttpRequest(std::string_view bytes,
                                         HttpRequest& out);

/// A response that closes the connection; `status` is e.g. "200 OK".
[[nodiscard]] std::vector<uint8_t> MakeHttpResponse(std::string_view status,
                                                    std::string_view type,
                                                    std::string_view body);

}  // namespace natkit::netsim::portmap
