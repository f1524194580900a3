/**
 * @file
 * Connections that find their path by themselves.
 *
 * A hub owns UDP sockets and connections to relays; an agent is one connection
 * of a hub to one peer. Each agent looks for a direct path (STUN, ICE with hole
 * punching), may use a relay meanwhile and when there is none, and moves, falls
 * back and returns without being told. Any number of agents share a hub.
 *
 * Data are datagrams, as they are: natkit adds nothing to them and **does not
 * encrypt them**; natkit/wireguard.h does, on top. They may be lost or change
 * their order, as in UDP.
 *
 * In the loop of a program a hub is one descriptor and one timeout:
 *
 *     natkit_hub_get_timeout(hub, &ms);
 *     poll({natkit_hub_get_fd(hub), POLLIN}, ms);
 *     natkit_hub_process(hub);
 *     while (natkit_hub_poll_event(hub, &event) == 1) ...
 *     while (natkit_hub_receive(hub, &agent, buffer, sizeof buffer,
 *                               &size) == 1) ...
 *
 * The two sides have to tell each other their descriptions: either by whatever
 * channel the program has (natkit_agent_get_local_description() here,
 * natkit_agent_set_remote_description() there, both ways), or, if both hubs use
 * a relay of the same name and know each other's public key, by themselves.
 *
 * A hub and its agents are one thing as to threads: one call at a time, on
 * whichever of them. No call blocks, except natkit_resolve(). The clock is the
 * system's monotonic one. Log lines and the random source are called in the
 * thread of a call.
 */
#ifndef NATKIT_AGENT_H_
#define NATKIT_AGENT_H_

#include "natkit/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A set of sockets and relays, and the agents that use them. */
typedef struct natkit_hub natkit_hub;

/** One connection of a hub to one peer. Its core alone, without sockets, is the
 * natkit_ice_agent of natkit/ice.h. */
typedef struct natkit_agent natkit_agent;

/** Bits of natkit_hub_config::flags. */
typedef enum natkit_hub_flag {
  /** Use loopback addresses although there are others: for tests on one host.
   * Without any other address they are used anyway. */
  NATKIT_HUB_LOOPBACK = 1,
  /** Open no IPv6 socket. */
  NATKIT_HUB_NO_IPV6 = 2,
  /** Do not watch the system for changes of addresses: the program calls
   * natkit_hub_network_changed(). */
  NATKIT_HUB_NO_NETWORK_WATCH = 4
} natkit_hub_flag;

/** What a hub is made with. */
typedef struct natkit_hub_config {
  /** sizeof(natkit_hub_config); see natkit_init(). */
  size_t struct_size;
  /** Who the hub is at relays, and what peers know it by: an X25519 private
   * key. All zeros: a new one. A program that starts again is the same peer
   * only with the same key. */
  uint8_t private_key[NATKIT_KEY_SIZE];
  /** UDP port to bind where the hub opens its sockets, one for each family; 0:
   * the system chooses. */
  uint16_t port;
  /** Zero. */
  uint16_t reserved;
  /** Of natkit_hub_flag. */
  uint32_t flags;
  /** A natkit_power. */
  uint32_t power;
  /** How many `sockets` there are; 0: the hub opens its own. */
  uint32_t socket_count;
  /** Bound UDP sockets of the caller, at most one for each family; IPv6 ones
   * with IPV6_V6ONLY. The hub duplicates the descriptors: the caller may close
   * its own, and must not read from them. They become non-blocking, and no
   * longer report ICMP errors or join datagrams (IP_RECVERR, UDP_GRO). Who has
   * another protocol on a socket sends on its own descriptor, and receives with
   * natkit_hub_receive_unclaimed(). */
  const int* sockets;
  /** Bytes of datagrams that wait to be received, over all agents; 0: 1 MiB, at
   * least 128 KiB. Each datagram takes a multiple of 512. Where there is no
   * room, the agent that has the most waiting loses its oldest: a peer that
   * floods the hub takes nothing from those that have less than their share. */
  size_t receive_buffer;
  /** Interfaces whose addresses are not told to peers, such as the tunnel that
   * the datagrams come from: names, of which the last character may be '*' for
   * any end. */
  const char* const* ignored_interfaces;
  /** How many `ignored_interfaces` there are, at most 64. */
  size_t ignored_interface_count;
  /** The mark (SO_MARK) of all that the hub sends, also to relays, for policy
   * routing around a tunnel; 0: none. Needs CAP_NET_ADMIN. */
  uint32_t fwmark;
  /** Zero. */
  uint32_t reserved2;
  /** Certificates to trust relays by, as PEM; NULL: the system's, read at the
   * first natkit_hub_add_relay() that needs them. */
  const char* roots_pem;
  /** NULL: the system's. */
  const natkit_random* random;
  /** NULL: nothing is logged. */
  const natkit_log* log;
  /** What the datagrams that wait for one agent take of `receive_buffer` at
   * most, at least 64 KiB; its oldest go first. 0: no limit but that. */
  size_t agent_receive_buffer;
  /** Bytes of datagrams from nobody that is known that are kept for
   * natkit_hub_receive_unclaimed(), at least 64 KiB; the oldest go first. While
   * some wait, natkit_hub_get_timeout() says 0. 0: they are dropped. */
  size_t unclaimed_buffer;
} natkit_hub_config;

