#include "natkit/tls/context.h"

#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "alpn.h"
#include "context_impl.h"
#include "verify.h"
#include "x509_util.h"

namespace natkit::tls {
namespace {

/// TLS 1.2 suites with forward secrecy and an AEAD; TLS 1.3 has no others.
constexpr char kCipherList[] = "ECDHE+CHACHA20:ECDHE+AESGCM";
constexpr char kCurves[] = "X25519:P-256:P-384";

uint16_t WireVersion(Version version) {
  return version == Version::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

bssl::UniquePtr<SSL_CTX> MakeContext(Version min_version, Version max_version) {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_with_buffers_method()));
  if (context == nullptr ||
      SSL_CTX_set_min_proto_version(context.get(), WireVersion(min_version)) !=
          1 ||
      SSL_CTX_set_max_proto_version(context.get(), WireVersion(max_version)) !=
          1 ||
      SSL_CTX_set_strict_cipher_list(context.get(), kCipherList) != 1 ||
      SSL_CTX_set1_curves_list(context.get(), kCurves) != 1) {
    return nullptr;
  }
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

bssl::UniquePtr<SSL_CTX> MakeServerContext(const Identity& identity,
                                           const ServerOptions& options) {
  auto context = MakeContext(options.min_version, Version::kTls13);
  if (context == nullptr) {
    return nullptr;
  }
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> owners;
  std::vector<CRYPTO_BUFFER*> chain;
  for (const auto* certificates : {&identity.chain(), &options.appended}) {
    for (const auto& der : *certificates) {
      owners.emplace_back(CRYPTO_BUFFER_new(der.data(), der.size(), nullptr));
      chain.push_back(owners.back().get());
    }
  }
  // Sends exactly these, in this order: no chain is built, so what has nothing
  // to do with the leaf is not dropped.
  if (SSL_CTX_set_chain_and_key(context.get(), chain.data(), chain.size(),
                                identity.impl().key.get(), nullptr) != 1) {
    return nullptr;
  }
  return context;
}

/// Adds what can be added; false only when nothing could.
bool AddRoots(X509_STORE* store, const std::string& pem) {
  const auto certificates = CertificatesFromPem(pem);
  if (!certificates) {
    return false;
  }
  bool added = false;
  for (const auto& der : *certificates) {
    const auto x509 = ParseX509(der);
    added = (x509 != nullptr && X509_STORE_add_cert(store, x509.get()) == 1) ||
            added;
  }
  return added;
}

}  // namespace

Result<ServerContext> ServerContext::Make(const Identity& identity,
                                          const ServerOptions& options) {
  auto alpn = EncodeAlpn(options.alpn);
  if (!alpn) {
    return std::unexpected(alpn.error());
  }
  auto impl = std::make_shared<Impl>();
  impl->alpn = std::move(*alpn);
  impl->context = MakeServerContext(identity, options);
  ERR_clear_error();
  if (impl->context == nullptr) {
    return Fail(Errc::kBadCertificate);
  }
  if (!impl->alpn.empty()) {
    SelectAlpnFrom(impl->context.get(), &impl->alpn);
  }
  return ServerContext(std::move(impl), options);
}

Result<void> ServerContext::Reload(const Identity& identity) {
  auto replacement = Make(identity, options_);
  if (!replacement) {
    return std::unexpected(replacement.error());
  }
  impl_ = replacement->impl_;
  return {};
}

Result<ClientContext> ClientContext::Make(const ClientOptions& options) {
  const auto alpn = EncodeAlpn(options.alpn);
  if (!alpn) {
    return std::unexpected(alpn.error());
  }
  auto impl = std::make_shared<Impl>();
  impl->context = MakeContext(options.min_version, options.max_version);
  impl->roots.reset(X509_STORE_new());
  impl->verification = options.verification;
  impl->verification_time = options.verification_time;
  if (impl->context == nullptr || impl->roots == nullptr ||
      !OfferAlpn(impl->context.get(), *alpn)) {
    ERR_clear_error();
    return Fail(Errc::kInvalidState);
  }
  const bool has_roots = options.roots_pem.empty() ||
                         AddRoots(impl->roots.get(), options.roots_pem);
  ERR_clear_error();
  if (!has_roots) {
    return Fail(Errc::kBadCertificate);
  }
  SSL_CTX_set_custom_verify(impl->context.get(), SSL_VERIFY_PEER, VerifyPeer);
  return ClientContext(std::move(impl));
}

}  // namespace natkit::tls
