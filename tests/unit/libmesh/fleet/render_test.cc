#include "natkit/mesh/fleet/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fleet_support.h"

namespace natkit::mesh {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

FleetFiles Render(const std::string& text, const FleetSecrets& secrets = {}) {
  return RenderFleet(PlanFleet(FleetFileOf(text)), secrets);
}

std::string TextOf(const FleetFiles& files, const std::string& path) {
  const auto found = std::ranges::find(files.files, path, &FleetFile::path);
  return found != files.files.end() ? found->text : "no " + path;
}

std::vector<std::string> Paths(const FleetFiles& files) {
  std::vector<std::string> out;
  for (const FleetFile& file : files.files) {
    out.push_back(file.path);
  }
  return out;
}

const std::string kTwoNodes =
    "[fleet]\n" + FleetNodeText("a", 1, EndpointText(1)) +
    FleetNodeText("b", 2, "routes = [\"192.168.7.0/24\"]\n");

/// A private key, and its public key.
struct KeyPair {
  StaticPrivateKey secret;
  PublicKey shown;
};

KeyPair MakeKeyPair(uint8_t number) {
  std::array<uint8_t, 32> bytes{};
  bytes.fill(number);
  KeyPair pair{StaticPrivateKey(bytes), {}};
  pair.shown = DerivePublicKey(pair.secret);
  return pair;
}

TEST(RenderFleet, WritesAFileForWgQuick) {
  const FleetFiles files = Render(kTwoNodes);
  EXPECT_THAT(Texts(files.diagnostics), IsEmpty());
  EXPECT_THAT(Paths(files), ElementsAre("a/wg0.conf", "a/apply.sh",
                                        "b/wg0.conf", "b/apply.sh"));
  EXPECT_EQ(
      TextOf(files, "b/wg0.conf"),
      "# Node \"b\". Made from the mesh file by `meshnode render`; changes "
      "here will be lost.\n"
      "[Interface]\n"
      "Address = 10.77.0.2/32\n"
      "MTU = 1420\n"
      "PostUp = wg set %i private-key /etc/wireguard/b.key\n"
      "PostUp = sysctl -q -w net.ipv4.ip_forward=1\n"
      "PostUp = sysctl -q -w net.ipv6.conf.all.forwarding=1\n"
      "\n[Peer]\n# a\n"
      "PublicKey = AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
      "AllowedIPs = 10.77.0.1/32\n"
      "Endpoint = 192.0.2.1:51820\n"
      "PersistentKeepalive = 25\n");
  const std::string a = TextOf(files, "a/wg0.conf");
  EXPECT_THAT(a, HasSubstr("ListenPort = 51820\n"));
  EXPECT_THAT(a, HasSubstr("AllowedIPs = 10.77.0.2/32, 192.168.7.0/24\n"));
  EXPECT_THAT(a, Not(HasSubstr("Endpoint")));
  EXPECT_THAT(a, Not(HasSubstr("PersistentKeepalive")));
  EXPECT_THAT(a, Not(HasSubstr("sysctl")));
}

TEST(RenderFleet, NamesOfHostsAreWrittenAsTheyAre) {
  const FleetFiles files = Render(
      "[fleet]\ninterface = \"office\"\nkey_dir = \"/srv/wg\"\n" +
      FleetNodeText("a", 1, "endpoint_name = \"vpn.example.net:500\"\n") +
      FleetNodeText("b", 2));
  const std::string text = TextOf(files, "b/office.conf");
  EXPECT_THAT(text, HasSubstr("Endpoint = vpn.example.net:500\n"));
  EXPECT_THAT(text, HasSubstr("private-key /srv/wg/b.key\n"));
}

TEST(RenderFleet, PutsPrivateKeysInOnRequest) {
  const KeyPair pair = MakeKeyPair(7);
  MeshFile file = FleetFileOf(kTwoNodes);
  file.nodes[1].public_key = pair.shown;
  FleetSecrets secrets;
  secrets.private_keys.emplace("b", pair.secret.Clone());
  const FleetFiles files = RenderFleet(PlanFleet(file), secrets);
  EXPECT_THAT(Texts(files.diagnostics), IsEmpty());
  const std::string b = TextOf(files, "b/wg0.conf");
  EXPECT_THAT(
      b, HasSubstr("PrivateKey = " + ToBase64(pair.secret.Expose()) + "\n"));
  EXPECT_THAT(b, Not(HasSubstr("private-key")));
  EXPECT_THAT(TextOf(files, "a/wg0.conf"), Not(HasSubstr("PrivateKey")));
}

TEST(RenderFleet, RefusesTheWrongPrivateKey) {
  FleetSecrets secrets;
  secrets.private_keys.emplace("b", MakeKeyPair(7).secret.Clone());
  EXPECT_THAT(Texts(Render(kTwoNodes, secrets).diagnostics),
              ElementsAre(HasSubstr("error 0 b.key is not the private key")));
}

TEST(RenderFleet, BothEndsOfAPairGetItsPresharedKey) {
  std::array<uint8_t, 32> bytes{};
  bytes.fill(9);
  FleetSecrets secrets;
  secrets.preshared_keys.emplace(MakeFleetPair("b", "a"), PresharedKey(bytes));
  const FleetFiles files =
      Render(kTwoNodes + FleetNodeText("c", 3, EndpointText(3)), secrets);
  const std::string line = "PresharedKey = " + ToBase64(bytes) + "\n";
  EXPECT_THAT(TextOf(files, "a/wg0.conf"), HasSubstr(line));
  EXPECT_THAT(TextOf(files, "b/wg0.conf"), HasSubstr(line));
  EXPECT_THAT(TextOf(files, "c/wg0.conf"), Not(HasSubstr("PresharedKey")));
  EXPECT_THAT(Texts(files.diagnostics),
              ElementsAre("warning 0 \"a\" and \"c\" have no preshared key",
                          "warning 0 \"b\" and \"c\" have no preshared key"));
}

TEST(RenderFleet, TheScriptTakesNoKeyForAPrefix) {
  // The first column of wg's answer is a key, and half of all keys have a "/".
  EXPECT_THAT(TextOf(Render(kTwoNodes), "a/apply.sh"),
              HasSubstr("allowed-ips | cut -f 2 |"));
}

TEST(RenderFleet, TheScriptClearsPresharedKeysThatTheFileDoesNotHave) {
  EXPECT_THAT(TextOf(Render(kTwoNodes), "a/apply.sh"),
              HasSubstr("print \"PresharedKey = \" none"));
}

TEST(RenderFleet, TheScriptTakesTheKeyFromItsFile) {
  const std::string script = TextOf(Render(kTwoNodes), "a/apply.sh");
  EXPECT_THAT(script, HasSubstr("key=/etc/wireguard/a.key\n"));
  EXPECT_THAT(script, HasSubstr(TestKey(1).ToBase64()));
  EXPECT_THAT(script, HasSubstr("wg syncconf wg0 \"$sync\""));
  EXPECT_THAT(script, Not(HasSubstr("@")));
}

}  // namespace
}  // namespace natkit::mesh
