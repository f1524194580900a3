#include "natkit/derp/login_info.h"

#include <gtest/gtest.h>

#include "natkit/derp/key_text.h"
#include "vectors.h"
#include "wire/sealed_box.h"

namespace natkit::derp {
namespace {

using namespace testing;

Result<ClientInfo> ParseClient(std::string_view json) {
  return ParseClientInfo(AsBytes(json));
}

Result<ServerInfo> ParseServer(std::string_view json) {
  return ParseServerInfo(AsBytes(json));
}

TEST(LoginInfo, ClientInfoIsWrittenAsClientsWriteIt) {
  ClientInfo info{.version = 2, .can_ack_pings = true};
  EXPECT_EQ(ToJson(info), R"({"version":2,"CanAckPings":true})");
  info.is_prober = true;
  info.app_name = "a\"b\xff";
  info.mesh_key.emplace();
  info.mesh_key->ExposeMutable().front() = 0xab;
  EXPECT_EQ(ToJson(info), R"({"meshKey":"ab)" + std::string(62, '0') +
                              R"(","version":2,"CanAckPings":true,)"
                              R"("IsProber":true,"AppName":"a\"b)"
                              "\xef\xbf\xbd\"}");
}

TEST(LoginInfo, ClientInfoKeysMatchInAnyCaseAndTheLastCounts) {
  const auto info = ParseClient(
      R"({"VERSION":1,"version":3,"cANaCKpINGS":true,"isprober":true,)"
      R"("appname":"x","MESHKEY":")" +
      std::string(64, 'A') + "\"}");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->version, 3);
  EXPECT_TRUE(info->can_ack_pings);
  EXPECT_TRUE(info->is_prober);
  EXPECT_EQ(info->app_name, "x");
  ASSERT_TRUE(info->mesh_key);
  EXPECT_EQ(info->mesh_key->Expose().front(), 0xaa);
}

TEST(LoginInfo, ClientInfoMayBeEmptyOrHaveUnknownKeys) {
  EXPECT_TRUE(ParseClient("{}"));
  EXPECT_TRUE(ParseClient(" { } "));
  EXPECT_TRUE(ParseClient(R"({"a":[{"version":"x"},[]],"b":{"meshKey":""}})"));
  EXPECT_TRUE(ParseClient(R"({"version":null,"CanAckPings":null})"));
}

TEST(LoginInfo, ClientInfoOfWrongTypesFails) {
  for (const std::string_view json : {"",
                                      "null",
                                      "1",
                                      "[]",
                                      "{",
                                      "{}{}",
                                      R"({"version":true})",
                                      R"({"version":1.5})",
                                      R"({"version":{}})",
                                      R"({"version":[]})",
                                      R"({"version":18446744073709551615})",
                                      R"({"CanAckPings":1})",
                                      R"({"IsProber":"true"})",
                                      R"({"AppName":7})",
                                      R"({"meshKey":""})",
                                      R"({"meshKey":null})",
                                      R"({"meshKey":{}})",
                                      R"({"meshKey":"0"})",
                                      R"({"meshkey":"zz"})",
                                      "{\"version\":2,}"}) {
    const auto info = ParseClient(json);
    ASSERT_FALSE(info) << json;
    EXPECT_EQ(info.error().code, Errc::kBadJson);
  }
}

TEST(LoginInfo, DeepNestingIsHarmless) {
  std::string json = R"({"a":)";
  json.append(100000, '[');
  json.append(100000, ']');
  EXPECT_TRUE(ParseClient(json + "}"));
  EXPECT_FALSE(ParseClient(json));
}

TEST(LoginInfo, ServerInfoRoundTrips) {
  const ServerInfo plain{.version = 2};
  EXPECT_EQ(ToJson(plain), R"({"version":2})");
  EXPECT_EQ(ParseServer(ToJson(plain)), plain);
  const ServerInfo limited{.version = 2,
                           .token_bucket_bytes_per_second = 1000,
                           .token_bucket_bytes_burst = 50};
  EXPECT_EQ(ToJson(limited), R"({"version":2,"TokenBucketBytesPerSecond":1000,)"
                             R"("TokenBucketBytesBurst":50})");
  EXPECT_EQ(ParseServer(ToJson(limited)), limited);
  EXPECT_FALSE(ParseServer(R"({"TokenBucketBytesPerSecond":-1})"));
}

