/**
 * @file
 * ICE (RFC 8445): finds the path for data between two hosts behind NATs, and
 * keeps it. Cores only: the program sends and receives the datagrams. Programs
 * that want a connection instead, sockets and relays included, take the
 * natkit_agent of natkit/agent.h, which has a natkit_ice_agent's work done by
 * itself.
 *
 * The life of an agent: add the addresses of the program's UDP sockets, pass
 * what natkit_ice_agent_get_local_credentials() and the candidate events say to
 * the other side by any channel, and its answers to the agent; then datagrams
 * and time. After each call that takes the time, in this order: send all that
 * natkit_ice_agent_poll_transmit() gives, take all that
 * natkit_ice_agent_poll_event() gives, and set a timer for
 * natkit_ice_agent_next_timeout().
 *
 * Data itself does not pass through the agent: send it from
 * natkit_ice_pair::local_base to natkit_ice_pair::remote, and treat datagrams
 * that natkit_ice_agent_handle_datagram() does not take as data.
 *
 * Candidates and their text are in natkit/ice_candidate.h, many agents on one
 * socket in natkit/ice_mux.h, which this header includes.
 */
#ifndef NATKIT_ICE_H_
#define NATKIT_ICE_H_

#include "natkit/common.h"
#include "natkit/ice_candidate.h"
#include "natkit/ice_mux.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The agent. */

/** Which side of a session an agent is (RFC 8445 section 6.1.1). */
typedef enum natkit_ice_role {
  /** It chooses the pair; the side that makes the offer. */
  NATKIT_ICE_CONTROLLING = 0,
  /** It follows. */
  NATKIT_ICE_CONTROLLED = 1
} natkit_ice_role;

/** An ICE agent for one peer; see natkit_ice_agent_new(). Not to be confused
 * with natkit_agent (natkit/agent.h), which is a whole connection. */
typedef struct natkit_ice_agent natkit_ice_agent;

/** What natkit_ice_agent_config's zeros stand for. */
typedef enum natkit_ice_profile {
  /** The values of the RFCs: for peers of any make. */
  NATKIT_ICE_RFC = 0,
  /**
   * For links that have a relay meanwhile, between two agents of this library:
   * all pairs are tried at once, about 10 s long; data moves to a better or a
   * clearly faster pair at any time; a dead path is suspect after 1.8 s and
   * dropped after 3 s. Works with others too, if they accept pairs to be
   * nominated more than once.
   */
  NATKIT_ICE_MESH = 1
} natkit_ice_profile;

/** When the controlling side nominates a pair. */
typedef enum natkit_ice_nomination {
  /** As the profile says. */
  NATKIT_ICE_NOMINATION_DEFAULT = 0,
  /** Once per session (RFC 8445 section 8.1.1); the RFC profile's. */
  NATKIT_ICE_NOMINATION_REGULAR = 1,
  /** At once, and again whenever a better pair is valid; the mesh profile's. */
  NATKIT_ICE_NOMINATION_CONTINUOUS = 2
} natkit_ice_nomination;

/** In those durations of natkit_ice_agent_config that say so: never. */
#define NATKIT_ICE_NEVER UINT64_MAX

/** The longest duration in a natkit_ice_agent_config: a day, in nanoseconds. */
#define NATKIT_ICE_LONGEST (UINT64_C(86400) * NATKIT_SECOND)

/** How often a STUN request is sent, and when it is given up. Zeros are the
 * profile's values. Will not grow. */
typedef struct natkit_ice_schedule {
  /** The first interval; each is twice the one before. At least 20 ms. */
  uint64_t initial_rto_ns;
  /** The longest interval. */
  uint64_t max_interval_ns;
  /** The longest interval between the first `burst_sends`. */
  uint64_t burst_interval_ns;
  /** How long the answer is awaited after the last send. */
  uint64_t final_wait_ns;
  /** How many of the first sends `burst_interval_ns` holds for, to 255. */
  uint32_t burst_sends;
  /** How often it is sent in all, to 255. */
  uint32_t max_sends;
} natkit_ice_schedule;

