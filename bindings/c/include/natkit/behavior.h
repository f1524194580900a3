/**
 * @file
 * Which NAT am I behind: behaviour discovery (RFC 5780, RFC 4787), run from
 * inside with a STUN server that has two addresses. A core: the program opens
 * the sockets and sends and receives.
 *
 * The life of a discovery: natkit_behavior_start(); then, after that and each
 * input, carry out all that natkit_behavior_poll_action() gives, and wait for a
 * datagram or for natkit_behavior_next_timeout(); until
 * natkit_behavior_is_finished(). Then ask for what was found; that is allowed
 * before, too, and gives what is known so far.
 *
 * What is found has names of its own, natkit_nat_…, which other parts of the
 * library share. docs/nat-behavior.md explains the axes and the words of
 * verdicts.
 */
#ifndef NATKIT_BEHAVIOR_H_
#define NATKIT_BEHAVIOR_H_

#include "natkit/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A discovery. */
typedef struct natkit_behavior natkit_behavior;

/** One question about a NAT. */
typedef enum natkit_nat_axis {
  /** Do answers to UDP come back at all. */
  NATKIT_NAT_AXIS_UDP = 0,
  /** Is the server what it says it is (RFC 5780 section 3). */
  NATKIT_NAT_AXIS_SERVER = 1,
  /** See natkit_nat_translation. */
  NATKIT_NAT_AXIS_TRANSLATION = 2,
  /** See natkit_nat_dependence; RFC 4787 section 4.1. */
  NATKIT_NAT_AXIS_MAPPING = 3,
  /** See natkit_nat_dependence; RFC 4787 section 5. */
  NATKIT_NAT_AXIS_FILTERING = 4,
  /** Does an early packet from outside move a mapping. */
  NATKIT_NAT_AXIS_POISONING = 5,
  /** See natkit_nat_allocation. */
  NATKIT_NAT_AXIS_ALLOCATION = 6,
  /** Is the inside port kept (RFC 4787 section 4.2.1). */
  NATKIT_NAT_AXIS_PRESERVATION = 7,
  /** Even to even, odd to odd (RFC 4787 section 4.2.2). */
  NATKIT_NAT_AXIS_PARITY = 8,
  /** Port p + 1 next to p (RFC 4787 section 4.2.3). */
  NATKIT_NAT_AXIS_CONTIGUITY = 9,
  /** See natkit_nat_pooling; RFC 4787 section 4.1. */
  NATKIT_NAT_AXIS_POOLING = 10,
  /** One external port for two hosts (RFC 4787 REQ-3). */
  NATKIT_NAT_AXIS_OVERLOADING = 11,
  /** See natkit_nat_hairpinning; RFC 4787 section 6. */
  NATKIT_NAT_AXIS_HAIRPINNING = 12,
  /** The same under load (RFC 4787 REQ-11). */
  NATKIT_NAT_AXIS_DETERMINISM = 13,
  /** Of a mapping that was never answered. Takes minutes. */
  NATKIT_NAT_AXIS_UNREPLIED_LIFETIME = 14,
  /** Of a mapping that was answered once. Takes minutes. */
  NATKIT_NAT_AXIS_ONE_EXCHANGE_LIFETIME = 15,
  /** Of a mapping that carries a conversation. Takes minutes. */
  NATKIT_NAT_AXIS_ASSURED_LIFETIME = 16,
  /** Do packets from inside prolong it (RFC 4787 REQ-6). Takes minutes. */
  NATKIT_NAT_AXIS_OUTBOUND_REFRESH = 17,
  /** Do packets from outside prolong it. Takes minutes. */
  NATKIT_NAT_AXIS_INBOUND_REFRESH = 18,
  /** One timer per mapping, or one per remote endpoint. Takes minutes. */
  NATKIT_NAT_AXIS_TIMER_SCOPE = 19,
  /** Do fragmented datagrams pass, and which way. */
  NATKIT_NAT_AXIS_FRAGMENTS = 20,
  /** Are addresses in payloads rewritten (RFC 4787 REQ-10). */
  NATKIT_NAT_AXIS_PAYLOAD = 21,
  /** How many hops away NATs are. */
  NATKIT_NAT_AXIS_DEPTH = 22,
  /** PCP, NAT-PMP, UPnP IGD. */
  NATKIT_NAT_AXIS_PORT_MAPPING = 23,
  /** Dependence of TCP mappings (RFC 5382 REQ-1). */
  NATKIT_NAT_AXIS_TCP = 24,
  /** Does a web page stand between us and the Internet. */
  NATKIT_NAT_AXIS_CAPTIVE_PORTAL = 25,
  /** Is IPv4 reached by IPv6 (RFC 6146, RFC 6877). */
  NATKIT_NAT_AXIS_NAT64 = 26
} natkit_nat_axis;

