#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/result.h"
#include "natkit/tls/certificate.h"
#include "natkit/tls/identity.h"

namespace natkit::tls {

enum class Version : uint8_t { kTls12, kTls13 };

/// What a server may be told beyond its certificate.
struct ServerOptions {
  /// Sent after the identity's chain, in every handshake, as they are: DERP's
  /// meta certificate goes here.
  std::vector<Der> appended;
  Version min_version = Version::kTls12;
  /// Application protocols (RFC 7301), the favourite first; 1 to 255 bytes
  /// each. A client that offers some, but none of these, is refused
  /// (no_application_protocol); one that offers none is served. Empty: what
  /// clients offer is ignored.
  std::vector<std::string> alpn;
};

/// How a server presents itself. TLS 1.2 or 1.3, AEAD suites with forward
/// secrecy only, no renegotiation, no resumption (a resumed session would not
/// carry the DERP meta certificate).
class ServerContext {
 public:
  /// Errors: kBadCertificate; kBadValue for an impossible protocol name.
  static Result<ServerContext> Make(const Identity& identity,
                                    const ServerOptions& options = {});

  /// Exchanges the certificate for channels made from now on; those that exist
  /// keep theirs. On error nothing has changed. Errors: kBadCertificate.
  Result<void> Reload(const Identity& identity);

  /// BoringSSL's view; private to libtls.
  struct Impl;

  [[nodiscard]] const std::shared_ptr<const Impl>& impl() const {
    return impl_;
  }

 private:
  ServerContext(std::shared_ptr<const Impl> impl, ServerOptions options)
      : impl_(std::move(impl)), options_(std::move(options)) {}

  std::shared_ptr<const Impl> impl_;
  ServerOptions options_;
};

/// How a client checks servers.
enum class Verification : uint8_t {
  kVerify,            ///< chain or pin, name and dates
  kInsecureForTests,  ///< accepts anybody; only for tests
};

struct ClientOptions {
  /// Trusted roots as concatenated PEM: the system's bundle, a private root, or
  /// both. May be empty when every server is pinned.
  std::string roots_pem;
  Verification verification = Verification::kVerify;
  /// The date to judge validity periods by; unset: the system's.
  std::optional<std::chrono::sys_seconds> verification_time;
  Version min_version = Version::kTls12;
  Version max_version = Version::kTls13;
  /// Application protocols to offer (RFC 7301), the favourite first; 1 to 255
  /// bytes each. Empty: the extension is not sent.
  std::vector<std::string> alpn;
};

/// Which server a client expects (DERP specification of CertName).
struct ServerExpectation {
  /// DNS name or IP literal. A DNS name is sent as SNI; a literal never is.
  std::string host;
  /// Empty: the chain must be valid for `host`. A DNS name: the chain must be
  /// valid for this name instead. "sha256-raw:<64 hex>": apart from
  /// certificates with a CN that starts with "derpkey" exactly one must be
  /// sent, with this SHA-256, inside its validity period and, if `host` is a
  /// DNS name, valid for it; no chain is built.
  std::string certificate_name;
};

/// Roots and rules that many client channels share. Cheap to copy.
class ClientContext {
 public:
  /// Errors: kBadCertificate when `roots_pem` holds no usable certificate
  /// although it is not empty; kBadValue for an impossible protocol name.
  /// Single unusable roots in a bundle are skipped.
  static Result<ClientContext> Make(const ClientOptions& options);

  /// BoringSSL's view; private to libtls.
  struct Impl;

  [[nodiscard]] const std::shared_ptr<const Impl>& impl() const {
    return impl_;
  }

 private:
  explicit ClientContext(std::shared_ptr<const Impl> impl)
      : impl_(std::move(impl)) {}

  std::shared_ptr<const Impl> impl_;
};

}  // namespace natkit::tls
