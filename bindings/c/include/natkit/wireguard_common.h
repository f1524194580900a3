/**
 * @file
 * What WireGuard devices (natkit/wireguard.h) and tunnels
 * (natkit/wireguard_tunnel.h) have alike; both headers include this one.
 *
 * "Paper" is J. Donenfeld, WireGuard: Next Generation Kernel Network Tunnel.
 */
#ifndef NATKIT_WIREGUARD_COMMON_H_
#define NATKIT_WIREGUARD_COMMON_H_

#include "natkit/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes. */

/** Bytes that sealing adds to the padded packet (paper, section 5.4.6). */
#define NATKIT_WG_OVERHEAD 32
/** The longest IP packet that can be sealed. */
#define NATKIT_WG_MAX_PACKET_SIZE 65475
/** Bytes that a sealed packet of `size` bytes takes at most: packets are padded
 * to a multiple of 16 bytes. */
#define NATKIT_WG_SEALED_SIZE(size) \
  (((size) + 15) / 16 * 16 + NATKIT_WG_OVERHEAD)
/** Bytes of the longest handshake message. */
#define NATKIT_WG_HANDSHAKE_SIZE 148
/** Bytes of datagrams that a handle keeps for the caller before it refuses to
 * make more; see natkit_wg_device_poll_transmit(). */
#define NATKIT_WG_KEPT_LIMIT 1048576

/* Peers. */

/** natkit_wg_event::type. */
typedef enum natkit_wg_event_type {
  /** A new session is in use. */
  NATKIT_WG_EVENT_HANDSHAKE_COMPLETED = 1,
  /** No answer for 90 seconds: retries have stopped, packets that waited are
   * gone. The next packet to the peer starts over. */
  NATKIT_WG_EVENT_HANDSHAKE_GAVE_UP = 2,
  /** An authentic datagram came from, or to, another address than before; the
   * device sends there from now on. Not of tunnels. */
  NATKIT_WG_EVENT_ENDPOINT_CHANGED = 3,
  /** All keys of the peer were erased: 9 minutes without a new handshake, or
   * another private key. */
  NATKIT_WG_EVENT_SESSION_EXPIRED = 4
} natkit_wg_event_type;

/** Something that happened. */
typedef struct natkit_wg_event {
  /** sizeof(natkit_wg_event); see natkit_init(). */
  size_t struct_size;
  /** A natkit_wg_event_type. */
  uint32_t type;
  /** The peer. */
  uint32_t peer;
  /** HANDSHAKE_COMPLETED: 1 if we began the handshake, else 0. */
  uint32_t is_initiator;
  /** ENDPOINT_CHANGED: where the peer is. */
  natkit_address remote;
  /** ENDPOINT_CHANGED: our address that it sends to, as far as known. */
  natkit_address local;
  /** Zero. */
  uint32_t reserved;
} natkit_wg_event;

/** What there is to know about a peer; no secrets. */
typedef struct natkit_wg_peer_status {
  /** sizeof(natkit_wg_peer_status); see natkit_init(). */
  size_t struct_size;
  /** Bytes of authentic datagrams from the peer, of all kinds. */
  uint64_t rx_bytes;
  /** Bytes of datagrams for the peer, of all kinds. */
  uint64_t tx_bytes;
  /** When the last handshake was completed, by the wall clock: nanoseconds
   * since 1970. 0: never. */
  uint64_t last_handshake_ns;
  /** See natkit_wg_peer_config::keepalive_ns. */
  uint64_t keepalive_ns;
  /** The peer's public key. */
  uint8_t public_key[NATKIT_KEY_SIZE];
  /** Where its datagrams go: configured, or learnt. */
  natkit_address endpoint;
  /** Our address that its last authentic datagram came to. */
  natkit_address local;
  /** Its number. */
  uint32_t peer;
  /** 1 while packets can be sealed without a new handshake, else 0. */
  uint32_t has_session;
  /** 1 if it has a pre-shared key, else 0. */
  uint32_t has_preshared_key;
  /** How many prefixes it is allowed. */
  uint32_t allowed_ip_count;
} natkit_wg_peer_status;

/**
 * Why a packet went no further: the index in natkit_wg_counters::drops. Each
 * dropped packet counts once.
 */
