#include "natkit/ice_mux.h"
#include "natkit/nat/demux.h"
#include "support/convert.h"
#include "support/door.h"

using natkit::ByteView;
using natkit::Result;
using natkit::nat::DatagramKind;
using namespace natkit::c;

int natkit_classify_datagram(const void* data, size_t size) {
  const Result<ByteView> datagram = ToBytes(data, size);
  if (!datagram) {
    return Refuse(__func__, datagram.error().code);
  }
  switch (natkit::nat::Classify(*datagram)) {
    case DatagramKind::kStun:
      return NATKIT_DATAGRAM_STUN;
    case DatagramKind::kWireGuard:
      return NATKIT_DATAGRAM_WIREGUARD;
    case DatagramKind::kDisco:
      return NATKIT_DATAGRAM_DISCO;
    case DatagramKind::kUnknown:
      break;
  }
  return NATKIT_DATAGRAM_OTHER;
}
