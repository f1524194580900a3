/**
 * @file
 * A client of DERP relays: packets between public keys over one TCP or TLS
 * connection of the program's. A core: it owns no socket and no clock.
 *
 * The life of a client: connect a stream to the relay, over TLS as a rule
 * (natkit/tls.h, or the program's own), natkit_derp_client_start(), then carry
 * bytes in both directions. The first event is NATKIT_DERP_EVENT_CONNECTED, the
 * last NATKIT_DERP_EVENT_CLOSED; for another connection make another client.
 * After each call that takes the time, in this order: send what
 * natkit_derp_client_poll_transmit() gives as far as the stream takes it, take
 * all that natkit_derp_client_poll_event() gives, and set a timer for
 * natkit_derp_client_next_timeout().
 */
#ifndef NATKIT_DERP_H_
#define NATKIT_DERP_H_

#include "natkit/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The largest packet that a relay carries, in bytes. */
#define NATKIT_DERP_MAX_PACKET 65536

/** The longest text in a natkit_derp_client_config, in bytes. */
#define NATKIT_DERP_MAX_TEXT 255

/** The longest duration in a natkit_derp_client_config: a day, in nanoseconds.
 */
#define NATKIT_DERP_LONGEST (UINT64_C(86400) * NATKIT_SECOND)

/** A connection to a relay; see natkit_derp_client_new(). */
typedef struct natkit_derp_client natkit_derp_client;

/** How a client works. */
typedef struct natkit_derp_client_config {
  /** sizeof(natkit_derp_client_config); see natkit_init(). */
  size_t struct_size;
  /** Random source; NULL: the system's. What it refers to must live as long as
   * the client. */
  const natkit_random* random;
  /** Our private key, 32 bytes; required. */
  const uint8_t* private_key;
  /** The relay's name, for the Host field; required. Printable ASCII without
   * spaces, as all texts here but `app_name`. */
  const char* host;
  /** The name of the relay that we would rather use; NULL: this one. */
  const char* ideal_node;
  /** What this program calls itself; NULL: nothing. UTF-8. */
  const char* app_name;
  /** The secret of the relays of a region, 32 bytes; NULL: an ordinary client.
   */
  const uint8_t* mesh_key;
  /** From start to CONNECTED; 0: 10 s. At most NATKIT_DERP_LONGEST, as the
   * others. */
  uint64_t login_timeout_ns;
  /** Between two frames of the relay, which sends one a minute; 0: 120 s. */
  uint64_t read_timeout_ns;
  /** For the answer to a ping; 0: 5 s. */
  uint64_t ping_timeout_ns;
  /** Packets that wait for the stream, the oldest is dropped first; 0: 32. At
   * most 65,536. */
  uint32_t queue_depth;
  /** Not 0: a program that only measures. */
  uint32_t is_prober;
} natkit_derp_client_config;

/**
 * Makes a client; free it by natkit_derp_client_free().
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_BAD_ENCODING (a text has other
 * characters), NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
 */
NATKIT_API int natkit_derp_client_new(const natkit_derp_client_config* config,
                                      natkit_derp_client** out);

/** Frees a client; NULL has no effect. */
NATKIT_API void natkit_derp_client_free(natkit_derp_client* client);

/**
 * Says that the stream is up. With `server_key`, the relay's public key of 32
 * bytes, the login and first packets leave in one flight; see
 * natkit_derp_find_server_key(). NULL: the key is not known.
 * Errors: NATKIT_ERR_INVALID_STATE (it was started before).
 */
NATKIT_API int natkit_derp_client_start(natkit_derp_client* client,
                                        uint64_t now_ns,
                                        const uint8_t* server_key);

/**
 * Takes bytes of the stream, split in any way; none before
 * natkit_derp_client_start() and after the end. Poll events after each call, or
 * packets are dropped when 4 MiB of them wait.
 * Errors: NATKIT_ERR_BAD_ARGUMENT. What the relay does wrong is told by an
 * event.
 */
NATKIT_API int natkit_derp_client_handle_bytes(natkit_derp_client* client,
                                               uint64_t now_ns,
                                               const void* data, size_t size);

/** Says that the stream has ended: NATKIT_DERP_EVENT_CLOSED follows. */
NATKIT_API int natkit_derp_client_handle_closed(natkit_derp_client* client,
                                                uint64_t now_ns);

