/* natkit/tls.h: what is refused. */
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"

static char chain_pem[NATKIT_TLS_PEM_SIZE];
static char key_pem[NATKIT_TLS_PEM_SIZE];

static void CertificatesOfOnesOwnAreChecked(void) {
  char text[NATKIT_TLS_PIN_SIZE];
  char chain[NATKIT_TLS_PEM_SIZE];
  char key[NATKIT_TLS_PEM_SIZE];
  CHECK_EQ(natkit_tls_make_self_signed("192.0.2.1", 1, chain, sizeof chain, key,
                                       sizeof key),
           0);
  CHECK_EQ(
      natkit_tls_make_self_signed("relay.example", 1, chain_pem,
                                  sizeof chain_pem, key_pem, sizeof key_pem),
      0);
#define IS_BAD(call) CHECK_EQ(call, NATKIT_ERR_BAD_ARGUMENT)
  IS_BAD(natkit_tls_make_self_signed(NULL, 1, chain, 4096, key, 4096));
  IS_BAD(natkit_tls_make_self_signed("", 1, chain, 4096, key, 4096));
  IS_BAD(natkit_tls_make_self_signed("a", UINT64_MAX, chain, 4096, key, 4096));
  IS_BAD(natkit_tls_make_self_signed("a", 1, NULL, 4096, key, 4096));
  IS_BAD(natkit_tls_make_self_signed("a", 1, chain, 4096, NULL, 4096));
  CHECK_EQ(natkit_tls_make_self_signed("a", 1, chain, 100, key, 4096),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  memset(chain, 'x', sizeof chain);
  CHECK_EQ(natkit_tls_make_self_signed("a", 1, chain, 4096, key, 100),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(chain[0], 'x'); /* no certificate without its key */
  IS_BAD(natkit_tls_get_pin(NULL, text, sizeof text));
  IS_BAD(natkit_tls_get_pin(chain_pem, NULL, 9));
  CHECK_EQ(natkit_tls_get_pin("no certificate", text, sizeof text),
           NATKIT_ERR_BAD_CERTIFICATE);
  CHECK_EQ(natkit_tls_get_pin(chain_pem, text, sizeof text - 1),
           NATKIT_ERR_BUFFER_TOO_SMALL);
}

static void ClientConfigsAreChecked(void) {
  static const char* const empty[] = {""};
  static const char* const null[] = {NULL};
  natkit_tls_client_config config;
  natkit_tls_context* context = NULL;
  natkit_init(&config);
  IS_BAD(natkit_tls_context_new_client(NULL, &context));
  IS_BAD(natkit_tls_context_new_client(&config, NULL));
#define CLIENT_REFUSES(field, value, code)                            \
  do {                                                                \
    natkit_init(&config);                                             \
    config.field = value;                                             \
    CHECK_EQ(natkit_tls_context_new_client(&config, &context), code); \
  } while (0)
  CLIENT_REFUSES(struct_size, 8, NATKIT_ERR_STRUCT_SIZE);
  CLIENT_REFUSES(roots_pem, "nothing", NATKIT_ERR_BAD_CERTIFICATE);
  CLIENT_REFUSES(alpn_count, 1, NATKIT_ERR_BAD_ARGUMENT);
  CLIENT_REFUSES(verification_time_s, UINT64_MAX, NATKIT_ERR_BAD_ARGUMENT);
  CLIENT_REFUSES(min_version, 1, NATKIT_ERR_BAD_ARGUMENT);
  CLIENT_REFUSES(max_version, 4, NATKIT_ERR_BAD_ARGUMENT);
  CLIENT_REFUSES(reserved, 1, NATKIT_ERR_BAD_ARGUMENT);
  natkit_init(&config);
  config.min_version = NATKIT_TLS_1_3;
  config.max_version = NATKIT_TLS_1_2;
  IS_BAD(natkit_tls_context_new_client(&config, &context));
  natkit_init(&config);
  config.alpn = empty;
  config.alpn_count = 1;
  CHECK_EQ(natkit_tls_context_new_client(&config, &context),
           NATKIT_ERR_BAD_VALUE);
  config.alpn = null;
  IS_BAD(natkit_tls_context_new_client(&config, &context));
  config.alpn_count = NATKIT_TLS_MAX_ALPN + 1;
  IS_BAD(natkit_tls_context_new_client(&config, &context));
  CHECK(context == NULL);
}

static natkit_tls_server_config ServerConfig(void) {
  natkit_tls_server_config config;
  natkit_init(&config);
  config.chain_pem = chain_pem;
  config.key_pem = key_pem;
  return config;
}

static void ServerConfigsAreChecked(void) {
  natkit_tls_server_config config = ServerConfig();
  natkit_tls_context* context = NULL;
  char other_chain[NATKIT_TLS_PEM_SIZE];
  char other_key[NATKIT_TLS_PEM_SIZE];
  CHECK_EQ(natkit_tls_make_self_signed("a", 1, other_chain, sizeof other_chain,
                                       other_key, sizeof other_key),
           0);
  IS_BAD(natkit_tls_context_new_server(NULL, &context));
  IS_BAD(natkit_tls_context_new_server(&config, NULL));
#define SERVER_REFUSES(field, value, code)                            \
  do {                                                                \
    config = ServerConfig();                                          \
    config.field = value;                                             \
    CHECK_EQ(natkit_tls_context_new_server(&config, &context), code); \
  } while (0)
  SERVER_REFUSES(struct_size, 8, NATKIT_ERR_STRUCT_SIZE);
  SERVER_REFUSES(chain_pem, NULL, NATKIT_ERR_BAD_ARGUMENT);
  SERVER_REFUSES(chain_pem, "", NATKIT_ERR_BAD_CERTIFICATE);
  SERVER_REFUSES(key_pem, NULL, NATKIT_ERR_BAD_ARGUMENT);
  SERVER_REFUSES(key_pem, "", NATKIT_ERR_BAD_PRIVATE_KEY);
  SERVER_REFUSES(key_pem, other_key, NATKIT_ERR_KEY_MISMATCH);
  SERVER_REFUSES(appended_count, 1, NATKIT_ERR_BAD_ARGUMENT);
  SERVER_REFUSES(alpn_count, 1, NATKIT_ERR_BAD_ARGUMENT);
  SERVER_REFUSES(min_version, 7, NATKIT_ERR_BAD_ARGUMENT);
  SERVER_REFUSES(reserved, 1, NATKIT_ERR_BAD_ARGUMENT);
  CHECK(context == NULL);
}

static void ConnectionsAreChecked(void) {
  const natkit_tls_server_config server = ServerConfig();
  natkit_tls_client_config client;
  natkit_tls_context* clients = NULL;
  natkit_tls_context* servers = NULL;
  natkit_tls_channel* channel = NULL;
  char longest[300];
  memset(longest, 'a', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  natkit_init(&client);
  CHECK_EQ(natkit_tls_context_new_client(&client, &clients), 0);
  CHECK_EQ(natkit_tls_context_new_server(&server, &servers), 0);
  IS_BAD(natkit_tls_channel_connect(clients, NULL, NULL, &channel));
  IS_BAD(natkit_tls_channel_connect(clients, longest, NULL, &channel));
  IS_BAD(natkit_tls_channel_connect(clients, "a", longest, &channel));
  IS_BAD(natkit_tls_channel_connect(clients, "a", NULL, NULL));
  IS_BAD(natkit_tls_channel_connect(servers, "a", NULL, &channel));
  IS_BAD(natkit_tls_channel_accept(clients, &channel));
  IS_BAD(natkit_tls_channel_accept(servers, NULL));
  CHECK_EQ(natkit_tls_channel_connect(clients, "a b", NULL, &channel),
           NATKIT_ERR_BAD_VALUE);
  CHECK_EQ(natkit_tls_channel_connect(clients, "", NULL, &channel),
           NATKIT_ERR_BAD_VALUE);
  CHECK(natkit_tls_channel_connect(clients, "a", "sha256-raw:zz", &channel) <
        0);
  CHECK(channel == NULL);
  natkit_tls_context_free(clients);
  natkit_tls_context_free(clients);
  natkit_tls_context_free(servers);
  CHECK_EQ(natkit_tls_channel_connect(clients, "a", NULL, &channel),
           NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_tls_channel_accept(servers, &channel), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_tls_context_reload(servers, chain_pem, key_pem),
           NATKIT_ERR_BAD_HANDLE);
}

/* Every function that takes a channel, on `channel`. */
static void CheckAllRefuse(natkit_tls_channel* channel) {
  uint8_t data[32] = {0};
  char text[32];
#define IS_NONE(call) CHECK_EQ(call, NATKIT_ERR_BAD_HANDLE)
  IS_NONE(natkit_tls_channel_handle_ciphertext(channel, data, 1));
  IS_NONE(natkit_tls_channel_handle_end_of_stream(channel));
  IS_NONE(natkit_tls_channel_read_ciphertext(channel, data, 1));
  IS_NONE(natkit_tls_channel_get_pending_ciphertext(channel));
  IS_NONE(natkit_tls_channel_write_plaintext(channel, data, 1));
  IS_NONE(natkit_tls_channel_read_plaintext(channel, data, 1));
  IS_NONE(natkit_tls_channel_close(channel));
  IS_NONE(natkit_tls_channel_is_handshake_done(channel));
  IS_NONE(natkit_tls_channel_is_peer_closed(channel));
  IS_NONE(natkit_tls_channel_is_writable(channel));
  IS_NONE(natkit_tls_channel_get_version(channel));
  IS_NONE(natkit_tls_channel_get_alpn(channel, text, sizeof text));
  IS_NONE(natkit_tls_channel_get_error_text(channel, text, sizeof text));
  IS_NONE(natkit_tls_channel_get_peer_certificate(channel, 0, data, 1));
  IS_NONE(natkit_tls_channel_get_derp_key(channel, data));
  IS_NONE(natkit_tls_channel_export(channel, "x", NULL, 0, data, 32));
}

static natkit_tls_channel* OpenClient(void) {
  natkit_tls_client_config config;
  natkit_tls_context* context = NULL;
  natkit_tls_channel* channel = NULL;
  natkit_init(&config);
  CHECK_EQ(natkit_tls_context_new_client(&config, &context), 0);
  CHECK_EQ(natkit_tls_channel_connect(context, "a.example", NULL, &channel), 0);
  CheckAllRefuse((natkit_tls_channel*)context);
  natkit_tls_context_free(context);
  return channel;
}

static void HandlesThatAreNoneAreRefused(void) {
  natkit_tls_channel* const channel = OpenClient();
  natkit_tls_channel_free(channel);
  natkit_tls_channel_free(channel);
  natkit_tls_channel_free(NULL);
  CheckAllRefuse(channel);
  CheckAllRefuse(NULL);
}

static void PointersThatAreNullAreRefused(void) {
  natkit_tls_channel* const channel = OpenClient();
  uint8_t data[32];
  char label[251];
  memset(label, 'x', sizeof label);
  label[sizeof label - 1] = '\0';
  IS_BAD(natkit_tls_channel_handle_ciphertext(channel, NULL, 1));
  IS_BAD(natkit_tls_channel_read_ciphertext(channel, NULL, 1));
  IS_BAD(natkit_tls_channel_write_plaintext(channel, NULL, 1));
  IS_BAD(natkit_tls_channel_read_plaintext(channel, NULL, 1));
  IS_BAD(natkit_tls_channel_get_alpn(channel, NULL, 1));
  IS_BAD(natkit_tls_channel_get_error_text(channel, NULL, 1));
  IS_BAD(natkit_tls_channel_get_error_text(channel, (char*)data, 0));
  IS_BAD(natkit_tls_channel_get_peer_certificate(channel, 0, NULL, 1));
  IS_BAD(natkit_tls_channel_get_derp_key(channel, NULL));
  IS_BAD(natkit_tls_channel_export(channel, NULL, NULL, 0, data, 32));
  IS_BAD(natkit_tls_channel_export(channel, label, NULL, 0, data, 32));
  IS_BAD(natkit_tls_channel_export(channel, "x", NULL, 1, data, 32));
  IS_BAD(natkit_tls_channel_export(channel, "x", data, 65537, data, 32));
  IS_BAD(natkit_tls_channel_export(channel, "x", NULL, 0, NULL, 32));
  natkit_tls_channel_free(channel);
}

static void TooMuchIsRefusedWhole(void) {
  natkit_tls_channel* const channel = OpenClient();
  static uint8_t data[256 * 1024 + 1];
  CHECK_EQ(natkit_tls_channel_handle_ciphertext(channel, data, sizeof data),
           NATKIT_ERR_LIMIT_EXCEEDED);
  CHECK_EQ(natkit_tls_channel_handle_ciphertext(channel, data, 0), 0);
  /* And what is no TLS is told to be none. */
  memset(data, 'x', 100);
  CHECK_EQ(natkit_tls_channel_handle_ciphertext(channel, data, 100),
           NATKIT_ERR_TLS_HANDSHAKE);
  natkit_tls_channel_free(channel);
}

int main(void) {
  RUN(CertificatesOfOnesOwnAreChecked);
  RUN(ClientConfigsAreChecked);
  RUN(ServerConfigsAreChecked);
  RUN(ConnectionsAreChecked);
  RUN(HandlesThatAreNoneAreRefused);
  RUN(PointersThatAreNullAreRefused);
  RUN(TooMuchIsRefusedWhole);
  return 0;
}
