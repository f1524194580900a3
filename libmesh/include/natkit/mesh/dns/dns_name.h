#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"

namespace natkit::dns {

/// A domain name, always absolute (RFC 1035 section 3.1). It keeps its
/// spelling; comparing ignores the case of ASCII letters (RFC 4343). Labels may
/// hold any byte.
class Name {
 public:
  static constexpr size_t kMaxLabel = 63;  ///< bytes
  static constexpr size_t kMaxWire = 255;  ///< bytes, with the final zero

  /// The root.
  Name() = default;
  /// "a.example" or "a.example."; `\.` and `\DDD` as in RFC 1035 section 5.1;
  /// "." is the root. Errors: kBadEncoding (empty label or name, bad escape),
  /// kBadLength (a label or the name is too long).
  static Result<Name> FromText(std::string_view text);
  /// The name under which the address in `address_bytes` (4 or 16 bytes) has
  /// its PTR record: below in-addr.arpa or ip6.arpa (RFC 3596 section 2.5).
  static Name Reverse(ByteView address_bytes);

  /// Appends a label to the right. Errors: kBadLength.
  [[nodiscard]] Result<void> Append(ByteView label);

  /// Without a final dot, except for the root; bytes that are not printable
  /// are escaped, so that FromText() gives the same name.
  [[nodiscard]] std::string ToText() const;

  /// Length bytes and labels, without the final zero; empty for the root.
  [[nodiscard]] std::string_view wire() const { return wire_; }

  [[nodiscard]] size_t label_count() const;

  [[nodiscard]] bool is_root() const { return wire_.empty(); }

  /// The name without its first label; the root's parent is the root.
  [[nodiscard]] Name Parent() const;
  /// Whether this is `zone` or below it.
  [[nodiscard]] bool IsWithin(const Name& zone) const;
  /// This name in lower case.
  [[nodiscard]] Name Folded() const;

  /// Equal in spelling too.
  [[nodiscard]] bool IsSpelledLike(const Name& other) const {
    return wire_ == other.wire_;
  }

  bool operator==(const Name& other) const;
  std::strong_ordering operator<=>(const Name& other) const;

 private:
  std::string wire_;
};

/// `left` and then `right`. Errors: kBadLength.
[[nodiscard]] Result<Name> Join(const Name& left, const Name& right);

}  // namespace natkit::dns
