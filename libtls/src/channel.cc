#include "natkit/tls/channel.h"

#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "context_impl.h"
#include "memory_bio.h"
#include "natkit/base/check.h"
#include "natkit/base/endpoint.h"
#include "verify.h"

namespace natkit::tls {

struct Channel::Impl {
  MemoryTransport transport;
  PeerCheck check;
  std::shared_ptr<const ServerContext::Impl> server_context;
  bssl::UniquePtr<SSL> ssl;  // uses those above, so dies first
  std::optional<Error> failure;
  std::string error_text;
  bool is_peer_closed = false;
  bool is_closed = false;

  explicit Impl(SSL_CTX* context);
  [[nodiscard]] bool IsOpen() const;
  Result<void> DriveHandshake();
  std::unexpected<Error> FailWith(int ssl_error);
};

namespace {

/// Takes what the library says about its last failure, without file names.
std::string TakeReason() {
  const uint32_t code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? std::string(reason) : std::string("unknown");
}

constexpr size_t kMaxHostName = 253;  // RFC 1035 section 2.3.4, as text

bool IsDnsName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxHostName &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
         });
}

Result<PeerCheck> MakePeerCheck(const ServerExpectation& expectation) {
  PeerCheck check;
  check.host = expectation.host;
  check.verify_name = expectation.host;
  check.is_host_literal = IpAddress::Parse(expectation.host).has_value();
  if (!check.is_host_literal && !IsDnsName(expectation.host)) {
    return Fail(Errc::kBadValue);
  }
  if (expectation.certificate_name.starts_with(CertificatePin::kPrefix)) {
    const auto pin = CertificatePin::Parse(expectation.certificate_name);
    if (!pin) {
      return std::unexpected(pin.error());
    }
    check.pin = *pin;
  } else if (!expectation.certificate_name.empty()) {
    check.verify_name = expectation.certificate_name;
  }
  return check;
}

}  // namespace

Channel::Impl::Impl(SSL_CTX* context) : ssl(SSL_new(context)) {
  NATKIT_CHECK(ssl != nullptr);
  BIO* bio = MakeMemoryBio(&transport).release();
  SSL_set_bio(ssl.get(), bio, bio);
  // What only a handshake needs goes when it is done: idle channels are many.
  SSL_set_shed_handshake_config(ssl.get(), 1);
}

std::unexpected<Error> Channel::Impl::FailWith(int ssl_error) {
  const bool in_handshake = SSL_in_init(ssl.get()) == 1;
  Errc code = in_handshake ? Errc::kTlsHandshake : Errc::kTlsProtocol;
  error_text = ssl_error == SSL_ERROR_SSL ? TakeReason() : "unexpected end";
  if (!check.failure.empty()) {
    code = Errc::kBadCertificate;
    error_text = check.failure;
  }
  failure = Error{code};
  ERR_clear_error();
  return std::unexpected(*failure);
}

/// True once the handshake is done, until a failure.
bool Channel::Impl::IsOpen() const {
  return !failure && SSL_in_init(ssl.get()) == 0;
}

Result<void> Channel::Impl::DriveHandshake() {
  if (SSL_in_init(ssl.get()) == 0) {
    return {};
  }
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl.get());
  if (result == 1) {
    return {};
  }
  const int error = SSL_get_error(ssl.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    return {};
  }
  return FailWith(error);
}

Channel::Channel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Channel::Channel(Channel&&) noexcept = default;
Channel& Channel::operator=(Channel&&) noexcept = default;
Channel::~Channel() = default;

Channel Channel::Server(const ServerContext& context) {
  auto impl = std::make_unique<Impl>(context.impl()->context.get());
  impl->server_context = context.impl();
  SSL_set_accept_state(impl->ssl.get());
  return Channel(std::move(impl));
}

Result<Channel> Channel::Client(const ClientContext& context,
                                const ServerExpectation& expectation) {
  auto check = MakePeerCheck(expectation);
  if (!check) {
    return std::unexpected(check.error());
  }
  auto impl = std::make_unique<Impl>(context.impl()->context.get());
  impl->check = std::move(*check);
  impl->check.context = context.impl();
  SetPeerCheck(impl->ssl.get(), &impl->check);
  SSL_set_connect_state(impl->ssl.get());
  if (!impl->check.is_host_literal &&
      SSL_set_tlsext_host_name(impl->ssl.get(), impl->check.host.c_str()) !=
          1) {
    ERR_clear_error();
    return Fail(Errc::kBadValue);
  }
  if (const auto started = impl->DriveHandshake(); !started) {
    return std::unexpected(started.error());
  }
  return Channel(std::move(impl));
}

Result<void> Channel::HandleCiphertext(ByteView ciphertext) {
  if (impl_->failure) {
    return std::unexpected(*impl_->failure);
  }
  auto& incoming = impl_->transport.incoming;
  if (ciphertext.size() > kMaxPendingInput - incoming.size()) {
    return Fail(Errc::kLimitExceeded);
  }
  incoming.Append(ciphertext);
  return impl_->DriveHandshake();
}

