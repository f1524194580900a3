#include "natkit/mesh/routing/prefixes.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace natkit::routing {

namespace {

/// The prefix that differs from `prefix` in its last bit; nullopt for /0.
std::optional<IpPrefix> Sibling(const IpPrefix& prefix) {
  if (prefix.length() == 0) {
    return std::nullopt;
  }
  std::array<uint8_t, 16> raw{};
  const ByteView bytes = prefix.address().bytes();
  std::ranges::copy(bytes, raw.begin());
  const auto bit = static_cast<unsigned>(prefix.length() - 1);
  raw.at(bit / 8) ^= static_cast<uint8_t>(0x80U >> (bit % 8));
  const auto address = IpAddress::FromBytes(ByteView(raw).first(bytes.size()));
  return *IpPrefix::Make(*address, prefix.length());
}

/// Sorted by address and length, whoever contains others comes before them.
std::vector<IpPrefix> WithoutContained(std::vector<IpPrefix> prefixes) {
  std::ranges::sort(prefixes);
  std::vector<IpPrefix> out;
  for (const IpPrefix& prefix : prefixes) {
    if (out.empty() || !IsInside(prefix, out.back())) {
      out.push_back(prefix);
    }
  }
  return out;
}

}  // namespace

bool IsInside(const IpPrefix& inner, const IpPrefix& outer) {
  return inner.length() >= outer.length() && outer.Overlaps(inner);
}

std::vector<IpPrefix> Aggregate(std::vector<IpPrefix> prefixes) {
  prefixes = WithoutContained(std::move(prefixes));
  std::set<IpPrefix> out(prefixes.begin(), prefixes.end());
  // Longest first: the join of two halves may be half of a larger whole.
  for (int length = 128; length > 0; --length) {
    std::vector<IpPrefix> level;
    std::ranges::copy_if(
        out, std::back_inserter(level),
        [&](const IpPrefix& p) { return p.length() == length; });
    for (const IpPrefix& prefix : level) {
      const auto sibling = Sibling(prefix);
      if (out.contains(prefix) && out.contains(*sibling)) {
        out.erase(prefix);
        out.erase(*sibling);
        out.insert(*IpPrefix::Make(prefix.address(), length - 1));
      }
    }
  }
  return {out.begin(), out.end()};
}

}  // namespace natkit::routing
