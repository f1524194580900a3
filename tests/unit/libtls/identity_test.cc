#include "natkit/tls/identity.h"

#include <gtest/gtest.h>

#include <string>

#include "natkit/tls/certificate.h"
#include "tls_testing.h"

namespace natkit::tls {
namespace {

using testing::kToday;
using testing::MetaCertificate;
using testing::Root;
using testing::ServerSpec;

TEST(Identity, SurvivesThePemRoundTrip) {
  const auto made = Identity::SelfSigned(ServerSpec("relay.example")).value();
  const auto read =
      Identity::FromPem(made.ChainPem(), made.ExposePrivateKeyPem());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->chain(), made.chain());
  EXPECT_EQ(read->pin(), made.pin());
}

TEST(Identity, TellsWhatIsWrongWithPemFiles) {
  const auto a = Identity::SelfSigned(ServerSpec("a.example")).value();
  const auto b = Identity::SelfSigned(ServerSpec("b.example")).value();
  const std::string key = a.ExposePrivateKeyPem();
  EXPECT_EQ(Identity::FromPem("", key).error().code, Errc::kBadCertificate);
  EXPECT_EQ(Identity::FromPem(key, key).error().code, Errc::kBadCertificate);
  EXPECT_EQ(Identity::FromPem(a.ChainPem(), "").error().code,
            Errc::kBadPrivateKey);
  EXPECT_EQ(Identity::FromPem(a.ChainPem(), a.ChainPem()).error().code,
            Errc::kBadPrivateKey);
  EXPECT_EQ(Identity::FromPem(b.ChainPem(), key).error().code,
            Errc::kKeyMismatch);
  const std::string cut = a.ChainPem().substr(0, a.ChainPem().size() / 2);
  EXPECT_EQ(Identity::FromPem(cut, key).error().code, Errc::kBadCertificate);
}

TEST(Identity, KeepsTheOrderOfAPemChain) {
  const auto leaf = Root().Issue(ServerSpec("relay.example")).value();
  const auto read = Identity::FromPem(leaf.ChainPem() + Root().ChainPem(),
                                      leaf.ExposePrivateKeyPem());
  ASSERT_TRUE(read);
  ASSERT_EQ(read->chain().size(), 2U);
  EXPECT_EQ(read->chain()[0], leaf.chain()[0]);
  EXPECT_EQ(read->chain()[1], Root().chain()[0]);
}

TEST(ParseCertificate, ReadsWhatWasAskedFor) {
  const auto identity =
      Identity::SelfSigned(ServerSpec("relay.example")).value();
  const auto info = ParseCertificate(identity.chain().front());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->common_name, "relay.example");
  EXPECT_EQ(info->not_before, kToday - std::chrono::hours(1));
  EXPECT_EQ(info->not_after, kToday + std::chrono::days(365));
  EXPECT_FALSE(info->is_authority);
  EXPECT_TRUE(ParseCertificate(Root().chain().front())->is_authority);
}

TEST(ParseCertificate, ReadsACommonNameOverThe64OfX509) {
  const auto info = ParseCertificate(MetaCertificate());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->common_name, "derpkey" + std::string(64, 'a'));
  EXPECT_EQ(info->serial, std::vector<uint8_t>{2});
  EXPECT_EQ(info->extension_count, 1U);
}

TEST(ParseCertificate, RefusesEveryPrefixAndTrailingBytes) {
  Der der = Root().chain().front();
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(ParseCertificate(ByteView(der).first(size))) << size;
  }
  der.push_back(0);
  EXPECT_FALSE(ParseCertificate(der));
}

TEST(CertificatePin, HasATextForm) {
  const CertificatePin pin = Root().pin();
  EXPECT_EQ(CertificatePin::Parse(pin.ToString()), pin);
  EXPECT_TRUE(pin.ToString().starts_with("sha256-raw:"));
  EXPECT_FALSE(CertificatePin::Parse("sha256-raw:"));
  EXPECT_FALSE(CertificatePin::Parse(std::string(64, 'a')));
}

}  // namespace
}  // namespace natkit::tls
