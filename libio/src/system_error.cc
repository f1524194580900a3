#include "system_error.h"

namespace natkit::io {

Errc ErrcFromErrno(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::kPermissionDenied;
    case EADDRINUSE:
      return Errc::kAddressInUse;
    case EADDRNOTAVAIL:
      return Errc::kAddressNotAvailable;
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case EOPNOTSUPP:
      return Errc::kUnsupported;
    case ECONNREFUSED:
      return Errc::kConnectionRefused;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
      return Errc::kConnectionReset;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return Errc::kUnreachable;
    case ETIMEDOUT:
      return Errc::kTimedOut;
    case ENOENT:
    case ESRCH:
    case ENOTDIR:
      return Errc::kNotFound;
    case ENODEV:
    case ENXIO:
      return Errc::kNoDevice;
    case EEXIST:
      return Errc::kAlreadyExists;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return Errc::kLimitExceeded;
    default:
      return Errc::kIo;
  }
}

}  // namespace natkit::io
