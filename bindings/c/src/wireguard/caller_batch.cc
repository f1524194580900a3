#include "wireguard/caller_batch.h"

#include "natkit/base/copy.h"
#include "support/convert.h"
#include "support/structs.h"

namespace natkit::c {

namespace {

constexpr size_t kFirstBatchSize = sizeof(natkit_batch);

bool IsGood(const natkit_batch& batch) {
  return batch.memory_used <= batch.memory_size &&
         batch.packet_count <= batch.packet_capacity &&
         (batch.memory != nullptr || batch.memory_size == 0) &&
         (batch.packets != nullptr || batch.packet_capacity == 0);
}

bool IsGood(const natkit_packet& packet) {
  const auto is_known = [](uint8_t family) {
    return family == NATKIT_FAMILY_NONE || family == NATKIT_FAMILY_IPV4 ||
           family == NATKIT_FAMILY_IPV6;
  };
  return packet.size <= kMaxGivenPacket &&
         (packet.data != nullptr || packet.size == 0) &&
         is_known(packet.remote.family) && is_known(packet.local.family);
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
  return room;
}

bool CallerBatch::HasSomeOf(ByteView bytes) const {
  return Overlap<uint8_t>(memory_, bytes);
}

bool CallerBatch::HasSomeOf(std::span<const natkit_packet> packets) const {
  return Overlap<natkit_packet>(packets_, packets);
}

bool CallerBatch::Append(ByteView bytes, const PacketBatch::Meta& meta) {
  if (packets_.empty() || bytes.size() > memory_.size()) {
    return false;
  }
  CopyBytes(bytes, memory_);
  Describe(bytes.size(), meta);
  return true;
}

void CallerBatch::Take(const PacketBatch& batch) {
  for (size_t i = 0; i < batch.lent_count(); ++i) {
    Describe(batch.bytes(i).size(), batch.meta(i));
  }
}

// The packet lies at the beginning of the room.
void CallerBatch::Describe(size_t size, const PacketBatch::Meta& meta) {
  packets_.front() = {.data = memory_.data(),
                      .size = size,
                      .remote = FromEndpointFast(meta.remote),
                      .local = FromEndpointFast(meta.local),
                      .peer = meta.tag,
                      .reserved = 0};
  packets_ = packets_.subspan(1);
  memory_ = memory_.subspan(size);
  ++batch_->packet_count;
  batch_->memory_used += size;
}

Result<CallerPackets> CallerPackets::Read(const natkit_packet* packets,
                                          size_t count) {
  if (packets == nullptr && count != 0) {
    return Fail(Errc::kBadArgument);
  }
  CallerPackets given;
  given.packets_ = std::span(packets, count);
  for (const natkit_packet& packet : given.packets_) {
    if (!IsGood(packet)) {
      return Fail(Errc::kBadArgument);
    }
    given.total_size_ += packet.size;
  }
  return given;
}

Result<void> CallerPackets::CheckApartFrom(const CallerBatch& room) const {
  if (room.HasSomeOf(packets_)) {
    return Fail(Errc::kBadArgument);
  }
  for (const natkit_packet& packet : packets_) {
    if (room.HasSomeOf(ByteView(packet.data, packet.size))) {
      return Fail(Errc::kBadArgument);
    }
  }
  return {};
}

}  // namespace natkit::c