/** The bit of a natkit_nat_axis in natkit_behavior_config::axes. */
#define NATKIT_NAT_AXIS_BIT(axis) (UINT64_C(1) << (axis))

/** The bits of every axis. Thread-safe. */
NATKIT_API uint64_t natkit_nat_all_axes(void);

/** The bits of the axes that take seconds: all but lifetimes and what needs
 * them. Thread-safe. */
NATKIT_API uint64_t natkit_nat_quick_axes(void);

/** The stable word for a natkit_nat_axis, such as "mapping"; "unknown" for
 * other numbers. Never NULL; static storage. Thread-safe. */
NATKIT_API const char* natkit_nat_axis_name(uint32_t axis);

/** How much a verdict is worth. */
typedef enum natkit_nat_outcome {
  /** Not asked for, or not possible here. */
  NATKIT_NAT_UNTESTED = 0,
  /** Tested; the evidence does not suffice. */
  NATKIT_NAT_INCONCLUSIVE = 1,
  /** The question makes no sense behind this NAT. */
  NATKIT_NAT_NOT_APPLICABLE = 2,
  /** Certain. */
  NATKIT_NAT_DETERMINED = 3
} natkit_nat_outcome;

/** The word for a natkit_nat_outcome, such as "determined"; "unknown" for other
 * numbers. Never NULL; static storage. Thread-safe. */
NATKIT_API const char* natkit_nat_outcome_name(uint32_t outcome);

/* How a discovery is run. */

