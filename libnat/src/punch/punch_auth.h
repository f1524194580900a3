#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/rng.h"
#include "natkit/nat/ice_candidate.h"
#include "natkit/nat/ice_credentials.h"
#include "natkit/nat/stun_integrity.h"
#include "natkit/nat/stun_message.h"

namespace natkit::nat {

/// What an incoming datagram is to an attempt.
struct PunchArrival {
  enum class Kind : uint8_t {
    kForeign,  ///< not ours
    kForged,   ///< addressed to us, not authentic
    kRequest,  ///< the peer's check
    kSuccess,  ///< the answer to flow `flow`
  };
  Kind kind = Kind::kForeign;
  uint32_t flow = 0;
  std::vector<uint8_t> answer;  ///< kRequest: what to send back
};

/// The checks of one attempt: ICE connectivity checks of the session (RFC 8445
/// section 7.2.2), whose transaction ID carries 64 random bits of the attempt
/// and the number of the flow, so that thousands need no table.
class PunchAuth {
 public:
  /// Errors: kBadCredentials.
  [[nodiscard]] static Result<PunchAuth> Make(const ice::Credentials& local,
                                              const ice::Credentials& remote,
                                              ice::Role role, Rng& rng);

  [[nodiscard]] std::vector<uint8_t> Check(uint32_t flow) const;
  [[nodiscard]] PunchArrival Read(const Endpoint& from,
                                  ByteView datagram) const;

 private:
  PunchAuth(stun::IntegrityKey local_key, stun::IntegrityKey remote_key)
      : local_key_(std::move(local_key)), remote_key_(std::move(remote_key)) {}

  [[nodiscard]] PunchArrival ReadRequest(const Endpoint& from,
                                         const stun::Message& message) const;

  stun::IntegrityKey local_key_;
  stun::IntegrityKey remote_key_;
  std::string outgoing_;  ///< USERNAME of ours
  std::string incoming_;
  ice::Role role_ = ice::Role::kControlling;
  uint64_t tiebreaker_ = 0;
  std::array<uint8_t, 8> prefix_{};
};

}  // namespace natkit::nat
