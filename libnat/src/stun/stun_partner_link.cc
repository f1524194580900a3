#include "natkit/nat/stun_partner_link.h"

#include <sodium/crypto_auth_hmacsha256.h>

#include <algorithm>

#include "natkit/nat/stun_message.h"
#include "stun/rfc3489.h"
#include "stun/stun_source_filter.h"

namespace natkit::stun {

namespace {

constexpr uint32_t kMagic = 0x6E6B7332;  // "nks2"
constexpr PartnerTime::duration kOneTick{1};
constexpr size_t kMacSize = crypto_auth_hmacsha256_BYTES;

using Mac = std::array<uint8_t, kMacSize>;

Mac MacOf(ByteView bytes, const PartnerSecret& secret) {
  static_assert(PartnerSecret::kSize == crypto_auth_hmacsha256_KEYBYTES);
  Mac mac{};
  crypto_auth_hmacsha256(mac.data(), bytes.data(), bytes.size(),
                         secret.Expose().data());
  return mac;
}

/// A response may go to it, and it is one.
bool MakesSense(const PartnerOrder& order) {
  if (order.from_port == 0 || !IsAnswerableSource(order.to, {})) {
    return false;
  }
  if (IsRfc3489Response(order.response)) {
    return true;
  }
  const auto message = Message::Parse(order.response);
  return message && (message->type() == kBindingSuccess ||
                     message->type() == kBindingError);
}

}  // namespace

Result<size_t> PartnerSender::Seal(PartnerTime now, const PartnerOrder& order,
                                   MutableBytes out) {
  // Strictly increasing, unless the clock was so wrong before that the other
  // side would refuse what follows until it has caught up.
  const bool is_set_back = last_ > now + PartnerReceiver::kTolerance / 2;
  last_ = is_set_back ? now : std::max(now, last_ + kOneTick);
  const IpAddress address = order.to.address.MappedToV6();
  ByteWriter writer(out);
  writer.WriteU32(kMagic);
  writer.WriteU8(static_cast<uint8_t>(own_));
  writer.WriteU64(static_cast<uint64_t>(last_.time_since_epoch().count()));
  writer.WriteU16(order.from_port);
  writer.WriteU16(order.to.port);
  writer.WriteBytes(address.bytes());
  writer.WriteBytes(order.response);
  if (writer.overflowed()) {
    return Fail(Errc::kBufferTooSmall);
  }
  writer.WriteBytes(MacOf(writer.written(), secret_));
  if (writer.overflowed()) {
    return Fail(Errc::kBufferTooSmall);
  }
  return writer.size();
}

Result<PartnerOrder> PartnerReceiver::Open(PartnerTime now, ByteView datagram) {
  if (datagram.size() < PartnerSender::kOverhead) {
    return Fail(Errc::kTruncated);
  }
  const ByteView signed_part = datagram.first(datagram.size() - kMacSize);
  ByteReader in(signed_part);
  uint32_t magic = 0;
  uint8_t side = 0;
  uint64_t time = 0;
  PartnerOrder order;
  std::array<uint8_t, 16> address{};
  if (!in.ReadU32(magic) || !in.ReadU8(side) || !in.ReadU64(time) ||
      !in.ReadU16(order.from_port) || !in.ReadU16(order.to.port) ||
      !in.ReadInto(address)) {
    return Fail(Errc::kTruncated);
  }
  if (magic != kMagic) {
    return Fail(Errc::kNotFound);
  }
  if (crypto_auth_hmacsha256_verify(datagram.last(kMacSize).data(),
                                    signed_part.data(), signed_part.size(),
                                    secret_.Expose().data()) != 0) {
    return Fail(Errc::kBadIntegrity);
  }
  if (side == static_cast<uint8_t>(own_)) {
    return Fail(Errc::kInvalidState);
  }
  const PartnerTime sent{std::chrono::nanoseconds(static_cast<int64_t>(time))};
  if (sent < now - kTolerance || sent > now + kTolerance) {
    return Fail(Errc::kTimedOut);
  }
  if (forgotten_ > now + kTolerance) {
    forgotten_ = {};  // this side's clock was set back
  }
  if (!IsNew(sent)) {
    return Fail(Errc::kAlreadyExists);
  }
  order.to.address = IpAddress::V6(address).Unmapped();
  order.response = in.ReadRest();
  if (!MakesSense(order)) {
    return Fail(Errc::kBadValue);
  }
  Remember(now, sent);
  return order;
}

bool PartnerReceiver::IsNew(PartnerTime sent) const {
  return sent > forgotten_ && std::ranges::find(seen_, sent) == seen_.end();
}

void PartnerReceiver::Remember(PartnerTime now, PartnerTime sent) {
  if (seen_[next_] <= now + kTolerance) {
    forgotten_ = std::max(forgotten_, seen_[next_]);
  }
  seen_[next_] = sent;
  next_ = (next_ + 1) % kRemembered;
}

}  // namespace natkit::stun
