#include "natkit/tls/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "natkit/base/encoding.h"
#include "x509_util.h"

namespace natkit::tls {
namespace {

std::string CommonName(const X509& x509) {
  X509_NAME* subject = X509_get_subject_name(&x509);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) {
    return {};
  }
  const ASN1_STRING* value =
      X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<size_t>(ASN1_STRING_length(value))};
}

std::vector<uint8_t> Serial(const X509& x509) {
  const bssl::UniquePtr<BIGNUM> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(&x509), nullptr));
  std::vector<uint8_t> bytes;
  if (number != nullptr) {
    bytes.resize(BN_num_bytes(number.get()));
    BN_bn2bin(number.get(), bytes.data());
  }
  return bytes;
}

bool ToSystemTime(const ASN1_TIME* time, std::chrono::sys_seconds& out) {
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (epoch == nullptr ||
      ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) {
    return false;
  }
  out = std::chrono::sys_seconds(std::chrono::seconds(
      (int64_t{days} * int64_t{24} * 60 * 60) + int64_t{seconds}));
  return true;
}

}  // namespace

bssl::UniquePtr<X509> ParseX509(ByteView der) {
  const uint8_t* cursor = der.data();
  bssl::UniquePtr<X509> x509(
      d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
  if (x509 == nullptr || cursor != der.data() + der.size()) {
    ERR_clear_error();
    return nullptr;
  }
  return x509;
}

std::string CommonNameOf(const X509& x509) {
  return CommonName(x509);
}

CertificatePin CertificatePin::Of(ByteView der) {
  CertificatePin pin;
  SHA256(der.data(), der.size(), pin.sha256.data());
  return pin;
}

Result<CertificatePin> CertificatePin::Parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) {
    return Fail(Errc::kBadEncoding);
  }
  CertificatePin pin;
  const auto decoded = FromHexExact(text.substr(kPrefix.size()), pin.sha256);
  if (!decoded) {
    return std::unexpected(decoded.error());
  }
  return pin;
}

std::string CertificatePin::ToString() const {
  return std::string(kPrefix) + ToHex(sha256);
}

Result<CertificateInfo> ParseCertificate(ByteView der) {
  const auto x509 = ParseX509(der);
  CertificateInfo info;
  if (x509 == nullptr ||
      !ToSystemTime(X509_get0_notBefore(x509.get()), info.not_before) ||
      !ToSystemTime(X509_get0_notAfter(x509.get()), info.not_after)) {
    ERR_clear_error();
    return Fail(Errc::kBadCertificate);
  }
  info.common_name = CommonName(*x509);
  info.serial = Serial(*x509);
  info.extension_count = static_cast<size_t>(X509_get_ext_count(x509.get()));
  info.is_authority = X509_check_ca(x509.get()) != 0;
  ERR_clear_error();
  return info;
}

Result<std::vector<Der>> CertificatesFromPem(std::string_view pem) {
  const bssl::UniquePtr<BIO> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Der> certificates;
  char* name = nullptr;
  char* header = nullptr;
  uint8_t* data = nullptr;
  long size = 0;
  bool is_valid = true;
  while (PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1) {
    const bssl::UniquePtr<char> name_owner(name);
    const bssl::UniquePtr<char> header_owner(header);
    const bssl::UniquePtr<uint8_t> data_owner(data);
    if (std::string_view(name) == PEM_STRING_X509) {
      Der der(data, data + size);
      is_valid = is_valid && ParseX509(der) != nullptr;
      certificates.push_back(std::move(der));
    }
  }
  // Only "no further BEGIN line" is a proper end; anything else is damage.
  is_valid =
      is_valid && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!is_valid || certificates.empty()) {
    return Fail(Errc::kBadCertificate);
  }
  return certificates;
}

}  // namespace natkit::tls
