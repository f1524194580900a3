#include "reassembler.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace natkit::netsim {
namespace {

// With an IPv4 header in front it must fit into a 16-bit length.
constexpr size_t kMaxPayload = 65535 - 20;
constexpr size_t kIpv6HeaderSize = 40;
constexpr size_t kFragmentHeaderSize = 8;
constexpr size_t kIpv6NextHeader = 6;

void StoreU16(MutableBytes bytes, size_t offset, size_t value) {
  bytes[offset] = static_cast<uint8_t>(value >> 8);
  bytes[offset + 1] = static_cast<uint8_t>(value);
}

}  // namespace

Reassembler::Fate Reassembler::Add(Instant now, ByteView fragment,
                                   const PacketInfo& info) {
  DropStale(now);
  const ByteView packet =
      fragment.first(std::min<size_t>(fragment.size(), info.total_size));
  const ByteView payload = packet.subspan(info.transport_offset);
  const bool has_other_extensions =
      !info.is_v4() &&
      info.transport_offset != kIpv6HeaderSize + kFragmentHeaderSize;
  if (payload.empty() || has_other_extensions ||
      info.fragment_offset + payload.size() > kMaxPayload) {
    return Fate::kRefused;
  }
  Datagram& datagram = FindOrMake(now, info);
  if (info.fragment_offset == 0) {
    const ByteView header = packet.first(info.transport_offset);
    datagram.header.assign(header.begin(), header.end());
  }
  if (!Insert(datagram,
              {.offset = info.fragment_offset,
               .bytes = {payload.begin(), payload.end()}},
              !info.has_more_fragments)) {
    Forget(datagram);
    return Fate::kRefused;
  }
  if (!IsComplete(datagram)) {
    return Fate::kHeld;
  }
  Assemble(datagram);
  Forget(datagram);
  return Fate::kComplete;
}

void Reassembler::DropStale(Instant now) {
  std::erase_if(datagrams_, [now](const Datagram& datagram) {
    return now - datagram.since >= kLifetime;
  });
}

Reassembler::Datagram& Reassembler::FindOrMake(Instant now,
                                               const PacketInfo& info) {
  const auto found =
      std::ranges::find_if(datagrams_, [&info](const Datagram& datagram) {
        return std::tie(datagram.source, datagram.destination,
                        datagram.protocol, datagram.id) ==
               std::tie(info.source.address, info.destination.address,
                        info.protocol, info.fragment_id);
      });
  if (found != datagrams_.end()) {
    return *found;
  }
  if (datagrams_.size() == kMaxDatagrams) {
    datagrams_.erase(datagrams_.begin());
  }
  return datagrams_.emplace_back(
      Datagram{.source = info.source.address,
               .destination = info.destination.address,
               .protocol = info.protocol,
               .id = info.fragment_id,
               .since = now,
               .header = {},
               .pieces = {},
               .size = {}});
}

void Reassembler::Forget(const Datagram& datagram) {
  datagrams_.erase(datagrams_.begin() + (&datagram - datagrams_.data()));
}

bool Reassembler::Insert(Datagram& datagram, Piece piece, bool is_last) {
  const size_t end = piece.offset + piece.bytes.size();
  if ((!is_last && piece.bytes.size() % 8 != 0) ||
      (datagram.size && (is_last || end > *datagram.size))) {
    return false;
  }
  if (is_last) {
    datagram.size = end;
  }
  const auto after = std::ranges::lower_bound(datagram.pieces, piece.offset, {},
                                              &Piece::offset);
  const bool hits_next = after != datagram.pieces.end() && after->offset < end;
  const bool hits_last =
      after != datagram.pieces.begin() &&
      (after - 1)->offset + (after - 1)->bytes.size() > piece.offset;
  const bool is_beyond = is_last && after != datagram.pieces.end();
  if (hits_next || hits_last || is_beyond) {
    return false;
  }
  datagram.pieces.insert(after, std::move(piece));
  return true;
}

bool Reassembler::IsComplete(const Datagram& datagram) {
  size_t have = 0;
  for (const Piece& piece : datagram.pieces) {
    have += piece.bytes.size();
  }
  return datagram.size && have == *datagram.size;
}

void Reassembler::Assemble(const Datagram& datagram) {
  const bool is_v4 = datagram.source.is_v4();
  whole_.assign(datagram.header.begin(),
                is_v4 ? datagram.header.end()
                      : datagram.header.begin() + kIpv6HeaderSize);
  const size_t header_size = whole_.size();
  for (const Piece& piece : datagram.pieces) {
    whole_.insert(whole_.end(), piece.bytes.begin(), piece.bytes.end());
  }
  if (is_v4) {
    StoreU16(whole_, 2, whole_.size());
    StoreU16(whole_, 6, 0);   // flags and offset
    StoreU16(whole_, 10, 0);  // checksum
    StoreU16(whole_, 10, InternetChecksum(ByteView(whole_).first(header_size)));
  } else {
    StoreU16(whole_, 4, *datagram.size);
    whole_[kIpv6NextHeader] = datagram.protocol;
  }
}

}  // namespace natkit::netsim