/** One relay (a DERP server). */
typedef struct natkit_relay {
  /** sizeof(natkit_relay); see natkit_init(). */
  size_t struct_size;
  /** What both sides of a connection call it, without spaces, at most 255
   * bytes; NULL: "HOST:PORT". */
  const char* name;
  /** The DNS name or IP address that its certificate is for. Required. */
  const char* host;
  /** Where it is: see natkit_resolve(). Tried as RFC 8305 says. */
  const natkit_address* addresses;
  /** How many `addresses` there are: 1 to 16. Their ports are not looked at. */
  size_t address_count;
  /** TCP port; 0: 443. */
  uint16_t port;
  /** Not 0: no TLS. For development only. */
  uint16_t is_plain;
  /** Zero. */
  uint32_t reserved;
  /** NULL: the certificate is checked by trusted roots and `host`; a DNS name
   * that it is checked against instead; or "sha256-raw:" and 64 hex digits of
   * the SHA-256 of the certificate that is expected. */
  const char* certificate_name;
  /** Given back with the relay's events; natkit does not look at it. */
  void* user;
} natkit_relay;

/**
 * Makes a hub and opens its sockets. Nothing is sent before there is an agent.
 * A hub has about ten descriptors. After fork() one of the two processes may go
 * on using it; the other may call exec or _exit(), and must not free it.
 *
 * No socket of the caller's is changed before all are found to be good; after an
 * error that says nothing of them they may be changed already.
 *
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED (a descriptor is no bound UDP socket, or is connected,
 * or an IPv6 one without IPV6_V6ONLY, or two are of one family),
 * NATKIT_ERR_ADDRESS_IN_USE,
 * NATKIT_ERR_PERMISSION_DENIED, NATKIT_ERR_IO, NATKIT_ERR_LIMIT_EXCEEDED (no
 * more descriptors or handles), NATKIT_ERR_BAD_CERTIFICATE (`roots_pem`).
 */
NATKIT_API int natkit_hub_new(const natkit_hub_config* config,
                              natkit_hub** out);

/** Closes all sockets and relays. Agents that are left can only be freed. NULL
 * is allowed. */
NATKIT_API void natkit_hub_free(natkit_hub* hub);

/** Writes the hub's public key (32 bytes) to `out`. */
NATKIT_API int natkit_hub_get_public_key(const natkit_hub* hub, uint8_t* out);

/**
 * Writes the addresses that the hub's sockets are reachable at on this host to
 * `out`, of `capacity`: at most 16, those that lead to the Internet first.
 * Peers are told of no others.
 * @return how many there are; no more than `capacity` were written
 */
NATKIT_API int natkit_hub_get_local_addresses(const natkit_hub* hub,
                                              natkit_address* out,
                                              size_t capacity);

/**
 * Says which STUN servers to ask what the hub's addresses look like from
 * outside, while there are agents: every 20 s (NATKIT_POWER_BATTERY: 2 min,
 * NATKIT_POWER_MOBILE_IDLE: an hour). Two or more, at different addresses, also
 * tell how the NAT maps. They replace those of before. A port of 0 is STUN's,
 * 3478.
 * Errors: NATKIT_ERR_BAD_ARGUMENT (more than 16, or one is not an address).
 */
