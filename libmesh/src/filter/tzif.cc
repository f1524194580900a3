#include <algorithm>
#include <array>
#include <utility>

#include "filter/calendar.h"
#include "natkit/mesh/zone_rules.h"

namespace natkit::mesh {

namespace {

constexpr std::string_view kMagic = "TZif";
constexpr size_t kReservedSize = 15;
constexpr size_t kTypeSize = 6;
constexpr uint32_t kMaxTypes = 256;  // an index is one byte

// RFC 9636, section 3.1.
struct TzifHeader {
  uint8_t version = 0;
  uint32_t utc_count = 0;
  uint32_t standard_count = 0;
  uint32_t leap_count = 0;
  uint32_t time_count = 0;
  uint32_t type_count = 0;
  uint32_t char_count = 0;
};

Result<TzifHeader> ReadHeader(ByteReader& in) {
  TzifHeader header;
  ByteView magic;
  if (!in.ReadView(kMagic.size(), magic) || !in.ReadU8(header.version) ||
      !in.Skip(kReservedSize)) {
    return Fail(Errc::kTruncated, in.offset());
  }
  if (AsText(magic) != kMagic) {
    return Fail(Errc::kBadValue);
  }
  for (uint32_t* count :
       {&header.utc_count, &header.standard_count, &header.leap_count,
        &header.time_count, &header.type_count, &header.char_count}) {
    if (!in.ReadU32(*count)) {
      return Fail(Errc::kTruncated, in.offset());
    }
  }
  if (header.version != 0 && (header.version < '2' || header.version > '4')) {
    return Fail(Errc::kUnsupported, kMagic.size());
  }
  return header;
}

// Of the part of a block before `standard_count`, with times of `time_size`.
uint64_t SizeAfterTypes(const TzifHeader& header, size_t time_size) {
  return uint64_t{header.char_count} +
         uint64_t{header.leap_count} * (time_size + 4) + header.standard_count +
         header.utc_count;
}

uint64_t BlockSize(const TzifHeader& header, size_t time_size) {
  return uint64_t{header.time_count} * (time_size + 1) +
         uint64_t{header.type_count} * kTypeSize +
         SizeAfterTypes(header, time_size);
}

bool SkipBlock(ByteReader& in, uint64_t size) {
  return size <= in.remaining() && in.Skip(static_cast<size_t>(size));
}

int64_t ReadTime(ByteReader& in, size_t time_size) {
  uint64_t wide = 0;
  uint32_t narrow = 0;
  if (time_size == sizeof(wide)) {
    (void)in.ReadU64(wide);
    return static_cast<int64_t>(wide);
  }
  (void)in.ReadU32(narrow);
  return static_cast<int32_t>(narrow);
}

// The data block of RFC 9636, section 3.2, of which `rules` takes all
// transitions.
class BlockReader {
 public:
  BlockReader(const TzifHeader& header, size_t time_size)
      : header_(header), time_size_(time_size) {}

  Result<ZoneRules> Read(ByteReader& in) {
    const size_t times_size = header_.time_count * time_size_;
    ByteReader times(ByteView{});
    ByteView indexes;
    if (!in.ReadChild(times_size, times) ||
        !in.ReadView(header_.time_count, indexes) || !ReadTypes(in) ||
        !SkipBlock(in, SizeAfterTypes(header_, time_size_))) {
      return Fail(Errc::kTruncated, in.offset());
    }
    ZoneRules rules;
    rules.first_offset = offsets_[0];
    rules.transitions.reserve(header_.time_count);
    for (const uint8_t index : indexes) {
      if (index >= header_.type_count) {
        return Fail(Errc::kBadValue, in.offset());
      }
      rules.transitions.push_back(
          {.at = ReadTime(times, time_size_), .offset = offsets_[index]});
    }
    return rules;
  }

 private:
  bool ReadTypes(ByteReader& in) {
    for (uint32_t i = 0; i < header_.type_count; ++i) {
      uint32_t offset = 0;
      if (!in.ReadU32(offset) || !in.Skip(2)) {
        return false;
      }
      offsets_[i] = static_cast<int32_t>(offset);
    }
    return true;
  }

