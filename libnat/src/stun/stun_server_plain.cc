#include <array>
#include <cstring>

#include "natkit/base/copy.h"
#include "natkit/nat/stun_server.h"

// Most requests of the open Internet are 20 bytes without attributes. For those
// the general way, parse and build, costs more than all the rest.

namespace natkit::stun {

namespace {

/// Type, length 0 and cookie of a request without attributes.
constexpr std::array<uint8_t, 8> kPlainRequest = {0,    1,    0,    0,
                                                  0x21, 0x12, 0xA4, 0x42};
constexpr size_t kMaskOffset = 4;  // cookie and transaction ID are the mask

}  // namespace

bool StunServer::IsPlain(ByteView datagram) const {
  return has_plain_answers_ && datagram.size() == kHeaderSize &&
         std::memcmp(datagram.data(), kPlainRequest.data(),
                     kPlainRequest.size()) == 0;
}

StunServer::Reply StunServer::AnswerPlain(const Exchange& exchange,
                                          MutableBytes out) {
  const ByteView address = exchange.from.address.bytes();
  const size_t value_size = 4 + address.size();
  const size_t size = kHeaderSize + kAttributeHeaderSize + value_size;
  Reply reply{.counter = &ServerCounters::answered};
  if (out.size() < size) {
    return reply;
  }
  const ByteView mask = exchange.request.subspan(kMaskOffset);
  const uint16_t port = exchange.from.port;
  const std::array<uint8_t, 8> attribute = {
      0x00,
      0x20,
      0x00,
      static_cast<uint8_t>(value_size),
      0x00,
      static_cast<uint8_t>(exchange.from.address.is_v4() ? 1 : 2),
      static_cast<uint8_t>((port >> 8U) ^ mask[0]),
      static_cast<uint8_t>((port & 0xFFU) ^ mask[1])};
  out[0] = 0x01;
  out[1] = 0x01;
  out[2] = 0x00;
  out[3] = static_cast<uint8_t>(kAttributeHeaderSize + value_size);
  CopyBytes(mask, out.subspan(kMaskOffset));
  CopyBytes(attribute, out.subspan(kHeaderSize));
  for (size_t i = 0; i < address.size(); ++i) {
    out[kHeaderSize + attribute.size() + i] =
        static_cast<uint8_t>(address[i] ^ mask[i]);
  }
  reply.size = size;
  return reply;
}

}  // namespace natkit::stun
