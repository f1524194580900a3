#pragma once

#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/nat/stun_attribute_type.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_types.h"

/// Attributes of natkit's own, for questions about NATs that RFC 5780 cannot
/// ask. All are comprehension-optional: other servers and clients skip them.
/// A server of ours acts on them only where discovery is enabled
/// (stun_discovery.h) and only over UDP, unless it says otherwise below.
namespace natkit::stun {

/// Request. Bytes without a meaning, of any length: make a request as long as
/// the response to it, so that a server that never amplifies answers. Any
/// other unknown comprehension-optional attribute does the same.
inline constexpr AttributeType kFiller{0xDA70};

/// Adds a kFiller of 52 bytes (IPv6: 100), with which any Binding request is as
/// long as the longest ordinary response that a server of ours sends over that
/// family. Without it a server that never amplifies keeps silent at times.
void AddFiller(MessageBuilder& builder, const IpAddress& server);

/// Request. What the response shall be like: attr::ProbeOptions.
inline constexpr AttributeType kProbeOptions{0xDA71};

/// Response. SHA-256 of the whole request as it arrived, from the first byte
/// of its header to its last: attr::RequestDigest. A client that embeds its
/// addresses in kFiller or PADDING learns whether a generic ALG rewrote them.
inline constexpr AttributeType kRequestDigest{0xDA72};

namespace attr {

using Filler = OpaqueAttribute<kFiller>;

/// The value of PROBE-OPTIONS.
struct ProbeOptionsValue {
  /// The request has PADDING, the response shall have none: does the way from
  /// client to server carry fragments?
  bool do_not_pad_response = false;
  /// The response shall have PADDING although the request has none: does the
  /// way back carry fragments? The response is `response_size` bytes of STUN
  /// long (at most 2,048), if earlier requests of this source have paid for
  /// it: the server has got as many more bytes from it than it has sent to it,
  /// of which it remembers 4,096. Otherwise it has no PADDING. A client pays
  /// by requests with kFiller before it, for example two of 1,200 bytes.
  bool pad_response_only = false;
  /// The response shall carry kRequestDigest; also over TCP and TLS. It does
  /// if it is still not longer than the request: add a kFiller of 64 bytes.
  bool echo_digest = false;
  uint16_t response_size = 0;  ///< bytes; only with pad_response_only
  bool operator==(const ProbeOptionsValue&) const = default;
};

/// `flags:16 | response size:16`, big-endian. Flags: 1 pad response only, 2 do
/// not pad response, 4 echo a digest; others are ignored.
struct ProbeOptions {
  static constexpr AttributeType kType = kProbeOptions;
  using Value = ProbeOptionsValue;
  static Result<Value> Decode(ByteView value, const TransactionId& id);
  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId& id);
};

/// 32 bytes of SHA-256.
struct RequestDigest {
  static constexpr AttributeType kType = kRequestDigest;
  using Value = std::array<uint8_t, 32>;
  static Result<Value> Decode(ByteView value, const TransactionId& id);
  static void Encode(ByteWriter& out, const Value& value,
                     const TransactionId& id);
};

/// What RequestDigest says of `datagram`.
[[nodiscard]] RequestDigest::Value DigestOf(ByteView datagram);

}  // namespace attr

}  // namespace natkit::stun
