#include "portmap/http.h"

#include <algorithm>
#include <charconv>

namespace natkit::netsim::portmap {
namespace {

constexpr size_t kMaxHeaders = 64;
constexpr std::string_view kEnd = "\r\n\r\n";

char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const size_t first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// Takes the text up to `end` off the front of `rest`, and `end`.
std::string_view Next(std::string_view& rest, std::string_view end) {
  const size_t at = rest.find(end);
  const std::string_view out = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view()
                                      : rest.substr(at + end.size());
  return out;
}

bool ReadRequestLine(std::string_view line, HttpRequest& out) {
  out.method = Next(line, " ");
  out.target = Next(line, " ");
  return !out.method.empty() && !out.target.empty() &&
         line.starts_with("HTTP/1.");
}

bool ReadHeader(std::string_view line, HttpRequest& out) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || line[0] == ' ' ||
      line[0] == '\t') {
    return false;
  }
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), ToLower);
  out.headers.emplace(std::move(name), Trim(line.substr(colon + 1)));
  return out.headers.size() <= kMaxHeaders;
}

}  // namespace

std::string_view HttpRequest::Header(const std::string& name) const {
  const auto at = headers.find(name);
  return at == headers.end() ? std::string_view() : at->second;
}

HttpStatus ReadHttpRequest(std::string_view bytes, HttpRequest& out) {
  const size_t end = bytes.find(kEnd);
  if (end == std::string_view::npos) {
    return HttpStatus::kIncomplete;
  }
  HttpRequest request;
  std::string_view head = bytes.substr(0, end);
  if (!ReadRequestLine(Next(head, "\r\n"), request)) {
    return HttpStatus::kBad;
  }
  while (!head.empty()) {
    if (!ReadHeader(Next(head, "\r\n"), request)) {
      return HttpStatus::kBad;
    }
  }
  if (!request.Header("transfer-encoding").empty()) {
    return HttpStatus::kBad;
  }
  size_t length = 0;
  if (const auto text = request.Header("content-length"); !text.empty()) {
    const char* last = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), last, length);
    if (failure != std::errc{} || stop != last) {
      return HttpStatus::kBad;
    }
  }
  const std::string_view rest = bytes.substr(end + kEnd.size());
  if (rest.size() < length) {
    return HttpStatus::kIncomplete;
  }
  request.body = rest.substr(0, length);
  out = std::move(request);
  return HttpStatus::kComplete;
}

std::vector<uint8_t> MakeHttpResponse(std::string_view status,
                                      std::string_view type,
                                      std::string_view body) {
  std::string text = "HTTP/1.1 ";
  text += status;
  text += "\r\nServer: natkit/1 UPnP/1.1 netsim/1\r\nContent-Type: ";
  text += type;
  text += "\r\nContent-Length: " + std::to_string(body.size());
  text += "\r\nConnection: close\r\nExt:\r\n\r\n";
  text += body;
  return {text.begin(), text.end()};
}

}  // namespace natkit::netsim::portmap
