#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "context_impl.h"
#include "natkit/tls/certificate.h"

namespace natkit::tls {

/// What one client channel expects of its peer, and why it was not met.
struct PeerCheck {
  std::shared_ptr<const ClientContext::Impl> context;
  std::string host;         ///< what was sent as SNI or dialled as a literal
  std::string verify_name;  ///< the name that the certificate must carry
  bool is_host_literal = false;
  std::optional<CertificatePin> pin;
  std::string failure;  ///< set by VerifyPeer, in words
};

/// Binds `check` to `ssl`, which must not outlive it.
void SetPeerCheck(SSL* ssl, PeerCheck* check);

/// BoringSSL's custom verification hook for clients.
ssl_verify_result_t VerifyPeer(SSL* ssl, uint8_t* out_alert);

}  // namespace natkit::tls
