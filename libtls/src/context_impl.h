#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>
#include <optional>

#include "natkit/tls/context.h"

namespace natkit::tls {

struct ServerContext::Impl {
  /// Protocol names as ALPN carries them; `context` points here, so it is
  /// before it and every server channel holds this Impl.
  std::vector<uint8_t> alpn;
  bssl::UniquePtr<SSL_CTX> context;
};

struct ClientContext::Impl {
  bssl::UniquePtr<SSL_CTX> context;
  bssl::UniquePtr<X509_STORE> roots;
  Verification verification = Verification::kVerify;
  std::optional<std::chrono::sys_seconds> verification_time;
};

}  // namespace natkit::tls
