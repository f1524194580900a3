#include "noise/x25519.h"

#include <sodium.h>

namespace natkit::wg {

Result<SharedSecret> DiffieHellman(const StaticPrivateKey& private_key,
                                   const PublicKey& public_key) {
  SharedSecret shared;
  // libsodium compares the result with zero in constant time.
  if (crypto_scalarmult_curve25519(shared.ExposeMutable().data(),
                                   private_key.Expose().data(),
                                   public_key.bytes.data()) != 0) {
    return Fail(Errc::kBadValue);
  }
  return shared;
}

}  // namespace natkit::wg
