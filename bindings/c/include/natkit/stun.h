/**
 * @file
 * STUN (RFC 8489): a client that learns its reflexive address, and one
 * transaction with a request of the caller's. Messages themselves are in
 * natkit/stun_message.h, the server in natkit/stun_server.h, which this header
 * includes.
 *
 * All of them are driven by datagrams and time. After each call that tells one
 * something, poll its transmits and events until there are none, then wait for
 * a datagram or for the time that …_next_timeout says.
 */
#ifndef NATKIT_STUN_H_
#define NATKIT_STUN_H_

#include "natkit/common.h"
#include "natkit/stun_message.h"
#include "natkit/stun_server.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a request ended; natkit_stun_event::outcome. */
typedef enum natkit_stun_outcome {
  /** With a success response. */
  NATKIT_STUN_OUTCOME_SUCCESS = 1,
  /** With an error response: see `error_code`. */
  NATKIT_STUN_OUTCOME_ERROR_RESPONSE = 2,
  /** Without a response. */
  NATKIT_STUN_OUTCOME_TIMED_OUT = 3,
  /** Responses came, and none proved that it knows the password. */
  NATKIT_STUN_OUTCOME_INTEGRITY_VIOLATION = 4,
  /** With a response that cannot be used: no mapped address, no ERROR-CODE. */
  NATKIT_STUN_OUTCOME_BAD_RESPONSE = 5,
  /** The server, or somebody in between, offers weaker security than it said
   * before or than `refuses_md5` allows (RFC 8489 section 9.2). */
  NATKIT_STUN_OUTCOME_BID_DOWN = 6,
  /** The response has a comprehension-required attribute that is not known. */
  NATKIT_STUN_OUTCOME_UNKNOWN_ATTRIBUTE = 7
} natkit_stun_outcome;

/** When requests are sent again. All zeros: 7 requests at 0, 500, 1500, 3500,
 * ... ms and the end after 39.5 s (RFC 8489 section 6.2.1). Will not grow. */
typedef struct natkit_stun_schedule {
  /** RTO: the wait after the first request; each further one doubles. At most a
   * day; 0: 500 ms. */
  uint64_t initial_timeout_ns;
  /** No wait between two requests is longer. At most a day; 0: an hour. */
  uint64_t max_interval_ns;
  /** The wait after the last request. At most a day; 0: 16 times the RTO. */
  uint64_t final_wait_ns;
  /** Requests that are sent, at most 100; 0: 7. */
  uint32_t request_count;
  /** Zero. */
  uint32_t reserved;
} natkit_stun_schedule;

/* The client. */

/** Learns this host's reflexive address from one server, over UDP. */
typedef struct natkit_stun_client natkit_stun_client;

/** The form of a client's requests. */
typedef enum natkit_stun_server_kind {
  /** Servers of RFC 5389 and RFC 8489. */
  NATKIT_STUN_SERVER_ANY = 0,
  /** Tailscale's DERP servers, which answer one form of request only: SOFTWARE
   * "tailnode" and FINGERPRINT. */
  NATKIT_STUN_SERVER_DERP = 1,
  /** Servers of RFC 3489: its schedule, and a request without attributes. */
  NATKIT_STUN_SERVER_RFC3489 = 2
} natkit_stun_server_kind;

/** How a client asks. */
typedef struct natkit_stun_client_config {
  /** sizeof(natkit_stun_client_config); see natkit_init(). */
  size_t struct_size;
  /** Whom to ask. Must be set; a port of 0 is STUN's, 3478. */
  natkit_address server;
  /** A natkit_stun_server_kind. */
  uint32_t server_kind;
  /** SOFTWARE of requests, at most 763 bytes; NULL: none, or what
   * `server_kind` wants. */
  const char* software;
  /** The user; NULL: requests prove nothing. */
  const char* username;
  /** The user's password; needed with `username`. */
  const char* password;
  /** A natkit_stun_mechanism. */
  uint32_t mechanism;
  /** Not 0: requests have FINGERPRINT. */
  uint32_t sends_fingerprint;
  /** Not 0: requests are as short as they can be. By default they are as long
   * as the response, because some servers never send more than they got. */
  uint32_t no_filler;
  /** Not 0: goes where a verified 300 (Try Alternate) points (RFC 8489 section
   * 10). */
  uint32_t follows_redirects;
  /** Not 0: long-term servers that know MD5 alone are refused. */
  uint32_t refuses_md5;
  /** Not 0: sends the user's name in clear also where the server understands
   * USERHASH. */
  uint32_t shows_username;
  /** When requests are sent again; all zeros: as `server_kind` wants. */
  natkit_stun_schedule schedule;
  /** Where transaction IDs come from, asked until the client is freed; the
   * structure is copied. NULL: the system. */
  const natkit_random* random;
} natkit_stun_client_config;

