#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/nat/bounded_list.h"
#include "natkit/nat/stun_attribute_type.h"
#include "natkit/nat/stun_types.h"

/// One type for each attribute whose value this library reads or writes. Each
/// has `kType`, `Value`, `Decode(value bytes, transaction id)` and
/// `Encode(writer, value, transaction id)`; `Message::Get<A>()` and
/// `MessageBuilder::Add<A>()` do the rest. Other code may add its own.
///
/// Decode errors: kBadLength for a size that the attribute cannot have,
/// kBadValue for contents that it cannot have. Values that are views point
/// into the message.
namespace natkit::stun::attr {

/// The longest text that is read: 128 characters of UTF-8 of up to six bytes,
/// rounded up as RFC 8489 sections 14.3 to 14.14 do.
inline constexpr size_t kMaxTextSize = 763;

// Codecs that several attributes share.
[[nodiscard]] Result<uint32_t> DecodeU32(ByteView value);
[[nodiscard]] Result<uint64_t> DecodeU64(ByteView value);
[[nodiscard]] Result<std::string_view> DecodeText(ByteView value);
/// MAPPED-ADDRESS form (RFC 8489 section 14.1): 8 or 20 bytes.
[[nodiscard]] Result<Endpoint> DecodeAddress(ByteView value);
void EncodeAddress(ByteWriter& out, const Endpoint& endpoint);
/// XOR-MAPPED-ADDRESS form (RFC 8489 section 14.2): 8 or 20 bytes.
[[nodiscard]] Result<Endpoint> DecodeXorAddress(ByteView value,
                                                const TransactionId& id);
void EncodeXorAddress(ByteWriter& out, const Endpoint& endpoint,
                      const TransactionId& id);

/// An address and port, not obfuscated.
template <AttributeType Type>
struct AddressAttribute {
  static constexpr AttributeType kType = Type;
  using Value = Endpoint;

  static Result<Value> Decode(ByteView value, const TransactionId&) {
    return DecodeAddress(value);
  }

  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId&) {
    EncodeAddress(out, value);
  }
};

/// An address and port, XORed with the cookie and the transaction ID.
template <AttributeType Type>
struct XorAddressAttribute {
  static constexpr AttributeType kType = Type;
  using Value = Endpoint;

  static Result<Value> Decode(ByteView value, const TransactionId& id) {
    return DecodeXorAddress(value, id);
  }

  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId& id) {
    EncodeXorAddress(out, value, id);
  }
};

/// UTF-8 text of up to 763 bytes; not checked to be UTF-8.
template <AttributeType Type>
struct TextAttribute {
  static constexpr AttributeType kType = Type;
  using Value = std::string_view;

  static Result<Value> Decode(ByteView value, const TransactionId&) {
    return DecodeText(value);
  }

  static void Encode(ByteWriter& out, Value value, const TransactionId&) {
    out.WriteBytes(AsBytes(value));
  }
};

/// Bytes of any length.
template <AttributeType Type>
struct OpaqueAttribute {
  static constexpr AttributeType kType = Type;
  using Value = ByteView;

  static Result<Value> Decode(ByteView value, const TransactionId&) {
    return value;
  }

  static void Encode(ByteWriter& out, Value value, const TransactionId&) {
    out.WriteBytes(value);
  }
};

/// Four bytes.
template <AttributeType Type>
struct U32Attribute {
  static constexpr AttributeType kType = Type;
  using Value = uint32_t;

  static Result<Value> Decode(ByteView value, const TransactionId&) {
    return DecodeU32(value);
  }

  static void Encode(ByteWriter& out, Value value, const TransactionId&) {
    out.WriteU32(value);
  }
};

/// Eight bytes.
template <AttributeType Type>
struct U64Attribute {
  static constexpr AttributeType kType = Type;
  using Value = uint64_t;

  static Result<Value> Decode(ByteView value, const TransactionId&) {
    return DecodeU64(value);
  }

  static void Encode(ByteWriter& out, Value value, const TransactionId&) {
    out.WriteU64(value);
  }
};

/// The value of an attribute that says all by being there.
struct Present {
  bool operator==(const Present&) const = default;
};

/// No bytes.
template <AttributeType Type>
struct FlagAttribute {
  static constexpr AttributeType kType = Type;
  using Value = Present;

  static Result<Value> Decode(ByteView value, const TransactionId&) {
    if (!value.empty()) {
      return Fail(Errc::kBadLength);
    }
    return Present{};
  }

  static void Encode(ByteWriter&, Value, const TransactionId&) {}
};

// RFC 8489
using MappedAddress = AddressAttribute<AttributeType::kMappedAddress>;
using XorMappedAddress = XorAddressAttribute<AttributeType::kXorMappedAddress>;
/// Number 0x8020 of a draft; some servers still send it.
using XorMappedAddressDraft =
    XorAddressAttribute<AttributeType::kXorMappedAddressDraft>;