/** What is known of our NAT, for how often a pair at rest is kept alive. */
typedef struct natkit_ice_keepalive {
  /** sizeof(natkit_ice_keepalive); see natkit_init(). */
  size_t struct_size;
  /** A natkit_power. */
  uint32_t power;
  /** Zero. */
  uint32_t reserved;
  /** How long the NAT remembers a mapping that was answered at most once; 0:
   * not known. At most NATKIT_ICE_LONGEST, as the next. */
  uint64_t unreplied_lifetime_ns;
  /** How long it remembers one that carries a conversation; 0: not known. */
  uint64_t assured_lifetime_ns;
} natkit_ice_keepalive;

/** How an agent works. Zeros are the profile's values. */
typedef struct natkit_ice_agent_config {
  /** sizeof(natkit_ice_agent_config); see natkit_init(). */
  size_t struct_size;
  /** Random source; NULL: the system's. What it refers to must live as long as
   * the agent. */
  const natkit_random* random;
  /** STUN servers that are asked for our addresses outside of NATs, from each
   * base of the same family; a port of 0 is STUN's, 3478. NULL if there are
   * none. */
  const natkit_address* stun_servers;
  /** How many there are, to 64. */
  size_t stun_server_count;
  /** A natkit_ice_role. */
  uint32_t role;
  /** A natkit_ice_profile. */
  uint32_t profile;
  /** A natkit_ice_nomination. */
  uint32_t nomination;
  /** Of the controlled side: the IP time to live of a pair's first checks to an
   * address outside of a NAT, for `opener_time_ns`. They open our NAT without
   * reaching the other's. RFC: none. Mesh: 5. 255: as good as none. */
  uint32_t opener_ttl;
  /** See `opener_ttl`. 150 ms. */
  uint64_t opener_time_ns;
  /** Ta, the least time between two new transactions (RFC 8445 section 14.2).
   * RFC: 50 ms. Mesh: 20 ms. At least 5 ms. */
  uint64_t pacing_ns;
  /** Of connectivity checks. */
  natkit_ice_schedule check_schedule;
  /** Of requests to STUN servers. */
  natkit_ice_schedule gather_schedule;
  /** The longest that regular nomination waits for a better pair. 500 ms. */
  uint64_t nomination_wait_ns;
  /** Mean time between consent checks of the selected pair (RFC 7675 section
   * 5.1). RFC: 5 s. Mesh: 1 s. At least 100 ms. */
  uint64_t consent_interval_ns;
  /** Without an answer for this long the selected pair is given up. RFC: 30 s.
   * Mesh: 3 s. */
  uint64_t consent_expiry_ns;
  /** Without an answer for this long it is suspect: an event says so, and all
   * other pairs are checked again. RFC: 12 s. Mesh: 1.8 s. */
  uint64_t suspect_after_ns;
  /** After a check that is not answered for this long the next one is sent at
   * once. RFC: 5 s. Mesh: 250 ms. */
  uint64_t unanswered_interval_ns;
  /** After this long without data (natkit_ice_agent_note_data()) the selected
   * pair rests: no more checks than its NATs need. NATKIT_ICE_NEVER and 0:
   * never. */
  uint64_t rest_after_ns;
  /** Failure is not reported before this long after the first check (RFC 8863).
   * RFC: 39.5 s. Mesh: 12 s. */
  uint64_t patience_ns;
  /** Failed pairs that are better than the selected one, or all if there is
   * none, are checked again after this long. RFC: never. Mesh: 30 s.
   * NATKIT_ICE_NEVER is allowed. */
  uint64_t recheck_interval_ns;
  /** Continuous nomination: working pairs without data are measured this often,
   * and data moves to one that is faster by 20 ms and 30 %. RFC: never. Mesh:
   * 10 s. NATKIT_ICE_NEVER is allowed. */
  uint64_t reprobe_interval_ns;
  /** A pair stays selected for this long before a faster one is looked for.
   * 5 s. */
  uint64_t rtt_dwell_ns;
  /** How long checks of the session before a restart are still answered once
   * the new one has a pair. 3 s. */
  uint64_t old_session_linger_ns;
  /** Bounds of memory, each to 10,000: pairs (100), */
  uint32_t max_pairs;
  /** local candidates (32), */
  uint32_t max_local_candidates;
  /** candidates of the other side (64), */
  uint32_t max_remote_candidates;
  /** and checks that come before the other side's credentials (16). */
  uint32_t max_early_checks;
  /** Not 0: first intervals of checks do not grow with the number of pairs (RFC
   * 8445 section 14.3); so in the mesh profile. */
  uint32_t no_rto_scaling;
  /** Not 0: no pair waits for another of its foundation (RFC 8445 section
   * 6.1.2.6); so in the mesh profile. */
  uint32_t no_freezing;
} natkit_ice_agent_config;

