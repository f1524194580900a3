#include "natkit/shell/files.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <utility>

namespace natkit::shell {
namespace {

constexpr size_t kMaxFileSize = size_t{16} << 20;

std::string Describe(const std::string& path, Errc code) {
  if (code == Errc::kInsecureFile) {
    return path + ": holds a secret but others may read it; run 'chmod 600 " +
           path + "'";
  }
  if (code == Errc::kBadValue) {
    return path + ": is not a regular file";
  }
  return path + ": " + std::string(ErrcName(code));
}

/// Whether the service manager put it there (LoadCredential= of systemd): only
/// the service can reach the folder, but files in it can be root's and let the
/// service read them by an ACL, which looks like a permission of the group.
bool IsCredential(const std::string& path) {
  const char* variable = std::getenv("CREDENTIALS_DIRECTORY");
  const std::string_view folder = variable == nullptr ? "" : variable;
  return !folder.empty() &&
         std::string_view(path).substr(0, path.rfind('/')) == folder;
}

}  // namespace

Outcome<std::string> ReadFile(const std::string& path) {
  const auto bytes = io::ReadFile(path, kMaxFileSize);
  if (!bytes) {
    return std::unexpected(Describe(path, bytes.error().code));
  }
  return std::string(AsText(*bytes));
}

Outcome<io::SecretBytes> ReadSecretFile(const std::string& path) {
  if (IsCredential(path)) {
    auto bytes = io::ReadFile(path, kMaxFileSize);
    if (!bytes) {
      return std::unexpected(Describe(path, bytes.error().code));
    }
    return io::SecretBytes(*std::move(bytes));
  }
  auto bytes = io::ReadSecretFile(path, kMaxFileSize);
  if (!bytes) {
    return std::unexpected(Describe(path, bytes.error().code));
  }
  return std::move(*bytes);
}

Outcome<void> CreateSecretFile(const std::string& path, ByteView content) {
  if (access(path.c_str(), F_OK) == 0) {
    return std::unexpected(Describe(path, Errc::kAlreadyExists));
  }
  const auto written = io::WriteFileAtomically(path, content);
  if (!written) {
    return std::unexpected(Describe(path, written.error().code));
  }
  return {};
}

Outcome<std::string> ReadSystemRoots() {
  if (const char* path = std::getenv("SSL_CERT_FILE"); path != nullptr) {
    return ReadFile(path);
  }
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt",
                           "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}) {
    if (access(path, R_OK) == 0) {
      return ReadFile(path);
    }
  }
  return std::unexpected(
      std::string("no trusted root certificates found; install the package "
                  "ca-certificates or set SSL_CERT_FILE"));
}

}  // namespace natkit::shell
