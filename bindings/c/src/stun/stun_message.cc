// Reading messages; see natkit/stun_message.h.

#include "natkit/nat/stun_message.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "natkit/nat/stun_attributes.h"
#include "natkit/stun_message.h"
#include "stun/stun_bytes.h"
#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {
namespace {

using stun::Attribute;
using stun::AttributeType;
using stun::Message;

/// The body of a function that reads one message: `call` gets it and returns a
/// Result<void> or Result<int>.
template <class Call>
int WithMessage(const char* function, const void* data, size_t size,
                Call&& call) {
  const Result<Message> message = ToMessage(data, size);
  if (!message) {
    return Refuse(function, message.error().code);
  }
  return ToCode(function, std::forward<Call>(call)(*message));
}

/// Errors: kBadArgument, and those of PeekMessageSize().
Result<size_t> PeekSize(const void* data, size_t size) {
  const Result<ByteView> bytes = ToBytes(data, size);
  if (data == nullptr || !bytes) {
    return Fail(Errc::kBadArgument);
  }
  return stun::PeekMessageSize(*bytes);
}

template <class T>
Result<void> Put(const Result<T>& value, T* out) {
  if (!value) {
    return std::unexpected(value.error());
  }
  *out = *value;
  return {};
}

Result<void> Put(const Result<Endpoint>& value, natkit_address* out) {
  if (!value) {
    return std::unexpected(value.error());
  }
  *out = FromEndpoint(*value);
  return {};
}

natkit_stun_attribute FromAttribute(const Attribute& attribute) {
  return {.value = attribute.value.data(),
          .size = attribute.value.size(),
          .type = static_cast<uint32_t>(attribute.type),
          .offset = static_cast<uint32_t>(attribute.offset)};
}

natkit_stun_header HeaderOf(const Message& message) {
  natkit_stun_header header{};
  header.message_class = static_cast<uint16_t>(message.type().message_class);
  header.method = static_cast<uint16_t>(message.type().method);
  header.size = static_cast<uint32_t>(message.bytes().size());
  std::ranges::copy(message.id().bytes, std::begin(header.id));
  header.has_fingerprint = message.has_fingerprint() ? 1 : 0;
  return header;
}

Result<Attribute> Find(const Message& message, uint32_t type) {
  const std::optional<Attribute> found =
      type > UINT16_MAX ? std::nullopt
                        : message.Find(static_cast<AttributeType>(type));
  if (!found) {
    return Fail(Errc::kNotFound);
  }
  return *found;
}

Result<Endpoint> MappedAddressOf(const Message& message) {
  Result<Endpoint> mapped = message.GetXorMappedAddress();
  if (!mapped && mapped.error().code == Errc::kNotFound) {
    mapped = message.Get<stun::attr::MappedAddress>();
  }
  if (mapped) {
    mapped->address = mapped->address.Unmapped();
  }
  return mapped;
}

Result<Endpoint> AddressOf(const Message& message, uint32_t type) {
  if (!HoldsXorAddress(type) && !HoldsPlainAddress(type)) {
    return Fail(Errc::kBadArgument);
  }
  const Result<Attribute> attribute = Find(message, type);
  if (!attribute) {
    return std::unexpected(attribute.error());
  }
  return HoldsXorAddress(type)
             ? stun::attr::DecodeXorAddress(attribute->value, message.id())
             : stun::attr::DecodeAddress(attribute->value);
}

Result<int> PutAttributeText(const Message& message, uint32_t type, char* out,
                             size_t capacity) {
  const Result<Attribute> attribute = Find(message, type);
  if (!attribute) {
    return std::unexpected(attribute.error());
  }
  const Result<std::string_view> text =
      stun::attr::DecodeText(attribute->value);
  if (!text) {
    return std::unexpected(text.error());
  }
  if (text->contains('\0')) {
    return Fail(Errc::kBadEncoding);
  }
  return PutText(*text, out, capacity);
}

/// `Decode` of a number's attribute.
template <class T>
Result<T> NumberOf(const Message& message, uint32_t type,
                   Result<T> (*decode)(ByteView)) {
  const Result<Attribute> attribute = Find(message, type);
  if (!attribute) {
    return std::unexpected(attribute.error());
  }
  return decode(attribute->value);
}

Result<int> PutError(const Message& message, char* reason, size_t capacity) {
  const auto error = message.Get<stun::attr::ErrorCode>();
  if (!error) {
    return std::unexpected(error.error());
  }
  if (capacity != 0) {
    const std::string_view text = error->reason.substr(
        0, std::min(error->reason.find('\0'), capacity - 1));
    std::ranges::copy(text, reason);
    reason[text.size()] = '\0';
  }
  return static_cast<int>(error->code);
}

int PutTypes(const stun::AttributeTypeList& list, std::span<uint16_t> out) {
  const size_t count = std::min(list.size(), out.size());
  std::ranges::transform(
      list.items().first(count), out.begin(),
      [](AttributeType type) { return static_cast<uint16_t>(type); });
  return static_cast<int>(list.size());
}

template <class T>
bool IsIn(std::span<const T> list, T value) {
  return std::ranges::find(list, value) != list.end();
}

/// As Message::FindUnknownRequired(), without a copy of `understood`.
stun::AttributeTypeList FindUnknown(const Message& message,
                                    std::span<const uint16_t> understood) {
  stun::AttributeTypeList unknown;
  for (const Attribute& attribute : message.attributes()) {
    const auto number = static_cast<uint16_t>(attribute.type);
    if (stun::IsComprehensionRequired(attribute.type) &&
        !IsIn(stun::BaseAttributes(), attribute.type) &&
        !IsIn(understood, number) && !unknown.Contains(attribute.type)) {
      unknown.Append(attribute.type);
    }
  }
  return unknown;
}

bool IsMissing(const void* memory, size_t size) {
  return memory == nullptr && size != 0;
}

}  // namespace
}  // namespace natkit::c