/**
 * Makes an agent; free it by natkit_ice_agent_free().
 * Errors: NATKIT_ERR_BAD_ARGUMENT (NULL, an enumeration or number out of its
 * range, a duration over NATKIT_ICE_LONGEST), NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
 */
NATKIT_API int natkit_ice_agent_new(const natkit_ice_agent_config* config,
                                    natkit_ice_agent** out);

/** Frees an agent; NULL has no effect. */
NATKIT_API void natkit_ice_agent_free(natkit_ice_agent* agent);

/* What the two sides tell each other. */

/** Room for a user name fragment or a password with its zero byte. */
#define NATKIT_ICE_CREDENTIAL_SIZE 257

/** What the other side needs for its checks. Will not grow. */
typedef struct natkit_ice_credentials {
  /** User name fragment, 4 to 256 letters, digits, '+' and '/'. */
  char ufrag[NATKIT_ICE_CREDENTIAL_SIZE];
  /** Password, 22 to 256 of the same. Wipe it (natkit_wipe()) after use. */
  char password[NATKIT_ICE_CREDENTIAL_SIZE];
} natkit_ice_credentials;

/**
 * Our credentials of the current session; others after a restart.
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_ice_agent_get_local_credentials(
    const natkit_ice_agent* agent, natkit_ice_credentials* out);

/**
 * Takes the other side's credentials. The same again has no effect, as have
 * those from before a restart. Others: the other side has restarted, and this
 * agent restarts too unless natkit_ice_agent_restart() came first.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_CREDENTIALS.
 */
NATKIT_API int natkit_ice_agent_set_remote_credentials(natkit_ice_agent* agent,
                                                       uint64_t now_ns,
                                                       const char* ufrag,
                                                       const char* password);

/**
 * Adds the address of a socket of the program's: it becomes a host candidate,
 * and STUN servers are asked from it. Earlier ones are preferred. For a socket
 * that is bound to 0.0.0.0 or :: add an address of the host with the socket's
 * port; there may be several.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_ALREADY_EXISTS,
 * NATKIT_ERR_LIMIT_EXCEEDED, NATKIT_ERR_BAD_CANDIDATE (no address of a host, or
 * port 0).
 */
NATKIT_API int natkit_ice_agent_add_host_base(natkit_ice_agent* agent,
                                              uint64_t now_ns,
                                              const natkit_address* base);

/**
 * Forgets a base with its candidates and pairs; no effect for others. If it
 * carried data, the next best pair takes over, or an event says that none does.
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_ice_agent_remove_host_base(natkit_ice_agent* agent,
                                                 uint64_t now_ns,
                                                 const natkit_address* base);

/**
 * Adds an address outside of a NAT that the program learnt by itself, such as a
 * mapping that a router granted. `base` is the socket's that it leads to; its
 * last four are kept.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND (no such base),
 * NATKIT_ERR_ALREADY_EXISTS, NATKIT_ERR_LIMIT_EXCEEDED,
 * NATKIT_ERR_BAD_CANDIDATE.
 */
