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

/// How a server presents itself. TLS 1.2 or 1.3, AEAD suites with forward
/// secrecy only, no renegotiation, no resumption (a resumed session would not
/// carry the DERP meta certificate).
class ServerContext {
 public:
  /// `appended` certificates are sent after the identity's chain, in every
  /// handshake, as they are: DERP's meta certificate goes here. Errors:
  /// kBadCertificate.
  static Result<ServerContext> Make(const Identity& identity,
                                    const std::vector<Der>& appended = {});

  /// Exchanges the certificate for channels made from now on; those that exist
  /// keep theirs. On error nothing has changed. Errors: kBadCertificate.
  Result<void> Reload(const Identity& identity);

  /// BoringSSL's view; private to libtls.
  struct Impl;

  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  ServerContext(std::shared_ptr<const Impl> impl, std::vector<Der> appended)
      : impl_(std::move(impl)), appended_(std::move(appended)) {}

  std::shared_ptr<const Impl> impl_;
  std::vector<Der> appended_;
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
  /// although it is not empty. Single unusable roots in a bundle are skipped.
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
