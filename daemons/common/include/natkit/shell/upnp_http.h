#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/io/unique_fd.h"

// HTTP as far as a UPnP device needs it, for a thread that may wait: nothing
// that a device does makes it wait beyond a deadline or keep more than a limit.
namespace natkit::shell {

/// What a device's description or answer may be at most, in bytes.
inline constexpr size_t kMaxUpnpBody = size_t{64} * 1024;
inline constexpr size_t kMaxUpnpHead = size_t{8} * 1024;

/// "http://192.168.1.1:5000/desc.xml"; the host is an address.
struct HttpUrl {
  Endpoint host;
  std::string path = "/";

  bool operator==(const HttpUrl&) const = default;

  /// Of a URL with a scheme; nullopt for what is no such URL, is longer than
  /// 512 bytes, or has bytes that would end a request line.
  [[nodiscard]] static std::optional<HttpUrl> Parse(std::string_view text);
  /// `text` as a URL, or as a path of this host.
  [[nodiscard]] std::optional<HttpUrl> Join(std::string_view text) const;
};

struct HttpReply {
  int status = 0;
  std::string body;

  bool operator==(const HttpReply&) const = default;
};

enum class HttpProgress : uint8_t { kMore, kDone, kBroken };

/// Reads one response to a GET or POST as it comes: by its Content-Length, in
/// chunks, or up to the connection's end.
class HttpReplyReader {
 public:
  /// kBroken also for a body over kMaxUpnpBody and a head over kMaxUpnpHead.
  HttpProgress Read(std::string_view bytes);
  /// The connection has ended.
  HttpProgress End();

  [[nodiscard]] const HttpReply& reply() const { return reply_; }

 private:
  enum class Framing : uint8_t { kLength, kChunks, kEnd };

  HttpProgress ReadHead();
  HttpProgress ReadBody();
  HttpProgress ReadChunks();

  std::string pending_;
  HttpReply reply_;
  bool has_head_ = false;
  Framing framing_ = Framing::kEnd;
  size_t length_ = 0;
};

/// Says to a waiting thread, from any thread, that it is to stop.
class StopSignal {
 public:
  StopSignal();
  /// Everything that waits ends, now and later.
  void Raise();
  /// True when `fd` has one of `events` (poll(2)); false at the deadline, or
  /// when raised.
  [[nodiscard]] bool WaitFor(int fd, short events, Instant deadline) const;

 private:
  io::UniqueFd event_;
};

/// Whom to ask.
struct HttpServer {
  Endpoint endpoint;
  uint32_t fwmark = 0;  ///< of what is sent to it (SO_MARK); 0: none
};

/// Marks what a socket sends (SO_MARK); 0: leaves it as it is. False if the
/// system does not let this process (CAP_NET_ADMIN).
[[nodiscard]] bool MarkSocket(int fd, uint32_t fwmark);

/// Sends `request` and reads the answer; nullopt without one until `deadline`.
/// Redirects are not followed.
[[nodiscard]] std::optional<HttpReply> ExchangeHttp(const HttpServer& server,
                                                    std::string_view request,
                                                    Instant deadline,
                                                    const StopSignal& stop);

}  // namespace natkit::shell
