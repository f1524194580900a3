/**
 * @file
 * WireGuard to one peer over any transport of the caller's: one packet in, one
 * packet out. natkit/wireguard.h, which includes this header, has devices with
 * many peers.
 */
#ifndef NATKIT_WIREGUARD_TUNNEL_H_
#define NATKIT_WIREGUARD_TUNNEL_H_

#include "natkit/common.h"
#include "natkit/wireguard_common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A tunnel to one peer over a transport of the caller's: a socket, a relay,
 * anything that carries datagrams to that peer.
 *
 * After each call, send what natkit_wg_tunnel_poll_transmit() gives until it
 * gives nothing, and have natkit_wg_tunnel_handle_timeout() called at the time
 * that natkit_wg_tunnel_next_timeout() says.
 */
typedef struct natkit_wg_tunnel natkit_wg_tunnel;

/** How a tunnel is made. */
typedef struct natkit_wg_tunnel_config {
  /** sizeof(natkit_wg_tunnel_config); see natkit_init(). */
  size_t struct_size;
  /** Where random bytes come from; NULL: from the system. */
  const natkit_random* random;
  /** The time of this call. */
  uint64_t now_ns;
  /** See natkit_wg_device_config::wall_clock_ns. */
  uint64_t wall_clock_ns;
  /** The sources of packets that the peer may send, and the destinations of
   * those for it. NULL and 0: all. */
  const natkit_prefix* allowed_ips;
  /** How many. */
  size_t allowed_ip_count;
  /** How often a datagram is sent at least, to keep NATs open: at most 65,535
   * seconds. 0: never. */
  uint64_t keepalive_ns;
  /** Our private key. */
  uint8_t private_key[NATKIT_KEY_SIZE];
  /** The peer's public key. */
  uint8_t public_key[NATKIT_KEY_SIZE];
  /** The key that both share beside their own; zeros: none. */
  uint8_t preshared_key[NATKIT_KEY_SIZE];
  /** The tunnel's MTU: packets are not padded beyond it. 0: 1420. */
  uint32_t mtu;
  /** Packets that may wait for a handshake. 0: 128. */
  uint32_t max_staged_packets;
  /** Bytes of them. 0: 262,144. */
  uint32_t max_staged_bytes;
  /** See natkit_wg_device_config::handshakes_per_second. */
  uint32_t handshakes_per_second;
} natkit_wg_tunnel_config;

/**
 * Makes a tunnel. Nothing is sent before there is a packet to seal, a keepalive
 * interval, or natkit_wg_tunnel_initiate_handshake().
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for a `wall_clock_ns` of 0 or a bad
 * prefix), NATKIT_ERR_BAD_VALUE (a key of zeros, our own key as the peer's, a
 * keepalive too long), NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_UNSUPPORTED,
 * NATKIT_ERR_LIMIT_EXCEEDED.
 */
NATKIT_API int natkit_wg_tunnel_new(const natkit_wg_tunnel_config* config,
                                    natkit_wg_tunnel** out);

/** Frees a tunnel and wipes its keys; `tunnel` may be NULL. */
NATKIT_API void natkit_wg_tunnel_free(natkit_wg_tunnel* tunnel);

/**
 * Seals an IP packet of `size` bytes into `buffer`, which has room for
 * NATKIT_WG_SEALED_SIZE(size) bytes or more and does not overlap it.
 * @return the length of the datagram to send; 0 if the packet waits for a
 * handshake: natkit_wg_tunnel_poll_transmit() gives it then
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for an overlap or more than 65,535
 * bytes), NATKIT_ERR_BUFFER_TOO_SMALL, NATKIT_ERR_BAD_VALUE (no IP packet, or
 * one of more than NATKIT_WG_MAX_PACKET_SIZE), NATKIT_ERR_NO_ROUTE (outside of
 * `allowed_ips`), NATKIT_ERR_LIMIT_EXCEEDED (more than NATKIT_WG_KEPT_LIMIT
 * bytes wait for natkit_wg_tunnel_poll_transmit()).
 */
NATKIT_API int natkit_wg_tunnel_seal(natkit_wg_tunnel* tunnel, uint64_t now_ns,
                                     const void* data, size_t size,
                                     void* buffer, size_t capacity);

