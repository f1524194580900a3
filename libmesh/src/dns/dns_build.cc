#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "natkit/mesh/dns/dns_message.h"

namespace natkit::dns {
namespace {

constexpr size_t kMaxPointerTarget = 0x3FFF;

uint16_t ToFlags(const Header& header) {
  const auto bit = [](bool is_set, int position) {
    return is_set ? 1U << position : 0U;
  };
  return static_cast<uint16_t>(
      bit(header.is_response, 15) | (header.opcode & 0xFU) << 11 |
      bit(header.is_authoritative, 10) | bit(header.is_truncated, 9) |
      bit(header.recursion_desired, 8) | bit(header.recursion_available, 7) |
      bit(header.reserved_bit, 6) | bit(header.authentic_data, 5) |
      bit(header.checking_disabled, 4) | (header.rcode & 0xFU));
}

/// Writes one message and remembers where names stand, for compression.
class Builder {
 public:
  explicit Builder(MutableBytes out) : out_(out) {}

  void Write(const Message& message);

  [[nodiscard]] bool overflowed() const { return out_.overflowed(); }

  [[nodiscard]] ByteView written() const { return out_.written(); }

 private:
  void WriteName(const Name& name);
  void WriteRecord(const Record& record);
  void WriteData(const RecordData& data);
  void WriteSoa(const Soa& soa);
  void WriteOpt(const Edns& edns);

  ByteWriter out_;
  std::map<std::string, uint16_t, std::less<>> known_;
};

void Builder::Write(const Message& message) {
  const size_t opt = message.edns ? 1 : 0;
  out_.WriteU16(message.header.id);
  out_.WriteU16(ToFlags(message.header));
  out_.WriteU16(1);
  out_.WriteU16(static_cast<uint16_t>(message.answers.size()));
  out_.WriteU16(static_cast<uint16_t>(message.authorities.size()));
  out_.WriteU16(static_cast<uint16_t>(message.additionals.size() + opt));
  WriteName(message.question.name);
  out_.WriteU16(static_cast<uint16_t>(message.question.type));
  out_.WriteU16(message.question.question_class);
  for (const auto* section :
       {&message.answers, &message.authorities, &message.additionals}) {
    for (const Record& record : *section) {
      WriteRecord(record);
    }
  }
  if (message.edns) {
    WriteOpt(*message.edns);
  }
}

/// Suffixes are found by exact spelling, so that every name keeps its own.
void Builder::WriteName(const Name& name) {
  std::string_view rest = name.wire();
  while (!rest.empty()) {
    if (const auto known = known_.find(rest); known != known_.end()) {
      out_.WriteU16(static_cast<uint16_t>(0xC000U | known->second));
      return;
    }
    if (out_.size() <= kMaxPointerTarget) {
      known_.emplace(rest, static_cast<uint16_t>(out_.size()));
    }
    const size_t size = size_t{1} + static_cast<uint8_t>(rest.front());
    out_.WriteBytes(AsBytes(rest.substr(0, size)));
    rest.remove_prefix(size);
  }
  out_.WriteU8(0);
}

void Builder::WriteRecord(const Record& record) {
  WriteName(record.name);
  out_.WriteU16(static_cast<uint16_t>(record.type));
  out_.WriteU16(record.record_class);
  out_.WriteU32(record.ttl);
  const size_t size_at = out_.size();
  out_.WriteU16(0);
  WriteData(record.data);
  if (!out_.overflowed()) {
    out_.PatchU16(size_at, static_cast<uint16_t>(out_.size() - size_at - 2));
  }
}

void Builder::WriteData(const RecordData& data) {
  if (const auto* address = std::get_if<IpAddress>(&data)) {
    out_.WriteBytes(address->bytes());
  } else if (const auto* name = std::get_if<Name>(&data)) {
    WriteName(*name);
  } else if (const auto* soa = std::get_if<Soa>(&data)) {
    WriteSoa(*soa);
  } else {
    out_.WriteBytes(std::get<OpaqueData>(data));
  }
}

void Builder::WriteSoa(const Soa& soa) {
  WriteName(soa.primary);
  WriteName(soa.mailbox);
  for (const uint32_t value :
       {soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum}) {
    out_.WriteU32(value);
  }
}

void Builder::WriteOpt(const Edns& edns) {
  out_.WriteU8(0);
  out_.WriteU16(static_cast<uint16_t>(RecordType::kOpt));
  out_.WriteU16(edns.udp_size);
  out_.WriteU8(edns.extended_rcode);
  out_.WriteU8(edns.version);
  out_.WriteU16(edns.dnssec_ok ? 0x8000 : 0);
  out_.WriteU16(static_cast<uint16_t>(edns.options.size()));
  out_.WriteBytes(edns.options);
}

}  // namespace

Rcode Message::rcode() const {
  const unsigned high = edns ? edns->extended_rcode : 0U;
  return static_cast<Rcode>(high << 4 | header.rcode);
}

void Message::set_rcode(Rcode rcode) {
  header.rcode = static_cast<uint8_t>(static_cast<uint16_t>(rcode) & 0xFU);
  if (edns) {
    edns->extended_rcode =
        static_cast<uint8_t>(static_cast<uint16_t>(rcode) >> 4);
  }
}

Result<std::vector<uint8_t>> BuildMessage(const Message& message,
                                          size_t max_size) {
  std::vector<uint8_t> buffer(std::min(max_size, kMaxMessageSize));
  Builder builder(buffer);
  builder.Write(message);
  if (builder.overflowed()) {
    return Fail(Errc::kBufferTooSmall);
  }
  buffer.resize(builder.written().size());
  return buffer;
}

std::vector<uint8_t> BuildTruncatedIfLarger(const Message& message,
                                            size_t max_size) {
  if (auto whole = BuildMessage(message, max_size)) {
    return *std::move(whole);
  }
  Message head{.header = message.header,
               .question = message.question,
               .answers = {},
               .authorities = {},
               .additionals = {},
               .edns = message.edns};
  head.header.is_truncated = true;
  if (head.edns) {
    head.edns->options.clear();
  }
  // Header, question and an empty OPT: 282 bytes at most, any client has 512.
  return BuildMessage(head, kMinUdpSize).value_or(std::vector<uint8_t>{});
}

}  // namespace natkit::dns
