#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/tcp.h"
#include "natkit/tls/certificate.h"
#include "natkit/tls/channel.h"
#include "natkit/tls/context.h"

namespace natkit::shell {

/// Who is at the other end of a stream that just opened.
struct PeerInfo {
  Endpoint remote;
  std::optional<tls::Version> version;  ///< nullopt: no TLS
  std::vector<tls::Der> chain;          ///< as sent, leaf first
  /// 32 bytes that only the two ends of this connection have, for the proofs of
  /// the coordination protocol; nullopt without TLS 1.3.
  std::optional<std::array<uint8_t, 32>> coordination_exporter;
};

/// Why a stream ended.
struct StreamEnd {
  Errc code = Errc::kClosed;  ///< kClosed: in good order
  std::string text;           ///< more about it, without secrets; may be empty

  /// "certificate has expired", or the code's name.
  [[nodiscard]] std::string ToString() const;
};

/// What a stream tells its owner. Each handler may destroy the stream; none is
/// called inside a call into it.
struct SecureStreamHandlers {
  std::function<void(const PeerInfo& peer)> on_open;  ///< once, TLS included
  std::function<void(ByteView bytes)> on_bytes;       ///< view: this call only
  std::function<void()> on_writable;  ///< is_writable() became true again
  std::function<void(const StreamEnd& end)> on_closed;  ///< once, the last
};

/// A connected TCP stream with or without TLS on it, as one stream of
/// plaintext bytes. Both ends use it.
class SecureStream {
 public:
  /// Without `channel` the bytes go as they are. Starts at once.
  SecureStream(io::EventLoop& loop, io::TcpStream tcp,
               std::optional<tls::Channel> channel,
               SecureStreamHandlers handlers);
  ~SecureStream();
  SecureStream(SecureStream&&) noexcept;
  SecureStream& operator=(SecureStream&&) noexcept;

  /// Sends or queues all of `bytes`; look at is_writable() before. Before
  /// on_open and after Close() bytes are discarded.
  void Write(ByteView bytes);
  /// Open, and less queued than the TCP stream's high-water mark.
  [[nodiscard]] bool is_writable() const;
  [[nodiscard]] bool is_open() const;
  /// Bytes on the wire's side (ciphertext) that the system has not taken.
  [[nodiscard]] size_t pending_bytes() const;

  /// Ends in good order (close_notify, flush); on_closed follows.
  void Close();
  /// Ends now, dropping what is queued; on_closed follows.
  void Abort();

 private:
  struct Impl;

  std::shared_ptr<Impl> impl_;
};

/// The relay's key out of its meta certificate: what selects DERP's fast start.
/// Only a chain that came over TLS 1.3 counts.
[[nodiscard]] std::optional<PublicKey> FastStartKey(const PeerInfo& peer);

}  // namespace natkit::shell
