// Whatever a responder sends, a resolver stays bounded, gives only addresses
// that the response holds, and ends in time.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "ice/mdns_message.h"
#include "natkit/base/check.h"
#include "natkit/base/rng.h"
#include "natkit/nat/mdns_resolver.h"

namespace natkit::ice {
namespace {

constexpr std::string_view kLine =
    "candidate:1 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local "
    "41000 typ host";
constexpr Endpoint kResponder{.address = IpAddress::V4(192, 0, 2, 1),
                              .port = MdnsResolver::kPort};

void Respond(ByteView bytes) {
  SeededRng rng(1);
  MdnsResolver resolver(rng);
  Instant now{};
  NATKIT_CHECK(resolver.Add(now, *ParseNamedCandidate(kLine)).has_value());
  const bool is_taken = resolver.HandleDatagram(now, kResponder, bytes);
  const auto response = ParseMdnsResponse(bytes);
  NATKIT_CHECK(!is_taken || response.has_value());
  if (const auto candidate = resolver.PollCandidate()) {
    NATKIT_CHECK(is_taken && IsUsableRemote(*candidate));
    NATKIT_CHECK(candidate->endpoint.port == 41000);
  }
  NATKIT_CHECK(!resolver.PollCandidate());
  while (resolver.PollTransmit()) {
  }
  while (const auto next = resolver.NextTimeout()) {
    now = *next;
    resolver.HandleTimeout(now);
    while (resolver.PollTransmit()) {
    }
  }
  NATKIT_CHECK(now <= Instant{} + std::chrono::seconds(5));
}

void Name(std::string_view text) {
  const auto named = ParseNamedCandidate(text);
  NATKIT_CHECK(!named || IsMdnsName(named->name));
  NATKIT_CHECK(!named || !ParseCandidate(text));  // one form or the other
}

}  // namespace
}  // namespace natkit::ice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::ice::Respond({data, size});
  natkit::ice::Name(natkit::AsText({data, size}));
  return 0;
}