Result<void> Channel::HandleEndOfStream() {
  if (impl_->failure) {
    return std::unexpected(*impl_->failure);
  }
  if (impl_->is_peer_closed) {
    return {};
  }
  impl_->error_text = is_handshake_done() ? "ended without close_notify"
                                          : "ended inside the handshake";
  impl_->failure = Error{Errc::kClosed};
  return std::unexpected(*impl_->failure);
}

ByteView Channel::PendingCiphertext() const {
  return impl_->transport.outgoing.View();
}

void Channel::ConsumeCiphertext(size_t size) {
  impl_->transport.outgoing.Consume(size);
}

std::vector<uint8_t> Channel::TakeCiphertext() {
  return impl_->transport.outgoing.TakeAll();
}

Result<size_t> Channel::WritePlaintext(ByteView plaintext) {
  if (impl_->failure) {
    return std::unexpected(*impl_->failure);
  }
  if (impl_->is_closed) {
    return Fail(Errc::kClosed);
  }
  size_t accepted = 0;
  while (accepted < plaintext.size() && is_writable()) {
    const ByteView chunk = plaintext.subspan(accepted).first(std::min(
        plaintext.size() - accepted, size_t{SSL3_RT_MAX_PLAIN_LENGTH}));
    ERR_clear_error();
    const int written = SSL_write(impl_->ssl.get(), chunk.data(),
                                  static_cast<int>(chunk.size()));
    if (written <= 0) {
      return impl_->FailWith(SSL_get_error(impl_->ssl.get(), written));
    }
    accepted += static_cast<size_t>(written);
  }
  return accepted;
}

Result<size_t> Channel::ReadPlaintext(MutableBytes out) {
  if (impl_->failure) {
    return std::unexpected(*impl_->failure);
  }
  if (!is_handshake_done() || impl_->is_peer_closed || out.empty()) {
    return size_t{0};
  }
  constexpr size_t kMaxInt = std::numeric_limits<int>::max();
  ERR_clear_error();
  const int read = SSL_read(impl_->ssl.get(), out.data(),
                            static_cast<int>(std::min(out.size(), kMaxInt)));
  if (read > 0) {
    return static_cast<size_t>(read);
  }
  const int error = SSL_get_error(impl_->ssl.get(), read);
  if (error == SSL_ERROR_WANT_READ) {
    return size_t{0};
  }
  if (error == SSL_ERROR_ZERO_RETURN) {
    impl_->is_peer_closed = true;
    return size_t{0};
  }
  return impl_->FailWith(error);
}

void Channel::Close() {
  if (impl_->is_closed || impl_->failure) {
    return;
  }
  impl_->is_closed = true;
  if (is_handshake_done()) {
    SSL_shutdown(impl_->ssl.get());
    ERR_clear_error();
  }
}

bool Channel::is_handshake_done() const {
  return impl_->IsOpen();
}

bool Channel::is_peer_closed() const {
  return impl_->is_peer_closed;
}

bool Channel::is_writable() const {
  return impl_->IsOpen() && !impl_->is_closed &&
         impl_->transport.outgoing.size() < kMaxPendingOutput;
}

std::optional<Version> Channel::version() const {
  if (!is_handshake_done()) {
    return std::nullopt;
  }
  return SSL_version(impl_->ssl.get()) == TLS1_3_VERSION ? Version::kTls13
                                                         : Version::kTls12;
}

std::string_view Channel::alpn() const {
  const uint8_t* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(impl_->ssl.get(), &name, &size);
  return AsText(ByteView(name, size));
}

Result<void> Channel::ExportKeyingMaterial(std::string_view label,
                                           ByteView context,
                                           MutableBytes out) const {
  if (!is_handshake_done()) {
    return Fail(Errc::kInvalidState);
  }
  if (version() != Version::kTls13) {
    return Fail(Errc::kUnsupported);
  }
  constexpr size_t kMaxLabel = 249;  // 255 less "tls13 "
  if (out.empty() || label.size() > kMaxLabel) {
    return Fail(Errc::kBadValue);
  }
  const int exported = SSL_export_keying_material(
      impl_->ssl.get(), out.data(), out.size(), label.data(), label.size(),
      context.data(), context.size(), /*use_context=*/1);
  ERR_clear_error();
  if (exported != 1) {
    return Fail(Errc::kBadValue);  // more than 255 blocks of HKDF
  }
  return {};
}

std::vector<Der> Channel::PeerChain() const {
  std::vector<Der> chain;
  const STACK_OF(CRYPTO_BUFFER)* sent =
      SSL_get0_peer_certificates(impl_->ssl.get());
  for (size_t i = 0; sent != nullptr && i < sk_CRYPTO_BUFFER_num(sent); ++i) {
    const CRYPTO_BUFFER* buffer = sk_CRYPTO_BUFFER_value(sent, i);
    const uint8_t* bytes = CRYPTO_BUFFER_data(buffer);
    chain.emplace_back(bytes, bytes + CRYPTO_BUFFER_len(buffer));
  }
  return chain;
}

const std::string& Channel::error_text() const {
  return impl_->error_text;
}

}  // namespace natkit::tls