TEST(SealedBox, MatchesTheVectors) {
  CountingRng client_nonce(0x80);
  std::vector<uint8_t> box;
  ASSERT_TRUE(AppendSealedBox(AsBytes(R"({"version":2,"CanAckPings":true})"),
                              ServerPublic(), ClientPrivate(), client_nonce,
                              box));
  EXPECT_EQ(box, Hex("808182838485868788898a8b8c8d8e8f9091929394959697fa729a14"
                     "25ff782e8912aaf092423a55a0dbfc2e43e308cae5993c0f03876e00"
                     "5694c738d753b2839724c7656a92f4a9"));
  CountingRng server_nonce(0xa0);
  box.clear();
  ASSERT_TRUE(AppendSealedBox(AsBytes(R"({"version":2})"), ClientPublic(),
                              ServerPrivate(), server_nonce, box));
  EXPECT_EQ(box, Hex("a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b74e4f3e36"
                     "0f5dfbf335029a77d49e4efe7dfbbfe74feceee2842379ac8e"));
  const auto opened = OpenSealedBox(box, ServerPublic(), ClientPrivate());
  ASSERT_TRUE(opened);
  EXPECT_EQ(AsText(*opened), R"({"version":2})");
}

TEST(SealedBox, DoesNotOpenWhenAnyByteDiffersOrIsMissing) {
  CountingRng rng(0);
  std::vector<uint8_t> box;
  ASSERT_TRUE(
      AppendSealedBox(AsBytes("x"), ClientPublic(), ServerPrivate(), rng, box));
  for (size_t i = 0; i < box.size(); ++i) {
    box[i] ^= 1;
    EXPECT_FALSE(OpenSealedBox(box, ServerPublic(), ClientPrivate()));
    box[i] ^= 1;
  }
  EXPECT_EQ(
      OpenSealedBox(ByteView(box).first(39), ServerPublic(), ClientPrivate())
          .error()
          .code,
      Errc::kTruncated);
}

TEST(SealedBox, RefusesAKeyOfSmallOrder) {
  CountingRng rng(0);
  std::vector<uint8_t> out = {1};
  EXPECT_FALSE(AppendSealedBox({}, PublicKey{}, ServerPrivate(), rng, out));
  EXPECT_EQ(out.size(), 1U);
}

TEST(KeyText, RoundTripsEachForm) {
  const PublicKey key = ClientPublic();
  const std::string hex(kClientPublicHex);
  EXPECT_EQ(ToNodeKeyText(key), "nodekey:" + hex);
  EXPECT_EQ(ParseNodeKeyText("nodekey:" + hex), key);
  EXPECT_EQ(ToDiscoKeyText(key), "discokey:" + hex);
  EXPECT_EQ(ParseDiscoKeyText("discokey:" + hex), key);
  const std::string text = ToPrivateKeyText(ClientPrivate());
  EXPECT_EQ(text, "privkey:" + std::string(kClientPrivateHex));
  const auto parsed = ParsePrivateKeyText(text);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->EqualsConstantTime(ClientPrivate()));
  EXPECT_EQ(ToShortText(key), "[ZLEBs]");
}

TEST(KeyText, ClampsPrivateKeys) {
  const auto parsed = ParsePrivateKeyText("privkey:" + std::string(64, 'f'));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->Expose().front(), 0xf8);
  EXPECT_EQ(parsed->Expose().back(), 0x7f);
}

TEST(KeyText, RefusesOtherPrefixesAndLengths) {
  const std::string hex(kClientPublicHex);
  EXPECT_FALSE(ParseNodeKeyText(hex));
  EXPECT_FALSE(ParseNodeKeyText("discokey:" + hex));
  EXPECT_FALSE(ParseNodeKeyText("nodekey:" + hex + "00"));
  EXPECT_FALSE(ParseDiscoKeyText("discokey:"));
  EXPECT_FALSE(ParsePrivateKeyText("nodekey:" + hex));
  EXPECT_FALSE(ParseMeshKey(hex.substr(1)));
  EXPECT_TRUE(ParseMeshKey(hex));
}

}  // namespace
}  // namespace natkit::derp
