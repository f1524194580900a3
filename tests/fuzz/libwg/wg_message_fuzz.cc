// One datagram: what parses must be written back byte for byte, MACs aside.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/check.h"
#include "noise/message.h"
#include "routing/ip_packet.h"

using namespace natkit;
using namespace natkit::wg;

namespace {

template <size_t kSize, class Message, class Write>
void CheckWritten(ByteView datagram, const Message& message, Write write,
                  size_t macs_size) {
  std::array<uint8_t, kSize> wire{};
  write(message, wire);
  const size_t compared = kSize - macs_size;
  NATKIT_CHECK(datagram.size() == kSize);
  NATKIT_CHECK(std::ranges::equal(datagram.first(compared),
                                  ByteView(wire).first(compared)));
}

void CheckData(ByteView datagram, const TransportData& data) {
  std::vector<uint8_t> wire(kDataHeaderSize);
  WriteDataHeader(data.receiver, data.counter,
                  std::span(wire).first<kDataHeaderSize>());
  wire.insert(wire.end(), data.content.begin(), data.content.end());
  NATKIT_CHECK(std::ranges::equal(datagram, wire));
  NATKIT_CHECK(data.content.size() >= kAeadTagSize);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const ByteView datagram(bytes, size);
  const auto type = ClassifyMessage(datagram);
  int parsed = 0;
  if (const auto message = ParseInitiation(datagram)) {
    CheckWritten<kInitiationSize>(datagram, *message, WriteInitiation,
                                  kMacsSize);
    ++parsed;
  }
  if (const auto message = ParseResponse(datagram)) {
    CheckWritten<kResponseSize>(datagram, *message, WriteResponse, kMacsSize);
    ++parsed;
  }
  if (const auto message = ParseCookieReply(datagram)) {
    CheckWritten<kCookieReplySize>(datagram, *message, WriteCookieReply, 0);
    ++parsed;
  }
  if (const auto message = ParseData(datagram)) {
    CheckData(datagram, *message);
    ++parsed;
  }
  NATKIT_CHECK(parsed == (type ? 1 : 0));
  if (const auto header = ParseIpHeader(datagram)) {
    NATKIT_CHECK(header->total_size <= size && header->total_size >= 20);
    NATKIT_CHECK(header->source.family() == header->destination.family());
  }
  return 0;
}
