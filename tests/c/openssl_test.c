/* A program that has OpenSSL 3 and natkit: both TLS stacks at work in one
 * process, with themselves and with each other. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"

/* 2026-01-01: certificates of the tests are made for this day. */
static const uint64_t kToday = 1767225600;
static const char kHost[] = "relay.example";

static char chain_pem[NATKIT_TLS_PEM_SIZE];
static char key_pem[NATKIT_TLS_PEM_SIZE];
static char pin[NATKIT_TLS_PIN_SIZE];

/* What OpenSSL allocates: nothing of natkit's may come by. */
static long openssl_blocks;

static void* CountedMalloc(size_t size, const char* file, int line) {
  (void)file;
  (void)line;
  ++openssl_blocks;
  return malloc(size);
}

static void* CountedRealloc(void* memory, size_t size, const char* file,
                            int line) {
  (void)file;
  (void)line;
  ++openssl_blocks;
  return realloc(memory, size);
}

static void CountedFree(void* memory, const char* file, int line) {
  (void)file;
  (void)line;
  free(memory);
}

/* One end of a connection, of one of the two libraries. */
struct end {
  SSL* openssl;
  natkit_tls_channel* natkit;
};

static X509* Certificate(void) {
  BIO* const text = BIO_new_mem_buf(chain_pem, -1);
  X509* const certificate = PEM_read_bio_X509(text, NULL, NULL, NULL);
  CHECK(certificate != NULL);
  BIO_free(text);
  return certificate;
}

static void ServeAs(SSL_CTX* context) {
  X509* const certificate = Certificate();
  BIO* const text = BIO_new_mem_buf(key_pem, -1);
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(text, NULL, NULL, NULL);
  CHECK_EQ(SSL_CTX_use_certificate(context, certificate), 1);
  CHECK_EQ(SSL_CTX_use_PrivateKey(context, key), 1);
  EVP_PKEY_free(key);
  BIO_free(text);
  X509_free(certificate);
}

static void Trust(SSL_CTX* context) {
  X509* const certificate = Certificate();
  CHECK_EQ(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate),
           1);
  X509_free(certificate);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context), (time_t)kToday);
}

