#include <sodium.h>

#include <algorithm>
#include <array>

#include "natkit/base/check.h"
#include "natkit/mesh/signal.h"
#include "signal/signal_proto.h"

namespace natkit::mesh {

namespace {

// First byte outside WireGuard's 1..4 and STUN's 0..63.
constexpr std::array<uint8_t, 6> kMagic = {'n', 'k', 's', 'i', 'g', 1};
constexpr size_t kNonceSize = crypto_box_NONCEBYTES;
constexpr size_t kHeaderSize = kMagic.size() + kNonceSize;
/// Boots of a peer that are remembered.
constexpr size_t kMaxOldBoots = 16;
constexpr size_t kOverhead = kHeaderSize + crypto_box_MACBYTES;

}  // namespace

bool LooksLikeSignal(ByteView packet) {
  return packet.size() >= kOverhead &&
         std::equal(kMagic.begin(), kMagic.end(), packet.begin());
}

SignalBox::SignalBox(const StaticPrivateKey& ours, const PublicKey& theirs) {
  // A low-order key gives an all-zero product; the key then stays zero and
  // nothing that the peer could have sealed opens, nor is anything sealed.
  if (crypto_box_beforenm(key_.ExposeMutable().data(), theirs.bytes.data(),
                          ours.Expose().data()) != 0) {
    WipeBytes(key_.ExposeMutable());
  }
}

std::vector<uint8_t> SignalBox::Seal(const Signal& signal, Rng& rng) const {
  if (key_.is_zero()) {
    return {};
  }
  const std::string plain = EncodeSignal(signal);
  std::vector<uint8_t> packet(kOverhead + plain.size());
  std::ranges::copy(kMagic, packet.begin());
  const MutableBytes nonce =
      MutableBytes(packet).subspan(kMagic.size(), kNonceSize);
  rng.Fill(nonce);
  NATKIT_CHECK(crypto_box_easy_afternm(
                   packet.data() + kHeaderSize, AsBytes(plain).data(),
                   plain.size(), nonce.data(), key_.Expose().data()) == 0);
  return packet;
}

Result<Signal> SignalBox::Open(ByteView packet) const {
  if (!LooksLikeSignal(packet) || key_.is_zero()) {
    return Fail(Errc::kBadSignal);
  }
  const ByteView box = packet.subspan(kHeaderSize);
  std::vector<uint8_t> plain(box.size() - crypto_box_MACBYTES);
  if (crypto_box_open_easy_afternm(plain.data(), box.data(), box.size(),
                                   packet.data() + kMagic.size(),
                                   key_.Expose().data()) != 0) {
    return Fail(Errc::kBadSignal);
  }
  return DecodeSignal(plain);
}

bool SignalReplayFilter::Accept(const Signal& signal, bool is_fresh) {
  peer_restarted_ = false;
  if (boot_ == signal.boot) {
    if (signal.sequence <= sequence_) {
      return false;
    }
  } else {
    const bool is_new =
        is_fresh &&
        std::ranges::find(old_boots_, signal.boot) == old_boots_.end();
    if (boot_ && !is_new && signal.sent_unix_ms <= sent_unix_ms_) {
      return false;
    }
    if (boot_) {
      old_boots_.push_back(*boot_);
      if (old_boots_.size() > kMaxOldBoots) {
        old_boots_.erase(old_boots_.begin());
      }
    }
    peer_restarted_ = boot_.has_value();
  }
  boot_ = signal.boot;
  sequence_ = signal.sequence;
  sent_unix_ms_ = std::max(sent_unix_ms_, signal.sent_unix_ms);
  return true;
}

}  // namespace natkit::mesh
