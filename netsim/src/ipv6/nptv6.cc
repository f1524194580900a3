#include "ipv6/nptv6.h"

#include <algorithm>
#include <array>

#include "packet/wire.h"

namespace natkit::netsim::ipv6 {
namespace {

constexpr int kSubnetWord = 3;
constexpr int kFirstIdWord = 4;
constexpr int kWords = 8;
constexpr uint16_t kAllOnes = 0xffff;

uint16_t SumOf(const IpPrefix& prefix) {
  uint32_t sum = 0;
  for (size_t i = 0; i < kWords; ++i) {
    sum += wire::Get16(prefix.address().bytes(), i * 2);
  }
  return wire::Fold(sum);
}

/// The word that takes the difference; nullopt if none may.
std::optional<size_t> WordToAdjust(const IpAddress& address, int length) {
  const auto word = [&](size_t i) {
    return wire::Get16(address.bytes(), i * 2);
  };
  if (length <= 48) {
    return word(kSubnetWord) == kAllOnes ? std::nullopt
                                         : std::optional(size_t{kSubnetWord});
  }
  const ByteView id = address.bytes().last(8);
  if (std::ranges::all_of(id, [](uint8_t byte) { return byte == 0; })) {
    return std::nullopt;  // the routers' anycast address must stay itself
  }
  for (size_t i = kFirstIdWord; i < kWords; ++i) {
    if (word(i) != kAllOnes) {
      return i;
    }
  }
  return std::nullopt;
}

}  // namespace

PrefixTranslation::PrefixTranslation(const IpPrefix& from, const IpPrefix& to)
    : from_(from),
      to_(to),
      adjustment_(wire::Fold(uint32_t{SumOf(from)} +
                             static_cast<uint16_t>(~SumOf(to)))) {}

std::optional<IpAddress> PrefixTranslation::Map(
    const IpAddress& address) const {
  if (!address.is_v6() || !from_.Contains(address)) {
    return std::nullopt;
  }
  const auto place = WordToAdjust(address, from_.length());
  if (!place) {
    return std::nullopt;
  }
  std::array<uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes(), bytes.begin());
  const ByteView prefix = to_.address().bytes();
  const auto length = static_cast<size_t>(to_.length());
  for (size_t bit = 0; bit < length; ++bit) {
    const auto mask = static_cast<uint8_t>(0x80 >> bit % 8);
    bytes[bit / 8] = static_cast<uint8_t>((bytes[bit / 8] & ~mask) |
                                          (prefix[bit / 8] & mask));
  }
  const uint16_t adjusted =
      wire::Fold(uint32_t{wire::Get16(bytes, *place * 2)} + adjustment_);
  // Of the two zeros of one's complement the other one (section 3.4).
  wire::Put16(bytes, *place * 2, adjusted == kAllOnes ? uint16_t{0} : adjusted);
  return IpAddress::V6(bytes);
}

}  // namespace natkit::netsim::ipv6
