#include "credentials.h"

#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "natkit/derp/key_text.h"
#include "natkit/derp/meta_certificate.h"
#include "natkit/io/event_loop.h"
#include "natkit/shell/files.h"
#include "natkit/shell/server_identity.h"

namespace natkit::derpd {
namespace {

std::chrono::sys_seconds Today() {
  return std::chrono::floor<std::chrono::seconds>(io::EventLoop::UnixNow());
}

bool Exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
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
  if (options.certificate.empty()) {
    return shell::MakeSelfSignedIdentity(options.hostname);
  }
  return shell::LoadServerIdentity(
      {.certificate = options.certificate,
       .private_key = options.private_key,
       .self_signed_name = options.is_self_signed ? options.hostname : "",
       .is_dry_run = options.is_check});
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
