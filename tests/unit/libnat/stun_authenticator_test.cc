#include "natkit/nat/stun_authenticator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "stun_auth_lab.h"

namespace natkit::stun {
namespace {

using attr::PasswordAlgorithmId;
using std::chrono::minutes;
using testing::AliceOnly;
using testing::Answer;
using testing::OwnedMessage;
using testing::Request;
using testing::RequestOf;

const Endpoint kClient = *Endpoint::Parse("203.0.113.7:41641");
const Endpoint kNeighbour = *Endpoint::Parse("203.0.113.7:41642");
constexpr Instant kStart = Instant{} + std::chrono::hours(5);

Authenticator LongTerm(LongTermUsers users = AliceOnly()) {
  SeededRng rng(1);
  return Authenticator::LongTerm(std::move(users), rng);
}

LongTermClient Client(std::string_view name, std::string_view password,
                      LongTermPolicy policy = {}) {
  return LongTermClient(testing::LongTermUser(name, password), policy);
}

/// Feeds the client the server's challenge to its bare request.
void Challenge(const Authenticator& server, LongTermClient& client,
               Instant now = kStart, const Endpoint& from = kClient) {
  const auto answer = Answer(server, now, from, RequestOf(client).message());
  ASSERT_EQ(client.HandleError(answer.message()), LongTermAction::kRetry);
}

std::optional<ErrorCode> Verdict(const Authenticator& server,
                                 const OwnedMessage& request,
                                 Instant now = kStart,
                                 const Endpoint& from = kClient) {
  return server.Authenticate(now, from, request.message()).error;
}

TEST(LongTermAuthenticator, ChallengesABareRequest) {
  const auto server = LongTerm();
  const auto owned =
      Answer(server, kStart, kClient, Request([](auto&) {}).message());
  const auto answer = owned.message();
  EXPECT_EQ(answer.Get<attr::ErrorCode>()->code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(answer.Get<attr::Realm>(), "example.org");
  EXPECT_TRUE(answer.Get<attr::Nonce>()->starts_with("obMatJos2AAAD"));
  EXPECT_LT(answer.Get<attr::Nonce>()->size(), 128U);
  const auto list = *answer.Get<attr::PasswordAlgorithms>();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list.items()[0].id, PasswordAlgorithmId::kSha256);
  EXPECT_FALSE(answer.Has(AttributeType::kMessageIntegrity));
}

TEST(LongTermAuthenticator, AcceptsAndProtects) {
  for (const bool hides : {true, false}) {
    const auto server = LongTerm();
    auto client = Client("alice", "wonderland", {.hides_username = hides});
    Challenge(server, client);
    const auto request = RequestOf(client);
    const auto verdict =
        server.Authenticate(kStart, kClient, request.message());
    EXPECT_FALSE(verdict.error);
    EXPECT_EQ(verdict.username, "alice");
    const auto answer = Answer(server, kStart, kClient, request.message());
    EXPECT_TRUE(VerifyIntegritySha256(answer.message(),
                                      client.ExpectedIntegrity()->key));
    EXPECT_FALSE(answer.message().Has(AttributeType::kMessageIntegrity));
  }
}

TEST(LongTermAuthenticator, ServesClientsOfRfc5389) {
  const auto server = LongTerm();
  auto client = Client("alice", "wonderland");
  Challenge(server, client);
  const auto key =
      IntegrityKey::LongTermMd5("alice", "example.org", "wonderland");
  const auto nonce = RequestOf(client);
  const auto request = Request([&](MessageBuilder& out) {
    out.Add<attr::Username>("alice")
        .Add<attr::Realm>("example.org")
        .Add<attr::Nonce>(*nonce.message().Get<attr::Nonce>())
        .AddIntegrity(key);
  });
  const auto answer = Answer(server, kStart, kClient, request.message());
  EXPECT_EQ(answer.message().type(), kBindingSuccess);
  EXPECT_TRUE(VerifyIntegrity(answer.message(), key));
}

TEST(LongTermAuthenticator, CanBeAServerOfRfc5389) {
  auto users = AliceOnly();
  users.algorithms.clear();
  users.accepts_userhash = false;
  const auto server = LongTerm(std::move(users));
  const auto challenge =
      Answer(server, kStart, kClient, Request([](auto&) {}).message());
  EXPECT_FALSE(challenge.message().Has(AttributeType::kPasswordAlgorithms));
  EXPECT_FALSE(
      challenge.message().Get<attr::Nonce>()->starts_with("obMatJos2"));
  auto client = Client("alice", "wonderland");
  Challenge(server, client);
  EXPECT_FALSE(Verdict(server, RequestOf(client)));
}

TEST(LongTermAuthenticator, WithoutMd5RefusesClientsOfRfc5389) {
  auto users = AliceOnly();
  users.algorithms = {PasswordAlgorithmId::kSha256};
  const auto server = LongTerm(std::move(users));
  auto client = Client("alice", "wonderland");
  Challenge(server, client);
  EXPECT_FALSE(Verdict(server, RequestOf(client)));
  const auto bare = RequestOf(client);
  const auto old = Request([&](MessageBuilder& out) {
    out.Add<attr::Username>("alice")
        .Add<attr::Realm>("example.org")
        .Add<attr::Nonce>(*bare.message().Get<attr::Nonce>())
        .AddIntegrity(
            IntegrityKey::LongTermMd5("alice", "example.org", "wonderland"));
  });
  EXPECT_EQ(Verdict(server, old), ErrorCode::kUnauthenticated);
}

TEST(LongTermAuthenticator, RefusesWrongUsersAndPasswords) {
  const auto server = LongTerm();
  for (const auto& [name, password] :
       {std::pair("alice", "Wonderland"), std::pair("Alice", "wonderland"),
        std::pair("bob", "wonderland")}) {
    for (const bool hides : {true, false}) {
      auto client = Client(name, password, {.hides_username = hides});
      Challenge(server, client);
      const auto request = RequestOf(client);
      EXPECT_EQ(Verdict(server, request), ErrorCode::kUnauthenticated);
      const auto answer = Answer(server, kStart, kClient, request.message());
      EXPECT_EQ(client.HandleError(answer.message()),
                LongTermAction::kRejected);
    }
  }
}

TEST(LongTermAuthenticator, RefusesAnotherRealm) {
  const auto server = LongTerm();
  auto elsewhere_users = AliceOnly();
  elsewhere_users.realm = "example.net";
  const auto elsewhere = LongTerm(std::move(elsewhere_users));
  auto client = Client("alice", "wonderland");
  Challenge(elsewhere, client);
  EXPECT_EQ(Verdict(server, RequestOf(client)), ErrorCode::kUnauthenticated);
}

TEST(LongTermAuthenticator, WantsAllAttributes) {
  const auto server = LongTerm();
  const auto key =
      IntegrityKey::LongTermMd5("alice", "example.org", "wonderland");
  for (int missing = 0; missing < 3; ++missing) {
    const auto request = Request([&](MessageBuilder& out) {
      if (missing != 0) {
        out.Add<attr::Username>("alice");
      }
      if (missing != 1) {
        out.Add<attr::Realm>("example.org");
      }
      if (missing != 2) {
        out.Add<attr::Nonce>("obMatJos2AAADnonce");
      }
      out.AddIntegrity(key);
    });
    EXPECT_EQ(Verdict(server, request), ErrorCode::kBadRequest);
    const auto answer = Answer(server, kStart, kClient, request.message());
    EXPECT_FALSE(answer.message().Has(AttributeType::kNonce));
  }
}

// RFC 8489 section 9.2.4: the list must come back as it was sent, so that
// nobody in between has shortened it.
TEST(LongTermAuthenticator, WantsItsAlgorithmListBack) {
  const auto server = LongTerm();
  const auto request = [&](std::vector<PasswordAlgorithmId> list,
                           std::optional<PasswordAlgorithmId> choice) {
    return Request([&](MessageBuilder& out) {
      out.Add<attr::Username>("alice")
          .Add<attr::Realm>("example.org")
          .Add<attr::Nonce>("obMatJos2AAADnonce");
      attr::PasswordAlgorithms::Value value;
      for (const auto id : list) {
        value.Append({.id = id, .parameters = {}});
      }
      if (!list.empty()) {
        out.Add<attr::PasswordAlgorithms>(value);
      }
      if (choice) {
        out.Add<attr::PasswordAlgorithm>({.id = *choice, .parameters = {}});
      }
      out.AddIntegrity(
          IntegrityKey::LongTermMd5("alice", "example.org", "wonderland"));
    });
  };
  using enum PasswordAlgorithmId;
  EXPECT_EQ(Verdict(server, request({kMd5}, kMd5)), ErrorCode::kBadRequest);
  EXPECT_EQ(Verdict(server, request({kMd5, kSha256}, kMd5)),
            ErrorCode::kBadRequest);
  EXPECT_EQ(Verdict(server, request({kSha256, kMd5}, std::nullopt)),
            ErrorCode::kBadRequest);
  EXPECT_EQ(Verdict(server, request({}, kMd5)), ErrorCode::kBadRequest);
  EXPECT_EQ(Verdict(server, request({kSha256, kMd5}, PasswordAlgorithmId{77})),
            ErrorCode::kBadRequest);
  EXPECT_EQ(Verdict(server, request({kSha256, kMd5}, kMd5)),
            ErrorCode::kStaleNonce)
      << "the integrity is right, the nonce is not the server's";
}

TEST(LongTermAuthenticator, RenewsOldNonces) {
  const auto server = LongTerm();
  auto client = Client("alice", "wonderland");
  Challenge(server, client);
  const auto request = RequestOf(client);
  EXPECT_FALSE(Verdict(server, request, kStart + minutes(10)));
  const Instant late = kStart + minutes(10) + Duration(1);
  EXPECT_EQ(Verdict(server, request, late), ErrorCode::kStaleNonce);
  const auto answer = Answer(server, late, kClient, request.message());
  EXPECT_EQ(client.HandleError(answer.message()), LongTermAction::kRetry);
  EXPECT_FALSE(Verdict(server, RequestOf(client), late));
}

TEST(LongTermAuthenticator, GivesEachSourceItsOwnNonce) {
  const auto server = LongTerm();
  auto client = Client("alice", "wonderland");
  Challenge(server, client);
  const auto request = RequestOf(client);
  EXPECT_EQ(Verdict(server, request, kStart, kNeighbour),
            ErrorCode::kStaleNonce);
  EXPECT_EQ(Verdict(server, request, kStart - minutes(1)),
            ErrorCode::kStaleNonce)
      << "from the future";
  const Endpoint mapped{.address = kClient.address.MappedToV6(),
                        .port = kClient.port};
  EXPECT_FALSE(Verdict(server, request, kStart, mapped));
}

TEST(LongTermAuthenticator, SharesNoncesWithWhomeverHasTheKey) {
  const auto make = [](uint64_t seed) {
    SeededRng rng(seed);
    auto users = AliceOnly();
    users.nonce_key.emplace();
    users.nonce_key->ExposeMutable()[0] = 7;
    return Authenticator::LongTerm(std::move(users), rng);
  };
  auto client = Client("alice", "wonderland");
  Challenge(make(1), client);
  EXPECT_FALSE(Verdict(make(2), RequestOf(client)));
}

TEST(LongTermAuthenticator, BelievesNoFlippedBit) {
  const auto server = LongTerm();
  auto client = Client("alice", "wonderland");
  Challenge(server, client);
  auto bytes = RequestOf(client).bytes();
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    const auto bit = static_cast<uint8_t>(1 << i % 8);
    bytes[i / 8] ^= bit;
    const auto message = Message::Parse(bytes);
    EXPECT_FALSE(message &&
                 !server.Authenticate(kStart, kClient, *message).error)
        << "byte " << i / 8 << " bit " << i % 8;
    bytes[i / 8] ^= bit;
  }
}

class ShortTermAuthenticator : public ::testing::Test {
 protected:
  ShortTermAuthenticator() : server_(Authenticator::ShortTerm(Users())) {}

