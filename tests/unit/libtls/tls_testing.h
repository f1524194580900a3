#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/tls/certificate.h"
#include "natkit/tls/channel.h"
#include "natkit/tls/context.h"
#include "natkit/tls/identity.h"

namespace natkit::tls::testing {

/// The date that all tests live at.
inline constexpr std::chrono::sys_seconds kToday =
    std::chrono::sys_days(std::chrono::year(2025) / 6 / 15);

inline CertificateSpec ServerSpec(std::string_view host) {
  return SelfSignedServerSpec(host, kToday);
}

/// A private root that signs server certificates.
inline const Identity& Root() {
  static const Identity root = [] {
    CertificateSpec spec;
    spec.common_name = "natkit test root";
    spec.not_before = kToday - std::chrono::days(10);
    spec.not_after = kToday + std::chrono::days(1000);
    spec.is_authority = true;
    return Identity::SelfSigned(spec).value();
  }();
  return root;
}

/// As DERP's relays append it to their chains.
inline Der MetaCertificate() {
  CertificateSpec spec;
  spec.key_kind = KeyKind::kEd25519;
  spec.common_name = "derpkey" + std::string(64, 'a');
  spec.serial = 2;
  spec.not_before = kToday - std::chrono::days(30);
  spec.not_after = kToday + std::chrono::days(30);
  return Identity::SelfSigned(spec).value().chain().front();
}

inline ClientOptions TrustingRoot() {
  ClientOptions options;
  options.roots_pem = Root().ChainPem();
  options.verification_time = kToday;
  return options;
}

/// A client and a server that have not exchanged a byte yet.
struct Pair {
  Channel client;
  Channel server;
};

inline Pair MakePair(const Identity& identity, const ClientOptions& options,
                     const ServerExpectation& expectation,
                     const std::vector<Der>& appended = {},
                     ServerOptions server_options = {}) {
  server_options.appended = appended;
  const auto server = ServerContext::Make(identity, server_options).value();
  const auto client = ClientContext::Make(options).value();
  return {Channel::Client(client, expectation).value(),
          Channel::Server(server)};
}

/// Carries all pending ciphertext from one end to the other, `step` bytes a
/// time; stops when the receiver fails.
inline Result<void> Carry(Channel& from, Channel& to, size_t step = 64 * 1024) {
  const std::vector<uint8_t> bytes = from.TakeCiphertext();
  for (size_t offset = 0; offset < bytes.size(); offset += step) {
    const size_t size = std::min(step, bytes.size() - offset);
    auto taken = to.HandleCiphertext(ByteView(bytes).subspan(offset, size));
    if (!taken) {
      return taken;
    }
  }
  return {};
}

/// Runs the handshake as far as it goes; the first error of either end.
inline Result<void> Shake(Pair& pair, size_t step = 64 * 1024) {
  for (int round = 0; round < 10; ++round) {
    const auto to_server = Carry(pair.client, pair.server, step);
    const auto to_client = Carry(pair.server, pair.client, step);
    if (!to_client) {
      return to_client;
    }
    if (!to_server) {
      return to_server;
    }
  }
  return {};
}

/// Everything that can be read now.
inline Result<std::string> ReadAll(Channel& channel) {
  std::string text;
  std::vector<uint8_t> chunk(20000);
  while (true) {
    const auto size = channel.ReadPlaintext(chunk);
    if (!size) {
      return std::unexpected(size.error());
    }
    if (*size == 0) {
      return text;
    }
    text += AsText(ByteView(chunk).first(*size));
  }
}

/// A pair that is open, with a certificate of Root() for relay.example.
inline Pair MakeOpenPair() {
  static const Identity identity =
      Root().Issue(ServerSpec("relay.example")).value();
  Pair pair = MakePair(identity, TrustingRoot(), {.host = "relay.example"});
  (void)Shake(pair);
  return pair;
}

}  // namespace natkit::tls::testing