static struct end OpensslEnd(int is_client, int version) {
  SSL_CTX* const context =
      SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
  CHECK(context != NULL);
  CHECK_EQ(SSL_CTX_set_max_proto_version(context, version), 1);
  if (is_client) {
    Trust(context);
  } else {
    ServeAs(context);
  }
  struct end end = {SSL_new(context), NULL};
  CHECK(end.openssl != NULL);
  SSL_set_bio(end.openssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (is_client) {
    CHECK_EQ(SSL_set1_host(end.openssl, kHost), 1);
    SSL_set_connect_state(end.openssl);
  } else {
    SSL_set_accept_state(end.openssl);
  }
  SSL_CTX_free(context);
  return end;
}

static struct end NatkitClient(const char* certificate_name) {
  struct end end = {NULL, NULL};
  natkit_tls_context* context = NULL;
  natkit_tls_client_config config;
  natkit_init(&config);
  config.verification_time_s = kToday;
  CHECK_EQ(natkit_tls_context_new_client(&config, &context), 0);
  CHECK_EQ(
      natkit_tls_channel_connect(context, kHost, certificate_name, &end.natkit),
      0);
  natkit_tls_context_free(context);
  return end;
}

static struct end NatkitServer(void) {
  struct end end = {NULL, NULL};
  natkit_tls_context* context = NULL;
  natkit_tls_server_config config;
  natkit_init(&config);
  config.chain_pem = chain_pem;
  config.key_pem = key_pem;
  CHECK_EQ(natkit_tls_context_new_server(&config, &context), 0);
  CHECK_EQ(natkit_tls_channel_accept(context, &end.natkit), 0);
  natkit_tls_context_free(context);
  return end;
}

static void Free(struct end* end) {
  SSL_free(end->openssl);
  natkit_tls_channel_free(end->natkit);
}

static int IsDone(const struct end* end) {
  return end->openssl != NULL
             ? SSL_is_init_finished(end->openssl)
             : natkit_tls_channel_is_handshake_done(end->natkit);
}

/* Bytes of ciphertext that wait, at most `size`. */
static int Take(const struct end* end, uint8_t* out, int size) {
  if (end->natkit != NULL) {
    return natkit_tls_channel_read_ciphertext(end->natkit, out, (size_t)size);
  }
  if (!SSL_is_init_finished(end->openssl)) {
    SSL_do_handshake(end->openssl);
    ERR_clear_error();
  }
  const int taken = BIO_read(SSL_get_wbio(end->openssl), out, size);
  return taken > 0 ? taken : 0;
}

static int Give(const struct end* end, const uint8_t* data, int size) {
  if (end->natkit != NULL) {
    return natkit_tls_channel_handle_ciphertext(end->natkit, data,
                                                (size_t)size);
  }
  CHECK_EQ(BIO_write(SSL_get_rbio(end->openssl), data, size), size);
  return 0;
}

/* One way, as much as there is; the first failure or 0. */
static int Carry(const struct end* from, const struct end* to) {
  uint8_t bytes[4096];
  for (;;) {
    const int size = Take(from, bytes, sizeof bytes);
    if (size == 0) {
      return 0;
    }
    const int result = Give(to, bytes, size);
    if (result != 0) {
      return result;
    }
  }
}

static void Write(const struct end* end, const char* text) {
  const int size = (int)strlen(text);
  CHECK_EQ(end->natkit != NULL ? natkit_tls_channel_write_plaintext(
                                     end->natkit, text, (size_t)size)
                               : SSL_write(end->openssl, text, size),
           size);
}

static void CheckReads(const struct end* end, const char* text) {
  char got[64] = "";
  const int size = (int)strlen(text);
  CHECK_EQ(end->natkit != NULL ? natkit_tls_channel_read_plaintext(
                                     end->natkit, got, sizeof got - 1)
                               : SSL_read(end->openssl, got, sizeof got - 1),
           size);
  CHECK(strcmp(got, text) == 0);
}

static void Shake(const struct end* client, const struct end* server) {
  for (int i = 0; i < 4; ++i) {
    CHECK_EQ(Carry(client, server), 0);
    CHECK_EQ(Carry(server, client), 0);
  }
  CHECK_EQ(IsDone(client), 1);
  CHECK_EQ(IsDone(server), 1);
}

static void Talk(const struct end* client, const struct end* server) {
  Write(client, "a question");
  CHECK_EQ(Carry(client, server), 0);
  CheckReads(server, "a question");
  Write(server, "an answer");
  CHECK_EQ(Carry(server, client), 0);
  CheckReads(client, "an answer");
}

static void OpensslIsTheSystems(void) {
  CHECK(strncmp(OpenSSL_version(OPENSSL_VERSION), "OpenSSL 3", 9) == 0);
  CHECK_EQ(OPENSSL_version_major(), 3);
}

static void OpensslClientsTalkToNatkit(void) {
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  for (size_t i = 0; i < 2; ++i) {
    struct end client = OpensslEnd(1, versions[i]);
    struct end server = NatkitServer();
    Shake(&client, &server);
    CHECK_EQ(SSL_version(client.openssl), versions[i]);
    Talk(&client, &server);
    Free(&client);
    Free(&server);
  }
}

static void NatkitClientsTalkToOpenssl(void) {
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  for (size_t i = 0; i < 2; ++i) {
    struct end client = NatkitClient(pin);
    struct end server = OpensslEnd(0, versions[i]);
    Shake(&client, &server);
    CHECK_EQ(SSL_version(server.openssl), versions[i]);
    Talk(&client, &server);
    Free(&client);
    Free(&server);
  }
}

/* Two connections at once, each within its own library. */
static void BothWorkSideBySide(void) {
  struct end ends[2][2] = {{OpensslEnd(1, 0), OpensslEnd(0, 0)},
                           {NatkitClient(pin), NatkitServer()}};
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 2; ++i) {
      CHECK_EQ(Carry(&ends[i][0], &ends[i][1]), 0);
      CHECK_EQ(Carry(&ends[i][1], &ends[i][0]), 0);
    }
  }
  for (int round = 0; round < 10; ++round) {
    Talk(&ends[0][0], &ends[0][1]);
    Talk(&ends[1][0], &ends[1][1]);
  }
  for (int i = 0; i < 4; ++i) {
    Free(&ends[i / 2][i % 2]);
  }
}

/* Neither sees memory or errors of the other. */
static void NothingIsShared(void) {
  const long before = openssl_blocks;
  ERR_clear_error();
  struct end client = NatkitClient(NULL); /* which trusts nobody */
  struct end server = NatkitServer();
  CHECK_EQ(Carry(&client, &server), 0);
  CHECK_EQ(Carry(&server, &client), NATKIT_ERR_BAD_CERTIFICATE);
  CHECK_EQ(ERR_peek_error(), 0);
  CHECK_EQ(openssl_blocks, before);
  Free(&client);
  Free(&server);

  BIO* const text = BIO_new_mem_buf("nonsense", -1);
  CHECK(PEM_read_bio_X509(text, NULL, NULL, NULL) == NULL);
  BIO_free(text);
  CHECK(ERR_peek_error() != 0);
  CHECK(openssl_blocks > before);
  client = NatkitClient(pin);
  server = NatkitServer();
  Shake(&client, &server);
  Talk(&client, &server);
  CHECK(ERR_peek_error() != 0);
  ERR_clear_error();
  Free(&client);
  Free(&server);
}

int main(void) {
  CHECK_EQ(CRYPTO_set_mem_functions(CountedMalloc, CountedRealloc, CountedFree),
           1);
  CHECK_EQ(
      natkit_tls_make_self_signed(kHost, kToday, chain_pem, sizeof chain_pem,
                                  key_pem, sizeof key_pem),
      0);
  CHECK_EQ(natkit_tls_get_pin(chain_pem, pin, sizeof pin),
           NATKIT_TLS_PIN_SIZE - 1);
  RUN(OpensslIsTheSystems);
  RUN(OpensslClientsTalkToNatkit);
  RUN(NatkitClientsTalkToOpenssl);
  RUN(BothWorkSideBySide);
  RUN(NothingIsShared);
  return 0;
}
