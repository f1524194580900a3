// Writing messages; see natkit/stun_message.h.

#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <type_traits>

#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/stun_message.h"
#include "stun/stun_bytes.h"
#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {
namespace {

using stun::AttributeType;
using stun::MessageBuilder;

/// A builder that was begun; what memory holds by chance is hardly this.
constexpr uint32_t kMark = 0x6e61746b;

/// What an AttributeTypeList holds.
constexpr size_t kMaxTypes = 128;

/// How far a message is; an integrity or FINGERPRINT comes once and in order.
enum class Stage : uint32_t {
  kAttributes,
  kSha1,
  kSha256,
  kFingerprint,
  kFinished,
};

/// A MessageBuilder is a pointer and numbers: it lives as bytes in the caller's
/// structure between calls.
using State = std::array<uint8_t, sizeof(MessageBuilder)>;
static_assert(std::is_trivially_copyable_v<MessageBuilder> &&
              sizeof(State) <= sizeof(natkit_stun_builder::state));

MessageBuilder Load(const natkit_stun_builder& from) {
  State state;
  std::memcpy(state.data(), from.state, state.size());
  return std::bit_cast<MessageBuilder>(state);
}

void Store(const MessageBuilder& builder, natkit_stun_builder& to) {
  std::memcpy(to.state, &builder, sizeof builder);
}

/// One step of a message: `call` adds something to a MessageBuilder and returns
/// a Result<void>; the message is at `to` afterwards and must not have been
/// beyond `latest`. Returns a size for `to` kFinished, else 0.
template <class Call>
Result<int> Step(natkit_stun_builder& builder, Stage latest, Stage to,
                 Call&& call) {
  if (builder.stage > static_cast<uint32_t>(latest)) {
    return Fail(Errc::kInvalidState);
  }
  MessageBuilder message = Load(builder);
  const Result<void> added = std::forward<Call>(call)(message);
  if (!added) {
    return std::unexpected(added.error());
  }
  // Finish() changes nothing but the length field, which it writes each time.
  const Result<ByteView> written = MessageBuilder(message).Finish();
  if (!written) {
    return std::unexpected(written.error());
  }
  Store(message, builder);
  builder.stage = static_cast<uint32_t>(to);
  return to == Stage::kFinished ? static_cast<int>(written->size()) : 0;
}

/// The body of a function that takes a step.
template <class Call>
int TakeStep(const char* function, natkit_stun_builder* builder, Stage latest,
             Stage to, Call&& call) {
  if (builder == nullptr || builder->mark != kMark) {
    return Refuse(function, Errc::kBadArgument);
  }
  if (builder->failure != 0) {
    return builder->failure;
  }
  const int code =
      ToCode(function, Step(*builder, latest, to, std::forward<Call>(call)));
  builder->failure = code < 0 ? code : 0;
  return code;
}

template <class Call>
int AddAttribute(const char* function, natkit_stun_builder* builder,
                 Call&& call) {
  return TakeStep(function, builder, Stage::kAttributes, Stage::kAttributes,
                  std::forward<Call>(call));
}

/// An attribute type that may be added as bytes. Errors: kBadArgument.
Result<AttributeType> ToOrdinary(uint32_t type) {
  if (type > UINT16_MAX || type == NATKIT_STUN_MESSAGE_INTEGRITY ||
      type == NATKIT_STUN_MESSAGE_INTEGRITY_SHA256 ||
      type == NATKIT_STUN_FINGERPRINT) {
    return Fail(Errc::kBadArgument);
  }
  return static_cast<AttributeType>(type);
}

/// A message and the structure that it is kept in.
struct Draft {
  const natkit_stun_builder& builder;
  MessageBuilder& message;
};

Result<void> AddBytes(Draft draft, uint32_t type, ByteView value) {
  const Result<AttributeType> ordinary = ToOrdinary(type);
  if (!ordinary ||
      Overlap<uint8_t>(value, {draft.builder.buffer, draft.builder.capacity})) {
    return Fail(Errc::kBadArgument);
  }
  draft.message.AddRaw(*ordinary, value);
  return {};
}

/// The transaction ID, which a builder has written into its buffer.
stun::TransactionId IdOf(const natkit_stun_builder& builder) {
  stun::TransactionId id;
  std::memcpy(id.bytes.data(),
              builder.buffer + stun::kHeaderSize - id.bytes.size(),
              id.bytes.size());
  return id;
}

Result<void> AddAddress(Draft draft, uint32_t type,
                        const natkit_address* address) {
  const Result<Endpoint> endpoint = ToSetEndpoint(address);
  if (!endpoint || (!HoldsXorAddress(type) && !HoldsPlainAddress(type))) {
    return Fail(Errc::kBadArgument);
  }
  std::array<uint8_t, 20> value{};
  ByteWriter out(value);
  if (HoldsXorAddress(type)) {
    stun::attr::EncodeXorAddress(out, *endpoint, IdOf(draft.builder));
  } else {
    stun::attr::EncodeAddress(out, *endpoint);
  }
  return AddBytes(draft, type, out.written());
}

Result<void> AddText(Draft draft, uint32_t type, const char* text) {
  const Result<std::string_view> given = ToText(text, stun::attr::kMaxTextSize);
  if (!given) {
    return std::unexpected(given.error());
  }
  return AddBytes(draft, type, AsBytes(*given));
}

template <size_t N>
Result<void> AddNumber(Draft draft, uint32_t type, uint64_t value) {
  std::array<uint8_t, N> bytes{};
  for (size_t i = 0; i < N; ++i) {
    bytes[i] = static_cast<uint8_t>(value >> (8 * (N - 1 - i)));
  }
  return AddBytes(draft, type, bytes);
}

Result<void> AddError(MessageBuilder& message, uint32_t code,
                      const char* reason) {
  if (code < 300 || code > 699) {
    return Fail(Errc::kBadArgument);
  }
  const Result<std::string_view> given =
      ToText(reason == nullptr ? natkit_stun_reason(code) : reason,
             stun::attr::kMaxTextSize);
  if (!given) {
    return std::unexpected(given.error());
  }
  message.Add<stun::attr::ErrorCode>(
      {.code = static_cast<stun::ErrorCode>(code), .reason = *given});
  return {};
}

Result<void> AddTypes(MessageBuilder& message,
                      std::span<const uint16_t> types) {
  if (types.size() > kMaxTypes) {
    return Fail(Errc::kBadArgument);
  }
  stun::AttributeTypeList list;
  for (const uint16_t type : types) {
    (void)list.Append(static_cast<AttributeType>(type));
  }
  message.Add<stun::attr::UnknownAttributes>(list);
  return {};
}

int Begin(const char* function, natkit_stun_builder& builder,
          const stun::MessageType& type, const uint8_t* id) {
  stun::TransactionId transaction;
  std::memcpy(transaction.bytes.data(), id, transaction.bytes.size());
  Store(MessageBuilder({builder.buffer, builder.capacity}, type, transaction),
        builder);
  return AddAttribute(function, &builder,
                      [](MessageBuilder&) -> Result<void> { return {}; });
}

}  // namespace
}  // namespace natkit::c

