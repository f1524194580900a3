// A server believes only who knows the password: whatever is made of a message
// by somebody who does not, gets an error whose challenge a client can use.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/nat/stun_authenticator.h"
#include "natkit/nat/stun_long_term_client.h"
#include "stun_repair.h"

namespace natkit::stun {
namespace {

const Endpoint kClient{.address = IpAddress::V4(203, 0, 113, 7), .port = 41641};

Authenticator MakeServer(uint8_t bits) {
  SeededRng rng(1);
  if ((bits & 0x01) != 0) {
    std::vector<ShortTermCredentials> users;
    users.push_back(*ShortTermCredentials::Prepare("evtj:h6vY", "a secret"));
    return Authenticator::ShortTerm(std::move(users));
  }
  LongTermUsers users{.realm = "example.org"};
  users.users.push_back(*LongTermCredentials::Prepare("alice", "a secret"));
  users.accepts_userhash = (bits & 0x02) != 0;
  if ((bits & 0x04) != 0) {
    users.algorithms.clear();
  }
  return Authenticator::LongTerm(std::move(users), rng);
}

/// Builds the error response and lets a client read it.
void CheckChallenge(const Authenticator& server, const Message& request,
                    ErrorCode code) {
  std::array<uint8_t, 548> buffer;
  MessageBuilder builder(buffer,
                         {MessageClass::kErrorResponse, request.type().method},
                         request.id());
  builder.Add<attr::ErrorCode>({code, ""});
  server.AddChallenge(Instant{}, kClient, code, builder);
  const auto built = builder.Finish();
  NATKIT_CHECK(built.has_value());
  const auto response = Message::Parse(*built);
  NATKIT_CHECK(response.has_value());
  LongTermClient client(*LongTermCredentials::Prepare("alice", "a secret"));
  const auto action = client.HandleError(*response);
  if (server.mechanism() == CredentialMechanism::kLongTerm &&
      code == ErrorCode::kUnauthenticated) {
    NATKIT_CHECK(action == LongTermAction::kRetry);
  }
}

void Ask(uint8_t bits, ByteView datagram) {
  const auto request = Message::Parse(datagram);
  if (!request) {
    return;
  }
  const Authenticator server = MakeServer(bits);
  const auto verdict = server.Authenticate(Instant{}, kClient, *request);
  NATKIT_CHECK(verdict.error.has_value() && verdict.key == nullptr);
  CheckChallenge(server, *request, *verdict.error);
}

}  // namespace
}  // namespace natkit::stun

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const natkit::ByteView datagram(data + 1, size - 1);
  natkit::stun::Ask(data[0], datagram);
  natkit::stun::Ask(data[0], natkit::stun::fuzz::Repair(datagram));
  return 0;
}
