/**
 * @file
 * A STUN server for Binding (RFC 8489) and behaviour discovery (RFC 5780).
 */
#ifndef NATKIT_STUN_SERVER_H_
#define NATKIT_STUN_SERVER_H_

#include "natkit/common.h"
#include "natkit/stun_message.h"

#ifdef __cplusplus
extern "C" {
#endif

/** No response is longer, bytes. */
#define NATKIT_STUN_MAX_RESPONSE_SIZE 2048

/**
 * Answers requests. Made for the open Internet: it answers requests only, so
 * two servers never talk to each other, and keeps no state but tables of fixed
 * size. Does not allocate once it is made, but for what the sums of credentials
 * take for a moment.
 */
typedef struct natkit_stun_server natkit_stun_server;

/** How many bytes may be sent for those received, over UDP. */
typedef enum natkit_stun_amplification {
  /** Each response is as short as its protocol allows, and always sent: at most
   * 1.6 times the request, with discovery 3.4 times. */
  NATKIT_STUN_AMPLIFICATION_MINIMAL = 0,
  /** Over time never more than came from a source, which may be 48 bytes
   * ahead. */
  NATKIT_STUN_AMPLIFICATION_BALANCED = 1,
  /** No response is longer than its request; otherwise silence. */
  NATKIT_STUN_AMPLIFICATION_NONE = 2
} natkit_stun_amplification;

/** The algorithms of long-term keys that a server offers. */
typedef enum natkit_stun_algorithms {
  /** SHA-256, and MD5 for clients of RFC 5389. */
  NATKIT_STUN_ALGORITHMS_ALL = 0,
  /** SHA-256 alone: clients of RFC 5389 cannot log in. */
  NATKIT_STUN_ALGORITHMS_SHA256 = 1,
  /** MD5 alone, as a server of RFC 5389. */
  NATKIT_STUN_ALGORITHMS_RFC5389 = 2
} natkit_stun_algorithms;

/** A user of a server. Will not grow. */
typedef struct natkit_stun_user {
  /** The user's name. */
  const char* username;
  /** The user's password. */
  const char* password;
} natkit_stun_user;

/**
 * The two addresses and two ports of a server that helps to discover NAT
 * behaviour: four local endpoints, all of one address family, at each of which
 * it has to receive. Will not grow.
 */
typedef struct natkit_stun_endpoints {
  /** One address and port, such as 192.0.2.1:3478. */
  natkit_address primary;
  /** The other address and the other port, such as 192.0.2.2:3479. */
  natkit_address other;
  /** What clients see instead of the address of `primary`, where the server is
   * behind a 1:1 NAT; the port does not count. Not set: the same. */
  natkit_address advertised_primary;
  /** The same for `other`. */
  natkit_address advertised_other;
} natkit_stun_endpoints;

/** How a server answers. */
typedef struct natkit_stun_server_config {
  /** sizeof(natkit_stun_server_config); see natkit_init(). */
  size_t struct_size;
  /** SOFTWARE of responses, at most 128 bytes; NULL: none. */
  const char* software;
  /** A natkit_stun_amplification. */
  uint32_t amplification;
  /** Not 0: answers Tailscale's clients alone, by the form of their requests.
   */
  uint32_t tailnode_only;
  /** Not 0: answers clients of RFC 3489, over IPv4. Not for a socket that other
   * protocols share. */
  uint32_t answers_rfc3489;
  /** A natkit_stun_mechanism. With NATKIT_STUN_SHORT_TERM and no user, everyone
   * is answered; else only `users`. */
  uint32_t mechanism;
  /** Who is answered. */
  const natkit_stun_user* users;
  /** How many they are. */
  size_t user_count;
  /** The realm of NATKIT_STUN_LONG_TERM, 1 to 127 bytes; else NULL. */
  const char* realm;
  /** A natkit_stun_algorithms. */
  uint32_t algorithms;
  /** Not 0: users have to send their names in clear, not as USERHASH. */
  uint32_t no_userhash;
  /** How long a nonce is good, at most a day; 0: 10 minutes. */
  uint64_t nonce_lifetime_ns;
  /** 32 secret bytes that nonces are signed with; servers that share them, and
   * a clock, accept each other's. NULL: drawn at random. */
  const uint8_t* nonce_key;
  /** Where users are sent that ask over its address family (300, RFC 8489
   * section 10). Not set: nowhere. */
  natkit_address alternate_server;
  /** Not 0: a source may ask as often as it likes. */
  uint32_t no_rate_limit;
  /** Requests per second that a source may go on sending, at most 1000000; 0:
   * 10. A source is an IPv4 address or an IPv6 /64. */
  uint32_t requests_per_second;
  /** Requests at once after a pause, at most 1000000; 0: 60. */
  uint32_t request_burst;
  /** Sets of four endpoints for discovery (RFC 5780), such as one for IPv4 and
   * one for IPv6. None: CHANGE-REQUEST and its like get 420. */
  const natkit_stun_endpoints* endpoint_sets;
  /** How many sets, at most 16. */
  size_t endpoint_set_count;
  /** One answer to another port (RESPONSE-PORT) per source in this time, at
   * most a day; 0: 2 seconds. */
  uint64_t response_port_interval_ns;
  /** So many of these at once after a pause, at most 1000; 0: 3. */
  uint32_t response_port_burst;
  /** Buckets of each table of sources, at most 2^24, of up to 24 bytes each; 0:
   * 4096. */
  uint32_t table_size;
  /** Asked during natkit_stun_server_new() alone; NULL: the system. */
  const natkit_random* random;
} natkit_stun_server_config;

/** The way of a response. Will not grow. */
typedef struct natkit_stun_reply {
  /** The local endpoint to send from: where the request arrived or, with
   * CHANGE-REQUEST, another one of the four. Not set if that was not known. */
  natkit_address from;
  /** Whom to send to. */
  natkit_address to;
} natkit_stun_reply;

/** What became of the datagrams: each is counted in `received`, and in one of
 * the others up to `too_long`. */
typedef struct natkit_stun_counters {
  /** sizeof(natkit_stun_counters); see natkit_init(). */
  size_t struct_size;
  /** Datagrams, and messages from streams. */
  uint64_t received;
  /** Answered with a success response. */
  uint64_t answered;
  /** Answered with a success response of RFC 3489. */
  uint64_t answered_rfc3489;
  /** Answered with 420. */
  uint64_t unknown_attribute;
  /** Answered with 400, 401 or 438. */
  uint64_t unauthenticated;
  /** Answered with 300. */
  uint64_t sent_elsewhere;
  /** Answered with 400 or 403: attributes of RFC 5780 that are malformed or not
   * allowed. */
  uint64_t refused_discovery;
  /** Malformed, or of another protocol. */
  uint64_t not_stun;
  /** RFC 3489, which is not answered. */
  uint64_t refused_rfc3489;
  /** Responses, indications, other methods. */
  uint64_t not_a_request;
  /** Not of the form that `tailnode_only` wants. */
  uint64_t refused_form;
  /** From an address that cannot be answered, or from the server itself. */
  uint64_t refused_source;
  /** Beyond the rate limit. */
  uint64_t rate_limited;
  /** The response would have been longer than natkit_stun_amplification allows.
   */
  uint64_t too_long;
  /** Of those answered: CHANGE-REQUEST was honoured. */
  uint64_t changed;
  /** Of those answered: RESPONSE-PORT was honoured. */
  uint64_t redirected;
  /** Of those answered: with PADDING. */
  uint64_t padded;
  /** Bytes of all that was received. */
  uint64_t received_bytes;
  /** Bytes of all responses. */
  uint64_t sent_bytes;
} natkit_stun_counters;

/**
 * Makes a server.
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for endpoints that are not two
 * addresses of one family and two ports), NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED (too many handles), and
 * those of natkit_stun_make_short_term_key() for names and passwords.
 */
NATKIT_API int natkit_stun_server_new(const natkit_stun_server_config* config,
                                      natkit_stun_server** out);

/** Frees a server; NULL is allowed. */
NATKIT_API void natkit_stun_server_free(natkit_stun_server* server);

/**
 * Answers a datagram that came from `from` to `local` (NULL or not set: not
 * known). The response is written to `buffer`, which must not overlap `data`,
 * and its way to `out`.
 * @return the size of the response; 0: nothing is to be sent
 * Errors: NATKIT_ERR_BUFFER_TOO_SMALL (`capacity` is less than
 * NATKIT_STUN_MAX_RESPONSE_SIZE; the datagram was not looked at).
 */
NATKIT_API int natkit_stun_server_handle_datagram(
    natkit_stun_server* server, uint64_t now_ns, const natkit_address* local,
    const natkit_address* from, const void* data, size_t size,
    natkit_stun_reply* out, void* buffer, size_t capacity);

/**
 * Answers `count` datagrams: `remote` is where one came from, `local` where it
 * arrived. Responses are appended to `replies` with `remote` and `local` of
 * their way and the `peer` of the request; not every request has one. Requests
 * must not lie in the room that `replies` has left.
 * @return how many were appended
 * Errors: NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_BUFFER_TOO_SMALL (there has to be
 * room for `count` packets of NATKIT_STUN_MAX_RESPONSE_SIZE bytes; no datagram
 * was looked at).
 */
NATKIT_API int natkit_stun_server_handle_batch(natkit_stun_server* server,
                                               uint64_t now_ns,
                                               const natkit_packet* requests,
                                               size_t count,
                                               natkit_batch* replies);

/**
 * Answers a message of a TCP or TLS connection, which is as long as
 * natkit_stun_peek_size() says. `local` may be NULL or not set: not known.
 * @return the size of the response; 0: the connection is to be closed
 * Errors: as natkit_stun_server_handle_datagram().
 */
NATKIT_API int natkit_stun_server_handle_stream(natkit_stun_server* server,
                                                uint64_t now_ns,
                                                const natkit_address* local,
                                                const natkit_address* from,
                                                const void* data, size_t size,
                                                void* buffer, size_t capacity);

/** What became of the datagrams so far. Errors: NATKIT_ERR_BAD_ARGUMENT,
 * NATKIT_ERR_STRUCT_SIZE. */
NATKIT_API int natkit_stun_server_get_counters(const natkit_stun_server* server,
                                               natkit_stun_counters* out);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_STUN_SERVER_H_ */
