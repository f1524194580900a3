#include "natkit/shell/upnp_http.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>

#include "natkit/base/text.h"
#include "natkit/io/event_loop.h"

namespace natkit::shell {

namespace {

constexpr size_t kMaxUrl = 512;

std::optional<size_t> ParseNumber(std::string_view text, int base) {
  size_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, base);
  const bool is_whole =
      error == std::errc() && end == text.data() + text.size();
  return is_whole ? std::optional(value) : std::nullopt;
}

std::string_view Trim(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t\r");
  if (start == std::string_view::npos) {
    return {};
  }
  return text.substr(start, text.find_last_not_of(" \t\r") - start + 1);
}

/// The value of a header field, without its case; empty if it is not there.
std::string_view FieldOf(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find('\n'));
    head.remove_prefix(std::min(head.size(), line.size() + 1));
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos &&
        EqualsIgnoringCase(Trim(line.substr(0, colon)), name)) {
      return Trim(line.substr(colon + 1));
    }
  }
  return {};
}

/// "HTTP/1.1 200 OK"; 0 for anything else.
int StatusOf(std::string_view head) {
  if (!head.starts_with("HTTP/1.") || head.size() < 12) {
    return 0;
  }
  return static_cast<int>(ParseNumber(head.substr(9, 3), 10).value_or(0));
}

std::optional<io::UniqueFd> Connect(const HttpServer& server, Instant deadline,
                                    const StopSignal& stop) {
  const Endpoint& host = server.endpoint;
  if (!host.address.is_v4()) {
    return std::nullopt;
  }
  io::UniqueFd fd(
      ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(host.port);
  std::ranges::copy(host.address.bytes(),
                    reinterpret_cast<uint8_t*>(&address.sin_addr));
  if (!fd.is_valid() || !MarkSocket(fd.get(), server.fwmark)) {
    return std::nullopt;
  }
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fd.get(), name, sizeof(address)) == 0) {
    return fd;
  }
  int error = errno;
  socklen_t size = sizeof(error);
  if (error != EINPROGRESS || !stop.WaitFor(fd.get(), POLLOUT, deadline) ||
      ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
      error != 0) {
    return std::nullopt;
  }
  return fd;
}

