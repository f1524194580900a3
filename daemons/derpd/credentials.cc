#include "credentials.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "natkit/derp/key_text.h"
#include "natkit/derp/meta_certificate.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/file.h"
#include "natkit/shell/files.h"
#include "natkit/shell/logging.h"

namespace natkit::derpd {
namespace {

constexpr auto kExpiryWarning = std::chrono::days(14);

std::chrono::sys_seconds Today() {
  return std::chrono::floor<std::chrono::seconds>(io::EventLoop::UnixNow());
}

bool Exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

shell::Outcome<tls::Identity> MakeSelfSigned(const Options& options) {
  auto identity = tls::Identity::SelfSigned(
      tls::SelfSignedServerSpec(options.hostname, Today()));
  if (!identity) {
    return std::unexpected("cannot make a certificate for '" +
                           options.hostname + "'");
  }
  return std::move(*identity);
}

shell::Outcome<void> CreateSelfSignedFiles(const Options& options) {
  const auto identity = MakeSelfSigned(options);
  if (!identity) {
    return std::unexpected(identity.error());
  }
  std::string pem = identity->ExposePrivateKeyPem();
  const auto key = shell::CreateSecretFile(options.private_key, AsBytes(pem));
  WipeBytes({reinterpret_cast<uint8_t*>(pem.data()), pem.size()});
  if (!key) {
    return key;
  }
  return shell::CreateSecretFile(options.certificate,
                                 AsBytes(identity->ChainPem()));
}

void WarnOfExpiry(const Options& options, const tls::Identity& identity) {
  const auto info = tls::ParseCertificate(identity.chain().front());
  if (info && info->not_after < Today() + kExpiryWarning) {
    shell::Log(LogLevel::kWarning,
               options.certificate + (info->not_after < Today()
                                          ? ": the certificate has expired"
                                          : ": the certificate expires soon"));
  }
}

std::string DescribePemFailure(const Options& options, Errc code) {
  switch (code) {
    case Errc::kBadPrivateKey:
      return options.private_key + ": no usable PEM private key";
    case Errc::kKeyMismatch:
      return options.private_key + ": is not the key of the certificate in " +
             options.certificate;
    default:
      return options.certificate + ": no usable PEM certificate chain";
  }
}

/// A group may read it (as Debian's ssl-cert does), everybody may not.
shell::Outcome<io::SecretBytes> ReadTlsKey(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
    return std::unexpected(path +
                           ": holds a secret but everybody may read it; run "
                           "'chmod o= " +
                           path + "'");
  }
  auto text = shell::ReadFile(path);
  if (!text) {
    return std::unexpected(text.error());
  }
  io::SecretBytes secret({text->begin(), text->end()});
  WipeBytes({reinterpret_cast<uint8_t*>(text->data()), text->size()});
  return secret;
}

shell::Outcome<StaticPrivateKey> LoadRelayKey(const Options& options,
                                              Rng& rng) {
  if (options.is_dev && options.key_file.empty()) {
    return GeneratePrivateKey(rng);
  }
  if (options.is_check && !Exists(options.key_file)) {
    return GeneratePrivateKey(rng);  // would be made at the start
  }
  return shell::LoadOrCreateKeyFile(options.key_file, rng);
}

shell::Outcome<std::optional<derp::MeshKey>> LoadMeshKey(
    const std::string& path) {
  if (path.empty()) {
    return std::nullopt;
  }
  const auto content = shell::ReadSecretFile(path);
  if (!content) {
    return std::unexpected(content.error());
  }
  const std::string_view text = AsText(content->Expose());
  auto key = derp::ParseMeshKey(text.substr(0, text.find_first_of(" \t\r\n")));
  if (!key) {
    return std::unexpected(path + ": a mesh key is 64 hex digits");
  }
  return std::optional(std::move(*key));
}

}  // namespace

shell::Outcome<tls::Identity> LoadIdentity(const Options& options) {
  const bool has_files = !options.certificate.empty();
  if (!has_files) {
    return MakeSelfSigned(options);
  }
  if (options.is_self_signed && !Exists(options.certificate) &&
      !Exists(options.private_key)) {
    if (options.is_check) {
      return MakeSelfSigned(options);
    }
    if (const auto made = CreateSelfSignedFiles(options); !made) {
      return std::unexpected(made.error());
    }
  }
  const auto chain = shell::ReadFile(options.certificate);
  if (!chain) {
    return std::unexpected(chain.error());
  }
  const auto key = ReadTlsKey(options.private_key);
  if (!key) {
    return std::unexpected(key.error());
  }
  auto identity = tls::Identity::FromPem(*chain, AsText(key->Expose()));
  if (!identity) {
    return std::unexpected(DescribePemFailure(options, identity.error().code));
  }
  WarnOfExpiry(options, *identity);
  return std::move(*identity);
}

shell::Outcome<Credentials> LoadCredentials(const Options& options, Rng& rng) {
  Credentials credentials;
  auto private_key = LoadRelayKey(options, rng);
  if (!private_key) {
    return std::unexpected(private_key.error());
  }
  credentials.private_key = std::move(*private_key);
  auto mesh_key = LoadMeshKey(options.mesh_key_file);
  if (!mesh_key) {
    return std::unexpected(mesh_key.error());
  }
  credentials.mesh_key = std::move(*mesh_key);
  if (!options.is_plain) {
    auto identity = LoadIdentity(options);
    if (!identity) {
      return std::unexpected(identity.error());
    }
    credentials.identity = std::move(*identity);
  }
  return credentials;
}

shell::Outcome<tls::ServerContext> MakeTlsContext(
    const Credentials& credentials, Rng& rng) {
  auto meta = derp::BuildMetaCertificate(
      DerivePublicKey(credentials.private_key), Today(), rng);
  if (!meta) {
    return std::unexpected("cannot make the meta certificate");
  }
  auto context = tls::ServerContext::Make(*credentials.identity,
                                          {.appended = {std::move(*meta)}});
  if (!context) {
    return std::unexpected("the certificate is not usable for TLS");
  }
  return std::move(*context);
}

}  // namespace natkit::derpd