  static std::vector<ShortTermCredentials> Users() {
    std::vector<ShortTermCredentials> users;
    users.push_back(*ShortTermCredentials::Prepare("alice", "wonderland"));
    return users;
  }

  Authenticator server_;
  IntegrityKey key_ = *IntegrityKey::ShortTerm("wonderland");
};

TEST_F(ShortTermAuthenticator, AnswersInTheStrongestKindAsked) {
  const auto answer_to = [&](bool sha1, bool sha256) {
    const auto request = Request([&](MessageBuilder& out) {
      out.Add<attr::Username>("alice");
      if (sha1) {
        out.AddIntegrity(key_);
      }
      if (sha256) {
        out.AddIntegritySha256(key_);
      }
    });
    return Answer(server_, kStart, kClient, request.message());
  };
  for (const auto& [sha1, sha256] :
       {std::pair(true, true), std::pair(false, true),
        std::pair(true, false)}) {
    const auto owned = answer_to(sha1, sha256);
    const auto answer = owned.message();
    EXPECT_EQ(answer.type(), kBindingSuccess);
    EXPECT_EQ(answer.Has(AttributeType::kMessageIntegritySha256), sha256);
    EXPECT_EQ(answer.Has(AttributeType::kMessageIntegrity), !sha256);
    EXPECT_TRUE(VerifyStrongestIntegrity(answer, key_));
  }
}

TEST_F(ShortTermAuthenticator, ChecksInTheRfcsOrder) {
  EXPECT_EQ(Verdict(server_, Request([](auto&) {})), ErrorCode::kBadRequest);
  EXPECT_EQ(Verdict(server_, Request([](MessageBuilder& out) {
                      out.Add<attr::Username>("alice");
                    })),
            ErrorCode::kBadRequest);
  EXPECT_EQ(Verdict(server_, Request([&](MessageBuilder& out) {
                      out.AddIntegrity(key_);
                    })),
            ErrorCode::kBadRequest);
  EXPECT_EQ(Verdict(server_, Request([&](MessageBuilder& out) {
                      out.Add<attr::Username>("bob").AddIntegrity(key_);
                    })),
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(Verdict(server_, Request([&](MessageBuilder& out) {
                      out.Add<attr::Username>("alice").AddIntegrity(
                          *IntegrityKey::ShortTerm("Wonderland"));
                    })),
            ErrorCode::kUnauthenticated);
}

// The decoy's password must be of no use.
TEST_F(ShortTermAuthenticator, HasNoBackDoor) {
  EXPECT_EQ(Verdict(server_, Request([&](MessageBuilder& out) {
                      out.Add<attr::Username>("bob").AddIntegrity(
                          *IntegrityKey::ShortTerm("decoy"));
                    })),
            ErrorCode::kUnauthenticated);
}

}  // namespace
}  // namespace natkit::stun
