#include <algorithm>
#include <charconv>

#include "natkit/base/text.h"
#include "natkit/derp/http.h"
#include "wire/ascii.h"

namespace natkit::derp {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The next line without its end, which may be CR LF or LF alone.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

std::string_view TakeWord(std::string_view& text) {
  const size_t end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

// What a token may hold besides letters and digits: RFC 9110 section 5.6.2.
constexpr std::string_view kTokenSymbols = "!#$%&'*+-.^_`|~";

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return IsAlphanumericAscii(c) ||
           kTokenSymbols.find(c) != std::string_view::npos;
  });
}

bool HasControlCharacter(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

// The x of "HTTP/1.x".
std::optional<int> MinorVersion(std::string_view version) {
  constexpr std::string_view kPrefix = "HTTP/1.";
  if (!version.starts_with(kPrefix) || version.size() != kPrefix.size() + 1 ||
      (version.back() != '0' && version.back() != '1')) {
    return std::nullopt;
  }
  return version.back() - '0';
}

Result<void> ParseFields(std::string_view text, HttpHeaders& headers) {
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    if (line.empty()) {
      return {};
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !IsToken(line.substr(0, colon)) ||
        HasControlCharacter(line) || headers.all().size() >= kMaxHttpHeaders) {
      return Fail(Errc::kBadHttp);
    }
    headers.Add(std::string(line.substr(0, colon)),
                std::string(Trim(line.substr(colon + 1))));
  }
  return Fail(Errc::kBadHttp);
}

}  // namespace

void HttpHeaders::Add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

std::optional<std::string_view> HttpHeaders::Find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoringCase(key, name)) {
      return value;
    }
  }
  return std::nullopt;
}

bool HttpHeaders::HasToken(std::string_view name,
                           std::string_view token) const {
  for (const auto& [key, value] : fields_) {
    if (!EqualsIgnoringCase(key, name)) {
      continue;
    }
    std::string_view rest = value;
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      if (EqualsIgnoringCase(Trim(rest.substr(0, comma)), token)) {
        return true;
      }
      rest.remove_prefix(comma == std::string_view::npos ? rest.size()
                                                         : comma + 1);
    }
  }
  return false;
}

std::string_view HttpRequest::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

bool HttpRequest::keeps_alive() const {
  return minor_version >= 1 ? !headers.HasToken("Connection", "close")
                            : headers.HasToken("Connection", "keep-alive");
}

bool HttpRequest::has_body() const {
  const auto length = headers.Find("Content-Length");
  return headers.Find("Transfer-Encoding").has_value() ||
         (length && *length != "0");
}

Result<std::optional<std::string_view>> HttpHeadReader::Next(ByteView& input) {
  if (delivered_) {
    head_.clear();
    delivered_ = false;
  }
  while (!input.empty()) {
    if (head_.size() >= kMaxHttpHead) {
      return Fail(Errc::kBadHttp, head_.size());
    }
    const size_t room = std::min(input.size(), kMaxHttpHead - head_.size());
    const std::string_view text = AsText(input.first(room));
    const size_t newline = text.find('\n');
    const size_t count = newline == std::string_view::npos ? room : newline + 1;
    head_.append(text.substr(0, count));
    input = input.subspan(count);
    if (head_.ends_with("\n\r\n") || head_.ends_with("\n\n")) {
      delivered_ = true;
      return head_;
    }
  }
  return std::nullopt;
}

Result<HttpRequest> ParseHttpRequest(std::string_view head) {
  std::string_view rest = head;
  std::string_view line = TakeLine(rest);
  HttpRequest request;
  request.method = TakeWord(line);
  request.target = TakeWord(line);
  const auto minor_version = MinorVersion(line);
  if (!minor_version || !IsToken(request.method) || request.target.empty() ||
      HasControlCharacter(request.target) ||
      request.target.find('\t') != std::string::npos) {
    return Fail(Errc::kBadHttp);
  }
  request.minor_version = *minor_version;
  if (const auto parsed = ParseFields(rest, request.headers); !parsed) {
    return std::unexpected(parsed.error());
  }
  return request;
}

Result<HttpResponse> ParseHttpResponse(std::string_view head) {
  std::string_view rest = head;
  std::string_view line = TakeLine(rest);
  HttpResponse response;
  const bool known = MinorVersion(TakeWord(line)).has_value();
  const std::string_view status = TakeWord(line);
  const auto [end, error] = std::from_chars(
      status.data(), status.data() + status.size(), response.status);
  if (!known || status.size() != 3 || error != std::errc() ||
      end != status.data() + status.size() || response.status < 100) {
    return Fail(Errc::kBadHttp);
  }
  if (const auto parsed = ParseFields(rest, response.headers); !parsed) {
    return std::unexpected(parsed.error());
  }
  return response;
}

}  // namespace natkit::derp
