#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "natkit/tls/channel.h"
#include "tls_testing.h"

namespace natkit::tls {
namespace {

using testing::kToday;
using testing::MakePair;
using testing::MetaCertificate;
using testing::Pair;
using testing::Root;
using testing::ServerSpec;
using testing::Shake;
using testing::TrustingRoot;

struct Outcome {
  Result<void> result;
  std::string text;
  Errc server_error = Errc::kTruncated;
};

/// Shakes hands; what the client says, and that the server learns of a refusal.
Outcome Try(const Identity& identity, const ClientOptions& options,
            const ServerExpectation& expectation,
            const std::vector<Der>& appended = {}) {
  Pair pair = MakePair(identity, options, expectation, appended);
  Outcome outcome{.result = Shake(pair)};
  outcome.text = pair.client.error_text();
  const auto at_server =
      pair.server.HandleCiphertext(pair.client.TakeCiphertext());
  std::vector<uint8_t> nothing(1);
  const auto read = pair.server.ReadPlaintext(nothing);
  if (!at_server || !read) {
    outcome.server_error = (at_server ? read.error() : at_server.error()).code;
  }
  return outcome;
}

ClientOptions WithoutRoots() {
  ClientOptions options;
  options.verification_time = kToday;
  return options;
}

void ExpectRefused(const Outcome& outcome, std::string_view text) {
  ASSERT_FALSE(outcome.result);
  EXPECT_EQ(outcome.result.error().code, Errc::kBadCertificate);
  EXPECT_EQ(outcome.text, text);
  EXPECT_NE(outcome.server_error, Errc::kTruncated) << "no alert arrived";
}

TEST(VerifyPeer, AcceptsAChainOfATrustedRoot) {
  const auto leaf = Root().Issue(ServerSpec("relay.example")).value();
  EXPECT_TRUE(Try(leaf, TrustingRoot(), {.host = "relay.example"}).result);
}

TEST(VerifyPeer, AcceptsAnAddressInTheCertificate) {
  for (const char* host : {"192.0.2.7", "2001:db8::7"}) {
    const auto leaf = Root().Issue(ServerSpec(host)).value();
    EXPECT_TRUE(Try(leaf, TrustingRoot(), {.host = host}).result) << host;
  }
}

TEST(VerifyPeer, RefusesAnUnknownIssuer) {
  const auto stranger =
      Identity::SelfSigned(ServerSpec("relay.example")).value();
  const auto outcome = Try(stranger, TrustingRoot(), {.host = "relay.example"});
  ASSERT_FALSE(outcome.result);
  EXPECT_EQ(outcome.result.error().code, Errc::kBadCertificate);
  EXPECT_NE(outcome.text, "");
}

TEST(VerifyPeer, RefusesAnotherName) {
  const auto leaf = Root().Issue(ServerSpec("relay.example")).value();
  ExpectRefused(Try(leaf, TrustingRoot(), {.host = "other.example"}),
                "certificate is not valid for other.example");
  ExpectRefused(Try(leaf, TrustingRoot(), {.host = "192.0.2.7"}),
                "certificate is not valid for 192.0.2.7");
}

TEST(VerifyPeer, IgnoresTheCommonName) {
  auto spec = ServerSpec("relay.example");
  spec.dns_names = {"other.example"};
  const auto leaf = Root().Issue(spec).value();
  ExpectRefused(Try(leaf, TrustingRoot(), {.host = "relay.example"}),
                "certificate is not valid for relay.example");
}

TEST(VerifyPeer, RefusesExpiredAndFutureCertificates) {
  auto spec = ServerSpec("relay.example");
  spec.not_after = kToday - std::chrono::seconds(1);
  ExpectRefused(Try(Root().Issue(spec).value(), TrustingRoot(),
                    {.host = "relay.example"}),
                "certificate has expired");
  spec.not_before = kToday + std::chrono::seconds(1);
  spec.not_after = kToday + std::chrono::days(1);
  ExpectRefused(Try(Root().Issue(spec).value(), TrustingRoot(),
                    {.host = "relay.example"}),
                "certificate is not yet valid");
}

TEST(VerifyPeer, ChecksTheCertificateNameInsteadOfTheHost) {
  const auto leaf = Root().Issue(ServerSpec("cert.example")).value();
  EXPECT_TRUE(Try(leaf, TrustingRoot(),
                  {.host = "relay.example", .certificate_name = "cert.example"})
                  .result);
  ExpectRefused(
      Try(leaf, TrustingRoot(),
          {.host = "cert.example", .certificate_name = "relay.example"}),
      "certificate is not valid for relay.example");
}

TEST(VerifyPeer, ToleratesTheMetaCertificateAtTheEndOfTheChain) {
  const auto leaf = Root().Issue(ServerSpec("relay.example")).value();
  EXPECT_TRUE(
      Try(leaf, TrustingRoot(), {.host = "relay.example"}, {MetaCertificate()})
          .result);
}

TEST(VerifyPeer, AcceptsThePinnedCertificateWithoutRoots) {
  const auto leaf = Identity::SelfSigned(ServerSpec("192.0.2.7")).value();
  const std::string pin = leaf.pin().ToString();
  EXPECT_TRUE(Try(leaf, WithoutRoots(),
                  {.host = "192.0.2.7", .certificate_name = pin},
                  {MetaCertificate()})
                  .result);
  // A literal is not sent as SNI, so the name does not matter.
  EXPECT_TRUE(Try(leaf, WithoutRoots(),
                  {.host = "203.0.113.1", .certificate_name = pin})
                  .result);
}

TEST(VerifyPeer, RefusesWhatDiffersFromThePin) {
  const auto leaf = Identity::SelfSigned(ServerSpec("relay.example")).value();
  const auto other = Identity::SelfSigned(ServerSpec("relay.example")).value();
  ExpectRefused(Try(leaf, WithoutRoots(),
                    {.host = "relay.example",
                     .certificate_name = other.pin().ToString()}),
                "certificate differs from the pinned one");
  ExpectRefused(
      Try(leaf, WithoutRoots(),
          {.host = "other.example", .certificate_name = leaf.pin().ToString()}),
      "certificate is not valid for other.example");
  ExpectRefused(
      Try(leaf, WithoutRoots(),
          {.host = "relay.example", .certificate_name = leaf.pin().ToString()},
          {other.chain().front()}),
      "more than one certificate where one is pinned");
}

TEST(VerifyPeer, RefusesAnExpiredPinnedCertificate) {
  auto spec = ServerSpec("relay.example");
  spec.not_after = kToday - std::chrono::seconds(1);
  const auto leaf = Identity::SelfSigned(spec).value();
  ExpectRefused(
      Try(leaf, WithoutRoots(),
          {.host = "relay.example", .certificate_name = leaf.pin().ToString()}),
      "certificate has expired");
}

TEST(VerifyPeer, AcceptsAnybodyOnlyWhenToldTo) {
  const auto leaf = Identity::SelfSigned(ServerSpec("relay.example")).value();
  ClientOptions options = WithoutRoots();
  ExpectRefused(Try(leaf, options, {.host = "other.example"}),
                "self signed certificate");
  options.verification = Verification::kInsecureForTests;
  EXPECT_TRUE(Try(leaf, options, {.host = "other.example"}).result);
}

TEST(VerifyPeer, RefusesAHostThatIsNoName) {
  const auto context = ClientContext::Make(TrustingRoot()).value();
  for (const std::string& host :
       {std::string(), std::string("a b"), std::string(300, 'a')}) {
    EXPECT_EQ(Channel::Client(context, {.host = host}).error().code,
              Errc::kBadValue);
  }
  EXPECT_FALSE(Channel::Client(
      context, {.host = "a", .certificate_name = "sha256-raw:12"}));
}

TEST(ServerContext, AppendsExtraCertificatesInOrderAfterTheChain) {
  const auto leaf = Root().Issue(ServerSpec("relay.example")).value();
  const Der meta = MetaCertificate();
  Pair pair = MakePair(leaf, TrustingRoot(), {.host = "relay.example"}, {meta});
  ASSERT_TRUE(Shake(pair));
  EXPECT_EQ(pair.client.PeerChain(),
            (std::vector<Der>{leaf.chain().front(), meta}));
}

TEST(ServerContext, ReloadsForNewChannelsAndKeepsTheOldOnes) {
  const auto first = Root().Issue(ServerSpec("relay.example")).value();
  const auto second = Root().Issue(ServerSpec("relay.example")).value();
  const Der meta = MetaCertificate();
  auto server = ServerContext::Make(first, {.appended = {meta}}).value();
  const auto client = ClientContext::Make(TrustingRoot()).value();
  const ServerExpectation expected{.host = "relay.example"};
  Pair before{Channel::Client(client, expected).value(),
              Channel::Server(server)};
  ASSERT_TRUE(server.Reload(second));
  Pair after{Channel::Client(client, expected).value(),
             Channel::Server(server)};
  ASSERT_TRUE(Shake(before));
  ASSERT_TRUE(Shake(after));
  EXPECT_EQ(before.client.PeerChain().front(), first.chain().front());
  EXPECT_EQ(after.client.PeerChain(),
            (std::vector<Der>{second.chain().front(), meta}));
}

}  // namespace
}  // namespace natkit::tls
