#include "transport/keypair.h"

#include <algorithm>

#include "natkit/base/check.h"
#include "natkit/base/copy.h"

namespace natkit::wg {

Keypair::Keypair(const Config& config, const TransportKeys& keys)
    : config_(config), send_key_(keys.send), receive_key_(keys.receive) {}

bool Keypair::CanSeal(Instant now) const {
  return CanOpen(now) && send_counter_ < kRejectAfterMessages;
}

bool Keypair::CanOpen(Instant now) const {
  return Age(now) < kRejectAfterTime;
}

bool Keypair::NeedsRekeyAfterSending(Instant now) const {
  return send_counter_ >= kRekeyAfterMessages ||
         (config_.role == Role::kInitiator && Age(now) >= kRekeyAfterTime);
}

bool Keypair::NeedsRekeyAfterReceiving(Instant now) const {
  return config_.role == Role::kInitiator &&
         Age(now) >= kRekeyAfterTimeReceiving;
}

void Keypair::Seal(ByteView content, MutableBytes out) {
  NATKIT_CHECK(out.size() >= SealedSize(content.size()) &&
               send_counter_ < kRejectAfterMessages);
  WriteDataHeader(config_.remote_index, send_counter_,
                  out.first<kDataHeaderSize>());
  const MutableBytes sealed = out.subspan(kDataHeaderSize);
  const MutableBytes padded = sealed.first(sealed.size() - kAeadTagSize);
  CopyBytes(content, padded);
  std::ranges::fill(padded.subspan(content.size()), uint8_t{0});
  send_key_.Seal(send_counter_++, padded, {}, sealed);
}

Result<void> Keypair::Open(const TransportData& data, MutableBytes out) {
  if (data.counter >= kRejectAfterMessages) {
    return Fail(Errc::kNoSession);
  }
  // Asked first because it is cheap; answered for good after the tag is known.
  if (!replay_window_.IsNew(data.counter)) {
    return Fail(Errc::kReplayed);
  }
  if (auto opened = receive_key_.Open(data.counter, data.content, {}, out);
      !opened) {
    return opened;
  }
  NATKIT_CHECK(replay_window_.Accept(data.counter));
  return {};
}

}  // namespace natkit::wg
