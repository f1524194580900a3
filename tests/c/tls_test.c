/* natkit/tls.h: a client and a server that talk in memory, and misuse. */
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"

/* 2026-01-01: certificates of the tests are made for this day. */
static const uint64_t kToday = 1767225600;

static char chain_pem[NATKIT_TLS_PEM_SIZE];
static char key_pem[NATKIT_TLS_PEM_SIZE];
static char pin[NATKIT_TLS_PIN_SIZE];

static void MakeServersCertificate(void) {
  CHECK_EQ(
      natkit_tls_make_self_signed("relay.example", kToday, chain_pem,
                                  sizeof chain_pem, key_pem, sizeof key_pem),
      0);
  CHECK_EQ(natkit_tls_get_pin(chain_pem, pin, sizeof pin),
           NATKIT_TLS_PIN_SIZE - 1);
  CHECK(strncmp(pin, "sha256-raw:", 11) == 0);
}

static natkit_tls_client_config ClientConfig(void) {
  natkit_tls_client_config config;
  natkit_init(&config);
  config.verification_time_s = kToday;
  return config;
}

static natkit_tls_server_config ServerConfig(void) {
  natkit_tls_server_config config;
  natkit_init(&config);
  config.chain_pem = chain_pem;
  config.key_pem = key_pem;
  return config;
}

struct pair {
  natkit_tls_channel* client;
  natkit_tls_channel* server;
};

static struct pair Open(const natkit_tls_client_config* client,
                        const natkit_tls_server_config* server,
                        const char* certificate_name) {
  struct pair pair = {NULL, NULL};
  natkit_tls_context* clients = NULL;
  natkit_tls_context* servers = NULL;
  CHECK_EQ(natkit_tls_context_new_client(client, &clients), 0);
  CHECK_EQ(natkit_tls_context_new_server(server, &servers), 0);
  CHECK_EQ(natkit_tls_channel_connect(clients, "relay.example",
                                      certificate_name, &pair.client),
           0);
  CHECK_EQ(natkit_tls_channel_accept(servers, &pair.server), 0);
  /* Channels outlive their contexts. */
  natkit_tls_context_free(clients);
  natkit_tls_context_free(servers);
  return pair;
}

static void Close(struct pair* pair) {
  natkit_tls_channel_free(pair->client);
  natkit_tls_channel_free(pair->server);
}

/* Moves what waits, `chunk` bytes at once; the first failure or 0. */
static int Carry(natkit_tls_channel* from, natkit_tls_channel* to,
                 size_t chunk) {
  uint8_t bytes[4096];
  int first = 0;
  for (;;) {
    const int pending = natkit_tls_channel_get_pending_ciphertext(from);
    const int size = natkit_tls_channel_read_ciphertext(from, bytes, chunk);
    CHECK(size >= 0 && size <= pending && (size > 0) == (pending > 0));
    if (size == 0) {
      return first;
    }
    const int result =
        natkit_tls_channel_handle_ciphertext(to, bytes, (size_t)size);
    first = first == 0 ? result : first;
  }
}

static void Shake(struct pair* pair, size_t chunk) {
  for (int i = 0; i < 4; ++i) {
    CHECK_EQ(Carry(pair->client, pair->server, chunk), 0);
    CHECK_EQ(Carry(pair->server, pair->client, chunk), 0);
  }
  CHECK_EQ(natkit_tls_channel_is_handshake_done(pair->client), 1);
  CHECK_EQ(natkit_tls_channel_is_handshake_done(pair->server), 1);
}

static void CheckTalk(natkit_tls_channel* from, natkit_tls_channel* to,
                      const char* text) {
  char got[64];
  const size_t size = strlen(text);
  CHECK_EQ(natkit_tls_channel_write_plaintext(from, text, size), size);
  CHECK_EQ(Carry(from, to, 7), 0);
  memset(got, 0, sizeof got);
  CHECK_EQ(natkit_tls_channel_read_plaintext(to, got, 3), 3);
  CHECK_EQ(natkit_tls_channel_read_plaintext(to, got + 3, sizeof got - 3),
           size - 3);
  CHECK(strcmp(got, text) == 0);
  CHECK_EQ(natkit_tls_channel_read_plaintext(to, got, sizeof got), 0);
}

static void BytesPassBothWays(void) {
  static const uint32_t versions[] = {NATKIT_TLS_1_2, NATKIT_TLS_1_3};
  for (size_t i = 0; i < 2; ++i) {
    natkit_tls_client_config client = ClientConfig();
    const natkit_tls_server_config server = ServerConfig();
    client.max_version = versions[i];
    struct pair pair = Open(&client, &server, pin);
    CHECK_EQ(natkit_tls_channel_get_version(pair.client), 0);
    CHECK_EQ(natkit_tls_channel_is_writable(pair.client), 0);
    CHECK_EQ(natkit_tls_channel_write_plaintext(pair.client, "early", 5), 0);
    Shake(&pair, i == 0 ? 1 : 1000);
    CHECK_EQ(natkit_tls_channel_get_version(pair.client), versions[i]);
    CHECK_EQ(natkit_tls_channel_get_version(pair.server), versions[i]);
    CHECK_EQ(natkit_tls_channel_is_writable(pair.client), 1);
    CheckTalk(pair.client, pair.server, "from the client");
    CheckTalk(pair.server, pair.client, "from the server");
    Close(&pair);
  }
}

