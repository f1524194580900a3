#include "natkit/mesh/fleet/wg_dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet_support.h"

namespace natkit::mesh {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kKey1 = TestKey(1).ToBase64();
const std::string kKey2 = TestKey(2).ToBase64();
const std::string kKey3 = TestKey(3).ToBase64();

const std::string kInterfaceLine = kKey3 + "\t" + kKey1 + "\t51820\toff\n";
const std::string kPeerLine = kKey2 + "\t" + kKey3 +
                              "\t192.0.2.2:51820\t10.77.0.2/32,fd77::2/128\t"
                              "1700000000\t11\t22\t25\n";

std::string ErrorOf(const std::string& text) {
  const auto dump = ParseWgDump(text);
  return dump ? "none"
              : std::to_string(dump.error().line) + " " + dump.error().text;
}

TEST(WgDump, ReadsOneInterface) {
  const auto dump = ParseWgDump(kInterfaceLine + kPeerLine + kKey3 +
                                "\t(none)\t(none)\t(none)\t0\t0\t0\toff\n");
  ASSERT_TRUE(dump);
  ASSERT_EQ(dump->size(), 1U);
  const WgDumpInterface& one = dump->front();
  EXPECT_EQ(one.name, "");
  EXPECT_EQ(one.public_key, TestKey(1));
  EXPECT_EQ(one.listen_port, 51820);
  ASSERT_EQ(one.peers.size(), 2U);
  const WgDumpPeer& peer = one.peers[0];
  EXPECT_EQ(peer.public_key, TestKey(2));
  EXPECT_TRUE(peer.has_preshared_key);
  EXPECT_EQ(peer.endpoint->ToString(), "192.0.2.2:51820");
  ASSERT_EQ(peer.allowed_ips.size(), 2U);
  EXPECT_EQ(peer.allowed_ips[1].ToString(), "fd77::2/128");
  EXPECT_EQ(peer.latest_handshake, sys_seconds(seconds(1700000000)));
  EXPECT_EQ(peer.rx_bytes, 11U);
  EXPECT_EQ(peer.tx_bytes, 22U);
  EXPECT_EQ(peer.keepalive, seconds(25));
  WgDumpPeer bare;
  bare.public_key = TestKey(3);
  EXPECT_EQ(one.peers[1], bare);
}

TEST(WgDump, ReadsAllInterfaces) {
  const auto dump = ParseWgDump("wg0\t" + kInterfaceLine + "wg0\t" + kPeerLine +
                                "wg1\t(none)\t(none)\t0\t0x20\n");
  ASSERT_TRUE(dump);
  ASSERT_EQ(dump->size(), 2U);
  EXPECT_EQ((*dump)[0].name, "wg0");
  EXPECT_EQ((*dump)[0].peers.size(), 1U);
  EXPECT_EQ((*dump)[1].name, "wg1");
  EXPECT_EQ((*dump)[1].public_key, std::nullopt);
  EXPECT_THAT((*dump)[1].peers, IsEmpty());
}

TEST(WgDump, SecretsMayBeHidden) {
  const auto dump =
      ParseWgDump("(hidden)\t" + kKey1 + "\t1\toff\n" + kKey2 +
                  "\t(hidden)\t[fe80::1%eth0]:51820\t(none)\t0\t0\t0\toff\n");
  ASSERT_TRUE(dump);
  EXPECT_TRUE(dump->front().peers[0].has_preshared_key);
  EXPECT_EQ(dump->front().peers[0].endpoint->ToString(), "[fe80::1]:51820");
}

TEST(WgDump, NoInterfaceIsAnEmptyText) {
  const auto dump = ParseWgDump("");
  ASSERT_TRUE(dump);
  EXPECT_THAT(*dump, IsEmpty());
}

TEST(WgDump, NamesTheLineAndTheFieldThatIsWrong) {
  EXPECT_THAT(ErrorOf("interface: wg0\n"), HasSubstr("1 not a line of"));
  EXPECT_THAT(ErrorOf(kPeerLine), HasSubstr("1 not a line of `wg show dump`: "
                                            "wrong interface: a peer of none"));
  EXPECT_THAT(ErrorOf(kInterfaceLine + kInterfaceLine),
              HasSubstr("2 not a line of `wg show dump`: wrong second"));
  EXPECT_THAT(ErrorOf("wg0\t" + kInterfaceLine + kPeerLine),
              HasSubstr("2 not a line of `wg show dump`: it does not go"));
  EXPECT_THAT(ErrorOf("wg0\t" + kInterfaceLine + "wg1\t" + kPeerLine),
              HasSubstr("a peer of none"));
  EXPECT_THAT(ErrorOf("\t" + kInterfaceLine), HasSubstr("has no name"));
}

TEST(WgDump, RefusesEachWrongField) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"x\t(none)\t(none)\t(none)\t0\t0\t0\toff", "public key"},
      {"(none)\t(none)\t(none)\t(none)\t0\t0\t0\toff", "public key"},
      {kKey2 + "\t(none)\thome:1\t(none)\t0\t0\t0\toff", "endpoint"},
      {kKey2 + "\t(none)\t(none)\t10.0.0.0/33\t0\t0\t0\toff", "allowed IPs"},
      {kKey2 + "\t(none)\t(none)\t\t0\t0\t0\toff", "allowed IPs"},
      {kKey2 + "\t(none)\t(none)\t(none)\t-1\t0\t0\toff", "latest handshake"},
      {kKey2 + "\t(none)\t(none)\t(none)\t99999999999999\t0\t0\toff",
       "latest handshake"},
      {kKey2 + "\t(none)\t(none)\t(none)\t0\tx\t0\toff", "transfer"},
      {kKey2 + "\t(none)\t(none)\t(none)\t0\t0\t0\t70000", "keepalive"},
      {kKey2 + "\t(none)\t(none)", "number of fields"},
  };
  for (const auto& [line, field] : cases) {
    EXPECT_THAT(ErrorOf(kInterfaceLine + line + "\n"), HasSubstr(field))
        << line;
  }
  EXPECT_THAT(ErrorOf(kKey1 + "\tx\t1\toff\n"), HasSubstr("public key"));
  EXPECT_THAT(ErrorOf(kKey1 + "\t" + kKey1 + "\t65536\toff\n"),
              HasSubstr("listen port"));
}

TEST(WgDump, WritesWhatItReads) {
  const std::string text = "wg0\t" + kInterfaceLine + "wg0\t" + kPeerLine +
                           "wg1\t(none)\t(none)\t0\toff\n";
  const auto dump = ParseWgDump(text);
  ASSERT_TRUE(dump);
  const std::string written = FormatWgDump(*dump);
  EXPECT_EQ(written.find(kKey3), std::string::npos);  // no secret
  EXPECT_EQ(*ParseWgDump(written), *dump);
}

}  // namespace
}  // namespace natkit::mesh
