#pragma once

#include <string>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/io/file.h"
#include "natkit/shell/outcome.h"

namespace natkit::shell {

/// A whole file of at most 16 MiB. The error names the file and the reason.
[[nodiscard]] Outcome<std::string> ReadFile(const std::string& path);

/// As ReadFile, for secrets: refuses a file that anybody but its owner may
/// read or write. Files in $CREDENTIALS_DIRECTORY (systemd's LoadCredential=)
/// are what the service manager makes them.
[[nodiscard]] Outcome<io::SecretBytes> ReadSecretFile(const std::string& path);

/// Creates a file of mode 0600 with `content`, complete on disk or not at all;
/// fails if it is there already.
[[nodiscard]] Outcome<void> CreateSecretFile(const std::string& path,
                                             ByteView content);

/// Reads a private key: {"PrivateKey":"privkey:<hex>"} as relays keep it, or
/// one line of base64 as `wg genkey` writes it.
[[nodiscard]] Outcome<StaticPrivateKey> LoadKeyFile(const std::string& path);

/// LoadKeyFile(), or a fresh key saved as JSON if the file is not there. Its
/// folder is made too.
[[nodiscard]] Outcome<StaticPrivateKey> LoadOrCreateKeyFile(
    const std::string& path, Rng& rng);

/// The system's trusted roots as PEM: $SSL_CERT_FILE or the first bundle at a
/// usual place.
[[nodiscard]] Outcome<std::string> ReadSystemRoots();

}  // namespace natkit::shell
