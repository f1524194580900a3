/**
 * @file
 * WireGuard without sockets: tunnels to one peer, devices with many.
 *
 * Both are cores: they are told the time and what came in, and say what is to
 * be sent and when to be called again. Nothing is read from the system except
 * random bytes, if the caller gives no source of its own.
 *
 * - natkit_wg_tunnel: one peer, over any transport of the caller's. One packet
 *   in, one packet out.
 * - natkit_wg_device: what a WireGuard interface does: many peers, allowed
 *   addresses, endpoints that roam, configuration by text. Batches of packets
 *   over memory of the caller's.
 *
 * The general contract is that of natkit/common.h. Sealing and opening do not
 * allocate and do not copy packets more than the cipher does.
 *
 * "Paper" is J. Donenfeld, WireGuard: Next Generation Kernel Network Tunnel.
 */
#ifndef NATKIT_WIREGUARD_H_
#define NATKIT_WIREGUARD_H_

#include "natkit/common.h"
#include "natkit/wireguard_common.h"
#include "natkit/wireguard_tunnel.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One WireGuard interface with any number of peers. */
typedef struct natkit_wg_device natkit_wg_device;

/** natkit_wg_device_config::endpoints. */
typedef enum natkit_wg_endpoints {
  /** Packets for a peer whose address is not known are dropped. */
  NATKIT_WG_ENDPOINTS_REQUIRED = 0,
  /** The caller knows how to reach peers by their number: datagrams are made
   * also for peers without an address. */
  NATKIT_WG_ENDPOINTS_BY_OWNER = 1
} natkit_wg_endpoints;

/** How a device is made. */
typedef struct natkit_wg_device_config {
  /** sizeof(natkit_wg_device_config); see natkit_init(). */
  size_t struct_size;
  /** Where random bytes come from; NULL: from the system. */
  const natkit_random* random;
  /** The time of this call. */
  uint64_t now_ns;
  /** The wall clock at `now_ns`: nanoseconds since 1970, UTC, not 0 and below
   * 2^62; see natkit_wall_clock_ns(). Handshakes carry it: peers refuse what is
   * not later than what they have seen, in earlier runs too. */
  uint64_t wall_clock_ns;
  /** Our private key; zeros: none yet. */
  uint8_t private_key[NATKIT_KEY_SIZE];
  /** A natkit_wg_endpoints. */
  uint32_t endpoints;
  /** The tunnel's MTU: packets are not padded beyond it. 0: 1420. */
  uint32_t mtu;
  /** 0: 65,536. */
  uint32_t max_peers;
  /** Packets that may wait for a handshake, of each peer. 0: 128. */
  uint32_t max_staged_packets;
  /** Bytes of them. 0: 262,144. */
  uint32_t max_staged_bytes;
  /** Handshake messages in one second that put the device under load: senders
   * need cookies then (paper, section 5.3). 0: 250. */
  uint32_t handshakes_per_second;
  /** Events that wait for the caller. 0: 4096. */
  uint32_t max_queued_events;
  /** Not 0: keepalives that come in are given out, as empty packets. */
  uint32_t reports_keepalives;
} natkit_wg_device_config;

/**
 * Makes a device.
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for a `wall_clock_ns` of 0),
 * NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED.
 */
NATKIT_API int natkit_wg_device_new(const natkit_wg_device_config* config,
                                    natkit_wg_device** out);

/** Frees a device and wipes its keys; `device` may be NULL. */
NATKIT_API void natkit_wg_device_free(natkit_wg_device* device);

/**
 * Sets our private key (32 bytes); NULL or zeros take it away. A changed key
 * drops all sessions; a peer with our own public key is removed. The same key
 * again changes nothing.
 */
NATKIT_API int natkit_wg_device_set_private_key(natkit_wg_device* device,
                                                uint64_t now_ns,
                                                const uint8_t* private_key);

/** What a device is to know about a peer. */
typedef struct natkit_wg_peer_config {
  /** sizeof(natkit_wg_peer_config); see natkit_init(). */
  size_t struct_size;
  /** Where packets to the peer go, and from where it may send. A prefix that
   * another peer has leaves that peer. NULL if there are none. */
  const natkit_prefix* allowed_ips;
  /** How many. */
  size_t allowed_ip_count;
  /** How often a datagram is sent at least, to keep NATs open: at most 65,535
   * seconds. 0: never. */
  uint64_t keepalive_ns;
  /** The peer's public key. */
  uint8_t public_key[NATKIT_KEY_SIZE];
  /** The key that both share beside their own; zeros: none. */
  uint8_t preshared_key[NATKIT_KEY_SIZE];
  /** Where the peer is. Not set: as before, or not known yet. */
  natkit_address endpoint;
  /** Not 0: `allowed_ips` add to those that the peer has; 0: they replace them.
   */
  uint32_t adds_allowed_ips;
} natkit_wg_peer_config;

