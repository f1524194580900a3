// The functions of natkit_wg_device that move packets.

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "support/caller_batch.h"
#include "support/convert.h"
#include "support/core_calls.h"
#include "support/door.h"
#include "wireguard/device.h"
#include "wireguard/wg_convert.h"

namespace natkit::c {
namespace {

/// Has `call` put datagrams into a PacketBatch, and them into the caller's.
/// `call` returns a Result<void>; what it put out counts also on failure.
template <class Call>
Result<void> PutOut(WgDevice& device, CallerBatch& room, Call&& call) {
  const Result<PacketBatch*> out = device.outbox.Begin(room);
  if (!out) {
    return std::unexpected(out.error());
  }
  const Result<void> result = std::forward<Call>(call)(**out);
  device.outbox.Finish(room);
  return result;
}

/// PutOut() for calls that have the caller's batch alone.
template <class Call>
Result<void> PutOut(WgDevice& device, natkit_batch* datagrams, Call&& call) {
  Result<CallerBatch> room = CallerBatch::Read(datagrams);
  if (!room) {
    return std::unexpected(room.error());
  }
  return PutOut(device, *room, std::forward<Call>(call));
}

// The next packets to work on: so few that what describes them stays in the
// nearest cache.
std::span<const natkit_packet> TakePiece(std::span<const natkit_packet>& rest) {
  const auto piece = rest.first(std::min(rest.size(), WgDevice::kPiece));
  rest = rest.subspan(piece.size());
  return piece;
}

ByteView ViewOf(const natkit_packet& packet) {
  return {packet.data, packet.size};
}

Result<void> SendPackets(WgDevice& device, Instant now,
                         const CallerPackets& packets,
                         natkit_batch* datagrams) {
  Result<CallerBatch> room = CallerBatch::Read(datagrams);
  if (!room) {
    return std::unexpected(room.error());
  }
  if (const auto apart = packets.CheckApartFrom(*room); !apart) {
    return apart;
  }
  return PutOut(device, *room, [&](PacketBatch& out) -> Result<void> {
    std::array<ByteView, WgDevice::kPiece> views;
    for (auto rest = packets.all(); !rest.empty();) {
      const auto piece = TakePiece(rest);
      std::ranges::transform(piece, views.begin(), ViewOf);
      device.device.SendPackets(now, std::span(views).first(piece.size()), out);
      device.outbox.Continue(*room);
    }
    return {};
  });
}

struct Rooms {
  CallerBatch plaintext;
  CallerBatch datagrams;
};

// Both batches, once it is sure that nothing overlaps and all has room.
Result<Rooms> ReadRooms(const CallerPackets& packets, natkit_batch* plaintext,
                        natkit_batch* datagrams) {
  const Result<CallerBatch> opened = CallerBatch::Read(plaintext);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  const Result<CallerBatch> replies = CallerBatch::Read(datagrams);
  if (!replies) {
    return std::unexpected(replies.error());
  }
  if (plaintext == nullptr || plaintext == datagrams ||
      replies->Overlaps(*opened) || !packets.CheckApartFrom(*opened) ||
      !packets.CheckApartFrom(*replies)) {
    return Fail(Errc::kBadArgument);
  }
  if (opened->packet_room() < packets.all().size() ||
      opened->memory().size() < packets.total_size()) {
    return Fail(Errc::kBufferTooSmall);
  }
  return Rooms{.plaintext = *opened, .datagrams = *replies};
}

// Addresses first, then packets: a processor waits for what it has just written
// in other pieces than it reads.
void OpenPiece(WgDevice& device, Instant now,
               std::span<const natkit_packet> packets, CallerBatch& room,
               PacketBatch& replies) {
  for (size_t i = 0; i < packets.size(); ++i) {
    wg::Device::Datagram& datagram = device.datagrams[i];
    datagram.bytes = ViewOf(packets[i]);
    ToEndpointFast(packets[i].remote, datagram.meta.remote);
    ToEndpointFast(packets[i].local, datagram.meta.local);
  }
  device.plaintext.Clear();
  room.LendTo(device.plaintext);
  device.device.HandleDatagrams(
      now, std::span(device.datagrams).first(packets.size()), device.plaintext,
      replies);
  room.Take(device.plaintext);
}

Result<void> HandleDatagrams(WgDevice& device, Instant now,
                             const CallerPackets& packets, Rooms& rooms) {
  return PutOut(device, rooms.datagrams, [&](PacketBatch& replies) {
    for (auto rest = packets.all(); !rest.empty();) {
      OpenPiece(device, now, TakePiece(rest), rooms.plaintext, replies);
    }
    return Result<void>{};
  });
}

}  // namespace
}  // namespace natkit::c

