#pragma once

#include <optional>

#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/derp/login_info.h"
#include "natkit/shell/outcome.h"
#include "natkit/tls/context.h"
#include "natkit/tls/identity.h"
#include "options.h"

namespace natkit::derpd {

/// The relay's secrets, loaded or made as the options say.
struct Credentials {
  StaticPrivateKey private_key;
  std::optional<derp::MeshKey> mesh_key;
  std::optional<tls::Identity> identity;  ///< none: plain
};

/// Reads the files. With Options::is_check nothing is created.
[[nodiscard]] shell::Outcome<Credentials> LoadCredentials(
    const Options& options, Rng& rng);

/// The certificate alone, for a reload.
[[nodiscard]] shell::Outcome<tls::Identity> LoadIdentity(
    const Options& options);

/// A TLS context whose chain ends with the relay's meta certificate.
[[nodiscard]] shell::Outcome<tls::ServerContext> MakeTlsContext(
    const Credentials& credentials, Rng& rng);

}  // namespace natkit::derpd