/**
 * Adds a peer, or changes the one with this public key into what `config`
 * says; its session goes on. `out_peer`, unless NULL, gets its number: from 1
 * up, never used again.
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for a bad prefix, family or duration),
 * NATKIT_ERR_BAD_VALUE (our own key, the zero key, a keepalive too long),
 * NATKIT_ERR_LIMIT_EXCEEDED (max_peers), NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED.
 */
NATKIT_API int natkit_wg_device_set_peer(natkit_wg_device* device,
                                         uint64_t now_ns,
                                         const natkit_wg_peer_config* config,
                                         uint32_t* out_peer);

/** Removes a peer and its sessions. Errors: NATKIT_ERR_NOT_FOUND. */
NATKIT_API int natkit_wg_device_remove_peer(natkit_wg_device* device,
                                            uint32_t peer);

/**
 * Has datagrams for the peer go to `remote`, from `local` (may be NULL or not
 * set: any), until an authentic datagram comes from elsewhere.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND.
 */
NATKIT_API int natkit_wg_device_set_endpoint(natkit_wg_device* device,
                                             uint32_t peer,
                                             const natkit_address* remote,
                                             const natkit_address* local);

/**
 * Finds the number of the peer with a public key (32 bytes).
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND.
 */
NATKIT_API int natkit_wg_device_find_peer(const natkit_wg_device* device,
                                          const uint8_t* public_key,
                                          uint32_t* out_peer);

/**
 * Finds the peer that packets to `address` go to: the longest prefix wins. The
 * port is ignored.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NO_ROUTE.
 */
NATKIT_API int natkit_wg_device_find_route(const natkit_wg_device* device,
                                           const natkit_address* address,
                                           uint32_t* out_peer);

/**
 * Fills `out` with what there is to know about a peer.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_NOT_FOUND.
 */
NATKIT_API int natkit_wg_device_get_peer_status(const natkit_wg_device* device,
                                                uint32_t peer,
                                                natkit_wg_peer_status* out);

/**
 * The prefixes that a peer is allowed. The first `capacity` are written to
 * `out`, which may be NULL if `capacity` is 0.
 * @return how many there are, which may be more than `capacity`
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND.
 */
NATKIT_API int natkit_wg_device_get_allowed_ips(const natkit_wg_device* device,
                                                uint32_t peer,
                                                natkit_prefix* out,
                                                size_t capacity);

/**
 * The numbers of all peers, in the order they were added. The first `capacity`
 * are written to `out`, which may be NULL if `capacity` is 0.
 * @return how many there are, which may be more than `capacity`
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_wg_device_get_peers(const natkit_wg_device* device,
                                          uint32_t* out, size_t capacity);

/** What there is to know about a device; no secrets. */
typedef struct natkit_wg_device_status {
  /** sizeof(natkit_wg_device_status); see natkit_init(). */
  size_t struct_size;
  /** Our public key; zeros without a private one. */
  uint8_t public_key[NATKIT_KEY_SIZE];
  /** How many peers there are. */
  uint32_t peer_count;
  /** The UDP port that configuration asks for, which the caller opens; 0: any.
   */
  uint32_t listen_port;
  /** The mark that configuration asks for, which the caller sets on its
   * socket; 0: none. */
  uint32_t fwmark;
  /** Zero. */
  uint32_t reserved;
} natkit_wg_device_status;

/**
 * Fills `out`. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
 */
NATKIT_API int natkit_wg_device_get_status(const natkit_wg_device* device,
                                           natkit_wg_device_status* out);

/** Notes the port of the caller's socket, for who asks with `get=1`. Errors:
 * NATKIT_ERR_BAD_ARGUMENT (over 65,535). */
NATKIT_API int natkit_wg_device_set_listen_port(natkit_wg_device* device,
                                                uint32_t port);

/** Fills `out`. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE. */
NATKIT_API int natkit_wg_device_get_counters(const natkit_wg_device* device,
                                             natkit_wg_counters* out);

/**
 * Says whether the caller is under load. `is_high` not 0: every sender of a
 * handshake needs a cookie; 0: the device judges by itself, as at the start.
 */
NATKIT_API int natkit_wg_device_report_load(natkit_wg_device* device,
                                            int is_high);

/**
 * Serves one operation of WireGuard's configuration protocol, as programs send
 * it to a device's UNIX socket: `set=1` or `get=1` with its lines. The answer
 * goes to `buffer` with a zero byte; both texts may hold keys, and copies made
 * here are wiped. `out_size`, unless NULL, gets the bytes that the answer
 * needs, also when `capacity` is less.
 * @return the length of the answer without the zero byte; it ends with
 * "errno=0\n\n" if the operation was a success
 * Errors: NATKIT_ERR_BAD_ARGUMENT; NATKIT_ERR_BUFFER_TOO_SMALL: nothing was
 * done (64 bytes are enough for each `set=1`).
 */
