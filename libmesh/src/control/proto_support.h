#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "proto/control.pb.h"

// Small pieces that the codecs of messages and of items share.

namespace natkit::mesh {

namespace wire = control::proto;

template <class Bytes>
std::string ToWire(const Bytes& bytes) {
  return std::string(AsText(ByteView(bytes)));
}

/// Fills `out` from exactly as many bytes.
template <class Array>
[[nodiscard]] bool FromWire(const std::string& text, Array& out) {
  if (text.size() != out.size()) {
    return false;
  }
  std::ranges::copy(AsBytes(text), out.begin());
  return true;
}

/// An absent key (no bytes) is nullopt; a wrong size fails.
[[nodiscard]] bool FromWire(const std::string& text,
                            std::optional<PublicKey>& out);

void ToWire(const IpAddress& from, wire::Address& to);
void ToWire(const IpPrefix& from, wire::Prefix& to);
void ToWire(const natkit::Endpoint& from, wire::Endpoint& to);
[[nodiscard]] bool FromWire(const wire::Address& from, IpAddress& to);
/// Host bits must be zero.
[[nodiscard]] bool FromWire(const wire::Prefix& from, IpPrefix& to);
[[nodiscard]] bool FromWire(const wire::Endpoint& from, natkit::Endpoint& to);

template <class T, class Wire>
void ListToWire(const std::vector<T>& from, Wire& to) {
  to.Reserve(static_cast<int>(from.size()));
  for (const T& element : from) {
    ToWire(element, *to.Add());
  }
}

/// False for a list longer than `limit` or with a bad element.
template <class T, class Wire>
[[nodiscard]] bool ListFromWire(const Wire& from, size_t limit,
                                std::vector<T>& to) {
  if (static_cast<size_t>(from.size()) > limit) {
    return false;
  }
  to.resize(static_cast<size_t>(from.size()));
  size_t at = 0;
  for (const auto& element : from) {
    if (!FromWire(element, to[at++])) {
      return false;
    }
  }
  return true;
}

/// Strings: each at most `longest` bytes.
[[nodiscard]] bool StringsFromWire(
    const google::protobuf::RepeatedPtrField<std::string>& from, size_t limit,
    size_t longest, std::vector<std::string>& to);

}  // namespace natkit::mesh