NATKIT_API int natkit_hub_set_stun_servers(natkit_hub* hub,
                                           const natkit_address* servers,
                                           size_t count);

/**
 * Adds a relay, before the first agent; at most 16, in order of preference.
 * @return its number, from 0
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_INVALID_STATE (there was an agent),
 * NATKIT_ERR_ALREADY_EXISTS (the name), NATKIT_ERR_BAD_VALUE (the name has a
 * space or a line end, or "HOST:PORT" is too long), NATKIT_ERR_LIMIT_EXCEEDED,
 * NATKIT_ERR_NOT_FOUND (the system's trusted roots), NATKIT_ERR_BAD_CERTIFICATE
 * (they are not usable), NATKIT_ERR_BAD_ENCODING (the pin in
 * `certificate_name`).
 */
NATKIT_API int natkit_hub_add_relay(natkit_hub* hub, const natkit_relay* relay);

/**
 * The descriptor to wait on until it is readable, e.g. with poll(). Where
 * readiness is told only once (EPOLLET), natkit_hub_process() has to be called
 * until it is readable no longer. It stays the same and belongs to the hub:
 * never read from it or close it. A hub whose descriptor was closed
 * nevertheless is of no more use: natkit_hub_process() says so, and
 * natkit_hub_free() leaves what has its number meanwhile.
 * Errors: NATKIT_ERR_CLOSED (natkit_hub_process() has said so).
 */
NATKIT_API int natkit_hub_get_fd(const natkit_hub* hub);

/**
 * How long to wait on natkit_hub_get_fd() at most, in milliseconds; -1: for
 * ever. To be asked after every other call on the hub or its agents. It is 0
 * while events or datagrams wait to be taken, and while there is more to read:
 * so one may also wait for edges (EPOLLET).
 */
NATKIT_API int natkit_hub_get_timeout(const natkit_hub* hub, int* out_ms);

/** Reads, sends and does all that is due. Then poll events and receive.
 * Errors: NATKIT_ERR_CLOSED (the program has closed natkit_hub_get_fd(); what
 * has come before can still be taken, and the hub be freed). */
NATKIT_API int natkit_hub_process(natkit_hub* hub);

/**
 * Has the host's addresses looked up again, and STUN servers, relays and the
 * paths of agents asked for a sign of life: the network may be another although
 * its addresses are the same. The hub does so by itself when the system tells
 * of other addresses, unless NATKIT_HUB_NO_NETWORK_WATCH, and when the host has
 * slept for 5 s or more.
 * Errors: NATKIT_ERR_IO.
 */
NATKIT_API int natkit_hub_network_changed(natkit_hub* hub);

/** What an event is about: natkit_hub_event::type. */
typedef enum natkit_hub_event_type {
  /** natkit_hub_event::state has changed. */
  NATKIT_HUB_EVENT_STATE = 1,
  /** Data takes another way: natkit_hub_event::path. */
  NATKIT_HUB_EVENT_PATH = 2,
  /** The round-trip time of the direct path was measured, or is another one by
   * 2 ms and a quarter: natkit_hub_event::rtt_ns. */
  NATKIT_HUB_EVENT_RTT = 3,
  /** The local description has changed: unless agents exchange descriptions
   * over a relay, take it to the other side. natkit_hub_event::is_complete says
   * whether more is expected. */
  NATKIT_HUB_EVENT_DESCRIPTION = 4,
  /** Why there is no direct path is another reason than before:
   * natkit_hub_event::reason; natkit_agent_explain() has all of it. */
  NATKIT_HUB_EVENT_WHY_NOT_DIRECT = 5,
  /** A relay is up or down: natkit_hub_event::relay, user, is_up, text. It is
   * about the hub: agents whose data took the relay have events of their own.
   * A relay is also left when the hub has no agent any more. */
  NATKIT_HUB_EVENT_RELAY = 6
} natkit_hub_event_type;

/** Where a connection stands. */
typedef enum natkit_agent_state {
  /** Nothing is known of the other side. */
  NATKIT_AGENT_STATE_NEW = 0,
  /** A path is looked for. */
  NATKIT_AGENT_STATE_CONNECTING = 1,
  /** There is a path. */
  NATKIT_AGENT_STATE_CONNECTED = 2,
  /** There was one; another is looked for. */
  NATKIT_AGENT_STATE_DISCONNECTED = 3,
  /** None was found in 30 s. It is looked for still. */
  NATKIT_AGENT_STATE_FAILED = 4
} natkit_agent_state;