  const TzifHeader& header_;
  size_t time_size_;
  std::array<int32_t, kMaxTypes> offsets_{};
};

Result<ZoneRules> ReadBlock(ByteReader& in, const TzifHeader& header,
                            size_t time_size) {
  if (header.leap_count != 0) {
    return Fail(Errc::kUnsupported, in.offset());
  }
  if (header.type_count == 0 || header.type_count > kMaxTypes) {
    return Fail(Errc::kBadValue, in.offset());
  }
  if (BlockSize(header, time_size) > in.remaining()) {
    return Fail(Errc::kTruncated, in.offset());
  }
  return BlockReader(header, time_size).Read(in);
}

int32_t LastOffset(const ZoneRules& rules) {
  return rules.transitions.empty() ? rules.first_offset
                                   : rules.transitions.back().offset;
}

// A newline, the rule, a newline (RFC 9636, section 3.3). An empty rule means
// that nothing is known after the last transition; its offset goes on.
Result<PosixZone> ReadFooter(ByteReader& in, const ZoneRules& rules) {
  const size_t start = in.offset();
  const std::string_view text = AsText(in.ReadRest());
  if (text.size() < 2 || text.front() != '\n') {
    return Fail(Errc::kTruncated, start);
  }
  const size_t end = text.find('\n', 1);
  if (end == std::string_view::npos) {
    return Fail(Errc::kTruncated, start);
  }
  if (end + 1 != text.size()) {
    return Fail(Errc::kBadLength, start + end + 1);
  }
  const std::string_view rule = text.substr(1, end - 1);
  if (rule.empty()) {
    return PosixZone{.offset = LastOffset(rules), .daylight = std::nullopt};
  }
  const auto parsed = ParsePosixZone(rule);
  if (!parsed) {
    return Fail(Errc::kBadValue, start + 1 + parsed.error().offset);
  }
  return parsed->tail;
}

// Drops what is over at `from_unix`.
Result<ZoneRules> Trim(ZoneRules rules, int64_t from_unix) {
  auto& transitions = rules.transitions;
  const auto after =
      std::ranges::upper_bound(transitions, from_unix, {}, &ZoneTransition::at);
  rules.first_offset = OffsetAt(rules, from_unix);
  transitions.erase(transitions.begin(), after);
  if (transitions.size() > kMaxZoneTransitions) {
    return Fail(Errc::kLimitExceeded);
  }
  if (!IsValid(rules)) {
    return Fail(Errc::kBadValue);
  }
  return rules;
}

Result<ZoneRules> ReadVersion1(ByteReader& in, const TzifHeader& header) {
  auto rules = ReadBlock(in, header, sizeof(uint32_t));
  if (!rules) {
    return rules;
  }
  if (!in.is_empty()) {
    return Fail(Errc::kBadLength, in.offset());
  }
  rules->tail.offset = LastOffset(*rules);
  return rules;
}

// The 32-bit block of older readers comes first and is skipped.
Result<ZoneRules> ReadVersion2(ByteReader& in, const TzifHeader& old_header) {
  if (!SkipBlock(in, BlockSize(old_header, sizeof(uint32_t)))) {
    return Fail(Errc::kTruncated, in.offset());
  }
  const auto header = ReadHeader(in);
  if (!header) {
    return std::unexpected(header.error());
  }
  auto rules = ReadBlock(in, *header, sizeof(uint64_t));
  if (!rules) {
    return rules;
  }
  const auto tail = ReadFooter(in, *rules);
  if (!tail) {
    return std::unexpected(tail.error());
  }
  rules->tail = *tail;
  return rules;
}

bool Ascends(const ZoneRules& rules) {
  return std::ranges::adjacent_find(
             rules.transitions, std::ranges::greater_equal{},
             &ZoneTransition::at) == rules.transitions.end();
}

}  // namespace

Result<ZoneRules> ParseTzif(ByteView file, int64_t from_unix) {
  if (file.size() > kMaxTzifSize) {
    return Fail(Errc::kLimitExceeded);
  }
  ByteReader in(file);
  const auto header = ReadHeader(in);
  if (!header) {
    return std::unexpected(header.error());
  }
  auto rules = header->version == 0 ? ReadVersion1(in, *header)
                                    : ReadVersion2(in, *header);
  if (!rules) {
    return rules;
  }
  if (!Ascends(*rules)) {
    return Fail(Errc::kBadValue);
  }
  return Trim(std::move(*rules), from_unix);
}

}  // namespace natkit::mesh