/**
 * Finds the prefixes of NAT64s in the `count` IPv6 addresses, at most 64, that
 * the resolver gives for ipv4only.arpa (RFC 7050): for `nat64_prefixes` below.
 * Others are skipped. The first `capacity` are written to `out`, which may be
 * NULL if `capacity` is 0. Thread-safe.
 * @return how many there are, which may be more than `capacity`
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_nat64_find_prefixes(const natkit_address* addresses,
                                          size_t count, natkit_prefix* out,
                                          size_t capacity);

/** How a discovery is run. All addresses are of one family. */
typedef struct natkit_behavior_config {
  /** sizeof(natkit_behavior_config); see natkit_init(). */
  size_t struct_size;
  /** STUN servers in order of preference, 1 to 64. The first one with two
   * addresses (RFC 5780) that answers is used for everything; others prove that
   * UDP is blocked, for which it takes three, or stand in for a second address.
   * A port of 0 is STUN's, 3478.
   */
  const natkit_address* servers;
  /** How many they are. */
  size_t server_count;
  /** Addresses of this host, 1 to 16; ports do not count. With a second one the
   * tests that need two hosts are run. */
  const natkit_address* local_addresses;
  /** How many they are. */
  size_t local_address_count;
  /** Bits of the questions that are asked, along with those whose answers they
   * need; see NATKIT_NAT_AXIS_BIT(). 0: natkit_nat_quick_axes(). */
  uint64_t axes;
  /** The router that packets to the servers leave by; it is asked for port
   * mapping services. Not set: not known. */
  natkit_address gateway;
  /** Not 0: this host drops packets that have one of its own addresses as their
   * source, as Linux does, and all `local_addresses` are of this host. */
  uint32_t drops_own_source;
  /** Not 0: the program can make TCP connections, which the axes TCP and
   * CAPTIVE_PORTAL need; else it is not asked to. */
  uint32_t tests_tcp;
  /** Not 0: somebody looked for NAT64 prefixes: `nat64_prefixes` are all that
   * there are. */
  uint32_t knows_nat64_prefixes;
  /** Prefixes that this host was told of, by the addresses of ipv4only.arpa
   * (RFC 7050) or by its router (RFC 8781): of 32, 40, 48, 56, 64 or 96 bits
   * (RFC 6052 section 2.2). */
  const natkit_prefix* nat64_prefixes;
  /** How many they are, at most 16. */
  size_t nat64_prefix_count;
  /** The server of a web page that is known to be empty (status 204), over
   * plain HTTP, to find captive portals. Not set: that is not tested. */
  natkit_address portal_server;
  /** Copies of a request until there is an answer, at most 100; 0: 7. */
  uint32_t attempts;
  /** For the Host header of that page, at most 255 bytes of printable ASCII. */
  const char* portal_host;
  /** The path of that page, which begins with a slash; at most 1023 bytes of
   * printable ASCII. */
  const char* portal_path;
  /** Lifetimes beyond it are reported as such. A second to a day; 0: 10
   * minutes. */
  uint64_t longest_lifetime_ns;
  /** No lifetime is looked at more closely once so much time has passed, or
   * twice `longest_lifetime_ns` and a little, whichever is longer. At most a
   * week; 0: 15 minutes. */
  uint64_t lifetime_budget_ns;
  /** Servers answer RESPONSE-PORT so rarely per source. At most an hour; 0: 2.1
   * seconds. */
  uint64_t response_port_interval_ns;
  /** Between two copies of a request. A millisecond to a minute; 0: 500 ms. */
  uint64_t interval_ns;
  /** Transactions per second and server, at most 1000; 0: 10, the most that RFC
   * 5780 section 4.2 wants. */
  uint32_t transactions_per_second;
  /** Sockets that may wait for the end of a lifetime at once, at most 4096; 0:
   * 64. */
  uint32_t max_waiting;
  /** Mappings opened to see whether the NAT behaves the same under load, at
   * most 4096; 0: 64. */
  uint32_t load_mappings;
  /** Zero. */
  uint32_t reserved;
  /** Where transaction IDs and ports come from, asked until the discovery is
   * freed; the structure is copied. NULL: the system. */
  const natkit_random* random;
} natkit_behavior_config;

/**
 * Makes a discovery. Errors: NATKIT_ERR_BAD_ARGUMENT (also for addresses of two
 * families), NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_UNSUPPORTED,
 * NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
 */
NATKIT_API int natkit_behavior_new(const natkit_behavior_config* config,
                                   natkit_behavior** out);

/** Frees a discovery; NULL is allowed. The program closes what sockets it has
 * open for it. */
NATKIT_API void natkit_behavior_free(natkit_behavior* behavior);

/* Actions. */

/** What the program is to do; natkit_behavior_action::type. */
typedef enum natkit_behavior_action_type {
  /** Open a UDP socket bound to `local` (port 0: any), and say so by
   * natkit_behavior_handle_socket_opened() or …_failed(). Numbers of sockets
   * are never used twice. */
  NATKIT_BEHAVIOR_OPEN_SOCKET = 1,
  /** Close a socket or connection, also one that is being made. */
  NATKIT_BEHAVIOR_CLOSE_SOCKET = 2,
  /** Send the bytes from `socket` to `to`, with `ttl` if that is not 0. A
   * datagram whose TTL cannot be set is better not sent. */
  NATKIT_BEHAVIOR_SEND_DATAGRAM = 3,
  /** Make a TCP connection from `local` (port 0: any; others are those of
   * connections that are up and have to be shared) to `to`, and say so once it
   * is up or has failed. */
  NATKIT_BEHAVIOR_OPEN_STREAM = 4,
  /** Send the bytes on the connection `socket`. */
  NATKIT_BEHAVIOR_SEND_ON_STREAM = 5
} natkit_behavior_action_type;