static void TheEndIsTold(void) {
  const natkit_tls_client_config client = ClientConfig();
  const natkit_tls_server_config server = ServerConfig();
  struct pair pair = Open(&client, &server, pin);
  char text[64];
  Shake(&pair, 1000);
  CHECK_EQ(natkit_tls_channel_close(pair.client), 0);
  CHECK_EQ(natkit_tls_channel_close(pair.client), 0);
  CHECK_EQ(natkit_tls_channel_write_plaintext(pair.client, "x", 1),
           NATKIT_ERR_CLOSED);
  CHECK_EQ(Carry(pair.client, pair.server, 100), 0);
  CHECK_EQ(natkit_tls_channel_read_plaintext(pair.server, text, 9), 0);
  CHECK_EQ(natkit_tls_channel_is_peer_closed(pair.server), 1);
  CHECK_EQ(natkit_tls_channel_handle_end_of_stream(pair.server), 0);
  /* The server had not said so. */
  CHECK_EQ(natkit_tls_channel_handle_end_of_stream(pair.client),
           NATKIT_ERR_CLOSED);
  CHECK(natkit_tls_channel_get_error_text(pair.client, text, sizeof text) > 0);
  CHECK_EQ(natkit_tls_channel_get_error_text(pair.client, text, 4), 3);
  CHECK_EQ(strlen(text), 3);
  CHECK_EQ(natkit_tls_channel_get_error_text(pair.server, text, sizeof text),
           0);
  Close(&pair);
}

/* The client's failure with this configuration; `text` is what it says. */
static int Failure(const natkit_tls_client_config* client,
                   const char* certificate_name, char* text, size_t size) {
  const natkit_tls_server_config server = ServerConfig();
  struct pair pair = Open(client, &server, certificate_name);
  CHECK_EQ(Carry(pair.client, pair.server, 1000), 0);
  const int failure = Carry(pair.server, pair.client, 4096);
  CHECK(natkit_tls_channel_get_error_text(pair.client, text, size) >= 0);
  if (failure != 0) {
    /* It stays so, and the server hears of it. */
    CHECK_EQ(natkit_tls_channel_handle_ciphertext(pair.client, "x", 1),
             failure);
    CHECK_EQ(natkit_tls_channel_is_handshake_done(pair.client), 0);
    CHECK(Carry(pair.client, pair.server, 1000) != 0);
  }
  Close(&pair);
  return failure;
}

static void ServersAreChecked(void) {
  natkit_tls_client_config config = ClientConfig();
  char text[128];
  char other[NATKIT_TLS_PIN_SIZE];
  CHECK_EQ(Failure(&config, NULL, text, sizeof text),
           NATKIT_ERR_BAD_CERTIFICATE);
  CHECK(strlen(text) > 0);
  config.roots_pem = chain_pem;
  CHECK_EQ(Failure(&config, NULL, text, sizeof text), 0);
  CHECK_EQ(Failure(&config, "other.example", text, sizeof text),
           NATKIT_ERR_BAD_CERTIFICATE);
  memcpy(other, pin, sizeof other);
  other[20] = other[20] == '0' ? '1' : '0';
  CHECK_EQ(Failure(&config, other, text, sizeof text),
           NATKIT_ERR_BAD_CERTIFICATE);
  CHECK(strstr(text, "pinned") != NULL);
  config.verification_time_s = kToday + UINT64_C(400) * 86400;
  CHECK_EQ(Failure(&config, pin, text, sizeof text),
           NATKIT_ERR_BAD_CERTIFICATE);
  CHECK(strcmp(text, "certificate has expired") == 0);
  config.insecure_no_verification = 1;
  CHECK_EQ(Failure(&config, other, text, sizeof text), 0);
}

static void ProtocolsAreAgreedOn(void) {
  static const char* const offered[] = {"h2", "natkit"};
  static const char* const served[] = {"natkit"};
  natkit_tls_client_config client = ClientConfig();
  natkit_tls_server_config server = ServerConfig();
  char name[256];
  client.alpn = offered;
  client.alpn_count = 2;
  server.alpn = served;
  server.alpn_count = 1;
  struct pair pair = Open(&client, &server, pin);
  CHECK_EQ(natkit_tls_channel_get_alpn(pair.client, name, sizeof name), 0);
  Shake(&pair, 1000);
  CHECK_EQ(natkit_tls_channel_get_alpn(pair.client, name, sizeof name), 6);
  CHECK(strcmp(name, "natkit") == 0);
  CHECK_EQ(natkit_tls_channel_get_alpn(pair.server, name, 6),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_tls_channel_get_alpn(pair.server, name, 7), 6);
  Close(&pair);
}

