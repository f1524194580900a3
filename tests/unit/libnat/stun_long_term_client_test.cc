#include "natkit/nat/stun_long_term_client.h"

#include <gtest/gtest.h>

#include "stun_auth_lab.h"

namespace natkit::stun {
namespace {

using attr::PasswordAlgorithmId;
using testing::OwnedMessage;
using testing::RequestOf;

/// What a server's 401 or 438 says.
struct Challenge {
  ErrorCode code = ErrorCode::kUnauthenticated;
  std::string realm = "example.org";
  std::string nonce = "obMatJos2AAADnonce";
  std::vector<PasswordAlgorithmId> algorithms = {PasswordAlgorithmId::kSha256,
                                                 PasswordAlgorithmId::kMd5};
};

OwnedMessage Error(const Challenge& challenge) {
  return {kBindingError, {}, [&](MessageBuilder& out) {
            out.Add<attr::ErrorCode>({challenge.code, ""});
            if (!challenge.realm.empty()) {
              out.Add<attr::Realm>(challenge.realm);
            }
            if (!challenge.nonce.empty()) {
              out.Add<attr::Nonce>(challenge.nonce);
            }
            attr::PasswordAlgorithms::Value list;
            for (const auto id : challenge.algorithms) {
              list.Append({.id = id, .parameters = {}});
            }
            if (!list.is_empty()) {
              out.Add<attr::PasswordAlgorithms>(list);
            }
          }};
}

LongTermAction Handle(LongTermClient& client, const Challenge& challenge) {
  return client.HandleError(Error(challenge).message());
}

LongTermClient Alice(LongTermPolicy policy = {}) {
  return LongTermClient(testing::LongTermUser("alice", "wonderland"), policy);
}

TEST(LongTermClient, AsksBareFirst) {
  const auto client = Alice();
  EXPECT_EQ(RequestOf(client).bytes().size(), kHeaderSize);
  EXPECT_FALSE(client.ExpectedIntegrity());
}

TEST(LongTermClient, AnswersAServerOfRfc8489) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {}), LongTermAction::kRetry);
  const auto owned = RequestOf(client);
  const auto request = owned.message();
  EXPECT_EQ(request.Get<attr::Userhash>(),
            ComputeUserhash("alice", "example.org"));
  EXPECT_FALSE(request.Has(AttributeType::kUsername));
  EXPECT_EQ(request.Get<attr::Realm>(), "example.org");
  EXPECT_EQ(request.Get<attr::Nonce>(), "obMatJos2AAADnonce");
  EXPECT_EQ(request.Get<attr::PasswordAlgorithms>()->size(), 2U);
  EXPECT_EQ(request.Get<attr::PasswordAlgorithm>()->id,
            PasswordAlgorithmId::kSha256);
  EXPECT_FALSE(request.Has(AttributeType::kMessageIntegrity));
  EXPECT_TRUE(VerifyIntegritySha256(
      request,
      IntegrityKey::LongTermSha256("alice", "example.org", "wonderland")));
}

TEST(LongTermClient, AnswersAServerOfRfc5389) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {.nonce = "5389", .algorithms = {}}),
            LongTermAction::kRetry);
  const auto owned = RequestOf(client);
  const auto request = owned.message();
  EXPECT_EQ(request.Get<attr::Username>(), "alice");
  EXPECT_FALSE(request.Has(AttributeType::kPasswordAlgorithms));
  EXPECT_FALSE(request.Has(AttributeType::kPasswordAlgorithm));
  EXPECT_FALSE(request.Has(AttributeType::kMessageIntegritySha256));
  EXPECT_TRUE(VerifyIntegrity(
      request,
      IntegrityKey::LongTermMd5("alice", "example.org", "wonderland")));
}

TEST(LongTermClient, ReadsBothBitOrdersOfTheCookie) {
  for (const char* nonce : {"obMatJos2AAADx", "obMatJos2wAAAx"}) {
    auto client = Alice();
    EXPECT_EQ(Handle(client, {.nonce = nonce}), LongTermAction::kRetry);
    EXPECT_TRUE(RequestOf(client).message().Has(AttributeType::kUserhash));
  }
}

TEST(LongTermClient, ShowsItsNameWhenToldTo) {
  auto client = Alice({.hides_username = false});
  EXPECT_EQ(Handle(client, {}), LongTermAction::kRetry);
  EXPECT_EQ(RequestOf(client).message().Get<attr::Username>(), "alice");
}

TEST(LongTermClient, TakesTheServersFirstKnownAlgorithm) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {.algorithms = {PasswordAlgorithmId{77},
                                           PasswordAlgorithmId::kMd5,
                                           PasswordAlgorithmId::kSha256}}),
            LongTermAction::kRetry);
  EXPECT_EQ(RequestOf(client).message().Get<attr::PasswordAlgorithm>()->id,
            PasswordAlgorithmId::kMd5);
}

