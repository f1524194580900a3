#include "natkit/base/result.h"

namespace natkit {

namespace {

std::string_view BaseErrcName(Errc code) {
  switch (code) {
    case Errc::kTruncated:
      return "truncated";
    case Errc::kBadLength:
      return "bad length";
    case Errc::kBadValue:
      return "bad value";
    case Errc::kBufferTooSmall:
      return "buffer too small";
    case Errc::kBadEncoding:
      return "bad encoding";
    case Errc::kNotFound:
      return "not found";
    case Errc::kAlreadyExists:
      return "already exists";
    case Errc::kLimitExceeded:
      return "limit exceeded";
    case Errc::kInvalidState:
      return "invalid state";
    case Errc::kPermissionDenied:
      return "permission denied";
    case Errc::kIo:
      return "input/output failure";
    case Errc::kAddressInUse:
      return "address in use";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kTimedOut:
      return "timed out";
    case Errc::kClosed:
      return "closed";
    default:
      return {};
  }
}

std::string_view SystemErrcName(Errc code) {
  switch (code) {
    case Errc::kAddressNotAvailable:
      return "address not available";
    case Errc::kConnectionRefused:
      return "connection refused";
    case Errc::kConnectionReset:
      return "connection reset";
    case Errc::kUnreachable:
      return "unreachable";
    case Errc::kNoDevice:
      return "no such device";
    case Errc::kInsecureFile:
      return "file is readable by others";
    case Errc::kBadArgument:
      return "bad argument";
    case Errc::kBadHandle:
      return "bad handle";
    case Errc::kBusy:
      return "handle is in use by another call";
    case Errc::kStructSize:
      return "struct_size is not set, or too small";
    default:
      return {};
  }
}

std::string_view NatErrcName(Errc code) {
  switch (code) {
    case Errc::kNotStun:
      return "not STUN";
    case Errc::kBadFingerprint:
      return "bad fingerprint";
    case Errc::kBadIntegrity:
      return "bad integrity";
    case Errc::kNoIntegrity:
      return "no integrity";
    case Errc::kUnknownAttribute:
      return "unknown attribute";
    case Errc::kErrorResponse:
      return "error response";
    case Errc::kBadCandidate:
      return "bad candidate";
    case Errc::kBadCredentials:
      return "bad credentials";
    default:
      return {};
  }
}

std::string_view DerpErrcName(Errc code) {
  switch (code) {
    case Errc::kBadMagic:
      return "bad magic";
    case Errc::kBadFrame:
      return "bad frame";
    case Errc::kFrameTooLarge:
      return "frame too large";
    case Errc::kBadBox:
      return "sealed box does not open";
    case Errc::kBadJson:
      return "bad JSON";
    case Errc::kUpgradeRefused:
      return "upgrade refused";
    case Errc::kBadHttp:
      return "bad HTTP";
    case Errc::kForbiddenFrame:
      return "forbidden frame";
    default:
      return {};
  }
}

std::string_view WgErrcName(Errc code) {
  switch (code) {
    case Errc::kUnknownIndex:
      return "unknown receiver index";
    case Errc::kAuthFailed:
      return "authentication failed";
    case Errc::kReplayed:
      return "replayed";
    case Errc::kUnknownPeer:
      return "unknown peer";
    case Errc::kNoSession:
      return "no session";
    case Errc::kNotAllowed:
      return "source not in AllowedIPs";
    case Errc::kNoRoute:
      return "no peer for destination";
    case Errc::kBadConfig:
      return "bad configuration";
    default:
      return {};
  }
}

std::string_view TlsErrcName(Errc code) {
  switch (code) {
    case Errc::kTlsHandshake:
      return "TLS handshake failed";
    case Errc::kTlsProtocol:
      return "TLS protocol failure";
    case Errc::kBadCertificate:
      return "bad certificate";
    case Errc::kBadPrivateKey:
      return "bad private key";
    case Errc::kKeyMismatch:
      return "private key does not belong to the certificate";
    default:
      return {};
  }
}

std::string_view MeshErrcName(Errc code) {
  switch (code) {
    case Errc::kBadSignal:
      return "bad signalling message";
    case Errc::kBadMeshFile:
      return "bad mesh file";
    case Errc::kStoreFull:
      return "store is full";
    case Errc::kStoreLocked:
      return "store is in use";
    case Errc::kStoreTooNew:
      return "store of a later version";
    case Errc::kBadStore:
      return "store is damaged";
    case Errc::kBadControl:
      return "bad coordination message";
    default:
      return {};
  }
}

}  // namespace

std::string_view ErrcName(Errc code) {
  for (const auto name :
       {BaseErrcName(code), SystemErrcName(code), NatErrcName(code),
        DerpErrcName(code), WgErrcName(code), TlsErrcName(code),
        MeshErrcName(code)}) {
    if (!name.empty()) {
      return name;
    }
  }
  return "unknown error";
}

}  // namespace natkit
