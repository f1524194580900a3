#include "policy/prefix_set.h"

#include <algorithm>
#include <array>

namespace natkit::mesh::policy {

namespace {

/// The upper half of `whole`, which is longer by one bit.
IpPrefix UpperHalf(const IpPrefix& whole) {
  std::array<uint8_t, 16> raw{};
  std::ranges::copy(whole.address().bytes(), raw.begin());
  const auto bit = static_cast<size_t>(whole.length());
  raw[bit / 8] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  const auto size = whole.address().bytes().size();
  return *IpPrefix::Make(*IpAddress::FromBytes(ByteView(raw).first(size)),
                         whole.length() + 1);
}

}  // namespace

bool IsInside(const IpPrefix& inner, const IpPrefix& outer) {
  return inner.length() >= outer.length() && outer.Contains(inner.address());
}

std::optional<IpPrefix> Intersect(const IpPrefix& a, const IpPrefix& b) {
  if (IsInside(a, b)) {
    return a;
  }
  return IsInside(b, a) ? std::optional(b) : std::nullopt;
}

void AppendWithout(const IpPrefix& whole, const IpPrefix& hole,
                   std::vector<IpPrefix>& out) {
  IpPrefix rest = whole;
  if (IsInside(whole, hole)) {
    return;
  }
  while (rest != hole && IsInside(hole, rest)) {
    const IpPrefix lower = *IpPrefix::Make(rest.address(), rest.length() + 1);
    const IpPrefix upper = UpperHalf(rest);
    const bool is_lower = IsInside(hole, lower);
    out.push_back(is_lower ? upper : lower);
    rest = is_lower ? lower : upper;
  }
  if (rest == whole) {
    out.push_back(whole);
  }
}

std::vector<IpPrefix> Subtract(const std::vector<IpPrefix>& set,
                               const IpPrefix& hole) {
  std::vector<IpPrefix> out;
  for (const IpPrefix& prefix : set) {
    AppendWithout(prefix, hole, out);
  }
  return out;
}

IpPrefix HostPrefix(const IpAddress& address) {
  return *IpPrefix::Make(address, address.bit_count());
}

IpAddress FromTheEnd(const IpPrefix& prefix, uint32_t back) {
  std::array<uint8_t, 16> raw{};
  const ByteView bytes = prefix.address().bytes();
  std::ranges::copy(bytes, raw.begin());
  const int bits = prefix.address().bit_count();
  for (int bit = prefix.length(); bit < bits; ++bit) {
    const int from_right = bits - 1 - bit;
    const bool is_clear =
        from_right < 32 && ((back >> static_cast<unsigned>(from_right)) & 1U);
    if (!is_clear) {
      raw[static_cast<size_t>(bit / 8)] |=
          static_cast<uint8_t>(0x80 >> (bit % 8));
    }
  }
  return *IpAddress::FromBytes(ByteView(raw).first(bytes.size()));
}

bool IsDefaultRoute(const IpPrefix& prefix) {
  return prefix.length() == 0;
}

bool Covers(const std::vector<IpPrefix>& set, const IpAddress& address) {
  return std::ranges::any_of(set, [&address](const IpPrefix& prefix) {
    return prefix.Contains(address);
  });
}

bool HasHostBits(std::string_view text, const IpPrefix& prefix) {
  const auto address = IpAddress::Parse(text.substr(0, text.find('/')));
  return address && *address != prefix.address();
}

void Simplify(std::vector<IpPrefix>& set) {
  std::ranges::sort(set);
  std::vector<IpPrefix> kept;
  for (const IpPrefix& prefix : set) {
    // Sorted by address, then by length: what holds `prefix` came just before.
    if (kept.empty() || !IsInside(prefix, kept.back())) {
      kept.push_back(prefix);
    }
  }
  set = std::move(kept);
}

}  // namespace natkit::mesh::policy
