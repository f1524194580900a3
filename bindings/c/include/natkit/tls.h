/**
 * @file
 * TLS 1.2 and 1.3 as a filter over memory: no socket, no thread.
 *
 * natkit's TLS is a BoringSSL inside the library, none of whose symbols are
 * visible: it lives beside the program's OpenSSL, of any version, and shares
 * nothing with it. Programs that speak TLS by other means do not need this
 * header; relays (natkit/derp.h) take any stream.
 *
 * Two things are unlike the other cores. Random bytes come from the system, not
 * from a natkit_random. And without natkit_tls_client_config's
 * `verification_time_s` the validity of certificates is judged by the system's
 * clock: the one place where a core reads one.
 *
 * The life of a channel: natkit_tls_channel_connect() or
 * natkit_tls_channel_accept(), then bytes in both directions. After every call,
 * also after one that failed, send what natkit_tls_channel_read_ciphertext()
 * gives, and read natkit_tls_channel_read_plaintext() until it gives 0. A
 * channel that failed stays so: each later call reports the same error, and
 * natkit_tls_channel_get_error_text() says why.
 */
#ifndef NATKIT_TLS_H_
#define NATKIT_TLS_H_

#include "natkit/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Contexts: what many channels share. */

/** What clients, or servers, share; see natkit_tls_context_new_client(). */
typedef struct natkit_tls_context natkit_tls_context;

/** A version of TLS. */
typedef enum natkit_tls_version {
  /** In a configuration: no bound of the caller's. */
  NATKIT_TLS_VERSION_DEFAULT = 0,
  /** TLS 1.2 (RFC 5246). */
  NATKIT_TLS_1_2 = 2,
  /** TLS 1.3 (RFC 8446). */
  NATKIT_TLS_1_3 = 3
} natkit_tls_version;

/** The longest text in PEM that is accepted, in bytes. */
#define NATKIT_TLS_MAX_PEM 16777216

/** The most application protocols in a configuration. */
#define NATKIT_TLS_MAX_ALPN 32

/** How clients check servers, and what they offer. */
typedef struct natkit_tls_client_config {
  /** sizeof(natkit_tls_client_config); see natkit_init(). */
  size_t struct_size;
  /** Trusted roots, concatenated PEM: such as the contents of
   * /etc/ssl/certs/ca-certificates.crt. NULL: none, for servers with a pin. */
  const char* roots_pem;
  /** Application protocols to offer (RFC 7301), the favourite first, of 1 to
   * 255 bytes. NULL if there are none. */
  const char* const* alpn;
  /** How many there are. */
  size_t alpn_count;
  /** The date to judge certificates by, in seconds since 1970 (UTC); 0: the
   * system's clock when a handshake comes to it. To the year 9999. */
  uint64_t verification_time_s;
  /** The lowest natkit_tls_version; 0: TLS 1.2. */
  uint32_t min_version;
  /** The highest natkit_tls_version; 0: TLS 1.3. */
  uint32_t max_version;
  /** Not 0: anybody is taken for the server. Only for tests. */
  uint32_t insecure_no_verification;
  /** Zero. */
  uint32_t reserved;
} natkit_tls_client_config;

/**
 * Makes a context for clients; free it by natkit_tls_context_free(). Channels
 * keep what they need of it.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_BAD_CERTIFICATE (no root in `roots_pem` is
 * usable), NATKIT_ERR_BAD_VALUE (an impossible protocol name),
 * NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
 */
NATKIT_API int natkit_tls_context_new_client(
    const natkit_tls_client_config* config, natkit_tls_context** out);

/** How a server presents itself. */
typedef struct natkit_tls_server_config {
  /** sizeof(natkit_tls_server_config); see natkit_init(). */
  size_t struct_size;
  /** The certificate and its chain, the server's own first; PEM, required. */
  const char* chain_pem;
  /** Its private key: PKCS#8, PKCS#1 or SEC1 in PEM, not encrypted; required.
   */
  const char* key_pem;
  /** Certificates in DER that are sent after the chain, as they are: a relay's
   * meta certificate. NULL if there are none. */
  const uint8_t* const* appended;
  /** The bytes of each of them. */
  const size_t* appended_sizes;
  /** How many there are, to 16. */
  size_t appended_count;
  /** Application protocols (RFC 7301), the favourite first, of 1 to 255 bytes.
   * A client that offers none of them, but others, is refused. NULL: what
   * clients offer is ignored. */
  const char* const* alpn;
  /** How many there are. */
  size_t alpn_count;
  /** The lowest natkit_tls_version; 0: TLS 1.2. */
  uint32_t min_version;
  /** Zero. */
  uint32_t reserved;
} natkit_tls_server_config;

