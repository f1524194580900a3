#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/mesh/dns/dns_name.h"

namespace natkit::dns {

inline constexpr size_t kHeaderSize = 12;  ///< bytes
/// What every client takes in a UDP datagram without EDNS, bytes (RFC 1035
/// section 4.2.1).
inline constexpr size_t kMinUdpSize = 512;
/// The largest message, bytes: a length of 16 bits on streams.
inline constexpr size_t kMaxMessageSize = 65535;
inline constexpr uint16_t kClassIn = 1;
inline constexpr uint8_t kOpcodeQuery = 0;

/// Record and question types (IANA registry); the values that are not listed
/// are legal too.
enum class RecordType : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kAaaa = 28,
  kOpt = 41,
  kDs = 43,
  kDnskey = 48,
  kIxfr = 251,
  kAxfr = 252,
  kAny = 255,
};

/// Response codes (RFC 1035 section 4.1.1, RFC 6891 section 9); above 15 only
/// with EDNS.
enum class Rcode : uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kBadVers = 16,
};

/// The header without its counts. `rcode` is the low four bits alone.
struct Header {
  uint16_t id = 0;
  uint8_t opcode = kOpcodeQuery;  ///< 4 bits
  uint8_t rcode = 0;              ///< 4 bits
  bool is_response = false;
  bool is_authoritative = false;
  bool is_truncated = false;
  bool recursion_desired = false;
  bool recursion_available = false;
  bool reserved_bit = false;
  bool authentic_data = false;
  bool checking_disabled = false;

  bool operator==(const Header&) const = default;
};

struct Question {
  Name name;
  RecordType type = RecordType::kA;
  uint16_t question_class = kClassIn;

  bool operator==(const Question&) const = default;
};

/// Start of authority (RFC 1035 section 3.3.13). Times in seconds.
struct Soa {
  Name primary;
  Name mailbox;
  uint32_t serial = 0;
  uint32_t refresh = 0;
  uint32_t retry = 0;
  uint32_t expire = 0;
  uint32_t minimum = 0;  ///< the time to live of negative answers (RFC 2308)

  bool operator==(const Soa&) const = default;
};

/// Data of a type or class that is not looked into. It may hold compressed
/// names (RFC 3597 section 4), which mean nothing outside their message.
using OpaqueData = std::vector<uint8_t>;

/// By type: A and AAAA an address, CNAME and PTR a name, SOA its fields.
using RecordData = std::variant<IpAddress, Name, Soa, OpaqueData>;

struct Record {
  Name name;
  RecordType type = RecordType::kA;
  uint16_t record_class = kClassIn;
  uint32_t ttl = 0;  ///< seconds
  RecordData data;

  bool operator==(const Record&) const = default;
};

/// The OPT record (RFC 6891 section 6.1).
struct Edns {
  uint16_t udp_size = 0;  ///< bytes that the sender takes in a datagram
  uint8_t extended_rcode = 0;
  uint8_t version = 0;
  bool dnssec_ok = false;
  std::vector<uint8_t> options;  ///< as they stand in the message

  bool operator==(const Edns&) const = default;
};

/// One message with exactly one question.
struct Message {
  Header header;
  Question question;
  std::vector<Record> answers;
  std::vector<Record> authorities;
  std::vector<Record> additionals;  ///< without OPT
  std::optional<Edns> edns;

  /// All 12 bits of the response code.
  [[nodiscard]] Rcode rcode() const;
  void set_rcode(Rcode rcode);

  bool operator==(const Message&) const = default;
};

/// Where things stand in the bytes that a message was parsed from.
struct MessageLayout {
  size_t question_end = 0;    ///< first byte after the question
  size_t opt_record = 0;      ///< first byte of OPT; 0 if there is none
  size_t opt_record_end = 0;  ///< first byte after it
};

/// Parses the header alone, for answering what does not parse. Errors:
/// kTruncated.
[[nodiscard]] Result<Header> ParseHeader(ByteView bytes);

/// Parses a whole message strictly (RFC 1035 section 4): one question, counts
/// and lengths that fit exactly, names whose compression pointers lead
/// backwards only, at most one OPT, in the additional section, at the root.
/// Errors: kTruncated, kBadLength (bytes left over, data of a wrong size),
/// kBadValue (a bad label or pointer, not one question, a misplaced OPT), with
/// the offset.
[[nodiscard]] Result<Message> ParseMessage(ByteView bytes,
                                           MessageLayout* layout = nullptr);

/// Builds `message` with compressed names. Errors: kBufferTooSmall, when it
/// would be over `max_size` bytes.
[[nodiscard]] Result<std::vector<uint8_t>> BuildMessage(
    const Message& message, size_t max_size = kMaxMessageSize);

/// As BuildMessage(), but what is too large becomes a message with TC, the
/// question and the OPT record alone (RFC 2181 section 9).
[[nodiscard]] std::vector<uint8_t> BuildTruncatedIfLarger(
    const Message& message, size_t max_size);

}  // namespace natkit::dns
