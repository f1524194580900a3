// What parses must build and parse again to the same value; and a client that
// gets anything but its own nonce grants nothing and does not grow. The nonce
// comes from a fixed seed and a fuzzer that watches comparisons finds it, so
// an answer that has it may grant.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "natkit/base/check.h"
#include "natkit/base/rng.h"
#include "natkit/nat/pcp_client.h"
#include "natkit/nat/pcp_message.h"

namespace natkit::nat {
namespace {

void CheckMessage(ByteView datagram) {
  const auto response = ParsePcpResponse(datagram);
  if (response) {
    const auto again = ParsePcpResponse(BuildPcpResponse(*response));
    NATKIT_CHECK(again.has_value());
    NATKIT_CHECK(*again == *response);
  }
}

// Where the nonce of a MAP or PEER is in requests and in responses (RFC 6887,
// sections 11.1 and 12.1).
constexpr size_t kNonceOffset = 24;

bool HasNonce(ByteView datagram, const PcpNonce& nonce) {
  return datagram.size() >= kNonceOffset + nonce.size() &&
         std::ranges::equal(datagram.subspan(kNonceOffset, nonce.size()),
                            nonce);
}

// Of a MAP or PEER; an ANNOUNCE has none.
std::optional<PcpNonce> NonceOf(ByteView request) {
  PcpNonce nonce;
  if (request.size() < kNonceOffset + nonce.size()) {
    return std::nullopt;
  }
  std::ranges::copy(request.subspan(kNonceOffset, nonce.size()), nonce.begin());
  return nonce;
}

void CheckClient(ByteView datagram) {
  SeededRng rng(1);
  const Endpoint server{IpAddress::V4(192, 168, 1, 1), kPortMappingServerPort};
  PcpClient client(
      {.server = server.address, .client = IpAddress::V4(192, 168, 1, 10)},
      rng);
  Instant now{};
  client.Start(now);
  (void)client.Map(now, {.internal_port = 6000});
  bool may_grant = false;
  for (int i = 0; i < 100; ++i) {
    (void)client.HandleDatagram(now, server, datagram);
    int outputs = 0;
    while (const auto transmit = client.PollTransmit()) {
      ++outputs;
      const auto nonce = NonceOf(transmit->payload);
      may_grant = may_grant || (nonce && HasNonce(datagram, *nonce));
    }
    while (const auto event = client.PollEvent()) {
      ++outputs;
      NATKIT_CHECK(may_grant ||
                   !std::holds_alternative<MappingGranted>(*event));
    }
    NATKIT_CHECK(outputs <= 8);
    now = client.NextTimeout().value_or(now + std::chrono::seconds(1));
    client.HandleTimeout(now);
  }
}

}  // namespace
}  // namespace natkit::nat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const natkit::ByteView datagram(data, size);
  natkit::nat::CheckMessage(datagram);
  natkit::nat::CheckClient(datagram);
  return 0;
}
