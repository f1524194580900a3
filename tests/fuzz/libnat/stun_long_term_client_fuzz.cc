// Whatever a server says, the client's next request is well-formed, verifies,
// carries the challenge back unchanged, and the client stops asking.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/nat/stun_long_term_client.h"
#include "stun_repair.h"

namespace natkit::stun {
namespace {

LongTermPolicy MakePolicy(uint8_t bits) {
  return {.hides_username = (bits & 0x01) != 0,
          .weakest = (bits & 0x02) != 0 ? attr::PasswordAlgorithmId::kSha256
                                        : attr::PasswordAlgorithmId::kMd5};
}

std::vector<uint8_t> BuildRequest(const LongTermClient& client) {
  std::array<uint8_t, 4096> buffer;
  MessageBuilder builder(buffer, kBindingRequest, {});
  client.AddAttributes(builder);
  client.AddIntegrity(builder);
  const auto built = builder.Finish();
  NATKIT_CHECK(built.has_value());
  return {built->begin(), built->end()};
}

void CheckRequest(const LongTermClient& client, const Message& challenge,
                  uint8_t bits) {
  const auto bytes = BuildRequest(client);
  const auto request = Message::Parse(bytes);
  NATKIT_CHECK(request.has_value());
  NATKIT_CHECK(request->Get<attr::Nonce>() == challenge.Get<attr::Nonce>());
  const auto realm = challenge.Get<attr::Realm>();
  NATKIT_CHECK(!realm || request->Get<attr::Realm>() == realm);
  NATKIT_CHECK(request->Has(AttributeType::kUsername) !=
               request->Has(AttributeType::kUserhash));
  NATKIT_CHECK(request->Has(AttributeType::kPasswordAlgorithm) ==
               challenge.Has(AttributeType::kPasswordAlgorithms));
  NATKIT_CHECK(
      VerifyStrongestIntegrity(*request, client.ExpectedIntegrity()->key)
          .has_value());
  if ((bits & 0x02) != 0) {
    NATKIT_CHECK(!request->Has(AttributeType::kMessageIntegrity));
  }
}

/// The input is a sequence of a 16-bit size and that many bytes.
void Converse(uint8_t bits, ByteReader in) {
  LongTermClient client(*LongTermCredentials::Prepare("alice", "wonderland"),
                        MakePolicy(bits));
  int retries = 0;
  uint16_t size = 0;
  ByteView part;
  while (in.ReadU16(size) && in.ReadView(size, part)) {
    const auto repaired = fuzz::Repair(part);
    const auto response = Message::Parse(repaired);
    if (!response) {
      continue;
    }
    if (client.HandleError(*response) == LongTermAction::kRetry) {
      NATKIT_CHECK(++retries <= LongTermClient::kMaxRounds);
      CheckRequest(client, *response, bits);
    }
  }
}

}  // namespace
}  // namespace natkit::stun

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size != 0) {
    natkit::stun::Converse(
        data[0], natkit::ByteReader(natkit::ByteView(data + 1, size - 1)));
  }
  return 0;
}
