#include "natkit/mesh/control/map_digest.h"

#include <sodium.h>

#include <array>

namespace natkit::mesh {

namespace {

uint64_t SipHash(const DigestKey& key, ByteView bytes) {
  static_assert(crypto_shorthash_KEYBYTES == DigestKey{}.size());
  std::array<uint8_t, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), bytes.data(), bytes.size(), key.data());
  uint64_t value = 0;
  (void)ByteReader(hash).ReadU64(value);
  return value;
}

}  // namespace

uint64_t ItemVersion(const DigestKey& key, ByteView body) {
  return SipHash(key, body);
}

uint64_t ItemDigest(const DigestKey& key, const ItemKey& item,
                    uint64_t version) {
  std::array<uint8_t, 28> name{};
  ByteWriter out(name);
  out.WriteU32(item.item_class);
  out.WriteU64(item.id);
  out.WriteU64(item.sub);
  out.WriteU64(version);
  return SipHash(key, name);
}

uint64_t MemberDigest(const DigestKey& key, uint64_t rule,
                      RuleDirection direction, NodeId member) {
  return ItemDigest(key, MemberKey(rule, direction, member), 0);
}

}  // namespace natkit::mesh