/**
 * Makes a context for servers; free it by natkit_tls_context_free(). Channels
 * keep what they need of it.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_BAD_CERTIFICATE,
 * NATKIT_ERR_BAD_PRIVATE_KEY, NATKIT_ERR_KEY_MISMATCH, NATKIT_ERR_BAD_VALUE (an
 * impossible protocol name), NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
 */
NATKIT_API int natkit_tls_context_new_server(
    const natkit_tls_server_config* config, natkit_tls_context** out);

/**
 * Exchanges a server context's certificate and key, for channels from now on.
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for a context for clients),
 * NATKIT_ERR_BAD_CERTIFICATE, NATKIT_ERR_BAD_PRIVATE_KEY,
 * NATKIT_ERR_KEY_MISMATCH.
 */
NATKIT_API int natkit_tls_context_reload(natkit_tls_context* context,
                                         const char* chain_pem,
                                         const char* key_pem);

/** Frees a context; its channels go on. NULL has no effect. */
NATKIT_API void natkit_tls_context_free(natkit_tls_context* context);

/* Certificates of one's own. */

/** A buffer of this size has room for what natkit_tls_make_self_signed() makes.
 */
#define NATKIT_TLS_PEM_SIZE 4096

/**
 * Makes a private key (P-256) and a certificate that signs itself, for the
 * server `host` (a DNS name or an IP address), valid for a year from `now_s`,
 * seconds since 1970. Clients trust it by natkit_tls_get_pin(). Wipe the key
 * (natkit_wipe()) after use. Thread-safe.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_VALUE (such a host cannot be
 * in a certificate), NATKIT_ERR_BUFFER_TOO_SMALL (NATKIT_TLS_PEM_SIZE is always
 * enough for each).
 */
NATKIT_API int natkit_tls_make_self_signed(const char* host, uint64_t now_s,
                                           char* chain_pem,
                                           size_t chain_capacity, char* key_pem,
                                           size_t key_capacity);

/** The text of a pin, "sha256-raw:" and 64 hex digits, with its zero byte. */
#define NATKIT_TLS_PIN_SIZE 76

/**
 * Writes the pin of the first certificate of a PEM text, which is SHA-256 of
 * its DER, to `buffer`. Thread-safe.
 * @return the length without the zero byte
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_CERTIFICATE,
 * NATKIT_ERR_BUFFER_TOO_SMALL (NATKIT_TLS_PIN_SIZE is always enough).
 */
NATKIT_API int natkit_tls_get_pin(const char* chain_pem, char* buffer,
                                  size_t capacity);

/* Channels. */

/** One end of a TLS connection; see natkit_tls_channel_connect(). */
typedef struct natkit_tls_channel natkit_tls_channel;

/**
 * Makes a client's end of a connection to `host`, a DNS name or an IP address;
 * free it by natkit_tls_channel_free(). Its first ciphertext waits at once.
 *
 * `certificate_name` says what the server's certificate must be. NULL: one that
 * a trusted root vouches for, valid for `host`. A DNS name: valid for that name
 * instead. A pin (natkit_tls_get_pin()): exactly that certificate, inside its
 * dates and, if `host` is a DNS name, valid for it. Errors:
 * NATKIT_ERR_BAD_ARGUMENT (also for a context for servers),
 * NATKIT_ERR_BAD_VALUE (`host` cannot be a server's name),
 * NATKIT_ERR_BAD_ENCODING or NATKIT_ERR_BAD_LENGTH (a bad pin),
 * NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
 */
NATKIT_API int natkit_tls_channel_connect(const natkit_tls_context* context,
                                          const char* host,
                                          const char* certificate_name,
                                          natkit_tls_channel** out);

/**
 * Makes a server's end of a connection; free it by natkit_tls_channel_free().
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for a context for clients),
 * NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
 */
NATKIT_API int natkit_tls_channel_accept(const natkit_tls_context* context,
                                         natkit_tls_channel** out);

/** Frees a channel; NULL has no effect. */
NATKIT_API void natkit_tls_channel_free(natkit_tls_channel* channel);

/**
 * Takes bytes of the other side, split anywhere.
 * Errors: NATKIT_ERR_BAD_ARGUMENT; NATKIT_ERR_LIMIT_EXCEEDED (256 KiB wait to
 * be read: nothing was taken); and NATKIT_ERR_TLS_HANDSHAKE,
 * NATKIT_ERR_TLS_PROTOCOL, NATKIT_ERR_BAD_CERTIFICATE, NATKIT_ERR_CLOSED (see
 * natkit_tls_channel_handle_end_of_stream()): the channel has failed.
 */
NATKIT_API int natkit_tls_channel_handle_ciphertext(natkit_tls_channel* channel,
                                                    const void* data,
                                                    size_t size);