/**
 * Takes a datagram of `size` bytes from the peer's side. An IP packet in it
 * goes to `buffer`, which has room for `size` bytes and does not overlap it;
 * what is behind the packet in `buffer` may be overwritten.
 * @return the length of the IP packet; 0 if there is none, as in handshakes and
 * keepalives
 * Errors: NATKIT_ERR_BAD_ARGUMENT and NATKIT_ERR_LIMIT_EXCEEDED as for
 * natkit_wg_tunnel_seal(), NATKIT_ERR_BUFFER_TOO_SMALL. The others say why the
 * datagram was dropped, and are no reason to stop: NATKIT_ERR_BAD_VALUE (no
 * WireGuard message, or no IP packet in it), NATKIT_ERR_AUTH_FAILED,
 * NATKIT_ERR_REPLAYED, NATKIT_ERR_UNKNOWN_INDEX, NATKIT_ERR_UNKNOWN_PEER,
 * NATKIT_ERR_NO_SESSION (too old), NATKIT_ERR_NOT_ALLOWED (outside of
 * `allowed_ips`), NATKIT_ERR_LIMIT_EXCEEDED (also for handshakes under load).
 */
NATKIT_API int natkit_wg_tunnel_open(natkit_wg_tunnel* tunnel, uint64_t now_ns,
                                     const void* data, size_t size,
                                     void* buffer, size_t capacity);

/**
 * Takes the next datagram that is to be sent to the peer: handshakes,
 * keepalives, and packets that waited for a handshake.
 * @return its length; 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL (it stays;
 * NATKIT_WG_SEALED_SIZE(NATKIT_WG_MAX_PACKET_SIZE) is always enough, and
 * NATKIT_WG_SEALED_SIZE() of the longest packet that was given to
 * natkit_wg_tunnel_seal(), or NATKIT_WG_HANDSHAKE_SIZE if that is more).
 */
NATKIT_API int natkit_wg_tunnel_poll_transmit(natkit_wg_tunnel* tunnel,
                                              void* buffer, size_t capacity);

/** Does what is due. Early, late or repeated calls are harmless. Errors:
 * NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_LIMIT_EXCEEDED as for
 * natkit_wg_tunnel_seal(). */
NATKIT_API int natkit_wg_tunnel_handle_timeout(natkit_wg_tunnel* tunnel,
                                               uint64_t now_ns);

/**
 * When to call natkit_wg_tunnel_handle_timeout() next; at once while datagrams
 * wait to be sent.
 * @return 1 with `*out_ns` set, 0 if nothing is planned
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_wg_tunnel_next_timeout(const natkit_wg_tunnel* tunnel,
                                             uint64_t* out_ns);

/**
 * Takes the next event.
 * @return 1 with `out` filled, 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
 */
NATKIT_API int natkit_wg_tunnel_poll_event(natkit_wg_tunnel* tunnel,
                                           natkit_wg_event* out);

/**
 * Starts a handshake, which is retried for 90 seconds; a session that exists
 * goes on until then. With `is_forced` not at most one in 5 seconds but in 20
 * milliseconds.
 * Errors: NATKIT_ERR_INVALID_STATE (the peer's key is none that exists),
 * NATKIT_ERR_LIMIT_EXCEEDED (too soon; it is tried when the time has come; or
 * as for natkit_wg_tunnel_seal()).
 */
NATKIT_API int natkit_wg_tunnel_initiate_handshake(natkit_wg_tunnel* tunnel,
                                                   uint64_t now_ns,
                                                   int is_forced);

/**
 * Makes an empty packet for the peer, to prove a path.
 * Errors: NATKIT_ERR_NO_SESSION, NATKIT_ERR_LIMIT_EXCEEDED as for
 * natkit_wg_tunnel_seal().
 */
NATKIT_API int natkit_wg_tunnel_send_keepalive(natkit_wg_tunnel* tunnel,
                                               uint64_t now_ns);

/** Fills `out`, whose addresses are not set. Errors: NATKIT_ERR_BAD_ARGUMENT,
 * NATKIT_ERR_STRUCT_SIZE. */
NATKIT_API int natkit_wg_tunnel_get_status(const natkit_wg_tunnel* tunnel,
                                           natkit_wg_peer_status* out);

/** Fills `out`. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE. */
NATKIT_API int natkit_wg_tunnel_get_counters(const natkit_wg_tunnel* tunnel,
                                             natkit_wg_counters* out);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_WIREGUARD_TUNNEL_H_ */
