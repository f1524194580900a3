#include "dns/client_query.h"

#include <algorithm>
#include <utility>

#include "natkit/mesh/dns/dns_stream.h"

namespace natkit::dns {
namespace {

constexpr size_t kFlagsOffset = 2;
constexpr size_t kAdditionalCountOffset = 10;
constexpr size_t kQuestionOffset = kHeaderSize;
/// Root name and type stand before the class, which is the UDP size.
constexpr size_t kUdpSizeInOpt = 3;

constexpr uint16_t kAuthoritative = 1U << 10;
constexpr uint16_t kRecursionDesired = 1U << 8;
constexpr uint16_t kRecursionAvailable = 1U << 7;
constexpr uint16_t kAuthenticData = 1U << 5;
constexpr uint16_t kCheckingDisabled = 1U << 4;

uint16_t ReadU16At(ByteView bytes, size_t offset) {
  return static_cast<uint16_t>(bytes[offset] << 8 | bytes[offset + 1]);
}

void WriteU16At(MutableBytes bytes, size_t offset, uint16_t value) {
  bytes[offset] = static_cast<uint8_t>(value >> 8);
  bytes[offset + 1] = static_cast<uint8_t>(value);
}

/// AA is not ours to claim, and AD would vouch for a path that nobody has
/// authenticated (RFC 4035 section 4.9.3).
uint16_t RelayedFlags(uint16_t upstream, const Header& client) {
  const auto cleared =
      static_cast<uint16_t>(upstream & ~(kAuthoritative | kRecursionDesired |
                                         kAuthenticData | kCheckingDisabled));
  return static_cast<uint16_t>(
      cleared | kRecursionAvailable |
      (client.recursion_desired ? kRecursionDesired : 0) |
      (client.checking_disabled ? kCheckingDisabled : 0));
}

/// Leaves OPT out; names after it could point into what moves, so it must be
/// the last record.
bool RemoveOpt(std::vector<uint8_t>& bytes, const MessageLayout& layout) {
  if (layout.opt_record_end != bytes.size()) {
    return false;
  }
  bytes.resize(layout.opt_record);
  WriteU16At(
      bytes, kAdditionalCountOffset,
      static_cast<uint16_t>(ReadU16At(bytes, kAdditionalCountOffset) - 1));
  return true;
}

/// A client that speaks EDNS takes its absence for ours (RFC 6891 section
/// 6.1.1), whatever the resolver speaks.
void AddOpt(std::vector<uint8_t>& bytes, const Edns& client) {
  constexpr size_t kOptSize = 11;
  const size_t at = bytes.size();
  bytes.resize(at + kOptSize);
  ByteWriter out(MutableBytes(bytes).subspan(at));
  out.WriteU8(0);
  out.WriteU16(static_cast<uint16_t>(RecordType::kOpt));
  out.WriteU16(DnsServer::kMaxUdpSize);
  out.WriteU16(0);  // extended code and version
  out.WriteU16(client.dnssec_ok ? 0x8000 : 0);
  out.WriteU16(0);
  WriteU16At(
      bytes, kAdditionalCountOffset,
      static_cast<uint16_t>(ReadU16At(bytes, kAdditionalCountOffset) + 1));
}

}  // namespace

size_t ClientQuery::limit() const {
  if (stream) {
    return kMaxMessageSize;
  }
  const size_t wanted = message.edns ? message.edns->udp_size : 0;
  return std::clamp(wanted, kMinUdpSize, DnsServer::kMaxUdpSize);
}

Message MakeResponse(const ClientQuery& query, Rcode rcode) {
  Message response;
  response.header = {
      .id = query.message.header.id,
      .opcode = query.message.header.opcode,
      .is_response = true,
      .recursion_desired = query.message.header.recursion_desired,
      .recursion_available = true,
      .checking_disabled = query.message.header.checking_disabled};
  response.question = query.message.question;
  if (query.message.edns) {
    response.edns = Edns{.udp_size = DnsServer::kMaxUdpSize,
                         .dnssec_ok = query.message.edns->dnssec_ok};
  }
  response.set_rcode(rcode);
  return response;
}

std::optional<std::vector<uint8_t>> RelayResponse(const ClientQuery& query,
                                                  ByteView bytes,
                                                  const Message& message,
                                                  const MessageLayout& layout) {
  std::vector<uint8_t> out(bytes.begin(), bytes.end());
  if (message.edns && !query.message.edns) {
    if (!RemoveOpt(out, layout)) {
      return std::nullopt;
    }
  } else if (message.edns) {
    WriteU16At(out, layout.opt_record + kUdpSizeInOpt, DnsServer::kMaxUdpSize);
  } else if (query.message.edns) {
    AddOpt(out, *query.message.edns);
  }
  WriteU16At(out, 0, query.message.header.id);
  WriteU16At(
      out, kFlagsOffset,
      RelayedFlags(ReadU16At(bytes, kFlagsOffset), query.message.header));
  const ByteView spelling = AsBytes(query.message.question.name.wire());
  std::ranges::copy(spelling, out.begin() + kQuestionOffset);
  if (out.size() <= query.limit()) {
    return out;
  }
  Message head = MakeResponse(query, message.rcode());
  head.header.is_truncated = true;
  return BuildTruncatedIfLarger(head, query.limit());
}

DnsTransmit AddressTo(const ClientQuery& query, std::vector<uint8_t> response) {
  if (query.stream) {
    return ClientStreamBytes{.stream = *query.stream,
                             .bytes = FrameForStream(response)};
  }
  return ClientDatagram{
      .local = query.local, .to = query.from, .payload = std::move(response)};
}

bool IsTruncated(ByteView response) {
  const auto header = ParseHeader(response);
  return header && header->is_truncated;
}

}  // namespace natkit::dns
