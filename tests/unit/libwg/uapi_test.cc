#include "natkit/wg/uapi.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "natkit/base/encoding.h"

namespace natkit::wg {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPrivate =
    "e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a";
constexpr std::string_view kPeer1 =
    "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33";
constexpr std::string_view kPeer2 =
    "58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376";
constexpr std::string_view kPsk =
    "188515093e952f5f22e865cef3012e72f8b5f0b598ac0309d5dacce3b70fcf52";

std::string FullSet() {
  std::string text = "set=1\n";
  text.append("private_key=").append(kPrivate).append("\n");
  text += "fwmark=51\nlisten_port=12912\nreplace_peers=true\n";
  text.append("public_key=").append(kPeer1).append("\n");
  text.append("preshared_key=").append(kPsk).append("\n");
  text += "replace_allowed_ips=true\nallowed_ip=192.168.4.4/32\n";
  text += "allowed_ip=fd00::/8\nendpoint=[2607:5300:60:6b0::c05f:543]:2468\n";
  text += "protocol_version=1\npersistent_keepalive_interval=111\n";
  text.append("public_key=").append(kPeer2).append("\n");
  text += "update_only=true\nremove=true\n\n";
  return text;
}

/// `lines` below one peer's public_key.
std::string PeerText(std::string_view lines) {
  return std::string("public_key=").append(kPeer1).append("\n").append(lines);
}

TEST(Uapi, ParsesEveryKeyOfASetOperation) {
  const auto parsed = ParseSet(FullSet());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(ToHex(parsed->private_key->Expose()), kPrivate);
  EXPECT_EQ(parsed->fwmark, 51U);
  EXPECT_EQ(parsed->listen_port, 12912);
  EXPECT_TRUE(parsed->replace_peers);
  ASSERT_EQ(parsed->peers.size(), 2U);
  const PeerUpdate& one = parsed->peers[0];
  EXPECT_EQ(one.public_key.ToHex(), kPeer1);
  EXPECT_EQ(ToHex(one.preshared_key->Expose()), kPsk);
  EXPECT_TRUE(one.replace_allowed_ips);
  ASSERT_EQ(one.allowed_ips.size(), 2U);
  EXPECT_EQ(one.allowed_ips[1].ToString(), "fd00::/8");
  EXPECT_EQ(one.endpoint->ToString(), "[2607:5300:60:6b0::c05f:543]:2468");
  EXPECT_EQ(one.persistent_keepalive, 111s);
  EXPECT_TRUE(parsed->peers[1].update_only);
  EXPECT_TRUE(parsed->peers[1].remove);
}

TEST(Uapi, SetThenGetShowsTheSameConfiguration) {
  SeededRng rng(1);
  Device device({}, rng);
  std::string request = FullSet();
  EXPECT_EQ(HandleUapiRequest({}, device, request).Expose(), "errno=0\n\n");
  EXPECT_TRUE(request.empty()) << "it holds the private key";
  request = "get=1\n\n";
  std::string expected;
  expected.append("private_key=").append(kPrivate).append("\n");
  expected += "listen_port=12912\nfwmark=51\n";
  expected.append("public_key=").append(kPeer1).append("\n");
  expected.append("preshared_key=").append(kPsk).append("\n");
  expected += "protocol_version=1\n";
  expected += "endpoint=[2607:5300:60:6b0::c05f:543]:2468\n";
  expected += "last_handshake_time_sec=0\nlast_handshake_time_nsec=0\n";
  expected += "tx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=111\n";
  expected += "allowed_ip=192.168.4.4/32\nallowed_ip=fd00::/8\nerrno=0\n\n";
  EXPECT_EQ(HandleUapiRequest({}, device, request).Expose(), expected);
}

TEST(Uapi, RefusesWhatTheProtocolDoesNotKnowWithTheLinesOffset) {
  const std::string good = PeerText("");
  for (const std::string_view line :
       {"nonsense", "unknown=1", "remove=false", "allowed_ip=10.0.0.0/33",
        "allowed_ip=-10.0.0.0/8", "endpoint=example.org:1", "endpoint=1.2.3.4",
        "persistent_keepalive_interval=65536",
        "persistent_keepalive_interval=-1", "preshared_key=00",
        "protocol_version=2", "listen_port=1", "public_key=xyz", "",
        "fwmark=1"}) {
    const auto parsed = ParseSet(good + std::string(line) + "\nremove=true\n");
    ASSERT_FALSE(parsed) << line;
    EXPECT_EQ(parsed.error().code, Errc::kBadConfig);
    EXPECT_EQ(parsed.error().offset, good.size()) << line;
  }
  for (const std::string_view line :
       {"listen_port=65536", "listen_port=", "fwmark=4294967296",
        "allowed_ip=10.0.0.0/8", "replace_peers=1", "private_key=0"}) {
    EXPECT_FALSE(ParseSet(line)) << line;
  }
}

TEST(Uapi, AFailedParseChangesNothing) {
  SeededRng rng(1);
  Device device({}, rng);
  std::string request = "set=1\nlisten_port=7\nfwmark=x\n\n";
  EXPECT_EQ(HandleUapiRequest({}, device, request).Expose(), "errno=-22\n\n");
  EXPECT_EQ(device.listen_port(), 0);
  request = "delete=1\n\n";
  EXPECT_EQ(HandleUapiRequest({}, device, request).Expose(), "errno=-22\n\n");
}

TEST(Uapi, FailuresAreNegatedPosixNumbers) {
  EXPECT_EQ(FormatSetResult({}), "errno=0\n\n");
  EXPECT_EQ(FormatSetResult(Fail(Errc::kBadConfig)), "errno=-22\n\n");
  EXPECT_EQ(FormatSetResult(Fail(Errc::kAddressInUse)), "errno=-98\n\n");
  EXPECT_EQ(FormatSetResult(Fail(Errc::kPermissionDenied)), "errno=-1\n\n");
}

TEST(Uapi, SkipsOurselfAndKeepsWhatIsNotMentioned) {
  SeededRng rng(1);
  Device device({.max_peers = 1}, rng);
  std::string request = FullSet();
  (void)HandleUapiRequest({}, device, request);
  request = "set=1\npublic_key=" + device.public_key().ToHex() +
            "\nallowed_ip=10.0.0.0/8\n\n";
  EXPECT_EQ(HandleUapiRequest({}, device, request).Expose(), "errno=0\n\n");
  EXPECT_EQ(device.peer_count(), 1U);
  request =
      "set=1\n" + PeerText("update_only=true\nallowed_ip=10.1.0.0/16\n\n");
  EXPECT_EQ(HandleUapiRequest({}, device, request).Expose(), "errno=0\n\n");
  const PeerStatus peer = device.ListPeers().at(0);
  EXPECT_EQ(peer.allowed_ips.size(), 3U);
  EXPECT_EQ(peer.persistent_keepalive, 111s);
  EXPECT_TRUE(peer.has_preshared_key);
  request = "set=1\npublic_key=" + std::string(kPeer2) + "\n\n";
  EXPECT_EQ(HandleUapiRequest({}, device, request).Expose(), "errno=-28\n\n");
}

TEST(Uapi, AllZeroKeysTakeThemAway) {
  SeededRng rng(1);
  Device device({}, rng);
  std::string request = FullSet();
  (void)HandleUapiRequest({}, device, request);
  const std::string zeros(64, '0');
  request = "set=1\nprivate_key=" + zeros + "\n" +
            PeerText("preshared_key=" + zeros + "\n\n");
  EXPECT_EQ(HandleUapiRequest({}, device, request).Expose(), "errno=0\n\n");
  EXPECT_EQ(device.private_key(), nullptr);
  EXPECT_FALSE(device.ListPeers().at(0).has_preshared_key);
}

}  // namespace
}  // namespace natkit::wg
