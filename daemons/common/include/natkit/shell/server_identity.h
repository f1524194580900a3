#pragma once

#include <string>

#include "natkit/shell/outcome.h"
#include "natkit/tls/identity.h"

namespace natkit::shell {

/// Where a server's certificate is, and what to do when it is not there.
struct IdentityFiles {
  std::string certificate;  ///< PEM: the chain, leaf first
  std::string private_key;  ///< PEM
  /// The DNS name or address of a certificate that signs itself, which is made
  /// if both files are missing; empty: none is made.
  std::string self_signed_name;
  bool is_dry_run = false;  ///< files that would be made are not
};

/// Reads a server's certificate and key. Warns in the log of a certificate that
/// has expired or soon will. The private key's file may be read by its group
/// (as Debian's ssl-cert does it) but not by everybody. The error is for the
/// operator and names the file.
[[nodiscard]] Outcome<tls::Identity> LoadServerIdentity(
    const IdentityFiles& files);

/// A certificate that signs itself, in memory. `name` as above.
[[nodiscard]] Outcome<tls::Identity> MakeSelfSignedIdentity(
    const std::string& name);

}  // namespace natkit::shell