/** Which way data takes. */
typedef enum natkit_path_kind {
  /** There is none. */
  NATKIT_PATH_NONE = 0,
  /** Over a relay. */
  NATKIT_PATH_RELAY = 1,
  /** Between two UDP sockets. */
  NATKIT_PATH_DIRECT = 2
} natkit_path_kind;

/** Why a path is not direct; see natkit_agent_explain(). */
typedef enum natkit_path_reason {
  /** It is. */
  NATKIT_PATH_REASON_DIRECT = 0,
  /** Neither a relay nor anybody else carries descriptions. */
  NATKIT_PATH_REASON_NO_RELAY = 1,
  /** Nobody has asked for a path. */
  NATKIT_PATH_REASON_IDLE = 2,
  /** The peer has told nothing yet. */
  NATKIT_PATH_REASON_PEER_SILENT = 3,
  /** It is being looked for. */
  NATKIT_PATH_REASON_SEARCHING = 4,
  /** UDP is blocked on one side or both. */
  NATKIT_PATH_REASON_UDP_BLOCKED = 5,
  /** Both are behind one NAT that does not lead back inside. */
  NATKIT_PATH_REASON_SAME_NAT = 6,
  /** The behaviours of the two NATs do not fit. */
  NATKIT_PATH_REASON_NAT_PAIR = 7,
  /** Not enough is known of one side's NAT. */
  NATKIT_PATH_REASON_UNKNOWN_BEHAVIOR = 8,
  /** Nothing that is known stands in the way. */
  NATKIT_PATH_REASON_SHOULD_BE_DIRECT = 9,
  /** A direct path was found, but loses data. */
  NATKIT_PATH_REASON_EATS_DATA = 10
} natkit_path_reason;

/** A way that data takes. */
typedef struct natkit_path {
  /** sizeof(natkit_path); see natkit_init(). */
  size_t struct_size;
  /** A natkit_path_kind. */
  uint32_t kind;
  /** Direct: our address. Else not set. */
  natkit_address local;
  /** Direct: the peer's address. Else not set. */
  natkit_address remote;
  /** Over a relay: its number. */
  uint32_t relay;
  /** Direct: the smoothed round-trip time; 0 until it is measured. */
  uint64_t rtt_ns;
} natkit_path;

/** The size of natkit_hub_event::text. */
#define NATKIT_HUB_TEXT_SIZE 256

/** One event. Which fields are set depends on `type`; others are zero. */
typedef struct natkit_hub_event {
  /** sizeof(natkit_hub_event); see natkit_init(). */
  size_t struct_size;
  /** A natkit_hub_event_type. */
  uint32_t type;
  /** A natkit_agent_state. */
  uint32_t state;
  /** The agent; NULL if the event is not about one. */
  natkit_agent* agent;
  /** natkit_agent_config::user of the agent; NATKIT_HUB_EVENT_RELAY:
   * natkit_relay::user. */
  void* user;
  /** The way that data takes now; its `struct_size` is set. */
  natkit_path path;
  /** The round-trip time of the direct path. */
  uint64_t rtt_ns;
  /** A natkit_path_reason. */
  uint32_t reason;
  /** 1: all that belongs to the description is there. */
  uint32_t is_complete;
  /** The relay's number. */
  uint32_t relay;
  /** 1: the relay is up; 0: it is down. */
  uint32_t is_up;
  /** NATKIT_HUB_EVENT_RELAY: why it is down. */
  char text[NATKIT_HUB_TEXT_SIZE];
} natkit_hub_event;

/**
 * Takes the next event.
 * @return 1 with `*out`, 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
 */
NATKIT_API int natkit_hub_poll_event(natkit_hub* hub, natkit_hub_event* out);

/**
 * Takes the next datagram that arrived for any agent of the hub: its bytes to
 * `buffer`, their number, which may be 0, to `out_size`, and whose it is to
 * `out_agent`, which may be NULL.
 * @return 1 with a datagram, 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL (it stays, and
 * `*out_size` says what it needs; 65,536 bytes are always enough).
 */
