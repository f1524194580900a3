#include "natkit/tls/channel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tls_testing.h"

namespace natkit::tls {
namespace {

using testing::Carry;
using testing::kToday;
using testing::MakeOpenPair;
using testing::MakePair;
using testing::MetaCertificate;
using testing::Pair;
using testing::ReadAll;
using testing::Root;
using testing::ServerSpec;
using testing::Shake;
using testing::TrustingRoot;

const ServerExpectation kRelay{.host = "relay.example"};

TEST(Channel, CarriesBytesBothWaysOverTls13) {
  Pair pair = MakeOpenPair();
  ASSERT_TRUE(pair.client.is_handshake_done());
  ASSERT_TRUE(pair.server.is_handshake_done());
  EXPECT_EQ(pair.client.version(), Version::kTls13);
  EXPECT_EQ(pair.server.version(), Version::kTls13);

  EXPECT_EQ(pair.client.WritePlaintext(AsBytes("ping")), 4U);
  ASSERT_TRUE(Carry(pair.client, pair.server));
  EXPECT_EQ(ReadAll(pair.server), "ping");

  EXPECT_EQ(pair.server.WritePlaintext(AsBytes("pong")), 4U);
  ASSERT_TRUE(Carry(pair.server, pair.client));
  EXPECT_EQ(ReadAll(pair.client), "pong");
}

TEST(Channel, TakesCiphertextSplitAtEveryOffset) {
  for (size_t step = 1; step < 40; ++step) {
    const auto identity = Root().Issue(ServerSpec("relay.example")).value();
    Pair pair = MakePair(identity, TrustingRoot(), kRelay);
    ASSERT_TRUE(Shake(pair, step)) << step;
    ASSERT_TRUE(pair.client.is_handshake_done()) << step;
    ASSERT_EQ(pair.client.WritePlaintext(AsBytes("hello")), 5U);
    ASSERT_TRUE(Carry(pair.client, pair.server, step));
    EXPECT_EQ(ReadAll(pair.server), "hello") << step;
  }
}

TEST(Channel, TakesARecordSplitAtEveryOffset) {
  Pair pair = MakeOpenPair();
  const std::string text(300, 'x');
  size_t record_size = 1;
  for (size_t split = 0; split < record_size; ++split) {
    ASSERT_EQ(pair.client.WritePlaintext(AsBytes(text)), text.size());
    const auto record = pair.client.TakeCiphertext();
    record_size = record.size();
    ASSERT_TRUE(pair.server.HandleCiphertext(ByteView(record).first(split)));
    EXPECT_EQ(ReadAll(pair.server), "");
    ASSERT_TRUE(pair.server.HandleCiphertext(ByteView(record).subspan(split)));
    EXPECT_EQ(ReadAll(pair.server), text) << split;
  }
}

TEST(Channel, AcceptsNothingBeforeTheHandshakeIsDone) {
  const auto identity = Root().Issue(ServerSpec("relay.example")).value();
  Pair pair = MakePair(identity, TrustingRoot(), kRelay);
  EXPECT_FALSE(pair.client.is_writable());
  EXPECT_EQ(pair.client.WritePlaintext(AsBytes("early")), 0U);
  EXPECT_EQ(pair.client.version(), std::nullopt);
}

TEST(Channel, StopsAcceptingWhenOutputIsNotTaken) {
  Pair pair = MakeOpenPair();
  const std::vector<uint8_t> megabyte(size_t{1} << 20, 0x5a);
  const auto accepted = pair.client.WritePlaintext(megabyte);
  ASSERT_TRUE(accepted);
  EXPECT_LT(*accepted, megabyte.size());
  EXPECT_FALSE(pair.client.is_writable());
  EXPECT_EQ(pair.client.WritePlaintext(megabyte), 0U);
  EXPECT_LE(pair.client.PendingCiphertext().size(),
            Channel::kMaxPendingOutput + 17000);

  pair.client.ConsumeCiphertext(pair.client.PendingCiphertext().size());
  EXPECT_TRUE(pair.client.is_writable());
}

TEST(Channel, RefusesMoreInputThanItsBoundAndSurvives) {
  Pair pair = MakeOpenPair();
  std::vector<uint8_t> ciphertext;
  const std::vector<uint8_t> chunk(16000, 1);
  while (ciphertext.size() < Channel::kMaxPendingInput) {
    ASSERT_EQ(pair.client.WritePlaintext(chunk), chunk.size());
    const auto record = pair.client.TakeCiphertext();
    ciphertext.insert(ciphertext.end(), record.begin(), record.end());
  }
  EXPECT_EQ(pair.server.HandleCiphertext(ciphertext).error().code,
            Errc::kLimitExceeded);
  const ByteView view(ciphertext);
  ASSERT_TRUE(pair.server.HandleCiphertext(view.first(100000)));
  EXPECT_EQ(ReadAll(pair.server).value().size() % chunk.size(), 0U);
  ASSERT_TRUE(pair.server.HandleCiphertext(view.subspan(100000)));
  EXPECT_GT(ReadAll(pair.server).value().size(), 0U);
}

TEST(Channel, TellsTheEndOfStreamFromTruncation) {
  Pair clean = MakeOpenPair();
  clean.client.Close();
  clean.client.Close();
  ASSERT_TRUE(Carry(clean.client, clean.server));
  EXPECT_EQ(ReadAll(clean.server), "");
  EXPECT_TRUE(clean.server.is_peer_closed());
  EXPECT_TRUE(clean.server.HandleEndOfStream());
  EXPECT_EQ(clean.client.WritePlaintext(AsBytes("x")).error().code,
            Errc::kClosed);

  Pair cut = MakeOpenPair();
  EXPECT_EQ(cut.server.HandleEndOfStream().error().code, Errc::kClosed);
  EXPECT_NE(cut.server.error_text(), "");
}

TEST(Channel, ReadsWhatCameBeforeTheClose) {
  Pair pair = MakeOpenPair();
  ASSERT_TRUE(pair.client.WritePlaintext(AsBytes("last words")));
  pair.client.Close();
  ASSERT_TRUE(Carry(pair.client, pair.server));
  EXPECT_EQ(ReadAll(pair.server), "last words");
  EXPECT_TRUE(pair.server.is_peer_closed());
}

TEST(Channel, RejectsEveryBitFlipInARecord) {
  std::vector<uint8_t> record(1);
  for (size_t at = 0; at < record.size(); ++at) {
    Pair pair = MakeOpenPair();
    ASSERT_TRUE(pair.client.WritePlaintext(AsBytes("payload")));
    record = pair.client.TakeCiphertext();
    record[at] ^= 0x10;
    (void)pair.server.HandleCiphertext(record);
    const auto text = ReadAll(pair.server);
    // A longer length makes it wait for more; nothing may be read either way.
    EXPECT_TRUE(!text || text->empty()) << at;
    if (at != 3 && at != 4) {
      ASSERT_FALSE(text) << at;
      EXPECT_EQ(text.error().code, Errc::kTlsProtocol);
      EXPECT_EQ(pair.server.HandleCiphertext(record).error().code,
                Errc::kTlsProtocol);
    }
  }
}

TEST(Channel, SurvivesBitFlipsAnywhereInTheHandshake) {
  const auto identity = Root().Issue(ServerSpec("relay.example")).value();
  Pair reference = MakePair(identity, TrustingRoot(), kRelay);
  const size_t size = reference.client.PendingCiphertext().size();
  for (size_t at = 0; at < size; ++at) {
    if (at == 2) {
      continue;  // the record's minor version, which nobody looks at
    }
    Pair pair = MakePair(identity, TrustingRoot(), kRelay);
    auto hello = pair.client.TakeCiphertext();
    hello[at] ^= 0x01;
    (void)pair.server.HandleCiphertext(hello);
    (void)Shake(pair);
    EXPECT_FALSE(pair.client.is_handshake_done() &&
                 pair.server.is_handshake_done())
        << at;
  }
}

TEST(Channel, RefusesAPlainHttpRequest) {
  Pair pair = MakeOpenPair();
  Channel server = Channel::Server(ServerContext::Make(Root()).value());
  const auto taken =
      server.HandleCiphertext(AsBytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::kTlsHandshake);
  EXPECT_EQ(server.error_text(), "HTTP_REQUEST");
}

TEST(Channel, ServesAClientThatKnowsOnlyTls12) {
  ClientOptions options = TrustingRoot();
  options.max_version = Version::kTls12;
  const auto identity = Root().Issue(ServerSpec("relay.example")).value();
  Pair pair = MakePair(identity, options, kRelay, {MetaCertificate()});
  ASSERT_TRUE(Shake(pair));
  EXPECT_EQ(pair.client.version(), Version::kTls12);
  EXPECT_EQ(pair.client.PeerChain().size(), 2U);
  ASSERT_TRUE(pair.server.WritePlaintext(AsBytes("old")));
  ASSERT_TRUE(Carry(pair.server, pair.client));
  EXPECT_EQ(ReadAll(pair.client), "old");
}

TEST(Channel, CanBeMovedWhileOpen) {
  Pair pair = MakeOpenPair();
  Channel moved = std::move(pair.client);
  ASSERT_TRUE(moved.WritePlaintext(AsBytes("moved")));
  ASSERT_TRUE(Carry(moved, pair.server));
  EXPECT_EQ(ReadAll(pair.server), "moved");
}

}  // namespace
}  // namespace natkit::tls
