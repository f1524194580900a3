#include "natkit/derp/meta_certificate.h"

#include <openssl/asn1.h>
#include <openssl/bytestring.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/obj.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string>
#include <string_view>

#include "natkit/base/secret.h"
#include "natkit/derp/frame.h"

namespace natkit::derp {
namespace {

constexpr std::string_view kNamePrefix = "derpkey";
constexpr int kX509Version3 = 2;
constexpr std::chrono::days kValidity{30};

bool SetName(X509& certificate, const PublicKey& server_key) {
  const std::string text = std::string(kNamePrefix) + server_key.ToHex();
  const ByteView bytes = AsBytes(text);
  X509_NAME* const subject = X509_get_subject_name(&certificate);
  // A plain string type: MBSTRING would enforce X.520's 64 characters, and
  // this name has 71.
  return X509_NAME_add_entry_by_NID(
             subject, NID_commonName, V_ASN1_PRINTABLESTRING, bytes.data(),
             static_cast<int>(bytes.size()), -1, 0) == 1 &&
         X509_set_issuer_name(&certificate, subject) == 1;
}

bool SetValidity(X509& certificate, std::chrono::sys_seconds wall_clock) {
  using std::chrono::system_clock;
  return ASN1_TIME_set(X509_getm_notBefore(&certificate),
                       system_clock::to_time_t(wall_clock - kValidity)) !=
             nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(&certificate),
                       system_clock::to_time_t(wall_clock + kValidity)) !=
             nullptr;
}

bool AddBasicConstraints(X509& certificate) {
  const bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(BASIC_CONSTRAINTS_new());
  return constraints != nullptr &&
         X509_add1_ext_i2d(&certificate, NID_basic_constraints,
                           constraints.get(), /*crit=*/1, /*flags=*/0) == 1;
}

bssl::UniquePtr<EVP_PKEY> MakeThrowAwayKey(Rng& rng) {
  Secret<struct ThrowAwayKeyTag, 32> seed;
  rng.Fill(seed.ExposeMutable());
  return bssl::UniquePtr<EVP_PKEY>(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, seed.Expose().data(), seed.Expose().size()));
}

Result<std::vector<uint8_t>> ToDer(X509& certificate) {
  uint8_t* raw = nullptr;
  const int size = i2d_X509(&certificate, &raw);
  const bssl::UniquePtr<uint8_t> der(raw);
  if (size <= 0) {
    return Fail(Errc::kBadCertificate);
  }
  return std::vector<uint8_t>(raw, raw + size);
}

// The one common name of a subject; none if it is not plain text.
std::optional<std::string> CommonNameOf(const X509& certificate) {
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) {
    return std::nullopt;
  }
  const ASN1_STRING* const text =
      X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
  return std::string(AsText({ASN1_STRING_get0_data(text),
                             static_cast<size_t>(ASN1_STRING_length(text))}));
}

std::optional<MetaCertificate> ReadMetaCertificate(ByteView der) {
  const uint8_t* position = der.data();
  const bssl::UniquePtr<X509> certificate(
      d2i_X509(nullptr, &position, static_cast<long>(der.size())));
  if (certificate == nullptr) {
    return std::nullopt;
  }
  const auto name = CommonNameOf(*certificate);
  if (!name || !name->starts_with(kNamePrefix)) {
    return std::nullopt;
  }
  const auto key =
      PublicKey::FromHex(std::string_view(*name).substr(kNamePrefix.size()));
  uint64_t serial = 0;
  if (!key || key->is_zero() ||
      ASN1_INTEGER_get_uint64(&serial,
                              X509_get0_serialNumber(certificate.get())) != 1 ||
      serial == 0 || serial > UINT8_MAX) {
    return std::nullopt;
  }
  return MetaCertificate{*key, static_cast<uint8_t>(serial)};
}

}  // namespace

Result<std::vector<uint8_t>> BuildMetaCertificate(
    const PublicKey& server_key, std::chrono::sys_seconds wall_clock,
    Rng& rng) {
  const bssl::UniquePtr<EVP_PKEY> key = MakeThrowAwayKey(rng);
  const bssl::UniquePtr<X509> certificate(X509_new());
  if (key == nullptr || certificate == nullptr ||
      X509_set_version(certificate.get(), kX509Version3) != 1 ||
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()),
                              kProtocolVersion) != 1 ||
      !SetName(*certificate, server_key) ||
      !SetValidity(*certificate, wall_clock) ||
      !AddBasicConstraints(*certificate) ||
      X509_set_pubkey(certificate.get(), key.get()) != 1 ||
      X509_sign(certificate.get(), key.get(), nullptr) == 0) {
    return Fail(Errc::kBadCertificate);
  }
  return ToDer(*certificate);
}

std::optional<MetaCertificate> FindMetaCertificate(
    std::span<const ByteView> chain) {
  for (const ByteView der : chain) {
    if (const auto found = ReadMetaCertificate(der)) {
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace natkit::derp
