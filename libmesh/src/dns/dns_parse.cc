#include <utility>

#include "natkit/mesh/dns/dns_message.h"

namespace natkit::dns {
namespace {

constexpr uint8_t kPointerBits = 0xC0;
/// A name has at most 127 labels, and a pointer before each is plenty.
constexpr int kMaxPointers = 127;

/// Reads one message; the offset of an error is where reading stood.
class Parser {
 public:
  explicit Parser(ByteView bytes) : bytes_(bytes), in_(bytes) {}

  Result<Message> Run(MessageLayout& layout);

 private:
  struct Counts {
    uint16_t questions = 0;
    uint16_t answers = 0;
    uint16_t authorities = 0;
    uint16_t additionals = 0;
  };

  bool ReadCounts(Counts& out);
  bool ReadQuestion(Question& out);
  bool ReadName(Name& out);
  bool ReadSection(uint16_t count, std::vector<Record>& out);
  bool ReadAdditionals(uint16_t count, Message& out, MessageLayout& layout);
  bool ReadRecord(Record& out);
  bool ReadData(Record& record, size_t size);
  bool ReadAddress(Record& record, size_t size);
  bool ReadSoa(Soa& out);
  bool ReadOpt(Message& out);

  bool Stop(Errc code) {
    error_ = code;
    return false;
  }

  [[nodiscard]] bool IsAtOpt() const;