static void CertificatesAreShown(void) {
  const natkit_tls_client_config client = ClientConfig();
  natkit_tls_server_config server = ServerConfig();
  uint8_t der[2048];
  uint8_t key[NATKIT_KEY_SIZE];
  struct pair pair = Open(&client, &server, pin);
  CHECK_EQ(natkit_tls_channel_get_peer_certificate(pair.client, 0, der, 9),
           NATKIT_ERR_NOT_FOUND);
  Shake(&pair, 1000);
  const int size =
      natkit_tls_channel_get_peer_certificate(pair.client, 0, NULL, 0);
  CHECK(size > 100 && (size_t)size < sizeof der);
  CHECK_EQ(natkit_tls_channel_get_peer_certificate(pair.client, 0, der,
                                                   (size_t)size - 1),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_tls_channel_get_peer_certificate(pair.client, 0, der,
                                                   (size_t)size),
           size);
  CHECK_EQ(der[0], 0x30);
  CHECK_EQ(natkit_tls_channel_get_peer_certificate(pair.client, 1, der, 2048),
           NATKIT_ERR_NOT_FOUND);
  CHECK_EQ(natkit_tls_channel_get_derp_key(pair.client, key), 0);
  Close(&pair);
}

static void BothEndsExportTheSame(void) {
  natkit_tls_client_config client = ClientConfig();
  const natkit_tls_server_config server = ServerConfig();
  uint8_t ours[32];
  uint8_t theirs[32];
  struct pair pair = Open(&client, &server, pin);
  CHECK_EQ(natkit_tls_channel_export(pair.client, "x", NULL, 0, ours, 32),
           NATKIT_ERR_INVALID_STATE);
  Shake(&pair, 1000);
  CHECK_EQ(natkit_tls_channel_export(pair.client, "x", "c", 1, ours, 32), 0);
  CHECK_EQ(natkit_tls_channel_export(pair.server, "x", "c", 1, theirs, 32), 0);
  CHECK(memcmp(ours, theirs, 32) == 0);
  CHECK_EQ(natkit_tls_channel_export(pair.server, "x", NULL, 0, theirs, 32), 0);
  CHECK(memcmp(ours, theirs, 32) != 0);
  CHECK_EQ(natkit_tls_channel_export(pair.server, "x", NULL, 0, NULL, 0),
           NATKIT_ERR_BAD_VALUE);
  Close(&pair);
  client.max_version = NATKIT_TLS_1_2;
  pair = Open(&client, &server, pin);
  Shake(&pair, 1000);
  CHECK_EQ(natkit_tls_channel_export(pair.client, "x", NULL, 0, ours, 32),
           NATKIT_ERR_UNSUPPORTED);
  Close(&pair);
}

static void AReloadIsForChannelsFromThenOn(void) {
  const natkit_tls_client_config client = ClientConfig();
  const natkit_tls_server_config server = ServerConfig();
  natkit_tls_context* clients = NULL;
  natkit_tls_context* servers = NULL;
  struct pair pair = {NULL, NULL};
  char old_pin[NATKIT_TLS_PIN_SIZE];
  memcpy(old_pin, pin, sizeof old_pin);
  CHECK_EQ(natkit_tls_context_new_client(&client, &clients), 0);
  CHECK_EQ(natkit_tls_context_new_server(&server, &servers), 0);
  MakeServersCertificate();
  CHECK(strcmp(old_pin, pin) != 0);
  CHECK_EQ(natkit_tls_context_reload(servers, chain_pem, "no key"),
           NATKIT_ERR_BAD_PRIVATE_KEY);
  CHECK_EQ(natkit_tls_context_reload(clients, chain_pem, key_pem),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_tls_context_reload(servers, chain_pem, key_pem), 0);
  CHECK_EQ(natkit_tls_channel_accept(servers, &pair.server), 0);
  CHECK_EQ(
      natkit_tls_channel_connect(clients, "relay.example", pin, &pair.client),
      0);
  Shake(&pair, 1000);
  Close(&pair);
  natkit_tls_context_free(clients);
  natkit_tls_context_free(servers);
}

int main(void) {
  MakeServersCertificate();
  RUN(BytesPassBothWays);
  RUN(TheEndIsTold);
  RUN(ServersAreChecked);
  RUN(ProtocolsAreAgreedOn);
  RUN(CertificatesAreShown);
  RUN(BothEndsExportTheSame);
  RUN(AReloadIsForChannelsFromThenOn);
  return 0;
}