/**
 * Says that the stream has ended.
 * Errors: NATKIT_ERR_CLOSED: the other side had not said that this is the end,
 * so something may be missing. The channel has failed. Or why it has before.
 */
NATKIT_API int natkit_tls_channel_handle_end_of_stream(
    natkit_tls_channel* channel);

/**
 * The next bytes for the other side: at most `capacity` to `buffer`.
 * @return their number; 0 if there are none
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_tls_channel_read_ciphertext(natkit_tls_channel* channel,
                                                  void* buffer,
                                                  size_t capacity);

/** @return how many bytes natkit_tls_channel_read_ciphertext() has */
NATKIT_API int natkit_tls_channel_get_pending_ciphertext(
    const natkit_tls_channel* channel);

/**
 * Encrypts the beginning of `data`, as much as there is room for.
 * @return the bytes taken; 0 before the handshake is done, and while 256 KiB of
 * ciphertext wait
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_CLOSED (after
 * natkit_tls_channel_close()), NATKIT_ERR_TLS_PROTOCOL, or why the channel has
 * failed before.
 */
NATKIT_API int natkit_tls_channel_write_plaintext(natkit_tls_channel* channel,
                                                  const void* data,
                                                  size_t size);

/**
 * Decrypts what the other side wrote: at most `capacity` to `buffer`.
 * @return the bytes; 0 if there are none yet, or no more
 * (natkit_tls_channel_is_peer_closed())
 * Errors: as natkit_tls_channel_handle_ciphertext().
 */
NATKIT_API int natkit_tls_channel_read_plaintext(natkit_tls_channel* channel,
                                                 void* buffer, size_t capacity);

/** Tells the other side that this is the end; reading goes on. Repeating it is
 * harmless. */
NATKIT_API int natkit_tls_channel_close(natkit_tls_channel* channel);

/** @return 1 once the handshake is done, until a failure; else 0 */
NATKIT_API int natkit_tls_channel_is_handshake_done(
    const natkit_tls_channel* channel);

/** @return 1 once the other side has said that this is the end, else 0 */
NATKIT_API int natkit_tls_channel_is_peer_closed(
    const natkit_tls_channel* channel);

/** @return 1 while natkit_tls_channel_write_plaintext() would take bytes, else
 * 0 */
NATKIT_API int natkit_tls_channel_is_writable(
    const natkit_tls_channel* channel);

/** @return the natkit_tls_version of the connection; 0 until the handshake is
 * done */
NATKIT_API int natkit_tls_channel_get_version(
    const natkit_tls_channel* channel);

/**
 * Writes the application protocol that both sides agreed on to `buffer`, which
 * 256 bytes are always enough for.
 * @return the length without the zero byte; 0: none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL.
 */
NATKIT_API int natkit_tls_channel_get_alpn(const natkit_tls_channel* channel,
                                           char* buffer, size_t capacity);

/**
 * Writes why the channel has failed, such as "certificate has expired", to
 * `buffer`, cut to what fits. No secrets are in it.
 * @return the length without the zero byte; 0: it has not
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for a size of 0).
 */
NATKIT_API int natkit_tls_channel_get_error_text(
    const natkit_tls_channel* channel, char* buffer, size_t capacity);

/**
 * Writes a certificate that the other side sent, in DER, to `buffer`: `index` 0
 * is its own. Verified or not; servers are sent none. With `buffer` NULL and
 * `capacity` 0 it only tells the size.
 * @return its size in bytes
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND (no such one),
 * NATKIT_ERR_BUFFER_TOO_SMALL.
 */
NATKIT_API int natkit_tls_channel_get_peer_certificate(
    const natkit_tls_channel* channel, size_t index, void* buffer,
    size_t capacity);

/**
 * The public key of a DERP relay (32 bytes, to `out`), from the certificates
 * that it sent: for natkit_derp_client_start().
 * @return 1 with `*out`, or 0 if it sent none, or the connection is not TLS 1.3
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_tls_channel_get_derp_key(
    const natkit_tls_channel* channel, uint8_t* out);

/**
 * Derives secret bytes that both ends of exactly this connection share and
 * nobody else knows (RFC 8446 section 7.5): `size` bytes, 1 to 8,160, to `out`.
 * `label` tells their purpose, to 249 bytes; `context` of `context_size` bytes,
 * to 64 KiB, may bind them to more, and may be NULL if that is 0.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_VALUE (`size` is out of its
 * bounds), NATKIT_ERR_INVALID_STATE (before the handshake is done, and after a
 * failure), NATKIT_ERR_UNSUPPORTED (TLS 1.2).
 */
NATKIT_API int natkit_tls_channel_export(const natkit_tls_channel* channel,
                                         const char* label, const void* context,
                                         size_t context_size, void* out,
                                         size_t size);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_TLS_H_ */