TEST(LongTermClient, GivesUpWithoutAKnownAlgorithm) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {.algorithms = {PasswordAlgorithmId{77}}}),
            LongTermAction::kRejected);
  EXPECT_FALSE(client.has_challenge());
}

TEST(LongTermClient, NeverRepeatsARefusedCredential) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {}), LongTermAction::kRetry);
  EXPECT_EQ(Handle(client, {.nonce = "obMatJos2AAADother"}),
            LongTermAction::kRejected);
}

TEST(LongTermClient, TriesAnotherRealm) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {}), LongTermAction::kRetry);
  EXPECT_EQ(Handle(client, {.realm = "example.net"}), LongTermAction::kRetry);
  EXPECT_EQ(RequestOf(client).message().Get<attr::Realm>(), "example.net");
}

TEST(LongTermClient, TakesTheNewNonce) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {}), LongTermAction::kRetry);
  EXPECT_EQ(Handle(client, {.code = ErrorCode::kStaleNonce,
                            .realm = "",
                            .nonce = "obMatJos2AAADfresh"}),
            LongTermAction::kRetry);
  EXPECT_EQ(RequestOf(client).message().Get<attr::Nonce>(),
            "obMatJos2AAADfresh");
  EXPECT_EQ(RequestOf(client).message().Get<attr::Realm>(), "example.org");
}

TEST(LongTermClient, StopsAfterFourRounds) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {}), LongTermAction::kRetry);
  const Challenge stale{.code = ErrorCode::kStaleNonce};
  for (int round = 1; round < LongTermClient::kMaxRounds; ++round) {
    EXPECT_EQ(Handle(client, stale), LongTermAction::kRetry);
  }
  EXPECT_EQ(Handle(client, stale), LongTermAction::kRejected);
  client.HandleSuccess();
  EXPECT_EQ(Handle(client, stale), LongTermAction::kRetry);
}

TEST(LongTermClient, RefusesAStrippedAlgorithmList) {
  for (const char* nonce : {"obMatJos2AAABx", "obMatJos2gAAAx"}) {
    auto client = Alice();
    EXPECT_EQ(Handle(client, {.nonce = nonce, .algorithms = {}}),
              LongTermAction::kBidDown);
    EXPECT_FALSE(client.has_challenge());
  }
}

TEST(LongTermClient, RefusesLessThanBefore) {
  for (const Challenge& weaker :
       {Challenge{
            .code = ErrorCode::kStaleNonce, .nonce = "plain", .algorithms = {}},
        Challenge{.code = ErrorCode::kStaleNonce,
                  .algorithms = {PasswordAlgorithmId::kMd5}}}) {
    auto client = Alice();
    EXPECT_EQ(Handle(client, {}), LongTermAction::kRetry);
    EXPECT_EQ(Handle(client, weaker), LongTermAction::kBidDown);
    EXPECT_EQ(RequestOf(client).message().Get<attr::Nonce>(),
              "obMatJos2AAADnonce");
  }
}

TEST(LongTermClient, RefusesMd5WhenToldTo) {
  const LongTermPolicy policy{.weakest = PasswordAlgorithmId::kSha256};
  auto client = Alice(policy);
  EXPECT_EQ(Handle(client, {.nonce = "5389", .algorithms = {}}),
            LongTermAction::kBidDown);
  EXPECT_EQ(Handle(client, {.algorithms = {PasswordAlgorithmId::kMd5}}),
            LongTermAction::kRejected);
  EXPECT_EQ(Handle(client, {.algorithms = {PasswordAlgorithmId::kMd5,
                                           PasswordAlgorithmId::kSha256}}),
            LongTermAction::kRetry);
}

TEST(LongTermClient, GivesUpOnAnIncompleteChallenge) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {.realm = ""}), LongTermAction::kRejected);
  EXPECT_EQ(Handle(client, {.nonce = ""}), LongTermAction::kRejected);
  EXPECT_EQ(Handle(client, {.code = ErrorCode::kStaleNonce}),
            LongTermAction::kRejected)
      << "no request with a nonce was sent";
}

TEST(LongTermClient, LeavesOtherErrorsToOthers) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {.code = ErrorCode::kServerError}),
            LongTermAction::kNone);
}

TEST(LongTermClient, ForgetsOneServerForAnother) {
  auto client = Alice();
  EXPECT_EQ(Handle(client, {}), LongTermAction::kRetry);
  client.Forget();
  EXPECT_EQ(RequestOf(client).bytes().size(), kHeaderSize);
}

}  // namespace
}  // namespace natkit::stun
