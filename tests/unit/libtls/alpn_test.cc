#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tls_testing.h"

namespace natkit::tls {
namespace {

using testing::Carry;
using testing::MakePair;
using testing::Pair;
using testing::Root;
using testing::ServerSpec;
using testing::Shake;
using testing::TrustingRoot;

using Names = std::vector<std::string>;

const Identity& Server() {
  static const Identity identity =
      Root().Issue(ServerSpec("coord.example")).value();
  return identity;
}

Pair Offering(const Names& client, const Names& server,
              Version max_version = Version::kTls13) {
  ClientOptions options = TrustingRoot();
  options.alpn = client;
  options.max_version = max_version;
  return MakePair(Server(), options, {.host = "coord.example"}, {},
                  {.alpn = server});
}

TEST(Alpn, ChoosesTheServersFavouriteOfWhatIsOffered) {
  for (const Version version : {Version::kTls12, Version::kTls13}) {
    Pair pair =
        Offering({"http/1.1", "natkit", "h2"}, {"h3", "natkit", "h2"}, version);
    EXPECT_EQ(pair.client.alpn(), "");
    ASSERT_TRUE(Shake(pair));
    EXPECT_EQ(pair.client.alpn(), "natkit");
    EXPECT_EQ(pair.server.alpn(), "natkit");
  }
}

TEST(Alpn, RefusesAClientThatOffersOthersOnly) {
  // A prefix and a longer name are others, too.
  Pair pair = Offering({"h", "h22"}, {"h2"});
  EXPECT_EQ(Carry(pair.client, pair.server).error().code, Errc::kTlsHandshake);
  EXPECT_EQ(pair.server.error_text(), "NO_APPLICATION_PROTOCOL");
  EXPECT_EQ(Carry(pair.server, pair.client).error().code, Errc::kTlsHandshake);
  EXPECT_EQ(pair.client.error_text(), "TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
}

TEST(Alpn, ServesAClientThatOffersNothing) {
  Pair pair = Offering({}, {"natkit"});
  ASSERT_TRUE(Shake(pair));
  EXPECT_TRUE(pair.client.is_handshake_done());
  EXPECT_EQ(pair.client.alpn(), "");
  EXPECT_EQ(pair.server.alpn(), "");
}

TEST(Alpn, IsIgnoredByAServerWithoutProtocols) {
  Pair pair = Offering({"natkit"}, {});
  ASSERT_TRUE(Shake(pair));
  EXPECT_TRUE(pair.client.is_handshake_done());
  EXPECT_EQ(pair.client.alpn(), "");
  EXPECT_EQ(pair.server.alpn(), "");
}

TEST(Alpn, OutlivesTheContextInsideAHandshake) {
  auto context = ServerContext::Make(Server(), {.alpn = {"natkit"}}).value();
  ClientOptions options = TrustingRoot();
  options.alpn = {"natkit"};
  const auto client = ClientContext::Make(options).value();
  Pair pair{Channel::Client(client, {.host = "coord.example"}).value(),
            Channel::Server(context)};
  ASSERT_TRUE(
      context.Reload(Root().Issue(ServerSpec("coord.example")).value()));
  ASSERT_TRUE(Shake(pair));
  EXPECT_EQ(pair.server.alpn(), "natkit");
  Pair later{Channel::Client(client, {.host = "coord.example"}).value(),
             Channel::Server(context)};
  ASSERT_TRUE(Shake(later));
  EXPECT_EQ(later.server.alpn(), "natkit") << "Reload keeps the options";
}

TEST(Alpn, RefusesNamesThatCannotBeSent) {
  const std::vector<Names> bad = {
      {""}, {std::string(256, 'a')}, Names(300, std::string(255, 'a'))};
  for (const auto& names : bad) {
    ClientOptions options = TrustingRoot();
    options.alpn = names;
    EXPECT_EQ(ClientContext::Make(options).error().code, Errc::kBadValue);
    EXPECT_EQ(ServerContext::Make(Server(), {.alpn = names}).error().code,
              Errc::kBadValue);
  }
  const std::string longest(255, 'a');
  Pair pair = Offering({longest}, {longest});
  ASSERT_TRUE(Shake(pair));
  EXPECT_EQ(pair.server.alpn(), longest);
}

TEST(ServerOptions, RefuseVersionsBelowTheMinimum) {
  ClientOptions old = TrustingRoot();
  old.max_version = Version::kTls12;
  const ServerOptions strict{.min_version = Version::kTls13};
  Pair refused = MakePair(Server(), old, {.host = "coord.example"}, {}, strict);
  EXPECT_EQ(Carry(refused.client, refused.server).error().code,
            Errc::kTlsHandshake);
  EXPECT_EQ(refused.server.error_text(), "UNSUPPORTED_PROTOCOL");

  Pair served =
      MakePair(Server(), TrustingRoot(), {.host = "coord.example"}, {}, strict);
  ASSERT_TRUE(Shake(served));
  EXPECT_EQ(served.server.version(), Version::kTls13);
}

}  // namespace
}  // namespace natkit::tls
