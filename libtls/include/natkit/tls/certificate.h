#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"

namespace natkit::tls {

/// One X.509 certificate in DER.
using Der = std::vector<uint8_t>;

/// SHA-256 over one certificate's DER: trust in exactly this certificate.
struct CertificatePin {
  static constexpr std::string_view kPrefix = "sha256-raw:";

  std::array<uint8_t, 32> sha256{};

  static CertificatePin Of(ByteView der);
  /// "sha256-raw:" and 64 hex digits, the form of a DERP map's CertName.
  /// Errors: kBadEncoding, kBadLength.
  static Result<CertificatePin> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;

  auto operator<=>(const CertificatePin&) const = default;
};

/// What callers want to know of a certificate without an X.509 library.
struct CertificateInfo {
  std::string common_name;      ///< subject's first CN, empty if none
  std::vector<uint8_t> serial;  ///< big-endian magnitude, no leading zeros
  std::chrono::sys_seconds not_before;
  std::chrono::sys_seconds not_after;
  size_t extension_count = 0;
  bool is_authority = false;  ///< BasicConstraints says CA
};

/// Reads one certificate; nothing is verified. Errors: kBadCertificate.
[[nodiscard]] Result<CertificateInfo> ParseCertificate(ByteView der);

/// All CERTIFICATE blocks of a PEM text, in order; other blocks are skipped.
/// Errors: kBadCertificate when there is none or one does not parse.
[[nodiscard]] Result<std::vector<Der>> CertificatesFromPem(
    std::string_view pem);

}  // namespace natkit::tls
