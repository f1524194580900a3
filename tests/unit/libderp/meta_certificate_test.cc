#include "natkit/derp/meta_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "vectors.h"

namespace natkit::derp {
namespace {

using testing::Hex;
using testing::ServerPublic;
using Bytes = std::vector<uint8_t>;

// 2026-08-22 00:00:00 UTC
constexpr std::chrono::sys_seconds kToday{std::chrono::seconds{1787356800}};

Bytes Build() {
  SeededRng rng(1);
  return BuildMetaCertificate(ServerPublic(), kToday, rng).value();
}

bssl::UniquePtr<X509> Parse(const Bytes& der) {
  const uint8_t* position = der.data();
  return bssl::UniquePtr<X509>(
      d2i_X509(nullptr, &position, static_cast<long>(der.size())));
}

std::optional<MetaCertificate> Find(std::initializer_list<ByteView> chain) {
  return FindMetaCertificate(std::vector<ByteView>(chain));
}

TEST(MetaCertificate, SaysTheServerKeyInItsName) {
  const bssl::UniquePtr<X509> certificate = Parse(Build());
  ASSERT_TRUE(certificate);
  char name[128];
  const X509_NAME* const subject = X509_get_subject_name(certificate.get());
  ASSERT_GT(
      X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof(name)),
      0);
  EXPECT_EQ(std::string(name),
            "derpkey" + std::string(testing::kServerPublicHex));
  EXPECT_EQ(X509_NAME_entry_count(subject), 1U);
  EXPECT_EQ(X509_NAME_cmp(subject, X509_get_issuer_name(certificate.get())), 0);
}

TEST(MetaCertificate, IsAVersion3CertificateSignedByItself) {
  const bssl::UniquePtr<X509> certificate = Parse(Build());
  ASSERT_TRUE(certificate);
  EXPECT_EQ(X509_get_version(certificate.get()), 2);
  EXPECT_EQ(ASN1_INTEGER_get(X509_get0_serialNumber(certificate.get())), 2);
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate.get()));
  ASSERT_TRUE(key);
  EXPECT_EQ(EVP_PKEY_id(key.get()), EVP_PKEY_ED25519);
  EXPECT_EQ(X509_verify(certificate.get(), key.get()), 1);
}

TEST(MetaCertificate, HasBasicConstraintsAndNoOtherExtension) {
  const bssl::UniquePtr<X509> certificate = Parse(Build());
  ASSERT_TRUE(certificate);
  ASSERT_EQ(X509_get_ext_count(certificate.get()), 1);
  int critical = 0;
  const bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(
      static_cast<BASIC_CONSTRAINTS*>(X509_get_ext_d2i(
          certificate.get(), NID_basic_constraints, &critical, nullptr)));
  ASSERT_TRUE(constraints);
  EXPECT_EQ(constraints->ca, 0);
  EXPECT_EQ(critical, 1);
}

TEST(MetaCertificate, IsValidThirtyDaysToEachSide) {
  const bssl::UniquePtr<X509> certificate = Parse(Build());
  ASSERT_TRUE(certificate);
  const auto at = [](std::chrono::sys_seconds time) {
    return std::chrono::system_clock::to_time_t(time);
  };
  const ASN1_TIME* const before = X509_get0_notBefore(certificate.get());
  const ASN1_TIME* const after = X509_get0_notAfter(certificate.get());
  const bssl::UniquePtr<ASN1_TIME> first(
      ASN1_TIME_set(nullptr, at(kToday - std::chrono::days(30))));
  const bssl::UniquePtr<ASN1_TIME> last(
      ASN1_TIME_set(nullptr, at(kToday + std::chrono::days(30))));
  EXPECT_EQ(ASN1_STRING_cmp(before, first.get()), 0);
  EXPECT_EQ(ASN1_STRING_cmp(after, last.get()), 0);
}

TEST(MetaCertificate, IsFoundBehindOtherCertificates) {
  const Bytes meta = Build();
  const Bytes garbage = {0x30, 0x03, 0x01};
  EXPECT_EQ(Find({garbage, {}, meta}), (MetaCertificate{ServerPublic(), 2}));
  EXPECT_EQ(Find({meta, garbage}), (MetaCertificate{ServerPublic(), 2}));
  EXPECT_EQ(Find({garbage}), std::nullopt);
  EXPECT_EQ(Find({}), std::nullopt);
}

TEST(MetaCertificate, PassesOverNamesAndSerialsThatDoNotFit) {
  const Bytes good = Build();
  const auto replaced = [&good](std::string_view from, std::string_view to) {
    std::string text(AsText(good));
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;) {
      text.replace(at, from.size(), to);
    }
    return Bytes(text.begin(), text.end());
  };
  EXPECT_EQ(Find({replaced("derpkey07", "derpkez07")}), std::nullopt);
  EXPECT_EQ(Find({replaced("derpkey07", "derpkeyx7")}), std::nullopt);
  const std::string zeros(64, '0');
  EXPECT_EQ(Find({replaced(testing::kServerPublicHex, zeros)}), std::nullopt);
  // INTEGER 2 just after the version: a0 03 02 01 02, 02 01 02.
  const std::string serial = "\xa0\x03\x02\x01\x02\x02\x01\x02";
  std::string other = serial;
  other.back() = '\x07';
  EXPECT_EQ(Find({replaced(serial, other)}),
            (MetaCertificate{ServerPublic(), 7}));
  other.back() = '\0';
  EXPECT_EQ(Find({replaced(serial, other)}), std::nullopt);
  other.back() = '\x80';  // negative
  EXPECT_EQ(Find({replaced(serial, other)}), std::nullopt);
}

TEST(MetaCertificate, DiffersWithTheThrowAwayKey) {
  SeededRng rng(2);
  const auto other = BuildMetaCertificate(ServerPublic(), kToday, rng);
  ASSERT_TRUE(other);
  EXPECT_NE(*other, Build());
}

}  // namespace
}  // namespace natkit::derp
