// Each protocol's own parser and the classifier agree, and a STUN message is
// one at its own size alone.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/nat/demux.h"
#include "natkit/nat/stun_message.h"
#include "stun_repair.h"

namespace natkit::nat {
namespace {

void Check(ByteView datagram) {
  const DatagramKind kind = Classify(datagram);
  const auto stun_size = stun::PeekMessageSize(datagram);
  const bool has_stun_form = stun_size && *stun_size == datagram.size();
  NATKIT_CHECK((kind == DatagramKind::kStun) == has_stun_form);
  if (stun::Message::Parse(datagram)) {
    NATKIT_CHECK(kind == DatagramKind::kStun);
  }
  if (kind == DatagramKind::kWireGuard) {
    NATKIT_CHECK(datagram.size() >= 32 && datagram[0] >= 1 &&
                 datagram[0] <= 4 && datagram[1] == 0 && datagram[2] == 0 &&
                 datagram[3] == 0);
  }
  if (kind == DatagramKind::kDisco) {
    NATKIT_CHECK(datagram.size() >= 62 && datagram[0] == 'T');
  }
  if (kind == DatagramKind::kStun) {
    std::vector<uint8_t> longer(datagram.begin(), datagram.end());
    longer.push_back(0);
    NATKIT_CHECK(Classify(longer) == DatagramKind::kUnknown);
  }
}

}  // namespace
}  // namespace natkit::nat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const natkit::ByteView datagram(data, size);
  natkit::nat::Check(datagram);
  natkit::nat::Check(natkit::stun::fuzz::Repair(datagram));
  return 0;
}
