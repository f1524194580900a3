#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "natkit/base/bytes.h"
#include "natkit/derp/http.h"

namespace natkit::coordd {

/// A request with all of its body.
struct WholeRequest {
  derp::HttpRequest head;
  std::string body;
};

/// Why the bytes of a connection cannot be served; the numbers are HTTP's
/// status codes (RFC 9110, section 15.5; RFC 6585, section 5).
enum class HttpFault : uint16_t {
  kBadRequest = 400,
  kTooLarge = 413,        ///< the body
  kHeadTooLarge = 431,    ///< the head
  kNotImplemented = 501,  ///< a transfer coding
};

/// Cuts the bytes of a connection into HTTP/1.1 requests (RFC 9112), however
/// they were split. Bodies come with a Content-Length; what would let two
/// programs disagree about where a request ends is refused.
class HttpRequestReader {
 public:
  /// How many bytes of body a request with this head may have.
  using BodyLimit = std::function<size_t(const derp::HttpRequest& head)>;

  explicit HttpRequestReader(BodyLimit limit) : limit_(std::move(limit)) {}

  /// Takes bytes from the front of `input` up to the end of a request; none
  /// means that `input` is used up. After a fault the connection is of no more
  /// use.
  [[nodiscard]] std::expected<std::optional<WholeRequest>, HttpFault> Next(
      ByteView& input);

  /// Nothing of a request has come yet.
  [[nodiscard]] bool is_idle() const { return is_idle_; }

  /// True once for each request whose sender waits for "100 Continue" before
  /// it sends the body (RFC 9110, section 10.1.1).
  [[nodiscard]] bool TakeContinue() {
    return std::exchange(wants_continue_, false);
  }

 private:
  [[nodiscard]] std::expected<bool, HttpFault> ReadHead(ByteView& input);

  BodyLimit limit_;
  derp::HttpHeadReader heads_;
  std::optional<WholeRequest> request_;
  size_t body_size_ = 0;
  bool is_idle_ = true;
  bool wants_continue_ = false;
};

/// "%2F" and the like; `plus_is_space` as in a query. nullopt: a percent sign
/// without two hex digits, or a NUL.
enum class PlusMeans : uint8_t { kItself, kSpace };
[[nodiscard]] std::optional<std::string> DecodePercent(std::string_view text,
                                                       PlusMeans plus);

}  // namespace natkit::coordd
