// Bytes from the network read through the C door: every function refuses what
// is no message in the same way, what is read lies within the message, and what
// is written of it reads the same. Then a script writes a message.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../libnat/stun_repair.h"
#include "door_script.h"
#include "natkit/base/check.h"
#include "natkit/natkit.h"

namespace natkit::c::fuzz {
namespace {

constexpr size_t kMostAttributes = 64;

/// An attribute that a builder makes itself.
bool IsMade(uint32_t type) {
  return type == NATKIT_STUN_MESSAGE_INTEGRITY ||
         type == NATKIT_STUN_MESSAGE_INTEGRITY_SHA256 ||
         type == NATKIT_STUN_FINGERPRINT;
}

natkit_stun_key MakeKey() {
  natkit_stun_key key{};
  NATKIT_CHECK(natkit_stun_make_short_term_key("secret", &key) == 0);
  return key;
}

std::vector<natkit_stun_attribute> List(ByteView message) {
  std::vector<natkit_stun_attribute> list(kMostAttributes);
  const int count = Known(natkit_stun_get_attributes(
      message.data(), message.size(), list.data(), list.size()));
  NATKIT_CHECK(count >= 0);
  list.resize(std::min(list.size(), static_cast<size_t>(count)));
  return list;
}

/// All that reads fails as `code` says.
void CheckRefused(ByteView bytes, int code) {
  const uint8_t* const data = bytes.data();
  const size_t size = bytes.size();
  const natkit_stun_key key = MakeKey();
  natkit_stun_attribute attribute{};
  natkit_address address{};
  uint32_t u32 = 0;
  uint64_t u64 = 0;
  Guarded text(4);
  NATKIT_CHECK(natkit_stun_get_attributes(data, size, nullptr, 0) == code);
  NATKIT_CHECK(natkit_stun_find(data, size, 6, &attribute) == code);
  NATKIT_CHECK(natkit_stun_get_mapped_address(data, size, &address) == code);
  NATKIT_CHECK(natkit_stun_get_address(data, size, 1, &address) == code);
  NATKIT_CHECK(natkit_stun_get_text(data, size, 6, text.text(), 4) == code);
  NATKIT_CHECK(natkit_stun_get_u32(data, size, 6, &u32) == code);
  NATKIT_CHECK(natkit_stun_get_u64(data, size, 6, &u64) == code);
  NATKIT_CHECK(natkit_stun_get_error(data, size, text.text(), 4) == code);
  NATKIT_CHECK(natkit_stun_get_types(data, size, nullptr, 0) == code);
  NATKIT_CHECK(natkit_stun_get_unknown_required(data, size, nullptr, 0, nullptr,
                                                0) == code);
  NATKIT_CHECK(natkit_stun_verify(data, size, &key, 0) == code);
}

void ReadAttribute(ByteView message, const natkit_stun_attribute& attribute,
                   size_t room) {
  const uint8_t* const data = message.data();
  const size_t size = message.size();
  NATKIT_CHECK(attribute.offset + 4 + attribute.size <= size);
  NATKIT_CHECK(attribute.value == data + attribute.offset + 4);
  natkit_stun_attribute found{};
  NATKIT_CHECK(natkit_stun_find(data, size, attribute.type, &found) == 0);
  NATKIT_CHECK(found.offset <= attribute.offset);
  Guarded text(room);
  const int length = Known(natkit_stun_get_text(data, size, attribute.type,
                                                text.text(), text.size()));
  NATKIT_CHECK(length < 0 || static_cast<size_t>(length) == found.size);
  uint32_t u32 = 0;
  uint64_t u64 = 0;
  NATKIT_CHECK((natkit_stun_get_u32(data, size, attribute.type, &u32) == 0) ==
               (found.size == 4));
  NATKIT_CHECK((natkit_stun_get_u64(data, size, attribute.type, &u64) == 0) ==
               (found.size == 8));
  natkit_address address{};
  if (Known(natkit_stun_get_address(data, size, attribute.type, &address)) ==
      0) {
    NATKIT_CHECK(found.size == 8 || found.size == 20);
  }
}

void ReadLists(ByteView message, size_t room) {
  std::vector<uint16_t> types(room + 1, 0xa5a5);
  const int count = Known(natkit_stun_get_unknown_required(
      message.data(), message.size(), nullptr, 0, types.data(), room));
  NATKIT_CHECK(count >= 0 && count <= 128 && types.back() == 0xa5a5);
  const int named = Known(natkit_stun_get_types(message.data(), message.size(),
                                                types.data(), room));
  NATKIT_CHECK(named <= 128 && types.back() == 0xa5a5);
  Guarded reason(room);
  const int error = Known(natkit_stun_get_error(message.data(), message.size(),
                                                reason.text(), reason.size()));
  NATKIT_CHECK(error < 0 || (error >= 300 && error <= 699));
}

/// The message written anew, without integrity and FINGERPRINT.
std::vector<uint8_t> Rewrite(const natkit_stun_header& header,
                             const std::vector<natkit_stun_attribute>& list,
                             size_t size) {
  std::vector<uint8_t> out(size);
  natkit_stun_builder builder{};
  NATKIT_CHECK(natkit_stun_begin(&builder, out.data(), out.size(),
                                 header.message_class, header.method,
                                 header.id) == 0);
  for (const natkit_stun_attribute& attribute : list) {
    if (!IsMade(attribute.type)) {
      NATKIT_CHECK(natkit_stun_add(&builder, attribute.type, attribute.value,
                                   attribute.size) == 0);
    }
  }
  const int written = natkit_stun_finish(&builder);
  NATKIT_CHECK(written >= 20);
  out.resize(static_cast<size_t>(written));
  return out;
}

void CheckRewritten(const natkit_stun_header& header,
                    std::vector<natkit_stun_attribute> list, ByteView message) {
  std::erase_if(list, [](const natkit_stun_attribute& attribute) {
    return IsMade(attribute.type);
  });
  const std::vector<uint8_t> again = Rewrite(header, list, message.size());
  const std::vector<natkit_stun_attribute> reread = List(again);
  NATKIT_CHECK(reread.size() == list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    NATKIT_CHECK(reread[i].type == list[i].type);
    NATKIT_CHECK(std::ranges::equal(ByteView(reread[i].value, reread[i].size),
                                    ByteView(list[i].value, list[i].size)));
  }
}

void Read(ByteView bytes, size_t room) {
  natkit_stun_header header{};
  const int code =
      Known(natkit_stun_parse(bytes.data(), bytes.size(), &header));
  if (code < 0) {
    CheckRefused(bytes, code);
    return;
  }
  NATKIT_CHECK(natkit_stun_is_message(bytes.data(), bytes.size()) == 1);
  NATKIT_CHECK(header.size == bytes.size());
  const std::vector<natkit_stun_attribute> list = List(bytes);
  for (const natkit_stun_attribute& attribute : list) {
    ReadAttribute(bytes, attribute, room);
  }
  ReadLists(bytes, room);
  if (list.size() < kMostAttributes) {
    CheckRewritten(header, list, bytes);
  }
}

/// One step of a message, as likely wrong as right. Returns its code.
int AddOne(natkit_stun_builder& builder, Script& script,
           const natkit_stun_key& key) {
  const uint32_t type = uint32_t{script.Byte()} << 8 | script.Byte();
  const std::vector<uint8_t> value = script.Bytes();
  switch (script.Byte() % 9) {
    case 0:
      return natkit_stun_add_text(
          &builder, type, std::string(value.begin(), value.end()).c_str());
    case 1:
      return natkit_stun_add_u32(&builder, type, type);
    case 2:
      return natkit_stun_add_u64(&builder, type, type);
    case 3: {
      natkit_address address{};
      std::copy_n(value.begin(), std::min(value.size(), sizeof address.ip),
                  address.ip);
      address.family =
          value.size() > 4 ? NATKIT_FAMILY_IPV6 : NATKIT_FAMILY_IPV4;
      return natkit_stun_add_address(&builder, type, &address);
    }
    case 4:
      return natkit_stun_add_error(&builder, type, nullptr);
    case 5: {
      const std::vector<uint16_t> types(value.begin(), value.end());
      return natkit_stun_add_types(&builder, types.data(), types.size());
    }
    case 6:
      return natkit_stun_add_integrity(&builder, &key, type % 3);
    case 7:
      return natkit_stun_add_fingerprint(&builder);
    default:
      return natkit_stun_add(&builder, type, value.data(), value.size());
  }
}

void Write(Script script) {
  const natkit_stun_key key = MakeKey();
  Guarded buffer(script.Byte() * size_t{4});
  natkit_stun_builder builder{};
  const std::array<uint8_t, NATKIT_STUN_ID_SIZE> id{1};
  int failure =
      Known(natkit_stun_begin(&builder, buffer.data(), buffer.size(),
                              script.Byte(), script.Byte(), id.data()));
  while (!script.is_done()) {
    const int code = Known(AddOne(builder, script, key));
    NATKIT_CHECK(failure == 0 || builder.mark == 0 || code == failure);
    failure = failure == 0 ? code : failure;
  }
  const int size = Known(natkit_stun_finish(&builder));
  NATKIT_CHECK((size < 0) == (failure < 0));
  if (size < 0) {
    return;
  }
  const ByteView message = buffer.Written(size);
  natkit_stun_header header{};
  NATKIT_CHECK(natkit_stun_parse(message.data(), message.size(), &header) == 0);
  const int verified =
      natkit_stun_verify(message.data(), message.size(), &key, 0);
  NATKIT_CHECK(verified == 0 || verified == NATKIT_ERR_NO_INTEGRITY);
  NATKIT_CHECK(natkit_stun_finish(&builder) == NATKIT_ERR_INVALID_STATE);
}

}  // namespace
}  // namespace natkit::c::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const natkit::ByteView bytes(data + 1, size - 1);
  natkit::c::fuzz::Read(bytes, data[0] % 64);
  natkit::c::fuzz::Read(natkit::stun::fuzz::Repair(bytes), data[0] % 64);
  natkit::c::fuzz::Write(natkit::c::fuzz::Script(data, size));
  return 0;
}
