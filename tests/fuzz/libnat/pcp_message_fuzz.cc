// What parses must build and parse again to the same value; and a client that
// gets anything but its own nonce grants nothing and does not grow.

#include <cstddef>
#include <cstdint>
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

void CheckClient(ByteView datagram) {
  SeededRng rng(1);
  const Endpoint server{IpAddress::V4(192, 168, 1, 1), kPortMappingServerPort};
  PcpClient client(
      {.server = server.address, .client = IpAddress::V4(192, 168, 1, 10)},
      rng);
  Instant now{};
  client.Start(now);
  (void)client.Map(now, {.internal_port = 6000});
  for (int i = 0; i < 100; ++i) {
    (void)client.HandleDatagram(now, server, datagram);
    int outputs = 0;
    while (client.PollTransmit()) {
      ++outputs;
    }
    while (const auto event = client.PollEvent()) {
      ++outputs;
      NATKIT_CHECK(!std::holds_alternative<MappingGranted>(*event));
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
