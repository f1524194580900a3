#include "natkit/netsim/pcapng.h"

#include <algorithm>
#include <array>
#include <utility>

namespace natkit::netsim {
namespace {

constexpr uint32_t kSectionHeaderBlock = 0x0A0D0D0A;
constexpr uint32_t kInterfaceDescriptionBlock = 1;
constexpr uint32_t kEnhancedPacketBlock = 6;
constexpr uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr uint16_t kLinkTypeRaw = 101;
constexpr uint32_t kSnapLength = 65535;
constexpr size_t kMaxComment = 1000;
constexpr size_t kLengthOffset = 4;

constexpr uint16_t kOptionEnd = 0;
constexpr uint16_t kOptionComment = 1;
constexpr uint16_t kSectionUserApplication = 4;
constexpr uint16_t kInterfaceName = 2;
constexpr uint16_t kInterfaceTimestampResolution = 9;
constexpr uint16_t kPacketFlags = 2;

/// Ten to the minus ninth seconds.
constexpr std::array<uint8_t, 1> kNanoseconds = {9};

}  // namespace

PcapngWriter::PcapngWriter(Sink sink) : sink_(std::move(sink)) {
  BeginBlock(kSectionHeaderBlock);
  PutU32(kByteOrderMagic);
  PutU16(1);  // version 1.0
  PutU16(0);
  PutU32(0xFFFFFFFF);  // section length: not told
  PutU32(0xFFFFFFFF);
  PutOption(kSectionUserApplication, AsBytes("natkit netsim"));
  PutOption(kOptionEnd, {});
  EndBlock();
}

PcapngWriter::InterfaceId PcapngWriter::AddInterface(std::string_view name) {
  BeginBlock(kInterfaceDescriptionBlock);
  PutU16(kLinkTypeRaw);
  PutU16(0);
  PutU32(kSnapLength);
  PutOption(kInterfaceName, AsBytes(name));
  PutOption(kInterfaceTimestampResolution, kNanoseconds);
  PutOption(kOptionEnd, {});
  EndBlock();
  return interfaces_++;
}

void PcapngWriter::Write(const Record& record) {
  const auto time = static_cast<uint64_t>(record.at.time_since_epoch().count());
  const ByteView captured =
      record.packet.first(std::min<size_t>(record.packet.size(), kSnapLength));
  BeginBlock(kEnhancedPacketBlock);
  PutU32(record.interface);
  PutU32(static_cast<uint32_t>(time >> 32));
  PutU32(static_cast<uint32_t>(time));
  PutU32(static_cast<uint32_t>(captured.size()));
  PutU32(static_cast<uint32_t>(record.packet.size()));
  PutPadded(captured);
  const std::array<uint8_t, 4> flags = {static_cast<uint8_t>(record.direction)};
  PutOption(kPacketFlags, flags);
  if (!record.comment.empty()) {
    PutOption(kOptionComment, AsBytes(record.comment.substr(0, kMaxComment)));
  }
  PutOption(kOptionEnd, {});
  EndBlock();
  ++packets_written_;
}

void PcapngWriter::BeginBlock(uint32_t type) {
  block_.clear();
  PutU32(type);
  PutU32(0);  // the length, for EndBlock
}

void PcapngWriter::PutU16(uint16_t value) {
  block_.push_back(static_cast<uint8_t>(value));
  block_.push_back(static_cast<uint8_t>(value >> 8));
}

void PcapngWriter::PutU32(uint32_t value) {
  PutU16(static_cast<uint16_t>(value));
  PutU16(static_cast<uint16_t>(value >> 16));
}

void PcapngWriter::PutPadded(ByteView bytes) {
  block_.insert(block_.end(), bytes.begin(), bytes.end());
  block_.resize((block_.size() + 3) / 4 * 4);
}

void PcapngWriter::PutOption(uint16_t code, ByteView value) {
  PutU16(code);
  PutU16(static_cast<uint16_t>(value.size()));
  PutPadded(value);
}

void PcapngWriter::EndBlock() {
  const auto length = static_cast<uint32_t>(block_.size() + 4);
  PutU32(length);
  for (size_t i = 0; i < 4; ++i) {
    block_[kLengthOffset + i] = static_cast<uint8_t>(length >> (8 * i));
  }
  sink_(block_);
}

}  // namespace natkit::netsim
