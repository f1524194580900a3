#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "natkit/tls/certificate.h"
#include "natkit/tls/context.h"

namespace natkit::tls {

/// One end of a TLS connection as a byte filter over memory: it owns no
/// socket. Not thread-safe; movable.
///
/// Life cycle: handshake -> open -> closed or failed. After every call the
/// owner sends PendingCiphertext() (also after an error: it may hold the alert
/// that tells the peer why) and reads ReadPlaintext() until it yields 0.
/// A failed channel stays failed; each later call reports the same error.
class Channel {
 public:
  /// Ciphertext that may wait unread; more than two records of TLS.
  static constexpr size_t kMaxPendingInput = size_t{256} * 1024;
  /// WritePlaintext accepts nothing while this much ciphertext waits.
  static constexpr size_t kMaxPendingOutput = size_t{256} * 1024;

  /// The server's end; waits for a ClientHello.
  static Channel Server(const ServerContext& context);
  /// The client's end; its ClientHello is pending at once. Errors: kBadValue
  /// for a host that cannot be a server name, kBadEncoding for a bad pin.
  static Result<Channel> Client(const ClientContext& context,
                                const ServerExpectation& expectation);

  Channel(Channel&&) noexcept;
  Channel& operator=(Channel&&) noexcept;
  ~Channel();

  /// Takes bytes from the peer, split anywhere. Errors: kTlsHandshake,
  /// kTlsProtocol, kBadCertificate (fatal); kLimitExceeded when more than
  /// kMaxPendingInput would wait (nothing was taken).
  Result<void> HandleCiphertext(ByteView ciphertext);
  /// Tells that the transport ended. Errors: kClosed when the peer had not
  /// said close_notify, that is, the stream may be truncated.
  Result<void> HandleEndOfStream();

  /// What to send to the peer; valid until the next call that changes the
  /// channel.
  [[nodiscard]] ByteView PendingCiphertext() const;
  /// Forgets the first `size` bytes of PendingCiphertext().
  void ConsumeCiphertext(size_t size);
  /// Moves all of PendingCiphertext() out.
  [[nodiscard]] std::vector<uint8_t> TakeCiphertext();

  /// Encrypts a prefix of `plaintext` and yields its length: 0 before the
  /// handshake is done and while kMaxPendingOutput waits. Overshoots that
  /// bound by one record at most. Errors: kTlsProtocol, kClosed after Close().
  Result<size_t> WritePlaintext(ByteView plaintext);
  /// Decrypts into `out` and yields the length; 0 when more ciphertext is
  /// needed or the peer has closed. Errors: as HandleCiphertext.
  Result<size_t> ReadPlaintext(MutableBytes out);
  /// Queues close_notify; reading goes on. Repeating it is harmless.
  void Close();

  [[nodiscard]] bool is_handshake_done() const;
  /// True after the peer's close_notify.
  [[nodiscard]] bool is_peer_closed() const;
  /// True while WritePlaintext would accept bytes.
  [[nodiscard]] bool is_writable() const;
  /// The negotiated version; nullopt before the handshake is done.
  [[nodiscard]] std::optional<Version> version() const;
  /// The application protocol agreed on (RFC 7301); empty if there is none.
  /// Valid until the handshake goes on or the channel dies.
  [[nodiscard]] std::string_view alpn() const;
  /// Derives secret bytes that both ends of exactly this connection share and
  /// nobody else knows (RFC 8446 section 7.5). `label` tells their purpose (up
  /// to 249 bytes), `context` may bind them to more; both ends give the same.
  /// Fills `out` (1 to 8,160 bytes). Errors: kInvalidState before the handshake
  /// is done and after a failure; kUnsupported for TLS 1.2, whose exporter
  /// binds to the connection only by an extension; kBadValue for a label or
  /// size out of bounds.
  Result<void> ExportKeyingMaterial(std::string_view label, ByteView context,
                                    MutableBytes out) const;
  /// What the peer sent, leaf first, verified or not; empty on a server.
  [[nodiscard]] std::vector<Der> PeerChain() const;
  /// Why the channel failed, in words and without secrets, e.g. "certificate
  /// has expired"; empty while it has not.
  [[nodiscard]] const std::string& error_text() const;

  /// BoringSSL's view; private to libtls.
  struct Impl;

 private:
  explicit Channel(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::tls
