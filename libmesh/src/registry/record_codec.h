#pragma once

#include <cstdint>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "natkit/mesh/registry/records.h"

namespace natkit::mesh {

[[nodiscard]] std::vector<uint8_t> EncodeRecord(const UserRecord& record);
[[nodiscard]] std::vector<uint8_t> EncodeRecord(const NodeRecord& record);
[[nodiscard]] std::vector<uint8_t> EncodeRecord(const AuthKeyRecord& record);
[[nodiscard]] std::vector<uint8_t> EncodeRecord(const ApiTokenRecord& record);
[[nodiscard]] std::vector<uint8_t> EncodeRecord(const TombstoneRecord& record);
[[nodiscard]] std::vector<uint8_t> EncodeRecord(const FormerKeyRecord& record);
[[nodiscard]] std::vector<uint8_t> EncodeRecord(const ReleasedAddress& record);
[[nodiscard]] std::vector<uint8_t> EncodeRecord(
    const RoutePrimaryRecord& record);
[[nodiscard]] std::vector<uint8_t> EncodeRecord(const PolicyRecord& record);
[[nodiscard]] std::vector<uint8_t> EncodeRecord(const RelayRecord& record);
[[nodiscard]] std::vector<uint8_t> EncodeRecord(const MeshRecord& record);

// Errors: kBadControl for what no version of this could have written.
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes, UserRecord& out);
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes, NodeRecord& out);
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes, AuthKeyRecord& out);
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes, ApiTokenRecord& out);
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes, TombstoneRecord& out);
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes, FormerKeyRecord& out);
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes, ReleasedAddress& out);
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes,
                                        RoutePrimaryRecord& out);
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes, PolicyRecord& out);
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes, RelayRecord& out);
[[nodiscard]] Result<void> DecodeRecord(ByteView bytes, MeshRecord& out);

/// Whether what is stored can be loaded again: text has to be UTF-8.
template <class Record>
[[nodiscard]] bool IsStorable(const Record& record) {
  Record again;
  return DecodeRecord(EncodeRecord(record), again).has_value() &&
         again == record;
}

}  // namespace natkit::mesh