NATKIT_API int natkit_hub_receive(natkit_hub* hub, natkit_agent** out_agent,
                                  void* buffer, size_t capacity,
                                  size_t* out_size);

/**
 * Takes datagrams that arrived for the agents of the hub, the oldest first, as
 * many as `batch` has room for, and appends them to it. Each has the addresses
 * between which it came in `remote` and `local`, not set if it came over a
 * relay, and 0 in `peer`. Whose packets[i] is goes to out_agents[i], and that
 * agent's natkit_agent_config::user to out_users[i]: arrays of as many items as
 * `packets` has; NULL: not wanted.
 * @return how many were appended; 0 if none waits
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for a batch that contradicts itself),
 * NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_BUFFER_TOO_SMALL (not even one fits;
 * nothing is lost. 65,536 bytes are always enough for one).
 */
NATKIT_API int natkit_hub_receive_batch(natkit_hub* hub, natkit_batch* batch,
                                        natkit_agent** out_agents,
                                        void** out_users);

/**
 * Takes datagrams that arrived on the hub's UDP sockets from nobody that is
 * known, with natkit_hub_config::unclaimed_buffer: so that another protocol can
 * share a socket. They are appended as by natkit_hub_receive_batch(); `remote`
 * is where one came from, and `local` where it came to, whose family says on
 * which socket.
 *
 * Among them are STUN messages that no agent knows, and what comes from a peer
 * before a path to it has been found, or after its agent was freed: the program
 * tells what is its own, see natkit_classify_datagram().
 * @return how many were appended; 0 if none waits
 * Errors: as natkit_hub_receive_batch().
 */
NATKIT_API int natkit_hub_receive_unclaimed(natkit_hub* hub,
                                            natkit_batch* batch);

/** What a hub has done and dropped; only ever grows. */
typedef struct natkit_hub_counters {
  /** sizeof(natkit_hub_counters); see natkit_init(). */
  size_t struct_size;
  /** Datagrams of data sent directly. */
  uint64_t sent_direct;
  /** Datagrams of data given to relays. */
  uint64_t sent_relayed;
  /** Datagrams of data received, either way. */
  uint64_t received;
  /** Datagrams from nobody that is known, where they are not kept. */
  uint64_t dropped_unknown;
  /** Relayed packets from nobody that is known, or too many at once. */
  uint64_t dropped_relayed;
  /** Descriptions over a relay that were old or of no use. */
  uint64_t dropped_signals;
  /** Received datagrams that nobody took in time:
   * natkit_hub_config::receive_buffer. */
  uint64_t dropped_received;
  /** Events that nobody took in time: beyond 65,536 the oldest go. */
  uint64_t events_lost;
  /** Datagrams that were kept for natkit_hub_receive_unclaimed(). */
  uint64_t unclaimed;
  /** Those of them that nobody took in time. */
  uint64_t dropped_unclaimed;
  /** Datagrams of any kind that the system did not take: there was no room, and
   * 256 KiB were waiting for some, or there is no way there. And data that
   * waited for a relay: 256 datagrams do, then the oldest go. */
  uint64_t dropped_sent;
} natkit_hub_counters;

/** Reads the counters. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
 */
NATKIT_API int natkit_hub_get_counters(const natkit_hub* hub,
                                       natkit_hub_counters* out);

/** Bits of natkit_agent_config::flags. */
typedef enum natkit_agent_flag {
  /** This side sends no data over relays, only descriptions. What the other
   * side sends over one is taken. */
  NATKIT_AGENT_NO_RELAYED_DATA = 1
} natkit_agent_flag;

/** Who controls an ICE session (RFC 8445 section 6.1.1): natkit_agent_config::
 * role. It matters little: roles that collide are mended. */
typedef enum natkit_agent_role {
  /** With `peer_key`: the side with the greater key controls; else we do. */
  NATKIT_AGENT_ROLE_DEFAULT = 0,
  /** This side controls. */
  NATKIT_AGENT_ROLE_CONTROLLING = 1,
  /** The other side controls. */
  NATKIT_AGENT_ROLE_CONTROLLED = 2
} natkit_agent_role;