/** How a request ended. */
typedef struct natkit_stun_event {
  /** sizeof(natkit_stun_event); see natkit_init(). */
  size_t struct_size;
  /** A natkit_stun_outcome. */
  uint32_t outcome;
  /** 300 to 699 with NATKIT_STUN_OUTCOME_ERROR_RESPONSE, else 0. */
  uint32_t error_code;
  /** Who was asked last; for a transaction, where the response came from. */
  natkit_address server;
  /** With NATKIT_STUN_OUTCOME_SUCCESS: where the server saw the request come
   * from, which is this socket's address beyond all NATs. Not set by
   * transactions. */
  natkit_address reflexive_address;
  /** Where a 300 response points, if it does. Not set by transactions. */
  natkit_address alternate_server;
  /** 1: the response carried valid integrity. Otherwise anybody may have
   * written it. */
  uint32_t is_verified;
  /** From request to response; 0 if not known, as when the request was sent
   * more than once. */
  uint64_t rtt_ns;
  /** 1: XOR-MAPPED-ADDRESS and MAPPED-ADDRESS differ, so that something on the
   * way rewrites addresses in payloads. The former is reported. */
  uint32_t is_alg_detected;
  /** Zero. */
  uint32_t reserved;
} natkit_stun_event;

/**
 * Makes a client. Nothing is sent before natkit_stun_client_start().
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED (too many handles), and
 * those of natkit_stun_make_short_term_key() for name and password.
 */
NATKIT_API int natkit_stun_client_new(const natkit_stun_client_config* config,
                                      natkit_stun_client** out);

/** Frees a client; NULL is allowed. */
NATKIT_API void natkit_stun_client_free(natkit_stun_client* client);

/** Begins to ask, or begins anew. There will be one event, unless
 * natkit_stun_client_cancel() comes before. */
NATKIT_API int natkit_stun_client_start(natkit_stun_client* client,
                                        uint64_t now_ns);

/** Ends without an event. */
NATKIT_API int natkit_stun_client_cancel(natkit_stun_client* client);

/**
 * Hands in a datagram that came from `from`.
 * @return 1 if it is a response to this client, used or not; 0 if it belongs to
 * somebody else
 */
NATKIT_API int natkit_stun_client_handle_datagram(natkit_stun_client* client,
                                                  uint64_t now_ns,
                                                  const natkit_address* from,
                                                  const void* data,
                                                  size_t size);

/** Says what time it is; early, late and repeated calls are harmless. */
NATKIT_API int natkit_stun_client_handle_timeout(natkit_stun_client* client,
                                                 uint64_t now_ns);

/**
 * The next datagram to send, and whom to.
 * @return its size; 0 if there is none
 * Errors: NATKIT_ERR_BUFFER_TOO_SMALL (it stays for the next call;
 * NATKIT_STUN_MAX_UDP_SIZE is enough for names, realms and nonces that are not
 * long, NATKIT_STUN_MAX_MESSAGE_SIZE always).
 */
NATKIT_API int natkit_stun_client_poll_transmit(natkit_stun_client* client,
                                                natkit_address* to,
                                                void* buffer, size_t capacity);

/**
 * The event, once there is one.
 * @return 1, or 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
 */
NATKIT_API int natkit_stun_client_poll_event(natkit_stun_client* client,
                                             natkit_stun_event* out);

/**
 * When to call natkit_stun_client_handle_timeout() next. While there is an
 * event or a datagram to take, that is now.
 * @return 1, or 0 if there is nothing to wait for
 */
NATKIT_API int natkit_stun_client_next_timeout(const natkit_stun_client* client,
                                               uint64_t* out_ns);

/**
 * Begins to ask, or begins anew, over the UDP socket `fd`, and blocks until the
 * event, for programs without an event loop. The client is this call's alone
 * meanwhile; its time is natkit_monotonic_ns(). The socket stays the caller's:
 * it may be blocking or not, connected to the server or not, and an IPv6 socket
 * without IPV6_V6ONLY reaches IPv4 servers. What else comes in until then is
 * dropped, so nobody else may be using the socket. Signals do not end it.
 * @return 1
 * Errors: NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_UNSUPPORTED (`fd` is no UDP
 * socket, or one of another address family), NATKIT_ERR_UNREACHABLE,
 * NATKIT_ERR_PERMISSION_DENIED, NATKIT_ERR_ADDRESS_NOT_AVAILABLE,
 * NATKIT_ERR_IO, NATKIT_ERR_CLOSED (another thread closed `fd`). That nobody
 * answers is no error but an event.
 */