NATKIT_API int natkit_ice_agent_add_reflexive(natkit_ice_agent* agent,
                                              uint64_t now_ns,
                                              const natkit_address* mapped,
                                              const natkit_address* base);

/**
 * Says that no more addresses will be added; once the STUN servers are done
 * too, there is a NATKIT_ICE_EVENT_GATHERING_DONE.
 */
NATKIT_API int natkit_ice_agent_set_local_end_of_candidates(
    natkit_ice_agent* agent, uint64_t now_ns);

/**
 * Takes a candidate of the other side; known ones have no effect.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_CANDIDATE,
 * NATKIT_ERR_LIMIT_EXCEEDED.
 */
NATKIT_API int natkit_ice_agent_add_remote_candidate(
    natkit_ice_agent* agent, uint64_t now_ns,
    const natkit_ice_candidate* candidate);

/**
 * Takes a candidate of the other side as its line in SDP says it.
 * Errors: those of natkit_ice_candidate_parse() and
 * natkit_ice_agent_add_remote_candidate().
 */
NATKIT_API int natkit_ice_agent_add_remote_candidate_line(
    natkit_ice_agent* agent, uint64_t now_ns, const char* line);

/**
 * Has an address of the other side that was guessed or measured, and not
 * signalled, checked before all others.
 * Errors: as natkit_ice_agent_add_remote_candidate().
 */
NATKIT_API int natkit_ice_agent_add_remote_hint(natkit_ice_agent* agent,
                                                uint64_t now_ns,
                                                const natkit_address* remote);

/** Says that the other side has no more candidates: all pairs can fail. */
NATKIT_API int natkit_ice_agent_set_remote_end_of_candidates(
    natkit_ice_agent* agent, uint64_t now_ns);

/**
 * Starts a new session (RFC 8445 section 9): new credentials, and all local
 * candidates come as events again. Data keeps its pair until the new session
 * has one.
 */
NATKIT_API int natkit_ice_agent_restart(natkit_ice_agent* agent,
                                        uint64_t now_ns);

/* Datagrams and time. */

/**
 * Takes a datagram that arrived at the socket of `local_base` from `from`. If
 * the socket has several bases, `local_base` is the one that it was sent to
 * (IP_PKTINFO tells); checks to an address that is no base are answered, but
 * lead to no pair.
 * @return 1 if it was the agent's; 0, without any effect, if it was not
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_ice_agent_handle_datagram(
    natkit_ice_agent* agent, uint64_t now_ns, const natkit_address* local_base,
    const natkit_address* from, const void* data, size_t size);

/** Does what is due; no harm if it is called early or late. */
NATKIT_API int natkit_ice_agent_handle_timeout(natkit_ice_agent* agent,
                                               uint64_t now_ns);

/** A buffer of this size has room for every datagram of an agent. */
#define NATKIT_ICE_DATAGRAM_SIZE 768

/** How to send a datagram of an agent. */
typedef struct natkit_ice_transmit {
  /** sizeof(natkit_ice_transmit); see natkit_init(). */
  size_t struct_size;
  /** The base whose socket sends it. */
  natkit_address from_base;
  /** Where to. */
  natkit_address to;
  /** The IP time to live or hop limit to send it with; 0: the system's. Where
   * it cannot be set the datagram is better not sent. */
  uint32_t ttl;
  /** Zero. */
  uint32_t reserved;
} natkit_ice_transmit;

/**
 * The next datagram to send: its bytes to `buffer` of `capacity` bytes, the
 * rest to `out`.
 * @return its length, or 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_BUFFER_TOO_SMALL (it stays the next; NATKIT_ICE_DATAGRAM_SIZE is
 * always enough).
 */
