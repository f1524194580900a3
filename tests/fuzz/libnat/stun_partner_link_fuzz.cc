// Whatever comes over the link, the receiver obeys only what a sender with the
// secret made, and that once.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/nat/stun_partner_link.h"

namespace natkit::stun {
namespace {

constexpr PartnerTime kNow{std::chrono::seconds(1'800'000'000)};

PartnerSecret MakeSecret() {
  std::array<uint8_t, PartnerSecret::kSize> bytes{};
  bytes.fill(7);
  return PartnerSecret(bytes);
}

void RefuseForgery(ByteView datagram) {
  PartnerReceiver receiver({}, MakeSecret(), PartnerSide::kSecond);
  NATKIT_CHECK(!receiver.Open(kNow, datagram));
}

/// The input as a response in an order that is authentic.
void RoundTrip(ByteView response) {
  PartnerSender sender(MakeSecret(), PartnerSide::kFirst);
  PartnerReceiver receiver({}, MakeSecret(), PartnerSide::kSecond);
  const PartnerOrder order{
      .from_port = 3479,
      .to = {.address = IpAddress::V4(203, 0, 113, 7), .port = 40000},
      .response = response};
  std::vector<uint8_t> sealed(response.size() + PartnerSender::kOverhead);
  NATKIT_CHECK(sender.Seal(kNow, order, sealed) == sealed.size());
  const auto opened = receiver.Open(kNow, sealed);
  if (!opened) {
    NATKIT_CHECK(opened.error().code == Errc::kBadValue);
    return;
  }
  NATKIT_CHECK(opened->from_port == order.from_port && opened->to == order.to &&
               std::ranges::equal(opened->response, response));
  NATKIT_CHECK(receiver.Open(kNow, sealed).error().code ==
               Errc::kAlreadyExists);
}

}  // namespace
}  // namespace natkit::stun

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const natkit::ByteView bytes(data, size);
  natkit::stun::RefuseForgery(bytes);
  natkit::stun::RoundTrip(bytes);
  return 0;
}