/** The bytes of an action are never more. */
#define NATKIT_BEHAVIOR_MAX_BYTES 4096

/** What the program is to do. */
typedef struct natkit_behavior_action {
  /** sizeof(natkit_behavior_action); see natkit_init(). */
  size_t struct_size;
  /** A natkit_behavior_action_type. Ones that the program does not know are to
   * be skipped. */
  uint32_t type;
  /** The socket's number. */
  uint32_t socket;
  /** With OPEN_SOCKET and OPEN_STREAM: where to bind. */
  natkit_address local;
  /** With SEND_DATAGRAM and OPEN_STREAM: the other side. */
  natkit_address to;
  /** With SEND_DATAGRAM: the TTL or hop limit; 0: the system's default. */
  uint32_t ttl;
  /** Zero. */
  uint32_t reserved;
  /** With SEND_DATAGRAM and SEND_ON_STREAM: how many bytes to send. */
  size_t size;
} natkit_behavior_action;

/**
 * Takes the next action; the bytes that it sends go to `buffer`, which has
 * `capacity` bytes: NATKIT_BEHAVIOR_MAX_BYTES are always enough.
 * @return 1, or 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_BUFFER_TOO_SMALL (the action stays the next).
 */
NATKIT_API int natkit_behavior_poll_action(natkit_behavior* behavior,
                                           natkit_behavior_action* out,
                                           void* buffer, size_t capacity);

/** When to call natkit_behavior_handle_timeout() next. A time that has come
 * means that there may be actions.
 * @return 1, or 0 if there is nothing to wait for */
NATKIT_API int natkit_behavior_next_timeout(const natkit_behavior* behavior,
                                            uint64_t* out_ns);

/* Inputs. */

/** Begins. Errors: NATKIT_ERR_INVALID_STATE (begun or aborted before). */
NATKIT_API int natkit_behavior_start(natkit_behavior* behavior,
                                     uint64_t now_ns);

/** A socket or connection that was wanted is there: `local` is the address and
 * port that it is bound to. Numbers that are not known are ignored. */
NATKIT_API int natkit_behavior_handle_socket_opened(
    natkit_behavior* behavior, uint64_t now_ns, uint32_t socket,
    const natkit_address* local);

/** A socket or connection that was wanted cannot be had; `code` is a negative
 * natkit_code that says why, such as NATKIT_ERR_ADDRESS_IN_USE. */
NATKIT_API int natkit_behavior_handle_socket_failed(natkit_behavior* behavior,
                                                    uint64_t now_ns,
                                                    uint32_t socket, int code);

/** A datagram arrived at a socket. */
NATKIT_API int natkit_behavior_handle_datagram(natkit_behavior* behavior,
                                               uint64_t now_ns, uint32_t socket,
                                               const natkit_address* from,
                                               const void* data, size_t size);

/** Bytes arrived on a connection. That one has ended needs no input. */
NATKIT_API int natkit_behavior_handle_stream_data(natkit_behavior* behavior,
                                                  uint64_t now_ns,
                                                  uint32_t socket,
                                                  const void* data,
                                                  size_t size);

/**
 * An ICMP or ICMPv6 error about a datagram of ours arrived, as Linux reports it
 * with IP_RECVERR: `reporter` says it, `to` is where the datagram was to go,
 * `type` and `code` are those of ICMP. Programs that cannot know may leave it
 * out; then the depth of NATs stays unknown.
 */
NATKIT_API int natkit_behavior_handle_icmp_error(natkit_behavior* behavior,
                                                 uint64_t now_ns,
                                                 uint32_t socket,
                                                 const natkit_address* reporter,
                                                 const natkit_address* to,
                                                 uint32_t type, uint32_t code);

/** Says what time it is; early, late and repeated calls are harmless. */
NATKIT_API int natkit_behavior_handle_timeout(natkit_behavior* behavior,
                                              uint64_t now_ns);

