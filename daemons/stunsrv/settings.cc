#include "settings.h"

#include <algorithm>
#include <array>

#include "natkit/base/encoding.h"
#include "natkit/shell/files.h"

namespace natkit::stunsrv {

std::optional<std::string> FitConnections(size_t descriptors,
                                          Settings& settings) {
  // Standard streams, event loops, metrics clients, files that are read, and
  // old sockets while new ones are opened.
  constexpr size_t kOthers = 96;
  const size_t used = kOthers + settings.tcp.size() + settings.tls.size() +
                      settings.udp.size() * settings.threads * 2 +
                      settings.threads * 3;
  const size_t room = descriptors > used ? descriptors - used : 1;
  if (settings.max_connections <= room) {
    return std::nullopt;
  }
  settings.max_connections = room;
  return "max_connections is taken for " + std::to_string(room) +
         ": this process may have " + std::to_string(descriptors) +
         " descriptors at most (ulimit -n, LimitNOFILE)";
}

std::optional<std::string> DoubtfulPolicy(const Settings& settings) {
  if (!settings.discovery || settings.has_chosen_amplification) {
    return std::nullopt;
  }
  return "discovery: the usual clients send 28 bytes for 68, so with "
         "amplification = \"balanced\", the default, most of what they ask "
         "for is refused; set it to \"any\" for them (rate_limit holds all "
         "the same), or to \"balanced\" if that is meant";
}

stun::ServerConfig MakeServerConfig(const Settings& settings) {
  stun::ServerConfig config;
  config.requests = settings.requests;
  config.amplification = settings.amplification;
  config.answers_rfc3489 = settings.answers_rfc3489;
  config.software = settings.software;
  if (settings.users) {
    settings.users->AddTo(config);
    config.alternate_server = settings.alternate_server;
  }
  config.rate_limit = settings.rate_limit;
  config.discovery = settings.discovery;
  if (settings.rate_limit) {
    config.ledger_buckets = settings.rate_limit->bucket_count;
  }
  return config;
}

shell::Outcome<stun::PartnerSecret> LoadPartnerSecret(const std::string& path) {
  const auto file = shell::ReadSecretFile(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  std::string_view text = AsText(file->Expose());
  while (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  auto bytes = FromHex(text);
  if (!bytes || bytes->size() != stun::PartnerSecret::kSize) {
    return std::unexpected(path +
                           ": 64 hex digits are expected, such as "
                           "'openssl rand -hex 32' prints");
  }
  stun::PartnerSecret secret{
      std::span<const uint8_t, stun::PartnerSecret::kSize>(*bytes)};
  WipeBytes(*bytes);
  return secret;
}

}  // namespace natkit::stunsrv
