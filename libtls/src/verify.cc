#include "verify.h"

#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <utility>
#include <vector>

#include "natkit/base/endpoint.h"
#include "x509_util.h"

namespace natkit::tls {
namespace {

/// Subject CN of DERP's meta certificate, which says nothing about trust.
constexpr std::string_view kMetaCertificatePrefix = "derpkey";

struct PeerCertificate {
  Der der;
  bssl::UniquePtr<X509> x509;
};

/// The outcome of one check: empty text means accepted.
struct Verdict {
  uint8_t alert = SSL_AD_CERTIFICATE_UNKNOWN;
  std::string failure;
};

std::optional<std::vector<PeerCertificate>> PeerCertificates(SSL* ssl) {
  std::vector<PeerCertificate> certificates;
  const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(ssl);
  for (size_t i = 0; chain != nullptr && i < sk_CRYPTO_BUFFER_num(chain); ++i) {
    const CRYPTO_BUFFER* buffer = sk_CRYPTO_BUFFER_value(chain, i);
    const uint8_t* bytes = CRYPTO_BUFFER_data(buffer);
    Der der(bytes, bytes + CRYPTO_BUFFER_len(buffer));
    auto x509 = ParseX509(der);
    if (x509 == nullptr) {
      return std::nullopt;
    }
    certificates.push_back({std::move(der), std::move(x509)});
  }
  return certificates;
}

bool IsValidFor(X509* leaf, const std::string& name) {
  if (const auto ip = IpAddress::Parse(name)) {
    return X509_check_ip(leaf, ip->bytes().data(), ip->bytes().size(), 0) == 1;
  }
  return X509_check_host(leaf, name.data(), name.size(),
                         X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
}

Verdict CheckName(X509* leaf, const std::string& name) {
  if (IsValidFor(leaf, name)) {
    return {};
  }
  return {SSL_AD_BAD_CERTIFICATE, "certificate is not valid for " + name};
}

/// X509_cmp_time's answer for "now": < 0 is earlier than `time`'s far side.
int CompareWithNow(const ASN1_TIME* time, const PeerCheck& check) {
  if (!check.context->verification_time) {
    return X509_cmp_current_time(time);
  }
  time_t now = check.context->verification_time->time_since_epoch().count();
  return X509_cmp_time(time, &now);
}

Verdict CheckDates(X509* leaf, const PeerCheck& check) {
  if (CompareWithNow(X509_get0_notBefore(leaf), check) >= 0) {
    return {SSL_AD_CERTIFICATE_EXPIRED, "certificate is not yet valid"};
  }
  if (CompareWithNow(X509_get0_notAfter(leaf), check) <= 0) {
    return {SSL_AD_CERTIFICATE_EXPIRED, "certificate has expired"};
  }
  return {};
}

Verdict CheckPin(const std::vector<PeerCertificate>& chain,
                 const PeerCheck& check) {
  const PeerCertificate* only = nullptr;
  for (const auto& certificate : chain) {
    if (CommonNameOf(*certificate.x509).starts_with(kMetaCertificatePrefix)) {
      continue;
    }
    if (only != nullptr) {
      return {SSL_AD_BAD_CERTIFICATE,
              "more than one certificate where one is pinned"};
    }
    only = &certificate;
  }
  if (only == nullptr) {
    return {SSL_AD_BAD_CERTIFICATE, "no certificate to compare with the pin"};
  }
  if (CertificatePin::Of(only->der) != *check.pin) {
    return {SSL_AD_BAD_CERTIFICATE, "certificate differs from the pinned one"};
  }
  Verdict dates = CheckDates(only->x509.get(), check);
  if (!dates.failure.empty() || check.is_host_literal) {
    return dates;
  }
  return CheckName(only->x509.get(), check.host);
}

Verdict BuildChain(const std::vector<PeerCertificate>& chain,
                   const PeerCheck& check) {
  const bssl::UniquePtr<STACK_OF(X509)> candidates(sk_X509_new_null());
  for (size_t i = 1; i < chain.size(); ++i) {
    bssl::PushToStack(candidates.get(), bssl::UpRef(chain[i].x509));
  }
  const bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  if (context == nullptr ||
      X509_STORE_CTX_init(context.get(), check.context->roots.get(),
                          chain.front().x509.get(), candidates.get()) != 1 ||
      X509_STORE_CTX_set_default(context.get(), "ssl_server") != 1) {
    return {SSL_AD_INTERNAL_ERROR, "out of memory"};
  }
  if (check.context->verification_time) {
    X509_VERIFY_PARAM_set_time(
        X509_STORE_CTX_get0_param(context.get()),
        check.context->verification_time->time_since_epoch().count());
  }
  if (X509_verify_cert(context.get()) == 1) {
    return {};
  }
  const int error = X509_STORE_CTX_get_error(context.get());
  const bool is_date = error == X509_V_ERR_CERT_HAS_EXPIRED ||
                       error == X509_V_ERR_CERT_NOT_YET_VALID;
  return {static_cast<uint8_t>(is_date ? SSL_AD_CERTIFICATE_EXPIRED
                                       : SSL_AD_UNKNOWN_CA),
          X509_verify_cert_error_string(error)};
}

Verdict CheckPeer(SSL* ssl, const PeerCheck& check) {
  const auto chain = PeerCertificates(ssl);
  if (!chain || chain->empty()) {
    return {SSL_AD_BAD_CERTIFICATE, "a certificate does not parse"};
  }
  if (check.pin) {
    return CheckPin(*chain, check);
  }
  Verdict verdict = BuildChain(*chain, check);
  if (!verdict.failure.empty()) {
    return verdict;
  }
  return CheckName(chain->front().x509.get(), check.verify_name);
}

}  // namespace

void SetPeerCheck(SSL* ssl, PeerCheck* check) {
  SSL_set_app_data(ssl, check);
}

ssl_verify_result_t VerifyPeer(SSL* ssl, uint8_t* out_alert) {
  auto* check = static_cast<PeerCheck*>(SSL_get_app_data(ssl));
  if (check->context->verification == Verification::kInsecureForTests) {
    return ssl_verify_ok;
  }
  Verdict verdict = CheckPeer(ssl, *check);
  ERR_clear_error();
  if (verdict.failure.empty()) {
    return ssl_verify_ok;
  }
  check->failure = std::move(verdict.failure);
  *out_alert = verdict.alert;
  return ssl_verify_invalid;
}

}  // namespace natkit::tls