NATKIT_API int natkit_stun_client_run(natkit_stun_client* client, int fd,
                                      natkit_stun_event* out);

/* One transaction. */

/** One request of the caller's and its response (RFC 8489 section 6.2): sends,
 * sends again, checks what comes back, and ends with one event. */
typedef struct natkit_stun_transaction natkit_stun_transaction;

/** How a transaction is run. */
typedef struct natkit_stun_transaction_config {
  /** sizeof(natkit_stun_transaction_config); see natkit_init(). */
  size_t struct_size;
  /** Where the request goes. Must be set; a port of 0 is STUN's, 3478. */
  natkit_address server;
  /** Not 0: responses count wherever they come from, as RFC 5780 needs it. */
  uint32_t accepts_any_source;
  /** The request, a whole message; sent as it is. */
  const void* request;
  /** Its size in bytes. */
  size_t request_size;
  /** Responses without an integrity attribute that fits this key, of a kind
   * that the request has, do not count. NULL: all count. */
  const natkit_stun_key* key;
  /** A natkit_stun_mechanism: with NATKIT_STUN_LONG_TERM error responses 401
   * and 438 count without integrity. */
  uint32_t mechanism;
  /** Not 0: responses without FINGERPRINT do not count. */
  uint32_t requires_fingerprint;
  /** Comprehension-required attributes that the caller knows, besides those of
   * RFC 8489. */
  const uint16_t* understood;
  /** How many they are, at most 128. */
  size_t understood_count;
  /** When the request is sent again. */
  natkit_stun_schedule schedule;
} natkit_stun_transaction_config;

/**
 * Makes a transaction. Nothing is sent before natkit_stun_transaction_start().
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED, and the parse errors of
 * natkit/stun_message.h with NATKIT_ERR_BAD_VALUE also if `request` is none.
 */
NATKIT_API int natkit_stun_transaction_new(
    const natkit_stun_transaction_config* config,
    natkit_stun_transaction** out);

/** Frees a transaction; NULL is allowed. */
NATKIT_API void natkit_stun_transaction_free(
    natkit_stun_transaction* transaction);

/** Sends the request. Errors: NATKIT_ERR_INVALID_STATE (started before). */
NATKIT_API int natkit_stun_transaction_start(
    natkit_stun_transaction* transaction, uint64_t now_ns);

/** Ends without an event. */
NATKIT_API int natkit_stun_transaction_cancel(
    natkit_stun_transaction* transaction);

/** Hands in a datagram that came from `from`.
 * @return 1 if it is a response to this request, used or not; else 0 */
NATKIT_API int natkit_stun_transaction_handle_datagram(
    natkit_stun_transaction* transaction, uint64_t now_ns,
    const natkit_address* from, const void* data, size_t size);

/** Says what time it is; early, late and repeated calls are harmless. */
NATKIT_API int natkit_stun_transaction_handle_timeout(
    natkit_stun_transaction* transaction, uint64_t now_ns);

/** The request, when it is time to send it.
 * @return its size; 0 if there is nothing to send
 * Errors: NATKIT_ERR_BUFFER_TOO_SMALL (it stays for the next call; the size of
 * the request is enough). */
NATKIT_API int natkit_stun_transaction_poll_transmit(
    natkit_stun_transaction* transaction, natkit_address* to, void* buffer,
    size_t capacity);

/**
 * The event, once there is one, and the response that ended the transaction:
 * its bytes in `buffer`, of which `*out_size` says how many; 0 if no
 * response counted. `buffer` may be NULL if `capacity` is 0.
 * @return 1, or 0 if there is none
 * Errors: NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_BUFFER_TOO_SMALL (the event stays,
 * `*out_size` says how many bytes are needed; NATKIT_STUN_MAX_MESSAGE_SIZE is
 * always enough).
 */
NATKIT_API int natkit_stun_transaction_poll_event(
    natkit_stun_transaction* transaction, natkit_stun_event* out, void* buffer,
    size_t capacity, size_t* out_size);

/** When to call natkit_stun_transaction_handle_timeout() next.
 * @return 1, or 0 if there is nothing to wait for */
NATKIT_API int natkit_stun_transaction_next_timeout(
    const natkit_stun_transaction* transaction, uint64_t* out_ns);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_STUN_H_ */
