#include <algorithm>

#include "natkit/nat/stun_attributes.h"
#include "stun/attribute_reader.h"

namespace natkit::stun::attr {

namespace {

bool ReadAlgorithm(ByteReader& in, PasswordAlgorithmValue& out) {
  uint16_t id = 0;
  uint16_t size = 0;
  if (!in.ReadU16(id) || !in.ReadU16(size) ||
      !in.ReadView(size, out.parameters)) {
    return false;
  }
  out.id = static_cast<PasswordAlgorithmId>(id);
  // The last entry's padding may be the attribute's own.
  return in.Skip(std::min(PaddingAfter(size), in.remaining()));
}

void WriteAlgorithm(ByteWriter& out, const PasswordAlgorithmValue& value) {
  out.WriteU16(static_cast<uint16_t>(value.id));
  out.WriteU16(static_cast<uint16_t>(value.parameters.size()));
  out.WriteBytes(value.parameters);
  out.WriteZeros(PaddingAfter(value.parameters.size()));
}

}  // namespace

bool PasswordAlgorithmValue::operator==(
    const PasswordAlgorithmValue& other) const {
  return id == other.id && std::ranges::equal(parameters, other.parameters);
}

Result<PasswordAlgorithmValue> PasswordAlgorithm::Decode(
    ByteView value, const TransactionId& /*id*/) {
  ByteReader in(value);
  PasswordAlgorithmValue algorithm;
  if (!ReadAlgorithm(in, algorithm) || !in.is_empty()) {
    return Fail(Errc::kBadLength);
  }
  return algorithm;
}

void PasswordAlgorithm::Encode(ByteWriter& out, const Value& value,
                               const TransactionId& /*id*/) {
  WriteAlgorithm(out, value);
}

Result<PasswordAlgorithms::Value> PasswordAlgorithms::Decode(
    ByteView value, const TransactionId& /*id*/) {
  ByteReader in(value);
  Value list;
  while (!in.is_empty()) {
    PasswordAlgorithmValue algorithm;
    if (!ReadAlgorithm(in, algorithm)) {
      return Fail(Errc::kBadLength);
    }
    list.Append(algorithm);
  }
  return list;
}

void PasswordAlgorithms::Encode(ByteWriter& out, const Value& value,
                                const TransactionId& /*id*/) {
  for (const PasswordAlgorithmValue& algorithm : value.items()) {
    WriteAlgorithm(out, algorithm);
  }
}

}  // namespace natkit::stun::attr
