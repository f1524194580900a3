#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <type_traits>

namespace natkit {

/// Every failure the libraries report. The numbers are ABI (the C API returns
/// them negated): each library has a range, numbers are never reused.
enum class Errc : uint16_t {
  // libbase, any library: 1..99
  kTruncated = 1,          ///< input ends before the value does
  kBadLength = 2,          ///< a length field contradicts the input
  kBadValue = 3,           ///< a field has a value that its format forbids
  kBufferTooSmall = 4,     ///< the caller's buffer cannot hold the result
  kBadEncoding = 5,        ///< not valid hex, base64, UTF-8, ...
  kNotFound = 6,           ///< no such item
  kAlreadyExists = 7,      ///< an item with this identity exists
  kLimitExceeded = 8,      ///< a documented bound was reached
  kInvalidState = 9,       ///< the call is not allowed in this state
  kPermissionDenied = 10,  ///< the system refused
  kIo = 11,                ///< the system reported an input or output failure
  kAddressInUse = 12,      ///< another socket has this address
  kUnsupported = 13,       ///< this system or build cannot do it
  kTimedOut = 14,          ///< no answer in the time allowed
  kClosed = 15,            ///< the other side or the owner closed it
  kAddressNotAvailable = 16,  ///< the address is not one of this host
  kConnectionRefused = 17,    ///< nobody listens there
  kConnectionReset = 18,      ///< the other side dropped the connection
  kUnreachable = 19,          ///< no route to the host or network
  kNoDevice = 20,             ///< the device or device file is missing
  kInsecureFile = 21,         ///< others may read a file that holds a secret
  kBadArgument = 22,          ///< C API: NULL, or a number out of its range
  kBadHandle = 23,            ///< C API: no handle, or not one any more
  kBusy = 24,                 ///< C API: another call is at work on the handle
  kStructSize = 25,           ///< C API: a structure is smaller than ever was

  // libnat: 100..199
  kNotStun = 100,           ///< not a STUN message (may be another protocol)
  kBadFingerprint = 101,    ///< FINGERPRINT does not match
  kBadIntegrity = 102,      ///< MESSAGE-INTEGRITY(-SHA256) does not match
  kNoIntegrity = 103,       ///< an integrity attribute is required
  kUnknownAttribute = 104,  ///< comprehension-required attribute not known
  kErrorResponse = 105,     ///< the peer answered with a STUN error
  kBadCandidate = 106,      ///< not a usable ICE candidate
  kBadCredentials = 107,    ///< ICE ufrag or password out of bounds

  // libderp: 200..299
  kBadMagic = 200,        ///< ServerKey frame without the DERP magic
  kBadFrame = 201,        ///< a frame's length breaks the rules of its type
  kFrameTooLarge = 202,   ///< a frame longer than its limit
  kBadBox = 203,          ///< a sealed box does not open
  kBadJson = 204,         ///< ClientInfo/ServerInfo JSON not acceptable
  kUpgradeRefused = 205,  ///< the HTTP upgrade was not answered with 101
  kBadHttp = 206,         ///< malformed HTTP
  kForbiddenFrame = 207,  ///< privileged frame from an ordinary client

  // libwg: 300..399
  kUnknownIndex = 300,  ///< no session with this receiver index
  kAuthFailed = 301,    ///< AEAD tag or MAC does not verify
  kReplayed = 302,      ///< counter or timestamp seen before
  kUnknownPeer = 303,   ///< no peer with this public key
  kNoSession = 304,     ///< no keypair to seal with
  kNotAllowed = 305,    ///< source address outside the peer's AllowedIPs
  kNoRoute = 306,       ///< no peer's AllowedIPs match the destination
  kBadConfig = 307,     ///< configuration text not acceptable

  // libtls: 400..449
  kTlsHandshake = 400,    ///< the handshake failed
  kTlsProtocol = 401,     ///< the record layer failed
  kBadCertificate = 402,  ///< certificate not usable or not trusted
  kBadPrivateKey = 403,   ///< private key not usable
  kKeyMismatch = 404,     ///< private key is not the certificate's

  // libmesh: 450..549
  kBadSignal = 450,    ///< a signalling message does not open or parse
  kBadMeshFile = 451,  ///< the mesh file is not acceptable
  kStoreFull = 452,    ///< no room left where the store is
  kStoreLocked = 453,  ///< another process uses the store
  kStoreTooNew = 454,  ///< the store was written by a later version
  kBadStore = 455,     ///< the store is damaged or not one
  kBadControl = 456,   ///< a message of the coordination protocol is not one
};

/// Names an error code, e.g. "truncated". Never empty; static storage.
[[nodiscard]] std::string_view ErrcName(Errc code);

/// One failure. 8 bytes, trivially copyable, never allocates.
struct Error {
  Errc code;
  uint32_t offset = 0;  ///< byte offset in the input for parse errors, else 0
  bool operator==(const Error&) const = default;
};

static_assert(sizeof(Error) == 8 && std::is_trivially_copyable_v<Error>);

/// A value or the reason why there is none.
template <class T>
using Result = std::expected<T, Error>;

/// Shorthand for a failed Result.
[[nodiscard]] inline std::unexpected<Error> Fail(Errc code, size_t offset = 0) {
  return std::unexpected(Error{code, static_cast<uint32_t>(offset)});
}

}  // namespace natkit