/** What an agent is made with. */
typedef struct natkit_agent_config {
  /** sizeof(natkit_agent_config); see natkit_init(). */
  size_t struct_size;
  /** The public key of the other side's hub: descriptions then travel over the
   * relays that both use. All zeros: it is learnt from the other side's
   * description, which the program brings. */
  uint8_t peer_key[NATKIT_KEY_SIZE];
  /** A natkit_agent_role. */
  uint32_t role;
  /** Of natkit_agent_flag. */
  uint32_t flags;
  /** Given back with events; natkit does not look at it. */
  void* user;
} natkit_agent_config;

/**
 * Makes an agent of a hub, which begins to look for its peer. `config` may be
 * NULL: all defaults.
 *
 * Data is known to be an agent's by where it comes from, so two agents of one
 * hub cannot lead to the same other hub: the second one to be told of it is
 * refused, see natkit_agent_set_remote_description().
 *
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_BAD_VALUE (`peer_key` is the hub's own),
 * NATKIT_ERR_ALREADY_EXISTS (another agent has this peer),
 * NATKIT_ERR_LIMIT_EXCEEDED (65,536 agents).
 */
NATKIT_API int natkit_agent_new(natkit_hub* hub,
                                const natkit_agent_config* config,
                                natkit_agent** out);

/** Ends a connection; the other side is not told. What waits for it is gone.
 * NULL is allowed. */
NATKIT_API void natkit_agent_free(natkit_agent* agent);

/** The room that a description needs at most, with its zero byte. */
#define NATKIT_DESCRIPTION_SIZE 16385

/**
 * Writes what the other side has to know, as SDP attributes (RFC 8839): user
 * name fragment, password, candidates, and where the hub is at a relay. It is
 * complete for itself at any time, and grows as addresses become known
 * (NATKIT_HUB_EVENT_DESCRIPTION). Secret: who has it can take the peer's place.
 * @return the length without the zero byte
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL
 * (NATKIT_DESCRIPTION_SIZE is always enough).
 */
NATKIT_API int natkit_agent_get_local_description(const natkit_agent* agent,
                                                  char* buffer,
                                                  size_t capacity);

/**
 * Takes the other side's description: of natkit, or the ICE attributes of any
 * SDP, of which lines that mean nothing here are skipped. May be called again,
 * with all of it or only with more candidates. Another user name fragment than
 * before begins a new session.
 *
 * Errors: NATKIT_ERR_BAD_ARGUMENT; NATKIT_ERR_BAD_SIGNAL (a line is not
 * well-formed, or there is nothing of use), NATKIT_ERR_BAD_LENGTH (over 16
 * KiB), NATKIT_ERR_BAD_CREDENTIALS, NATKIT_ERR_BAD_VALUE (our own hub's, or
 * another peer's), NATKIT_ERR_ALREADY_EXISTS (another agent has this peer, or
 * leads to the same hub: free it first),
 * NATKIT_ERR_INVALID_STATE (candidates alone, and no credentials before).
 */
NATKIT_API int natkit_agent_set_remote_description(natkit_agent* agent,
                                                   const char* text);

/**
 * Begins a new ICE session: new credentials, so NATKIT_HUB_EVENT_DESCRIPTION
 * follows. A path that works goes on meanwhile.
 */
NATKIT_API int natkit_agent_restart(natkit_agent* agent);

/**
 * Sends one datagram of up to 65,507 bytes (65,487 over IPv6, 65,536 over a
 * relay), at once or, where the system has no room, soon. Success does not mean
 * that it arrives. What has the form of a STUN message (RFC 8489 section 5) is
 * never taken for data: it cannot be sent.
 * Errors: NATKIT_ERR_INVALID_STATE (there is no path), NATKIT_ERR_BAD_VALUE (a
 * STUN message),
 * NATKIT_ERR_FRAME_TOO_LARGE, NATKIT_ERR_LIMIT_EXCEEDED (a relay's limits),
 * NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_agent_send(natkit_agent* agent, const void* data,
                                 size_t size);

/**
 * Sends datagrams to the peer, in order, as natkit_agent_send() does, with
 * fewer calls of the system; those of one size, one after the other, cost it
 * little more than one. Only `data` and `size` of each count.
 * @return how many were taken, from the first on. If that is not all, the one
 * after them was refused; what for, a call with the rest says
 * Errors: those of natkit_agent_send(), where the first datagram is refused;
 * NATKIT_ERR_BAD_ARGUMENT if any has more than 65,535 bytes: nothing was sent.
 */