/** Ends now: what is under way becomes inconclusive. There may still be sockets
 * to close: poll the actions. */
NATKIT_API int natkit_behavior_abort(natkit_behavior* behavior,
                                     uint64_t now_ns);

/** @return 1 once all is known or it was aborted, else 0; or a negative code */
NATKIT_API int natkit_behavior_is_finished(const natkit_behavior* behavior);

/* Results. */

/** The size of natkit_nat_verdict::value. */
#define NATKIT_NAT_VALUE_SIZE 128
/** The size of natkit_nat_verdict::reason. */
#define NATKIT_NAT_REASON_SIZE 512

/** An answer to one question. */
typedef struct natkit_nat_verdict {
  /** sizeof(natkit_nat_verdict); see natkit_init(). */
  size_t struct_size;
  /** A natkit_nat_outcome. */
  uint32_t outcome;
  /** How many probes it rests on, at most 256; natkit_behavior_get_evidence().
   */
  uint32_t evidence_count;
  /** With NATKIT_NAT_DETERMINED: a word of the axis' vocabulary or a quantity
   * (docs/nat-behavior.md). With NATKIT_NAT_INCONCLUSIVE: what is likely, if
   * anything. Cut to what fits. */
  char value[NATKIT_NAT_VALUE_SIZE];
  /** Why; for people. Cut to what fits. */
  char reason[NATKIT_NAT_REASON_SIZE];
} natkit_nat_verdict;

/** The answer to the question `axis`, a natkit_nat_axis. Errors:
 * NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE. */
NATKIT_API int natkit_behavior_get_verdict(const natkit_behavior* behavior,
                                           uint32_t axis,
                                           natkit_nat_verdict* out);

/** One request and what came of it. */
typedef struct natkit_nat_probe {
  /** sizeof(natkit_nat_probe); see natkit_init(). */
  size_t struct_size;
  /** When the first copy was sent, since the start. */
  uint64_t at_ns;
  /** The local address and port that it was sent from. */
  natkit_address local;
  /** Where it was sent to. */
  natkit_address to;
  /** If answered: the local address and port where the answer arrived. */
  natkit_address arrived_at;
  /** If answered: where the answer came from. */
  natkit_address answered_from;
  /** Where the answer says the request came from, if it does. */
  natkit_address mapped;
  /** Copies that were sent. */
  uint32_t sent;
  /** 1 if there was an answer, else 0. */
  uint32_t is_answered;
  /** Zero. */
  uint32_t reserved;
  /** What was asked, such as "binding change=ip+port". Cut to what fits. */
  char asked[NATKIT_NAT_VALUE_SIZE];
  /** What else is to be said, such as "silent for 45 s". Cut to what fits. */
  char note[NATKIT_NAT_VALUE_SIZE];
} natkit_nat_probe;

/** The probe `index`, from 0, that the answer to `axis` rests on. Errors:
 * NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_NOT_FOUND. */
NATKIT_API int natkit_behavior_get_evidence(const natkit_behavior* behavior,
                                            uint32_t axis, size_t index,
                                            natkit_nat_probe* out);

/** What happens to addresses between the host and the Internet. */
typedef enum natkit_nat_translation {
  /** Not known. */
  NATKIT_NAT_TRANSLATION_UNKNOWN = 0,
  /** None: the host's own address is seen outside. */
  NATKIT_NAT_TRANSLATION_NONE = 1,
  /** Address and port change (RFC 3022 section 2.2). */
  NATKIT_NAT_TRANSLATION_NAPT = 2,
  /** The address changes, the port never: NPTv6 (RFC 6296), or a NAT with one
   * external address per host. */
  NATKIT_NAT_TRANSLATION_PREFIX = 3,
  /** IPv6 inside, IPv4 outside (RFC 6146). */
  NATKIT_NAT_TRANSLATION_NAT64 = 4
} natkit_nat_translation;