bool SendAll(int fd, std::string_view bytes, Instant deadline,
             const StopSignal& stop) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno != EAGAIN || !stop.WaitFor(fd, POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<HttpUrl> HttpUrl::Parse(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  const bool is_clean =
      text.size() <= kMaxUrl &&
      std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  if (!is_clean ||
      !EqualsIgnoringCase(text.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  text.remove_prefix(kScheme.size());
  const size_t slash = std::min(text.find('/'), text.size());
  const std::string_view authority = text.substr(0, slash);
  const size_t colon = std::min(authority.find(':'), authority.size());
  const auto address = IpAddress::Parse(authority.substr(0, colon));
  const auto port = colon == authority.size()
                        ? std::optional(size_t{80})
                        : ParseNumber(authority.substr(colon + 1), 10);
  if (!address || !address->is_v4() || !port || *port == 0 || *port > 65535) {
    return std::nullopt;
  }
  HttpUrl url{.host = {*address, static_cast<uint16_t>(*port)}};
  if (slash < text.size()) {
    url.path = text.substr(slash);
  }
  return url;
}

std::optional<HttpUrl> HttpUrl::Join(std::string_view text) const {
  if (text.find("://") != std::string_view::npos) {
    return Parse(text);
  }
  const std::string slash = text.starts_with('/') ? "" : "/";
  return Parse("http://" + host.ToString() + slash + std::string(text));
}

HttpProgress HttpReplyReader::Read(std::string_view bytes) {
  pending_ += bytes;
  return has_head_ ? ReadBody() : ReadHead();
}

HttpProgress HttpReplyReader::End() {
  if (!has_head_ || framing_ != Framing::kEnd) {
    return HttpProgress::kBroken;
  }
  return HttpProgress::kDone;
}

HttpProgress HttpReplyReader::ReadHead() {
  const size_t end = pending_.find("\r\n\r\n");
  if (end == std::string::npos && pending_.size() <= kMaxUpnpHead + 3) {
    return HttpProgress::kMore;  // the last bytes may be part of its end
  }
  if (end == std::string::npos || end > kMaxUpnpHead) {
    return HttpProgress::kBroken;
  }
  const std::string head = pending_.substr(0, end + 2);
  pending_.erase(0, end + 4);
  reply_.status = StatusOf(head);
  if (reply_.status >= 100 && reply_.status < 200) {
    return ReadHead();  // "100 Continue"
  }
  if (reply_.status == 0) {
    return HttpProgress::kBroken;
  }
  has_head_ = true;
  const std::string_view length = FieldOf(head, "Content-Length");
  if (EqualsIgnoringCase(FieldOf(head, "Transfer-Encoding"), "chunked")) {
    framing_ = Framing::kChunks;
  } else if (!length.empty()) {
    framing_ = Framing::kLength;
    const auto value = ParseNumber(length, 10);
    if (!value || *value > kMaxUpnpBody) {
      return HttpProgress::kBroken;
    }
    length_ = *value;
  }
  return ReadBody();
}

HttpProgress HttpReplyReader::ReadBody() {
  if (framing_ == Framing::kChunks) {
    return ReadChunks();
  }
  reply_.body += pending_;
  pending_.clear();
  if (framing_ == Framing::kLength && reply_.body.size() >= length_) {
    reply_.body.resize(length_);
    return HttpProgress::kDone;
  }
  return reply_.body.size() > kMaxUpnpBody ? HttpProgress::kBroken
                                           : HttpProgress::kMore;
}

HttpProgress HttpReplyReader::ReadChunks() {
  constexpr size_t kMaxSizeLine = 64;
  for (;;) {
    const size_t line = pending_.find("\r\n");
    if (line == std::string::npos && pending_.size() <= kMaxSizeLine + 1) {
      return HttpProgress::kMore;  // the last byte may be half of its end
    }
    if (line == std::string::npos || line > kMaxSizeLine) {
      return HttpProgress::kBroken;
    }
    const std::string_view text(pending_.data(), line);
    const auto size = ParseNumber(Trim(text.substr(0, text.find(';'))), 16);
    if (!size || *size > kMaxUpnpBody - reply_.body.size()) {
      return HttpProgress::kBroken;
    }
    if (*size == 0) {
      return HttpProgress::kDone;  // trailers are nothing to us
    }
    if (pending_.size() < line + 2 + *size + 2) {
      return HttpProgress::kMore;
    }
    reply_.body.append(pending_, line + 2, *size);
    pending_.erase(0, line + 2 + *size + 2);
  }
}

StopSignal::StopSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void StopSignal::Raise() {
  const uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof(one));
}

bool StopSignal::WaitFor(int fd, short events, Instant deadline) const {
  for (;;) {
    const Duration left = deadline - io::EventLoop::Now();
    if (left <= Duration{}) {
      return false;
    }
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    std::array<pollfd, 2> waits{{{fd, events, 0}, {event_.get(), POLLIN, 0}}};
    const int count = ::poll(waits.data(), waits.size(), static_cast<int>(ms));
    if (waits[1].revents != 0 || (count < 0 && errno != EINTR)) {
      return false;
    }
    if (count > 0 && waits[0].revents != 0) {
      return true;
    }
  }
}

bool MarkSocket(int fd, uint32_t fwmark) {
  return fwmark == 0 ||
         ::setsockopt(fd, SOL_SOCKET, SO_MARK, &fwmark, sizeof(fwmark)) == 0;
}

std::optional<HttpReply> ExchangeHttp(const HttpServer& server,
                                      std::string_view request,
                                      Instant deadline,
                                      const StopSignal& stop) {
  const auto fd = Connect(server, deadline, stop);
  if (!fd || !SendAll(fd->get(), request, deadline, stop)) {
    return std::nullopt;
  }
  HttpReplyReader reader;
  std::array<char, 4096> buffer;
  HttpProgress progress = HttpProgress::kMore;
  while (progress == HttpProgress::kMore) {
    if (!stop.WaitFor(fd->get(), POLLIN, deadline)) {
      return std::nullopt;
    }
    const ssize_t size = ::recv(fd->get(), buffer.data(), buffer.size(), 0);
    if (size < 0) {
      return std::nullopt;
    }
    progress = size == 0
                   ? reader.End()
                   : reader.Read({buffer.data(), static_cast<size_t>(size)});
  }
  return progress == HttpProgress::kDone ? std::optional(reader.reply())
                                         : std::nullopt;
}

}  // namespace natkit::shell