/** Does what is due; no harm if it is called early or late. */
NATKIT_API int natkit_derp_client_handle_timeout(natkit_derp_client* client,
                                                 uint64_t now_ns);

/**
 * Queues a copy of a packet for the client whose public key (32 bytes) is
 * `destination`, from natkit_derp_client_start() on. That it leaves is not
 * sure, and less that it arrives: relays are like networks.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_FRAME_TOO_LARGE,
 * NATKIT_ERR_INVALID_STATE (not started), NATKIT_ERR_CLOSED,
 * NATKIT_ERR_LIMIT_EXCEEDED (above the rate that the relay allows: dropped).
 */
NATKIT_API int natkit_derp_client_send(natkit_derp_client* client,
                                       uint64_t now_ns,
                                       const uint8_t* destination,
                                       const void* data, size_t size);

/**
 * Says whether this relay's region is where others look for us (`is_home` not
 * 0). Repeating it sends nothing. Allowed at any time.
 */
NATKIT_API int natkit_derp_client_note_preferred(natkit_derp_client* client,
                                                 int is_home);

/**
 * Measures the way to the relay and back: NATKIT_DERP_EVENT_PONG or
 * NATKIT_DERP_EVENT_PING_TIMED_OUT follows. One that is under way is given up.
 * No effect before CONNECTED.
 */
NATKIT_API int natkit_derp_client_ping(natkit_derp_client* client,
                                       uint64_t now_ns);

/**
 * The next bytes for the stream: at most `capacity` to `buffer`, which should
 * be no more than the stream takes at once.
 * @return their number; 0 if there are none
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_derp_client_poll_transmit(natkit_derp_client* client,
                                                uint64_t now_ns, void* buffer,
                                                size_t capacity);

/** @return 1 if natkit_derp_client_poll_transmit() has bytes, else 0 */
NATKIT_API int natkit_derp_client_has_output(const natkit_derp_client* client);

/** @return 1 between CONNECTED and CLOSED, else 0 */
NATKIT_API int natkit_derp_client_is_connected(
    const natkit_derp_client* client);

/**
 * When to call natkit_derp_client_handle_timeout() next.
 * @return 1 with `*out_ns`, or 0 before the start and after the end
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_derp_client_next_timeout(const natkit_derp_client* client,
                                               uint64_t* out_ns);

/** natkit_derp_event::type. Programs skip those they do not know. */
typedef enum natkit_derp_event_type {
  /** The relay let us in: `key` is its public key. */
  NATKIT_DERP_EVENT_CONNECTED = 1,
  /** A packet from `key`: `data_size` bytes in the caller's buffer. */
  NATKIT_DERP_EVENT_PACKET = 2,
  /** The client `key` is not there: `reason` is a natkit_derp_gone. */
  NATKIT_DERP_EVENT_PEER_GONE = 3,
  /** To relays of a region: the client `key` is there; `address` and
   * `peer_flags`. */
  NATKIT_DERP_EVENT_PEER_PRESENT = 4,
  /** The answer to our ping: `rtt_ns`. */
  NATKIT_DERP_EVENT_PONG = 5,
  /** Our ping was not answered in time; the connection is open. */
  NATKIT_DERP_EVENT_PING_TIMED_OUT = 6,
  /** The relay has something to say about this connection: `text`; empty: all
   * is well again. */
  NATKIT_DERP_EVENT_HEALTH = 7,
  /** The relay restarts: wait `reconnect_in_ns`, then try for `try_for_ns`. */
  NATKIT_DERP_EVENT_RESTARTING = 8,
  /** The end: `reason` is a natkit_derp_close_reason, `code`, `http_status`. */
  NATKIT_DERP_EVENT_CLOSED = 9
} natkit_derp_event_type;

/** Why a client is not there. */
typedef enum natkit_derp_gone {
  /** It left; or for a reason that the library does not know. */
  NATKIT_DERP_GONE_DISCONNECTED = 0,
  /** This relay does not know it. */
  NATKIT_DERP_GONE_NOT_HERE = 1
} natkit_derp_gone;

/** Why a connection ended. */
typedef enum natkit_derp_close_reason {
  /** natkit_derp_client_handle_closed(). */
  NATKIT_DERP_CLOSE_STREAM = 0,
  /** The relay did not let us in in time. */
  NATKIT_DERP_CLOSE_LOGIN_TIMEOUT = 1,
  /** The relay has been silent. */
  NATKIT_DERP_CLOSE_READ_TIMEOUT = 2,
  /** The answer to the HTTP request was not 101: `http_status`. */
  NATKIT_DERP_CLOSE_UPGRADE_REFUSED = 3,
  /** The relay broke the protocol: `code`. */
  NATKIT_DERP_CLOSE_PROTOCOL_ERROR = 4
} natkit_derp_close_reason;

