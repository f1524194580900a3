// Proves that a freshly built BoringSSL does what natkit needs of it: the data
// path's AEAD, HMAC, an Ed25519 certificate, and TLS 1.3 through memory only.

#include <openssl/aead.h>
#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

void Check(bool claim, const char* what) {
  if (!claim) {
    std::fprintf(stderr, "boringssl selfcheck: %s\n", what);
    std::exit(1);
  }
}

void CheckAead() {
  const std::array<uint8_t, 32> key{1};
  const std::array<uint8_t, 12> nonce{2};
  const std::array<uint8_t, 20> message{3};
  std::array<uint8_t, 36> sealed{};
  std::array<uint8_t, 20> opened{};
  size_t size = 0;

  bssl::ScopedEVP_AEAD_CTX context;
  Check(EVP_AEAD_CTX_init(context.get(), EVP_aead_chacha20_poly1305(),
                          key.data(), key.size(), EVP_AEAD_DEFAULT_TAG_LENGTH, nullptr) == 1,
        "AEAD init");
  Check(EVP_AEAD_CTX_seal(context.get(), sealed.data(), &size, sealed.size(), nonce.data(),
                          nonce.size(), message.data(), message.size(), nullptr, 0) == 1,
        "AEAD seal");
  Check(size == sealed.size(), "AEAD sealed size");
  Check(EVP_AEAD_CTX_open(context.get(), opened.data(), &size, opened.size(), nonce.data(),
                          nonce.size(), sealed.data(), sealed.size(), nullptr, 0) == 1,
        "AEAD open");
  Check(size == message.size() && opened == message, "AEAD round trip");

  sealed[7] ^= 1;
  Check(EVP_AEAD_CTX_open(context.get(), opened.data(), &size, opened.size(), nonce.data(),
                          nonce.size(), sealed.data(), sealed.size(), nullptr, 0) == 0,
        "AEAD took a forged message");
}

// RFC 2202, section 3, test case 2.
void CheckHmac() {
  constexpr std::string_view kKey = "Jefe";
  constexpr std::string_view kData = "what do ya want for nothing?";
  constexpr std::array<uint8_t, 20> kExpected{0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f,
                                              0xa2, 0xd2, 0x74, 0x16, 0xd5, 0xf1, 0x84,
                                              0xdf, 0x9c, 0x25, 0x9a, 0x7c, 0x79};
  std::array<uint8_t, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  Check(HMAC(EVP_sha1(), kKey.data(), kKey.size(), reinterpret_cast<const uint8_t*>(kData.data()),
             kData.size(), mac.data(), &size) != nullptr,
        "HMAC");
  Check(size == kExpected.size() && std::memcmp(mac.data(), kExpected.data(), size) == 0,
        "HMAC-SHA1 vector");
}

struct Identity {
  bssl::UniquePtr<EVP_PKEY> key;
  bssl::UniquePtr<X509> certificate;
};

Identity NewIdentity() {
  EVP_PKEY* raw_key = nullptr;
  const bssl::UniquePtr<EVP_PKEY_CTX> generator(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
  Check(generator && EVP_PKEY_keygen_init(generator.get()) == 1 &&
            EVP_PKEY_keygen(generator.get(), &raw_key) == 1,
        "Ed25519 key");
  Identity identity{bssl::UniquePtr<EVP_PKEY>(raw_key), bssl::UniquePtr<X509>(X509_new())};

  X509* certificate = identity.certificate.get();
  X509_NAME* name = X509_get_subject_name(certificate);
  Check(X509_set_version(certificate, X509_VERSION_3) == 1 &&
            ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
            X509_gmtime_adj(X509_getm_notBefore(certificate), -60) != nullptr &&
            X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) != nullptr &&
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                       reinterpret_cast<const uint8_t*>("natkit"), -1, -1, 0) == 1,
        "certificate fields");
  Check(X509_set_issuer_name(certificate, name) == 1 &&
            X509_set_pubkey(certificate, raw_key) == 1 &&
            X509_sign(certificate, raw_key, nullptr) > 0 &&
            X509_verify(certificate, raw_key) == 1,
        "Ed25519 certificate");
  return identity;
}

bssl::UniquePtr<SSL_CTX> NewContext() {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  constexpr uint16_t kSignatures[] = {SSL_SIGN_ED25519};
  Check(context && SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1 &&
            SSL_CTX_set_verify_algorithm_prefs(context.get(), kSignatures, 1) == 1,
        "TLS context");
  return context;
}

bssl::UniquePtr<SSL> NewEnd(SSL_CTX* context) {
  bssl::UniquePtr<SSL> end(SSL_new(context));
  Check(end != nullptr, "SSL_new");
  SSL_set_bio(end.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  return end;
}

void Move(const SSL* from, const SSL* to) {
  std::array<uint8_t, 4096> buffer{};
  for (int n = 0; (n = BIO_read(SSL_get_wbio(from), buffer.data(), buffer.size())) > 0;) {
    Check(BIO_write(SSL_get_rbio(to), buffer.data(), n) == n, "memory BIO");
  }
}

void CheckTls() {
  const Identity identity = NewIdentity();
  const auto server_context = NewContext();
  const auto client_context = NewContext();
  Check(SSL_CTX_use_certificate(server_context.get(), identity.certificate.get()) == 1 &&
            SSL_CTX_use_PrivateKey(server_context.get(), identity.key.get()) == 1,
        "server identity");
  Check(X509_STORE_add_cert(SSL_CTX_get_cert_store(client_context.get()),
                            identity.certificate.get()) == 1,
        "client trust");
  SSL_CTX_set_verify(client_context.get(), SSL_VERIFY_PEER, nullptr);

  const auto server = NewEnd(server_context.get());
  const auto client = NewEnd(client_context.get());
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  for (int flight = 0; flight < 4; ++flight) {
    SSL_do_handshake(client.get());
    Move(client.get(), server.get());
    SSL_do_handshake(server.get());
    Move(server.get(), client.get());
  }
  Check(SSL_in_init(client.get()) == 0 && SSL_in_init(server.get()) == 0, "TLS handshake");
  Check(SSL_version(client.get()) == TLS1_3_VERSION, "TLS version");
  Check(SSL_get_verify_result(client.get()) == X509_V_OK, "certificate verification");

  std::array<char, 6> received{};
  Check(SSL_write(client.get(), "natkit", 6) == 6, "TLS write");
  Move(client.get(), server.get());
  Check(SSL_read(server.get(), received.data(), received.size()) == 6 &&
            std::string_view(received.data(), 6) == "natkit",
        "TLS read");
}

}  // namespace

// The one symbol that the shared form of this check exports.
extern "C" __attribute__((visibility("default"))) int natkit_boringssl_selfcheck() {
  CheckAead();
  CheckHmac();
  CheckTls();
  return 0;
}

int main() {  // NOLINT(misc-use-internal-linkage)
  return natkit_boringssl_selfcheck();
}
