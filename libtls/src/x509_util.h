#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/tls/certificate.h"
#include "natkit/tls/identity.h"

namespace natkit::tls {

/// Parses exactly one certificate; null when it is not one.
[[nodiscard]] bssl::UniquePtr<X509> ParseX509(ByteView der);

/// The subject's first CN, empty if none.
[[nodiscard]] std::string CommonNameOf(const X509& x509);

struct Identity::Impl {
  std::vector<Der> chain;
  bssl::UniquePtr<EVP_PKEY> key;
};

}  // namespace natkit::tls