NATKIT_API int natkit_wg_device_handle_uapi(natkit_wg_device* device,
                                            uint64_t now_ns,
                                            const char* request,
                                            size_t request_size, char* buffer,
                                            size_t capacity, size_t* out_size);

/*
 * Functions that put datagrams out, `datagrams` below, append them to the
 * caller's batch. Each has the address to send to in `remote`, the address to
 * send from, if that matters, in `local`, and the number of its peer in `peer`
 * (0: a cookie, to be sent to `remote`).
 *
 * Nothing is lost if the batch has too little room, or is NULL: what does not
 * fit is kept in order, is what the next function puts out first (also if it
 * fails then), and is what natkit_wg_device_poll_transmit() is for. While more
 * than NATKIT_WG_KEPT_LIMIT bytes are kept, these functions do nothing but
 * return NATKIT_ERR_LIMIT_EXCEEDED.
 *
 * A batch that is given has to be initialised, else NATKIT_ERR_STRUCT_SIZE; one
 * that contradicts itself (more used than there is), shares memory with another
 * one of the call, or has packets of the input in its free memory is refused
 * with NATKIT_ERR_BAD_ARGUMENT.
 */

/**
 * Seals IP packets for the peers that are allowed their destinations. Only
 * `data` and `size` of `packets` count. Without a session the packet waits,
 * and a handshake starts; a packet that goes nowhere is dropped and counted.
 *
 * Each packet needs room for one datagram of NATKIT_WG_SEALED_SIZE(size);
 * handshakes that become due, and packets that waited, need more.
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for more than 65,535 bytes), and as
 * said above.
 */
NATKIT_API int natkit_wg_device_send_packets(natkit_wg_device* device,
                                             uint64_t now_ns,
                                             const natkit_packet* packets,
                                             size_t count,
                                             natkit_batch* datagrams);

/**
 * Takes datagrams that came in. `remote` of each is where it came from, `local`
 * where it came to, if known. IP packets that were in them are appended to
 * `plaintext` with the addresses of the datagram and the number of the sender
 * in `peer`. What is not authentic is dropped and counted.
 *
 * `plaintext` must have room for `count` packets and for the sizes of all of
 * them together, else NATKIT_ERR_BUFFER_TOO_SMALL and nothing happened.
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for more than 65,535 bytes),
 * NATKIT_ERR_BUFFER_TOO_SMALL, and as said above.
 */
NATKIT_API int natkit_wg_device_handle_datagrams(
    natkit_wg_device* device, uint64_t now_ns, const natkit_packet* packets,
    size_t count, natkit_batch* plaintext, natkit_batch* datagrams);

/** Does what is due. Early, late or repeated calls are harmless. Errors: as
 * said above. */
NATKIT_API int natkit_wg_device_handle_timeout(natkit_wg_device* device,
                                               uint64_t now_ns,
                                               natkit_batch* datagrams);

/**
 * Starts a handshake, which is retried for 90 seconds; a session that exists
 * goes on until then. At most one in 5 seconds, or with `is_forced`, as when
 * another path came up, in 20 milliseconds.
 * Errors: NATKIT_ERR_NOT_FOUND, NATKIT_ERR_INVALID_STATE (no private key, no
 * endpoint, or a peer's key that is none), NATKIT_ERR_LIMIT_EXCEEDED (too soon;
 * it is tried when the time has come), and as said above.
 */
NATKIT_API int natkit_wg_device_initiate_handshake(natkit_wg_device* device,
                                                   uint64_t now_ns,
                                                   uint32_t peer, int is_forced,
                                                   natkit_batch* datagrams);

/**
 * Makes an empty packet for a peer, to prove a path.
 * Errors: NATKIT_ERR_NOT_FOUND, NATKIT_ERR_NO_SESSION, and as said above.
 */
NATKIT_API int natkit_wg_device_send_keepalive(natkit_wg_device* device,
                                               uint64_t now_ns, uint32_t peer,
                                               natkit_batch* datagrams);

/**
 * Appends datagrams that were kept because a batch had no room for them.
 * @return how many; 0 if none is left
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_BUFFER_TOO_SMALL (not even one fits; it is still kept).
 */
NATKIT_API int natkit_wg_device_poll_transmit(natkit_wg_device* device,
                                              natkit_batch* datagrams);

/**
 * Takes the next event.
 * @return 1 with `out` filled, 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
 */
NATKIT_API int natkit_wg_device_poll_event(natkit_wg_device* device,
                                           natkit_wg_event* out);

/**
 * When to call natkit_wg_device_handle_timeout() next; at once while datagrams
 * are kept.
 * @return 1 with `*out_ns` set, 0 if nothing is planned
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_wg_device_next_timeout(const natkit_wg_device* device,
                                             uint64_t* out_ns);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_WIREGUARD_H_ */
