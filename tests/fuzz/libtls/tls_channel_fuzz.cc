// The first byte says what the rest is: ciphertext for a fresh server, for a
// fresh client, for an open server, or plaintext that must arrive unchanged.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/tls/channel.h"
#include "natkit/tls/context.h"
#include "natkit/tls/identity.h"

namespace {

using natkit::ByteView;
using natkit::tls::Channel;

constexpr std::chrono::sys_seconds kToday =
    std::chrono::sys_days(std::chrono::year(2025) / 6 / 15);

const natkit::tls::Identity& ServerIdentity() {
  static const auto identity =
      natkit::tls::Identity::SelfSigned(
          natkit::tls::SelfSignedServerSpec("relay.example", kToday))
          .value();
  return identity;
}

Channel NewServer() {
  static const auto context =
      natkit::tls::ServerContext::Make(ServerIdentity(), {.alpn = {"natkit"}})
          .value();
  return Channel::Server(context);
}

Channel NewClient() {
  static const auto context =
      natkit::tls::ClientContext::Make({.verification_time = kToday}).value();
  return Channel::Client(
             context, {.host = "relay.example",
                       .certificate_name = ServerIdentity().pin().ToString()})
      .value();
}

/// Feeds `bytes` in steps that the bytes themselves choose. A failed channel
/// must stay failed and must say why.
void FeedHostile(Channel& channel, ByteView bytes) {
  std::vector<uint8_t> plaintext(4096);
  while (!bytes.empty()) {
    const size_t step = std::min<size_t>(bytes.size(), bytes[0] + size_t{1});
    const bool taken = channel.HandleCiphertext(bytes.first(step)).has_value();
    const auto read = channel.ReadPlaintext(plaintext);
    if (!taken || !read) {
      NATKIT_CHECK(!channel.error_text().empty());
      NATKIT_CHECK(!channel.HandleCiphertext(bytes).has_value());
      NATKIT_CHECK(!channel.is_writable());
      return;
    }
    bytes = bytes.subspan(step);
  }
  (void)channel.HandleEndOfStream();
}

void Carry(Channel& from, Channel& to, size_t step) {
  const auto bytes = from.TakeCiphertext();
  for (size_t at = 0; at < bytes.size(); at += step) {
    const ByteView rest = ByteView(bytes).subspan(at);
    NATKIT_CHECK(to.HandleCiphertext(rest.first(std::min(step, rest.size())))
                     .has_value());
  }
}

void Open(Channel& client, Channel& server) {
  for (int round = 0; round < 4; ++round) {
    Carry(client, server, 1 << 14);
    Carry(server, client, 1 << 14);
  }
  NATKIT_CHECK(client.is_handshake_done() && server.is_handshake_done());
}

void RoundTrip(Channel& from, Channel& to, ByteView plaintext) {
  NATKIT_CHECK(from.WritePlaintext(plaintext).value() == plaintext.size());
  Carry(from, to, plaintext.empty() ? 1 : size_t{1} + plaintext[0]);
  std::vector<uint8_t> read;
  std::vector<uint8_t> chunk(1000);
  while (const size_t size = to.ReadPlaintext(chunk).value()) {
    read.insert(read.end(), chunk.begin(),
                chunk.begin() + static_cast<std::ptrdiff_t>(size));
  }
  NATKIT_CHECK(
      std::equal(read.begin(), read.end(), plaintext.begin(), plaintext.end()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > size_t{64} * 1024) {
    return 0;
  }
  const ByteView bytes(data + 1, size - 1);
  Channel client = NewClient();
  Channel server = NewServer();
  switch (data[0] % 4) {
    case 0:
      FeedHostile(server, bytes);
      break;
    case 1:
      FeedHostile(client, bytes);
      break;
    case 2:
      Open(client, server);
      FeedHostile(server, bytes);
      break;
    default:
      Open(client, server);
      RoundTrip(client, server, bytes);
      RoundTrip(server, client, bytes);
      break;
  }
  return 0;
}