using Username = TextAttribute<AttributeType::kUsername>;
using Realm = TextAttribute<AttributeType::kRealm>;
using Nonce = TextAttribute<AttributeType::kNonce>;
using Software = TextAttribute<AttributeType::kSoftware>;
using AlternateDomain = TextAttribute<AttributeType::kAlternateDomain>;
using AlternateServer = AddressAttribute<AttributeType::kAlternateServer>;

// RFC 8445 and the renomination draft
using Priority = U32Attribute<AttributeType::kPriority>;
using UseCandidate = FlagAttribute<AttributeType::kUseCandidate>;
using IceControlled = U64Attribute<AttributeType::kIceControlled>;
using IceControlling = U64Attribute<AttributeType::kIceControlling>;
using Nomination = U32Attribute<AttributeType::kNomination>;

// RFC 5780
using ResponseOrigin = AddressAttribute<AttributeType::kResponseOrigin>;
using OtherAddress = AddressAttribute<AttributeType::kOtherAddress>;
using Padding = OpaqueAttribute<AttributeType::kPadding>;
using CacheTimeout = U32Attribute<AttributeType::kCacheTimeout>;

// RFC 3489 responses
using SourceAddress = AddressAttribute<AttributeType::kSourceAddress>;
using ChangedAddress = AddressAttribute<AttributeType::kChangedAddress>;

/// A code and its reason. Decoded codes are 300 to 699.
struct ErrorCodeValue {
  stun::ErrorCode code = stun::ErrorCode::kBadRequest;
  std::string_view reason;
  bool operator==(const ErrorCodeValue&) const = default;
};

/// RFC 8489 section 14.8.
struct ErrorCode {
  static constexpr AttributeType kType = AttributeType::kErrorCode;
  using Value = ErrorCodeValue;
  static Result<Value> Decode(ByteView value, const TransactionId& id);
  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId& id);
};

/// RFC 8489 section 14.9. At most 32 numbers are kept.
struct UnknownAttributes {
  static constexpr AttributeType kType = AttributeType::kUnknownAttributes;
  using Value = AttributeTypeList;
  static Result<Value> Decode(ByteView value, const TransactionId& id);
  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId& id);
};

/// SHA-256(username ":" realm), RFC 8489 section 14.4.
struct Userhash {
  static constexpr AttributeType kType = AttributeType::kUserhash;
  using Value = std::array<uint8_t, 32>;
  static Result<Value> Decode(ByteView value, const TransactionId& id);
  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId& id);
};

/// How a long-term key is derived (RFC 8489 section 18.5). Others may occur.
enum class PasswordAlgorithmId : uint16_t { kMd5 = 1, kSha256 = 2 };

/// One algorithm with its parameters; both registered ones have none.
struct PasswordAlgorithmValue {
  PasswordAlgorithmId id = PasswordAlgorithmId::kMd5;
  ByteView parameters;

  bool operator==(const PasswordAlgorithmValue& other) const;
};

/// RFC 8489 section 14.12.
struct PasswordAlgorithm {
  static constexpr AttributeType kType = AttributeType::kPasswordAlgorithm;
  using Value = PasswordAlgorithmValue;
  static Result<Value> Decode(ByteView value, const TransactionId& id);
  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId& id);
};

/// RFC 8489 section 14.11: most preferred first. At most 8 are kept.
struct PasswordAlgorithms {
  static constexpr AttributeType kType = AttributeType::kPasswordAlgorithms;
  using Value = nat::BoundedList<PasswordAlgorithmValue, 8>;
  static Result<Value> Decode(ByteView value, const TransactionId& id);
  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId& id);
};

/// What a CHANGE-REQUEST asks the answer's source to differ in.
struct ChangeRequestValue {
  bool change_ip = false;
  bool change_port = false;
  bool operator==(const ChangeRequestValue&) const = default;
};

/// RFC 5780 section 7.2.
struct ChangeRequest {
  static constexpr AttributeType kType = AttributeType::kChangeRequest;
  using Value = ChangeRequestValue;
  static Result<Value> Decode(ByteView value, const TransactionId& id);
  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId& id);
};

/// RFC 5780 section 7.5. Sent with 4 bytes; the 2 bytes of one known server
/// are read too.
struct ResponsePort {
  static constexpr AttributeType kType = AttributeType::kResponsePort;
  using Value = uint16_t;
  static Result<Value> Decode(ByteView value, const TransactionId& id);
  static void Encode(ByteWriter& out, Value value, const TransactionId& id);
};

/// How often a request was sent before this copy, and a response before this.
struct TransmitCounterValue {
  uint8_t request = 0;
  uint8_t response = 0;
  bool operator==(const TransmitCounterValue&) const = default;
};

/// RFC 7982 section 3.1.
struct TransactionTransmitCounter {
  static constexpr AttributeType kType =
      AttributeType::kTransactionTransmitCounter;
  using Value = TransmitCounterValue;
  static Result<Value> Decode(ByteView value, const TransactionId& id);
  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId& id);
};

}  // namespace natkit::stun::attr
