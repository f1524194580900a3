#include "api/http_requests.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace natkit::coordd {

namespace {

/// The one Content-Length; 0 without any. Signs, lists and several fields are
/// how requests are smuggled (RFC 9112, section 11.2).
std::expected<size_t, HttpFault> BodySize(const derp::HttpHeaders& headers) {
  const auto length = headers.Find("Content-Length");
  if (!length) {
    return size_t{0};
  }
  const auto is_length = [](const auto& field) {
    derp::HttpHeaders one;
    one.Add(field.first, field.second);
    return one.Find("Content-Length").has_value();
  };
  size_t size = 0;
  const char* end = length->data() + length->size();
  const auto [rest, error] = std::from_chars(length->data(), end, size);
  if (error == std::errc::result_out_of_range) {
    return std::unexpected(HttpFault::kTooLarge);
  }
  if (error != std::errc() || rest != end ||
      std::ranges::count_if(headers.all(), is_length) != 1) {
    return std::unexpected(HttpFault::kBadRequest);
  }
  return size;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::expected<bool, HttpFault> HttpRequestReader::ReadHead(ByteView& input) {
  is_idle_ &= input.empty();
  const auto head = heads_.Next(input);
  if (!head) {
    return std::unexpected(HttpFault::kHeadTooLarge);
  }
  if (!*head) {
    return false;
  }
  auto parsed = derp::ParseHttpRequest(**head);
  if (!parsed) {
    return std::unexpected(HttpFault::kBadRequest);
  }
  if (parsed->headers.Find("Transfer-Encoding")) {
    return std::unexpected(HttpFault::kNotImplemented);
  }
  const auto size = BodySize(parsed->headers);
  if (!size) {
    return std::unexpected(size.error());
  }
  if (*size > limit_(*parsed)) {
    return std::unexpected(HttpFault::kTooLarge);
  }
  body_size_ = *size;
  wants_continue_ =
      body_size_ > 0 && parsed->headers.HasToken("Expect", "100-continue");
  request_ = WholeRequest{.head = *std::move(parsed), .body = {}};
  return true;
}

std::expected<std::optional<WholeRequest>, HttpFault> HttpRequestReader::Next(
    ByteView& input) {
  if (!request_) {
    const auto has_head = ReadHead(input);
    if (!has_head) {
      return std::unexpected(has_head.error());
    }
    if (!*has_head) {
      return std::nullopt;
    }
  }
  const size_t count =
      std::min(input.size(), body_size_ - request_->body.size());
  request_->body += AsText(input.first(count));
  input = input.subspan(count);
  if (request_->body.size() < body_size_) {
    return std::nullopt;
  }
  is_idle_ = true;
  wants_continue_ = false;
  return std::exchange(request_, std::nullopt);
}

std::optional<std::string> DecodePercent(std::string_view text,
                                         PlusMeans plus) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == PlusMeans::kSpace) {
      out += ' ';
      continue;
    }
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    const int byte = high * 16 + low;
    if (high < 0 || low < 0 || byte == 0) {
      return std::nullopt;
    }
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

}  // namespace natkit::coordd