typedef enum natkit_wg_drop {
  /** In: no WireGuard message, or a wrong length. */
  NATKIT_WG_DROP_MALFORMED = 0,
  /** In: a handshake message while there is no private key. */
  NATKIT_WG_DROP_NO_PRIVATE_KEY = 1,
  /** In: the sender does not know our public key. */
  NATKIT_WG_DROP_BAD_MAC1 = 2,
  /** In: under load; the sender was given a cookie. */
  NATKIT_WG_DROP_COOKIE_REQUIRED = 3,
  /** In: under load, too many handshakes from this address. */
  NATKIT_WG_DROP_RATE_LIMITED = 4,
  /** In: a handshake message that does not decrypt. */
  NATKIT_WG_DROP_HANDSHAKE_AUTH = 5,
  /** In: a handshake of a key that is not configured. */
  NATKIT_WG_DROP_UNKNOWN_PEER = 6,
  /** In: an initiation that is not newer than the last one. */
  NATKIT_WG_DROP_TIMESTAMP_REPLAYED = 7,
  /** In: more than 50 initiations a second from one peer. */
  NATKIT_WG_DROP_INITIATION_FLOOD = 8,
  /** In: a response to nothing that we asked. */
  NATKIT_WG_DROP_UNEXPECTED_RESPONSE = 9,
  /** In: a cookie for nothing that we sent, or not authentic. */
  NATKIT_WG_DROP_UNEXPECTED_COOKIE = 10,
  /** In: of no session that we have. */
  NATKIT_WG_DROP_UNKNOWN_INDEX = 11,
  /** In: of a session that is too old. */
  NATKIT_WG_DROP_SESSION_EXPIRED = 12,
  /** In: does not decrypt. */
  NATKIT_WG_DROP_DATA_AUTH = 13,
  /** In: seen before, or too old to tell. */
  NATKIT_WG_DROP_DATA_REPLAYED = 14,
  /** In: what was sealed is no IP packet. */
  NATKIT_WG_DROP_BAD_INNER_PACKET = 15,
  /** In: the packet's source is not among the peer's allowed addresses. */
  NATKIT_WG_DROP_NOT_ALLOWED = 16,
  /** Out: no IP packet, or too long. */
  NATKIT_WG_DROP_BAD_PLAINTEXT = 17,
  /** Out: no peer is allowed the destination. */
  NATKIT_WG_DROP_NO_ROUTE = 18,
  /** Out: the peer's endpoint is not known. */
  NATKIT_WG_DROP_NO_ENDPOINT = 19,
  /** Out: the oldest packet that waited made room for a newer one. */
  NATKIT_WG_DROP_STAGED_OVERFLOW = 20,
  /** Out: waited until the handshake gave up or the peer was removed. */
  NATKIT_WG_DROP_STAGED_FLUSHED = 21
} natkit_wg_drop;

/** The length of natkit_wg_counters::drops; not all are in use. */
#define NATKIT_WG_DROP_COUNT 32

/** Totals since the handle was made. */
typedef struct natkit_wg_counters {
  /** sizeof(natkit_wg_counters); see natkit_init(). */
  size_t struct_size;
  /** Dropped packets, by natkit_wg_drop. */
  uint64_t drops[NATKIT_WG_DROP_COUNT];
  /** Packets sealed. */
  uint64_t data_sealed;
  /** Packets opened and given to the caller. */
  uint64_t data_opened;
  /** Keepalives made. */
  uint64_t keepalives_sent;
  /** Keepalives received. */
  uint64_t keepalives_received;
  /** Handshake initiations made. */
  uint64_t initiations_sent;
  /** Handshake initiations accepted. */
  uint64_t initiations_accepted;
  /** Handshake responses accepted. */
  uint64_t responses_accepted;
  /** Cookies given to senders. */
  uint64_t cookie_replies_sent;
  /** Cookies received. */
  uint64_t cookie_replies_accepted;
  /** Events that nobody asked for in time; the oldest went. */
  uint64_t events_lost;
} natkit_wg_counters;

/**
 * Names a natkit_wg_drop as metrics spell it, such as "bad_mac1". NULL for a
 * number that is not in use. Static storage. Thread-safe.
 */
NATKIT_API const char* natkit_wg_drop_name(uint32_t drop);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_WIREGUARD_COMMON_H_ */