NATKIT_API int natkit_ice_agent_poll_transmit(natkit_ice_agent* agent,
                                              natkit_ice_transmit* out,
                                              void* buffer, size_t capacity);

/**
 * When to call natkit_ice_agent_handle_timeout() next. A time that has come
 * means that there is something to poll.
 * @return 1 with `*out_ns`, or 0 if there is nothing to wait for
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_ice_agent_next_timeout(const natkit_ice_agent* agent,
                                             uint64_t* out_ns);

/* What the agent says. */

/** Where a session stands. */
typedef enum natkit_ice_state {
  /** No pair can be formed yet. */
  NATKIT_ICE_STATE_NEW = 0,
  /** Pairs are being checked. */
  NATKIT_ICE_STATE_CHECKING = 1,
  /** A pair is selected. */
  NATKIT_ICE_STATE_CONNECTED = 2,
  /** The selected pair no longer answered; checks go on. */
  NATKIT_ICE_STATE_DISCONNECTED = 3,
  /** Every pair failed, and no more will come. A restart may help. */
  NATKIT_ICE_STATE_FAILED = 4
} natkit_ice_state;

/** Two addresses between which data can pass. Will not grow. */
typedef struct natkit_ice_pair {
  /** Send from the socket of this base. */
  natkit_address local_base;
  /** Send to here. */
  natkit_address remote;
  /** Our address as the other side sees it; not set in
   * natkit_ice_agent_get_paths(). */
  natkit_address local_mapped;
  /** How `remote` was learnt: a natkit_ice_candidate_type. */
  uint32_t remote_type;
  /** RFC 8445 section 6.1.2.3. */
  uint64_t priority;
  /** Smoothed round-trip time of its checks; 0 until one was measured. */
  uint64_t rtt_ns;
  /** Mean deviation of that; 0 outside of natkit_ice_agent_get_paths(), as the
   * next. */
  uint64_t rtt_variation_ns;
  /** How many round trips were measured. */
  uint32_t rtt_samples;
  /** 1 if it carries data, else 0. */
  uint32_t is_selected;
} natkit_ice_pair;

/** natkit_ice_event::type. Programs skip those they do not know. */
typedef enum natkit_ice_event_type {
  /** A local candidate to tell the other side: `candidate`. */
  NATKIT_ICE_EVENT_CANDIDATE = 1,
  /** No more local candidates will come: tell the other side. */
  NATKIT_ICE_EVENT_GATHERING_DONE = 2,
  /** `state` is another one. */
  NATKIT_ICE_EVENT_STATE = 3,
  /** Data goes over another pair: `pair` if `has_pair`, else over none. */
  NATKIT_ICE_EVENT_SELECTED = 4,
  /** The selected pair has become silent (`is_suspect` 1), or answers again
   * (0). Data may keep using it until another is selected. */
  NATKIT_ICE_EVENT_SUSPECT = 5,
  /** Both sides had the same role, and ours was changed: `role`. */
  NATKIT_ICE_EVENT_ROLE = 6,
  /** The other side restarted, so this one did: tell it the new credentials.
   * Candidates follow. */
  NATKIT_ICE_EVENT_RESTARTED = 7
} natkit_ice_event_type;

/** What has happened. Fields that `type` does not name are zero. */
typedef struct natkit_ice_event {
  /** sizeof(natkit_ice_event); see natkit_init(). */
  size_t struct_size;
  /** A natkit_ice_event_type. */
  uint32_t type;
  /** A natkit_ice_state. */
  uint32_t state;
  /** A natkit_ice_role. */
  uint32_t role;
  /** 1 or 0. */
  uint32_t is_suspect;
  /** 1 if `pair` is set, else 0. */
  uint32_t has_pair;
  /** Zero. */
  uint32_t reserved;
  /** The pair for data. */
  natkit_ice_pair pair;
  /** A local candidate; see natkit_ice_candidate_format(). */
  natkit_ice_candidate candidate;
} natkit_ice_event;