/** What a mapping or a filter depends on (RFC 4787 sections 4.1 and 5). */
typedef enum natkit_nat_dependence {
  /** Not known. */
  NATKIT_NAT_DEPENDENCE_UNKNOWN = 0,
  /** Nothing: the most helpful for others who want to reach the host. */
  NATKIT_NAT_ENDPOINT_INDEPENDENT = 1,
  /** The remote address. */
  NATKIT_NAT_ADDRESS_DEPENDENT = 2,
  /** The remote address and port. */
  NATKIT_NAT_ADDRESS_AND_PORT_DEPENDENT = 3
} natkit_nat_dependence;

/** Whether mappings of one host share an external address. */
typedef enum natkit_nat_pooling {
  /** Not known. */
  NATKIT_NAT_POOLING_UNKNOWN = 0,
  /** There is one external address. */
  NATKIT_NAT_POOLING_SINGLE = 1,
  /** Several, but each host keeps its own. */
  NATKIT_NAT_POOLING_PAIRED = 2,
  /** Each mapping may get another one. */
  NATKIT_NAT_POOLING_ARBITRARY = 3
} natkit_nat_pooling;

/** Whether hosts behind the NAT reach each other by external addresses, and
 * whose address the receiver sees. */
typedef enum natkit_nat_hairpinning {
  /** Not known. */
  NATKIT_NAT_HAIRPINNING_UNKNOWN = 0,
  /** They do not. */
  NATKIT_NAT_HAIRPINNING_NONE = 1,
  /** They do, and see internal addresses. */
  NATKIT_NAT_HAIRPINNING_INTERNAL_SOURCE = 2,
  /** They do, and see external addresses. */
  NATKIT_NAT_HAIRPINNING_EXTERNAL_SOURCE = 3
} natkit_nat_hairpinning;

/** How external ports are chosen. */
typedef enum natkit_nat_allocation {
  /** Not known. */
  NATKIT_NAT_ALLOCATION_UNKNOWN = 0,
  /** The inside port whenever it is free. */
  NATKIT_NAT_ALLOCATION_PRESERVED = 1,
  /** The last one plus natkit_nat_traits::allocation_step. */
  NATKIT_NAT_ALLOCATION_SEQUENTIAL = 2,
  /** Inside one block of ports. */
  NATKIT_NAT_ALLOCATION_BLOCK = 3,
  /** No pattern. */
  NATKIT_NAT_ALLOCATION_RANDOM = 4
} natkit_nat_allocation;

/** A yes or no that may not be known. */
typedef enum natkit_nat_answer {
  /** Not known. */
  NATKIT_NAT_UNKNOWN = 0,
  /** No. */
  NATKIT_NAT_NO = 1,
  /** Yes. */
  NATKIT_NAT_YES = 2
} natkit_nat_answer;

/** What is certain of a NAT, for programs; 0 is always "not known". */
typedef struct natkit_nat_traits {
  /** sizeof(natkit_nat_traits); see natkit_init(). */
  size_t struct_size;
  /** 1: nothing comes back over UDP at all; the rest is then not known. */
  uint32_t is_udp_blocked;
  /** A natkit_nat_translation. */
  uint32_t translation;
  /** A natkit_nat_dependence. */
  uint32_t mapping;
  /** A natkit_nat_dependence. */
  uint32_t filtering;
  /** A natkit_nat_pooling. */
  uint32_t pooling;
  /** A natkit_nat_hairpinning. */
  uint32_t hairpinning;
  /** A natkit_nat_allocation. */
  uint32_t allocation;
  /** With NATKIT_NAT_ALLOCATION_SEQUENTIAL: the step, not 0. */
  int32_t allocation_step;
  /** If `allocation` is known: the first port that new ones come from. */
  uint32_t allocation_first_port;
  /** The last one. */
  uint32_t allocation_last_port;
  /** A natkit_nat_answer, as all up to `rewrites_payload`. Two inside hosts may
   * share one external endpoint (against RFC 4787 REQ-3). */
  uint32_t overloads_ports;
  /** A packet that comes in too early makes the NAT move the mapping. */
  uint32_t poisonable;
  /** Packets from inside prolong a mapping. */
  uint32_t refreshed_by_outbound;
  /** Packets from outside prolong a mapping. */
  uint32_t refreshed_by_inbound;
  /** Another NAT stands beyond the nearest one, probably a carrier's. */
  uint32_t behind_carrier;
  /** Even ports become even ones, odd ones odd. */
  uint32_t keeps_parity;
  /** Neighbouring ports become neighbouring ones. */
  uint32_t keeps_contiguity;
  /** The NAT behaves the same under load. */
  uint32_t deterministic;
  /** Addresses in payloads are rewritten. */
  uint32_t rewrites_payload;
  /** Mappings that one host may have at once. */
  uint32_t mapping_quota;
  /** How long a mapping lives that was never answered, or once. */
  uint64_t unreplied_lifetime_ns;
  /** How long a mapping lives that carries a conversation. */
  uint64_t assured_lifetime_ns;
} natkit_nat_traits;

