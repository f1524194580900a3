#include "ice/mdns_message.h"

#include <algorithm>
#include <array>
#include <optional>

namespace natkit::ice {
namespace {

constexpr uint16_t kTypeA = 1;
constexpr uint16_t kTypeAaaa = 28;
constexpr uint16_t kClassIn = 1;
constexpr uint16_t kTopBit = 0x8000;  // unicast response, or cache flush
constexpr size_t kMaxName = 253;
constexpr uint16_t kMaxRecords = 32;
constexpr size_t kHeaderSize = 12;

char Lower(uint8_t byte) {
  const char c = static_cast<char>(byte);
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Appends one label of `size` bytes.
bool ReadLabel(ByteReader& in, size_t size, std::string& out) {
  ByteView label;
  if (!in.ReadView(size, label) || out.size() + size + 1 > kMaxName) {
    return false;
  }
  if (!out.empty()) {
    out += '.';
  }
  std::ranges::transform(label, std::back_inserter(out), Lower);
  return true;
}

/// Reads a name at `in`, following pointers, each of which must lead further
/// back than the one before (RFC 1035 section 4.1.4).
std::optional<std::string> ReadName(ByteView message, ByteReader& in) {
  std::string name;
  ByteReader at = in;
  size_t start = message.size() - in.remaining();
  bool has_jumped = false;
  while (true) {
    uint8_t size = 0;
    if (!at.ReadU8(size)) {
      return std::nullopt;
    }
    if (size == 0) {
      break;
    }
    if (size < 0x40) {
      if (!ReadLabel(at, size, name)) {
        return std::nullopt;
      }
      continue;
    }
    uint8_t low = 0;
    if (size < 0xC0 || !at.ReadU8(low)) {
      return std::nullopt;
    }
    if (!has_jumped) {
      in = at;
      has_jumped = true;
    }
    const size_t target = (size & 0x3FU) * size_t{256} + low;
    if (target >= start) {
      return std::nullopt;
    }
    start = target;
    at = ByteReader(message.subspan(target));
  }
  if (!has_jumped) {
    in = at;
  }
  return name;
}

bool SkipQuestions(ByteView message, ByteReader& in, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) {
    if (!ReadName(message, in) || !in.Skip(4)) {
      return false;
    }
  }
  return true;
}

bool ReadRecord(ByteView message, ByteReader& in, MdnsResponse& out) {
  const auto name = ReadName(message, in);
  uint16_t type = 0;
  uint16_t record_class = 0;
  uint16_t size = 0;
  ByteView data;
  if (!name || !in.ReadU16(type) || !in.ReadU16(record_class) || !in.Skip(4) ||
      !in.ReadU16(size) || !in.ReadView(size, data)) {
    return false;
  }
  const bool is_address =
      (type == kTypeA && size == 4) || (type == kTypeAaaa && size == 16);
  if (!is_address || (record_class & ~kTopBit) != kClassIn) {
    return true;
  }
  const auto address = IpAddress::FromBytes(data);
  auto& known = out.addresses[*name];
  if (address && std::ranges::find(known, *address) == known.end()) {
    known.push_back(*address);
  }
  return true;
}

}  // namespace

std::vector<uint8_t> BuildMdnsQuery(uint16_t id, std::string_view name) {
  std::array<uint8_t, 128> buffer{};
  ByteWriter out(buffer);
  out.WriteU16(id);
  out.WriteU16(0);  // a standard query
  out.WriteU16(2);  // questions
  out.WriteZeros(6);
  const size_t dot = name.find('.');
  bool is_first = true;
  for (const uint16_t type : {kTypeA, kTypeAaaa}) {
    if (is_first) {
      for (const std::string_view label :
           {name.substr(0, dot), name.substr(dot + 1)}) {
        out.WriteU8(static_cast<uint8_t>(label.size()));
        out.WriteBytes(AsBytes(label));
      }
      out.WriteU8(0);
      is_first = false;
    } else {
      out.WriteU16(0xC000 | kHeaderSize);  // the same name
    }
    out.WriteU16(type);
    out.WriteU16(kTopBit | kClassIn);
  }
  const ByteView written = out.written();
  return {written.begin(), written.end()};
}

Result<MdnsResponse> ParseMdnsResponse(ByteView datagram) {
  ByteReader in(datagram);
  MdnsResponse out;
  uint16_t flags = 0;
  uint16_t questions = 0;
  uint16_t answers = 0;
  if (!in.ReadU16(out.id) || !in.ReadU16(flags) || !in.ReadU16(questions) ||
      !in.ReadU16(answers) || !in.Skip(4)) {
    return Fail(Errc::kTruncated);
  }
  // A response, a standard query, not truncated, no error.
  constexpr uint16_t kMatters = 0xFA0F;
  if ((flags & kMatters) != 0x8000) {
    return Fail(Errc::kUnsupported);
  }
  if (questions > kMaxRecords || answers > kMaxRecords ||
      !SkipQuestions(datagram, in, questions)) {
    return Fail(Errc::kBadLength);
  }
  for (uint16_t i = 0; i < answers; ++i) {
    if (!ReadRecord(datagram, in, out)) {
      return Fail(Errc::kBadLength);
    }
  }
  return out;
}

}  // namespace natkit::ice