/**
 * The next event.
 * @return 1 with `*out`, or 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
 */
NATKIT_API int natkit_ice_agent_poll_event(natkit_ice_agent* agent,
                                           natkit_ice_event* out);

/**
 * Says that data passes over the selected pair, in either direction; cheap
 * enough for each packet. Only needed with natkit_ice_agent_config's
 * `rest_after_ns`: a pair that rests is woken and checked.
 */
NATKIT_API int natkit_ice_agent_note_data(natkit_ice_agent* agent,
                                          uint64_t now_ns);

/**
 * Says how much a packet costs, and what is known of our NAT; what the agent
 * has learnt by itself stays.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED.
 */
NATKIT_API int natkit_ice_agent_set_keepalive(
    natkit_ice_agent* agent, uint64_t now_ns,
    const natkit_ice_keepalive* keepalive);

/**
 * The pair for data.
 * @return 1 with `*out`, or 0 if there is none
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_ice_agent_get_selected(const natkit_ice_agent* agent,
                                             natkit_ice_pair* out);

/**
 * All pairs that work, the highest priority first, as far as `out` has room for
 * `capacity` of them. `out` may be NULL if that is 0.
 * @return how many there are, which may be more
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_ice_agent_get_paths(const natkit_ice_agent* agent,
                                          natkit_ice_pair* out,
                                          size_t capacity);

/**
 * All current local candidates, the highest priority first, as far as `out` has
 * room for `capacity` of them. `out` may be NULL if that is 0.
 * @return how many there are, which may be more
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_ice_agent_get_local_candidates(
    const natkit_ice_agent* agent, natkit_ice_candidate* out, size_t capacity);

/** @return the current natkit_ice_state */
NATKIT_API int natkit_ice_agent_get_state(const natkit_ice_agent* agent);

/** @return the current natkit_ice_role; a conflict changes it */
NATKIT_API int natkit_ice_agent_get_role(const natkit_ice_agent* agent);

/** @return 1 if the selected pair does not answer, else 0 */
NATKIT_API int natkit_ice_agent_is_suspect(const natkit_ice_agent* agent);

/** @return 1 if the selected pair carries no data and is only kept alive, else
 * 0 */
NATKIT_API int natkit_ice_agent_is_resting(const natkit_ice_agent* agent);

/** What an agent has seen; numbers only grow. */
typedef struct natkit_ice_counters {
  /** sizeof(natkit_ice_counters); see natkit_init(). */
  size_t struct_size;
  /** Checks, each counted once. */
  uint64_t checks_sent;
  /** Checks sent again. */
  uint64_t retransmits;
  /** Consent checks of selected pairs. */
  uint64_t consent_checks_sent;
  /** Checks of working pairs without data. */
  uint64_t probes_sent;
  /** Checks of selected pairs at rest. */
  uint64_t keepalives_sent;
  /** How often a pair began to rest. */
  uint64_t rests;
  /** Checks of the other side that were answered. */
  uint64_t requests_answered;
  /** Answers to our checks. */
  uint64_t responses_accepted;
  /** Checks of a side that had our role. */
  uint64_t role_conflicts;
  /** Dropped: for this agent, but no ICE check. */
  uint64_t dropped_malformed;
  /** Dropped: integrity is missing or wrong. */
  uint64_t dropped_unauthenticated;
  /** Dropped: a copy of a check from another source. */
  uint64_t dropped_replayed;
  /** Dropped: an answer from elsewhere than was asked. */
  uint64_t dropped_asymmetric;
  /** Dropped: a bound of natkit_ice_agent_config was reached. */
  uint64_t dropped_over_limit;
} natkit_ice_counters;

/**
 * What the agent has seen so far.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
 */
NATKIT_API int natkit_ice_agent_get_counters(const natkit_ice_agent* agent,
                                             natkit_ice_counters* out);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_ICE_H_ */