/** natkit_derp_event::peer_flags: an ordinary client. */
#define NATKIT_DERP_PEER_REGULAR 1u
/** natkit_derp_event::peer_flags: a relay of the region. */
#define NATKIT_DERP_PEER_MESH 2u
/** natkit_derp_event::peer_flags: a client that only measures. */
#define NATKIT_DERP_PEER_PROBER 4u
/** natkit_derp_event::peer_flags: it would rather use another relay. */
#define NATKIT_DERP_PEER_NOT_IDEAL 8u

/** Room for natkit_derp_event::text. */
#define NATKIT_DERP_EVENT_TEXT_SIZE 256

/** What has happened. Fields that `type` does not name are zero. */
typedef struct natkit_derp_event {
  /** sizeof(natkit_derp_event); see natkit_init(). */
  size_t struct_size;
  /** A natkit_derp_event_type. */
  uint32_t type;
  /** See the type. */
  uint32_t reason;
  /** A natkit_code. */
  int32_t code;
  /** Of an HTTP answer; 0 if it was none. */
  int32_t http_status;
  /** A public key. */
  uint8_t key[NATKIT_KEY_SIZE];
  /** The bytes of a packet. */
  uint64_t data_size;
  /** The way to the relay and back. */
  uint64_t rtt_ns;
  /** How long to wait before connecting again. */
  uint64_t reconnect_in_ns;
  /** How long to try to. */
  uint64_t try_for_ns;
  /** CONNECTED: the rate that the relay allows us, in bytes a second; 0: it
   * sets none. */
  uint64_t rate;
  /** CONNECTED: the bytes that may exceed `rate` at once. */
  uint64_t rate_burst;
  /** Where a client comes from; not set if the relay does not say. */
  natkit_address address;
  /** NATKIT_DERP_PEER_… bits; 0: the relay does not say. */
  uint32_t peer_flags;
  /** What the relay says, cut to what fits; bytes that are no text, and control
   * characters, are written as \xNN. */
  char text[NATKIT_DERP_EVENT_TEXT_SIZE];
} natkit_derp_event;

/**
 * The next event. The bytes of a packet go to `buffer` of `capacity` bytes;
 * NATKIT_DERP_MAX_PACKET is always enough, and longer ones, which the protocol
 * forbids, are dropped. `buffer` may be NULL if `capacity` is 0.
 * @return 1 with `*out`, or 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_BUFFER_TOO_SMALL (the packet stays the next event).
 */
NATKIT_API int natkit_derp_client_poll_event(natkit_derp_client* client,
                                             natkit_derp_event* out,
                                             void* buffer, size_t capacity);

/** What a client has seen; numbers only grow. */
typedef struct natkit_derp_counters {
  /** sizeof(natkit_derp_counters); see natkit_init(). */
  size_t struct_size;
  /** Packets given to the stream. */
  uint64_t packets_sent;
  /** Packets that came. */
  uint64_t packets_received;
  /** Packets of ours that were dropped as the oldest of a full queue. */
  uint64_t dropped_oldest;
  /** Packets of ours above the rate that the relay allows. */
  uint64_t dropped_by_rate;
  /** Packets that came and were not polled soon enough. */
  uint64_t dropped_received;
  /** Frames of types that the library does not know. */
  uint64_t unknown_frames;
} natkit_derp_counters;

/**
 * What the client has seen so far.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
 */
NATKIT_API int natkit_derp_client_get_counters(const natkit_derp_client* client,
                                               natkit_derp_counters* out);

/**
 * Finds the relay's public key (32 bytes, to `out`) in the certificates that it
 * sent, each in DER, in any order: `certificates` and `sizes` have `count`
 * items. Only to be believed if the connection is TLS 1.3, which hides them
 * from others; natkit_tls_channel_get_derp_key() knows. Thread-safe.
 * @return 1 with `*out`, or 0 if no certificate says a key
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for more than 64 certificates).
 */
NATKIT_API int natkit_derp_find_server_key(const uint8_t* const* certificates,
                                           const size_t* sizes, size_t count,
                                           uint8_t* out);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_DERP_H_ */