NATKIT_API int natkit_agent_send_batch(natkit_agent* agent,
                                       const natkit_packet* packets,
                                       size_t count);

/** Reads natkit_agent_config::user.
 * Errors: NATKIT_ERR_BAD_ARGUMENT. */
NATKIT_API int natkit_agent_get_user(const natkit_agent* agent, void** out);

/** Reads a natkit_agent_state: it is returned, not negative. */
NATKIT_API int natkit_agent_get_state(const natkit_agent* agent);

/** Reads the way that data takes now.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE. */
NATKIT_API int natkit_agent_get_path(const natkit_agent* agent,
                                     natkit_path* out);

/** What an agent has sent, received and dropped; only ever grows. */
typedef struct natkit_agent_counters {
  /** sizeof(natkit_agent_counters); see natkit_init(). */
  size_t struct_size;
  /** Datagrams sent directly. */
  uint64_t sent_direct;
  /** Datagrams given to relays. */
  uint64_t sent_relayed;
  /** Bytes in both. */
  uint64_t sent_bytes;
  /** Datagrams received, either way. */
  uint64_t received;
  /** Bytes in them. */
  uint64_t received_bytes;
  /** Received datagrams that nobody took in time:
   * natkit_hub_config::receive_buffer. */
  uint64_t dropped_received;
} natkit_agent_counters;

/** Reads the counters of an agent.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE. */
NATKIT_API int natkit_agent_get_counters(const natkit_agent* agent,
                                         natkit_agent_counters* out);

/** The sizes of texts in natkit_diagnosis and natkit_fix. */
#define NATKIT_DIAGNOSIS_TEXT_SIZE 384
/** How many fixes a natkit_diagnosis has at most. */
#define NATKIT_DIAGNOSIS_FIXES 8

/** Which side of a connection a natkit_fix is about: natkit_fix::side. */
typedef enum natkit_fix_side {
  /** This one. */
  NATKIT_FIX_OURS = 0,
  /** The other one. */
  NATKIT_FIX_THEIRS = 1,
  /** One of them is enough. */
  NATKIT_FIX_EITHER = 2,
  /** On one side alone it does not help. */
  NATKIT_FIX_BOTH = 3
} natkit_fix_side;

/** One thing that would make a path direct. Will not grow. */
typedef struct natkit_fix {
  /** A stable word, such as "forward-port". */
  char code[32];
  /** A natkit_fix_side. */
  uint32_t side;
  /** Zero. */
  uint32_t reserved;
  /** Why it would help; for people. */
  char text[NATKIT_DIAGNOSIS_TEXT_SIZE];
} natkit_fix;

/** Why a path is direct, or is not. */
typedef struct natkit_diagnosis {
  /** sizeof(natkit_diagnosis); see natkit_init(). */
  size_t struct_size;
  /** A natkit_path_reason. */
  uint32_t reason;
  /** How many `fixes` there are. */
  uint32_t fix_count;
  /** One sentence; for people. */
  char summary[NATKIT_DIAGNOSIS_TEXT_SIZE];
  /** Our NAT in words. */
  char ours[NATKIT_DIAGNOSIS_TEXT_SIZE];
  /** The peer's NAT in words. */
  char theirs[NATKIT_DIAGNOSIS_TEXT_SIZE];
  /** What would help, the most helpful first. */
  natkit_fix fixes[NATKIT_DIAGNOSIS_FIXES];
} natkit_diagnosis;

/** Explains why the path is direct or is not, and what would make it so.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE. */
NATKIT_API int natkit_agent_explain(const natkit_agent* agent,
                                    natkit_diagnosis* out);

/**
 * Looks up the addresses of a host name, or reads an IP address, with `port`.
 * **Blocks** until the system's resolver has answered (getaddrinfo): call it in
 * a thread of your own, or use the resolver that you have. Thread-safe.
 * @return how many addresses were written to `out`, 1 to `capacity`
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND, NATKIT_ERR_TIMED_OUT
 * (the resolver did not answer; try again).
 */
NATKIT_API int natkit_resolve(const char* host, uint16_t port,
                              natkit_address* out, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_AGENT_H_ */
