#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/resolver.h"
#include "natkit/io/stream.h"
#include "natkit/io/timer.h"
#include "natkit/shell/dialer.h"
#include "natkit/shell/secure_stream.h"
#include "natkit/tls/context.h"

namespace natkit::shell {

/// Where a StreamClient connects to.
struct StreamTarget {
  std::string host;  ///< DNS name or IP literal
  uint16_t port = 443;
  std::vector<IpAddress> addresses{};  ///< dialled as they are; empty: look up
  /// DERP's CertName: empty, a DNS name, or "sha256-raw:<64 hex>".
  std::string certificate_name{};
  bool is_plain = false;  ///< no TLS: for development only
};

struct StreamClientOptions {
  /// For name lookup, TCP and TLS together; then on_closed(kTimedOut).
  Duration open_budget = std::chrono::seconds(10);
  /// For the TCP stream. The linger is short: clients have nothing to wait for.
  io::StreamOptions tcp{.high_water = size_t{64} * 1024,
                        .linger = std::chrono::seconds(1),
                        .user_timeout = std::chrono::seconds(15)};
};

/// A client's stream of plaintext bytes to a server: looks the name up, races
/// the addresses, then TCP and (unless the target is plain) TLS.
///
/// Whatever goes wrong, also at once, arrives by on_closed and never inside a
/// call. Each handler may destroy the client. To connect again, make another.
class StreamClient {
 public:
  /// `tls` must outlive this call only.
  StreamClient(io::EventLoop& loop, const tls::ClientContext& tls,
               StreamTarget target, SecureStreamHandlers handlers,
               const StreamClientOptions& options = {});
  ~StreamClient();
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  /// As SecureStream's; nothing is taken before on_open.
  void Write(ByteView bytes);
  [[nodiscard]] bool is_writable() const;
  [[nodiscard]] bool is_open() const;
  [[nodiscard]] size_t pending_bytes() const;
  /// Ends in good order; on_closed follows, also while still connecting.
  void Close();

 private:
  void LookUp();
  void Dial(const std::vector<IpAddress>& addresses);
  void OnConnected(io::TcpStream tcp);
  void OnBudgetSpent();
  void End(const StreamEnd& end);

  io::EventLoop& loop_;
  tls::ClientContext tls_;
  StreamTarget target_;
  SecureStreamHandlers handlers_;
  StreamClientOptions options_;
  io::Timer budget_;
  std::optional<StreamEnd> pending_end_;  ///< told when budget_ fires
  std::optional<io::Resolver> lookup_;
  std::unique_ptr<Dialer> dialer_;
  std::optional<SecureStream> stream_;
};

}  // namespace natkit::shell
