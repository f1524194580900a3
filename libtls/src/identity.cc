#include "natkit/tls/identity.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <utility>

#include "x509_util.h"

namespace natkit::tls {
namespace {

constexpr auto kSelfSignedLifetime = std::chrono::days(365);
constexpr auto kClockSkewAllowance = std::chrono::hours(1);
constexpr size_t kMaxCommonName = 64;  // RFC 5280 ub-common-name

bssl::UniquePtr<EVP_PKEY> GenerateKey(KeyKind kind) {
  bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_id(
      kind == KeyKind::kEd25519 ? EVP_PKEY_ED25519 : EVP_PKEY_EC, nullptr));
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_keygen_init(context.get()) != 1 ||
      (kind == KeyKind::kEcdsaP256 &&
       EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(),
                                              NID_X9_62_prime256v1) != 1) ||
      EVP_PKEY_keygen(context.get(), &key) != 1) {
    return nullptr;
  }
  return bssl::UniquePtr<EVP_PKEY>(key);
}

/// DERP's meta certificate has a CN of 71 characters. X.509 allows 64, which
/// only the MBSTRING_ types enforce; a plain UTF8String is taken as it is.
bool SetName(X509_NAME* name, const std::string& common_name) {
  return common_name.empty() ||
         X509_NAME_add_entry_by_NID(
             name, NID_commonName, V_ASN1_UTF8STRING,
             reinterpret_cast<const uint8_t*>(common_name.data()),
             static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool SetSerial(X509* x509, uint64_t serial) {
  const bssl::UniquePtr<ASN1_INTEGER> number(ASN1_INTEGER_new());
  return number != nullptr &&
         ASN1_INTEGER_set_uint64(number.get(), serial) == 1 &&
         X509_set_serialNumber(x509, number.get()) == 1;
}

bool SetDates(X509* x509, const CertificateSpec& spec) {
  return ASN1_TIME_set(X509_getm_notBefore(x509),
                       spec.not_before.time_since_epoch().count()) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(x509),
                       spec.not_after.time_since_epoch().count()) != nullptr;
}

bool AddBasicConstraints(X509* x509, bool is_authority) {
  const bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(BASIC_CONSTRAINTS_new());
  if (constraints == nullptr) {
    return false;
  }
  constraints->ca = is_authority ? 0xff : 0;
  return X509_add1_ext_i2d(x509, NID_basic_constraints, constraints.get(), 1,
                           0) == 1;
}

bool AddGeneralName(GENERAL_NAMES* names, int type, int string_type,
                    ByteView value) {
  bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  bssl::UniquePtr<ASN1_STRING> text(ASN1_STRING_type_new(string_type));
  if (name == nullptr || text == nullptr ||
      ASN1_STRING_set(text.get(), value.data(),
                      static_cast<int>(value.size())) != 1) {
    return false;
  }
  GENERAL_NAME_set0_value(name.get(), type, text.release());
  return bssl::PushToStack(names, std::move(name));
}

bool AddAlternativeNames(X509* x509, const CertificateSpec& spec) {
  if (spec.dns_names.empty() && spec.ip_addresses.empty()) {
    return true;
  }
  const bssl::UniquePtr<GENERAL_NAMES> names(sk_GENERAL_NAME_new_null());
  bool ok = names != nullptr;
  for (const auto& dns : spec.dns_names) {
    ok = ok &&
         AddGeneralName(names.get(), GEN_DNS, V_ASN1_IA5STRING, AsBytes(dns));
  }
  for (const auto& ip : spec.ip_addresses) {
    ok = ok && AddGeneralName(names.get(), GEN_IPADD, V_ASN1_OCTET_STRING,
                              ip.bytes());
  }
  return ok &&
         X509_add1_ext_i2d(x509, NID_subject_alt_name, names.get(), 0, 0) == 1;
}

Der Encode(X509* x509) {
  uint8_t* bytes = nullptr;
  const int size = i2d_X509(x509, &bytes);
  if (size <= 0) {
    return {};
  }
  const bssl::UniquePtr<uint8_t> owner(bytes);
  return {bytes, bytes + size};
}

/// `issuer` and `issuer_key` null: the certificate signs itself.
Der Sign(const CertificateSpec& spec, EVP_PKEY* key, X509* issuer,
         EVP_PKEY* issuer_key) {
  const bssl::UniquePtr<X509> x509(X509_new());
  if (x509 == nullptr || X509_set_version(x509.get(), X509_VERSION_3) != 1 ||
      !SetSerial(x509.get(), spec.serial) || !SetDates(x509.get(), spec) ||
      !SetName(X509_get_subject_name(x509.get()), spec.common_name) ||
      X509_set_issuer_name(x509.get(),
                           X509_get_subject_name(
                               issuer != nullptr ? issuer : x509.get())) != 1 ||
      X509_set_pubkey(x509.get(), key) != 1 ||
      !AddBasicConstraints(x509.get(), spec.is_authority) ||
      !AddAlternativeNames(x509.get(), spec)) {
    return {};
  }
  EVP_PKEY* signer = issuer_key != nullptr ? issuer_key : key;
  const EVP_MD* digest =
      EVP_PKEY_id(signer) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  return X509_sign(x509.get(), signer, digest) > 0 ? Encode(x509.get()) : Der{};
}

bssl::UniquePtr<EVP_PKEY> ReadPrivateKey(std::string_view pem) {
  const bssl::UniquePtr<BIO> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // Without this the library would ask for a passphrase on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

std::string Contents(BIO* bio) {
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  return BIO_mem_contents(bio, &bytes, &size) == 1
             ? std::string(AsText(ByteView(bytes, size)))
             : std::string();
}

}  // namespace

CertificateSpec SelfSignedServerSpec(std::string_view host,
                                     std::chrono::sys_seconds now) {
  CertificateSpec spec;
  spec.common_name = host.substr(0, kMaxCommonName);
  spec.not_before = now - kClockSkewAllowance;
  spec.not_after = now + kSelfSignedLifetime;
  if (const auto ip = IpAddress::Parse(host)) {
    spec.ip_addresses.push_back(*ip);
  } else {
    spec.dns_names.emplace_back(host);
  }
  return spec;
}

Result<Identity> Identity::FromPem(std::string_view chain_pem,
                                   std::string_view key_pem) {
  auto chain = CertificatesFromPem(chain_pem);
  if (!chain) {
    return std::unexpected(chain.error());
  }
  auto key = ReadPrivateKey(key_pem);
  if (key == nullptr) {
    return Fail(Errc::kBadPrivateKey);
  }
  const auto leaf = ParseX509(chain->front());
  const bool matches =
      leaf != nullptr && X509_check_private_key(leaf.get(), key.get()) == 1;
  ERR_clear_error();
  if (!matches) {
    return Fail(Errc::kKeyMismatch);
  }
  return Identity(
      std::make_shared<const Impl>(std::move(*chain), std::move(key)));
}

Result<Identity> Identity::SelfSigned(const CertificateSpec& spec) {
  auto key = GenerateKey(spec.key_kind);
  Der der;
  if (key != nullptr) {
    der = Sign(spec, key.get(), nullptr, nullptr);
  }
  ERR_clear_error();
  if (der.empty()) {
    return Fail(Errc::kBadValue);
  }
  return Identity(std::make_shared<const Impl>(std::vector<Der>{std::move(der)},
                                               std::move(key)));
}

Result<Identity> Identity::Issue(const CertificateSpec& spec) const {
  auto key = GenerateKey(spec.key_kind);
  const auto issuer = ParseX509(impl_->chain.front());
  Der der;
  if (key != nullptr && issuer != nullptr) {
    der = Sign(spec, key.get(), issuer.get(), impl_->key.get());
  }
  ERR_clear_error();
  if (der.empty()) {
    return Fail(Errc::kBadValue);
  }
  return Identity(std::make_shared<const Impl>(std::vector<Der>{std::move(der)},
                                               std::move(key)));
}

const std::vector<Der>& Identity::chain() const {
  return impl_->chain;
}

CertificatePin Identity::pin() const {
  return CertificatePin::Of(impl_->chain.front());
}

std::string Identity::ChainPem() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  for (const auto& der : impl_->chain) {
    const auto x509 = ParseX509(der);
    PEM_write_bio_X509(bio.get(), x509.get());
  }
  return Contents(bio.get());
}

std::string Identity::ExposePrivateKeyPem() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), impl_->key.get(), nullptr, nullptr,
                                0, nullptr, nullptr);
  return Contents(bio.get());
}

}  // namespace natkit::tls
