#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/tls/certificate.h"

namespace natkit::tls {

enum class KeyKind : uint8_t { kEcdsaP256, kEd25519 };

/// What to put into a certificate that is made here.
struct CertificateSpec {
  KeyKind key_kind = KeyKind::kEcdsaP256;
  std::string common_name;  ///< subject; DERP needs more than 64 characters
  uint64_t serial = 1;
  std::chrono::sys_seconds not_before;
  std::chrono::sys_seconds not_after;
  std::vector<std::string> dns_names;  ///< SAN; left out when both are empty
  std::vector<IpAddress> ip_addresses;
  bool is_authority = false;  ///< BasicConstraints CA, for a private root
};

/// A spec for a server's own certificate: P-256, SAN of `host` (DNS name or IP
/// literal), valid from an hour before `now` for a year.
[[nodiscard]] CertificateSpec SelfSignedServerSpec(
    std::string_view host, std::chrono::sys_seconds now);

/// A certificate chain (leaf first) with the leaf's private key. Cheap to
/// copy; the key never leaves except through ExposePrivateKeyPem().
class Identity {
 public:
  /// Takes a PEM chain, leaf first, and a PEM private key (PKCS#8, PKCS#1 or
  /// SEC1; not encrypted). Errors: kBadCertificate, kBadPrivateKey,
  /// kKeyMismatch.
  static Result<Identity> FromPem(std::string_view chain_pem,
                                  std::string_view key_pem);

  /// Makes a key and a certificate that signs itself; BasicConstraints and, if
  /// names are given, SubjectAltName are its only extensions. Errors:
  /// kBadValue for a spec that X.509 cannot express.
  static Result<Identity> SelfSigned(const CertificateSpec& spec);

  /// Makes a key and a certificate signed by this identity, for a private root
  /// (labs, tests). The chain is the new leaf alone. Errors: kBadValue.
  [[nodiscard]] Result<Identity> Issue(const CertificateSpec& spec) const;

  /// Leaf first; never empty.
  [[nodiscard]] const std::vector<Der>& chain() const;
  [[nodiscard]] CertificatePin pin() const;
  [[nodiscard]] std::string ChainPem() const;
  /// The secret key as PKCS#8 PEM, for a file of mode 0600.
  [[nodiscard]] std::string ExposePrivateKeyPem() const;

  /// BoringSSL's view; private to libtls.
  struct Impl;

  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  explicit Identity(std::shared_ptr<const Impl> impl)
      : impl_(std::move(impl)) {}

  std::shared_ptr<const Impl> impl_;
};

}  // namespace natkit::tls
