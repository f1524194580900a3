// Whatever parses is written again and must read the same; whatever attribute
// decodes must encode to bytes that decode to the same value.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"
#include "stun_repair.h"

namespace natkit::stun {
namespace {

bool IsSame(const Attribute& a, const Attribute& b) {
  return a.type == b.type && std::ranges::equal(a.value, b.value);
}

void CheckRebuild(const Message& message) {
  std::vector<uint8_t> buffer(message.bytes().size());
  MessageBuilder builder(buffer, message.type(), message.id());
  for (const Attribute& attribute : message.attributes()) {
    if (attribute.type != AttributeType::kFingerprint) {
      builder.AddRaw(attribute.type, attribute.value);
    }
  }
  if (message.has_fingerprint()) {
    builder.AddFingerprint();
  }
  const auto bytes = builder.Finish();
  NATKIT_CHECK(bytes.has_value());
  const auto again = Message::Parse(*bytes);
  NATKIT_CHECK(again.has_value());
  NATKIT_CHECK(again->type() == message.type() && again->id() == message.id());
  NATKIT_CHECK(again->has_fingerprint() == message.has_fingerprint());

  auto right = again->attributes().begin();
  for (const Attribute& left : message.attributes()) {
    const bool is_crc = left.type == AttributeType::kFingerprint;
    NATKIT_CHECK(right != std::default_sentinel);
    NATKIT_CHECK(is_crc ? right->type == left.type : IsSame(left, *right));
    ++right;
  }
  NATKIT_CHECK(right == std::default_sentinel);
}

template <class A>
void CheckValue(const Message& message) {
  const auto value = message.Get<A>();
  if (!value) {
    return;
  }
  std::vector<uint8_t> buffer(message.bytes().size() + 64);
  const auto bytes = MessageBuilder(buffer, message.type(), message.id())
                         .template Add<A>(*value)
                         .Finish();
  NATKIT_CHECK(bytes.has_value());
  const Message rebuilt = Message::Parse(*bytes).value();
  const auto again = rebuilt.Get<A>();
  NATKIT_CHECK(again.has_value());
  if constexpr (std::is_same_v<typename A::Value, ByteView>) {
    NATKIT_CHECK(std::ranges::equal(*again, *value));
  } else {
    NATKIT_CHECK(*again == *value);
  }
}

template <class... A>
void CheckValues(const Message& message) {
  (CheckValue<A>(message), ...);
}

void CheckAll(ByteView bytes) {
  const auto message = Message::Parse(bytes);
  if (!message) {
    return;
  }
  CheckRebuild(*message);
  CheckValues<attr::MappedAddress, attr::XorMappedAddress, attr::Username,
              attr::Realm, attr::Nonce, attr::Software, attr::AlternateServer,
              attr::AlternateDomain, attr::Priority, attr::UseCandidate,
              attr::IceControlled, attr::IceControlling, attr::Nomination,
              attr::ResponseOrigin, attr::OtherAddress, attr::Padding,
              attr::ErrorCode, attr::UnknownAttributes, attr::Userhash,
              attr::PasswordAlgorithm, attr::PasswordAlgorithms,
              attr::ChangeRequest, attr::ResponsePort,
              attr::TransactionTransmitCounter>(*message);
  static const IntegrityKey key = *IntegrityKey::ShortTerm("not in the corpus");
  NATKIT_CHECK(!VerifyIntegrity(*message, key));
  NATKIT_CHECK(!VerifyIntegritySha256(*message, key, 0));
}

}  // namespace
}  // namespace natkit::stun

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const natkit::ByteView input(data, size);
  natkit::stun::CheckAll(input);
  natkit::stun::CheckAll(natkit::stun::fuzz::Repair(input));
  return 0;
}
