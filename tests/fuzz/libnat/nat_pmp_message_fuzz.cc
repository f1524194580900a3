// What parses must build and parse again to the same value, and no datagram
// makes a client grow, or believe what it did not ask for.

#include <cstddef>
#include <cstdint>

#include "natkit/base/check.h"
#include "natkit/base/rng.h"
#include "natkit/nat/nat_pmp_client.h"
#include "natkit/nat/nat_pmp_message.h"

namespace natkit::nat {
namespace {

void CheckMessage(ByteView datagram) {
  const auto response = ParseNatPmpResponse(datagram);
  if (response) {
    const auto again = ParseNatPmpResponse(BuildNatPmpResponse(*response));
    NATKIT_CHECK(again.has_value());
    NATKIT_CHECK(*again == *response);
  }
}

void CheckClient(ByteView datagram) {
  SeededRng rng(1);
  const Endpoint gateway{IpAddress::V4(192, 168, 1, 1), kPortMappingServerPort};
  const PortMappingKey key{.internal_port = 40000};
  NatPmpClient client(gateway.address, rng);
  Instant now{};
  client.Start(now);
  (void)client.Map(now, key);
  for (int i = 0; i < 100; ++i) {
    (void)client.HandleDatagram(now, gateway, datagram);
    int outputs = 0;
    while (client.PollTransmit() || client.PollEvent()) {
      ++outputs;
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
