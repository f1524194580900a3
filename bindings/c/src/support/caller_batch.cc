#include "support/caller_batch.h"

#include <algorithm>

#include "natkit/base/copy.h"
#include "support/convert.h"
#include "support/structs.h"

namespace natkit::c {

namespace {

constexpr size_t kFirstBatchSize = sizeof(natkit_batch);

/// No memory has room for more, as for the -1 of a recvmmsg() that failed.
constexpr size_t kMaxPackets = PTRDIFF_MAX / sizeof(natkit_packet);

bool IsGood(const natkit_batch& batch) {
  return batch.memory_size <= PTRDIFF_MAX &&
         batch.packet_capacity <= kMaxPackets &&
         batch.memory_used <= batch.memory_size &&
         batch.packet_count <= batch.packet_capacity &&
         (batch.memory != nullptr || batch.memory_size == 0) &&
         (batch.packets != nullptr || batch.packet_capacity == 0);
}

// One bit for each family that there is.
constexpr uint32_t kFamilies = 1U << NATKIT_FAMILY_NONE |
                               1U << NATKIT_FAMILY_IPV4 |
                               1U << NATKIT_FAMILY_IPV6;

bool IsAddress(const natkit_address& address) {
  return address.family < 32 && (kFamilies >> address.family & 1) != 0 &&
         address.reserved == 0;
}

template <Addresses kAddresses>
bool IsGood(const natkit_packet& packet) {
  const bool is_good = packet.size <= kMaxGivenPacket &&
                       (packet.data != nullptr || packet.size == 0);
  if constexpr (kAddresses == Addresses::kIgnored) {
    return is_good;
  }
  return is_good && IsAddress(packet.remote) && IsAddress(packet.local) &&
         packet.reserved == 0;
}

ByteView BytesOf(std::span<const natkit_packet> packets) {
  return {reinterpret_cast<const uint8_t*>(packets.data()),
          packets.size_bytes()};
}

ByteView BytesOf(const natkit_batch* batch) {
  return {reinterpret_cast<const uint8_t*>(batch),
          batch == nullptr ? 0 : sizeof *batch};
}

void Describe(natkit_packet& packet, MutableBytes bytes,
              const PacketBatch::Meta& meta) {
  packet.data = bytes.data();
  packet.size = bytes.size();
  PutEndpointFast(meta.remote, packet.remote);
  PutEndpointFast(meta.local, packet.local);
  packet.peer = meta.tag;
  packet.reserved = 0;
}

}  // namespace

Result<CallerBatch> CallerBatch::Read(natkit_batch* batch) {
  CallerBatch room;
  if (batch == nullptr) {
    return room;
  }
  const Result<natkit_batch> given = ReadStruct(batch, kFirstBatchSize);
  if (!given) {
    return std::unexpected(given.error());
  }
  if (!IsGood(*given)) {
    return Fail(Errc::kBadArgument);
  }
  room.batch_ = batch;
  room.memory_ = MutableBytes(given->memory, given->memory_size)
                     .subspan(given->memory_used);
  room.packets_ = std::span(given->packets, given->packet_capacity)
                      .subspan(given->packet_count);
  const ByteView packets = BytesOf(room.packets_);
  if (Overlap<uint8_t>(room.memory_, packets) ||
      Overlap<uint8_t>(room.memory_, BytesOf(batch)) ||
      Overlap<uint8_t>(packets, BytesOf(batch))) {
    return Fail(Errc::kBadArgument);
  }
  return room;
}

bool CallerBatch::HasSomeOf(ByteView bytes) const {
  return Overlap<uint8_t>(memory_, bytes) ||
         Overlap<uint8_t>(BytesOf(packets_), bytes) ||
         Overlap<uint8_t>(BytesOf(batch_), bytes);
}

bool CallerBatch::IsApartFrom(uintptr_t first, uintptr_t last) const {
  const auto is_apart = [&](ByteView bytes) {
    const auto start = reinterpret_cast<uintptr_t>(bytes.data());
    return last <= start || first >= start + bytes.size();
  };
  return is_apart(memory_) && is_apart(BytesOf(packets_)) &&
         is_apart(BytesOf(batch_));
}

bool CallerBatch::Overlaps(const CallerBatch& other) const {
  return HasSomeOf(other.memory_) || HasSomeOf(BytesOf(other.packets_)) ||
         HasSomeOf(BytesOf(other.batch_));
}

bool CallerBatch::Append(ByteView bytes, const PacketBatch::Meta& meta) {
  if (packets_.empty() || bytes.size() > memory_.size()) {
    return false;
  }
  CopyBytes(bytes, memory_);
  AppendWritten(bytes.size(), meta);
  return true;
}

void CallerBatch::AppendWritten(size_t size, const PacketBatch::Meta& meta) {
  Describe(packets_.front(), memory_.first(size), meta);
  Advance(1, size);
}

void CallerBatch::Take(const PacketBatch& batch) {
  uint8_t* data = memory_.data();
  const size_t count = batch.lent_count();
  for (size_t i = 0; i < count; ++i) {
    const size_t size = batch.bytes(i).size();
    Describe(packets_[i], {data, size}, batch.meta(i));
    data += size;
  }
  Advance(count, batch.lent_size());
}

void CallerBatch::Advance(size_t packets, size_t bytes) {
  if (batch_ != nullptr) {
    batch_->packet_count += packets;
    batch_->memory_used += bytes;
    packets_ = packets_.subspan(packets);
    memory_ = memory_.subspan(bytes);
  }
}

Result<CallerPackets> CallerPackets::Read(const natkit_packet* packets,
                                          size_t count, Addresses addresses) {
  const auto all = ToItems(packets, count);
  if (!all) {
    return std::unexpected(all.error());
  }
  CallerPackets given;
  given.packets_ = *all;
  const bool is_good = addresses == Addresses::kChecked
                           ? given.Measure<Addresses::kChecked>()
                           : given.Measure<Addresses::kIgnored>();
  if (!is_good) {
    return Fail(Errc::kBadArgument);
  }
  return given;
}

// One loop for each, as what is sealed is to pay for no addresses.
template <Addresses kAddresses>
bool CallerPackets::Measure() {
  size_t total_size = 0;
  uintptr_t first = first_;
  uintptr_t last = last_;
  for (const natkit_packet& packet : packets_) {
    if (!IsGood<kAddresses>(packet)) {
      return false;
    }
    total_size += packet.size;
    const auto start = reinterpret_cast<uintptr_t>(packet.data);
    first = std::min(first, start);
    last = std::max(last, start + packet.size);
  }
  total_size_ = total_size;
  first_ = first;
  last_ = last;
  return true;
}

Result<void> CallerPackets::CheckApartFrom(const CallerBatch& room) const {
  if (room.HasSomeOf(BytesOf(packets_))) {
    return Fail(Errc::kBadArgument);
  }
  if (room.IsApartFrom(first_, last_)) {
    return {};  // which spares a look at each
  }
  for (const natkit_packet& packet : packets_) {
    if (room.HasSomeOf(ByteView(packet.data, packet.size))) {
      return Fail(Errc::kBadArgument);
    }
  }
  return {};
}

}  // namespace natkit::c
