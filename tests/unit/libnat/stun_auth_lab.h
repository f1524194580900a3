#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/nat/stun_authenticator.h"
#include "natkit/nat/stun_long_term_client.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::stun::testing {

/// A message of its own.
class OwnedMessage {
 public:
  OwnedMessage(MessageType type, const TransactionId& id,
               const std::function<void(MessageBuilder&)>& fill) {
    std::array<uint8_t, 4096> buffer;
    MessageBuilder builder(buffer, type, id);
    fill(builder);
    const auto built = builder.Finish();
    bytes_.assign(built->begin(), built->end());
  }

  [[nodiscard]] Message message() const { return *Message::Parse(bytes_); }

  [[nodiscard]] const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

inline OwnedMessage Request(const std::function<void(MessageBuilder&)>& fill) {
  return {kBindingRequest, TransactionId{{1, 2, 3}}, fill};
}

inline OwnedMessage RequestOf(const LongTermClient& client) {
  return Request([&](MessageBuilder& out) {
    client.AddAttributes(out);
    client.AddIntegrity(out);
  });
}

/// What a server with `authenticator` answers; success is without attributes.
inline OwnedMessage Answer(const Authenticator& authenticator, Instant now,
                           const Endpoint& from, const Message& request) {
  const auto verdict = authenticator.Authenticate(now, from, request);
  return {verdict.error ? kBindingError : kBindingSuccess, request.id(),
          [&](MessageBuilder& out) {
            if (verdict.error) {
              out.Add<attr::ErrorCode>({*verdict.error, ""});
              authenticator.AddChallenge(now, from, *verdict.error, out);
            }
            Authenticator::AddIntegrity(verdict, out);
          }};
}

inline LongTermCredentials LongTermUser(std::string_view name,
                                        std::string_view password) {
  return *LongTermCredentials::Prepare(name, password);
}

/// A realm "example.org" with the user "alice", password "wonderland".
inline LongTermUsers AliceOnly() {
  LongTermUsers users{.realm = "example.org"};
  users.users.push_back(LongTermUser("alice", "wonderland"));
  return users;
}

}  // namespace natkit::stun::testing