using natkit::Instant;
using natkit::PacketBatch;
using natkit::Result;
using namespace natkit::c;

int natkit_wg_device_send_packets(natkit_wg_device* device, uint64_t now_ns,
                                  const natkit_packet* packets, size_t count,
                                  natkit_batch* datagrams) {
  const Result<CallerPackets> given =
      CallerPackets::Read(packets, count, Addresses::kIgnored);
  if (!given) {
    return Refuse(__func__, given.error().code);
  }
  return WithTime<WgDevice>(__func__, device, now_ns,
                            [&](WgDevice& self, Instant now) {
                              return SendPackets(self, now, *given, datagrams);
                            });
}

int natkit_wg_device_handle_datagrams(natkit_wg_device* device, uint64_t now_ns,
                                      const natkit_packet* packets,
                                      size_t count, natkit_batch* plaintext,
                                      natkit_batch* datagrams) {
  const Result<CallerPackets> given =
      CallerPackets::Read(packets, count, Addresses::kChecked);
  if (!given) {
    return Refuse(__func__, given.error().code);
  }
  Result<Rooms> rooms = ReadRooms(*given, plaintext, datagrams);
  if (!rooms) {
    return Refuse(__func__, rooms.error().code);
  }
  return WithTime<WgDevice>(__func__, device, now_ns,
                            [&](WgDevice& self, Instant now) {
                              return HandleDatagrams(self, now, *given, *rooms);
                            });
}

int natkit_wg_device_handle_timeout(natkit_wg_device* device, uint64_t now_ns,
                                    natkit_batch* datagrams) {
  return WithTime<WgDevice>(
      __func__, device, now_ns, [&](WgDevice& self, Instant now) {
        return PutOut(self, datagrams, [&](PacketBatch& out) {
          self.device.HandleTimeout(now, out);
          return Result<void>{};
        });
      });
}

int natkit_wg_device_initiate_handshake(natkit_wg_device* device,
                                        uint64_t now_ns, uint32_t peer,
                                        int is_forced,
                                        natkit_batch* datagrams) {
  const auto pace = is_forced != 0 ? natkit::wg::HandshakePace::kForced
                                   : natkit::wg::HandshakePace::kNormal;
  return WithTime<WgDevice>(
      __func__, device, now_ns, [&](WgDevice& self, Instant now) {
        return PutOut(self, datagrams, [&](PacketBatch& out) {
          return self.device.InitiateHandshake(now, peer, pace, out);
        });
      });
}

int natkit_wg_device_send_keepalive(natkit_wg_device* device, uint64_t now_ns,
                                    uint32_t peer, natkit_batch* datagrams) {
  return WithTime<WgDevice>(
      __func__, device, now_ns, [&](WgDevice& self, Instant now) {
        return PutOut(self, datagrams, [&](PacketBatch& out) {
          return SendKeepalive(self.device, now, peer, out);
        });
      });
}

int natkit_wg_device_poll_transmit(natkit_wg_device* device,
                                   natkit_batch* datagrams) {
  Result<CallerBatch> room = CallerBatch::Read(datagrams);
  if (!room || datagrams == nullptr) {
    return Refuse(__func__,
                  room ? natkit::Errc::kBadArgument : room.error().code);
  }
  return WithHandle<WgDevice>(__func__, device, [&](WgDevice& self) {
    return self.outbox.Poll(*room);
  });
}

int natkit_wg_device_poll_event(natkit_wg_device* device,
                                natkit_wg_event* out) {
  return WithHandle<WgDevice>(__func__, device, [&](WgDevice& self) {
    return PutEvent(self.device, out);
  });
}

int natkit_wg_device_next_timeout(const natkit_wg_device* device,
                                  uint64_t* out_ns) {
  return CallNextTimeout<WgDevice>(__func__, device, out_ns);
}