using natkit::Errc;
using natkit::Fail;
using natkit::Result;
using namespace natkit::c;
namespace stun = natkit::stun;

const char* natkit_stun_attribute_name(uint32_t type) {
  return type > UINT16_MAX
             ? "unknown"
             : stun::AttributeName(static_cast<stun::AttributeType>(type))
                   .data();
}

const char* natkit_stun_reason(uint32_t error_code) {
  const std::string_view phrase =
      error_code > UINT16_MAX
          ? std::string_view()
          : stun::ReasonPhrase(static_cast<stun::ErrorCode>(error_code));
  return phrase.empty() ? "" : phrase.data();
}

int natkit_stun_is_message(const void* data, size_t size) {
  const Result<size_t> peeked = PeekSize(data, size);
  return peeked && *peeked == size ? 1 : 0;
}

int natkit_stun_peek_size(const void* data, size_t size) {
  const Result<size_t> peeked = PeekSize(data, size);
  return peeked ? static_cast<int>(*peeked)
                : Refuse(__func__, peeked.error().code);
}

int natkit_stun_parse(const void* data, size_t size, natkit_stun_header* out) {
  if (out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(__func__, data, size,
                     [&](const stun::Message& message) -> Result<void> {
                       *out = HeaderOf(message);
                       return {};
                     });
}

int natkit_stun_get_attributes(const void* data, size_t size,
                               natkit_stun_attribute* out, size_t capacity) {
  if (IsMissing(out, capacity)) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(
      __func__, data, size, [&](const stun::Message& message) -> Result<int> {
        size_t count = 0;
        for (const stun::Attribute& attribute : message.attributes()) {
          if (count < capacity) {
            out[count] = FromAttribute(attribute);
          }
          ++count;
        }
        return static_cast<int>(count);
      });
}

int natkit_stun_find(const void* data, size_t size, uint32_t type,
                     natkit_stun_attribute* out) {
  if (out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(
      __func__, data, size, [&](const stun::Message& message) -> Result<void> {
        const Result<stun::Attribute> attribute = Find(message, type);
        if (!attribute) {
          return std::unexpected(attribute.error());
        }
        *out = FromAttribute(*attribute);
        return {};
      });
}

int natkit_stun_get_mapped_address(const void* data, size_t size,
                                   natkit_address* out) {
  if (out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(__func__, data, size, [&](const stun::Message& message) {
    return Put(MappedAddressOf(message), out);
  });
}

int natkit_stun_get_address(const void* data, size_t size, uint32_t type,
                            natkit_address* out) {
  if (out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(__func__, data, size, [&](const stun::Message& message) {
    return Put(AddressOf(message, type), out);
  });
}

int natkit_stun_get_text(const void* data, size_t size, uint32_t type,
                         char* buffer, size_t capacity) {
  if (buffer == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(__func__, data, size, [&](const stun::Message& message) {
    return PutAttributeText(message, type, buffer, capacity);
  });
}

int natkit_stun_get_u32(const void* data, size_t size, uint32_t type,
                        uint32_t* out) {
  if (out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(__func__, data, size, [&](const stun::Message& message) {
    return Put(NumberOf(message, type, stun::attr::DecodeU32), out);
  });
}

int natkit_stun_get_u64(const void* data, size_t size, uint32_t type,
                        uint64_t* out) {
  if (out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(__func__, data, size, [&](const stun::Message& message) {
    return Put(NumberOf(message, type, stun::attr::DecodeU64), out);
  });
}

int natkit_stun_get_error(const void* data, size_t size, char* buffer,
                          size_t capacity) {
  if (IsMissing(buffer, capacity)) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(__func__, data, size, [&](const stun::Message& message) {
    return PutError(message, buffer, capacity);
  });
}

int natkit_stun_get_types(const void* data, size_t size, uint16_t* out,
                          size_t capacity) {
  if (IsMissing(out, capacity)) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(
      __func__, data, size, [&](const stun::Message& message) -> Result<int> {
        const auto list = message.Get<stun::attr::UnknownAttributes>();
        if (!list) {
          return std::unexpected(list.error());
        }
        return PutTypes(*list, {out, capacity});
      });
}

int natkit_stun_get_unknown_required(const void* data, size_t size,
                                     const uint16_t* understood,
                                     size_t understood_count, uint16_t* out,
                                     size_t capacity) {
  const auto known = ToItems(understood, understood_count);
  if (IsMissing(out, capacity) || !known) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return WithMessage(
      __func__, data, size, [&](const stun::Message& message) -> Result<int> {
        return PutTypes(FindUnknown(message, *known), {out, capacity});
      });
}
