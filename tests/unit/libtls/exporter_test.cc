#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "tls_testing.h"

namespace natkit::tls {
namespace {

using testing::MakeOpenPair;
using testing::MakePair;
using testing::Pair;
using testing::Root;
using testing::ServerSpec;
using testing::Shake;
using testing::TrustingRoot;

using Exported = std::array<uint8_t, 32>;

constexpr std::string_view kLabel = "EXPORTER-natkit test";

Exported Export(const Channel& channel, std::string_view label,
                std::string_view context) {
  Exported out{};
  EXPECT_TRUE(channel.ExportKeyingMaterial(label, AsBytes(context), out));
  return out;
}

TEST(ExportKeyingMaterial, IsTheSameAtBothEnds) {
  const Pair pair = MakeOpenPair();
  const Exported ours = Export(pair.client, kLabel, "context");
  EXPECT_EQ(ours, Export(pair.server, kLabel, "context"));
  EXPECT_NE(ours, Exported{});
  EXPECT_EQ(ours, Export(pair.client, kLabel, "context")) << "not repeatable";
}

TEST(ExportKeyingMaterial, DependsOnConnectionLabelAndContext) {
  const Pair pair = MakeOpenPair();
  const Pair other = MakeOpenPair();
  const Exported ours = Export(pair.client, kLabel, "context");
  EXPECT_NE(ours, Export(other.client, kLabel, "context"));
  EXPECT_NE(ours, Export(pair.client, "EXPORTER-natkit other", "context"));
  EXPECT_NE(ours, Export(pair.client, kLabel, ""));
  EXPECT_NE(ours, Export(pair.client, kLabel, "contexT"));
}

TEST(ExportKeyingMaterial, StaysTheSameWhileDataFlows) {
  Pair pair = MakeOpenPair();
  const Exported before = Export(pair.client, kLabel, "");
  ASSERT_TRUE(pair.client.WritePlaintext(AsBytes("ping")));
  ASSERT_TRUE(testing::Carry(pair.client, pair.server));
  ASSERT_EQ(testing::ReadAll(pair.server), "ping");
  EXPECT_EQ(Export(pair.server, kLabel, ""), before);
}

TEST(ExportKeyingMaterial, FailsUntilTheHandshakeIsDone) {
  const auto identity = Root().Issue(ServerSpec("relay.example")).value();
  Pair pair = MakePair(identity, TrustingRoot(), {.host = "relay.example"});
  Exported out{};
  const auto fails = [&](const Channel& channel) {
    const auto exported = channel.ExportKeyingMaterial(kLabel, {}, out);
    return !exported && exported.error().code == Errc::kInvalidState &&
           out == Exported{};
  };
  EXPECT_TRUE(fails(pair.client));
  EXPECT_TRUE(fails(pair.server));
  // The server has sent its Finished, but who is there it does not know yet.
  ASSERT_TRUE(testing::Carry(pair.client, pair.server));
  EXPECT_TRUE(fails(pair.server));
  ASSERT_TRUE(Shake(pair));
  EXPECT_FALSE(fails(pair.server));
}

TEST(ExportKeyingMaterial, FailsOnAChannelThatFailed) {
  Pair pair = MakeOpenPair();
  ASSERT_FALSE(pair.server.HandleEndOfStream());
  Exported out{};
  EXPECT_EQ(pair.server.ExportKeyingMaterial(kLabel, {}, out).error().code,
            Errc::kInvalidState);
}

TEST(ExportKeyingMaterial, IsOnlyForTls13) {
  ClientOptions options = TrustingRoot();
  options.max_version = Version::kTls12;
  const auto identity = Root().Issue(ServerSpec("relay.example")).value();
  Pair pair = MakePair(identity, options, {.host = "relay.example"});
  ASSERT_TRUE(Shake(pair));
  Exported out{};
  EXPECT_EQ(pair.client.ExportKeyingMaterial(kLabel, {}, out).error().code,
            Errc::kUnsupported);
  EXPECT_EQ(pair.server.ExportKeyingMaterial(kLabel, {}, out).error().code,
            Errc::kUnsupported);
}

TEST(ExportKeyingMaterial, KnowsItsBounds) {
  const Pair pair = MakeOpenPair();
  const auto try_sizes = [&](size_t label, size_t out) {
    std::vector<uint8_t> bytes(out);
    const auto exported =
        pair.client.ExportKeyingMaterial(std::string(label, 'a'), {}, bytes);
    return exported ? Errc{} : exported.error().code;
  };
  EXPECT_EQ(try_sizes(249, 8160), Errc{});
  EXPECT_EQ(try_sizes(1, 1), Errc{});
  EXPECT_EQ(try_sizes(250, 32), Errc::kBadValue);
  EXPECT_EQ(try_sizes(1, 0), Errc::kBadValue);
  EXPECT_EQ(try_sizes(1, 8161), Errc::kBadValue);
}

}  // namespace
}  // namespace natkit::tls
