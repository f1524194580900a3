#include "ice/check_message.h"

#include <array>

#include "natkit/base/check.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::ice {
namespace {

namespace attr = stun::attr;
using stun::AttributeType;

/// Fits two ufrags of the greatest length and all attributes of a check.
constexpr size_t kMaxCheckSize = 768;

constexpr std::array kUnderstood = {AttributeType::kPriority,
                                    AttributeType::kUseCandidate};

std::vector<uint8_t> Finish(stun::MessageBuilder& builder) {
  builder.AddFingerprint();
  const auto message = builder.Finish();
  NATKIT_CHECK(message.has_value());
  return {message->begin(), message->end()};
}

void AddIntegrity(stun::MessageBuilder& builder, const stun::IntegrityKey& key,
                  Integrity integrity) {
  if (integrity == Integrity::kSha256) {
    builder.AddIntegritySha256(key);
  } else {
    builder.AddIntegrity(key);
  }
}

template <class A>
std::optional<typename A::Value> Optional(const stun::Message& message) {
  const auto value = message.Get<A>();
  if (!value) {
    return std::nullopt;
  }
  return *value;
}

}  // namespace

std::vector<uint8_t> BuildCheck(const CheckRequest& request,
                                const stun::IntegrityKey& key) {
  std::array<uint8_t, kMaxCheckSize> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingRequest, request.id);
  builder.Add<attr::Username>(request.username);
  builder.Add<attr::Priority>(request.priority);
  if (request.role == Role::kControlling) {
    builder.Add<attr::IceControlling>(request.tiebreaker);
  } else {
    builder.Add<attr::IceControlled>(request.tiebreaker);
  }
  if (request.use_candidate) {
    builder.Add<attr::UseCandidate>();
  }
  if (request.nomination) {
    builder.Add<attr::Nomination>(*request.nomination);
  }
  builder.AddIntegrity(key);
  return Finish(builder);
}

std::vector<uint8_t> BuildCheckSuccess(const stun::TransactionId& id,
                                       const Endpoint& mapped,
                                       const stun::IntegrityKey& key,
                                       Integrity integrity) {
  std::array<uint8_t, kMaxCheckSize> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingSuccess, id);
  builder.Add<attr::XorMappedAddress>(mapped);
  AddIntegrity(builder, key, integrity);
  return Finish(builder);
}

std::vector<uint8_t> BuildCheckError(const stun::TransactionId& id,
                                     const CheckRefusal& refusal,
                                     const stun::IntegrityKey& key) {
  std::array<uint8_t, kMaxCheckSize> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingError, id);
  builder.Add<attr::ErrorCode>(
      {.code = refusal.code, .reason = stun::ReasonPhrase(refusal.code)});
  if (!refusal.unknown.is_empty()) {
    builder.Add<attr::UnknownAttributes>(refusal.unknown);
  }
  if (refusal.integrity) {
    AddIntegrity(builder, key, *refusal.integrity);
  }
  return Finish(builder);
}

std::optional<UfragPair> ReadUfrags(const stun::Message& message) {
  const auto username = message.Get<attr::Username>();
  if (!username) {
    return std::nullopt;
  }
  const size_t colon = username->find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  return UfragPair{.receiver = username->substr(0, colon),
                   .sender = username->substr(colon + 1)};
}

std::expected<IncomingCheck, CheckRefusal> ReadCheck(
    const stun::Message& message, const stun::IntegrityKey& key) {
  const auto verified = stun::VerifyStrongestIntegrity(message, key);
  if (!verified) {
    const bool is_absent = verified.error().code == Errc::kNoIntegrity;
    return std::unexpected(
        CheckRefusal{.code = is_absent ? stun::ErrorCode::kBadRequest
                                       : stun::ErrorCode::kUnauthenticated});
  }
  const Integrity integrity =
      message.Has(AttributeType::kMessageIntegritySha256) ? Integrity::kSha256
                                                          : Integrity::kSha1;
  const auto unknown = message.FindUnknownRequired(kUnderstood);
  if (!unknown.is_empty()) {
    return std::unexpected(
        CheckRefusal{.code = stun::ErrorCode::kUnknownAttribute,
                     .unknown = unknown,
                     .integrity = integrity});
  }
  const auto priority = message.Get<attr::Priority>();
  if (!priority || *priority == 0) {
    return std::unexpected(CheckRefusal{.integrity = integrity});
  }
  return IncomingCheck{
      .priority = *priority,
      .controlling = Optional<attr::IceControlling>(message),
      .controlled = Optional<attr::IceControlled>(message),
      .use_candidate = message.Has(AttributeType::kUseCandidate),
      .nomination = Optional<attr::Nomination>(message),
      .integrity = integrity};
}

}  // namespace natkit::ice