  ByteView bytes_;
  ByteReader in_;
  Errc error_ = Errc::kTruncated;
};

Header FromFlags(uint16_t id, uint16_t flags) {
  const auto bit = [flags](int position) {
    return ((flags >> position) & 1) != 0;
  };
  return {.id = id,
          .opcode = static_cast<uint8_t>((flags >> 11) & 0xF),
          .rcode = static_cast<uint8_t>(flags & 0xF),
          .is_response = bit(15),
          .is_authoritative = bit(10),
          .is_truncated = bit(9),
          .recursion_desired = bit(8),
          .recursion_available = bit(7),
          .reserved_bit = bit(6),
          .authentic_data = bit(5),
          .checking_disabled = bit(4)};
}

Result<Message> Parser::Run(MessageLayout& layout) {
  Message out;
  Counts counts;
  const auto header = ParseHeader(bytes_);
  if (!header) {
    return std::unexpected(header.error());
  }
  out.header = *header;
  const bool is_read = ReadCounts(counts) && ReadQuestion(out.question) &&
                       ((layout.question_end = in_.offset()) != 0) &&
                       ReadSection(counts.answers, out.answers) &&
                       ReadSection(counts.authorities, out.authorities) &&
                       ReadAdditionals(counts.additionals, out, layout) &&
                       (in_.is_empty() || Stop(Errc::kBadLength));
  if (!is_read) {
    return Fail(error_, in_.offset());
  }
  return out;
}

bool Parser::ReadCounts(Counts& out) {
  if (!in_.Skip(4) || !in_.ReadU16(out.questions) ||
      !in_.ReadU16(out.answers) || !in_.ReadU16(out.authorities) ||
      !in_.ReadU16(out.additionals)) {
    return false;
  }
  return out.questions == 1 || Stop(Errc::kBadValue);
}

bool Parser::ReadQuestion(Question& out) {
  uint16_t type = 0;
  if (!ReadName(out.name) || !in_.ReadU16(type) ||
      !in_.ReadU16(out.question_class)) {
    return false;
  }
  out.type = static_cast<RecordType>(type);
  return true;
}

/// Each pointer must lead before the place where the labels that it ends
/// began, so reading cannot loop (RFC 1035 section 4.1.4: a prior occurrence).
bool Parser::ReadName(Name& out) {
  ByteReader at = in_;
  size_t start = in_.offset();
  int pointers = 0;
  while (true) {
    uint8_t size = 0;
    ByteView label;
    if (!at.ReadU8(size)) {
      return Stop(Errc::kTruncated);
    }
    if (size == 0) {
      break;
    }
    if (size <= Name::kMaxLabel) {
      if (!at.ReadView(size, label)) {
        return Stop(Errc::kTruncated);
      }
      if (!out.Append(label)) {
        return Stop(Errc::kBadValue);
      }
      continue;
    }
    uint8_t low = 0;
    if ((size & kPointerBits) != kPointerBits || !at.ReadU8(low)) {
      return Stop(Errc::kBadValue);
    }
    in_ = pointers == 0 ? at : in_;
    const size_t target = (size & 0x3FU) * size_t{256} + low;
    if (target < kHeaderSize || target >= start || ++pointers > kMaxPointers) {
      return Stop(Errc::kBadValue);
    }
    start = target;
    at = ByteReader(bytes_.subspan(target));
  }
  in_ = pointers == 0 ? at : in_;
  return true;
}

bool Parser::ReadSection(uint16_t count, std::vector<Record>& out) {
  for (uint16_t i = 0; i < count; ++i) {
    if (!ReadRecord(out.emplace_back())) {
      return false;
    }
    if (out.back().type == RecordType::kOpt) {
      return Stop(Errc::kBadValue);
    }
  }
  return true;
}

bool Parser::ReadAdditionals(uint16_t count, Message& out,
                             MessageLayout& layout) {
  for (uint16_t i = 0; i < count; ++i) {
    if (IsAtOpt()) {
      layout.opt_record = in_.offset();
      if (!ReadOpt(out)) {
        return false;
      }
      layout.opt_record_end = in_.offset();
      continue;
    }
    if (!ReadSection(1, out.additionals)) {
      return false;
    }
  }
  return true;
}

/// OPT has the root as its name, written as one zero (RFC 6891 section 6.1.2).
bool Parser::IsAtOpt() const {
  ByteReader in = in_;
  uint8_t root = 0;
  uint16_t type = 0;
  return in.ReadU8(root) && root == 0 && in.ReadU16(type) &&
         type == static_cast<uint16_t>(RecordType::kOpt);
}

bool Parser::ReadOpt(Message& out) {
  if (out.edns) {
    return Stop(Errc::kBadValue);
  }
  Edns& edns = out.edns.emplace();
  uint16_t flags = 0;
  uint16_t size = 0;
  ByteView options;
  if (!in_.Skip(3) || !in_.ReadU16(edns.udp_size) ||
      !in_.ReadU8(edns.extended_rcode) || !in_.ReadU8(edns.version) ||
      !in_.ReadU16(flags) || !in_.ReadU16(size) ||
      !in_.ReadView(size, options)) {
    return false;
  }
  edns.dnssec_ok = (flags & 0x8000) != 0;
  edns.options.assign(options.begin(), options.end());
  return true;
}

bool Parser::ReadRecord(Record& out) {
  uint16_t type = 0;
  uint16_t size = 0;
  if (!ReadName(out.name) || !in_.ReadU16(type) ||
      !in_.ReadU16(out.record_class) || !in_.ReadU32(out.ttl) ||
      !in_.ReadU16(size)) {
    return false;
  }
  if (size > in_.remaining()) {
    return Stop(Errc::kTruncated);
  }
  out.type = static_cast<RecordType>(type);
  const size_t end = in_.offset() + size;
  return ReadData(out, size) && (in_.offset() == end || Stop(Errc::kBadLength));
}

bool Parser::ReadData(Record& record, size_t size) {
  const bool is_in = record.record_class == kClassIn;
  if (is_in &&
      (record.type == RecordType::kA || record.type == RecordType::kAaaa)) {
    return ReadAddress(record, size);
  }
  if (is_in &&
      (record.type == RecordType::kCname || record.type == RecordType::kPtr)) {
    return ReadName(record.data.emplace<Name>());
  }
  if (is_in && record.type == RecordType::kSoa) {
    return ReadSoa(record.data.emplace<Soa>());
  }
  ByteView data;
  if (!in_.ReadView(size, data)) {
    return false;
  }
  record.data.emplace<OpaqueData>(data.begin(), data.end());
  return true;
}

bool Parser::ReadAddress(Record& record, size_t size) {
  ByteView data;
  if (size != (record.type == RecordType::kA ? 4U : 16U)) {
    return Stop(Errc::kBadLength);
  }
  if (!in_.ReadView(size, data)) {
    return false;
  }
  record.data = *IpAddress::FromBytes(data);
  return true;
}

bool Parser::ReadSoa(Soa& out) {
  return ReadName(out.primary) && ReadName(out.mailbox) &&
         in_.ReadU32(out.serial) && in_.ReadU32(out.refresh) &&
         in_.ReadU32(out.retry) && in_.ReadU32(out.expire) &&
         in_.ReadU32(out.minimum);
}

}  // namespace

Result<Header> ParseHeader(ByteView bytes) {
  ByteReader in(bytes);
  uint16_t id = 0;
  uint16_t flags = 0;
  if (bytes.size() < kHeaderSize || !in.ReadU16(id) || !in.ReadU16(flags)) {
    return Fail(Errc::kTruncated);
  }
  return FromFlags(id, flags);
}

Result<Message> ParseMessage(ByteView bytes, MessageLayout* layout) {
  MessageLayout ignored;
  return Parser(bytes).Run(layout != nullptr ? *layout : ignored);
}

}  // namespace natkit::dns
