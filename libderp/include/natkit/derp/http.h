#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"

// The little HTTP/1.1 that a relay speaks: heads only, no bodies in requests.

namespace natkit::derp {

/// The largest request or response head, in bytes, and its most header fields.
inline constexpr size_t kMaxHttpHead = 16 * 1024;
inline constexpr size_t kMaxHttpHeaders = 100;

/// Header fields in the order they came; names compare in any case.
class HttpHeaders {
 public:
  void Add(std::string name, std::string value);
  /// The first field with this name.
  [[nodiscard]] std::optional<std::string_view> Find(
      std::string_view name) const;
  /// True if a comma-separated token of any field of this name equals `token`
  /// in any case.
  [[nodiscard]] bool HasToken(std::string_view name,
                              std::string_view token) const;

  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all()
      const {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;
  std::string target;     ///< as sent: path and query
  int minor_version = 1;  ///< of HTTP/1.x
  HttpHeaders headers;

  [[nodiscard]] std::string_view path() const;
  /// True if the sender wants the connection to stay open after the response.
  [[nodiscard]] bool keeps_alive() const;
  /// True if bytes of a body follow the head.
  [[nodiscard]] bool has_body() const;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
};

/// Collects one head, however the stream was split.
class HttpHeadReader {
 public:
  /// Takes bytes from the front of `input` up to and including the empty line;
  /// none means that `input` is used up. The text is valid until the next
  /// call, which begins a new head. Errors: kBadHttp for more than
  /// kMaxHttpHead bytes.
  [[nodiscard]] Result<std::optional<std::string_view>> Next(ByteView& input);

 private:
  std::string head_;
  bool delivered_ = false;
};

/// Parses a head as HttpHeadReader yields it. Errors: kBadHttp.
[[nodiscard]] Result<HttpRequest> ParseHttpRequest(std::string_view head);
/// Status and fields of a response head; the body stays empty. Errors:
/// kBadHttp.
[[nodiscard]] Result<HttpResponse> ParseHttpResponse(std::string_view head);

/// The bytes of a response: status line, its fields, Content-Length and, for
/// everything but HEAD, the body.
[[nodiscard]] std::string SerializeResponse(const HttpResponse& response,
                                            std::string_view method);

/// Whether the relay itself is on; the other endpoints always are.
enum class RelayMode : uint8_t { kEnabled, kDisabled };

/// What a relay's web server says.
struct HttpSite {
  RelayMode relay = RelayMode::kEnabled;
  std::string landing_html;   ///< body of / and of every unmatched path
  std::string home_redirect;  ///< not empty: / answers 302 to this URL
};

/// Answers everything but an upgrade of /derp: /derp/probe,
/// /derp/latency-check, /generate_204, /robots.txt, and the landing page. A
/// request for /derp itself gets 426, or 404 where the relay is off.
[[nodiscard]] HttpResponse RespondToRequest(const HttpRequest& request,
                                            const HttpSite& site);

/// Answers on the plain port 80: /generate_204, else 302 to https; 400 for
/// methods other than GET and HEAD.
[[nodiscard]] HttpResponse RespondOnPlainPort(const HttpRequest& request);

/// How a request for /derp continues.
enum class UpgradeKind : uint8_t {
  kNone,       ///< not an upgrade to DERP: RespondToRequest() has the answer
  kDerp,       ///< answer 101, then DERP
  kFastStart,  ///< DERP at once, no HTTP response
  kWebSocket,  ///< WebSocket with the derp subprotocol
};

[[nodiscard]] UpgradeKind ClassifyUpgrade(const HttpRequest& request);

/// The 101 response of a relay: exactly a status line and four fields.
[[nodiscard]] std::string UpgradeResponse(const PublicKey& server_key);

}  // namespace natkit::derp
