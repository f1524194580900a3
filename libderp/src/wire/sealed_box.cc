#include "wire/sealed_box.h"

#include <sodium.h>

namespace natkit::derp {

static_assert(kSealedBoxOverhead ==
              crypto_box_NONCEBYTES + crypto_box_MACBYTES);

Result<void> AppendSealedBox(ByteView plaintext, const PublicKey& to,
                             const StaticPrivateKey& from, Rng& rng,
                             std::vector<uint8_t>& out) {
  const size_t start = out.size();
  out.resize(start + kSealedBoxOverhead + plaintext.size());
  const MutableBytes nonce =
      MutableBytes(out).subspan(start, crypto_box_NONCEBYTES);
  rng.Fill(nonce);
  const MutableBytes sealed =
      MutableBytes(out).subspan(start + crypto_box_NONCEBYTES);
  if (crypto_box_easy(sealed.data(), plaintext.data(), plaintext.size(),
                      nonce.data(), to.bytes.data(),
                      from.Expose().data()) != 0) {
    out.resize(start);
    return Fail(Errc::kBadBox);
  }
  return {};
}

Result<std::vector<uint8_t>> OpenSealedBox(ByteView box, const PublicKey& from,
                                           const StaticPrivateKey& to) {
  if (box.size() < kSealedBoxOverhead) {
    return Fail(Errc::kTruncated);
  }
  std::vector<uint8_t> plaintext(box.size() - kSealedBoxOverhead);
  const ByteView sealed = box.subspan(crypto_box_NONCEBYTES);
  if (crypto_box_open_easy(plaintext.data(), sealed.data(), sealed.size(),
                           box.data(), from.bytes.data(),
                           to.Expose().data()) != 0) {
    return Fail(Errc::kBadBox);
  }
  return plaintext;
}

}  // namespace natkit::derp
