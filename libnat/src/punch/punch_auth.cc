#include "punch/punch_auth.h"

#include <algorithm>

#include "ice/check_message.h"

namespace natkit::nat {
namespace {

stun::TransactionId IdOf(const std::array<uint8_t, 8>& prefix, uint32_t flow) {
  stun::TransactionId id;
  std::ranges::copy(prefix, id.bytes.begin());
  for (size_t i = 0; i < 4; ++i) {
    id.bytes[8 + i] = static_cast<uint8_t>(flow >> (24 - 8 * i));
  }
  return id;
}

std::optional<uint32_t> FlowOf(const std::array<uint8_t, 8>& prefix,
                               const stun::TransactionId& id) {
  if (!std::equal(prefix.begin(), prefix.end(), id.bytes.begin())) {
    return std::nullopt;
  }
  uint32_t flow = 0;
  for (size_t i = 8; i < 12; ++i) {
    flow = flow << 8 | id.bytes[i];
  }
  return flow;
}

}  // namespace

Result<PunchAuth> PunchAuth::Make(const ice::Credentials& local,
                                  const ice::Credentials& remote,
                                  ice::Role role, Rng& rng) {
  for (const ice::Credentials* one : {&local, &remote}) {
    if (const auto good = ice::CheckCredentials(*one); !good) {
      return std::unexpected(good.error());
    }
  }
  auto local_key = stun::IntegrityKey::ShortTerm(local.password.Expose());
  auto remote_key = stun::IntegrityKey::ShortTerm(remote.password.Expose());
  if (!local_key || !remote_key) {
    return Fail(Errc::kBadCredentials);
  }
  PunchAuth auth(std::move(*local_key), std::move(*remote_key));
  auth.outgoing_ = remote.ufrag + ":" + local.ufrag;
  auth.incoming_ = local.ufrag + ":" + remote.ufrag;
  auth.role_ = role;
  auth.tiebreaker_ = rng.NextU64();
  rng.Fill(auth.prefix_);
  return auth;
}

std::vector<uint8_t> PunchAuth::Check(uint32_t flow) const {
  return ice::BuildCheck(
      {.id = IdOf(prefix_, flow),
       .username = outgoing_,
       .priority = ice::CandidatePriority(ice::CandidateType::kPeerReflexive,
                                          ice::kMaxLocalPreference),
       .role = role_,
       .tiebreaker = tiebreaker_,
       .use_candidate = false,
       .nomination = {}},
      remote_key_);
}

PunchArrival PunchAuth::ReadRequest(const Endpoint& from,
                                    const stun::Message& message) const {
  const auto ufrags = ice::ReadUfrags(message);
  if (!ufrags ||
      std::string(ufrags->receiver) + ":" + std::string(ufrags->sender) !=
          incoming_) {
    return {};
  }
  const auto check = ice::ReadCheck(message, local_key_);
  if (!check || !message.has_fingerprint()) {
    return {.kind = PunchArrival::Kind::kForged};
  }
  return {.kind = PunchArrival::Kind::kRequest,
          .answer = ice::BuildCheckSuccess(message.id(), from, local_key_,
                                           check->integrity)};
}

PunchArrival PunchAuth::Read(const Endpoint& from, ByteView datagram) const {
  const auto message = stun::Message::Parse(datagram);
  if (!message) {
    return {};
  }
  if (message->type() == stun::kBindingRequest) {
    return ReadRequest(from, *message);
  }
  const auto flow = FlowOf(prefix_, message->id());
  if (!flow) {
    return {};
  }
  if (message->type() != stun::kBindingSuccess ||
      !stun::VerifyStrongestIntegrity(*message, remote_key_)) {
    return {.kind = PunchArrival::Kind::kForged};
  }
  return {.kind = PunchArrival::Kind::kSuccess, .flow = *flow};
}

}  // namespace natkit::nat