/** What is certain. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE. */
NATKIT_API int natkit_behavior_get_traits(const natkit_behavior* behavior,
                                          natkit_nat_traits* out);

/** The size of natkit_nat_report::classic_name. */
#define NATKIT_NAT_NAME_SIZE 32

/** What else is known. */
typedef struct natkit_nat_report {
  /** sizeof(natkit_nat_report); see natkit_init(). */
  size_t struct_size;
  /** The server that was used; not set if none answered. */
  natkit_address server;
  /** Its other address and port; not set if it has none. */
  natkit_address other_server;
  /** The external address of the gateway, as it says. */
  natkit_address router_external;
  /** The prefix of the NAT64 that is in use. */
  natkit_address nat64_prefix;
  /** Its length in bits; 0 if there is none. */
  uint32_t nat64_prefix_length;
  /** Zero. */
  uint32_t reserved;
  /** Datagrams sent. */
  uint64_t datagrams_sent;
  /** Datagrams received. */
  uint64_t datagrams_received;
  /** From the start to the last input. */
  uint64_t took_ns;
  /** The name that RFC 3489 section 5 gives mapping and filtering, such as
   * "port restricted cone"; empty if they are not known. For display only: it
   * hides what matters. */
  char classic_name[NATKIT_NAT_NAME_SIZE];
  /** The server's software, as it says. Cut to what fits; bytes that are no
   * text, and control characters, are written as \xNN. */
  char server_software[NATKIT_NAT_VALUE_SIZE];
} natkit_nat_report;

/** What else is known. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
 */
NATKIT_API int natkit_behavior_get_report(const natkit_behavior* behavior,
                                          natkit_nat_report* out);

/**
 * External addresses of this host, in the order that they were seen; ports are
 * 0. The first `capacity` are written to `out`, which may be NULL if `capacity`
 * is 0.
 * @return how many there are, which may be more than `capacity`
 */
NATKIT_API int natkit_behavior_get_external_addresses(
    const natkit_behavior* behavior, natkit_address* out, size_t capacity);

/** Routers seen on the way to the server, the nearest first; ports are 0. As
 * natkit_behavior_get_external_addresses(). */
NATKIT_API int natkit_behavior_get_hops(const natkit_behavior* behavior,
                                        natkit_address* out, size_t capacity);

/** A lifetime that was bracketed. Will not grow. */
typedef struct natkit_nat_lifetime {
  /** A mapping survived so much silence. */
  uint64_t alive_ns;
  /** It was gone after so much; 0: it lives longer than was tested. */
  uint64_t dead_ns;
} natkit_nat_lifetime;

/**
 * What is known of the lifetime that `axis` asks for.
 * @return 1, or 0 if nothing is known
 * Errors: NATKIT_ERR_BAD_ARGUMENT (no such axis).
 */
NATKIT_API int natkit_behavior_get_lifetime(const natkit_behavior* behavior,
                                            uint32_t axis,
                                            natkit_nat_lifetime* out);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_BEHAVIOR_H_ */
