#include "natkit/shell/server_identity.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "natkit/io/event_loop.h"
#include "natkit/io/file.h"
#include "natkit/shell/files.h"
#include "natkit/shell/logging.h"

namespace natkit::shell {
namespace {

constexpr auto kExpiryWarning = std::chrono::days(14);

std::chrono::sys_seconds Today() {
  return std::chrono::floor<std::chrono::seconds>(io::EventLoop::UnixNow());
}

bool Exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

Outcome<void> CreateFiles(const IdentityFiles& files,
                          const tls::Identity& identity) {
  std::string pem = identity.ExposePrivateKeyPem();
  const auto key = CreateSecretFile(files.private_key, AsBytes(pem));
  WipeBytes({reinterpret_cast<uint8_t*>(pem.data()), pem.size()});
  if (!key) {
    return key;
  }
  return CreateSecretFile(files.certificate, AsBytes(identity.ChainPem()));
}

void WarnOfExpiry(const IdentityFiles& files, const tls::Identity& identity) {
  const auto info = tls::ParseCertificate(identity.chain().front());
  if (info && info->not_after < Today() + kExpiryWarning) {
    Log(LogLevel::kWarning,
        files.certificate + (info->not_after < Today()
                                 ? ": the certificate has expired"
                                 : ": the certificate expires soon"));
  }
}

std::string DescribePemFailure(const IdentityFiles& files, Errc code) {
  switch (code) {
    case Errc::kBadPrivateKey:
      return files.private_key + ": no usable PEM private key";
    case Errc::kKeyMismatch:
      return files.private_key + ": is not the key of the certificate in " +
             files.certificate;
    default:
      return files.certificate + ": no usable PEM certificate chain";
  }
}

Outcome<io::SecretBytes> ReadPrivateKey(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
    return std::unexpected(path +
                           ": holds a secret but everybody may read it; run "
                           "'chmod o= " +
                           path + "'");
  }
  auto text = ReadFile(path);
  if (!text) {
    return std::unexpected(text.error());
  }
  io::SecretBytes secret({text->begin(), text->end()});
  WipeBytes({reinterpret_cast<uint8_t*>(text->data()), text->size()});
  return secret;
}

}  // namespace

Outcome<tls::Identity> MakeSelfSignedIdentity(const std::string& name) {
  auto identity =
      tls::Identity::SelfSigned(tls::SelfSignedServerSpec(name, Today()));
  if (!identity) {
    return std::unexpected("cannot make a certificate for '" + name + "'");
  }
  return std::move(*identity);
}

Outcome<tls::Identity> LoadServerIdentity(const IdentityFiles& files) {
  if (!files.self_signed_name.empty() && !Exists(files.certificate) &&
      !Exists(files.private_key)) {
    auto made = MakeSelfSignedIdentity(files.self_signed_name);
    if (!made || files.is_dry_run) {
      return made;
    }
    if (const auto created = CreateFiles(files, *made); !created) {
      return std::unexpected(created.error());
    }
  }
  const auto chain = ReadFile(files.certificate);
  if (!chain) {
    return std::unexpected(chain.error());
  }
  const auto key = ReadPrivateKey(files.private_key);
  if (!key) {
    return std::unexpected(key.error());
  }
  auto identity = tls::Identity::FromPem(*chain, AsText(key->Expose()));
  if (!identity) {
    return std::unexpected(DescribePemFailure(files, identity.error().code));
  }
  WarnOfExpiry(files, *identity);
  return std::move(*identity);
}

}  // namespace natkit::shell