using natkit::ByteView;
using natkit::Errc;
using natkit::Fail;
using natkit::Result;
using natkit::stun::MessageBuilder;
using namespace natkit::c;

int natkit_stun_make_id(const natkit_random* random, uint8_t* out) {
  if (out == nullptr || (random != nullptr && random->fill == nullptr)) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  if (random == nullptr) {
    natkit::SystemRng().Fill({out, NATKIT_STUN_ID_SIZE});
  } else {
    random->fill(random->context, out, NATKIT_STUN_ID_SIZE);
  }
  return NATKIT_OK;
}

int natkit_stun_begin(natkit_stun_builder* builder, void* buffer,
                      size_t capacity, uint32_t message_class, uint32_t method,
                      const uint8_t* id) {
  if (builder == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  *builder = {};
  if (buffer == nullptr || id == nullptr || method > 0xfff ||
      message_class > NATKIT_STUN_ERROR_RESPONSE) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  builder->mark = kMark;
  builder->buffer = static_cast<uint8_t*>(buffer);
  builder->capacity = capacity;
  return Begin(
      __func__, *builder,
      {.message_class = static_cast<natkit::stun::MessageClass>(message_class),
       .method = static_cast<natkit::stun::Method>(method)},
      id);
}

int natkit_stun_add(natkit_stun_builder* builder, uint32_t type,
                    const void* value, size_t size) {
  return AddAttribute(__func__, builder,
                      [&](MessageBuilder& message) -> Result<void> {
                        const Result<ByteView> bytes = ToBytes(value, size);
                        if (!bytes) {
                          return std::unexpected(bytes.error());
                        }
                        return AddBytes({*builder, message}, type, *bytes);
                      });
}

int natkit_stun_add_address(natkit_stun_builder* builder, uint32_t type,
                            const natkit_address* address) {
  return AddAttribute(__func__, builder, [&](MessageBuilder& message) {
    return AddAddress({*builder, message}, type, address);
  });
}

int natkit_stun_add_text(natkit_stun_builder* builder, uint32_t type,
                         const char* text) {
  return AddAttribute(__func__, builder, [&](MessageBuilder& message) {
    return AddText({*builder, message}, type, text);
  });
}

int natkit_stun_add_u32(natkit_stun_builder* builder, uint32_t type,
                        uint32_t value) {
  return AddAttribute(__func__, builder, [&](MessageBuilder& message) {
    return AddNumber<4>({*builder, message}, type, value);
  });
}

int natkit_stun_add_u64(natkit_stun_builder* builder, uint32_t type,
                        uint64_t value) {
  return AddAttribute(__func__, builder, [&](MessageBuilder& message) {
    return AddNumber<8>({*builder, message}, type, value);
  });
}

int natkit_stun_add_error(natkit_stun_builder* builder, uint32_t code,
                          const char* reason) {
  return AddAttribute(__func__, builder, [&](MessageBuilder& message) {
    return AddError(message, code, reason);
  });
}

int natkit_stun_add_types(natkit_stun_builder* builder, const uint16_t* types,
                          size_t count) {
  return AddAttribute(__func__, builder,
                      [&](MessageBuilder& message) -> Result<void> {
                        if (types == nullptr && count != 0) {
                          return Fail(Errc::kBadArgument);
                        }
                        return AddTypes(message, {types, count});
                      });
}

int natkit_stun_add_integrity(natkit_stun_builder* builder,
                              const natkit_stun_key* key, uint32_t integrity) {
  const bool is_sha256 = integrity == NATKIT_STUN_HMAC_SHA256;
  return TakeStep(
      __func__, builder, is_sha256 ? Stage::kSha1 : Stage::kAttributes,
      is_sha256 ? Stage::kSha256 : Stage::kSha1,
      [&](MessageBuilder& message) -> Result<void> {
        const auto secret = ToKey(key);
        if (!secret || (!is_sha256 && integrity != NATKIT_STUN_HMAC_SHA1)) {
          return Fail(Errc::kBadArgument);
        }
        if (is_sha256) {
          message.AddIntegritySha256(*secret);
        } else {
          message.AddIntegrity(*secret);
        }
        return {};
      });
}

int natkit_stun_add_fingerprint(natkit_stun_builder* builder) {
  return TakeStep(__func__, builder, Stage::kSha256, Stage::kFingerprint,
                  [](MessageBuilder& message) -> Result<void> {
                    message.AddFingerprint();
                    return {};
                  });
}

int natkit_stun_finish(natkit_stun_builder* builder) {
  return TakeStep(__func__, builder, Stage::kFingerprint, Stage::kFinished,
                  [](MessageBuilder&) -> Result<void> { return {}; });
}
